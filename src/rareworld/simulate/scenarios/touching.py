"""When two parts played as planned touch, and how near they come: their boxes along their paths.

Proved against closed forms in tests/simulate/scenarios/test_scenario_touching.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import FloatArray, footprint, polygon_gap
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile

STEP_S = 0.02


@final
@dataclass(frozen=True)
class Plan:
    """A box that goes along a path as a profile says."""

    blueprint: str
    path: Path
    profile: SpeedProfile

    def outline_m(self, times_s: FloatArray) -> FloatArray:
        """Return the ground covered at each time, shape (n, 4, 2)."""
        stations = [self.profile.station_m(float(t)) for t in times_s]
        places = np.array([self.path.position(s) for s in stations])
        yaws = np.array([self.path.heading_rad(s) for s in stations])
        return footprint(places, yaws, np.array(BLUEPRINTS[self.blueprint].size_m))


def steady(blueprint: str, path: Path, station_m: float, time_s: float, speed_mps: float) -> Plan:
    """Return the plan to be at a station at a time, at one speed all along."""
    return Plan(
        blueprint, path, SpeedProfile.constant(speed_mps, start_s=time_s, start_m=station_m)
    )


def gap_m(a: Plan, b: Plan, times_s: FloatArray) -> FloatArray:
    """Return the distance of both boxes seen from above at each time; negative overlaps."""
    return polygon_gap(a.outline_m(times_s), b.outline_m(times_s))


def first_touch_s(a: Plan, b: Plan, from_s: float, to_s: float) -> float | None:
    """Return when the boxes first touch, to a millisecond; None if they do not."""
    times = np.arange(from_s, to_s, STEP_S)
    inside = np.flatnonzero(gap_m(a, b, times) <= 0)
    if not len(inside):
        return None
    high = float(times[inside[0]])
    low = high - STEP_S
    while high - low > 5e-4:
        middle = (low + high) / 2
        touches = float(gap_m(a, b, np.array([middle]))[0]) <= 0
        low, high = (low, middle) if touches else (middle, high)
    return high


def tuned(value: float, wanted: float, measure: Callable[[float], float], rounds: int = 4) -> float:
    """Return a value whose measure is as wanted, where one follows the other one to one."""
    for _ in range(rounds):
        value += wanted - measure(value)
    return value
