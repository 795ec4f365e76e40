"""Many boxes and rectangles at once, and meshes that are joined instead of finished together.

A house is thousands of flat faces: building them in batches and giving each face its own normal
costs a tenth of welding corners and searching creases. Proved in tests/annotate/world/test_kit.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, Vec3, face_normals, merge, soup
from rareworld.annotate.world.model import Mesh
from rareworld.core.geometry import FloatArray
from rareworld.core.taxonomy import ClassId

Point = tuple[float | int, float | int, float | int] | FloatArray
"""One point, or many as an array (n, 3)."""
_LOW = np.array(
    [[0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=np.float64
)
_U = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1]], dtype=np.float64)
_V = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 0]], dtype=np.float64)
"""Corner and both sides of the six faces of a unit box: bottom, top, -y, +x, +y, -x."""


def rectangles(low: FloatArray, u: FloatArray, v: FloatArray) -> Float[np.ndarray, "f 3 3"]:
    """Return rectangles low, low + u, low + u + v, low + v as triangles, normal u x v."""
    low, u, v = (np.asarray(part, dtype=np.float64).reshape(-1, 3) for part in (low, u, v))
    far = low + u + v
    corner = np.empty((len(far), 6, 3))
    corner[:, 0] = corner[:, 3] = low
    corner[:, 1], corner[:, 5] = low + u, low + v
    corner[:, 2] = corner[:, 4] = far
    return corner.reshape(-1, 3, 3)


def boxes(low_m: FloatArray, high_m: FloatArray) -> Float[np.ndarray, "f 3 3"]:
    """Return the faces of boxes between two corners each, arrays (n, 3)."""
    low, high = np.broadcast_arrays(
        np.asarray(low_m, dtype=np.float64).reshape(-1, 3),
        np.asarray(high_m, dtype=np.float64).reshape(-1, 3),
    )
    size = (high - low)[:, None]
    return rectangles(
        (low[:, None] + _LOW * size).reshape(-1, 3),
        (_U * size).reshape(-1, 3),
        (_V * size).reshape(-1, 3),
    )


@final
@dataclass
class Kit:
    """Gathers flat faces of one class by material."""

    class_id: ClassId
    faces: dict[str, list[Float[np.ndarray, "_ 3 3"]]] = field(
        default_factory=dict[str, list[Float[np.ndarray, "_ 3 3"]]]
    )

    def add(self, name: str, corners_m: Float[np.ndarray, "f 3 3"]) -> None:
        """Add triangles of a material."""
        self.faces.setdefault(name, []).append(corners_m)

    def box(self, name: str, low_m: Point, high_m: Point) -> None:
        """Add one box, or many by arrays of their corners."""
        self.add(name, boxes(*(np.asarray(p, dtype=np.float64) for p in (low_m, high_m))))

    def panel(self, name: str, low: Point, u: Point, v: Point) -> None:
        """Add one rectangle, or many, that face along u x v."""
        self.add(name, rectangles(*(np.asarray(p, dtype=np.float64) for p in (low, u, v))))

    def take(self, other: "Kit", yaw_rad: float, by_m: Vec3) -> None:
        """Add another kit's faces, turned about z and shifted."""
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        for name, parts in other.faces.items():
            self.add(name, np.concatenate(parts) @ turn + np.asarray(by_m))

    def soup(self) -> Soup:
        """Return everything gathered."""
        return merge(
            [soup(np.concatenate(parts), skin(name, self.class_id))
             for name, parts in self.faces.items()]
        )  # fmt: skip


def faceted(part: Soup) -> Mesh:
    """Return the mesh with one normal per face; the two halves of a rectangle share corners."""
    face = face_normals(part.corners_m)
    unit = face / np.linalg.norm(face, axis=1, keepdims=True)
    second = _second_halves(part, unit)
    count = np.where(second, 1, 3)
    start = np.cumsum(count) - count
    own = start[:, None] + np.arange(3)
    first = np.flatnonzero(second) - 1
    shared = np.column_stack([own[first, 0], own[first, 2], start[second]])
    own[second] = shared
    keep = np.repeat(~second[:, None], 3, axis=1)
    keep[:, 2] = True
    return Mesh(
        vertices_m=part.corners_m[keep].astype(np.float32),
        normals=np.repeat(unit[:, None], 3, axis=1)[keep].astype(np.float32),
        uv_m=part.uv_m[keep].astype(np.float32),
        triangles=own.astype(np.int32),
        material=part.material.astype(np.int32),
        class_id=part.class_id,
    )


def _second_halves(part: Soup, unit: Float[np.ndarray, "f 3"]) -> Bool[np.ndarray, "f"]:
    """Return which triangles complete the one before to a rectangle."""
    corner, uv = part.corners_m, part.uv_m
    same = (corner[:-1, 0] == corner[1:, 0]) & (corner[:-1, 2] == corner[1:, 1])
    flat = np.abs(unit[:-1] - unit[1:]).max(axis=1, initial=0.0) < 1e-6
    smooth = (uv[:-1, 0] == uv[1:, 0]) & (uv[:-1, 2] == uv[1:, 1])
    joins = np.zeros(len(corner), dtype=np.bool_)
    joins[1:] = same.all(axis=1) & flat & smooth.all(axis=1)
    joins[1:] &= part.material[:-1] == part.material[1:]
    place = np.arange(len(corner))
    run = place - np.maximum.accumulate(np.where(joins, 0, place))
    return joins & (run % 2 == 1)


def placed(mesh: Mesh, yaw_rad: float, by_m: Vec3, scale: Vec3 = (1.0, 1.0, 1.0)) -> Mesh:
    """Return the mesh stretched, turned about z and shifted."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    size = np.asarray(scale, dtype=np.float32)
    normal = mesh.normals if scale == (1.0, 1.0, 1.0) else _unit(mesh.normals / size)
    shift = np.asarray(by_m, dtype=np.float32)
    return Mesh(
        vertices_m=(mesh.vertices_m * size) @ turn + shift,
        normals=normal @ turn,
        uv_m=mesh.uv_m,
        triangles=mesh.triangles,
        material=mesh.material,
        class_id=mesh.class_id,
    )


def _unit(vectors: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "v 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Return one mesh of many, triangles in the order given."""
    sizes = [len(mesh.vertices_m) for mesh in meshes]
    starts = np.cumsum([0, *sizes])[:-1].astype(np.int32)
    return Mesh(
        vertices_m=np.concatenate([mesh.vertices_m for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        uv_m=np.concatenate([mesh.uv_m for mesh in meshes]),
        triangles=np.concatenate(
            [mesh.triangles + start for mesh, start in zip(meshes, starts, strict=True)]
        ),
        material=np.concatenate([mesh.material for mesh in meshes]),
        class_id=np.concatenate([mesh.class_id for mesh in meshes]),
    )
