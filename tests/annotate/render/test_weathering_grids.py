"""Weather on surfaces over places, colours and strengths: limits, order, energy, no jumps."""

from itertools import pairwise, product

import numpy as np
import pytest

from rareworld.annotate.render import weathering

UNIT = np.linspace(0.0, 1.0, 9)
RANDOM = np.random.Generator(np.random.Philox(82))

GROUND = (0.13, 0.125, 0.12)
SPOTS = [(float(x), float(y)) for x, y in RANDOM.uniform(-60, 60, (12, 2))]
FAR_M = 50.0


@pytest.mark.parametrize("spot", SPOTS)
def test_nothing_on_the_ground_leaves_it_as_it_is(spot):
    dry = weathering.wet_road(*spot, 0.01, 0.6, 0.4, 0.0, 0.0, *GROUND, 0.9, 0.04)
    assert dry == pytest.approx((*GROUND, 0.9, 0.04, 0.0))
    bare = weathering.covered(*spot, 0.5, 0.01, 1.0, 1.0, 0.0, 0.0, *GROUND, 0.9, 0.04)
    assert bare == pytest.approx((*GROUND, 0.9, 0.04))
    clean = weathering.dirty_vehicle(*spot, 0.5, 0.01, 0.5, 0.0, 0.0, *GROUND, 0.2, 0.05)
    assert clean == pytest.approx((*GROUND, 0.2, 0.05))
    outside = weathering.wet_outside(1.0, 0.0, *GROUND, 0.8, 0.04)
    assert outside == pytest.approx((*GROUND, 0.8, 0.04))


WEATHERS = {
    "worn": lambda x, y, s, k, c: weathering.worn_road(x, y, s, k, k, k, *c, 0.9),
    "wet": lambda x, y, s, k, c: weathering.wet_road(x, y, s, k, 0.3, k, k, *c, 0.9, 0.04),
    "snow": lambda x, y, s, k, c: weathering.snowy_road(x, y, s, 0.3, k, *c, 0.9, 0.04),
    "sand": lambda x, y, s, k, c: weathering.sandy_road(x, y, s, 0.3, k, *c, 0.9, 0.04),
    "covered": lambda x, y, s, k, c: weathering.covered(x, y, 1, s, 0.9, 0.8, k, k, *c, 0.9, 0.04),
    "outside": lambda x, y, s, k, c: weathering.wet_outside(0.7, k, *c, 0.9, 0.04),
    "dirty": lambda x, y, s, k, c: weathering.dirty_vehicle(
        x, y, 0.4, s, 0.4, k, 0.5, *c, 0.2, 0.05
    ),
}
COLOURS = [(0.0, 0.0, 0.0), GROUND, (0.9, 0.1, 0.05), (1.0, 1.0, 1.0)]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", WEATHERS)
def test_weathered_colours_and_roughness_are_shares_wherever_and_however_much(name, colour):
    for spot, k, soft in product(SPOTS, (0.0, 0.3, 0.7, 1.0), (0.01, FAR_M)):
        values = np.array(WEATHERS[name](*spot, soft, k, colour))
        assert (values >= 0).all(), (spot, k, soft)
        assert (values <= 1).all(), (spot, k, soft)


@pytest.mark.parametrize("name", WEATHERS)
def test_weather_changes_smoothly_with_its_strength(name):
    """A hundredth more weather never changes a colour by more than a tenth."""
    for spot in SPOTS[:4]:
        run = np.array(
            [WEATHERS[name](*spot, 0.02, float(k), GROUND) for k in np.linspace(0, 1, 101)]
        )
        assert np.abs(np.diff(run[:, :3], axis=0)).max() < 0.1


@pytest.mark.parametrize("name", ["worn", "snow", "sand", "covered", "dirty"])
def test_fine_grain_is_gone_where_a_pixel_is_wide(name):
    """Within ten centimetres, far ground differs less than near ground does."""
    here = np.array(SPOTS)
    there = here + 0.07
    spans = []
    for soft in (0.005, FAR_M):
        pairs = [
            [WEATHERS[name](*(float(v) for v in p), soft, 0.6, GROUND)[:3] for p in places]
            for places in (here, there)
        ]
        spans.append(np.abs(np.subtract(*pairs)).mean())
    assert spans[1] < 0.6 * spans[0]
    assert spans[1] < 0.004


@pytest.mark.parametrize("spot", SPOTS[:6])
def test_water_in_a_pool_is_a_mirror_of_two_percent(spot):
    values = weathering.wet_road(*spot, 0.01, 1.0, 0.0, 1.0, 1.0, *GROUND, 0.9, 0.04)
    assert values[3:] == pytest.approx((0.03, 0.02, 1.0))


@pytest.mark.parametrize("spot", SPOTS[:6])
def test_more_water_is_darker_and_smoother_step_by_step(spot):
    run = [
        weathering.wet_road(*spot, 0.01, 0.0, 0.0, float(k), 0.0, *GROUND, 0.9, 0.04) for k in UNIT
    ]
    for less, more in pairwise(run):
        assert sum(more[:3]) <= sum(less[:3]) + 1e-12
        assert more[3] <= less[3] + 1e-12


@pytest.mark.parametrize("spot", SPOTS[:6])
def test_worn_paint_shows_the_ground_and_worn_ground_shines_brighter(spot):
    paint = (0.60, 0.60, 0.575)
    fresh, worn = (weathering.worn_road(*spot, 0.01, w, 0.0, 0.0, *paint, 0.9) for w in (0.0, 1.0))
    assert sum(worn[:3]) <= sum(fresh[:3]) + 1e-12
    assert worn[3] == fresh[3]
    dark, track = (weathering.worn_road(*spot, 0.01, w, 0.0, 0.0, *GROUND, 0.9) for w in (0.0, 1.0))
    assert sum(track[:3]) == pytest.approx(1.2 * sum(dark[:3]))
    assert track[3] == pytest.approx(0.8)


def test_snow_is_as_bright_as_old_and_fresh_snow_are_measured_to_be():
    """Fresh snow reflects 0.75 to 0.95, trodden slush 0.3 to 0.5 (Oke, Boundary Layer Climates)."""
    fresh = [weathering.snowy_road(*s, 0.01, 0.0, 1.0, *GROUND, 0.9, 0.04)[1] for s in SPOTS]
    slush = [weathering.snowy_road(*s, 0.01, 0.75, 1.0, *GROUND, 0.9, 0.04)[1] for s in SPOTS]
    assert 0.7 < min(fresh) < max(fresh) < 0.9
    assert 0.1 < np.mean(slush) < 0.5


def test_less_snow_lies_under_trees():
    run = [
        np.mean([
            weathering.covered(*s, 0.0, 0.01, 1.0, exposed, 0.4, 0.0, 0.0, 0.0, 0.0, 0.9, 0.04)[1]
            for s in SPOTS
        ])
        for exposed in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    assert run == sorted(run)
    assert run[0] < 0.005
    assert run[2] > 5 * run[1] > 0


def test_dust_clings_to_walls_and_snow_does_not():
    for spot in SPOTS:
        sand = weathering.covered(*spot, 1.0, 0.01, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.04)
        snow = weathering.covered(*spot, 1.0, 0.01, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.04)
        assert 0.1 * 0.43 < sand[0] < 0.3 * 0.43
        assert snow[:3] == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("wetness", [0.0, 0.5, 1.0])
def test_dirt_draws_every_paint_towards_one_colour_lowest_first(wetness):
    gaps = []
    for height in (0.2, 0.7, 1.6):
        ends = [
            np.array(
                weathering.dirty_vehicle(1, 0.3, height, 0.01, height, 1.0, wetness, *c, 0.2, 0.05)[
                    :3
                ]
            )
            for c in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        ]
        gaps.append(float((ends[1] - ends[0]).mean()))
    assert gaps == sorted(gaps)
    # what dirt hides is the same share of all colours
    assert np.ptp(ends[1] - ends[0]) < 1e-12


def test_flood_water_is_brown_and_nearly_level():
    for spot, time_s in product(SPOTS, (0.0, 3.0)):
        red, green, blue, sx, sy = weathering.flood_water(*spot, 0.05, time_s, 1.0)
        assert 0.14 > red > green > blue > 0.03
        assert np.hypot(sx, sy) < 0.08
        calm = weathering.flood_water(*spot, FAR_M, time_s, 1.0)
        assert np.hypot(*calm[3:]) <= np.hypot(sx, sy) + 1e-12


@pytest.mark.parametrize("amount", [0.1, 0.25, 0.4])
def test_tracks_swept_bare_of_snow_are_wet_from_what_melted(amount):
    """Three quarters of the snow's amount as wetness, on grain that holds it."""
    for spot in SPOTS:
        found = weathering.snowy_road(*spot, 0.01, 1.0, amount, *GROUND, 0.9, 0.04)
        bare = [a * (1 - 0.75 * amount * (0.62 - 0.5 * a)) for a in GROUND]
        np.testing.assert_allclose(found[:3], bare, atol=1e-12)
        assert found[4] == 0.04


def test_between_drifts_lies_a_third_of_the_sand():
    """Where wheels pass only dust stays: 0.34 of the amount, whatever the ground."""
    for spot in SPOTS:
        ends = [
            np.array(weathering.sandy_road(*spot, 0.01, 1.0, 0.3, *c, 0.9, 0.04)[:3])
            for c in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        ]
        np.testing.assert_allclose(ends[1] - ends[0], 1 - 0.34 * 0.3, atol=1e-12)
