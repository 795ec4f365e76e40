"""The ground around houses: forecourts, car parks, drives, farm yards; and fields beyond.

Areas follow the buildings and are drawn with the terrain, so they lie on it without a gap.
Proved in tests/annotate/world/test_yards.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from rareworld.annotate.world.roads import Yard
from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.scene import Family, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

_CORNER_M = 11.0
"""Forecourts closer together than twice this grow into one."""


_HOLE_M2 = 700.0
_BAND_M = 12.0
"""Beside the middle of a pavement."""


@final
@dataclass(frozen=True, kw_only=True)
class Court:
    """What lies around a building of one family; metres beyond its walls."""

    material: str
    front_m: float
    side_m: float
    back_m: float
    joins: bool = False
    """Whether courts grow together around corners, as pavements of a town do."""


COURTS: dict[Family, Court] = {
    Family.OLD_TOWN: Court(material="setts", front_m=8.0, side_m=4.0, back_m=3.0, joins=True),
    Family.CITY_BLOCK: Court(material="slabs", front_m=9.0, side_m=5.0, back_m=4.0, joins=True),
    Family.OFFICE: Court(material="slabs", front_m=9.0, side_m=6.0, back_m=6.0, joins=True),
    Family.CHURCH: Court(material="setts", front_m=12.0, side_m=5.0, back_m=4.0, joins=True),
    Family.POST_WAR: Court(material="paving", front_m=7.0, side_m=1.5, back_m=1.5),
    Family.TERRACE: Court(material="paving", front_m=5.0, side_m=0.4, back_m=2.0),
    Family.SCHOOL: Court(material="yard asphalt", front_m=14.0, side_m=5.0, back_m=12.0),
    Family.RETAIL: Court(material="yard asphalt", front_m=18.0, side_m=8.0, back_m=6.0),
    Family.SHED: Court(material="yard asphalt", front_m=18.0, side_m=8.0, back_m=6.0),
    Family.FUEL: Court(material="yard asphalt", front_m=10.0, side_m=10.0, back_m=3.0),
    Family.BARN: Court(material="gravel", front_m=14.0, side_m=3.0, back_m=1.5),
    Family.FARMHOUSE: Court(material="gravel", front_m=6.0, side_m=4.0, back_m=1.0),
}
"""Families without a row stand on grass with a drive, see `_drive`."""


def _world(prop: Prop, corners: Float[np.ndarray, "p 2"]) -> shapely.Polygon:
    """Return a polygon of points in a prop's frame."""
    c, s = np.cos(prop.yaw_rad), np.sin(prop.yaw_rad)
    turn = np.array([[c, s], [-s, c]])
    return shapely.Polygon(corners @ turn + np.array(prop.position_m[:2]))


def rectangle(prop: Prop, low: tuple[float, float], high: tuple[float, float]) -> shapely.Polygon:
    """Return the rectangle between two corners in a prop's frame."""
    return _world(prop, np.array([low, (high[0], low[1]), high, (low[0], high[1])]))


def _court(prop: Prop, court: Court) -> shapely.Polygon:
    x, y = prop.size_m[0] / 2, prop.size_m[1] / 2
    return rectangle(
        prop, (-x - court.side_m, -y - court.back_m), (x + court.side_m, y + court.front_m)
    )


def _bays(houses: Sequence[Prop]) -> list[BaseGeometry]:
    """Return the lines of parking bays before shops, and the lanes that lead there."""
    made: list[BaseGeometry] = []
    for prop in houses:
        if prop.family not in (Family.RETAIL, Family.SHED):
            continue
        half, edge = prop.size_m[0] / 2, prop.size_m[1] / 2
        for start in (edge + 1.8, edge + 12.6):
            spine = rectangle(prop, (-half, start), (half, start + 0.1))
            lines = [
                rectangle(prop, (x, start), (x + 0.1, start + 4.8))
                for x in np.arange(-half, half, 2.6).tolist()
            ]
            made += [spine, *lines]
    return made


def _drive(prop: Prop) -> BaseGeometry:
    """Return the drive beside a detached house and the path to its door."""
    x, y = prop.size_m[0] / 2, prop.size_m[1] / 2
    reach, side = y + 8.5, 1.0 if prop.style % 2 else -1.0
    drive = sorted((side * (x - 3.2), side * (x - 0.2)))
    path = rectangle(prop, (-0.7, y), (0.7, reach))
    return shapely.union(rectangle(prop, (drive[0], y), (drive[1], reach)), path)


def _closed(areas: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return the union with its corners filled."""
    union = shapely.union_all(list(areas))
    grown = shapely.buffer(union, _CORNER_M, join_style="mitre", quad_segs=2)
    closed = shapely.buffer(grown, -_CORNER_M, join_style="mitre", quad_segs=2)
    parts = [part for part in shapely.get_parts(closed) if isinstance(part, shapely.Polygon)]
    return shapely.union_all([_without_holes(part) for part in parts])


def _without_holes(area: shapely.Polygon) -> shapely.Polygon:
    """Return the area with its small holes filled."""
    holes = [ring for ring in area.interiors if shapely.Polygon(ring).area > _HOLE_M2]
    return shapely.Polygon(area.exterior, holes)


def _ragged(area: BaseGeometry) -> BaseGeometry:
    """Return the area with rounded corners and an uneven rim, as worn into grass."""
    soft = shapely.buffer(shapely.buffer(area, 3.0, quad_segs=3), -2.6, quad_segs=3)
    fine = shapely.segmentize(soft, 1.6)
    return shapely.buffer(shapely.transform(fine, _swayed), 0)


def _swayed(points: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p 2"]:
    """Return points shifted by up to half a metre; equal points stay equal."""
    wave = points @ np.array([[1.7, 0.9], [-1.1, 2.1]]) + np.sin(points[:, ::-1] * 0.31)
    return points + 0.3 * np.sin(wave) + 0.2 * np.sin(2.7 * wave[:, ::-1])


def _street(road: RoadMap, courts: BaseGeometry) -> BaseGeometry:
    """Return the band along the roads of a town, where no grass grows between house and kerb."""
    ends = [
        shapely.LineString(lane.centre_m[:, :2]).buffer(_BAND_M, quad_segs=3)
        for lane in road.lanes.values()
        if lane.kind == LaneKind.SIDEWALK and len(lane.centre_m) > 1
    ]
    return shapely.intersection(shapely.union_all(ends), shapely.buffer(courts, 30, quad_segs=2))


def make_yards(props: Sequence[Prop], road: RoadMap, seed: Seed) -> tuple[Yard, ...]:
    """Return the ground around buildings, and fields where there are only few of them."""
    houses = [prop for prop in props if prop.kind == PropKind.BUILDING]
    areas: dict[tuple[str, bool], list[BaseGeometry]] = {}
    for prop in houses:
        court = COURTS.get(prop.family)
        key = (court.material, court.joins) if court else ("yard asphalt", False)
        areas.setdefault(key, []).append(_court(prop, court) if court else _drive(prop))
    made = [Yard(area=shapely.union_all(_bays(houses)), material="old paint")]
    for key in sorted(areas, key=lambda key: (not key[1], key[0])):
        area = _closed(areas[key]) if key[1] else shapely.union_all(areas[key])
        area = _ragged(area) if key[0] == "gravel" else area
        made.append(Yard(area=area, material=key[0]))
        if key[1]:
            made.append(Yard(area=_street(road, area), material=key[0]))
    return (*made, *_fields(houses, road, seed))


_CROPS = ("crop", "young crop", "meadow", "ploughed", "grass", "crop")


def _fields(houses: Sequence[Prop], road: RoadMap, seed: Seed) -> list[Yard]:
    """Return a patchwork of fields beyond the verges of a country road."""
    if any(lane.kind == LaneKind.SIDEWALK for lane in road.lanes.values()):
        return []
    rng = seed.child("fields").generator()
    x0, y0, x1, y1 = road.bounds_m
    centre, angle = np.array([(x0 + x1) / 2, (y0 + y1) / 2]), float(rng.uniform(0, np.pi))
    verge = shapely.union_all([
        shapely.LineString(lane.centre_m[:, :2]).buffer(9.0, quad_segs=2)
        for lane in road.lanes.values() if len(lane.centre_m) > 1
    ])  # fmt: skip
    keep = shapely.union_all([verge, *[_court(h, COURTS[Family.BARN]).buffer(6) for h in houses]])
    cuts = [np.cumsum(rng.uniform(70, 150, 14)) - 700 for _ in range(2)]
    made: list[Yard] = []
    for i in range(13):
        for j in range(13):
            corners = np.array([
                (cuts[0][i], cuts[1][j]), (cuts[0][i + 1] - 2, cuts[1][j]),
                (cuts[0][i + 1] - 2, cuts[1][j + 1] - 2), (cuts[0][i], cuts[1][j + 1] - 2),
            ])  # fmt: skip
            c, s = np.cos(angle), np.sin(angle)
            name = _CROPS[int(rng.integers(len(_CROPS)))]
            field = shapely.Polygon(corners @ np.array([[c, s], [-s, c]]) + centre)
            if name != "grass" and field.distance(shapely.Point(centre)) < 480:
                made.append(Yard(area=field, material=name, class_id=ClassId.TERRAIN))
    return _by_material(made, keep)


def _by_material(fields: Sequence[Yard], keep: BaseGeometry) -> list[Yard]:
    """Return one area per material, cut clear of what must stay grass."""
    names = sorted({field.material for field in fields})
    return [
        Yard(
            area=shapely.difference(
                shapely.union_all([field.area for field in fields if field.material == name]), keep
            ),
            material=name,
            class_id=ClassId.TERRAIN,
        )
        for name in names
    ]
