"""Distortion against OpenCV, its inverse, and the refusal of lenses that fold."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from rareworld.core.camera import Camera
from rareworld.core.distortion import LEAST_SLOPE
from rareworld.errors import CameraError

LOOK = Camera.looking_at("bent", (0, 0, 10), (20, 3, 0), width=1920, height=1080, hfov_rad=1.3)
LENSES = {
    "barrel": (-0.3, 0.08, 0.001, -0.0008, -0.005),
    "cushion": (0.2, -0.05, -0.002, 0.001, 0.004),
    "tangential": (0.0, 0.0, 0.004, -0.003, 0.0),
    "strong barrel": (-0.18, 0.0, 0.0, 0.0, 0.0),
}


def _points(camera, count=4000):
    random = np.random.Generator(np.random.Philox(1))
    pixels = random.uniform((0, 0), (camera.width, camera.height), (count, 2))
    return pixels, camera.unproject(pixels, random.uniform(2, 90, count))


def _opencv(camera, points):
    pose = camera.camera_from_world
    turn = cv2.Rodrigues(pose[:3, :3])[0]
    pixels, _ = cv2.projectPoints(
        points, turn, pose[:3, 3], camera.intrinsics, np.array(camera.distortion)
    )
    return pixels[:, 0]


@pytest.mark.parametrize("name", LENSES)
def test_projection_is_opencvs_within_a_ten_thousandth_of_a_pixel(name):
    camera = replace(LOOK, distortion=LENSES[name])
    pixels, points = _points(camera)
    ours, _ = camera.project(points)
    np.testing.assert_allclose(ours, _opencv(camera, points), atol=1e-4)
    np.testing.assert_allclose(ours, pixels, atol=1e-6)


@pytest.mark.parametrize("name", LENSES)
def test_inverse_agrees_with_opencvs_own(name):
    camera = replace(LOOK, distortion=LENSES[name])
    pixels, _ = _points(camera, 500)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    theirs = cv2.undistortPoints(
        pixels, camera.intrinsics, np.array(camera.distortion), criteria=criteria
    )
    np.testing.assert_allclose(camera.ideal_plane(pixels), theirs[:, 0], atol=1e-7)


def test_points_beside_the_image_stay_beside_it():
    """OpenCV's polynomial brings them back in; ours goes on straight."""
    camera = replace(LOOK, distortion=LENSES["strong barrel"])
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    far = (
        np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, None]
        * np.linspace(1, 30, 200)[None, :, None]
    )
    local = np.concatenate([far, np.ones_like(far[..., :1])], axis=2)
    world = local @ camera.world_from_camera[:3, :3].T + camera.position_m
    pixels, _ = camera.project(world)
    radius = np.linalg.norm(pixels - [camera.cx, camera.cy], axis=-1)
    assert (np.diff(radius, axis=1) > 0).all()
    lens = camera.lens
    assert lens is not None
    assert lens.reach_slope == pytest.approx(LEAST_SLOPE, abs=1e-3)
    theirs = np.linalg.norm(_opencv(camera, world[0]) - [camera.cx, camera.cy], axis=1)
    assert (np.diff(theirs) < 0).any()


@pytest.mark.parametrize(
    "coefficients", [(-0.6, 0, 0, 0, 0), (0.1, -0.9, 0, 0, 0), (0, 0, 0.3, 0, 0)]
)
def test_a_lens_that_folds_within_the_image_is_refused(coefficients):
    with pytest.raises(CameraError, match=r"folds the image about \d+ px .* weaken"):
        replace(LOOK, distortion=tuple(float(k) for k in coefficients))


def test_where_it_folds_is_stated_right():
    with pytest.raises(CameraError) as caught:
        replace(LOOK, distortion=(-0.6, 0.0, 0.0, 0.0, 0.0))
    # r - 0.6 r^3 turns at r = sqrt(1 / 1.8), where it is 2/3 r
    turn = 2 / 3 * np.sqrt(1 / 1.8) * LOOK.fx
    assert f"about {turn:.0f} px" in str(caught.value)


@pytest.mark.parametrize("coefficients", [(0.1,), (0.1, 0.0, 0.0, 0.0), (float("nan"), 0, 0, 0, 0)])
def test_wrong_coefficients_are_refused(coefficients):
    with pytest.raises(CameraError, match="distortion must be"):
        replace(LOOK, distortion=coefficients)


def test_no_distortion_is_a_pinhole():
    for coefficients in ((), (0.0,) * 5):
        camera = replace(LOOK, distortion=coefficients)
        assert camera.lens is None
        pixels, points = _points(camera, 50)
        np.testing.assert_allclose(camera.project(points)[0], pixels, atol=1e-9)
    assert replace(LOOK, distortion=LENSES["barrel"]).pinhole == LOOK
