"""Convex hulls against their definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.geometry import inside_convex
from rareworld.data.formats.opendrive.hull import convex_hull


def test_square_with_points_inside_and_on_its_edges():
    grid = np.array([[x, y, x + 10.0 * y] for x in range(3) for y in range(3)], dtype=float)
    hull = convex_hull(grid)
    assert hull.tolist() == [[0, 0, 0], [2, 0, 2], [2, 2, 22], [0, 2, 20]]


def test_repeated_first_corner_is_dropped():
    ring = np.array([[0, 0, 1], [4, 0, 1], [4, 4, 1], [0, 4, 1], [0, 0, 1]], dtype=float)
    assert len(convex_hull(ring)) == 4


@pytest.mark.parametrize("count", [2, 5])
def test_points_on_one_line_have_no_area(count: int):
    line = np.stack([np.linspace(0, 1, count), np.linspace(0, 2, count), np.zeros(count)], axis=1)
    assert len(convex_hull(line)) == 2


@given(st.integers(0, 2**32 - 1), st.integers(4, 60))
def test_hull_is_convex_counter_clockwise_and_holds_every_point(seed: int, count: int):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    hull = convex_hull(points)
    edge = np.roll(hull, -1, axis=0) - hull
    after = np.roll(edge, -1, axis=0)
    assert np.all(edge[:, 0] * after[:, 1] - edge[:, 1] * after[:, 0] > 0)
    grown = hull[:, :2] + 1e-9 * (hull[:, :2] - hull[:, :2].mean(axis=0))
    assert inside_convex(points[:, :2], grown).all()
    rows = {tuple(point) for point in points}
    assert all(tuple(corner) in rows for corner in hull)
