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
from rareworld.simulate.sumo.ahead import Approach, LanesAhead, bend_1pm, cut

_STOP_GAP_M = 2.0
"""Drivers stop this far in front of an obstacle."""
_NARROW_GAP_M = 0.6
_SIDE_ROOM_M = 0.35
"""Drivers want this much room on each side to pass."""
_NARROW_M = 0.1
_NOTICE_MPS2 = 2.0
"""A driver brakes once avoiding the obstacle takes this much."""
_HARDEST_MPS2 = 7.5
_BEYOND_M = 6.0
"""Obstacles are looked at up to this far beyond the way of a gentle stop."""
_SPEED_MODE = 31
_SPEED_MODE_HARD = 27
"""SUMO's speed mode without its limit on comfortable braking."""
_SPEED_MODE_PUSHING = 63
"""SUMO's speed mode without its right of way inside junctions."""
_PATIENCE_S = 3.0
"""Two who wait for each other inside a junction do so for this long."""
_GRIDLOCK_S = 20.0
"""After this long the one that was there first drives on whatever the other covers."""
_STANDING_MPS = 0.3
_BEND_OVER_M = 12.0
"""The bend ahead is judged over this way: the rear cuts in by arm^2 times curvature over 4."""
_SHARPEST_1PM = 0.12


@final
@dataclass(frozen=True)
class Obstacle:
    """The ground a body covers, with points along its outline."""

    outline_m: Float[np.ndarray, "p 2"]
    velocity_mps: Float[np.ndarray, "2"]
    owner: str = ""
    """SUMO's name of the vehicle, where it is one that SUMO drives."""
    narrow: bool = False
    """Passed at a hand's breadth: a vehicle that stands or waits for the one that passes."""

    @classmethod
    def of(cls, state: BodyState, size_m: tuple[float, float, float]) -> "Obstacle":
        """Return the outline of a body: corners and points between them."""
        at = np.asarray(state.position_m)[None]
        corners = footprint(at, np.array([state.yaw_rad]), np.array([size_m]))[0]
        step = np.linspace(0.0, 1.0, 5)[:-1, None]
        edges = [a + step * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
        return cls(np.concatenate(edges), np.asarray(state.velocity_mps[:2], dtype=np.float64))


@final
class Yielding:
    """Makes SUMO's drivers brake for obstacles and lets them go again."""

    def __init__(self, sumo: ModuleType, ahead: LanesAhead, step_s: float) -> None:
        self._sumo, self._ahead = sumo, ahead
        self._step_s = step_s
        self._braking: set[str] = set()
        self._stuck_s: dict[str, float] = {}
        """For how long each has stood in the way of somebody who stands because of it."""

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
        stood: set[str] = set()
        for vehicle in vehicles:
            locked = self._stuck_s.get(vehicle.name, 0.0) > _GRIDLOCK_S
            around = [o for o in crossing.get(vehicle.name, ()) if not (locked and o.narrow)]
            ahead = [*obstacles, *around]
            if not ahead and vehicle.name not in self._braking:
                continue
            decel, owner = self._wanted_decel(vehicle, ahead)
            held = vehicle.name in self._braking
            if decel >= _NOTICE_MPS2 or (held and decel > 0):
                self._brake(vehicle, min(decel, _HARDEST_MPS2))
                stood |= {owner} if owner and vehicle.speed_mps < _STANDING_MPS else set()
            elif held:
                self._release(vehicle.name)
        self._free_the_way(stood)

    def forget(self, name: str) -> None:
        """Drop a vehicle that is no longer SUMO's."""
        self._braking.discard(name)
        self._stuck_s.pop(name, None)

    def _free_the_way(self, owners: set[str]) -> None:
        """Let those go on who wait in a junction for vehicles that stand because of them."""
        for name in sorted(set(self._stuck_s) - owners):
            if self._stuck_s.pop(name) >= _PATIENCE_S and name in self._sumo.vehicle.getIDList():
                self._sumo.vehicle.setSpeedMode(name, _SPEED_MODE)
        for name in sorted(owners):
            before = self._stuck_s.get(name, 0.0)
            self._stuck_s[name] = before + self._step_s
            if before < _PATIENCE_S <= self._stuck_s[name] and name not in self._braking:
                self._sumo.vehicle.setSpeedMode(name, _SPEED_MODE_PUSHING)

    def _brake(self, vehicle: Approach, decel_mps2: float) -> None:
        self._braking.add(vehicle.name)
        self._sumo.vehicle.setSpeedMode(vehicle.name, _SPEED_MODE_HARD)
        speed = max(0.0, vehicle.speed_mps - decel_mps2 * self._step_s)
        self._sumo.vehicle.setSpeed(vehicle.name, speed)

    def _release(self, name: str) -> None:
        self._braking.discard(name)
        self._sumo.vehicle.setSpeedMode(name, _SPEED_MODE)
        self._sumo.vehicle.setSpeed(name, -1)

    def _wanted_decel(self, vehicle: Approach, obstacles: Sequence[Obstacle]) -> tuple[float, str]:
        """Return the braking that the worst obstacle asks for and its owner; zero if none does."""
        reach = vehicle.speed_mps**2 / (2 * _NOTICE_MPS2) + _BEYOND_M
        near = [obstacle for obstacle in obstacles if _before(vehicle, obstacle, reach)]
        if not near:
            return 0.0, ""
        path = cut(self._ahead.path(vehicle), reach)
        bend = bend_1pm(path, _BEND_OVER_M)
        cut_in = vehicle.arm_m**2 * min(abs(bend), _SHARPEST_1PM) / 4
        found: list[tuple[float, str]] = []
        for obstacle in near:
            half = vehicle.width_m / 2 + (_NARROW_M if obstacle.narrow else _SIDE_ROOM_M)
            room = (half + cut_in, half) if bend > 0 else (half, half + cut_in)
            found.append((_decel(path, room, vehicle.speed_mps, obstacle), obstacle.owner))
        return max(found, key=lambda item: item[0])


def _before(vehicle: Approach, obstacle: Obstacle, reach_m: float) -> bool:
    """Tell whether an obstacle lies ahead of the bumper and near enough to matter."""
    away = obstacle.outline_m - np.array([vehicle.x_m, vehicle.y_m])
    ahead = away[:, 0] * math.cos(vehicle.yaw_rad) + away[:, 1] * math.sin(vehicle.yaw_rad)
    return float(ahead.max()) > 0 and float(np.abs(away).min(axis=0).max()) < reach_m


def _decel(
    path: Float[np.ndarray, "p 2"],
    room_m: tuple[float, float],
    speed_mps: float,
    obstacle: Obstacle,
) -> float:
    """Return the constant braking that keeps the stop gap to an obstacle on the path.

    `room_m` is what the vehicle needs to the left and to the right of the path.
    """
    step = np.diff(path, axis=0)
    length = np.linalg.norm(step, axis=1)
    along = step / np.maximum(length, 1e-9)[:, None]
    rel = obstacle.outline_m[:, None] - path[:-1]
    station = (rel * along).sum(axis=-1)
    left = rel[..., 1] * along[:, 0] - rel[..., 0] * along[:, 1]
    hit = (station >= 0) & (station <= length) & (left <= room_m[0]) & (left >= -room_m[1])
    if not hit.any():
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(length)[:-1]]) + station
    index = np.unravel_index(np.where(hit, total, np.inf).argmin(), hit.shape)
    gap = _NARROW_GAP_M if obstacle.narrow else _STOP_GAP_M
    away = max(0.0, float(obstacle.velocity_mps @ along[int(index[1])]))
    closing = speed_mps - away
    if closing <= 0:
        return 0.0 if float(total[index]) > gap else _NOTICE_MPS2
    room = max(float(total[index]) - gap, 0.05)
    return max(closing * closing / (2 * room), 1e-3)
