"""The stage: everything a script may see and do while the world runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import final

import numpy as np

from rareworld.core.event import Contact
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor
from rareworld.core.seed import Seed
from rareworld.errors import ScenarioError
from rareworld.simulate.appearance import paint, style
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.physics import Physics
from rareworld.simulate.state import BodyState, Command
from rareworld.simulate.sumo.actors import LanePlace, Sighting
from rareworld.simulate.sumo.session import Traffic
from rareworld.simulate.sumo.signals import SignalBoard
from rareworld.simulate.sumo.vehicles import Traits

LAMP_BRAKE = 8
STOPPING = Command(accel_mps2=-5.0, lamps=LAMP_BRAKE)
"""What most drivers do once something has hit them."""
ROLLING_ON = Command()
"""A driver who neither brakes nor steers, for instance one who has fainted."""


@final
@dataclass(slots=True)
class Part:
    """An actor that physics moves by command."""

    driver: Driver | None
    after_contact: Command
    touched: bool = False


@final
@dataclass(slots=True)
class Cast:
    """Who is who; shared between the stage and the world's loop."""

    roles: dict[int, str] = field(default_factory=dict[int, str])
    blueprints: dict[int, str] = field(default_factory=dict[int, str])
    parts: dict[int, Part] = field(default_factory=dict[int, Part])
    """Actors moved by physics, by command."""
    parked: dict[int, BodyState] = field(default_factory=dict[int, BodyState])
    seen: dict[int, Sighting] = field(default_factory=dict[int, Sighting])
    """Actors SUMO moves, as of now."""
    led: set[int] = field(default_factory=set[int])
    """Actors that physics knows but SUMO (or nobody) moves."""


@final
class Stage:
    """Handles for scripts; all times are seconds since the end of warm-up, metres, radians."""

    def __init__(
        self, road: RoadMap, traffic: Traffic, physics: Physics | None, seed: Seed, cast: Cast
    ) -> None:
        self.road = road
        """The map."""
        self.seed = seed
        """Randomness of the script."""
        self.traffic = traffic
        """SUMO, for queries: network, routes, lane places."""
        self.clip_start_s: float | None = None
        """When the clip begins, once that is decided."""
        self.focus_m: tuple[float, float] = _middle(road)
        """Centre of what is recorded; scripts may move it to where things happen."""
        self._physics = physics
        self._cast = cast

    @property
    def time_s(self) -> float:
        """Now."""
        return self.traffic.time_s

    @property
    def signals(self) -> SignalBoard:
        """Traffic lights: `state`, `time_to`, `hold`."""
        return self.traffic.signals

    @property
    def sightings(self) -> Mapping[int, Sighting]:
        """Actors under SUMO's control, by id."""
        return MappingProxyType(self._cast.seen)

    @property
    def driven(self) -> tuple[int, ...]:
        """Ids of the actors that physics moves by command, in order."""
        return tuple(sorted(self._cast.parts))

    @property
    def parked(self) -> Mapping[int, BodyState]:
        """Parked actors that nothing has touched, by id."""
        return MappingProxyType(self._cast.parked)

    def actor(self, actor_id: int) -> Actor:
        """Return an actor's blueprint, looks and role.

        Raises:
            ScenarioError: If there is no such actor.
        """
        blueprint = self._cast.blueprints.get(actor_id)
        if blueprint is None:
            raise ScenarioError(f"there is no actor {actor_id} on the stage")
        looks = self.seed.child("looks", actor_id)
        return Actor(
            id=actor_id, blueprint=blueprint, colour=paint(blueprint, looks), style=style(looks),
            role=self._cast.roles.get(actor_id, "traffic"),
        )  # fmt: skip

    def state(self, actor_id: int) -> BodyState:
        """Return where an actor is now, whoever moves it.

        Raises:
            ScenarioError: If it is not on the map now.
        """
        if actor_id in self._cast.parts:
            return self._engine("state").state(actor_id)
        if actor_id in self._cast.seen:
            return self._cast.seen[actor_id].state()
        if actor_id in self._cast.parked:
            return self._cast.parked[actor_id]
        raise ScenarioError(f"actor {actor_id} is not on the map at {self.time_s:.2f} s")

    def contacts(self) -> tuple[Contact, ...]:
        """Return what has touched so far; empty without physics."""
        return self._physics.contacts() if self._physics else ()

    def set_role(self, actor_id: int, role: str) -> None:
        """Name the part an actor plays."""
        self._cast.roles[actor_id] = role

    def insert(
        self,
        blueprint: str,
        route: tuple[str, ...],
        place: LanePlace,
        speed_mps: float,
        *,
        role: str = "traffic",
        traits: Traits | None = None,
    ) -> int:
        """Put a vehicle into traffic, driven by SUMO; it is on the map after the next step."""
        actor_id = self.traffic.insert(blueprint, route, place, speed_mps, traits)
        self._cast.blueprints[actor_id] = blueprint
        self._cast.roles[actor_id] = role
        return actor_id

    def drive(
        self,
        actor_id: int,
        driver: Driver,
        *,
        role: str | None = None,
        after_contact: Command = STOPPING,
    ) -> BodyState:
        """Give an actor to a driver and to physics; replaces the driver of one already driven.

        Raises:
            ScenarioError: If there is no physics or the actor is not on the map.
        """
        if role is not None:
            self._cast.roles[actor_id] = role
        if actor_id in self._cast.parts:
            self._cast.parts[actor_id].driver = driver
            return self.state(actor_id)
        engine = self._engine("drive")
        if actor_id in self._cast.parked:
            state = self._cast.parked.pop(actor_id)
        else:
            state = self.traffic.take(actor_id)
            del self._cast.seen[actor_id]
        if actor_id in self._cast.led:
            self._cast.led.discard(actor_id)
            engine.remove(actor_id)
        engine.add(self.actor(actor_id), state)
        self._cast.parts[actor_id] = Part(driver, after_contact)
        self.traffic.place(actor_id, state)
        return state

    def appear(
        self,
        blueprint: str,
        state: BodyState,
        driver: Driver,
        *,
        role: str,
        after_contact: Command = STOPPING,
    ) -> int:
        """Let a driven actor appear at a state, now."""
        engine = self._engine("appear")
        actor_id = self.traffic.appear(blueprint, state)
        self._cast.blueprints[actor_id] = blueprint
        self._cast.roles[actor_id] = role
        engine.add(self.actor(actor_id), state)
        self._cast.parts[actor_id] = Part(driver, after_contact)
        return actor_id

    def give_back(self, actor_id: int) -> None:
        """Let SUMO drive a vehicle on that was driven for it.

        Raises:
            ScenarioError: If it is not a driven vehicle, or has been touched.
        """
        part = self._cast.parts.get(actor_id)
        if part is None or part.touched:
            raise ScenarioError(f"actor {actor_id} is not a driven, untouched vehicle")
        self.traffic.give_back(actor_id)
        del self._cast.parts[actor_id]
        self._engine("give_back").remove(actor_id)

    def dismiss(self, actor_id: int) -> None:
        """Take traffic or a parked vehicle off the map; for making room before the clip begins.

        Raises:
            ScenarioError: If it is neither.
        """
        if actor_id in self._cast.parked:
            del self._cast.parked[actor_id]
            return
        if actor_id not in self._cast.seen:
            raise ScenarioError(f"actor {actor_id} is not in traffic, it cannot be dismissed")
        self.traffic.remove(actor_id)
        del self._cast.seen[actor_id]

    def withdraw(self, actor_id: int) -> None:
        """Take back a vehicle that was inserted, whether or not it has found room yet."""
        self.traffic.remove(actor_id)
        self._cast.seen.pop(actor_id, None)

    def park(self, blueprint: str, state: BodyState) -> int:
        """Put a parked vehicle down; it stays until something hits it."""
        actor_id = self.traffic.register(blueprint)
        self._cast.blueprints[actor_id] = blueprint
        self._cast.roles[actor_id] = "parked"
        self._cast.parked[actor_id] = state
        return actor_id

    def begin_clip(self, at_s: float) -> None:
        """Decide when the clip begins; may lie ahead, or back as far as time zero.

        Raises:
            ScenarioError: If it lies before time zero, where nothing was recorded.
        """
        if at_s < 0:
            raise ScenarioError(f"the clip cannot begin at {at_s:.2f} s, before the recording")
        self.clip_start_s = at_s

    def _engine(self, what: str) -> Physics:
        if self._physics is None:
            raise ScenarioError(f"stage.{what} needs physics; this world runs without")
        return self._physics


def _middle(road: RoadMap) -> tuple[float, float]:
    """Return the middle of the largest junction, or of the map where there is none."""
    if not road.junctions:
        low_x, low_y, high_x, high_y = road.bounds_m
        return (low_x + high_x) / 2, (low_y + high_y) / 2
    spans = [float(np.ptp(j.outline_m[:, :2], axis=0).sum()) for j in road.junctions]
    centre = road.junctions[int(np.argmax(spans))].centre_m
    return float(centre[0]), float(centre[1])
