"""Integer codes of the lossless label streams, with their worst-case errors.

Depth   16-bit floating point without sign: 12 mantissa bits, 16 octaves from 1/16 m to 4096 m.
        Relative error at most 2^-13 (0.0122 %: 8 mm at 65 m). Nothing wraps: nearer is 0, farther
        saturates at 65534, infinity is 65535. The code is the upper part of the float32 bits.
Normal  2 x 16-bit Lambert azimuthal equal-area projection (Lambert 1772; centre: straight at the
        camera). At most 0.005 degrees off for normals turned to the camera (z <= 0.3), 0.8 degrees
        for any. (0, 0) means no surface.
Flow    2 x 16-bit fixed point, 1/32 pixel steps around 32768: at most 0.016 pixel off within
        +-1023 pixels; 0 means none (NaN); 1 and 65535 mean saturated.
Proved in `tests/data/test_codes.py`.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, UInt16

DEPTH_MANTISSA_BITS = 12
DEPTH_LEAST_EXPONENT = -4
DEPTH_RELATIVE_ERROR = 2.0 ** -(DEPTH_MANTISSA_BITS + 1)
NORMAL_ERROR_DEG = 0.005
FLOW_STEPS_PER_PX = 32
FLOW_LIMIT_PX = 1023.0
FLOW_ERROR_PX = 0.016
DEPTH_INFINITE = 65535
DEPTH_FARTHEST = 65534

_SHIFT = 23 - DEPTH_MANTISSA_BITS
_FIRST = (127 + DEPTH_LEAST_EXPONENT) << DEPTH_MANTISSA_BITS
_BAND = 32
_HALF = np.float32(32767.0)
_MIDDLE = np.float32(32768.0)
_AWAY = np.float32(0.5)


def _bands(height: int) -> Iterator[slice]:
    """Yield bands of rows whose temporaries stay in the processor's cache."""
    for start in range(0, height, _BAND):
        yield slice(start, start + _BAND)


def encode_depth(depth_m: Float32[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
    """Return depth codes.

    Raises:
        ValueError: If a depth is negative or not a number.
    """
    least = float(depth_m.min(initial=np.inf))
    if not least >= 0:
        raise ValueError(f"depth_m must be >= 0 everywhere, found {least}")
    out = np.empty(depth_m.shape, np.uint16)
    for rows in _bands(len(depth_m)):
        out[rows] = _encode_depth_band(depth_m[rows])
    return out


def _encode_depth_band(depth_m: Float32[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
    bits = np.ascontiguousarray(depth_m).view(np.uint32)
    code = bits + np.uint32(1 << (_SHIFT - 1))
    code >>= np.uint32(_SHIFT)
    np.clip(code, _FIRST, _FIRST + DEPTH_FARTHEST, out=code)
    code -= np.uint32(_FIRST)
    out = code.astype(np.uint16)
    out[np.isinf(depth_m)] = DEPTH_INFINITE
    return out


def _depth_table() -> Float32[np.ndarray, "65536"]:
    codes = np.arange(65536, dtype=np.uint32) + np.uint32(_FIRST)
    table = (codes << np.uint32(_SHIFT)).view(np.float32)
    table[DEPTH_INFINITE] = np.inf
    return table


_DEPTH_TABLE = _depth_table()


def decode_depth(code: UInt16[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Return metres along the optical axis; infinity where nothing was hit."""
    return _DEPTH_TABLE[code]


def encode_normal(normal: Float32[np.ndarray, "h w 3"]) -> UInt16[np.ndarray, "2 h w"]:
    """Return the two planes of normal codes; zero vectors become (0, 0)."""
    out = np.empty((2, *normal.shape[:2]), np.uint16)
    for rows in _bands(len(normal)):
        _encode_normal_band(normal[rows], out[:, rows])
    return out


def _encode_normal_band(
    normal: Float32[np.ndarray, "h w 3"], out: UInt16[np.ndarray, "2 h w"]
) -> None:
    x, y, z = normal[..., 0], normal[..., 1], normal[..., 2]
    scale = np.subtract(np.float32(1), z)
    np.maximum(scale, np.float32(1e-12), out=scale)
    scale *= 2
    np.sqrt(scale, out=scale)
    np.divide(_HALF, scale, out=scale)
    for plane, part in enumerate((x, y)):
        moved = part * scale
        moved += _MIDDLE + np.float32(0.5)
        np.clip(moved, 1, 65535, out=moved)
        out[plane] = moved.astype(np.uint16)
    _mark_poles(out, normal)


def _mark_poles(out: UInt16[np.ndarray, "2 h w"], normal: Float32[np.ndarray, "h w 3"]) -> None:
    """Set the codes of missing normals, and of those turned away, where float32 cancels."""
    z = normal[..., 2]
    away = z > _AWAY
    if away.any():
        unit = normal[away].astype(np.float64)
        across = np.hypot(unit[:, 0], unit[:, 1])
        unit[across == 0, 0] = 1.0
        reach = np.sqrt((1 + unit[:, 2]) / 2) / np.where(across == 0, 1.0, across)
        flat = np.clip(unit[:, :2] * reach[:, None], -1, 1)
        out[:, away] = np.rint(flat.T * 32767 + 32768).astype(np.uint16)
    missing = z == 0
    if missing.any():
        missing &= (normal[..., 0] == 0) & (normal[..., 1] == 0)
        out[:, missing] = 0


def decode_normal(code: UInt16[np.ndarray, "2 h w"]) -> Float32[np.ndarray, "h w 3"]:
    """Return unit normals in the camera frame; zero where there is no surface."""
    flat = (code.astype(np.float32) - _MIDDLE) / _HALF
    square = np.minimum(flat[0] ** 2 + flat[1] ** 2, np.float32(1))
    reach = 2 * np.sqrt(1 - square)
    out = np.stack([flat[0] * reach, flat[1] * reach, 2 * square - 1], axis=-1)
    out[(code[0] == 0) & (code[1] == 0)] = 0
    return out


def encode_flow(flow_px: Float32[np.ndarray, "h w 2"]) -> UInt16[np.ndarray, "2 h w"]:
    """Return the two planes of flow codes (right, down); NaN in either makes both 0."""
    out = np.empty((2, *flow_px.shape[:2]), np.uint16)
    for rows in _bands(len(flow_px)):
        _encode_flow_band(flow_px[rows], out[:, rows])
    return out


def _encode_flow_band(
    flow_px: Float32[np.ndarray, "h w 2"], out: UInt16[np.ndarray, "2 h w"]
) -> None:
    none = np.isnan(flow_px[..., 0]) | np.isnan(flow_px[..., 1])
    for plane in range(2):
        moved = flow_px[..., plane] * np.float32(FLOW_STEPS_PER_PX)
        moved += _MIDDLE + np.float32(0.5)
        np.fmax(moved, 1, out=moved)
        np.fmin(moved, 65535, out=moved)
        out[plane] = moved.astype(np.uint16)
        out[plane][none] = 0


def decode_flow(code: UInt16[np.ndarray, "2 h w"]) -> Float32[np.ndarray, "h w 2"]:
    """Return motion in pixels; NaN where there is none, the limit where it saturated."""
    out = np.moveaxis((code.astype(np.float32) - _MIDDLE) / FLOW_STEPS_PER_PX, 0, -1)
    out[code[0] == 0] = np.nan
    return np.ascontiguousarray(out)


def flow_saturated(code: UInt16[np.ndarray, "2 h w"]) -> Bool[np.ndarray, "h w"]:
    """Return where the true motion was beyond what the code can hold."""
    return np.any((code == 1) | (code == 65535), axis=0)
