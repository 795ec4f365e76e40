"""What never moves is drawn once and kept small, to the last bit of its depth."""

import numpy as np
import pytest

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import eye_of, to_eye
from rareworld.annotate.render.raster import SAMPLES, Window, draw
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.render.still import draw_still, restored, sparse_points
from rareworld.annotate.render.tiles import TILE, listed, tiles_within, whole
from tests.annotate.render.shapes import box, camera, ground, joined, scene, sphere, state

LOOK = camera(150, 100)
SIZE = (LOOK.width, LOOK.height)
STATIC = joined(ground(), box((1.0, 6.0, 3.0)), sphere(0.8, rings=14))


def _drawn(static, look):
    """All sample layers of a plain draw, and the kept still image."""
    geometry, eye = Geometry(scene(static)), eye_of(look, 0.1)
    points, corners = geometry.surface.points, geometry.surface.corners
    local = np.zeros_like(points)
    to_eye(eye, points, 0, len(points), local)
    size = (look.width, look.height)
    shape = (len(SAMPLES), look.height, look.width)
    depth, index = np.zeros(shape, np.float32), np.full(shape, -1, np.int32)
    every = np.array([[0, len(corners)]], np.int64)
    draw(eye, corners, local, every, Window(0, 0, *size), SAMPLES, depth, index, np.empty((4, 3)))
    return depth, index, draw_still(geometry, eye, local, size, Bands(2))


def _all(still, look):
    size = (look.width, look.height)
    tiles = listed(whole(size))
    return restored(still, tiles, Window(0, 0, *size))


def test_kept_layers_are_those_of_a_plain_draw_to_the_bit():
    depth, index, still = _drawn(STATIC, LOOK)
    again, which = _all(still, LOOK)
    np.testing.assert_array_equal(which, index)
    np.testing.assert_array_equal(again, depth)
    assert 0 < len(still.mixed) < 0.3 * still.code.size


def test_depth_of_triangles_cut_at_the_near_plane_is_kept_to_rounding():
    low = camera(150, 100, position=(0.0, 0.0, 1.5), target=(10.0, 0.0, 1.0))
    depth, index, still = _drawn(ground(cells=1), low)
    again, which = _all(still, low)
    np.testing.assert_array_equal(which, index)
    np.testing.assert_allclose(again, depth, rtol=3e-7)


@pytest.mark.parametrize(
    "at", [Window(0, 0, 48, 64), Window(64, 32, 150, 96), Window(16, 64, 150, 100)]
)
def test_window_holds_its_part_of_the_image(at):
    depth, index, still = _drawn(STATIC, LOOK)
    tiles = tiles_within(whole(SIZE), at)
    again, which = restored(still, tiles, at)
    cut = np.s_[:, at.top : at.bottom, at.left : at.right]
    np.testing.assert_array_equal(which, index[cut])
    np.testing.assert_array_equal(again, depth[cut])


def test_only_the_given_tiles_are_filled():
    _, index, still = _drawn(STATIC, LOOK)
    tiles = np.array([[2, 3]], np.int32)
    _, which = restored(still, tiles, Window(0, 0, *SIZE))
    inside = np.s_[:, 2 * TILE : 3 * TILE, 3 * TILE : 4 * TILE]
    np.testing.assert_array_equal(which[inside], index[inside])


def test_sparse_points_lie_on_the_surfaces():
    depth, _, still = _drawn(STATIC, LOOK)
    centres, inverse = sparse_points(still, 500)
    columns, rows = np.floor(centres).astype(int).T
    np.testing.assert_array_equal(inverse, depth[0][rows, columns])
    assert 100 < len(centres) <= 500


def test_empty_world_shows_only_sky():
    nothing = ground()
    up = camera(64, 48, position=(0, 0, 5), target=(1, 0, 50))
    _, _, still = _drawn(nothing, up)
    assert (still.code == -1).all()
    assert len(still.mixed) == 0
    assert len(sparse_points(still, 100)[0]) == 0


def test_renderer_writes_into_the_arrays_it_is_given():
    made = scene(STATIC, [box()], [(4, 0)])
    config = RenderConfig(shadow_size=128)
    ours, theirs = RasterRenderer(made, LOOK, config), RasterRenderer(made, LOOK, config)
    first = ours.render(state((3, 0, 0, 0)))
    target = type(ours._own)(*[np.zeros_like(array) for array in ours._own])
    given = theirs.render(state((3, 0, 0, 0)), target)
    assert given.rgb is target.rgb
    assert given.normal is target.normal
    for one, other in zip(ours._own, target, strict=True):
        np.testing.assert_array_equal(one, other)
    # the next image may go elsewhere, if that place holds the last one
    elsewhere = type(target)(*[array.copy() for array in target])
    ours.render(state((3.5, 0, 0, 0.2)))
    theirs.render(state((3.5, 0, 0, 0.2)), elsewhere)
    for one, other in zip(ours._own, elsewhere, strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.rgb is ours._own.rgb
