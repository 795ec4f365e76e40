"""The world's promises: determinism, adding and removing, guidance, hand-over."""

import numpy as np
import pytest

from rareworld.core.scene import Prop, PropKind
from rareworld.errors import ScenarioError
from rareworld.simulate.crash.config import PhysicsConfig, TyreConfig
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.state import Command
from tests.simulate.crash.crash_bench import COARSE, ICE, G, pose, put, rotation, run, world


def crash_scene():
    place = world()
    put(place, 1, "saloon", pose(-6, 0, 0, 14.0))
    put(place, 2, "hatchback", pose(1, -5, np.pi / 2, 11.0))
    put(place, 3, "adult", pose(4, -1.0, np.pi / 2, 1.4))
    put(place, 4, "bicycle", pose(-4, 5, 0, 5.0))
    put(place, 5, "van", pose(12, 0, 0, 3.0), kinematic=True)
    place.command(4, Command(steer_rad=0.05))
    return place


def fingerprint(place, ids=(1, 2, 3, 4, 5)):
    states = [place.state(i) for i in ids]
    parts = [
        part
        for s in states
        for part in (s.position_m, s.quat, s.velocity_mps, s.angular_velocity_radps)
    ]
    return np.concatenate(parts).tobytes() + repr(place.contacts()).encode()


def test_same_calls_give_same_bytes_however_steps_are_split():
    prints = []
    for piece in (1.2, 1 / 30, 0.002):
        place = crash_scene()
        k = 0
        while k * piece < 1.2:
            k += 1
            place.step_to(min(k * piece, 1.2))
        prints.append(fingerprint(place))
    assert len(place.contacts()) >= 1
    assert prints[0] == prints[1] == prints[2]


@pytest.mark.parametrize("when", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
def test_adding_and_removing_far_bodies_does_not_disturb_others(when):
    plain, busy = crash_scene(), crash_scene()
    plain.step_to(when)
    busy.step_to(when)
    put(busy, 90, "city_bus", pose(200, 200, 1.0, 5.0))
    put(busy, 91, "estate", pose(-200, 100, 1.0, 5.0), kinematic=True)
    for place in (plain, busy):
        place.step_to(0.8)
    busy.remove(90)
    for place in (plain, busy):
        place.step_to(1.1)
    for actor_id in (1, 2, 3, 4):
        a, b = plain.state(actor_id), busy.state(actor_id)
        np.testing.assert_allclose(a.position_m, b.position_m, atol=1e-6)
        np.testing.assert_allclose(a.velocity_mps, b.velocity_mps, atol=1e-5)


def test_untouched_bodies_stay_bit_equal_when_others_come():
    plain, busy = world(), world()
    for place in (plain, busy):
        put(place, 1, "saloon", pose(0, speed=12.0))
        place.command(1, Command(steer_rad=0.05, accel_mps2=1.0))
        place.step_to(0.3)
    put(busy, 2, "van", pose(50, 50, 0, 3.0))
    for place in (plain, busy):
        place.step_to(1.0)
    assert fingerprint(plain, (1,)) == fingerprint(busy, (1,))


def test_states_given_come_back_and_lie_on_the_grid_of_time():
    place = world(start_s=2.0)
    put(place, 1, "saloon", pose(3, 4, 0.7, 9.0))
    state = place.state(1)
    np.testing.assert_allclose(state.position_m, (3, 4, 0), atol=1e-12)
    assert state.yaw_rad == pytest.approx(0.7)
    assert state.speed_mps == pytest.approx(9.0)
    place.step_to(2.1001)
    assert place.time_s == pytest.approx(2.1)


def test_kinematic_bodies_go_where_they_are_told():
    place = world()
    put(place, 1, "van", pose(0, 0, 0, 5.0), kinematic=True)
    for k in range(1, 11):
        angle = 0.05 * k
        goal = pose(100 * np.sin(angle), 100 * (1 - np.cos(angle)), angle, 50.0, time_s=k / 10)
        assert place.follow(1, goal)
        place.step_to(k / 10)
        state = place.state(1)
        np.testing.assert_allclose(state.position_m, goal.position_m, atol=1e-9)
        np.testing.assert_allclose(rotation(state.quat)[0, 0], np.cos(angle), atol=1e-9)
    place.step_to(1.2)
    far = goal.position_m + 0.2 * goal.velocity_mps
    np.testing.assert_allclose(place.state(1).position_m, far, atol=1e-9)


@pytest.mark.parametrize("name", ["saloon", "bicycle", "adult"])
def test_release_hands_over_position_and_speed_without_a_jump(name):
    place = world()
    put(place, 1, name, pose(0, 0, 0.3, 4.0), kinematic=True)
    place.step_to(0.5)
    before = place.state(1)
    place.release(1)
    after = place.state(1)
    np.testing.assert_array_equal(before.position_m, after.position_m)
    assert not place.follow(1, pose(9, 9))
    place.step_to(0.502)
    moved = place.state(1)
    np.testing.assert_allclose(moved.velocity_mps[:2], before.velocity_mps[:2], atol=0.01)
    assert not place.is_free(1)


def test_touched_kinematic_body_becomes_free_with_its_true_momentum():
    place = world(ICE)
    put(place, 1, "saloon", pose(-5, 0, 0, 15.0))
    put(place, 2, "saloon", pose(1, 0, 0, 5.0), kinematic=True)
    place.step_to(1.0)
    assert place.is_free(2)
    total = place.state(1).velocity_mps[0] + place.state(2).velocity_mps[0]
    assert total == pytest.approx(20.0, rel=1e-3)
    assert place.state(2).velocity_mps[0] > 10.0


def test_kinematic_bodies_pass_through_each_other_and_obstacles():
    wall = Prop(id=9, kind=PropKind.WALL, position_m=(5, 0, 0), yaw_rad=1.57, size_m=(8, 0.3, 2))
    place = world(obstacles=Obstacles(props=(wall,)))
    put(place, 1, "saloon", pose(0, 0, 0, 10.0), kinematic=True)
    put(place, 2, "saloon", pose(10, 0, np.pi, 10.0), kinematic=True)
    place.step_to(1.5)
    assert place.contacts() == ()
    np.testing.assert_allclose(place.state(1).position_m, (15, 0, 0), atol=1e-9)


def test_a_crashed_driver_lets_go_and_the_wreck_brakes():
    place = world(COARSE)
    put(place, 1, "saloon", pose(-4, 0, 0, 10.0))
    put(place, 2, "saloon", pose(3, 0, np.pi, 10.0))
    place.step_to(0.6)
    place.command(1, Command(accel_mps2=3.0, steer_rad=0.5))
    place.step_to(4.0)
    assert place.is_free(1)
    assert place.state(1).speed_mps < 0.01


def test_a_bump_at_walking_pace_leaves_the_driver_in_charge():
    place = world()
    put(place, 1, "saloon", pose(0, 0, 0, 0.5))
    put(place, 2, "saloon", pose(4.75, 0, 0, 0.0), role="parked")
    place.step_to(0.6)
    assert len(place.contacts()) == 1
    assert not place.is_free(1)


def test_wheels_climb_a_kerb_and_lose_speed():
    kerb = np.array([[6.0, -10.0, 0.0], [6.0, 10.0, 0.0]])
    config = PhysicsConfig(tyre=TyreConfig(rolling_resistance=0.0))
    place = world(config, Obstacles(kerbs_m=(kerb,), kerb_height_m=0.12))
    put(place, 1, "saloon", pose(0, speed=5.0))
    heights = [place.state(1).position_m[2] for _ in run(place, 2.0, 0.02)]
    assert max(heights) > 0.03
    assert 2.0 < place.state(1).speed_mps < 5.0
    assert place.state(1).position_m[0] > 7.0


def test_overturned_car_slides_on_its_roof_and_stops():
    place = world(COARSE)
    state = pose(0, speed=10.0)
    state.quat[:] = (0, 1, 0, 0)
    state.position_m[2] = 1.6
    put(place, 1, "saloon", state)
    place.step_to(4.0)
    assert place.state(1).speed_mps < 0.05
    assert rotation(place.state(1).quat)[2, 2] < -0.9
    assert place.state(1).position_m[0] == pytest.approx(10**2 / (2 * 0.4 * G), rel=0.25)


def test_unknown_and_double_actors_are_named():
    place = world()
    put(place, 1, "saloon", pose(0))
    with pytest.raises(ScenarioError, match="actor 1 is in the world already"):
        put(place, 1, "saloon", pose(0))
    with pytest.raises(ScenarioError, match=r"no actor 7 in the world; there are \[1\]"):
        place.command(7, Command())


def test_an_empty_world_keeps_time():
    place = world()
    place.step_to(1.0)
    assert place.time_s == pytest.approx(1.0)


@pytest.mark.slow
def test_five_seconds_of_six_bodies_and_twenty_neighbours_within_a_second():

    place = world()
    put(place, 1, "saloon", pose(-14, 0, 0, 14.0))
    put(place, 2, "hatchback", pose(1, -13, np.pi / 2, 11.0))
    put(place, 3, "van", pose(-28, 0, 0, 14.0))
    put(place, 4, "suv", pose(10, 8), role="parked")
    put(place, 5, "adult", pose(12, 3, 0, 1.0))
    put(place, 6, "bicycle", pose(-10, 6, 0, 5.0))
    for k in range(20):
        put(place, 10 + k, "estate", pose(-50 + 8 * k, 20, 0, 10.0), kinematic=True)
    place.step_to(5.0)
    assert place.time_s == pytest.approx(5.0)
    assert all(np.isfinite(place.state(k).position_m).all() for k in range(1, 7))
