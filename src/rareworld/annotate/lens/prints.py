"""What each object would cover in the shown picture if nothing hid it.

Its triangles are stamped at the drawn pixel centres by the renderer's own rule; a shown pixel is
covered if the drawn pixel it takes its labels from is, so visible <= inside <= total holds. Beyond
the image the stamped pixels count by the area at which the lens shows them. The loose box holds the
triangles' edges as the lens bends them. Proved in `tests/annotate/lens/test_prints.py`.
"""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

from rareworld.annotate.lens.glass import Glass, to_drawn, to_shown
from rareworld.annotate.render.footprint import loose_box_of, region_of, stamp_object
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


@helper
def stretch(box: Float64[np.ndarray, "4"], x: float, y: float) -> None:
    """Make a box hold a place."""
    box[0], box[1] = min(box[0], x), min(box[1], y)
    box[2], box[3] = max(box[2], x), max(box[3], y)


@helper
def stretch_along(
    g: Glass, box: Float64[np.ndarray, "4"], ax: float, ay: float, bx: float, by: float
) -> None:
    """Make a shown box hold what lies between the ends of a drawn edge."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    if square < _PIECE_PX * _PIECE_PX:
        return
    pieces = min(int(np.sqrt(square) / _PIECE_PX) + 1, _MOST_PIECES)
    for piece in range(1, pieces):
        share = piece / pieces
        p, q = shown_at(g, ax + dx * share, ay + dy * share)
        stretch(box, p, q)


@helper
def in_front(
    g: Glass, corners: Int32[np.ndarray, "f 3"], local: Float64[np.ndarray, "v 3"], t: int
) -> bool:
    """Return whether no corner of a triangle is cut off by the near plane."""
    a, b, c = local[corners[t, 0], 2], local[corners[t, 1], 2], local[corners[t, 2], 2]
    return min(a, b, c) >= g.eye.near_m


@kernel
def box_of(
    g: Glass,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    shown: Float64[np.ndarray, "4"],
    polygon: Float64[np.ndarray, "4 3"],
    met: Bool[np.ndarray, "v"],
) -> None:
    """Write the box around all triangles in the shown picture; some must be in front.

    `met` is all false; vertices that several triangles share are followed through the lens once.
    """
    shown[0], shown[1], shown[2], shown[3] = np.inf, np.inf, -np.inf, -np.inf
    for k in range(len(ranges)):
        for t in range(ranges[k, 0], ranges[k, 1]):
            count = clip_near(g.eye, local, corners[t, 0], corners[t, 1], corners[t, 2], polygon)
            whole = in_front(g, corners, local, t)
            for corner in range(count):
                x, y = polygon[corner, 0], polygon[corner, 1]
                following = (corner + 1) % count
                stretch_along(g, shown, x, y, polygon[following, 0], polygon[following, 1])
                v = corners[t, corner % 3]
                if not (whole and met[v]):
                    met[v] = met[v] or whole
                    p, q = shown_at(g, x, y)
                    stretch(shown, p, q)


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
    """Return an object's loose box in the shown picture, all its pixels, and those inside it.

    What has no pixel inside has no label: beyond the image it is not counted.
    """
    drawn, shown, polygon = np.zeros(4), np.zeros(4), np.empty((4, 3))
    loose_box_of(g.eye, corners, local, ranges, drawn, polygon)
    x0, y0, x1, y1 = region_of(drawn, drawn_size)
    if x1 <= max(x0, 0) or y1 <= max(y0, 0) or x0 >= drawn_size[0] or y0 >= drawn_size[1]:
        return shown, 0, 0
    box_of(g, corners, local, ranges, shown, polygon, np.zeros(len(local), dtype=np.bool_))
    size = rays.shape[1], rays.shape[0]
    region = _region(shown, size)
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    stamp_object(g.eye, corners, local, ranges, (x0, y0), mask, polygon)
    inside = int(count_inside(g, rays, region, (x0, y0), mask))
    if not inside:
        return shown, 0, 0
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
