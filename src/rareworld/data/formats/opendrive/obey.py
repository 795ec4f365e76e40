"""Who must obey a signal and where they stop.

Maps name either the lane before a junction or the lanes through it. Both are folded to approach
lanes, unless another signal of the same kind rules a different movement out of the same approach:
then the lanes through the junction are kept, because only they tell the movements apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.road import Lane, Marking

_MAX_STEPS_BACK = 8
_PAINT_WITHIN_M = 8.0
_AT_END_M = 15.0


@final
@dataclass(frozen=True)
class Governed:
    """The lanes a signal rules."""

    obey: tuple[str, ...]
    """Approach lanes, or lanes through a junction where movements differ."""
    approach: tuple[str, ...]
    """Lanes at whose end, or on which, drivers wait."""


def obeying_lanes(named: Sequence[str], rivals: frozenset[str], lanes: dict[str, Lane]) -> Governed:
    """Fold the lanes a map names to approach lanes where that loses nothing."""
    approach: dict[str, None] = {}
    entries: dict[str, None] = {}
    for name in named:
        _walk_back(name, lanes, approach, entries)
    rival_entries: dict[str, None] = {}
    for name in sorted(rivals):
        if lanes[name].junction is not None:
            _walk_back(name, lanes, {}, rival_entries)
    shared = any(
        successor in rival_entries and successor not in entries
        for name in approach
        for successor in lanes[name].successors
    )
    ways = tuple(approach)
    return Governed(tuple(entries) if entries and (shared or not ways) else ways, ways)


def _walk_back(
    name: str, lanes: dict[str, Lane], approach: dict[str, None], entries: dict[str, None]
) -> None:
    """Add the lanes before the junction that lead to a lane, and the junction's first lanes."""
    front = [name]
    for _ in range(_MAX_STEPS_BACK):
        before: list[str] = []
        for lane in (lanes[item] for item in front):
            if lane.junction is None:
                approach[lane.id] = None
                continue
            if all(lanes[item].junction is None for item in lane.predecessors):
                entries[lane.id] = None
            before.extend(lane.predecessors)
        front = before


def travel_heading(governed: Governed, lanes: dict[str, Lane]) -> float | None:
    """Return the mean heading of traffic where it waits, radians; None without lanes."""
    names = governed.approach or governed.obey
    if not names:
        return None
    steps = np.array([_end_direction(lanes[name]) for name in names])
    x, y = steps.sum(axis=0)
    return float(np.arctan2(y, x))


def _end_direction(lane: Lane) -> Float[np.ndarray, "2"]:
    """Return the unit direction of travel at a lane's end."""
    step = lane.centre_m[-1, :2] - lane.centre_m[-2, :2]
    return step / np.linalg.norm(step)


def stop_line(
    governed: Governed,
    lanes: dict[str, Lane],
    paint: Sequence[Marking],
    station_point_m: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "2 3"] | None:
    """Return the line to wait at, from left to right as drivers see it.

    A painted line near the lanes' end wins; else the end of the lanes that lead into a junction;
    else the cross section beside the signal.
    """
    approach = _one_road(governed, lanes)
    if not approach:
        return None
    row = [_wait_row(lane, lanes, station_point_m) for lane in approach]
    painted = _nearest_paint(approach[0], row[0], paint)
    if painted is not None:
        return painted
    edges = np.array(
        [[lane.left_m[i], lane.right_m[i]] for lane, i in zip(approach, row, strict=True)]
    )
    ahead = _end_direction(approach[0])
    leftness = ahead[0] * edges[:, 0, 1] - ahead[1] * edges[:, 0, 0]
    return np.stack([edges[int(leftness.argmax()), 0], edges[int(leftness.argmin()), 1]])


def _one_road(governed: Governed, lanes: dict[str, Lane]) -> list[Lane]:
    """Return the approach lanes of the road that has most of them."""
    by_road: dict[str, list[Lane]] = {}
    for name in governed.approach:
        by_road.setdefault(name.split(":")[0], []).append(lanes[name])
    return max(by_road.values(), key=len) if by_road else []


def _wait_row(lane: Lane, lanes: dict[str, Lane], station_point_m: np.ndarray) -> int:
    """Return the cross section to wait at: the end before a junction or the one at the signal."""
    beside = int(np.argmin(np.linalg.norm(lane.centre_m[:, :2] - station_point_m[:2], axis=1)))
    to_end_m = lane.length_m - float(lane.station_m[beside])
    leads_in = any(lanes[name].junction is not None for name in lane.successors)
    outside = not 0 < beside < len(lane.centre_m) - 1
    return -1 if leads_in and (outside or to_end_m < _AT_END_M) else beside


def _nearest_paint(
    lane: Lane, row: int, paint: Sequence[Marking]
) -> Float[np.ndarray, "2 3"] | None:
    """Return the painted stop line across a lane near a cross section, left end first."""
    here, direction = lane.centre_m[row], _end_direction(lane)
    best: tuple[float, np.ndarray] | None = None
    for mark in paint:
        ends = mark.points_m[[0, -1]]
        across = ends[1, :2] - ends[0, :2]
        away = float(np.linalg.norm(ends.mean(axis=0) - here))
        straight_across = abs(across @ direction) < 0.7 * np.linalg.norm(across)
        if straight_across and away < _PAINT_WITHIN_M and (best is None or away < best[0]):
            left_first = direction[0] * across[1] - direction[1] * across[0] < 0
            best = away, ends if left_first else ends[::-1].copy()
    return None if best is None else best[1]
