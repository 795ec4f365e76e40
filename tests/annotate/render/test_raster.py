"""Scan conversion: no cracks, no double hits, order does not matter."""

from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.raster import SAMPLES, Window, draw

HEIGHT, WIDTH = 64, 80
EYE = Eye(np.eye(3), np.zeros(3), 1.0, 1.0, 0.0, 0.0, 0.1)


def _draw(screen, faces, order=None, bands=1):
    depth = np.zeros((len(SAMPLES), HEIGHT, WIDTH), np.float32)
    index = np.full(depth.shape, -1, np.int32)
    order = np.arange(len(faces)) if order is None else order
    ranges = np.stack([order, order + 1], axis=1).astype(np.int64)
    # the camera looks along z with a focal length of 1: depths that are powers of 2 round nothing
    local = np.concatenate([screen[:, :2], np.ones((len(screen), 1))], axis=1) / screen[:, 2:]
    edges = [HEIGHT * k // bands for k in range(bands + 1)]
    for rows in pairwise(edges):
        at = Window(0, rows[0], WIDTH, rows[1])
        cut = np.s_[:, rows[0] : rows[1]]
        part, which = depth[cut].copy(), index[cut].copy()
        draw(EYE, faces, local, ranges, at, SAMPLES, part, which, np.empty((4, 3)))
        depth[cut], index[cut] = part, which
    return depth, index


def _fan(seed, snap):
    """A disc of triangles around a random centre whose rim lies outside the image."""
    random = np.random.Generator(np.random.Philox(seed))
    centre = random.uniform(10, 50, 2)
    count = 200
    angle = np.sort(random.uniform(0, 2 * np.pi, count))
    angle[[0, 50, 100, 150]] = [0, np.pi / 2, np.pi, 3 * np.pi / 2]
    angle = np.sort(angle)
    rim = centre + 300 * np.stack([np.cos(angle), np.sin(angle)], 1)
    points = np.concatenate([[centre], rim])
    if snap:
        points = np.round(points * 8) / 8
    screen = np.concatenate([points, np.full((count + 1, 1), 0.25)], axis=1)
    i = np.arange(count)
    return screen, np.stack([np.zeros(count), 1 + i, 1 + (i + 1) % count], 1).astype(np.int32)


@pytest.mark.parametrize("snap", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_every_sample_is_hit_by_exactly_one_triangle_of_a_fan(seed, snap):
    """Snapped corners put edges exactly on samples, where the rule must break the tie."""
    screen, faces = _fan(seed, snap)
    hits = np.zeros((len(SAMPLES), HEIGHT, WIDTH), int)
    for face in range(len(faces)):
        hits += _draw(screen, faces, np.array([face]))[1] >= 0
    assert hits.min() == hits.max() == 1


def test_order_of_drawing_and_bands_do_not_matter():
    random = np.random.Generator(np.random.Philox(9))
    screen = random.uniform([-20, -20, 0.1], [100, 84, 0.5], (150, 3))
    screen[::7, 2] = 0.3
    faces = random.permutation(150).reshape(50, 3).astype(np.int32)
    first = _draw(screen, faces)
    again = _draw(screen, faces, random.permutation(50), bands=5)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


def test_equal_depth_goes_to_the_lower_number():
    screen = np.array([[0, 0, 0.5], [80, 0, 0.5], [0, 64, 0.5]] * 2, float)
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    _, index = _draw(screen, faces, np.array([1, 0]))
    assert set(np.unique(index)) == {-1, 0}


def test_coverage_is_that_of_the_half_planes():
    """A slow twin: signed areas in float64, for triangles in general position."""
    random = np.random.Generator(np.random.Philox(4))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    for _ in range(30):
        corners = random.uniform([-30, -30], [110, 94], (3, 2))
        sides = [
            (b[0] - a[0]) * (rows - a[1]) - (b[1] - a[1]) * (columns - a[0])
            for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)
        ]
        twin = np.all(np.array(sides) > 0, axis=0) | np.all(np.array(sides) < 0, axis=0)
        screen = np.concatenate([corners, np.full((3, 1), 0.25)], axis=1)
        _, index = _draw(screen, np.array([[0, 1, 2]], np.int32))
        assert np.array_equal(index[0] >= 0, twin)
