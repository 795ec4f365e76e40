"""Rays through two levels of trees: boxes of the parts, then triangles of each prototype."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.structs import Eye, Hit, World

FAR_M = 5000.0


@no_type_check
@wp.func
def pixel_ray(eye: Eye, x: float, y: float) -> wp.vec3:
    """Return the direction through an image position, with 1 along the optical axis."""
    u = (x - eye.cx) / eye.fx
    v = (y - eye.cy) / eye.fy
    return eye.forward + u * eye.right + v * eye.down


@no_type_check
@wp.func
def nearest(world: World, origin: wp.vec3, direction: wp.vec3, reach_m: float) -> Hit:
    """Return the first surface along a unit direction."""
    hit = Hit()
    hit.distance = reach_m
    hit.face = -1
    hit.part = -1
    hit.number = -1
    first = wp.mesh_query_ray(world.static_mesh, origin, direction, reach_m)
    if first.result:
        hit.distance = first.t
        hit.face = first.face
        hit.number = first.face
        hit.u = first.u
        hit.v = first.v
        hit.normal = first.normal
    if world.num_parts > 0:
        query = wp.bvh_query_ray(world.tree, origin, direction)
        part = wp.int32(0)
        while wp.bvh_query_next(query, part, hit.distance):
            turn = world.parts.from_world[part]
            start = wp.transform_point(turn, origin)
            along = wp.transform_vector(turn, direction)
            other = wp.mesh_query_ray(world.parts.mesh[part], start, along, hit.distance)
            if other.result:
                hit.distance = other.t
                hit.face = world.parts.face_start[part] + other.face
                hit.number = world.parts.number_start[part] + other.face
                hit.part = part
                hit.u = other.u
                hit.v = other.v
                # normals of sheared parts turn with the inverse, transposed
                hit.normal = wp.normalize(wp.transform_vector(wp.transpose(turn), other.normal))
    if wp.dot(hit.normal, direction) > 0.0:
        hit.normal = -hit.normal
    return hit


@no_type_check
@wp.func
def blocked(world: World, origin: wp.vec3, direction: wp.vec3, reach_m: float) -> bool:
    """Return whether anything lies on the way along a unit direction."""
    if wp.mesh_query_ray_anyhit(world.static_mesh, origin, direction, reach_m):
        return True
    if world.num_parts > 0:
        query = wp.bvh_query_ray(world.tree, origin, direction)
        part = wp.int32(0)
        while wp.bvh_query_next(query, part, reach_m):
            turn = world.parts.from_world[part]
            start = wp.transform_point(turn, origin)
            along = wp.transform_vector(turn, direction)
            if wp.mesh_query_ray_anyhit(world.parts.mesh[part], start, along, reach_m):
                return True
    return False
