"""Clouds: their share, colours and light against what was asked and CIE's overcast sky."""

import numpy as np
import pytest

from rareworld.annotate.world.clouds import (
    Lit,
    closed_layer,
    fractal,
    heap_depth,
    on_shell,
    with_heaps,
    with_streaks,
)
from rareworld.annotate.world.sky import clear_sky
from rareworld.annotate.world.sky_dome import directions, elevations, on_level_card, solid_angles
from rareworld.annotate.world.sky_medium import Aerosol
from rareworld.annotate.world.sky_spectrum import LUMINANCE
from rareworld.annotate.world.sky_weather import Cover
from rareworld.core.seed import Seed

SEED = Seed(11).child("clouds")
AIR = Aerosol(depth=0.08)
SHAPE = (96, 256)


def towards(elevation_deg: float) -> tuple[float, float, float]:
    up = np.radians(elevation_deg)
    return float(np.cos(up)), 0.0, float(np.sin(up))


def lit(elevation_deg: float) -> tuple[np.ndarray, Lit]:
    """Return a clear sky and the light in it."""
    sky = clear_sky(towards(elevation_deg), AIR)
    level = on_level_card(sky)
    return sky, Lit(towards(elevation_deg), AIR, level, 0.15 * level)


def bright(sky: np.ndarray) -> np.ndarray:
    return sky @ LUMINANCE


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("seed", [1, 2])
def test_heaps_cover_the_share_asked_for(share, seed):
    way = directions(*SHAPE)
    depth = heap_depth(way, share, Seed(seed))
    high = elevations(96) > np.arcsin(0.1)
    weight = solid_angles(*SHAPE)[high]
    covered = ((depth[high] > 0).mean(axis=1) * weight).sum() / weight.sum()
    assert covered == pytest.approx(share, abs=0.02)


def test_noise_is_smooth_has_a_mean_of_a_half_and_follows_its_seed():
    x, y = np.meshgrid(np.linspace(0, 40, 400), np.linspace(0, 40, 400))
    foot = np.zeros_like(x)
    one, again, other = (fractal(x, y, foot, Seed(seed)) for seed in (1, 1, 2))
    assert one.mean() == pytest.approx(0.5, abs=0.03)
    assert 0 <= one.min() < 0.3 < 0.7 < one.max() <= 1
    assert np.abs(np.diff(one, axis=1)).max() < 0.25
    assert (one == again).all()
    assert np.abs(one - other).mean() > 0.05


def test_what_a_cell_cannot_resolve_is_left_out():
    x = np.linspace(0, 30, 3000)
    sharp = fractal(x, 0 * x, np.zeros_like(x), Seed(1))
    soft = fractal(x, 0 * x, np.full_like(x, 0.6), Seed(1))
    assert np.abs(np.diff(soft)).max() < 0.5 * np.abs(np.diff(sharp)).max()


def test_layers_are_met_where_the_round_earth_has_them():
    """Overhead at their height; at the horizon at sqrt(2 R h): 133 km for 1.4 km."""
    way = directions(*SHAPE)
    far = on_shell(way, 1.4)[1]
    assert far[0, 0] == pytest.approx(1.4, rel=1e-3)
    assert far[-1, 0] == pytest.approx(np.sqrt(2 * 6371 * 1.4), rel=0.01)


def test_a_clear_sky_keeps_its_sun_in_the_open():
    way = directions(*SHAPE)
    sky, light = lit(40.0)
    near = way @ np.asarray(light.sun_direction) > 0.99
    for seed in range(6):
        cloudy = with_heaps(sky, 0.6, light, Seed(seed))
        np.testing.assert_allclose(cloudy[near], sky[near], rtol=1e-9)


def test_heaps_are_white_by_day():
    sky, light = lit(40.0)
    changed = with_heaps(sky, 0.4, light, SEED)
    cloud = bright(changed) > 1.5 * bright(sky)
    assert cloud.mean() > 0.05
    white = changed[cloud].mean(axis=0)
    assert white.max() / white.min() < 1.35
    blue = sky[cloud].mean(axis=0)
    assert white.max() / white.min() < blue.max() / blue.min()


def test_heaps_redden_at_sunset_and_are_dark_after_it():
    sky, light = lit(1.0)
    changed = with_heaps(sky, 0.4, light, SEED)
    cloud = np.abs(bright(changed) / bright(sky) - 1) > 0.2
    sunlit = cloud & (bright(changed) > bright(sky))
    assert sunlit.mean() > 0.03
    glow, before = changed[sunlit].mean(axis=0), sky[sunlit].mean(axis=0)
    assert glow[0] / glow[2] > 1.5 * before[0] / before[2]
    dusk, light = lit(-5.0)
    late = with_heaps(dusk, 0.4, light, SEED)
    assert bright(late)[cloud].mean() < 0.9 * bright(dusk)[cloud].mean()


def test_ice_clouds_are_still_lit_when_the_ground_is_in_shadow():
    assert lit(-2.0)[1].sun_at(9.0).max() > 1e-4
    assert lit(-2.0)[1].sun_at(0.0).max() == 0
    sky, light = lit(-2.0)
    changed = with_streaks(sky, 0.8, light, SEED)
    assert changed[..., 0].mean() > 1.02 * sky[..., 0].mean()


def test_ice_clouds_pale_the_blue_and_leave_it_a_sky():
    sky, light = lit(45.0)
    changed = with_streaks(sky, 0.6, light, SEED)
    before, after = on_level_card(sky), on_level_card(changed)
    assert after[2] / after[0] < before[2] / before[0]
    assert 1.0 < bright(after) / bright(before) < 1.6


def test_a_closed_layer_is_cie_s_overcast_sky():
    """Luminance at the horizon one third of that at the zenith, (1 + 2 sin) / 3 between."""
    _, light = lit(30.0)
    sky = closed_layer(np.full(3, 0.1), Cover(deck=1.0), light, SEED, SHAPE)
    mean = sky[..., 1].mean(axis=1)
    assert mean[0] / mean[-1] == pytest.approx(3.0, rel=0.01)
    height = np.sin(elevations(96))
    np.testing.assert_allclose(mean / mean[0], (1 + 2 * height) / (1 + 2 * height[0]), rtol=1e-6)


@pytest.mark.parametrize("patchy", [0.0, 0.8])
@pytest.mark.parametrize("glow", [0.0, 0.4])
def test_a_closed_layer_gives_the_light_asked_for(patchy, glow):
    _, light = lit(30.0)
    wanted = np.array([0.10, 0.12, 0.15])
    cover = Cover(deck=1.0, patchy=patchy, glow=glow)
    sky = closed_layer(wanted, cover, light, SEED, SHAPE)
    assert on_level_card(sky) == pytest.approx(wanted)
    assert sky.min() > 0


def test_the_sun_shows_as_a_bright_place_through_thin_layers():
    _, light = lit(40.0)
    way = directions(*SHAPE)
    near = way @ np.asarray(light.sun_direction) > 0.98
    aside = np.abs(way @ np.asarray(light.sun_direction)) < 0.3
    thin, thick = (
        closed_layer(np.full(3, 0.1), Cover(deck=1.0, glow=glow), light, SEED, SHAPE)[..., 0]
        for glow in (0.4, 0.0)
    )
    assert thin[near].mean() / thin[aside].mean() > 3 * thick[near].mean() / thick[aside].mean()


def test_patches_of_rain_clouds_differ_by_seed_only():
    _, light = lit(30.0)
    cover = Cover(deck=1.0, patchy=0.5)
    one, again, other = (
        closed_layer(np.full(3, 0.1), cover, light, Seed(seed), SHAPE) for seed in (1, 1, 2)
    )
    assert (one == again).all()
    assert np.abs(one / other - 1).mean() > 0.02
