"""What device code reads, as structs of arrays.

Positions are in world axes with the camera as origin, so that single precision is finest where the
picture is. Shapes: F triangles of the static mesh and of each prototype, V their corners, I parts
(instances), M materials.
"""

# structs of Warp are objects, and used as types of fields
# pyright: reportGeneralTypeIssues=false

from typing import no_type_check

import warp as wp


@no_type_check
@wp.struct
class Eye:
    """A pinhole camera; see `project.Eye`."""

    right: wp.vec3
    down: wp.vec3
    forward: wp.vec3
    position: wp.vec3
    """World; only for what depends on the place, as the plan of the ground."""
    fx: wp.float32
    fy: wp.float32
    cx: wp.float32
    cy: wp.float32
    near_m: wp.float32


@no_type_check
@wp.struct
class Parts:
    """Instances; index as in `RenderScene.instances`."""

    mesh: wp.array[wp.uint64]
    to_world: wp.array[wp.mat44]
    from_world: wp.array[wp.mat44]
    face_start: wp.array[wp.int32]
    """First triangle of the prototype in `Faces`."""
    number_start: wp.array[wp.int32]
    """First triangle in `Geometry.surface`."""
    object_id: wp.array[wp.uint32]


@no_type_check
@wp.struct
class Faces:
    """Triangles of the static mesh, then of each prototype."""

    corners: wp.array[wp.vec3i]
    points: wp.array[wp.vec3]
    """In the frame of the prototype; around the camera for the static mesh."""
    normals: wp.array[wp.vec3]
    uv_m: wp.array[wp.vec2]
    material: wp.array[wp.int32]
    class_id: wp.array[wp.uint8]
    object_id: wp.array[wp.uint32]
    """Of static triangles only."""


@no_type_check
@wp.struct
class Plan:
    """See `texture.Plan`."""

    layers: wp.array2d[wp.vec4]
    """As shares."""
    west_m: wp.float32
    south_m: wp.float32
    per_m: wp.float32


@no_type_check
@wp.struct
class Cover:
    """What lies on surfaces; see `looks.Cover`."""

    plan: Plan
    wetness: wp.float32
    puddles: wp.float32
    snow: wp.float32
    sand: wp.float32
    rain: wp.float32


@no_type_check
@wp.struct
class Cabins:
    """Interiors of vehicles; see `inside.Cabins`."""

    of_instance: wp.array[wp.int32]
    shell_low: wp.array[wp.vec3]
    shell_high: wp.array[wp.vec3]
    belt_m: wp.array[wp.float32]
    shell_colour: wp.array[wp.vec3]
    first: wp.array[wp.int32]
    box_low: wp.array[wp.vec3]
    box_high: wp.array[wp.vec3]
    colours: wp.array[wp.vec3]


@no_type_check
@wp.struct
class Looks:
    """Materials and the colours and lamps of instances; see `looks.Looks`."""

    colour: wp.array[wp.vec3]
    emission: wp.array[wp.vec3]
    roughness: wp.array[wp.float32]
    specular: wp.array[wp.float32]
    texture: wp.array[wp.int32]
    repeat_m: wp.array[wp.float32]
    paint: wp.array[wp.int32]
    lit_when: wp.array[wp.uint32]
    weathering: wp.array[wp.int32]
    inside: wp.array[wp.int32]
    translucency: wp.array[wp.float32]
    body: wp.array[wp.vec3]
    second: wp.array[wp.vec3]
    dirt: wp.array[wp.float32]
    snow: wp.array[wp.float32]
    state: wp.array[wp.uint32]
    """Lamps of the current frame."""
    placed: wp.array[wp.mat44]
    """World from instance of the current frame; the true world's, for patterns that stay put."""
    cabins: Cabins
    cover: Cover


@no_type_check
@wp.struct
class World:
    """All that a ray can meet."""

    static_mesh: wp.uint64
    tree: wp.uint64
    """Boxes of the parts in the world."""
    num_parts: wp.int32
    parts: Parts
    faces: Faces


@no_type_check
@wp.struct
class Hit:
    """The nearest surface on a ray."""

    distance: wp.float32
    face: wp.int32
    """Index in `Faces`; -1 for sky."""
    part: wp.int32
    """-1 for the static mesh."""
    number: wp.int32
    """Triangle in `Geometry.surface`."""
    u: wp.float32
    """Weight of the first corner."""
    v: wp.float32
    """Weight of the second corner."""
    normal: wp.vec3
    """Of the plane, in the world, turned to where the ray comes from."""
