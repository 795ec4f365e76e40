"""Tiling textures with mip levels, filtered along the longer axis of a pixel's footprint.

Trilinear filtering (Williams 1983) of up to eight probes (Heckbert 1989): grazing roads stay sharp
without shimmer.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from rareworld.annotate.render.jit import helper
from rareworld.annotate.world.model import GroundMap

_MAX_PROBES = 8


class Textures(NamedTuple):
    """All levels of all textures in one array."""

    texels: Float32[np.ndarray, "k n 3"]
    start: Int64[np.ndarray, "l"]
    """First texel of each level."""
    side: Int64[np.ndarray, "l"]


def mip_levels(textures: Float32[np.ndarray, "k s s 3"]) -> Textures:
    """Return the pyramid of means down to one texel; S must be a power of two."""
    levels = [textures]
    while levels[-1].shape[1] > 1:
        last = levels[-1]
        half = last.shape[1] // 2
        levels.append(last.reshape(len(last), half, 2, half, 2, 3).mean(axis=(2, 4)))
    side = np.array([level.shape[1] for level in levels], dtype=np.int64)
    flat = [level.reshape(len(textures), level.shape[1] ** 2, 3) for level in levels]
    return Textures(
        texels=np.ascontiguousarray(np.concatenate(flat, axis=1), dtype=np.float32),
        start=np.concatenate([[0], np.cumsum(side**2)[:-1]]).astype(np.int64),
        side=side,
    )


@helper
def bilinear(
    tex: Textures, which: int, level: int, u: float, v: float
) -> tuple[float, float, float]:
    """Return the colour at (u, v), in repeats, of one level."""
    side, start, texels = tex.side[level], tex.start[level], tex.texels
    x = (u - np.floor(u)) * side - 0.5
    y = (v - np.floor(v)) * side - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    p, q = x - left, y - top
    x0, x1 = left & (side - 1), (left + 1) & (side - 1)
    y0, y1 = (top & (side - 1)) * side + start, ((top + 1) & (side - 1)) * side + start
    wa, wb, wc, wd = (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q
    a, b, c, d = y0 + x0, y0 + x1, y1 + x0, y1 + x1
    red = texels[which, a, 0] * wa + texels[which, b, 0] * wb
    green = texels[which, a, 1] * wa + texels[which, b, 1] * wb
    blue = texels[which, a, 2] * wa + texels[which, b, 2] * wb
    return (
        red + texels[which, c, 0] * wc + texels[which, d, 0] * wd,
        green + texels[which, c, 1] * wc + texels[which, d, 1] * wd,
        blue + texels[which, c, 2] * wc + texels[which, d, 2] * wd,
    )


@helper
def trilinear(
    tex: Textures, which: int, lod: float, u: float, v: float
) -> tuple[float, float, float]:
    """Return the colour at (u, v) between two levels."""
    top = len(tex.side) - 1
    lod = min(max(lod, 0.0), float(top))
    level = int(lod)
    part = lod - level
    red, green, blue = bilinear(tex, which, level, u, v)
    if part > 0.0:
        r, g, b = bilinear(tex, which, min(level + 1, top), u, v)
        red, green, blue = (
            red + (r - red) * part,
            green + (g - green) * part,
            blue + (b - blue) * part,
        )
    return red, green, blue


@helper
def filtered(
    tex: Textures,
    which: int,
    u: float,
    v: float,
    ux: float,
    vx: float,
    uy: float,
    vy: float,
) -> tuple[float, float, float]:
    """Return the mean colour over a pixel whose steps right and down are (ux, vx), (uy, vy)."""
    across, along = np.sqrt(ux * ux + vx * vx), np.sqrt(uy * uy + vy * vy)
    if across > along:
        across, along, uy, vy = along, across, ux, vx
    probes = int(min(max(np.ceil(along / max(across, 1e-9)), 1.0), float(_MAX_PROBES)))
    width = max(along / probes, across)
    lod = np.log2(max(width * tex.side[0], 1e-6))
    red, green, blue = 0.0, 0.0, 0.0
    for k in range(probes):
        shift = (k + 0.5) / probes - 0.5
        r, g, b = trilinear(tex, which, lod, u + uy * shift, v + vy * shift)
        red, green, blue = red + r, green + g, blue + b
    return red / probes, green / probes, blue / probes


class Plan(NamedTuple):
    """`GroundMap` for kernels."""

    layers: UInt8[np.ndarray, "r c 4"]
    west_m: float
    south_m: float
    per_m: float
    """Cells per metre."""


def plan_of(ground: GroundMap) -> Plan:
    """Return the kernel's view of a ground map."""
    return Plan(
        layers=np.ascontiguousarray(ground.layers),
        west_m=float(ground.origin_m[0]),
        south_m=float(ground.origin_m[1]),
        per_m=float(1.0 / ground.step_m),
    )


@helper
def layers_at(plan: Plan, x: float, y: float) -> tuple[float, float, float, float]:
    """Return wear, hollow, stain and crack (0..1) of the ground at a point; 0 off the map."""
    column = (x - plan.west_m) * plan.per_m - 0.5
    row = (y - plan.south_m) * plan.per_m - 0.5
    left, top = int(np.floor(column)), int(np.floor(row))
    a = plan.layers
    if left < 0 or top < 0 or left >= a.shape[1] - 1 or top >= a.shape[0] - 1:
        return 0.0, 0.0, 0.0, 0.0
    p, q = column - left, row - top
    wa, wb, wc, wd = (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q
    k = 1.0 / 255.0
    return (
        k * (a[top, left, 0] * wa + a[top, left + 1, 0] * wb
             + a[top + 1, left, 0] * wc + a[top + 1, left + 1, 0] * wd),
        k * (a[top, left, 1] * wa + a[top, left + 1, 1] * wb
             + a[top + 1, left, 1] * wc + a[top + 1, left + 1, 1] * wd),
        k * (a[top, left, 2] * wa + a[top, left + 1, 2] * wb
             + a[top + 1, left, 2] * wc + a[top + 1, left + 1, 2] * wd),
        k * (a[top, left, 3] * wa + a[top, left + 1, 3] * wb
             + a[top + 1, left, 3] * wc + a[top + 1, left + 1, 3] * wd),
    )  # fmt: skip
