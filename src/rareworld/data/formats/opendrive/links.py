"""Which lane continues which: lane links within roads, between roads and through junctions.

A joint is two lane ends that touch, whatever the direction of travel; joints become successors
and predecessors once the direction of each lane is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from rareworld.data.formats.opendrive.node import Node
from rareworld.data.formats.opendrive.notes import Notes
from rareworld.data.formats.opendrive.records import (
    VEHICLE_KINDS,
    End,
    LaneRecord,
    RoadRecord,
    SectionRecord,
    lane_name,
)


@final
@dataclass(frozen=True)
class LaneEnd:
    """One end of one lane of one lane section."""

    road: str
    section: int
    lane: int
    end: End

    @property
    def name(self) -> str:
        """The lane's id."""
        return lane_name(self.road, self.section, self.lane)


@final
@dataclass(frozen=True)
class Topology:
    """Lane ids that follow and precede each lane in travel direction."""

    successors: dict[str, tuple[str, ...]]
    predecessors: dict[str, tuple[str, ...]]


def link_lanes(roads: dict[str, RoadRecord], junctions: list[Node], notes: Notes) -> Topology:
    """Connect all lanes; broken links of lanes without vehicles are noted and left out.

    Raises:
        MapError: A link names a road, junction or vehicle lane that does not exist.
    """
    known_junctions = {node.text("id") for node in junctions}
    following: dict[str, dict[str, None]] = {}
    preceding: dict[str, dict[str, None]] = {}
    joints = [
        joint for road in roads.values() for joint in _joints(road, roads, known_junctions, notes)
    ]
    joints += [joint for node in junctions for joint in _junction_joints(node, roads)]
    for a, b in joints:
        for first, second in ((a, b), (b, a)):
            if _leaves(first, roads) and not _leaves(second, roads):
                following.setdefault(first.name, {})[second.name] = None
                preceding.setdefault(second.name, {})[first.name] = None
    return Topology(
        {name: tuple(links) for name, links in following.items()},
        {name: tuple(links) for name, links in preceding.items()},
    )


def _leaves(lane_end: LaneEnd, roads: dict[str, RoadRecord]) -> bool:
    """Whether traffic leaves the lane at this end."""
    road = roads[lane_end.road]
    lane = road.sections[lane_end.section].lanes[lane_end.lane]
    return road.is_forward(lane) == (lane_end.end is End.END)


def _joints(
    road: RoadRecord, roads: dict[str, RoadRecord], junctions: set[str], notes: Notes
) -> Iterator[tuple[LaneEnd, LaneEnd]]:
    """Yield the joints that a road's own lane links state."""
    for section in road.sections:
        for end in End:
            target = _neighbour(road, section, end, roads, junctions)
            if target is None:
                continue
            other, other_section, other_end = target
            for lane in section.lanes.values():
                for number in _linked(lane, end, other.sections[other_section], notes):
                    yield (
                        LaneEnd(road.id, section.index, lane.id, end),
                        LaneEnd(other.id, other_section, number, other_end),
                    )


def _neighbour(
    road: RoadRecord,
    section: SectionRecord,
    end: End,
    roads: dict[str, RoadRecord],
    junctions: set[str],
) -> tuple[RoadRecord, int, End] | None:
    """Return road, lane section and end that touch a section's end, unless a junction does."""
    step = 1 if end is End.END else -1
    if 0 <= section.index + step < len(road.sections):
        return road, section.index + step, End.START if end is End.END else End.END
    link = road.node.first(f"link/{end.link_name}")
    if link is None:
        return None
    target, kind = link.text("elementId"), link.text("elementType", "road")
    if kind == "junction":
        if target not in junctions:
            raise link.fail(f"names junction {target}, which does not exist")
        return None
    other = roads.get(target)
    if other is None:
        raise link.fail(f"names road {target}, which does not exist")
    other_end = contact_end(link)
    return other, other.section_index(other_end), other_end


def contact_end(node: Node) -> End:
    """Read which end of the other road a link touches."""
    text = node.text("contactPoint")
    if text not in set(End):
        raise node.fail(f"contactPoint must be start or end, found {text!r}")
    return End(text)


def _linked(lane: LaneRecord, end: End, section: SectionRecord, notes: Notes) -> Iterator[int]:
    """Yield the lanes of the touching section that a lane names; lane 0 carries no traffic."""
    for number in lane.links(end) if lane.id else []:
        if number in section.lanes:
            if number:
                yield number
            continue
        if lane.kind in VEHICLE_KINDS:
            raise lane.node.fail(
                f"{end.link_name} names lane {number}, which lane section {section.index} "
                f"of the touching road does not have"
            )
        notes.add(f"a {lane.type} lane is linked to a lane that does not exist", lane.node)


def _junction_joints(
    junction: Node, roads: dict[str, RoadRecord]
) -> Iterator[tuple[LaneEnd, LaneEnd]]:
    """Yield the joints between incoming and connecting roads."""
    for node in junction.all("connection"):
        if node.text("type", "default") == "virtual":
            continue
        incoming = _road_named(node, "incomingRoad", roads)
        name = "linkedRoad" if junction.text("type", "default") == "direct" else "connectingRoad"
        connecting = _road_named(node, name, roads)
        end = contact_end(node)
        section = connecting.sections[connecting.section_index(end)]
        incoming_end = _incoming_end(incoming, connecting, end, junction.text("id"))
        if incoming_end is None:
            raise node.fail(f"joins road {incoming.id}, which does not touch this junction")
        source = incoming.sections[incoming.section_index(incoming_end)]
        for link in node.all("laneLink"):
            _check_lane_link(link, "from", source)
            _check_lane_link(link, "to", section)
            yield (
                LaneEnd(incoming.id, source.index, link.integer("from"), incoming_end),
                LaneEnd(connecting.id, section.index, link.integer("to"), end),
            )


def _check_lane_link(link: Node, name: str, section: SectionRecord) -> None:
    """Refuse a lane number that its section does not have."""
    number = link.integer(name)
    if number not in section.lanes or not number:
        raise link.fail(f"{name} names lane {number}, which {section.node.place()} does not have")


def _road_named(node: Node, attribute: str, roads: dict[str, RoadRecord]) -> RoadRecord:
    """Return the road an attribute names."""
    name = node.text(attribute)
    if name not in roads:
        raise node.fail(f"{attribute} names road {name}, which does not exist")
    return roads[name]


def _incoming_end(
    incoming: RoadRecord, connecting: RoadRecord, end: End, junction: str
) -> End | None:
    """Return the end of the incoming road at a junction: the connecting road says, or its own."""
    link = connecting.node.first(f"link/{end.link_name}")
    if link is not None and link.text("elementId") == incoming.id:
        return contact_end(link)
    for own in End:
        link = incoming.node.first(f"link/{own.link_name}")
        if link is not None and link.text("elementId") in {junction, connecting.id}:
            return own
    return None
