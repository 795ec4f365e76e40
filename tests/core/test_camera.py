"""Projection round trips and the two pose conventions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.camera import Camera, Rig, camera_quat_from_unreal, quat_from_matrix
from rareworld.core.geometry import matrix_from_quat
from rareworld.errors import CameraError


def _camera(**changes: object) -> Camera:
    values: dict[str, object] = {
        "name": "a", "width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "cx": 320.0,
        "cy": 240.0, "position_m": (0.0, 0.0, 5.0), "quat": (1.0, 0.0, 0.0, 0.0),
    }  # fmt: skip
    return Camera(**(values | changes))  # type: ignore[arg-type]  # a table of overrides


def test_target_lands_in_the_middle_and_up_is_up() -> None:
    camera = Camera.looking_at(
        "a", (0.0, 0.0, 9.0), (20.0, 5.0, 0.0), width=1920, height=1080, hfov_rad=1.2
    )
    pixel, depth = camera.project(np.array([20.0, 5.0, 0.0]))
    np.testing.assert_allclose(pixel, [960, 540], atol=1e-9)
    assert float(depth) == pytest.approx(np.sqrt(20**2 + 5**2 + 9**2))
    above, _ = camera.project(np.array([20.0, 5.0, 1.0]))
    left, _ = camera.project(np.array([20.0, 8.0, 0.0]))
    assert above[1] < 540
    assert left[0] < 960
    assert camera.hfov_rad == pytest.approx(1.2)


@given(st.integers(0, 10_000))
def test_unproject_inverts_project(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye, target = rng.uniform(-20, 20, 3), rng.uniform(-20, 20, 3)
    camera = Camera.looking_at(
        "a", tuple(map(float, eye)), tuple(map(float, target)), width=640, height=360, hfov_rad=1.0
    )
    points = rng.uniform(-30, 30, (20, 3))
    pixels, depth = camera.project(points)
    np.testing.assert_allclose(camera.unproject(pixels, depth), points, atol=1e-6)


def test_matrices_invert_each_other() -> None:
    camera = Camera.looking_at("a", (1, 2, 9), (8, 5, 0), width=64, height=36, hfov_rad=1.0)
    np.testing.assert_allclose(
        camera.world_from_camera @ camera.camera_from_world, np.eye(4), atol=1e-12
    )
    pixels, depth = camera.project(np.array([[7.0, 4.0, 1.0]]))
    homogeneous = camera.intrinsics @ camera.to_camera(np.array([7.0, 4.0, 1.0]))
    np.testing.assert_allclose(homogeneous[:2] / homogeneous[2], pixels[0])
    assert homogeneous[2] == pytest.approx(depth[0])


@pytest.mark.parametrize(
    ("target", "expected"),
    [((10.0, 0.0, 0.0), (-45.0, 0.0, 0.0)), ((0.0, 10.0, 0.0), (-45.0, -90.0, 0.0))],
)
def test_unreal_pose_is_left_handed(
    target: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    camera = Camera.looking_at("a", (0.0, 0.0, 10.0), target, width=64, height=36, hfov_rad=1.0)
    location, rotation = camera.unreal_transform()
    np.testing.assert_allclose(location, [0, 0, 10], atol=1e-12)
    np.testing.assert_allclose(rotation, expected, atol=1e-9)


@given(st.floats(-89, 89), st.floats(-179, 179), st.floats(-179, 179))
def test_unreal_round_trip(pitch: float, yaw: float, roll: float) -> None:
    camera = _camera(quat=camera_quat_from_unreal(pitch, yaw, roll), position_m=(1.0, -2.0, 3.0))
    location, rotation = camera.unreal_transform()
    np.testing.assert_allclose(rotation, [pitch, yaw, roll], atol=1e-5)
    np.testing.assert_allclose(location, [1.0, 2.0, 3.0])


@given(st.integers(0, 10_000))
def test_quaternion_of_matrix_round_trip(seed: int) -> None:
    quat = np.random.default_rng(seed).normal(size=4)
    quat /= np.linalg.norm(quat)
    matrix = matrix_from_quat(quat)
    np.testing.assert_allclose(
        matrix_from_quat(np.array(quat_from_matrix(matrix))), matrix, atol=1e-9
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width and height must be positive"),
        ({"fx": -1.0}, "focal lengths must be positive"),
        ({"quat": (1.0, 1.0, 0.0, 0.0)}, "length 1"),
        ({"fx": float("nan")}, "fx must be finite.*found nan; correct"),
        ({"cy": float("inf")}, "cy must be finite.*found inf"),
        ({"position_m": (0.0, float("inf"), 5.0)}, "position_m must be finite"),
        ({"quat": (float("nan"), 0.0, 0.0, 0.0)}, "quat must be finite"),
    ],
)
def test_impossible_cameras_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CameraError, match=message):
        _camera(**changes)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "/etc/x", "a/b", "a\\b", ".hidden", "-x", "a b", "a\n", "é",
             "stage.json"],
)  # fmt: skip
def test_names_that_cannot_be_folders_are_refused(name: str) -> None:
    with pytest.raises(CameraError, match=r"camera names must be .*found .*; rename the camera"):
        _camera(name=name)


@pytest.mark.parametrize("name", ["a", "0", "cam0", "North-East_2.left", "a..b"])
def test_plain_names_are_kept(name: str) -> None:
    assert _camera(name=name).name == name


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_looking_at_from_or_to_nowhere_is_refused(bad: float) -> None:
    with pytest.raises(CameraError, match="position_m must be finite"):
        Camera.looking_at("a", (bad, 0, 0), (1, 0, 0), width=8, height=8, hfov_rad=1.0)
    with pytest.raises(CameraError, match="target must be finite"):
        Camera.looking_at("a", (0, 0, 0), (1, bad, 0), width=8, height=8, hfov_rad=1.0)


def test_looking_at_itself_is_refused() -> None:
    with pytest.raises(CameraError, match="same point"):
        Camera.looking_at("a", (0, 0, 0), (0, 0, 0), width=8, height=8, hfov_rad=1.0)


def test_rig_names_are_unique() -> None:
    with pytest.raises(CameraError, match="used twice: \\['a'\\]"):
        Rig((_camera(), _camera()))
    with pytest.raises(CameraError, match="at least one"):
        Rig(())
