"""Which triangle each sample sees: scan conversion with an exact edge rule.

A sample belongs to a triangle if its row lies in [top, bottom) and its column in [left, right),
where left and right are where two edges cross the row. Both neighbours of an edge compute that
crossing from the same ordered end points with the same operations, so that a surface has neither
cracks nor samples that are hit twice. Larger screen depth (1/z, or height towards the light) wins;
on a tie the lower triangle number wins, so that the order of drawing does not matter.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt16

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye, Parallel, place, texel_of

SAMPLES = np.array(
    [[0.5, 0.5], [0.375, 0.125], [0.875, 0.375], [0.625, 0.875], [0.125, 0.625]], dtype=np.float64
)
"""Sample 0 is the pixel centre, where labels are read; 1..4 are the rotated grid of the colour."""


class Window(NamedTuple):
    """Pixels [left, right) x [top, bottom) of the image, held in arrays of their own."""

    left: int
    top: int
    right: int
    bottom: int


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
    at: Window,
) -> None:
    """Draw one projected triangle into every sample layer of a window."""
    if min(ay, by, cy) >= at.bottom or max(ay, by, cy) < at.top:
        return
    if min(ax, bx, cx) >= at.right or max(ax, bx, cx) < at.left:
        return
    k, gx, gy = depth_plane(ax, ay, az, bx, by, bz, cx, cy, cz)
    tx, ty, mx, my, lx, ly = by_row(ax, ay, bx, by, cx, cy)
    for s in range(len(samples)):
        sx, sy = samples[s, 0], samples[s, 1]
        for row in range(
            first_at_or_after(ty - sy, at.top, at.bottom),
            first_at_or_after(ly - sy, at.top, at.bottom),
        ):
            y = row + sy
            left, right = row_span(y, tx, ty, mx, my, lx, ly)
            start = k + gy * y + gx * sx
            for column in range(
                first_at_or_after(left - sx, at.left, at.right),
                first_at_or_after(right - sx, at.left, at.right),
            ):
                z = np.float32(start + gx * column)
                i, j = row - at.top, column - at.left
                old = depth[s, i, j]
                if z > old or (z == old and triangle < index[s, i, j]):
                    depth[s, i, j] = z
                    index[s, i, j] = triangle


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
    eye: Eye, local: Float64[np.ndarray, "v 3"], i: int, j: int, k: int, front: bool
) -> tuple[int, int, int]:
    """Turn the corners until the single one in front (or behind) comes first."""
    if (local[j, 2] >= eye.near_m) == front:
        return j, k, i
    if (local[k, 2] >= eye.near_m) == front:
        return k, i, j
    return i, j, k


@helper
def place_vertex(
    eye: Eye, local: Float64[np.ndarray, "v 3"], v: int, out: Float64[np.ndarray, "4 3"], row: int
) -> None:
    """Write the pixel position and 1/z of a vertex."""
    out[row, 0], out[row, 1], out[row, 2] = place(eye, local[v, 0], local[v, 1], local[v, 2])


@helper
def clip_near(
    eye: Eye,
    local: Float64[np.ndarray, "v 3"],
    i: int,
    j: int,
    k: int,
    out: Float64[np.ndarray, "4 3"],
) -> int:
    """Write the projected polygon in front of the near plane; return its number of corners."""
    near = eye.near_m
    front = int(local[i, 2] >= near) + int(local[j, 2] >= near) + int(local[k, 2] >= near)
    if front == 0:
        return 0
    if front == 3:
        place_vertex(eye, local, i, out, 0)
        place_vertex(eye, local, j, out, 1)
        place_vertex(eye, local, k, out, 2)
        return 3
    i, j, k = rotate_clipped(eye, local, i, j, k, front == 1)
    if front == 1:
        x, y, z = cut(local, i, j, eye.near_m)
        p, q, r = cut(local, i, k, eye.near_m)
        place_vertex(eye, local, i, out, 0)
        out[1, 0], out[1, 1], out[1, 2] = place(eye, x, y, z)
        out[2, 0], out[2, 1], out[2, 2] = place(eye, p, q, r)
        return 3
    x, y, z = cut(local, j, i, eye.near_m)
    p, q, r = cut(local, k, i, eye.near_m)
    place_vertex(eye, local, j, out, 0)
    place_vertex(eye, local, k, out, 1)
    out[2, 0], out[2, 1], out[2, 2] = place(eye, p, q, r)
    out[3, 0], out[3, 1], out[3, 2] = place(eye, x, y, z)
    return 4


@kernel
def draw(
    eye: Eye,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    ranges: Int64[np.ndarray, "n 2"],
    at: Window,
    samples: Float64[np.ndarray, "s 2"],
    depth: Float32[np.ndarray, "s h w"],
    index: Int32[np.ndarray, "s h w"],
    polygon: Float64[np.ndarray, "4 3"],
) -> None:
    """Draw ranges of triangles into every sample layer of a window.

    `polygon` is scratch space of the calling thread.
    """
    for part in range(len(ranges)):
        for t in range(ranges[part, 0], ranges[part, 1]):
            count = clip_near(eye, local, corners[t, 0], corners[t, 1], corners[t, 2], polygon)
            for corner in range(2, count):
                fill(
                    depth, index, samples, t,
                    polygon[0, 0], polygon[0, 1], polygon[0, 2],
                    polygon[corner - 1, 0], polygon[corner - 1, 1], polygon[corner - 1, 2],
                    polygon[corner, 0], polygon[corner, 1], polygon[corner, 2],
                    at,
                )  # fmt: skip


@kernel
def find_planes(
    eye: Eye,
    corners: Int32[np.ndarray, "f 3"],
    local: Float64[np.ndarray, "v 3"],
    planes: Float64[np.ndarray, "p 3"],
    polygon: Float64[np.ndarray, "4 3"],
) -> None:
    """Write (k, gx, gy) of the screen depth of the first triangles, as `fill` has them."""
    for t in range(len(planes)):
        count = clip_near(eye, local, corners[t, 0], corners[t, 1], corners[t, 2], polygon)
        planes[t, 0], planes[t, 1], planes[t, 2] = 0.0, 0.0, 0.0
        largest = -1.0
        for b in range(1, count - 1):
            c = b + 1
            ax, ay, az = polygon[0, 0], polygon[0, 1], polygon[0, 2]
            bx, by, bz = polygon[b, 0], polygon[b, 1], polygon[b, 2]
            cx, cy, cz = polygon[c, 0], polygon[c, 1], polygon[c, 2]
            area = abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
            if area > largest:
                largest = area
                planes[t, 0], planes[t, 1], planes[t, 2] = depth_plane(
                    ax, ay, az, bx, by, bz, cx, cy, cz
                )


class Still(NamedTuple):
    """What the samples of a fixed camera show of what never moves."""

    code: Int32[np.ndarray, "h w"]
    """The triangle all samples show, -1 for sky; -2 - n: they differ, see row n of `mixed`."""
    mixed: Int32[np.ndarray, "m s"]
    planes: Float64[np.ndarray, "p 3"]
    """Screen depth of each still triangle (`find_planes`)."""


@helper
def still_at(still: Still, sample: int, x: int, y: int) -> int:
    """Return the still triangle of a sample; -1 for sky."""
    code = still.code[y, x]
    return code if code >= -1 else still.mixed[-2 - code, sample]


@helper
def still_depth(still: Still, t: int, sx: float, sy: float, column: int, row: int) -> np.float32:
    """Return 1/z of a triangle at a sample of a pixel, rounded as drawn; 0 for sky."""
    if t < 0:
        return np.float32(0.0)
    planes = still.planes
    start = planes[t, 0] + planes[t, 2] * (row + sy) + planes[t, 1] * sx
    return np.float32(start + planes[t, 1] * column)


@kernel
def draw_heights(
    view: Parallel,
    corners: Int32[np.ndarray, "f 3"],
    points: Float64[np.ndarray, "v 3"],
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
            ax, ay, az = texel_of(view, points[i, 0], points[i, 1], points[i, 2])
            bx, by, bz = texel_of(view, points[j, 0], points[j, 1], points[j, 2])
            cx, cy, cz = texel_of(view, points[h, 0], points[h, 1], points[h, 2])
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
