"""Lane sections as polylines: cross sections sampled where the road bends.

A cross section is every lane boundary at one station. Stations are breakpoints of all profiles,
then steps of at most `step_m`, halved until the surface between two stations deviates from its
chord by less than `CHORD_M` at every boundary.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.data.formats.opendrive.profile import EDGE_M
from rareworld.data.formats.opendrive.records import LaneRecord, RoadRecord, SectionRecord

CHORD_M = 0.02
_MAX_HALVINGS = 6
_KEEP_APART_M = 1e-3


def lift(
    road: RoadRecord, s_m: Float[np.ndarray, "p"], t_m: Float[np.ndarray, "p k"]
) -> Float[np.ndarray, "p k 3"]:
    """Return world positions of road coordinates (s, t) on the surface, metres.

    Positive superelevation lifts the left side; t is measured along the tilted surface.
    """
    x, y, heading = road.plan.at(s_m).T[..., None]
    roll = road.superelevation.at(s_m)[:, None]
    height = road.elevation.at(s_m)[:, None] + t_m * np.sin(roll) + road.shape.at(s_m, t_m)
    flat = t_m * np.cos(roll)
    return np.stack([x - np.sin(heading) * flat, y + np.cos(heading) * flat, height], axis=-1)


def heading_at(road: RoadRecord, s_m: float) -> float:
    """Return the heading of the reference line, radians."""
    return float(road.plan.at(np.array([s_m]))[0, 2])


def point_at(road: RoadRecord, s_m: float, t_m: float) -> Float[np.ndarray, "3"]:
    """Return the world position of one point in road coordinates."""
    return lift(road, np.array([s_m]), np.array([[t_m]]))[0, 0]


@final
@dataclass(frozen=True, kw_only=True)
class LaneEdges:
    """One lane at the section's stations: inner border, middle, outer border."""

    t_m: Float[np.ndarray, "p 3"]
    points_m: Float[np.ndarray, "p 3 3"]


@final
@dataclass(frozen=True, kw_only=True)
class SectionSurface:
    """A sampled lane section, by lane id; lane 0 is the centre line."""

    station_m: Float[np.ndarray, "p"]
    lanes: dict[int, LaneEdges]


def sample_section(road: RoadRecord, section: SectionRecord, step_m: float) -> SectionSurface:
    """Sample one lane section adaptively."""
    stations = _refine(_first_stations(road, section, step_m), _all_edges(road, section))
    t = lane_positions(road, section, stations)
    numbers = list(t)
    points = lift(road, stations, np.concatenate([t[number] for number in numbers], axis=1))
    lanes: dict[int, LaneEdges] = {}
    for index, number in enumerate(numbers):
        own = points[:, 3 * index : 3 * index + 3].copy()
        own[..., 2] += _heights(section.lanes[number], stations, section)
        lanes[number] = LaneEdges(t_m=t[number], points_m=own)
    return SectionSurface(station_m=stations, lanes=lanes)


def _all_edges(
    road: RoadRecord, section: SectionRecord
) -> Callable[[np.ndarray], Float[np.ndarray, "p k 3"]]:
    """Return the function from stations to the points of every lane border."""

    def edges(stations: np.ndarray) -> Float[np.ndarray, "p k 3"]:
        """Return the outer border of every lane at stations."""
        t = lane_positions(road, section, stations)
        return lift(road, stations, np.stack([lane[:, 2] for lane in t.values()], axis=1))

    return edges


def _first_stations(
    road: RoadRecord, section: SectionRecord, step_m: float
) -> Float[np.ndarray, "p"]:
    """Return the breakpoints of all profiles inside the section, filled up to steps."""
    profiles = [road.plan.start_m, road.elevation.start_m, road.superelevation.start_m]
    profiles += [road.lane_offset.start_m, road.shape.station_m]
    for lane in section.lanes.values():
        profiles += [lane.width.start_m, lane.border.start_m, lane.height_start_m]
    inner = np.unique(np.concatenate(profiles))
    inside = (inner > section.start_m + _KEEP_APART_M) & (inner < section.end_m - _KEEP_APART_M)
    breaks = np.concatenate([[section.start_m], inner[inside], [section.end_m]])
    keep = np.diff(breaks, prepend=-np.inf) > _KEEP_APART_M
    keep[-1] = True
    breaks = breaks[keep]
    pieces: list[np.ndarray] = [
        np.linspace(a, b, max(int(np.ceil((b - a) / step_m)), 1), endpoint=False)
        for a, b in itertools.pairwise(breaks.tolist())
    ]
    return np.concatenate([*pieces, np.array([section.end_m])])


def _refine(
    stations: Float[np.ndarray, "p"], edges: Callable[[np.ndarray], np.ndarray]
) -> Float[np.ndarray, "q"]:
    """Halve the intervals whose middle is farther than `CHORD_M` from its chord."""
    low, high = stations[:-1], stations[1:]
    done: list[np.ndarray] = [stations]
    for _ in range(_MAX_HALVINGS):
        middle = (low + high) / 2
        ends = edges(np.concatenate([low, high]))
        chord = (ends[: len(low)] + ends[len(low) :]) / 2
        bent = np.linalg.norm(edges(middle) - chord, axis=-1).max(axis=1) > CHORD_M
        if not bent.any():
            break
        low, middle, high = low[bent], middle[bent], high[bent]
        done.append(middle)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return np.unique(np.concatenate(done))


def lane_positions(
    road: RoadRecord, section: SectionRecord, s_m: Float[np.ndarray, "p"]
) -> dict[int, Float[np.ndarray, "p 3"]]:
    """Return inner, middle and outer t of every lane at stations, metres left of the reference."""
    probe = _probe(s_m, section)
    centre = road.lane_offset.at(s_m, probe)
    out = {0: np.stack([centre] * 3, axis=1)}
    for sign in (1, -1):
        inner = centre
        for number in sorted((n for n in section.lanes if n * sign > 0), key=abs):
            lane = section.lanes[number]
            outer = _outer(lane, s_m, probe, inner, centre, sign)
            out[number] = np.stack([inner, (inner + outer) / 2, outer], axis=1)
            inner = outer
    return {number: out[number] for number in section.lanes if number in out}


def _outer(
    lane: LaneRecord,
    s_m: np.ndarray,
    probe_m: np.ndarray,
    inner_m: np.ndarray,
    centre_m: np.ndarray,
    sign: int,
) -> np.ndarray:
    """Return the outer border's t; widths below zero count as zero."""
    if lane.has_border:
        return centre_m + sign * np.abs(lane.border.at(s_m, probe_m))
    return inner_m + sign * np.maximum(lane.width.at(s_m, probe_m), 0.0)


def _probe(s_m: Float[np.ndarray, "p"], section: SectionRecord) -> Float[np.ndarray, "p"]:
    """Return stations just inside the section, where the ruling records are looked up."""
    return np.clip(s_m, section.start_m + EDGE_M, section.end_m - EDGE_M)


def _heights(
    lane: LaneRecord, s_m: Float[np.ndarray, "p"], section: SectionRecord
) -> Float[np.ndarray, "p 3"]:
    """Return the lane's height above the road at inner border, middle and outer border."""
    if not len(lane.height_start_m):
        return np.zeros((len(s_m), 3))
    row = np.searchsorted(lane.height_start_m, _probe(s_m, section), "right") - 1
    inner, outer = lane.height_m[np.clip(row, 0, None)].T
    return np.stack([inner, (inner + outer) / 2, outer], axis=1)
