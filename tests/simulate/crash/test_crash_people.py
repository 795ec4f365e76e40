"""People and two-wheelers: balance by formula, then tumbling to rest."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.simulate.state import Command
from tests.simulate.crash.crash_bench import COARSE, G, pose, put, rotation, run, world


def test_walker_keeps_speed_heading_and_counts_steps():
    place = world()
    put(place, 1, "adult", pose(0, 0, 0.5, 1.4))
    place.step_to(2.0)
    state = place.state(1)
    np.testing.assert_allclose(state.position_m[:2], 2.8 * np.array([np.cos(0.5), np.sin(0.5)]))
    stride = 0.83 * BLUEPRINTS["adult"].height_m
    assert state.wheel_turn_rad == pytest.approx(2 * math.pi * 2.8 / stride, rel=1e-6)


def test_walker_turns_on_the_spot_by_what_is_asked():
    place = world()
    put(place, 1, "child", pose(0))
    for k in range(1, 61):
        place.command(1, Command(steer_rad=1.0 - place.state(1).yaw_rad))
        place.step_to(k / 30)
    assert place.state(1).yaw_rad == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(place.state(1).position_m, 0, atol=1e-9)


@pytest.mark.parametrize("name", ["bicycle", "motorcycle"])
def test_rider_circles_and_leans_as_balance_demands(name):
    place, spec, steer, speed = world(), BLUEPRINTS[name], 0.1, 6.0
    put(place, 1, name, pose(0, speed=speed))
    place.command(1, Command(steer_rad=steer))
    place.step_to(3.0)
    state = place.state(1)
    slip = math.atan(0.5 * math.tan(steer))
    rate = speed * math.cos(slip) * math.tan(steer) / spec.wheelbase_m
    assert state.angular_velocity_radps[2] == pytest.approx(rate, rel=1e-3)
    side = rotation(state.quat)[2, 1]
    lean = math.atan(speed * rate / G)
    assert math.asin(side) == pytest.approx(-lean, rel=1e-3)


def struck(speed, blueprint="adult", crossing=1.4, brake=7.0, seconds=6.0):
    """A car strikes somebody who crosses in front of it, then brakes."""
    place = world(COARSE)
    put(place, 1, "saloon", pose(-4, 0, 0, speed))
    lead = (4 - 2.325 - 0.2) / speed
    put(place, 2, blueprint, pose(0, -crossing * lead, np.pi / 2, crossing))
    for _ in run(place, seconds, 0.05):
        if place.is_free(2):
            place.command(1, Command(accel_mps2=-brake))
    return place


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "speed",
    [*(pytest.param(v, marks=SLOW) for v in (6.0, 8.3, 13.9)), 11.1, 18.0],
)
def test_pedestrian_throw_lies_within_measured_bounds(speed):
    """Searle's bounds with friction 0.66 and the height of the mass centre.

    Nobody flies farther than if thrown at the car's speed at the best angle; people are thrown at
    71 % of it at least, the least of real crashes, which halves the distance.
    """
    place = struck(speed)
    first = place.contacts()[0]
    thrown = float(np.linalg.norm((place.state(2).position_m - first.point_m)[:2]))
    slid = speed**2 / (2 * 0.66 * G)
    assert 0.5 * slid < thrown < (1 + 0.66**2) * slid + 0.66 * BLUEPRINTS["adult"].com_height_m
    assert place.state(2).speed_mps < 0.1


def test_struck_pedestrian_is_lying_and_driver_stays_in_charge():
    place = struck(11.1)
    assert abs(rotation(place.state(2).quat)[2, 2]) < 0.5
    assert not place.is_free(1)
    assert place.state(1).speed_mps < 0.05
    assert place.first_contact_s(2) == pytest.approx((4 - 2.325 - 0.2) / 11.1, abs=0.02)


@pytest.mark.parametrize("name", [pytest.param("bicycle", marks=SLOW), "motorcycle"])
def test_struck_two_wheeler_falls_and_comes_to_rest(name):
    place = struck(11.1, name, crossing=5.0)
    assert place.is_free(2)
    assert abs(rotation(place.state(2).quat)[2, 2]) < 0.7
    assert place.state(2).speed_mps < 0.1


def test_struck_people_do_not_sink_or_fly_off():
    place = struck(16.0, "child")
    corners_low = place.state(2).position_m[2]
    assert -0.3 < corners_low < 1.5
    assert abs(place.state(2).position_m[1]) < 6.0
