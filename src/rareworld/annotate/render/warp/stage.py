"""What shading reads, and the random directions that it asks."""

# structs of Warp are objects, and used as types of fields
# pyright: reportGeneralTypeIssues=false

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.lamps import Lamps
from rareworld.annotate.render.warp.sampling import pair
from rareworld.annotate.render.warp.skylight import Light
from rareworld.annotate.render.warp.structs import Eye, Looks, World
from rareworld.annotate.render.warp.surface import Point
from rareworld.annotate.render.warp.textures import Textures

_TURN = 6.2831853
_LIFT_M = 0.003


@no_type_check
@wp.struct
class Stage:
    """Everything a ray needs to be shaded."""

    eye: Eye
    world: World
    looks: Looks
    textures: Textures
    light: Light
    lamps: Lamps


@no_type_check
@wp.struct
class Sample:
    """One of the samples of a pixel."""

    index: wp.int32
    count: wp.int32
    pixel: wp.uint32


@no_type_check
@wp.func
def drawn(sample: Sample, dimension: int) -> wp.vec2:
    """Return the sample's place in the unit square of one pair of dimensions."""
    return pair(sample.index, sample.count, sample.pixel, dimension)


@no_type_check
@wp.func
def frame_of(n: wp.vec3) -> wp.mat33:
    """Return a right-handed frame whose third column is a unit vector (Duff et al. 2017)."""
    sign = wp.where(n[2] >= 0.0, 1.0, -1.0)
    a = -1.0 / (sign + n[2])
    b = n[0] * n[1] * a
    return wp.matrix_from_cols(
        wp.vec3(1.0 + sign * n[0] * n[0] * a, sign * b, -sign * n[0]),
        wp.vec3(b, sign + n[1] * n[1] * a, -n[1]),
        n,
    )


@no_type_check
@wp.func
def over(n: wp.vec3, at: wp.vec2) -> wp.vec3:
    """Return a direction of the half sphere over a normal, by the cosine."""
    wide = wp.sqrt(at[1])
    up = wp.sqrt(wp.max(1.0 - at[1], 0.0))
    turn = _TURN * at[0]
    return frame_of(n) * wp.vec3(wide * wp.cos(turn), wide * wp.sin(turn), up)


@no_type_check
@wp.func
def near(axis: wp.vec3, spread: float, at: wp.vec2) -> wp.vec3:
    """Return a direction of an even cone around an axis; `spread`: tangent of its half angle."""
    wide = wp.sqrt(at[1]) * spread
    turn = _TURN * at[0]
    return wp.normalize(frame_of(axis) * wp.vec3(wide * wp.cos(turn), wide * wp.sin(turn), 1.0))


@no_type_check
@wp.func
def mirrored_at(point: Point, at: wp.vec2) -> wp.vec3:
    """Return the view mirrored at the grain of the surface (GGX, Walter et al. 2007)."""
    alpha = point.rough * point.rough
    tangent = alpha * wp.sqrt(at[1] / wp.max(1.0 - at[1], 1.0e-3))
    turn = _TURN * at[0]
    grain = frame_of(point.normal) * wp.vec3(tangent * wp.cos(turn), tangent * wp.sin(turn), 1.0)
    grain = wp.normalize(grain)
    out = point.view - 2.0 * wp.dot(point.view, grain) * grain
    if wp.dot(out, point.plane) <= 0.01:
        out = point.view - 2.0 * wp.dot(point.view, point.normal) * point.normal
    return wp.normalize(out + point.plane * wp.max(0.01 - wp.dot(out, point.plane), 0.0))


@no_type_check
@wp.func
def lifted(point: Point, direction: wp.vec3) -> wp.vec3:
    """Return where a ray leaves the surface, on the side it leaves to."""
    side = wp.where(wp.dot(direction, point.plane) >= 0.0, _LIFT_M, -_LIFT_M)
    return point.place + point.plane * side
