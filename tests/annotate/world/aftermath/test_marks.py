"""Tyre marks appear where wheels slide, and nowhere else."""

import numpy as np
import pytest

from rareworld.annotate.world.aftermath.marks import ABOVE_M, WIDTH_M, tyre_marks
from rareworld.core.trajectory import Driver
from tests.annotate.world.aftermath.crashes import crash


def stop_from(speed, rate):
    return lambda t: np.maximum(speed - rate * t, 0.0)


def covered_m(marks) -> float:
    total = sum(np.ptp(mark.mesh.vertices_m[:, 0]) for mark in marks)
    return float(total)


def test_rolling_and_gentle_braking_leave_nothing():
    assert tyre_marks(crash()) == ()
    assert tyre_marks(crash(speed_mps=stop_from(12, 4.0))) == ()


def test_four_wheels_mark_the_braking_distance():
    marks = tyre_marks(crash(speed_mps=stop_from(9.0, 8.5)))
    # from 9 to 1.5 m/s at 8.5 m/s2, less half a piece at either end of each wheel's way
    wanted = (9.0**2 - 1.5**2) / (2 * 8.5)
    assert covered_m(marks) == pytest.approx(4 * wanted, rel=0.12)


def test_a_drift_marks_and_its_pieces_come_in_time():
    marks = tyre_marks(crash(drift_mps=2.0))
    assert marks
    times = [mark.time_s for mark in marks[: len(marks) // 4]]
    assert times == sorted(times)
    for mark in marks:
        assert np.allclose(mark.mesh.vertices_m[:, 2], ABOVE_M, atol=1e-6)


def test_traffic_on_rails_leaves_none():
    made = crash(speed_mps=stop_from(9.0, 8.5), drift_mps=2.0, driver=Driver.TRAFFIC)
    assert tyre_marks(made) == ()


def test_strips_are_a_tyre_wide():
    marks = tyre_marks(crash(speed_mps=stop_from(9.0, 8.5)))
    assert np.ptp(marks[0].mesh.vertices_m[:, 1]) == pytest.approx(WIDTH_M, rel=1e-3)


def test_trucks_leave_twin_marks():
    marks = tyre_marks(crash(speed_mps=stop_from(9.0, 8.5), blueprints=("box_truck", "saloon")))
    assert np.ptp(marks[0].mesh.vertices_m[:, 1]) == pytest.approx(2 * WIDTH_M, rel=1e-3)


def test_two_wheelers_and_people_leave_none():
    made = crash(speed_mps=stop_from(9.0, 8.5), blueprints=("bicycle", "adult"))
    assert tyre_marks(made) == ()
