"""The water of a flood: one level sheet that stands a little over the lowest road.

The sheet is part of the static mesh (labels see water where it hides the road); `with_flood` takes
an earlier one away first, so that one world serves floods of any height and none.
Proved in tests/annotate/world/test_relight.py.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.kit import joined
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.model import Mesh, RenderScene
from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.taxonomy import ClassId

WATER = "flood water"
_CELL_M = 25.0
_NEAR_M, _REACH_M = 60.0, 400.0
_LOWEST_SHARE = 0.10


def with_flood(made: RenderScene, road: RoadMap, depth_m: float) -> RenderScene:
    """Return the scene with water standing `depth_m` over the lowest road near its middle.

    Args:
        made: Drawable scene, with or without water.
        road: Its road.
        depth_m: Over the lowest tenth of the road surface; 0 or less is none.
    """
    dry = _without(made)
    if depth_m <= 0:
        return dry
    low, high = _extent(dry.static)
    water = _sheet(low, high, _level(road, (low + high) / 2) + depth_m)
    ids = np.zeros(len(water.triangles), dtype=np.uint32)
    return replace(
        dry,
        static=joined([dry.static, water]),
        static_object_id=np.concatenate([dry.static_object_id, ids]),
    )


def _without(made: RenderScene) -> RenderScene:
    """Return the scene without any flood; water is always last in the static mesh."""
    count = int(np.sum(made.static.material == material(WATER)))
    if not count:
        return made
    still, keep = made.static, len(made.static.triangles) - count
    corners = int(still.triangles[keep:].min())
    mesh = replace(
        still,
        vertices_m=still.vertices_m[:corners],
        normals=still.normals[:corners],
        uv_m=still.uv_m[:corners],
        triangles=still.triangles[:keep],
        material=still.material[:keep],
        class_id=still.class_id[:keep],
    )
    return replace(made, static=mesh, static_object_id=made.static_object_id[:keep])


def _extent(mesh: Mesh) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Return two corners of what stands still, seen from above, at most the reach away."""
    flat = mesh.vertices_m[:, :2].astype(np.float64)
    low, high = flat.min(axis=0), flat.max(axis=0)
    middle = (low + high) / 2
    return np.maximum(low, middle - _REACH_M), np.minimum(high, middle + _REACH_M)


def _level(road: RoadMap, middle: Float[np.ndarray, "2"]) -> float:
    """Return the height of the lowest road near the middle (of all road if none is near)."""
    lanes = [lane.centre_m for lane in road.lanes.values() if lane.kind is LaneKind.DRIVING]
    points = np.concatenate(lanes)
    near = np.hypot(*(points[:, :2] - middle).T) < _NEAR_M
    return float(np.quantile(points[near if near.any() else slice(None), 2], _LOWEST_SHARE))


def _sheet(low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"], level_m: float) -> Mesh:
    """Return a level grid of triangles that look up."""
    x, y = (
        np.linspace(a, b, max(int(np.ceil((b - a) / _CELL_M)), 1) + 1)
        for a, b in zip(low, high, strict=True)
    )
    across, along = np.meshgrid(x, y, indexing="ij")
    points = np.column_stack([across.ravel(), along.ravel(), np.full(across.size, level_m)])
    first = (np.arange(len(x) - 1)[:, None] * len(y) + np.arange(len(y) - 1)).ravel()
    right = first + len(y)
    triangles = np.concatenate(
        [np.column_stack([first, right, right + 1]), np.column_stack([first, right + 1, first + 1])]
    )
    return Mesh(
        vertices_m=points.astype(np.float32),
        normals=np.tile(np.array([0, 0, 1], np.float32), (len(points), 1)),
        uv_m=points[:, :2].astype(np.float32),
        triangles=triangles.astype(np.int32),
        material=np.full(len(triangles), material(WATER), np.int32),
        class_id=np.full(len(triangles), ClassId.WATER, np.uint8),
    )
