"""What a loaded SUMO network offers: edges, who may use them, and which way on.

Read through libsumo, so that it is the network SUMO drives on.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from types import ModuleType
from typing import final

import numpy as np

_TURN_WEIGHT = {"s": 0.56, "l": 0.2, "L": 0.2, "r": 0.2, "R": 0.2}
"""How readily drivers pick a direction at a junction; about three in five go straight on."""

_EVERY_CLASS = frozenset(
    ("passenger", "taxi", "delivery", "truck", "bus", "motorcycle", "bicycle", "pedestrian")
)


@final
@dataclass(frozen=True, kw_only=True)
class NetLane:
    """One lane of an edge; index 0 is the outermost."""

    id: str
    length_m: float
    speed_mps: float
    allowed: frozenset[str]
    """SUMO vehicle classes, of those we use."""
    links: tuple[tuple[str, str], ...]
    """(edge that follows, SUMO's letter of the direction)."""


@final
@dataclass(frozen=True, kw_only=True)
class NetEdge:
    """A stretch of road between junctions, in one direction."""

    id: str
    lanes: tuple[NetLane, ...]

    @property
    def length_m(self) -> float:
        """Length of its lanes."""
        return self.lanes[0].length_m

    def width(self, vclass: str) -> int:
        """Return how many lanes this class may use."""
        return sum(vclass in lane.allowed for lane in self.lanes)

    def own_lane(self, vclass: str) -> int | None:
        """Return the index of a lane that is for this class alone, if there is one."""
        own = frozenset((vclass,))
        return next((k for k, lane in enumerate(self.lanes) if lane.allowed == own), None)

    def speed_mps(self, vclass: str) -> float:
        """Return the limit for this class, or zero where it may not go."""
        return max((lane.speed_mps for lane in self.lanes if vclass in lane.allowed), default=0.0)


@final
@dataclass(frozen=True)
class Network:
    """All edges outside junctions, in the order of their ids."""

    edges: dict[str, NetEdge]
    corners: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Walking areas that an edge's pavement touches; edges that share one need no crossing."""
    rim: frozenset[str] = frozenset()
    """Walking areas at the rim of the map; they lie across the carriageway."""
    ways: dict[str, dict[str, dict[str, str]]] = field(init=False)
    """By class and edge: the edges that follow and the direction taken to them."""

    def __post_init__(self) -> None:
        ways = {vclass: self._onward(vclass) for vclass in sorted(_EVERY_CLASS)}
        object.__setattr__(self, "ways", ways)

    @classmethod
    def read(cls, sumo: ModuleType) -> "Network":
        """Read the network of the running simulation."""
        lanes: dict[str, list[NetLane]] = {}
        for lane_id in sumo.lane.getIDList():
            if not lane_id.startswith(":"):
                lanes.setdefault(sumo.lane.getEdgeID(lane_id), []).append(_lane(sumo, lane_id))
        edges = {
            name: NetEdge(id=name, lanes=tuple(sorted(lanes[name], key=_lane_index)))
            for name in sorted(lanes)
        }
        corners = _corners(sumo, edges)
        nodes = _rim_nodes(sumo, edges)
        areas = {area for found in corners.values() for area in found}
        rim = frozenset(area for area in areas if area[1:].rpartition("_w")[0] in nodes)
        return cls(edges, corners, rim)

    def open_to(self, vclass: str) -> list[str]:
        """Return the edges this class may use."""
        return [name for name, edge in self.edges.items() if edge.width(vclass)]

    def onward(self, vclass: str) -> dict[str, dict[str, str]]:
        """Return for each edge the edges that follow and the direction taken to them."""
        return self.ways[vclass]

    def _onward(self, vclass: str) -> dict[str, dict[str, str]]:
        out: dict[str, dict[str, str]] = {}
        for name in self.open_to(vclass):
            lanes = [lane for lane in self.edges[name].lanes if vclass in lane.allowed]
            links = [link for lane in lanes for link in lane.links]
            out[name] = {
                to: way for to, way in links if to in self.edges and self.edges[to].width(vclass)
            }
        return out

    def must_cross(self, edges: tuple[str, ...]) -> bool:
        """Tell whether a walk along these edges has to cross a carriageway."""
        return any(
            not self.corners.get(a, frozenset()) & self.corners.get(b, frozenset())
            for a, b in pairwise(edges)
        )

    def leaves_the_map(self, edges: tuple[str, ...]) -> bool:
        """Tell whether a walk changes the side of a road at the rim, where nothing is marked."""
        none: frozenset[str] = frozenset()
        shared = [self.corners.get(a, none) & self.corners.get(b, none) for a, b in pairwise(edges)]
        return any(areas and areas <= self.rim for areas in shared)

    def entries(self, vclass: str) -> list[str]:
        """Return the edges that are reached only by a U-turn or not at all: the rim of the map."""
        onward = self.onward(vclass)
        reached = {to for ways in onward.values() for to, way in ways.items() if way != "t"}
        return [name for name in onward if name not in reached]

    def exits(self, vclass: str) -> list[str]:
        """Return the edges that lead nowhere but back."""
        onward = self.onward(vclass)
        return [name for name, ways in onward.items() if not set(ways.values()) - {"t"}]


def wander(
    network: Network, vclass: str, start: str, reach_m: float, rng: np.random.Generator
) -> tuple[str, ...]:
    """Return a route from `start` to the rim of the map, or of at least `reach_m`."""
    onward = network.onward(vclass)
    route, length = [start], network.edges[start].length_m
    while length < reach_m:
        ways = {to: way for to, way in onward[route[-1]].items() if way != "t"}
        if not ways:
            break
        names = sorted(ways)
        weight = np.array(
            [_TURN_WEIGHT.get(ways[n], 0.2) * network.edges[n].width(vclass) for n in names]
        )
        route.append(names[int(rng.choice(len(names), p=weight / weight.sum()))])
        length += network.edges[route[-1]].length_m
    return tuple(route)


def _corners(sumo: ModuleType, edges: dict[str, NetEdge]) -> dict[str, frozenset[str]]:
    """Return the walking areas (SUMO calls them `:junction_wN`) at both ends of pavements."""
    touching: dict[str, set[str]] = {name: set() for name in edges}
    for name, edge in edges.items():
        touching[name] |= {to for lane in edge.lanes for to, _ in lane.links if to.startswith(":")}
    for lane_id in sumo.lane.getIDList():
        area = sumo.lane.getEdgeID(lane_id)
        if not (area.startswith(":") and "_w" in area):
            continue
        for link in sumo.lane.getLinks(lane_id):
            name = sumo.lane.getEdgeID(link[0])
            if name in touching:
                touching[name].add(area)
    return {name: frozenset(areas) for name, areas in touching.items()}


def _rim_nodes(sumo: ModuleType, edges: dict[str, NetEdge]) -> frozenset[str]:
    """Return the nodes from which all roads lead to one and the same other node."""
    beside: dict[str, set[str]] = {}
    for name in edges:
        ends = str(sumo.edge.getFromJunction(name)), str(sumo.edge.getToJunction(name))
        for here, there in (ends, ends[::-1]):
            beside.setdefault(here, set()).add(there)
    return frozenset(node for node, others in beside.items() if len(others) == 1)


def _lane(sumo: ModuleType, lane_id: str) -> NetLane:
    allowed = frozenset(sumo.lane.getAllowed(lane_id)) or _EVERY_CLASS
    return NetLane(
        id=lane_id,
        length_m=float(sumo.lane.getLength(lane_id)),
        speed_mps=float(sumo.lane.getMaxSpeed(lane_id)),
        allowed=(allowed & _EVERY_CLASS) - frozenset(sumo.lane.getDisallowed(lane_id)),
        links=tuple(
            (sumo.lane.getEdgeID(link[0]), link[6]) for link in sumo.lane.getLinks(lane_id)
        ),
    )


def _lane_index(lane: NetLane) -> int:
    return int(lane.id.rpartition("_")[2])
