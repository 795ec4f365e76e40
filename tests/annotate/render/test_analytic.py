"""Depth, normals and masks against closed forms."""

import numpy as np
import pytest

from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.core.taxonomy import ClassId
from tests.annotate.render.shapes import Rays, box, camera, ground, scene, sphere, state

LOOK = camera()


def _normal_in_world(view, pixels):
    return pixels.normal.astype(np.float64) @ view.world_from_camera[:3, :3].T


def test_plane_depth_and_normal_are_those_of_the_plane():
    pixels = RasterRenderer(scene(ground()), LOOK).render(state())
    rays = Rays.of(LOOK)
    with np.errstate(divide="ignore"):
        depth = -rays.origin[2] / rays.direction[..., 2]
    hit = rays.origin[:2] + depth[..., None] * rays.direction[..., :2]
    inside = (depth > 0) & (np.abs(hit) < 60).all(axis=-1)
    assert np.array_equal(np.isfinite(pixels.depth_m), inside)
    np.testing.assert_allclose(pixels.depth_m[inside], depth[inside], rtol=1e-6)
    np.testing.assert_allclose(_normal_in_world(LOOK, pixels)[inside] - [0, 0, 1], 0, atol=1e-6)
    assert set(np.unique(pixels.class_id[inside])) == {int(ClassId.ROAD)}
    assert set(np.unique(pixels.class_id[~inside])) <= {int(ClassId.SKY)}


def _slab(rays: Rays, low, high):
    """Entry depth into a box (Kay & Kajiya 1986), infinite for a miss."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (low - rays.origin) / rays.direction, (high - rays.origin) / rays.direction
    near, far = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return np.where((near <= far) & (far > 0), near, np.inf)


def test_box_depth_and_mask_are_those_of_the_slabs():
    made = scene(ground(z_m=-50.0), [box((4, 2, 1.5))], [(7, 0)])
    pixels = RasterRenderer(made, LOOK).render(state((0, 0, 0, 0)))
    depth = _slab(Rays.of(LOOK), np.array([-2, -1, 0]), np.array([2, 1, 1.5]))
    assert np.array_equal(pixels.instance_id == 7, np.isfinite(depth))
    seen = np.isfinite(depth)
    np.testing.assert_allclose(pixels.depth_m[seen], depth[seen], rtol=2e-6)


def test_sphere_depth_is_within_the_facets_error():
    made = scene(ground(z_m=-50.0), [sphere(1.5)], [(3, 0)])
    pixels = RasterRenderer(made, LOOK).render(state((0, 0, 0.5, 0.3)))
    rays = Rays.of(LOOK)
    centre = rays.origin - np.array([0, 0, 0.5])
    square = (rays.direction**2).sum(-1)
    half = rays.direction @ centre
    under = half**2 - square * (centre @ centre - 1.5**2)
    depth = (-half - np.sqrt(np.maximum(under, 0))) / square
    # 96 rings: sagitta r (1 - cos(pi / 192)) = 0.2 mm; near the silhouette depth is ill-conditioned
    clear = under > 0.05 * square * 1.5**2
    assert (pixels.instance_id[clear] == 3).all()
    assert (pixels.instance_id[under < 0] != 3).all()
    np.testing.assert_allclose(pixels.depth_m[clear], depth[clear], atol=2e-3)
    normal = _normal_in_world(LOOK, pixels)[clear]
    point = centre + depth[clear][:, None] * rays.direction[clear]
    cosine = (normal * point / np.linalg.norm(point, axis=1, keepdims=True)).sum(axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 2.0


def test_ground_under_the_camera_is_clipped_at_the_near_plane():
    """One huge triangle pair reaches behind the camera; every lower pixel still sees it."""
    low = camera(position=(0.0, 0.0, 1.5), target=(10.0, 0.0, 1.0))
    pixels = RasterRenderer(scene(ground(cells=1)), low).render(state())
    rays = Rays.of(low)
    with np.errstate(divide="ignore"):
        depth = -1.5 / rays.direction[..., 2]
    inside = (depth > 0.1) & (np.abs(depth[..., None] * rays.direction[..., :2]) < 60).all(-1)
    assert inside.sum() > 5000
    assert np.array_equal(np.isfinite(pixels.depth_m), inside)
    np.testing.assert_allclose(pixels.depth_m[inside], depth[inside], rtol=1e-5)


@pytest.mark.parametrize("hidden", [0, 1])
def test_hidden_instances_leave_no_pixel(hidden):
    made = scene(ground(), [box(), sphere()], [(5, 0), (6, 1)])
    visible = [1, 1]
    visible[hidden] = 0
    pixels = RasterRenderer(made, LOOK).render(state((0, 0, 0, 0), (2, 2, 1, 0), visible=visible))
    ids = set(np.unique(pixels.instance_id).tolist())
    assert ids == {0, 6 if hidden == 0 else 5}
