"""Street lamps, headlights and their shadows on the device.

The lists of lamps by cell of the plan are those of `render.lamps`; of the lamps in reach of a point
one is drawn by what it would give there (importance resampling, Talbot et al. 2005) and asked for
its shadow. Shapes: N lamps, C cells, K entries.
"""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.formulas import (
    beam_share,
    lamp_fade,
    sun_lobe,
    wide_roughness,
)


@no_type_check
@wp.struct
class Lamps:
    """See `lamps.LampTable` and `lamps.Lamps`."""

    position: wp.array[wp.vec3]
    """Around the camera, as all that is traced."""
    ahead: wp.array[wp.vec3]
    right: wp.array[wp.vec3]
    up: wp.array[wp.vec3]
    intensity: wp.array[wp.vec3]
    beam: wp.array[wp.int32]
    inner_cos: wp.array[wp.float32]
    outer_cos: wp.array[wp.float32]
    radius_m: wp.array[wp.float32]
    reach_m: wp.array[wp.float32]
    dim: wp.float32
    cells_per_m: wp.float32
    column_at_origin: wp.float32
    row_at_origin: wp.float32
    cells: wp.int32
    """Along a side; 0 where no lamp shines."""
    start: wp.array[wp.int32]
    """First entry of each cell in `lamp`, and the number of all entries."""
    lamp: wp.array[wp.int32]


@no_type_check
@wp.struct
class Facet:
    """A lit point of a surface."""

    point: wp.vec3
    normal: wp.vec3
    view: wp.vec3
    """Unit vector from the camera to the point."""
    albedo: wp.vec3
    rough: wp.float32
    f0: wp.float32


@no_type_check
@wp.struct
class LampPick:
    """The lamp drawn so far."""

    total: wp.float32
    """Sum of what all lamps would give, as brightness."""
    chosen: wp.float32
    """Brightness of the drawn one."""
    light: wp.vec3
    towards: wp.vec3
    distance_m: wp.float32
    number: wp.float32
    """Random number in 0..1, used up piece by piece."""


@no_type_check
@wp.func
def lamp_share(lamps: Lamps, k: int, point: wp.vec3) -> wp.vec4:
    """Return the unit vector to a lamp, and its irradiance's factor as the fourth component."""
    away = lamps.position[k] - point
    square = wp.max(wp.dot(away, away), 1.0e-6)
    far = wp.sqrt(square)
    to = away / far
    if far >= lamps.reach_m[k]:
        return wp.vec4(to[0], to[1], to[2], 0.0)
    share = beam_share(
        lamps.beam[k], -wp.dot(to, lamps.ahead[k]), -wp.dot(to, lamps.right[k]),
        -wp.dot(to, lamps.up[k]), lamps.inner_cos[k], lamps.outer_cos[k],
    )  # fmt: skip
    share = share / wp.max(square, lamps.radius_m[k] * lamps.radius_m[k])
    most = wp.max(lamps.intensity[k]) * share
    fade = lamp_fade(most, lamps.dim, far, lamps.reach_m[k])
    return wp.vec4(to[0], to[1], to[2], share * fade)


@no_type_check
@wp.func
def lamp_gives(lamps: Lamps, k: int, to: wp.vec4, facet: Facet) -> wp.vec3:
    """Return what the surface sends to the camera of one lamp's light, without its shadow."""
    towards = wp.vec3(to[0], to[1], to[2])
    facing = wp.dot(facet.normal, towards)
    if to[3] <= 0.0 or facing <= 0.0:
        return wp.vec3(0.0)
    half = towards - facet.view
    half = half / wp.max(wp.length(half), 1.0e-6)
    far = wp.length(lamps.position[k] - facet.point)
    wide = wide_roughness(facet.rough, lamps.radius_m[k], far)
    nh = wp.max(wp.dot(facet.normal, half), 0.0)
    lh = wp.max(wp.dot(towards, half), 0.0)
    spot = wp.min(sun_lobe(wide, facet.f0, nh, lh), 8.0)
    sent = facet.albedo + wp.vec3(spot)
    return wp.cw_mul(lamps.intensity[k], sent) * (facing * to[3])


@no_type_check
@wp.func
def offered(lamps: Lamps, k: int, facet: Facet, before: LampPick) -> LampPick:
    """Return the pick after one more lamp, which takes over by its share of all seen so far."""
    pick = before
    to = lamp_share(lamps, k, facet.point)
    light = lamp_gives(lamps, k, to, facet)
    bright = light[0] + light[1] + light[2]
    if bright > 0.0:
        pick.total = before.total + bright
        share = bright / pick.total
        if before.number < share:
            pick.number = before.number / share
            pick.chosen = bright
            pick.light = light
            pick.towards = wp.vec3(to[0], to[1], to[2])
            pick.distance_m = wp.length(lamps.position[k] - facet.point)
        else:
            pick.number = (before.number - share) / wp.max(1.0 - share, 1.0e-6)
    return pick


@no_type_check
@wp.func
def cell_of(lamps: Lamps, point: wp.vec3) -> int:
    """Return the cell of a point; -1 where no lamp shines."""
    column = int(wp.floor(point[0] * lamps.cells_per_m + lamps.column_at_origin))
    row = int(wp.floor(point[1] * lamps.cells_per_m + lamps.row_at_origin))
    if column < 0 or row < 0 or column >= lamps.cells or row >= lamps.cells:
        return -1
    return row * lamps.cells + column


@no_type_check
@wp.func
def pick_lamp(lamps: Lamps, facet: Facet, number: float) -> LampPick:
    """Return a lamp drawn by what it gives; `light` times total / chosen stands for all."""
    pick = LampPick()
    pick.number = number
    cell = cell_of(lamps, facet.point)
    if cell >= 0:
        for n in range(lamps.start[cell], lamps.start[cell + 1]):
            pick = offered(lamps, lamps.lamp[n], facet, pick)
    return pick


@no_type_check
@wp.func
def all_lamps(lamps: Lamps, facet: Facet) -> wp.vec3:
    """Return the light of all lamps without their shadows, for points seen in mirrors only."""
    out = wp.vec3(0.0)
    cell = cell_of(lamps, facet.point)
    if cell >= 0:
        for n in range(lamps.start[cell], lamps.start[cell + 1]):
            k = lamps.lamp[n]
            out += lamp_gives(lamps, k, lamp_share(lamps, k, facet.point), facet)
    return out
