"""Conflicts in one lane: rear ends, pile-ups, hard braking.

The gap at the hand-over follows from the speed profiles: boxes touch at the event (collision), or
the least gap is the one drawn (near miss, safe).
"""

from typing import ClassVar, final

import numpy as np
from pydantic import Field

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.scenarios.acting import Paced, Phases
from rareworld.simulate.scenarios.base import (
    FOUR_WHEELS,
    HANDOVER_BEFORE_S,
    Scenario,
    pick,
    pick_blueprint,
)
from rareworld.simulate.scenarios.crossing import wish_of
from rareworld.simulate.scenarios.site import Site, Stretch
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome, Role, Staging, Wish

STRETCH_M = 80.0
"""Room that following scenarios need."""
FOLLOWERS = (*FOUR_WHEELS, "box_truck", "city_bus", "motorcycle")
STOPPING_S = 12.0
LOOK_S = np.arange(0.0, 6.0, 0.02)
"""Times after the hand-over at which gaps are looked at."""


def paced(
    name: str, blueprint: str, stretch: Stretch, start_m: float, speed_mps: float, phases: Phases
) -> Role:
    """Return a role that goes along a stretch in phases from its hand-over on."""
    path = stretch.way.path
    acting = Paced(spec=BLUEPRINTS[blueprint], path=path, phases=phases)
    return Role(
        name=name,
        blueprint=blueprint,
        path=path,
        start_m=start_m,
        start_mps=speed_mps,
        acting=acting,
    )


def travelled_m(speed_mps: float, phases: Phases, times_s: np.ndarray) -> np.ndarray:
    """Return the way covered at times after the hand-over."""
    profile = SpeedProfile.constant(speed_mps)
    for duration_s, accel in phases:
        profile = profile.then(duration_s, accel)
    return np.array([profile.station_m(float(t)) for t in times_s])


def place_on(stretch: Stretch, needed_m: float, rng: np.random.Generator) -> float:
    """Draw the station where it happens, with room to come from and to go on.

    Raises:
        ScenarioError: If the stretch is too short.
    """
    low, high = needed_m + 10.0, stretch.way.path.length_m - 12.0
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
    """Of both before anybody brakes."""
    decel_mps2: Span = Span.of(5.5, 7.5)
    """Of the vehicle in front."""
    delay_s: Span = Span.of(0.9, 1.5)
    """From the brake lamps to the follower's brakes."""
    gap_m: Span = Span.of(0.3, 1.0)
    """Least gap of a near miss."""
    safe_gap_m: Span = Span.of(3.0, 6.0)
    """Least gap of hard but safe braking."""

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a stretch, speeds and reactions."""
        stretch = pick(site.stretches(STRETCH_M), rng, f"stretch of {STRETCH_M:.0f} m")
        speed, decel = self.speed_mps.draw(rng), self.decel_mps2.draw(rng)
        delay_s = self.delay_s.draw(rng)
        front, behind = pick_blueprint(FOUR_WHEELS, rng), pick_blueprint(FOLLOWERS, rng)
        grip = 0.9 * BLUEPRINTS[behind].max_brake_mps2
        brake_s = HANDOVER_BEFORE_S - 1.5
        lead: Phases = ((brake_s, 0.0), (STOPPING_S, -decel))
        follow: Phases = ((brake_s + delay_s, 0.0), (STOPPING_S, -grip))
        closing = travelled_m(speed, follow, LOOK_S) - travelled_m(speed, lead, LOOK_S)
        half = (BLUEPRINTS[front].length_m + BLUEPRINTS[behind].length_m) / 2
        if outcome is Outcome.COLLISION:
            gap = float(np.interp(HANDOVER_BEFORE_S, LOOK_S, closing))
        else:
            spare = self.gap_m if outcome is Outcome.NEAR_MISS else self.safe_gap_m
            gap = float(closing.max()) + spare.draw(rng)
        if outcome is Outcome.COLLISION and gap < 2.0:
            raise ScenarioError("they would follow closer than 2 m before anybody brakes")
        at = place_on(stretch, speed * (HANDOVER_BEFORE_S + 0.5) + gap + half, rng)
        front_m = at - speed * HANDOVER_BEFORE_S
        roles = (
            paced("braking", front, stretch, front_m, speed, lead),
            paced("following", behind, stretch, front_m - gap - half, speed, follow),
        )
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=event_s - HANDOVER_BEFORE_S,
            event_s=event_s,
            focus_m=stretch.way.path.position(at),
            roles=roles,
            wish=wish_of(outcome, ("braking", "following")),
            drawn={"speed_mps": speed, "decel_mps2": decel, "delay_s": delay_s, "gap_m": gap},
        )


@final
class PileUp(Scenario):
    """Several vehicles run into each other one after the other."""

    name: ClassVar[str] = "pile_up"
    title: ClassVar[str] = "Multi-vehicle pile-up"
    summary: ClassVar[str] = "A vehicle stops hard and the next ones run into each other."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.COLLISION,)

    vehicles: int = Field(default=4, ge=3, le=6)
    speed_mps: Span = Span.of(11.0, 16.0)
    decel_mps2: Span = Span.of(6.5, 7.5)
    headway_s: Span = Span.of(0.35, 0.6)
    """Time between bumper and bumper before anybody brakes."""
    delay_s: Span = Span.of(1.1, 1.6)

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a platoon that follows too closely."""
        stretch = pick(site.stretches(STRETCH_M + 25.0), rng, "stretch of 105 m")
        speed, decel = self.speed_mps.draw(rng), self.decel_mps2.draw(rng)
        brake_s = HANDOVER_BEFORE_S - 1.2
        bodies = [pick_blueprint(FOUR_WHEELS, rng) for _ in range(self.vehicles)]
        gaps = [self.headway_s.draw(rng) * speed for _ in bodies[1:]]
        lengths = sum(BLUEPRINTS[body].length_m for body in bodies)
        at = place_on(stretch, speed * (HANDOVER_BEFORE_S + 0.5) + sum(gaps) + lengths, rng)
        station, roles = at - speed * HANDOVER_BEFORE_S, []
        for rank, body in enumerate(bodies):
            if rank:
                half = (BLUEPRINTS[body].length_m + BLUEPRINTS[bodies[rank - 1]].length_m) / 2
                station -= gaps[rank - 1] + half
            delay_s = self.delay_s.draw(rng) + 0.25 * rank if rank else 0.0
            hard = decel if rank == 0 else 0.85 * BLUEPRINTS[body].max_brake_mps2
            phases: Phases = ((brake_s + delay_s, 0.0), (STOPPING_S, -hard))
            roles.append(paced(f"vehicle {rank + 1}", body, stretch, station, speed, phases))
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=event_s - HANDOVER_BEFORE_S,
            event_s=event_s,
            focus_m=stretch.way.path.position(at - sum(gaps) / 2),
            roles=tuple(roles),
            wish=Wish(kind=EventKind.COLLISION, roles=("vehicle 1", "vehicle 2"), count=2),
            drawn={"speed_mps": speed, "decel_mps2": decel, "vehicles": float(len(bodies))},
        )


@final
class SuddenBraking(Scenario):
    """A vehicle brakes hard without anybody near."""

    name: ClassVar[str] = "sudden_braking"
    title: ClassVar[str] = "Sudden braking"
    summary: ClassVar[str] = "A vehicle brakes to a stop for no visible reason."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)

    speed_mps: Span = Span.of(9.0, 15.0)
    decel_mps2: Span = Span.of(6.5, 7.8)

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw a stretch and how hard."""
        stretch = pick(site.stretches(STRETCH_M), rng, f"stretch of {STRETCH_M:.0f} m")
        speed, decel = self.speed_mps.draw(rng), self.decel_mps2.draw(rng)
        phases: Phases = ((HANDOVER_BEFORE_S - 0.4, 0.0), (STOPPING_S, -decel))
        at = place_on(stretch, speed * (HANDOVER_BEFORE_S + 0.5), rng)
        body = pick_blueprint(FOUR_WHEELS, rng)
        role = paced("braking", body, stretch, at - speed * HANDOVER_BEFORE_S, speed, phases)
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=event_s - HANDOVER_BEFORE_S,
            event_s=event_s,
            focus_m=stretch.way.path.position(at),
            roles=(role,),
            wish=Wish(kind=EventKind.SUDDEN_BRAKING, roles=("braking",)),
            drawn={"speed_mps": speed, "decel_mps2": decel},
        )
