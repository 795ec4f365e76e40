"""The crash world: vehicles on tyres, people, obstacles and ground, stepped on a fixed grid.

Every body is compiled as a free one. Bodies driven from outside and people who keep their balance
have their motion imposed before each step; from first contact the solver alone moves them.
Proved in tests/simulate/crash/.
"""

from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from rareworld.core.event import Contact
from rareworld.core.geometry import FloatArray
from rareworld.core.scene import Actor
from rareworld.core.taxonomy import PEOPLE
from rareworld.errors import ScenarioError
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.contacts import ContactLog, Touch, touches
from rareworld.simulate.crash.fleet import Fleet, WheelMemory
from rareworld.simulate.crash.follow import Guide, guided
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.impact import restitution_at, solref
from rareworld.simulate.crash.model import Compiled, Entry, Mode, build
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.shapes import is_car_like
from rareworld.simulate.crash.upright import Upright, advance, write_rows
from rareworld.simulate.crash.vectors import cross, matrices
from rareworld.simulate.state import BodyState, Command

_PARK = Command(accel_mps2=-6.0)
"""Hand brake of parked vehicles."""

_LIGHT = 0.25
"""Partners below this share of a vehicle's mass leave its driver in charge."""

_SLOW_MPS = 0.5
"""Approaches slower than this do not set a new restitution."""


@final
@dataclass
class _Body:
    """One actor in the world."""

    actor: Actor
    mode: Mode
    command: Command
    guide: Guide
    upright: Upright
    memory: WheelMemory
    qpos: FloatArray
    qvel: FloatArray
    warm: FloatArray = field(default_factory=lambda: np.zeros(6))
    solref: tuple[float, float] | None = None
    """Contact softness set by the last approach."""


@final
class PhysicsWorld:
    """Moves road users through tyre forces and contacts.

    Args:
        ground: A plane or height grid.
        obstacles: Everything fixed.
        config: Constants.
        start_s: Time of the first state.
    """

    def __init__(
        self,
        ground: Ground,
        obstacles: Obstacles,
        config: PhysicsConfig,
        *,
        start_s: float = 0.0,
    ) -> None:
        self._ground = ground
        self._obstacles = obstacles
        self._config = config
        self._start_s = start_s
        self._steps = 0
        self._bodies: dict[int, _Body] = {}
        self._log = ContactLog(config.contact)
        self._compiled: Compiled | None = None
        self._fleet: Fleet | None = None

    @property
    def time_s(self) -> float:
        """Time of all states."""
        return self._start_s + self._steps * self._config.step_s

    def add(self, actor: Actor, state: BodyState, *, kinematic: bool = False) -> None:
        """Place an actor; `kinematic` ones are moved by `follow` until released or touched.

        Raises:
            ScenarioError: If the actor is in the world already.
        """
        if actor.id in self._bodies:
            raise ScenarioError(
                f"physics: actor {actor.id} is in the world already; remove it first"
            )
        self._store()
        qpos, qvel = _rows(state, actor.spec.com_height_m)
        now = replace(state, time_s=self.time_s)
        self._bodies[actor.id] = _Body(
            actor=actor,
            mode=Mode.FOLLOWED if kinematic else _own_mode(actor),
            command=_PARK if actor.role == "parked" else Command(),
            guide=Guide(now, now),
            upright=Upright.of(state),
            memory=WheelMemory(steer_rad=state.steer_rad, turn_rad=state.wheel_turn_rad),
            qpos=qpos,
            qvel=qvel,
        )

    def remove(self, actor_id: int) -> None:
        """Take an actor out of the world; its contacts stay."""
        self._body(actor_id)
        self._store()
        del self._bodies[actor_id]

    def command(self, actor_id: int, command: Command) -> None:
        """Set what an actor's driver wants from now on; no effect once nobody drives it."""
        body = self._body(actor_id)
        body.command = command
        if self._fleet is not None and body.mode is Mode.DRIVEN:
            index = int(np.flatnonzero(self._fleet.rows == self._row(actor_id))[0])
            self._fleet.ask(index, command)

    def follow(self, actor_id: int, state: BodyState) -> bool:
        """Move a kinematic body to a state, smoothly if it lies in the future.

        Returns:
            False if physics has taken the body over and the state was not used.
        """
        body = self._body(actor_id)
        if body.mode is not Mode.FOLLOWED:
            return False
        start = state if state.time_s <= self.time_s else self.state(actor_id)
        body.guide = Guide(start, state)
        return True

    def release(self, actor_id: int) -> None:
        """Let a kinematic body move by command and physics from its present state on."""
        body = self._body(actor_id)
        if body.mode is Mode.FOLLOWED:
            self._set_mode(actor_id, _own_mode(body.actor))

    def is_free(self, actor_id: int) -> bool:
        """Return whether nobody drives the actor any more."""
        return self._body(actor_id).mode is Mode.FREE

    def contacts(self) -> tuple[Contact, ...]:
        """Return all contacts so far in order of time; those that last grow with time."""
        return self._log.contacts()

    def first_contact_s(self, actor_id: int) -> float | None:
        """Return when an actor first touched anything worth telling, None if never."""
        for contact in self.contacts():
            if actor_id in (contact.first, contact.second):
                return contact.time_s
        return None

    def state(self, actor_id: int) -> BodyState:
        """Return an actor's pose and motion now."""
        body = self._body(actor_id)
        qpos, qvel = self._live_rows(actor_id, body)
        turn = matrices(qpos[3:])
        up = turn[:, 2] * body.actor.spec.com_height_m
        rate = turn @ qvel[3:]
        steer, wheel = self._wheels(body)
        return BodyState(
            time_s=self.time_s,
            position_m=qpos[:3] - up,
            quat=qpos[3:].copy(),
            velocity_mps=qvel[:3] - cross(rate, up),
            angular_velocity_radps=rate,
            steer_rad=steer,
            wheel_turn_rad=wheel,
            lamps=body.guide.end.lamps if body.mode is Mode.FOLLOWED else body.command.lamps,
        )

    def step_to(self, time_s: float) -> None:
        """Advance to the last grid point not after `time_s`; earlier times do nothing."""
        goal = int(np.floor((time_s - self._start_s) / self._config.step_s + 1e-6))
        if not self._bodies:
            self._steps = max(self._steps, goal)
        while self._steps < goal:
            self._run(goal)

    def _run(self, goal: int) -> None:
        """Step until the goal or until the set of followed bodies changes."""
        compiled = self._ready()
        ids = [i for i, body in self._bodies.items() if body.mode is Mode.FOLLOWED]
        rows = np.array([self._row(i) for i in ids], dtype=np.int64)
        qpos, qvel = self._imposed(ids, goal)
        balanced = self._balanced()
        start, changed = self._steps, False
        while self._steps < goal and not changed:
            now = self._steps - start
            self._impose(compiled, rows, qpos[now], qvel[now])
            changed = self._step(compiled, balanced)
            self._steps += 1
        now = self._steps - start
        still = np.array([self._bodies[i].mode is Mode.FOLLOWED for i in ids], dtype=bool)
        self._impose(compiled, rows[still], qpos[now, still], qvel[now, still])
        self._balance(compiled, self._balanced())

    def _imposed(self, ids: list[int], goal: int) -> tuple[FloatArray, FloatArray]:
        """Return the rows of followed bodies for each step up to the goal and at the goal."""
        times = self._start_s + self._config.step_s * np.arange(self._steps, goal + 1)
        if not ids:
            return np.zeros((len(times), 0, 7)), np.zeros((len(times), 0, 6))
        bodies = [self._bodies[i] for i in ids]
        tall = np.array([body.actor.spec.com_height_m for body in bodies])
        return guided([body.guide for body in bodies], tall, times)

    @staticmethod
    def _impose(
        compiled: Compiled, rows: NDArray[np.int64], qpos: FloatArray, qvel: FloatArray
    ) -> None:
        """Put followed bodies where they belong."""
        compiled.data.qpos.reshape(-1, 7)[rows] = qpos
        compiled.data.qvel.reshape(-1, 6)[rows] = qvel

    def _balance(self, compiled: Compiled, balanced: list[tuple[int, _Body]]) -> None:
        """Put walkers and riders where they belong."""
        qpos, qvel = compiled.data.qpos.reshape(-1, 7), compiled.data.qvel.reshape(-1, 6)
        for row, body in balanced:
            tall = body.actor.spec.com_height_m
            write_rows(body.upright, tall, self._ground, qpos[row], qvel[row])

    def _step(self, compiled: Compiled, balanced: list[tuple[int, _Body]]) -> bool:
        """Advance one step; return whether the set of imposed bodies has changed."""
        data, step = compiled.data, self._config.step_s
        qpos, qvel = data.qpos.reshape(-1, 7), data.qvel.reshape(-1, 6)
        self._balance(compiled, balanced)
        compiled.begin_step()
        changed = data.ncon > 0 and self._meet(compiled)
        fleet = self._vehicles()
        if len(fleet.rows):
            data.xfrc_applied[fleet.rows + 1] = fleet.forces(qpos, qvel, self._ground)
        compiled.end_step()
        if data.ncon:
            self._log.push(compiled, self.time_s, step)
        grip = self._config.tyre.friction * self._config.gravity_mps2
        for _, body in balanced:
            if body.mode is Mode.BALANCED:
                spec = body.actor.spec
                body.upright = advance(body.upright, spec, body.command, grip, step)
        return changed

    def _meet(self, compiled: Compiled) -> bool:
        """Take in near and touching pairs; return whether any body was set free."""
        seen = touches(compiled)
        for touch in seen:
            if touch.gap_m > 0 and touch.closing_mps > _SLOW_MPS:
                self._soften(compiled, touch)
        begun = self._log.see(seen, self.time_s, self._config.step_s)
        freed = [self._hit(touch) for touch in begun]
        return any(freed)

    def _soften(self, compiled: Compiled, touch: Touch) -> None:
        """Set the restitution of vehicles about to hit something, from their approach speed."""
        config = self._config.contact
        rebound = restitution_at(
            touch.closing_mps,
            config.restitution_slow,
            config.restitution_fast,
            config.restitution_speed_mps,
        )
        for key in touch.pair[:2]:
            body = self._bodies.get(key)
            if body is not None and body.actor.class_id not in PEOPLE:
                body.solref = solref(rebound, config.stiffness_radps)
                compiled.set_solref(key, body.solref)

    def _hit(self, touch: Touch) -> bool:
        """Set free what a contact has struck; return whether anything was."""
        if touch.pair[2]:
            return False
        changed = False
        pair = [self._bodies.get(key) for key in touch.pair[:2]]
        for key, body, other in zip(touch.pair[:2], pair, reversed(pair), strict=True):
            if body is not None and self._gives_way(body, other, touch.closing_mps):
                self._set_mode(key, Mode.FREE)
                changed = True
        return changed

    def _gives_way(self, body: _Body, other: _Body | None, closing_mps: float) -> bool:
        """Return whether a hit ends the driving of a body; drivers survive light partners."""
        if body.mode is Mode.FOLLOWED:
            return self._config.release_on_contact
        if body.mode is not Mode.DRIVEN:
            return body.mode is Mode.BALANCED
        light = other is not None and other.actor.spec.mass_kg < _LIGHT * body.actor.spec.mass_kg
        return closing_mps >= self._config.crash_speed_mps and not light

    def _set_mode(self, actor_id: int, mode: Mode) -> None:
        """Change who drives a body, keeping its motion."""
        body = self._bodies[actor_id]
        if body.mode is Mode.FOLLOWED:
            state = self.state(actor_id)
            body.upright = Upright.of(state)
            body.memory = WheelMemory(steer_rad=state.steer_rad, turn_rad=state.wheel_turn_rad)
        self._forget_fleet()
        body.mode = mode
        if self._compiled is not None:
            self._compiled.set_mode(actor_id, mode)

    def _balanced(self) -> list[tuple[int, _Body]]:
        return [
            (row, body)
            for row, body in enumerate(self._bodies.values())
            if body.mode is Mode.BALANCED
        ]

    def _body(self, actor_id: int) -> _Body:
        if actor_id not in self._bodies:
            known = sorted(self._bodies)
            raise ScenarioError(f"physics: no actor {actor_id} in the world; there are {known}")
        return self._bodies[actor_id]

    def _row(self, actor_id: int) -> int:
        if self._compiled is None:
            return list(self._bodies).index(actor_id)
        return self._compiled.bodies[actor_id] - 1

    def _live_rows(self, actor_id: int, body: _Body) -> tuple[FloatArray, FloatArray]:
        """Return copies of the body's rows, compiled or stored."""
        if self._compiled is None:
            return body.qpos.copy(), body.qvel.copy()
        row, data = self._row(actor_id), self._compiled.data
        return (
            data.qpos[7 * row : 7 * row + 7].copy(),
            data.qvel[6 * row : 6 * row + 6].copy(),
        )

    def _wheels(self, body: _Body) -> tuple[float, float]:
        """Return steering angle and wheel turn."""
        if body.mode is Mode.FOLLOWED:
            return body.guide.end.steer_rad, body.guide.end.wheel_turn_rad
        if not is_car_like(body.actor.spec):
            return body.upright.steer_rad, body.upright.phase_rad
        if self._fleet is not None:
            self._fleet.remember()
        return body.memory.steer_rad, body.memory.turn_rad

    def _vehicles(self) -> Fleet:
        """Return the vehicles on their own tyres, gathered anew after any change."""
        if self._fleet is None:
            rows = [
                (row, body)
                for row, body in enumerate(self._bodies.values())
                if body.mode >= Mode.DRIVEN and is_car_like(body.actor.spec)
            ]
            self._fleet = Fleet(
                [row for row, _ in rows],
                [body.actor.spec for _, body in rows],
                [body.memory for _, body in rows],
                self._config,
            )
            for index, (_, body) in enumerate(rows):
                if body.mode is Mode.FREE:
                    self._fleet.stun(index)
                else:
                    self._fleet.ask(index, body.command)
        return self._fleet

    def _forget_fleet(self) -> None:
        if self._fleet is not None:
            self._fleet.remember()
        self._fleet = None
        if self._compiled is not None:
            self._compiled.data.xfrc_applied[:] = 0

    def _store(self) -> None:
        """Take all states out of the compiled model, which is about to change."""
        self._forget_fleet()
        if self._compiled is None:
            return
        for actor_id, body in self._bodies.items():
            body.qpos, body.qvel = self._live_rows(actor_id, body)
            row = self._row(actor_id)
            body.warm = self._compiled.data.qacc_warmstart[6 * row : 6 * row + 6].copy()
        self._compiled = None

    def _ready(self) -> Compiled:
        """Return the compiled model, built anew after any change of bodies."""
        if self._compiled is None:
            entries = [
                Entry(actor_id=i, blueprint=body.actor.spec, mode=body.mode)
                for i, body in self._bodies.items()
            ]
            compiled = build(entries, self._ground, self._obstacles, self._config)
            for row, body in enumerate(self._bodies.values()):
                compiled.data.qpos[7 * row : 7 * row + 7] = body.qpos
                compiled.data.qvel[6 * row : 6 * row + 6] = body.qvel
                compiled.data.qacc_warmstart[6 * row : 6 * row + 6] = body.warm
                if body.solref is not None:
                    compiled.set_solref(body.actor.id, body.solref)
            self._compiled = compiled
        return self._compiled


def _own_mode(actor: Actor) -> Mode:
    return Mode.DRIVEN if is_car_like(actor.spec) else Mode.BALANCED


def _rows(state: BodyState, com_height_m: float) -> tuple[FloatArray, FloatArray]:
    """Return MuJoCo's position and velocity rows of a state."""
    turn = matrices(state.quat)
    up = turn[:, 2] * com_height_m
    rate = np.asarray(state.angular_velocity_radps, dtype=np.float64)
    qpos = np.concatenate([np.asarray(state.position_m) + up, state.quat])
    qvel = np.concatenate([np.asarray(state.velocity_mps) + cross(rate, up), turn.T @ rate])
    return qpos, qvel
