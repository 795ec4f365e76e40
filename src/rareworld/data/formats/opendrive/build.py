"""Lanes of the `RoadMap` out of sampled lane sections."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.geometry import wrap_angle
from rareworld.core.road import Lane, Turn
from rareworld.data.formats.opendrive.links import Topology
from rareworld.data.formats.opendrive.records import (
    LaneRecord,
    RoadRecord,
    SectionRecord,
    lane_name,
    speed_at,
)
from rareworld.data.formats.opendrive.surface import LaneEdges, SectionSurface

_NO_WIDTH_M = 1e-3
_STRAIGHT_BELOW_RAD = np.deg2rad(30.0)
_U_TURN_ABOVE_RAD = np.deg2rad(150.0)


@final
@dataclass(frozen=True)
class SampledRoad:
    """A road with its sampled lane sections, in order."""

    record: RoadRecord
    surfaces: tuple[SectionSurface, ...]


def build_lanes(roads: list[SampledRoad], topology: Topology) -> dict[str, Lane]:
    """Return all lanes that have a width, linked to each other."""
    wide = [
        (road, section, surface, lane)
        for road in roads
        for section, surface in zip(road.record.sections, road.surfaces, strict=True)
        for lane in section.lanes.values()
        if lane.id and has_width(surface.lanes[lane.id])
    ]
    names = {lane_name(road.record.id, sec.index, lane.id) for road, sec, _, lane in wide}
    lanes = [_build(road.record, sec, surface, lane) for road, sec, surface, lane in wide]
    return {lane.id: _link(lane, topology, names) for lane in lanes}


def has_width(edges: LaneEdges) -> bool:
    """Whether the lane is more than a line."""
    return bool(np.abs(edges.t_m[:, 2] - edges.t_m[:, 0]).max() > _NO_WIDTH_M)


def _build(
    road: RoadRecord, section: SectionRecord, surface: SectionSurface, lane: LaneRecord
) -> Lane:
    """Return one lane, not yet linked."""
    inner, centre, outer = np.moveaxis(surface.lanes[lane.id].points_m, 1, 0)
    left, right = (inner, outer) if lane.id < 0 else (outer, inner)
    forward = road.is_forward(lane)
    if not forward:
        left, centre, right = right[::-1].copy(), centre[::-1].copy(), left[::-1].copy()
    middle_m = (section.start_m + section.end_m) / 2
    own_limit = speed_at(lane.speeds, middle_m)
    return Lane(
        id=lane_name(road.id, section.index, lane.id),
        kind=lane.kind,
        centre_m=centre,
        left_m=left,
        right_m=right,
        left_neighbour=_neighbour(road, section, lane, 1 if forward else -1),
        right_neighbour=_neighbour(road, section, lane, -1 if forward else 1),
        junction=road.junction,
        turn=None if road.junction is None else turn_of(centre),
        speed_limit_mps=own_limit if own_limit is not None else speed_at(road.speeds, middle_m),
        bus=lane.type == "bus",
    )


def _neighbour(road: RoadRecord, section: SectionRecord, lane: LaneRecord, step: int) -> str | None:
    """Return the next lane to one side if its traffic goes the same way."""
    number = lane.id + step or step
    other = section.lanes.get(number)
    if other is None or road.is_forward(other) != road.is_forward(lane):
        return None
    return lane_name(road.id, section.index, number)


def _link(lane: Lane, topology: Topology, names: set[str]) -> Lane:
    """Return the lane with its links and neighbours that exist."""
    return Lane(
        id=lane.id,
        kind=lane.kind,
        centre_m=lane.centre_m,
        left_m=lane.left_m,
        right_m=lane.right_m,
        successors=tuple(n for n in topology.successors.get(lane.id, ()) if n in names),
        predecessors=tuple(n for n in topology.predecessors.get(lane.id, ()) if n in names),
        left_neighbour=lane.left_neighbour if lane.left_neighbour in names else None,
        right_neighbour=lane.right_neighbour if lane.right_neighbour in names else None,
        junction=lane.junction,
        turn=lane.turn,
        speed_limit_mps=lane.speed_limit_mps,
        bus=lane.bus,
    )


def turn_of(centre_m: Float[np.ndarray, "p 3"]) -> Turn:
    """Return where a polyline leads, by the sum of its heading changes."""
    step = np.diff(centre_m[:, :2], axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    total = float(np.sum(wrap_angle(np.diff(heading))))
    if abs(total) < _STRAIGHT_BELOW_RAD:
        return Turn.STRAIGHT
    if abs(total) > _U_TURN_ABOVE_RAD:
        return Turn.U_TURN
    return Turn.LEFT if total > 0 else Turn.RIGHT
