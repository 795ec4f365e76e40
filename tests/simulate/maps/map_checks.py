"""Helpers for tests of maps: areas of lanes, and what every map of ours must satisfy."""

import numpy as np
import shapely

from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.simulate.maps.xodr import MapRecord, to_bytes


def read(record: MapRecord) -> RoadMap:
    """Return a map record as the reader sees it."""
    return read_opendrive(to_bytes(record).decode(), name=record.name)


def area(lane: Lane) -> shapely.Geometry:
    ring = np.concatenate([lane.left_m[:, :2], lane.right_m[::-1, :2]])
    return shapely.make_valid(shapely.Polygon(ring))


def areas(road: RoadMap, *kinds: LaneKind) -> shapely.Geometry:
    return shapely.union_all([area(lane) for lane in road.lanes.values() if lane.kind in kinds])


def ends(road: RoadMap, kind: LaneKind) -> list[tuple[Lane, Lane]]:
    """Return every pair of lanes of a kind of which the second continues the first."""
    return [
        (lane, road.lanes[name])
        for lane in road.lanes.values()
        if lane.kind == kind
        for name in lane.successors
    ]


def worst_gap_m(road: RoadMap, kind: LaneKind) -> float:
    """Return the largest distance between the end of a lane and the start of the next."""
    pairs = ends(road, kind)
    assert pairs
    return max(
        float(np.abs(a_edge[-1] - b_edge[0]).max())
        for a, b in pairs
        for a_edge, b_edge in ((a.left_m, b.left_m), (a.right_m, b.right_m))
    )


def worst_kink_rad(road: RoadMap, kind: LaneKind) -> float:
    """Return the largest change of heading between a lane and the next, over half a metre."""

    def heading(points: np.ndarray) -> float:
        return float(np.arctan2(*(points[1, :2] - points[0, :2])[::-1]))

    kinks = [
        abs(np.angle(np.exp(1j * (heading(b.centre_m[:2]) - heading(a.centre_m[-2:])))))
        for a, b in ends(road, kind)
    ]
    return float(max(kinks))
