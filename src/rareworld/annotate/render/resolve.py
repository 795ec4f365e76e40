"""From visible triangles to colours and labels, tile by tile.

Labels come from sample 0, the pixel centre; the colour is the mean of samples 1..4. Pixels whose
samples all show one still surface keep their two light parts from frame to frame.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8, UInt16, UInt32

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.raster import Still, Window, still_at, still_depth
from rareworld.annotate.render.shade import (
    Stage,
    hit,
    point_at,
    roof_share,
    shade,
    to_world,
    view_direction,
)
from rareworld.annotate.render.shadow import lit_share
from rareworld.annotate.render.sky import SAMPLE_MAX, film, sky_radiance
from rareworld.annotate.render.tiles import TILE
from rareworld.core.taxonomy import ClassId

_SKY_CLASS = int(ClassId.SKY)
_MIXED, _ONE, _SKY = 0, 1, 2
_PACK_MAX = 64.0


class Baked(NamedTuple):
    """What stays the same for a fixed camera."""

    kind: UInt8[np.ndarray, "h w"]
    """0: samples see several surfaces, 1: one surface, 2: only sky."""
    sky_part: UInt16[np.ndarray, "h w 3"]
    """Codes of radiance (`pack`)."""
    sun_part: UInt16[np.ndarray, "h w 3"]
    open_sky: UInt8[np.ndarray, "h w"]
    """Share of the sky seen by still surfaces, in 255ths."""


class Target(NamedTuple):
    """Buffers of one image."""

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    normal: Float32[np.ndarray, "h w 3"]
    class_id: UInt8[np.ndarray, "h w"]
    instance_id: UInt32[np.ndarray, "h w"]


def empty_target(width: int, height: int) -> Target:
    """Return new buffers; what they hold is for the renderer to write."""
    return Target(
        rgb=np.zeros((height, width, 3), np.uint8),
        depth_m=np.zeros((height, width), np.float32),
        normal=np.zeros((height, width, 3), np.float32),
        class_id=np.zeros((height, width), np.uint8),
        instance_id=np.zeros((height, width), np.uint32),
    )


@helper
def pack(radiance: float) -> np.uint16:
    """Return the 16-bit code of a radiance in 0..64: its square root, as the film sees it."""
    return np.uint16(np.sqrt(min(max(radiance, 0.0), _PACK_MAX) / _PACK_MAX) * 65535.0 + 0.5)


@helper
def unpack(code: int) -> float:
    """Return the radiance of a code, off by at most 0.00006 of a sunlit white card's per root."""
    root = code * (1.0 / 65535.0)
    return root * root * _PACK_MAX


@helper
def alike(stage: Stage, a: int, b: int) -> bool:
    """Return whether two triangles look the same from one pixel: one rough, nearly flat surface."""
    surface = stage.surface
    if a < 0 or b < 0:
        return a == b
    material = surface.material[a]
    if material != surface.material[b] or surface.part[a] != surface.part[b]:
        return False
    if surface.object_id[a] != surface.object_id[b] or stage.looks.roughness[material] < 0.4:
        return False
    na, nb, va, vb = 0.0, 0.0, surface.corners[a, 0], surface.corners[b, 0]
    dot = 0.0
    for k in range(3):
        p, q = surface.normals[va, k], surface.normals[vb, k]
        dot += p * q
        na += p * p
        nb += q * q
    return dot > 0.97 * np.sqrt(na * nb)


@helper
def ray_of(stage: Stage, x: float, y: float) -> tuple[float, float]:
    """Return (u, v) of the ray (u, v, 1) through an image position."""
    return (x - stage.eye.cx) / stage.eye.fx, (y - stage.eye.cy) / stage.eye.fy


@helper
def open_share(stage: Stage, baked: Baked, t: int, x: int, y: int) -> float:
    """Return how much sky a surface sees; moving ones are not baked."""
    if stage.surface.part[t] >= 0:
        return 1.0
    return baked.open_sky[y, x] / 255.0


@helper
def look(
    stage: Stage, baked: Baked, t: int, x: int, y: int, sx: float, sy: float
) -> tuple[float, float, float]:
    """Return the exposed radiance of one sample."""
    u, v = ray_of(stage, x + sx, y + sy)
    if t < 0:
        vx, vy, vz = view_direction(stage.eye, u, v)
        red, green, blue = sky_radiance(stage.sky, vx, vy, vz)
    else:
        a, b, c, d, e, f, sky, sun = shade(stage, t, u, v, open_share(stage, baked, t, x, y))
        red, green, blue = a * sky + d * sun, b * sky + e * sun, c * sky + f * sun
    return expose(stage, red, green, blue)


@helper
def expose(stage: Stage, red: float, green: float, blue: float) -> tuple[float, float, float]:
    """Return radiance times exposure, cut for smooth edges."""
    k = stage.sky.exposure
    return min(red * k, SAMPLE_MAX), min(green * k, SAMPLE_MAX), min(blue * k, SAMPLE_MAX)


@helper
def mixed_colour(
    stage: Stage,
    baked: Baked,
    index: Int32[np.ndarray, "s h w"],
    at: Window,
    samples: Float64[np.ndarray, "s 2"],
    x: int,
    y: int,
) -> tuple[float, float, float]:
    """Return the mean of the four colour samples of a pixel, shading each surface once."""
    red, green, blue = 0.0, 0.0, 0.0
    last = -2
    r, g, b = 0.0, 0.0, 0.0
    for s in range(1, 5):
        t = index[s, y - at.top, x - at.left]
        if last == -2 or (t != last and not alike(stage, t, last)):
            r, g, b = look(stage, baked, t, x, y, samples[s, 0], samples[s, 1])
            last = t
        red, green, blue = red + r, green + g, blue + b
    return red * 0.25, green * 0.25, blue * 0.25


@helper
def moving_shares(stage: Stage, t: int, x: int, y: int) -> tuple[float, float]:
    """Return what moving things leave of sky and sun at the centre of a pixel."""
    surface = stage.surface
    i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
    u, v = ray_of(stage, x + 0.5, y + 0.5)
    _, wj, wk, lx, ly, lz = hit(stage.local, i, j, k, u, v)
    px, py, pz = point_at(surface, i, j, k, wj, wk)
    gx, gy, gz = to_world(stage.eye, lx, ly, lz)
    sun = lit_share(stage.sun, stage.sun.moving, stage.sun.moving_max, px, py, pz, gx, gy, gz)
    top = lit_share(stage.top, stage.top.moving, stage.top.moving_max, px, py, pz, gx, gy, gz)
    return roof_share(top, gz), sun


@helper
def baked_colour(stage: Stage, baked: Baked, t: int, x: int, y: int) -> tuple[float, float, float]:
    """Return the colour of a pixel that shows one still surface, under what moves now."""
    sky, sun = 1.0, 1.0
    if t >= 0:
        sky, sun = moving_shares(stage, t, x, y)
    p, q = baked.sky_part, baked.sun_part
    return expose(
        stage,
        unpack(p[y, x, 0]) * sky + unpack(q[y, x, 0]) * sun,
        unpack(p[y, x, 1]) * sky + unpack(q[y, x, 1]) * sun,
        unpack(p[y, x, 2]) * sky + unpack(q[y, x, 2]) * sun,
    )


@helper
def kind_of(stage: Stage, still: Still, x: int, y: int) -> int:
    """Return whether a pixel shows one still surface, only sky, or a mixture."""
    t = still_at(still, 0, x, y)
    if t >= 0 and stage.surface.part[t] >= 0:
        return _MIXED
    for s in range(1, 5):
        other = still_at(still, s, x, y)
        if other != t and not alike(stage, t, other):
            return _MIXED
    return _SKY if t < 0 else _ONE


@kernel
def bake(stage: Stage, still: Still, rows: tuple[int, int], baked: Baked) -> None:
    """Shade the still pixels of a band of rows; the open sky must have been baked before."""
    for y in range(rows[0], rows[1]):
        for x in range(still.code.shape[1]):
            kind = kind_of(stage, still, x, y)
            baked.kind[y, x] = kind
            t = still_at(still, 0, x, y)
            u, v = ray_of(stage, x + 0.5, y + 0.5)
            a, b, c, d, e, f = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            if kind == _ONE:
                a, b, c, d, e, f, _, _ = shade(stage, t, u, v, open_share(stage, baked, t, x, y))
            elif kind == _SKY:
                vx, vy, vz = view_direction(stage.eye, u, v)
                a, b, c = sky_radiance(stage.sky, vx, vy, vz)
            p, q = baked.sky_part, baked.sun_part
            p[y, x, 0], p[y, x, 1], p[y, x, 2] = pack(a), pack(b), pack(c)
            q[y, x, 0], q[y, x, 1], q[y, x, 2] = pack(d), pack(e), pack(f)


@helper
def write_labels(stage: Stage, target: Target, t: int, x: int, y: int) -> None:
    """Write depth, normal and ids of the pixel centre."""
    if t < 0:
        target.depth_m[y, x] = np.inf
        target.normal[y, x, 0], target.normal[y, x, 1], target.normal[y, x, 2] = 0.0, 0.0, 0.0
        target.class_id[y, x] = _SKY_CLASS
        target.instance_id[y, x] = 0
        return
    surface = stage.surface
    i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
    u, v = ray_of(stage, x + 0.5, y + 0.5)
    depth, _, _, nx, ny, nz = hit(stage.local, i, j, k, u, v)
    target.depth_m[y, x] = depth
    target.normal[y, x, 0], target.normal[y, x, 1], target.normal[y, x, 2] = nx, ny, nz
    target.class_id[y, x] = surface.class_id[t]
    target.instance_id[y, x] = surface.object_id[t]


@kernel
def label_rows(stage: Stage, still: Still, rows: tuple[int, int], target: Target) -> None:
    """Write the labels of a band of rows."""
    for y in range(rows[0], rows[1]):
        for x in range(still.code.shape[1]):
            write_labels(stage, target, still_at(still, 0, x, y), x, y)


@kernel
def restore(
    still: Still,
    samples: Float64[np.ndarray, "s 2"],
    tiles: Int32[np.ndarray, "n 2"],
    at: Window,
    depth: Float32[np.ndarray, "s b c"],
    index: Int32[np.ndarray, "s b c"],
) -> None:
    """Put what stands still into the given tiles of every sample layer of a window."""
    for n in range(len(tiles)):
        top, left = tiles[n, 0] * TILE, tiles[n, 1] * TILE
        for s in range(len(samples)):
            sx, sy = samples[s, 0], samples[s, 1]
            for y in range(top, min(top + TILE, at.bottom)):
                for x in range(left, min(left + TILE, at.right)):
                    t = still_at(still, s, x, y)
                    index[s, y - at.top, x - at.left] = t
                    depth[s, y - at.top, x - at.left] = still_depth(still, t, sx, sy, x, y)


@helper
def unchanged_samples(
    still: Still,
    index: Int32[np.ndarray, "s b c"],
    at: Window,
    x: int,
    y: int,
) -> bool:
    """Return whether every sample shows what it shows without moving things."""
    for s in range(5):  # noqa: SIM110 - generators do not compile without allocation
        if still_at(still, s, x, y) != index[s, y - at.top, x - at.left]:
            return False
    return True


@kernel
def resolve(
    stage: Stage,
    baked: Baked,
    still: Still,
    samples: Float64[np.ndarray, "s 2"],
    film_table: UInt8[np.ndarray, "n"],
    tiles: Int32[np.ndarray, "n 2"],
    at: Window,
    index: Int32[np.ndarray, "s b c"],
    triangle: Int32[np.ndarray, "h w"],
    target: Target,
) -> None:
    """Write colour and labels of the given tiles (row, column) of a window.

    `triangle` holds what each pixel centre showed before, and shows then; -1 for sky.
    """
    for n in range(len(tiles)):
        top, left = tiles[n, 0] * TILE, tiles[n, 1] * TILE
        for y in range(top, min(top + TILE, at.bottom)):
            for x in range(left, min(left + TILE, at.right)):
                t = index[0, y - at.top, x - at.left]
                # what stands still keeps its labels
                if t != triangle[y, x] or (t >= 0 and stage.surface.part[t] >= 0):
                    write_labels(stage, target, t, x, y)
                    triangle[y, x] = t
                if baked.kind[y, x] != _MIXED and unchanged_samples(still, index, at, x, y):
                    red, green, blue = baked_colour(stage, baked, t, x, y)
                else:
                    red, green, blue = mixed_colour(stage, baked, index, at, samples, x, y)
                target.rgb[y, x, 0] = film(film_table, red)
                target.rgb[y, x, 1] = film(film_table, green)
                target.rgb[y, x, 2] = film(film_table, blue)
