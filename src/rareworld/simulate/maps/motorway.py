"""A motorway with an on-ramp: two carriageways, a gore, an acceleration lane that runs out.

The carriageway that is joined runs along +x; the other lies to its left. Proportions follow German
guidelines for motorways (acceleration lanes of 150 to 250 m, taper 60 m).
Proved in tests/simulate/maps/test_map_motorway.py.
"""

import math
from dataclasses import dataclass, replace
from typing import final

from pydantic import Field

from rareworld.data.config import Config
from rareworld.simulate.maps.arms import Slot
from rareworld.simulate.maps.junctions import connection_of, eased, lane_road
from rareworld.simulate.maps.paths import Path, Pose, arcs, blend
from rareworld.simulate.maps.xodr import (
    JunctionRecord,
    LaneRecord,
    Link,
    MapRecord,
    Mark,
    RoadRecord,
    Section,
    SignalRecord,
)

_GORE_M = 60.0
_TAPER_M = 60.0
_AFTER_M = 60.0
_MERGE_RAD = math.radians(5.0)
_INNER_SHOULDER_M = 1.0
_DASH = Mark("broken", dash_m=6.0, gap_m=12.0, width_m=0.15)
_SHORT_DASH = Mark("broken", dash_m=6.0, gap_m=6.0, width_m=0.3)
_EDGE = Mark("solid", width_m=0.3)


@final
class MotorwayConfig(Config):
    """Carriageways and ramp."""

    name: str
    """Name written into the map."""
    lanes: int = Field(default=2, ge=2, le=4)
    """Through lanes of each carriageway."""
    lane_m: float = Field(default=3.75, ge=3.25, le=4)
    """Width of a through lane."""
    shoulder_m: float = Field(default=2.5, ge=1.5, le=3.5)
    """Width of the hard shoulder."""
    median_m: float = Field(default=4.0, ge=2, le=12)
    """Grass between the carriageways."""
    approach_m: float = Field(default=180.0, ge=80, le=500)
    """Length before the gore."""
    acceleration_m: float = Field(default=180.0, ge=100, le=300)
    """Length of the acceleration lane without its taper."""
    ramp_bend_radius_m: float = Field(default=90.0, ge=50, le=300)
    """Radius of the ramp's bend."""
    ramp_drop_m: float = Field(default=3.0, ge=-8, le=8)
    """How far below the motorway the ramp begins."""
    speed_mps: float = Field(default=120 / 3.6, gt=0, le=40)
    """Limit on the motorway."""
    ramp_speed_mps: float = Field(default=60 / 3.6, gt=0, le=30)
    """Limit on the ramp."""


@final
@dataclass(frozen=True)
class _Lanes:
    """Lanes of a one-way road, from its left edge outwards."""

    slots: tuple[Slot, ...]

    def records(self, marks: tuple[Mark | None, ...]) -> tuple[LaneRecord, ...]:
        """Return the lane records of one section."""
        pairs = zip(self.slots, marks, strict=True)
        return tuple(LaneRecord(x.kind, (x.width_m, 0.0, 0.0, 0.0), mark) for x, mark in pairs)


def _slots(*lanes: tuple[str, float]) -> _Lanes:
    slots: list[Slot] = []
    inner = 0.0
    for number, (kind, width) in enumerate(lanes, start=1):
        slots.append(Slot(kind, inner, width, number))
        inner += width
    return _Lanes(tuple(slots))


def _carriageway(config: MotorwayConfig, *, joined: bool) -> _Lanes:
    """Return inner shoulder, through lanes, acceleration lane if joined, hard shoulder."""
    through = [("driving", config.lane_m)] * config.lanes
    extra = [("entry", config.lane_m)] if joined else []
    edge = ("shoulder", config.shoulder_m)
    return _slots(("shoulder", _INNER_SHOULDER_M), *through, *extra, edge)


def _ramp_lanes() -> _Lanes:
    return _slots(("shoulder", 0.5), ("onRamp", 4.0), ("shoulder", 1.5))


def _marks(lanes: int, *, joined: bool) -> tuple[Mark | None, ...]:
    through: list[Mark | None] = [_DASH] * (lanes - 1)
    end = [_SHORT_DASH, _EDGE] if joined else [_EDGE]
    return (_EDGE, *through, *end, None)


def build_motorway(config: MotorwayConfig) -> MapRecord:
    """Return the map of a motorway with an on-ramp; x = 0 is the nose of the gore."""
    ways = _ways(config)
    roads = (_before(config), _after(config), _ramp(config), _opposite(config), *ways)
    connections = tuple(connection_of(way) for way in ways)
    return MapRecord(config.name, roads, (JunctionRecord("100", config.name, connections),))


def _median(config: MotorwayConfig) -> tuple[LaneRecord, ...]:
    return (LaneRecord("median", (config.median_m, 0.0, 0.0, 0.0)),)


def _before(config: MotorwayConfig) -> RoadRecord:
    lanes = _carriageway(config, joined=False)
    section = Section(0.0, lanes.records(_marks(config.lanes, joined=False)), _median(config))
    return RoadRecord(
        id="1",
        name="motorway before the ramp",
        path=arcs(Pose(-config.approach_m, 0.0, 0.0), ((config.approach_m, 0.0),)),
        sections=(section,),
        successor=Link("junction", "100"),
        speed_mps=config.speed_mps,
        signals=(_limit(config, "130", 20.0, lanes),),
        kind="motorway",
    )


def _limit(config: MotorwayConfig, name: str, s_m: float, lanes: _Lanes) -> SignalRecord:
    last = lanes.slots[-1]
    kmh = str(round(config.speed_mps * 3.6))
    return SignalRecord(
        name, "274", s_m, -(last.inner_m + last.width_m + 1.0), 2.3, (-2, -1 - config.lanes),
        value=kmh, name=f"Sign_Speed_{kmh}",
    )  # fmt: skip


def _after(config: MotorwayConfig) -> RoadRecord:
    """Return the road with the acceleration lane, its taper and what follows."""
    length = config.acceleration_m + _TAPER_M + _AFTER_M
    taper = config.acceleration_m + _TAPER_M
    return RoadRecord(
        id="2",
        name="motorway after the ramp",
        path=arcs(Pose(_GORE_M, 0.0, 0.0), ((length, 0.0),)),
        sections=(
            _joined_section(config, 0.0, config.lane_m, config.lane_m),
            _joined_section(config, config.acceleration_m, config.lane_m, 0.0),
            _last_section(config, taper),
        ),
        predecessor=Link("junction", "100"),
        speed_mps=config.speed_mps,
        kind="motorway",
    )


def _joined_section(config: MotorwayConfig, s_m: float, start_m: float, end_m: float) -> Section:
    """Return a section whose acceleration lane goes from one width to another."""
    tapers = start_m != end_m
    records = _carriageway(config, joined=True).records(_marks(config.lanes, joined=True))
    out: list[LaneRecord] = []
    for number, lane in enumerate(records, start=1):
        joined = replace(lane, predecessor=-number if s_m else None, successor=-number)
        if lane.kind == "entry" and tapers:
            joined = replace(joined, width=eased(start_m, end_m, _TAPER_M), successor=None)
        elif tapers and number == len(records):
            joined = replace(joined, successor=-number + 1)
        out.append(joined)
    median = replace(_median(config)[0], predecessor=1 if s_m else None, successor=1)
    return Section(s_m, tuple(out), (median,))


def _last_section(config: MotorwayConfig, s_m: float) -> Section:
    records = _carriageway(config, joined=False).records(_marks(config.lanes, joined=False))
    out = tuple(
        replace(lane, predecessor=-number - (number == len(records)))
        for number, lane in enumerate(records, start=1)
    )
    return Section(s_m, out, (replace(_median(config)[0], predecessor=1),))


def _ramp_end(config: MotorwayConfig) -> Pose:
    """Return the ramp's left edge at the nose, clear of the hard shoulder by two metres."""
    last = _carriageway(config, joined=False).slots[-1]
    return Pose(0.0, -(last.inner_m + last.width_m + 2.0), _MERGE_RAD)


def _ramp(config: MotorwayConfig) -> RoadRecord:
    out = ((50.0, 0.0), (100.0, 1 / config.ramp_bend_radius_m))
    path = arcs(_ramp_end(config).turned(), out).reversed()
    marks = (_EDGE, _EDGE, None)
    length, drop = path.length_m, -config.ramp_drop_m
    return RoadRecord(
        id="3",
        name="on-ramp",
        path=path,
        sections=(Section(0.0, _ramp_lanes().records(marks)),),
        successor=Link("junction", "100"),
        speed_mps=config.ramp_speed_mps,
        elevation=((0.0, drop, -2 * drop / length, drop / length**2, 0.0),),
        kind="motorway",
    )


def _opposite(config: MotorwayConfig) -> RoadRecord:
    end = _GORE_M + config.acceleration_m + _TAPER_M + _AFTER_M
    lanes = _carriageway(config, joined=False)
    return RoadRecord(
        id="4",
        name="motorway, other direction",
        path=arcs(Pose(end, config.median_m, math.pi), ((end + config.approach_m, 0.0),)),
        sections=(Section(0.0, lanes.records(_marks(config.lanes, joined=False))),),
        speed_mps=config.speed_mps,
        signals=(_limit(config, "430", 20.0, lanes),),
        kind="motorway",
    )


def _ways(config: MotorwayConfig) -> list[RoadRecord]:
    """Return the lanes through the gore: carriageway, vanishing shoulder, ramp and its edge."""
    before = _carriageway(config, joined=False).slots
    after = _carriageway(config, joined=True).slots
    ramp = _ramp_lanes().slots
    nose = Pose(0.0, 0.0, 0.0)
    marks = _marks(config.lanes, joined=False)
    ways = [
        _marked(_way(config, str(1000 + k), ("1", a), ("2", b), nose), marks[k])
        for k, (a, b) in enumerate(zip(before[:-1], after[:-2], strict=True))
    ]
    ways[0] = replace(ways[0], sections=(replace(ways[0].sections[0], left=_median(config)),))
    gone = Slot("shoulder", after[-2].inner_m, 0.0, after[-2].number)
    ways.append(_way(config, "1100", ("1", before[-1]), ("2", gone), nose))
    start = _ramp_end(config)
    joining = _way(config, "1200", ("3", ramp[1]), ("2", after[-2]), start)
    ways.append(_marked(joining, _EDGE, centre=_EDGE))
    ways.append(_way(config, "1201", ("3", ramp[2]), ("2", after[-1]), start))
    return ways


def _marked(road: RoadRecord, mark: Mark | None, centre: Mark | None = None) -> RoadRecord:
    """Return a way with a line on its right border, and on its left."""
    section = road.sections[0]
    lane = replace(section.right[0], mark=mark)
    return replace(road, sections=(replace(section, right=(lane,), centre=centre),))


def _way(
    config: MotorwayConfig, name: str, entry: tuple[str, Slot], leave: tuple[str, Slot], at: Pose
) -> RoadRecord:
    path: Path = blend(
        at.move(0.0, -entry[1].inner_m), Pose(_GORE_M, 0.0, 0.0).move(0.0, -leave[1].inner_m)
    )
    ends = (entry[0], entry[1], "end"), (leave[0], leave[1], "start")
    return lane_road(name, path, *ends, config.speed_mps)
