"""Resampling of the drawn picture: labels from the nearest drawn pixel, light averaged.

Each shown pixel has its own ray. Class, id and normal are those of the drawn pixel the ray falls
into. Depth is that of the ray on the plane of the triangle seen there, kept within the depths of
the same object among the four drawn pixels around it: inside a triangle it is exact. Proved in
`tests/annotate/lens/test_warp.py`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt8, UInt32

from rareworld.annotate.lens.glass import Glass, to_drawn
from rareworld.annotate.render.jit import helper, kernel

_MOST_TAPS = 4
_TAP_STEP = 1.5
"""Drawn pixels per shown one above which more than one place is read."""


class Labels(NamedTuple):
    """What every pixel sees."""

    depth_m: Float32[np.ndarray, "h w"]
    normal: Float32[np.ndarray, "h w 3"]
    class_id: UInt8[np.ndarray, "h w"]
    instance_id: UInt32[np.ndarray, "h w"]
    triangle: Int32[np.ndarray, "h w"]


@helper
def drawn_pixel(g: Glass, labels: Labels, a: float, b: float) -> tuple[int, int]:
    """Return column and row of the drawn pixel that a drawn ray falls into."""
    height, width = labels.triangle.shape
    column = int(np.floor(g.eye.fx * a + g.eye.cx))
    row = int(np.floor(g.eye.fy * b + g.eye.cy))
    return min(max(column, 0), width - 1), min(max(row, 0), height - 1)


@helper
def is_inside(labels: Labels, left: int, top: int) -> bool:
    """Return whether four pixels see one triangle: so does, as it is convex, all between them."""
    seen = labels.triangle
    if left + 1 >= seen.shape[1] or top + 1 >= seen.shape[0]:
        return False
    t = seen[top, left]
    return t == seen[top, left + 1] and t == seen[top + 1, left] and t == seen[top + 1, left + 1]


@helper
def on_plane(g: Glass, labels: Labels, column: int, row: int, a: float, b: float) -> float:
    """Return the drawn depth of a ray on the plane seen by a pixel, as near as neighbours allow."""
    height, width = labels.triangle.shape
    depth = np.float64(labels.depth_m[row, column])
    n = labels.normal[row, column]
    u, v = (column + 0.5 - g.eye.cx) / g.eye.fx, (row + 0.5 - g.eye.cy) / g.eye.fy
    facing = n[0] * a + n[1] * b + n[2]
    if abs(facing) < 1e-9:
        return depth
    found = depth * (n[0] * u + n[1] * v + n[2]) / facing
    left = max(int(np.floor(g.eye.fx * a + g.eye.cx - 0.5)), 0)
    top = max(int(np.floor(g.eye.fy * b + g.eye.cy - 0.5)), 0)
    if is_inside(labels, left, top):
        return found
    low, high = depth, depth
    for y in range(top, min(top + 2, height)):
        for x in range(left, min(left + 2, width)):
            same = labels.instance_id[y, x] == labels.instance_id[row, column]
            if same and labels.class_id[y, x] == labels.class_id[row, column]:
                other = np.float64(labels.depth_m[y, x])
                low, high = min(low, other), max(high, other)
    return min(max(found, low), high)


@helper
def write_normal(
    g: Glass, labels: Labels, column: int, row: int, u: float, v: float,
    out: Float32[np.ndarray, "3"],
) -> None:  # fmt: skip
    """Write a drawn pixel's normal in the shown camera's frame, turned to the ray (u, v, 1)."""
    n, r = labels.normal[row, column], g.turn
    x = r[0, 0] * n[0] + r[1, 0] * n[1] + r[2, 0] * n[2]
    y = r[0, 1] * n[0] + r[1, 1] * n[1] + r[2, 1] * n[2]
    z = r[0, 2] * n[0] + r[1, 2] * n[1] + r[2, 2] * n[2]
    away = x * u + y * v + z
    if away > 0.0:
        # seen edge-on by half a pixel beside the ray: the nearest normal that faces the camera
        scale = away / (u * u + v * v + 1.0)
        x, y, z = x - scale * u, y - scale * v, z - scale
        length = np.sqrt(x * x + y * y + z * z)
        x, y, z = x / length, y / length, z / length
    out[0], out[1], out[2] = x, y, z


@kernel
def warp_labels(
    g: Glass,
    rays: Float32[np.ndarray, "h w 2"],
    drawn: Labels,
    rows: tuple[int, int],
    shown: Labels,
) -> None:
    """Write the labels of a band of shown rows."""
    for y in range(rows[0], rows[1]):
        for x in range(rays.shape[1]):
            u, v = np.float64(rays[y, x, 0]), np.float64(rays[y, x, 1])
            a, b, stretch = to_drawn(g, u, v)
            column, row = drawn_pixel(g, drawn, a, b)
            t = drawn.triangle[row, column]
            shown.triangle[y, x] = t
            shown.class_id[y, x] = drawn.class_id[row, column]
            shown.instance_id[y, x] = drawn.instance_id[row, column]
            if t < 0:
                shown.depth_m[y, x] = np.inf
                shown.normal[y, x, 0], shown.normal[y, x, 1], shown.normal[y, x, 2] = 0.0, 0.0, 0.0
                continue
            shown.depth_m[y, x] = on_plane(g, drawn, column, row, a, b) / stretch
            write_normal(g, drawn, column, row, u, v, shown.normal[y, x])


@helper
def light_between(
    light: Float32[np.ndarray, "p q 3"], column: float, row: float
) -> tuple[float, float, float]:
    """Return the light between four drawn pixels, by distance."""
    height, width = light.shape[0], light.shape[1]
    column = min(max(column - 0.5, 0.0), width - 1.001)
    row = min(max(row - 0.5, 0.0), height - 1.001)
    x, y = int(column), int(row)
    s, t = np.float32(column - x), np.float32(row - y)
    one = np.float32(1.0)
    a, b, c, d = (one - s) * (one - t), s * (one - t), (one - s) * t, s * t
    p, q = light[y], light[y + 1]
    return (
        p[x, 0] * a + p[x + 1, 0] * b + q[x, 0] * c + q[x + 1, 0] * d,
        p[x, 1] * a + p[x + 1, 1] * b + q[x, 1] * c + q[x + 1, 1] * d,
        p[x, 2] * a + p[x + 1, 2] * b + q[x, 2] * c + q[x + 1, 2] * d,
    )


@helper
def taps_for(squared_px: float) -> int:
    """Return how many places along an axis stand for a stretch of drawn pixels, given squared."""
    if squared_px <= _TAP_STEP * _TAP_STEP:
        return 1
    return min(int(np.ceil(np.sqrt(squared_px))), _MOST_TAPS)


@helper
def mean_taps(
    g: Glass, rays: Float32[np.ndarray, "h w 2"], drawn: Float32[np.ndarray, "p q 3"], x: int,
    y: int, to: tuple[int, int],
) -> tuple[float, float, float]:  # fmt: skip
    """Return the mean light over the drawn pixels that a shown pixel covers.

    `to` is the pixel's neighbour in column and row, on either side.
    """
    u, v = np.float64(rays[y, x, 0]), np.float64(rays[y, x, 1])
    ux, vx = rays[y, to[0], 0] - u, rays[y, to[0], 1] - v
    uy, vy = rays[to[1], x, 0] - u, rays[to[1], x, 1] - v
    columns = taps_for(g.eye.fx * g.eye.fx * (ux * ux + vx * vx))
    lines = taps_for(g.eye.fy * g.eye.fy * (uy * uy + vy * vy))
    weight = 1.0 / (columns * lines)
    red, green, blue = 0.0, 0.0, 0.0
    for j in range(lines):
        q = (j + 0.5) / lines - 0.5
        for i in range(columns):
            p = (i + 0.5) / columns - 0.5
            a, b, _ = to_drawn(g, u + ux * p + uy * q, v + vx * p + vy * q)
            r, s, t = light_between(drawn, g.eye.fx * a + g.eye.cx, g.eye.fy * b + g.eye.cy)
            red, green, blue = red + r * weight, green + s * weight, blue + t * weight
    return red, green, blue


@kernel
def warp_light(
    g: Glass,
    rays: Float32[np.ndarray, "h w 2"],
    drawn: Float32[np.ndarray, "p q 3"],
    rows: tuple[int, int],
    shown: Float32[np.ndarray, "h w 3"],
) -> None:
    """Write the light of a band of shown rows: bilinear, averaged where the lens shrinks."""
    height, width = rays.shape[0], rays.shape[1]
    for y in range(rows[0], rows[1]):
        row = y + 1 if y + 1 < height else max(y - 1, 0)
        for x in range(width):
            column = x + 1 if x + 1 < width else max(x - 1, 0)
            shown[y, x, 0], shown[y, x, 1], shown[y, x, 2] = mean_taps(
                g, rays, drawn, x, y, (column, row)
            )
