"""A running piece of traffic: SUMO's actors as our bodies, and the hand-over between the two.

Positions come out as the foot of the box centre, yaw counter-clockwise from east; SUMO speaks of
the middle of the front bumper and degrees clockwise from north. Time zero is the end of warm-up.
"""

import math
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import final

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.road import RoadMap
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import CHANGE_LANES, STAY_IN_LANE, LanePlace, Member, Sighting
from rareworld.simulate.sumo.ahead import LanesAhead
from rareworld.simulate.sumo.demand import DemandConfig, Trip, draw_trips, draw_walks
from rareworld.simulate.sumo.engine import running
from rareworld.simulate.sumo.heed import Heed
from rareworld.simulate.sumo.network import Network, wander
from rareworld.simulate.sumo.pavement import Pavement
from rareworld.simulate.sumo.pose import sumo_from_yaw
from rareworld.simulate.sumo.signals import SignalBoard
from rareworld.simulate.sumo.vehicles import VCLASS, Traits, apply_traits, types_xml
from rareworld.simulate.sumo.yielding import Obstacle, Yielding

STEP_S = 0.05
"""SUMO's step."""

_SETTLE_S = 12.0
"""Poses are followed from this long before time zero, so that bodies have lined up."""
_FAR_M = 1e5
"""Routes end at the rim of the map; on closed maps after this distance."""


@final
class Traffic:
    """SUMO with our demand on one network; use as a context manager.

    Raises:
        MissingExtraError: If libsumo is not installed.
        ScenarioError: If SUMO already runs in this process or the network cannot be loaded.
    """

    def __init__(
        self,
        net: Path,
        road: RoadMap,
        demand: DemandConfig,
        seed: Seed,
        *,
        warmup_s: float = 40.0,
        horizon_s: float = 60.0,
        low_beam: bool = False,
    ) -> None:
        """Keep the settings; nothing starts before the `with` block."""
        self._net, self._road, self._demand, self._seed = net, road, demand, seed
        self._warmup_s, self._horizon_s = warmup_s, horizon_s
        self._lamps = Lamp.POSITION | Lamp.LOW_BEAM if low_beam else Lamp.NONE
        self._stack = ExitStack()
        self._pavement = Pavement(road)
        self._members: dict[str, Member] = {}
        self._names: dict[int, str] = {}
        self._forced: set[str] = set()
        self._trips: dict[str, Trip] = {}
        self._alive: frozenset[str] = frozenset()
        self._seen: list[Sighting] = []

    def __enter__(self) -> "Traffic":
        seed = self._seed.child("sumo").int32()
        with ExitStack() as stack:
            self._sumo = stack.enter_context(
                running(self._net, types_xml(), step_s=STEP_S, seed=seed)
            )
            self.network = Network.read(self._sumo)
            self.signals = SignalBoard(self._sumo, self._road)
            ahead = LanesAhead(self._sumo)
            self._yielding = Yielding(self._sumo, ahead, STEP_S)
            self._heed = Heed(ahead)
            self._populate()
            self._warm_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def time_s(self) -> float:
        """Seconds since the end of warm-up."""
        return round(float(self._sumo.simulation.getTime()) - self._warmup_s, 6)

    def step(self) -> None:
        """Advance by `STEP_S`."""
        self._yield_to_bodies()
        self._sumo.simulationStep()
        self._observe()

    def states(self) -> list[Sighting]:
        """Return all actors under SUMO's control now, in the order of their ids."""
        return self._seen

    def locate(self, x_m: float, y_m: float, blueprint: str) -> LanePlace:
        """Return the place on the nearest lane that a kind of road user may use.

        Raises:
            ScenarioError: If there is no such lane near.
        """
        try:
            edge, station, lane = self._sumo.simulation.convertRoad(
                x_m, y_m, isGeo=False, vClass=VCLASS[blueprint]
            )
        except self._sumo.TraCIException as error:
            raise ScenarioError(
                f"no lane for a {blueprint} near ({x_m:.1f}, {y_m:.1f}): {error}"
            ) from None
        return LanePlace(edge=edge, lane=int(lane), station_m=float(station))

    def route(self, start: str, end: str, blueprint: str) -> tuple[str, ...]:
        """Return the shortest route between two edges.

        Raises:
            ScenarioError: If there is none.
        """
        found = self._sumo.simulation.findRoute(start, end, blueprint)
        if not found.edges:
            raise ScenarioError(
                f"a {blueprint} cannot drive from edge {start!r} to edge {end!r} on this map"
            )
        return tuple(found.edges)

    def insert(
        self,
        blueprint: str,
        route: tuple[str, ...],
        place: LanePlace,
        speed_mps: float,
        traits: Traits | None = None,
    ) -> int:
        """Put a vehicle on its route at a place and speed.

        It appears after the next step, or as soon as SUMO finds room for it there.

        Raises:
            ScenarioError: If the route does not begin at the place, the place lies inside a
                junction, or SUMO refuses it.
        """
        if not route or route[0] != place.edge:
            raise ScenarioError(f"route {route} must begin on edge {place.edge!r} of its place")
        if place.edge.startswith(":"):  # libsumo does not survive it
            raise ScenarioError(
                f"SUMO cannot insert a {blueprint} on edge {place.edge!r} inside a junction; "
                f"insert it on an edge that leads there, or let it appear with a driver"
            )
        name = f"s-{len(self._names):05d}"
        trip = Trip(
            name=name, blueprint=blueprint, edges=route, depart_s=0.0, start_m=place.station_m,
            traits=traits or Traits(),
        )  # fmt: skip
        try:
            self._add_vehicle(trip, lane=str(place.lane), speed=f"{speed_mps:.3f}", depart="now")
        except self._sumo.TraCIException as error:
            raise ScenarioError(
                f"SUMO refuses {blueprint} on {route} at {place}: {error}"
            ) from None
        return self._enroll(name).id

    def force(self, actor_id: int, speed_mps: float) -> None:
        """Make a vehicle drive at a speed whatever lies ahead, at once and until it is taken.

        Raises:
            ScenarioError: If it is not a vehicle on the map.
        """
        member = self._member(actor_id)
        if member.on_foot or member.name not in self._alive:
            raise ScenarioError(f"actor {actor_id} is not a vehicle on the map")
        self._sumo.vehicle.setSpeedMode(member.name, 0)
        self._sumo.vehicle.setLaneChangeMode(member.name, STAY_IN_LANE)
        self._sumo.vehicle.setPreviousSpeed(member.name, speed_mps)
        self._sumo.vehicle.setSpeed(member.name, speed_mps)
        member.may_change = False
        self._yielding.forget(member.name)
        self._forced.add(member.name)

    def appear(self, blueprint: str, state: BodyState) -> int:
        """Add an actor that the caller moves from the beginning; others see it."""
        member = self._members[self._names[self.register(blueprint)]]
        if not member.on_foot:
            spot = self.locate(float(state.position_m[0]), float(state.position_m[1]), blueprint)
            edge, lane = spot.edge, str(spot.lane)
            if edge.startswith(":"):  # SUMO does not survive departures inside junctions
                edge, lane = self.network.entries(VCLASS[blueprint])[0], "free"
            trip = replace(self._trips[member.name], edges=(edge,))
            self._add_vehicle(trip, lane=lane, speed="0", depart="now")
            self._alive |= {member.name}
        self.place(member.id, state)
        return member.id

    def register(self, blueprint: str) -> int:
        """Return the id of a new actor that SUMO does not know; `place` makes drivers see it."""
        name = f"s-{len(self._names):05d}"
        self._trips[name] = Trip(
            name=name, blueprint=blueprint, edges=(), depart_s=0.0, start_m=None, traits=Traits()
        )
        return self._enroll(name).id

    def take(self, actor_id: int) -> BodyState:
        """Take an actor out of SUMO's hands and return where it is; `place` it every step.

        Raises:
            ScenarioError: If SUMO does not hold it now.
        """
        member = self._member(actor_id)
        seen = next((s for s in self._seen if s.id == actor_id), None)
        if seen is None:
            raise ScenarioError(f"actor {actor_id} is not under SUMO's control now")
        self._yielding.forget(member.name)
        self._forced.discard(member.name)
        if member.on_foot:
            self._sumo.person.removeStages(member.name)
        else:
            self._sumo.vehicle.setSpeedMode(member.name, 0)
            self._sumo.vehicle.setLaneChangeMode(member.name, 0)
        self._seen = [s for s in self._seen if s.id != actor_id]
        state = seen.state()
        self.place(actor_id, state)
        return state

    def place(self, actor_id: int, state: BodyState) -> None:
        """Tell SUMO's drivers where a taken actor is; holds for the next step."""
        member = self._member(actor_id)
        member.taken = state
        if member.on_foot or member.name not in self._alive:
            return
        x, y = _bumper(state, member.spec.length_m)
        self._sumo.vehicle.moveToXY(
            member.name, "", -1, x, y, angle=sumo_from_yaw(state.yaw_rad), keepRoute=2
        )

    def give_back(self, actor_id: int) -> None:
        """Let SUMO drive a taken vehicle on from where it stands, to the rim of the map.

        Raises:
            ScenarioError: If it is a person, or SUMO has lost it (it left the network).
        """
        member = self._member(actor_id)
        if member.taken is None or member.on_foot or member.name not in self._alive:
            raise ScenarioError(
                f"actor {actor_id} cannot go back to SUMO: not a taken vehicle there"
            )
        state = member.taken
        x, y = _bumper(state, member.spec.length_m)
        place = self.locate(x, y, member.spec.name)
        rng = self._seed.child("give back", member.name).generator()
        route = wander(self.network, VCLASS[member.spec.name], place.edge, _FAR_M, rng)
        self._sumo.vehicle.setRoute(member.name, route)
        next_x = x + state.speed_mps * STEP_S * math.cos(state.yaw_rad)
        next_y = y + state.speed_mps * STEP_S * math.sin(state.yaw_rad)
        self._sumo.vehicle.moveToXY(
            member.name, place.edge, place.lane, next_x, next_y, keepRoute=1
        )
        self._sumo.vehicle.setSpeedMode(member.name, 31)
        self._sumo.vehicle.setLaneChangeMode(member.name, CHANGE_LANES)
        member.may_change = True
        self._sumo.vehicle.setSpeed(member.name, -1)
        member.taken = None
        member.body = member.body_at((x, y), (x, y), state.yaw_rad, state.speed_mps)

    def remove(self, actor_id: int) -> None:
        """Take an actor away for good."""
        member = self._member(actor_id)
        if member.name in self._alive and member.on_foot:
            self._sumo.person.removeStages(member.name)
        elif not member.on_foot and member.name in self._sumo.vehicle.getLoadedIDList():
            self._sumo.vehicle.remove(member.name)
        self._alive -= {member.name}
        self._yielding.forget(member.name)
        self._seen = [s for s in self._seen if s.id != actor_id]
        member.taken = None

    def _populate(self) -> None:
        horizon = self._warmup_s + self._horizon_s
        seed = self._seed.child("demand")
        for trip in draw_trips(self.network, self._demand, seed.child("vehicles"), horizon):
            own = self.network.edges[trip.edges[0]].own_lane(VCLASS[trip.blueprint])
            lane = "best" if own is None else str(own)
            self._add_vehicle(trip, lane=lane, speed="max", depart=f"{trip.depart_s}")
        walks = draw_walks(self._sumo, self.network, self._demand, seed.child("walks"), horizon)
        for walk in walks:
            self._add_person(walk)

    def _add_vehicle(self, trip: Trip, *, lane: str, speed: str, depart: str) -> None:
        self._sumo.route.add(trip.name, trip.edges)
        start = "base" if trip.start_m is None else f"{trip.start_m:.3f}"
        self._sumo.vehicle.add(
            trip.name, trip.name, trip.blueprint, depart=depart, departLane=lane, departPos=start,
            departSpeed=speed,
        )  # fmt: skip
        apply_traits(self._sumo, trip.name, trip.blueprint, trip.traits)
        self._trips[trip.name] = trip

    def _add_person(self, walk: Trip) -> None:
        first, last = self.network.edges[walk.edges[0]], self.network.edges[walk.edges[-1]]
        start = min(walk.start_m or 0.0, first.length_m)
        self._sumo.person.add(walk.name, first.id, start, walk.depart_s, walk.blueprint)
        self._sumo.person.appendWalkingStage(walk.name, list(walk.edges), last.length_m / 2)
        self._sumo.person.setSpeedFactor(walk.name, walk.traits.speed_factor)
        self._trips[walk.name] = walk

    def _warm_up(self) -> None:
        quiet = max(0, round((self._warmup_s - _SETTLE_S) / STEP_S))
        for _ in range(quiet):
            self._sumo.simulationStep()
        for _ in range(round(self._warmup_s / STEP_S) - quiet):
            self.step()

    def _observe(self) -> None:
        """Follow everybody SUMO moves and forget who has left."""
        names = [*self._sumo.vehicle.getIDList(), *self._sumo.person.getIDList()]
        self._alive = frozenset(names)
        self._seen = []
        inside: list[Sighting] = []
        for name in names:
            member = self._members.get(name) or self._enroll(name)
            if member.taken is None:
                member.watch(self._sumo, self._pavement, STEP_S, inside)
                seen = member.sighting(self._sumo, self.time_s, self._lamps)
                self._seen.append(seen)
                if seen.lane.startswith(":") and not member.on_foot:
                    inside.append(seen)
        self._seen.sort(key=lambda sighting: sighting.id)

    def _yield_to_bodies(self) -> None:
        taken = [member for member in self._members.values() if member.taken is not None]
        obstacles = [Obstacle.of(m.taken, m.spec.size_m) for m in taken if m.taken is not None]
        ways = {
            seen.id: way
            for seen in self._seen
            if (way := self._members[seen.name].approach()) is not None
        }
        crossing = self._heed.obstacles(self.time_s, self._seen, ways)
        free = [way for way in ways.values() if way.name not in self._forced]
        self._yielding.apply(free, obstacles, crossing)

    def _enroll(self, name: str) -> Member:
        trip = self._trips[name]
        member = Member(
            id=len(self._members) + 1, name=name, spec=BLUEPRINTS[trip.blueprint],
            traits=trip.traits,
        )  # fmt: skip
        self._members[name] = member
        self._names[member.id] = name
        return member

    def _member(self, actor_id: int) -> Member:
        if actor_id not in self._names:
            raise ScenarioError(f"traffic knows no actor {actor_id}")
        return self._members[self._names[actor_id]]


def _bumper(state: BodyState, length_m: float) -> tuple[float, float]:
    """Return the middle of the front bumper."""
    half = length_m / 2
    return (
        float(state.position_m[0]) + half * math.cos(state.yaw_rad),
        float(state.position_m[1]) + half * math.sin(state.yaw_rad),
    )
