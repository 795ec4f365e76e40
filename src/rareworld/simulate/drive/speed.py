"""Speed over time as phases of constant acceleration, and the search for one that is on time.

Proved in tests/simulate/drive/test_drive_speed.py.
"""

from dataclasses import dataclass
from typing import final

from rareworld.core.blueprint import Blueprint
from rareworld.errors import ScenarioError

_EASY = 0.8
"""Share of the vehicle's limits that plans use; the rest is for the controller."""


_SEARCH_S = 0.02
"""Grid on which the nearest possible time is looked for."""


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a plan may ask."""

    accel_mps2: float
    brake_mps2: float
    top_speed_mps: float

    @classmethod
    def of(cls, blueprint: Blueprint) -> "Limits":
        """Return limits a controller can keep with a margin."""
        return cls(
            accel_mps2=_EASY * blueprint.max_accel_mps2,
            brake_mps2=_EASY * blueprint.max_brake_mps2,
            top_speed_mps=blueprint.top_speed_mps,
        )

    def change_s(self, from_mps: float, to_mps: float) -> float:
        """Return the shortest time from one speed to another."""
        change = to_mps - from_mps
        return change / self.accel_mps2 if change > 0 else -change / self.brake_mps2


@final
@dataclass(frozen=True)
class SpeedProfile:
    """Phases from `start_s` on; after the last the speed stays."""

    start_s: float
    start_m: float
    """Station at the start."""
    start_mps: float
    phases: tuple[tuple[float, float], ...] = ()
    """(duration s, acceleration m/s^2) each."""

    @classmethod
    def constant(
        cls, speed_mps: float, *, start_s: float = 0.0, start_m: float = 0.0
    ) -> "SpeedProfile":
        """Return steady travel."""
        return cls(start_s, start_m, speed_mps)

    def then(self, duration_s: float, accel_mps2: float) -> "SpeedProfile":
        """Return the profile with one more phase; braking ends at standstill."""
        reached = self.speed_mps(self._end_s)
        if accel_mps2 < 0:
            duration_s = min(duration_s, reached / -accel_mps2)
        phases = (*self.phases, (duration_s, accel_mps2))
        return SpeedProfile(self.start_s, self.start_m, self.start_mps, phases)

    def brake_from(self, time_s: float, decel_mps2: float) -> "SpeedProfile":
        """Return steady travel after the phases so far, and braking to a stop from `time_s`."""
        steady = self.then(max(time_s - self._end_s, 0.0), 0.0)
        return steady.then(float("inf"), -decel_mps2)

    @property
    def _end_s(self) -> float:
        return self.start_s + sum(duration for duration, _ in self.phases)

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Return (station m, speed m/s, acceleration m/s^2) at a time."""
        left, station, speed = time_s - self.start_s, self.start_m, self.start_mps
        for duration, accel in self.phases:
            part = min(left, duration)
            if left < duration:
                return station + speed * part + accel * part**2 / 2, speed + accel * part, accel
            station += speed * duration + accel * duration**2 / 2
            speed = max(speed + accel * duration, 0.0)
            left -= duration
        return station + speed * left, speed, 0.0

    def speed_mps(self, time_s: float) -> float:
        """Return the speed at a time."""
        return self.at(time_s)[1]

    def station_m(self, time_s: float) -> float:
        """Return the station at a time."""
        return self.at(time_s)[0]


def reach(
    *,
    distance_m: float,
    duration_s: float,
    from_mps: float,
    to_mps: float,
    limits: Limits,
    start_s: float = 0.0,
    start_m: float = 0.0,
) -> SpeedProfile:
    """Return the profile that covers a distance in a time and ends at a speed: trapezoid.

    One speed is held between two ramps at the limits; it is found by bisection, since distance
    grows with it.

    Raises:
        ScenarioError: If no profile does it; names the nearest time that can be kept.
    """
    low, high = _cruise_range(duration_s, from_mps, to_mps, limits)
    covered = [_distance(c, duration_s, from_mps, to_mps, limits) for c in (low, high)]
    if high < low or not covered[0] - 1e-9 <= distance_m <= covered[1] + 1e-9:
        nearest = closest_time_s(distance_m, duration_s, from_mps, to_mps, limits)
        raise ScenarioError(
            f"cannot cover {distance_m:.2f} m in {duration_s:.2f} s from {from_mps:.2f} to "
            f"{to_mps:.2f} m/s; the nearest time within limits is {nearest:.2f} s"
        )
    for _ in range(60):
        middle = (low + high) / 2
        short = _distance(middle, duration_s, from_mps, to_mps, limits) < distance_m
        low, high = (middle, high) if short else (low, middle)
    cruise = (low + high) / 2
    first, last = limits.change_s(from_mps, cruise), limits.change_s(cruise, to_mps)
    profile = SpeedProfile(start_s, start_m, from_mps)
    ramps = ((first, from_mps, cruise), (duration_s - first - last, cruise, cruise),
             (last, cruise, to_mps))  # fmt: skip
    for span, begin, end in ramps:
        if span > 1e-9:
            profile = profile.then(span, (end - begin) / span)
    return profile


def closest_time_s(
    distance_m: float, duration_s: float, from_mps: float, to_mps: float, limits: Limits
) -> float:
    """Return the nearest duration that `reach` can keep, to 0.02 s; inf if there is none."""
    for step in range(int(max(4 * duration_s, 60.0) / _SEARCH_S)):
        for span in (duration_s - step * _SEARCH_S, duration_s + step * _SEARCH_S):
            if span > 0 and _feasible(distance_m, span, from_mps, to_mps, limits):
                return span
    return float("inf")


def _feasible(distance: float, span: float, start: float, end: float, limits: Limits) -> bool:
    low, high = _cruise_range(span, start, end, limits)
    if high < low:
        return False
    shortest, longest = (_distance(c, span, start, end, limits) for c in (low, high))
    return shortest <= distance <= longest


def _cruise_range(span: float, start: float, end: float, limits: Limits) -> tuple[float, float]:
    """Return the lowest and highest speed between two ramps that fit into a time."""
    slow, fast = min(start, end), max(start, end)
    spare = span - limits.change_s(start, end)
    if spare < -1e-9:
        return 1.0, 0.0
    per_mps = 1 / limits.accel_mps2 + 1 / limits.brake_mps2
    room = max(spare, 0.0) / per_mps
    return max(slow - room, 0.0), max(min(fast + room, limits.top_speed_mps), fast)


def _distance(cruise: float, span: float, start: float, end: float, limits: Limits) -> float:
    first, last = limits.change_s(start, cruise), limits.change_s(cruise, end)
    ramps = first * (start + cruise) / 2 + last * (cruise + end) / 2
    return ramps + cruise * (span - first - last)
