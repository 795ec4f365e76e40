"""From visible triangles to colours and labels, tile by tile.

Labels come from sample 0, the pixel centre; the colour is the mean of samples 1..4. Pixels whose
samples all show what stands still keep their two light parts from frame to frame.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8, UInt32

from rareworld.annotate.render.baked import (
    MIXED,
    PACK_MAX,
    Baked,
    from_byte,
    ray_of,
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
from rareworld.annotate.render.sky import film, sky_radiance
from rareworld.annotate.render.smooth import (
    BLOCK,
    Lit,
    Smooth,
    light_at,
    lit_between,
    no_smooth,
    smooth_light,
)
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
    seen: tuple[int, int, int, int],
    samples: Float64[np.ndarray, "s 2"],
    x: int,
    y: int,
) -> tuple[float, float, float, float, float, float]:
    """Return the mean of the four colour samples, which see these triangles, of a pixel.

    Each surface is shaded once.

    Also returns the mean of what each sample has above what film shows (`film.dimmed`): without it
    edges of lamps stay smooth, but it glares in a lens.
    """
    red, green, blue = 0.0, 0.0, 0.0
    hot_red, hot_green, hot_blue = 0.0, 0.0, 0.0
    last = -2
    r, g, b = 0.0, 0.0, 0.0
    for s in range(1, 5):
        t = seen[s - 1]
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
    sunny_red, sunny_green, sunny_blue = 0.0, 0.0, 0.0
    if max(stage.sky.sun[0], stage.sky.sun[1], stage.sky.sun[2]) > 0.0:
        sunny_red, sunny_green = unpack(q[y, x, 0]), unpack(q[y, x, 1])
        sunny_blue = unpack(q[y, x, 2])
    if t < 0:
        return red + sunny_red, green + sunny_green, blue + sunny_blue
    sun, sky = 1.0, 1.0
    if shaded:
        i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
        u, v = ray_of(stage, x + 0.5, y + 0.5)
        _, wj, wk, lx, ly, lz = hit(stage.local, i, j, k, u, v)
        px, py, pz = point_at(surface, i, j, k, wj, wk)
        gx, gy, gz = to_world(stage.eye, lx, ly, lz)
        if max(sunny_red, sunny_green, sunny_blue) > 0.0:
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
        red * sky + sunny_red * sun,
        green * sky + sunny_green * sun,
        (blue * sky + sunny_blue * sun),
    )


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


class Page(NamedTuple):
    """What the pixels of an image are drawn from and written to."""

    stage: Stage
    baked: Baked
    still: Still
    samples: Float64[np.ndarray, "s 2"]
    film_table: UInt8[np.ndarray, "n"]
    """Empty where nobody looks at the picture yet."""
    triangle: Int32[np.ndarray, "h w"]
    """What each pixel centre showed before, and shows then; -1 for sky."""
    target: Target
    radiance: Float32[np.ndarray, "p q 3"]
    """As large as the image, or empty where it is not wanted."""


@helper
def put(
    page: Page, x: int, y: int, red: float, green: float, blue: float, r: float, g: float, b: float
) -> None:
    """Write a pixel's light: what film shows of it (red, green, blue), and the rest (r, g, b)."""
    if len(page.film_table) > 0:
        rgb = page.target.rgb
        rgb[y, x, 0], rgb[y, x, 1] = film(page.film_table, red), film(page.film_table, green)
        rgb[y, x, 2] = film(page.film_table, blue)
    if page.radiance.shape[0] > 0:
        page.radiance[y, x, 0] = red + r
        page.radiance[y, x, 1] = green + g
        page.radiance[y, x, 2] = blue + b


@helper
def put_baked(page: Page, t: int, x: int, y: int, shaded: bool, lit: Lit) -> None:
    """Write a pixel that shows what stands still, under the light of moving lamps."""
    r, g, b = baked_colour(page.stage, page.baked, t, x, y, shaded, lit)
    dim = dimmed(r, g, b)
    red, green, blue = r * dim, g * dim, b * dim
    put(page, x, y, red, green, blue, r - red, g - green, b - blue)


@helper
def put_mixed(page: Page, seen: tuple[int, int, int, int], x: int, y: int) -> None:
    """Write a pixel whose samples see these triangles."""
    red, green, blue, r, g, b = mixed_colour(page.stage, page.baked, seen, page.samples, x, y)
    put(page, x, y, red, green, blue, r, g, b)


@helper
def smooth_tile(page: Page, row: int, column: int) -> Smooth:
    """Return the light of moving lamps on what stands still in a tile, where it is smooth."""
    left, top, flat = column * TILE, row * TILE, page.baked.flat
    if flat.shape[0] == 0:
        return no_smooth(left, top, TILE)
    return smooth_light(page.stage, page.baked, page.still, flat[row, column, 0], left, top, TILE)


@helper
def smooth_block(page: Page, row: int, column: int, block: int) -> Smooth:
    """Return the light of moving lamps on what stands still in a block, where it is smooth."""
    left, top = column * TILE + block % 2 * BLOCK, row * TILE + block // 2 * BLOCK
    flat = page.baked.flat
    if flat.shape[0] == 0:
        return no_smooth(left, top, BLOCK)
    return smooth_light(
        page.stage, page.baked, page.still, flat[row, column, 1 + block], left, top, BLOCK
    )


@helper
def lit_now(page: Page, smooth: Smooth, asked: bool, t: int, x: int, y: int, before: Lit) -> Lit:
    """Return the light of moving lamps on a pixel: that of the one before unless `asked`."""
    if smooth.holds:
        return lit_between(smooth, x, y)
    if asked or max(before.red, before.green, before.blue) > _STRONG:
        return light_at(page.stage, page.baked, t, x, y)
    return before


@helper
def resolve_four(
    page: Page,
    at: Window,
    index: Int32[np.ndarray, "s b c"],
    left: int,
    top: int,
    shaded: bool,
    smooth: Smooth,
) -> None:
    """Write two by two pixels; those that show one still triangle share the light of lamps."""
    baked = page.baked
    lamps, last = baked.response.shape[0] > 0, -1
    lit = Lit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for y in range(top, min(top + 2, at.bottom)):
        for x in range(left, min(left + 2, at.right)):
            i, j = y - at.top, x - at.left
            t = index[0, i, j]
            renew_labels(page.stage, page.target, page.triangle, t, x, y)
            if baked.kind[y, x] != MIXED and unchanged_samples(page.still, index, at, x, y):
                if lamps and t >= 0:
                    lit = lit_now(page, smooth, t != last, t, x, y, lit)
                    last = t
                put_baked(page, t, x, y, shaded, lit)
            else:
                seen = (index[1, i, j], index[2, i, j], index[3, i, j], index[4, i, j])
                put_mixed(page, seen, x, y)


@kernel
def resolve(
    page: Page,
    tiles: Int32[np.ndarray, "n 2"],
    at: Window,
    index: Int32[np.ndarray, "s b c"],
    shaded: Bool[np.ndarray, "a b"],
) -> None:
    """Write colour and labels of the given tiles (row, column) of a window.

    Where a tile is not `shaded`, nothing that moves keeps sun or sky from what stands still.
    """
    for n in range(len(tiles)):
        row, column = tiles[n, 0], tiles[n, 1]
        tile = smooth_tile(page, row, column)
        for block in range((TILE // BLOCK) ** 2):
            smooth = tile if tile.holds else smooth_block(page, row, column, block)
            top, left = row * TILE + block // 2 * BLOCK, column * TILE + block % 2 * BLOCK
            for y in range(top, min(top + BLOCK, at.bottom), 2):
                for x in range(left, min(left + BLOCK, at.right), 2):
                    resolve_four(page, at, index, x, y, shaded[row, column], smooth)
