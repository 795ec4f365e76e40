"""Spray, dust and smoke: soft balls of mist, drawn from the far to the near.

The mist of a ball thins out with the square of the distance from its middle, so the depth of mist
along a ray up to whatever stands in it has a closed form. Proved in
tests/annotate/render/test_air.py. Shapes: P puffs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.lamps import Lamps, irradiance_at
from rareworld.annotate.render.project import Eye


class Mist(NamedTuple):
    """Puffs in the camera frame, from the far to the near."""

    middle: Float64[np.ndarray, "p 3"]
    radius_m: Float64[np.ndarray, "p"]
    per_m: Float64[np.ndarray, "p"]
    """Extinction in the middle."""
    colour: Float64[np.ndarray, "p 3"]
    """Exposed."""


@kernel
def light_puffs(
    puffs: Float32[np.ndarray, "p 6"],
    lamps: Lamps,
    glow: Float64[np.ndarray, "3"],
    exposure: float,
    colour: Float64[np.ndarray, "p 3"],
) -> None:
    """Write the exposed light of each puff: that of sky, sun (`glow`) and lamps."""
    for n in range(len(puffs)):
        x, y, z = np.float64(puffs[n, 0]), np.float64(puffs[n, 1]), np.float64(puffs[n, 2])
        red, green, blue = irradiance_at(lamps, lamps.every, x, y, z)
        k, white = 0.25 * exposure, puffs[n, 5]
        colour[n, 0] = (glow[0] + red * k) * white
        colour[n, 1] = (glow[1] + green * k) * white
        colour[n, 2] = (glow[2] + blue * k) * white


def mist_of(
    eye: Eye,
    puffs: Float32[np.ndarray, "p 6"],
    lamps: Lamps,
    glow: Float64[np.ndarray, "3"],
    exposure: float,
) -> Mist:
    """Return puffs (`FrameState.puffs`) as they are drawn; those behind the camera are left out."""
    local = (puffs[:, :3].astype(np.float64) - eye.position) @ eye.rotation.T
    order = np.argsort(-local[:, 2], kind="stable")
    order = order[(local[order, 2] > -puffs[order, 3]) & (puffs[order, 4] > 0)]
    some = np.ascontiguousarray(puffs[order])
    colour = np.zeros((len(some), 3))
    light_puffs(some, lamps, glow, exposure, colour)
    radius = np.maximum(some[:, 3].astype(np.float64), 1e-3)
    dense = -np.log1p(-np.minimum(some[:, 4].astype(np.float64), 0.99))
    return Mist(np.ascontiguousarray(local[order]), radius, dense / (4 / 3 * radius), colour)


@helper
def mist_along(radius: float, aside: float, low: float, high: float) -> float:
    """Return the integral of 1 - r^2 / R^2 along a line that passes the middle at `aside`.

    `low` and `high` are distances along the line from the point nearest to the middle.
    """
    square = radius * radius - aside * aside
    if square <= 0.0:
        return 0.0
    half = np.sqrt(square)
    a, b = max(low, -half), min(high, half)
    if b <= a:
        return 0.0
    inverse = 1.0 / (radius * radius)
    return square * inverse * (b - a) - (b * b * b - a * a * a) * inverse / 3.0


@helper
def rows_of(eye: Eye, y: float, z: float, radius: float, rows: tuple[int, int]) -> tuple[int, int]:
    """Return the rows of a band that a ball may cover."""
    near = z - radius
    if near < 0.05:
        return rows[0], rows[1]
    # as far out as any point of the ball's box can lie
    low = min((y - radius) / near, (y - radius) / (z + radius))
    high = max((y + radius) / near, (y + radius) / (z + radius))
    top, bottom = int(np.floor(eye.cy + eye.fy * low)), int(np.ceil(eye.cy + eye.fy * high)) + 1
    return max(top, rows[0]), min(bottom, rows[1])


@helper
def columns_of(eye: Eye, x: float, z: float, radius: float, width: int) -> tuple[int, int]:
    """Return the columns that a ball may cover."""
    near = z - radius
    if near < 0.05:
        return 0, width
    low = min((x - radius) / near, (x - radius) / (z + radius))
    high = max((x + radius) / near, (x + radius) / (z + radius))
    left, right = int(np.floor(eye.cx + eye.fx * low)), int(np.ceil(eye.cx + eye.fx * high)) + 1
    return max(left, 0), min(right, width)


@kernel
def draw_puffs(
    eye: Eye,
    mist: Mist,
    depth_m: Float32[np.ndarray, "h w"],
    rows: tuple[int, int],
    radiance: Float32[np.ndarray, "h w 3"],
) -> None:
    """Lay puffs over a band of rows, each as deep as there is room before the surface."""
    for n in range(len(mist.radius_m)):
        mx, my, mz, radius = (
            mist.middle[n, 0],
            mist.middle[n, 1],
            mist.middle[n, 2],
            mist.radius_m[n],
        )
        top, bottom = rows_of(eye, my, mz, radius, rows)
        left, right = columns_of(eye, mx, mz, radius, depth_m.shape[1])
        for y in range(top, bottom):
            v = (y + 0.5 - eye.cy) / eye.fy
            for x in range(left, right):
                u = (x + 0.5 - eye.cx) / eye.fx
                length = np.sqrt(u * u + v * v + 1.0)
                along = (mx * u + my * v + mz) / length
                aside = np.sqrt(max(mx * mx + my * my + mz * mz - along * along, 0.0))
                high = depth_m[y, x] * length - along
                thick = mist_along(radius, aside, -along, high) * mist.per_m[n]
                if thick <= 0.0:
                    continue
                share = 1.0 - np.exp(-thick)
                for c in range(3):
                    old = radiance[y, x, c]
                    radiance[y, x, c] = old + (mist.colour[n, c] - old) * share
