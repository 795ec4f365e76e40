"""Builder toolkit: triangle soups made of boxes, lofts, cylinders, spheres, extrusions, patches.

A `Soup` is a bag of loose triangles: cheap to move, merge and mirror. `finish` turns it into the
indexed `Mesh` of the contract: corners are welded, and normals are averaged over the faces of a
corner that meet at less than the crease angle. Proved in tests/annotate/world/test_mesh.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import mapbox_earcut
import numpy as np
from jaxtyping import Float, Int, UInt8

from rareworld.annotate.world.model import Mesh
from rareworld.core.geometry import FloatArray
from rareworld.core.taxonomy import ClassId

_WELD_M = 1e-5
_MIN_AREA_M2 = 1e-11

Vec3 = tuple[float, float, float]
"""A point or size in metres."""


@final
@dataclass(frozen=True)
class Skin:
    """What a surface is: its material and its class."""

    material: int
    """Index into `materials.MATERIALS`."""
    class_id: ClassId


@final
@dataclass(frozen=True, kw_only=True)
class Soup:
    """Loose triangles, counter-clockwise seen from outside."""

    corners_m: Float[np.ndarray, "f 3 3"]
    uv_m: Float[np.ndarray, "f 3 2"]
    material: Int[np.ndarray, "f"]
    class_id: UInt8[np.ndarray, "f"]

    @property
    def size(self) -> int:
        """Number of triangles."""
        return len(self.corners_m)

    @property
    def bounds_m(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """Lowest and highest coordinates."""
        points = self.corners_m.reshape(-1, 3)
        return points.min(axis=0), points.max(axis=0)


def face_normals(corners_m: Float[np.ndarray, "f 3 3"]) -> Float[np.ndarray, "f 3"]:
    """Return normals whose length is twice the area of each triangle, square metres."""
    ax, ay, az = (corners_m[:, 1] - corners_m[:, 0]).T
    bx, by, bz = (corners_m[:, 2] - corners_m[:, 0]).T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)


def soup(corners_m: Float[np.ndarray, "f 3 3"], skin: Skin) -> Soup:
    """Return triangles of one skin with box-projected texture coordinates; slivers are dropped."""
    corners = np.asarray(corners_m, dtype=np.float64)
    normal = face_normals(corners)
    keep = np.linalg.norm(normal, axis=1) > 2 * _MIN_AREA_M2
    corners, normal = corners[keep], normal[keep]
    return Soup(
        corners_m=corners,
        uv_m=_box_uv(corners, normal),
        material=np.full(len(corners), skin.material, dtype=np.int32),
        class_id=np.full(len(corners), int(skin.class_id), dtype=np.uint8),
    )


def _box_uv(
    corners: Float[np.ndarray, "f 3 3"], normal: Float[np.ndarray, "f 3"]
) -> Float[np.ndarray, "f 3 2"]:
    """Project steep faces along their horizontal tangent, the others from above."""
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    flat = np.abs(unit[:, 2]) > 0.7
    tangent = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    along = np.einsum("fcd,fd->fc", corners[..., :2], tangent)
    side = np.stack([along, corners[..., 2]], axis=-1)
    return np.where(flat[:, None, None], corners[..., :2], side)


def merge(parts: Sequence[Soup]) -> Soup:
    """Return all triangles in the order given."""
    return Soup(
        corners_m=np.concatenate([part.corners_m for part in parts]),
        uv_m=np.concatenate([part.uv_m for part in parts]),
        material=np.concatenate([part.material for part in parts]),
        class_id=np.concatenate([part.class_id for part in parts]),
    )


def moved(
    part: Soup, *, by_m: Vec3 = (0.0, 0.0, 0.0), yaw_rad: float = 0.0, pitch_rad: float = 0.0
) -> Soup:
    """Return the soup turned about y, then about z, then shifted."""
    cy, sy, cp, sp = np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad)
    turn = np.array([[cy * cp, -sy, cy * sp], [sy * cp, cy, sy * sp], [-sp, 0.0, cp]])
    return replace(part, corners_m=part.corners_m @ turn.T + np.asarray(by_m))


def scaled(part: Soup, factor: Vec3) -> Soup:
    """Return the soup stretched along its axes by positive factors."""
    return replace(part, corners_m=part.corners_m * np.asarray(factor))


def mirrored(part: Soup) -> Soup:
    """Return the soup reflected to the other side of y = 0, winding kept outward."""
    flip = part.corners_m * np.array([1.0, -1.0, 1.0])
    return replace(part, corners_m=flip[:, ::-1], uv_m=part.uv_m[:, ::-1])


def both_sides(part: Soup) -> Soup:
    """Return the soup and its mirror image."""
    return merge([part, mirrored(part)])


def signed_volume_m3(part: Soup) -> float:
    """Return the volume a closed soup encloses; negative if it is inside out."""
    a, b, c = np.moveaxis(part.corners_m - part.corners_m.mean(axis=(0, 1)), 1, 0)
    return float(np.sum(a * np.cross(b, c)) / 6)


def _outward(corners: Float[np.ndarray, "f 3 3"], skin: Skin) -> Soup:
    """Return a closed soup, turned right side out."""
    made = soup(corners, skin)
    if signed_volume_m3(made) >= 0:
        return made
    return replace(made, corners_m=made.corners_m[:, ::-1], uv_m=made.uv_m[:, ::-1])


def _quads(
    a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray
) -> Float[np.ndarray, "f 3 3"]:
    """Split quads a-b-c-d (counter-clockwise, each (..., 3)) into triangles."""
    first = np.stack([a, b, c], axis=-2).reshape(-1, 3, 3)
    second = np.stack([a, c, d], axis=-2).reshape(-1, 3, 3)
    return np.stack([first, second], axis=1).reshape(-1, 3, 3)


def sheet(points_m: Float[np.ndarray, "n m 3"], skin: Skin) -> Soup:
    """Return an open surface; its normal is (along first axis) x (along second axis)."""
    p = np.asarray(points_m, dtype=np.float64)
    return soup(_quads(p[:-1, :-1], p[1:, :-1], p[1:, 1:], p[:-1, 1:]), skin)


def loft(rings_m: Float[np.ndarray, "n m 3"], skin: Skin) -> Soup:
    """Return a closed body through n rings of m points; the ends are closed by fans."""
    p = np.asarray(rings_m, dtype=np.float64)
    q = np.roll(p, -1, axis=1)
    wall = _quads(p[:-1], p[1:], q[1:], q[:-1])
    ends = [
        np.stack([np.broadcast_to(ring.mean(axis=0), ring.shape), *edge], axis=1)
        for ring, edge in ((p[0], (p[0], q[0])), (p[-1], (q[-1], p[-1])))
    ]
    return _outward(np.concatenate([wall, *ends]), skin)


def symmetric_loft(halves_m: Float[np.ndarray, "n m 3"], skin: Skin) -> Soup:
    """Return a closed body through half sections (y >= 0, bottom to top), mirrored at y = 0.

    Ends are closed by strips between the two sides, so that flat noses stay flat.
    """
    left = np.asarray(halves_m, dtype=np.float64)
    right = left * np.array([1.0, -1.0, 1.0])
    ring = np.concatenate([left, right[:, ::-1]], axis=1)
    around = np.roll(ring, -1, axis=1)
    wall = _quads(ring[:-1], ring[1:], around[1:], around[:-1])
    nose = _quads(left[0, :-1], left[0, 1:], right[0, 1:], right[0, :-1])
    tail = _quads(left[-1, :-1], right[-1, :-1], right[-1, 1:], left[-1, 1:])
    return _outward(np.concatenate([wall, nose, tail]), skin)


_SQUARE = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
_BOX = np.array([[x, y, z] for z in (-0.5, 0.5) for x, y in _SQUARE])
_BOX_FACES = np.array(
    [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]
)


def box(size_m: Vec3, centre_m: Vec3, skin: Skin) -> Soup:
    """Return an upright box."""
    corner = (_BOX * np.asarray(size_m) + np.asarray(centre_m))[_BOX_FACES]
    return soup(_quads(*np.moveaxis(corner, 1, 0)), skin)


def span_box(low_m: Vec3, high_m: Vec3, skin: Skin) -> Soup:
    """Return the box between two corners."""
    low, high = np.asarray(low_m, dtype=np.float64), np.asarray(high_m, dtype=np.float64)
    size, centre = high - low, (high + low) / 2
    return box((size[0], size[1], size[2]), (centre[0], centre[1], centre[2]), skin)


def circle(segments: int) -> Float[np.ndarray, "s 2"]:
    """Return points of the unit circle, counter-clockwise from (1, 0)."""
    angle = np.arange(segments) * (2 * np.pi / segments)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _frame(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return two unit vectors that span the plane across an axis."""
    helper = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    u = np.cross(helper, axis)
    u /= np.linalg.norm(u)
    return u, np.cross(axis, u)


def tube(
    path_m: Sequence[Vec3] | FloatArray, radii_m: Sequence[float], skin: Skin, segments: int = 10
) -> Soup:
    """Return a round body along a path with a radius at each point, ends closed."""
    path = np.asarray(path_m, dtype=np.float64)
    axis = path[-1] - path[0]
    u, v = _frame(axis / np.linalg.norm(axis))
    ring = circle(segments) @ np.stack([u, v])
    return loft(path[:, None] + np.asarray(radii_m)[:, None, None] * ring, skin)


def sphere(centre_m: Vec3, radii_m: Vec3, skin: Skin, segments: int = 10) -> Soup:
    """Return an ellipsoid."""
    polar = np.linspace(0.0, np.pi, max(segments // 2 + 1, 4))[1:-1]
    ring = circle(segments)
    xy = np.sin(polar)[:, None, None] * ring
    z = np.broadcast_to(np.cos(polar)[:, None, None], (*xy.shape[:2], 1))
    inner = loft(np.concatenate([xy, z], axis=-1), skin).corners_m
    polar_cap = np.linalg.norm(inner, axis=-1) < 0.999
    poles = np.where(polar_cap[..., None], np.sign(inner) * np.array([0.0, 0.0, 1.0]), inner)
    return soup(poles * np.asarray(radii_m) + np.asarray(centre_m), skin)


def triangulate(
    outer: Float[np.ndarray, "p 2"], holes: Sequence[Float[np.ndarray, "_ 2"]] = ()
) -> Float[np.ndarray, "f 3 2"]:
    """Return counter-clockwise triangles that fill a polygon with holes (ear clipping)."""
    rings = [outer, *holes]
    points = np.concatenate(rings).astype(np.float64)
    ends = np.cumsum([len(ring) for ring in rings]).astype(np.uint32)
    index = mapbox_earcut.triangulate_float64(points, ends).reshape(-1, 3)
    corners = points[index]
    edge = corners[:, 1:] - corners[:, :1]
    turned = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0] < 0
    corners[turned] = corners[turned][:, ::-1]
    return corners


def extrude(outline_m: Float[np.ndarray, "p 2"], low_m: float, high_m: float, skin: Skin) -> Soup:
    """Return the closed prism over a simple outline in the xy plane."""
    flat = triangulate(outline_m)
    z = np.zeros((*flat.shape[:2], 1))
    top = np.concatenate([flat, z + high_m], axis=-1)
    bottom = np.concatenate([flat, z + low_m], axis=-1)[:, ::-1]
    ring = np.concatenate([outline_m, np.zeros((len(outline_m), 1))], axis=1)
    before = np.roll(ring, 1, axis=0)
    if np.sum(before[:, 0] * ring[:, 1] - before[:, 1] * ring[:, 0]) < 0:
        ring = ring[::-1]
    low, high = (ring + np.array([0.0, 0.0, z_m]) for z_m in (low_m, high_m))
    wall = _quads(low, np.roll(low, -1, axis=0), np.roll(high, -1, axis=0), high)
    return soup(np.concatenate([top, bottom, wall]), skin)


def finish(part: Soup, crease_deg: float = 38.0) -> Mesh:
    """Return the indexed mesh; edges sharper than the crease angle stay sharp."""
    face = face_normals(part.corners_m)
    unit = face / np.linalg.norm(face, axis=1, keepdims=True)
    position = part.corners_m.reshape(-1, 3)
    vertex = _numbered(np.round(position / _WELD_M).astype(np.int64))[1]
    normal = _crease_normals(vertex, face, unit, float(np.cos(np.radians(crease_deg))))
    uv = part.uv_m.reshape(-1, 2)
    rest = np.round(np.concatenate([normal, uv], axis=1) / _WELD_M).astype(np.int64)
    first, index = _numbered(np.column_stack([vertex, rest]))
    return Mesh(
        vertices_m=position[first].astype(np.float32),
        normals=normal[first].astype(np.float32),
        uv_m=uv[first].astype(np.float32),
        triangles=index.reshape(-1, 3).astype(np.int32),
        material=part.material.astype(np.int32),
        class_id=part.class_id,
    )


def _numbered(
    rows: Int[np.ndarray, "n k"],
) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "n"]]:
    """Return where each distinct row first occurs, in that order, and the number of every row.

    Rows are told apart by a 64-bit hash (splitmix64, Steele et al. 2014); two of a million rows
    are mistaken for each other once in 10 million scenes.
    """
    key = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T.astype(np.uint64):
        key = (key ^ column) + np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[index.reshape(-1)]


def _crease_normals(
    vertex: Int[np.ndarray, "c"],
    face: Float[np.ndarray, "f 3"],
    unit: Float[np.ndarray, "f 3"],
    min_cos: float,
) -> Float[np.ndarray, "c 3"]:
    """Return a normal per corner: area-weighted over faces at its vertex within the crease."""
    order = np.argsort(vertex, kind="stable")
    count = np.bincount(vertex)
    start = np.cumsum(count) - count
    pairs = count[vertex]
    one = np.repeat(np.arange(len(vertex)), pairs)
    within = np.arange(len(one)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    other = order[start[vertex[one]] + within] // 3
    near = np.einsum("pd,pd->p", unit[one // 3], unit[other]) >= min_cos - 1e-9
    weighted = face[other] * near[:, None]
    total = np.stack(
        [np.bincount(one, weighted[:, axis], len(vertex)) for axis in range(3)], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), unit.repeat(3, axis=0))


def _aim(axis: int) -> tuple[int, int]:
    """Return the two axes of the plane seen along an axis."""
    return ((1, 2), (0, 2), (0, 1))[axis]


def surface_at(
    body: Soup, axis: int, side: int, plane_m: Float[np.ndarray, "p 2"]
) -> Float[np.ndarray, "p 3"]:
    """Return where rays along an axis first meet a body.

    Args:
        body: The surface.
        axis: 0 (plane is y, z), 1 (x, z) or 2 (x, y).
        side: +1 to look from the positive end, -1 from the negative end.
        plane_m: Points in that plane.

    Raises:
        ValueError: If a point passes the body by.
    """
    u, v = _aim(axis)
    a, b, c = np.moveaxis(body.corners_m, 1, 0)
    e1, e2 = (b - a)[:, [u, v]], (c - a)[:, [u, v]]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    safe = np.where(np.abs(area) > 1e-12, area, np.inf)
    rel = plane_m[:, None] - a[None, :, [u, v]]
    s = (rel[..., 0] * e2[:, 1] - rel[..., 1] * e2[:, 0]) / safe
    t = (e1[:, 0] * rel[..., 1] - e1[:, 1] * rel[..., 0]) / safe
    hit = (s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6) & (np.abs(area) > 1e-12)
    depth = a[:, axis] + s * (b - a)[:, axis] + t * (c - a)[:, axis]
    best = np.where(hit, side * depth, -np.inf).max(axis=1)
    if not np.isfinite(best).all():
        raise ValueError(f"points miss the body: {plane_m[~np.isfinite(best)][:3].tolist()}")
    out = np.empty((len(plane_m), 3))
    out[:, [u, v]], out[:, axis] = plane_m, side * best
    return out


def lathe(profile_m: Sequence[tuple[float, float]], skin: Skin, segments: int = 20) -> Soup:
    """Return a body of revolution about the y axis from (radius, y) points.

    The profile starts and ends on the axis or closes on itself, so that the body is closed.
    """
    profile = np.asarray(profile_m, dtype=np.float64)
    ring = circle(segments)
    ring = np.concatenate([ring, ring[:1]])
    points = np.empty((len(ring), len(profile), 3))
    points[..., [0, 2]] = ring[:, None] * profile[:, :1]
    points[..., 1] = profile[:, 1]
    return _outward(sheet(points, skin).corners_m, skin)
