"""Physics and drivers within one step of SUMO."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from rareworld.core.trajectory import Driver as DriverCode
from rareworld.simulate.physics import Physics
from rareworld.simulate.recorder import Recorder
from rareworld.simulate.stage import STOPPING, Cast, Part, Stage
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import Sighting
from rareworld.simulate.sumo.session import STEP_S

SUBSTEP_S = 0.01
"""Drivers decide and physics is sampled this often."""

_LEAD_M, _DROP_M = 22.0, 45.0
"""Bodies this near a physical one are led through physics, and dropped beyond the second."""
_SIGHT_M = 70.0
"""Drivers see bodies within this distance."""


@final
@dataclass
class PhysicsStep:
    """Moves all physical bodies over the step that SUMO has just made."""

    physics: Physics
    stage: Stage
    cast: Cast
    recorder: Recorder
    _freed: set[int] = field(default_factory=set[int])

    def advance(self, before: Mapping[int, Sighting]) -> None:
        """Catch up with SUMO; `before` are the sightings at the start of the step."""
        end = self.stage.time_s
        if not self.cast.parts:
            for actor_id in sorted(self.cast.led):
                self._drop(actor_id)
            self.physics.step_to(end)
            return
        self._lead(before)
        others = self._in_sight(before)
        count = round(STEP_S / SUBSTEP_S)
        for index in range(count):
            self._command(end - (count - index) * SUBSTEP_S, others)
            self.physics.step_to(round(end - (count - index - 1) * SUBSTEP_S, 6))
            self._sample(round(end - (count - index - 1) * SUBSTEP_S, 6))
        for actor_id in sorted(self._freed):
            self._free(actor_id)

    def _bodies_m(self) -> np.ndarray:
        """Return where the physical bodies are, shape (n, 2)."""
        ids = sorted(self.cast.parts)
        return np.array([self.physics.state(i).position_m[:2] for i in ids]).reshape(-1, 2)

    def _lead(self, before: Mapping[int, Sighting]) -> None:
        """Bring traffic near the bodies into physics, move what is there, drop the rest."""
        bodies = self._bodies_m()
        for actor_id in sorted(self.cast.led - set(self.cast.seen) - set(self.cast.parked)):
            self._drop(actor_id)
        for actor_id, seen in sorted(self.cast.seen.items()):
            start = before.get(actor_id)
            if start is not None:
                self._admit(actor_id, start.state(), bodies)
            if actor_id in self.cast.led:
                self.physics.follow(actor_id, seen.state())
        for actor_id, state in sorted(self.cast.parked.items()):
            self._admit(actor_id, state, bodies)

    def _admit(self, actor_id: int, state: BodyState, bodies_m: np.ndarray) -> None:
        gap = float(np.linalg.norm(bodies_m - state.position_m[:2], axis=1).min())
        if actor_id in self.cast.led:
            if gap > _DROP_M:
                self._drop(actor_id)
        elif gap < _LEAD_M:
            self.physics.add(self.stage.actor(actor_id), state, kinematic=True)
            self.cast.led.add(actor_id)

    def _drop(self, actor_id: int) -> None:
        self.physics.remove(actor_id)
        self.cast.led.discard(actor_id)

    def _in_sight(self, before: Mapping[int, Sighting]) -> dict[int, BodyState]:
        """Return traffic and parked vehicles that drivers can see."""
        bodies = self._bodies_m()
        states = {i: before[i].state() for i in sorted(before) if i in self.cast.seen}
        states |= self.cast.parked
        return {
            actor_id: state
            for actor_id, state in states.items()
            if np.linalg.norm(bodies - state.position_m[:2], axis=1).min() < _SIGHT_M
        }

    def _command(self, time_s: float, others: Mapping[int, BodyState]) -> None:
        """Let every driver decide; who was touched does what follows a contact."""
        touched = {i for c in self.physics.contacts() if c.second for i in (c.first, c.second)}
        now = {i: self.physics.state(i) for i in sorted(self.cast.parts)}
        for actor_id, own in now.items():
            part = self.cast.parts[actor_id]
            if actor_id in touched and not part.touched:
                part.touched = True
                self.physics.command(actor_id, part.after_contact)
            elif part.driver is not None and not part.touched:
                around = {**others, **{i: s for i, s in now.items() if i != actor_id}}
                self.physics.command(actor_id, part.driver.command(time_s, own, around))

    def _sample(self, time_s: float) -> None:
        for actor_id in sorted(self.cast.parts):
            touched = self.cast.parts[actor_id].touched
            code = DriverCode.PHYSICS if touched else DriverCode.CONTROLLER
            self._record(actor_id, time_s, code)
        for actor_id in sorted(self.cast.led):
            if self.physics.is_free(actor_id):
                self._freed.add(actor_id)
                self._record(actor_id, time_s, DriverCode.PHYSICS)

    def _record(self, actor_id: int, time_s: float, code: DriverCode) -> None:
        self.recorder.body(actor_id, self.physics.state(actor_id), code, time_s)

    def _free(self, actor_id: int) -> None:
        """Take an actor that was touched out of SUMO's hands, or out of its parking place."""
        if actor_id in self.cast.parked:
            del self.cast.parked[actor_id]
        else:
            self.stage.traffic.take(actor_id)
            del self.cast.seen[actor_id]
        self.cast.led.discard(actor_id)
        self.cast.parts[actor_id] = Part(None, STOPPING, touched=True)
        self.physics.command(actor_id, STOPPING)
        self.stage.traffic.place(actor_id, self.physics.state(actor_id))
