"""Who heeds whom inside junctions, where SUMO's own rules let bodies meet.

SUMO settles conflicts by points on lanes. Vehicles that wait inside a junction, bodies that cut
corners and people who are still on a crossing slip through. So inside a junction those who went in
later heed what those before them cover now and within the next seconds, all heed the bodies of the
others and people on the crossings. People step round vehicles that stand in their way.
Proved in tests/simulate/sumo/test_sumo_heed.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.simulate.sumo.actors import Sighting
from rareworld.simulate.sumo.ahead import Approach, LanesAhead
from rareworld.simulate.sumo.yielding import Obstacle

_COMING_M = 30.0
"""Vehicles heed those inside the junction before them within this distance between centres."""
_ROLLING_MPS = 2.0
"""Who approaches more slowly than this has time to look once inside."""
_PEOPLE_M = 14.0
_FORESIGHT_S = 2.2
"""So far ahead drivers reckon with the way of vehicles that go before them."""
_STANDING_MPS = 0.3
"""Vehicles that stand are passed at a hand's breadth: SUMO lets them wait just beside the way."""
_WALK_S = 1.5
"""So far ahead they reckon with people on a crossing."""
_STEPS = 4
_PERSON_M = 0.35
_CROSSING = "_c"


@final
@dataclass
class Heed:
    """Remembers who entered a junction when."""

    ahead: LanesAhead
    _entered: dict[int, float] = field(default_factory=dict[int, float])

    def obstacles(
        self, time_s: float, seen: Sequence[Sighting], ways: dict[int, Approach]
    ) -> dict[str, list[Obstacle]]:
        """Return by vehicle inside a junction or near one what it must not run into.

        Args:
            time_s: Now.
            seen: Everybody SUMO moves.
            ways: The vehicles among them, by id.
        """
        vehicles = [s for s in seen if s.id in ways]
        inside = self._inside(time_s, vehicles)
        rolling = [s for s in vehicles if ways[s.id].speed_mps > _ROLLING_MPS]
        coming = [s for s in rolling if _comes(s, inside)]
        strides = [(s, _stride(s)) for s in seen if s.id not in ways and _CROSSING in s.lane]
        bodies = [(s, replace(_body(ways[s.id], s), narrow=True)) for s in inside]
        sweeps = bodies
        if len(inside) + len(coming) > 1:
            sweeps = [(s, self._sweep(ways[s.id], s)) for s in inside]
        out: dict[str, list[Obstacle]] = {}
        for index, own in enumerate([*inside, *coming]):
            found = [ground for person, ground in strides if _apart(own, person) < _PEOPLE_M]
            found += _met(own, [*sweeps[:index], *bodies[index:]])
            if found:
                out[own.name] = found
        return out

    def _inside(self, time_s: float, vehicles: Sequence[Sighting]) -> list[Sighting]:
        """Return the vehicles inside junctions in the order in which they went in."""
        inside = [seen for seen in vehicles if seen.lane.startswith(":")]
        now = {seen.id for seen in inside}
        self._entered = {i: at for i, at in self._entered.items() if i in now}
        for seen in inside:
            self._entered.setdefault(seen.id, time_s)
        return sorted(inside, key=lambda seen: (self._entered[seen.id], seen.id))

    def _sweep(self, way: Approach, seen: Sighting) -> Obstacle:
        """Return the ground a vehicle covers now and on its way within the foresight."""
        size = (way.length_m, way.width_m)
        body = _body(way, seen)
        outline = [body.outline_m]
        reach = way_ahead_m(way.speed_mps, way.accel_mps2, _FORESIGHT_S)
        if reach > 0.5:
            path = self.ahead.path(way)
            for share in range(1, _STEPS + 1):
                x, y, yaw = _at(path, reach * share / _STEPS)
                back = way.length_m / 2
                middle = x - back * math.cos(yaw), y - back * math.sin(yaw)
                outline.append(box_outline(*middle, yaw, *size))
        stands = way.speed_mps < _STANDING_MPS
        return Obstacle(np.concatenate(outline), body.velocity_mps, way.name, narrow=stands)


def way_ahead_m(speed_mps: float, accel_mps2: float, horizon_s: float) -> float:
    """Return how far a vehicle gets within a time at its present acceleration."""
    accel = min(max(accel_mps2, -6.0), 1.5)
    if speed_mps + accel * horizon_s < 0:
        return speed_mps * speed_mps / (-2 * accel)
    return speed_mps * horizon_s + accel * horizon_s * horizon_s / 2


def box_outline(
    x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float
) -> Float[np.ndarray, "16 2"]:
    """Return the corners of a box and points between them."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    along, across = _RIM[:, 0] * length_m, _RIM[:, 1] * width_m
    return np.stack([x_m + along * cos - across * sin, y_m + along * sin + across * cos], axis=1)


_RIM = np.array(
    [
        (0.5, 0.5), (0.25, 0.5), (0.0, 0.5), (-0.25, 0.5), (-0.5, 0.5), (-0.5, 0.25),
        (-0.5, 0.0), (-0.5, -0.25), (-0.5, -0.5), (-0.25, -0.5), (0.0, -0.5), (0.25, -0.5),
        (0.5, -0.5), (0.5, -0.25), (0.5, 0.0), (0.5, 0.25),
    ]
)  # fmt: skip
"""Points round a box of length and width one."""


def _comes(own: Sighting, inside: Sequence[Sighting]) -> bool:
    """Tell whether a vehicle is outside junctions and near one that is inside."""
    near = (_apart(own, other) < _COMING_M for other in inside)
    return not own.lane.startswith(":") and any(near)


def _met(own: Sighting, grounds: Sequence[tuple[Sighting, Obstacle]]) -> list[Obstacle]:
    """Return the ground of the vehicles near one, less of those on its own lane."""
    return [
        ground
        for other, ground in grounds
        if other.lane != own.lane and _apart(own, other) < _COMING_M
    ]


def _apart(a: Sighting, b: Sighting) -> float:
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)


def _at(path: Float[np.ndarray, "p 2"], way_m: float) -> tuple[float, float, float]:
    """Return point and heading after a way along a path; straight on beyond its end."""
    step = np.diff(path, axis=0)
    length = np.linalg.norm(step, axis=1)
    ends = np.cumsum(length)
    index = int(min(np.searchsorted(ends, way_m), len(length) - 1))
    share = (way_m - (ends[index] - length[index])) / max(float(length[index]), 1e-9)
    point = path[index] + share * step[index]
    return float(point[0]), float(point[1]), math.atan2(step[index, 1], step[index, 0])


def _body(way: Approach, seen: Sighting) -> Obstacle:
    """Return the ground a vehicle covers now."""
    outline = box_outline(seen.x_m, seen.y_m, seen.yaw_rad, way.length_m, way.width_m)
    return Obstacle(outline, np.array([seen.vx_mps, seen.vy_mps]), way.name)


def _stride(person: Sighting) -> Obstacle:
    """Return the ground a person on a crossing covers now and within the next steps."""
    boxes = [
        box_outline(
            person.x_m + person.vx_mps * at_s, person.y_m + person.vy_mps * at_s,
            person.yaw_rad, 2 * _PERSON_M, 2 * _PERSON_M,
        )
        for at_s in (0.0, _WALK_S / 2, _WALK_S)
    ]  # fmt: skip
    return Obstacle(np.concatenate(boxes), np.array([person.vx_mps, person.vy_mps]))
