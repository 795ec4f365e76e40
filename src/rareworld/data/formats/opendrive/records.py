"""What the XML says about roads, checked and typed but not yet sampled.

Source: ASAM OpenDRIVE 1.8, `road`, `lanes`, `link`. Lane ids grow to the left of the reference
line; lane 0 is the centre line and has no width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.road import LaneKind
from rareworld.data.formats.opendrive.geometry import PlanView, read_plan_view
from rareworld.data.formats.opendrive.node import Node
from rareworld.data.formats.opendrive.profile import (
    LateralShape,
    Profile,
    read_profile,
    read_shape,
)

_MPS_PER_UNIT = {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704}
_UNLIMITED = frozenset({"no limit", "undefined", "-1"})
KERB_M = 0.12
"""Height of a pavement above the road where the map states none."""

LANE_KINDS: dict[str, LaneKind] = {
    **dict.fromkeys(
        ("driving", "entry", "exit", "onRamp", "offRamp", "connectingRamp", "slipLane"),
        LaneKind.DRIVING,
    ),
    **dict.fromkeys(("bus", "taxi", "HOV", "mwyEntry", "mwyExit", "shared"), LaneKind.DRIVING),
    "biking": LaneKind.BIKE,
    "sidewalk": LaneKind.SIDEWALK,
    "walking": LaneKind.SIDEWALK,
    "parking": LaneKind.PARKING,
    "shoulder": LaneKind.SHOULDER,
    "stop": LaneKind.SHOULDER,
    "median": LaneKind.MEDIAN,
    # a centre turn lane has no direction of travel, which driving lanes must have
    "bidirectional": LaneKind.MEDIAN,
    "curb": LaneKind.KERB,
    **dict.fromkeys(("none", "border", "restricted", "tram", "rail", "roadWorks"), LaneKind.OTHER),
    **dict.fromkeys(("special1", "special2", "special3"), LaneKind.OTHER),
}
VEHICLE_KINDS = frozenset({LaneKind.DRIVING, LaneKind.BIKE})
"""Lanes whose links and signals must be right."""


class End(StrEnum):
    """An end of a road or lane along its reference line."""

    START = "start"
    END = "end"

    @property
    def link_name(self) -> str:
        """Name of the link element at this end."""
        return "predecessor" if self is End.START else "successor"


@final
@dataclass(frozen=True, kw_only=True)
class SpeedRecord:
    """A speed limit from a station on; None lifts it."""

    start_m: float
    limit_mps: float | None


@final
@dataclass(frozen=True, kw_only=True)
class LaneRecord:
    """One `lane` element."""

    node: Node
    id: int
    type: str
    width: Profile
    border: Profile
    has_border: bool
    height_start_m: Float[np.ndarray, "h"]
    height_m: Float[np.ndarray, "h 2"]
    """Inner and outer height above the road surface from each start on.

    Pavements without any `<height>` stand `KERB_M` high, since a map cannot mean people to walk at
    the height of the carriageway; all other lanes without it lie on the road's surface.
    """
    speeds: tuple[SpeedRecord, ...]
    reversed_travel: bool

    @property
    def kind(self) -> LaneKind:
        """What the lane is for; unknown types count as other."""
        return LANE_KINDS.get(self.type, LaneKind.OTHER)

    def links(self, end: End) -> list[int]:
        """Return the lane ids this lane is linked to at an end."""
        return [link.integer("id") for link in self.node.all(f"link/{end.link_name}")]


@final
@dataclass(frozen=True, kw_only=True)
class SectionRecord:
    """One lane section; its lanes' profiles start at `start_m`."""

    node: Node
    index: int
    start_m: float
    end_m: float
    lanes: dict[int, LaneRecord]


@final
@dataclass(frozen=True, kw_only=True)
class RoadRecord:
    """One `road` element."""

    node: Node
    id: str
    length_m: float
    junction: str | None
    left_hand: bool
    plan: PlanView
    elevation: Profile
    superelevation: Profile
    shape: LateralShape
    lane_offset: Profile
    sections: tuple[SectionRecord, ...]
    speeds: tuple[SpeedRecord, ...]

    def section_at(self, s_m: float) -> SectionRecord:
        """Return the lane section at a station; stations off the ends give the end sections."""
        starts = [section.start_m for section in self.sections]
        return self.sections[max(int(np.searchsorted(starts, s_m, "right")) - 1, 0)]

    def section_index(self, end: End) -> int:
        """Return the number of the lane section at an end."""
        return 0 if end is End.START else len(self.sections) - 1

    def is_forward(self, lane: LaneRecord) -> bool:
        """Whether traffic on the lane drives towards growing stations."""
        return ((lane.id < 0) != self.left_hand) != lane.reversed_travel


def lane_name(road: str, section: int, lane: int) -> str:
    """Return the `road:section:lane` id."""
    return f"{road}:{section}:{lane}"


def read_road(node: Node) -> RoadRecord:
    """Read one road.

    Raises:
        MapError: A required part is missing or a value is impossible.
    """
    length = node.number("length")
    if length <= 0:
        raise node.fail(f"length must be positive, found {length:g}")
    rule = node.text("rule", "RHT")
    if rule not in {"RHT", "LHT"}:
        raise node.fail(f"rule must be RHT or LHT, found {rule!r}")
    junction = node.text("junction", "-1")
    return RoadRecord(
        node=node,
        id=node.text("id"),
        length_m=length,
        junction=None if junction in {"-1", ""} else junction,
        left_hand=rule == "LHT",
        plan=read_plan_view(node),
        elevation=read_profile(node.all("elevationProfile/elevation")),
        superelevation=read_profile(node.all("lateralProfile/superelevation")),
        shape=read_shape(node.all("lateralProfile/shape")),
        lane_offset=read_profile(node.all("lanes/laneOffset")),
        sections=_read_sections(node, length),
        speeds=_read_speeds(node.all("type")),
    )


def _read_sections(road: Node, length_m: float) -> tuple[SectionRecord, ...]:
    """Read the lane sections; each ends where the next one starts."""
    nodes = road.need("lanes").all("laneSection")
    if not nodes:
        raise road.need("lanes").fail("needs at least one <laneSection>, found none")
    starts = [node.number("s") for node in nodes]
    for node, start, after in zip(nodes, starts, [*starts[1:], length_m], strict=True):
        if not start < after:
            raise node.fail(
                f"must end after it starts at s={start:g} m, but the next section or the road's "
                f"end is at {after:g} m"
            )
    ends = [*starts[1:], length_m]
    return tuple(
        _read_section(node, index, start, end)
        for index, (node, start, end) in enumerate(zip(nodes, starts, ends, strict=True))
    )


def _read_section(node: Node, index: int, start_m: float, end_m: float) -> SectionRecord:
    """Read one lane section and check that its lane ids have no gaps."""
    lanes: dict[int, LaneRecord] = {}
    for side in ("left", "center", "right"):
        for child in node.all(f"{side}/lane"):
            lane = _read_lane(child, start_m)
            _check_lane(child, lane, side, lanes)
            lanes[lane.id] = lane
    wanted = set(range(min(lanes, default=0), max(lanes, default=0) + 1)) - {0}
    for missing in sorted(wanted - set(lanes)):
        raise node.fail(f"has no lane {missing}; lanes must count from the centre without a gap")
    ordered = {number: lanes[number] for number in sorted(lanes, reverse=True)}
    return SectionRecord(node=node, index=index, start_m=start_m, end_m=end_m, lanes=ordered)


def _check_lane(node: Node, lane: LaneRecord, side: str, known: dict[int, LaneRecord]) -> None:
    """Refuse ids on the wrong side or given twice."""
    sign = {"left": 1, "center": 0, "right": -1}[side]
    if np.sign(lane.id) != sign:
        raise node.fail(f"in <{side}> cannot have id {lane.id}")
    if lane.id in known:
        raise node.fail(f"id {lane.id} is used twice in this lane section")


def _read_lane(node: Node, section_start_m: float) -> LaneRecord:
    """Read one lane; its profiles are moved from section to road stations."""
    number = node.integer("id")
    widths, borders = node.all("width"), node.all("border")
    if number and not widths and not borders:
        raise node.fail("needs a <width> or <border>, found neither")
    heights = sorted(
        [record.number(name, 0.0) for name in ("sOffset", "inner", "outer")]
        for record in node.all("height")
    )
    kind = LANE_KINDS.get(node.text("type"))
    usual = [[0.0, KERB_M, KERB_M]] if kind is LaneKind.SIDEWALK else []
    table = np.array(heights or usual, dtype=np.float64).reshape(-1, 3)
    return LaneRecord(
        node=node,
        id=number,
        type=node.text("type"),
        width=read_profile(widths, "sOffset").shifted(section_start_m),
        border=read_profile(borders, "sOffset").shifted(section_start_m),
        has_border=bool(borders) and not widths,
        height_start_m=table[:, 0] + section_start_m,
        height_m=table[:, 1:],
        speeds=_read_lane_speeds(node, section_start_m),
        reversed_travel=node.text("direction", "standard") == "reversed",
    )


def _read_lane_speeds(node: Node, section_start_m: float) -> tuple[SpeedRecord, ...]:
    """Read a lane's own limits."""
    return tuple(
        SpeedRecord(
            start_m=record.number("sOffset", 0.0) + section_start_m, limit_mps=_limit(record)
        )
        for record in node.all("speed")
    )


def _read_speeds(types: Sequence[Node]) -> tuple[SpeedRecord, ...]:
    """Read the limits of road types."""
    pairs = [(node, node.first("speed")) for node in types]
    return tuple(
        SpeedRecord(start_m=node.number("s"), limit_mps=_limit(speed) if speed else None)
        for node, speed in pairs
    )


def _limit(node: Node) -> float | None:
    """Return metres per second; None where the map says there is no limit."""
    if node.text("max") in _UNLIMITED:
        return None
    unit = node.text("unit", "m/s")
    if unit not in _MPS_PER_UNIT:
        raise node.fail(f"unit must be one of {', '.join(_MPS_PER_UNIT)}; found {unit!r}")
    return node.number("max") * _MPS_PER_UNIT[unit]


def speed_at(records: Sequence[SpeedRecord], s_m: float) -> float | None:
    """Return the limit in force at a station, if any."""
    limit: float | None = None
    for record in records:
        if record.start_m <= s_m:
            limit = record.limit_mps
    return limit
