"""Edges of a box on a plain: where they must be, and where they must not."""

import numpy as np
import pytest

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.raster_renderer import RasterRenderer
from tests.annotate.render.shapes import box, camera, ground, joined, scene, state

LOOK = camera(200, 150)


def _frame(made, now, config=None):
    renderer = RasterRenderer(made, LOOK)
    maker = ChannelMaker(renderer, LOOK.height, LOOK.width, config or EdgeConfig(), Bands(1))
    return maker.make(maker.render(now), now, None)


def _slow_edges(frame, look):
    """A plain twin for scenes of planes and objects: ids, classes, creases over 32 degrees."""
    out = np.zeros(frame.edges.shape, bool)
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0)):
                q, p = (y + dy, x + dx), (y, x)
                if q[0] >= height or q[1] >= width:
                    continue
                dot = float(frame.normal[p].astype(float) @ frame.normal[q].astype(float))
                differs = (
                    frame.instance_id[p] != frame.instance_id[q]
                    or frame.class_id[p] != frame.class_id[q]
                    or (np.isfinite(frame.depth_m[p]) and dot < np.cos(np.radians(32)))
                )
                if differs:
                    out[p if frame.depth_m[p] <= frame.depth_m[q] else q] = True
    return out


def test_edges_of_two_boxes_are_those_of_a_slow_twin():
    made = scene(ground(), [box(), box((1, 1, 3))], [(1, 0), (2, 1)])
    frame = _frame(made, state((0, 0, 0, 0.3), (-2.5, 2.0, 0, 0.9)))
    assert np.array_equal(frame.edges, _slow_edges(frame, LOOK))
    assert 100 < frame.edges.sum() < 3000


def test_flat_ground_of_many_triangles_has_no_inner_edges():
    frame = _frame(scene(ground(cells=60)), state())
    solid = np.isfinite(frame.depth_m)
    inner = solid.copy()
    inner[1:] &= solid[:-1]
    assert not frame.edges[inner].any()


def test_creases_inside_one_object_are_edges_and_can_be_turned_off():
    made = scene(ground(), [box()], [(1, 0)])
    now = state((0, 0, 0, 0.3))
    inside = _frame(made, now).instance_id == 1
    core = inside.copy()
    core[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    assert _frame(made, now).edges[core].sum() > 20
    assert not _frame(made, now, EdgeConfig(crease_deg=180)).edges[core].any()


@pytest.mark.parametrize(("gap_m", "expected"), [(3.0, True), (0.0, False)])
def test_step_in_depth_between_parallel_faces_of_one_object_is_an_edge(gap_m, expected):
    """Two slabs of the same object, material and normal, one set back by `gap_m`."""
    front, back = box((0.2, 2, 2)), box((0.2, 2, 2))
    back.vertices_m[:] += np.array([gap_m, 2, 0], np.float32)
    made = scene(ground(z_m=-50), [joined(front, back)], [(1, 0)])
    look = camera(200, 150, position=(-8, 0.0, 1.0), target=(0, 0.0, 1.0))
    renderer = RasterRenderer(made, look)
    maker = ChannelMaker(renderer, 150, 200, EdgeConfig(crease_deg=180), Bands(1))
    now = state((0, 0, 0, 0))
    frame = maker.make(maker.render(now), now, None)
    row = frame.edges[75] & (frame.instance_id[75] == 1)
    (u, _), _ = look.project(np.array([-0.1, 1.0, 1.0]))
    assert bool(row[int(u) - 2 : int(u) + 3].any()) == expected
