"""The lens for kernels: from the ideal picture the renderer draws to the one the camera shows.

`core.distortion` on scalars, and the turn of a camera that sways. Proved against OpenCV in
`tests/annotate/lens/test_glass.py`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.project import Eye
from rareworld.core.camera import Camera

_ROUNDS = 20
_CLOSE = 1e-13


class Brown(NamedTuple):
    """`core.distortion.Distortion`; all zero but `reach` for a pinhole."""

    k1: float
    k2: float
    p1: float
    p2: float
    k3: float
    reach: float
    slope: float


class Glass(NamedTuple):
    """Everything between the drawn picture and the shown one at one instant."""

    eye: Eye
    """The pinhole that the renderer draws through."""
    fx: float
    fy: float
    cx: float
    cy: float
    brown: Brown
    turn: Float64[np.ndarray, "3 3"]
    """Axes of the drawn camera from those of the shown one."""


def brown_of(camera: Camera) -> Brown:
    """Return the kernel's view of a camera's distortion."""
    lens = camera.lens
    if lens is None:
        return Brown(0.0, 0.0, 0.0, 0.0, 0.0, np.inf, 1.0)
    numbers = (lens.k1, lens.k2, lens.p1, lens.p2, lens.k3, lens.reach, lens.reach_slope)
    return Brown(*(float(number) for number in numbers))


@helper
def bend(b: Brown, x: float, y: float) -> tuple[float, float]:
    """Return the polynomial's image of an ideal point."""
    q = x * x + y * y
    radial = 1.0 + q * (b.k1 + q * (b.k2 + q * b.k3))
    return (
        x * radial + 2.0 * b.p1 * x * y + b.p2 * (q + 2.0 * x * x),
        y * radial + b.p1 * (q + 2.0 * y * y) + 2.0 * b.p2 * x * y,
    )


@helper
def shown_plane(b: Brown, x: float, y: float) -> tuple[float, float]:
    """Return where the lens shows an ideal point: straight on beyond the reach."""
    radius = np.sqrt(x * x + y * y)
    if radius <= b.reach:
        return bend(b, x, y)
    share = b.reach / radius
    nx, ny = x * share, y * share
    p, q = bend(b, nx, ny)
    return p + (x - nx) * b.slope, q + (y - ny) * b.slope


@helper
def unbend(b: Brown, px: float, py: float, x: float, y: float) -> tuple[float, float]:
    """Return the ideal point behind a shown one by Newton's method from a guess (x, y)."""
    for _ in range(_ROUNDS):
        sx, sy = bend(b, x, y)
        ex, ey = px - sx, py - sy
        if ex * ex + ey * ey < _CLOSE * _CLOSE:
            break
        q = x * x + y * y
        radial = 1.0 + q * (b.k1 + q * (b.k2 + q * b.k3))
        curl = 2.0 * (b.k1 + q * (2.0 * b.k2 + q * 3.0 * b.k3))
        mixed = x * y * curl + 2.0 * b.p1 * x + 2.0 * b.p2 * y
        jx = radial + x * x * curl + 2.0 * b.p1 * y + 6.0 * b.p2 * x
        jy = radial + y * y * curl + 6.0 * b.p1 * y + 2.0 * b.p2 * x
        det = jx * jy - mixed * mixed
        x += (jy * ex - mixed * ey) / det
        y += (jx * ey - mixed * ex) / det
    return x, y


@helper
def to_shown(g: Glass, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return shown pixel and depth of a point in the drawn camera's frame; depth may be <= 0."""
    r = g.turn
    u = r[0, 0] * x + r[1, 0] * y + r[2, 0] * z
    v = r[0, 1] * x + r[1, 1] * y + r[2, 1] * z
    w = r[0, 2] * x + r[1, 2] * y + r[2, 2] * z
    safe = w if abs(w) > 1e-9 else 1e-9
    p, q = shown_plane(g.brown, u / safe, v / safe)
    return p * g.fx + g.cx, q * g.fy + g.cy, w


@helper
def to_drawn(g: Glass, u: float, v: float) -> tuple[float, float, float]:
    """Return (a, b) of the drawn ray (a, b, 1) along a shown ray (u, v, 1), and the stretch.

    The stretch is the drawn depth of a point at shown depth 1.
    """
    r = g.turn
    c = r[2, 0] * u + r[2, 1] * v + r[2, 2]
    a = (r[0, 0] * u + r[0, 1] * v + r[0, 2]) / c
    b = (r[1, 0] * u + r[1, 1] * v + r[1, 2]) / c
    return a, b, c


@kernel
def find_rays(
    focal: tuple[float, float],
    centre: tuple[float, float],
    brown: Brown,
    rows: tuple[int, int],
    rays: Float32[np.ndarray, "h w 2"],
) -> None:
    """Write (x / z, y / z) behind the pixel centres of a band of rows.

    The guess walks out from the middle of each row, which starts from the row's own solution.
    """
    width = rays.shape[1]
    middle = min(max(int(centre[0]), 0), width - 1)
    for y in range(rows[0], rows[1]):
        py = (y + 0.5 - centre[1]) / focal[1]
        p = (middle + 0.5 - centre[0]) / focal[0]
        u0, v0 = 0.0, 0.0
        for step in range(1, 9):
            u0, v0 = unbend(brown, p * step / 8.0, py * step / 8.0, u0, v0)
        u, v = u0, v0
        for x in range(middle, width):
            u, v = unbend(brown, (x + 0.5 - centre[0]) / focal[0], py, u, v)
            rays[y, x, 0], rays[y, x, 1] = u, v
        u, v = u0, v0
        for x in range(middle - 1, -1, -1):
            u, v = unbend(brown, (x + 0.5 - centre[0]) / focal[0], py, u, v)
            rays[y, x, 0], rays[y, x, 1] = u, v
