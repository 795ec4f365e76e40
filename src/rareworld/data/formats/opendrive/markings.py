"""Painted lines: `roadMark` records along lane borders.

Of a double line the first word names the line to the left of the polyline's direction; OpenDRIVE
counts from the inside outwards for lanes left of the reference line, so theirs is turned round.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from rareworld.core.road import MarkColour, Marking, MarkKind
from rareworld.data.formats.opendrive.build import SampledRoad
from rareworld.data.formats.opendrive.node import Node
from rareworld.data.formats.opendrive.notes import Notes
from rareworld.data.formats.opendrive.records import LaneRecord, SectionRecord
from rareworld.data.formats.opendrive.surface import LaneEdges

_PAINTED: dict[str, MarkKind] = {
    "solid": MarkKind.SOLID,
    "broken": MarkKind.BROKEN,
    "botts dots": MarkKind.BROKEN,
    "solid solid": MarkKind.SOLID_SOLID,
    "solid broken": MarkKind.SOLID_BROKEN,
    "broken solid": MarkKind.BROKEN_SOLID,
    "broken broken": MarkKind.BROKEN_BROKEN,
}
_UNPAINTED = frozenset({"none", "curb", "grass", "edge"})
_MIRRORED = {
    MarkKind.SOLID_BROKEN: MarkKind.BROKEN_SOLID,
    MarkKind.BROKEN_SOLID: MarkKind.SOLID_BROKEN,
}
_WHITE = frozenset({"standard", "white"})
_YELLOW = frozenset({"yellow", "orange"})
_WIDTH_M = {"standard": 0.12, "bold": 0.25}
_SHORTEST_M = 0.05


def read_markings(roads: list[SampledRoad], notes: Notes) -> Iterator[Marking]:
    """Yield every painted lane border of the map."""
    for road in roads:
        for section, surface in zip(road.record.sections, road.surfaces, strict=True):
            for lane in section.lanes.values():
                if lane.id in surface.lanes:
                    edges = surface.lanes[lane.id]
                    yield from _lane_markings(section, lane, surface.station_m, edges, notes)


def _lane_markings(
    section: SectionRecord,
    lane: LaneRecord,
    station_m: Float[np.ndarray, "p"],
    edges: LaneEdges,
    notes: Notes,
) -> Iterator[Marking]:
    """Yield the marks of one lane's outer border, each up to the start of the next."""
    nodes = sorted(lane.node.all("roadMark"), key=lambda node: node.number("sOffset", 0.0))
    starts = [section.start_m + node.number("sOffset", 0.0) for node in nodes]
    for node, start, end in zip(nodes, starts, [*starts[1:], section.end_m], strict=False):
        kind = _kind(node, lane.id, notes)
        low, high = max(start, section.start_m), min(end, section.end_m)
        if kind is not None and high - low > _SHORTEST_M:
            points = cut(station_m, edges.points_m[:, 2], low, high)
            yield make_marking(node, points, kind, notes)


def _kind(node: Node, lane: int, notes: Notes) -> MarkKind | None:
    """Return the pattern; None where nothing is painted or we do not know it."""
    name = node.text("type")
    if name in _UNPAINTED:
        return None
    if name not in _PAINTED:
        notes.add(f"road mark type {name!r} is not drawn", node)
        return None
    kind = _PAINTED[name]
    return _MIRRORED.get(kind, kind) if lane > 0 else kind


def make_marking(
    node: Node, points_m: Float[np.ndarray, "p 3"], kind: MarkKind, notes: Notes
) -> Marking:
    """Return a marking with the colour, width and dashes an element states."""
    standard = _WIDTH_M.get(node.text("weight", "standard"), _WIDTH_M["standard"])
    width = node.number("width", standard)
    line = node.first("type/line")
    dash, gap = (line.number("length", 0.0), line.number("space", 0.0)) if line else (0.0, 0.0)
    return Marking(
        points_m=points_m,
        kind=kind,
        colour=colour_of(node, notes),
        width_m=width if width > 0 else standard,
        dash_m=dash if dash > 0 else Marking.dash_m,
        gap_m=gap if gap > 0 else Marking.gap_m,
    )


def colour_of(node: Node, notes: Notes) -> MarkColour:
    """Return the paint's colour; other colours than white and yellow are noted as white."""
    name = node.text("color", "standard")
    if name in _YELLOW:
        return MarkColour.YELLOW
    if name not in _WHITE:
        notes.add(f"road mark colour {name!r} is drawn white", node)
    return MarkColour.WHITE


def cut(
    station_m: Float[np.ndarray, "p"], points_m: Float[np.ndarray, "p 3"], low: float, high: float
) -> Float[np.ndarray, "q 3"]:
    """Return the part of a polyline between two stations."""
    inner = station_m[(station_m > low) & (station_m < high)]
    at = np.concatenate([[low], inner, [high]])
    columns: list[np.ndarray] = [np.interp(at, station_m, points_m[:, k]) for k in range(3)]
    return np.stack(columns, axis=1)
