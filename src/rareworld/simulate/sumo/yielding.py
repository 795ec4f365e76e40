"""Drivers who brake for what SUMO cannot show them: wrecks across lanes, people in the road.

SUMO's drivers see the vehicle ahead in their own lane. A body that we drive or that physics throws
about may lie across several lanes or beside them, so every step the path ahead of each vehicle is
laid out along its lanes, and a driver whose path is blocked brakes at the constant rate that stops
the vehicle in front of the obstacle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.geometry import footprint
from rareworld.simulate.state import BodyState

_STOP_GAP_M = 2.0
"""Drivers stop this far in front of an obstacle."""
_SIDE_ROOM_M = 0.35
"""Drivers want this much room on each side to pass."""
_NOTICE_MPS2 = 2.0
"""A driver brakes once avoiding the obstacle takes this much."""
_HARDEST_MPS2 = 7.5
_REACH_M = 90.0
"""Obstacles farther away are not looked at."""
_SPEED_MODE = 31
_SPEED_MODE_HARD = 27
"""SUMO's speed mode without its limit on comfortable braking."""


@final
@dataclass(frozen=True)
class Obstacle:
    """The ground a body covers, with points along its outline."""

    outline_m: Float[np.ndarray, "p 2"]
    velocity_mps: Float[np.ndarray, "2"]

    @classmethod
    def of(cls, state: BodyState, size_m: tuple[float, float, float]) -> "Obstacle":
        """Return the outline of a body: corners and points between them."""
        at = np.asarray(state.position_m)[None]
        corners = footprint(at, np.array([state.yaw_rad]), np.array([size_m]))[0]
        step = np.linspace(0.0, 1.0, 5)[:-1, None]
        edges = [a + step * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
        return cls(np.concatenate(edges), np.asarray(state.velocity_mps[:2], dtype=np.float64))


@final
@dataclass(frozen=True, slots=True)
class Approach:
    """A vehicle under SUMO's control, as far as yielding goes."""

    name: str
    x_m: float
    """Of the middle of the front bumper."""
    y_m: float
    yaw_rad: float
    width_m: float
    speed_mps: float


@final
class Yielding:
    """Makes SUMO's drivers brake for obstacles and lets them go again."""

    def __init__(self, sumo: ModuleType, step_s: float) -> None:
        self._sumo = sumo
        self._step_s = step_s
        self._braking: set[str] = set()

    def apply(
        self,
        vehicles: Sequence[Approach],
        obstacles: Sequence[Obstacle],
        crossing: Mapping[str, Sequence[Obstacle]],
    ) -> None:
        """Set the speeds of the coming step.

        Args:
            vehicles: All that SUMO drives.
            obstacles: What everybody brakes for.
            crossing: By vehicle, what only this one brakes for.
        """
        for vehicle in vehicles:
            ahead = [*obstacles, *crossing.get(vehicle.name, ())]
            if not ahead and vehicle.name not in self._braking:
                continue
            decel = self._wanted_decel(vehicle, ahead)
            held = vehicle.name in self._braking
            if decel >= _NOTICE_MPS2 or (held and decel > 0):
                self._brake(vehicle, min(decel, _HARDEST_MPS2))
            elif held:
                self._release(vehicle.name)

    def forget(self, name: str) -> None:
        """Drop a vehicle that is no longer SUMO's."""
        self._braking.discard(name)

    def _brake(self, vehicle: Approach, decel_mps2: float) -> None:
        self._braking.add(vehicle.name)
        self._sumo.vehicle.setSpeedMode(vehicle.name, _SPEED_MODE_HARD)
        speed = max(0.0, vehicle.speed_mps - decel_mps2 * self._step_s)
        self._sumo.vehicle.setSpeed(vehicle.name, speed)

    def _release(self, name: str) -> None:
        self._braking.discard(name)
        self._sumo.vehicle.setSpeedMode(name, _SPEED_MODE)
        self._sumo.vehicle.setSpeed(name, -1)

    def _wanted_decel(self, vehicle: Approach, obstacles: Sequence[Obstacle]) -> float:
        """Return the braking that the nearest blocking obstacle asks for; zero if none blocks."""
        here = np.array([vehicle.x_m, vehicle.y_m])
        near = [o for o in obstacles if np.abs(o.outline_m[0] - here).max() < _REACH_M]
        if not near:
            return 0.0
        path = self._path(vehicle)
        half = vehicle.width_m / 2 + _SIDE_ROOM_M
        return max(_decel(path, half, vehicle.speed_mps, obstacle) for obstacle in near)

    def _lanes(self, name: str) -> list[str]:
        """Return the lanes ahead as far as drivers look; the present one first."""
        here = self._sumo.vehicle.getLaneID(name)
        lanes = [here] if here else []
        way = -float(self._sumo.vehicle.getLanePosition(name))
        way += float(self._sumo.lane.getLength(here)) if here else 0.0
        for link in self._sumo.vehicle.getNextLinks(name):
            if way > _REACH_M:
                break
            ahead = [lane for lane in (link[4], link[0]) if lane]
            way += sum(float(self._sumo.lane.getLength(lane)) for lane in ahead)
            lanes += ahead
        return lanes

    def _path(self, vehicle: Approach) -> Float[np.ndarray, "p 2"]:
        """Return the way ahead: from the bumper along the lanes of the route."""
        sumo, name = self._sumo, vehicle.name
        shapes = [np.array(sumo.lane.getShape(lane)) for lane in self._lanes(name)]
        forward = np.array([math.cos(vehicle.yaw_rad), math.sin(vehicle.yaw_rad)])
        here = np.array([vehicle.x_m, vehicle.y_m])
        points = np.concatenate([np.empty((0, 2)), *shapes])
        if shapes:
            own = shapes[0]
            passed = _passed(own, here)
            points = points[passed:]
        ahead = points[(points - here) @ forward > 0.5] if len(points) < 3 else points
        return np.concatenate([here[None], (here + 0.5 * forward)[None], ahead])


def _passed(shape: Float[np.ndarray, "p 2"], here: Float[np.ndarray, "2"]) -> int:
    """Return how many points of a lane lie behind a vehicle on it."""
    step = np.diff(shape, axis=0)
    length = np.maximum((step * step).sum(axis=1), 1e-9)
    share = np.clip(((here - shape[:-1]) * step).sum(axis=1) / length, 0, 1)
    gap = np.linalg.norm(shape[:-1] + share[:, None] * step - here, axis=1)
    return int(gap.argmin()) + 1


def _decel(
    path: Float[np.ndarray, "p 2"], half_m: float, speed_mps: float, obstacle: Obstacle
) -> float:
    """Return the constant braking that keeps the stop gap to an obstacle on the path."""
    step = np.diff(path, axis=0)
    length = np.linalg.norm(step, axis=1)
    along = step / np.maximum(length, 1e-9)[:, None]
    rel = obstacle.outline_m[:, None] - path[:-1]
    station = (rel * along).sum(axis=-1)
    across = np.abs(rel[..., 0] * along[:, 1] - rel[..., 1] * along[:, 0])
    hit = (station >= 0) & (station <= length) & (across <= half_m)
    if not hit.any():
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(length)[:-1]]) + station
    index = np.unravel_index(np.where(hit, total, np.inf).argmin(), hit.shape)
    away = max(0.0, float(obstacle.velocity_mps @ along[int(index[1])]))
    closing = speed_mps - away
    if closing <= 0:
        return 0.0 if float(total[index]) > _STOP_GAP_M else _NOTICE_MPS2
    room = max(float(total[index]) - _STOP_GAP_M, 0.05)
    return max(closing * closing / (2 * room), 1e-3)
