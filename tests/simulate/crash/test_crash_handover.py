"""Adding, leading, releasing and removing: who decides over a body, and what is refused."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.errors import ScenarioError
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.state import BodyState, Command
from tests.simulate.crash.crash_bench import PLAIN, pose, put, rotation, run, world


@pytest.mark.parametrize(
    "ask",
    [
        lambda place: place.state(7),
        lambda place: place.follow(7, pose(0)),
        lambda place: place.release(7),
        lambda place: place.remove(7),
        lambda place: place.is_free(7),
        lambda place: place.command(7, Command()),
    ],
)
def test_every_question_about_a_stranger_names_who_is_there(ask):
    place = world()
    put(place, 4, "saloon", pose(0))
    put(place, 2, "adult", pose(5))
    with pytest.raises(ScenarioError, match=r"no actor 7 in the world; there are \[2, 4\]"):
        ask(place)


def test_commands_to_a_led_body_wait_until_it_is_released():
    place = world()
    put(place, 1, "saloon", pose(0, speed=10.0), kinematic=True)
    place.command(1, Command(accel_mps2=-6.0, lamps=8))
    place.step_to(0.5)
    assert place.state(1).speed_mps == pytest.approx(10.0)
    assert place.state(1).lamps == 0
    place.release(1)
    assert place.state(1).lamps == 8
    place.step_to(1.0)
    assert place.state(1).speed_mps == pytest.approx(7.0, abs=0.3)


def test_release_of_a_driven_body_changes_nothing():
    plain, asked = world(), world()
    for place in (plain, asked):
        put(place, 1, "van", pose(0, speed=8.0))
        place.command(1, Command(steer_rad=0.1))
        place.step_to(0.2)
    asked.release(1)
    for place in (plain, asked):
        place.step_to(0.5)
    np.testing.assert_array_equal(plain.state(1).position_m, asked.state(1).position_m)


def test_removed_bodies_leave_their_contacts_and_their_id():
    place = world()
    put(place, 1, "saloon", pose(-3, speed=10.0))
    put(place, 2, "saloon", pose(3, yaw=math.pi, speed=10.0))
    place.step_to(0.4)
    before = place.contacts()
    place.remove(2)
    assert place.contacts() == before
    assert place.first_contact_s(2) == before[0].time_s
    put(place, 2, "adult", pose(30))
    place.step_to(0.6)
    assert not place.is_free(2)
    assert place.is_free(1)
    assert place.contacts()[0].time_s == before[0].time_s


def test_bodies_added_later_start_where_and_when_they_are_told():
    place = world(start_s=1.0)
    put(place, 1, "saloon", pose(0, speed=10.0))
    place.step_to(1.4)
    put(place, 2, "motorcycle", pose(-20, 3, 0.2, 12.0))
    state = place.state(2)
    assert state.time_s == pytest.approx(1.4)
    np.testing.assert_allclose(state.position_m, (-20, 3, 0), atol=1e-12)
    place.step_to(1.9)
    gone = place.state(2).position_m - state.position_m
    np.testing.assert_allclose(gone[:2], 6.0 * np.array([math.cos(0.2), math.sin(0.2)]), atol=1e-3)


def test_a_state_of_the_past_takes_effect_at_once_and_one_ahead_is_approached():
    place = world()
    put(place, 1, "estate", pose(0), kinematic=True)
    place.step_to(1.0)
    place.follow(1, pose(4, 1, time_s=1.0))
    place.step_to(1.002)
    np.testing.assert_allclose(place.state(1).position_m, (4, 1, 0), atol=1e-9)
    place.follow(1, pose(6, 1, time_s=2.002))
    halfway = next(float(place.state(1).position_m[0]) for _ in run(place, 1.0, 0.5))
    assert halfway == pytest.approx(5.0, abs=1e-6)


def test_led_bodies_can_be_told_to_survive_contact():
    place = world(PhysicsConfig(release_on_contact=False))
    put(place, 1, "saloon", pose(-5, speed=12.0))
    put(place, 2, "city_bus", pose(4, yaw=math.pi / 2), kinematic=True)
    place.step_to(1.5)
    assert place.first_contact_s(2) is not None
    assert not place.is_free(2)
    np.testing.assert_allclose(place.state(2).position_m, (4, 0, 0), atol=1e-9)
    assert place.state(1).velocity_mps[0] < 1.0
    assert place.follow(2, pose(5, time_s=2.0))


def test_followers_lamps_steering_and_wheels_are_told_through():
    place = world()
    put(place, 1, "saloon", pose(0), kinematic=True)
    told = BodyState(
        time_s=0.1, position_m=np.array([1.0, 0, 0]), quat=np.array([1.0, 0, 0, 0]),
        velocity_mps=np.array([10.0, 0, 0]), angular_velocity_radps=np.zeros(3),
        steer_rad=0.07, wheel_turn_rad=3.0, lamps=5,
    )  # fmt: skip
    place.follow(1, told)
    place.step_to(0.1)
    state = place.state(1)
    assert (state.steer_rad, state.wheel_turn_rad, state.lamps) == (0.07, 3.0, 5)
    place.release(1)
    place.step_to(0.2)
    state = place.state(1)
    assert state.wheel_turn_rad == pytest.approx(3.0 + 1.0 / 0.32, rel=0.02)
    assert 0 <= state.steer_rad < 0.07


@pytest.mark.parametrize("name", ["saloon", "adult", "bicycle"])
def test_parked_and_standing_bodies_stay_where_they_are_put(name):
    place = world()
    put(place, 1, name, pose(2, 3, 1.0), role="parked")
    place.step_to(2.0)
    np.testing.assert_allclose(place.state(1).position_m, (2, 3, 0), atol=2e-3)
    assert place.state(1).yaw_rad == pytest.approx(1.0, abs=1e-3)


def test_time_does_not_run_backwards_and_lies_on_the_grid():
    place = world(PLAIN.model_copy(update={"step_s": 0.004}))
    put(place, 1, "saloon", pose(0, speed=5.0))
    place.step_to(0.2)
    before = place.state(1).position_m
    place.step_to(0.1)
    assert place.time_s == pytest.approx(0.2)
    np.testing.assert_array_equal(place.state(1).position_m, before)
    place.step_to(0.2039)
    assert place.time_s == pytest.approx(0.2)
    place.step_to(0.204)
    assert place.time_s == pytest.approx(0.204)


def test_states_handed_out_are_copies():
    place = world()
    put(place, 1, "saloon", pose(0, speed=5.0))
    place.step_to(0.1)
    place.state(1).position_m[:] = 99
    place.state(1).quat[:] = 0
    assert place.state(1).position_m[0] == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(rotation(place.state(1).quat), np.eye(3), atol=0.01)


def test_a_touched_led_body_can_no_longer_be_led_or_released():
    place = world()
    put(place, 1, "saloon", pose(-3, speed=10.0))
    put(place, 2, "saloon", pose(2.5), kinematic=True)
    place.step_to(0.5)
    assert place.is_free(2)
    assert not place.follow(2, pose(50, time_s=1.0))
    place.release(2)
    assert place.is_free(2)
    assert place.state(2).position_m[0] < 10


def test_two_led_bodies_never_touch_but_a_wreck_takes_both():
    place = world()
    put(place, 2, "saloon", pose(6, 0.0), kinematic=True)
    put(place, 3, "saloon", pose(6.5, 1.0), kinematic=True)
    place.step_to(0.2)
    assert place.contacts() == ()
    put(place, 1, "van", pose(0, 0.5, speed=15.0))
    place.step_to(0.7)
    assert place.is_free(2)
    assert place.is_free(3)
    assert {(c.first, c.second) for c in place.contacts()} >= {(1, 2)}


def test_first_contact_of_the_untouched_is_none():
    place = world()
    put(place, 1, "saloon", pose(0))
    place.step_to(0.1)
    assert place.first_contact_s(1) is None
    assert place.first_contact_s(99) is None


@pytest.mark.parametrize("count", [1, 6])
def test_a_column_led_through_physics_keeps_its_order_and_pace(count):
    """As traffic is: told every 50 ms where to be next."""
    place = world()
    gap = BLUEPRINTS["hatchback"].length_m + 2
    for index in range(count):
        put(place, index + 1, "hatchback", pose(-gap * index, speed=9.0), kinematic=True)
    for k in range(1, 21):
        for index in range(count):
            goal = pose(-gap * index + 9 * 0.05 * k, speed=9.0, time_s=0.05 * k)
            assert place.follow(index + 1, goal)
        place.step_to(0.05 * k)
    places = [float(place.state(i + 1).position_m[0]) for i in range(count)]
    np.testing.assert_allclose(places, 9.0 - gap * np.arange(count), atol=1e-6)
