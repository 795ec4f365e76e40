"""Pushes a mesh in where it was hit: finer triangles there, crumpled, with broken lamps and glass.

The surface moves along the dent's direction, most at the contact and less with depth behind it, so
that the front folds while the cabin stays; folds are noise that grows with the crush. Nothing
moves outwards, hence boxes in labels stay true.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.model import Mesh
from rareworld.core.geometry import FloatArray

EDGE_M = 0.10
"""Edges within a dent are split until they are no longer than this."""
_ROUNDS = 3
_DECAY_M = 0.7
"""How far behind the surface the push has fallen to 1/e."""
_FOLD_M = 0.16
"""Size of folds."""
_SHATTER_M = 0.10
"""Crush from which lamps and glass within the dent break."""


def crumpled(
    mesh: Mesh, point_m: FloatArray, inward: FloatArray, depth_m: float, radius_m: float
) -> Mesh:
    """Return a mesh with one more dent; point and direction in the mesh's own frame."""
    finer = mesh
    for _ in range(_ROUNDS):
        longer = _refined(finer, point_m, radius_m)
        if longer is finer:
            break
        finer = longer
    points = finer.vertices_m.astype(np.float64)
    push = _push_m(points, point_m, inward, depth_m, radius_m)
    moved = points + push[:, None] * inward
    return replace(
        finer,
        vertices_m=moved.astype(np.float32),
        normals=_renewed(finer, moved, push > 1e-4),
        material=_broken(finer, points, point_m, depth_m, radius_m),
    )


def reaches(mesh: Mesh, point_m: FloatArray, radius_m: float) -> bool:
    """Return whether a dent touches any vertex of a mesh."""
    away = np.linalg.norm(mesh.vertices_m - point_m, axis=1)
    return bool((away < radius_m).any())


def _push_m(
    points: Float[np.ndarray, "v 3"],
    point_m: FloatArray,
    inward: FloatArray,
    depth_m: float,
    radius_m: float,
) -> Float[np.ndarray, "v"]:
    """Return how far each point moves inward, metres, 0..1.5 times the depth."""
    away = points - point_m
    behind = away @ inward
    aside = np.linalg.norm(away - behind[:, None] * inward, axis=1)
    share = np.clip(1 - (aside / radius_m) ** 3, 0, 1)
    share *= np.exp(-np.clip(behind, 0, None) / _DECAY_M)
    # what lies on the far side of the body is out of reach
    share[behind > 3 * _DECAY_M] = 0.0
    return depth_m * share * (0.5 + _noise(points / _FOLD_M))


def _noise(at: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "v"]:
    """Return smooth value noise in 0..1 on the unit lattice (Perlin 1985's interpolation)."""
    cell = np.floor(at).astype(np.int64)
    part = at - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(len(at))
    for corner in range(8):
        step = np.array([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
        weight = np.where(step, part, 1 - part).prod(axis=1)
        total += weight * _hashed(cell + step)
    return total


def _hashed(cell: Int[np.ndarray, "v 3"]) -> Float[np.ndarray, "v"]:
    """Return a number in 0..1 for each lattice point."""
    key = cell.astype(np.uint64) @ np.array([73856093, 19349663, 83492791], dtype=np.uint64)
    key = (key ^ (key >> np.uint64(15))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((key >> np.uint64(40)) & np.uint64(0xFFFF)).astype(np.float64) / 0xFFFF


def _refined(mesh: Mesh, point_m: FloatArray, radius_m: float) -> Mesh:
    """Return the mesh with long edges near a point halved; the same mesh if there is none.

    An edge is split by its ends alone, so that triangles on both sides agree and no gap opens.
    """
    points = mesh.vertices_m.astype(np.float64)
    corners = points[mesh.triangles]
    ends = np.roll(corners, -1, axis=1)
    length = np.linalg.norm(ends - corners, axis=2)
    near = np.linalg.norm((corners + ends) / 2 - point_m, axis=2) < radius_m + length / 2
    split = near & (length > EDGE_M)
    if not split.any():
        return mesh
    return _halved(mesh, split)


def _halved(mesh: Mesh, split: Bool[np.ndarray, "f 3"]) -> Mesh:
    """Return the mesh with marked edges (edge k runs from corner k to k + 1) cut in two."""
    pairs = np.sort(np.stack([mesh.triangles, np.roll(mesh.triangles, -1, axis=1)], 2), axis=2)
    wanted, index = np.unique(pairs[split], axis=0, return_inverse=True)
    middle = np.full(split.shape, -1, dtype=np.int64)
    middle[split] = len(mesh.vertices_m) + index.reshape(-1)
    pieces, owner = _pieces(mesh.triangles.astype(np.int64), middle)
    return replace(
        mesh,
        vertices_m=_with_means(mesh.vertices_m, wanted),
        normals=_with_means(mesh.normals, wanted),
        uv_m=_with_means(mesh.uv_m, wanted),
        triangles=pieces.astype(np.int32),
        material=mesh.material[owner],
        class_id=mesh.class_id[owner],
    )


def _with_means(values: np.ndarray, pairs: Int[np.ndarray, "e 2"]) -> np.ndarray:
    """Return values with the mean of each pair appended."""
    return np.concatenate([values, values[pairs].mean(axis=1)]).astype(values.dtype)


_CUTS: dict[int, tuple[tuple[int, int, int], ...]] = {
    0: ((0, 1, 2),),
    1: ((0, 3, 2), (3, 1, 2)),
    3: ((3, 1, 4), (0, 3, 4), (0, 4, 2)),
    7: ((0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)),
}
"""Pieces of a triangle by its split edges (bit k: edge k); 0 to 2 are corners, 3 to 5 middles."""


def _pieces(
    triangles: Int[np.ndarray, "f 3"], middle: Int[np.ndarray, "f 3"]
) -> tuple[Int[np.ndarray, "g 3"], Int[np.ndarray, "g"]]:
    """Return the pieces of all triangles and which triangle each comes from."""
    mask = (middle >= 0) @ np.array([1, 2, 4])
    # turn each triangle so that its cut is one of the table's: 1, 3, 7 from 1/2/4, 3/6/5, 7
    turn = np.select([np.isin(mask, (2, 6)), np.isin(mask, (4, 5))], [1, 2], 0)
    order = (np.arange(3) + turn[:, None]) % 3
    nodes = np.concatenate(
        [np.take_along_axis(triangles, order, 1), np.take_along_axis(middle, order, 1)], axis=1
    )
    kind = np.select([mask == 0, np.isin(mask, (1, 2, 4)), mask == 7], [0, 1, 7], 3)
    parts = [
        (nodes[kind == code][:, cut], np.flatnonzero(kind == code))
        for code, cuts in _CUTS.items()
        for cut in cuts
    ]
    owner = np.concatenate([rows for _, rows in parts])
    pieces = np.concatenate([corners.reshape(-1, 3) for corners, _ in parts])
    by_owner = np.argsort(owner, kind="stable")
    return pieces[by_owner], owner[by_owner]


def _renewed(
    mesh: Mesh, points: Float[np.ndarray, "v 3"], changed: Bool[np.ndarray, "v"]
) -> Float[np.ndarray, "v 3"]:
    """Return normals; those of moved vertices are averaged over their triangles anew."""
    corners = points[mesh.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(points)
    for k in range(3):
        np.add.at(total, mesh.triangles[:, k], face)
    length = np.linalg.norm(total, axis=1)
    good = changed & (length > 1e-12)
    normals = mesh.normals.copy()
    normals[good] = (total[good] / length[good, None]).astype(np.float32)
    return normals


def _broken(
    mesh: Mesh,
    points: Float[np.ndarray, "v 3"],
    point_m: FloatArray,
    depth_m: float,
    radius_m: float,
) -> Int[np.ndarray, "f"]:
    """Return the materials with lamps and glass within a deep dent shattered."""
    if depth_m < _SHATTER_M:
        return mesh.material
    middle = points[mesh.triangles].mean(axis=1)
    hit = np.linalg.norm(middle - point_m, axis=1) < radius_m
    lit = [index for index, made in enumerate(MATERIALS) if made.lit_when]
    lamp = np.isin(mesh.material, lit)
    glass = mesh.material == material("car glass")
    out = mesh.material.copy()
    out[hit & lamp] = material("lamp broken")
    out[hit & glass] = material("glass broken")
    return out
