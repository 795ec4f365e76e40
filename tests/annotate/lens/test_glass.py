"""Kernels of the lens against `core.camera`, which is held to OpenCV."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from rareworld.annotate.lens.glass import Glass, shown_plane, to_drawn, to_shown
from rareworld.annotate.lens.optics import Optics, still
from rareworld.annotate.lens.wander import small_turns
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.jit import kernel
from rareworld.annotate.render.project import eye_of
from rareworld.core.camera import Camera
from rareworld.errors import CameraError
from tests.annotate.lens.views import BARREL, CUSHION, centres

LOOK = Camera.looking_at("bent", (1, 2, 9), (20, 3, 0), width=640, height=400, hfov_rad=1.2)


@kernel
def _show_all(glass: Glass, points: np.ndarray, out: np.ndarray) -> None:
    for k in range(len(points)):
        out[k, 0], out[k, 1], out[k, 2] = to_shown(glass, points[k, 0], points[k, 1], points[k, 2])


@kernel
def _draw_all(glass: Glass, rays: np.ndarray, out: np.ndarray) -> None:
    for k in range(len(rays)):
        out[k, 0], out[k, 1], out[k, 2] = to_drawn(glass, rays[k, 0], rays[k, 1])


@kernel
def _bend_all(glass: Glass, points: np.ndarray, out: np.ndarray) -> None:
    for k in range(len(points)):
        out[k, 0], out[k, 1] = shown_plane(glass.brown, points[k, 0], points[k, 1])


def _turned(camera, mrad=(8.0, -5.0, 3.0)):
    return Optics(camera, small_turns(np.array([mrad]) / 1000))


@pytest.mark.parametrize("bend", [(), BARREL, CUSHION])
def test_rays_are_the_cameras_own_and_opencvs(bend):
    camera = replace(LOOK, distortion=bend)
    bands = Bands(2)
    rays = still(camera, 1).rays(bands)
    bands.close()
    pixels = centres(camera.width, camera.height)
    np.testing.assert_allclose(rays, camera.ideal_plane(pixels), atol=2e-7)
    if bend:
        plain, size = np.eye(3), (camera.width, camera.height)
        x, y = cv2.initUndistortRectifyMap(
            camera.intrinsics, np.array(bend), plain, camera.intrinsics, size, cv2.CV_32FC1
        )  # fmt: skip
        # OpenCV's map goes the other way: where an undistorted pixel is found in the bent image
        ideal = (pixels - 0.5 - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
        out = np.empty((ideal.size // 2, 2))
        glass = still(camera, 1).glass(eye_of(camera.pinhole, 0.1), 0)
        _bend_all(glass, ideal.reshape(-1, 2), out)
        shown = out * [camera.fx, camera.fy] + [camera.cx, camera.cy]
        inside = np.abs(shown - [320, 200]).max(axis=1) < 300
        np.testing.assert_allclose(shown[inside, 0], x.ravel()[inside], atol=1e-4)
        np.testing.assert_allclose(shown[inside, 1], y.ravel()[inside], atol=1e-4)


@pytest.mark.parametrize("bend", [(), BARREL, CUSHION])
def test_points_are_shown_where_the_turned_camera_projects_them(bend):
    optics = _turned(replace(LOOK, distortion=bend))
    drawn, now = optics.drawn(), optics.camera_at(0)
    random = np.random.Generator(np.random.Philox(2))
    world = now.unproject(random.uniform((0, 0), (640, 400), (500, 2)), random.uniform(3, 60, 500))
    found = np.empty((500, 3))
    _show_all(optics.glass(eye_of(drawn, 0.1), 0), drawn.to_camera(world), found)
    pixels, depth = now.project(world)
    np.testing.assert_allclose(found[:, :2], pixels, atol=1e-8)
    np.testing.assert_allclose(found[:, 2], depth, rtol=1e-12)


def test_sway_of_a_pinhole_is_the_homography_in_closed_form():
    optics = _turned(LOOK)
    drawn = optics.drawn()
    pixels = centres(LOOK.width, LOOK.height).reshape(-1, 2)
    rays = np.ascontiguousarray(LOOK.ideal_plane(pixels))
    found = np.empty((len(rays), 3))
    _draw_all(optics.glass(eye_of(drawn, 0.1), 0), rays, found)
    k, other = drawn.intrinsics, LOOK.intrinsics
    homography = k @ optics.turns[0] @ np.linalg.inv(other)
    expected = np.column_stack([pixels, np.ones(len(pixels))]) @ homography.T
    at = found[:, :2] * [drawn.fx, drawn.fy] + [drawn.cx, drawn.cy]
    np.testing.assert_allclose(at, expected[:, :2] / expected[:, 2:], atol=1e-9)
    assert ((at > 1) & (at < [drawn.width - 1, drawn.height - 1])).all()


def test_drawn_picture_holds_every_ray_and_keeps_the_centres_grid():
    for bend in (BARREL, CUSHION):
        optics = _turned(replace(LOOK, distortion=bend))
        drawn = optics.drawn()
        assert (drawn.width % 2, drawn.height % 2) == (0, 0)
        assert (drawn.cx - LOOK.cx) % 1 == 0
        assert (drawn.fx, drawn.fy) == (LOOK.fx, LOOK.fy)
        plane = optics.camera.ideal_plane(centres(640, 400).reshape(-1, 2))
        rays = np.column_stack([plane, np.ones(len(plane))]) @ optics.turns[0].T
        at = rays[:, :2] / rays[:, 2:] * drawn.fx + [drawn.cx, drawn.cy]
        assert ((at > 1) & (at < [drawn.width - 1, drawn.height - 1])).all()
    assert still(LOOK, 3).drawn() == LOOK
    assert still(LOOK, 3).quats == ()


def test_a_lens_that_needs_a_huge_picture_is_refused():
    look = Camera.looking_at("w", (0, 0, 5), (9, 0, 0), width=640, height=400, hfov_rad=1.2)
    corner = np.hypot(320, 200) / look.fx
    # slope (1 - q / a)^3: ever flatter, and flat just outside the corner
    a = (corner * 1.0005 / (1 - 1 + 3 / 5 - 1 / 7)) ** 2
    bent = replace(look, distortion=(-1 / a, 3 / (5 * a * a), 0.0, 0.0, -1 / (7 * a**3)))
    with pytest.raises(CameraError, match="needs a picture of"):
        still(bent, 1).drawn()
