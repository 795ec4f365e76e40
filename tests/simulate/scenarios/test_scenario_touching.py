"""First touch and gap of planned boxes, against closed forms."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.scenarios.base import conflict_delay_s
from rareworld.simulate.scenarios.touching import Plan, first_touch_s, gap_m, steady


def _line(angle_rad: float, through_m: tuple[float, float] = (0.0, 0.0)) -> Path:
    """Return a straight path of 200 m whose station 100 is at a point."""
    along = np.array([math.cos(angle_rad), math.sin(angle_rad)])
    middle = np.array(through_m)
    return Path.through(np.stack([middle - 100 * along, middle + 100 * along]))


@pytest.mark.parametrize("speeds", [(8.0, 12.0), (5.0, 5.0), (15.0, 4.0)])
@pytest.mark.parametrize("gap_s", [-0.4, -0.2, -0.05])
def test_right_angle_contact_is_when_the_second_nose_reaches_the_firsts_side(
    speeds: tuple[float, float], gap_s: float
):
    a, b = BLUEPRINTS["saloon"], BLUEPRINTS["van"]
    delay = conflict_delay_s(a.name, b.name, *speeds, gap_s)
    first = steady(a.name, _line(0.0), 100.0, -delay, speeds[0])
    second = steady(b.name, _line(math.pi / 2), 100.0, 0.0, speeds[1])
    nose_s = -(b.length_m + a.width_m) / 2 / speeds[1]
    beside = (a.length_m + b.width_m) / 2
    centre_at_nose = speeds[0] * (nose_s + delay)
    touch = first_touch_s(first, second, -3.0, 3.0)
    assert -beside < centre_at_nose < beside, "the nose must reach the side for this closed form"
    assert touch == pytest.approx(nose_s, abs=1e-3)


@pytest.mark.parametrize("gap_s", [0.05, 0.3, 1.0])
def test_a_positive_post_encroachment_time_never_touches(gap_s: float):
    delay = conflict_delay_s("suv", "motorcycle", 9.0, 11.0, gap_s)
    first = steady("suv", _line(0.0), 100.0, -delay, 9.0)
    second = steady("motorcycle", _line(math.pi / 2), 100.0, 0.0, 11.0)
    assert first_touch_s(first, second, -3.0, 3.0) is None


def test_head_on_contact_time():
    a, b = BLUEPRINTS["hatchback"], BLUEPRINTS["pickup"]
    first = steady(a.name, _line(0.0), 60.0, 0.0, 10.0)
    second = steady(b.name, _line(math.pi), 60.0, 0.0, 15.0)
    between = 80.0 - (a.length_m + b.length_m) / 2
    assert first_touch_s(first, second, 0.0, 6.0) == pytest.approx(between / 25.0, abs=1e-3)


def test_rear_end_contact_time_under_braking():
    spec = BLUEPRINTS["saloon"]
    front = Plan("saloon", _line(0.0), SpeedProfile.constant(12.0, start_m=60.0).then(9.0, -6.0))
    behind = steady("saloon", _line(0.0), 60.0 - spec.length_m - 4.0, 0.0, 12.0)
    closed_form = math.sqrt(2 * 4.0 / 6.0)
    assert first_touch_s(front, behind, 0.0, 5.0) == pytest.approx(closed_form, abs=1e-3)


@pytest.mark.parametrize("apart_m", [2.5, 3.4, 6.0])
def test_parallel_gap_is_the_lateral_room(apart_m: float):
    first = steady("estate", _line(0.0), 90.0, 0.0, 10.0)
    second = steady("estate", _line(0.0, (0.0, apart_m)), 90.0, 0.0, 10.0)
    gap = gap_m(first, second, np.arange(0.0, 2.0, 0.5))
    np.testing.assert_allclose(gap, apart_m - BLUEPRINTS["estate"].width_m, atol=1e-9)


def test_boxes_that_overlap_have_a_negative_gap():
    first = steady("estate", _line(0.0), 100.0, 0.0, 10.0)
    second = steady("estate", _line(math.pi / 2), 100.0, 0.0, 10.0)
    assert float(gap_m(first, second, np.array([0.0]))[0]) < -1.0
