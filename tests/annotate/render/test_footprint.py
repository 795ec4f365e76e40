"""Unoccluded pixel counts and loose boxes against slow twins."""

import numpy as np
import pytest

from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.core.camera import Camera
from tests.annotate.render.shapes import box, camera, ground, scene, sphere, state


def _larger(view: Camera, by: int) -> Camera:
    """The same view with `by` more pixels on every side."""
    return Camera(
        name="wide", width=view.width + 2 * by, height=view.height + 2 * by, fx=view.fx, fy=view.fy,
        cx=view.cx + by, cy=view.cy + by, position_m=view.position_m, quat=view.quat,
    )  # fmt: skip


@pytest.mark.parametrize("yaw", [0.0, 0.7, 2.0])
def test_counts_are_those_of_a_lone_object_in_a_larger_image(yaw):
    """The twin draws each object alone, in an image wide enough for all of it."""
    view, by = camera(96, 72), 150
    poses = [(0, 0, 0, yaw), (-4.5, 1.0, 0.8, yaw), (2, 5, 0, -yaw)]
    made = scene(ground(), [box(), sphere(0.8, rings=12)], [(4, 0), (9, 1), (2, 0)])
    renderer = RasterRenderer(made, view)
    renderer.render(state(*poses))
    found = renderer.footprints()
    assert found.object_id.tolist() == [2, 4, 9]
    wide = _larger(view, by)
    for row, part in enumerate((2, 0, 1)):
        alone = scene(ground(z_m=-300.0), made.prototypes, [(1, int(part == 1))])
        seen = RasterRenderer(alone, wide).render(state(poses[part])).instance_id == 1
        assert found.total_px[row] == seen.sum()
        assert found.inside_px[row] == seen[by:-by, by:-by].sum()
        assert seen.sum() > 0


def test_loose_box_holds_the_projection_of_every_vertex():
    view = camera(96, 72)
    made = scene(ground(), [sphere(1.2, rings=20)], [(1, 0)])
    renderer = RasterRenderer(made, view)
    renderer.render(state((-3, 2, 0.4, 0.3)))
    geometry = renderer.geometry
    pixels, _ = view.project(geometry.surface.points[geometry.vertex_start[0] :])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    np.testing.assert_allclose(renderer.footprints().loose_box[0], [*low, *high], atol=1e-6)


def test_object_behind_the_camera_covers_nothing():
    view = camera(96, 72)
    renderer = RasterRenderer(scene(ground(), [box()], [(1, 0)]), view)
    renderer.render(state((-30, -25, 4, 0)))
    found = renderer.footprints()
    assert found.total_px[0] == found.inside_px[0] == 0


def test_object_around_the_camera_fills_the_image():
    view = camera(96, 72, position=(0, 0, 1.0), target=(5, 0, 1.0))
    renderer = RasterRenderer(scene(ground(z_m=-1.0), [box((8, 8, 3))], [(1, 0)]), view)
    pixels = renderer.render(state((0, 0, 0, 0)))
    found = renderer.footprints()
    assert (pixels.instance_id == 1).all()
    assert found.inside_px[0] == 96 * 72
    assert found.total_px[0] > found.inside_px[0]
