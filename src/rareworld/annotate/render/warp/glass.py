"""What is seen through glass: rooms and shops as `render.inside` draws them, and cabins."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render import inside
from rareworld.annotate.render.warp.formulas import adopted, ambient_share, slab
from rareworld.annotate.render.warp.skylight import Light, ambient_at
from rareworld.annotate.render.warp.structs import Cabins

_FAR = 1.0e9
_UPRIGHT_SHARE = 0.42
"""Of the sky's light that reaches the inside of a car."""


@no_type_check
@wp.func
def ambient(light: Light, x: float, y: float, z: float, open_sky: float) -> wp.vec3:
    """Return what a white card sends out; see `sky.ambient`."""
    return ambient_at(light, wp.vec3(x, y, z)) * ambient_share(z, open_sky)


in_house = adopted([inside.in_house], {"Sky": Light}, {"ambient": ambient})["in_house"]


@no_type_check
@wp.struct
class Through:
    """Where a ray through a cabin ends."""

    colour: wp.vec3
    """Reflectance of what is met."""
    distance_m: wp.float32
    solid: wp.int32
    """0: it leaves through the glass on the far side."""


@no_type_check
@wp.func
def box_span(low: wp.vec3, high: wp.vec3, origin: wp.vec3, along: wp.vec3) -> wp.vec2:
    """Return where a ray enters and leaves a box; it misses if it leaves before it enters."""
    x0, x1 = slab(origin[0], along[0], low[0], high[0])
    y0, y1 = slab(origin[1], along[1], low[1], high[1])
    z0, z1 = slab(origin[2], along[2], low[2], high[2])
    return wp.vec2(wp.max(wp.max(x0, y0), z0), wp.min(wp.min(x1, y1), z1))


@no_type_check
@wp.func
def through_cabin(cabins: Cabins, c: int, origin: wp.vec3, along: wp.vec3) -> Through:
    """Return what a ray meets from a point of the glass, in the vehicle's frame."""
    out = Through()
    shell = box_span(cabins.shell_low[c], cabins.shell_high[c], origin, along)
    low = cabins.shell_low[c][2]
    high = cabins.shell_high[c][2]
    nearest = float(_FAR)
    which = wp.int32(-1)
    for b in range(cabins.first[c], cabins.first[c + 1]):
        span = box_span(cabins.box_low[b], cabins.box_high[b], origin, along)
        if span[0] <= span[1] and span[1] > 0.0 and span[0] < nearest:
            nearest = wp.max(span[0], 0.0)
            which = b
    if which >= 0 and nearest < shell[1]:
        z = origin[2] + along[2] * nearest
        shade = 0.35 + 0.65 * wp.clamp((z - low) / (high - low), 0.0, 1.0)
        if z <= cabins.box_high[which][2] - 0.02:
            shade = shade * 0.6
        out.colour = cabins.colours[which] * shade
        out.distance_m = nearest
        out.solid = 1
        return out
    z = origin[2] + along[2] * shell[1]
    out.distance_m = wp.max(shell[1], 0.0)
    if shell[1] > 0.0 and cabins.belt_m[c] <= z < high - 0.01:
        return out
    shade = 0.35 + 0.3 * wp.clamp((z - low) / (high - low), 0.0, 1.0)
    out.colour = cabins.shell_colour[c] * shade
    out.solid = 1
    return out


@no_type_check
@wp.func
def cabin_light(light: Light) -> wp.vec3:
    """Return the light inside a vehicle."""
    day = ambient_at(light, wp.vec3(0.0, 0.0, 1.0)) * _UPRIGHT_SHARE
    return day + light.sun * (0.10 * wp.max(light.to_sun[2], 0.0))
