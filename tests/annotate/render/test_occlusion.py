"""Open sky from the depth image: a plain twin, and what it must look like."""

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.occlusion import open_sky_of, ring_pattern, smooth_open_sky
from rareworld.annotate.render.project import eye_of
from rareworld.annotate.render.raster_renderer import RasterRenderer
from tests.annotate.render.shapes import Rays, box, camera, ground, joined, scene, state

LOOK = camera(72, 54, position=(-5.0, -4.0, 3.0))


def _seen(static, look=LOOK):
    renderer = RasterRenderer(scene(static), look, RenderConfig(shadow_size=128))
    pixels = renderer.render(state())
    return pixels.depth_m, pixels.normal, renderer


def _open(depth, normal, look=LOOK):
    raw, out = np.zeros_like(depth), np.zeros(depth.shape, np.uint8)
    for rows in ((0, 20), (20, look.height)):
        open_sky_of(eye_of(look, 0.1), depth, normal, ring_pattern(), rows, raw)
    for rows in ((0, 33), (33, look.height)):
        smooth_open_sky(depth, normal, raw, rows, out)
    return raw, out


def test_share_of_open_sky_is_the_ray_marching_twins():
    depth, normal, _ = _seen(joined(ground(), box()))
    raw, out = _open(depth, normal)
    twin = twins.open_sky(LOOK, depth, normal, ring_pattern())
    # a probe that falls on the border of two pixels may round to the other one
    differ = np.abs(raw - twin) > 1e-5
    assert differ.mean() < 0.005
    assert raw.min() < 0.8
    again = twins.smoothed(depth, normal, raw.astype(float))
    assert np.abs(out.astype(int) - again).max() <= 1


def test_open_ground_sees_all_the_sky():
    depth, normal, _ = _seen(ground())
    _, out = _open(depth, normal)
    assert (out == 255).all()


def test_ground_darkens_towards_a_wall_and_only_within_reach():
    wall = box((0.4, 30.0, 4.0))
    look = camera(160, 120, position=(-9.0, 0.0, 6.0), target=(-1.5, 0.0, 0.0), hfov=0.9)
    depth, _, renderer = _seen(joined(ground(), wall), look)
    rays = Rays.of(look)
    x = rays.origin[0] + depth * rays.direction[..., 0]
    z = rays.origin[2] + depth * rays.direction[..., 2]
    floor = np.isfinite(depth) & (z < 0.01)
    gap = -0.2 - x
    share = renderer._baked.open_sky / 255.0
    means = [
        share[floor & (gap > low) & (gap <= high)].mean()
        for low, high in ((0.05, 0.4), (0.4, 0.9), (0.9, 1.6), (2.6, 5.0))
    ]
    assert means == sorted(means)
    assert means[0] < 0.9
    assert means[-1] == pytest.approx(1.0, abs=0.01)


def test_ring_fills_the_disc_evenly():
    pattern = ring_pattern(400)
    radius = np.linalg.norm(pattern, axis=1)
    assert radius.max() < 1
    # equal areas hold equal counts
    np.testing.assert_allclose(np.histogram(radius**2, 10, (0, 1))[0], 40)
    np.testing.assert_allclose(pattern.mean(axis=0), 0, atol=0.01)
