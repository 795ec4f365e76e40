"""Ways along lanes: which lanes follow each other, where a path leads, where two paths conflict.

Proved on closed forms and by brute force in `tests/core/test_lane_paths.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from rareworld.core.geometry import wrap_angle
from rareworld.core.road import Lane, RoadMap, Turn

_TOGETHER_M = 0.25
_ALONG_RAD = np.deg2rad(30.0)
_LEVEL_M = 2.5
_EPS = 1e-9


@final
@dataclass(frozen=True, kw_only=True)
class LanePath:
    """A centre line that runs over one or more lanes."""

    lanes: tuple[str, ...]
    start_m: tuple[float, ...]
    """Station of the path at which each lane begins; negative for a first lane entered midway."""
    points_m: Float[np.ndarray, "p 3"]

    @property
    def station_m(self) -> Float[np.ndarray, "p"]:
        """Distance along the path at each point, seen from above."""
        step = np.linalg.norm(np.diff(self.points_m[:, :2], axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(step)])

    @property
    def length_m(self) -> float:
        """Length seen from above."""
        return float(self.station_m[-1])

    def at(
        self,
        station_m: Float[np.ndarray, "n"],
        offset_m: Float[np.ndarray, "n"] | float = 0.0,
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n"]]:
        """Return position and heading at stations, shifted left; clamped to the path's ends."""
        known = self.station_m
        columns: list[np.ndarray] = [
            np.interp(station_m, known, self.points_m[:, k]) for k in range(3)
        ]
        position = np.stack(columns, axis=1)
        row = np.clip(np.searchsorted(known, station_m, "right") - 1, 0, len(known) - 2)
        step = self.points_m[row + 1, :2] - self.points_m[row, :2]
        yaw = np.arctan2(step[:, 1], step[:, 0])
        left = np.stack([-np.sin(yaw), np.cos(yaw)], axis=1)
        position[:, :2] += left * np.broadcast_to(offset_m, yaw.shape)[:, None]
        return position, yaw

    def lane_at(self, station_m: float) -> str:
        """Return the lane at a station of the path."""
        row = int(np.searchsorted(np.array(self.start_m), station_m, "right")) - 1
        return self.lanes[max(row, 0)]


@final
@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A place where two paths cross or come together."""

    station_a_m: float
    station_b_m: float
    angle_rad: float
    """Heading of b minus heading of a there, in (-pi, pi]."""
    point_m: tuple[float, float, float]
    merges: bool
    """Whether the paths run on together from here."""


def lane_routes(
    road: RoadMap, from_lane: str, horizon_m: float, *, most: int = 64
) -> tuple[tuple[str, ...], ...]:
    """Return the lane sequences that start with a lane and reach a length or a dead end.

    Depth first in the map's order of successors; a lane is not entered twice; at most `most`.
    """
    out: list[tuple[str, ...]] = []
    open_routes: list[tuple[tuple[str, ...], float]] = [
        ((from_lane,), road.lanes[from_lane].length_m)
    ]
    while open_routes and len(out) < most:
        route, length = open_routes.pop()
        ahead = [name for name in road.lanes[route[-1]].successors if name not in route]
        if length >= horizon_m or not ahead:
            out.append(route)
            continue
        open_routes.extend(
            ((*route, name), length + road.lanes[name].length_m) for name in reversed(ahead)
        )
    return tuple(out)


def path_from(
    road: RoadMap,
    lane_id: str,
    station_m: float = 0.0,
    choices: Sequence[Turn] = (),
    *,
    horizon_m: float = 100.0,
) -> LanePath:
    """Return the way ahead from a place on a lane, until a horizon or a dead end.

    At each fork the next of `choices` is taken if the fork offers it; without (further) choices,
    or if it is not offered, the way that bends least.
    """
    names, starts = [lane_id], [-station_m]
    left = list(choices)
    end_m = road.lanes[lane_id].length_m - station_m
    while end_m < horizon_m:
        ahead = [road.lanes[name] for name in road.lanes[names[-1]].successors]
        if not ahead:
            break
        wanted = left.pop(0) if left and len(ahead) > 1 else None
        lane = _choose(ahead, wanted)
        names.append(lane.id)
        starts.append(end_m)
        end_m += lane.length_m
    points = join(road, names)
    whole = LanePath(lanes=tuple(names), start_m=tuple(starts), points_m=points)
    return _trim(whole, station_m, min(station_m + horizon_m, whole.length_m))


def join(road: RoadMap, names: Sequence[str]) -> Float[np.ndarray, "p 3"]:
    """Return the centre lines of following lanes as one polyline without repeated points."""
    points = np.concatenate([road.lanes[name].centre_m for name in names])
    step = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
    return points[np.concatenate([[True], step > 1e-6])]


def _choose(ahead: Sequence[Lane], wanted: Turn | None) -> Lane:
    """Return the wanted way out of a fork, else the one that bends least."""
    offered = [lane for lane in ahead if lane.turn is wanted] if wanted is not None else []
    return min(offered or ahead, key=_bend)


def _bend(lane: Lane) -> float:
    """Return the sum of a lane's heading changes, without sign."""
    step = np.diff(lane.centre_m[:, :2], axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    return abs(float(np.sum(wrap_angle(np.diff(heading)))))


def _trim(path: LanePath, low_m: float, high_m: float) -> LanePath:
    """Return the part of a path between two stations of its polyline."""
    known = path.station_m
    inner = known[(known > low_m + 1e-6) & (known < high_m - 1e-6)]
    at = np.concatenate([[low_m], inner, [high_m]])
    columns: list[np.ndarray] = [np.interp(at, known, path.points_m[:, k]) for k in range(3)]
    return LanePath(lanes=path.lanes, start_m=path.start_m, points_m=np.stack(columns, axis=1))


def conflicts(a_m: Float[np.ndarray, "p 3"], b_m: Float[np.ndarray, "q 3"]) -> tuple[Conflict, ...]:
    """Return where two centre lines cross or merge, in order along the first.

    Lines on different levels do not conflict. Two lines that start together and part have no
    conflict at their common start.
    """
    shared = _common_stretches(a_m, b_m)
    found = [*_merges(a_m, b_m, shared), *_crossings(a_m, b_m, shared)]
    found.sort(key=lambda conflict: conflict.station_a_m)
    return tuple(found)


def _stations(line_m: Float[np.ndarray, "p 3"]) -> Float[np.ndarray, "p"]:
    """Return the distance along a polyline at its points."""
    step = np.linalg.norm(np.diff(line_m[:, :2], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(step)])


@final
@dataclass(frozen=True)
class _Stretch:
    """Points of a, first to last, on which it runs along b."""

    first: int
    last: int
    starts_a_line: bool
    """Whether one of the two lines begins on it."""


def _crossings(
    a_m: Float[np.ndarray, "p 3"], b_m: Float[np.ndarray, "q 3"], stretches: Sequence[_Stretch]
) -> list[Conflict]:
    """Return the proper intersections of two polylines that are not part of a common stretch."""
    da, db = np.diff(a_m[:, :2], axis=0), np.diff(b_m[:, :2], axis=0)
    between = b_m[None, :-1, :2] - a_m[:-1, None, :2]
    cross = da[:, None, 0] * db[None, :, 1] - da[:, None, 1] * db[None, :, 0]
    safe = np.where(np.abs(cross) < _EPS, np.inf, cross)
    on_a = (between[..., 0] * db[None, :, 1] - between[..., 1] * db[None, :, 0]) / safe
    on_b = (between[..., 0] * da[:, None, 1] - between[..., 1] * da[:, None, 0]) / safe
    meets = np.isfinite(safe) & (on_a >= 0) & (on_a < 1) & (on_b >= 0) & (on_b < 1)
    shared = np.zeros(len(a_m), dtype=bool)
    for stretch in stretches:
        shared[stretch.first : stretch.last + 1] = True
    free = ~(shared[:-1] | shared[1:])
    rows = [(int(i), int(j)) for i, j in np.argwhere(meets & free[:, None])]
    made = [_conflict(a_m, b_m, (i, float(on_a[i, j])), (j, float(on_b[i, j]))) for i, j in rows]
    return [conflict for conflict in made if conflict is not None]


def _merges(
    a_m: Float[np.ndarray, "p 3"], b_m: Float[np.ndarray, "q 3"], stretches: Sequence[_Stretch]
) -> list[Conflict]:
    """Return where a common stretch begins that both lines enter from elsewhere."""
    begins = [part.first for part in stretches if not part.starts_a_line]
    nearest, share = _nearest_on(a_m[begins], b_m)
    made = [
        _conflict(a_m, b_m, (i, 0.0), (int(j), float(t)), merges=True)
        for i, j, t in zip(begins, nearest, share, strict=True)
    ]
    return [conflict for conflict in made if conflict is not None]


def _common_stretches(
    a_m: Float[np.ndarray, "p 3"], b_m: Float[np.ndarray, "q 3"]
) -> list[_Stretch]:
    """Return the stretches that the lines share from a start or up to an end of one of them.

    Lines that only touch at a small angle and part again cross; they share nothing.
    """
    together = np.concatenate([[False], _joined(a_m, b_m), [False]])
    edges = np.flatnonzero(together[1:] != together[:-1])
    on_a, _ = _nearest_on(b_m[[0, -1]], a_m)
    b_joins = _joined(b_m, a_m)[[0, -1]]
    out: list[_Stretch] = []
    for first, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        b_end = b_joins & (on_a >= first - 1) & (on_a < after)
        starts = first == 0 or bool(b_end[0])
        ends = after == len(a_m) or bool(b_end[1])
        if starts or ends:
            out.append(_Stretch(first, after - 1, starts))
    return out


def _joined(a_m: Float[np.ndarray, "p 3"], b_m: Float[np.ndarray, "q 3"]) -> np.ndarray:
    """Return which points of a lie on b and head the same way."""
    row, share = _nearest_on(a_m, b_m)
    on_b = b_m[row] + share[:, None] * (b_m[row + 1] - b_m[row])
    close = np.linalg.norm((a_m - on_b)[:, :2], axis=1) < _TOGETHER_M
    turned = np.abs(wrap_angle(_headings(b_m)[row] - _headings(a_m, repeat_last=True)))
    return close & (turned < _ALONG_RAD)


def _headings(line_m: Float[np.ndarray, "p 3"], *, repeat_last: bool = False) -> np.ndarray:
    """Return the heading of each segment; once more at the end if asked for one per point."""
    step = np.diff(line_m[:, :2], axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    return np.append(heading, heading[-1]) if repeat_last else heading


def _nearest_on(
    points_m: Float[np.ndarray, "n 3"], line_m: Float[np.ndarray, "q 3"]
) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Return segment and fraction of the nearest place on a polyline."""
    step = np.diff(line_m[:, :2], axis=0)
    rel_x = points_m[:, None, 0] - line_m[:-1, 0]
    rel_y = points_m[:, None, 1] - line_m[:-1, 1]
    share = rel_x * step[:, 0] + rel_y * step[:, 1]
    share = np.clip(share / np.maximum(np.sum(step * step, axis=-1), _EPS), 0.0, 1.0)
    off_x, off_y = rel_x - share * step[:, 0], rel_y - share * step[:, 1]
    row = (off_x * off_x + off_y * off_y).argmin(axis=1)
    return row, share[np.arange(len(points_m)), row]


def _conflict(
    a_m: Float[np.ndarray, "p 3"],
    b_m: Float[np.ndarray, "q 3"],
    on_a: tuple[int, float],
    on_b: tuple[int, float],
    *,
    merges: bool = False,
) -> Conflict | None:
    """Return the conflict at (segment, fraction) of both lines; None on different levels."""
    (i, t), (j, u) = on_a, on_b
    i_next = min(i + 1, len(a_m) - 1)
    place_a = a_m[i] + t * (a_m[i_next] - a_m[i])
    place_b = b_m[j] + u * (b_m[j + 1] - b_m[j])
    if abs(place_a[2] - place_b[2]) > _LEVEL_M:
        return None
    heading_a = _headings(a_m, repeat_last=True)[i]
    station_a, station_b = _stations(a_m), _stations(b_m)
    return Conflict(
        station_a_m=float(station_a[i] + t * (station_a[i_next] - station_a[i])),
        station_b_m=float(station_b[j] + u * (station_b[j + 1] - station_b[j])),
        angle_rad=float(wrap_angle(_headings(b_m)[j] - heading_a)),
        point_m=(float(place_a[0]), float(place_a[1]), float(place_a[2])),
        merges=merges,
    )
