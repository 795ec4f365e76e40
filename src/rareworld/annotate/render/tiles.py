"""Squares of pixels as the unit of redrawing."""

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8

from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.jit import kernel
from rareworld.annotate.render.raster import Window

TILE = 16
"""Side in pixels of the squares that are redrawn as one."""

_STRIP = 4
_GAP = 4


@kernel
def mark_boxes(
    tiles: Bool[np.ndarray, "a b"], boxes: Int32[np.ndarray, "n 4"], side: int, grow: int
) -> None:
    """Mark the tiles that pixel rectangles [x0, y0, x1, y1), grown by some pixels, touch."""
    for k in range(len(boxes)):
        if boxes[k, 2] <= boxes[k, 0] or boxes[k, 3] <= boxes[k, 1]:
            continue
        y1 = min((boxes[k, 3] + grow - 1) // side + 1, tiles.shape[0])
        x1 = min((boxes[k, 2] + grow - 1) // side + 1, tiles.shape[1])
        for row in range(max((boxes[k, 1] - grow) // side, 0), y1):
            for column in range(max((boxes[k, 0] - grow) // side, 0), x1):
                tiles[row, column] = True


@kernel
def mark_tiles_of_parts(
    triangle: Int32[np.ndarray, "h w"],
    part_of: Int32[np.ndarray, "f"],
    wanted: Bool[np.ndarray, "i"],
    tiles: Bool[np.ndarray, "a b"],
) -> None:
    """Mark the tiles where a wanted part is seen."""
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t >= 0 and part_of[t] >= 0 and wanted[part_of[t]]:
                tiles[y // TILE, x // TILE] = True


def ranges_of(geometry: Geometry, parts: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n 2"]:
    """Return [first, end) triangle numbers of parts."""
    start = geometry.triangle_start
    return np.stack([start[parts], start[parts + 1]], axis=1)


def grown(tiles: Bool[np.ndarray, "a b"]) -> Bool[np.ndarray, "a b"]:
    """Return the tiles and their neighbours on all eight sides."""
    wide = np.pad(tiles, 1)
    rows = wide[:-2] | wide[1:-1] | wide[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]


def whole(size: tuple[int, int]) -> Bool[np.ndarray, "a b"]:
    """Return all tiles of an image of `size` (width, height), marked."""
    return np.ones((-(-size[1] // TILE), -(-size[0] // TILE)), dtype=np.bool_)


@kernel
def copy_tiles(
    source: UInt8[np.ndarray, "h n"],
    target: UInt8[np.ndarray, "h n"],
    pixel: int,
    tiles: Int32[np.ndarray, "m 2"],
) -> None:
    """Copy the given tiles (row, column) of an image whose pixels have `pixel` bytes each."""
    height, width = source.shape
    for k in range(len(tiles)):
        top, left = tiles[k, 0] * TILE, tiles[k, 1] * TILE * pixel
        right = min(left + TILE * pixel, width)
        for y in range(top, min(top + TILE, height)):
            for x in range(left, right):
                target[y, x] = source[y, x]


def listed(tiles: Bool[np.ndarray, "a b"]) -> Int32[np.ndarray, "n 2"]:
    """Return (row, column) of the marked tiles, in the one order of memory that kernels take."""
    return np.ascontiguousarray(np.argwhere(tiles), dtype=np.int32)


def windows_of(tiles: Bool[np.ndarray, "a b"], size: tuple[int, int]) -> list[Window]:
    """Return disjoint windows around all marked tiles of an image of `size` (width, height).

    A window is a few tiles high, so that its layers stay in the cache, and ends where some columns
    in a row have no marked tile.
    """
    out: list[Window] = []
    for row in range(0, len(tiles), _STRIP):
        columns = np.flatnonzero(tiles[row : row + _STRIP].any(axis=0))
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > _GAP) + 1):
            if len(run):
                right, bottom = (int(run[-1]) + 1) * TILE, (row + _STRIP) * TILE
                out.append(
                    Window(
                        int(run[0]) * TILE, row * TILE, min(right, size[0]), min(bottom, size[1])
                    )
                )
    return out


def tiles_within(tiles: Bool[np.ndarray, "a b"], at: Window) -> Int32[np.ndarray, "n 2"]:
    """Return (row, column) of the marked tiles of a window."""
    top, left = at.top // TILE, at.left // TILE
    cut = tiles[top : -(-at.bottom // TILE), left : -(-at.right // TILE)]
    return listed(cut) + np.array([top, left], dtype=np.int32)
