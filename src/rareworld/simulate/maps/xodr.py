"""Writes OpenDRIVE 1.7 text from plain records; the bytes depend on the records alone.

Spec: ASAM OpenDRIVE 1.7 (roads, lanes, objects, signals, junctions, controllers). The general
writers stamp the date into the header, so their bytes change from day to day; ours do not.
Proved in tests/simulate/maps/test_map_xodr.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final
from xml.etree import ElementTree

from rareworld.simulate.maps.paths import Path, Piece

_DRIVEN = ("driving", "bus", "entry", "onRamp")
"""Lanes that carry the road's speed limit themselves; netconvert reads it from there only."""


@final
@dataclass(frozen=True)
class Mark:
    """A painted line on a lane's outer border."""

    kind: str
    colour: str = "white"
    width_m: float = 0.12
    dash_m: float = 3.0
    gap_m: float = 6.0


@final
@dataclass(frozen=True)
class LaneRecord:
    """One lane of a section; lanes are listed from the reference line outwards."""

    kind: str
    width: tuple[float, float, float, float]
    """Cubic in metres over the distance from the section start."""
    mark: Mark | None = None
    height_m: float = 0.0
    """Above the road surface: the kerb of a pavement."""
    predecessor: int | None = None
    successor: int | None = None
    later_widths: tuple[tuple[float, float, float, float, float], ...] = ()
    """More (s, a, b, c, d) pieces of the width."""


@final
@dataclass(frozen=True)
class Section:
    """A lane section from `s_m` on."""

    s_m: float
    right: tuple[LaneRecord, ...]
    left: tuple[LaneRecord, ...] = ()
    centre: Mark | None = None


@final
@dataclass(frozen=True)
class ObjectRecord:
    """Something on the road with (forward, left, height) corners around (s, t); two make a line."""

    id: str
    kind: str
    s_m: float
    t_m: float
    corners: tuple[tuple[float, float, float], ...]
    name: str = ""


@final
@dataclass(frozen=True)
class SignalRecord:
    """A light or sign."""

    id: str
    kind: str
    s_m: float
    t_m: float
    z_m: float
    lanes: tuple[int, int]
    """From, to: OpenDRIVE lane ids it holds for."""
    dynamic: bool = False
    orientation: str = "+"
    turn_rad: float = 0.0
    """Heading offset to the orientation."""
    value: str = ""
    country: str = "OpenDRIVE"
    name: str = ""


@final
@dataclass(frozen=True)
class Link:
    """Where a road goes on."""

    kind: str
    """`road` or `junction`."""
    id: str
    contact: str = ""
    """`start` or `end` of the other road."""


@final
@dataclass(frozen=True)
class RoadRecord:
    """One road."""

    id: str
    name: str
    path: Path
    sections: tuple[Section, ...]
    junction: str = "-1"
    predecessor: Link | None = None
    successor: Link | None = None
    speed_mps: float | None = None
    elevation: tuple[tuple[float, float, float, float, float], ...] = ((0, 0, 0, 0, 0),)
    """(s, a, b, c, d) pieces."""
    objects: tuple[ObjectRecord, ...] = ()
    signals: tuple[SignalRecord, ...] = ()
    kind: str = "town"
    lane_offset: tuple[float, float, float, float] | None = None
    """Cubic by which the lanes are moved to the left of the path."""


@final
@dataclass(frozen=True)
class ConnectionRecord:
    """A way through a junction: lane pairs from the incoming to the connecting road."""

    incoming: str
    connecting: str
    links: tuple[tuple[int, int], ...]


@final
@dataclass(frozen=True)
class JunctionRecord:
    """A junction with its ways and controllers."""

    id: str
    name: str
    connections: tuple[ConnectionRecord, ...]
    controllers: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class MapRecord:
    """A whole map."""

    name: str
    roads: tuple[RoadRecord, ...]
    junctions: tuple[JunctionRecord, ...] = ()
    controllers: Mapping[str, tuple[str, ...]] | None = None
    """Controller id -> ids of the signals that switch together."""


def to_bytes(record: MapRecord) -> bytes:
    """Return the map as OpenDRIVE text."""
    root = ElementTree.Element("OpenDRIVE")
    _add(
        root, "header", revMajor=1, revMinor=7, name=record.name, version="1.00", vendor="rareworld"
    )
    for road in record.roads:
        _road(root, road)
    for name, signals in (record.controllers or {}).items():
        controller = _add(root, "controller", id=name, name=f"group {name}")
        for signal in signals:
            _add(controller, "control", signalId=signal, type="0")
    for junction in record.junctions:
        _junction(root, junction)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _add(parent: ElementTree.Element, tag: str, **values: str | float) -> ElementTree.Element:
    """Append a child; numbers are written with nine digits."""
    text = {key.rstrip("_"): _text(value) for key, value in values.items()}
    return ElementTree.SubElement(parent, tag, text)


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return format(value + 0.0, ".9g") if abs(value) > 1e-9 else "0"


def _road(root: ElementTree.Element, road: RoadRecord) -> None:
    node = _add(
        root, "road", name=road.name, length=road.path.length_m, id=road.id, junction=road.junction
    )
    node.set("rule", "RHT")
    link = _add(node, "link")
    for tag, target in (("predecessor", road.predecessor), ("successor", road.successor)):
        if target:
            child = _add(link, tag, elementType=target.kind, elementId=target.id)
            if target.contact:
                child.set("contactPoint", target.contact)
    if road.speed_mps is not None:
        kind = _add(node, "type", s=0.0, type=road.kind)
        _add(kind, "speed", max=road.speed_mps, unit="m/s")
    _plan(node, road.path)
    profile = _add(node, "elevationProfile")
    for s, a, b, c, d in road.elevation:
        _add(profile, "elevation", s=s, a=a, b=b, c=c, d=d)
    _lanes(node, road)
    _objects(node, road.objects)
    _signals(node, road.signals)


def _plan(node: ElementTree.Element, path: Path) -> None:
    plan, s = _add(node, "planView"), 0.0
    for piece in path.pieces:
        start = piece.start
        child = _add(
            plan, "geometry", s=s, x=start.x_m, y=start.y_m, hdg=start.heading_rad,
            length=piece.length_m,
        )  # fmt: skip
        _shape(child, piece)
        s += piece.length_m


def _shape(child: ElementTree.Element, piece: Piece) -> None:
    if piece.cubic:
        names = ("aU", "bU", "cU", "dU", "aV", "bV", "cV", "dV")
        values = dict(zip(names, piece.cubic, strict=True))
        _add(child, "paramPoly3", pRange="normalized", **values)
    elif piece.curvature:
        _add(child, "arc", curvature=piece.curvature)
    else:
        _add(child, "line")


def _lanes(node: ElementTree.Element, road: RoadRecord) -> None:
    lanes, limit_mps = _add(node, "lanes"), road.speed_mps
    if road.lane_offset:
        a, b, c, d = road.lane_offset
        _add(lanes, "laneOffset", s=0.0, a=a, b=b, c=c, d=d)
    for section in road.sections:
        child = _add(lanes, "laneSection", s=section.s_m)
        if section.left:
            left = _add(child, "left")
            for number in range(len(section.left), 0, -1):
                _lane(left, number, section.left[number - 1], limit_mps)
        centre = _add(_add(child, "center"), "lane", id="0", type="none", level="false")
        _mark(centre, section.centre)
        right = _add(child, "right")
        for index, lane in enumerate(section.right):
            _lane(right, -index - 1, lane, limit_mps)


def _lane(
    side: ElementTree.Element, number: int, lane: LaneRecord, limit_mps: float | None
) -> None:
    node = _add(side, "lane", id=str(number), type=lane.kind, level="false")
    link = _add(node, "link")
    if lane.predecessor is not None:
        _add(link, "predecessor", id=str(lane.predecessor))
    if lane.successor is not None:
        _add(link, "successor", id=str(lane.successor))
    a, b, c, d = lane.width
    _add(node, "width", sOffset=0.0, a=a, b=b, c=c, d=d)
    for s, a, b, c, d in lane.later_widths:
        _add(node, "width", sOffset=s, a=a, b=b, c=c, d=d)
    _mark(node, lane.mark)
    if limit_mps is not None and lane.kind in _DRIVEN:
        _add(node, "speed", sOffset=0.0, max=limit_mps, unit="m/s")
    if lane.height_m:
        _add(node, "height", sOffset=0.0, inner=lane.height_m, outer=lane.height_m)


def _mark(lane: ElementTree.Element, mark: Mark | None) -> None:
    if mark is None:
        _add(lane, "roadMark", sOffset=0.0, type="none", color="standard", width=0.0)
        return
    node = _add(
        lane, "roadMark", sOffset=0.0, type=mark.kind, weight="standard", color=mark.colour,
        material="standard", width=mark.width_m, laneChange=_lane_change(mark.kind),
    )  # fmt: skip
    if mark.kind == "broken":
        line = _add(node, "type", name="broken", width=mark.width_m)
        _add(line, "line", length=mark.dash_m, space=mark.gap_m, tOffset=0.0, sOffset=0.0)


def _lane_change(kind: str) -> str:
    return "both" if kind == "broken" else "none"


def _objects(node: ElementTree.Element, objects: Sequence[ObjectRecord]) -> None:
    if not objects:
        return
    parent = _add(node, "objects")
    for item in objects:
        child = _add(
            parent, "object", type=item.kind, id=item.id, name=item.name or item.kind, s=item.s_m,
            t=item.t_m, zOffset=0.0, hdg=0.0, pitch=0.0, roll=0.0, orientation="none",
        )  # fmt: skip
        outline = _add(
            child, "outline", id="0", closed="true" if len(item.corners) > 2 else "false"
        )
        for u, v, z in item.corners:
            _add(outline, "cornerLocal", u=u, v=v, z=z, height=0.0)


def _signals(node: ElementTree.Element, signals: Sequence[SignalRecord]) -> None:
    if not signals:
        return
    parent = _add(node, "signals")
    for item in signals:
        child = _add(
            parent, "signal", s=item.s_m, t=item.t_m, id=item.id, name=item.name or item.id,
            dynamic="yes" if item.dynamic else "no", orientation=item.orientation,
            zOffset=item.z_m, country=item.country, type=item.kind, subtype="-1",
            hOffset=item.turn_rad, pitch=0.0, roll=0.0, height=0.9, width=0.32,
        )  # fmt: skip
        if item.value:
            child.set("value", item.value)
            child.set("unit", "km/h")
        low, high = sorted(item.lanes)
        _add(child, "validity", fromLane=str(low), toLane=str(high))


def _junction(root: ElementTree.Element, junction: JunctionRecord) -> None:
    node = _add(root, "junction", id=junction.id, name=junction.name, type="default")
    for index, item in enumerate(junction.connections):
        child = _add(
            node, "connection", id=str(index), incomingRoad=item.incoming,
            connectingRoad=item.connecting, contactPoint="start",
        )  # fmt: skip
        for start, end in item.links:
            _add(child, "laneLink", from_=str(start), to=str(end))
    for index, name in enumerate(junction.controllers):
        _add(node, "controller", id=name, type="0", sequence=str(index))
