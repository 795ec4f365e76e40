"""Separation of boxes and the root search."""

import numpy as np

from rareworld.core.geometry import footprint, polygon_gap, quat_from_euler, quat_from_yaw
from rareworld.events.boxes import box_separation, first_touch, rectangle_separation


def _boxes(rng: np.random.Generator, n: int):
    return (
        rng.uniform(-4, 4, (n, 3)) * [1, 1, 0.2],
        rng.uniform(-3, 3, n),
        rng.uniform(0.3, 5, (n, 3)),
    )


def test_upright_boxes_touch_exactly_where_polygons_and_heights_overlap():
    rng = np.random.default_rng(1)
    (pa, ya, sa), (pb, yb, sb) = _boxes(rng, 4000), _boxes(rng, 4000)
    gap, axis = box_separation((pa, quat_from_yaw(ya), sa), (pb, quat_from_yaw(yb), sb))
    flat = polygon_gap(footprint(pa, ya, sa), footprint(pb, yb, sb))
    upright = np.maximum(pb[:, 2] - pa[:, 2] - sa[:, 2], pa[:, 2] - pb[:, 2] - sb[:, 2])
    touching = (flat <= 0) & (upright <= 0)
    assert 500 < touching.sum() < 3500
    assert np.array_equal(gap <= 0, touching)
    np.testing.assert_allclose(gap[touching], np.maximum(flat, upright)[touching], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(axis, axis=1), 1.0, atol=1e-9)
    assert np.all(
        gap[~touching] <= np.hypot(np.maximum(flat, 0), np.maximum(upright, 0))[~touching] + 1e-9
    )


def test_tilted_boxes_touch_exactly_where_sampled_surfaces_meet():
    rng = np.random.default_rng(2)
    n = 150
    pa, pb = rng.uniform(-2, 2, (n, 3)), rng.uniform(-2, 2, (n, 3))
    qa, qb = (quat_from_euler(*rng.uniform(-1.2, 1.2, (3, n))) for _ in range(2))
    sa, sb = rng.uniform(0.5, 3, (n, 3)), rng.uniform(0.5, 3, (n, 3))
    gap, _ = box_separation((pa, qa, sa), (pb, qb, sb))
    swapped, _ = box_separation((pb, qb, sb), (pa, qa, sa))
    assert np.array_equal(gap <= 0, swapped <= 0)
    for i in range(n):
        nearest = _nearest(pa[i], qa[i], sa[i], pb[i], qb[i], sb[i])
        if abs(gap[i]) > 0.02:
            assert (nearest < 1e-3) == (gap[i] <= 0), (i, gap[i], nearest)


def _nearest(pa, qa, sa, pb, qb, sb) -> float:
    """Distance of two convex bodies by long alternating projection."""
    from rareworld.core.geometry import matrix_from_quat

    ra, rb = matrix_from_quat(qa), matrix_from_quat(qb)
    ca, cb = pa + ra @ [0, 0, sa[2] / 2], pb + rb @ [0, 0, sb[2] / 2]
    x = (ca + cb) / 2
    for _ in range(600):
        y = ca + ra @ np.clip(ra.T @ (x - ca), -sa / 2, sa / 2)
        x = cb + rb @ np.clip(rb.T @ (y - cb), -sb / 2, sb / 2)
    return float(np.linalg.norm(x - y))


def test_rectangles_agree_with_polygon_gap_on_overlap():
    rng = np.random.default_rng(3)
    (pa, ya, sa), (pb, yb, sb) = _boxes(rng, 4000), _boxes(rng, 4000)
    gap = rectangle_separation(pb[:, :2] - pa[:, :2], ya, yb, sa[:, :2] / 2, sb[:, :2] / 2)
    flat = polygon_gap(footprint(pa, ya, sa), footprint(pb, yb, sb))
    assert np.array_equal(gap <= 0, flat <= 0)
    assert np.all(gap <= flat + 1e-9)
    np.testing.assert_allclose(gap[flat <= 0], flat[flat <= 0], atol=1e-9)


def test_first_touch_finds_the_first_root_and_no_other():
    depth = np.array([1.0, 1.0, 1.0, -1.0])

    def gap(item, time):
        return depth[item] - 1.5 * np.abs(np.sin(2 * np.pi * time)) * (item != 2)

    found, start, end = first_touch(gap, np.full(4, 12.0), np.full(4, 1.0), 1e-4)
    expected = np.arcsin(2 / 3) / (2 * np.pi)
    np.testing.assert_allclose(found[:2], expected, atol=1e-6)
    assert np.isinf(found[2])
    assert found[3] == 0.0
    assert start[0] == 1.0
    assert end[2] == 1.0


def test_first_touch_sees_a_touch_far_shorter_than_the_interval():
    def gap(item, time):
        return np.abs(time - 0.517) * 100 - 0.02

    found, _, _ = first_touch(gap, np.array([100.0]), np.array([1.0]), 1e-4)
    assert abs(found[0] - (0.517 - 0.0002)) < 2e-6
