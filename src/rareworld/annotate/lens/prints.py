"""What each object would cover in the shown picture if nothing hid it.

Its triangles are stamped at the drawn pixel centres by the renderer's own rule; a shown pixel is
covered if the drawn pixel it takes its labels from is, so visible <= inside <= total holds. Beyond
the image the stamped pixels count by the area at which the lens shows them. The loose box holds the
triangles' edges as the lens bends them. Proved in `tests/annotate/lens/test_prints.py`.
"""

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt8

from rareworld.annotate.lens.glass import Glass, to_drawn, to_shown
from rareworld.annotate.render.footprint import region_of, stamp_object
from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.raster import clip_near

_PIECE_PX = 16.0
"""Longer edges are followed through the lens in pieces; a piece bends by far less than a pixel."""
_MOST_PIECES = 64


@helper
def shown_at(g: Glass, column: float, row: float) -> tuple[float, float]:
    """Return where a place in the drawn picture is shown."""
    a, b = (column - g.eye.cx) / g.eye.fx, (row - g.eye.cy) / g.eye.fy
    p, q, _ = to_shown(g, a, b, 1.0)
    return p, q


@kernel
def boxes_of(
    g: Glass,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    drawn: Float64[np.ndarray, "4"],
    shown: Float64[np.ndarray, "4"],
    polygon: Float64[np.ndarray, "4 3"],
) -> None:
    """Write the boxes around all triangles in the drawn and in the shown picture; zero if none."""
    x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
    p0, q0, p1, q1 = np.inf, np.inf, -np.inf, -np.inf
    for k in range(len(ranges)):
        for t in range(ranges[k, 0], ranges[k, 1]):
            count = clip_near(g.eye, local, corners[t, 0], corners[t, 1], corners[t, 2], polygon)
            for corner in range(count):
                x, y = polygon[corner, 0], polygon[corner, 1]
                x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
                following = (corner + 1) % count
                dx, dy = polygon[following, 0] - x, polygon[following, 1] - y
                length = np.sqrt(dx * dx + dy * dy)
                pieces = min(int(length / _PIECE_PX) + 1, _MOST_PIECES)
                for piece in range(pieces):
                    share = piece / pieces
                    p, q = shown_at(g, x + dx * share, y + dy * share)
                    p0, p1, q0, q1 = min(p0, p), max(p1, p), min(q0, q), max(q1, q)
    drawn[0], drawn[1], drawn[2], drawn[3] = x0, y0, x1, y1
    shown[0], shown[1], shown[2], shown[3] = p0, q0, p1, q1
    if x0 > x1:
        drawn[:] = 0.0
        shown[:] = 0.0


@kernel
def count_inside(
    g: Glass,
    rays: Float32[np.ndarray, "h w 2"],
    region: tuple[int, int, int, int],
    origin: tuple[int, int],
    mask: UInt8[np.ndarray, "p q"],
) -> int:
    """Return how many shown pixels of a region [x0, y0, x1, y1) take a stamped drawn pixel."""
    height, width = mask.shape
    found = 0
    for y in range(region[1], region[3]):
        for x in range(region[0], region[2]):
            a, b, _ = to_drawn(g, np.float64(rays[y, x, 0]), np.float64(rays[y, x, 1]))
            column = int(np.floor(g.eye.fx * a + g.eye.cx)) - origin[0]
            row = int(np.floor(g.eye.fy * b + g.eye.cy)) - origin[1]
            if 0 <= column < width and 0 <= row < height:
                found += mask[row, column]
    return found


@kernel
def area_outside(
    g: Glass,
    size: tuple[int, int],
    origin: tuple[int, int],
    mask: UInt8[np.ndarray, "p q"],
) -> float:
    """Return the shown area of the stamped drawn pixels that lie outside the shown image."""
    area = 0.0
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            if not mask[row, column]:
                continue
            x, y = column + origin[0] + 0.5, row + origin[1] + 0.5
            p, q = shown_at(g, x, y)
            if 0.0 <= p < size[0] and 0.0 <= q < size[1]:
                continue
            px, py = shown_at(g, x + 0.5, y)
            mx, my = shown_at(g, x - 0.5, y)
            pu, pv = shown_at(g, x, y + 0.5)
            mu, mv = shown_at(g, x, y - 0.5)
            area += abs((px - mx) * (pv - mv) - (py - my) * (pu - mu))
    return area


def count_shown(
    g: Glass,
    rays: Float32[np.ndarray, "h w 2"],
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    drawn_size: tuple[int, int],
) -> tuple[Float64[np.ndarray, "4"], int, int]:
    """Return an object's loose box in the shown picture, all its pixels, and those inside it."""
    drawn, shown, polygon = np.zeros(4), np.zeros(4), np.empty((4, 3))
    boxes_of(g, corners, local, ranges, drawn, shown, polygon)
    x0, y0, x1, y1 = region_of(drawn, drawn_size)
    if x1 <= x0 or y1 <= y0:
        return shown, 0, 0
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    stamp_object(g.eye, corners, local, ranges, (x0, y0), mask, polygon)
    size = rays.shape[1], rays.shape[0]
    region = _region(shown, size)
    inside = int(count_inside(g, rays, region, (x0, y0), mask))
    whole = _holds(shown, size)
    outside = 0.0 if whole else float(area_outside(g, size, (x0, y0), mask))
    return shown, inside + round(outside), inside


def _region(box: Float64[np.ndarray, "4"], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the pixels of the image that may touch a box."""
    low = np.clip(np.floor(box[:2]) - 2, 0, size)
    high = np.clip(np.ceil(box[2:]) + 2, 0, size)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _holds(box: Float64[np.ndarray, "4"], size: tuple[int, int]) -> bool:
    """Return whether a box lies inside the image with all its pixels."""
    return bool((box[:2] >= 1).all() and (box[2:] <= np.subtract(size, 1)).all())
