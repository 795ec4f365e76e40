"""Sun, sky and air on the device; the formulas of `render.formulas`."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.formulas import (
    ambient_value,
    clear_air,
    panorama_place,
    sun_disc,
)


@no_type_check
@wp.struct
class Light:
    """Daylight and air; see `model.Daylight` and `model.Air`."""

    to_sun: wp.vec3
    sun: wp.vec3
    ground: wp.vec3
    panorama: wp.array2d[wp.vec3]
    ambient: wp.array[wp.vec3]
    exposure: wp.float32
    haze_per_m: wp.float32
    airlight: wp.array[wp.vec3]
    """Radiance of endless air by diamond angle of the view."""
    night: wp.float32
    sun_spread: wp.float32
    """Radius of the sun's disc with its aureole, as a tangent."""


@no_type_check
@wp.func
def panorama_at(light: Light, d: wp.vec3) -> wp.vec3:
    """Return the radiance of the sky without the sun's disc; the lowest row below the horizon."""
    rows = light.panorama.shape[0]
    columns = light.panorama.shape[1]
    row, column = panorama_place(d[0], d[1], d[2], rows, columns)
    r0 = int(wp.floor(row))
    r1 = wp.min(r0 + 1, rows - 1)
    left = int(wp.floor(column))
    p = column - float(left)
    q = row - float(r0)
    c0 = (left + columns) % columns
    c1 = (left + 1 + columns) % columns
    upper = light.panorama[r0, c0] * (1.0 - p) + light.panorama[r0, c1] * p
    lower = light.panorama[r1, c0] * (1.0 - p) + light.panorama[r1, c1] * p
    return upper * (1.0 - q) + lower * q


@no_type_check
@wp.func
def sky_at(light: Light, d: wp.vec3) -> wp.vec3:
    """Return the radiance of sky and sun from a direction."""
    return panorama_at(light, d) + light.sun * sun_disc(wp.dot(d, light.to_sun))


@no_type_check
@wp.func
def ambient_at(light: Light, n: wp.vec3) -> wp.vec3:
    """Return what a white card with this normal sends out under an open sky."""
    a = light.ambient
    out = wp.vec3(0.0)
    for k in range(3):
        out[k] = ambient_value(
            n[0], n[1], n[2], a[0][k], a[1][k], a[2][k], a[3][k], a[4][k], a[5][k], a[6][k],
            a[7][k], a[8][k],
        )  # fmt: skip
    return out


@no_type_check
@wp.func
def even_sky(light: Light, ray: wp.vec3) -> wp.vec3:
    """Return a smooth sky and ground whose cosine-weighted means are `ambient_at` in two bands.

    A white card takes two thirds of band 1 (Ramamoorthi & Hanrahan 2001).
    """
    a = light.ambient
    return wp.max(a[0] + 1.5 * (a[1] * ray[1] + a[2] * ray[2] + a[3] * ray[0]), wp.vec3(0.0))


@no_type_check
@wp.func
def airlight_at(light: Light, view: wp.vec3) -> wp.vec3:
    """Return the radiance of endless air in the azimuth of a view; see `sky.airlight`."""
    around = view[1] / wp.max(wp.abs(view[0]) + wp.abs(view[1]), 1.0e-9)
    if view[0] < 0.0:
        around = 2.0 - around
    elif around < 0.0:
        around = around + 4.0
    bins = light.airlight.shape[0]
    at = around * 0.25 * float(bins)
    first = int(at)
    share = at - float(first)
    a = light.airlight[first % bins]
    return a + (light.airlight[(first + 1) % bins] - a) * share


@no_type_check
@wp.func
def through_air(light: Light, radiance: wp.vec3, view: wp.vec3, distance_m: float) -> wp.vec3:
    """Return what is left of a surface's light, and the light of the air before it."""
    clear = clear_air(light.haze_per_m, distance_m)
    return radiance * clear + airlight_at(light, view) * (1.0 - clear)
