"""Every label of a pixel from the one ray through its centre."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.warp.structs import Eye, World
from rareworld.annotate.render.warp.trace import FAR_M, nearest, pixel_ray
from rareworld.core.taxonomy import ClassId

_SKY_CLASS = wp.constant(wp.uint8(int(ClassId.SKY)))


@no_type_check
@wp.struct
class LabelImages:
    """Arrays of the image's height and width; see `backend.Pixels`."""

    depth_m: wp.array2d[wp.float32]
    normal: wp.array2d[wp.vec3]
    class_id: wp.array2d[wp.uint8]
    instance_id: wp.array2d[wp.uint32]
    triangle: wp.array2d[wp.int32]


@no_type_check
@wp.kernel(enable_backward=False)
def label_rows(world: World, eye: Eye, rows: wp.vec2i, out: LabelImages) -> None:
    """Write the labels of some rows: first and end."""
    row, x = wp.tid()
    y = row + rows[0]
    ray = pixel_ray(eye, float(x) + 0.5, float(y) + 0.5)
    length = wp.length(ray)
    hit = nearest(world, ray * eye.near_m, ray / length, FAR_M)
    out.triangle[y, x] = hit.number
    if hit.face < 0:
        out.depth_m[y, x] = wp.inf
        out.normal[y, x] = wp.vec3(0.0)
        out.class_id[y, x] = _SKY_CLASS
        out.instance_id[y, x] = wp.uint32(0)
        return
    n = hit.normal
    out.depth_m[y, x] = eye.near_m + hit.distance / length
    out.normal[y, x] = wp.vec3(wp.dot(eye.right, n), wp.dot(eye.down, n), wp.dot(eye.forward, n))
    out.class_id[y, x] = world.faces.class_id[hit.face]
    if hit.part >= 0:
        out.instance_id[y, x] = world.parts.object_id[hit.part]
    else:
        out.instance_id[y, x] = world.faces.object_id[hit.face]
