"""Carriageways, paint, kerbs, pavements, bridges and the grass around them as triangles.

Areas come from `plan` (disjoint), heights from `ground`; here they become faces. Pavements and
medians lie where the map has them, joined to the road by upright kerb faces; lanes that pass over
others become slabs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rareworld.annotate.world.ground import HeightField, height_field, lane_levels
from rareworld.annotate.world.markings import dropped_m
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Skin, Soup, circle, merge, sheet, soup, triangulate
from rareworld.annotate.world.plan import Plan, both, lane_area, make_plan, minus, tiles, unite
from rareworld.core.road import Lane, LaneKind, Marking, RoadMap
from rareworld.core.taxonomy import ClassId
from rareworld.errors import MapError

_FLAT_CELL_M = 40.0
_HILL_CELL_M = 10.0
_SLAB_M = 0.9
_HORIZON_M = 3000.0
_NEAR_M = 150.0
_FLUSH_M = 0.03
_RAISED = (LaneKind.SIDEWALK, LaneKind.KERB, LaneKind.MEDIAN)
"""Lanes that may stand above the carriageway; the map says how high."""


@final
@dataclass(frozen=True, kw_only=True)
class GroundSize:
    """How far the ground is drawn."""

    focus_m: tuple[float, float]
    radius_m: float
    """Roads are drawn within this distance of the focus."""
    verge_m: float
    """Grass follows the terrain this much farther; beyond lies a plain up to the horizon."""


@final
@dataclass(frozen=True, kw_only=True)
class Yard:
    """Ground off the road that is not grass."""

    area: BaseGeometry
    material: str
    class_id: ClassId = ClassId.SIDEWALK


@final
@dataclass(frozen=True)
class Ground:
    """The ground as drawn and as planned."""

    shape: Soup
    plan: Plan
    """Areas of the lowest level."""
    field: HeightField
    """Height of the carriageway and of the land of that level."""
    cell_m: float
    """Largest side of its faces."""


@final
@dataclass(frozen=True)
class _Level:
    """The lanes of one level with their heights."""

    plan: Plan
    base: HeightField
    top: HeightField
    """Of pavements, kerbs and medians."""
    cell_m: float


def flat_faces(
    area: BaseGeometry, field: HeightField, cell_m: float, look: Skin, *, rise_m: float = 0.0
) -> list[Soup]:
    """Return an area as faces that look up, `rise_m` above a height field."""
    made: list[np.ndarray] = []
    for piece in tiles(area, cell_m):
        rings = [np.asarray(ring.coords)[:-1, :2] for ring in (piece.exterior, *piece.interiors)]
        made.append(triangulate(rings[0], rings[1:]))
    if not made:
        return []
    xy = np.concatenate(made)
    z = field.at(xy.reshape(-1, 2)).reshape(*xy.shape[:2], 1) + rise_m
    return [soup(np.concatenate([xy, z], axis=-1), look)]


def walls(faces: Sequence[Soup], low: HeightField, low_m: float, look: Skin) -> list[Soup]:
    """Return upright faces from the open edges of a surface down to a height field."""
    if not faces:
        return []
    corner = np.concatenate([part.corners_m for part in faces])
    start, end = corner.reshape(-1, 3), np.roll(corner, -1, axis=1).reshape(-1, 3)
    key = np.round(np.concatenate([start, end])[:, :2] * 1000).astype(np.int64)
    number = np.unique(key, axis=0, return_inverse=True)[1].reshape(2, -1)
    span = int(number.max()) + 1
    open_edge = ~np.isin(number[0] * span + number[1], number[1] * span + number[0])
    a, b = start[open_edge], end[open_edge]
    down = [np.column_stack([p[:, :2], low.at(p[:, :2]) + low_m]) for p in (a, b)]
    quads = np.stack([np.stack([down[0], a], axis=1), np.stack([down[1], b], axis=1)], axis=1)
    faces_m = np.concatenate([quads[:, 0, :1], quads[:, 1], quads[:, 0, 1:]], axis=1)
    return [soup(faces_m[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3), look)]


def _levels(road: RoadMap, lanes: Sequence[Lane], size: GroundSize) -> list[_Level]:
    """Return the drawn levels, ground first."""
    number = lane_levels(lanes)
    disc = shapely.Point(size.focus_m).buffer(size.radius_m, quad_segs=16)
    marks = _marks_by_level(road.markings, lanes, number)
    made: list[_Level] = []
    for level in range(int(number.max()) + 1):
        mine = [lane for lane, at in zip(lanes, number, strict=True) if at == level]
        if mine:
            made.append(_level(road, mine, marks.get(level, []), disc))
    return made


def _level(road: RoadMap, lanes: list[Lane], marks: list[Marking], disc: BaseGeometry) -> _Level:
    base = height_field([lane for lane in lanes if lane.kind not in _RAISED] or lanes)
    top = height_field([lane for lane in lanes if lane.kind in _RAISED] or lanes)
    flat = base.flat_m is not None and top.flat_m is not None
    solid = [lane for lane in lanes if lane.kind != LaneKind.MEDIAN or _stands_above(lane, base)]
    plan = make_plan(road, solid, marks, disc)
    return _Level(plan, base, top, _FLAT_CELL_M if flat else _HILL_CELL_M)


def _stands_above(lane: Lane, base: HeightField) -> bool:
    """Tell whether a median is raised; one that is flush has no kerb and is part of the grass."""
    rise = lane.centre_m[:, 2] - base.at(lane.centre_m[:, :2])
    return float(np.median(rise)) > _FLUSH_M


def _marks_by_level(
    marks: Sequence[Marking], lanes: Sequence[Lane], number: np.ndarray
) -> dict[int, list[Marking]]:
    """Return the markings of each level, by which level's height is nearest."""
    highest = int(number.max())
    if highest == 0:
        return {0: list(marks)}
    levels = [level for level in range(highest + 1) if (number == level).any()]
    fields = [
        height_field([lane for lane, at in zip(lanes, number, strict=True) if at == level])
        for level in levels
    ]
    made: dict[int, list[Marking]] = {level: [] for level in levels}
    for mark in marks:
        middle = mark.points_m[len(mark.points_m) // 2]
        gap = [abs(float(field.at(middle[None, :2])[0]) - middle[2]) for field in fields]
        made[levels[int(np.argmin(gap))]].append(mark)
    return made


def _surfaces(level: _Level) -> list[Soup]:
    """Return everything one drives or walks on."""
    plan, cell = level.plan, level.cell_m
    low = [
        (plan.asphalt, "asphalt", ClassId.ROAD),
        (plan.fresh, "asphalt new", ClassId.ROAD),
        (plan.pale, "asphalt pale", ClassId.ROAD),
        (plan.bitumen, "bitumen", ClassId.ROAD),
        (plan.gutter, "gutter", ClassId.ROAD),
        (plan.bike, "bike lane", ClassId.ROAD),
        (plan.bus, "bus lane", ClassId.ROAD),
        (plan.iron, "iron cover", ClassId.ROAD),
        (plan.white, "white paint", ClassId.ROAD_LINE),
        (plan.yellow, "yellow paint", ClassId.ROAD_LINE),
    ]
    high = [
        (plan.kerb, "kerb", ClassId.SIDEWALK),
        (plan.pavement, "paving", ClassId.SIDEWALK),
        (plan.median, "grass", ClassId.TERRAIN),
    ]
    made: list[Soup] = []
    for area, name, kind in low:
        made += flat_faces(area, level.base, cell, skin(name, kind))
    raised: list[Soup] = []
    for area, name, kind in high:
        raised += flat_faces(area, level.top, cell, skin(name, kind))
    for area, name in ((plan.dropped, "kerb"), (plan.tactile, "tactile")):
        raised += _lowered(flat_faces(area, level.top, cell, skin(name, ClassId.SIDEWALK)), plan)
    return [*made, *raised, *walls(raised, level.base, 0.0, skin("kerb", ClassId.SIDEWALK))]


def _lowered(faces: list[Soup], plan: Plan) -> list[Soup]:
    """Return faces of kerbs and pavement let down towards crossings."""
    made: list[Soup] = []
    for part in faces:
        corner = part.corners_m.copy()
        drop = dropped_m(plan.crossings, corner.reshape(-1, 3)[:, :2])
        corner[..., 2] -= drop.reshape(corner.shape[:2])
        made.append(replace(part, corners_m=corner))
    return made


def _slab(level: _Level) -> list[Soup]:
    """Return sides and underside of a bridge."""
    look = skin("concrete", ClassId.BRIDGE)
    area = unite([level.plan.driven, level.plan.raised])
    under = flat_faces(area, level.base, level.cell_m, look, rise_m=-_SLAB_M)
    turned = [soup(part.corners_m[:, ::-1], look) for part in under]
    deck = flat_faces(area, level.base, level.cell_m, look)
    return walls(deck, level.base, -_SLAB_M, look) + turned


def _land(area: BaseGeometry, ground: _Level, size: GroundSize, look: Skin) -> list[Soup]:
    """Return ground off the road, in larger faces where it is far away."""
    if ground.cell_m == _FLAT_CELL_M:
        return flat_faces(area, ground.base, ground.cell_m, look)
    disc = shapely.Point(size.focus_m).buffer(_NEAR_M, quad_segs=8)
    return [
        *flat_faces(both(area, disc), ground.base, ground.cell_m, look),
        *flat_faces(minus(area, disc), ground.base, 2 * ground.cell_m, look),
    ]


def _grass(ground: _Level, size: GroundSize, yards: Sequence[Yard]) -> list[Soup]:
    """Return the terrain between and around the roads, and the plain up to the horizon."""
    reach = size.radius_m + size.verge_m
    rim = circle(64) * reach + np.asarray(size.focus_m)
    free = minus(shapely.Polygon(rim), unite([ground.plan.driven, ground.plan.raised]))
    looks = [(yard.area, skin(yard.material, yard.class_id)) for yard in yards]
    near: list[Soup] = []
    for area, look in [*looks, (free, skin("grass", ClassId.TERRAIN))]:
        near += _land(both(free, area), ground, size, look)
        free = minus(free, area)
    inner = np.column_stack([rim, ground.base.at(rim)])
    outer = np.column_stack([circle(64) * _HORIZON_M + np.asarray(size.focus_m), inner[:, 2]])
    outer[:, 2] = inner[:, 2].mean()
    ring = np.stack([np.concatenate([inner, inner[:1]]), np.concatenate([outer, outer[:1]])])
    return [*near, sheet(ring, skin("far ground", ClassId.TERRAIN))]


def lay_ground(road: RoadMap, size: GroundSize, yards: Sequence[Yard] = ()) -> Ground:
    """Return road, pavements, paint and terrain around a focus.

    Args:
        road: The map.
        size: How far it is drawn.
        yards: Ground between the roads that is not grass; earlier ones lie over later ones.

    Raises:
        MapError: If no lane lies within the radius.
    """
    disc = shapely.Point(size.focus_m).buffer(size.radius_m)
    lanes = [
        lane
        for lane in road.lanes.values()
        if lane.kind != LaneKind.OTHER and disc.intersects(lane_area(lane))
    ]
    if not lanes:
        raise MapError(
            f"map {road.name!r}: no lane within {size.radius_m:.0f} m of {size.focus_m}; "
            f"the map spans {road.bounds_m}"
        )
    levels = _levels(road, lanes, size)
    made = [part for level in levels for part in _surfaces(level)]
    for level in levels[1:]:
        made += _slab(level)
    shape = merge([*made, *_grass(levels[0], size, yards)])
    return Ground(shape, levels[0].plan, levels[0].base, levels[0].cell_m)
