"""The surface of a point after weather and years: feeds the formulas of `weathering`."""

import numpy as np

from rareworld.annotate.render.compiled import (
    covered,
    dirty_vehicle,
    flood_water,
    mix,
    ripple,
    sandy_road,
    smoothstep,
    snowy_road,
    tilted,
    wet_outside,
    wet_road,
    worn_road,
)
from rareworld.annotate.render.jit import helper, routine
from rareworld.annotate.render.looks import Cover, Looks
from rareworld.annotate.render.texture import layers_at
from rareworld.annotate.world.model import Inside, Weathering

_NONE, _ROAD, _PAVED = int(Weathering.NONE), int(Weathering.ROAD), int(Weathering.PAVED)
_SOIL, _LEAF = int(Weathering.SOIL), int(Weathering.LEAF)
_VEHICLE, _PERSON = int(Weathering.VEHICLE), int(Weathering.PERSON)
_WATER, _CABIN = int(Weathering.WATER), int(Inside.CABIN)


@routine
def of_ground(
    cover: Cover, kind: int, x: float, y: float, soft: float, exposed: float,
    red: float, green: float, blue: float, rough: float, f0: float,
) -> tuple[float, float, float, float, float, float]:  # fmt: skip
    """Return weathered colour, roughness and f0 of road, pavement and soil, and share of puddle."""
    wear, hollow, stain, crack = layers_at(cover.plan, x, y)
    red, green, blue, rough = worn_road(x, y, soft, wear, stain, crack, red, green, blue, rough)
    pool = 0.0
    under = 0.35 + 0.65 * exposed
    if cover.wetness > 0.0 and kind == _SOIL:
        red, green, blue, rough, f0 = wet_outside(
            1.0, cover.wetness * under, red, green, blue, rough, f0
        )
    elif cover.wetness > 0.0:
        # what is paved is laid to a fall and drains
        fill = cover.puddles * (1.0 if kind == _ROAD else 0.72) * smoothstep(0.2, 0.7, exposed)
        red, green, blue, rough, f0, pool = wet_road(
            x, y, soft, hollow, wear, cover.wetness * under, fill, red, green, blue, rough, f0
        )
    if cover.snow > 0.0:
        # verges are not trodden; pavements are, a little
        trodden = 0.25 if kind == _PAVED else (0.0 if kind == _SOIL else wear)
        amount = cover.snow * (0.45 + 0.55 * exposed)
        amount = min(amount * 1.15, 1.0) if kind == _SOIL else amount
        red, green, blue, rough, f0 = snowy_road(
            x, y, soft, trodden, amount, red, green, blue, rough, f0
        )
    if cover.sand > 0.0:
        amount = cover.sand * (0.75 if kind == _SOIL else 1.0)
        red, green, blue, rough, f0 = sandy_road(
            x, y, soft, wear if kind == _ROAD else 0.15, amount, red, green, blue, rough, f0
        )
    return red, green, blue, rough, f0, pool


@routine
def of_vehicle(
    looks: Looks, material: int, part: int, px: float, py: float, pz: float, soft: float,
    red: float, green: float, blue: float, rough: float, f0: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return weathered colour, roughness and f0 of a vehicle."""
    if part < 0:
        return dirty_vehicle(
            px, py, pz, soft, pz, 0.3, looks.cover.wetness, red, green, blue, rough, f0
        )
    dirt = looks.dirt[part]
    if dirt <= 0.0 and looks.cover.wetness <= 0.0:
        return red, green, blue, rough, f0
    m = looks.placed[part]
    qx, qy, qz = px - m[0, 3], py - m[1, 3], pz - m[2, 3]
    if looks.inside[material] == _CABIN:
        dirt *= 0.3
    return dirty_vehicle(
        m[0, 0] * qx + m[1, 0] * qy + m[2, 0] * qz,
        m[0, 1] * qx + m[1, 1] * qy + m[2, 1] * qz,
        m[0, 2] * qx + m[1, 2] * qy + m[2, 2] * qz,
        soft, qz, dirt, looks.cover.wetness, red, green, blue, rough, f0,
    )  # fmt: skip


@routine
def of_thing(
    looks: Looks, kind: int, material: int, part: int,
    px: float, py: float, pz: float, up: float, soft: float, exposed: float,
    red: float, green: float, blue: float, rough: float, f0: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return weathered colour, roughness and f0 of what stands on the ground."""
    cover = looks.cover
    snow, sand, x, y, z = float(cover.snow), 0.55 * cover.sand, px, py, pz
    if kind == _VEHICLE:
        red, green, blue, rough, f0 = of_vehicle(
            looks, material, part, px, py, pz, soft, red, green, blue, rough, f0
        )
    elif cover.wetness > 0.0:
        red, green, blue, rough, f0 = wet_outside(
            up, cover.wetness * (0.4 + 0.6 * exposed), red, green, blue, rough, f0
        )
    if part >= 0:
        # what lies on a thing rides along with it
        m = looks.placed[part]
        x, y, z = px - m[0, 3], py - m[1, 3], pz - m[2, 3]
        x, y = m[0, 0] * x + m[1, 0] * y, m[0, 1] * x + m[1, 1] * y
        snow *= looks.snow[part] if kind != _PERSON else 0.3
        sand *= 0.35
    if looks.inside[material] > 0:
        # glass is warm, and wiped
        snow, sand = 0.45 * snow, 0.15 * sand
    if snow > 0.0 or sand > 0.0:
        red, green, blue, rough, f0 = covered(
            x, y, z, soft, up, exposed, snow, sand, red, green, blue, rough, f0
        )
    return red, green, blue, rough, f0


@helper
def finished(
    looks: Looks, material: int, part: int,
    px: float, py: float, pz: float, nx: float, ny: float, nz: float,
    soft: float, exposed: float, red: float, green: float, blue: float,
) -> tuple[float, float, float, float, float, float, float, float]:  # fmt: skip
    """Return colour, roughness, f0 and normal of a point as weather has left it.

    `soft` is the width of a pixel on the surface in metres, `exposed` the share of the sky straight
    above that is open. Water does not move here, for still surfaces are shaded once; what moves is
    the mirror's (`mirror`).
    """
    cover, kind = looks.cover, looks.weathering[material]
    rough, f0 = float(looks.roughness[material]), float(looks.specular[material])
    if kind == _NONE:
        return red, green, blue, rough, f0, nx, ny, nz
    if kind == _WATER:
        red, green, blue, sx, sy = flood_water(px, py, soft, 0.0, cover.rain)
        nx, ny, nz = tilted(sx, sy)
        return red, green, blue, 0.02, 0.02, nx, ny, nz
    # Warp compiles this very source (`warp.weathered`) and knows no `in`
    if kind >= _ROAD and kind <= _SOIL and nz > 0.5:
        red, green, blue, rough, f0, pool = of_ground(
            cover, kind, px, py, soft, exposed, red, green, blue, rough, f0
        )
        if pool > 0.0:
            sx, sy = ripple(2.0 * px, 2.0 * py, 0.0, 79)
            rise = pool * (0.003 + 0.012 * cover.rain) * (1.0 - smoothstep(0.08, 0.5, soft))
            nx, ny, nz = mix(nx, -sx * rise, pool), mix(ny, -sy * rise, pool), mix(nz, 1.0, pool)
            scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx * scale, ny * scale, nz * scale
        return red, green, blue, rough, f0, nx, ny, nz
    if kind == _VEHICLE or cover.wetness + cover.snow + cover.sand > 0.0:
        up = nz if kind != _LEAF else 0.35 + 0.65 * nz
        red, green, blue, rough, f0 = of_thing(
            looks, kind, material, part, px, py, pz, up, soft, exposed,
            red, green, blue, rough, f0,
        )  # fmt: skip
    return red, green, blue, rough, f0, nx, ny, nz
