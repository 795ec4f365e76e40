"""Dresses a road map: buildings, trees, lamps and street furniture where they stand in reality.

Works on any `RoadMap`. Rows of things follow the outer edge of the paved area; a thing is placed
only if its whole base is off every lane, clear of junctions and clear of what already stands.
Proved in tests/simulate/maps/test_map_dress.py.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

import numpy as np
import shapely
from jaxtyping import Float
from pydantic import Field

from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import FIRST_PROP_ID, WIRE_SLACK_M, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.data.config import Config
from rareworld.simulate.maps.overheads import Built, islands, overheads, rectangle
from rareworld.simulate.maps.settings import ROWS, SETTING_OF_PLACE, Facing, Range, Row, Setting

_AHEAD_M = 60.0
"""Roads are taken to go on this far beyond the end of the map."""
_POST_M = 0.4
"""Base of a lamp or sign; its arm or plate may hang over the pavement."""
_RAIL_M = 4.0
_PLANTED_M = 0.7
"""Narrower medians stay bare."""
_SPAN_M = 56.0
"""Longest span of an overhead line."""
_TURN_RAD = {Facing.ALONG: 0.0, Facing.ROAD: math.pi / 2, Facing.DRIVERS: math.pi}
_SHIFT_M = 3.0
"""A house that does not fit is tried this much farther on."""
_CLOSED_M = 1.0
"""Rows with smaller gaps are closed fronts."""
_RAISED = (LaneKind.SIDEWALK, LaneKind.KERB, LaneKind.MEDIAN)


@final
class DressConfig(Config):
    """How a map is dressed."""

    setting: Setting | None = None
    """Character; told from speed limits, pavements and lanes if not given."""
    centre_m: tuple[float, float] | None = None
    """Middle of the dressed area; the first junction, or the middle of the map, if not given."""
    radius_m: float = Field(default=150.0, gt=0)
    """Nothing is placed further away."""
    density: float = Field(default=1.0, ge=0, le=1)
    """Share of the usual number of things."""


def dress(road: RoadMap, seed: Seed, config: DressConfig | None = None) -> tuple[Prop, ...]:
    """Return what stands on a map; ids count from 10,000."""
    config = config or DressConfig()
    setting = config.setting or setting_of(road)
    site = _survey(road, config)
    for built in (*overheads(road, setting), *islands(road)) if config.density > 0 else ():
        site.build(built)
    for number, row in enumerate(ROWS[setting]):
        rng = seed.child("dress", number).generator()
        start = len(site.props)
        for ring in _rings(site, row):
            _line(site, row, ring, config.density, rng, start)
        if row.kind == PropKind.POLE:
            _wires(site, start)
    if setting == Setting.MOTORWAY:
        _median_rails(site, road)
    if setting == Setting.BOULEVARD:
        _median_plants(site, road, config.density, seed.child("median").generator())
    return tuple(site.props)


def setting_of(road: RoadMap) -> Setting:
    """Return the character of a library place, or what a map's limits and lanes speak of."""
    if road.name in SETTING_OF_PLACE:
        return SETTING_OF_PLACE[road.name]
    driving = [lane for lane in road.lanes.values() if lane.kind == LaneKind.DRIVING]
    limits = [lane.speed_limit_mps for lane in driving if lane.speed_limit_mps]
    fastest = max(limits, default=50 / 3.6)
    walked = any(lane.kind == LaneKind.SIDEWALK for lane in road.lanes.values())
    if fastest > 25.0:
        return Setting.MOTORWAY
    if not walked:
        return Setting.RURAL
    if fastest < 9.0:
        return Setting.SUBURB
    wide = any(lane.kind == LaneKind.MEDIAN for lane in road.lanes.values()) and fastest > 14.0
    return Setting.CITY if wide else Setting.TOWN


@final
@dataclass
class _Site:
    """The free and the taken ground, and what has been placed."""

    paved: shapely.Geometry
    beyond: shapely.Geometry
    """Where roads go on outside the map."""
    junctions: shapely.Geometry
    centre_m: Float[np.ndarray, "2"]
    radius_m: float
    surface_m: Float[np.ndarray, "n 3"]
    """Points of the lanes at road level, where the grass is too."""
    props: list[Prop] = field(default_factory=list)
    bases: list[shapely.Polygon] = field(default_factory=list)

    def free(self, base: shapely.Polygon, row: Row) -> bool:
        """Whether a base is off the road, off junctions and off what stands already."""
        if shapely.intersects(self.paved, base) or shapely.intersects(self.beyond, base):
            return False
        if shapely.distance(self.junctions, base) < row.clear_m:
            return False
        return not self.bases or float(shapely.distance(self.bases, base).min()) > row.room_m

    def build(self, built: Built) -> None:
        """Add something that belongs to the road; nothing else is put where it stands."""
        if math.dist(built.at_m[:2], self.centre_m.tolist()) <= self.radius_m:
            self.bases += built.feet
            x, y = built.at_m
            foot = x, y, self.ground_m(x, y) + built.rise_m
            self.add(built.kind, foot, built.yaw_rad, np.array(built.size_m), built.style)

    def ground_m(self, x_m: float, y_m: float) -> float:
        """Return the height of the nearest lane."""
        step = self.surface_m[:, :2] - np.array([x_m, y_m])
        return float(self.surface_m[np.sum(step**2, axis=1).argmin(), 2])

    def place(
        self,
        kind: PropKind,
        at: tuple[float, float, float],
        size: Float[np.ndarray, "3"],
        style: int,
    ) -> None:
        """Add a thing at (x, y, yaw), standing on the height of the nearest lane."""
        x, y, yaw = at
        self.add(kind, (x, y, self.ground_m(x, y)), yaw, size, style)

    def add(
        self,
        kind: PropKind,
        at_m: tuple[float, float, float],
        yaw: float,
        size: Float[np.ndarray, "3"],
        style: int,
    ) -> None:
        """Add a thing at a place in space."""
        self.props.append(
            Prop(
                id=FIRST_PROP_ID + len(self.props),
                kind=kind,
                position_m=at_m,
                yaw_rad=yaw,
                size_m=(float(size[0]), float(size[1]), float(size[2])),
                style=style,
            )
        )


def lane_area(lane: Lane) -> shapely.Geometry:
    """Return the ground a lane covers."""
    ring = np.concatenate([lane.left_m[:, :2], lane.right_m[::-1, :2]])
    return shapely.make_valid(shapely.Polygon(ring))


def _survey(road: RoadMap, config: DressConfig) -> _Site:
    lanes = [road.lanes[name] for name in sorted(road.lanes)]
    hulls = [shapely.convex_hull(shapely.MultiPoint(j.outline_m[:, :2])) for j in road.junctions]
    paved = shapely.buffer(shapely.union_all([lane_area(lane) for lane in lanes]), 0.05)
    beyond = shapely.union_all([strip for lane in lanes for strip in _continuations(lane)])
    low = [lane for lane in lanes if lane.kind not in _RAISED]
    shapely.prepare(paved)
    shapely.prepare(beyond)
    return _Site(
        paved=paved,
        beyond=beyond,
        junctions=shapely.union_all(hulls),
        centre_m=_centre(road, config),
        radius_m=config.radius_m,
        surface_m=np.concatenate([lane.centre_m for lane in low or lanes]),
    )


def _centre(road: RoadMap, config: DressConfig) -> Float[np.ndarray, "2"]:
    if config.centre_m is not None:
        return np.array(config.centre_m)
    if road.junctions:
        return road.junctions[0].centre_m[:2]
    x0, y0, x1, y1 = road.bounds_m
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2])


def _continuations(lane: Lane) -> list[shapely.Polygon]:
    """Return the strips a driving lane would cover beyond the ends it does not continue at."""
    out: list[shapely.Polygon] = []
    if lane.junction or lane.kind != LaneKind.DRIVING:
        return out
    if not lane.successors:
        out.append(_strip(lane, -1, lane.centre_m[-1] - lane.centre_m[-2]))
    if not lane.predecessors:
        out.append(_strip(lane, 0, lane.centre_m[0] - lane.centre_m[1]))
    return out


def _strip(lane: Lane, end: int, way: Float[np.ndarray, "3"]) -> shapely.Polygon:
    ahead = _AHEAD_M * way[:2] / max(float(np.linalg.norm(way[:2])), 1e-9)
    left, right = lane.left_m[end, :2], lane.right_m[end, :2]
    return shapely.Polygon([left, right, right + ahead, left + ahead])


def _rings(site: _Site, row: Row) -> list[shapely.LinearRing]:
    """Return closed lines along the paved area, with the road on their left."""
    whole = shapely.union_all([site.paved, site.beyond])
    grown = shapely.buffer(whole, row.offset_m[0] + 0.1, quad_segs=6)
    rings: list[shapely.LinearRing] = []
    for part in shapely.get_parts(grown):
        turned = shapely.orient_polygons(part)
        rings += [turned.exterior, *turned.interiors]
    return [ring for ring in rings if ring.length > 4 * row.length_m[1]]


def _line(
    site: _Site,
    row: Row,
    ring: shapely.LinearRing,
    density: float,
    rng: np.random.Generator,
    start: int,
) -> None:
    """Place things along a ring; each draws the same numbers whether it finds room or not."""
    station = _between(rng, row.every_m) * 0.5
    while True:
        size = np.array([_between(rng, x) for x in (row.length_m, row.depth_m, row.height_m)])
        extra = _between(rng, row.offset_m) - row.offset_m[0]
        gap, luck = _between(rng, row.every_m), float(rng.random())
        style = _style(rng, row)
        if station + size[0] > ring.length:
            return
        full = row.limit is not None and len(site.props) - start >= row.limit
        step = float(size[0]) + gap
        if luck < row.share * density and not full:
            put = _try(site, row, ring, (station, extra), size, style)
            step = put + gap if put else min(step, _SHIFT_M if _closes(row) else step)
        station += step


def _closes(row: Row) -> bool:
    """Tell whether a row of houses is shifted on until it fits."""
    return row.kind == PropKind.BUILDING


def _style(rng: np.random.Generator, row: Row) -> int:
    """Return a variant, of one of the row's families or species if it names any."""
    variant = int(rng.integers(*row.styles))
    if not row.looks:
        return variant
    return row.looks[int(rng.integers(len(row.looks)))] + row.of * variant


def _base_m(row: Row, size: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """Return length and depth of what stands on the ground."""
    if row.facing != Facing.ALONG:
        return _POST_M, _POST_M
    if row.base_m is not None:
        return row.base_m, row.base_m
    return float(size[0]), float(size[1])


def _between(rng: np.random.Generator, span: Range) -> float:
    return float(rng.uniform(*span))


def _foot(
    ring: shapely.LinearRing,
    station_m: float,
    extra_m: float,
    row: Row,
    size: Float[np.ndarray, "3"],
) -> tuple[float, float, float]:
    """Return (x, y, tangent) of the middle of a thing whose near side is `extra_m` off the ring."""
    a, b = (ring.interpolate(station_m + step) for step in (-0.5, 0.5))
    tangent = math.atan2(b.y - a.y, b.x - a.x)
    here = ring.interpolate(station_m)
    away = extra_m + _base_m(row, size)[1] / 2
    return here.x + away * math.sin(tangent), here.y - away * math.cos(tangent), tangent


def _try(
    site: _Site,
    row: Row,
    ring: shapely.LinearRing,
    at_m: tuple[float, float],
    size: Float[np.ndarray, "3"],
    style: int,
) -> float:
    """Place a thing at (station, offset) if there is room; return how much of the ring it takes.

    Houses of a closed front are tried once more at their least length.
    """
    least = np.array([row.length_m[0], size[1], size[2]])
    tries = (size, least) if _closes(row) and row.every_m[1] < _CLOSED_M else (size,)
    for made in tries:
        x, y, tangent = _foot(ring, at_m[0] + made[0] / 2, at_m[1], row, made)
        if math.hypot(x - site.centre_m[0], y - site.centre_m[1]) > site.radius_m:
            return 0.0
        base = rectangle(x, y, tangent, *_base_m(row, made))
        if site.free(base, row):
            site.bases.append(base)
            yaw = math.remainder(tangent + _TURN_RAD[row.facing], 2 * math.pi)
            site.place(row.kind, (x, y, yaw), made, style)
            return float(made[0])
    return 0.0


def _median_rails(site: _Site, road: RoadMap) -> None:
    """Place guard rails along the middle of medians that are wide enough."""
    size = np.array([_RAIL_M, 0.3, 0.75])
    for name in sorted(road.lanes):
        lane = road.lanes[name]
        if lane.kind != LaneKind.MEDIAN or _width_m(lane) < 1.5:
            continue
        line = shapely.LineString(lane.centre_m[:, :2])
        for k in range(int(line.length / _RAIL_M)):
            ring = (k + 0.5) * _RAIL_M
            a, b = line.interpolate(ring - 0.5), line.interpolate(ring + 0.5)
            yaw = math.atan2(b.y - a.y, b.x - a.x)
            x, y = (a.x + b.x) / 2, (a.y + b.y) / 2
            if math.hypot(x - site.centre_m[0], y - site.centre_m[1]) <= site.radius_m:
                site.place(PropKind.GUARD_RAIL, (x, y, yaw), size, 1)


def _wires(site: _Site, start: int) -> None:
    """Hang wires between neighbouring masts of a row."""
    masts = site.props[start:]
    for one, two in pairwise(masts):
        a, b = np.array(one.position_m), np.array(two.position_m)
        span = float(np.linalg.norm(b[:2] - a[:2]))
        if not 10.0 < span < _SPAN_M:
            continue
        rise = float(b[2] + two.size_m[2] - a[2] - one.size_m[2])
        size = np.array([span, WIRE_SLACK_M + abs(rise), one.size_m[2]])
        yaw = math.atan2(b[1] - a[1], b[0] - a[0])
        x, y = ((a + b) / 2)[:2].tolist()
        site.add(PropKind.WIRE, (x, y, float(a[2])), yaw, size, int(rise < 0))


def _median_plants(site: _Site, road: RoadMap, density: float, rng: np.random.Generator) -> None:
    """Plant low bushes along medians."""
    for name in sorted(road.lanes):
        lane = road.lanes[name]
        wide = _width_m(lane)
        if lane.kind != LaneKind.MEDIAN or wide < _PLANTED_M:
            continue
        line = shapely.LineString(lane.centre_m[:, :2])
        for station in np.arange(6.0, line.length - 6.0, 2.3).tolist():
            at = line.interpolate(station)
            side, tall = min(0.7 * wide, 1.2), float(rng.uniform(0.5, 0.85))
            away = math.hypot(at.x - site.centre_m[0], at.y - site.centre_m[1])
            if rng.random() < 0.75 * density and away <= site.radius_m:
                site.place(PropKind.BUSH, (at.x, at.y, float(rng.uniform(0, 6))),
                           np.array([side, side, tall]), int(rng.integers(8)))  # fmt: skip


def _width_m(lane: Lane) -> float:
    return float(np.linalg.norm(lane.left_m[0, :2] - lane.right_m[0, :2]))
