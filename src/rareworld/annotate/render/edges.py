"""Lines where one thing ends: borders of objects, classes and materials, steps in depth, creases.

Of the two pixels at a border the nearer one is marked, so lines are one pixel wide and lie on the
thing in front.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt32

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.tiles import TILE

_STEP_PIXELS = 3.0
"""A fold between two pixels looks like a step of up to this many pixel widths."""


class EdgeRule(NamedTuple):
    """When two neighbouring pixels show different things."""

    step_m: float
    """Depth apart from the other's plane by more than this ..."""
    step_share: float
    """... and by more than this share of the depth is a step."""
    crease_cos: float
    """Planes whose normals have a smaller dot product meet in a crease."""


class Seen(NamedTuple):
    """What the pixel centres see."""

    depth_m: Float32[np.ndarray, "h w"]
    normal: Float32[np.ndarray, "h w 3"]
    instance_id: UInt32[np.ndarray, "h w"]
    triangle: Int32[np.ndarray, "h w"]
    look: Int32[np.ndarray, "f"]
    """Class and material of each triangle as one number."""
    rays: Float32[np.ndarray, "p q 2"]
    """(x / z, y / z) behind each pixel centre; empty for a pinhole."""


@helper
def ray_at(eye: Eye, seen: Seen, x: int, y: int) -> tuple[float, float]:
    """Return (u, v) of the ray (u, v, 1) through a pixel centre."""
    if len(seen.rays) == 0:
        return (x + 0.5 - eye.cx) / eye.fx, (y + 0.5 - eye.cy) / eye.fy
    return np.float64(seen.rays[y, x, 0]), np.float64(seen.rays[y, x, 1])


@helper
def off_plane(eye: Eye, seen: Seen, x: int, y: int, column: int, row: int) -> float:
    """Return how far in depth another pixel lies from the plane seen at (x, y)."""
    n, z = seen.normal, seen.depth_m[y, x]
    u, v = ray_at(eye, seen, x, y)
    p, q = ray_at(eye, seen, column, row)
    facing = n[y, x, 0] * p + n[y, x, 1] * q + n[y, x, 2]
    if abs(facing) < 1e-9:
        return np.inf
    expected = z * (n[y, x, 0] * u + n[y, x, 1] * v + n[y, x, 2]) / facing
    return abs(expected - seen.depth_m[row, column])


@helper
def is_border(eye: Eye, rule: EdgeRule, seen: Seen, x: int, y: int, column: int, row: int) -> bool:
    """Return whether two neighbouring pixels show different things; symmetric."""
    a, b = seen.triangle[y, x], seen.triangle[row, column]
    if a == b:
        return False
    if a < 0 or b < 0 or seen.look[a] != seen.look[b]:
        return True
    if seen.instance_id[y, x] != seen.instance_id[row, column]:
        return True
    n = seen.normal
    dot = (
        n[y, x, 0] * n[row, column, 0]
        + n[y, x, 1] * n[row, column, 1]
        + n[y, x, 2] * n[row, column, 2]
    )
    if dot < rule.crease_cos:
        return True
    step = min(off_plane(eye, seen, x, y, column, row), off_plane(eye, seen, column, row, x, y))
    nearer = min(seen.depth_m[y, x], seen.depth_m[row, column])
    return step > max(rule.step_m, nearer * max(rule.step_share, _STEP_PIXELS / eye.fx))


@helper
def marks(
    eye: Eye, rule: EdgeRule, seen: Seen, x: int, y: int, column: int, row: int, first: bool
) -> bool:
    """Return whether (x, y) is the one to mark at a border; the first of two equally near ones."""
    here, there = seen.depth_m[y, x], seen.depth_m[row, column]
    if here > there or (here == there and not first):
        return False
    return is_border(eye, rule, seen, x, y, column, row)


@helper
def amid(triangle: Int32[np.ndarray, "h w"], x: int, y: int) -> bool:
    """Return whether a pixel and all four beside it see one triangle."""
    height, width = triangle.shape
    if x < 1 or y < 1 or x + 1 >= width or y + 1 >= height:
        return False
    t = triangle[y, x]
    return (
        t == triangle[y, x - 1] and t == triangle[y, x + 1]
        and t == triangle[y - 1, x] and t == triangle[y + 1, x]
    )  # fmt: skip


@kernel
def find_edges(
    eye: Eye,
    rule: EdgeRule,
    seen: Seen,
    tiles: Int32[np.ndarray, "n 2"],
    edges: Bool[np.ndarray, "h w"],
) -> None:
    """Write the edge pixels of the given tiles (row, column)."""
    height, width = edges.shape
    for n in range(len(tiles)):
        top, left = tiles[n, 0] * TILE, tiles[n, 1] * TILE
        for y in range(top, min(top + TILE, height)):
            for x in range(left, min(left + TILE, width)):
                if amid(seen.triangle, x, y):
                    edges[y, x] = False
                    continue
                edges[y, x] = (
                    (x + 1 < width and marks(eye, rule, seen, x, y, x + 1, y, True))
                    or (y + 1 < height and marks(eye, rule, seen, x, y, x, y + 1, True))
                    or (x > 0 and marks(eye, rule, seen, x, y, x - 1, y, False))
                    or (y > 0 and marks(eye, rule, seen, x, y, x, y - 1, False))
                )
