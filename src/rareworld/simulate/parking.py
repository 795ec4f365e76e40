"""Parked vehicles in the parking lanes of a map."""

from typing import final

import numpy as np
from pydantic import Field

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from rareworld.data.config import Config
from rareworld.simulate.state import BodyState

_ROOM_M = 0.9
"""Mean room between parked vehicles."""
_ASKEW_RAD, _ASIDE_M = 0.02, 0.08
"""Spread of heading and of place across the bay."""
_NARROWEST_M = 1.9
_PARKED = {"van": 0.1, "small_van": 0.2, "ambulance": 0.0, "police": 0.2, "taxi": 0.3}
"""How much rarer than in traffic some are at the kerb."""


@final
class ParkingConfig(Config):
    """How full parking lanes are."""

    occupancy: float = Field(default=0.65, ge=0, le=1)
    """Share of places with a vehicle."""


def draw_parked(road: RoadMap, config: ParkingConfig, seed: Seed) -> list[tuple[str, BodyState]]:
    """Return blueprint and state of each parked vehicle, lane by lane."""
    out: list[tuple[str, BodyState]] = []
    for name in sorted(road.lanes):
        lane = road.lanes[name]
        if lane.kind is LaneKind.PARKING and config.occupancy > 0:
            out += _line_up(lane, config, seed.child(name).generator())
    return out


def _line_up(
    lane: Lane, config: ParkingConfig, rng: np.random.Generator
) -> list[tuple[str, BodyState]]:
    cars = [name for name, spec in BLUEPRINTS.items() if spec.class_id is ClassId.CAR]
    share = np.array([BLUEPRINTS[name].frequency * _PARKED.get(name, 1.0) for name in cars])
    out: list[tuple[str, BodyState]] = []
    station = float(rng.uniform(0.5, 2.0))
    while True:
        name = cars[int(rng.choice(len(cars), p=share / share.sum()))]
        spec = BLUEPRINTS[name]
        middle = station + spec.length_m / 2
        if station + spec.length_m + 0.5 > lane.length_m:
            return out
        place = _place(lane, middle, rng)
        if rng.random() < config.occupancy and place.width_m >= max(spec.width_m, _NARROWEST_M):
            out.append((name, place.state))
        station += spec.length_m + _ROOM_M + float(rng.exponential(0.6))


class _Place:
    """A bay: how wide the lane is there and the state of who stands in it."""

    def __init__(self, width_m: float, state: BodyState) -> None:
        self.width_m, self.state = width_m, state


def _place(lane: Lane, station_m: float, rng: np.random.Generator) -> _Place:
    at = np.array([np.interp(station_m, lane.station_m, lane.centre_m[:, k]) for k in range(3)])
    left = np.array([np.interp(station_m, lane.station_m, lane.left_m[:, k]) for k in range(3)])
    right = np.array([np.interp(station_m, lane.station_m, lane.right_m[:, k]) for k in range(3)])
    index = int(np.clip(np.searchsorted(lane.station_m, station_m), 1, len(lane.centre_m) - 1))
    way = lane.centre_m[index] - lane.centre_m[index - 1]
    across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    yaw = float(np.arctan2(way[1], way[0])) + float(rng.normal(0.0, _ASKEW_RAD))
    at = at + across * float(np.clip(rng.normal(0.0, _ASIDE_M), -0.15, 0.15))
    return _Place(float(np.linalg.norm(left - right)), BodyState.upright(0.0, at, yaw, 0.0))
