"""Depth maps seen from a light far away, and how much of it reaches a point.

Two maps share one projection: what stands still and what moves. Percentage-closer filtering
(Reeves et al. 1987) over 3 x 3 texels with bilinear borders, along the plane of the surface.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int32, UInt16

from rareworld.annotate.render.jit import helper, kernel, routine
from rareworld.annotate.render.project import Eye, Parallel, texel_of
from rareworld.annotate.render.raster import Still, still_at, still_depth


class LightMap(NamedTuple):
    """A light's two depth maps; 0 where nothing stands.

    The `_max` arrays hold the greatest depth of each square of `BLOCK` texels: where it is not
    above a point, no texel needs to be read.
    """

    frame: Parallel
    still: UInt16[np.ndarray, "s s"]
    moving: UInt16[np.ndarray, "s s"]
    still_max: UInt16[np.ndarray, "b b"]
    moving_max: UInt16[np.ndarray, "b b"]
    levels_per_m: float
    """Steps of depth per metre towards the light."""
    offset_m: float
    """How far along the normal a point is lifted before it is tested."""
    slope_m: float
    """Tolerance in depth at grazing light."""
    texel_m: tuple[float, float]
    """Width and height of a texel."""


_LEVELS = 65536
"""Depths are kept in 16 bits: a few millimetres over a street, less than the tolerance."""

_HEADROOM_M = 40.0

BLOCK = 32
"""Side in texels of the squares that are redrawn, and skipped, as one."""

_LEAST_FACING = 0.04
"""Cosine of light so slanting that it hardly lights a surface."""

_BESIDE_M, _RISE_M = 0.5, 0.25
"""Distance of places whose height decides how much sky is hidden, and the least such height."""
BESIDE_REACH_M = 2.5 * _BESIDE_M

_MARGIN = 8
"""Texels left free at the border."""


def light_axes(to_light: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Return right, down and towards the light as orthonormal rows."""
    towards = to_light / np.linalg.norm(to_light)
    helper_axis = np.array([0.0, 0.0, 1.0]) if abs(towards[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper_axis, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def fit_light(
    to_light: Float[np.ndarray, "3"], seen_m: Float[np.ndarray, "n 3"], size: int, pad_m: float
) -> LightMap:
    """Return an empty map whose texels cover the given points and `pad_m` around them."""
    axes = light_axes(to_light)
    flat = seen_m @ axes.T if len(seen_m) else np.zeros((1, 3))
    low, high = flat.min(axis=0) - pad_m, flat.max(axis=0) + pad_m
    # what stands higher than this above all that is seen shades it just the same when cut here
    high[2] += _HEADROOM_M
    room = np.array([size - 2 * _MARGIN, size - 2 * _MARGIN, _LEVELS - 2])
    scale = room / (high - low)
    texel, blocks = float(1.0 / scale[:2].min()), -(-size // BLOCK)
    return LightMap(
        frame=Parallel(
            axes=np.ascontiguousarray(axes * scale[:, None]),
            offset=np.array([_MARGIN, _MARGIN, 1.0]) - low * scale,
            size=size,
        ),
        still=np.zeros((size, size), dtype=np.uint16),
        moving=np.zeros((size, size), dtype=np.uint16),
        still_max=np.zeros((blocks, blocks), dtype=np.uint16),
        moving_max=np.zeros((blocks, blocks), dtype=np.uint16),
        levels_per_m=float(scale[2]),
        offset_m=0.012 + 0.3 * texel,
        slope_m=0.01 + 0.4 * texel,
        texel_m=(float(1 / scale[0]), float(1 / scale[1])),
    )


@helper
def filtered_share(
    heights: UInt16[np.ndarray, "s s"],
    left: int,
    top: int,
    p: float,
    q: float,
    depth: float,
    right_step: float,
    down_step: float,
) -> float:
    """Return the share of 3 x 3 texels, with borders weighted by (p, q), not above the surface.

    The surface has `depth` at the point and rises by the given steps per texel, so that a slanting
    plane does not shade itself (receiver plane of Isidoro 2006).
    """
    total = 0.0
    for j in range(-1, 3):
        line = 0.0
        level = depth + (j - q) * down_step
        for i in range(-1, 3):
            weight = 1.0 - p if i == -1 else (p if i == 2 else 1.0)
            if heights[top + j, left + i] <= max(level + (i - p) * right_step, 1.0):
                line += weight
        total += line * (1.0 - q if j == -1 else (q if j == 2 else 1.0))
    return total / 9.0


@helper
def share_lit(
    heights: UInt16[np.ndarray, "s s"],
    highest: UInt16[np.ndarray, "b b"],
    column: float,
    row: float,
    depth: float,
    right_step: float,
    down_step: float,
) -> float:
    """Return which share of the texels around a point lies no nearer to the light than it."""
    size = heights.shape[0]
    x, y = column - 0.5, row - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    if left < 1 or top < 1 or left >= size - 2 or top >= size - 2:
        return 1.0
    x0, y0, x1, y1 = (
        (left - 1) // BLOCK,
        (top - 1) // BLOCK,
        (left + 2) // BLOCK,
        (top + 2) // BLOCK,
    )
    # what lies below the map's range is kept at its lowest step, as the drawn heights are
    least = max(depth - 2.0 * (abs(right_step) + abs(down_step)), 1.0)
    if max(highest[y0, x0], highest[y0, x1], highest[y1, x0], highest[y1, x1]) <= least:
        return 1.0
    return filtered_share(heights, left, top, x - left, y - top, depth, right_step, down_step)


@helper
def lit_share(
    lamp: LightMap,
    heights: UInt16[np.ndarray, "s s"],
    highest: UInt16[np.ndarray, "b b"],
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
) -> float:
    """Return the share of a light let through by one of its maps at a surface point."""
    a, levels = lamp.frame.axes, lamp.levels_per_m
    facing = max(a[2, 0] * nx + a[2, 1] * ny + a[2, 2] * nz, 0.0) / levels
    lift = lamp.offset_m
    column, row, depth = texel_of(lamp.frame, x + nx * lift, y + ny * lift, z + nz * lift)
    depth += (lamp.slope_m * (1.0 - facing) + 0.005) * levels + 1.0
    steep = levels / max(facing, _LEAST_FACING)
    right = (a[0, 0] * nx + a[0, 1] * ny + a[0, 2] * nz) * lamp.texel_m[0] * lamp.texel_m[0]
    down = (a[1, 0] * nx + a[1, 1] * ny + a[1, 2] * nz) * lamp.texel_m[1] * lamp.texel_m[1]
    return share_lit(heights, highest, column, row, depth, -right * steep, -down * steep)


@routine
def hidden_around(
    heights: UInt16[np.ndarray, "s s"],
    highest: UInt16[np.ndarray, "b b"],
    column: float,
    row: float,
    floor: float,
    right: float,
    down: float,
) -> float:
    """Return how much of the surroundings of a point rises above `floor`, the near counting more.

    The surroundings are five by five places, `right` and `down` texels apart.
    """
    side = heights.shape[0]
    x0, y0 = int(column - 2.0 * right) - 1, int(row - 2.0 * down) - 1
    x1, y1 = int(column + 2.0 * right) + 2, int(row + 2.0 * down) + 2
    if x0 < 0 or y0 < 0 or x1 >= side or y1 >= side:
        return 0.0
    most = 0.0
    for j in range(y0 // BLOCK, y1 // BLOCK + 1):
        for i in range(x0 // BLOCK, x1 // BLOCK + 1):
            most = max(most, float(highest[j, i]))
    if most <= floor:
        return 0.0
    total, whole = 0.0, 0.0
    for j in range(-2, 3):
        for i in range(-2, 3):
            x, y = column + i * right - 0.5, row + j * down - 0.5
            left, top = int(np.floor(x)), int(np.floor(y))
            p, q, weight = x - left, y - top, 1.0 / (1.0 + i * i + j * j)
            whole += weight
            total += weight * (1.0 - q) * (1.0 - p) * (heights[top, left] > floor)
            total += weight * (1.0 - q) * p * (heights[top, left + 1] > floor)
            total += weight * q * (1.0 - p) * (heights[top + 1, left] > floor)
            total += weight * q * p * (heights[top + 1, left + 1] > floor)
    return total / whole


@helper
def sky_left(top: LightMap, x: float, y: float, z: float, nx: float, ny: float, nz: float) -> float:
    """Return the share of sky light that moving things leave to a point under and beside them.

    `top` is the map of light from overhead. What stands beside a point hides the sky as well, the
    more the nearer it is: the soft dark rim around vehicles under clouds.
    """
    up = max(nz, 0.0)
    lit = lit_share(top, top.moving, top.moving_max, x, y, z, nx, ny, nz)
    column, row, depth = texel_of(top.frame, x, y, z)
    around = hidden_around(
        top.moving, top.moving_max, column, row, depth + _RISE_M * top.levels_per_m,
        _BESIDE_M / top.texel_m[0], _BESIDE_M / top.texel_m[1],
    )  # fmt: skip
    return (1.0 - 0.4 * (1.0 - lit) * up) * (1.0 - 0.55 * around * up)


@kernel
def find_highest(
    heights: UInt16[np.ndarray, "s s"],
    blocks: Int32[np.ndarray, "n 2"],
    highest: UInt16[np.ndarray, "b b"],
) -> None:
    """Write the greatest depth of the given blocks (row, column)."""
    size = heights.shape[0]
    for n in range(len(blocks)):
        top, left = blocks[n, 0] * BLOCK, blocks[n, 1] * BLOCK
        most = np.uint16(0)
        for y in range(top, min(top + BLOCK, size)):
            for x in range(left, min(left + BLOCK, size)):
                most = max(most, heights[y, x])
        highest[blocks[n, 0], blocks[n, 1]] = most


@kernel
def clear_blocks(heights: UInt16[np.ndarray, "s s"], blocks: Int32[np.ndarray, "n 2"]) -> None:
    """Empty the given blocks (row, column)."""
    size = heights.shape[0]
    for n in range(len(blocks)):
        for y in range(blocks[n, 0] * BLOCK, min((blocks[n, 0] + 1) * BLOCK, size)):
            for x in range(blocks[n, 1] * BLOCK, min((blocks[n, 1] + 1) * BLOCK, size)):
                heights[y, x] = 0


@kernel
def tile_texels(
    eye: Eye,
    view: Parallel,
    still: Still,
    samples: Float64[np.ndarray, "s 2"],
    tiles: Int32[np.ndarray, "n 2"],
    side: int,
    bounds: Float64[np.ndarray, "n 4"],
) -> None:
    """Write the texels [x0, y0, x1, y1] of all surface points in each tile; empty for sky."""
    r, p = eye.rotation, eye.position
    height, width = still.code.shape
    for n in range(len(tiles)):
        x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
        for s in range(len(samples)):
            for y in range(tiles[n, 0] * side, min((tiles[n, 0] + 1) * side, height)):
                for x in range(tiles[n, 1] * side, min((tiles[n, 1] + 1) * side, width)):
                    t = still_at(still, s, x, y)
                    inverse = still_depth(still, t, samples[s, 0], samples[s, 1], x, y)
                    if inverse <= 0.0:
                        continue
                    z = 1.0 / inverse
                    a = (x + samples[s, 0] - eye.cx) / eye.fx * z
                    b = (y + samples[s, 1] - eye.cy) / eye.fy * z
                    wx = p[0] + r[0, 0] * a + r[1, 0] * b + r[2, 0] * z
                    wy = p[1] + r[0, 1] * a + r[1, 1] * b + r[2, 1] * z
                    wz = p[2] + r[0, 2] * a + r[1, 2] * b + r[2, 2] * z
                    column, row, _ = texel_of(view, wx, wy, wz)
                    x0, x1 = min(x0, column), max(x1, column)
                    y0, y1 = min(y0, row), max(y1, row)
        bounds[n, 0], bounds[n, 1], bounds[n, 2], bounds[n, 3] = x0, y0, x1, y1


def tiles_hit(
    boxes: Float64[np.ndarray, "n 4"], dirty: Bool[np.ndarray, "a b"], tile: int
) -> Bool[np.ndarray, "n"]:
    """Return which rectangles [x0, y0, x1, y1) touch a marked tile of `tile` pixels.

    Counts marked tiles in a summed-area table (Crow 1984). Rectangles of no size touch none.
    """
    rows, columns = dirty.shape
    table = np.zeros((rows + 1, columns + 1), dtype=np.int64)
    table[1:, 1:] = dirty.cumsum(axis=0).cumsum(axis=1)
    limits = np.array([columns, rows])
    low = np.clip(np.floor(boxes[:, :2] / tile), 0, limits).astype(np.int64)
    high = np.clip(np.ceil(boxes[:, 2:] / tile), 0, limits).astype(np.int64)
    x0, y0, x1, y1 = low[:, 0], low[:, 1], high[:, 0], high[:, 1]
    count = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return (count > 0) & (high > low).all(axis=1)
