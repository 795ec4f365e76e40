"""The light of points that another surface mirrors, is lit by, or shows through glass."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.formulas import mirror_share, sides_lit, sun_lobe
from rareworld.annotate.render.warp.lamps import Facet, all_lamps
from rareworld.annotate.render.warp.skylight import ambient_at, panorama_at, through_air
from rareworld.annotate.render.warp.stage import Stage, frame_of, lifted, near
from rareworld.annotate.render.warp.structs import Hit
from rareworld.annotate.render.warp.surface import Point, dry_point
from rareworld.annotate.render.warp.trace import blocked, nearest
from rareworld.annotate.render.warp.weathered import finished

_SUN_REACH_M = 600.0
_HIGHLIGHT_MAX = 8.0
_OPEN_SHARE = 0.75
"""Of the sky that is open to what is seen in a mirror, which asks no ray of its own."""
_GLASS_SHARE = 0.06


@no_type_check
@wp.func
def weathered(stage: Stage, dry: Point, soft_m: float, exposed: float) -> Point:
    """Return a point as weather has left it; see `finish.finished`."""
    point = dry
    p = point.place + stage.eye.position
    n = point.normal
    c = point.albedo
    red, green, blue, rough, f0, nx, ny, nz = finished(
        stage.looks, point.material, point.part, p[0], p[1], p[2], n[0], n[1], n[2],
        soft_m, exposed, c[0], c[1], c[2],
    )  # fmt: skip
    point.albedo = wp.vec3(red, green, blue)
    point.rough = rough
    point.f0 = f0
    point.normal = wp.vec3(nx, ny, nz)
    return point


@no_type_check
@wp.func
def sunlit(stage: Stage, point: Point, share: float, at: wp.vec2) -> wp.vec3:
    """Return the sun's light sent on; `share` of it is mirrored rather than scattered."""
    to = stage.light.to_sun
    facing = wp.dot(point.normal, to)
    scattered = sides_lit(facing, stage.looks.translucency[point.material])
    if scattered <= 0.0 or to[2] <= 0.0 or wp.max(stage.light.sun) <= 0.0:
        return wp.vec3(0.0)
    ray = near(to, stage.light.sun_spread, at)
    if blocked(stage.world, lifted(point, ray), ray, _SUN_REACH_M):
        return wp.vec3(0.0)
    spot = wp.float32(0.0)
    if facing > 0.0:
        half = wp.normalize(to - point.view)
        nh = wp.max(wp.dot(point.normal, half), 0.0)
        lh = wp.max(wp.dot(to, half), 0.0)
        spot = wp.min(sun_lobe(point.rough, point.f0, nh, lh) * facing, _HIGHLIGHT_MAX)
    sent = point.albedo * (scattered * (1.0 - share)) + wp.vec3(spot)
    return wp.cw_mul(stage.light.sun, sent)


@no_type_check
@wp.func
def facet_of(point: Point) -> Facet:
    """Return what lamps light."""
    facet = Facet()
    facet.point = point.place
    facet.normal = point.normal
    facet.view = point.view
    facet.albedo = point.albedo
    facet.rough = point.rough
    facet.f0 = point.f0
    return facet


@no_type_check
@wp.func
def reached(stage: Stage, hit: Hit, origin: wp.vec3, ray: wp.vec3, width_m: float) -> Point:
    """Return the point that a ray from another surface hits; `width_m` is its width there."""
    turn = frame_of(hit.normal)
    right = wp.vec3(turn[0, 0], turn[1, 0], turn[2, 0]) * width_m
    down = wp.vec3(turn[0, 1], turn[1, 1], turn[2, 1]) * width_m
    dry = dry_point(stage.world, stage.looks, stage.textures, hit, origin, ray, right, down)
    point = weathered(stage, dry, width_m, 1.0)
    if stage.looks.inside[point.material] > 0:
        # rooms are not drawn in mirrors; glass is dark there
        point.albedo = point.albedo * _GLASS_SHARE
    return point


@no_type_check
@wp.func
def open_air(stage: Stage, ray: wp.vec3) -> wp.vec3:
    """Return the light from a direction where nothing stands."""
    if ray[2] < 0.0:
        return stage.light.ground
    return panorama_at(stage.light, ray)


@no_type_check
@wp.func
def sends(stage: Stage, point: Point, at: wp.vec2) -> wp.vec3:
    """Return the light that a reached point sends back along its ray."""
    share = mirror_share(point.f0, point.rough, -wp.dot(point.normal, point.view))
    out = wp.cw_mul(point.albedo, ambient_at(stage.light, point.normal)) * _OPEN_SHARE
    if share > 0.01:
        ray = point.view - 2.0 * wp.dot(point.view, point.normal) * point.normal
        out = out * (1.0 - share) + open_air(stage, ray) * share
    out += sunlit(stage, point, share, at) + point.emission
    if stage.lamps.cells > 0:
        out += all_lamps(stage.lamps, facet_of(point))
    return out


@no_type_check
@wp.func
def street_at(
    stage: Stage, origin: wp.vec3, ray: wp.vec3, width: float, spread: float, reach_m: float,
    at: wp.vec2,
) -> wp.vec3:  # fmt: skip
    """Return the light from a direction with all that stands there.

    A pixel is `width` wide where the ray starts and grows by `spread` per metre.
    """
    hit = nearest(stage.world, origin, ray, reach_m)
    if hit.face < 0:
        return open_air(stage, ray)
    point = reached(stage, hit, origin, ray, width + spread * hit.distance)
    return through_air(stage.light, sends(stage, point, at), ray, hit.distance)
