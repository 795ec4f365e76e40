"""Rules broken without a victim: red lights, forbidden turns, vehicles left in the way."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.core.geometry import FloatArray
from rareworld.core.lane_paths import conflicts
from rareworld.core.road import Lane, LaneKind, RoadMap, SignalKind, Turn
from rareworld.core.trajectory import Lamp, SignalState
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.acting import Paced, Phases
from rareworld.simulate.scenarios.base import (
    FOUR_WHEELS,
    STRIKERS,
    Scenario,
    handover_at,
    pace,
    pick,
    pick_blueprint,
)
from rareworld.simulate.scenarios.crossing import BLINKER, Arrival, green_for
from rareworld.simulate.scenarios.following import STRETCH_M, place_on
from rareworld.simulate.scenarios.site import Site, Way
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import (
    CLIP_START_S,
    Outcome,
    Role,
    SignalOrder,
    Staging,
    Wish,
)

HAZARD = Lamp.LEFT_BLINKER | Lamp.RIGHT_BLINKER
BEFORE_M = 45.0
"""Ways that cross are freed this far before the crossing."""
INTO_TURN_S, LONGEST_TURN_S = 2.1, 4.3
"""Turns are long; a short clip must show where they begin and where they end."""
OUTSIDE_M = 7.0
"""Vehicles are taken over at least this far before a junction."""
EASY_MPS2 = 2.5
"""Deceleration of a vehicle that breaks down."""


def crossed(site: Site, path: Path, approach: str) -> tuple[Path, ...]:
    """Return the pieces of other ways that lead across a path, to be freed before the clip."""
    out: list[Path] = []
    for way in site.ways:
        if way.approach == approach:
            continue
        for meeting in conflicts(path.points_m[::4], way.path.points_m[::4]):
            station = way.path.station_m
            near = (station > meeting.station_b_m - BEFORE_M) & (station < meeting.station_b_m + 4)
            if near.sum() > 3:
                out.append(Path.through(way.path.points_m[near]))
    return tuple(out)


@final
class RedLight(Scenario):
    """A vehicle passes the stop line on red."""

    name: ClassVar[str] = "red_light"
    title: ClassVar[str] = "Red-light running"
    summary: ClassVar[str] = "A vehicle passes the stop line on red; nobody is hit."
    needs: ClassVar[frozenset[str]] = frozenset({"signalised"})
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 1.2

    speed_mps: Span = Span.of(8.0, 14.0)
    """Over the stop line; at most 6.5 m/s in a turn."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a way with a light and hold it on red."""
        options = [way for way in site.ways if way.approach in site.signalised]
        way = pick(options, rng, "way through a junction with traffic lights")
        speed = pace(self.speed_mps, way.limit_mps, rng, 1.3)
        speed = speed if way.turn is Turn.STRAIGHT else min(speed, 6.5)
        body = pick_blueprint(STRIKERS, rng)
        at = stop_line_m(site.road, way) - BLUEPRINTS[body].length_m / 2
        arrival = Arrival("red-light runner", body, way, at, event_s, speed, event_s + 2.5)
        role = arrival.role(handover_at(event_s))
        order = SignalOrder(
            lane=way.approach, state=SignalState.RED, from_s=0.0, to_s=event_s + CLIP_START_S
        )
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=way.path.position(way.entry_m + 4.0),
            roles=(role,),
            wish=Wish(kind=EventKind.RED_LIGHT, roles=("red-light runner",)),
            signals=(order,),
            clear=crossed(site, way.path, way.approach),
            drawn={"speed_mps": speed, "lane": way.approach},
        )


def stop_line_m(road: RoadMap, way: Way) -> float:
    """Return the station of a way's stop line; where its junction begins if there is none."""
    for signal in road.signals:
        controls = signal.kind is SignalKind.TRAFFIC_LIGHT and way.approach in signal.lanes
        if controls and signal.stop_line_m is not None:
            station, _ = way.path.project(signal.stop_line_m.mean(axis=0))
            if abs(station - way.entry_m) < 15.0:
                return station
    return way.entry_m


@final
@dataclass(frozen=True)
class Forbidden:
    """A turn that the map does not allow, and the legal turn from beside it."""

    way: Way
    """The forbidden way as driven."""
    entry_m: float
    end_m: float
    """Stations between which it turns."""
    turn: Turn

    def speed_mps(self, lateral_mps2: float) -> float:
        """Return the speed at which its sharpest bend asks for a lateral acceleration."""
        bend = float(np.abs(self.way.path.bend).max())
        return float(np.clip(np.sqrt(lateral_mps2 / max(bend, 1e-3)), 4.0, 11.0))


def forbidden_turns(site: Site) -> list[Forbidden]:
    """Return the turns to either side that a lane's connections do not allow."""
    lanes = {way.approach: way for way in site.ways}
    out: list[Forbidden] = []
    for approach, base in lanes.items():
        reachable = _reachable(site.road, approach)
        for way in site.ways:
            target = _exit(site.road, way)
            beside = way.approach in _row(site.road, approach) and way.approach != approach
            if beside and way.turn in BLINKER and target is not None and target not in reachable:
                made = _forbidden(base, way, site.road.lanes[target])
                if made is not None:
                    out.append(made)
    return out


def _row(road: RoadMap, name: str) -> set[str]:
    """Return a lane and all lanes beside it with its direction."""
    out, queue = {name}, [name]
    while queue:
        lane = road.lanes[queue.pop()]
        for beside in (lane.left_neighbour, lane.right_neighbour):
            if beside is not None and beside not in out:
                out.add(beside)
                queue.append(beside)
    return out


def _reachable(road: RoadMap, name: str) -> set[str]:
    """Return the lanes that follow a lane through the junction, with those beside them."""
    out: set[str] = set()
    seen: set[str] = set()
    queue = list(road.lanes[name].successors)
    while queue:
        at = queue.pop()
        if at in seen:
            continue
        seen.add(at)
        if road.lanes[at].junction is None:
            out |= _row(road, at)
        else:
            queue += [n for inner in _row(road, at) for n in road.lanes[inner].successors]
    return out


def _exit(road: RoadMap, way: Way) -> str | None:
    """Return the first open-road lane behind a way's junction."""
    behind = way.lanes[way.lanes.index(way.approach) + 1 :]
    return next((name for name in behind if road.lanes[name].junction is None), None)


def _forbidden(base: Way, legal: Way, target: Lane) -> Forbidden | None:
    """Return the turn from the base's lane into a target lane; None if it bends too sharply."""
    start, entry = base.path.position(base.entry_m - 1.0), base.entry_m - 1.0
    goal = Path.through(target.centre_m)
    curve = _curve(start, base.path.heading_rad(entry), goal.position(1.0), goal.heading_rad(1.0))
    before = base.path.points_m[base.path.station_m < entry]
    after = goal.points_m[goal.station_m > 1.0]
    path = Path.through(before, curve, after)
    end = path.length_m - goal.length_m + 1.0
    if float(np.abs(path.bend).max()) > 0.16 or legal.turn is None:
        return None
    lanes = (*base.lanes[: base.lanes.index(base.approach) + 1], target.id)
    way = Way(lanes, path, base.approach, legal.turn, entry, base.limit_mps)
    return Forbidden(way, entry, end, legal.turn)


def _curve(
    start_m: FloatArray, start_rad: float, goal_m: FloatArray, goal_rad: float
) -> FloatArray:
    """Return a cubic Hermite curve from a pose to a pose; tangents as for a quarter circle."""
    reach = 1.17 * float(np.linalg.norm((goal_m - start_m)[:2]))
    leave = reach * np.array([np.cos(start_rad), np.sin(start_rad), 0.0])
    enter = reach * np.array([np.cos(goal_rad), np.sin(goal_rad), 0.0])
    s = np.linspace(0.0, 1.0, 81)[:, None]
    return (
        start_m * (2 * s**3 - 3 * s**2 + 1)
        + leave * (s**3 - 2 * s**2 + s)
        + goal_m * (3 * s**2 - 2 * s**3)
        + enter * (s**3 - s**2)
    )


@final
class IllegalTurn(Scenario):
    """A vehicle turns from a lane that does not allow it."""

    name: ClassVar[str] = "illegal_turn"
    title: ClassVar[str] = "Illegal turn"
    summary: ClassVar[str] = "A vehicle turns across the other lanes from a lane that forbids it."
    needs: ClassVar[frozenset[str]] = frozenset({"junction", "multi-lane"})
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 2.3

    lateral_mps2: Span = Span.of(3.2, 4.0)
    """Greatest lateral acceleration in the turn."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a forbidden turn; the event lies `INTO_TURN_S` after the lane's end."""
        lateral = self.lateral_mps2.draw(rng)
        options = [
            turn
            for turn in forbidden_turns(site)
            if (turn.end_m - turn.entry_m) / turn.speed_mps(lateral) < LONGEST_TURN_S
        ]
        turn = pick(options, rng, "lane with a forbidden turn beside an allowed one")
        speed = turn.speed_mps(lateral)
        middle = turn.entry_m + INTO_TURN_S * speed
        body = pick_blueprint(FOUR_WHEELS, rng)
        handover_s = min(handover_at(event_s), event_s - INTO_TURN_S - 9.0 / speed)
        arrival = Arrival("turning", body, turn.way, middle, event_s, speed, event_s + 3.0)
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=turn.way.path.position(middle),
            roles=(arrival.role(handover_s),),
            wish=Wish(kind=EventKind.ILLEGAL_TURN, roles=("turning",), earliest_s=0.0),
            signals=green_for(site, turn.way, event_s),
            clear=crossed(site, turn.way.path, turn.way.approach),
            drawn={"speed_mps": speed, "lane": turn.way.approach, "turn": turn.turn.value},
        )


def stopping(
    name: str, body: str, way: Way, stop_m: float, speed_mps: float, times_s: tuple[float, float]
) -> Role:
    """Return a role that slows with hazard lights and stands at a station from a time on.

    Args:
        name: Of the role.
        body: Blueprint.
        way: Where it drives.
        stop_m: Station of its middle when it stands.
        speed_mps: Before it slows.
        times_s: Of the hand-over and of standing still.
    """
    brake_s = speed_mps / EASY_MPS2
    steady_s = times_s[1] - times_s[0] - brake_s
    speed = speed_mps
    if steady_s < 0:
        brake_s, steady_s = times_s[1] - times_s[0], 0.0
        speed = EASY_MPS2 * brake_s
    phases: Phases = ((steady_s, 0.0), (brake_s + 1.0, -EASY_MPS2))
    start = stop_m - speed * steady_s - speed * brake_s / 2
    acting = Paced(spec=BLUEPRINTS[body], path=way.path, phases=phases, always=HAZARD)
    return Role(
        name=name, blueprint=body, path=way.path, start_m=start, start_mps=speed, acting=acting
    )


@final
class StalledVehicle(Scenario):
    """A vehicle breaks down in its lane."""

    name: ClassVar[str] = "stalled_vehicle"
    title: ClassVar[str] = "Stalled vehicle"
    summary: ClassVar[str] = "A vehicle stops in its lane with hazard lights and stays."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 2.1

    speed_mps: Span = Span.of(5.0, 9.0)
    """Before it slows."""
    before_s: float = 1.2
    """It stands this long before the event, so that a short clip shows what follows."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a stretch and where it stops."""
        stretch = pick(site.stretches(STRETCH_M), rng, f"stretch of {STRETCH_M:.0f} m")
        speed = pace(self.speed_mps, stretch.way.limit_mps, rng)
        handover_s = handover_at(event_s)
        still_s = event_s - self.before_s
        at = place_on(stretch, speed * (still_s - handover_s + 0.5) + 4.0, rng)
        body = pick_blueprint((*STRIKERS, "city_bus"), rng)
        role = stopping("stalled", body, stretch.way, at - 8.0, speed, (handover_s, still_s))
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=stretch.way.path.position(at - 8.0),
            roles=(role,),
            wish=Wish(kind=EventKind.STOPPED, roles=("stalled",), earliest_s=0.0),
            signals=green_for(site, stretch.way, event_s),
            drawn={"speed_mps": role.start_mps, "lane": stretch.way.approach},
        )


def standing_places(site: Site) -> list[tuple[Way, float]]:
    """Return straight ways and stations inside junctions, where nobody waits in order to turn."""
    out: list[tuple[Way, float]] = []
    for way in site.ways:
        if way.turn is not Turn.STRAIGHT:
            continue
        stations = np.arange(way.entry_m + 5.0, way.entry_m + 41.0, 1.0)
        clear = [_all_straight(site, way, float(station)) for station in stations]
        inner = range(1, len(stations) - 1)
        out += [(way, float(stations[i])) for i in inner if all(clear[i - 1 : i + 2])]
    return out


def _all_straight(site: Site, way: Way, station_m: float) -> bool:
    """Tell whether only straight lanes of a junction lie at and beside a place of a way."""
    points = np.array([way.path.position(station_m, offset) for offset in (-0.4, 0.0, 0.4)])
    _, lane = site.index.covering(points, (LaneKind.DRIVING,))
    lanes = [site.index.lane(int(k)) for k in lane]
    return bool(lanes) and all(
        one.junction is not None and one.turn is Turn.STRAIGHT for one in lanes
    )


@final
class BlockedJunction(Scenario):
    """A vehicle stops inside a junction and blocks it."""

    name: ClassVar[str] = "blocked_junction"
    title: ClassVar[str] = "Blocked junction"
    summary: ClassVar[str] = "A vehicle stops inside the junction with hazard lights and blocks it."
    needs: ClassVar[frozenset[str]] = frozenset({"junction", "left-turn"})
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 4.0

    speed_mps: Span = Span.of(4.5, 8.0)
    """Before it slows."""
    before_s: float = 1.2
    """It stands this long before the event."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a straight way and stop inside its junction."""
        way, at = pick(standing_places(site), rng, "straight way through a junction")
        speed, still_s = self.speed_mps.draw(rng), event_s - self.before_s
        run_s = (at - way.entry_m + OUTSIDE_M) / speed + speed / EASY_MPS2 / 2
        handover_s = min(handover_at(event_s), still_s - run_s)
        body = pick_blueprint(STRIKERS, rng)
        role = stopping("blocking", body, way, at, speed, (handover_s, still_s))
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=way.path.position(at),
            roles=(role,),
            wish=Wish(kind=EventKind.STOPPED, roles=("blocking",), earliest_s=0.0),
            signals=green_for(site, way, event_s),
            clear=crossed(site, way.path, way.approach),
            drawn={"speed_mps": role.start_mps, "lane": way.approach},
        )
