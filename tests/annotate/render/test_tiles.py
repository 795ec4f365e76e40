"""Bookkeeping of tiles and windows against slow twins."""

import numpy as np
import pytest

from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.project import Eye, boxes_in_view
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.render.tiles import (
    TILE,
    copy_tiles,
    grown,
    listed,
    mark_boxes,
    mark_tiles_of_parts,
    tiles_within,
    whole,
    windows_of,
)
from tests.annotate.render.shapes import box, camera, ground, scene, sphere, state


def _random(seed):
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize(
    ("size", "shape"), [((16, 16), (1, 1)), ((17, 16), (1, 2)), ((1920, 1080), (68, 120))]
)
def test_tiles_cover_the_whole_image(size, shape):
    assert whole(size).shape == shape
    assert whole(size).all()


@pytest.mark.parametrize("density", [0.0, 0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("size", [(16, 16), (250, 170), (640, 360)])
def test_windows_are_disjoint_and_hold_every_marked_tile_once(size, density):
    marked = _random(3).uniform(size=whole(size).shape) < density
    count = np.zeros((size[1], size[0]), int)
    found = np.zeros(marked.shape, int)
    for at in windows_of(marked, size):
        assert 0 <= at.left < at.right <= size[0]
        assert 0 <= at.top < at.bottom <= size[1]
        count[at.top : at.bottom, at.left : at.right] += 1
        for row, column in tiles_within(marked, at):
            found[row, column] += 1
    assert count.max(initial=0) <= 1
    np.testing.assert_array_equal(found, marked.astype(int))


def test_windows_leave_wide_gaps_out():
    marked = np.zeros((4, 40), bool)
    marked[1, 2] = marked[2, 30] = True
    one, two = windows_of(marked, (640, 64))
    assert (one.left, one.right) == (32, 48)
    assert (two.left, two.right) == (480, 496)


@pytest.mark.parametrize("grow", [0, 3])
def test_marked_boxes_are_those_of_a_slow_twin(grow):
    random = _random(5)
    low = random.integers(-40, 200, (60, 2))
    boxes = np.concatenate([low, low + random.integers(-3, 50, (60, 2))], axis=1).astype(np.int32)
    marked = np.zeros((8, 12), bool)
    mark_boxes(marked, boxes, TILE, grow)
    twin = np.zeros((8 * TILE, 12 * TILE), bool)
    for x0, y0, x1, y1 in boxes:
        if x1 > x0 and y1 > y0:
            twin[max(y0 - grow, 0) : max(y1 + grow, 0), max(x0 - grow, 0) : max(x1 + grow, 0)] = 1
    np.testing.assert_array_equal(marked, twin.reshape(8, TILE, 12, TILE).any(axis=(1, 3)))


def test_grown_tiles_are_the_neighbours():
    marked = np.zeros((6, 7), bool)
    marked[0, 0] = marked[3, 4] = True
    expected = np.zeros_like(marked)
    expected[:2, :2] = True
    expected[2:5, 3:6] = True
    np.testing.assert_array_equal(grown(marked), expected)


def test_tiles_of_parts_are_those_that_show_them():
    random = _random(6)
    triangle = random.integers(-1, 12, (50, 70)).astype(np.int32)
    part_of = np.array([-1, -1, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3], np.int32)
    wanted = np.array([False, True, False, False])
    triangle[20:40, :] = np.where(np.isin(triangle[20:40, :], [4, 5]), 0, triangle[20:40, :])
    marked = np.zeros((4, 5), bool)
    mark_tiles_of_parts(triangle, part_of, wanted, marked)
    shows = np.zeros((64, 80), bool)
    shows[:50, :70] = np.isin(triangle, [4, 5])
    np.testing.assert_array_equal(marked, shows.reshape(4, 16, 5, 16).any(axis=(1, 3)))


@pytest.mark.parametrize("pixel", [1, 3, 12])
def test_copied_tiles_are_copied_and_others_left(pixel):
    random = _random(7)
    source = random.integers(0, 256, (40, 50 * pixel)).astype(np.uint8)
    target = random.integers(0, 256, (40, 50 * pixel)).astype(np.uint8)
    before = target.copy()
    marked = np.zeros((3, 4), bool)
    marked[0, 1] = marked[2, 3] = True
    copy_tiles(source, target, pixel, listed(marked))
    mask = np.kron(marked, np.ones((TILE, TILE), bool))[:40, :50].repeat(pixel, axis=1)
    np.testing.assert_array_equal(target, np.where(mask, source, before))


def test_boxes_of_parts_hold_their_pixels_and_behind_the_camera_is_told():
    """In front: rounded outward. Across the near plane: all. Behind: nothing."""
    eye = Eye(np.eye(3), np.zeros(3), 50.0, 50.0, 40.0, 30.0, 0.1)
    local = np.array(
        [
            [0, 0, 1],
            [0.2, 0.1, 1],
            [0, 0, 1],
            [0, 0, -1],
            [0, 0, -1],
            [1, 0, -2],
            [9, 9, 1],
            [8, 8, 1],
        ],
        float,
    )
    start = np.array([0, 2, 4, 6, 8], np.int64)
    boxes = np.full((4, 4), 7, np.int32)
    limits = np.array([80, 60], np.int32)
    boxes_in_view(eye, np.arange(4), start, local, limits, boxes)
    assert boxes[0].tolist() == [40, 30, 51, 36]
    assert boxes[1].tolist() == [0, 0, 80, 60]
    assert boxes[2].tolist() == [0, 0, 0, 0]
    x0, y0, x1, y1 = boxes[3]
    assert x0 >= x1 or y0 >= y1


@pytest.mark.parametrize("side", [(-5.0, 0.0), (5.0, 0.0), (0.0, -5.0), (0.0, 5.0)])
def test_parts_beside_the_camera_cover_nothing_though_they_reach_behind_it(side):
    eye = Eye(np.eye(3), np.zeros(3), 50.0, 50.0, 40.0, 30.0, 0.1)
    local = np.array([[*side, 1.0], [*side, -1.0]])
    boxes = np.full((1, 4), 7, np.int32)
    limits = np.array([80, 60], np.int32)
    boxes_in_view(eye, np.arange(1), np.array([0, 2], np.int64), local, limits, boxes)
    assert boxes[0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_every_pixel_that_differs_lies_in_a_changed_tile(seed):
    """Random walks of boxes and balls, lamps that switch, things that come and go."""
    random = _random(seed)
    look = camera(208, 152)
    made = scene(
        ground(), [box((2, 1, 1)), sphere(0.6, rings=8), box((1, 1, 1), material=2)],
        [(1, 0), (2, 1), (3, 2)],
    )  # fmt: skip
    renderer = RasterRenderer(made, look, RenderConfig(shadow_size=256))
    poses = np.array([[0.0, 0, 0, 0], [2, 2, 2, 0], [-2, 1, 0, 0]])
    before, shares = None, []
    for _ in range(6):
        still = random.uniform(size=3) < 0.4
        poses += np.where(still[:, None], 0, random.uniform(-0.5, 0.5, (3, 4)))
        now = state(
            *poses, visible=random.integers(0, 3, 3) > 0, lamps=[0, 0, 8 * random.integers(0, 2)]
        )
        pixels = renderer.render(now)
        mark = np.kron(pixels.changed, np.ones((TILE, TILE), bool))[: look.height, : look.width]
        after = [a.copy() for a in (pixels.rgb, pixels.depth_m, pixels.normal, pixels.instance_id)]
        if before is not None:
            for old, new in zip(before, after, strict=True):
                differs = (old != new).reshape(look.height, look.width, -1).any(axis=2)
                assert not (differs & ~mark).any()
            shares.append(mark.mean())
        before = after
    assert min(shares) < 0.9
