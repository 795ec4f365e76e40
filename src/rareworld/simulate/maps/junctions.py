"""Joins arms: mouths far enough apart, a way for every legal turn, pavements round the corners.

Lane use follows common practice (left turns from the left lanes, right turns from the right one,
straight on into the lane ahead). Proved in tests/simulate/maps/test_map_junctions.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from pydantic import Field

from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.simulate.maps.arms import (
    CROSSWALK_M,
    KERB_M,
    STOP_GAP_M,
    Arm,
    ArmPlan,
    Control,
    Slot,
    arm_road,
    half_section,
    kerb_m,
    of_kind,
)
from rareworld.simulate.maps.paths import Path, Pose, arcs, blend
from rareworld.simulate.maps.xodr import (
    ConnectionRecord,
    JunctionRecord,
    LaneRecord,
    Link,
    MapRecord,
    RoadRecord,
    Section,
)

_STRAIGHT_RAD = math.radians(38.0)
"""Turns below this go straight on."""
_FLAT_RAD = math.radians(165.0)
"""Arms further apart than this have a straight kerb between them."""
_SHARPEST_RAD = math.radians(35.0)


End = tuple[str, Slot, str]
"""A lane at an end of a road: road id, lane, `start` or `end`."""


@final
@dataclass(frozen=True)
class Way:
    """A path from an inbound to an outbound lane."""

    start: tuple[Arm, Slot]
    end: tuple[Arm, Slot]
    crosses: bool = False
    """Goes ahead, or right past the mouth of an arm in between: it has no kerb to follow."""


@final
class JunctionConfig(Config):
    """Arms that meet at the origin."""

    name: str
    """Name written into the map."""
    arms: tuple[ArmPlan, ...] = Field(min_length=2, max_length=8)
    """In any order; two neighbours are at least 35 degrees apart."""
    kerb_radius_m: float = Field(default=7.0, ge=3.5, le=25)
    """Radius of the kerb round the corners; larger than any pavement is wide."""
    flat_reach_m: float = Field(default=6.0, ge=0.1, le=30)
    """Least distance of a mouth's crosswalk from the centre."""


def build_junction(config: JunctionConfig) -> MapRecord:
    """Return the map of a junction.

    Raises:
        ConfigError: If two arms are closer than 35 degrees.
    """
    name = config.name
    arms = _place(config)
    roads = [arm_road(arm, f"arm {arm.id}", "100") for arm in arms]
    ways = [_way_road(str(1000 + i), way) for i, way in enumerate(_ways(arms))]
    corners = [
        _corner_road(str(2000 + i), arm, arms[(i + 1) % len(arms)]) for i, arm in enumerate(arms)
    ]
    connections = tuple(connection_of(road) for road in (*ways, *corners))
    if all(any(piece.curvature for piece in corner.path.pieces) for corner in corners):
        corners.append(_centre_road(corners))
    controllers = _controllers(arms, roads)
    junction = JunctionRecord("100", name, connections, tuple(controllers))
    return MapRecord(name, (*roads, *ways, *corners), (junction,), controllers)


def _place(config: JunctionConfig) -> list[Arm]:
    """Return arms, by bearing, whose mouths lie outside every corner and crosswalk."""
    plans = sorted(config.arms, key=lambda plan: plan.bearing_rad % (2 * math.pi))
    count = len(plans)
    reach = [config.flat_reach_m] * count
    for i, plan in enumerate(plans):
        j = (i + 1) % count
        own, other = _corner_reach(plan, plans[j], config.kerb_radius_m)
        reach[i], reach[j] = max(reach[i], own), max(reach[j], other)
    return [
        Arm(str(i + 1), plan, Pose(0.0, 0.0, plan.bearing_rad).move(reach[i] + _apron(plan)))
        for i, plan in enumerate(plans)
    ]


def _apron(plan: ArmPlan) -> float:
    return STOP_GAP_M + CROSSWALK_M + 0.5 if plan.crosswalk else 1.0


def _between(plan: ArmPlan, other: ArmPlan) -> float:
    return (other.bearing_rad - plan.bearing_rad) % (2 * math.pi) or 2 * math.pi


def _corner_reach(plan: ArmPlan, other: ArmPlan, radius_m: float) -> tuple[float, float]:
    """Return how far from the centre the kerb's curve between two neighbours begins on each."""
    angle = _between(plan, other)
    if angle < _SHARPEST_RAD:
        raise ConfigError(
            f"arms at {math.degrees(plan.bearing_rad):.0f} and "
            f"{math.degrees(other.bearing_rad):.0f} degrees are closer than 35: turn one away"
        )
    a = kerb_m(half_section(plan, plan.inbound))
    b = kerb_m(half_section(other, other.outbound))
    if angle > _FLAT_RAD:
        return 0.0, 0.0
    curve = radius_m / math.tan(angle / 2)
    own = (b + a * math.cos(angle)) / math.sin(angle) + curve
    return own, (a + b * math.cos(angle)) / math.sin(angle) + curve


def _ways(arms: Sequence[Arm]) -> list[Way]:
    ways: list[Way] = []
    for arm in arms:
        ways += _driving_ways(arm, [other for other in arms if other is not arm])
        ways += _bike_ways(arm, [other for other in arms if other is not arm])
    return ways


def turn_rad(arm: Arm, other: Arm) -> float:
    """Return the change of heading from one arm into another, positive to the left."""
    return math.remainder(other.mouth.heading_rad - arm.mouth.heading_rad - math.pi, 2 * math.pi)


def _driving_ways(arm: Arm, others: Sequence[Arm]) -> list[Way]:
    entries = of_kind(arm.inbound, "driving")
    exits = [other for other in others if of_kind(other.outbound, "driving")]
    left = [x for x in exits if turn_rad(arm, x) > _STRAIGHT_RAD]
    right = [x for x in exits if turn_rad(arm, x) < -_STRAIGHT_RAD]
    ahead = [x for x in exits if abs(turn_rad(arm, x)) <= _STRAIGHT_RAD]
    through = _through_lanes(entries, left)
    nearest = min(right, key=lambda x: turn_rad(arm, x), default=None)
    return [
        *(Way((arm, entries[0]), (x, of_kind(x.outbound, "driving")[0])) for x in left),
        *(way for other in ahead for way in _straight(arm, through, other)),
        *(
            Way(
                (arm, entries[-1]),
                (x, of_kind(x.outbound, "driving")[-1]),
                crosses=x is not nearest,
            )
            for x in right
        ),
    ]


def _through_lanes(entries: list[Slot], left: Sequence[Arm]) -> list[Slot]:
    """Return the lanes that may go straight on: all but the left-turn lane, where there is one."""
    return entries[1:] if left and len(entries) > 1 else entries


def _straight(arm: Arm, entries: list[Slot], other: Arm) -> list[Way]:
    exits = of_kind(other.outbound, "driving")
    paired = zip(reversed(entries), reversed(exits), strict=False)
    return [Way((arm, entry), (other, leave), crosses=True) for entry, leave in paired]


def _bike_ways(arm: Arm, others: Sequence[Arm]) -> list[Way]:
    """Return the cycle lane's ways ahead and to the right; left turns are made among the cars."""
    return [
        Way((arm, entry), (other, leave))
        for other in others
        for entry in of_kind(arm.inbound, "biking")
        for leave in of_kind(other.outbound, "biking")
        if turn_rad(arm, other) <= _STRAIGHT_RAD
    ]


def _way_road(name: str, way: Way) -> RoadRecord:
    (arm, entry), (other, leave) = way.start, way.end
    ends = (arm.id, entry, "end"), (other.id, leave, "end")
    first, last = arm.enter(entry), other.leave(leave)
    if way.crosses:
        return lane_road(name, blend(first, last), *ends, arm.plan.speed_mps)
    return turning_road(name, (first, last), *ends, arm.plan.speed_mps)


def turning_road(
    name: str,
    poses: tuple[Pose, Pose],
    start: End,
    end: End,
    speed_mps: float | None,
    junction: str = "100",
) -> RoadRecord:
    """Return the way from the left border of a lane to that of another.

    A right turn is laid out by its right border, so that it follows the kerb whatever the widths.
    """
    first, last = poses
    if math.sin(last.heading_rad - first.heading_rad) > -math.sin(math.pi - _FLAT_RAD):
        return lane_road(name, turn_path(first, last), start, end, speed_mps, junction)
    entry_m, leave_m = start[1].width_m, end[1].width_m
    path = turn_path(first.move(0.0, -entry_m), last.move(0.0, -leave_m))
    road = lane_road(name, path, start, end, speed_mps, junction)
    return replace(road, lane_offset=eased(entry_m, leave_m, path.length_m))


def _corner_road(name: str, arm: Arm, other: Arm) -> RoadRecord:
    """Return the pavement, or paved edge, from an arm to its neighbour counter-clockwise.

    Its left side is paved towards the centre, so that the junction has no holes between lanes.
    """
    entry, leave = outer_slot(arm.inbound), outer_slot(other.outbound)
    path = turn_path(arm.enter(entry), other.leave(leave))
    road = lane_road(name, path, (arm.id, entry, "end"), (other.id, leave, "end"), None)
    bend_m = bend_span(path)
    middle = path.at((bend_m[0] + bend_m[1]) / 2)
    reach = min(math.hypot(middle.x_m, middle.y_m), entry.inner_m + leave.inner_m)
    return paved_left(road, bend_m, (entry.inner_m, reach, leave.inner_m))


def _centre_road(corners: Sequence[RoadRecord]) -> RoadRecord:
    """Return asphalt under the middle: two parabolas in the circle no corner's kerb reaches."""
    middles = [corner.path.at(sum(bend_span(corner.path)) / 2) for corner in corners]
    half = 0.98 * min(math.hypot(middle.x_m, middle.y_m) for middle in middles)
    lane = LaneRecord("shoulder", (0.0, 2.0, -1.0 / half, 0.0))
    path = arcs(Pose(-half, 0.0, 0.0), ((2 * half, 0.0),))
    return RoadRecord("3000", "centre", path, (Section(0.0, (lane,), (lane,)),), junction="100")


def bend_span(path: Path) -> tuple[float, float]:
    """Return the stations between which a path bends; all of it if no piece is an arc."""
    before = 0.0
    for piece in path.pieces:
        if piece.curvature:
            return before, before + piece.length_m
        before += piece.length_m
    return 0.0, path.length_m


def outer_slot(slots: tuple[Slot, ...]) -> Slot:
    """Return the outermost lane if it is a pavement or paved edge, else an empty one there."""
    last = slots[-1]
    if last.kind in ("sidewalk", "shoulder"):
        return last
    return Slot("shoulder", last.inner_m + last.width_m, 0.0, last.number)


def paved_left(
    road: RoadRecord, bend_m: tuple[float, float], widths_m: tuple[float, float, float]
) -> RoadRecord:
    """Return a connecting road with asphalt on its left, widest in the middle of its bend.

    `widths_m` are those before, in the middle of and after the bend.
    """
    (begin, finish), (start, peak, end) = bend_m, widths_m
    half = (finish - begin) / 2
    pieces = (
        (begin, *eased(start, peak, half)),
        (begin + half, *eased(peak, end, half)),
        (finish, end, 0.0, 0.0, 0.0),
    )
    asphalt = LaneRecord("shoulder", (start, 0.0, 0.0, 0.0), later_widths=pieces)
    return replace(road, sections=(replace(road.sections[0], left=(asphalt,)),))


def eased(start: float, end: float, length_m: float) -> tuple[float, float, float, float]:
    """Return the cubic from start to end that is level at both."""
    step = end - start
    return (start, 0.0, 3 * step / length_m**2, -2 * step / length_m**3)


def turn_path(start: Pose, end: Pose) -> Path:
    """Return straight, arc, straight from pose to pose; a smooth blend where it hardly turns."""
    turn = math.remainder(end.heading_rad - start.heading_rad, 2 * math.pi)
    dx, dy = end.x_m - start.x_m, end.y_m - start.y_m
    c, s = math.cos(start.heading_rad), math.sin(start.heading_rad)
    forward, left = dx * c + dy * s, dy * c - dx * s
    if abs(math.sin(turn)) < math.sin(math.pi - _FLAT_RAD):
        return blend(start, end)
    second = left / math.sin(turn)
    first = forward - second * math.cos(turn)
    tangent = min(first, second)
    if tangent <= 1.0:
        return blend(start, end)
    radius = tangent / math.tan(abs(turn) / 2)
    arc = (radius * abs(turn), math.copysign(1 / radius, turn))
    return arcs(start, ((first - tangent, 0.0), arc, (second - tangent, 0.0)))


def lane_road(
    name: str,
    path: Path,
    start: End,
    end: End,
    speed_mps: float | None,
    junction: str = "100",
) -> RoadRecord:
    """Return a connecting road of one lane right of its path; ends are (road, lane, contact)."""
    entry, leave = start[1], end[1]
    lane = LaneRecord(
        kind=entry.kind,
        width=eased(entry.width_m, leave.width_m, path.length_m),
        height_m=KERB_M if entry.kind == "sidewalk" else 0.0,
        predecessor=-entry.number if start[2] == "end" else entry.number,
        successor=leave.number if end[2] == "end" else -leave.number,
    )
    return RoadRecord(
        id=name,
        name=f"way {start[0]} to {end[0]}",
        path=path,
        sections=(Section(0.0, (lane,)),),
        junction=junction,
        predecessor=Link("road", start[0], start[2]),
        successor=Link("road", end[0], end[2]),
        speed_mps=speed_mps,
    )


def connection_of(road: RoadRecord) -> ConnectionRecord:
    """Return the junction entry of a connecting road."""
    lane = road.sections[0].right[0]
    if road.predecessor is None or lane.predecessor is None:
        raise ValueError(f"connecting road {road.id} has no incoming lane")
    return ConnectionRecord(road.predecessor.id, road.id, ((lane.predecessor, -1),))


def _controllers(arms: Sequence[Arm], roads: Sequence[RoadRecord]) -> dict[str, tuple[str, ...]]:
    """Return groups of lights that switch together: opposite arms share one."""
    groups: list[tuple[Arm, list[str]]] = []
    for arm, road in zip(arms, roads, strict=True):
        if arm.plan.control != Control.SIGNALS:
            continue
        lights = [signal.id for signal in road.signals if signal.kind == "1000001"]
        for first, members in groups:
            if abs(turn_rad(arm, first)) <= _STRAIGHT_RAD:
                members += lights
                break
        else:
            groups.append((arm, lights))
    return {str(500 + i): tuple(members) for i, (_, members) in enumerate(groups)}
