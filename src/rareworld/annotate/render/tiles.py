"""Squares of pixels as the unit of redrawing."""

import numpy as np
from jaxtyping import Bool, Int32, Int64

from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.jit import kernel

TILE = 16
"""Side in pixels of the squares that are redrawn as one."""


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
