"""How roles act after the hand-over: on time at a place, then on.

Each record is asked once, with the state met at hand-over, and returns a driver of `drive`.
"""

from dataclasses import dataclass
from typing import final

from rareworld.core.blueprint import Blueprint
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.drive.manoeuvre import FollowPath, WalkPath
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import Limits, SpeedProfile, reach
from rareworld.simulate.state import BodyState

Phases = tuple[tuple[float, float], ...]
"""(duration s, acceleration m/s^2) one after the other."""


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

    def driver(self, state: BodyState) -> Driver:
        """Return the driver that is on time from here."""
        station, offset = self.path.project(state.position_m)
        if abs(offset) > 1.5:
            raise ScenarioError(f"met {offset:.1f} m beside the way at hand-over")
        profile = reach(
            distance_m=self.station_m - station,
            duration_s=self.time_s - state.time_s,
            from_mps=state.speed_mps,
            to_mps=self.speed_mps,
            limits=Limits.of(self.spec),
            start_s=state.time_s,
            start_m=station,
        )
        return moving(self.spec, self.path, _after(profile, self.then), self.always)


@final
@dataclass(frozen=True, kw_only=True)
class Paced:
    """Goes on from the speed it has in phases, whatever comes."""

    spec: Blueprint
    path: Path
    phases: Phases = ()
    always: Lamp = Lamp.NONE

    def driver(self, state: BodyState) -> Driver:
        """Return the driver that keeps these phases from here."""
        station, _ = self.path.project(state.position_m)
        start = SpeedProfile.constant(state.speed_mps, start_s=state.time_s, start_m=station)
        return moving(self.spec, self.path, _after(start, self.phases), self.always)


def moving(spec: Blueprint, path: Path, profile: SpeedProfile, always: Lamp) -> Driver:
    """Return the walker or the driver that follows a path at a profile's pace."""
    if spec.wheelbase_m <= 0:
        return WalkPath(spec, path, profile)
    return FollowPath(spec, path, profile, always=always)


def _after(profile: SpeedProfile, phases: Phases) -> SpeedProfile:
    for duration_s, accel_mps2 in phases:
        profile = profile.then(duration_s, accel_mps2)
    return profile
