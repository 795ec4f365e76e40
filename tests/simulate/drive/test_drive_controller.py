"""The driver's laws one by one, without physics."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.trajectory import Lamp
from rareworld.simulate.drive.controller import (
    ControllerConfig,
    accel_mps2,
    lamps,
    steer_rad,
    wheeled_command,
)
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.drive.manoeuvre import BrakeHard, CutIn, FollowPath, Swerve, WalkPath
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.state import BodyState
from tests.simulate.drive.drive_bench import corner, straight

CAR, BASE = BLUEPRINTS["saloon"], ControllerConfig()


def body(x=0.0, y=0.0, yaw=0.0, speed=10.0, steer=0.0, time_s=0.0):
    return replace(BodyState.upright(time_s, np.array([x, y, 0.0]), yaw, speed), steer_rad=steer)


def circle(radius):
    angle = np.linspace(0, math.pi, 600)
    return Path.through(radius * np.stack([np.sin(angle), 1 - np.cos(angle)], axis=-1))


@pytest.mark.parametrize("radius", [10.0, 25.0, 80.0])
def test_on_a_circle_the_wheels_stand_at_ackermanns_angle(radius):
    """On the path and along it, only the feed forward is left."""
    path, speed = circle(radius), 4.0
    station = radius * 1.2
    crab = math.asin(CAR.wheelbase_m / 2 / radius)
    heading = path.heading_rad(station + speed * BASE.preview_s) - crab
    own = body(*path.position(station)[:2], heading, speed, steer=CAR.wheelbase_m / radius)
    wanted = math.atan(CAR.wheelbase_m / radius) + BASE.understeer_s2pm * speed**2 / radius
    assert steer_rad(path, station, 0.0, own, CAR, BASE) == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize(
    ("offset", "yaw", "sign"), [(1.0, 0.0, -1), (-1.0, 0.0, 1), (0.0, 0.2, -1), (0.0, -0.2, 1)]
)
def test_steering_leads_back_to_the_path(offset, yaw, sign):
    own = body(50, offset, yaw)
    angle = steer_rad(straight(), 50.0, offset, own, CAR, BASE)
    assert angle * sign > 0


@given(st.floats(-20, 20), st.floats(-3.1, 3.1), st.floats(0, 40), st.floats(-0.6, 0.6))
def test_steering_keeps_within_rate_and_stop(offset, yaw, speed, steer):
    own = body(50, offset, yaw, speed, steer)
    angle = steer_rad(straight(), 50.0, offset, own, CAR, BASE)
    assert abs(angle) <= CAR.max_steer_rad
    assert abs(angle - steer) <= BASE.steer_rate_radps * BASE.period_s + 1e-9


def test_pull_to_the_path_is_milder_at_speed():
    loose = BASE.model_copy(update={"steer_rate_radps": 1e6})
    slow, fast = (
        abs(steer_rad(straight(), 50.0, 1.0, body(50, 1.0, 0, v), CAR, loose)) for v in (2.0, 30.0)
    )
    assert slow > 4 * fast
    assert fast == pytest.approx(math.atan(3.0 / 31.5), rel=1e-6)


@pytest.mark.parametrize(
    ("station", "speed", "wanted"),
    [
        (10.0, 10.0, 0.12),
        (10.0, 9.0, 0.12 + 2.5),
        (9.5, 10.0, 0.12 + 1.0),
        (20.0, 14.0, -8.0),
        (0.0, 0.0, 3.0),
    ],
)
def test_acceleration_feeds_back_speed_and_station(station, speed, wanted):
    profile = SpeedProfile.constant(10.0)
    own = body(speed=speed)
    assert accel_mps2(profile, 1.0, station, own, CAR, BASE) == pytest.approx(wanted)


@pytest.mark.parametrize(("name", "brake"), [("saloon", -3.0), ("adult", -3.0), ("bicycle", -3.0)])
def test_a_profile_at_rest_is_held_by_the_brake(name, brake):
    profile = SpeedProfile.constant(5.0).brake_from(0.0, 5.0)
    got = accel_mps2(profile, 3.0, 2.5, body(speed=0.0), BLUEPRINTS[name], BASE)
    assert got == brake


@pytest.mark.parametrize(
    ("accel", "always", "wanted"),
    [
        (-1.0, Lamp.NONE, Lamp.BRAKE),
        (-0.4, Lamp.NONE, Lamp.NONE),
        (2.0, Lamp.LEFT_BLINKER, Lamp.LEFT_BLINKER),
        (-2.0, Lamp.LEFT_BLINKER, Lamp.LEFT_BLINKER | Lamp.BRAKE),
    ],
)
def test_brake_lamps_light_beside_those_that_are_always_on(accel, always, wanted):
    assert lamps(accel, BASE, always) == int(wanted)


def test_the_whole_command_is_made_of_its_parts():
    path, profile, own = corner(), SpeedProfile.constant(6.0), body(9.0, 0.1, 0.02, 5.5)
    station, offset = path.project(own.position_m)
    command = wheeled_command(path, profile, 1.5, own, CAR, BASE, Lamp.NONE)
    assert command.steer_rad == steer_rad(path, station, offset, own, CAR, BASE)
    assert command.accel_mps2 == accel_mps2(profile, 1.5, station, own, CAR, BASE)


FOLLOW = FollowPath(CAR, straight(), SpeedProfile.constant(10.0))
DRIVERS = {
    "follow": FOLLOW,
    "brake": BrakeHard(FOLLOW, 1.0),
    "swerve": Swerve(FOLLOW, 1.0, 2.0, hold_m=5.0),
    "cut in": CutIn(FOLLOW, 1.0, 3.5),
    "walk": WalkPath(BLUEPRINTS["adult"], straight(), SpeedProfile.constant(1.4)),
}


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_decides_by_what_it_is_shown_alone(name):
    driver = DRIVERS[name]
    assert isinstance(driver, Driver)
    own = body(8.0, 0.3, 0.05, 9.0)
    first = driver.command(0.8, own, {})
    driver.command(2.5, body(25.0), {3: own})
    assert driver.command(0.8, own, {}) == first


def test_braking_starts_with_its_second_and_keeps_the_steering():
    own = body(10.0, 0.2, 0.02)
    plain = FOLLOW.command(1.0, own, {})
    braking = BrakeHard(FOLLOW, 1.0, decel_mps2=6.0)
    assert braking.command(0.999, own, {}).accel_mps2 > -1
    hard = braking.command(1.0, own, {})
    assert hard.accel_mps2 == -6.0
    assert hard.steer_rad == plain.steer_rad
    assert hard.lamps & Lamp.BRAKE


@pytest.mark.parametrize(
    ("hold", "at", "offset"),
    [(None, 9.0, 0.0), (None, 26.0, 2.0), (None, 90.0, 2.0), (4.0, 28.0, 2.0), (4.0, 60.0, 0.0)],
)
def test_a_swerve_shifts_the_path_between_its_stations(hold, at, offset):
    """Begins at 10 m (1 s at 10 m/s), is out after 15 m, is held, and comes back over 15 m."""
    path = Swerve(FOLLOW, 1.0, 2.0, hold_m=hold).path
    assert path.position(at)[1] == pytest.approx(offset, abs=0.01)


@pytest.mark.parametrize(
    ("time_s", "side", "on"),
    [(0.0, 3.5, False), (0.6, 3.5, True), (1.5, -3.5, True), (4.0, 3.5, False)],
)
def test_the_blinker_is_on_around_the_lane_change_only(time_s, side, on):
    driver = CutIn(FOLLOW, 1.2, side, length_m=10.0, blinks=True)
    got = driver.command(time_s, body(10 * time_s), {}).lamps
    lamp = Lamp.LEFT_BLINKER if side > 0 else Lamp.RIGHT_BLINKER
    assert bool(got & lamp) is on
    silent = replace(driver, blinks=False).command(time_s, body(10 * time_s), {}).lamps
    assert not silent & lamp


def slow_project(path, point):
    """The nearest of many points laid densely along the path."""
    stations = np.linspace(0, path.length_m, 20001)
    places = np.stack([np.interp(stations, path.station_m, axis) for axis in path.points_m.T[:2]])
    away = np.hypot(*(places - np.asarray(point)[:2, None]))
    best = int(away.argmin())
    return stations[best], away[best]


@settings(deadline=None, max_examples=40)
@given(st.floats(-8, 30), st.floats(-12, 30))
def test_project_finds_the_nearest_place(x, y):
    path = corner(10.0)
    station, offset = path.project(np.array([x, y, 0.0]))
    near_m, away_m = slow_project(path, (x, y))
    if 0 < station < path.length_m:
        assert abs(offset) == pytest.approx(away_m, rel=1e-3, abs=2e-3)
    else:
        assert near_m in (0.0, pytest.approx(path.length_m))
    inside = min(max(station, 0.0), path.length_m)
    there = np.hypot(*(path.position(inside)[:2] - (x, y)))
    assert there <= away_m + 0.02


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_paths_keep_the_shape_of_the_polyline_they_were_made_of(seed):
    rng = np.random.default_rng(seed)
    line = np.cumsum(rng.uniform(0.5, 6.0, (8, 2)), axis=0)
    path = Path.through(line)
    run = np.hypot(*np.diff(line, axis=0).T)
    assert path.length_m <= run.sum() + 1e-9
    assert path.length_m == pytest.approx(run.sum(), rel=0.02)
    np.testing.assert_allclose(path.position(0.0)[:2], line[0], atol=1e-9)
    np.testing.assert_allclose(path.position(path.length_m)[:2], line[-1], atol=1e-9)
    assert np.all(np.diff(path.station_m) > 0)
    for corner_m in line[1:-1]:
        assert abs(path.project(np.array([*corner_m, 0.0]))[1]) < 0.13
