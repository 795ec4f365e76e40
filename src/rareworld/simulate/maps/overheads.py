"""What is built over and into roads: portals with boards, bridges, islands at crossings.

Proved in tests/simulate/maps/test_map_overheads.py.
"""

import math
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import shapely
from jaxtyping import Float

from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import PropKind
from rareworld.simulate.maps.settings import Setting

_GANTRY_BEFORE_M = 85.0
"""The portal stands this far before the nose of the ramp."""
_BRIDGE_AFTER_M = 85.0
"""The bridge crosses this far behind that."""
_BRIDGE_M, CLEAR_M = (10.5, 2.15), 4.85
"""Width, and height of the railing over the underside; height of that over the road."""
_SPARE_M = 4.5
"""From the edge of the paved area to a wall of the bridge."""
_RAMP_M, _LONGEST_M = 42.0, 85.0
_NOSE_M, _NARROW_M, _CLEAR_M, _SLIM_M = (2.4, 1.6, 1.0), 1.0, 0.2, 0.6
_KERB_M = 0.12

_SLIMMER = (1.0, 0.75, 0.5)
"""Shares of the width that are tried for a nose."""

XY = Float[np.ndarray, "2"]


@final
@dataclass(frozen=True, kw_only=True)
class Built:
    """One thing, by the middle of its base."""

    kind: PropKind
    at_m: tuple[float, float]
    yaw_rad: float
    size_m: tuple[float, float, float]
    style: int = 0
    rise_m: float = 0.0
    """Base over the ground."""
    feet: list[shapely.Polygon] = field(default_factory=list[shapely.Polygon])
    """Ground it takes."""


def rectangle(
    x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float
) -> shapely.Polygon:
    """Return a rectangle around a point, its length along the yaw."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    half = ((0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5))
    return shapely.Polygon(
        [
            (x_m + u * length_m * c - v * width_m * s, y_m + u * length_m * s + v * width_m * c)
            for u, v in half
        ]
    )


def overheads(road: RoadMap, setting: Setting) -> list[Built]:
    """Return the portal before and the bridge behind the merge of a motorway."""
    lanes = [x for x in road.lanes.values() if x.kind == LaneKind.DRIVING and not x.junction]
    ahead = [x for x in lanes if not x.predecessors and x.length_m > 60]
    if setting != Setting.MOTORWAY or not ahead:
        return []
    first = min(ahead, key=lambda x: x.id)
    way = first.centre_m[-1, :2] - first.centre_m[-2, :2]
    way /= np.linalg.norm(way)
    return [*_gantry(road, first, way), *_bridge(road, first, way)]


def _edges(road: RoadMap, at: XY, way: XY, *, own: bool) -> tuple[float, float]:
    """Return how far the paved area reaches to the right (below 0) and left of a place.

    Args:
        road: Its lanes.
        at: On the road.
        way: Unit vector of travel.
        own: Only the lanes that lead the same way.
    """
    left = np.array([-way[1], way[0]])
    found = [0.0]
    for lane in road.lanes.values():
        if lane.kind == LaneKind.MEDIAN:
            continue
        step = lane.centre_m[-1, :2] - lane.centre_m[0, :2]
        if own and (lane.kind != LaneKind.DRIVING or float(step @ way) < 0):
            continue
        for line in (lane.left_m[:, :2], lane.right_m[:, :2]):
            along, aside = (line - at) @ way, (line - at) @ left
            if along.min() <= 0 <= along.max():
                order = np.argsort(along)
                found.append(float(np.interp(0.0, along[order], aside[order])))
    near = [aside for aside in found if abs(aside) < 60.0]
    return min(near), max(near)


def _median_m(road: RoadMap, at: XY, way: XY) -> float:
    """Return how far to the left of a place the median lies, for the pier to stand in."""
    lines = [x.centre_m[:, :2] for x in road.lanes.values() if x.kind == LaneKind.MEDIAN]
    nearest = min((line for line in lines), key=lambda x: float(abs((x - at) @ way).min()))
    row = int(abs((nearest - at) @ way).argmin())
    return float((nearest[row] - at) @ np.array([-way[1], way[0]]))


def _across(
    kind: PropKind, at: XY, way: XY, span: tuple[float, float], size_m: tuple[float, float]
) -> Built:
    """Return a thing across the road between two offsets, (width, height)."""
    left = np.array([-way[1], way[0]])
    middle = at + left * (span[0] + span[1]) / 2
    return Built(
        kind=kind, at_m=(float(middle[0]), float(middle[1])), yaw_rad=math.atan2(left[1], left[0]),
        size_m=(span[1] - span[0], *size_m),
    )  # fmt: skip


def _gantry(road: RoadMap, first: Lane, way: XY) -> list[Built]:
    at = first.centre_m[-1, :2] - _GANTRY_BEFORE_M * way
    low, high = _edges(road, at, way, own=True)
    return [_across(PropKind.GANTRY, at, way, (low - 4.0, high + 1.6), (0.8, 7.2))]


def _bridge(road: RoadMap, first: Lane, way: XY) -> list[Built]:
    if not any(lane.kind == LaneKind.MEDIAN for lane in road.lanes.values()):
        return []
    at = first.centre_m[-1, :2] + _BRIDGE_AFTER_M * way
    low, high = _edges(road, at, way, own=False)
    middle = _median_m(road, at, way)
    half = max(middle - low, high - middle) + _SPARE_M + _RAMP_M
    if half > _LONGEST_M:
        return []
    span = middle - half, middle + half
    whole = replace(_across(PropKind.BRIDGE, at, way, span, _BRIDGE_M), rise_m=CLEAR_M)
    left = np.array([-way[1], way[0]])
    for side in (span[0] + _RAMP_M / 2, span[1] - _RAMP_M / 2):
        x, y = (at + side * left).tolist()
        whole.feet.append(rectangle(x, y, whole.yaw_rad, _RAMP_M, _BRIDGE_M[0] + 12.0))
    return [whole]


def islands(road: RoadMap) -> list[Built]:
    """Return islands where a raised median ends at a crossing: before it, and a nose behind it."""
    lanes = [lane for lane in road.lanes.values() if lane.kind == LaneKind.MEDIAN]
    medians = shapely.union_all([_ring(lane) for lane in lanes if _raised(lane)])
    driven = shapely.union_all([
        _ring(lane) for lane in road.lanes.values()
        if lane.junction is not None and lane.kind == LaneKind.DRIVING
    ])  # fmt: skip
    made: list[Built] = []
    for walk in road.crosswalks:
        area = shapely.Polygon(walk.outline_m[:, :2])
        for median in shapely.get_parts(medians):
            if 0.05 < shapely.distance(area, median) < 3.0:
                made += _pair(area, median, driven)
    return made


def _ring(lane: Lane) -> shapely.Geometry:
    ring = np.concatenate([lane.left_m[:, :2], lane.right_m[::-1, :2]])
    return shapely.make_valid(shapely.Polygon(ring))


def _raised(lane: Lane) -> bool:
    """Tell whether a median is wide enough to stand on."""
    return float(np.linalg.norm(lane.left_m[-1, :2] - lane.right_m[-1, :2])) > _NARROW_M / 2


def _pair(walk: shapely.Polygon, median: shapely.Geometry, driven: shapely.Geometry) -> list[Built]:
    """Return what stands before and behind one crossing at the end of one median."""
    reach = shapely.intersection(median, walk.buffer(6.0))
    end, axis = shapely.centroid(shapely.intersection(median, walk.buffer(3.0))), _axis(reach)
    start = np.array([end.x, end.y])
    centre = shapely.get_coordinates(walk.centroid)[0]
    axis = axis if float((centre - start) @ axis) > 0 else -axis
    corner = (shapely.get_coordinates(walk)[:-1] - start) @ axis
    tip = float(((shapely.get_coordinates(reach) - start) @ axis).max())
    side = (shapely.get_coordinates(reach) - start) @ np.array([-axis[1], axis[0]])
    wide, middle = float(np.ptp(side)), float(side.max() + side.min()) / 2
    start = start + middle * np.array([-axis[1], axis[0]])
    spans = [(tip, float(corner.min()), 0)]
    spans += [(float(corner.max()), float(corner.max()) + nose, 1) for nose in _NOSE_M]
    made = [
        _block(start, axis, span, share * (wide - _SLIM_M))
        for span in spans for share in (_SLIMMER if span[2] else (1.0,))
    ]  # fmt: skip
    clear = [
        block for block in made
        if shapely.distance(block.feet[0], driven) > _CLEAR_M and block.size_m[0] > 0.5
    ]  # fmt: skip
    return [x for x in clear if not x.style] + [x for x in clear if x.style][:1]


def _axis(area: shapely.Geometry) -> XY:
    """Return the direction of the longer side of an area."""
    ring = shapely.get_coordinates(shapely.oriented_envelope(area))
    sides = np.diff(ring[:3], axis=0)
    longest = sides[int(np.linalg.norm(sides, axis=1).argmax())]
    return longest / np.linalg.norm(longest)


def _block(start: XY, axis: XY, span: tuple[float, float, int], wide_m: float) -> Built:
    low, high, style = span
    x, y = (start + axis * (low + high) / 2).tolist()
    yaw = math.atan2(axis[1], axis[0])
    size = max(high - low, 0.1), wide_m, _KERB_M
    return Built(
        kind=PropKind.ISLAND, at_m=(float(x), float(y)), yaw_rad=yaw, size_m=size, style=style,
        feet=[rectangle(x, y, yaw, size[0], size[1])],
    )  # fmt: skip
