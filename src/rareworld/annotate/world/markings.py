"""Paint and iron in the road that maps leave out: arrows, symbols, covers, tactile paving.

Shapes follow the German guideline for markings (RMS), rounded.

All are plan polygons, cut into the ground plan, so that nothing lies over anything else.
Proved in tests/annotate/world/test_markings.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from rareworld.core.road import Crosswalk, Lane, LaneKind, RoadMap, Turn
from rareworld.core.seed import Seed

ARROW_BEFORE_M = (9.0, 30.0)
"""Middle of an arrow before the end of its lane."""
_ARROW_M = 5.0
_MANHOLE_M = 0.34
_GULLY_M = (0.48, 0.34)
_GULLY_EVERY_M = 26.0
_SYMBOL_EVERY_M = 38.0
_TACTILE_M = 0.75
KERB_M = 0.14
"""Width of a kerb stone."""
DROP_M = 0.09
"""Kerbs are lowered by this at crossings, to the 3 cm that a cane still finds (DIN 18040-3)."""
_WORD_EVERY_M, _WORD_ROOM_M = 32.0, 14.0
_SHAFT = shapely.box(-2.5, -0.09, 1.1, 0.09)
_STUB = shapely.box(-2.5, -0.09, 0.3, 0.09)


def _head(at: tuple[float, float], way: tuple[float, float]) -> BaseGeometry:
    """Return the triangle of an arrow's tip."""
    base, step = np.array(at), np.array(way) / np.hypot(*way)
    side = np.array([-step[1], step[0]])
    return shapely.Polygon([base + 0.36 * side, base - 0.36 * side, base + 1.35 * step])


def _branch(side: float) -> BaseGeometry:
    bar = shapely.LineString([(0.0, 0.0), (0.85, side * 0.42)]).buffer(0.09, cap_style="flat")
    return shapely.union_all([_STUB, bar, _head((0.75, side * 0.36), (0.55, side))])


ARROWS: dict[Turn, BaseGeometry] = {
    Turn.STRAIGHT: shapely.union(_SHAFT, _head((1.1, 0.0), (1.0, 0.0))),
    Turn.LEFT: _branch(1.0),
    Turn.RIGHT: _branch(-1.0),
}
"""Arrow of each direction, ahead along x, about the origin."""


@final
@dataclass(frozen=True)
class Spot:
    """A place in a lane."""

    xy: Float[np.ndarray, "2"]
    way: Float[np.ndarray, "2"]
    """Unit vector of travel."""

    def put(self, shape: BaseGeometry, aside_m: float = 0.0) -> BaseGeometry:
        """Return a shape moved there, its x along the lane, so far to the left."""
        turn = np.array([[self.way[0], self.way[1]], [-self.way[1], self.way[0]]])
        left = np.array([-self.way[1], self.way[0]])
        return shapely.transform(shape, lambda p: p @ turn + self.xy + aside_m * left)


def spot(lane: Lane, station_m: float) -> Spot:
    """Return the place at a distance along a lane's centre line."""
    station = lane.station_m
    a, b = (
        np.array([np.interp(s, station, lane.centre_m[:, axis]) for axis in (0, 1)])
        for s in (max(station_m - 0.5, 0.0), min(station_m + 0.5, station[-1]))
    )
    step = b - a
    return Spot((a + b) / 2, step / max(float(np.linalg.norm(step)), 1e-9))


def turns_of(lane: Lane, road: RoadMap) -> frozenset[Turn]:
    """Return where a lane leads at the junction it ends at."""
    ways = {road.lanes[name].turn for name in lane.successors if name in road.lanes}
    return frozenset(turn for turn in ARROWS if turn in ways)


def arrows(road: RoadMap, lanes: Sequence[Lane]) -> list[BaseGeometry]:
    """Return arrows on lanes of approaches that have several."""
    made: list[BaseGeometry] = []
    for lane in lanes:
        if lane.kind != LaneKind.DRIVING or lane.junction is not None:
            continue
        if not any(_driven(road, name) for name in (lane.left_neighbour, lane.right_neighbour)):
            continue
        turns = turns_of(lane, road)
        shape = shapely.union_all([ARROWS[turn] for turn in sorted(turns)])
        made += [
            spot(lane, lane.length_m - before).put(shape)
            for before in ARROW_BEFORE_M
            if turns and lane.length_m > before + _ARROW_M
        ]
    return made


def _driven(road: RoadMap, name: str | None) -> bool:
    """Tell whether a neighbour is a lane for cars."""
    return name in road.lanes and road.lanes[name].kind == LaneKind.DRIVING


def _cycle() -> BaseGeometry:
    """Return the pictogram of a bicycle, ahead along x, lying on its side."""
    wheels = [
        shapely.Point(0.0, y).buffer(0.32, quad_segs=4).difference(
            shapely.Point(0.0, y).buffer(0.24, quad_segs=4)
        )
        for y in (-0.5, 0.5)
    ]  # fmt: skip
    bars = [
        shapely.LineString(line).buffer(0.04, cap_style="flat")
        for line in (
            [(0.0, 0.5), (0.5, 0.22)], [(0.5, 0.22), (0.5, -0.3)], [(0.0, -0.5), (0.62, -0.32)],
            [(0.0, 0.05), (0.5, -0.3)], [(0.0, 0.05), (0.6, 0.28)], [(0.0, 0.05), (0.0, 0.5)],
        )
    ]  # fmt: skip
    return shapely.union_all([*wheels, *bars])


def cycle_symbols(lanes: Sequence[Lane]) -> list[BaseGeometry]:
    """Return bicycle pictograms on cycle lanes."""
    shape = _cycle()
    return [
        spot(lane, at).put(shape)
        for lane in lanes
        if lane.kind == LaneKind.BIKE and not lane.junction and lane.length_m > 12
        for at in np.arange(7.0, lane.length_m - 4, _SYMBOL_EVERY_M).tolist()
    ]


def _letters() -> BaseGeometry:
    """Return the word BUS, 4 m tall and ahead along x, as one reads it on the way."""
    strokes = {
        "B": (((0, 0), (0, 4), (0.34, 4), (0.5, 3.6), (0.5, 2.5), (0.36, 2.1), (0, 2.1)),
              ((0.36, 2.1), (0.54, 1.7), (0.54, 0.4), (0.36, 0), (0, 0))),
        "U": (((0, 4), (0, 0.5), (0.14, 0), (0.38, 0), (0.52, 0.5), (0.52, 4)),),
        "S": (((0.52, 3.4), (0.38, 4), (0.14, 4), (0, 3.5), (0, 2.6), (0.12, 2.2), (0.40, 1.9),
               (0.52, 1.5), (0.52, 0.5), (0.38, 0), (0.14, 0), (0, 0.6)),),
    }  # fmt: skip
    made = [
        shapely.LineString([(2.0 * (up - 2.0) / 2.0, 0.98 - 0.72 * k - x) for x, up in stroke])
        .buffer(0.085, cap_style="flat", join_style="bevel")
        for k, name in enumerate("BUS") for stroke in strokes[name]
    ]  # fmt: skip
    return shapely.union_all(made)


def bus_words(lanes: Sequence[Lane]) -> list[BaseGeometry]:
    """Return the word BUS along bus lanes, first where they begin and last where they end."""
    word = _letters()
    return [
        spot(lane, at).put(word)
        for lane in lanes
        if lane.bus and lane.length_m > _WORD_ROOM_M
        for at in np.linspace(
            6.0, lane.length_m - 6.0, max(round(lane.length_m / _WORD_EVERY_M), 1) + 1
        ).tolist()
    ]


def covers(lanes: Sequence[Lane]) -> list[BaseGeometry]:
    """Return manhole covers in driving lanes and gully grates at their kerbs, where one walks."""
    if not any(lane.kind == LaneKind.SIDEWALK for lane in lanes):
        return []
    made: list[BaseGeometry] = []
    cover = shapely.Point(0, 0).buffer(_MANHOLE_M, quad_segs=4)
    grate = shapely.box(-_GULLY_M[0] / 2, -_GULLY_M[1] / 2, _GULLY_M[0] / 2, _GULLY_M[1] / 2)
    for lane in lanes:
        rng = Seed(0).child("covers", lane.id).generator()
        if lane.kind == LaneKind.DRIVING:
            for _ in range(rng.poisson(lane.length_m / 45)):
                aside = float(rng.uniform(-0.9, 0.9))
                made.append(spot(lane, float(rng.uniform(0, lane.length_m))).put(cover, aside))
        if lane.kind in (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING):
            made += _gullies(lane, grate, float(rng.uniform(4, 20)))
    return made


def _gullies(lane: Lane, grate: BaseGeometry, first_m: float) -> list[BaseGeometry]:
    """Return grates at the right edge of an outer lane."""
    if lane.right_neighbour is not None or lane.junction is not None:
        return []
    half = float(np.linalg.norm(lane.left_m[0, :2] - lane.right_m[0, :2])) / 2
    stations = np.arange(first_m, lane.length_m - 2, _GULLY_EVERY_M).tolist()
    return [spot(lane, at).put(grate, -(half - _GULLY_M[1] / 2 - 0.03)) for at in stations]


def tactile(walks: Sequence[Crosswalk]) -> list[BaseGeometry]:
    """Return the strips where people wait, at both ends of crossings (over road and pavement)."""
    return [
        shapely.Polygon(walk.outline_m[:, :2]).buffer(KERB_M + _TACTILE_M, join_style="mitre")
        for walk in walks
    ]


def dropped_m(walks: BaseGeometry, xy_m: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p"]:
    """Return how far kerbs and pavement are lowered: to a flush kerb, then a ramp over the strip.

    Args:
        walks: Areas of the crossings.
        xy_m: Places on kerb or pavement.
    """
    away = shapely.distance(walks, shapely.points(xy_m))
    return DROP_M * np.clip(1 - (away - KERB_M) / _TACTILE_M, 0.0, 1.0)
