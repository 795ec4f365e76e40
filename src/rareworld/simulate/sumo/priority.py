"""Rules of the road that netconvert does not read from OpenDRIVE, as patch files for a second run.

- A road whose signs say stop or yield gives way (sign types 206 and 205, as CARLA's maps and ours
  write them); its junction becomes a priority junction.
- Where a map has crosswalk objects, guessed crossings far from all of them are dropped; on the
  others people go first, unless there are lights.
- Pavements do not take part in junctions as lanes: netconvert builds walking areas there.

Proved in tests/simulate/sumo/test_sumo_priority.py.
"""

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] lxml has no types

from rareworld.core.geometry import FloatArray
from rareworld.core.road import RoadMap
from rareworld.simulate.sumo.snap import parse_shape, snapped_shapes

Element = Any
"""An lxml element."""

_STOP, _YIELD = "206", "205"
_FOOTWAY = ("sidewalk", "walking")
_UNDRIVEN = ("sidewalk", "walking", "shoulder", "border", "median", "none", "curb")
_PEDESTRIAN_LIGHT = "1000002"
_REACH_M = 9.0
"""A guessed crossing belongs to a crosswalk object if their middles are this close."""


def for_netconvert(root: Element) -> Element:
    """Return a copy of an OpenDRIVE tree without what netconvert misreads.

    That is pavements linked through junctions, pedestrian lights (taken for car lights), sections
    that differ in parking only (they would split the road), and the map's projection (a missing
    grid file would stop the run; coordinates are kept as they are anyway).
    """
    tree = copy.deepcopy(root)
    _drop_footway_links(tree)
    for lane in tree.findall("road/lanes/laneSection/*/lane[@type='parking']"):
        lane.set("type", "shoulder")
    for lanes in tree.findall("road/lanes"):
        _merge_sections(lanes)
    lights = tree.findall(f"road/signals/signal[@type='{_PEDESTRIAN_LIGHT}']")
    for node in (*tree.findall("header/geoReference"), *lights):
        node.getparent().remove(node)
    return tree


def _drop_footway_links(tree: Element) -> None:
    kinds = _lane_kinds(tree)
    dropped: set[str] = set()
    for connection in tree.findall("junction/connection"):
        road = connection.get("connectingRoad", "")
        links = connection.findall("laneLink")
        foot = [x for x in links if kinds.get((road, x.get("to", ""))) in _FOOTWAY]
        for link in foot:
            connection.remove(link)
        if foot and len(foot) == len(links):
            connection.getparent().remove(connection)
            dropped.add(road)
    for road in tree.findall("road"):
        if road.get("id") in dropped and _undriven(road):
            tree.remove(road)


def _merge_sections(lanes: Element) -> None:
    """Remove sections whose lanes are of the kinds and constant widths of the one before."""
    before = None
    for section in lanes.findall("laneSection"):
        now = _constant_lanes(section)
        if now is not None and now == before:
            lanes.remove(section)
        before = now


def _constant_lanes(section: Element) -> list[tuple[str, str, float]] | None:
    """Return (id, type, width) of each lane, or None where a width varies."""
    out: list[tuple[str, str, float]] = []
    for lane in section.iterfind("*/lane"):
        widths = lane.findall("width")
        shape = [float(x.get(name, "0")) for x in widths for name in ("b", "c", "d")]
        if len(widths) > 1 or any(shape):
            return None
        width = float(widths[0].get("a", "0")) if widths else 0.0
        out.append((lane.get("id", ""), lane.get("type", ""), width))
    return out


def _lane_kinds(tree: Element) -> dict[tuple[str, str], str]:
    """Return the type of every lane of a road's first section."""
    return {
        (road.get("id", ""), lane.get("id", "")): lane.get("type", "")
        for road in tree.findall("road")
        for section in road.findall("lanes/laneSection")[:1]
        for lane in section.iterfind("*/lane")
    }


def _undriven(road: Element) -> bool:
    lanes = road.findall("lanes/laneSection/*/lane")
    return all(lane.get("type") in _UNDRIVEN for lane in lanes)


def rewrite_rules(tree: Element, net: Element, road: RoadMap) -> dict[str, bytes]:
    """Return patch files by name for the network of an OpenDRIVE tree: node, edge, connection."""
    signs = _give_way(tree)
    minor = {
        edge.get("id"): sign
        for edge in net.findall("edge")
        for sign in [_sign_of(edge, signs)]
        if sign
    }
    return {
        "node.nod.xml": _nodes(net, minor),
        "edge.edg.xml": _edges(minor, snapped_shapes(net, road)),
        "connection.con.xml": _crossings(net, road),
    }


def _give_way(tree: Element) -> dict[tuple[str, int], str]:
    """Return the sign that holds for (road, side); side -1 is the right lanes."""
    kinds = {x.get("id"): x.get("type") for x in tree.findall("road/signals/signal")}
    incoming = _incoming(tree)
    out: dict[tuple[str, int], str] = {}
    for road in tree.findall("road"):
        for signal in road.findall("signals/*"):
            kind = signal.get("type") or kinds.get(signal.get("id"))
            if kind not in (_STOP, _YIELD):
                continue
            for place in _governed(road, signal.get("orientation", "none"), incoming):
                out[place] = max(kind, out.get(place, ""))
    return out


def _governed(
    road: Element, orientation: str, incoming: dict[str, set[tuple[str, int]]]
) -> Iterator[tuple[str, int]]:
    name = road.get("id", "")
    if road.get("junction", "-1") != "-1":
        yield from sorted(incoming.get(name, set()))
        return
    sides = {"+": (-1,), "-": (1,)}.get(orientation, ())
    for side in sides:
        yield name, side


def _incoming(tree: Element) -> dict[str, set[tuple[str, int]]]:
    """Return the (road, side) that feed each connecting road."""
    out: dict[str, set[tuple[str, int]]] = {}
    for connection in tree.findall("junction/connection"):
        for link in connection.findall("laneLink"):
            side = int(math.copysign(1, int(link.get("from", "-1"))))
            place = (connection.get("incomingRoad", ""), side)
            out.setdefault(connection.get("connectingRoad", ""), set()).add(place)
    return out


def _sign_of(edge: Element, signs: dict[tuple[str, int], str]) -> str:
    """Return the sign that an edge of the network must obey, or an empty text."""
    for param in edge.findall("lane/param[@key='origId']"):
        road, _, lane = param.get("value", "").split(" ")[0].rpartition("_")
        if lane.lstrip("-").isdigit() and (road, -1 if lane.startswith("-") else 1) in signs:
            return signs[road, -1 if lane.startswith("-") else 1]
    return ""


def _nodes(net: Element, minor: dict[str, str]) -> bytes:
    """Return a node file that turns junctions with signs into priority junctions."""
    signs: dict[str, list[str]] = {}
    for edge in net.findall("edge"):
        if edge.get("function") is None:
            signs.setdefault(edge.get("to"), []).append(minor.get(edge.get("id"), ""))
    out = etree.Element("nodes")
    for node in net.findall("junction"):
        kind = _node_type(node.get("type"), signs.get(node.get("id"), []))
        if kind:
            etree.SubElement(out, "node", id=node.get("id"), type=kind)
    return etree.tostring(out)


def _node_type(current: str, signs: list[str]) -> str:
    """Return the wanted type of a junction given its arms' signs, or an empty text to keep it."""
    if current in ("traffic_light", "internal", "dead_end") or not any(signs) or len(signs) < 2:
        return ""
    if all(sign == _STOP for sign in signs):
        return "allway_stop"
    return "priority_stop" if _STOP in signs and _YIELD not in signs else "priority"


def _edges(minor: dict[str, str], shapes: dict[tuple[str, str], str]) -> bytes:
    """Return an edge file with priorities and moved lanes."""
    out = etree.Element("edges")
    names = sorted({*minor, *(edge for edge, _ in shapes)})
    nodes = {name: etree.SubElement(out, "edge", id=name) for name in names}
    for name in minor:
        nodes[name].set("priority", "0")
    for (name, index), shape in shapes.items():
        etree.SubElement(nodes[name], "lane", index=index, shape=shape)
    return etree.tostring(out)


def _crossings(net: Element, road: RoadMap) -> bytes:
    """Return a connection file: crossings without a crosswalk go, people on the others go first."""
    out = etree.Element("connections")
    marked = _crosswalk_centres(road)
    lights = {x.get("id") for x in net.findall("junction[@type='traffic_light']")}
    for edge in net.findall("edge[@function='crossing']") if len(marked) else []:
        node = edge.get("id", "").lstrip(":").rpartition("_c")[0]
        values = {"node": node, "edges": edge.get("crossingEdges", "")}
        middle = parse_shape(edge.find("lane").get("shape"))[:, :2].mean(axis=0)
        if np.linalg.norm(marked - middle, axis=1).min() > _REACH_M:
            etree.SubElement(out, "crossing", values, discard="true")
        elif node not in lights:
            etree.SubElement(out, "crossing", values, priority="true")
    return etree.tostring(out)


def _crosswalk_centres(road: RoadMap) -> FloatArray:
    """Return the middles (n, 2) of the crosswalks."""
    rows = [walk.outline_m[:, :2].mean(axis=0) for walk in road.crosswalks]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
