"""Drivers with tyres: on the path, on time, within limits."""

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.manoeuvre import BrakeHard, CutIn, FollowPath, Swerve, WalkPath
from rareworld.simulate.drive.speed import Limits, SpeedProfile, reach
from tests.simulate.drive.drive_bench import arrival, corner, drive, straight


def follow(name, path, speed):
    return FollowPath(BLUEPRINTS[name], path, SpeedProfile.constant(speed))


@pytest.mark.parametrize(
    ("name", "speed", "radius", "side"),
    [("saloon", 6.0, 8, 1), ("suv", 6.0, 8, -1), ("van", 6.0, 8, 1),
     pytest.param("city_bus", 4.0, 12, 1, marks=pytest.mark.slow),
     ("bicycle", 5.0, 8, -1), ("motorcycle", 6.0, 8, 1), ("saloon", 14.0, 60, 1)],
)  # fmt: skip
def test_turns_are_driven_within_a_quarter_metre(name, speed, radius, side):
    path = corner(radius, side)
    states = drive(name, follow(name, path, speed), speed, path.length_m / speed - 0.2)
    worst = max(abs(path.project(s.position_m)[1]) for s in states)
    assert worst < 0.25


@pytest.mark.parametrize(
    ("name", "speed", "span", "end"),
    [("saloon", 10.0, 4.5, 12.0), ("van", 14.0, 4.0, 8.0), ("bicycle", 5.0, 8.0, 5.5)],
)
def test_cars_and_bicycles_arrive_on_time_at_the_speed_wanted(name, speed, span, end):
    path = straight()
    profile = reach(
        distance_m=42,
        duration_s=span,
        from_mps=speed,
        to_mps=end,
        limits=Limits.of(BLUEPRINTS[name]),
    )
    driver = FollowPath(BLUEPRINTS[name], path, profile)
    when, pace = arrival(list(drive(name, driver, speed, span + 0.3)), path, 42.0)
    assert when == pytest.approx(span, abs=0.05)
    assert pace == pytest.approx(end, abs=0.3)


def test_arrival_after_a_turn_is_on_time():
    path, spec = corner(), BLUEPRINTS["saloon"]
    profile = reach(distance_m=30, duration_s=5.2, from_mps=6, to_mps=5, limits=Limits.of(spec))
    when, pace = arrival(list(drive("saloon", FollowPath(spec, path, profile), 6, 5.6)), path, 30)
    assert when == pytest.approx(5.2, abs=0.05)
    assert pace == pytest.approx(5.0, abs=0.3)


def test_walker_follows_a_path_and_arrives_on_time():
    path, spec = corner(3.0, lead=3.0, tail=3.0), BLUEPRINTS["adult"]
    driver = WalkPath(spec, path, SpeedProfile.constant(1.4))
    states = list(drive("adult", driver, 1.4, 7.0))
    assert max(abs(path.project(s.position_m)[1]) for s in states) < 0.1
    assert arrival(states, path, 8.0)[0] == pytest.approx(8.0 / 1.4, abs=0.05)


def test_hard_braking_starts_on_time_and_lights_the_lamps():
    driver = BrakeHard(follow("saloon", straight(), 15.0), at_s=0.5, decel_mps2=7.0)
    states = list(drive("saloon", driver, 15.0, 3.2))
    before, after = (s for s in states if abs(s.time_s - 0.4) < 0.01 or abs(s.time_s - 1.0) < 0.01)
    assert before.speed_mps == pytest.approx(15.0, abs=0.1)
    assert after.speed_mps == pytest.approx(15.0 - 0.5 * 7.0, abs=0.35)
    assert not before.lamps & Lamp.BRAKE
    assert after.lamps & Lamp.BRAKE
    assert states[-1].speed_mps < 0.01


def test_swerve_goes_out_and_comes_back():
    driver = Swerve(follow("saloon", straight(), 12.0), 0.5, 1.8, length_m=20.0, hold_m=4.0)
    states = list(drive("saloon", driver, 12.0, 5.0))
    lateral = [s.position_m[1] for s in states]
    assert max(lateral) == pytest.approx(1.8, abs=0.25)
    assert abs(lateral[-1]) < 0.1
    assert abs(lateral[14]) < 0.05


def test_cut_in_ends_in_the_other_lane_and_blinks_if_told():
    driver = CutIn(follow("hatchback", straight(), 15.0), 0.5, -3.5, length_m=30.0, blinks=True)
    states = list(drive("hatchback", driver, 15.0, 4.0))
    assert states[-1].position_m[1] == pytest.approx(-3.5, abs=0.15)
    assert any(s.lamps & Lamp.RIGHT_BLINKER for s in states)
    assert not states[-1].lamps & Lamp.RIGHT_BLINKER


@pytest.mark.parametrize("offset", [5.0, -30.0])
def test_commands_keep_within_the_blueprint_whatever_the_error(offset):
    spec = BLUEPRINTS["saloon"]
    driver = follow("saloon", straight(), 40.0)
    own = next(iter(drive("saloon", driver, 5.0, 1.0)))
    own.position_m[1] = offset
    command = driver.command(0.0, own, {})
    assert abs(command.steer_rad) <= 1.0 / 30 + 1e-9
    assert -spec.max_brake_mps2 <= command.accel_mps2 <= spec.max_accel_mps2


def test_same_view_gives_same_command():
    driver = follow("saloon", corner(), 6.0)
    own = next(iter(drive("saloon", driver, 6.0, 1.0)))
    assert driver.command(1.0, own, {}) == driver.command(1.0, own, {})


def test_people_do_not_drive():
    with pytest.raises(ScenarioError, match="people use WalkPath"):
        follow("adult", straight(), 1.0)


def test_stopped_profile_holds_the_vehicle():
    profile = SpeedProfile.constant(6.0).brake_from(0.5, 3.0)
    states = list(drive("suv", FollowPath(BLUEPRINTS["suv"], straight(), profile), 6.0, 4.0))
    assert states[-1].speed_mps < 0.01
    assert np.hypot(*(states[-1].position_m[:2] - (9.0, 0))) < 0.4


@pytest.mark.parametrize(
    ("name", "side", "yaw", "speed"),
    [("saloon", 1.5, -0.1, 10.0), ("van", -1.5, 0.1, 8.0), ("bicycle", 0.8, 0.0, 5.0)],
)
def test_joining_a_path_from_beside_it_is_smooth_and_ends_on_it(name, side, yaw, speed):
    """As at a hand-over: the body starts off the path and off its heading."""
    way = straight().position(0.0) + np.array([0.0, side, 0.0])
    joined = straight().joined_from(way, yaw, 20.0)
    driver = FollowPath(BLUEPRINTS[name], joined, SpeedProfile.constant(speed))
    states = list(drive(name, driver, speed, 36.0 / speed, way, yaw))
    assert abs(states[-1].position_m[1]) < 0.1
    assert abs(states[-1].yaw_rad) < 0.03
    assert max(abs(joined.project(s.position_m)[1]) for s in states) < 0.25
    turns = [abs(float(s.angular_velocity_radps[2])) * s.speed_mps for s in states]
    assert max(turns) < 3.5


@pytest.mark.parametrize("name", ["saloon", "bicycle", "adult"])
def test_late_starters_catch_up_with_their_profile(name):
    spec = BLUEPRINTS[name]
    speed = min(0.5 * spec.top_speed_mps, 8.0)
    profile = SpeedProfile.constant(speed, start_m=1.0)
    path = straight()
    kind = WalkPath if name == "adult" else FollowPath
    states = list(drive(name, kind(spec, path, profile), speed, 4.0))
    behind = [profile.station_m(s.time_s) - path.project(s.position_m)[0] for s in states]
    assert behind[0] == pytest.approx(1.0, abs=0.01)
    assert abs(behind[-1]) < 0.15
    assert states[-1].speed_mps == pytest.approx(speed, abs=0.2)


def test_a_bend_too_fast_for_its_tyres_leads_wide_and_not_over():
    """8 m radius at 14 m/s asks 24 m/s^2; the tyres have 8."""
    path = corner(8.0)
    states = list(drive("saloon", follow("saloon", path, 14.0), 14.0, 1.8))
    wide = max(abs(path.project(s.position_m)[1]) for s in states)
    assert 1.0 < wide < 15.0
    change = np.diff([s.velocity_mps[:2] for s in states], axis=0) * 30
    assert np.hypot(*change.T).max() < 1.1 * 0.85 * 9.81
    assert all(s.position_m[2] < 0.2 for s in states)
