"""Light that leaves a surface towards the camera, for one ray.

Lambert reflection of sun and sky (through leaves also from behind), Schlick's (1994) Fresnel term
for the mirrored sky, a GGX lobe (Walter et al. 2007) for the sun's highlight, lamps, what is seen
through glass, and air between. The surface is first weathered (`finish`). The result comes in two
parts, with and without the sun, because shadows of moving things change only the first.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from rareworld.annotate.render.compiled import clear_air, mirror_share, sides_lit, sun_lobe
from rareworld.annotate.render.finish import finished
from rareworld.annotate.render.geometry import Surface
from rareworld.annotate.render.inside import in_cabin, in_house
from rareworld.annotate.render.jit import helper, routine
from rareworld.annotate.render.lamps import Lamps, lamp_light
from rareworld.annotate.render.looks import Looks
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.shadow import LightMap, lit_share, sky_left
from rareworld.annotate.render.sky import Sky, airlight, ambient, mirrored
from rareworld.annotate.render.texture import Textures, filtered
from rareworld.annotate.world.model import Inside, Paint, Weathering

_BODY, _SECOND = int(Paint.BODY), int(Paint.SECOND)
_CABIN, _VEHICLE = int(Inside.CABIN), int(Weathering.VEHICLE)


class Stage(NamedTuple):
    """Everything a ray needs to be shaded."""

    eye: Eye
    surface: Surface
    local: Float64[np.ndarray, "v 3"]
    """Vertices in the camera frame."""
    looks: Looks
    textures: Textures
    sky: Sky
    sun: LightMap
    top: LightMap
    """Light from overhead: where it is blocked, less of the sky is seen."""
    lamps: Lamps


@helper
def hit(
    local: Float64[np.ndarray, "v 3"], i: int, j: int, k: int, u: float, v: float
) -> tuple[float, float, float, float, float, float]:
    """Return depth, the weights of corners j and k, and the plane's unit normal.

    The ray is (u, v, 1) from the camera, so its parameter is the depth along the optical axis;
    depth and weights are kept within the triangle. The normal is turned to the camera.
    """
    ax, ay, az = local[i, 0], local[i, 1], local[i, 2]
    ex, ey, ez = local[j, 0] - ax, local[j, 1] - ay, local[j, 2] - az
    gx, gy, gz = local[k, 0] - ax, local[k, 1] - ay, local[k, 2] - az
    nx, ny, nz = ey * gz - ez * gy, ez * gx - ex * gz, ex * gy - ey * gx
    square = max(nx * nx + ny * ny + nz * nz, 1e-300)
    facing = nx * u + ny * v + nz
    nearest, farthest = min(az, az + ez, az + gz), max(az, az + ez, az + gz)
    if abs(facing) > 1e-12 * np.sqrt(square):
        depth = (nx * ax + ny * ay + nz * az) / facing
    else:
        depth = nearest
    depth = min(max(depth, nearest), farthest)
    px, py, pz = depth * u - ax, depth * v - ay, depth - az
    wj = ((py * gz - pz * gy) * nx + (pz * gx - px * gz) * ny + (px * gy - py * gx) * nz) / square
    wk = ((ey * pz - ez * py) * nx + (ez * px - ex * pz) * ny + (ex * py - ey * px) * nz) / square
    wj = min(max(wj, 0.0), 1.0)
    wk = min(max(wk, 0.0), 1.0 - wj)
    turn = (-1.0 if facing > 0.0 else 1.0) / np.sqrt(square)
    return depth, wj, wk, nx * turn, ny * turn, nz * turn


@helper
def weights_at(
    local: Float64[np.ndarray, "v 3"], i: int, j: int, k: int, u: float, v: float
) -> tuple[float, float]:
    """Return the weights of corners j and k where a ray meets the triangle's plane, unlimited."""
    ax, ay, az = local[i, 0], local[i, 1], local[i, 2]
    ex, ey, ez = local[j, 0] - ax, local[j, 1] - ay, local[j, 2] - az
    gx, gy, gz = local[k, 0] - ax, local[k, 1] - ay, local[k, 2] - az
    hx, hy, hz = v * gz - gy, gx - u * gz, u * gy - v * gx
    scale = ex * hx + ey * hy + ez * hz
    if abs(scale) < 1e-12:
        return 0.0, 0.0
    wj = -(ax * hx + ay * hy + az * hz) / scale
    qx, qy, qz = ay * ez - az * ey, az * ex - ax * ez, ax * ey - ay * ex
    return wj, -(qx * u + qy * v + qz) / scale


@helper
def texture_colour(
    stage: Stage, material: int, i: int, j: int, k: int, u: float, v: float
) -> tuple[float, float, float]:
    """Return the texture averaged over the pixel around a ray."""
    looks, uv, local = stage.looks, stage.surface.uv_m, stage.local
    per = 1.0 / looks.repeat_m[material]
    bj, bk = weights_at(local, i, j, k, u, v)
    rj, rk = weights_at(local, i, j, k, u + 1.0 / stage.eye.fx, v)
    dj, dk = weights_at(local, i, j, k, u, v + 1.0 / stage.eye.fy)
    s, t = uv[i, 0] * per, uv[i, 1] * per
    js, jt = uv[j, 0] * per - s, uv[j, 1] * per - t
    ks, kt = uv[k, 0] * per - s, uv[k, 1] * per - t
    return filtered(
        stage.textures, looks.texture[material],
        s + bj * js + bk * ks, t + bj * jt + bk * kt,
        (rj - bj) * js + (rk - bk) * ks, (rj - bj) * jt + (rk - bk) * kt,
        (dj - bj) * js + (dk - bk) * ks, (dj - bj) * jt + (dk - bk) * kt,
    )  # fmt: skip


@helper
def albedo(
    stage: Stage, material: int, part: int, i: int, j: int, k: int, u: float, v: float
) -> tuple[float, float, float]:
    """Return the colour of a surface point: paint or material, times texture."""
    looks = stage.looks
    red, green, blue = (
        looks.colour[material, 0], looks.colour[material, 1], looks.colour[material, 2],
    )  # fmt: skip
    paint = looks.paint[material]
    if part >= 0 and paint == _BODY:
        red, green, blue = looks.body[part, 0], looks.body[part, 1], looks.body[part, 2]
    elif part >= 0 and paint == _SECOND:
        red, green, blue = looks.second[part, 0], looks.second[part, 1], looks.second[part, 2]
    r, g, b = 1.0, 1.0, 1.0
    if looks.texture[material] >= 0:
        r, g, b = texture_colour(stage, material, i, j, k, u, v)
    return red * r, green * g, blue * b


@helper
def is_lit(looks: Looks, material: int, part: int) -> bool:
    """Return whether a lamp shines."""
    wanted = looks.lit_when[material]
    return wanted == 0 or (part >= 0 and (looks.state[part] & wanted) != 0)


@helper
def smooth_normal(
    stage: Stage,
    i: int,
    j: int,
    k: int,
    wj: float,
    wk: float,
    vx: float,
    vy: float,
    vz: float,
    gx: float,
    gy: float,
    gz: float,
) -> tuple[float, float, float]:
    """Return the interpolated normal (world), on the side of the plane that the camera sees.

    (vx, vy, vz) runs from the camera to the point, (gx, gy, gz) is the plane's normal; where the
    interpolated one turns away from the camera it is bent back, so that reflections stay outside.
    """
    n = stage.surface.normals
    wi = 1.0 - wj - wk
    x = wi * n[i, 0] + wj * n[j, 0] + wk * n[k, 0]
    y = wi * n[i, 1] + wj * n[j, 1] + wk * n[k, 1]
    z = wi * n[i, 2] + wj * n[j, 2] + wk * n[k, 2]
    if x * gx + y * gy + z * gz < 0.0:
        x, y, z = -x, -y, -z
    square = x * x + y * y + z * z
    if square < 1e-12:
        return gx, gy, gz
    scale = 1.0 / np.sqrt(square)
    x, y, z = x * scale, y * scale, z * scale
    away = x * vx + y * vy + z * vz
    if away > -0.02:
        x, y, z = x - (away + 0.02) * vx, y - (away + 0.02) * vy, z - (away + 0.02) * vz
        scale = 1.0 / np.sqrt(x * x + y * y + z * z)
    else:
        scale = 1.0
    return x * scale, y * scale, z * scale


@helper
def highlight(
    sky: Sky,
    rough: float,
    f0: float,
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
    facing_sun: float,
) -> float:
    """Return the sun's mirror lobe times the cosine, cut at 8."""
    hx, hy, hz = sky.to_sun[0] - vx, sky.to_sun[1] - vy, sky.to_sun[2] - vz
    scale = 1.0 / np.sqrt(max(hx * hx + hy * hy + hz * hz, 1e-12))
    nh = max((nx * hx + ny * hy + nz * hz) * scale, 0.0)
    lh = max((sky.to_sun[0] * hx + sky.to_sun[1] * hy + sky.to_sun[2] * hz) * scale, 0.0)
    return min(sun_lobe(rough, f0, nh, lh) * facing_sun, 8.0)


@helper
def reflect_sky(
    stage: Stage,
    rough: float,
    f0: float,
    open_sky: float,
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
) -> tuple[float, float, float, float]:
    """Return the share of light that is mirrored, and that light."""
    cosine = -(nx * vx + ny * vy + nz * vz)
    share = mirror_share(f0, rough, cosine)
    if share < 0.002:
        return 0.0, 0.0, 0.0, 0.0
    red, green, blue = mirrored(
        stage.sky, rough,
        vx + 2 * cosine * nx, vy + 2 * cosine * ny, vz + 2 * cosine * nz, open_sky,
    )  # fmt: skip
    return share, red, green, blue


@helper
def sun_light(
    stage: Stage,
    rough: float,
    f0: float,
    translucency: float,
    share: float,
    still: float,
    red: float,
    green: float,
    blue: float,
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
) -> tuple[float, float, float]:
    """Return the sun's light sent to the camera by a surface of the given albedo."""
    to = stage.sky.to_sun
    facing = nx * to[0] + ny * to[1] + nz * to[2]
    if still <= 0.0 or to[2] <= 0.0 or (facing <= 0.0 and translucency <= 0.0):
        return 0.0, 0.0, 0.0
    spot = highlight(stage.sky, rough, f0, nx, ny, nz, vx, vy, vz, max(facing, 0.0))
    diffuse = sides_lit(facing, translucency) * (1.0 - share)
    sun = stage.sky.sun
    return (
        still * sun[0] * (red * diffuse + spot),
        still * sun[1] * (green * diffuse + spot),
        still * sun[2] * (blue * diffuse + spot),
    )


@helper
def point_at(
    surface: Surface, i: int, j: int, k: int, wj: float, wk: float
) -> tuple[float, float, float]:
    """Return the world point with the given weights of corners j and k."""
    p = surface.points
    wi = 1.0 - wj - wk
    return (
        wi * p[i, 0] + wj * p[j, 0] + wk * p[k, 0],
        wi * p[i, 1] + wj * p[j, 1] + wk * p[k, 1],
        wi * p[i, 2] + wj * p[j, 2] + wk * p[k, 2],
    )


@helper
def to_world(eye: Eye, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Turn a direction from the camera frame into the world."""
    r = eye.rotation
    return (
        r[0, 0] * x + r[1, 0] * y + r[2, 0] * z,
        r[0, 1] * x + r[1, 1] * y + r[2, 1] * z,
        r[0, 2] * x + r[1, 2] * y + r[2, 2] * z,
    )


@helper
def view_direction(eye: Eye, u: float, v: float) -> tuple[float, float, float]:
    """Return the world unit vector along a ray."""
    scale = 1.0 / np.sqrt(u * u + v * v + 1.0)
    return to_world(eye, u * scale, v * scale, scale)


@helper
def roof_share(lit_from_above: float, normal_up: float) -> float:
    """Return how much sky light is left under a roof.

    The map knows no width, so a thin arm counts as much as a roof, and light from the sides stays.
    """
    return 1.0 - 0.4 * (1.0 - lit_from_above) * max(normal_up, 0.0)


@helper
def pixel_width(eye: Eye, distance: float, cosine: float) -> float:
    """Return how wide a pixel is on a surface, the mean of its two axes."""
    return distance / eye.fx / np.sqrt(max(cosine, 0.02))


@helper
def near_ground(looks: Looks, material: int, part: int, height_m: float) -> float:
    """Return the share of light that low parts of a vehicle get between it and the road."""
    if part < 0 or looks.weathering[material] != _VEHICLE:
        return 1.0
    return 0.62 + 0.38 * min(max((height_m - looks.placed[part, 2, 3]) / 0.7, 0.0), 1.0)


@helper
def seen_through(
    stage: Stage,
    material: int,
    part: int,
    px: float,
    py: float,
    pz: float,
    gx: float,
    gy: float,
    vx: float,
    vy: float,
    vz: float,
) -> tuple[float, float, float]:
    """Return the light that a pane of glass lets through towards the camera, tinted."""
    looks = stage.looks
    tint = looks.colour[material]
    if looks.inside[material] == _CABIN:
        red, green, blue = in_cabin(
            stage.sky, looks.cabins, looks.placed, part, px, py, pz, vx, vy, vz, tint[1]
        )
    else:
        red, green, blue = in_house(
            stage.sky, looks.inside[material], px, py, pz, gx, gy, vx, vy, vz
        )
    return red * tint[0], green * tint[1], blue * tint[2]


@helper
def through_air(
    sky: Sky, x: float, y: float, clear: float, red: float, green: float, blue: float
) -> tuple[float, float, float]:
    """Return light dimmed by air and mixed with what the air scatters."""
    r, g, b = airlight(sky, x, y)
    air = 1.0 - clear
    return red * clear + r * air, green * clear + g * air, blue * clear + b * air


@routine
def shade(
    stage: Stage, t: int, u: float, v: float, open_sky: float
) -> tuple[
    float, float, float, float, float, float, float, float, float, float, float, float, float
]:
    """Return what a ray sees of triangle t: light, and how the surface answers to lamps.

    That is (sky part rgb, sun part rgb, share of sky, share of sun, albedo rgb, roughness, f0). The
    colour is sky part x share of sky + sun part x share of sun; the shares tell what moving things
    leave of each.
    """
    surface, looks, sky = stage.surface, stage.looks, stage.sky
    i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
    material, part = surface.material[t], surface.part[t]
    depth, wj, wk, lx, ly, lz = hit(stage.local, i, j, k, u, v)
    px, py, pz = point_at(surface, i, j, k, wj, wk)
    gx, gy, gz = to_world(stage.eye, lx, ly, lz)
    vx, vy, vz = view_direction(stage.eye, u, v)
    nx, ny, nz = smooth_normal(stage, i, j, k, wj, wk, vx, vy, vz, gx, gy, gz)
    thin = looks.translucency[material]
    to = sky.to_sun
    side = -1.0 if thin > 0.0 and gx * to[0] + gy * to[1] + gz * to[2] < 0.0 else 1.0
    sx, sy, sz = gx * side, gy * side, gz * side
    still = lit_share(stage.sun, stage.sun.still, stage.sun.still_max, px, py, pz, sx, sy, sz)
    moving = lit_share(stage.sun, stage.sun.moving, stage.sun.moving_max, px, py, pz, sx, sy, sz)
    roof_still = lit_share(stage.top, stage.top.still, stage.top.still_max, px, py, pz, gx, gy, gz)
    open_sky *= roof_share(roof_still, gz) * near_ground(looks, material, part, pz)
    red, green, blue = albedo(stage, material, part, i, j, k, u, v)
    far = depth * np.sqrt(u * u + v * v + 1.0)
    soft = pixel_width(stage.eye, far, -(gx * vx + gy * vy + gz * vz))
    red, green, blue, rough, f0, nx, ny, nz = finished(
        looks, material, part, px, py, pz, nx, ny, nz, soft, roof_still, red, green, blue
    )
    share, mr, mg, mb = reflect_sky(stage, rough, f0, open_sky, nx, ny, nz, vx, vy, vz)
    br, bg, bb = 0.0, 0.0, 0.0
    if looks.inside[material] > 0:
        # glass lets through what it does not mirror; what lies on it hides that
        veil = min(max((rough - looks.roughness[material]) * 1.25, 0.0), 1.0)
        br, bg, bb = seen_through(stage, material, part, px, py, pz, gx, gy, vx, vy, vz)
        k0 = (1.0 - share) * (1.0 - veil)
        br, bg, bb = br * k0, bg * k0, bb * k0
        red, green, blue = red * veil, green * veil, blue * veil
    sr, sg, sb = sun_light(
        stage, rough, f0, thin, share, still, red, green, blue, nx, ny, nz, vx, vy, vz
    )
    ar, ag, ab = ambient(sky, nx, ny, nz, open_sky)
    if thin > 0.0:
        cr, cg, cb = ambient(sky, -nx, -ny, -nz, open_sky)
        ar, ag, ab = ar + (cr - ar) * thin, ag + (cg - ag) * thin, ab + (cb - ab) * thin
    rest = 1.0 - share
    br, bg, bb = br + red * ar * rest, bg + green * ag * rest, bb + blue * ab * rest
    er, eg, eb, kr, kg, kb = lamp_light(
        stage.lamps, stage.lamps.every, px, py, pz, nx, ny, nz, vx, vy, vz,
        max(red, green, blue), rough, f0,
    )  # fmt: skip
    br, bg, bb = (
        br + mr * share + er * red + kr,
        bg + mg * share + eg * green + kg,
        bb + mb * share + eb * blue + kb,
    )
    if is_lit(looks, material, part):
        br += looks.emission[material, 0]
        bg += looks.emission[material, 1]
        bb += looks.emission[material, 2]
    clear = clear_air(sky.haze_per_m, far)
    br, bg, bb = through_air(sky, vx, vy, clear, br, bg, bb)
    return (
        br, bg, bb,
        sr * clear, sg * clear, sb * clear,
        sky_left(stage.top, px, py, pz, gx, gy, gz),
        moving,
        red, green, blue, rough, f0,
    )  # fmt: skip
