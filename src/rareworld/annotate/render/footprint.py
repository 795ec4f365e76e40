"""What each object would cover if nothing hid it, inside and beyond the image.

Its triangles are stamped at pixel centres with the very rule that the image is drawn by, so
visible <= inside <= total holds pixel by pixel.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int32, Int64, UInt8, UInt32

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.raster import by_row, clip_near, first_at_or_after, row_span

BORDER_IMAGES = 2
"""Pixels are counted up to this many image sizes beyond each border."""


@final
@dataclass(frozen=True, kw_only=True)
class Footprints:
    """One row per object with instances, in rising order of id."""

    object_id: UInt32[np.ndarray, "n"]
    loose_box: Float64[np.ndarray, "n 4"]
    """[x_min, y_min, x_max, y_max) of the part in front of the camera; zero if there is none."""
    total_px: Int64[np.ndarray, "n"]
    inside_px: Int64[np.ndarray, "n"]


@kernel
def loose_box_of(
    eye: Eye,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    box: Float64[np.ndarray, "4"],
    polygon: Float64[np.ndarray, "4 3"],
) -> None:
    """Write the box around all projected triangles, cut at the near plane only."""
    x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
    for part in range(len(ranges)):
        for t in range(ranges[part, 0], ranges[part, 1]):
            count = clip_near(eye, local, corners[t, 0], corners[t, 1], corners[t, 2], polygon)
            for corner in range(count):
                x0, x1 = min(x0, polygon[corner, 0]), max(x1, polygon[corner, 0])
                y0, y1 = min(y0, polygon[corner, 1]), max(y1, polygon[corner, 1])
    box[0], box[1], box[2], box[3] = x0, y0, x1, y1
    if x0 > x1:
        box[0], box[1], box[2], box[3] = 0.0, 0.0, 0.0, 0.0


@helper
def stamp(
    mask: UInt8[np.ndarray, "h w"],
    left: int,
    top: int,
    ax: float,
    ay: float,
    bx: float,
    by: float,
    cx: float,
    cy: float,
) -> None:
    """Mark the pixel centres inside a triangle; the mask's corner is pixel (left, top)."""
    height, width = mask.shape
    tx, ty, mx, my, lx, ly = by_row(ax, ay, bx, by, cx, cy)
    for row in range(
        first_at_or_after(ty - 0.5, top, top + height),
        first_at_or_after(ly - 0.5, top, top + height),
    ):
        x0, x1 = row_span(row + 0.5, tx, ty, mx, my, lx, ly)
        for column in range(
            first_at_or_after(x0 - 0.5, left, left + width),
            first_at_or_after(x1 - 0.5, left, left + width),
        ):
            mask[row - top, column - left] = 1


@kernel
def stamp_object(
    eye: Eye,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    origin: tuple[int, int],
    mask: UInt8[np.ndarray, "h w"],
    polygon: Float64[np.ndarray, "4 3"],
) -> None:
    """Stamp every triangle of an object into a mask whose corner is the pixel `origin`."""
    for part in range(len(ranges)):
        for t in range(ranges[part, 0], ranges[part, 1]):
            count = clip_near(eye, local, corners[t, 0], corners[t, 1], corners[t, 2], polygon)
            for corner in range(2, count):
                stamp(
                    mask, origin[0], origin[1], polygon[0, 0], polygon[0, 1],
                    polygon[corner - 1, 0], polygon[corner - 1, 1],
                    polygon[corner, 0], polygon[corner, 1],
                )  # fmt: skip


def region_of(box: Float64[np.ndarray, "4"], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the whole pixels [x0, y0, x1, y1) around a box, within reach of the image."""
    limits = [n * (BORDER_IMAGES + 1) for n in size] * 2
    lows = [-n * BORDER_IMAGES for n in size] * 2
    edges = [np.floor(box[0]), np.floor(box[1]), np.ceil(box[2]), np.ceil(box[3])]
    x0, y0, x1, y1 = (
        int(np.clip(e, low, high)) for e, low, high in zip(edges, lows, limits, strict=True)
    )
    return x0, y0, x1, y1


def count_object(
    eye: Eye,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    size: tuple[int, int],
) -> tuple[Float64[np.ndarray, "4"], int, int]:
    """Return an object's loose box, all its pixels, and those inside the image (width, height).

    What cannot have a pixel inside has no label: beyond the image it is not counted.
    """
    box, polygon = np.zeros(4), np.empty((4, 3))
    loose_box_of(eye, corners, local, ranges, box, polygon)
    x0, y0, x1, y1 = region_of(box, size)
    if x1 <= max(x0, 0) or y1 <= max(y0, 0) or x0 >= size[0] or y0 >= size[1]:
        return box, 0, 0
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    stamp_object(eye, corners, local, ranges, (x0, y0), mask, polygon)
    inside = mask[max(-y0, 0) : max(size[1] - y0, 0), max(-x0, 0) : max(size[0] - x0, 0)]
    return box, int(np.count_nonzero(mask)), int(np.count_nonzero(inside))
