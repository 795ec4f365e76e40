"""People on foot: struck on a crosswalk or in mid-block, and crossing where they may not.

They walk straight over the carriageway from pavement to pavement, after waiting at the kerb where
there is time for it.
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.core.geometry import FloatArray, inside_convex
from rareworld.core.road import LaneKind
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.acting import Paced, Phases
from rareworld.simulate.scenarios.base import (
    FOUR_WHEELS,
    Scenario,
    conflict_gap_s,
    handover_at,
    pace,
    pick,
    pick_blueprint,
)
from rareworld.simulate.scenarios.crossing import (
    STARTLED,
    Arrival,
    Encounter,
    encounter_drawn,
    green_for,
    meeting_times,
    wish_of,
)
from rareworld.simulate.scenarios.following import RIM_M, STRETCH_M, place_on
from rareworld.simulate.scenarios.site import Meeting, Site, Way
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome, Role, Staging, Wish

KERB_M = 0.9
"""People begin and end this far beyond the carriageway."""
WIDEST_M = 30.0
CARRIAGEWAY = frozenset(
    {LaneKind.DRIVING, LaneKind.PARKING, LaneKind.BIKE, LaneKind.MEDIAN, LaneKind.SHOULDER}
)
STRIDE_MPS2 = 1.2
PEOPLE_AT_RISK = ("adult", "child")
CLEAR_M = 75.0
"""Traffic that comes within this distance of somebody who crosses leaves before the clip."""
STEP_M = 0.25


@final
@dataclass(frozen=True)
class Crossing:
    """Where somebody walks over the road."""

    way: Way
    """Of the vehicle."""
    way_m: float
    walk: Path
    walk_m: float
    """Station of the crossing on the walk."""
    kerb_m: float
    """Station on the walk at which the carriageway begins."""

    def meeting(self) -> Meeting:
        """Return the crossing of the two ways; the person comes first."""
        walker = Way(self.way.lanes, self.walk, self.way.approach, None, math.inf)
        angle = self.way.path.heading_rad(self.way_m) - self.walk.heading_rad(self.walk_m)
        driver = replace(self.way, entry_m=math.inf)
        point = self.way.path.position(self.way_m)
        return Meeting(walker, driver, self.walk_m, self.way_m, angle, point)


def walk_over(site: Site, way: Way, station_m: float, side: float) -> Crossing | None:
    """Return the walk over the road at a place of a way, from the right (side 1) or the left.

    None where no pavement or verge is found on both sides.
    """
    middle, heading = way.path.position(station_m), way.path.heading_rad(station_m)
    across = side * np.array([-math.sin(heading), math.cos(heading), 0.0])
    reach = np.arange(-WIDEST_M, WIDEST_M + STEP_M, STEP_M)
    points = middle + reach[:, None] * across
    on_road = site.index.on_kind(points, CARRIAGEWAY)
    centre = len(reach) // 2
    off = np.flatnonzero(~on_road)
    before, after = off[off < centre], off[off > centre]
    if not on_road[centre] or not len(before) or not len(after):
        return None
    first, last = float(reach[before[-1]]) - KERB_M, float(reach[after[0]]) + KERB_M
    line = middle + np.arange(first, last + STEP_M, STEP_M)[:, None] * across
    return Crossing(way, station_m, Path.through(_on_ground(site, line)), -first, KERB_M)


def _on_ground(site: Site, line_m: FloatArray) -> FloatArray:
    """Return a line laid onto the map's surface; its own height where there is none."""
    height = site.index.height_at(line_m)
    return np.column_stack([line_m[:, :2], np.where(np.isnan(height), line_m[:, 2], height)])


def crosswalk_places(site: Site, room_m: float) -> list[tuple[Way, float]]:
    """Return the ways that lead over a crosswalk and where, with room to come from."""
    ways = [*site.ways, *(stretch.way for stretch in site.stretches(STRETCH_M))]
    out: list[tuple[Way, float]] = []
    for way in ways:
        for walk in site.road.crosswalks:
            inside = inside_convex(way.path.points_m[:, :2], walk.outline_m[:, :2])
            stations = way.path.station_m[inside]
            if len(stations) and room_m < stations.mean() < way.path.length_m - RIM_M:
                out.append((way, float(stations.mean())))
    return out


def near_crosswalk(site: Site, point_m: FloatArray, within_m: float) -> bool:
    """Tell whether a crosswalk is near a point."""
    return any(
        float(np.linalg.norm(walk.outline_m[:, :2] - point_m[:2], axis=1).min()) < within_m
        for walk in site.road.crosswalks
    )


@final
@dataclass(frozen=True)
class Stroll:
    """A person who is at a station of a walk at a time, at a pace."""

    name: str
    blueprint: str
    walk: Path
    station_m: float
    time_s: float
    speed_mps: float

    def role(self, handover_s: float) -> Role:
        """Return the role: waiting at the kerb first, or already walking if time is short."""
        way_s, ramp_s = self.time_s - handover_s, self.speed_mps / STRIDE_MPS2
        ramp_m = self.speed_mps * ramp_s / 2
        walk_s = ramp_s + (self.station_m - ramp_m) / self.speed_mps
        if self.station_m < ramp_m:
            walk_s = math.sqrt(2 * self.station_m / STRIDE_MPS2)
        waits = way_s >= walk_s
        phases: Phases = ((way_s - walk_s, 0.0), (ramp_s, STRIDE_MPS2)) if waits else ()
        return Role(
            name=self.name,
            blueprint=self.blueprint,
            path=self.walk,
            start_m=0.0 if waits else self.station_m - self.speed_mps * way_s,
            start_mps=0.0 if waits else self.speed_mps,
            acting=Paced(spec=BLUEPRINTS[self.blueprint], path=self.walk, phases=phases),
        )


@final
class PedestrianStruck(Scenario):
    """A vehicle hits somebody who crosses the road."""

    name: ClassVar[str] = "pedestrian_struck"
    title: ClassVar[str] = "Pedestrian struck"
    summary: ClassVar[str] = "A vehicle hits somebody who steps in front of it."
    needs: ClassVar[frozenset[str]] = frozenset({"two-way"})
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    walking_mps: Span = Span.of(1.2, 1.9)
    """Pace of adults."""
    child_mps: Span = Span.of(1.8, 2.8)
    """Pace of children."""
    driver_mps: Span = Span.of(7.0, 12.0)
    """Speed of the vehicle."""
    children: float = 0.35
    """Share of children."""
    crosswalks: float = 0.7
    """Share on crosswalks where the map has any; the rest crosses in mid-block."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a place, somebody on foot and a vehicle."""
        lead_s = event_s - handover_at(event_s)
        body = PEOPLE_AT_RISK[int(rng.random() < self.children)]
        walking = (self.child_mps if body == "child" else self.walking_mps).draw(rng)
        crossing, speed = self._place(site, lead_s, rng)
        other = pick_blueprint(FOUR_WHEELS, rng)
        encounter = Encounter(
            meeting=crossing.meeting(),
            first=body,
            second=other,
            first_mps=walking,
            second_mps=speed,
            gap_s=conflict_gap_s(body, other, walking, outcome, rng),
        )
        first_s, second_s = meeting_times(encounter, outcome, event_s)
        handover_s = min(handover_at(event_s), first_s - 0.6)
        hits = outcome is Outcome.COLLISION
        person = Stroll("pedestrian", body, crossing.walk, crossing.walk_m, first_s, walking)
        driver = Arrival(
            "driver", other, crossing.way, crossing.way_m, second_s, speed,
            None if hits else event_s + 1.4,
        )  # fmt: skip
        roles = (person.role(handover_s), driver.role(handover_s, () if hits else STARTLED))
        names = ("pedestrian", "driver")
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=crossing.way.path.position(crossing.way_m),
            roles=roles,
            wish=wish_of(outcome, names),
            signals=green_for(site, crossing.way, event_s),
            drawn=encounter_drawn(encounter, names),
        )

    def _place(self, site: Site, lead_s: float, rng: np.random.Generator) -> tuple[Crossing, float]:
        """Draw where the person crosses and how fast the vehicle comes."""
        share, side = rng.random(), float(rng.choice([-1.0, 1.0]))
        fastest = 1.4 * self.driver_mps.high * (lead_s + 1.0)
        marked = crosswalk_places(site, min(fastest, 75.0)) if share < self.crosswalks else []
        if marked:
            way, station = pick(marked, rng, "crosswalk")
            speed = pace(self.driver_mps, way.limit_mps, rng, 1.3)
            speed = min(speed, 6.5) if way.turn is not None and way.turn != "straight" else speed
        else:
            way = pick(site.stretches(STRETCH_M), rng, f"stretch of {STRETCH_M:.0f} m").way
            speed = pace(self.driver_mps, way.limit_mps, rng, 1.3)
            stretch = next(s for s in site.stretches(STRETCH_M) if s.way.approach == way.approach)
            station = place_on(stretch, speed * (lead_s + 1.0), rng)
        found = walk_over(site, way, station, side)
        return pick([found] if found else [], rng, "kerb on both sides of the road here"), speed


@final
class Jaywalking(Scenario):
    """Somebody crosses the road where they may not."""

    name: ClassVar[str] = "jaywalking"
    title: ClassVar[str] = "Jaywalking"
    summary: ClassVar[str] = "Somebody crosses the road away from any crosswalk; nobody is hit."
    needs: ClassVar[frozenset[str]] = frozenset({"two-way"})
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)

    walking_mps: Span = Span.of(1.1, 2.2)
    """Pace of the person."""
    away_m: float = 12.0
    """Least distance from a crosswalk."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a place away from crosswalks and somebody who crosses there."""
        way, crossing = self._place(site, rng)
        body = PEOPLE_AT_RISK[int(rng.random() < 0.15)]
        speed = self.walking_mps.draw(rng)
        stroll = Stroll("pedestrian", body, crossing.walk, crossing.kerb_m + 0.4, event_s, speed)
        handover_s = handover_at(event_s)
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=way.path.position(crossing.way_m),
            roles=(stroll.role(handover_s),),
            wish=Wish(kind=EventKind.JAYWALKING, roles=("pedestrian",), earliest_s=0.0),
            clear=_approaches(site, way.path.position(crossing.way_m)),
            drawn={"walking_mps": speed, "blueprint": body},
        )

    def _place(self, site: Site, rng: np.random.Generator) -> tuple[Way, Crossing]:
        side = float(rng.choice([-1.0, 1.0]))
        options: list[Crossing] = []
        for stretch in site.stretches(STRETCH_M):
            for station in np.arange(45.0, stretch.way.entry_m - 20.0, 12.0).tolist():
                point = stretch.way.path.position(station)
                if near_crosswalk(site, point, self.away_m):
                    continue
                found = walk_over(site, stretch.way, station, side)
                if found is not None and found.walk.length_m < 16.0:
                    options.append(found)
        crossing = pick(options, rng, "street without a crosswalk near")
        return crossing.way, crossing


def _approaches(site: Site, point_m: FloatArray) -> tuple[Path, ...]:
    """Return the last metres of every lane that leads past a point."""
    out: list[Path] = []
    for stretch in site.stretches(STRETCH_M):
        path = stretch.way.path
        station, offset = path.project(point_m)
        if abs(offset) < 16.0 and 5.0 < station < stretch.way.entry_m:
            keep = (path.station_m > station - CLEAR_M) & (path.station_m < station + 6.0)
            out.append(Path.through(path.points_m[keep]))
    return tuple(out)
