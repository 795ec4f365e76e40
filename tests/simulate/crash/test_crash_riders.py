"""Walkers and riders on their own, into obstacles, into each other, and at the limits."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.scene import Prop, PropKind
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.upright import Upright, advance, write_rows
from rareworld.simulate.state import BodyState, Command
from tests.simulate.crash.crash_bench import COARSE, G, pose, put, rotation, world

GRIP = 0.85 * G


def ridden(name, command, seconds, speed, dt=0.005, grip=GRIP):
    now = Upright(x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=speed)
    for _ in range(round(seconds / dt)):
        now = advance(now, BLUEPRINTS[name], command, grip, dt)
    return now


@pytest.mark.parametrize(
    ("name", "ask", "seconds", "speed"),
    [
        ("bicycle", -99.0, 1.0, 5.0 - 4.0),
        ("bicycle", 99.0, 1.0, 5.0 + 1.0),
        ("bicycle", 99.0, 20.0, 9.0),
        ("motorcycle", -99.0, 3.0, 0.0),
        ("adult", 99.0, 5.0, 6.0),
        ("child", -99.0, 1.0, 2.0),
    ],
)
def test_speed_keeps_within_the_blueprint(name, ask, seconds, speed):
    assert ridden(name, Command(accel_mps2=ask), seconds, 5.0).speed_mps == pytest.approx(speed)


@pytest.mark.parametrize("dt", [0.001, 0.002, 0.005])
def test_a_steady_turn_comes_back_to_its_start_after_a_full_circle(dt):
    spec, steer, speed = BLUEPRINTS["bicycle"], 0.2, 4.0
    slip = math.atan(0.5 * math.tan(steer))
    rate = speed * math.cos(slip) * math.tan(steer) / spec.wheelbase_m
    start = Upright(x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=speed, steer_rad=steer)
    now, steps = start, round(2 * math.pi / rate / dt)
    for _ in range(steps):
        now = advance(now, spec, Command(steer_rad=steer), GRIP, dt)
    assert now.yaw_rad == pytest.approx(rate * steps * dt, rel=1e-9)
    assert math.hypot(now.x_m, now.y_m) < 2 * speed * dt


def test_grip_limits_how_sharply_a_rider_turns():
    fast = ridden("motorcycle", Command(steer_rad=0.6), 2.0, 20.0)
    assert fast.speed_mps * fast.yaw_rate_radps == pytest.approx(GRIP, rel=1e-6)
    assert -fast.roll_rad == pytest.approx(math.atan(0.85), abs=0.01)
    icy = ridden("motorcycle", Command(steer_rad=0.6), 2.0, 20.0, grip=0.1 * G)
    assert icy.speed_mps * icy.yaw_rate_radps == pytest.approx(0.1 * G, rel=1e-6)


def test_riders_steer_no_faster_than_hands_do():
    assert ridden("bicycle", Command(steer_rad=0.6), 0.1, 5.0).steer_rad == pytest.approx(0.2)


def test_walkers_turn_with_their_time_constant_and_no_faster_than_people():
    small = ridden("adult", Command(steer_rad=0.1), 0.1, 1.4)
    assert small.yaw_rate_radps == pytest.approx(0.1 / 0.25)
    assert ridden("adult", Command(steer_rad=3.0), 0.1, 1.4).yaw_rate_radps == 3.0


@pytest.mark.parametrize("lean", [0.0, 0.4, -0.3])
def test_pose_and_motion_of_a_leaning_rider_are_those_of_its_mass_centre(lean):
    """Velocity rows against the difference of two poses a little apart."""
    ground, tall = Ground(level_m=0.7), 0.95
    now = Upright(
        x_m=3.0, y_m=-2.0, yaw_rad=0.8, speed_mps=6.0, yaw_rate_radps=0.5, slip_rad=0.05,
        roll_rad=lean,
    )  # fmt: skip
    dt = 1e-6
    course = now.yaw_rad + now.slip_rad
    later = Upright(
        x_m=3.0 + 6 * math.cos(course) * dt, y_m=-2.0 + 6 * math.sin(course) * dt,
        yaw_rad=0.8 + 0.5 * dt, speed_mps=6.0, slip_rad=0.05, roll_rad=lean,
    )  # fmt: skip
    rows = [(np.zeros(7), np.zeros(6)) for _ in range(2)]
    for state, (qpos, qvel) in zip((now, later), rows, strict=True):
        write_rows(state, tall, ground, qpos, qvel)
    (first, motion), (second, _) = rows
    np.testing.assert_allclose((second - first)[:3] / dt, motion[:3], atol=1e-5)
    turn = rotation(first[3:])
    np.testing.assert_allclose(turn @ motion[3:], (0, 0, 0.5), atol=1e-12)
    foot = first[:3] - tall * turn[:, 2]
    np.testing.assert_allclose(foot, (3, -2, 0.7), atol=1e-12)


def test_what_is_handed_over_keeps_speed_along_the_heading():
    state = BodyState.upright(0.0, np.array([1.0, 2.0, 0.0]), 2.0, 3.0)
    balance = Upright.of(state)
    assert (balance.x_m, balance.y_m) == (1.0, 2.0)
    assert balance.yaw_rad == pytest.approx(2.0)
    assert balance.speed_mps == pytest.approx(3.0)


def wall(at):
    prop = Prop(id=8, kind=PropKind.WALL, position_m=(at, 0, 0), yaw_rad=math.pi / 2,
                size_m=(6, 0.3, 2))  # fmt: skip
    return Obstacles(props=(prop,))


@pytest.mark.parametrize(
    ("name", "speed"), [("adult", 1.4), ("bicycle", 5.0), ("motorcycle", 12.0)]
)
def test_whoever_meets_a_wall_stops_at_it_and_lies_down(name, speed):
    place = world(COARSE, wall(3.0))
    put(place, 1, name, pose(0, speed=speed))
    place.step_to(3.0 / speed + 2.5)
    assert place.is_free(1)
    contact = place.contacts()[0]
    assert (contact.first, contact.second) == (1, 8)
    assert contact.relative_speed_mps == pytest.approx(speed, abs=0.1)
    assert contact.point_m[0] == pytest.approx(2.85, abs=0.05)
    assert float(place.state(1).position_m[0]) < 2.85 + 0.3
    assert place.state(1).speed_mps < 0.3


def test_a_cyclist_and_a_pedestrian_bring_each_other_down():
    place = world()
    put(place, 1, "bicycle", pose(-4, speed=6.0))
    put(place, 2, "adult", pose(0, -0.2, math.pi / 2, 0.3))
    place.step_to(2.5)
    assert place.is_free(1)
    assert place.is_free(2)
    assert (place.contacts()[0].first, place.contacts()[0].second) == (1, 2)
    ups = [rotation(place.state(i).quat)[2, 2] for i in (1, 2)]
    assert max(ups) < 0.7


@pytest.mark.parametrize("name", ["motorcycle", pytest.param("bicycle", marks=pytest.mark.slow)])
def test_a_rider_struck_from_behind_is_thrown_forward_and_falls(name):
    place = world(COARSE)
    put(place, 1, "saloon", pose(-6, speed=15.0))
    put(place, 2, name, pose(0, speed=4.0))
    place.step_to(0.9)
    assert place.state(2).velocity_mps[0] > 8.0
    assert not place.is_free(1)
    place.command(1, Command(accel_mps2=-8.0))
    place.step_to(4.0)
    assert rotation(place.state(2).quat)[2, 2] < 0.7
    assert place.state(2).position_m[0] > 8.0
    assert abs(place.state(2).position_m[1]) < 6.0


@pytest.mark.parametrize("friction", [0.4, 0.66])
def test_people_slide_as_far_as_friction_lets_them(friction):
    """Thrown flat along the ground at 8 m/s; tumbling and the fall lengthen it a little."""
    base = COARSE
    contact = base.contact.model_copy(update={"person_friction": friction})
    place = world(base.model_copy(update={"contact": contact}))
    put(place, 1, "saloon", pose(-3.2, speed=8.0))
    put(place, 2, "adult", pose(0, 0, math.pi / 2, 0.0))
    place.step_to(0.25)
    place.remove(1)
    thrown = place.state(2)
    place.step_to(4.5)
    way = float(np.linalg.norm((place.state(2).position_m - thrown.position_m)[:2]))
    most = thrown.speed_mps**2 / (2 * friction * G)
    assert place.state(2).speed_mps < 0.1
    assert 0.4 * most < way < 1.8 * most
