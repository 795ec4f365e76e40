"""Resampling of light: exact on ramps, averaged where the lens shrinks."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.lens.glass import Brown, Glass
from rareworld.annotate.lens.view import seed_of
from rareworld.annotate.lens.warp import warp_light
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.project import eye_of
from rareworld.core.camera import Camera
from rareworld.core.trajectory import Recording
from tests.annotate.labels.random_scenes import Body, recording_of
from tests.annotate.lens.views import BARREL, CUSHION, swaying

LOOK = Camera.looking_at("bent", (-9, -6, 5), (0, 0, 0.5), width=160, height=100, hfov_rad=1.2)


def _warped(optics, light):
    bands = Bands(2)
    glass = optics.glass(eye_of(optics.drawn(), 0.1), 0)
    rays = optics.rays(bands)
    out = np.empty((*rays.shape[:2], 3), np.float32)
    bands.over_rows(len(out), lambda rows: warp_light(glass, rays, light, rows, out))
    bands.close()
    return out, rays


@pytest.mark.parametrize("bend", [BARREL, CUSHION])
def test_a_ramp_is_shown_at_the_place_each_ray_meets_it(bend):
    optics = swaying(replace(LOOK, distortion=bend), 1)
    drawn = optics.drawn()
    x, y = np.meshgrid(np.arange(drawn.width) + 0.5, np.arange(drawn.height) + 0.5)
    light = np.stack([x, y, np.full_like(x, 7.0)], axis=2).astype(np.float32)
    found, rays = _warped(optics, light)
    local = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=2) @ optics.turns[0].T
    place = local[..., :2] / local[..., 2:] * drawn.fx + [drawn.cx, drawn.cy]
    # where the lens shrinks, the mean over a pixel is that of its middle but for the curvature
    np.testing.assert_allclose(found[..., :2], place, atol=5e-3)
    np.testing.assert_allclose(found[..., 2], 7.0, rtol=1e-6)


def test_stripes_finer_than_a_pixel_are_averaged():
    """A lens that shows three drawn pixels in one, everywhere."""
    drawn = replace(LOOK, width=480, height=300, fx=300.0, fy=300.0, cx=240.0, cy=150.0)
    shown = Brown(0.0, 0.0, 0.0, 0.0, 0.0, np.inf, 1.0)
    glass = Glass(eye_of(drawn, 0.1), 100.0, 100.0, 80.0, 50.0, shown, np.eye(3))
    x, y = np.meshgrid(np.arange(160) + 0.5 - 80, np.arange(100) + 0.5 - 50)
    rays = (np.stack([x, y], axis=2) / 100).astype(np.float32)
    light = np.zeros((300, 480, 3), np.float32)
    light[:, ::3] = 3.0
    out = np.empty((100, 160, 3), np.float32)
    warp_light(glass, rays, light, (0, 100), out)
    # three places per pixel, or four where rounding says a little more than three
    np.testing.assert_allclose(out[2:-2, 2:-2], 1.0, atol=0.04)


def test_seed_is_of_recording_and_camera():
    recording = recording_of([Body(0, 0, 0, 0, 0, 0, 0, 1)])
    with_seed = [replace(recording, provenance={"seed": k, "index": 1}) for k in (1, 2)]
    keys = {seed_of(item, LOOK).key for item in (recording, *with_seed)}
    other = replace(LOOK, name="other")
    keys |= {seed_of(recording, other).key}
    keys |= {seed_of(replace(with_seed[0], provenance={"seed": 1, "index": 2}), LOOK).key}
    assert len(keys) == 5
    assert isinstance(recording, Recording)
