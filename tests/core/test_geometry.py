"""Geometry against closed forms and slow twins; tolerance 1e-12 unless said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core import geometry as g

ANGLE = st.floats(-3.0, 3.0)
PITCH = st.floats(-1.5, 1.5)


def _axis(angle: float, axis: int) -> np.ndarray:
    """Return the textbook rotation matrix about one axis."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    out = np.eye(3)
    out[i, i] = out[j, j] = c
    out[i, j], out[j, i] = -s, s
    return out


@given(ANGLE, PITCH, ANGLE)
def test_euler_quaternion_is_rz_ry_rx(yaw: float, pitch: float, roll: float) -> None:
    matrix = g.matrix_from_quat(g.quat_from_euler(yaw, pitch, roll))
    expected = _axis(yaw, 2) @ _axis(pitch, 1) @ _axis(roll, 0)
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


@given(ANGLE, PITCH, ANGLE)
def test_euler_round_trip(yaw: float, pitch: float, roll: float) -> None:
    angles = g.euler_from_quat(g.quat_from_euler(yaw, pitch, roll))
    np.testing.assert_allclose(np.array(angles), [yaw, pitch, roll], atol=1e-7)


def test_positive_pitch_is_nose_down_and_positive_yaw_turns_left() -> None:
    ahead = np.array([1.0, 0.0, 0.0])
    assert g.rotate(g.quat_from_euler(0.0, 0.1, 0.0), ahead)[2] < 0
    assert g.rotate(g.quat_from_yaw(0.1), ahead)[1] > 0


@given(ANGLE, st.floats(0, 1))
def test_slerp_about_one_axis_is_linear_in_angle(angle: float, fraction: float) -> None:
    mid = g.slerp(g.quat_from_yaw(0.0), g.quat_from_yaw(angle), fraction)
    assert float(g.yaw_from_quat(mid)) == pytest.approx(angle * fraction, abs=1e-6)


def test_slerp_takes_the_shorter_arc() -> None:
    a, b = g.quat_from_yaw(3.0), g.quat_from_yaw(-3.0)
    assert abs(float(g.yaw_from_quat(g.slerp(a, b, 0.5)))) == pytest.approx(np.pi, abs=1e-9)


@pytest.mark.parametrize(
    ("angle", "wrapped"), [(0.0, 0.0), (np.pi, np.pi), (-np.pi, np.pi), (3 * np.pi / 2, -np.pi / 2)]
)
def test_wrap_angle(angle: float, wrapped: float) -> None:
    assert float(g.wrap_angle(angle)) == pytest.approx(wrapped)


def test_box_stands_on_its_position() -> None:
    corners = g.box_corners(
        np.array([1.0, 2.0, 3.0]), g.quat_from_yaw(np.pi / 2), np.array([4.0, 2.0, 1.5])
    )
    np.testing.assert_allclose(corners[:4, 2], 3.0)
    np.testing.assert_allclose(corners[4:, 2], 4.5)
    np.testing.assert_allclose(corners[0], [0.0, 4.0, 3.0], atol=1e-12)


def test_footprint_is_the_lower_face() -> None:
    position, size = np.array([[1.0, 2.0, 3.0]]), np.array([4.0, 2.0, 1.5])
    corners = g.box_corners(position, g.quat_from_yaw(np.array([0.3])), size)
    np.testing.assert_allclose(g.footprint(position, np.array([0.3]), size), corners[:, :4, :2])


SQUARE = np.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])


@pytest.mark.parametrize(
    ("shift", "gap"),
    [((2.0, 0.0), 1.0), ((2.0, 2.0), np.sqrt(2)), ((0.8, 0.1), -0.2), ((1.0, 0.0), 0.0)],
)
def test_polygon_gap_of_squares(shift: tuple[float, float], gap: float) -> None:
    assert g.polygon_gap(SQUARE, SQUARE + np.array(shift))[0] == pytest.approx(gap, abs=1e-12)


@given(st.integers(0, 10_000))
def test_polygon_gap_sign_agrees_with_sampling(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = g.footprint(
        rng.uniform(-3, 3, (2, 3)), rng.uniform(-3, 3, 2), rng.uniform(1, 3, (2, 3))
    )
    gap = g.polygon_gap(boxes[:1], boxes[1:])[0]
    grid = np.linspace(0, 1, 40)
    u, v = (axis.ravel()[:, None] for axis in np.meshgrid(grid, grid))
    points = boxes[0, 0] + u * (boxes[0, 1] - boxes[0, 0]) + v * (boxes[0, 3] - boxes[0, 0])
    touched = g.inside_convex(points, boxes[1]).any()
    assert not (touched and gap > 0)
    assert touched or gap > -0.2


@given(st.integers(0, 10_000))
def test_polygon_gap_is_symmetric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = g.footprint(
        rng.uniform(-4, 4, (2, 3)), rng.uniform(-3, 3, 2), rng.uniform(1, 3, (2, 3))
    )
    there, back = g.polygon_gap(boxes[:1], boxes[1:]), g.polygon_gap(boxes[1:], boxes[:1])
    np.testing.assert_allclose(there, back, atol=1e-12)


def test_inside_convex_accepts_either_winding() -> None:
    points = np.array([[0.5, 0.5], [1.5, 0.5]])
    for polygon in (SQUARE[0], SQUARE[0][::-1]):
        assert g.inside_convex(points, polygon).tolist() == [True, False]
