"""From visible triangles to colours and labels, tile by tile.

Labels come from sample 0, the pixel centre; the colour is the mean of samples 1..4. Pixels whose
samples all show what stands still keep their two light parts from frame to frame.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8, UInt32

from rareworld.annotate.render.baked import (
    BLEND,
    MIXED,
    ONE,
    PACK_MAX,
    SKY,
    Baked,
    from_byte,
    pack,
    ray_of,
    to_byte,
    unchanged_samples,
    unpack,
)
from rareworld.annotate.render.film import dimmed
from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.raster import Still, Window, still_at, still_depth
from rareworld.annotate.render.shade import (
    Stage,
    hit,
    point_at,
    shade,
    to_world,
    view_direction,
)
from rareworld.annotate.render.shadow import lit_share, sky_left
from rareworld.annotate.render.sky import SAMPLE_MAX, film, sky_radiance
from rareworld.annotate.render.smooth import BLOCK, Lit, Smooth, light_at, lit_between, smooth_light
from rareworld.annotate.render.tiles import TILE
from rareworld.core.taxonomy import ClassId

_SKY_CLASS = int(ClassId.SKY)
_STRONG = 2.0
"""Exposed irradiance of lamps above which neighbouring pixels do not share it."""


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
        a, b, c, d, e, f, sky, sun, _, _, _, _, _ = shade(
            stage, t, u, v, open_share(stage, baked, t, x, y)
        )
        red, green, blue = a * sky + d * sun, b * sky + e * sun, c * sky + f * sun
    return expose(stage, red, green, blue)


@helper
def expose(stage: Stage, red: float, green: float, blue: float) -> tuple[float, float, float]:
    """Return radiance times exposure, dimmed where a lamp blinds any camera."""
    k = stage.sky.exposure
    k *= PACK_MAX / max(red * k, green * k, blue * k, PACK_MAX)
    return red * k, green * k, blue * k


@helper
def mixed_colour(
    stage: Stage,
    baked: Baked,
    index: Int32[np.ndarray, "s h w"],
    at: Window,
    samples: Float64[np.ndarray, "s 2"],
    x: int,
    y: int,
) -> tuple[float, float, float, float, float, float]:
    """Return the mean of the four colour samples of a pixel, shading each surface once.

    Also returns the mean of what each sample has above what film shows (`film.dimmed`): without it
    edges of lamps stay smooth, but it glares in a lens.
    """
    red, green, blue = 0.0, 0.0, 0.0
    hot_red, hot_green, hot_blue = 0.0, 0.0, 0.0
    last = -2
    r, g, b = 0.0, 0.0, 0.0
    for s in range(1, 5):
        t = index[s, y - at.top, x - at.left]
        if last == -2 or (t != last and not alike(stage, t, last)):
            r, g, b = look(stage, baked, t, x, y, samples[s, 0], samples[s, 1])
            last = t
        dim = dimmed(r, g, b)
        p, q, w = r * dim, g * dim, b * dim
        red, green, blue = red + p, green + q, blue + w
        hot_red, hot_green, hot_blue = hot_red + r - p, hot_green + g - q, hot_blue + b - w
    return (
        red * 0.25, green * 0.25, blue * 0.25, hot_red * 0.25, hot_green * 0.25, hot_blue * 0.25,
    )  # fmt: skip


@helper
def baked_colour(
    stage: Stage, baked: Baked, t: int, x: int, y: int, shaded: bool, lit: Lit
) -> tuple[float, float, float]:
    """Return the exposed radiance of a pixel of still surfaces, under what moves now.

    Unless `shaded` nothing that moves keeps sun and sky from it.
    """
    p, q, surface = baked.sky_part, baked.sun_part, stage.surface
    red, green, blue = unpack(p[y, x, 0]), unpack(p[y, x, 1]), unpack(p[y, x, 2])
    if t < 0:
        return (
            red + unpack(q[y, x, 0]), green + unpack(q[y, x, 1]), blue + unpack(q[y, x, 2]),
        )  # fmt: skip
    sun, sky = 1.0, 1.0
    if shaded:
        i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
        u, v = ray_of(stage, x + 0.5, y + 0.5)
        _, wj, wk, lx, ly, lz = hit(stage.local, i, j, k, u, v)
        px, py, pz = point_at(surface, i, j, k, wj, wk)
        gx, gy, gz = to_world(stage.eye, lx, ly, lz)
        if q[y, x, 0] > 0 or q[y, x, 1] > 0 or q[y, x, 2] > 0:
            sun = lit_share(
                stage.sun, stage.sun.moving, stage.sun.moving_max, px, py, pz, gx, gy, gz
            )
        sky = sky_left(stage.top, px, py, pz, gx, gy, gz)
    a = baked.response
    if a.shape[0] > 0:
        # what stands on the road keeps lamps as well as the sky from it
        red += lit.red * from_byte(a[y, x, 0]) + lit.spot_red
        green += lit.green * from_byte(a[y, x, 1]) + lit.spot_green
        blue += lit.blue * from_byte(a[y, x, 2]) + lit.spot_blue
    return (
        red * sky + unpack(q[y, x, 0]) * sun,
        green * sky + unpack(q[y, x, 1]) * sun,
        blue * sky + unpack(q[y, x, 2]) * sun,
    )


@helper
def kind_of(stage: Stage, still: Still, x: int, y: int) -> int:
    """Return whether a pixel shows one still surface, only sky, or several."""
    t = still_at(still, 0, x, y)
    for s in range(1, 5):
        other = still_at(still, s, x, y)
        if other != t and not alike(stage, t, other):
            return BLEND
    return SKY if t < 0 else ONE


class Answer(NamedTuple):
    """What a ray sees without moving things: exposed light of sky and sun, and the response."""

    sky_red: float
    sky_green: float
    sky_blue: float
    sun_red: float
    sun_green: float
    sun_blue: float
    red: float
    green: float
    blue: float
    rough: float
    f0: float


@helper
def answer(stage: Stage, baked: Baked, t: int, x: int, y: int, sx: float, sy: float) -> Answer:
    """Return what one sample of a pixel sees of a still triangle, or of the sky (-1)."""
    u, v = ray_of(stage, x + sx, y + sy)
    if t < 0:
        vx, vy, vz = view_direction(stage.eye, u, v)
        a, b, c = sky_radiance(stage.sky, vx, vy, vz)
        a, b, c = expose(stage, a, b, c)
        return Answer(a, b, c, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    a, b, c, d, e, f, _, _, red, green, blue, rough, f0 = shade(
        stage, t, u, v, open_share(stage, baked, t, x, y)
    )
    a, b, c = expose(stage, a, b, c)
    k = stage.sky.exposure
    return Answer(a, b, c, d * k, e * k, f * k, red, green, blue, rough, f0)


@helper
def added(one: Answer, other: Answer, share: float) -> Answer:
    """Return one answer plus a share of another."""
    return Answer(
        one.sky_red + other.sky_red * share,
        one.sky_green + other.sky_green * share,
        one.sky_blue + other.sky_blue * share,
        one.sun_red + other.sun_red * share,
        one.sun_green + other.sun_green * share,
        one.sun_blue + other.sun_blue * share,
        one.red + other.red * share,
        one.green + other.green * share,
        one.blue + other.blue * share,
        one.rough + other.rough * share,
        one.f0 + other.f0 * share,
    )


@helper
def keep(baked: Baked, x: int, y: int, one: Answer) -> None:
    """Write what a pixel sees, for all frames."""
    p, q, r = baked.sky_part, baked.sun_part, baked.response
    p[y, x, 0], p[y, x, 1] = pack(one.sky_red), pack(one.sky_green)
    p[y, x, 2], q[y, x, 2] = pack(one.sky_blue), pack(one.sun_blue)
    q[y, x, 0], q[y, x, 1] = pack(one.sun_red), pack(one.sun_green)
    if r.shape[0] > 0:
        r[y, x, 0], r[y, x, 1] = to_byte(one.red), to_byte(one.green)
        r[y, x, 2], r[y, x, 3] = to_byte(one.blue), to_byte(one.rough)
        r[y, x, 4] = to_byte(one.f0)


@kernel
def bake(
    stage: Stage,
    still: Still,
    samples: Float64[np.ndarray, "s 2"],
    rows: tuple[int, int],
    baked: Baked,
) -> None:
    """Shade the still pixels of a band of rows; the open sky must have been baked before.

    Where samples see several surfaces their mean is kept, and what moves shades them as it does the
    one in the middle; where one of them is too bright for that (a lamp's edge) nothing is.
    """
    for y in range(rows[0], rows[1]):
        for x in range(still.code.shape[1]):
            kind = kind_of(stage, still, x, y)
            first, end = (1, 5) if kind == BLEND else (0, 1)
            last = -2
            one = Answer(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            total = one
            for s in range(first, end):
                t = still_at(still, s, x, y)
                if last == -2 or (t != last and not alike(stage, t, last)):
                    one = answer(stage, baked, t, x, y, samples[s, 0], samples[s, 1])
                    last = t
                total = added(total, one, 1.0 / (end - first))
                bright = max(one.sky_red, one.sky_green, one.sky_blue)
                if kind == BLEND and bright > SAMPLE_MAX:
                    kind = MIXED
            baked.kind[y, x] = kind
            keep(baked, x, y, total)


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
def renew_labels(
    stage: Stage, target: Target, triangle: Int32[np.ndarray, "h w"], t: int, x: int, y: int
) -> None:
    """Write the labels of a pixel unless it shows the same still triangle as before."""
    if t != triangle[y, x] or (t >= 0 and stage.surface.part[t] >= 0):
        write_labels(stage, target, t, x, y)
        triangle[y, x] = t


@helper
def alike_four(
    baked: Baked, still: Still, index: Int32[np.ndarray, "s b c"], at: Window, x: int, y: int
) -> bool:
    """Return whether two by two pixels from (x, y) show one still triangle and nothing else."""
    if y + 2 > at.bottom or x + 2 > at.right:
        return False
    t = index[0, y - at.top, x - at.left]
    for row in range(y, y + 2):
        for column in range(x, x + 2):
            if baked.kind[row, column] != ONE:
                return False
            if index[0, row - at.top, column - at.left] != t:
                return False
            if not unchanged_samples(still, index, at, column, row):
                return False
    return True


@helper
def stays_still(
    baked: Baked, still: Still, index: Int32[np.ndarray, "s b c"], at: Window, x: int, y: int
) -> bool:
    """Return whether a pixel is baked and nothing that moves is before it."""
    return baked.kind[y, x] != MIXED and unchanged_samples(still, index, at, x, y)


@helper
def lit_now(
    stage: Stage, baked: Baked, smooth: Smooth, asked: bool, t: int, x: int, y: int, before: Lit
) -> Lit:
    """Return the light of moving lamps on a pixel: that of the one before unless `asked`."""
    if smooth.holds:
        return lit_between(smooth, x, y)
    if asked or max(before.red, before.green, before.blue) > _STRONG:
        return light_at(stage, baked, t, x, y)
    return before


@helper
def resolve_four(
    stage: Stage,
    baked: Baked,
    still: Still,
    samples: Float64[np.ndarray, "s 2"],
    film_table: UInt8[np.ndarray, "n"],
    at: Window,
    index: Int32[np.ndarray, "s b c"],
    triangle: Int32[np.ndarray, "h w"],
    target: Target,
    radiance: Float32[np.ndarray, "p q 3"],
    left: int,
    top: int,
    shaded: bool,
    smooth: Smooth,
) -> None:
    """Write two by two pixels; where they show one still surface they share the light of lamps."""
    lamps = baked.response.shape[0] > 0
    shared = smooth.holds or (lamps and alike_four(baked, still, index, at, left, top))
    lit = Lit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for y in range(top, min(top + 2, at.bottom)):
        for x in range(left, min(left + 2, at.right)):
            t = index[0, y - at.top, x - at.left]
            renew_labels(stage, target, triangle, t, x, y)
            if shared or stays_still(baked, still, index, at, x, y):
                if lamps and t >= 0:
                    asked = not shared or (x == left and y == top)
                    lit = lit_now(stage, baked, smooth, asked, t, x, y, lit)
                r, g, b = baked_colour(stage, baked, t, x, y, shaded, lit)
                dim = dimmed(r, g, b)
                red, green, blue = r * dim, g * dim, b * dim
                r, g, b = r - red, g - green, b - blue
            else:
                red, green, blue, r, g, b = mixed_colour(stage, baked, index, at, samples, x, y)
            rgb = target.rgb
            rgb[y, x, 0], rgb[y, x, 1] = film(film_table, red), film(film_table, green)
            rgb[y, x, 2] = film(film_table, blue)
            if radiance.shape[0] > 0:
                radiance[y, x, 0] = red + r
                radiance[y, x, 1] = green + g
                radiance[y, x, 2] = blue + b


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
    radiance: Float32[np.ndarray, "p q 3"],
    shaded: Bool[np.ndarray, "a b"],
) -> None:
    """Write colour and labels of the given tiles (row, column) of a window.

    `triangle` holds what each pixel centre showed before, and shows then; -1 for sky. `radiance`
    is as large as the image, or empty where it is not wanted. Where a tile is not `shaded`,
    nothing that moves keeps sun or sky from what stands still.
    """
    dark = Lit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    lamps = baked.response.shape[0] > 0
    for n in range(len(tiles)):
        top, left = tiles[n, 0] * TILE, tiles[n, 1] * TILE
        tile = Smooth(False, left, top, TILE, dark, dark, dark, dark)
        if lamps:
            tile = smooth_light(stage, baked, still, index, at, left, top, TILE)
        for block in range((TILE // BLOCK) ** 2):
            y = top + block // (TILE // BLOCK) * BLOCK
            x = left + block % (TILE // BLOCK) * BLOCK
            smooth = tile
            if lamps and not tile.holds:
                smooth = smooth_light(stage, baked, still, index, at, x, y, BLOCK)
            for row in range(y, min(y + BLOCK, at.bottom), 2):
                for column in range(x, min(x + BLOCK, at.right), 2):
                    resolve_four(
                        stage, baked, still, samples, film_table, at, index, triangle, target,
                        radiance, column, row, shaded[tiles[n, 0], tiles[n, 1]], smooth,
                    )  # fmt: skip
