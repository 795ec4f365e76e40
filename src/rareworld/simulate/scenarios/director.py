"""The director puts a staged scenario into running traffic.

Roles with wheels enter SUMO shortly before the hand-over, on their way and at their speed, and
leave it at the hand-over with a driver of ours; people and ghost drivers appear then. What is in the
way of the roles is taken off the map before the clip begins.
"""

from typing import final

import numpy as np

from rareworld.errors import ScenarioError
from rareworld.simulate.scenarios.staging import CLIP_START_S, Role, SignalOrder, Staging
from rareworld.simulate.stage import Stage
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import Sighting

LEAD_S = 0.5
"""Roles drive in SUMO for this long before the hand-over."""
CORRIDOR_M = 2.2
"""Traffic whose middle is this near to a role's path is in its way."""
BEHIND_M = 75.0
"""Room kept free behind a role when it enters."""
SETTLE_S = 0.05
"""A vehicle stands for one step after it was inserted, then it is brought to its speed."""


@final
class Director:
    """A script that plays one staging; `ids` tells who plays which role once it has run."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self.ids: dict[str, int] = {}
        self._handed: set[str] = set()

    def prepare(self, stage: Stage) -> None:
        """Set the clip's begin and focus."""
        stage.begin_clip(CLIP_START_S)
        focus = self.staging.focus_m
        stage.focus_m = (float(focus[0]), float(focus[1]))

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
                self.ids[role.name] = self._enter(stage, role)
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

    def _enter(self, stage: Stage, role: Role) -> int:
        """Put a role on the map."""
        lead = SETTLE_S if role.direct else LEAD_S
        station = role.start_m - role.start_mps * (lead - SETTLE_S)
        if station < 0:
            raise ScenarioError(
                f"{self.staging.scenario}: the way of {role.name!r} is {-station:.1f} m too short "
                f"to enter at {role.start_mps:.1f} m/s"
            )
        if role.direct:
            state = BodyState.upright(
                stage.time_s, role.path.position(station), role.path.heading_rad(station),
                role.start_mps,
            )  # fmt: skip
            driver = role.acting.driver(state)
            self._handed.add(role.name)
            return stage.appear(role.blueprint, state, driver, role=role.name)
        return _insert(stage, role, station)

    def _hand_over(self, stage: Stage, role: Role) -> None:
        actor_id = self.ids[role.name]
        if actor_id not in stage.sightings:
            raise ScenarioError(f"{self.staging.scenario}: no room for {role.name!r} to enter")
        driver = role.acting.driver(stage.state(actor_id))
        stage.drive(actor_id, driver, role=role.name)
        self._handed.add(role.name)

    def _clear(self, stage: Stage) -> None:
        """Take traffic off the roles' ways before the clip begins."""
        own = set(self.ids.values())
        for actor_id, seen in list(stage.sightings.items()):
            if actor_id not in own and self._in_the_way(seen):
                stage.dismiss(actor_id)

    def _in_the_way(self, seen: Sighting) -> bool:
        point = np.array([seen.x_m, seen.y_m, seen.z_m])
        for role in self.staging.roles:
            station, offset = role.path.project(point)
            first = role.start_m - role.start_mps * LEAD_S - BEHIND_M
            if abs(offset) < CORRIDOR_M and first < station < role.path.length_m - 1.0:
                return True
        return any(
            abs(path.project(point)[1]) < CORRIDOR_M and 0 < path.project(point)[0] < path.length_m
            for path in self.staging.clear
        )


def _insert(stage: Stage, role: Role, station_m: float) -> int:
    """Insert a vehicle into SUMO with its middle at a station of its way."""
    bumper = role.path.position(station_m + role.spec.length_m / 2)
    place = stage.traffic.locate(float(bumper[0]), float(bumper[1]), role.blueprint)
    return stage.insert(role.blueprint, (place.edge,), place, 0.0, role=role.name)


def _hold(stage: Stage, order: SignalOrder) -> None:
    """Keep the lights of an approach at a state."""
    wired = set(stage.signals.wired())
    for signal in stage.road.signals:
        if order.lane in signal.lanes and signal.id in wired:
            stage.signals.hold(signal.id, order.state, max(order.to_s - stage.time_s, 0.1))
            return
    raise ScenarioError(f"no traffic light for lane {order.lane!r}")
