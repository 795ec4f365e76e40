"""What a ray has hit: place, normals and dry looks of the point."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.structs import Faces, Hit, Looks, Parts, World
from rareworld.annotate.render.warp.textures import Textures, filtered
from rareworld.annotate.world.model import Paint

_BODY = wp.constant(int(Paint.BODY))
_SECOND = wp.constant(int(Paint.SECOND))


@no_type_check
@wp.struct
class Point:
    """A surface point as one ray sees it."""

    place: wp.vec3
    view: wp.vec3
    """Unit vector along the ray."""
    plane: wp.vec3
    """Normal of the triangle, on the ray's side."""
    normal: wp.vec3
    """Interpolated; bent so that mirrored rays leave the surface."""
    rest: wp.vec3
    """Place in the frame of the part."""
    right: wp.vec3
    """On the surface, from one pixel to the next."""
    down: wp.vec3
    material: wp.int32
    part: wp.int32
    albedo: wp.vec3
    rough: wp.float32
    f0: wp.float32
    emission: wp.vec3


@no_type_check
@wp.func
def bent(n: wp.vec3, plane: wp.vec3, view: wp.vec3) -> wp.vec3:
    """Return an interpolated normal as a unit vector on the side that is seen."""
    if wp.dot(n, n) < 1.0e-12:
        return plane
    out = wp.normalize(n)
    if wp.dot(out, plane) < 0.0:
        out = -out
    away = wp.dot(out, view)
    if away > -0.02:
        out = wp.normalize(out - (away + 0.02) * view)
    return out


@no_type_check
@wp.func
def to_part(parts: Parts, part: int, vector: wp.vec3) -> wp.vec3:
    """Turn a direction into the frame of a part; -1 is the world."""
    if part < 0:
        return vector
    return wp.transform_vector(parts.from_world[part], vector)


@no_type_check
@wp.func
def uv_step(faces: Faces, face: int, step: wp.vec3) -> wp.vec2:
    """Return the change of texture coordinates along a step on a triangle, in its own frame."""
    corners = faces.corners[face]
    a = faces.points[corners[0]]
    first = faces.points[corners[1]] - a
    second = faces.points[corners[2]] - a
    n = wp.cross(first, second)
    square = wp.max(wp.dot(n, n), 1.0e-20)
    j = wp.dot(wp.cross(step, second), n) / square
    k = wp.dot(wp.cross(first, step), n) / square
    start = faces.uv_m[corners[0]]
    return (faces.uv_m[corners[1]] - start) * j + (faces.uv_m[corners[2]] - start) * k


@no_type_check
@wp.func
def textured(
    world: World, tex: Textures, which: int, repeat_m: float, hit: Hit, point: Point
) -> wp.vec3:
    """Return the texture's colour, averaged over the pixel."""
    faces = world.faces
    corners = faces.corners[hit.face]
    uv = (
        faces.uv_m[corners[0]] * hit.u + faces.uv_m[corners[1]] * hit.v
        + faces.uv_m[corners[2]] * (1.0 - hit.u - hit.v)
    )  # fmt: skip
    right = uv_step(faces, hit.face, to_part(world.parts, hit.part, point.right))
    down = uv_step(faces, hit.face, to_part(world.parts, hit.part, point.down))
    return filtered(tex, which, uv / repeat_m, right / repeat_m, down / repeat_m)


@no_type_check
@wp.func
def painted(looks: Looks, material: int, part: int) -> wp.vec3:
    """Return the material's colour or the instance's own."""
    colour = looks.colour[material]
    if part >= 0:
        if looks.paint[material] == _BODY:
            colour = looks.body[part]
        elif looks.paint[material] == _SECOND:
            colour = looks.second[part]
    return colour


@no_type_check
@wp.func
def glowing(looks: Looks, material: int, part: int) -> wp.vec3:
    """Return the emission of a lamp that is lit."""
    wanted = looks.lit_when[material]
    lit = wanted == wp.uint32(0)
    if part >= 0 and not lit:
        lit = (looks.state[part] & wanted) != wp.uint32(0)
    if lit:
        return looks.emission[material]
    return wp.vec3(0.0)


@no_type_check
@wp.func
def dry_point(
    world: World, looks: Looks, tex: Textures, hit: Hit, origin: wp.vec3, view: wp.vec3,
    right: wp.vec3, down: wp.vec3,
) -> Point:  # fmt: skip
    """Return the point of a hit before weather; `right` and `down` span a pixel there."""
    faces = world.faces
    corners = faces.corners[hit.face]
    n = (
        faces.normals[corners[0]] * hit.u + faces.normals[corners[1]] * hit.v
        + faces.normals[corners[2]] * (1.0 - hit.u - hit.v)
    )  # fmt: skip
    point = Point()
    point.place = origin + view * hit.distance
    point.rest = point.place
    point.view = view
    point.plane = hit.normal
    point.right = right
    point.down = down
    point.material = faces.material[hit.face]
    point.part = hit.part
    if hit.part >= 0:
        n = wp.transform_vector(world.parts.to_world[hit.part], n)
        point.rest = wp.transform_point(world.parts.from_world[hit.part], point.place)
    point.normal = bent(n, hit.normal, view)
    material = point.material
    point.albedo = painted(looks, material, hit.part)
    if looks.texture[material] >= 0:
        texel = textured(world, tex, looks.texture[material], looks.repeat_m[material], hit, point)
        point.albedo = wp.cw_mul(point.albedo, texel)
    point.rough = looks.roughness[material]
    point.f0 = looks.specular[material]
    point.emission = glowing(looks, material, hit.part)
    return point
