"""Drivers for the parts played in scenarios.

Proved in closed loop with the crash physics in tests/simulate/drive/test_drive_closed_loop.py.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import wrap_angle
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.controller import (
    ControllerConfig,
    accel_mps2,
    lamps,
    wheeled_command,
)
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.state import BodyState, Command

_WALK_AHEAD_M = 0.6


@final
@dataclass(frozen=True)
class FollowPath:
    """Drives or rides along a path at a profile's pace; cars, trucks and two-wheelers alike."""

    spec: Blueprint
    path: Path
    profile: SpeedProfile
    config: ControllerConfig = field(default_factory=ControllerConfig)
    always: Lamp = Lamp.NONE
    """Lamps that stay on."""

    def __post_init__(self) -> None:
        if self.spec.wheelbase_m <= 0:
            raise ScenarioError(f"{self.spec.name!r} has no wheels; people use WalkPath")

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return the command; others are not looked at."""
        del others
        return wheeled_command(
            self.path, self.profile, time_s, own, self.spec, self.config, self.always
        )


@final
@dataclass(frozen=True)
class BrakeHard:
    """Drives like another driver until a time, then brakes and goes on steering like it."""

    inner: Driver
    at_s: float
    decel_mps2: float = 8.0

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return the inner command, or full braking with lamps from `at_s` on."""
        inner = self.inner.command(time_s, own, others)
        if time_s < self.at_s:
            return inner
        return replace(inner, accel_mps2=-self.decel_mps2, lamps=inner.lamps | int(Lamp.BRAKE))


@final
@dataclass(frozen=True)
class Swerve:
    """Pulls sideways at a time and, if asked, back again; the pace stays the profile's."""

    inner: FollowPath
    at_s: float
    offset_m: float
    """To the left."""
    length_m: float = 15.0
    """Way until the offset is reached."""
    hold_m: float | None = None
    """Way spent there before coming back over `length_m`; None stays."""

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return the command along the swerving path."""
        return replace(self.inner, path=self.path).command(time_s, own, others)

    @property
    def path(self) -> Path:
        """The path with the swerve in it."""
        start = self.inner.profile.station_m(self.at_s)
        return _swerved(self.inner.path, start, self.length_m, self.offset_m, self.hold_m)


@final
@dataclass(frozen=True)
class CutIn:
    """Changes lane at a time, with or without its blinker."""

    inner: FollowPath
    at_s: float
    offset_m: float
    """To the left; minus one lane width for a cut to the right."""
    length_m: float = 25.0
    blinks: bool = False

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return the command along the lane change."""
        start, end = self.inner.profile.station_m(self.at_s), self.inner.profile.station_m(time_s)
        path = _swerved(self.inner.path, start, self.length_m, self.offset_m, None)
        lamp = Lamp.LEFT_BLINKER if self.offset_m > 0 else Lamp.RIGHT_BLINKER
        on = self.blinks and start - self.length_m <= end <= start + self.length_m
        always = self.inner.always | lamp if on else self.inner.always
        return replace(self.inner, path=path, always=always).command(time_s, own, others)


@final
@dataclass(frozen=True)
class WalkPath:
    """Walks or runs along a path at a profile's pace."""

    spec: Blueprint
    path: Path
    profile: SpeedProfile
    config: ControllerConfig = field(default_factory=ControllerConfig)

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return the heading change still wanted and the acceleration."""
        del others
        station, _ = self.path.project(own.position_m, self.profile.station_m(time_s))
        config = self.config.model_copy(update={"drag_mps2": 0.0})
        accel = accel_mps2(self.profile, time_s, station, own, self.spec, config)
        goal = self.path.position(station + _WALK_AHEAD_M) - own.position_m
        turn = float(wrap_angle(math.atan2(goal[1], goal[0]) - own.yaw_rad))
        return Command(steer_rad=turn, accel_mps2=accel, lamps=lamps(0.0, config))


def _swerved(
    path: Path, start_m: float, length_m: float, offset_m: float, hold_m: float | None
) -> Path:
    """Return the path with a shift, and the way back where it is held for a while only."""
    out = path.shifted(start_m, length_m, offset_m)
    if hold_m is None:
        return out
    return out.shifted(start_m + length_m + hold_m, length_m, -offset_m)
