"""Who sets off where and when: typed demand, drawn by seed.

Arrivals at the rim of the map are a Poisson process per lane. So that a short warm-up is enough,
the roads are filled at the start with the vehicles that such a process would have put there.
Maps without a rim (closed circuits such as CARLA's Town10HD) keep this first filling only, on
routes too long to end.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np
from pydantic import Field

from rareworld.core.blueprint import BLUEPRINTS, LONG_VEHICLE_LIMIT_MPS, LONG_VEHICLES
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.simulate.sumo.network import Network, wander
from rareworld.simulate.sumo.vehicles import VCLASS, Traits, draw_traits


@final
class ClassMix(Config):
    """Relative frequency of vehicle classes; need not sum to one."""

    car: float = Field(default=0.78, ge=0)
    """Passenger cars of all bodies."""
    van: float = Field(default=0.08, ge=0)
    """Vans large and small, ambulances."""
    truck: float = Field(default=0.04, ge=0)
    """Box trucks and tippers; articulated trucks where the road is fast."""
    bus: float = Field(default=0.02, ge=0)
    """City buses and minibuses."""
    motorcycle: float = Field(default=0.03, ge=0)
    """Motorcycles and scooters."""
    bicycle: float = Field(default=0.05, ge=0)
    """Bicycles on the carriageway."""


@final
class DemandConfig(Config):
    """How much traffic of which kind."""

    vehicles_per_hour_per_lane: float = Field(default=420.0, ge=0, le=2200)
    """Arrivals on each lane that enters the map."""
    mix: ClassMix = ClassMix()
    """Shares of the vehicle classes."""
    pedestrians_per_hour: float = Field(default=500.0, ge=0, le=20000)
    """People who set out per hour, over the whole map."""
    child_share: float = Field(default=0.15, ge=0, le=1)
    """Of the people on foot."""
    pram_share: float = Field(default=0.03, ge=0, le=1)
    """Of the grown people on foot; they push a pram."""
    aggressiveness: float = Field(default=0.4, ge=0, le=1)
    """0 is cautious, 1 is pushing: headways, gaps, speeds, lane changes, impatience."""
    speed_factor: float = Field(default=1.0, gt=0.2, le=2.0)
    """Multiplies everybody's wanted speed relative to the limit."""


@final
@dataclass(frozen=True, kw_only=True)
class Trip:
    """One vehicle or person that sets off."""

    name: str
    blueprint: str
    edges: tuple[str, ...]
    depart_s: float
    start_m: float | None
    """Along the first edge; None: at its beginning."""
    traits: Traits


_VANS = ("van", "small_van", "ambulance")
BODIES: dict[str, tuple[str, ...]] = {
    "car": tuple(
        name for name, spec in BLUEPRINTS.items()
        if spec.class_id is ClassId.CAR and name not in _VANS
    ),
    "van": _VANS, "truck": ("box_truck", "tipper", "articulated_truck"),
    "bus": ("city_bus", "minibus"), "motorcycle": ("motorcycle", "scooter"),
    "bicycle": ("bicycle",),
}  # fmt: skip
"""Blueprints of each class of `ClassMix`."""

_FASTEST_MPS = 40.0
"""Routes that meet no rim are as long as this speed makes them within the horizon."""
_MOTORWAY_MPS = 25.0
"""No bicycles where the limit is higher."""
_PACE = 0.6
"""Mean travel speed over the limit, with stops at junctions."""
_MIN_START_EDGE_M = 12.0
"""Nobody is put on shorter edges to begin with."""


def draw_trips(network: Network, config: DemandConfig, seed: Seed, horizon_s: float) -> list[Trip]:
    """Return all vehicle trips from time zero to the horizon, in order of departure.

    Raises:
        ConfigError: If demand is wanted but every class has the share zero.
    """
    if config.vehicles_per_hour_per_lane == 0:
        return []
    if not any(share > 0 for share in config.mix.model_dump().values()):
        raise ConfigError("demand.mix: every share is zero; give one class a positive share")
    entries = network.entries("passenger")
    reach_m = _FASTEST_MPS * horizon_s
    trips = _filling(network, config, seed.child("filling"), reach_m)
    for edge in entries:
        trips += _arrivals(network, config, edge, seed.child("arrivals", edge), horizon_s)
    return sorted(trips, key=lambda trip: (trip.depart_s, trip.name))


def _arrivals(
    network: Network, config: DemandConfig, edge: str, seed: Seed, horizon_s: float
) -> list[Trip]:
    rng = seed.generator()
    reach_m = _FASTEST_MPS * horizon_s
    rate = config.vehicles_per_hour_per_lane / 3600 * network.edges[edge].width("passenger")
    trips: list[Trip] = []
    clock = float(rng.exponential(1 / rate))
    while clock < horizon_s:
        name = f"v-{edge}-{len(trips):04d}"
        trip = _trip(
            network, config, edge, seed.child(name), name=name, depart_s=clock, reach_m=reach_m
        )
        trips.append(trip)
        clock += float(rng.exponential(1 / rate))
    return trips


def _filling(network: Network, config: DemandConfig, seed: Seed, reach_m: float) -> list[Trip]:
    """Put vehicles on all edges at the density that flow and mean speed give."""
    rng = seed.generator()
    trips: list[Trip] = []
    for edge in network.open_to("passenger"):
        length = network.edges[edge].length_m
        pace = _PACE * network.edges[edge].speed_mps("passenger")
        density = config.vehicles_per_hour_per_lane / 3600 / pace
        count = int(rng.poisson(density * length * network.edges[edge].width("passenger")))
        if length < _MIN_START_EDGE_M or not network.onward("passenger")[edge]:
            continue
        for start in sorted(rng.uniform(0.0, length - 6.0, count), reverse=True):
            name = f"f-{edge}-{len(trips):04d}"
            trip = _trip(network, config, edge, seed.child(name), name=name, reach_m=reach_m)
            trips.append(_starting_at(trip, float(start)))
    return trips


def _starting_at(trip: Trip, start_m: float) -> Trip:
    room = BLUEPRINTS[trip.blueprint].length_m
    return Trip(
        name=trip.name, blueprint=trip.blueprint, edges=trip.edges, depart_s=trip.depart_s,
        start_m=max(start_m, room), traits=trip.traits,
    )  # fmt: skip


def _trip(
    network: Network, config: DemandConfig, edge: str, seed: Seed, *, name: str,
    reach_m: float, depart_s: float = 0.0,
) -> Trip:  # fmt: skip
    rng = seed.generator()
    blueprint = _draw_blueprint(network, config.mix, edge, rng)
    route = wander(network, VCLASS[blueprint], edge, reach_m, rng)
    traits = draw_traits(blueprint, config.aggressiveness, config.speed_factor, rng)
    return Trip(
        name=name, blueprint=blueprint, edges=route, depart_s=round(depart_s, 2), start_m=None,
        traits=traits,
    )  # fmt: skip


def _draw_blueprint(network: Network, mix: ClassMix, edge: str, rng: np.random.Generator) -> str:
    """Draw a body among the classes that may use the edge; a saloon where none of them may."""
    shares = {
        kind: share
        for kind, share in mix.model_dump().items()
        if share > 0 and network.edges[edge].width(VCLASS[BODIES[kind][0]])
    }
    if network.edges[edge].speed_mps("passenger") > _MOTORWAY_MPS:
        shares.pop("bicycle", None)
    if not shares:
        return "saloon"
    weight = np.array(list(shares.values()))
    kind = list(shares)[int(rng.choice(len(weight), p=weight / weight.sum()))]
    fast = network.edges[edge].speed_mps("passenger") >= LONG_VEHICLE_LIMIT_MPS
    bodies = tuple(name for name in BODIES[kind] if fast or name not in LONG_VEHICLES)
    share = np.array([BLUEPRINTS[name].frequency for name in bodies])
    return bodies[int(rng.choice(len(bodies), p=share / share.sum()))]


def draw_walks(
    sumo: ModuleType, network: Network, config: DemandConfig, seed: Seed, horizon_s: float
) -> list[Trip]:
    """Return all walks, in order of departure; two in three people cross a road where one can."""
    places = network.open_to("pedestrian")
    if config.pedestrians_per_hour == 0 or len(places) < 2:
        return []
    rng = seed.generator()
    rate = config.pedestrians_per_hour / 3600
    there = int(rng.poisson(rate * _WALK_S))
    later = np.sort(rng.uniform(0.0, horizon_s, int(rng.poisson(rate * horizon_s))))
    walks: list[Trip] = []
    for index, depart in enumerate([*([0.0] * there), *later.tolist()]):
        name = f"p-{index:04d}"
        walk = _walk(sumo, network, config, places, seed.child(name), name, round(depart, 2))
        walks += [walk] if walk else []
    return walks


_WALK_S = 120.0
"""Mean duration of a walk across the map."""
_WALK_TRIES = 12


def _walk(
    sumo: ModuleType, network: Network, config: DemandConfig, places: list[str], seed: Seed,
    name: str, depart_s: float,
) -> Trip | None:  # fmt: skip
    rng = seed.generator()
    blueprint = "child" if rng.random() < config.child_share else "adult"
    if blueprint == "adult" and seed.child("pram").generator().random() < config.pram_share:
        blueprint = "adult_with_pram"
    pace = float(np.clip(rng.normal(1.0, 0.13), 0.65, 1.5))
    crosses = rng.random() < 2 / 3
    best: tuple[str, ...] = ()
    for _ in range(_WALK_TRIES):
        start, end = (places[int(i)] for i in rng.choice(len(places), 2, replace=False))
        way = _walkway(sumo, start, end)
        if not way or network.leaves_the_map(way):
            continue
        best = way
        if network.must_cross(best) == crosses:
            break
    if not best:
        return None
    start_m = float(rng.uniform(0.0, network.edges[best[0]].length_m))
    return Trip(
        name=name, blueprint=blueprint, edges=best, depart_s=depart_s, start_m=start_m,
        traits=Traits(speed_factor=pace),
    )  # fmt: skip


def _walkway(sumo: ModuleType, start: str, end: str) -> tuple[str, ...]:
    """Return the edges of the shortest walk, or nothing where there is no way."""
    stages = sumo.simulation.findIntermodalRoute(start, end, modes="")
    edges = tuple(edge for stage in stages for edge in stage.edges)
    return tuple(edge for edge in edges if not edge.startswith(":"))
