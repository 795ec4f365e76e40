"""Small parts of the lens: signs, text, dice, metering weights, optics, point spread, raindrops."""

import string
from dataclasses import replace
from datetime import datetime
from itertools import combinations, product

import numpy as np
import pytest

from rareworld.annotate.lens.config import (
    BalanceConfig,
    DirtConfig,
    DropsConfig,
    ExposureConfig,
    SensorConfig,
    StampConfig,
    VignetteConfig,
)
from rareworld.annotate.lens.dice import key_of, normal_table
from rareworld.annotate.lens.dome import Rain, dirt, vignette
from rareworld.annotate.lens.glass import brown_of
from rareworld.annotate.lens.glyphs import COLUMNS, ROWS, check_text, dots_of
from rareworld.annotate.lens.metering import Metering, balance_gains, sensor_gain
from rareworld.annotate.lens.optics import Optics, still
from rareworld.annotate.lens.sensor import RADIUS, spread_of
from rareworld.annotate.lens.stamp import Stamp
from rareworld.annotate.lens.wander import small_turns, wander
from rareworld.annotate.render.project import eye_of
from rareworld.core.camera import Camera
from rareworld.core.geometry import matrix_from_quat
from rareworld.core.seed import Seed
from rareworld.errors import CameraError, ConfigError

SIGNS = string.digits + string.ascii_uppercase + "-_.:/"
LOOK = Camera.looking_at("bent", (1, 2, 9), (20, 3, 0), width=640, height=400, hfov_rad=1.2)


# signs and text


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_is_five_by_seven_dots_and_shows_something(sign):
    dots = dots_of(sign)
    assert dots.shape == (ROWS, COLUMNS)
    assert 3 <= dots.sum() <= 20


def test_any_two_signs_differ_by_two_dots_or_more():
    """So that one dot lost to compression does not turn one sign into another."""
    near = [
        (a, b, int((dots_of(a) ^ dots_of(b)).sum()))
        for a, b in combinations(SIGNS, 2)
        if (dots_of(a) ^ dots_of(b)).sum() < 2
    ]
    assert near == []


@pytest.mark.parametrize("sign", "0AHIMOTUVWXY8-:")
def test_symmetric_signs_are_symmetric(sign):
    dots = dots_of(sign)
    if sign == "0":  # its stroke goes from lower left to upper right
        np.testing.assert_array_equal(dots, dots[::-1, ::-1])
    elif sign == ":":
        np.testing.assert_array_equal(dots, dots[::-1])
    else:
        np.testing.assert_array_equal(dots, dots[:, ::-1])


@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_lines_are_one_blank_column_apart(count):
    line = dots_of("E" * count)
    assert line.shape == (ROWS, 6 * count - 1)
    gaps = ~line.any(axis=0)
    assert np.flatnonzero(gaps).tolist() == [6 * k + 5 for k in range(count - 1)]


def test_small_letters_are_drawn_as_capitals():
    assert check_text("cam-7_n.e: a/b") == "CAM-7_N.E: A/B"


@pytest.mark.parametrize("text", ["zürich", "cam#1", "é", "a\tb", "50%"])
def test_text_that_cannot_be_drawn_is_refused_with_what_can(text):
    with pytest.raises(ConfigError, match=r"lens.stamp.text: cannot draw .* use letters, digits"):
        check_text(text)


def test_no_text_draws_nothing():
    assert not dots_of("").any()
    rgb = np.full((60, 300, 3), 90, np.uint8)
    Stamp(StampConfig(text=""), "any", datetime(2026, 5, 4, 3, 2, 1), 60).draw(rgb, 0.0)
    # the time stands at the top only
    assert (rgb[30:] == 90).all()
    assert (rgb[:30] != 90).any()


@pytest.mark.parametrize("size", [(20, 30), (8, 8), (54, 96), (400, 20)])
def test_stamps_never_write_beside_small_pictures(size):
    rgb = np.full((*size, 3), 90, np.uint8)
    Stamp(StampConfig(), "a-long-name-of-a-camera", datetime(2026, 1, 1), size[0]).draw(rgb, 1.0)
    assert set(np.unique(rgb)) <= {16, 90, 235}


# dice


def test_the_table_is_the_normal_distributions_quantiles_and_odd():
    table = normal_table().astype(float)
    np.testing.assert_allclose(table, -table[::-1], atol=1e-6)
    assert (np.diff(table) >= 0).all()
    assert (table**2).mean() == pytest.approx(1, abs=1e-5)
    for sigma, inside in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert (np.abs(table) < sigma).mean() == pytest.approx(inside, abs=2e-4)


def test_keys_hold_sixty_four_bits_and_differ():
    keys = [key_of(Seed(1).child("noise", k)) for k in range(100)]
    assert len(set(keys)) == 100
    assert all(0 <= int(key) < 2**64 for key in keys)
    # low and high halves are both in use
    halves = [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in keys]
    assert len({a for a, _ in halves}) == len({b for _, b in halves}) == 100


# wander


@pytest.mark.parametrize("angle", [1e-15, 1e-3, 0.3, 3.0])
def test_turns_keep_lengths_and_their_own_axis(angle):
    axis = np.array([0.48, -0.6, 0.64])
    turn = small_turns((axis * angle)[None])[0]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    np.testing.assert_allclose(turn @ axis, axis, atol=1e-12)
    assert np.trace(turn) == pytest.approx(1 + 2 * np.cos(angle))


def test_a_turn_and_its_opposite_undo_each_other():
    angles = np.random.Generator(np.random.Philox(3)).normal(size=(50, 3))
    both = small_turns(angles) @ small_turns(-angles)
    np.testing.assert_allclose(both, np.broadcast_to(np.eye(3), both.shape), atol=1e-12)


@pytest.mark.parametrize("band", [(0.25, 2.2), (0.03, 0.12)])
def test_motion_is_no_faster_than_its_band(band):
    """Bernstein: a sum of sines below some rate changes by at most 2 pi rate times its bound."""
    motion = wander(Seed(4), 3, *band)
    times = np.arange(0, 60, 0.01)
    values = motion.at(times)
    bound = np.sqrt(2 / 12) * 12
    assert np.abs(values).max() <= bound
    assert np.abs(np.gradient(values, 0.01, axis=0)).max() <= 2 * np.pi * band[1] * bound
    assert ((motion.rate_hz >= band[0]) & (motion.rate_hz <= band[1])).all()


# metering


def test_the_middle_counts_most_and_even_light_counts_as_itself():
    config = ExposureConfig(key=0.3, strength=1.0, range_ev=5.0)
    even = np.full((20, 30, 3), 0.15, np.float32)
    assert Metering(config, 0.1).follow(even) == pytest.approx(2.0, rel=1e-5)
    spot = np.full((21, 31, 3), 0.3, np.float32)
    middle, corner = spot.copy(), spot.copy()
    middle[10, 15] = corner[0, 0] = 0.9
    factors = [Metering(config, 0.1).follow(light) for light in (spot, corner, middle)]
    assert factors[0] == pytest.approx(1, rel=1e-5)
    assert factors[0] > factors[1] > factors[2]


@pytest.mark.parametrize("level", [1e-9, 1e-3, 1e3, 1e9])
@pytest.mark.parametrize("range_ev", [0.0, 0.7, 2.0])
def test_exposure_never_leaves_its_range_even_in_the_dark(level, range_ev):
    config = ExposureConfig(strength=1.0, range_ev=range_ev)
    factor = Metering(config, 0.04).follow(np.full((4, 5, 3), level, np.float32))
    assert 2.0**-range_ev - 1e-9 <= factor <= 2.0**range_ev + 1e-9


def test_exposure_without_a_setting_is_left_alone():
    meter = Metering(None, 0.04)
    assert [meter.follow(np.full((2, 2, 3), v, np.float32)) for v in (0.1, 9.0)] == [1.0, 1.0]


@pytest.mark.parametrize(("first", "then"), [(0.05, 1.0), (1.0, 0.05)])
def test_exposure_closes_in_at_its_own_pace_for_each_way(first, then):
    config = ExposureConfig(strength=1.0, range_ev=9.0, seconds_up=2.0, seconds_down=0.5)
    meter, frame_s = Metering(config, 0.1), 0.1
    start = np.log2(meter.follow(np.full((3, 3, 3), first, np.float32)))
    goal = np.log2(config.key / then)
    seconds = config.seconds_up if goal > start else config.seconds_down
    for k in range(1, 12):
        stops = np.log2(meter.follow(np.full((3, 3, 3), then, np.float32)))
        expected = goal + (start - goal) * np.exp(-k * frame_s / seconds)
        assert stops == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("warmth", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("tint", [-0.2, 0.0, 0.2])
def test_warmth_is_red_over_blue_and_tint_green_over_both(warmth, tint):
    config = BalanceConfig(warmth=warmth, tint=tint, drift=0.0)
    gains = balance_gains(config, Seed(1), np.arange(5.0))
    logs = np.log(gains)
    np.testing.assert_allclose(logs[:, 0] - logs[:, 2], warmth, atol=1e-12)
    np.testing.assert_allclose(logs[:, 1] - (logs[:, 0] + logs[:, 2]) / 2, tint, atol=1e-12)
    np.testing.assert_allclose(logs.sum(axis=1), 0, atol=1e-12)


@pytest.mark.parametrize("exposure", [0.1, 2.0, 250.0, 900.0, 16_000.0, 1e6])
def test_gain_times_shutter_makes_the_exposure_until_the_sensor_gives_up(exposure):
    config = SensorConfig()
    gain, darker = sensor_gain(config, exposure)
    assert 1 <= gain <= config.most_gain
    assert 0 < darker <= 1
    if exposure <= config.base_exposure * config.most_gain:
        assert darker == 1
        assert gain == pytest.approx(max(exposure / config.base_exposure, 1))
    else:
        assert gain * config.base_exposure / darker == pytest.approx(exposure)
    assert sensor_gain(SensorConfig(gain=4.0), exposure) == (4.0, 1.0)


# optics


def test_a_camera_at_rest_draws_its_own_pinhole():
    optics = still(LOOK, 3)
    assert not optics.sways
    assert not optics.warps
    assert optics.quats == ()
    assert optics.drawn() == LOOK.pinhole
    assert optics.camera_at(2) == LOOK


@pytest.mark.parametrize("mrad", [0.5, 4.0, 20.0])
def test_a_swaying_camera_draws_as_much_more_as_it_turns(mrad):
    turns = small_turns(np.array([[0, mrad, 0], [0, -mrad, 0], [mrad, 0, 0]]) / 1000)
    optics = Optics(LOOK, turns)
    assert optics.sways
    assert optics.warps
    drawn = optics.drawn()
    assert drawn.fx == LOOK.fx
    assert (drawn.cx - LOOK.cx) == int(drawn.cx - LOOK.cx)
    # a pan by an angle a moves the edge at half angle h by f (tan(h + a) - tan(h))
    half = LOOK.hfov_rad / 2
    more = LOOK.fx * (np.tan(half + mrad / 1000) - np.tan(half))
    assert LOOK.width + 2 * more <= drawn.width <= LOOK.width + 2 * more + 2 * (3 + 1) + 2


def test_poses_of_a_swaying_camera_are_rest_times_turn():
    turns = small_turns(np.array([[1.0, 2.0, -3.0], [-4.0, 0.5, 2.0]]) / 100)
    optics = Optics(LOOK, turns)
    rest = matrix_from_quat(np.array(LOOK.quat))
    for frame, turn in enumerate(turns):
        found = matrix_from_quat(np.array(optics.camera_at(frame).quat))
        np.testing.assert_allclose(found, rest @ turn, atol=1e-12)
        glass = optics.glass(eye_of(optics.drawn(), 0.1), frame)
        np.testing.assert_allclose(glass.turn, turn)


def test_a_wild_sway_is_refused_by_the_cameras_name():
    turns = small_turns(np.array([[0.0, 0.9, 0.0], [0.0, -0.9, 0.0]]))
    with pytest.raises(CameraError, match=r"camera 'bent': .* needs a picture of \d+ x \d+ px"):
        Optics(LOOK, turns).drawn()


def test_kernels_know_a_pinhole_by_its_endless_reach():
    assert brown_of(LOOK) == (0, 0, 0, 0, 0, np.inf, 1)
    bent = replace(LOOK, distortion=(-0.2, 0.05, 0.001, 0.002, 0.0))
    assert brown_of(bent)[:5] == bent.distortion
    assert brown_of(bent).reach == bent.lens.reach


# point spread


@pytest.mark.parametrize("sigma", [0.3, 0.55, 1.0, 1.6])
def test_the_point_spread_keeps_light_and_its_width(sigma):
    spread = spread_of(sigma, 0.0, 64, 40)
    weights = spread.weights.astype(float)
    place = np.arange(-RADIUS, RADIUS + 1)
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(weights, weights[::-1])
    exact = np.exp(-0.5 * (place / sigma) ** 2)
    np.testing.assert_allclose(weights, exact / exact.sum(), atol=1e-7)
    assert not spread.columns.any()


def test_colours_part_at_the_corners_and_meet_in_the_middle():
    spread = spread_of(0.5, 1.2, 640, 480)
    red, green, blue = spread.columns
    assert not green.any()
    np.testing.assert_allclose(red, -blue)
    np.testing.assert_allclose(red, -red[::-1], atol=1e-6)
    # half of a pixel's parting each way, along the diagonal
    apart = np.hypot(red[-1] - blue[-1], spread.lines[0, -1] - spread.lines[2, -1])
    assert apart == pytest.approx(1.2, rel=0.01)
    assert spread_of(0.0, 0.0, 8, 8).weights.tolist() == [0, 0, 0, 1, 0, 0, 0]


# dome


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_corners_darken_by_the_fourth_power_of_the_cosine(strength):
    angles = np.radians(np.linspace(0, 50, 26))
    rays = np.zeros((1, len(angles), 2), np.float32)
    rays[0, :, 0] = np.tan(angles)
    found = vignette(VignetteConfig(strength=strength), rays)[0]
    np.testing.assert_allclose(found, 1 - strength * (1 - np.cos(angles) ** 4), rtol=1e-5)


@pytest.mark.parametrize("seed", [0, 3, 8])
def test_dirt_takes_no_more_than_told_per_spot_and_leaves_most_clear(seed):
    config = DirtConfig(strength=0.3, count=1)
    one = dirt(config, Seed(seed), 90, 160)
    assert 0 <= one.min() <= one.max() <= 0.3 + 1e-6
    many = dirt(replace_count(config, 40), Seed(seed), 90, 160)
    assert 0 <= many.min() <= many.max() < 1
    assert many.mean() < 0.15
    np.testing.assert_array_equal(many, dirt(replace_count(config, 40), Seed(seed), 90, 160))


def replace_count(config, count):
    return config.model_copy(update={"count": count})


@pytest.mark.parametrize("time_s", [0.0, 3.3, 60.0])
def test_drops_lie_where_they_fell_until_they_run_down(time_s):
    rain = Rain(DropsConfig(count=60), Seed(2), 540, 960)
    here, later = rain.at(time_s), rain.at(time_s + 0.05)
    assert here.shape == (60, 4)
    assert ((here[:, 0] >= 0) & (here[:, 0] <= 960)).all()
    same = here[:, 0] == later[:, 0]
    assert same.mean() > 0.9
    assert (later[same, 1] >= here[same, 1]).all(), "drops run down, never up"
    resting = same & (here[:, 1] == later[:, 1])
    assert resting.mean() > 0.6


def test_any_instant_of_the_rain_can_be_asked_alone():
    config = DropsConfig(count=30)
    asked = Rain(config, Seed(2), 540, 960)
    for time_s in (8.0, 0.1, 21.5, 8.0):
        fresh = Rain(config, Seed(2), 540, 960)
        np.testing.assert_array_equal(asked.at(time_s), fresh.at(time_s))


def test_sizes_of_drops_are_lognormal_about_the_median_and_scale_with_the_image():
    config = DropsConfig(count=1500, radius_px=20.0)
    small, large = (Rain(config, Seed(5), 9 * k, 16 * k).at(0.0) for k in (60, 120))
    areas = np.sqrt(large[:, 2] * large[:, 3])
    still_round = large[:, 3] / large[:, 2] < 1.6
    assert np.median(areas[still_round]) == pytest.approx(20.0, rel=0.06)
    assert np.std(np.log(areas[still_round])) == pytest.approx(0.45, rel=0.1)
    np.testing.assert_allclose(small[:, 2] * 2, large[:, 2])


@pytest.mark.parametrize(("first", "second"), list(product((1, 2), (3, 4))))
def test_cameras_have_dirt_and_drops_of_their_own(first, second):
    a, b = (dirt(DirtConfig(), Seed(k), 40, 60) for k in (first, second))
    assert (a != b).any()
    x, y = (Rain(DropsConfig(), Seed(k), 40, 60).at(0.0) for k in (first, second))
    assert not np.isin(x[:, 0], y[:, 0]).any()
