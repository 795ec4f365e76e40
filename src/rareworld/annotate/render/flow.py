"""Optical flow to the next frame from rigid motion, exact for what each pixel shows now."""

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye, place
from rareworld.annotate.render.tiles import TILE
from rareworld.annotate.world.model import FrameState

_STILL, _RIGID, _GONE = 0, 1, 2


def part_motions(
    eye: Eye, now: FrameState, following: FrameState
) -> tuple[UInt8[np.ndarray, "i"], Float64[np.ndarray, "i 3 4"]]:
    """Return what each part does until the next frame, and its motion in the camera frame.

    0: stands still; 1: moves by the returned transform (next from now); 2: is gone.
    """
    a, b = now.transforms.astype(np.float64), following.transforms.astype(np.float64)
    # a true inverse: a rolling shutter shears parts
    turn = b[:, :, :3] @ np.linalg.inv(a[:, :, :3])
    shift = b[:, :, 3] - (turn @ a[:, :, 3:])[..., 0]
    r, p = eye.rotation, eye.position
    local_turn = r @ turn @ r.T
    local_shift = (shift + turn @ p - p) @ r.T
    kind = np.where(np.any(now.transforms != following.transforms, axis=(1, 2)), _RIGID, _STILL)
    kind = np.where(following.visible > 0, kind, _GONE)
    motion = np.concatenate([local_turn, local_shift[:, :, None]], axis=2)
    return kind.astype(np.uint8), np.ascontiguousarray(motion)


@helper
def moved_by(
    eye: Eye, m: Float64[np.ndarray, "i 3 4"], part: int, x: int, y: int, depth_m: float
) -> tuple[float, float]:
    """Return the pixel motion of the surface point at a pixel centre; NaN behind the camera."""
    u = (x + 0.5 - eye.cx) / eye.fx * depth_m
    v = (y + 0.5 - eye.cy) / eye.fy * depth_m
    nx = m[part, 0, 0] * u + m[part, 0, 1] * v + m[part, 0, 2] * depth_m + m[part, 0, 3]
    ny = m[part, 1, 0] * u + m[part, 1, 1] * v + m[part, 1, 2] * depth_m + m[part, 1, 3]
    nz = m[part, 2, 0] * u + m[part, 2, 1] * v + m[part, 2, 2] * depth_m + m[part, 2, 3]
    if nz <= 0.0:
        return np.nan, np.nan
    column, row, _ = place(eye, nx, ny, nz)
    return column - (x + 0.5), row - (y + 0.5)


@kernel
def find_flow(
    eye: Eye,
    kind: UInt8[np.ndarray, "i"],
    motion: Float64[np.ndarray, "i 3 4"],
    part_of: Int32[np.ndarray, "f"],
    triangle: Int32[np.ndarray, "h w"],
    depth_m: Float32[np.ndarray, "h w"],
    tiles: Int32[np.ndarray, "n 2"],
    flow_px: Float32[np.ndarray, "h w 2"],
) -> None:
    """Write the flow (right, down) of the given tiles: NaN for sky and for parts that vanish."""
    height, width = depth_m.shape
    for n in range(len(tiles)):
        top, left = tiles[n, 0] * TILE, tiles[n, 1] * TILE
        for y in range(top, min(top + TILE, height)):
            for x in range(left, min(left + TILE, width)):
                t = triangle[y, x]
                right, down = 0.0, 0.0
                if t < 0 or (part_of[t] >= 0 and kind[part_of[t]] == _GONE):
                    right, down = np.nan, np.nan
                elif part_of[t] >= 0 and kind[part_of[t]] == _RIGID:
                    right, down = moved_by(eye, motion, part_of[t], x, y, depth_m[y, x])
                flow_px[y, x, 0], flow_px[y, x, 1] = right, down
