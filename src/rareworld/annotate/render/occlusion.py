"""How much sky the still surfaces of a fixed view see, from the depth image alone.

Screen-space ambient occlusion in the manner of Mittring (2007) and Bavoil and Sainz (2008): points
around a pixel that rise above its tangent plane hide light. Computed once per camera, then smoothed
over pixels of equal depth and direction, so it never shimmers.
"""

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye

_REACH_M = 2.2
_STRENGTH = 2.1
_FLOOR = 0.18
_BLUR = 3


def ring_pattern(count: int = 20) -> Float64[np.ndarray, "n 2"]:
    """Return offsets within the unit disc on a golden-angle spiral."""
    k = np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), k * np.pi * (3 - np.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@helper
def hidden(
    eye: Eye,
    depth_m: Float32[np.ndarray, "h w"],
    normal: Float32[np.ndarray, "h w 3"],
    x: int,
    y: int,
    column: int,
    row: int,
) -> float:
    """Return how much light one neighbour takes from a pixel, 0..1."""
    other = depth_m[row, column]
    if not np.isfinite(other):
        return 0.0
    z = depth_m[y, x]
    dx = (column + 0.5 - eye.cx) / eye.fx * other - (x + 0.5 - eye.cx) / eye.fx * z
    dy = (row + 0.5 - eye.cy) / eye.fy * other - (y + 0.5 - eye.cy) / eye.fy * z
    dz = other - z
    far = np.sqrt(dx * dx + dy * dy + dz * dz)
    if far < 1e-6 or far > _REACH_M:
        return 0.0
    rise = (normal[y, x, 0] * dx + normal[y, x, 1] * dy + normal[y, x, 2] * dz) / far
    return max(rise - 0.06, 0.0) * (1.0 - far / _REACH_M)


@kernel
def open_sky_of(
    eye: Eye,
    depth_m: Float32[np.ndarray, "h w"],
    normal: Float32[np.ndarray, "h w 3"],
    pattern: Float64[np.ndarray, "n 2"],
    rows: tuple[int, int],
    out: Float32[np.ndarray, "h w"],
) -> None:
    """Write the share of open sky of a band of rows; the pattern turns over 4 x 4 pixels."""
    height, width = depth_m.shape
    for y in range(rows[0], rows[1]):
        for x in range(width):
            out[y, x] = 1.0
            z = depth_m[y, x]
            if not np.isfinite(z):
                continue
            radius = min(max(eye.fx * _REACH_M / z, 2.0), 160.0)
            turn = ((x & 3) * 4 + (y & 3) * 7 & 15) * (np.pi / 8)
            c, s = np.cos(turn) * radius, np.sin(turn) * radius
            total = 0.0
            for k in range(len(pattern)):
                column = int(x + c * pattern[k, 0] - s * pattern[k, 1])
                row = int(y + s * pattern[k, 0] + c * pattern[k, 1])
                if 0 <= column < width and 0 <= row < height:
                    total += hidden(eye, depth_m, normal, x, y, column, row)
            out[y, x] = max(1.0 - _STRENGTH * total / len(pattern), _FLOOR)


@kernel
def smooth_open_sky(
    depth_m: Float32[np.ndarray, "h w"],
    normal: Float32[np.ndarray, "h w 3"],
    raw: Float32[np.ndarray, "h w"],
    rows: tuple[int, int],
    out: UInt8[np.ndarray, "h w"],
) -> None:
    """Average over the neighbours that lie on the same surface."""
    height, width = depth_m.shape
    for y in range(rows[0], rows[1]):
        for x in range(width):
            z = depth_m[y, x]
            total, count = 0.0, 0.0
            if np.isfinite(z):
                for row in range(max(y - _BLUR, 0), min(y + _BLUR + 1, height)):
                    for column in range(max(x - _BLUR, 0), min(x + _BLUR + 1, width)):
                        same = (
                            normal[y, x, 0] * normal[row, column, 0]
                            + normal[y, x, 1] * normal[row, column, 1]
                            + normal[y, x, 2] * normal[row, column, 2]
                        )
                        if same > 0.9 and abs(depth_m[row, column] - z) < 0.04 * z:
                            total += raw[row, column]
                            count += 1.0
            out[y, x] = 255 if count == 0.0 else int(255.0 * total / count + 0.5)
