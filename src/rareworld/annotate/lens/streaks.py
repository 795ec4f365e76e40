"""Motion blur along the exact flow: what each pixel sees in every slice of the open shutter.

The flow of the fastest thing near a pixel (largest in the neighbouring tiles: McGuire et al., "A
Reconstruction Filter for Plausible Motion Blur", 2012) decides which way is looked. In a time slice
a moving surface stands where the flow puts it, if it is in front; else the pixel's own surface is
seen, or, where that has moved on, what lies beside it. Exact for one moving layer over a still one
(`tests/annotate/lens/test_streaks.py`).
"""

import numpy as np
from jaxtyping import Float32

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.jit import helper, kernel

TILE = 32
_LEAST_PX = 0.5
"""Shorter streaks are not drawn."""
_ALIKE = 0.5
"""Two flows that differ by less than this share are one motion."""
_MOST_SLICES = 65


@kernel
def fastest(
    flow: Float32[np.ndarray, "h w 2"],
    rows: tuple[int, int],
    tiles: Float32[np.ndarray, "a b 2"],
) -> None:
    """Write the longest flow within each tile of some rows of tiles."""
    height, width = flow.shape[0], flow.shape[1]
    for row in range(rows[0], rows[1]):
        for column in range(tiles.shape[1]):
            best, right, down = 0.0, 0.0, 0.0
            for y in range(row * TILE, min(row * TILE + TILE, height)):
                for x in range(column * TILE, min(column * TILE + TILE, width)):
                    u, v = flow[y, x, 0], flow[y, x, 1]
                    size = u * u + v * v
                    # not a number is never larger
                    if size > best:
                        best, right, down = size, u, v
            tiles[row, column, 0], tiles[row, column, 1] = right, down


@helper
def fastest_around(
    tiles: Float32[np.ndarray, "a b 2"], row: int, column: int
) -> tuple[float, float]:
    """Return the longest flow of a tile and its eight neighbours."""
    best, right, down = 0.0, 0.0, 0.0
    for j in range(max(row - 1, 0), min(row + 2, tiles.shape[0])):
        for i in range(max(column - 1, 0), min(column + 2, tiles.shape[1])):
            u, v = np.float64(tiles[j, i, 0]), np.float64(tiles[j, i, 1])
            if u * u + v * v > best:
                best, right, down = u * u + v * v, u, v
    return right, down


@helper
def moves_so(flow: Float32[np.ndarray, "h w 2"], x: int, y: int, u: float, v: float) -> bool:
    """Return whether a pixel moves about as (u, v)."""
    du, dv = flow[y, x, 0] - u, flow[y, x, 1] - v
    return du * du + dv * dv < _ALIKE * _ALIKE * (u * u + v * v)


@helper
def add_pixel(
    light: Float32[np.ndarray, "h w 3"], x: float, y: float, out: Float32[np.ndarray, "3"]
) -> None:
    """Add the light at an image position, between pixel centres."""
    height, width = light.shape[0], light.shape[1]
    column = min(max(x, 0.0), width - 1.001)
    row = min(max(y, 0.0), height - 1.001)
    i, j = int(column), int(row)
    s, t = column - i, row - j
    for k in range(3):
        above = light[j, i, k] * (1.0 - s) + light[j, i + 1, k] * s
        below = light[j + 1, i, k] * (1.0 - s) + light[j + 1, i + 1, k] * s
        out[k] += above * (1.0 - t) + below * t


@helper
def seen_in_slice(
    flow: Float32[np.ndarray, "h w 2"],
    depth: Float32[np.ndarray, "h w"],
    x: int, y: int, qx: int, qy: int, u: float, v: float, own: bool,
) -> bool:  # fmt: skip
    """Return whether a pixel shows what stands at (qx, qy) of the picture, not itself."""
    there = moves_so(flow, qx, qy, u, v)
    if own:
        # its own surface has come from (qx, qy); a still one there uncovers what lies behind
        return there or depth[qy, qx] > depth[y, x]
    return there and depth[qy, qx] < depth[y, x]


@helper
def path_of(
    flow: Float32[np.ndarray, "h w 2"], x: int, y: int, u: float, v: float
) -> tuple[float, float]:
    """Return the flow to follow at a pixel: its own if it is about as fast as the fastest."""
    p, q = np.float64(flow[y, x, 0]), np.float64(flow[y, x, 1])
    if p * p + q * q > 0.25 * (u * u + v * v):
        return p, q
    return u, v


@helper
def add_slices(
    light: Float32[np.ndarray, "h w 3"],
    flow: Float32[np.ndarray, "h w 2"],
    depth: Float32[np.ndarray, "h w"],
    x: int, y: int, u: float, v: float, span: float, out: Float32[np.ndarray, "3"],
) -> None:  # fmt: skip
    """Write the mean over the slices of an open shutter at a pixel; (u, v) leads along the path."""
    height, width = depth.shape
    slices = min(int(np.ceil(span)) | 1, _MOST_SLICES)
    own = moves_so(flow, x, y, u, v)
    scale = span / np.sqrt(u * u + v * v)
    out[0], out[1], out[2] = 0.0, 0.0, 0.0
    others = 0
    for k in range(slices):
        at = ((k + 0.5) / slices - 0.5) * scale
        sx, sy = x - u * at, y - v * at
        qx = min(max(int(sx + 0.5), 0), width - 1)
        qy = min(max(int(sy + 0.5), 0), height - 1)
        if seen_in_slice(flow, depth, x, y, qx, qy, u, v, own):
            add_pixel(light, sx, sy, out)
            others += 1
    rest, share = np.float32(slices - others), np.float32(slices)
    for c in range(3):
        out[c] = (out[c] + rest * light[y, x, c]) / share if others else light[y, x, c]


@kernel
def streak(
    light: Float32[np.ndarray, "h w 3"],
    flow: Float32[np.ndarray, "h w 2"],
    depth: Float32[np.ndarray, "h w"],
    tiles: Float32[np.ndarray, "a b 2"],
    shutter: float,
    longest_px: float,
    rows: tuple[int, int],
    out: Float32[np.ndarray, "h w 3"],
) -> None:
    """Write a band of rows of tiles with streaks."""
    height, width = depth.shape
    for row in range(rows[0], rows[1]):
        for column in range(tiles.shape[1]):
            u0, v0 = fastest_around(tiles, row, column)
            still = np.sqrt(u0 * u0 + v0 * v0) * shutter < _LEAST_PX
            for y in range(row * TILE, min(row * TILE + TILE, height)):
                for x in range(column * TILE, min(column * TILE + TILE, width)):
                    for c in range(3):
                        out[y, x, c] = light[y, x, c]
                    if still:
                        continue
                    u, v = path_of(flow, x, y, u0, v0)
                    span = min(np.sqrt(u * u + v * v) * shutter, longest_px)
                    if span > 1.0:
                        add_slices(light, flow, depth, x, y, u, v, span, out[y, x])


def streaked(
    light: Float32[np.ndarray, "h w 3"],
    flow: Float32[np.ndarray, "h w 2"],
    depth: Float32[np.ndarray, "h w"],
    shutter: float,
    longest_px: int,
    bands: Bands,
) -> Float32[np.ndarray, "h w 3"]:
    """Return the light while the shutter is open for a share of the time the flow spans."""
    height, width = depth.shape
    tiles = np.zeros((-(-height // TILE), -(-width // TILE), 2), np.float32)
    bands.over_rows(len(tiles), lambda rows: fastest(flow, rows, tiles))
    out = np.empty_like(light)
    # at most two tiles to either side are looked at
    longest = float(min(longest_px, 2 * TILE))
    bands.over_rows(
        len(tiles),
        lambda rows: streak(light, flow, depth, tiles, shutter, longest, rows, out),
    )
    return out
