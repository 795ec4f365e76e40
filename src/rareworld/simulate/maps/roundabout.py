"""A single-lane roundabout: a ring of one-way roads, and a small junction at every arm.

The kerb leaves the ring on a circle that touches both the ring's outer edge and the arm's kerb.
Proved in tests/simulate/maps/test_map_roundabout.py.
"""

import math
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
    Slot,
    arm_road,
    kerb_m,
    of_kind,
)
from rareworld.simulate.maps.junctions import (
    bend_span,
    connection_of,
    lane_road,
    paved_left,
    turn_path,
    turning_road,
)
from rareworld.simulate.maps.paths import Pose, arcs
from rareworld.simulate.maps.xodr import (
    JunctionRecord,
    LaneRecord,
    Link,
    MapRecord,
    Mark,
    RoadRecord,
    Section,
)

_APRON_M = STOP_GAP_M + CROSSWALK_M + 0.5
_RIM_M = 1.0


@final
class RoundaboutConfig(Config):
    """Ring and arms."""

    name: str
    """Name written into the map."""
    arms: tuple[ArmPlan, ...] = Field(min_length=3, max_length=5)
    """Arms with one lane in and one out, a pavement and the same width each."""
    island_radius_m: float = Field(default=13.0, ge=8, le=40)
    """Inner edge of the ring lane."""
    ring_m: float = Field(default=5.2, ge=4, le=8)
    """Width of the ring lane."""
    kerb_radius_m: float = Field(default=10.0, ge=6, le=25)
    """Radius of the kerb between ring and arm."""
    ring_speed_mps: float = Field(default=30 / 3.6, gt=0, le=20)
    """Speed limit on the ring."""


@final
@dataclass(frozen=True)
class _Ring:
    """The ring's measures; `reach_rad` is half of the angle an arm's junction takes."""

    config: RoundaboutConfig
    arms: tuple[Arm, ...]
    reach_rad: float
    slots: tuple[Slot, Slot]

    def pose(self, angle_rad: float) -> Pose:
        """Return the inner edge of the lane at an angle, heading counter-clockwise."""
        return Pose(0.0, 0.0, angle_rad).move(self.config.island_radius_m, 0.0, math.pi / 2)

    def at(self, angle_rad: float, slot: Slot) -> Pose:
        """Return the left border of a ring lane at an angle."""
        return self.pose(angle_rad).move(0.0, -slot.inner_m)


def build_roundabout(config: RoundaboutConfig) -> MapRecord:
    """Return the map of a roundabout.

    Raises:
        ConfigError: If the arms stand too close for the ring between them.
    """
    ring = _ring(config)
    roads: list[RoadRecord] = []
    junctions: list[JunctionRecord] = []
    for k, arm in enumerate(ring.arms):
        junction = str(100 + k)
        ways = _ways(ring, k, junction)
        roads += [arm_road(arm, f"arm {arm.id}", junction), _segment(ring, k), *ways]
        connections = tuple(connection_of(way) for way in ways)
        junctions.append(JunctionRecord(junction, f"{config.name} {arm.id}", connections))
    return MapRecord(config.name, tuple(roads), tuple(junctions))


def _ring(config: RoundaboutConfig) -> _Ring:
    plans = sorted(config.arms, key=lambda plan: plan.bearing_rad % (2 * math.pi))
    outer = config.island_radius_m + config.ring_m
    radius, half = config.kerb_radius_m, _half_width(plans[0])
    along = math.sqrt((outer + radius) ** 2 - (half + radius) ** 2)
    reach = math.asin((half + radius) / (outer + radius))
    for plan, other in zip(plans, (*plans[1:], plans[0]), strict=True):
        between = (other.bearing_rad - plan.bearing_rad) % (2 * math.pi)
        if between < 2 * reach + 0.1:
            raise ConfigError(
                f"{config.name}: arms {math.degrees(between):.0f} degrees apart need a larger "
                f"island than {config.island_radius_m} m or a smaller kerb radius than {radius} m"
            )
    arms = tuple(
        Arm(str(i + 1), plan, Pose(0.0, 0.0, plan.bearing_rad).move(along + _APRON_M))
        for i, plan in enumerate(plans)
    )
    slots = (
        Slot("driving", 0.0, config.ring_m, 1),
        Slot("sidewalk", config.ring_m, plans[0].pavement_m, 2),
    )
    return _Ring(config, arms, reach, slots)


def _half_width(plan: ArmPlan) -> float:
    return kerb_m(Arm("", plan, Pose(0.0, 0.0, 0.0)).inbound)


def _segment(ring: _Ring, k: int) -> RoadRecord:
    """Return the ring from arm k to the next."""
    here, there = ring.arms[k], ring.arms[(k + 1) % len(ring.arms)]
    start = here.plan.bearing_rad + ring.reach_rad
    sweep = (there.plan.bearing_rad - ring.reach_rad - start) % (2 * math.pi)
    radius = ring.config.island_radius_m
    lanes = tuple(
        LaneRecord(
            slot.kind,
            (slot.width_m, 0.0, 0.0, 0.0),
            Mark("solid") if slot.kind == "driving" else None,
            KERB_M if slot.kind == "sidewalk" else 0.0,
        )
        for slot in ring.slots
    )
    return RoadRecord(
        id=str(50 + k),
        name=f"ring {here.id} to {there.id}",
        path=arcs(ring.pose(start), ((sweep * radius, 1 / radius),)),
        sections=(Section(0.0, lanes, (_rim(),), Mark("solid")),),
        predecessor=Link("junction", str(100 + k)),
        successor=Link("junction", str(100 + (k + 1) % len(ring.arms))),
        speed_mps=ring.config.ring_speed_mps,
    )


def _rim() -> LaneRecord:
    """Return the raised rim of the island."""
    return LaneRecord("median", (_RIM_M, 0.0, 0.0, 0.0), height_m=KERB_M)


def _ways(ring: _Ring, k: int, junction: str) -> list[RoadRecord]:
    """Return the roads through the junction of arm k: past it, out, in, and two pavements."""
    return [
        _past(ring, k, junction),
        _leave(ring, k, junction, "driving", 1),
        _enter(ring, k, junction, "driving", 2),
        _leave(ring, k, junction, "sidewalk", 3),
        _enter(ring, k, junction, "sidewalk", 4),
    ]


def _names(ring: _Ring, k: int) -> tuple[str, str]:
    """Return the ring roads before and after arm k."""
    return str(50 + (k - 1) % len(ring.arms)), str(50 + k)


def _past(ring: _Ring, k: int, junction: str) -> RoadRecord:
    before, after = _names(ring, k)
    start = ring.pose(ring.arms[k].plan.bearing_rad - ring.reach_rad)
    radius = ring.config.island_radius_m
    path = arcs(start, ((2 * ring.reach_rad * radius, 1 / radius),))
    lane, speed = ring.slots[0], ring.config.ring_speed_mps
    ends = (before, lane, "end"), (after, lane, "start")
    road = lane_road(str(1000 + 10 * k), path, *ends, speed, junction)
    return replace(road, sections=(replace(road.sections[0], left=(_rim(),)),))


def _leave(ring: _Ring, k: int, junction: str, kind: str, number: int) -> RoadRecord:
    """Return the way from the ring out to arm k."""
    arm, speed = ring.arms[k], ring.config.ring_speed_mps
    entry, leave = of_kind(ring.slots, kind)[0], of_kind(arm.outbound, kind)[0]
    poses = ring.at(arm.plan.bearing_rad - ring.reach_rad, entry), arm.leave(leave)
    ends = (_names(ring, k)[0], entry, "end"), (arm.id, leave, "end")
    name = str(1000 + 10 * k + number)
    if kind == "driving":
        return turning_road(name, poses, *ends, speed, junction)
    road = lane_road(name, turn_path(*poses), *ends, speed, junction)
    return _paved(road, entry, leave)


def _enter(ring: _Ring, k: int, junction: str, kind: str, number: int) -> RoadRecord:
    """Return the way from arm k into the ring."""
    arm, speed = ring.arms[k], ring.config.ring_speed_mps
    entry, leave = of_kind(arm.inbound, kind)[0], of_kind(ring.slots, kind)[0]
    poses = arm.enter(entry), ring.at(arm.plan.bearing_rad + ring.reach_rad, leave)
    ends = (arm.id, entry, "end"), (_names(ring, k)[1], leave, "start")
    name = str(1000 + 10 * k + number)
    if kind == "driving":
        return turning_road(name, poses, *ends, speed, junction)
    road = lane_road(name, turn_path(*poses), *ends, speed, junction)
    return _paved(road, entry, leave)


def _paved(road: RoadRecord, entry: Slot, leave: Slot) -> RoadRecord:
    middle = (entry.inner_m + leave.inner_m) / 2
    return paved_left(road, bend_span(road.path), (entry.inner_m, middle, leave.inner_m))
