"""Where things can happen on a map: ways through junctions, crossings of ways, free stretches.

All searches return lists in the map's own order, so that a draw by seed is repeatable.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from rareworld.core.geometry import FloatArray
from rareworld.core.lane_paths import conflicts, path_from
from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Lane, LaneKind, SignalKind, Turn
from rareworld.simulate.drive.path import Path
from rareworld.simulate.maps.library import Place

UPSTREAM_M = 120.0
"""How much of the approach a way takes along."""
DOWNSTREAM_M = 90.0
USUAL_MPS = 50 / 3.6
"""Speed limit where the map gives none."""
NARROWEST_M = 2.5
"""Narrower lanes are tapers."""


@final
@dataclass(frozen=True)
class Way:
    """A legal way: approach, optional junction, exit; stations from `UPSTREAM_M` before."""

    lanes: tuple[str, ...]
    path: Path
    approach: str
    """Last lane before the junction, or the lane driven."""
    turn: Turn | None
    entry_m: float
    """Station where the junction begins; on a free stretch its end."""
    limit_mps: float = USUAL_MPS


@final
@dataclass(frozen=True)
class Meeting:
    """Where two ways cross."""

    first: Way
    second: Way
    first_m: float
    """Station of the crossing on the first way."""
    second_m: float
    angle_rad: float
    """Heading of the second minus heading of the first."""
    point_m: FloatArray


@final
@dataclass(frozen=True)
class Stretch:
    """A piece of a driving lane outside junctions with the lanes beside it."""

    way: Way
    """Leads on through the junction that ends the stretch, if one does."""
    left: str | None
    """Driving lane beside it with the same direction."""
    right: str | None
    oncoming: str | None
    """Driving lane just left of it with the opposite direction."""
    width_m: float


@final
class Site:
    """A place with its questions answered once."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.road = place.road
        self.index = LaneIndex(place.road)

    @cached_property
    def signalised(self) -> frozenset[str]:
        """Approach lanes that obey a traffic light."""
        return frozenset(
            lane
            for signal in self.road.signals
            if signal.kind is SignalKind.TRAFFIC_LIGHT
            for lane in signal.lanes
        )

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """All ways of vehicles through junctions."""
        found = [
            self._way(lane)
            for lane in self.road.lanes.values()
            if lane.kind is LaneKind.DRIVING and lane.junction and _enters(lane, self.road.lanes)
        ]
        return tuple(way for way in found if way is not None)

    def _way(self, lane: Lane) -> Way | None:
        """Return the way through one junction lane, with approach and exit."""
        upstream = self._upstream(lane.predecessors[0])
        if any(self.road.lanes[name].bus for name in upstream):
            return None
        ahead = path_from(self.road, lane.id, horizon_m=lane.length_m + DOWNSTREAM_M)
        approach = upstream[-1]
        before = [self.road.lanes[name].centre_m for name in upstream]
        path = Path.through(*before, ahead.points_m)
        entry = sum(self.road.lanes[name].length_m for name in upstream)
        if entry < 25.0 or path.length_m - entry < lane.length_m + 15.0:
            return None
        cut = max(entry - UPSTREAM_M, 0.0)
        return Way(
            lanes=(*upstream, *ahead.lanes),
            path=_after(path, cut),
            approach=approach,
            turn=lane.turn,
            entry_m=entry - cut,
            limit_mps=self.limit_mps(approach),
        )

    def limit_mps(self, lane: str) -> float:
        """Return the speed limit of a lane, the usual one where the map gives none."""
        return self.road.lanes[lane].speed_limit_mps or USUAL_MPS

    def _upstream(self, name: str) -> list[str]:
        """Return lanes that lead to one, nearest last, until `UPSTREAM_M` or a junction."""
        chain, length = [name], self.road.lanes[name].length_m
        while length < UPSTREAM_M:
            before = [n for n in self.road.lanes[chain[0]].predecessors if n not in chain]
            straight = [n for n in before if self.road.lanes[n].junction is None]
            if not straight:
                break
            chain.insert(0, straight[0])
            length += self.road.lanes[straight[0]].length_m
        return chain

    @cached_property
    def meetings(self) -> tuple[Meeting, ...]:
        """All crossings of two ways from different approaches, at more than 20 degrees."""
        out: list[Meeting] = []
        for i, first in enumerate(self.ways):
            for second in self.ways[i + 1 :]:
                if first.approach != second.approach and _near(first, second):
                    out.extend(_meet(first, second))
        return tuple(out)

    @cached_property
    def _all_stretches(self) -> tuple[Stretch, ...]:
        """All free stretches, in the map's order."""
        out: list[Stretch] = []
        for lane in self.road.lanes.values():
            if lane.kind is LaneKind.DRIVING and not lane.junction:
                follow = [n for n in lane.successors if self.road.lanes[n].junction is None]
                chain = self._upstream(lane.id)
                for_all = not any(self.road.lanes[name].bus for name in chain)
                if for_all and not follow and _width_m(lane) >= NARROWEST_M:
                    length = sum(self.road.lanes[name].length_m for name in chain)
                    out.append(self._stretch(chain, length))
        return tuple(out)

    def stretches(self, length_m: float) -> tuple[Stretch, ...]:
        """Return free stretches of driving lanes that are at least this long."""
        return tuple(s for s in self._all_stretches if s.way.entry_m >= length_m)

    def stretch_of(self, lane: str, length_m: float) -> Stretch | None:
        """Return the free stretch that a lane is part of, if it is long enough."""
        found = [s for s in self.stretches(length_m) if lane in s.way.lanes]
        return found[0] if found else None

    def _stretch(self, chain: list[str], length_m: float) -> Stretch:
        lane = self.road.lanes[chain[-1]]
        ahead = path_from(self.road, lane.id, horizon_m=lane.length_m + DOWNSTREAM_M)
        path = Path.through(*(self.road.lanes[n].centre_m for n in chain[:-1]), ahead.points_m)
        way = Way(tuple(chain), path, lane.id, None, length_m, self.limit_mps(lane.id))
        return Stretch(
            way=way,
            left=self._driving(lane.left_neighbour),
            right=self._driving(lane.right_neighbour),
            oncoming=self._oncoming(lane),
            width_m=_width_m(lane),
        )

    def _driving(self, name: str | None) -> str | None:
        """Return a lane's id if it is a driving lane for everybody."""
        if name is None or self.road.lanes[name].kind is not LaneKind.DRIVING:
            return None
        if self.road.lanes[name].bus:
            return None
        return name

    def _oncoming(self, lane: Lane) -> str | None:
        """Return the driving lane just left of this one that runs the other way."""
        middle = len(lane.centre_m) // 2
        half = lane.left_m[middle] - lane.centre_m[middle]
        yaw = _yaw(lane, middle) + math.pi
        beside = (lane.left_m[middle] + half)[None, :2]
        found = self.index.under(beside, kinds=(LaneKind.DRIVING,), yaw_rad=np.array([yaw]))
        if found.lane[0] < 0:
            return None
        other = self.index.lane(int(found.lane[0]))
        turned = math.cos(float(found.yaw_rad[0]) - yaw)
        return other.id if turned > 0.7 and other.id != lane.id else None

    def lane_of(self, point_m: FloatArray) -> str:
        """Return the id of the driving lane nearest to a point."""
        found = self.index.nearest(point_m[None, :], kinds=(LaneKind.DRIVING,))
        return self.index.lane(int(found.lane[0])).id


def _width_m(lane: Lane) -> float:
    """Return the least width of a lane."""
    across = (lane.left_m - lane.right_m)[:, :2]
    return float(np.hypot(across[:, 0], across[:, 1]).min())


def _yaw(lane: Lane, row: int) -> float:
    row = min(row, len(lane.centre_m) - 2)
    step = lane.centre_m[row + 1] - lane.centre_m[row]
    return math.atan2(step[1], step[0])


def _enters(lane: Lane, lanes: dict[str, Lane]) -> bool:
    """Tell whether a junction lane is the first after an approach."""
    return any(
        name in lanes and lanes[name].junction is None and lanes[name].kind is LaneKind.DRIVING
        for name in lane.predecessors
    )


def _after(path: Path, station_m: float) -> Path:
    """Return the part of a path behind a station."""
    keep = path.station_m >= station_m
    start = path.position(station_m)
    return Path.through(np.concatenate([start[None], path.points_m[keep][1:]]))


def _near(first: Way, second: Way) -> bool:
    """Tell whether two ways could cross at all: their bounding boxes overlap."""
    a, b = first.path.points_m[:, :2], second.path.points_m[:, :2]
    return bool(np.all(a.min(axis=0) <= b.max(axis=0)) and np.all(b.min(axis=0) <= a.max(axis=0)))


def _meet(first: Way, second: Way) -> list[Meeting]:
    """Return the proper crossings of two ways, with stations on the ways' own paths."""
    a, b = first.path.points_m[::4], second.path.points_m[::4]
    return [
        Meeting(
            first=first,
            second=second,
            first_m=c.station_a_m,
            second_m=c.station_b_m,
            angle_rad=c.angle_rad,
            point_m=np.array(c.point_m),
        )
        for c in conflicts(a, b)
        if not c.merges and abs(math.sin(c.angle_rad)) > 0.34
    ]
