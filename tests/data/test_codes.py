"""Claims about the integer codes of labels."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.seed import Seed
from rareworld.data import codes

DEPTHS = hnp.arrays(np.float32, (3, 5), elements=st.floats(0, 2.0**127, width=32))


def plain_depth(code: int) -> float:
    """The formula written into clip.json."""
    return (1 + (code % 4096) / 4096) * 2.0 ** (code // 4096 - 4)


@given(DEPTHS)
def test_depth_error_is_within_the_stated_share(depth: np.ndarray) -> None:
    back = codes.decode_depth(codes.encode_depth(depth))
    nearest = np.clip(depth.astype(np.float64), 1 / 16, plain_depth(codes.DEPTH_FARTHEST))
    assert np.all(np.abs(back / nearest - 1) <= codes.DEPTH_RELATIVE_ERROR)


def test_every_depth_code_decodes_by_the_formula_and_encodes_to_itself() -> None:
    code = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    depth = codes.decode_depth(code)
    formula = np.array([plain_depth(c) for c in range(65535)], np.float32)
    np.testing.assert_array_equal(depth.ravel()[:-1], formula)
    assert np.isinf(depth[-1, -1])
    np.testing.assert_array_equal(codes.encode_depth(depth), code)


def test_depth_never_wraps() -> None:
    depth = np.array(
        [[0, 0.01, 65.5, 65.6, 100, 4000, 4095.9, 4096, 1e6, 3e38, np.inf]], np.float32
    )
    code = codes.encode_depth(depth)[0].astype(int)
    assert np.all(np.diff(code) >= 0)
    assert code[-2] == codes.DEPTH_FARTHEST
    assert code[-1] == codes.DEPTH_INFINITE


@pytest.mark.parametrize("bad", [-0.1, float("nan")])
def test_impossible_depth_is_refused(bad: float) -> None:
    depth = np.full((2, 2), 5, np.float32)
    depth[1, 1] = bad
    with pytest.raises(ValueError, match="must be >= 0"):
        codes.encode_depth(depth)


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle between unit vectors, exact for small ones."""
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (np.float64(a), np.float64(b)))
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1)))


def random_normals(count: int) -> np.ndarray:
    normal = Seed(1).child("normals").generator().normal(size=(count, 1, 3)).astype(np.float32)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def test_normals_turned_to_the_camera_are_within_the_stated_angle() -> None:
    normal = random_normals(200_000)
    normal = normal[normal[:, 0, 2] <= 0.3]
    error = angle_deg(codes.decode_normal(codes.encode_normal(normal)), normal)
    assert error.max() <= codes.NORMAL_ERROR_DEG


def test_any_normal_is_within_0_8_degrees() -> None:
    normal = random_normals(200_000)
    error = angle_deg(codes.decode_normal(codes.encode_normal(normal)), normal)
    assert error.max() <= 0.8


def test_axis_normals_and_missing_normals_survive() -> None:
    axes = np.concatenate([np.eye(3), -np.eye(3), np.zeros((1, 3))]).astype(np.float32)
    back = codes.decode_normal(codes.encode_normal(axes[None]))[0]
    np.testing.assert_allclose(back, axes, atol=1e-4)
    np.testing.assert_array_equal(back[-1], 0)


@given(hnp.arrays(np.float32, (4, 3, 2), elements=st.floats(-1023, 1023, width=32)))
def test_flow_error_is_within_the_stated_pixels(flow: np.ndarray) -> None:
    code = codes.encode_flow(flow)
    assert np.abs(codes.decode_flow(code) - flow).max() <= codes.FLOW_ERROR_PX
    assert not codes.flow_saturated(code).any()


def test_flow_beyond_the_limit_is_flagged_and_nan_stays_nan() -> None:
    flow = np.array([[[5000, 0], [0, -np.inf], [np.nan, np.nan], [1, np.nan], [0, 0]]], np.float32)
    code = codes.encode_flow(flow)
    np.testing.assert_array_equal(codes.flow_saturated(code), [[True, True, False, False, False]])
    np.testing.assert_array_equal(
        np.isnan(codes.decode_flow(code)).all(axis=-1), [[False, False, True, True, False]]
    )
    assert codes.decode_flow(code)[0, 0, 0] > codes.FLOW_LIMIT_PX
