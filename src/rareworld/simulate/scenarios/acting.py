"""How roles act after the hand-over: on time at a place, then on; and like anybody once it is over.

Each record is asked once, with the state met at hand-over, and returns a driver of `drive`. Drivers
whose part is over keep their distance by the Intelligent Driver Model (Treiber, Hennecke and
Helbing 2000).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import wrap_angle
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.controller import lamps
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.drive.manoeuvre import FollowPath, WalkPath
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import Limits, SpeedProfile, reach
from rareworld.simulate.state import BodyState, Command

Phases = tuple[tuple[float, float], ...]
"""(duration s, acceleration m/s^2) one after the other."""
ASIDE_M = 1.5
"""A role met farther than this from its way cannot play its part."""

_LOOK_M = 45.0
_LANE_M = 1.9
"""Bodies whose middle is this near to the way are in it."""
_HALF_OTHER_M = 2.4
_JAM_M, _HEADWAY_S = 2.0, 1.2
_FORESEEN_S, _LATERAL_MPS2 = 1.5, 3.0
"""Bends this far ahead are taken with at most this lateral acceleration."""
_HARDEST_SLOWING = 3.5
"""Times the easy acceleration, for bends and limits."""
_EASY_ACCEL_MPS2, _EASY_BRAKE_MPS2 = 1.5, 2.5


@final
@dataclass(frozen=True, kw_only=True)
class OnTime:
    """Is at a station of its path at a time and speed, and goes on in phases."""

    spec: Blueprint
    path: Path
    station_m: float
    time_s: float
    speed_mps: float
    then: Phases = ()
    always: Lamp = Lamp.NONE
    over_s: float | None = None
    """When its part is over and it drives on like anybody."""

    def driver(self, state: BodyState) -> Driver:
        """Return the driver that is on time from here."""
        profile = reach(
            distance_m=self.station_m - _station_m(self.path, state),
            duration_s=self.time_s - state.time_s,
            from_mps=state.speed_mps,
            to_mps=self.speed_mps,
            limits=Limits.of(self.spec),
            start_s=state.time_s,
            start_m=_station_m(self.path, state),
        )
        profile = prolonged(profile, self.then)
        return moving(self.spec, self.path, profile, self.always, self.over_s)


@final
@dataclass(frozen=True, kw_only=True)
class Paced:
    """Goes on from the speed it has in phases, whatever comes."""

    spec: Blueprint
    path: Path
    phases: Phases = ()
    always: Lamp = Lamp.NONE
    over_s: float | None = None
    """As for `OnTime`."""
    to_end: bool = False
    """Whether it stops where its path ends, once its part is over."""

    def driver(self, state: BodyState) -> Driver:
        """Return the driver that keeps these phases from here."""
        station = _station_m(self.path, state)
        start = SpeedProfile.constant(state.speed_mps, start_s=state.time_s, start_m=station)
        profile = prolonged(start, self.phases)
        driver = moving(self.spec, self.path, profile, self.always, self.over_s)
        return (
            replace(driver, to_end=True) if self.to_end and isinstance(driver, Careful) else driver
        )


@final
@dataclass(frozen=True)
class Careful:
    """Plays its part until a time, then goes on at its pace and keeps its distance."""

    inner: FollowPath
    over_s: float
    cruise_mps: float
    to_end: bool = False
    """Whether it stops where its path ends."""

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return the part's command, later one that stays clear of what is on the way."""
        if time_s < self.over_s:
            return self.inner.command(time_s, own, others)
        station, _ = self.inner.path.project(own.position_m)
        steady = SpeedProfile.constant(own.speed_mps, start_s=time_s, start_m=station)
        wanted = replace(self.inner, profile=steady).command(time_s, own, others)
        accel = self._accel_mps2(own, station, others)
        always = Lamp.NONE if self.inner.always in _BLINKERS else self.inner.always
        return replace(wanted, accel_mps2=accel, lamps=lamps(accel, self.inner.config, always))

    def _accel_mps2(
        self, own: BodyState, station_m: float, others: Mapping[int, BodyState]
    ) -> float:
        """Return the model's acceleration, the least over all bodies on the way."""
        speed, spec = own.speed_mps, self.inner.spec
        free = 1 - min((speed / self._wanted_mps(station_m, speed)) ** 4, _HARDEST_SLOWING)
        close = max((self._closeness(own, station_m, o) for o in others.values()), default=0.0)
        if self.to_end:
            room = self.inner.path.length_m - station_m - spec.length_m / 2
            close = max(close, _pressure(speed, 0.0, room))
        accel = _EASY_ACCEL_MPS2 * (free - close)
        return min(max(accel, -spec.max_brake_mps2), spec.max_accel_mps2)

    def _wanted_mps(self, station_m: float, speed_mps: float) -> float:
        """Return the cruising speed, less where a bend comes up."""
        path = self.inner.path
        ahead = (path.station_m >= station_m) & (
            path.station_m <= station_m + _FORESEEN_S * speed_mps
        )
        bend = float(np.abs(path.bend[ahead]).max(initial=1e-4))
        return max(min(self.cruise_mps, math.sqrt(_LATERAL_MPS2 / bend)), 0.5)

    def _closeness(self, own: BodyState, station_m: float, other: BodyState) -> float:
        """Return the squared share of the wanted gap to another; 0 if it is not on the way."""
        dx, dy = (float(v) for v in (other.position_m - own.position_m)[:2])
        ahead = dx * math.cos(own.yaw_rad) + dy * math.sin(own.yaw_rad)
        if not 0 < ahead < _LOOK_M:
            return 0.0
        path = self.inner.path
        there, offset = path.project(other.position_m, station_m + ahead)
        if abs(offset) > _LANE_M or there <= station_m:
            return 0.0
        gap = there - station_m - self.inner.spec.length_m / 2 - _HALF_OTHER_M
        turned = float(wrap_angle(other.yaw_rad - path.heading_rad(there)))
        return _pressure(own.speed_mps, other.speed_mps * math.cos(turned), gap)


def _pressure(speed_mps: float, ahead_mps: float, gap_m: float) -> float:
    """Return the model's squared ratio of the wanted gap to the gap there is."""
    easy = 2 * math.sqrt(_EASY_ACCEL_MPS2 * _EASY_BRAKE_MPS2)
    closing = speed_mps * (speed_mps - ahead_mps) / easy
    wanted = _JAM_M + max(speed_mps * _HEADWAY_S + closing, 0.0)
    return (wanted / max(gap_m, 0.1)) ** 2


_BLINKERS = (Lamp.LEFT_BLINKER, Lamp.RIGHT_BLINKER)


def moving(
    spec: Blueprint,
    path: Path,
    profile: SpeedProfile,
    always: Lamp = Lamp.NONE,
    over_s: float | None = None,
) -> Driver:
    """Return the walker or the driver that follows a path at a profile's pace."""
    if spec.wheelbase_m <= 0:
        return WalkPath(spec, path, profile)
    follow = FollowPath(spec, path, profile, always=always)
    if over_s is None:
        return follow
    return Careful(follow, over_s, profile.start_mps)


def prolonged(profile: SpeedProfile, phases: Phases) -> SpeedProfile:
    """Return the profile with phases after its own."""
    for duration_s, accel_mps2 in phases:
        profile = profile.then(duration_s, accel_mps2)
    return profile


def _station_m(path: Path, state: BodyState) -> float:
    """Return where on its way a role is met.

    Raises:
        ScenarioError: If it is beside it.
    """
    station, offset = path.project(state.position_m)
    if abs(offset) > ASIDE_M:
        raise ScenarioError(f"met {offset:.1f} m beside the way at hand-over")
    return station
