"""Paths against lines and circles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.errors import ScenarioError
from rareworld.simulate.drive.path import Path
from tests.simulate.drive.drive_bench import corner, straight


def circle(radius=20.0):
    angle = np.linspace(0, np.pi, 400)
    return Path.through(radius * np.stack([np.sin(angle), 1 - np.cos(angle)], axis=-1))


def test_circle_has_its_length_curvature_and_heading():
    path = circle()
    assert path.length_m == pytest.approx(20 * np.pi, rel=1e-4)
    assert path.curvature_pm(30.0) == pytest.approx(1 / 20, rel=0.01)
    assert path.heading_rad(30.0) == pytest.approx(30 / 20, abs=0.01)
    assert path.curvature_pm(-1.0) == 0.0


@given(st.floats(2, 60), st.floats(-5, 5))
def test_project_inverts_position(station, offset):
    path = circle()
    found = path.project(path.position(station, offset))
    assert found[0] == pytest.approx(station, abs=0.03)
    assert found[1] == pytest.approx(offset, abs=0.02)


@pytest.mark.parametrize(("x", "station"), [(-3.0, -3.0), (0.0, 0.0), (7.3, 7.3), (205.0, 205.0)])
def test_stations_go_on_straight_beyond_the_ends(x, station):
    path = straight()
    assert path.project(np.array([x, 1.5, 0.0])) == pytest.approx((station, 1.5))
    np.testing.assert_allclose(path.position(station, 1.5), (x, 1.5, 0), atol=1e-9)


def test_near_station_picks_the_right_branch_of_a_path_that_meets_itself():
    angle = np.linspace(0, 2 * np.pi, 400)
    path = Path.through(10 * np.stack([np.sin(angle), 1 - np.cos(angle)], axis=-1))
    start = np.array([0.0, 0.0, 0.0])
    assert path.project(start, 1.0)[0] == pytest.approx(0.0, abs=0.3)
    assert path.project(start, 60.0)[0] == pytest.approx(20 * np.pi, abs=0.3)


def test_lane_change_starts_and_ends_parallel_and_is_smooth():
    path = straight().shifted(50, 30, 3.5)
    for station, lateral in ((40.0, 0.0), (120.0, 3.5)):
        assert path.position(station)[1] == pytest.approx(lateral, abs=1e-6)
        assert path.heading_rad(station) == pytest.approx(0.0, abs=1e-6)
    slope = np.tan(path.heading).max()
    assert slope == pytest.approx(1.875 * 3.5 / 30, rel=0.02)
    peak = np.abs(path.bend).max()
    assert peak == pytest.approx(5.7735 * 3.5 / 30**2, rel=0.08)


def test_joining_starts_at_the_pose_and_ends_on_the_path():
    start, yaw = np.array([10.0, 2.0, 0.0]), -0.2
    path = straight().joined_from(start, yaw, 20.0)
    np.testing.assert_allclose(path.position(0.0), start, atol=1e-9)
    assert path.heading_rad(0.0) == pytest.approx(yaw, abs=0.05)
    assert abs(path.position(40.0)[1]) < 1e-6
    with pytest.raises(ScenarioError, match="lies ahead"):
        straight().joined_from(np.array([200.0, 0.0, 0.0]), 0.0)


def test_heights_are_carried_along():
    path = Path.through(np.array([[0, 0, 1.0], [10, 0, 2.0]]), np.array([[10, 0, 2], [10, 9, 2.0]]))
    assert path.position(5.0)[2] == pytest.approx(1.5, abs=0.01)
    assert path.length_m == pytest.approx(19.0)


def test_too_short_paths_and_lane_changes_are_named():
    with pytest.raises(ScenarioError, match=r"at least 0\.5 m"):
        Path.through(np.array([[0, 0], [0.1, 0.0]]))
    with pytest.raises(ScenarioError, match="at least 1 m"):
        straight().shifted(5, 0.5, 3.0)


def test_quarter_turn_has_the_length_of_its_parts():
    assert corner().length_m == pytest.approx(24 + 8 * np.pi / 2, abs=0.05)
