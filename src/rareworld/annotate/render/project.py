"""Vertices in the image, and the rectangle each part covers.

A pinhole view (OpenCV axes) keeps depth along the optical axis; its screen depth is 1/z, which is
linear in the image. A parallel view (the sun's) keeps the distance towards the light.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int32, Int64

from rareworld.annotate.render.jit import helper, kernel
from rareworld.core.camera import Camera


class Eye(NamedTuple):
    """A pinhole camera for kernels."""

    rotation: Float64[np.ndarray, "3 3"]
    """Camera from world."""
    position: Float64[np.ndarray, "3"]
    fx: float
    fy: float
    cx: float
    cy: float
    near_m: float


class Parallel(NamedTuple):
    """A parallel projection onto a square map of `size` texels."""

    axes: Float64[np.ndarray, "3 3"]
    """Rows: right and down scaled to texels, then the unit vector to the light."""
    offset: Float64[np.ndarray, "3"]
    """Texel and depth of the world's origin."""
    size: int


def eye_of(camera: Camera, near_m: float) -> Eye:
    """Return the kernel's view of a camera."""
    return Eye(
        rotation=np.ascontiguousarray(camera.camera_from_world[:3, :3]),
        position=np.array(camera.position_m, dtype=np.float64),
        fx=float(camera.fx),
        fy=float(camera.fy),
        cx=float(camera.cx),
        cy=float(camera.cy),
        near_m=near_m,
    )


@kernel
def to_eye(
    eye: Eye,
    points: Float64[np.ndarray, "v 3"],
    begin: int,
    end: int,
    local: Float64[np.ndarray, "v 3"],
) -> None:
    """Write camera coordinates of the vertices begin..end."""
    r, p = eye.rotation, eye.position
    for v in range(begin, end):
        dx, dy, dz = points[v, 0] - p[0], points[v, 1] - p[1], points[v, 2] - p[2]
        x = r[0, 0] * dx + r[0, 1] * dy + r[0, 2] * dz
        y = r[1, 0] * dx + r[1, 1] * dy + r[1, 2] * dz
        z = r[2, 0] * dx + r[2, 1] * dy + r[2, 2] * dz
        local[v, 0], local[v, 1], local[v, 2] = x, y, z


@helper
def place(eye: Eye, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the pixel position and 1/z of a camera point."""
    inverse = 1.0 / z
    return eye.cx + eye.fx * x * inverse, eye.cy + eye.fy * y * inverse, inverse


@helper
def texel_of(view: Parallel, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return column, row and depth towards the light of a world point."""
    a, o = view.axes, view.offset
    return (
        a[0, 0] * x + a[0, 1] * y + a[0, 2] * z + o[0],
        a[1, 0] * x + a[1, 1] * y + a[1, 2] * z + o[1],
        a[2, 0] * x + a[2, 1] * y + a[2, 2] * z + o[2],
    )


@helper
def keep_box(
    boxes: Int32[np.ndarray, "i 4"],
    part: int,
    limits: Int32[np.ndarray, "2"],
    x0: float,
    y0: float,
    x1: float,
    y1: float,
) -> None:
    """Write the whole pixels [x0, y0, x1, y1) around a rectangle, cut at the image."""
    width, height = limits[0], limits[1]
    boxes[part, 0], boxes[part, 1], boxes[part, 2], boxes[part, 3] = 0, 0, 0, 0
    if x0 <= x1:
        boxes[part, 0] = min(max(np.floor(x0), 0), width)
        boxes[part, 1] = min(max(np.floor(y0), 0), height)
        boxes[part, 2] = min(max(np.ceil(x1) + 1, 0), width)
        boxes[part, 3] = min(max(np.ceil(y1) + 1, 0), height)


@helper
def lies_beside(
    eye: Eye,
    local: Float64[np.ndarray, "v 3"],
    begin: int,
    end: int,
    limits: Int32[np.ndarray, "2"],
) -> bool:
    """Return whether all vertices lie beyond one side of the image, even those behind."""
    left, right, above, below = True, True, True, True
    for v in range(begin, end):
        x, y, z = eye.fx * local[v, 0], eye.fy * local[v, 1], local[v, 2]
        left, right = left and x + eye.cx * z < 0.0, right and x + (eye.cx - limits[0]) * z > 0.0
        above, below = above and y + eye.cy * z < 0.0, below and y + (eye.cy - limits[1]) * z > 0.0
    return left or right or above or below


@kernel
def boxes_in_view(
    eye: Eye,
    which: Int64[np.ndarray, "n"],
    vertex_start: Int64[np.ndarray, "i1"],
    local: Float64[np.ndarray, "v 3"],
    limits: Int32[np.ndarray, "2"],
    boxes: Int32[np.ndarray, "i 4"],
) -> None:
    """Write the pixel rectangle [x0, y0, x1, y1) around each chosen part, cut at the image.

    A part that reaches behind the near plane covers the whole image, unless it lies beyond one of
    the image's sides; one that lies behind entirely covers nothing.
    """
    for k in range(len(which)):
        part = which[k]
        x0, y0, x1, y1, behind = np.inf, np.inf, -np.inf, -np.inf, False
        for v in range(vertex_start[part], vertex_start[part + 1]):
            if local[v, 2] < eye.near_m:
                behind = True
                continue
            x, y, _ = place(eye, local[v, 0], local[v, 1], local[v, 2])
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        keep_box(boxes, part, limits, x0, y0, x1, y1)
        if behind and x0 <= x1:
            seen = not lies_beside(eye, local, vertex_start[part], vertex_start[part + 1], limits)
            boxes[part, 0], boxes[part, 1] = 0, 0
            boxes[part, 2] = limits[0] if seen else 0
            boxes[part, 3] = limits[1] if seen else 0


@kernel
def boxes_in_light(
    view: Parallel,
    which: Int64[np.ndarray, "n"],
    vertex_start: Int64[np.ndarray, "i1"],
    points: Float64[np.ndarray, "v 3"],
    limits: Int32[np.ndarray, "2"],
    boxes: Int32[np.ndarray, "i 4"],
) -> None:
    """Write the rectangle of texels around each chosen part, cut at the map."""
    for k in range(len(which)):
        part = which[k]
        x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
        for v in range(vertex_start[part], vertex_start[part + 1]):
            x, y, _ = texel_of(view, points[v, 0], points[v, 1], points[v, 2])
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        keep_box(boxes, part, limits, x0, y0, x1, y1)
