"""Laws of drops and flakes by their integrals, shutters, looks, boxes; and lamps' closed forms."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.integrate import trapezoid

from rareworld.annotate.render import beams
from rareworld.annotate.render.drops import (
    RAIN_PER_M3_MM,
    drop_light,
    empty_streaks,
    least_drawn_mm,
    look_of,
    make_fall,
    per_m3,
    rain_law,
    rain_speed_mps,
    shutter_s,
    slab_box,
    snow_law,
    snow_speed_mps,
)
from rareworld.annotate.render.glow import phase
from rareworld.annotate.render.jit import kernel
from rareworld.annotate.render.project import eye_of
from rareworld.annotate.world.model import Air
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from tests.annotate.render.shapes import daylight

LOOK = Camera.looking_at("c", (2, 3, 7), (30, 8, 0), width=320, height=200, hfov_rad=1.1)
EYE, SIZE = eye_of(LOOK, 0.1), (320, 200)
RATES = (0.5, 2.0, 10.0, 50.0)
DIAMETERS = np.linspace(0, 12, 6001)


def counted(law):
    """Density of drops on the grid of diameters, per m^3 and mm."""
    return law.per_m3_mm * np.exp(-law.slope_per_mm * DIAMETERS)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("least", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("law_of", [rain_law, snow_law])
def test_number_of_drops_is_the_integral_of_the_law(law_of, least, rate):
    law = law_of(rate)
    keep = least <= DIAMETERS
    whole = trapezoid(counted(law)[keep], DIAMETERS[keep])
    tail = counted(law)[-1] / law.slope_per_mm
    assert per_m3(law, least) == pytest.approx(whole + tail, rel=2e-3)


@pytest.mark.parametrize("rate", RATES)
def test_water_that_falls_by_the_law_is_the_rate_that_was_asked_for(rate):
    """Rate = integral of pi/6 D^3 v(D) N(D): Marshall's law closes within a third at any rate."""
    d = DIAMETERS[1:]
    flux = (
        np.pi / 6 * (d * 1e-3) ** 3 * np.maximum(rain_speed_mps(d), 0) * counted(rain_law(rate))[1:]
    )
    mmph = flux.sum() * (d[1] - d[0]) * 1000 * 3600
    assert mmph == pytest.approx(rate, rel=0.34)


def test_heavier_rain_has_larger_drops_and_as_many_small_ones():
    slopes = [rain_law(rate).slope_per_mm for rate in RATES]
    assert slopes == sorted(slopes, reverse=True)
    assert {rain_law(rate).per_m3_mm for rate in RATES} == {RAIN_PER_M3_MM}
    assert rain_law(1.0).slope_per_mm == pytest.approx(4.1)
    large = [per_m3(rain_law(rate), 2.0) for rate in RATES]
    assert large == sorted(large)


@pytest.mark.parametrize(
    ("width_mm", "speed"), [(0.5, 2.06), (1.0, 4.03), (2.0, 6.49), (3.0, 8.06), (5.0, 9.09)]
)
def test_drops_fall_as_gunn_and_kinzer_measured(width_mm, speed):
    """Terminal speeds of Gunn & Kinzer (1949) in m/s; Atlas' fit is within 3 % of most."""
    assert rain_speed_mps(np.array([width_mm]))[0] == pytest.approx(speed, rel=0.045)


def test_larger_drops_and_flakes_fall_faster_and_flakes_slowly():
    sizes = np.linspace(0.3, 6, 40)
    assert (np.diff(rain_speed_mps(sizes)) > 0).all()
    assert (np.diff(snow_speed_mps(sizes)) > 0).all()
    assert (snow_speed_mps(sizes) < 1.6).all()
    assert (rain_speed_mps(np.array([0.0, 0.1])) > 0).all(), "no drop falls upward"


@pytest.mark.parametrize("most", [100, 3000, 10**9])
@pytest.mark.parametrize("volume", [1.0, 5e4])
def test_no_more_drops_are_drawn_than_allowed(most, volume):
    law = rain_law(20.0)
    least = least_drawn_mm(law, volume, 0.9, most)
    assert least >= 0.9
    assert per_m3(law, least) * volume <= most * (1 + 1e-9)
    if least > 0.9:
        assert per_m3(law, least) * volume == pytest.approx(most)


@pytest.mark.parametrize("depths", [(1.0, 3.0), (7.0, 18.0), (0.8, 60.0)])
def test_the_box_of_a_layer_holds_all_that_is_seen_between_its_depths(depths):
    low, extent = slab_box(EYE, SIZE, *depths)
    random = np.random.Generator(np.random.Philox(5))
    pixels = random.uniform((0, 0), SIZE, (400, 2))
    points = LOOK.unproject(pixels, random.uniform(*depths, 400))
    assert (points >= low).all()
    assert (points <= low + extent).all()
    # and is tight: each side is touched by a corner of a frustum 16 % wider
    wide = LOOK.unproject(np.array([[-0.08 * 320, -0.08 * 200]]), np.array([depths[1]]))
    assert ((wide >= low - 1e-6) & (wide <= low + extent + 1e-6)).all()


@pytest.mark.parametrize("kind", ["rain", "snow"])
def test_sizes_of_drawn_drops_follow_the_law_above_the_least(kind):
    law = {"rain": rain_law, "snow": snow_law}[kind](8.0)
    fall = make_fall(kind, law, EYE, SIZE, (7.0, 18.0), Seed(4).generator())
    melted = fall.width_m.astype(float) * 1e3 / (1.0 if kind == "rain" else 3.2)
    assert len(melted) > 1000
    # an exponential distribution: mean above the least is one over the slope
    assert (melted - melted.min()).mean() == pytest.approx(1 / law.slope_per_mm, rel=0.05)
    speed = {"rain": rain_speed_mps, "snow": snow_speed_mps}[kind](melted)
    np.testing.assert_allclose(fall.speed_mps, speed, rtol=1e-5)
    assert ((fall.place >= 0) & (fall.place < 1)).all()
    again = make_fall(kind, law, EYE, SIZE, (7.0, 18.0), Seed(4).generator())
    np.testing.assert_array_equal(fall.place, again.place)


def test_there_is_room_for_every_streak_and_none_is_drawn_yet():
    streaks = empty_streaks(7)
    assert [len(part) for part in streaks] == [7] * 5
    assert not streaks.opacity.any()


@pytest.mark.parametrize(("exposure", "seconds"), [(1.0, 1 / 500), (7.5, 1 / 200), (1e6, 1 / 30)])
def test_shutters_are_those_of_cctv(exposure, seconds):
    assert shutter_s(exposure) == pytest.approx(seconds)


def test_a_ball_in_even_light_sends_out_what_it_gets():
    """Ambient 1 from all around, no sun: a white ball shows radiance 1."""
    even = np.zeros((9, 3), np.float32)
    even[0] = 1
    light = daylight(sun_radiance=(0.0, 0.0, 0.0), ambient=even)
    np.testing.assert_allclose(drop_light(light), 1.0)
    sunny = daylight(sun_radiance=(4.0, 2.0, 1.0), ambient=even)
    np.testing.assert_allclose(drop_light(sunny) - 1.0, [1.0, 0.5, 0.25])


def test_flakes_flutter_drops_do_not_and_both_go_with_the_wind():
    air = Air(rain_mmph=3.0, snow_mmph=1.0, wind_mps=(2.0, -1.0))
    rain, snow = (look_of(kind, daylight(), air, 2.0) for kind in ("rain", "snow"))
    assert rain.sway_m == 0 < snow.sway_m
    for look in (rain, snow):
        assert look.wind_mps.tolist() == [2.0, -1.0]
        assert look.lamp_gain == pytest.approx(0.6)
    twice = look_of("rain", daylight(), air, 4.0)
    np.testing.assert_allclose(twice.glow, 2 * rain.glow)


# light that air scatters


@kernel
def _phases(cosines: np.ndarray, out: np.ndarray) -> None:
    for k in range(len(cosines)):
        out[k] = phase(cosines[k])


def test_mist_scatters_all_light_somewhere_and_most_forward():
    cosines = -1 + (np.arange(4000) + 0.5) / 2000
    values = np.empty(4000)
    _phases(cosines, values)
    assert values.mean() == pytest.approx(1, abs=1e-4), "the mean over the sphere is one"
    assert (np.diff(values) > 0).all()
    hg = 0.35 + 0.65 * (1 - 0.49) / (1 + 0.49 - 1.4 * cosines) ** 1.5
    np.testing.assert_allclose(values, hg, rtol=1e-12)


def test_nodes_and_weights_are_gauss_and_legendres():
    """numpy's own nodes on -1..1, moved to 0..1."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    np.testing.assert_allclose([beams.glow_node(k) for k in range(6)], (nodes + 1) / 2, atol=1e-14)
    np.testing.assert_allclose([beams.glow_weight(k) for k in range(6)], weights / 2, atol=1e-14)


@pytest.mark.parametrize("power", range(12))
def test_six_nodes_integrate_powers_up_to_eleven_exactly(power):
    total = sum(beams.glow_weight(k) * beams.glow_node(k) ** power for k in range(6))
    assert total == pytest.approx(1 / (power + 1), abs=1e-14)


# beams


TANGENTS = np.linspace(-1.2, 1.2, 61)


@pytest.mark.parametrize("share", [beams.dipped_share, beams.driving_share])
def test_beams_are_shares_and_strongest_near_straight_ahead(share):
    rows = np.linspace(-0.4, 0.2, 61)
    table = np.array([[share(float(x), float(y)) for x in TANGENTS] for y in rows])
    assert table.min() >= 0
    assert table.max() <= 1.012 + 1e-9
    y, x = np.unravel_index(table.argmax(), table.shape)
    assert abs(TANGENTS[x]) < 0.08
    assert -0.06 < rows[y] <= 0.02


@pytest.mark.parametrize("x", [-0.3, -0.1, 0.0])
def test_a_dipped_beam_is_cut_off_above_the_horizon_on_the_left(x):
    """ECE R112: the oncoming eye (above 0 degrees) gets a small part of the hot spot."""
    assert beams.dipped_share(x, 0.01) < 0.02
    assert beams.dipped_share(0.025, -0.022) > 0.9


def test_the_cut_off_rises_by_fifteen_degrees_on_the_right():
    """Where the beam falls to half along a column, from the kink to 13 % to the right."""
    edges = []
    for x in (0.0, 0.05, 0.10):
        rows = np.linspace(-0.03, 0.04, 1401)
        below = beams.dipped_share(x, -0.02 + 0.268 * x)
        column = np.array([beams.dipped_share(x, float(y)) for y in rows])
        edges.append(rows[np.flatnonzero(column > 0.4 * below)[-1]])
    slope = np.diff(edges) / 0.05
    np.testing.assert_allclose(np.degrees(np.arctan(slope)), 15.0, atol=2.5)


@pytest.mark.parametrize("beam", [1, 2])
def test_the_bound_per_side_holds_at_any_height(beam):
    share = beams.dipped_share if beam == 1 else beams.driving_share
    for x, y in product(TANGENTS, np.linspace(-0.5, 0.4, 46)):
        assert share(float(x), float(y)) <= beams.side_share(beam, float(x)) + 1e-9


def test_cones_are_full_within_and_dark_beyond():
    inner, outer = math.cos(0.4), math.cos(0.9)
    run = [beams.beam_share(0, math.cos(a), 0.0, 0.0, inner, outer) for a in np.linspace(0, 3, 60)]
    assert run == sorted(run, reverse=True)
    assert run[0] == 1
    assert run[-1] == 0
    assert beams.beam_share(0, -1.0, 0.0, 0.0, 0.5, -1.0) == 1, "a bare bulb shines all around"


@pytest.mark.parametrize("beam", [1, 2])
def test_head_lamps_do_not_shine_backward_or_aside(beam):
    for ahead in (-1.0, -0.2, 0.0, 0.05):
        side = math.sqrt(1 - ahead * ahead)
        assert beams.beam_share(beam, ahead, side, 0.0, 0.0, 0.0) == 0
    assert beams.beam_share(beam, 0.9997, 0.0, -0.02, 0.0, 0.0) > 0.5


@pytest.mark.parametrize("reach_m", [10.0, 80.0])
def test_lamps_fade_out_before_their_reach_and_where_they_are_too_dim(reach_m):
    run = [beams.lamp_fade(1.0, 0.1, float(d), reach_m) for d in np.linspace(0, 1.2 * reach_m, 121)]
    assert run == sorted(run, reverse=True)
    assert run[: int(0.69 / 1.2 * 120)] == [1.0] * int(0.69 / 1.2 * 120)
    assert run[-20:] == [0.0] * 20
    dim = [beams.lamp_fade(e, 0.1, 1.0, reach_m) for e in (0.05, 0.1, 0.15, 0.2, 0.4)]
    assert dim == pytest.approx([0, 0, 0.5, 1, 1])


def test_large_lamps_near_by_have_wide_highlights():
    base = 0.3
    widths = [beams.wide_roughness(base, 0.2, d) for d in (0.1, 0.5, 2.0, 10.0, 1e6)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(base, abs=1e-6)
    assert all(width <= 1 for width in widths)
    assert beams.wide_roughness(1.0, 5.0, 0.0) == 1
