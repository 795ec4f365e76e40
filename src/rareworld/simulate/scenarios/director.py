"""The director puts a staged scenario into running traffic.

Roles with wheels enter SUMO shortly before the hand-over, on their way and at their speed, and
leave it at the hand-over with a driver of ours; people and ghost drivers appear then. What is in
the way of the roles is taken off the map before the clip begins.
"""

from typing import final

from rareworld.core.taxonomy import PEOPLE
from rareworld.errors import ScenarioError
from rareworld.simulate.scenarios.clearing import Clearing
from rareworld.simulate.scenarios.staging import CLIP_START_S, Role, SignalOrder, Staging
from rareworld.simulate.stage import Stage
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import LanePlace

LEAD_S = 0.5
"""Roles drive in SUMO for this long before the hand-over."""
ASIDE_M, ALONG_M, PACE_MPS = 0.8, 2.5, 0.7
"""A role met farther than this from its place or pace at the hand-over appears there instead."""
INSIDE = ":"
"""SUMO's edges inside junctions begin with it; it does not survive insertions there."""
PARKED_M = 3.4
"""Parked vehicles whose middle is this near to a way are in it."""
SETTLE_S = 0.05
"""A vehicle stands for one step after it was inserted, then it is brought to its speed."""


@final
class Director:
    """A script that plays one staging; `ids` tells who plays which role once it has run."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self.ids: dict[str, int] = {}
        self._handed: set[str] = set()
        self._clearing = Clearing(staging)

    def prepare(self, stage: Stage) -> None:
        """Set the clip's begin and focus."""
        stage.begin_clip(CLIP_START_S)
        focus = self.staging.focus_m
        stage.focus_m = (float(focus[0]), float(focus[1]))
        for actor_id, state in list(stage.parked.items()):
            if self._parked_in_the_way(state):
                stage.dismiss(actor_id)

    def act(self, stage: Stage) -> None:
        """Bring roles in, hand them over, hold the lights."""
        now = stage.time_s
        for order in self.staging.signals:
            if order.from_s <= now < order.to_s:
                _hold(stage, order)
        if now < CLIP_START_S:
            self._clear(stage)
        for role in self.staging.roles:
            if role.name not in self.ids and now >= self._entry_s(role) - 1e-6:
                self._enter(stage, role)
            elif self._is_due(role, now):
                self._hand_over(stage, role)
            elif role.name not in self._handed and self.ids.get(role.name) in stage.sightings:
                stage.traffic.force(self.ids[role.name], role.start_mps)

    def provenance(self) -> dict[str, object]:
        """Return the scenario, its outcome and what was drawn."""
        return {
            "scenario": self.staging.scenario,
            "outcome": self.staging.outcome.value,
            "drawn": dict(self.staging.drawn),
            "event_s": round(self.staging.event_s - CLIP_START_S, 6),
            "handover_s": round(self.staging.handover_s - CLIP_START_S, 6),
        }

    def _entry_s(self, role: Role) -> float:
        return self.staging.handover_s - (0.0 if role.direct else LEAD_S)

    def _is_due(self, role: Role, now: float) -> bool:
        due = now >= self.staging.handover_s - 1e-6
        return due and not role.direct and role.name not in self._handed

    def _enter(self, stage: Stage, role: Role) -> None:
        """Put a role on the map; one that would enter inside a junction waits for its hand-over."""
        handed = stage.time_s >= self.staging.handover_s - 1e-6
        if role.direct or handed:
            self.ids[role.name] = self._appear(stage, role)
            return
        station = role.start_m - role.start_mps * (LEAD_S - SETTLE_S)
        if station - role.spec.length_m / 2 < 0:
            raise ScenarioError(
                f"{self.staging.scenario}: the way of {role.name!r} is "
                f"{role.spec.length_m / 2 - station:.1f} m too short to enter at "
                f"{role.start_mps:.1f} m/s"
            )
        place = _place(stage, role, station)
        if not place.edge.startswith(INSIDE):
            self.ids[role.name] = stage.insert(
                role.blueprint, (place.edge,), place, 0.0, role=role.name
            )

    def _appear(self, stage: Stage, role: Role) -> int:
        """Let a role's driver begin where the role is due."""
        late_s = stage.time_s - self.staging.handover_s
        station = role.start_m + role.start_mps * late_s
        state = BodyState.upright(
            stage.time_s, role.path.position(station), role.path.heading_rad(station),
            role.start_mps,
        )  # fmt: skip
        self._handed.add(role.name)
        return stage.appear(role.blueprint, state, role.acting.driver(state), role=role.name)

    def _hand_over(self, stage: Stage, role: Role) -> None:
        """Take a role out of SUMO's hands; one that found no room there appears now."""
        actor_id = self.ids[role.name]
        if not self._in_place(stage, role):
            stage.withdraw(actor_id)
            self.ids[role.name] = self._appear(stage, role)
            return
        driver = role.acting.driver(stage.state(actor_id))
        stage.drive(actor_id, driver, role=role.name)
        self._handed.add(role.name)

    def _in_place(self, stage: Stage, role: Role) -> bool:
        """Tell whether SUMO holds a role where it is due."""
        actor_id = self.ids[role.name]
        if actor_id not in stage.sightings:
            return False
        state = stage.state(actor_id)
        station, offset = role.path.project(state.position_m)
        there = abs(offset) < ASIDE_M and abs(station - role.start_m) < ALONG_M
        return there and abs(state.speed_mps - role.start_mps) < PACE_MPS

    def _clear(self, stage: Stage) -> None:
        """Take traffic out of the roles' way before the clip begins."""
        own = set(self.ids.values())
        for actor_id, seen in list(stage.sightings.items()):
            if actor_id in own:
                continue
            if self._clearing.wants_gone(seen.state(), seen.blueprint, stage.time_s):
                stage.dismiss(actor_id)

    def _parked_in_the_way(self, state: BodyState) -> bool:
        """Tell whether a parked vehicle stands where a person will walk."""
        return any(
            abs(role.path.project(state.position_m)[1]) < PARKED_M
            and -2.0 < role.path.project(state.position_m)[0] < role.path.length_m + 2.0
            for role in self.staging.roles
            if role.spec.class_id in PEOPLE
        )


def _place(stage: Stage, role: Role, station_m: float) -> LanePlace:
    """Return the place in SUMO of a role whose middle is at a station of its way."""
    bumper = role.path.position(station_m + role.spec.length_m / 2)
    return stage.traffic.locate(float(bumper[0]), float(bumper[1]), role.blueprint)


def _hold(stage: Stage, order: SignalOrder) -> None:
    """Keep the lights of an approach at a state."""
    wired = set(stage.signals.wired())
    for signal in stage.road.signals:
        if order.lane in signal.lanes and signal.id in wired:
            stage.signals.hold(signal.id, order.state, max(order.to_s - stage.time_s, 0.1))
            return
    raise ScenarioError(f"no traffic light for lane {order.lane!r}")
