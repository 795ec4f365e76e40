"""Optical flow as the shown picture has it: through lens and sway, exact for each pixel's ray.

What a pixel sees moves rigidly with its part; where the next frame's lens shows it, less where it
is now, is the flow. Proved in `tests/annotate/lens/test_warp.py`.
"""

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from rareworld.annotate.lens.glass import Glass, to_drawn, to_shown
from rareworld.annotate.render.jit import helper, kernel

_STILL, _GONE = 0, 2


@helper
def shown_after(
    g: Glass, m: Float64[np.ndarray, "i 3 4"], part: int, moves: bool, x: float, y: float, z: float
) -> tuple[float, float]:
    """Return where a point of the drawn camera's frame is shown next; NaN behind the camera."""
    if moves:
        nx = m[part, 0, 0] * x + m[part, 0, 1] * y + m[part, 0, 2] * z + m[part, 0, 3]
        ny = m[part, 1, 0] * x + m[part, 1, 1] * y + m[part, 1, 2] * z + m[part, 1, 3]
        nz = m[part, 2, 0] * x + m[part, 2, 1] * y + m[part, 2, 2] * z + m[part, 2, 3]
        x, y, z = nx, ny, nz
    column, row, depth = to_shown(g, x, y, z)
    if depth <= 0.0:
        return np.nan, np.nan
    return column, row


@kernel
def warped_flow(
    now: Glass,
    following: Glass,
    sways: bool,
    kind: UInt8[np.ndarray, "i"],
    motion: Float64[np.ndarray, "i 3 4"],
    part_of: Int32[np.ndarray, "f"],
    rays: Float32[np.ndarray, "h w 2"],
    triangle: Int32[np.ndarray, "h w"],
    depth_m: Float32[np.ndarray, "h w"],
    rows: tuple[int, int],
    flow_px: Float32[np.ndarray, "h w 2"],
) -> None:
    """Write the flow (right, down) of a band of rows: NaN for sky and for parts that vanish."""
    for y in range(rows[0], rows[1]):
        for x in range(rays.shape[1]):
            t = triangle[y, x]
            part = part_of[t] if t >= 0 else -1
            if t < 0 or (part >= 0 and kind[part] == _GONE):
                flow_px[y, x, 0], flow_px[y, x, 1] = np.nan, np.nan
                continue
            moves = part >= 0 and kind[part] != _STILL
            if not (moves or sways):
                flow_px[y, x, 0], flow_px[y, x, 1] = 0.0, 0.0
                continue
            u, v = np.float64(rays[y, x, 0]), np.float64(rays[y, x, 1])
            a, b, stretch = to_drawn(now, u, v)
            z = depth_m[y, x] * stretch
            column, row = shown_after(following, motion, part, moves, a * z, b * z, z)
            flow_px[y, x, 0], flow_px[y, x, 1] = column - (x + 0.5), row - (y + 0.5)
