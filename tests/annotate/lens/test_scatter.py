"""Pyramids of scattered light, and the developer's neutral setting, against plain numpy."""

from datetime import datetime

import numpy as np
import pytest

from rareworld.annotate.lens.config import (
    DistortionConfig,
    LensConfig,
    SensorConfig,
    SwayConfig,
    VignetteConfig,
)
from rareworld.annotate.lens.develop import Developer, Shot
from rareworld.annotate.lens.glow import FIRST, _doubled, _smooth, halved, scattered, small_light
from rareworld.annotate.lens.view import view_of
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.film import develop
from rareworld.annotate.render.sky import film_table
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from rareworld.errors import CameraError, ConfigError
from tests.annotate.labels.random_scenes import Body, recording_of
from tests.annotate.lens.views import street

RANDOM = np.random.Generator(np.random.Philox(90))
LOOK = Camera.looking_at("c", (-9, -6, 5), (0, 0, 0.5), width=48, height=32, hfov_rad=1.2)


@pytest.fixture
def bands():
    made = Bands(2)
    yield made
    made.close()


def light(height=33, width=46):
    return RANDOM.uniform(0, 3, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("threshold", [0.0, 0.8, 5.0])
@pytest.mark.parametrize("size", [(32, 48), (33, 46), (4, 4), (1, 1)])
def test_small_pictures_hold_all_light_above_the_threshold(bands, size, threshold):
    picture = light(*size)
    small = small_light(picture, threshold, bands)
    assert small.shape[:2] == (-(-size[0] // FIRST), -(-size[1] // FIRST))
    over = np.maximum(picture.astype(float) - threshold, 0)
    np.testing.assert_allclose(
        small.astype(float).sum(axis=(0, 1)) * FIRST**2, over.sum(axis=(0, 1)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("size", [(6, 8), (7, 8), (5, 5), (1, 3)])
def test_halving_takes_means_of_four_and_repeats_the_border(size):
    level = light(*size)
    rows, columns = (np.minimum(np.arange(n + n % 2), n - 1) for n in size)
    whole = level[rows][:, columns].astype(float)
    expected = whole.reshape(len(rows) // 2, 2, len(columns) // 2, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(halved(level), expected, rtol=1e-5)


def test_doubling_keeps_even_light_and_the_sum():
    even = np.full((3, 4, 3), 0.7, np.float32)
    np.testing.assert_allclose(_doubled(even, (6, 8)), 0.7, rtol=1e-6)
    dot = np.zeros((9, 9, 3), np.float32)
    dot[4, 4] = 1
    big = _doubled(dot, (18, 18))
    assert big.sum() == pytest.approx(4 * dot.sum(), rel=1e-6)
    np.testing.assert_allclose(big[:, :, 0], big[:, :, 0].T)
    # the tensor of (1 3 3 1) / 4
    line = np.array([1, 3, 3, 1]) / 4
    np.testing.assert_allclose(big[7:11, 7:11, 0], np.outer(line, line), rtol=1e-6)


def test_smoothing_is_the_binomial_filter():
    dot = np.zeros((11, 11, 3), np.float32)
    dot[5, 5] = 256
    line = np.array([1, 4, 6, 4, 1])
    np.testing.assert_allclose(_smooth(dot)[3:8, 3:8, 1], np.outer(line, line), rtol=1e-6)


@pytest.mark.parametrize("streaks", [0, 1, 4])
def test_scattering_is_linear_and_moves_with_its_lamp(streaks):
    a, b = light(40, 40), light(40, 40)
    np.testing.assert_allclose(
        scattered(a + 2 * b, streaks),
        scattered(a, streaks) + 2 * scattered(b, streaks),
        rtol=1e-4,
        atol=1e-5,
    )
    lamp = np.zeros((96, 96, 3), np.float32)
    lamp[48, 48] = 1
    moved = np.roll(lamp, (16, -16), (0, 1))
    here, there = scattered(lamp, streaks), scattered(moved, streaks)
    np.testing.assert_allclose(
        np.roll(here, (16, -16), (0, 1))[40:70, 26:60], there[40:70, 26:60], atol=2e-4
    )


@pytest.mark.parametrize("streaks", [0, 2])
def test_light_never_turns_negative_by_scattering(streaks):
    assert scattered(light(20, 31), streaks).min() >= 0


def developer(config, count=3, **more):
    rays = np.zeros((32, 48, 2), np.float32)
    shot = Shot(camera=LOOK, seed=Seed(1), time_s=np.arange(count) / 10, start=datetime(2026, 5, 4),
                exposure=1.0)  # fmt: skip
    return Developer(config, shot, rays, more["bands"])


def test_a_lens_without_effects_is_the_renderers_film(bands):
    made = developer(LensConfig(), bands=bands)
    flow, depth = np.zeros((32, 48, 2), np.float32), np.full((32, 48), 9.0, np.float32)
    for _ in range(3):
        picture = light(32, 48) ** 2
        shown = np.zeros((32, 48, 3), np.uint8)
        develop(picture, shown, film_table(), (0, 32))
        before = picture.copy()
        found = made.develop(picture, flow, depth)
        # the square root of the film's place is taken at another precision: one step at most
        assert np.abs(found.astype(int) - shown.astype(int)).max() <= 1
        np.testing.assert_array_equal(picture, before)


def test_each_frame_has_noise_of_its_own_and_the_same_each_time(bands):
    config = LensConfig(sensor=SensorConfig(gain=4.0))
    flow, depth = np.zeros((32, 48, 2), np.float32), np.full((32, 48), 9.0, np.float32)
    even = np.full((32, 48, 3), 0.3, np.float32)
    first, second = (developer(config, bands=bands) for _ in range(2))
    runs = [[one.develop(even, flow, depth) for _ in range(3)] for one in (first, second)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).mean() > 0.3


# views


def looks(config, camera=LOOK, frames=4):
    recording = recording_of([Body(0, 0, 0, 0, 0, 0, 0, 1)], frames)
    return view_of(config, recording, street(recording), camera, datetime(2026, 5, 4), 2.0)


def test_a_view_without_effects_needs_no_light():
    made = looks(LensConfig())
    assert not made.works_on_light
    assert not made.optics.warps
    assert made.shot.exposure == 2.0
    np.testing.assert_allclose(made.shot.time_s, [0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize("config", [
    LensConfig(vignette=VignetteConfig()), LensConfig(distortion=DistortionConfig()),
    LensConfig(sway=SwayConfig()),
])  # fmt: skip
def test_any_effect_needs_the_light(config):
    assert looks(config).works_on_light


def test_a_cameras_own_distortion_stays():
    own = Camera.looking_at("c", (-9, -6, 5), (0, 0, 0.5), width=48, height=32, hfov_rad=1.2)
    bent = looks(LensConfig(distortion=DistortionConfig()), own).shot.camera
    assert bent.distortion == DistortionConfig().coefficients
    again = looks(LensConfig(distortion=DistortionConfig(k1=0.1, k2=0.0)), bent).shot.camera
    assert again.distortion == bent.distortion


def test_a_lens_that_folds_and_a_starved_stream_are_refused():
    with pytest.raises(CameraError, match="folds the image"):
        looks(LensConfig(distortion=DistortionConfig(k1=-2.5)))
    large = Camera.looking_at("c", (-9, -6, 5), (0, 0, 0.5), width=1920, height=1080, hfov_rad=1.2)
    with pytest.raises(ConfigError, match="is too low for 1920 x 1080 at 10 frames"):
        looks(LensConfig.model_validate({"stream": {"bitrate_kbps": 5}}), large)


@pytest.mark.parametrize("mrad", [0.5, 5.0])
def test_sway_is_as_strong_as_told(mrad):
    made = looks(LensConfig(sway=SwayConfig(amplitude_mrad=mrad, roll_share=0.0)), frames=600)
    turns = made.optics.turns
    angle = np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)) * 1000
    # pan and tilt each have this root mean square over all time
    assert np.sqrt((angle**2).mean()) == pytest.approx(np.sqrt(2) * mrad, rel=0.25)
    assert np.abs(turns[:, 0, 1] - turns[:, 1, 0]).max() < 3e-3 * mrad / 5, "no roll"
