"""Things that come and go as things do are left alone; those from nothing are named."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, straight
from rareworld.evaluate.fixed_camera import check_clip

LANE = straight((40, 60), (70, 0))


def faults(vehicles, **options):
    checks = check_clip("clip", draw(vehicles, noise=1.0, **options), FPS)
    return [item.faults & {"appearing", "vanishing"} for item in checks.judged]


def test_a_thing_there_from_first_to_last_is_sound():
    assert faults([Vehicle(LANE)]) == [frozenset()]


@pytest.mark.parametrize("start", [0.5, 1.0])
def test_one_that_pops_up_in_open_view_appears(start):
    assert faults([Vehicle(LANE, seen=lambda t: t >= start)]) == [{"appearing"}]


@pytest.mark.parametrize("end", [1.0, 1.5])
def test_one_that_is_gone_at_once_vanishes(end):
    assert faults([Vehicle(LANE, seen=lambda t: t < end)]) == [{"vanishing"}]


def test_one_that_comes_and_goes_does_both():
    assert faults([Vehicle(LANE, seen=lambda t: 0.5 <= t < 1.5)]) == [{"appearing", "vanishing"}]


@pytest.mark.parametrize(
    "path",
    [
        straight((-70, 60), (110, 0)),
        straight((290, 60), (-110, 0)),
        straight((110, -50), (0, 70)),
        straight((110, 50), (0, 60)),
    ],
)
def test_crossing_the_border_is_no_fault(path):
    found = faults([Vehicle(path)])
    assert found
    assert not any(found)


def test_coming_out_from_behind_a_building_is_no_fault():
    found = faults([Vehicle(straight((20, 60), (65, 0)))], cover=[(0, 30, 70, 90)])
    assert found
    assert not any(found)


def test_going_behind_a_building_is_no_fault():
    found = faults([Vehicle(straight((40, 60), (70, 0)))], cover=[(130, 30, 224, 90)])
    assert found
    assert not any(found)


def test_a_parked_car_that_drives_off_does_not_appear():
    path = lambda t: (60 + max(t - 0.8, 0) ** 2 * 60 + max(t - 0.8, 0) * 20, 60)  # noqa: E731
    found = faults([Vehicle(path)])
    assert found
    assert not any(found)


def test_one_that_stops_for_good_does_not_vanish():
    path = lambda t: (40 + 90 * min(t, 0.7), 60)  # noqa: E731
    found = faults([Vehicle(path)], frames=25)
    assert not any("vanishing" in item for item in found)


def test_two_that_part_do_not_appear():
    pair = [Vehicle(straight((40, 60), (40, 0))), Vehicle(straight((46, 64), (80, 0)))]
    assert not any(np.logical_or.reduce([bool(item) for item in faults(pair)], keepdims=True))
