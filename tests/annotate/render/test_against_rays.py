"""The rasteriser against Embree's ray caster, which shares no code with it.

A pixel counts as a tie when moving its ray by a hundredth of a pixel changes what Embree hits, or
when two surfaces lie within a millimetre: there float32 decides.
"""

import numpy as np
import pytest
import trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

from rareworld.annotate.render.raster_renderer import RasterRenderer
from tests.annotate.render.shapes import Rays, box, camera, ground, joined, scene, sphere, state


def _town(seed, count):
    random = np.random.Generator(np.random.Philox(seed))
    static = joined(ground(), box((3, 3, 6)), sphere(2.0, rings=24))
    prototypes = [box((4, 2, 1.5)), sphere(0.7, rings=16), box((0.5, 0.5, 1.8))]
    instances = [(k + 1, k % 3) for k in range(count)]
    poses = [
        (
            *random.uniform(-12, 12, 2),
            random.uniform(0, 1),
            *random.uniform(-3, 3, 3) * [1, 0.1, 0.1],
        )
        for _ in range(count)
    ]
    return scene(static, prototypes, instances), state(*poses)


def _cast(renderer, origin, direction):
    """Return triangle (or -1) and depth of the first hit of rays with unit depth."""
    surface = renderer.geometry.surface
    solid = trimesh.Trimesh(surface.points - origin, surface.corners, process=False)
    flat = direction.reshape(-1, 3)
    rays = RayMeshIntersector(solid, scale_to_box=False)
    triangle = rays.intersects_first(np.zeros_like(flat), flat)
    corners = (surface.points - origin)[surface.corners[triangle]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (normal * corners[:, 0]).sum(1) / (normal * flat).sum(1)
    shape = direction.shape[:2]
    return triangle.reshape(shape), np.where(triangle < 0, np.inf, depth).reshape(shape)


def _owner(renderer, triangle):
    return np.where(triangle < 0, 0, renderer.geometry.surface.object_id[triangle])


def _ties(renderer, view, owner):
    """Pixels whose owner depends on a hundredth of a pixel."""
    rays = Rays.of(view)
    step_x = rays.direction[0, 1] - rays.direction[0, 0]
    step_y = rays.direction[1, 0] - rays.direction[0, 0]
    tie = np.zeros(owner.shape, bool)
    for shift in (step_x, -step_x, step_y, -step_y):
        other, _ = _cast(renderer, rays.origin, rays.direction + 0.01 * shift)
        tie |= _owner(renderer, other) != owner
    return tie


def _compare(seed, view, count):
    made, now = _town(seed, count)
    renderer = RasterRenderer(made, view)
    pixels = renderer.render(now)
    rays = Rays.of(view)
    triangle, depth = _cast(renderer, rays.origin, rays.direction)
    owner = _owner(renderer, triangle)
    wrong = (owner != pixels.instance_id) & ~_ties(renderer, view, owner)
    both = np.isfinite(depth) & np.isfinite(pixels.depth_m)
    far = np.zeros(depth.shape)
    far[both] = np.abs(depth[both] - pixels.depth_m[both])
    return (
        int(wrong.sum()),
        int((far > 0.01).sum()),
        int((np.isfinite(depth) != np.isfinite(pixels.depth_m)).sum()),
    )


@pytest.mark.parametrize("seed", range(3))
def test_ids_agree_and_depth_is_within_a_centimetre(seed):
    wrong, far, sky = _compare(seed, camera(480, 270, position=(-14, -11, 7)), 24)
    assert wrong == 0
    assert far <= 2
    assert sky <= 1


@pytest.mark.slow
def test_full_hd_frame_agrees_but_for_twenty_pixels():
    wrong, far, _ = _compare(11, camera(1920, 1080, position=(-14, -11, 7)), 40)
    assert wrong == 0
    assert far <= 20
