"""Median cut: exact where it can be, close where it cannot."""

import numpy as np
import pytest

from rareworld.annotate.world.palette import palette


def test_few_distinct_points_are_kept_exactly():
    rng = np.random.default_rng(1)
    few = rng.uniform(size=(7, 3))
    which = rng.integers(7, size=200)
    group, means = palette(few[which], rng.uniform(0.1, 1, 200), 24)
    assert len(means) == 7
    assert means[group] == pytest.approx(few[which], abs=1e-12)


def test_one_point_is_one_group():
    group, means = palette(np.ones((5, 2)), np.ones(5), 24)
    assert group.tolist() == [0] * 5
    assert means.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("most", [1, 4, 24])
def test_means_are_weighted_and_error_falls_with_the_number(most):
    rng = np.random.default_rng(2)
    points, weights = rng.uniform(size=(500, 3)), rng.uniform(0.5, 2, 500)
    group, means = palette(points, weights, most)
    assert len(means) == most
    for k in range(most):
        inside = group == k
        slow = sum(p * w for p, w in zip(points[inside], weights[inside], strict=True))
        assert means[k] == pytest.approx(slow / weights[inside].sum())
    error = np.sqrt(((means[group] - points) ** 2).mean())
    assert error < {1: 0.30, 4: 0.215, 24: 0.12}[most]


def test_large_areas_decide():
    """One heavy grey among light colours keeps its own group."""
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.uniform(0.6, 1.0, size=(50, 3)), np.full((1, 3), 0.1)])
    weights = np.append(np.full(50, 0.01), 100.0)
    group, means = palette(points, weights, 3)
    assert means[group[-1]] == pytest.approx(np.full(3, 0.1), abs=0.01)
