"""The ground plan of a road map: polygons without overlap, one per kind of surface.

Lanes are united per kind, then each kind is cut out of those below it (paint, carriageway, kerb,
pavement, grass), all on a 1 mm grid (overlay with snap rounding, Hobby 1999). Nothing overlaps,
so nothing can flicker, and every point of the ground has exactly one label.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import shapely
import shapely.ops
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from rareworld.annotate.world.markings import (
    KERB_M,
    arrows,
    bus_words,
    covers,
    cycle_symbols,
    tactile,
)
from rareworld.annotate.world.repairs import repairs
from rareworld.core.road import Crosswalk, Lane, LaneKind, MarkColour, Marking, MarkKind, RoadMap

GRID_M = 0.001
_CLOSE_M = 0.03
_GUTTER_M = 0.28
_STRIPE_M = 0.5
_RAMP_STEP_M = 0.35
_SEEN_M = 75.0
"""Repairs farther from the focus are too small to be seen."""
_STOP_LINE_M = 0.4
_POCKET_M2 = 220.0
_DRIVEN = (LaneKind.DRIVING, LaneKind.PARKING, LaneKind.SHOULDER)
_EMPTY = shapely.Polygon()


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """Areas of one level, metres; disjoint."""

    white: BaseGeometry
    yellow: BaseGeometry
    bike: BaseGeometry
    gutter: BaseGeometry
    asphalt: BaseGeometry
    kerb: BaseGeometry
    pavement: BaseGeometry
    median: BaseGeometry
    driven: BaseGeometry
    """Everything at the height of the carriageway."""
    raised: BaseGeometry
    """Everything behind a kerb."""
    iron: BaseGeometry = _EMPTY
    """Covers and grates in the road."""
    tactile: BaseGeometry = _EMPTY
    """Ribbed paving at crossings."""
    dropped: BaseGeometry = _EMPTY
    """Kerbs at crossings."""
    crossings: BaseGeometry = _EMPTY
    """Crossings; the closer a kerb, the lower."""
    bus: BaseGeometry = _EMPTY
    """Coloured asphalt of bus lanes."""
    fresh: BaseGeometry = _EMPTY
    """Newer asphalt than around."""
    pale: BaseGeometry = _EMPTY
    """Older asphalt than around."""
    bitumen: BaseGeometry = _EMPTY
    """Sealed cracks, joints and rims."""

    @property
    def painted(self) -> BaseGeometry:
        """Paint of all colours."""
        return _areal(shapely.GeometryCollection([self.white, self.yellow]))


def unite(areas: Iterable[BaseGeometry]) -> BaseGeometry:
    """Return the union on the grid."""
    return _areal(shapely.union_all([_areal(area) for area in areas], grid_size=GRID_M))


def minus(area: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return the difference on the grid."""
    return _areal(shapely.difference(area, other, grid_size=GRID_M))


def both(area: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return the intersection on the grid."""
    return _areal(shapely.intersection(area, other, grid_size=GRID_M))


def _areal(area: BaseGeometry) -> BaseGeometry:
    """Return only the polygons of a geometry; overlay also leaves points and lines behind."""
    return shapely.MultiPolygon(polygons(area))


def grown(area: BaseGeometry, by_m: float) -> BaseGeometry:
    """Return the area widened (or narrowed) with mitred corners."""
    return shapely.buffer(area, by_m, join_style="mitre", quad_segs=2)


def polygons(area: BaseGeometry) -> list[shapely.Polygon]:
    """Return the polygons of an area, slivers below a square centimetre dropped."""
    parts = shapely.get_parts(shapely.get_parts(area))
    return [part for part in parts if isinstance(part, shapely.Polygon) and part.area > 1e-4]


def lane_area(lane: Lane) -> BaseGeometry:
    """Return the strip between a lane's edges."""
    ring = np.concatenate([lane.left_m[:, :2], lane.right_m[::-1, :2]])
    area = shapely.Polygon(ring)
    return area if area.is_valid else shapely.make_valid(area)


def _kinds(lanes: Sequence[Lane], *kinds: LaneKind) -> BaseGeometry:
    """Return the union of lanes of some kinds, hairline gaps closed."""
    union = unite(lane_area(lane) for lane in lanes if lane.kind in kinds)
    return _areal(grown(grown(union, _CLOSE_M), -_CLOSE_M))


def _dashes(mark: Marking, *, broken: bool) -> list[Float[np.ndarray, "q 2"]]:
    """Return the pieces of a line that carry paint."""
    xy = mark.points_m[:, :2]
    if not broken:
        return [xy]
    line = shapely.LineString(xy)
    period = mark.dash_m + mark.gap_m
    starts = np.arange(0.0, line.length, period)
    cuts = (shapely.ops.substring(line, s, min(s + mark.dash_m, line.length)) for s in starts)
    return [np.asarray(cut.coords) for cut in cuts if cut.length > 0.05]


def _stroke(xy: Float[np.ndarray, "q 2"], width_m: float, offset_m: float = 0.0) -> BaseGeometry:
    """Return the painted area of a line, shifted to the left by an offset."""
    step = np.gradient(xy, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    shifted = xy + offset_m * np.stack([-step[:, 1], step[:, 0]], axis=1)
    return shapely.LineString(shifted).buffer(width_m / 2, cap_style="flat", join_style="mitre")


_SIDES: dict[MarkKind, tuple[tuple[float, bool], ...]] = {
    MarkKind.SOLID: ((0, False),),
    MarkKind.BROKEN: ((0, True),),
    MarkKind.SOLID_SOLID: ((1, False), (-1, False)),
    MarkKind.SOLID_BROKEN: ((1, False), (-1, True)),
    MarkKind.BROKEN_SOLID: ((1, True), (-1, False)),
    MarkKind.BROKEN_BROKEN: ((1, True), (-1, True)),
    MarkKind.STOP_LINE: ((0, False),),
    MarkKind.GIVE_WAY_LINE: ((0, True),),
}
"""Strokes of a marking: offset to the left in line widths, and whether it is broken."""


def marking_area(mark: Marking) -> BaseGeometry:
    """Return the paint of one marking."""
    strokes = [
        _stroke(piece, mark.width_m, side * mark.width_m)
        for side, broken in _SIDES[mark.kind]
        for piece in _dashes(mark, broken=broken)
        if len(piece) > 1
    ]
    return shapely.union_all(strokes) if strokes else _EMPTY


def zebra(walk: Crosswalk) -> BaseGeometry:
    """Return the stripes of a crossing: along the road, spaced across it."""
    corner = shapely.get_coordinates(
        shapely.oriented_envelope(shapely.Polygon(walk.outline_m[:, :2]))
    )[:4]
    sides = np.roll(corner, -1, axis=0) - corner
    lengths = np.linalg.norm(sides, axis=1)
    long = int(np.argmax(lengths[:2]))
    start, along = corner[long], sides[long] / lengths[long]
    across = corner[long - 1] - start
    count = int((lengths[long] + _STRIPE_M) // (2 * _STRIPE_M))
    first = (lengths[long] - (2 * count - 1) * _STRIPE_M) / 2
    stripes = [start + along * (first + 2 * _STRIPE_M * k) for k in range(count)]
    width = along * _STRIPE_M
    return unite(shapely.Polygon([p, p + width, p + width + across, p + across]) for p in stripes)


def _paint(
    road: RoadMap, marks: Sequence[Marking], disc: BaseGeometry
) -> dict[MarkColour, BaseGeometry]:
    """Return the painted area of each colour near the focus."""
    made: dict[MarkColour, list[BaseGeometry]] = {colour: [] for colour in MarkColour}
    for mark in marks:
        if len(mark.points_m) > 1 and disc.intersects(shapely.LineString(mark.points_m[:, :2])):
            made[mark.colour].append(marking_area(mark))
    lines = [signal.stop_line_m for signal in road.signals if signal.stop_line_m is not None]
    strokes = [_stroke(line[:, :2], _STOP_LINE_M) for line in lines]
    near = [w for w in road.crosswalks if disc.intersects(shapely.Polygon(w.outline_m[:, :2]))]
    made[MarkColour.WHITE] += [stroke for stroke in strokes if disc.intersects(stroke)]
    made[MarkColour.WHITE] += [zebra(walk) for walk in near]
    return {colour: unite(areas) for colour, areas in made.items()}


def _pockets(road: RoadMap, paved: BaseGeometry) -> list[BaseGeometry]:
    """Return small gaps between the lanes of junctions, which are paved in reality."""
    outlines = [
        shapely.Polygon(junction.outline_m[:, :2]).buffer(1.0)
        for junction in road.junctions
        if len(junction.outline_m) > 2
    ]
    area = unite(outlines)
    gaps = [shapely.Polygon(ring) for part in polygons(paved) for ring in part.interiors]
    return [gap for gap in gaps if gap.area < _POCKET_M2 and area.intersects(gap)]


def _mended(
    lanes: Sequence[Lane], disc: BaseGeometry, asphalt: BaseGeometry
) -> tuple[list[BaseGeometry], BaseGeometry]:
    """Return new asphalt, old asphalt and bitumen, disjoint, and what is left."""
    found, sharp = repairs(lanes), shapely.centroid(disc).buffer(_SEEN_M)
    made: list[BaseGeometry] = []
    for areas in (found.bitumen, found.fresh, found.pale):
        near = [area for area in areas if sharp.intersects(area) and disc.contains(area)]
        layer = both(_areal(shapely.union_all(near)), asphalt)
        asphalt = minus(asphalt, layer)
        made.append(layer)
    return [made[1], made[2], made[0]], asphalt


def make_plan(
    road: RoadMap, lanes: Sequence[Lane], marks: Sequence[Marking], disc: BaseGeometry
) -> Plan:
    """Return the areas of the lanes of one level within a disc."""
    driving = _kinds(lanes, *_DRIVEN)
    bike = minus(_kinds(lanes, LaneKind.BIKE), driving)
    walks = _kinds(lanes, LaneKind.SIDEWALK, LaneKind.KERB)
    driven = both(unite([driving, bike, *_pockets(road, unite([driving, bike, walks]))]), disc)
    walk = minus(both(walks, disc), driven)
    median = minus(both(_kinds(lanes, LaneKind.MEDIAN), disc), unite([driven, walk]))
    band = grown(driven, KERB_M)
    kerb = unite([both(walk, band), both(median, band)])
    paint = _paint(road, marks, disc)
    symbols = (*arrows(road, lanes), *cycle_symbols(lanes), *bus_words(lanes))
    signs = [symbol for symbol in symbols if disc.intersects(symbol)]
    white = both(unite([paint[MarkColour.WHITE], *signs]), driven)
    yellow = minus(both(paint[MarkColour.YELLOW], driven), white)
    unpainted = minus(driven, unite([white, yellow]))
    iron = both(unite(cover for cover in covers(lanes) if disc.contains(cover)), unpainted)
    bare = minus(unpainted, iron)
    gutter = both(minus(bare, bike), grown(kerb, _GUTTER_M))
    reserved = unite(lane_area(lane) for lane in lanes if lane.bus)
    bus = both(minus(bare, unite([gutter, bike])), reserved)
    mended, asphalt = _mended(lanes, disc, minus(bare, unite([gutter, bike, bus])))
    footway = minus(walk, kerb)
    crossings = [shapely.Polygon(walk.outline_m[:, :2]) for walk in road.crosswalks]
    ramps = unite(tactile(road.crosswalks))
    ribbed, low = (shapely.segmentize(both(area, ramps), _RAMP_STEP_M) for area in (footway, kerb))
    return Plan(
        driven=driven,
        raised=unite([walk, median]),
        iron=iron,
        tactile=ribbed,
        white=white,
        yellow=yellow,
        bike=both(bare, bike),
        bus=bus,
        gutter=gutter,
        asphalt=asphalt,
        fresh=mended[0],
        pale=mended[1],
        bitumen=mended[2],
        kerb=minus(kerb, ramps),
        dropped=low,
        crossings=shapely.MultiPolygon(crossings),
        pavement=minus(footway, ribbed),
        median=minus(median, kerb),
    )


def tiles(area: BaseGeometry, cell_m: float) -> list[shapely.Polygon]:
    """Return an area cut along a square grid, so that no piece is larger than a cell.

    Pieces that are smaller than half a cell stay whole.
    """
    parts = polygons(area)
    low_x, low_y, high_x, high_y = shapely.bounds(parts).reshape(-1, 4).T
    small = np.maximum(high_x - low_x, high_y - low_y) < cell_m / 2
    large = [part for part, whole in zip(parts, small.tolist(), strict=True) if not whole]
    whole = [part for part, whole in zip(parts, small.tolist(), strict=True) if whole]
    return [*_cut(shapely.MultiPolygon(large), cell_m), *whole]


def _cut(area: BaseGeometry, cell_m: float) -> list[shapely.Polygon]:
    """Return an area cut along a square grid by halves."""
    if area.is_empty:
        return []
    low_x, low_y, high_x, high_y = (float(value) for value in area.bounds)
    cut = [
        (axis, lo, hi)
        for axis, lo, hi in ((0, low_x, high_x), (1, low_y, high_y))
        if np.floor(lo / cell_m + 1e-9) < np.ceil(hi / cell_m - 1e-9) - 1
    ]
    if not cut:
        return polygons(area)
    axis, lo, hi = max(cut, key=lambda item: item[2] - item[1])
    first, last = np.floor(lo / cell_m + 1e-9), np.ceil(hi / cell_m - 1e-9)
    middle = float(np.floor((first + last) / 2) * cell_m)
    far = 1e5
    sides = (
        shapely.box(-far, -far, middle if axis == 0 else far, middle if axis == 1 else far),
        shapely.box(middle if axis == 0 else -far, middle if axis == 1 else -far, far, far),
    )
    return [piece for side in sides for piece in _cut(both(area, side), cell_m)]
