"""One flat list of triangles: the static mesh first, then every instance, posed per frame.

Shapes: V vertices and F triangles over all parts, I parts (instances of the scene).
"""

from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8, UInt32

from rareworld.annotate.render.jit import kernel
from rareworld.annotate.world.model import FrameState, Mesh, RenderScene


class Surface(NamedTuple):
    """Arrays that kernels read; `points` and `normals` follow the pose."""

    corners: Int32[np.ndarray, "f 3"]
    material: Int32[np.ndarray, "f"]
    class_id: UInt8[np.ndarray, "f"]
    object_id: UInt32[np.ndarray, "f"]
    part: Int32[np.ndarray, "f"]
    """Index of the instance; -1 for the static mesh."""
    points: Float64[np.ndarray, "v 3"]
    """World, metres."""
    normals: Float32[np.ndarray, "v 3"]
    uv_m: Float32[np.ndarray, "v 2"]


@kernel
def pose_parts(
    which: Int64[np.ndarray, "n"],
    vertex_start: Int64[np.ndarray, "i1"],
    rest_start: Int64[np.ndarray, "i"],
    transforms: Float32[np.ndarray, "i 3 4"],
    rest_points: Float32[np.ndarray, "p 3"],
    rest_normals: Float32[np.ndarray, "p 3"],
    points: Float64[np.ndarray, "v 3"],
    normals: Float32[np.ndarray, "v 3"],
) -> None:
    """Move the vertices of the chosen parts from rest to the world."""
    for k in range(len(which)):
        part = which[k]
        m = transforms[part]
        shift = rest_start[part] - vertex_start[part]
        for v in range(vertex_start[part], vertex_start[part + 1]):
            u = v + shift
            x, y, z = rest_points[u, 0], rest_points[u, 1], rest_points[u, 2]
            p, q, r = rest_normals[u, 0], rest_normals[u, 1], rest_normals[u, 2]
            for row in range(3):
                points[v, row] = (
                    np.float64(m[row, 0]) * x + np.float64(m[row, 1]) * y
                    + np.float64(m[row, 2]) * z + np.float64(m[row, 3])
                )  # fmt: skip
                normals[v, row] = m[row, 0] * p + m[row, 1] * q + m[row, 2] * r


def _stack(arrays: list[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate(arrays, dtype=dtype, casting="unsafe")


def _starts(counts: list[int]) -> Int64[np.ndarray, "i1"]:
    return np.cumsum([0, *counts], dtype=np.int64)


def _owners(
    scene: RenderScene, triangle_all: Int64[np.ndarray, "m1"]
) -> tuple[UInt32[np.ndarray, "f"], Int32[np.ndarray, "f"]]:
    """Return object id and part of every triangle."""
    counts = np.diff(triangle_all)
    ids = np.array([instance.object_id for instance in scene.instances], dtype=np.uint32)
    part = np.repeat(np.arange(-1, len(ids)), counts)
    object_id = np.concatenate([scene.static_object_id, np.repeat(ids, counts[1:])])
    return object_id, part.astype(np.int32)


def _surface(
    meshes: list[Mesh],
    vertex_all: Int64[np.ndarray, "m1"],
    object_id: UInt32[np.ndarray, "f"],
    part: Int32[np.ndarray, "f"],
) -> Surface:
    """Return all meshes as one, before any of them is posed."""
    starts = zip(meshes, vertex_all, strict=False)
    return Surface(
        corners=_stack([mesh.triangles + start for mesh, start in starts], np.int32),
        material=_stack([mesh.material for mesh in meshes], np.int32),
        class_id=_stack([mesh.class_id for mesh in meshes], np.uint8),
        object_id=object_id,
        part=part,
        points=_stack([mesh.vertices_m for mesh in meshes], np.float64),
        normals=_stack([mesh.normals for mesh in meshes], np.float32),
        uv_m=_stack([mesh.uv_m for mesh in meshes], np.float32),
    )


@final
class Geometry:
    """All triangles of a scene in one numbering that never changes; vertices move.

    `vertex_start[i]:vertex_start[i + 1]` are the vertices of part i, `triangle_start` likewise;
    static ones come before `vertex_start[0]`.
    """

    def __init__(self, scene: RenderScene) -> None:
        shapes = scene.prototypes
        which = np.array([instance.prototype for instance in scene.instances], dtype=np.int64)
        meshes = [scene.static, *(shapes[number] for number in which)]
        vertex_all = _starts([len(mesh.vertices_m) for mesh in meshes])
        triangle_all = _starts([len(mesh.triangles) for mesh in meshes])
        self.vertex_start: Int64[np.ndarray, " i1"] = vertex_all[1:]
        self.triangle_start: Int64[np.ndarray, " i1"] = triangle_all[1:]
        none = np.zeros((0, 3), dtype=np.float32)
        self._rest_start = _starts([len(mesh.vertices_m) for mesh in shapes])[which]
        self._rest_points = _stack([none, *(mesh.vertices_m for mesh in shapes)], np.float32)
        self._rest_normals = _stack([none, *(mesh.normals for mesh in shapes)], np.float32)
        self.surface = _surface(meshes, vertex_all, *_owners(scene, triangle_all))

    def pose(self, state: FrameState, which: Int64[np.ndarray, "n"]) -> None:
        """Move the chosen parts to where `state` has them."""
        pose_parts(
            which, self.vertex_start, self._rest_start, np.ascontiguousarray(state.transforms),
            self._rest_points, self._rest_normals, self.surface.points, self.surface.normals,
        )  # fmt: skip


def moved_parts(before: FrameState | None, now: FrameState) -> Bool[np.ndarray, "i"]:
    """Return which parts stand, or are shown, differently from the frame before."""
    if before is None:
        return np.ones(len(now.visible), dtype=bool)
    shift = np.any(before.transforms != now.transforms, axis=(1, 2))
    return (shift & (now.visible > 0)) | (before.visible != now.visible)


def switched_parts(before: FrameState | None, now: FrameState) -> Bool[np.ndarray, "i"]:
    """Return which parts changed their lamps."""
    if before is None:
        return np.zeros(len(now.visible), dtype=bool)
    return (before.state != now.state) & (now.visible > 0)
