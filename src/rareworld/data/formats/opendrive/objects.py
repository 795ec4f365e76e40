"""Things on the road that we use: crosswalks, stop lines, painted lines, parking bays.

Source: ASAM OpenDRIVE 1.8, `object` with `outline`; plus RoadRunner's habit (all CARLA towns) of
exporting paint as nameless-type objects called `StopLine...`, `SolidSingleWhite...` and
`...Crosswalk...`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.road import Crosswalk, MarkColour, Marking, MarkKind
from rareworld.data.formats.opendrive.hull import convex_hull
from rareworld.data.formats.opendrive.markings import make_marking
from rareworld.data.formats.opendrive.node import Node
from rareworld.data.formats.opendrive.notes import Notes
from rareworld.data.formats.opendrive.records import RoadRecord
from rareworld.data.formats.opendrive.surface import heading_at, point_at

_STOP_LINE_WIDTH_M = 0.4
_LINE_WIDTH_M = 0.12
_NAMED_PAINT: dict[str, tuple[MarkKind, MarkColour]] = {
    "StopLine": (MarkKind.STOP_LINE, MarkColour.WHITE),
    "YieldLine": (MarkKind.GIVE_WAY_LINE, MarkColour.WHITE),
    "SolidSingleWhite": (MarkKind.SOLID, MarkColour.WHITE),
    "SolidSingleYellow": (MarkKind.SOLID, MarkColour.YELLOW),
    "DashedSingleWhite": (MarkKind.BROKEN, MarkColour.WHITE),
    "DashedSingleYellow": (MarkKind.BROKEN, MarkColour.YELLOW),
    "DashedShortSingleWhite": (MarkKind.BROKEN, MarkColour.WHITE),
}


@final
@dataclass
class ObjectsFound:
    """Crosswalks and markings that objects describe, in file order."""

    crosswalks: list[Crosswalk] = field(default_factory=list[Crosswalk])
    markings: list[Marking] = field(default_factory=list[Marking])


def read_objects(roads: list[RoadRecord], notes: Notes) -> ObjectsFound:
    """Read the objects of all roads; kinds we do not use are noted."""
    found = ObjectsFound()
    for road in roads:
        for node in road.node.all("objects/object"):
            _read_object(road, node, found, notes)
    return found


def _read_object(road: RoadRecord, node: Node, found: ObjectsFound, notes: Notes) -> None:
    """Add one object to what was found."""
    kind, name = node.text("type", "none"), node.text("name", "")
    paint = next((_NAMED_PAINT[key] for key in _NAMED_PAINT if name.startswith(key)), None)
    corners = outline_of(road, node)
    if kind == "parkingSpace":
        found.markings.extend(_bay_lines(road, node, notes))
    elif paint is not None and len(corners) >= 2:
        found.markings.append(_painted(corners, *paint))
    elif (kind == "crosswalk" or "crosswalk" in name.lower()) and len(corners) >= 3:
        _add_crosswalk(node, corners, found, notes)
    else:
        notes.add(f"objects of type {kind!r} are not used", node)


def _add_crosswalk(
    node: Node, corners: Float[np.ndarray, "p 3"], found: ObjectsFound, notes: Notes
) -> None:
    """Add the hull of a crosswalk's corners unless it has no area."""
    outline = convex_hull(corners)
    if len(outline) < 3:
        notes.add("a crosswalk without area is not used", node)
        return
    found.crosswalks.append(Crosswalk(id=node.text("id"), outline_m=outline))


def _painted(corners: Float[np.ndarray, "p 3"], kind: MarkKind, colour: MarkColour) -> Marking:
    """Return a painted line along an open outline."""
    width = _STOP_LINE_WIDTH_M if kind is MarkKind.STOP_LINE else _LINE_WIDTH_M
    return Marking(points_m=corners, kind=kind, colour=colour, width_m=width)


def outline_of(road: RoadRecord, node: Node) -> Float[np.ndarray, "p 3"]:
    """Return an object's outline in the world; its rectangle if it has none, empty if neither.

    Raises:
        MapError: A corner lacks a coordinate.
    """
    outline = node.first("outlines/outline") or node.first("outline")
    if outline is None:
        return _rectangle(road, node)
    corners = [_CORNERS[c.tag](road, node, c) for c in outline.children() if c.tag in _CORNERS]
    return np.array(corners, dtype=np.float64).reshape(-1, 3)


def _corner_local(road: RoadRecord, node: Node, corner: Node) -> Float[np.ndarray, "3"]:
    """Return a corner given in the object's own frame."""
    uvz = np.array([[corner.number("u"), corner.number("v"), corner.number("z", 0.0)]])
    return _from_local(road, node, uvz)[0]


def _corner_road(road: RoadRecord, node: Node, corner: Node) -> Float[np.ndarray, "3"]:
    """Return a corner given in road coordinates."""
    del node
    ground = point_at(road, corner.number("s"), corner.number("t"))
    return ground + np.array([0.0, 0.0, corner.number("dz", 0.0)])


_CORNERS: dict[str, Callable[[RoadRecord, Node, Node], np.ndarray]] = {
    "cornerLocal": _corner_local,
    "cornerRoad": _corner_road,
}


def _from_local(
    road: RoadRecord, node: Node, uvz: Float[np.ndarray, "p 3"]
) -> Float[np.ndarray, "p 3"]:
    """Turn points of the object's frame into the world; pitch and roll of objects are not used."""
    s = node.number("s")
    lifted = np.array([0.0, 0.0, node.number("zOffset", 0.0)])
    origin = point_at(road, s, node.number("t")) + lifted
    yaw = heading_at(road, s) + node.number("hdg", 0.0)
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return uvz @ turn.T + origin


def _rectangle(road: RoadRecord, node: Node) -> Float[np.ndarray, "p 3"]:
    """Return the four corners of an object with length and width, else nothing."""
    length, width = node.number("length", 0.0), node.number("width", 0.0)
    if length <= 0 or width <= 0:
        return np.zeros((0, 3))
    u, v = length / 2, width / 2
    local = np.array([[u, v, 0.0], [-u, v, 0.0], [-u, -v, 0.0], [u, -v, 0.0]])
    return _from_local(road, node, local)


_BAY_SIDES = {"left": (0, 1), "rear": (1, 2), "right": (2, 3), "front": (3, 0)}


def _bay_lines(road: RoadRecord, node: Node, notes: Notes) -> Iterator[Marking]:
    """Yield the painted sides of a parking bay."""
    corners = _rectangle(road, node)
    for mark in node.all("parkingSpace/marking"):
        side = mark.text("side", "")
        if mark.text("type", "solid") == "none" or side not in _BAY_SIDES or not len(corners):
            continue
        yield make_marking(mark, corners[list(_BAY_SIDES[side])], MarkKind.SOLID, notes)
