"""Times of near misses against plain stepping in time, and the rules at their thresholds."""

import numpy as np
import pytest

from rareworld.core.geometry import footprint, polygon_gap, yaw_from_quat
from rareworld.events.kinematics import WINDOW_S, kinematics
from rareworld.events.motion import bodies_of
from rareworld.events.near_miss import (
    NearMissConfig,
    Pairs,
    detect_near_misses,
    post_encroachment,
    smallest_gap,
    time_to_collision,
)
from tests.events.build import arc, record, straight

LENGTH, WIDTH = 4.65, 1.82
BOTH = Pairs(first=np.array([0]), second=np.array([1]))


def _random_pair(seed):
    """Two cars of which about half are on course to meet."""
    rng = np.random.default_rng(seed)
    paths = []
    for late in (0.0, rng.uniform(-0.6, 0.6)):
        yaw, speed = rng.uniform(-3, 3), rng.uniform(4, 14)
        start = tuple(-speed * (1.2 + late) * np.array([np.cos(yaw), np.sin(yaw)]))
        spin = rng.choice([0.0, rng.uniform(-0.4, 0.4)])
        paths.append(arc(start, yaw, speed, spin) if spin else straight(start, yaw, speed))
    return paths


def _box(at, yaw):
    return footprint(at, yaw, np.array([LENGTH, WIDTH, 1.5]))


def _stepped_ttc(paths, horizon_s, step_s=2e-3):
    """First time at which the boxes overlap; both paths keep speed and turn rate by themselves."""
    time = np.arange(0, horizon_s, step_s)
    boxes = [_box(p.position(time), np.broadcast_to(p.yaw(time), time.shape)) for p in paths]
    met = np.flatnonzero(polygon_gap(*boxes) <= 0)
    return time[met[0]] if len(met) else np.inf


@pytest.mark.parametrize("seed", range(16))
def test_time_to_collision_is_that_of_stepping_on(seed):
    paths = _random_pair(seed)
    bodies = bodies_of(record(paths, 1.0))
    # the first frames of the window have a one-sided turn rate, exact for constant ones
    found = time_to_collision(bodies, kinematics(bodies), BOTH, np.array([0]), 3.0)[0]
    expected = _stepped_ttc(paths, 3.0)
    if np.isinf(expected) or np.isinf(found):
        assert np.isinf(expected) == np.isinf(found)
    else:
        assert found == pytest.approx(expected, abs=6e-3)


def test_about_half_of_the_random_pairs_meet():
    met = [np.isfinite(_stepped_ttc(_random_pair(seed), 3.0)) for seed in range(16)]
    assert 4 <= sum(met) <= 14


def _stepped_pet(paths, duration_s, step_s=0.02):
    """Least lag between a moment of one and a moment of the other that share a place."""
    time = np.arange(0, duration_s, step_s)
    a, b = (_box(p.position(time), np.broadcast_to(p.yaw(time), time.shape)) for p in paths)
    early, late = (x.ravel() for x in np.meshgrid(np.arange(len(time)), np.arange(len(time))))
    near = np.abs(time[early] - time[late]) <= 1.0
    early, late = early[near], late[near]
    close = np.linalg.norm(a[early].mean(1) - b[late].mean(1), axis=1) < LENGTH + WIDTH
    early, late = early[close], late[close]
    if not len(early):
        return np.inf
    shared = polygon_gap(a[early], b[late]) <= 0
    return np.abs(time[early] - time[late])[shared].min() if shared.any() else np.inf


@pytest.mark.parametrize(
    ("late_s", "course_rad"), [(0.9, 1.57), (1.2, 1.57), (1.1, 2.2), (1.0, -1.2), (0.95, 0.9)]
)
def test_post_encroachment_is_that_of_stepping_both_clocks(late_s, course_rad):
    speed = 10.0
    ahead = np.array([np.cos(course_rad), np.sin(course_rad)])
    paths = [
        straight((-15.0, 0.0), 0.0, speed),
        straight(tuple(-speed * (1.5 + late_s) * ahead), course_rad, speed),
    ]
    found = post_encroachment(bodies_of(record(paths, 4.0)), 0, 1, NearMissConfig(pet_s=1.0))
    expected = _stepped_pet(paths, 4.0)
    if found is None:
        assert expected > 0.9
    else:
        # boxes only shrink the lag between samples: the twin is never below by more than a step
        assert found.pet_s == pytest.approx(expected, abs=0.025)
        assert found.in_s - found.out_s == pytest.approx(found.pet_s)


@pytest.mark.parametrize("seed", range(8))
def test_smallest_gap_is_that_of_stepping(seed):
    paths = _random_pair(100 + seed)
    time = np.arange(0, 2.9, 1e-3)
    boxes = [_box(p.position(time), np.broadcast_to(p.yaw(time), time.shape)) for p in paths]
    gaps = polygon_gap(*boxes)
    found, when = smallest_gap(bodies_of(record(paths, 3.0)), 0, 1)
    if gaps.min() > 0:
        assert found == pytest.approx(gaps.min(), abs=0.02)
        assert abs(gaps[np.argmin(np.abs(time - when))] - found) < 0.05


GAP_M = 0.5


@pytest.mark.parametrize(
    ("field", "value", "count"),
    [
        ("pass_gap_m", GAP_M + 0.05, 1),
        ("pass_gap_m", GAP_M - 0.05, 0),
        ("pass_speed_mps", 9.9, 1),
        ("pass_speed_mps", 10.1, 0),
        ("min_speed_mps", 14.9, 1),
        ("min_speed_mps", 15.1, 0),
    ],
)
def test_a_close_pass_begins_at_its_thresholds(field, value, count):
    side = (WIDTH + 0.6) / 2 + GAP_M
    paths = [straight((-40, 0), 0, 15), straight((-10, -side), 0, 5, blueprint="bicycle")]
    settings = {"pass_gap_m": GAP_M + 0.05, "ttc_s": 0.0, "pet_s": 0.0, field: value}
    found = detect_near_misses(record(paths), NearMissConfig(**settings))
    assert len(found) == count


@pytest.mark.parametrize(("pet_s", "count"), [(0.60, 1), (0.55, 0)])
def test_a_crossing_begins_at_its_threshold(pet_s, count):
    """Closed form: strip and car lengths at 10 m/s, 0.353 s plus the lag of the start."""
    lag = (LENGTH + WIDTH) / 10
    start = -(20 + 10 * (0.58 + lag))
    paths = [straight((-20, 0), 0, 10), straight((0, start), np.pi / 2, 10)]
    config = NearMissConfig(pet_s=pet_s, ttc_s=0.0, pass_gap_m=0.0)
    assert len(detect_near_misses(record(paths), config)) == count


@pytest.mark.parametrize(("angle_deg", "count"), [(20.0, 1), (40.0, 0)])
def test_paths_at_a_small_angle_follow_each_other(angle_deg, count):
    course = np.radians(30.0)
    start = tuple(-21.0 * np.array([np.cos(course), np.sin(course)]))
    paths = [straight((-12, 0), 0, 10), straight(start, course, 10)]
    config = NearMissConfig(pet_angle_deg=angle_deg, ttc_s=0.0, pass_gap_m=0.0)
    assert len(detect_near_misses(record(paths), config)) == count


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_found_among_fewer_than_two(count):
    paths = [straight((0, 0), 0, 10)] * count
    if count:
        assert detect_near_misses(record(paths)) == ()
    single = record([straight((0, 0), 0, 10), straight((8, 0), np.pi, 10)], duration_s=1 / 30)
    assert detect_near_misses(single) == ()


@pytest.mark.parametrize(
    ("speed", "spin", "accel"),
    [(10.0, 0.3, 0.0), (5.0, -0.8, 0.0), (12.0, 0.0, -3.0), (0.0, 0.0, 2.0), (8.0, 0.0, 0.0)],
)
def test_kinematics_of_steady_motion(speed, spin, accel):
    """Circle: across = speed x turn; line: along = acceleration; heading by its own formula."""
    path = arc((0, 0), 0.4, speed, spin) if spin else straight((0, 0), 0.4, speed, accel_mps2=accel)
    recording = record([path], 2.0)
    moving = kinematics(bodies_of(recording))
    time = recording.tracks.time_s
    inner = (time > WINDOW_S) & (time < time[-1] - WINDOW_S)
    np.testing.assert_allclose(moving.turn_radps[0, inner], spin, atol=1e-6)
    np.testing.assert_allclose(moving.across_mps2[0, inner], spin * speed, atol=1e-4)
    np.testing.assert_allclose(moving.along_mps2[0, inner], accel, atol=1e-4)
    np.testing.assert_allclose(moving.speed_mps[0], np.abs(speed + accel * time), atol=1e-6)
    np.testing.assert_allclose(moving.yaw_rad[0], yaw_from_quat(recording.tracks.quat[0]))


def test_one_frame_of_noise_in_the_heading_is_spread_over_the_window():
    """A jump of 0.02 rad for one frame of 30: at most 0.02 rad over 0.3 s."""
    path = straight((0, 0), 0.0, 10.0)
    recording = record([path], 2.0)
    quat = recording.tracks.quat
    quat[0, 30] = [np.cos(0.01), 0, 0, np.sin(0.01)]
    moving = kinematics(bodies_of(recording))
    assert np.abs(moving.turn_radps).max() <= 0.02 / WINDOW_S * 1.2
    assert np.abs(moving.turn_radps).max() > 0.04
