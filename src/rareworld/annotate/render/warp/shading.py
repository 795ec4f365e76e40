"""Light that leaves a surface towards the camera, by rays.

Sun through a disc of directions; sky as the raster's polynomial, corrected by a ray that asks what
hides the sky and how bright that is; one lamp drawn among those in reach; one mirrored ray; and
what is seen through glass.
"""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.beyond import (
    facet_of,
    reached,
    sends,
    street_at,
    sunlit,
    weathered,
)
from rareworld.annotate.render.warp.formulas import mirror_share
from rareworld.annotate.render.warp.glass import cabin_light, in_house, through_cabin
from rareworld.annotate.render.warp.lamps import pick_lamp
from rareworld.annotate.render.warp.skylight import ambient_at, even_sky
from rareworld.annotate.render.warp.stage import (
    Sample,
    Stage,
    drawn,
    lifted,
    mirrored_at,
    near,
    over,
)
from rareworld.annotate.render.warp.surface import Point
from rareworld.annotate.render.warp.trace import blocked, nearest
from rareworld.annotate.world.model import Inside

_CABIN = wp.constant(int(Inside.CABIN))
_SUN, _SKY, _MIRROR, _LAMP, _ROOF, _THERE, _KEEP = 1, 2, 3, 4, 5, 6, 7
"""Pairs of dimensions of a sample; 0 is the place in the pixel."""
_SKY_REACH_M = 25.0
_MIRROR_REACH_M = 400.0
_ROOF_REACH_M = 60.0
_LAMP_ITSELF_M = 0.4
"""A lamp's own housing throws no shadow."""
_BEHIND_GLASS_M = 0.25
"""From the inside of a cabin to outside its glass."""
_SCATTERED_MAX = 3.0
_GLOSSY_MAX = 6.0
_MIRRORED_MAX = 60.0
"""Exposed radiance of one ray by what it is scattered or mirrored by, so that none sparkles."""
_LEAST_MIRROR = 0.01
_SURE_MIRROR = 0.16
"""Share mirrored from which every sample asks; below, one in so many, which counts for all."""
_ENOUGH = 16
"""Samples of a pixel from which only every other one asks what hides the sky."""


@no_type_check
@wp.func
def exposed(stage: Stage, point: Point, sample: Sample) -> float:
    """Return whether rain and snow fall on a point: nothing that stands still is above it."""
    cover = stage.looks.cover
    if cover.wetness + cover.snow + cover.sand <= 0.0:
        return 1.0
    ray = near(wp.vec3(0.0, 0.0, 1.0), 0.06, drawn(sample, _ROOF))
    origin = point.place + wp.vec3(0.0, 0.0, 0.02)
    if wp.mesh_query_ray_anyhit(stage.world.static_mesh, origin, ray, _ROOF_REACH_M):
        return 0.0
    return 1.0


@no_type_check
@wp.func
def sky_weight(index: int, count: int) -> float:
    """Return for how many samples of a pixel one asks what hides the sky; together for all."""
    if count < _ENOUGH:
        return 1.0
    if index % 2 == 1:
        return 0.0
    return float(count) / float((count + 1) // 2)


@no_type_check
@wp.func
def skylit(stage: Stage, point: Point, sample: Sample) -> wp.vec3:
    """Return what a white card at a point sends out of the light around it.

    The polynomial of the open sky, and where a ray meets something, that instead of a smooth sky
    there: in the open there is no noise, and both backends agree.
    """
    ray = over(point.normal, drawn(sample, _SKY))
    out = ambient_at(stage.light, point.normal)
    weight = sky_weight(sample.index, sample.count)
    if weight == 0.0 or wp.dot(ray, point.plane) <= 0.0:
        return out
    origin = lifted(point, ray)
    hit = nearest(stage.world, origin, ray, _SKY_REACH_M)
    if hit.face >= 0:
        other = reached(stage, hit, origin, ray, 0.3 * hit.distance)
        # lamps are asked for one by one, and highlights would sparkle
        other.emission = wp.vec3(0.0)
        other.f0 = 0.0
        most = wp.vec3(_SCATTERED_MAX / stage.light.exposure)
        light = wp.min(sends(stage, other, drawn(sample, _THERE)), most)
        out += (light - even_sky(stage.light, ray)) * weight
    return out


@no_type_check
@wp.func
def mirrored(stage: Stage, point: Point, sample: Sample) -> wp.vec3:
    """Return the light that a surface mirrors: sky, or what stands before it."""
    ray = mirrored_at(point, drawn(sample, _MIRROR))
    width = wp.length(point.place) / stage.eye.fx
    spread = 1.0 / stage.eye.fx + point.rough * point.rough
    light = street_at(
        stage, lifted(point, ray), ray, width, spread, _MIRROR_REACH_M, drawn(sample, _THERE)
    )
    most = wp.lerp(_MIRRORED_MAX, _GLOSSY_MAX, wp.clamp(point.rough / 0.15, 0.0, 1.0))
    return wp.min(light, wp.vec3(most / stage.light.exposure))


@no_type_check
@wp.func
def lamplit(stage: Stage, point: Point, sample: Sample) -> wp.vec3:
    """Return the light of lamps sent on, one of them asked for its shadow."""
    out = wp.vec3(0.0)
    if stage.lamps.cells > 0:
        at = drawn(sample, _LAMP)
        pick = pick_lamp(stage.lamps, facet_of(point), at[0])
        if pick.chosen > 0.0:
            reach = pick.distance_m - _LAMP_ITSELF_M
            origin = lifted(point, pick.towards)
            if reach <= 0.0 or not blocked(stage.world, origin, pick.towards, reach):
                out = pick.light * (pick.total / pick.chosen)
    return out


@no_type_check
@wp.func
def behind_cabin(stage: Stage, point: Point, tint: float, sample: Sample) -> wp.vec3:
    """Return the light that comes through a vehicle's glass, before the glass tints it."""
    c = wp.int32(-1)
    if point.part >= 0:
        c = stage.looks.cabins.of_instance[point.part]
    if c < 0:
        return cabin_light(stage.light) * 0.035
    along = wp.transform_vector(stage.world.parts.from_world[point.part], point.view)
    end = through_cabin(stage.looks.cabins, c, point.rest, along)
    if end.solid > 0:
        return wp.cw_mul(end.colour, cabin_light(stage.light))
    far = end.distance_m + _BEHIND_GLASS_M
    width = wp.length(point.place) / stage.eye.fx
    light = street_at(
        stage, point.place + point.view * far, point.view, width, 1.0 / stage.eye.fx,
        _MIRROR_REACH_M, drawn(sample, _THERE),
    )  # fmt: skip
    return wp.min(light, wp.vec3(_MIRRORED_MAX / stage.light.exposure)) * tint


@no_type_check
@wp.func
def behind_glass(stage: Stage, point: Point, sample: Sample) -> wp.vec3:
    """Return the light that a pane of glass lets through towards the camera, tinted."""
    tint = stage.looks.colour[point.material]
    inside = stage.looks.inside[point.material]
    if inside == _CABIN:
        return wp.cw_mul(tint, behind_cabin(stage, point, tint[1], sample))
    p = point.place + stage.eye.position
    red, green, blue = in_house(
        stage.light, inside, p[0], p[1], p[2], point.plane[0], point.plane[1],
        point.view[0], point.view[1], point.view[2],
    )  # fmt: skip
    return wp.cw_mul(tint, wp.vec3(red, green, blue))


@no_type_check
@wp.func
def finished_point(stage: Stage, dry: Point, sample: Sample) -> Point:
    """Return a point seen by the camera as weather has left it."""
    cosine = wp.max(-wp.dot(dry.plane, dry.view), 0.02)
    soft = wp.length(dry.place) / stage.eye.fx / wp.sqrt(cosine)
    return weathered(stage, dry, soft, exposed(stage, dry, sample))


@no_type_check
@wp.func
def shaded(stage: Stage, seen: Point, sample: Sample) -> wp.vec3:
    """Return the light that a surface sends to the camera, before the air between."""
    point = seen
    share = mirror_share(point.f0, point.rough, -wp.dot(point.normal, point.view))
    if share < 0.002:
        share = 0.0
    out = point.emission
    if stage.looks.inside[point.material] > 0:
        # glass lets through what it does not mirror; what lies on it hides that
        fresh = stage.looks.roughness[point.material]
        veil = wp.clamp((point.rough - fresh) * 1.25, 0.0, 1.0)
        out += behind_glass(stage, point, sample) * ((1.0 - share) * (1.0 - veil))
        point.albedo = point.albedo * veil
    thin = stage.looks.translucency[point.material]
    around = skylit(stage, point, sample)
    if thin > 0.0:
        around += (ambient_at(stage.light, -point.normal) - around) * thin
    out += wp.cw_mul(point.albedo, around) * (1.0 - share)
    out += sunlit(stage, point, share, drawn(sample, _SUN))
    asked = wp.min(share / _SURE_MIRROR, 1.0)
    if share > _LEAST_MIRROR:
        if drawn(sample, _KEEP)[0] < asked:
            out += mirrored(stage, point, sample) * (share / asked)
    elif share > 0.0:
        out += ambient_at(stage.light, point.normal) * share
    return out + lamplit(stage, point, sample)
