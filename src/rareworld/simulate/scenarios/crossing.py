"""Conflicts where two ways cross in a junction: side impacts, turns across, cyclists struck."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.core.road import Turn
from rareworld.core.trajectory import Lamp, SignalState
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.acting import OnTime, Phases
from rareworld.simulate.scenarios.base import (
    FOUR_WHEELS,
    STRIKERS,
    Scenario,
    conflict_delay_s,
    conflict_gap_s,
    handover_at,
    pace,
    pick,
    pick_blueprint,
)
from rareworld.simulate.scenarios.site import Meeting, Site, Way
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import (
    CLIP_START_S,
    Outcome,
    Role,
    SignalOrder,
    Staging,
    Wish,
)
from rareworld.simulate.scenarios.touching import first_touch_s, steady

BLINKER = {Turn.LEFT: Lamp.LEFT_BLINKER, Turn.RIGHT: Lamp.RIGHT_BLINKER}
STARTLED: Phases = ((0.25, 0.0), (1.0, -4.5))
"""What a driver does just after a near miss."""
PERPENDICULAR = 0.75
"""Least sine of the angle of a side impact."""
ROOM_M = 8.0
"""Roles are handed over at least this far before the junction."""
LOOK_S = 3.0
"""Touches are looked for this long before and after the event."""
SPARE_S = {Outcome.COLLISION: 0.0, Outcome.NEAR_MISS: 0.1, Outcome.SAFE: 1.2}
"""The second could be this much earlier and still touch nobody, at whatever angle ways cross."""
FASTER = 1.3
"""Speeds grow at most by this where the limit is above 50 km/h."""
OPPOSITE = -0.7
"""Greatest cosine between the approaches of a turn across oncoming traffic."""


@final
@dataclass(frozen=True, kw_only=True)
class Encounter:
    """Two vehicles on crossing ways; `first` gets to the crossing first and is struck."""

    meeting: Meeting
    first: str
    second: str
    """Blueprints."""
    first_mps: float
    second_mps: float
    gap_s: float
    """Post-encroachment time; negative overlaps."""


def turned(meeting: Meeting) -> Meeting:
    """Return the meeting with the ways exchanged."""
    return Meeting(
        meeting.second, meeting.first, meeting.second_m, meeting.first_m, -meeting.angle_rad,
        meeting.point_m,
    )  # fmt: skip


def approach_cosine(first: Way, second: Way) -> float:
    """Return the cosine between the headings of two approaches."""
    a = first.path.heading_rad(first.entry_m)
    b = second.path.heading_rad(second.entry_m)
    return math.cos(a - b)


def stage_encounter(
    scenario: str,
    outcome: Outcome,
    encounter: Encounter,
    event_s: float,
    *,
    names: tuple[str, str] = ("struck", "striking"),
    signals: tuple[SignalOrder, ...] = (),
    clear: tuple[Path, ...] = (),
) -> Staging:
    """Return the staging of two ways that cross, timed so that boxes touch at `event_s`."""
    e, m = encounter, encounter.meeting
    first_s, second_s = meeting_times(e, outcome, event_s)
    handover_s = min(
        handover_at(event_s),
        first_s - (m.first_m - m.first.entry_m + ROOM_M) / e.first_mps,
        second_s - (m.second_m - m.second.entry_m + ROOM_M) / e.second_mps,
    )
    hits = outcome is Outcome.COLLISION
    over = (None, None) if hits else (first_s + 0.8, event_s + 1.4)
    first = Arrival(names[0], e.first, m.first, m.first_m, first_s, e.first_mps, over[0])
    second = Arrival(names[1], e.second, m.second, m.second_m, second_s, e.second_mps, over[1])
    roles = (first.role(handover_s), second.role(handover_s, () if hits else STARTLED))
    return Staging(
        scenario=scenario,
        outcome=outcome,
        handover_s=handover_s,
        event_s=event_s,
        focus_m=m.point_m,
        roles=roles,
        wish=wish_of(outcome, names),
        signals=signals,
        clear=clear,
        drawn=encounter_drawn(e, names),
    )


def encounter_drawn(encounter: Encounter, names: tuple[str, str]) -> dict[str, float | str]:
    """Return what was drawn, for provenance."""
    e = encounter
    return {
        f"{names[0]}_mps": e.first_mps,
        f"{names[1]}_mps": e.second_mps,
        "gap_s": e.gap_s,
        f"{names[0]}_blueprint": e.first,
        f"{names[1]}_blueprint": e.second,
    }


def meeting_times(e: Encounter, outcome: Outcome, event_s: float) -> tuple[float, float]:
    """Return when the middles of both reach the crossing, so that it happens at `event_s`.

    For a collision the boxes first touch then, for others the second's nose arrives; passes that
    leave less than `SPARE_S` after all (ways at a small angle) get more time between them.

    Raises:
        ScenarioError: If no timing does it.
    """
    m = e.meeting
    nose_s = (BLUEPRINTS[e.second].length_m + BLUEPRINTS[e.first].width_m) / 2 / e.second_mps
    second_s, spare_s = event_s + nose_s, SPARE_S[outcome]
    for round_ in range(12):
        gap_s = e.gap_s + 0.15 * round_
        first_s = second_s - conflict_delay_s(e.first, e.second, e.first_mps, e.second_mps, gap_s)
        touch_s = first_touch_s(
            steady(e.first, m.first.path, m.first_m, first_s, e.first_mps),
            steady(e.second, m.second.path, m.second_m, second_s - spare_s, e.second_mps),
            event_s - LOOK_S, event_s + LOOK_S,
        )  # fmt: skip
        if outcome is Outcome.COLLISION and touch_s is not None:
            return first_s + event_s - touch_s, second_s + event_s - touch_s
        if outcome is not Outcome.COLLISION and touch_s is None:
            return first_s, second_s
    raise ScenarioError("the two ways run too close to each other to time this outcome")


def wish_of(outcome: Outcome, roles: tuple[str, ...]) -> Wish:
    """Return what a conflict of two roles must come to."""
    if outcome is Outcome.COLLISION:
        return Wish(kind=EventKind.COLLISION, roles=roles)
    if outcome is Outcome.NEAR_MISS:
        return Wish(kind=EventKind.NEAR_MISS, roles=roles)
    return Wish(kind=None, forbidden=frozenset({EventKind.COLLISION, EventKind.NEAR_MISS}))


@final
@dataclass(frozen=True)
class Arrival:
    """A vehicle whose middle is at a station of its way at a time and speed."""

    name: str
    blueprint: str
    way: Way
    station_m: float
    time_s: float
    speed_mps: float
    over_s: float | None = None

    def role(self, handover_s: float, then: Phases = (), always: Lamp = Lamp.NONE) -> Role:
        """Return the role, taken over at a time.

        Raises:
            ScenarioError: If it would have arrived before.
        """
        if self.time_s <= handover_s + 0.5:
            raise ScenarioError(
                f"{self.name!r} would be at the crossing before it can be handed over"
            )
        acting = OnTime(
            spec=BLUEPRINTS[self.blueprint],
            path=self.way.path,
            station_m=self.station_m,
            time_s=self.time_s,
            speed_mps=self.speed_mps,
            then=then,
            always=always | (BLINKER.get(self.way.turn, Lamp.NONE) if self.way.turn else always),
            over_s=self.over_s,
        )
        return Role(
            name=self.name,
            blueprint=self.blueprint,
            path=self.way.path,
            start_m=self.station_m - self.speed_mps * (self.time_s - handover_s),
            start_mps=self.speed_mps,
            acting=acting,
        )


def green_for(site: Site, way: Way, event_s: float) -> tuple[SignalOrder, ...]:
    """Return the order that an approach has green around an event; none without lights."""
    if way.approach not in site.signalised:
        return ()
    order = SignalOrder(
        lane=way.approach, state=SignalState.GREEN, from_s=0.0, to_s=event_s + CLIP_START_S
    )
    return (order,)


@final
class SideImpact(Scenario):
    """A vehicle drives into the side of another that crosses its way."""

    name: ClassVar[str] = "side_impact"
    title: ClassVar[str] = "Side impact at a junction"
    summary: ClassVar[str] = "One vehicle drives into the side of another that crosses its way."
    needs: ClassVar[frozenset[str]] = frozenset({"crossroads"})
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    struck_mps: Span = Span.of(6.0, 11.0)
    """Speed of the vehicle that is hit."""
    striking_mps: Span = Span.of(8.0, 15.0)
    """Speed of the vehicle that hits, before it brakes."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw two straight ways that cross at about a right angle."""
        options = [
            m
            for m in site.meetings
            if {m.first.turn, m.second.turn} == {Turn.STRAIGHT}
            and abs(math.sin(m.angle_rad)) > PERPENDICULAR
        ]
        meeting = pick(options, rng, "two straight ways that cross")
        if rng.random() < 0.5:
            meeting = turned(meeting)
        first, second = pick_blueprint(FOUR_WHEELS, rng), pick_blueprint(STRIKERS, rng)
        speed = pace(self.struck_mps, meeting.first.limit_mps, rng, FASTER)
        encounter = Encounter(
            meeting=meeting,
            first=first,
            second=second,
            first_mps=speed,
            second_mps=pace(self.striking_mps, meeting.second.limit_mps, rng, FASTER),
            gap_s=conflict_gap_s(first, second, speed, outcome, rng),
        )
        lights = green_for(site, meeting.first, event_s)
        return stage_encounter(self.name, outcome, encounter, event_s, signals=lights)


@final
class LeftTurnAcross(Scenario):
    """A vehicle turns left across the way of an oncoming one."""

    name: ClassVar[str] = "left_turn_across"
    title: ClassVar[str] = "Left turn across path"
    summary: ClassVar[str] = "A vehicle turns left in front of an oncoming one."
    needs: ClassVar[frozenset[str]] = frozenset({"junction", "left-turn"})
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    turning_mps: Span = Span.of(4.5, 7.0)
    """Speed through the turn."""
    oncoming_mps: Span = Span.of(9.0, 15.0)
    """Speed of the one that goes straight on."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a left turn and an oncoming straight way."""
        both = [*site.meetings, *(turned(m) for m in site.meetings)]
        options = [
            m
            for m in both
            if m.first.turn is Turn.LEFT
            and m.second.turn is Turn.STRAIGHT
            and approach_cosine(m.first, m.second) < OPPOSITE
        ]
        meeting = pick(options, rng, "left turn with oncoming traffic")
        first, second = pick_blueprint(FOUR_WHEELS, rng), pick_blueprint(STRIKERS, rng)
        speed = self.turning_mps.draw(rng)
        encounter = Encounter(
            meeting=meeting,
            first=first,
            second=second,
            first_mps=speed,
            second_mps=pace(self.oncoming_mps, meeting.second.limit_mps, rng, FASTER),
            gap_s=conflict_gap_s(first, second, speed, outcome, rng),
        )
        lights = green_for(site, meeting.second, event_s)
        return stage_encounter(
            self.name, outcome, encounter, event_s, names=("turning", "oncoming"), signals=lights
        )


@final
class CyclistStruck(Scenario):
    """A vehicle hits a cyclist whose way crosses its own."""

    name: ClassVar[str] = "cyclist_struck"
    title: ClassVar[str] = "Cyclist struck"
    summary: ClassVar[str] = "A vehicle hits a cyclist riding straight on through a junction."
    needs: ClassVar[frozenset[str]] = frozenset({"junction", "left-turn"})
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    cyclist_mps: Span = Span.of(3.5, 6.5)
    """Speed of the cyclist."""
    driver_mps: Span = Span.of(5.0, 11.0)
    """Speed of the vehicle; at most 6.5 m/s in a turn."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a cyclist going straight and any way that crosses it."""
        both = [*site.meetings, *(turned(m) for m in site.meetings)]
        options = [m for m in both if m.first.turn is Turn.STRAIGHT]
        meeting = pick(options, rng, "straight way that another crosses")
        turning = meeting.second.turn is not Turn.STRAIGHT
        speed, second = self.cyclist_mps.draw(rng), pick_blueprint(FOUR_WHEELS, rng)
        driver_mps = pace(self.driver_mps, meeting.second.limit_mps, rng, FASTER)
        encounter = Encounter(
            meeting=meeting,
            first="bicycle",
            second=second,
            first_mps=speed,
            second_mps=min(driver_mps, 6.5) if turning else driver_mps,
            gap_s=conflict_gap_s("bicycle", second, speed, outcome, rng),
        )
        lights = green_for(site, meeting.first, event_s)
        return stage_encounter(
            self.name, outcome, encounter, event_s, names=("cyclist", "driver"), signals=lights
        )
