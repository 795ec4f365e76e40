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
    screen: Float64[np.ndarray, "v 3"],
) -> None:
    """Write camera coordinates and (x, y, 1/z) of the vertices begin..end.

    Vertices nearer than the near plane get 1/z = 0; their triangles are clipped when drawn.
    """
    r, p = eye.rotation, eye.position
    for v in range(begin, end):
        dx, dy, dz = points[v, 0] - p[0], points[v, 1] - p[1], points[v, 2] - p[2]
        x = r[0, 0] * dx + r[0, 1] * dy + r[0, 2] * dz
        y = r[1, 0] * dx + r[1, 1] * dy + r[1, 2] * dz
        z = r[2, 0] * dx + r[2, 1] * dy + r[2, 2] * dz
        local[v, 0], local[v, 1], local[v, 2] = x, y, z
        screen[v, 2] = 0.0
        if z >= eye.near_m:
            screen[v, 0], screen[v, 1], screen[v, 2] = place(eye, x, y, z)


@helper
def place(eye: Eye, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the pixel position and 1/z of a camera point."""
    inverse = 1.0 / z
    return eye.cx + eye.fx * x * inverse, eye.cy + eye.fy * y * inverse, inverse


@kernel
def to_light(
    view: Parallel,
    points: Float64[np.ndarray, "v 3"],
    begin: int,
    end: int,
    screen: Float64[np.ndarray, "v 3"],
) -> None:
    """Write texel coordinates and depth towards the light of the vertices begin..end."""
    a, o = view.axes, view.offset
    for v in range(begin, end):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        for k in range(3):
            screen[v, k] = a[k, 0] * x + a[k, 1] * y + a[k, 2] * z + o[k]


@kernel
def part_boxes(
    which: Int64[np.ndarray, "n"],
    vertex_start: Int64[np.ndarray, "i1"],
    screen: Float64[np.ndarray, "v 3"],
    limits: Int32[np.ndarray, "2"],
    clipped: bool,
    boxes: Int32[np.ndarray, "i 4"],
) -> None:
    """Write the pixel rectangle [x0, y0, x1, y1) around each chosen part, cut at the image.

    With `clipped`, a vertex with depth 0 is behind the camera: then the part may cover the whole
    image if another of its vertices is in front, and nothing if none is.
    """
    width, height = limits[0], limits[1]
    for k in range(len(which)):
        part = which[k]
        x0, y0, x1, y1, behind = np.inf, np.inf, -np.inf, -np.inf, False
        for v in range(vertex_start[part], vertex_start[part + 1]):
            if clipped and screen[v, 2] == 0.0:
                behind = True
                continue
            x0, x1 = min(x0, screen[v, 0]), max(x1, screen[v, 0])
            y0, y1 = min(y0, screen[v, 1]), max(y1, screen[v, 1])
        if x0 > x1:
            boxes[part, 0], boxes[part, 1], boxes[part, 2], boxes[part, 3] = 0, 0, 0, 0
        elif behind:
            boxes[part, 0], boxes[part, 1], boxes[part, 2], boxes[part, 3] = 0, 0, width, height
        else:
            boxes[part, 0] = min(max(np.floor(x0), 0), width)
            boxes[part, 1] = min(max(np.floor(y0), 0), height)
            boxes[part, 2] = min(max(np.ceil(x1) + 1, 0), width)
            boxes[part, 3] = min(max(np.ceil(y1) + 1, 0), height)
