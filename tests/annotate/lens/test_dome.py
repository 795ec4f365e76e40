"""Glass: vignette in closed form, dirt within its limits, drops as functions of time."""

import numpy as np
import pytest

from rareworld.annotate.lens.config import DirtConfig, DropsConfig, VignetteConfig
from rareworld.annotate.lens.dome import Rain, dirt, draw_drops, vignette
from rareworld.annotate.lens.glow import FIRST, small_light
from rareworld.annotate.render.bands import Bands
from rareworld.core.seed import Seed


def test_vignette_is_the_fourth_power_of_the_cosine():
    x, y = np.meshgrid(np.linspace(-0.8, 0.8, 9), np.linspace(-0.5, 0.5, 7))
    rays = np.stack([x, y], axis=2).astype(np.float32)
    cosine = 1 / np.sqrt(1 + x**2 + y**2)
    np.testing.assert_allclose(vignette(VignetteConfig(strength=1), rays), cosine**4, rtol=1e-6)
    half = vignette(VignetteConfig(strength=0.5), rays)
    np.testing.assert_allclose(half, 0.5 + 0.5 * cosine**4, rtol=1e-6)


def test_dirt_takes_some_light_in_soft_spots_and_is_the_cameras_own():
    config = DirtConfig(strength=0.4, count=25)
    lost = dirt(config, Seed(1), 270, 480)
    assert 0 <= lost.min() < 0.01
    assert 0.05 < lost.max() < 0.8
    # soft: no step between neighbours
    assert np.abs(np.diff(lost, axis=1)).max() < 0.15
    np.testing.assert_array_equal(lost, dirt(config, Seed(1), 270, 480))
    assert (lost != dirt(config, Seed(2), 270, 480)).any()


def _rain(seed=4, **more):
    return Rain(DropsConfig(count=60, **more), Seed(seed), 1080, 1920)


def test_drops_are_a_function_of_time_alone():
    forth, back = _rain(), _rain()
    times = [0.0, 0.4, 7.7, 31.0]
    seen = [forth.at(t) for t in times]
    for t, drops in reversed(list(zip(times, seen, strict=True))):
        np.testing.assert_array_equal(back.at(t), drops)


def test_drops_stay_then_run_down():
    rain = _rain(stay_s=4.0)
    frames = np.array([rain.at(k / 30) for k in range(300)])
    step = np.diff(frames[:, :, :2], axis=0)
    resting = (np.abs(step) < 1e-9).all(axis=2)
    assert 0.6 < resting.mean() < 0.9
    landed = np.abs(step[..., 0]) > 1e-9
    falling = ~resting & ~landed
    assert (step[..., 1][falling] > 0).all()
    assert falling.sum() > 300


def test_median_radius_follows_the_image():
    small = Rain(DropsConfig(count=400, radius_px=20), Seed(1), 540, 960).at(0.0)
    resting = np.sqrt(small[:, 2] * small[:, 3])
    assert np.median(resting) == pytest.approx(10, rel=0.2)


def test_a_drop_shows_the_scene_upside_down():
    light = np.zeros((200, 200, 3), np.float32)
    light[:100] = 1.0
    bands = Bands(1)
    small = small_light(light, 0.0, bands)
    bands.close()
    drawn = light.copy()
    draw_drops(np.array([[100.0, 100.0, 20.0, 20.0]]), small, FIRST, drawn)
    assert drawn[92:96, 100].max() < 0.4
    assert drawn[106:110, 100].min() > 0.4
    outside = np.hypot(*(np.indices((200, 200)) + 0.5 - 100)) > 20.5
    np.testing.assert_array_equal(drawn[outside], light[outside])


def test_drops_beyond_the_border_are_cut():
    light = np.ones((40, 40, 3), np.float32)
    drops = np.array([[-3.0, 39.0, 9.0, 9.0], [500.0, 5.0, 4.0, 4.0]])
    draw_drops(drops, light[::4, ::4].copy(), FIRST, light)
    assert np.isfinite(light).all()
