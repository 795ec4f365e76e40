"""Conflicts beside each other: sideswipes, and swerving alone.

One vehicle leaves its lane by the quintic of least jerk; when boxes touch, or how near they come,
is found from their outlines along both paths.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
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
from rareworld.simulate.scenarios.crossing import STARTLED, green_for, wish_of
from rareworld.simulate.scenarios.following import ROOM, STRETCH_M, last_m, place_on, roomy
from rareworld.simulate.scenarios.site import Site, Stretch
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome, Role, Staging, Wish
from rareworld.simulate.scenarios.touching import Plan, first_touch_s, gap_m, steady

GENTLE_MPS2 = 2.2
"""Greatest lateral acceleration of a change that is broken off: it must not overshoot."""
CLEAR_M = 0.22
"""Least gap wherever nobody is hit, seen along the whole pass."""
LOOK_S = np.arange(-2.5, 2.5, 0.02)
"""Times around the event at which boxes are looked at."""
SLOWEST_SWERVE_MPS = 8.0
"""Slower vehicles cannot steer hard enough to swerve."""
LEAST_SWERVE_M = 1.0
"""Less is not seen as swerving."""
ONCOMING_WIDTH_M, PASSING_M = 2.02, 0.2
"""A swerve leaves this much to a van in the middle of an oncoming lane beside, where it can."""
EASY_CHANGE = 1.7
"""Safe changes take this much longer."""
QUINTIC_PEAK = 5.7735
"""Greatest second derivative of the unit quintic blend, 10 / sqrt(3)."""


@final
@dataclass(frozen=True)
class Beside:
    """Two lanes of one direction beside each other: who cuts in, and where."""

    own: Stretch
    other: Stretch
    station_m: float
    other_m: float
    """The same place on the other lane."""
    across_m: float
    """From the own centre line to the other, positive to the left."""


def beside(site: Site, rng: np.random.Generator, needed_m: float) -> Beside:
    """Draw two lanes and a place with room to come from.

    Raises:
        ScenarioError: If there is none.
    """

    def reaches(stretch: Stretch | None) -> bool:
        return stretch is not None and last_m(stretch) > needed_m + 10.0

    found = [
        (stretch, site.stretch_of(name, STRETCH_M))
        for stretch in site.stretches(STRETCH_M)
        for name in (stretch.left, stretch.right)
        if name is not None and reaches(stretch)
    ]
    pairs = [(own, other) for own, other in found if other is not None and reaches(other)]
    own, other = pick(pairs, rng, f"two lanes beside each other of {needed_m:.0f} m")
    station = place_on(own, needed_m, rng)
    point = own.way.path.position(station)
    there, offset = other.way.path.project(point)
    if there < needed_m or there > other.way.entry_m:
        raise ScenarioError("the lanes do not lie beside each other here")
    return Beside(own, other, station, there, -offset)


@final
@dataclass(frozen=True)
class Change:
    """How one leaves its lane: where it begins, how far, how long, and whether it comes back."""

    begin_m: float
    shift_m: float
    over_m: float
    returns: bool

    def by(self, shift_m: float) -> "Change":
        """Return the change by another distance."""
        return Change(self.begin_m, shift_m, self.over_m, self.returns)

    def path(self, lane: Path) -> Path:
        """Return the lane's path with the change in it."""
        out = lane.shifted(self.begin_m, self.over_m, self.shift_m)
        if not self.returns:
            return out
        return out.shifted(self.begin_m + self.over_m + 1.0, self.over_m, -self.shift_m)


@final
class Sideswipe(Scenario):
    """A vehicle changes lane into another beside it."""

    name: ClassVar[str] = "sideswipe"
    title: ClassVar[str] = "Lane-change sideswipe"
    summary: ClassVar[str] = "A vehicle changes lane without seeing the one beside it."
    needs: ClassVar[frozenset[str]] = frozenset({"multi-lane"})
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    speed_mps: Span = Span.of(9.0, 14.0)
    """Of the vehicle that keeps its lane."""
    slower_mps: Span = Span.of(0.0, 2.0)
    """How much slower the other is in a collision."""
    passing_mps: Span = Span.of(4.0, 6.0)
    """How much slower the other is in a near miss."""
    ahead_m: Span = Span.of(-1.0, 2.5)
    """How far the other is ahead when they touch, from middle to middle."""
    gap_m: Span = Span.of(0.25, 0.6)
    """Lateral gap that is left when a near miss is broken off."""
    safe_ahead_m: Span = Span.of(9.0, 14.0)
    """Clear gap of a safe change, from bumper to bumper."""
    change_s: Span = Span.of(2.0, 2.8)
    """Time of the change of lane."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw two lanes, two vehicles and a change."""
        lead_s = event_s - handover_at(event_s)
        factor = max((s.way.limit_mps for s in site.stretches(STRETCH_M) if s.left or s.right),
                     default=0.0)  # fmt: skip
        speed = pace(self.speed_mps, factor, rng)
        where = beside(site, rng, speed * (lead_s + 0.5) + 12.0)
        bodies = pick_blueprint(FOUR_WHEELS, rng), pick_blueprint(STRIKERS, rng)
        own_mps, ahead = self._relative(outcome, speed, bodies, rng)
        change = self._change(outcome, where, bodies, (own_mps, ahead), rng)
        path, delay_s = self._timed(outcome, where, bodies, (own_mps, speed), ahead, change)
        handover_s = handover_at(event_s)
        hits = outcome is Outcome.COLLISION
        blinks = outcome is Outcome.SAFE
        start = where.station_m + ahead + own_mps * (delay_s - lead_s)
        there = where.other_m + speed * (delay_s - lead_s)
        roles = (
            _role("changing", bodies[0], path, start, own_mps, (), None if hits else event_s + 2.5,
                  _blinker(where) if blinks else Lamp.NONE),
            _role("beside", bodies[1], where.other.way.path, there, speed,
                  ((lead_s + 0.2, 0.0), *STARTLED) if outcome is Outcome.NEAR_MISS else (),
                  None if hits else event_s + 1.6, Lamp.NONE),
        )  # fmt: skip
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=path.position(where.station_m + ahead + own_mps * delay_s),
            roles=roles,
            wish=wish_of(outcome, ("changing", "beside")),
            signals=green_for(site, where.own.way, event_s),
            drawn={"changing_mps": own_mps, "beside_mps": speed, "ahead_m": ahead},
        )

    def _relative(
        self, outcome: Outcome, speed: float, bodies: tuple[str, str], rng: np.random.Generator
    ) -> tuple[float, float]:
        """Draw the speed of the one that changes, and how far it is ahead at the event."""
        half = sum(BLUEPRINTS[body].length_m for body in bodies) / 2
        if outcome is Outcome.COLLISION:
            return speed - self.slower_mps.draw(rng), self.ahead_m.draw(rng)
        if outcome is Outcome.NEAR_MISS:
            return max(speed - self.passing_mps.draw(rng), 4.0), half * 0.6
        return speed + float(rng.uniform(0.3, 1.2)), half + self.safe_ahead_m.draw(rng)

    def _change(
        self,
        outcome: Outcome,
        where: Beside,
        bodies: tuple[str, str],
        relative: tuple[float, float],
        rng: np.random.Generator,
    ) -> Change:
        """Draw the change of lane."""
        own_mps, ahead = relative
        over_s = self.change_s.draw(rng)
        shift = where.across_m
        if outcome is Outcome.NEAR_MISS:
            room = abs(shift) - sum(BLUEPRINTS[body].width_m for body in bodies) / 2
            shift = math.copysign(max(room - self.gap_m.draw(rng), 0.3), shift)
            over_s = max(0.75 * over_s, math.sqrt(QUINTIC_PEAK * abs(shift) / GENTLE_MPS2))
        if outcome is Outcome.SAFE:
            over_s *= EASY_CHANGE
        begin = where.station_m + ahead - own_mps * over_s / (2 if outcome is Outcome.SAFE else 1)
        return Change(begin, shift, own_mps * over_s, outcome is Outcome.NEAR_MISS)

    def _timed(
        self,
        outcome: Outcome,
        where: Beside,
        bodies: tuple[str, str],
        speeds: tuple[float, float],
        ahead_m: float,
        change: Change,
    ) -> tuple[Path, float]:
        """Return the path that fits, and by how much both are late at the place.

        Raises:
            ScenarioError: If they would touch after all, or never do.
        """
        other = steady(bodies[1], where.other.way.path, where.other_m, 0.0, speeds[1])
        for _ in range(4):
            path = change.path(where.own.way.path)
            mine = steady(bodies[0], path, where.station_m + ahead_m, 0.0, speeds[0])
            if outcome is Outcome.COLLISION:
                return path, _touch_s(mine, other)
            short_m = CLEAR_M - float(gap_m(mine, other, LOOK_S).min())
            if short_m <= 0:
                return path, 0.0
            change = change.by(math.copysign(abs(change.shift_m) - short_m, change.shift_m))
        raise ScenarioError("they would touch here after all")


def _touch_s(mine: Plan, other: Plan) -> float:
    """Return when they touch.

    Raises:
        ScenarioError: If they never do.
    """
    touch = first_touch_s(mine, other, float(LOOK_S[0]), float(LOOK_S[-1]))
    if touch is None:
        raise ScenarioError("the lanes are too wide apart to touch in a change")
    return touch


def _role(
    name: str, body: str, path: Path, start_m: float, speed_mps: float, phases: Phases,
    over_s: float | None, always: Lamp,
) -> Role:  # fmt: skip
    acting = Paced(spec=BLUEPRINTS[body], path=path, phases=phases, over_s=over_s, always=always)
    return Role(
        name=name, blueprint=body, path=path, start_m=start_m, start_mps=speed_mps, acting=acting
    )


def _blinker(where: Beside) -> Lamp:
    return Lamp.LEFT_BLINKER if where.across_m > 0 else Lamp.RIGHT_BLINKER


def swerve_m(stretch: Stretch, body: str, drawn_m: float) -> float:
    """Return how far a vehicle swerves: as drawn, less where an oncoming lane is beside.

    Oncoming traffic may come into the clip after the hand-over, when nobody can be cleared.
    """
    if stretch.oncoming is None:
        return drawn_m
    room = stretch.width_m - (BLUEPRINTS[body].width_m + ONCOMING_WIDTH_M) / 2 - PASSING_M
    return min(drawn_m, max(room, LEAST_SWERVE_M))


@final
class Swerving(Scenario):
    """A vehicle swerves alone."""

    name: ClassVar[str] = "swerving"
    title: ClassVar[str] = "Swerving"
    summary: ClassVar[str] = "A vehicle jerks to the left and back, for no visible reason."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 1.5

    speed_mps: Span = Span.of(9.0, 14.0)
    """Of the vehicle."""
    offset_m: Span = Span.of(1.1, 1.7)
    """How far to the left; down to 1 m beside an oncoming lane."""
    lateral_mps2: Span = Span.of(6.0, 7.2)
    """Greatest lateral acceleration of the path."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a stretch and a swerve."""
        lead_s = event_s - handover_at(event_s)
        stretch = pick(roomy(site, self.speed_mps.high, lead_s), rng, ROOM)
        speed = max(pace(self.speed_mps, stretch.way.limit_mps, rng), SLOWEST_SWERVE_MPS)
        drawn_m, lateral = self.offset_m.draw(rng), self.lateral_mps2.draw(rng)
        body = pick_blueprint(FOUR_WHEELS, rng)
        offset = swerve_m(stretch, body, drawn_m)
        over_m = speed * math.sqrt(QUINTIC_PEAK * offset / lateral)
        at = place_on(stretch, speed * (lead_s + 0.5), rng)
        path = Change(at - 0.2 * over_m, offset, over_m, returns=True).path(stretch.way.path)
        over_s = event_s + 1.9 * over_m / speed + 0.2
        role = _role("swerving", body, path, at - speed * lead_s, speed, (), over_s, Lamp.NONE)
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=stretch.way.path.position(at),
            roles=(role,),
            wish=Wish(kind=EventKind.SWERVING, roles=("swerving",)),
            signals=green_for(site, stretch.way, event_s),
            clear=(stretch.way.path.shifted(-1.0, 1.0, 2.0),),
            drawn={"speed_mps": speed, "offset_m": offset, "lateral_mps2": lateral},
        )
