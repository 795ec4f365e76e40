"""Which triangle each sample sees: scan conversion with an exact edge rule.

A sample belongs to a triangle if its row lies in [top, bottom) and its column in [left, right),
where left and right are where two edges cross the row. Both neighbours of an edge compute that
crossing from the same ordered end points with the same operations, so that a surface has neither
cracks nor samples that are hit twice. Larger screen depth (1/z, or height towards the light) wins;
on a tie the lower triangle number wins, so that the order of drawing does not matter.
"""

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt16

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye, place

SAMPLES = np.array(
    [[0.5, 0.5], [0.375, 0.125], [0.875, 0.375], [0.625, 0.875], [0.125, 0.625]], dtype=np.float64
)
"""Sample 0 is the pixel centre, where labels are read; 1..4 are the rotated grid of the colour."""


@helper
def by_row(
    ax: float, ay: float, bx: float, by: float, cx: float, cy: float
) -> tuple[float, float, float, float, float, float]:
    """Return the corners from top to bottom."""
    if by < ay:
        ax, ay, bx, by = bx, by, ax, ay
    if cy < by:
        bx, by, cx, cy = cx, cy, bx, by
        if by < ay:
            ax, ay, bx, by = bx, by, ax, ay
    return ax, ay, bx, by, cx, cy


@helper
def row_span(
    y: float, ax: float, ay: float, bx: float, by: float, cx: float, cy: float
) -> tuple[float, float]:
    """Return where a row enters and leaves a triangle whose corners run from top to bottom."""
    long = ax + (y - ay) * ((cx - ax) / (cy - ay))
    if y < by:
        short = ax + (y - ay) * ((bx - ax) / (by - ay))
    else:
        short = bx + (y - by) * ((cx - bx) / (cy - by))
    return min(long, short), max(long, short)


@helper
def depth_plane(
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
    cx: float,
    cy: float,
    cz: float,
) -> tuple[float, float, float]:
    """Return depth = k + gx * x + gy * y through three corners; constant for a sliver."""
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if abs(area) < 1e-9:
        return max(az, bz, cz), 0.0, 0.0
    gx = ((bz - az) * (cy - ay) - (cz - az) * (by - ay)) / area
    gy = ((cz - az) * (bx - ax) - (bz - az) * (cx - ax)) / area
    return az - gx * ax - gy * ay, gx, gy


@helper
def first_at_or_after(value: float, low: int, high: int) -> int:
    """Return ceil(value) kept within low..high."""
    return int(np.ceil(min(max(value, float(low)), float(high))))


@helper
def fill(
    depth: Float32[np.ndarray, "n h w"],
    index: Int32[np.ndarray, "n h w"],
    samples: Float64[np.ndarray, "n 2"],
    triangle: int,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
    cx: float,
    cy: float,
    cz: float,
    begin: int,
    end: int,
) -> None:
    """Draw one projected triangle into the rows begin..end of every sample layer."""
    if min(ay, by, cy) >= end or max(ay, by, cy) < begin:
        return
    width = depth.shape[2]
    if min(ax, bx, cx) >= width or max(ax, bx, cx) < 0:
        return
    k, gx, gy = depth_plane(ax, ay, az, bx, by, bz, cx, cy, cz)
    tx, ty, mx, my, lx, ly = by_row(ax, ay, bx, by, cx, cy)
    for s in range(len(samples)):
        sx, sy = samples[s, 0], samples[s, 1]
        for row in range(
            first_at_or_after(ty - sy, begin, end), first_at_or_after(ly - sy, begin, end)
        ):
            y = row + sy
            left, right = row_span(y, tx, ty, mx, my, lx, ly)
            start = k + gy * y + gx * sx
            for column in range(
                first_at_or_after(left - sx, 0, width), first_at_or_after(right - sx, 0, width)
            ):
                z = np.float32(start + gx * column)
                old = depth[s, row, column]
                if z > old or (z == old and triangle < index[s, row, column]):
                    depth[s, row, column] = z
                    index[s, row, column] = triangle


@helper
def cut(
    local: Float64[np.ndarray, "v 3"], inside: int, outside: int, near_m: float
) -> tuple[float, float, float]:
    """Return where the edge from a vertex in front of the near plane meets it."""
    depth = local[inside, 2]
    t = (near_m - depth) / (local[outside, 2] - depth)
    x = local[inside, 0] + t * (local[outside, 0] - local[inside, 0])
    y = local[inside, 1] + t * (local[outside, 1] - local[inside, 1])
    return x, y, near_m


@helper
def rotate_clipped(
    screen: Float64[np.ndarray, "v 3"], i: int, j: int, k: int, front: bool
) -> tuple[int, int, int]:
    """Turn the corners until the single one in front (or behind) comes first."""
    if (screen[j, 2] > 0.0) == front:
        return j, k, i
    if (screen[k, 2] > 0.0) == front:
        return k, i, j
    return i, j, k


@helper
def clip_near(
    eye: Eye,
    local: Float64[np.ndarray, "v 3"],
    screen: Float64[np.ndarray, "v 3"],
    i: int,
    j: int,
    k: int,
    out: Float64[np.ndarray, "4 3"],
) -> int:
    """Write the projected polygon in front of the near plane; return its number of corners."""
    front = int(screen[i, 2] > 0.0) + int(screen[j, 2] > 0.0) + int(screen[k, 2] > 0.0)
    if front == 0:
        return 0
    if front == 3:
        for axis in range(3):
            out[0, axis] = screen[i, axis]
            out[1, axis] = screen[j, axis]
            out[2, axis] = screen[k, axis]
        return 3
    i, j, k = rotate_clipped(screen, i, j, k, front == 1)
    if front == 1:
        x, y, z = cut(local, i, j, eye.near_m)
        p, q, r = cut(local, i, k, eye.near_m)
        for axis in range(3):
            out[0, axis] = screen[i, axis]
        out[1, 0], out[1, 1], out[1, 2] = place(eye, x, y, z)
        out[2, 0], out[2, 1], out[2, 2] = place(eye, p, q, r)
        return 3
    x, y, z = cut(local, j, i, eye.near_m)
    p, q, r = cut(local, k, i, eye.near_m)
    for axis in range(3):
        out[0, axis] = screen[j, axis]
        out[1, axis] = screen[k, axis]
    out[2, 0], out[2, 1], out[2, 2] = place(eye, p, q, r)
    out[3, 0], out[3, 1], out[3, 2] = place(eye, x, y, z)
    return 4


@kernel
def draw(
    eye: Eye,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    screen: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    rows: tuple[int, int],
    samples: Float64[np.ndarray, "s 2"],
    depth: Float32[np.ndarray, "s h w"],
    index: Int32[np.ndarray, "s h w"],
    polygon: Float64[np.ndarray, "4 3"],
) -> None:
    """Draw ranges of triangles into a band of rows of every sample layer.

    `polygon` is scratch space of the calling thread.
    """
    for part in range(len(ranges)):
        for t in range(ranges[part, 0], ranges[part, 1]):
            count = clip_near(
                eye, local, screen, corners[t, 0], corners[t, 1], corners[t, 2], polygon
            )
            for corner in range(2, count):
                fill(
                    depth, index, samples, t,
                    polygon[0, 0], polygon[0, 1], polygon[0, 2],
                    polygon[corner - 1, 0], polygon[corner - 1, 1], polygon[corner - 1, 2],
                    polygon[corner, 0], polygon[corner, 1], polygon[corner, 2],
                    rows[0], rows[1],
                )  # fmt: skip


@kernel
def draw_heights(
    corners: Int32[np.ndarray, "f 3"],
    screen: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    rows: tuple[int, int],
    height: UInt16[np.ndarray, "h w"],
) -> None:
    """Keep the greatest depth towards the light at each texel centre of a band of rows.

    Depths are cut to 1..65535; 0 stays for texels where nothing is.
    """
    width = height.shape[1]
    for part in range(len(ranges)):
        for t in range(ranges[part, 0], ranges[part, 1]):
            i, j, h = corners[t, 0], corners[t, 1], corners[t, 2]
            ax, ay, az = screen[i, 0], screen[i, 1], screen[i, 2]
            bx, by, bz = screen[j, 0], screen[j, 1], screen[j, 2]
            cx, cy, cz = screen[h, 0], screen[h, 1], screen[h, 2]
            if min(ay, by, cy) >= rows[1] or max(ay, by, cy) < rows[0]:
                continue
            k, gx, gy = depth_plane(ax, ay, az, bx, by, bz, cx, cy, cz)
            tx, ty, mx, my, lx, ly = by_row(ax, ay, bx, by, cx, cy)
            for row in range(
                first_at_or_after(ty - 0.5, rows[0], rows[1]),
                first_at_or_after(ly - 0.5, rows[0], rows[1]),
            ):
                y = row + 0.5
                left, right = row_span(y, tx, ty, mx, my, lx, ly)
                start = k + gy * y + gx * 0.5
                for column in range(
                    first_at_or_after(left - 0.5, 0, width),
                    first_at_or_after(right - 0.5, 0, width),
                ):
                    z = np.uint16(min(max(start + gx * column, 1.0), 65535.0))
                    height[row, column] = max(height[row, column], z)
