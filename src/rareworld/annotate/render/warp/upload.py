"""Geometry on a device: triangles, parts, and the trees over them."""

from typing import Any, final

import numpy as np
import warp as wp
from jaxtyping import Float32, Float64

from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.warp import structs
from rareworld.annotate.render.warp.put import TREE, Uploader
from rareworld.annotate.world.model import FrameState, Mesh, RenderScene

_AWAY_M = -1e6
"""Where hidden parts are put, out of reach of any ray."""


def device_eye(eye: Eye) -> Any:  # noqa: ANN401 - a Warp struct
    """Return the device's view of a camera."""
    out = structs.Eye()
    rows = np.asarray(eye.rotation, np.float32)
    out.right, out.down, out.forward = (wp.vec3(*map(float, row)) for row in rows)
    out.position = wp.vec3(*map(float, eye.position))
    out.fx, out.fy, out.cx, out.cy = eye.fx, eye.fy, eye.cx, eye.cy
    out.near_m = eye.near_m
    return out


@final
class DeviceWorld:
    """Geometry of one scene around one camera on a device; `pose` moves its parts."""

    def __init__(
        self,
        scene: RenderScene,
        geometry: Geometry,
        origin_m: Float64[np.ndarray, "3"],
        device: str,
    ) -> None:
        self._put = Uploader(device)
        self._origin = origin_m
        used = sorted({instance.prototype for instance in scene.instances})
        shapes = [scene.prototypes[number] for number in used]
        place = {number: rank for rank, number in enumerate(used)}
        self._which = np.array([place[i.prototype] for i in scene.instances], np.int64)
        # trees live as long as these objects; device code knows them by number only
        self._static = self._put.mesh(self._around(scene.static.vertices_m), scene.static.triangles)
        self._meshes = [self._put.mesh(shape.vertices_m, shape.triangles) for shape in shapes]
        self._boxes = np.array([_box(shape) for shape in shapes], np.float32).reshape(-1, 2, 3)
        self._tree: wp.Bvh | None = None
        self.struct: Any = structs.World()
        self.struct.static_mesh = self._static.id
        self.struct.num_parts = len(scene.instances)
        self.struct.faces = self._faces(scene, shapes)
        self.struct.parts = self._parts(scene, geometry, shapes)

    def _around(self, points_m: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "v 3"]:
        """Return world points with the camera as origin."""
        return (points_m.astype(np.float64) - self._origin).astype(np.float32)

    def _faces(self, scene: RenderScene, shapes: list[Mesh]) -> Any:  # noqa: ANN401 - a struct
        put, meshes = self._put, [scene.static, *shapes]
        starts = np.cumsum([0, *(len(mesh.vertices_m) for mesh in meshes)])
        corners = [mesh.triangles + start for mesh, start in zip(meshes, starts, strict=False)]
        out = structs.Faces()
        points = [self._around(scene.static.vertices_m), *(shape.vertices_m for shape in shapes)]
        out.corners = put.array(np.concatenate(corners).astype(np.int32), wp.vec3i)
        out.points = put.array(np.concatenate(points), wp.vec3)
        out.normals = put.array(np.concatenate([mesh.normals for mesh in meshes]), wp.vec3)
        out.uv_m = put.array(np.concatenate([mesh.uv_m for mesh in meshes]), wp.vec2)
        out.material = put.array(np.concatenate([mesh.material for mesh in meshes]), wp.int32)
        out.class_id = put.array(np.concatenate([mesh.class_id for mesh in meshes]), wp.uint8)
        out.object_id = put.array(scene.static_object_id, wp.uint32)
        return out

    def _parts(self, scene: RenderScene, geometry: Geometry, shapes: list[Mesh]) -> Any:  # noqa: ANN401 - a struct
        put, which = self._put, self._which
        faces = [len(scene.static.triangles), *(len(shape.triangles) for shape in shapes)]
        trees = np.array([mesh.id for mesh in self._meshes], np.uint64)
        out = structs.Parts()
        out.mesh = put.array(trees[which], wp.uint64)
        out.face_start = put.array(np.cumsum(faces)[which].astype(np.int32), wp.int32)
        out.number_start = put.array(geometry.triangle_start[:-1].astype(np.int32), wp.int32)
        ids = np.array([instance.object_id for instance in scene.instances], np.uint32)
        out.object_id = put.array(ids, wp.uint32)
        return out

    def pose(self, state: FrameState) -> None:
        """Move the parts and rebuild the tree over their boxes."""
        if not len(state.transforms):
            return
        near = state.transforms.astype(np.float64)
        near[:, :, 3] -= self._origin
        shown = state.visible > 0
        near[~shown, :, 3] = _AWAY_M
        low, high = _moved_boxes(near, self._boxes[self._which])
        to_world, from_world = squares(near)
        put = self._put
        self.struct.parts.to_world = put.array(to_world, wp.mat44)
        self.struct.parts.from_world = put.array(from_world, wp.mat44)
        self._tree = wp.Bvh(put.array(low, wp.vec3), put.array(high, wp.vec3), constructor=TREE)
        self.struct.tree = self._tree.id


def _box(mesh: Mesh) -> Float32[np.ndarray, "2 3"]:
    return np.stack([mesh.vertices_m.min(axis=0), mesh.vertices_m.max(axis=0)])


def _moved_boxes(
    transforms: Float64[np.ndarray, "i 3 4"], boxes: Float32[np.ndarray, "i 2 3"]
) -> tuple[Float32[np.ndarray, "i 3"], Float32[np.ndarray, "i 3"]]:
    """Return the low and high corners of turned boxes, a little wider than exact (Arvo 1990)."""
    middle = boxes.mean(axis=1)[:, :, None]
    half = (boxes[:, 1] - boxes[:, 0])[:, :, None] / 2
    at = (transforms[:, :, :3] @ middle + transforms[:, :, 3:])[:, :, 0]
    reach = (np.abs(transforms[:, :, :3]) @ half)[:, :, 0] + 1e-4
    return (at - reach).astype(np.float32), (at + reach).astype(np.float32)


def squares(
    transforms: Float64[np.ndarray, "i 3 4"],
) -> tuple[Float32[np.ndarray, "i 4 4"], Float32[np.ndarray, "i 4 4"]]:
    """Return transforms as 4 x 4 matrices, and their inverses: a rolling shutter shears parts."""
    there = np.zeros((len(transforms), 4, 4))
    there[:, :3], there[:, 3, 3] = transforms, 1
    return there.astype(np.float32), np.linalg.inv(there).astype(np.float32)
