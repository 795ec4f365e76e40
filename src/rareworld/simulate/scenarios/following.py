"""Conflicts in one lane: rear ends, pile-ups, hard braking.

The gap at the hand-over follows from the speed profiles: boxes touch at the event (collision), or
the least gap is the one drawn (near miss, safe).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, final

import numpy as np
from pydantic import Field

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.core.geometry import FloatArray
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.scenarios.acting import Paced, Phases, prolonged
from rareworld.simulate.scenarios.base import (
    FOUR_WHEELS,
    Scenario,
    handover_at,
    pace,
    pick,
    pick_blueprint,
    scale,
)
from rareworld.simulate.scenarios.crossing import green_for, wish_of
from rareworld.simulate.scenarios.site import Site, Stretch
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome, Role, Staging, Wish

STRETCH_M = 80.0
"""Room that following scenarios need."""
FOLLOWERS = (*FOUR_WHEELS, "box_truck", "city_bus", "motorcycle")
ROOM = "stretch that is long enough to come up to speed"
JAM = 1.3
"""Rows of vehicles on fast roads go at most this much faster than in town."""
STOPPING_S = 12.0
EARLY_S = 2.2
"""Where nobody is hit, braking begins this long before the event: gaps are least at its end."""
RIM_M = 40.0
"""Distance kept from where lanes end in nothing."""
LOOK_S = 8.0
"""Gaps are looked at for this long after the event."""


@final
@dataclass(frozen=True)
class Follower:
    """A vehicle in a row: what it is and how it moves from the hand-over on."""

    name: str
    blueprint: str
    phases: Phases

    def role(self, stretch: Stretch, start_m: float, speed_mps: float) -> Role:
        """Return the role that goes along a stretch."""
        path = stretch.way.path
        acting = Paced(spec=BLUEPRINTS[self.blueprint], path=path, phases=self.phases)
        return Role(
            name=self.name,
            blueprint=self.blueprint,
            path=path,
            start_m=start_m,
            start_mps=speed_mps,
            acting=acting,
        )

    def travelled_m(self, speed_mps: float, times_s: FloatArray) -> FloatArray:
        """Return the way covered at times after the hand-over."""
        profile = prolonged(SpeedProfile.constant(speed_mps), self.phases)
        return np.array([profile.station_m(float(t)) for t in times_s])


def spacing_m(
    front: Follower, behind: Follower, speed_mps: float, meet_s: float, spare_m: float | None
) -> float:
    """Return the distance of two middles at the hand-over.

    Bumpers touch `meet_s` later; with `spare_m` that gap is the least there ever is.
    """
    half = (BLUEPRINTS[front.blueprint].length_m + BLUEPRINTS[behind.blueprint].length_m) / 2
    looked = np.arange(0.0, meet_s + LOOK_S, 0.02)
    times = np.array([meet_s]) if spare_m is None else looked
    closing = behind.travelled_m(speed_mps, times) - front.travelled_m(speed_mps, times)
    return half + float(closing.max()) + (spare_m or 0.0)


def last_m(stretch: Stretch) -> float:
    """Return the last station where things may happen: neither junction nor rim."""
    return min(stretch.way.entry_m - 12.0, stretch.way.path.length_m - RIM_M)


def roomy(site: Site, fastest_mps: float, run_s: float, more_m: float = 0.0) -> list[Stretch]:
    """Return the stretches on which somebody this fast (at 50 km/h) has room to run up."""
    return [
        stretch
        for stretch in site.stretches(STRETCH_M)
        if last_m(stretch)
        > fastest_mps * scale(stretch.way.limit_mps) * (run_s + 0.5) + more_m + 12.0
    ]


def place_on(stretch: Stretch, needed_m: float, rng: np.random.Generator) -> float:
    """Draw the station where it happens, with room to come from and to go on.

    Raises:
        ScenarioError: If the stretch is too short.
    """
    low, high = needed_m + 10.0, last_m(stretch)
    if low > high:
        raise ScenarioError(
            f"the stretch at lane {stretch.way.approach} is {low - high:.0f} m too short"
        )
    nearest = max(low, high - 45.0)
    return float(rng.uniform(nearest, high))


@final
class RearEnd(Scenario):
    """A vehicle brakes and the one behind runs into it."""

    name: ClassVar[str] = "rear_end"
    title: ClassVar[str] = "Rear end"
    summary: ClassVar[str] = "A vehicle brakes hard and the one behind reacts too late."
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    speed_mps: Span = Span.of(9.0, 15.0)
    """Of both before anybody brakes, on a 50 km/h road; scaled to the limit."""
    decel_mps2: Span = Span.of(5.5, 7.5)
    """Of the vehicle in front."""
    delay_s: Span = Span.of(0.9, 1.5)
    """From the brake lamps to the follower's brakes."""
    gap_m: Span = Span.of(0.3, 0.9)
    """Least gap of a near miss."""
    safe_gap_m: Span = Span.of(2.5, 5.0)
    """Least gap of hard but safe braking."""
    safe_decel_mps2: Span = Span.of(4.4, 5.2)
    """Of both in hard but safe braking: below what counts as evasive."""
    safe_delay_s: Span = Span.of(0.5, 0.9)
    """As `delay_s`, in hard but safe braking."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a stretch, speeds and reactions."""
        meet_s = event_s - handover_at(event_s)
        stretch = pick(roomy(site, self.speed_mps.high, meet_s, 30.0), rng, ROOM)
        speed = pace(self.speed_mps, stretch.way.limit_mps, rng)
        front, behind, delay_s = self._pair(outcome, meet_s, rng)
        spacing = spacing_m(front, behind, speed, meet_s, self._spare_m(outcome, rng))
        half = (BLUEPRINTS[front.blueprint].length_m + BLUEPRINTS[behind.blueprint].length_m) / 2
        if spacing - half < 2.0:
            raise ScenarioError("they would follow closer than 2 m before anybody brakes")
        at = place_on(stretch, speed * (meet_s + 0.5) + spacing, rng)
        front_m = at - speed * meet_s
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=stretch.way.path.position(at),
            roles=(
                front.role(stretch, front_m, speed),
                behind.role(stretch, front_m - spacing, speed),
            ),
            wish=wish_of(outcome, ("braking", "following")),
            signals=green_for(site, stretch.way, event_s),
            drawn={"speed_mps": speed, "delay_s": delay_s, "gap_m": spacing - half},
        )

    def _pair(
        self, outcome: Outcome, meet_s: float, rng: np.random.Generator
    ) -> tuple[Follower, Follower, float]:
        """Draw both vehicles with their phases, and the delay between them."""
        body = pick_blueprint(FOUR_WHEELS, rng)
        other = pick_blueprint(FOLLOWERS, rng)
        brake_s = meet_s - (1.5 if outcome is Outcome.COLLISION else EARLY_S)
        if outcome is Outcome.SAFE:
            delay_s, decel = self.safe_delay_s.draw(rng), self.safe_decel_mps2.draw(rng)
            grip = decel
        else:
            delay_s, decel = self.delay_s.draw(rng), self.decel_mps2.draw(rng)
            grip = 0.9 * BLUEPRINTS[other].max_brake_mps2
        front = Follower("braking", body, ((brake_s, 0.0), (STOPPING_S, -decel)))
        late = Follower("following", other, ((brake_s + delay_s, 0.0), (STOPPING_S, -grip)))
        return front, late, delay_s

    def _spare_m(self, outcome: Outcome, rng: np.random.Generator) -> float | None:
        """Draw the least gap; None where they touch."""
        if outcome is Outcome.COLLISION:
            return None
        spare = self.gap_m if outcome is Outcome.NEAR_MISS else self.safe_gap_m
        return spare.draw(rng)


@final
class PileUp(Scenario):
    """Several vehicles run into each other one after the other."""

    name: ClassVar[str] = "pile_up"
    title: ClassVar[str] = "Multi-vehicle pile-up"
    summary: ClassVar[str] = "A vehicle stops hard and the next ones run into each other."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.COLLISION, Outcome.NEAR_MISS)
    after_s: ClassVar[float] = 1.6

    vehicles: int = Field(default=4, ge=3, le=6)
    """How many there are."""
    speed_mps: Span = Span.of(11.0, 15.0)
    """Of all before anybody brakes."""
    decel_mps2: Span = Span.of(6.5, 7.5)
    """Of the first."""
    headway_s: Span = Span.of(0.35, 0.6)
    """Time between bumper and bumper before anybody brakes, where they collide."""
    delay_s: Span = Span.of(1.1, 1.6)
    """From the first brake lamps to the second one's brakes; later ones react later."""
    gap_m: Span = Span.of(0.6, 0.95)
    """Least gap from one to the next in a near miss."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a platoon that follows too closely."""
        meet_s = event_s - handover_at(event_s)
        row_m = self.vehicles * (14.0 if outcome is Outcome.COLLISION else 18.0)
        stretch = pick(roomy(site, self.speed_mps.high, meet_s, row_m), rng, ROOM)
        speed = pace(self.speed_mps, stretch.way.limit_mps, rng, JAM)
        row = self._row(outcome, meet_s, rng)
        behind = [
            self._spacing_m(outcome, front, back, speed, meet_s, rng)
            for front, back in pairwise(row)
        ]
        at = place_on(stretch, speed * (meet_s + 0.5) + sum(behind), rng)
        stations = at - speed * meet_s - np.concatenate([[0.0], np.cumsum(behind)])
        kind = EventKind.COLLISION if outcome is Outcome.COLLISION else EventKind.NEAR_MISS
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=stretch.way.path.position(at - sum(behind) / 2),
            roles=tuple(
                one.role(stretch, float(m), speed) for one, m in zip(row, stations, strict=True)
            ),
            wish=Wish(kind=kind, roles=("vehicle 1", "vehicle 2"), count=2),
            signals=green_for(site, stretch.way, event_s),
            drawn={"speed_mps": speed, "vehicles": float(len(row))},
        )

    def _row(self, outcome: Outcome, meet_s: float, rng: np.random.Generator) -> list[Follower]:
        """Draw the vehicles from front to back."""
        before_s = 1.2 if outcome is Outcome.COLLISION else EARLY_S
        brake_s, decel = meet_s - before_s, self.decel_mps2.draw(rng)
        row: list[Follower] = []
        for rank in range(self.vehicles):
            body = pick_blueprint(FOUR_WHEELS, rng)
            slow = 0.25 if outcome is Outcome.COLLISION else 0.4
            delay_s = self.delay_s.draw(rng) + slow * rank if rank else 0.0
            hard = 0.85 * BLUEPRINTS[body].max_brake_mps2 if rank else decel
            phases: Phases = ((brake_s + delay_s, 0.0), (STOPPING_S, -hard))
            row.append(Follower(f"vehicle {rank + 1}", body, phases))
        return row

    def _spacing_m(
        self,
        outcome: Outcome,
        front: Follower,
        back: Follower,
        speed: float,
        meet_s: float,
        rng: np.random.Generator,
    ) -> float:
        """Draw the distance of the middles of two vehicles at the hand-over."""
        if outcome is Outcome.NEAR_MISS:
            return spacing_m(front, back, speed, meet_s, self.gap_m.draw(rng))
        if front.name == "vehicle 1":
            return spacing_m(front, back, speed, meet_s, None)
        half = (BLUEPRINTS[front.blueprint].length_m + BLUEPRINTS[back.blueprint].length_m) / 2
        return self.headway_s.draw(rng) * speed + half


@final
class SuddenBraking(Scenario):
    """A vehicle brakes hard without anybody near."""

    name: ClassVar[str] = "sudden_braking"
    title: ClassVar[str] = "Sudden braking"
    summary: ClassVar[str] = "A vehicle brakes to a stop for no visible reason."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)

    speed_mps: Span = Span.of(9.0, 15.0)
    """Before it brakes."""
    decel_mps2: Span = Span.of(6.5, 7.8)
    """Of the vehicle."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a stretch and how hard."""
        meet_s = event_s - handover_at(event_s)
        stretch = pick(roomy(site, self.speed_mps.high, meet_s), rng, ROOM)
        speed = pace(self.speed_mps, stretch.way.limit_mps, rng)
        phases: Phases = ((meet_s - 0.4, 0.0), (STOPPING_S, -self.decel_mps2.draw(rng)))
        at = place_on(stretch, speed * (meet_s + 0.5), rng)
        one = Follower("braking", pick_blueprint(FOUR_WHEELS, rng), phases)
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=stretch.way.path.position(at),
            roles=(one.role(stretch, at - speed * meet_s, speed),),
            wish=Wish(kind=EventKind.SUDDEN_BRAKING, roles=("braking",)),
            signals=green_for(site, stretch.way, event_s),
            drawn={"speed_mps": speed, "decel_mps2": -phases[-1][1]},
        )
