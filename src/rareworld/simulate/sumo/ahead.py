"""The way ahead of a vehicle: along SUMO's lanes of its route, through junctions too."""

import math
from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np
from jaxtyping import Float

_REACH_M = 60.0
"""Drivers look this far."""
_SAME_M = 1e-3
"""Points nearer to each other than this are one: lanes begin where others end."""


@final
@dataclass(frozen=True, slots=True)
class Approach:
    """A vehicle under SUMO's control, as far as yielding goes."""

    name: str
    x_m: float
    """Of the middle of the front bumper."""
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float
    arm_m: float
    """From the front bumper back to the rear axle."""
    speed_mps: float
    accel_mps2: float = 0.0


@final
class LanesAhead:
    """Lane shapes of the running simulation; each is asked for once."""

    def __init__(self, sumo: ModuleType) -> None:
        self._sumo = sumo
        self._shapes: dict[str, Float[np.ndarray, "p 2"]] = {}
        self._following: dict[str, tuple[str, ...]] = {}
        self._paths: dict[str, tuple[Approach, Float[np.ndarray, "p 2"]]] = {}

    def path(self, vehicle: Approach) -> Float[np.ndarray, "p 2"]:
        """Return the way from the bumper along the lanes of the route."""
        known = self._paths.get(vehicle.name)
        if known is None or known[0] is not vehicle:
            known = vehicle, self._laid_out(vehicle)
            self._paths[vehicle.name] = known
        return known[1]

    def _laid_out(self, vehicle: Approach) -> Float[np.ndarray, "p 2"]:
        shapes = [self._shape(lane) for lane in self._lanes(vehicle.name)]
        forward = np.array([math.cos(vehicle.yaw_rad), math.sin(vehicle.yaw_rad)])
        here = np.array([vehicle.x_m, vehicle.y_m])
        points = np.concatenate([np.empty((0, 2)), *shapes])
        if shapes:
            points = points[passed(shapes[0], here) :]
        ahead = points[(points - here) @ forward > 0.5] if len(points) < 3 else points
        path = np.concatenate([here[None], (here + 0.5 * forward)[None], ahead])
        moved = np.linalg.norm(np.diff(path, axis=0), axis=1) > _SAME_M
        return path[np.concatenate([[True], moved])]

    def _lanes(self, name: str) -> list[str]:
        """Return the lanes ahead as far as drivers look; the present one first."""
        here = self._sumo.vehicle.getLaneID(name)
        lanes = [here] if here else []
        if here.startswith(":"):
            return [*lanes, *self._through(here)]
        way = -float(self._sumo.vehicle.getLanePosition(name))
        way += float(self._sumo.lane.getLength(here)) if here else 0.0
        for link in self._sumo.vehicle.getNextLinks(name):
            if way > _REACH_M:
                break
            inside = [link[4], *self._through(link[4])[:-1]] if link[4] else []
            ahead = [*inside, link[0]]
            way += sum(float(self._sumo.lane.getLength(lane)) for lane in ahead)
            lanes += ahead
        return lanes

    def _through(self, lane: str) -> tuple[str, ...]:
        """Return what follows a lane inside a junction, up to and with the lane it leads to."""
        if lane not in self._following:
            links = self._sumo.lane.getLinks(lane) if lane.startswith(":") else ()
            after = str(links[0][4] or links[0][0]) if links else ""
            self._following[lane] = (after, *self._through(after)) if after else ()
        return self._following[lane]

    def _shape(self, lane: str) -> Float[np.ndarray, "p 2"]:
        if lane not in self._shapes:
            self._shapes[lane] = np.array(self._sumo.lane.getShape(lane), dtype=np.float64)
        return self._shapes[lane]


def passed(shape: Float[np.ndarray, "p 2"], here: Float[np.ndarray, "2"]) -> int:
    """Return how many points of a lane lie behind a vehicle on it."""
    step = np.diff(shape, axis=0)
    length = np.maximum((step * step).sum(axis=1), 1e-9)
    share = np.clip(((here - shape[:-1]) * step).sum(axis=1) / length, 0, 1)
    gap = np.linalg.norm(shape[:-1] + share[:, None] * step - here, axis=1)
    return int(gap.argmin()) + 1


def cut(path: Float[np.ndarray, "p 2"], way_m: float) -> Float[np.ndarray, "q 2"]:
    """Return the points of a path up to and with the first one beyond a way."""
    length = np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))
    return path[: int(np.searchsorted(length, way_m)) + 2]


def bend_1pm(path: Float[np.ndarray, "p 2"], way_m: float) -> float:
    """Return the mean curvature of a path over its first metres, positive to the left."""
    step = np.diff(path, axis=0)
    length = np.linalg.norm(step, axis=1)
    near = np.cumsum(length) - length < way_m
    step, length = step[near & (length > 1e-3)], length[near & (length > 1e-3)]
    if len(step) < 2:
        return 0.0
    turned = math.atan2(step[-1, 1], step[-1, 0]) - math.atan2(step[0, 1], step[0, 0])
    return math.remainder(turned, 2 * math.pi) / max(float(length.sum()), 1.0)
