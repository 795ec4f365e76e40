"""Colours of the ray caster: closed forms, and the rasteriser's picture."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render.config import RendererKind
from rareworld.annotate.world.model import Beam, LocalLight
from tests.annotate.render.warp.scenes import (
    SKY,
    box,
    camera,
    clear,
    daylight,
    drawn,
    ground,
    joined,
    light_of,
    mesh,
    plain,
    state,
    town,
)

DOWN = camera(48, 32, position=(0.0, -0.01, 20.0), target=(0.0, 0.0, 0.0), hfov=0.5)
UPRIGHT = (0.0, 0.0, 1.0)
DARK = (0.0, 0.0, 0.0)
NIGHT = {"sun_radiance": DARK, "night": 1.0, "zenith": DARK, "horizon": DARK, "ground": DARK}


def _wall(material=0):
    """Faces the viewer at y = 4, 12 m wide and high."""
    return mesh(
        [(-6, 4, 0), (6, 4, 0), (6, 4, 12), (-6, 4, 12)], [(0, 1, 2), (0, 2, 3)], material=material
    )


def test_open_ground_has_the_closed_form_of_sun_and_sky(kind) -> None:
    sun, sky, grey = 1.2, 0.3, 0.5
    made = plain(ground(material=0), sun_direction=(0.0, 0.6, 0.8), sun_radiance=(sun, sun, sun))
    light = light_of(made, state(), DOWN, kind)
    exposure = made.daylight.exposure
    assert light == pytest.approx(grey * (sun * 0.8 + sky) * exposure, rel=2e-3)


def test_no_light_of_the_sun_reaches_what_is_behind_a_roof(kind) -> None:
    roof = mesh(
        [(-9, -9, 6), (9, -9, 6), (9, 9, 6), (-9, 9, 6)], [(0, 1, 2), (0, 2, 3)], material=0
    )
    look = camera(24, 16, position=(0.0, -0.01, 5.0), target=(0.0, 0.0, 0.0), hfov=0.3)
    dark = light_of(
        plain(joined(ground(material=0), roof), sun_direction=UPRIGHT), state(), look, kind,
        samples_per_pixel=16,
    )  # fmt: skip
    open_ = light_of(plain(ground(material=0), sun_direction=UPRIGHT), state(), look, kind)
    assert dark.mean() < 0.25 * open_.mean()
    assert dark.min() >= 0


def test_a_shadow_is_as_soft_as_the_sun_is_wide(kind) -> None:
    # the edge of a roof 30 m up: the penumbra is 2 x 30 m x tan of the sun's radius wide
    height, radius = 30.0, 0.00465
    roof = mesh([(-40, 0, height), (40, 0, height), (40, 80, height), (-40, 80, height)],
                [(0, 1, 2), (0, 2, 3)], material=0)  # fmt: skip
    made = plain(joined(ground(material=0), roof), sun_direction=UPRIGHT)
    look = camera(8, 256, position=(0.0, 0.0, 10.0), target=(0.0, 0.001, 0.0), hfov=0.005)
    light = light_of(made, state(), look, kind, samples_per_pixel=64).mean(axis=(1, 2))
    metres = 10 * np.tan(0.0025) * 2 / 8
    low, high = np.sort(light)[[8, -8]]
    share = (light - low) / (high - low)
    between = ((share > 0.1) & (share < 0.9)).sum() * metres
    # a disc's edge passes from 10 % to 90 % over 1.374 of its radius
    assert between == pytest.approx(1.374 * radius * height, rel=0.2)


def test_a_mirror_shows_what_stands_before_it(kind) -> None:
    made = plain(
        joined(ground(material=1), _wall(2)), sun_direction=(0.0, -0.8, 0.6),
        sun_radiance=(1.0, 1.0, 1.0),
    )  # fmt: skip
    look = camera(32, 24, position=(0.0, -8.0, 3.0), target=(0.0, 0.0, 0.0), hfov=0.4)
    light = light_of(made, state(), look, kind)
    middle = light[8:16, 8:24].mean(axis=(0, 1))
    assert middle[0] > 5 * middle[1]
    # a perfect mirror gives the wall's own light: albedo x (sun x cosine + sky that is open to it)
    red = middle[0] / made.daylight.exposure
    assert 0.8 * (0.8 + 0.1) < red < 0.8 * (0.8 + 0.3)


def test_a_lamp_lights_by_the_inverse_square_and_walls_throw_shadows(kind) -> None:
    lamp = LocalLight(position_m=(0, 0, 5.0), direction=(0, 0, -1), intensity=(50.0, 50.0, 50.0),
                      beam=Beam.CONE, inner_rad=1.2, outer_rad=1.5)  # fmt: skip
    made = replace(plain(ground(material=0), **NIGHT), lights=(lamp,))
    exposure = made.daylight.exposure
    light = light_of(made, state(), DOWN, kind)[14:18, 22:26]
    assert light == pytest.approx(0.5 * 50 / 25 * exposure, rel=0.02)
    lid = mesh([(-3, -3, 3), (3, -3, 3), (3, 3, 3), (-3, 3, 3)], [(0, 1, 2), (0, 2, 3)], material=0)
    shut = replace(plain(joined(ground(material=0), lid), **NIGHT), lights=(lamp,))
    under = camera(24, 16, position=(0.0, -0.01, 2.5), target=(0.0, 0.0, 0.0), hfov=0.3)
    assert light_of(shut, state(), under, kind).max() == pytest.approx(0.0, abs=1e-6)


def test_several_lamps_add_up_although_one_is_drawn(kind) -> None:
    lamps = tuple(
        LocalLight(
            position_m=(x, 0, 6.0),
            direction=(0, 0, -1),
            intensity=(k, 30.0, 30.0),
            inner_rad=1.3,
            outer_rad=1.5,
        )
        for x, k in ((-4.0, 60.0), (3.0, 10.0), (0.5, 30.0))
    )
    made = plain(ground(material=0), **NIGHT)
    each = sum(light_of(replace(made, lights=(lamp,)), state(), DOWN, kind) for lamp in lamps)
    both = light_of(replace(made, lights=lamps), state(), DOWN, kind, samples_per_pixel=64)
    assert both.mean(axis=(0, 1)) == pytest.approx(each.mean(axis=(0, 1)), rel=0.01)


def test_air_takes_over_with_distance_as_koschmieder_has_it(kind) -> None:
    made = plain(ground(half_m=400, cells=40, material=0), sun_radiance=DARK)
    look = camera(32, 48, position=(0, -200, 6), target=(0, 0, 0.5), hfov=0.3)
    near = light_of(made, state(), look, kind)
    air = replace(made.air, extinction_per_m=0.01)
    hazy = light_of(replace(made, air=air), state(), look, kind)
    pixels = drawn(made, state(), look, kind)
    seen = np.isfinite(pixels.depth_m)
    clear_share = np.exp(-0.01 * pixels.depth_m[seen])
    haze = 0.3 * made.daylight.exposure
    expected = near[seen] * clear_share[:, None] + haze * (1 - clear_share[:, None])
    assert hazy[seen] == pytest.approx(expected, rel=0.02)


def test_frames_are_the_same_bytes_again_and_seeds_differ(kind) -> None:
    made, now = town(3)
    look = camera(96, 64)
    first, again, other = (
        drawn(made, now, look, kind, seed=seed, threads=threads, samples_per_pixel=2).rgb
        for seed, threads in ((0, 1), (0, 3), (1, 2))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", [1, 2])
def test_both_renderers_agree_on_a_clear_day(kind, seed) -> None:
    made, now = town(seed)
    made = clear(made, **{**SKY, "ground": (0.12, 0.12, 0.12)})
    look = camera(192, 128)
    rays = drawn(made, now, look, kind, samples_per_pixel=64).rgb.astype(int)
    raster = drawn(made, now, look, RendererKind.CPU, shadow_size=2048).rgb.astype(int)
    apart = np.abs(rays - raster).mean(axis=2)
    # display values 0..255; corners and shadows differ, the open does not
    assert apart.mean() < 4.0
    assert np.percentile(apart, 95) < 20.0
    assert np.median(apart) <= 2.0
    assert np.abs(rays.mean(axis=(0, 1)) - raster.mean(axis=(0, 1))).max() < 3.0


def test_a_sky_of_the_panorama_is_shown(kind) -> None:
    made = plain(
        ground(material=0), [box()], [(1, 0)], zenith=(0.1, 0.2, 0.6), horizon=(0.6, 0.5, 0.4)
    )
    look = camera(64, 48, position=(0, 0, 2), target=(10, 0, 8))
    now = state((0, -30, 0, 0))
    rays, raster = (drawn(made, now, look, one).rgb for one in (kind, RendererKind.CPU))
    sky = drawn(made, now, look, RendererKind.CPU).triangle < 0
    assert np.abs(rays[sky].astype(int) - raster[sky]).max() <= 2


def test_daylight_is_even(kind) -> None:
    # the furnace: an even sky around even ground of albedo one half gives no dark corner
    light = daylight(**SKY)
    assert light.ambient[0] == pytest.approx(0.3)
    made = plain(joined(ground(material=0), _wall()), sun_radiance=DARK, ground=(0.3, 0.3, 0.3))
    look = camera(32, 24, position=(0.0, -8.0, 3.0), target=(0.0, 4.0, 1.0), hfov=0.6)
    light_ = light_of(made, state(), look, kind, samples_per_pixel=64) / made.daylight.exposure
    # neighbours send back less than the sky they hide, but never nothing
    assert light_.max() <= 0.5 * 0.3 * 1.02
    assert light_.min() > 0.5 * 0.3 * 0.4
