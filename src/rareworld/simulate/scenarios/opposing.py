"""Conflicts with oncoming traffic: head-on, and driving an oncoming lane the wrong way.

The offender's path is its lane shifted left so far that the fronts overlap by a drawn share, or
pass with a drawn gap; both noses are at one place at the event.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
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
from rareworld.simulate.scenarios.crossing import STARTLED, wish_of
from rareworld.simulate.scenarios.following import STRETCH_M, last_m
from rareworld.simulate.scenarios.site import Site, Stretch
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome, Role, Staging, Wish
from rareworld.simulate.scenarios.touching import Plan, first_touch_s, steady

STEEP_M, CLOSE_M = 1.0, 0.22
"""A drift of less than the first looks harmless unless the gap falls below the second."""
MEDIAN_M = 0.6
"""Wider strips between two directions keep vehicles apart."""


@final
@dataclass(frozen=True)
class Spot:
    """A place where two opposite lanes lie side by side."""

    stretch: Stretch
    oncoming: Stretch
    station_m: float
    """On the stretch."""
    oncoming_m: float
    """Station of the same place on the oncoming stretch."""
    apart_m: float
    """Distance of the two centre lines."""


def facing(site: Site) -> list[tuple[Stretch, Stretch]]:
    """Return all pairs of opposite free stretches with nothing between them."""
    out: list[tuple[Stretch, Stretch]] = []
    for stretch in site.stretches(STRETCH_M):
        other = site.stretch_of(stretch.oncoming, STRETCH_M) if stretch.oncoming else None
        if other is None:
            continue
        middle = stretch.way.path.position(stretch.way.entry_m / 2)
        apart = abs(other.way.path.project(middle)[1])
        if apart < (stretch.width_m + other.width_m) / 2 + MEDIAN_M:
            out.append((stretch, other))
    return out


def spots(pair: tuple[Stretch, Stretch], room_m: tuple[float, float]) -> list[Spot]:
    """Return the places on a pair, every two metres, that both can reach with room to come from."""
    stretch, other = pair
    out: list[Spot] = []
    for station in np.arange(room_m[0] + 8.0, last_m(stretch), 2.0).tolist():
        there, offset = other.way.path.project(stretch.way.path.position(station))
        if room_m[1] + 8.0 <= there <= last_m(other):
            out.append(Spot(stretch, other, station, there, abs(offset)))
    return out


@final
class HeadOn(Scenario):
    """A vehicle drifts into the oncoming lane."""

    name: ClassVar[str] = "head_on"
    title: ClassVar[str] = "Head-on"
    summary: ClassVar[str] = "A vehicle drifts into the oncoming lane and meets somebody there."
    needs: ClassVar[frozenset[str]] = frozenset({"two-way", "undivided"})
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)

    offender_mps: Span = Span.of(9.0, 14.0)
    """Speed of the one that drifts."""
    oncoming_mps: Span = Span.of(8.0, 14.0)
    """Speed of the one it meets."""
    overlap: Span = Span.of(0.3, 0.9)
    """Share of the narrower front that is hit."""
    gap_m: Span = Span.of(0.25, 0.7)
    """Lateral gap of a near miss."""
    safe_gap_m: Span = Span.of(1.25, 1.5)
    """Lateral gap of a slight drift; less where the lanes leave less."""
    drift_s: Span = Span.of(1.7, 2.2)
    """Time to drift over."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a place, two vehicles and how far one drifts."""
        pair = pick(facing(site), rng, "two opposite lanes side by side of 80 m")
        limit = pair[0].way.limit_mps
        speeds = pace(self.offender_mps, limit, rng), pace(self.oncoming_mps, limit, rng)
        lead_s = event_s - handover_at(event_s)
        spot = pick(
            spots(pair, (speeds[0] * (lead_s + 0.5), speeds[1] * (lead_s + 0.5))),
            rng,
            "place where both can come from",
        )
        bodies = pick_blueprint(FOUR_WHEELS, rng), pick_blueprint(STRIKERS, rng)
        shift = self._shift_m(outcome, spot, bodies, rng)
        drift_s = self.drift_s.draw(rng)
        path = drifted(spot, shift, speeds[0] * drift_s, returns=outcome is not Outcome.COLLISION)
        shift_s = self._late_s(outcome, spot, path, bodies, speeds, event_s)
        handover_s = handover_at(event_s)
        hits = outcome is Outcome.COLLISION
        back_s = drift_s + 0.4 if outcome is Outcome.NEAR_MISS else 0.8
        startled: Phases = () if hits else ((lead_s, 0.0), *STARTLED)
        offender = Passing(
            "offender", bodies[0], path, spot.station_m, speeds[0],
            None if hits else event_s + back_s,
        )  # fmt: skip
        oncoming = Passing(
            "oncoming", bodies[1], spot.oncoming.way.path, spot.oncoming_m, speeds[1],
            None if hits else event_s + 1.4,
        )  # fmt: skip
        roles = (
            offender.role(lead_s + shift_s),
            oncoming.role(lead_s + shift_s, startled),
        )
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_s,
            event_s=event_s,
            focus_m=spot.stretch.way.path.position(spot.station_m),
            roles=roles,
            wish=wish_of(outcome, ("offender", "oncoming")),
            drawn={"offender_mps": speeds[0], "oncoming_mps": speeds[1], "drift_m": shift},
        )

    def _shift_m(
        self, outcome: Outcome, spot: Spot, bodies: tuple[str, str], rng: np.random.Generator
    ) -> float:
        """Draw how far to the left the offender drifts."""
        widths = [BLUEPRINTS[body].width_m for body in bodies]
        room = spot.apart_m - sum(widths) / 2
        if outcome is Outcome.COLLISION:
            return room + self.overlap.draw(rng) * min(widths)
        if outcome is Outcome.NEAR_MISS:
            gap = self.gap_m.draw(rng)
            return room - (gap if room - gap > STEEP_M else min(gap, CLOSE_M))
        return max(min(room - self.safe_gap_m.draw(rng), 0.6), 0.12)

    def _late_s(
        self,
        outcome: Outcome,
        spot: Spot,
        path: Path,
        bodies: tuple[str, str],
        speeds: tuple[float, float],
        event_s: float,
    ) -> float:
        """Return how much later than the event middles are due, so that noses meet at it."""
        plans: list[Plan] = [
            steady(bodies[0], path, spot.station_m, event_s, speeds[0]),
            steady(bodies[1], spot.oncoming.way.path, spot.oncoming_m, event_s, speeds[1]),
        ]
        touch = first_touch_s(plans[0], plans[1], event_s - 1.5, event_s + 1.5)
        if outcome is Outcome.COLLISION:
            if touch is None:
                raise ScenarioError("the fronts would pass each other here")
            return event_s - touch
        if touch is not None:
            raise ScenarioError("the lanes are too narrow to pass here")
        return 0.0


def drifted(spot: Spot, shift_m: float, over_m: float, *, returns: bool) -> Path:
    """Return the offender's path: all of the shift is reached a little before the meeting place."""
    begin = spot.station_m - over_m - 2.0
    path = spot.stretch.way.path.shifted(begin, over_m, shift_m)
    return path.shifted(spot.station_m + 1.0, over_m, -shift_m) if returns else path


@final
@dataclass(frozen=True)
class Passing:
    """A vehicle that goes past a station of its path at one speed."""

    name: str
    blueprint: str
    path: Path
    station_m: float
    speed_mps: float
    over_s: float | None = None

    def role(self, before_s: float, phases: Phases = ()) -> Role:
        """Return the role that is there this long after the hand-over."""
        acting = Paced(
            spec=BLUEPRINTS[self.blueprint], path=self.path, phases=phases, over_s=self.over_s
        )
        return Role(
            name=self.name,
            blueprint=self.blueprint,
            path=self.path,
            start_m=self.station_m - self.speed_mps * before_s,
            start_mps=self.speed_mps,
            acting=acting,
        )


@final
class WrongWay(Scenario):
    """A vehicle drives a lane against its direction."""

    name: ClassVar[str] = "wrong_way"
    title: ClassVar[str] = "Wrong way"
    summary: ClassVar[str] = "A vehicle drives a lane against its direction; nobody is hit."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 0.5

    speed_mps: Span = Span.of(6.0, 11.0)
    """Speed against the lane."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a lane, free it, and send somebody down it from its end."""
        stretch = pick(site.stretches(STRETCH_M), rng, f"stretch of {STRETCH_M:.0f} m")
        along = stretch.way.path.points_m[stretch.way.path.station_m <= stretch.way.entry_m]
        path = Path.through(along[::-1])
        speed = pace(self.speed_mps, stretch.way.limit_mps, rng, 1.5)
        lead_s = event_s - handover_at(event_s)
        run_m = path.length_m - 15.0 - speed * lead_s
        start = 8.0 + float(rng.uniform(0.0, max(run_m - 40.0, 1.0)))
        body = pick_blueprint(FOUR_WHEELS, rng)
        acting = Paced(spec=BLUEPRINTS[body], path=path, over_s=handover_at(event_s), to_end=True)
        role = Role(
            name="wrong-way driver",
            blueprint=body,
            path=path,
            start_m=start,
            start_mps=speed,
            acting=acting,
            appears=True,
        )
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=path.position(start + speed * lead_s),
            roles=(role,),
            wish=Wish(kind=EventKind.WRONG_WAY, roles=("wrong-way driver",), earliest_s=0.0),
            clear=(path,),
            drawn={"speed_mps": speed, "lane": stretch.way.approach},
        )
