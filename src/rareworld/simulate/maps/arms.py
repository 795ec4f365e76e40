"""One arm of a junction: its cross section, its mouth and its road.

An arm's road runs from its outer end (s = 0) to its mouth, the stop line; right lanes lead in,
left lanes lead out (right-hand traffic). Proved in tests/simulate/maps/test_map_junctions.py.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import final

from pydantic import Field

from rareworld.data.config import Config
from rareworld.simulate.maps.paths import Path, Pose, arcs
from rareworld.simulate.maps.xodr import (
    LaneRecord,
    Link,
    Mark,
    ObjectRecord,
    RoadRecord,
    Section,
    SignalRecord,
)

STOP_GAP_M = 1.0
"""From the stop line to the crosswalk."""
CROSSWALK_M = 4.0
KERB_M = 0.12
_LINE_M = 0.4
"""Width of a stop line."""
_POST_M = 0.5
"""Posts stand this far behind the kerb."""
_NO_PARKING_M = 22.0
"""Parking ends this far before a mouth."""
_NO_BUS_M = 45.0
"""Bus lanes end this far before a mouth; beyond, everybody may turn right from them."""
_BUS_LINE = Mark("solid", width_m=0.25)
_STRAIGHT_M = 50.0
"""Arms are straight this far from the mouth, then may bend."""


class Control(StrEnum):
    """What an arm's inbound traffic must obey at the mouth."""

    SIGNALS = "signals"
    STOP = "stop"
    YIELD = "yield"
    PRIORITY = "priority"


@final
class ArmPlan(Config):
    """Everything an arm is built from."""

    bearing_rad: float
    """Direction from the junction outwards."""
    length_m: float = Field(default=150.0, gt=60)
    inbound: int = Field(default=1, ge=1, le=5)
    """Driving lanes that lead in."""
    outbound: int = Field(default=1, ge=1, le=5)
    """Driving lanes that lead out."""
    lane_m: float = Field(default=3.3, ge=2.5, le=4.5)
    """Width of a driving lane."""
    pavement_m: float = Field(default=2.5, ge=0, le=6)
    """Width of the pavement; 0 for none."""
    bike_m: float = Field(default=0.0, ge=0, le=3)
    """Width of the cycle lane; 0 for none."""
    bus: bool = False
    """The outermost of several lanes that lead in is a bus lane up to shortly before the mouth."""
    parking_m: float = Field(default=0.0, ge=0, le=5)
    """Width of the parking lane; 0 for none."""
    shoulder_m: float = Field(default=0.0, ge=0, le=4)
    """Paved strip outside the lanes, where there is no pavement."""
    median_m: float = Field(default=0.0, ge=0, le=6)
    """Raised strip between the directions."""
    crosswalk: bool = True
    """A marked crossing at the mouth."""
    control: Control = Control.PRIORITY
    """What inbound traffic must obey."""
    bend: float = Field(default=0.0, ge=-0.02, le=0.02)
    """1/m, curvature of the outer part seen from the junction, positive to the left."""
    rise_m: float = Field(default=0.0, ge=-8, le=8)
    """Height of the outer end above the junction."""
    speed_mps: float = Field(default=13.89, gt=0, le=40)
    """Speed limit."""


@final
@dataclass(frozen=True)
class Slot:
    """A lane of a half cross section."""

    kind: str
    inner_m: float
    """From the reference line to the lane's inner border."""
    width_m: float
    number: int
    """1 is next to the reference line."""


def half_section(arm: ArmPlan, driving: int) -> tuple[Slot, ...]:
    """Return the lanes on one side of an arm, from the middle outwards."""
    kinds = [("median", arm.median_m / 2)] + [("driving", arm.lane_m)] * driving
    kinds += [("parking", arm.parking_m), ("biking", arm.bike_m)]
    kinds += [("shoulder", arm.shoulder_m), ("sidewalk", arm.pavement_m)]
    slots: list[Slot] = []
    inner = 0.0
    for kind, width in kinds:
        if width > 0:
            slots.append(Slot(kind, inner, width, len(slots) + 1))
            inner += width
    return tuple(slots)


@final
@dataclass(frozen=True)
class Arm:
    """A plan placed at its mouth."""

    id: str
    plan: ArmPlan
    mouth: Pose
    """On the reference line, heading out of the junction."""

    @property
    def inbound(self) -> tuple[Slot, ...]:
        """Lanes on the right of the road, leading in."""
        return half_section(self.plan, self.plan.inbound)

    @property
    def outbound(self) -> tuple[Slot, ...]:
        """Lanes on the left of the road, leading out."""
        return half_section(self.plan, self.plan.outbound)

    def enter(self, slot: Slot) -> Pose:
        """Return the left border of an inbound lane at the mouth, heading in."""
        return self.mouth.turned().move(0.0, -slot.inner_m)

    def leave(self, slot: Slot) -> Pose:
        """Return the left border of an outbound lane at the mouth, heading out."""
        return self.mouth.move(0.0, -slot.inner_m)


def of_kind(slots: tuple[Slot, ...], kind: str) -> list[Slot]:
    """Return the lanes of a kind, inner first."""
    return [slot for slot in slots if slot.kind == kind]


def kerb_m(slots: tuple[Slot, ...]) -> float:
    """Return the distance of the kerb, or of the outer edge, from the reference line."""
    pavement = of_kind(slots, "sidewalk")
    return pavement[0].inner_m if pavement else slots[-1].inner_m + slots[-1].width_m


def edge_m(slots: tuple[Slot, ...]) -> float:
    """Return the distance of the outer edge from the reference line."""
    return slots[-1].inner_m + slots[-1].width_m


def arm_path(arm: Arm) -> Path:
    """Return the reference line from the outer end to the mouth."""
    plan = arm.plan
    straight = min(_STRAIGHT_M, plan.length_m)
    steps = ((straight, 0.0), (plan.length_m - straight, plan.bend))
    return arcs(arm.mouth, steps).reversed()


def arm_road(arm: Arm, name: str, junction: str) -> RoadRecord:
    """Return the road of an arm, with its crosswalk, stop line and signals."""
    path = arm_path(arm)
    length = path.length_m
    c = arm.plan.rise_m / length**2
    return RoadRecord(
        id=arm.id,
        name=name,
        path=path,
        sections=_sections(arm, length),
        successor=Link("junction", junction),
        speed_mps=arm.plan.speed_mps,
        elevation=((0.0, c * length**2, -2 * c * length, c, 0.0),),
        objects=_objects(arm, length),
        signals=(*_signals(arm, length), *_pedestrian_lights(arm, length), *_speed_sign(arm)),
    )


def _sections(arm: Arm, length_m: float) -> tuple[Section, ...]:
    full = _section(arm)
    if arm.plan.bus:
        return _cut(replace(full, right=_with_bus(full.right)), full, length_m - _NO_BUS_M)
    if not arm.plan.parking_m or length_m < 3 * _NO_PARKING_M:
        return (full,)
    clear = replace(full, right=_no_parking(full.right), left=_no_parking(full.left))
    return _cut(full, clear, length_m - _NO_PARKING_M)


def _cut(outer: Section, inner: Section, at_m: float) -> tuple[Section, Section]:
    """Return two sections joined lane by lane, the inner one next to the mouth."""
    return _linked(outer, before=False), replace(_linked(inner, before=True), s_m=at_m)


def _with_bus(lanes: tuple[LaneRecord, ...]) -> tuple[LaneRecord, ...]:
    """Return the lanes with the outermost driving lane for buses, behind a wide line."""
    driving = [k for k, lane in enumerate(lanes) if lane.kind == "driving"]
    made = list(lanes)
    made[driving[-1]] = replace(lanes[driving[-1]], kind="bus")
    made[driving[-2]] = replace(lanes[driving[-2]], mark=_BUS_LINE)
    return tuple(made)


def _no_parking(lanes: tuple[LaneRecord, ...]) -> tuple[LaneRecord, ...]:
    return tuple(replace(x, kind="shoulder") if x.kind == "parking" else x for x in lanes)


def _linked(section: Section, *, before: bool) -> Section:
    """Return the section with every lane joined to its namesake in the next or last section."""

    def join(lanes: tuple[LaneRecord, ...], sign: int) -> tuple[LaneRecord, ...]:
        return tuple(
            replace(lane, **{"predecessor" if before else "successor": sign * number})
            for number, lane in enumerate(lanes, start=1)
        )

    return replace(section, right=join(section.right, -1), left=join(section.left, 1))


def _section(arm: Arm) -> Section:
    two_way = not arm.plan.median_m
    centre = Mark("solid", "white") if two_way else None
    if two_way and max(arm.plan.inbound, arm.plan.outbound) > 1:
        centre = Mark("solid solid", "white", width_m=0.3)
    return Section(
        s_m=0.0, right=_lane_records(arm.inbound), left=_lane_records(arm.outbound), centre=centre
    )


def _lane_records(slots: tuple[Slot, ...]) -> tuple[LaneRecord, ...]:
    return tuple(
        LaneRecord(
            kind=slot.kind,
            width=(slot.width_m, 0.0, 0.0, 0.0),
            mark=_mark(slot, following),
            height_m=KERB_M if slot.kind in ("sidewalk", "median") else 0.0,
        )
        for slot, following in zip(slots, (*slots[1:], None), strict=True)
    )


def _mark(slot: Slot, following: Slot | None) -> Mark | None:
    """Return the line between a lane and the next one outwards."""
    if slot.kind == "sidewalk" or following is None:
        return None
    if slot.kind == "driving" and following.kind == "driving":
        return Mark("broken")
    if slot.kind == "driving" and following.kind == "parking":
        return Mark("broken", dash_m=1.0, gap_m=1.0)
    return Mark("solid")


def _objects(arm: Arm, length_m: float) -> tuple[ObjectRecord, ...]:
    objects: list[ObjectRecord] = []
    if arm.plan.crosswalk:
        objects.append(_crosswalk(arm, length_m))
    if arm.plan.control in (Control.SIGNALS, Control.STOP, Control.YIELD):
        driving = of_kind(arm.inbound, "driving")
        right = -(driving[-1].inner_m + driving[-1].width_m)
        left = -driving[0].inner_m
        name = "YieldLine" if arm.plan.control == Control.YIELD else "StopLine"
        ends = ((-_LINE_M / 2, left, 0.0), (-_LINE_M / 2, right, 0.0))
        objects.append(ObjectRecord(f"{arm.id}02", "roadMark", length_m, 0.0, ends, name))
    return tuple(objects)


def _crosswalk(arm: Arm, length_m: float) -> ObjectRecord:
    """Return the crossing from kerb to kerb, beyond the stop line."""
    left, right = kerb_m(arm.outbound), -kerb_m(arm.inbound)
    near, far = STOP_GAP_M, STOP_GAP_M + CROSSWALK_M
    corners = ((near, right, 0.0), (far, right, 0.0), (far, left, 0.0), (near, left, 0.0))
    return ObjectRecord(f"{arm.id}01", "crosswalk", length_m, 0.0, corners, "Crosswalk")


def _signals(arm: Arm, length_m: float) -> tuple[SignalRecord, ...]:
    driving = of_kind(arm.inbound, "driving")
    lanes = (-driving[0].number, -driving[-1].number)
    post = -(kerb_m(arm.inbound) + _POST_M)
    control = arm.plan.control
    if control == Control.SIGNALS:
        light = SignalRecord(
            f"{arm.id}10", "1000001", length_m, post, 2.9, lanes, dynamic=True, name="Signal_3Light"
        )
        return (light,)
    if control in (Control.STOP, Control.YIELD):
        kind, name = ("206", "Sign_Stop") if control == Control.STOP else ("205", "Sign_Yield")
        return (SignalRecord(f"{arm.id}10", kind, length_m, post, 2.3, lanes, name=name),)
    return ()


def _pedestrian_lights(arm: Arm, length_m: float) -> tuple[SignalRecord, ...]:
    """Return the two lights that face people about to cross this arm, at the far kerbs."""
    if arm.plan.control != Control.SIGNALS or not arm.plan.crosswalk:
        return ()
    right, left = kerb_m(arm.inbound) + _POST_M, kerb_m(arm.outbound) + _POST_M
    posts = ((-right, -math.pi / 2, -len(arm.inbound)), (left, math.pi / 2, len(arm.outbound)))
    s = length_m
    return tuple(
        SignalRecord(
            f"{arm.id}2{index}", "1000002", s, t, 2.3, (lane, lane), dynamic=True, turn_rad=turn,
            name="Signal_Pedestrian",
        )
        for index, (t, turn, lane) in enumerate(posts)
    )  # fmt: skip


def _speed_sign(arm: Arm) -> tuple[SignalRecord, ...]:
    """Return the limit shown to traffic that leaves the junction."""
    driving = of_kind(arm.outbound, "driving")
    s = max(0.0, arm.plan.length_m - 40.0)
    kmh = round(arm.plan.speed_mps * 3.6 / 10) * 10
    return (
        SignalRecord(
            f"{arm.id}30", "274", s, kerb_m(arm.outbound) + _POST_M, 2.3,
            (driving[0].number, driving[-1].number), orientation="-", value=str(kmh),
            name=f"Sign_Speed_{kmh}",
        ),
    ) if driving else ()  # fmt: skip
