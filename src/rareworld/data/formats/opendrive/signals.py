"""Traffic lights and signs as the map places them, and the lanes they are valid for.

Source: ASAM OpenDRIVE 1.8, `signals`, `signalReference`, `validity`, `controller`; sign numbers as
CARLA uses them (German StVO; 1000001 and 1000002 for lights), plus the US R1-1, R1-2, R2-1.
RoadRunner writes `orientation` the other way round, so a light is turned to face the traffic that
must obey it wherever those lanes are known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

import numpy as np

from rareworld.core.geometry import wrap_angle
from rareworld.core.road import (
    Lane,
    MarkColour,
    Marking,
    MarkKind,
    Signal,
    SignalKind,
)
from rareworld.data.formats.opendrive.node import Node
from rareworld.data.formats.opendrive.notes import Notes
from rareworld.data.formats.opendrive.obey import Governed, obeying_lanes, stop_line, travel_heading
from rareworld.data.formats.opendrive.records import (
    VEHICLE_KINDS,
    RoadRecord,
    SectionRecord,
    lane_name,
)
from rareworld.data.formats.opendrive.surface import heading_at, point_at

_KINDS: dict[str, SignalKind] = {
    "1000001": SignalKind.TRAFFIC_LIGHT,
    "1000002": SignalKind.PEDESTRIAN_LIGHT,
    "205": SignalKind.YIELD,
    "206": SignalKind.STOP,
    "274": SignalKind.SPEED_LIMIT,
    "R1-1": SignalKind.STOP,
    "R1-2": SignalKind.YIELD,
    "R2-1": SignalKind.SPEED_LIMIT,
}
_PAINTED_STOP = "294"
_LIGHTS = frozenset({SignalKind.TRAFFIC_LIGHT, SignalKind.PEDESTRIAN_LIGHT})
_STOPPING = frozenset({SignalKind.TRAFFIC_LIGHT, SignalKind.STOP, SignalKind.YIELD})
_DEFAULT_HEIGHT_M = {SignalKind.TRAFFIC_LIGHT: 3.0}
_SIGN_HEIGHT_M = 2.2
_LOWEST_M = 1.5
_STOP_LINE_WIDTH_M = 0.4


@final
@dataclass
class SignalsFound:
    """Signals, and stop lines that the map writes as signals."""

    signals: list[Signal] = field(default_factory=list[Signal])
    markings: list[Marking] = field(default_factory=list[Marking])


@final
@dataclass(frozen=True)
class _Post:
    """A `signal` element on its road."""

    road: RoadRecord
    node: Node

    @property
    def id(self) -> str:
        """The signal's id."""
        return self.node.text("id")

    @property
    def s_m(self) -> float:
        """Station on the road."""
        return self.node.number("s")

    @property
    def kind(self) -> SignalKind:
        """What it is; a dynamic signal of unknown number is a traffic light."""
        number = self.node.text("type", "")
        known = _KINDS.get(number) or _KINDS.get(re.split(r"[-.]", number)[0])
        if known is None and self.node.text("dynamic", "no") == "yes":
            return SignalKind.TRAFFIC_LIGHT
        return known or SignalKind.OTHER


def read_signals(
    root: Node,
    roads: dict[str, RoadRecord],
    lanes: dict[str, Lane],
    paint: tuple[Marking, ...],
    notes: Notes,
) -> SignalsFound:
    """Read all signals with the lanes that must obey them.

    Raises:
        MapError: A reference names a signal that does not exist.
    """
    posts = {
        node.text("id"): _Post(road, node)
        for road in roads.values()
        for node in road.node.all("signals/signal")
    }
    named = _named_lanes(posts, roads, lanes)
    controllers = _controllers(root, posts, notes)
    stop_paint = [mark for mark in paint if mark.kind is MarkKind.STOP_LINE]
    found = SignalsFound()
    for post in posts.values():
        others = _lanes_of_rivals(post, posts, named)
        governed = obeying_lanes(named[post.id], others, lanes)
        if post.node.text("type", "") == _PAINTED_STOP:
            found.markings.extend(_stop_marking(governed, post, lanes))
            continue
        _note_unknown(post, notes)
        found.signals.append(_signal(post, governed, lanes, stop_paint, controllers.get(post.id)))
    return found


def _named_lanes(
    posts: dict[str, _Post], roads: dict[str, RoadRecord], lanes: dict[str, Lane]
) -> dict[str, tuple[str, ...]]:
    """Return the vehicle lanes each signal is valid for: its own and those of references."""
    named: dict[str, dict[str, None]] = {name: {} for name in posts}
    for road in roads.values():
        for node in road.node.all("signals/signal") + road.node.all("signals/signalReference"):
            name = node.text("id")
            if name not in named:
                raise node.fail(f"names signal {name}, which does not exist")
            valid = (lane for lane in _valid_lanes(road, node, lanes) if lane in lanes)
            named[name].update(dict.fromkeys(valid))
    return {name: tuple(found) for name, found in named.items()}


def _valid_lanes(road: RoadRecord, node: Node, lanes: dict[str, Lane]) -> Iterator[str]:
    """Yield the vehicle lanes a signal or reference counts for at its station.

    `validity` decides; without one `orientation` does.
    """
    section = road.section_at(node.number("s"))
    validity = node.all("validity")
    for number in section.lanes:
        name = lane_name(road.id, section.index, number)
        if name not in lanes or lanes[name].kind not in VEHICLE_KINDS:
            continue
        if (
            any(_covers(span, number) for span in validity)
            if validity
            else _oriented(road, section, number, node)
        ):
            yield name


def _covers(validity: Node, lane: int) -> bool:
    """Whether a `validity` element includes a lane."""
    low, high = sorted((validity.integer("fromLane"), validity.integer("toLane")))
    return low <= lane <= high


def _oriented(road: RoadRecord, section: SectionRecord, lane: int, node: Node) -> bool:
    """Whether a signal's orientation looks at a lane's traffic."""
    orientation = node.text("orientation", "none")
    if orientation not in {"+", "-"}:
        return True
    return road.is_forward(section.lanes[lane]) == (orientation == "+")


def _lanes_of_rivals(
    post: _Post, posts: dict[str, _Post], named: dict[str, tuple[str, ...]]
) -> frozenset[str]:
    """Return the lanes that other signals of the same kind rule."""
    rivals = (other for other in posts.values() if other.id != post.id and other.kind is post.kind)
    return frozenset(lane for other in rivals for lane in named[other.id])


def _controllers(root: Node, posts: dict[str, _Post], notes: Notes) -> dict[str, str]:
    """Return the controller of each signal that has one."""
    out: dict[str, str] = {}
    for node in root.all("controller"):
        for control in node.all("control"):
            name = control.text("signalId")
            if name not in posts:
                notes.add("a controller names a signal that does not exist", control)
            out.setdefault(name, node.text("id"))
    return out


def _note_unknown(post: _Post, notes: Notes) -> None:
    """Note signals whose meaning we only know by halves."""
    number = post.node.text("type", "")
    if post.kind is SignalKind.OTHER:
        notes.add(f"static signals of type {number!r} are kept as other", post.node)
    elif post.kind is SignalKind.TRAFFIC_LIGHT and number != "1000001":
        notes.add(f"dynamic signals of type {number!r} are read as traffic lights", post.node)


def _signal(
    post: _Post,
    governed: Governed,
    lanes: dict[str, Lane],
    stop_paint: list[Marking],
    controller: str | None,
) -> Signal:
    """Return one signal."""
    stops = post.kind in _STOPPING
    line = stop_line(governed, lanes, stop_paint, _station_point(post)) if stops else None
    position = _position(post)
    return Signal(
        id=post.id,
        kind=post.kind,
        position_m=(float(position[0]), float(position[1]), float(position[2])),
        yaw_rad=_facing(post, governed, lanes),
        height_m=_height(post),
        lanes=governed.obey,
        stop_line_m=line,
        value=_value(post),
        controller=controller,
    )


def _station_point(post: _Post) -> np.ndarray:
    """Return the reference line at the signal's station."""
    return point_at(post.road, post.s_m, 0.0)


def _position(post: _Post) -> np.ndarray:
    """Return the foot of the post: stated in the world, or on the road surface at (s, t)."""
    inertial = post.node.first("positionInertial")
    if inertial is not None:
        return np.array([inertial.number("x"), inertial.number("y"), inertial.number("z", 0.0)])
    return point_at(post.road, post.s_m, post.node.number("t"))


def _facing(post: _Post, governed: Governed, lanes: dict[str, Lane]) -> float:
    """Return the heading the signal looks along.

    The element's own angle is kept, turned round if it would show the traffic its back.
    """
    along = heading_at(post.road, post.s_m) + post.node.number("hOffset", 0.0)
    heading = travel_heading(governed, lanes)
    if heading is None:
        against = np.pi if post.node.text("orientation", "none") == "+" else 0.0
        return float(wrap_angle(along + against))
    back_to_traffic = np.cos(along - heading) > 0
    return float(wrap_angle(along + (np.pi if back_to_traffic else 0.0)))


def _height(post: _Post) -> float:
    """Return the middle of the housing; a usual height where the map has none above the ground."""
    middle = post.node.number("zOffset", 0.0) + post.node.number("height", 0.0) / 2
    if middle >= _LOWEST_M:
        return middle
    return _DEFAULT_HEIGHT_M.get(post.kind, _SIGN_HEIGHT_M)


def _value(post: _Post) -> str:
    """Return a sign's number or text; speeds also from the subtype, as CARLA writes them."""
    text = post.node.text("text", "")
    value = post.node.number("value", -1.0)
    if text or post.kind in _LIGHTS:
        return text
    if value > 0:
        return f"{value:g}"
    subtype = post.node.text("subtype", "")
    return subtype if post.kind is SignalKind.SPEED_LIMIT and subtype.isdigit() else ""


def _stop_marking(governed: Governed, post: _Post, lanes: dict[str, Lane]) -> list[Marking]:
    """Return the stop line a sign 294 stands for."""
    line = stop_line(governed, lanes, [], _station_point(post))
    if line is None:
        return []
    return [
        Marking(
            points_m=line,
            kind=MarkKind.STOP_LINE,
            colour=MarkColour.WHITE,
            width_m=_STOP_LINE_WIDTH_M,
        )
    ]
