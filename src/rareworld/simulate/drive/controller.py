"""Steering and speed control of anything with wheels.

Steering: curvature of the path ahead fed forward, heading error and Stanley's cross-track term fed
back (Hoffmann et al. 2007, ACC). It looks ahead by a time, so farther the faster. Speed: the
profile's acceleration fed forward, speed and station errors fed back.
Proved in closed loop with the crash physics in tests/simulate/drive/test_drive_closed_loop.py.
"""

import math
from typing import final

from pydantic import Field

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import wrap_angle
from rareworld.core.trajectory import Lamp
from rareworld.data.config import Config
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.state import BodyState, Command


@final
class ControllerConfig(Config):
    """Gains of the driver."""

    preview_s: float = Field(default=0.04, ge=0)
    """How far ahead, in time, curvature is read: makes up for steering and tyre lag."""
    heading_gain: float = Field(default=1.0, gt=0)
    cross_gain_ps: float = Field(default=3.0, gt=0)
    """Stanley's gain; one over it is the time in which an offset decays."""
    soft_mps: float = Field(default=1.5, gt=0)
    """Keeps the cross-track term mild at walking pace."""
    steer_rate_radps: float = Field(default=1.0, gt=0)
    period_s: float = Field(default=1 / 30, gt=0)
    """Time between commands, for the steering rate."""
    speed_gain_ps: float = Field(default=2.5, gt=0)
    station_gain_ps2: float = Field(default=2.0, ge=0)
    """The integral part: station is the integral of speed."""
    understeer_s2pm: float = Field(default=0.001, ge=0)
    """Extra wheel angle per lateral acceleration: 1 / g times (1 / front - 1 / rear stiffness)."""
    drag_mps2: float = Field(default=0.12, ge=0)
    """Rolling drag made up for."""
    brake_lamp_mps2: float = Field(default=0.5, ge=0)
    """Braking harder than this lights the brake lamps."""


def steer_rad(
    path: Path, station_m: float, offset_m: float, own: BodyState, spec: Blueprint,
    config: ControllerConfig,
) -> float:  # fmt: skip
    """Return the wheel angle that keeps the body's middle on the path, within its limits."""
    ahead = station_m + own.speed_mps * config.preview_s
    bend = path.curvature_pm(ahead)
    crab = math.asin(max(-0.9, min(0.9, spec.wheelbase_m / 2 * bend)))
    wanted = path.heading_rad(ahead) - crab
    turning = float(own.angular_velocity_radps[2]) * config.preview_s
    error = float(wrap_angle(wanted - own.yaw_rad - turning))
    pull = math.atan(config.cross_gain_ps * -offset_m / (config.soft_mps + own.speed_mps))
    feed = math.atan(spec.wheelbase_m * bend) + config.understeer_s2pm * own.speed_mps**2 * bend
    angle = feed + config.heading_gain * error + pull
    most = config.steer_rate_radps * config.period_s
    angle = min(max(angle, own.steer_rad - most), own.steer_rad + most)
    return min(max(angle, -spec.max_steer_rad), spec.max_steer_rad)


def accel_mps2(
    profile: SpeedProfile, time_s: float, station_m: float, own: BodyState, spec: Blueprint,
    config: ControllerConfig,
) -> float:  # fmt: skip
    """Return the acceleration that keeps to the profile, within the vehicle's limits."""
    wanted_m, wanted_mps, feed = profile.at(time_s)
    if wanted_mps < 0.05 and feed <= 0:
        return -min(3.0, spec.max_brake_mps2)
    ask = (
        feed
        + config.drag_mps2
        + config.speed_gain_ps * (wanted_mps - own.speed_mps)
        + config.station_gain_ps2 * (wanted_m - station_m)
    )
    return min(max(ask, -spec.max_brake_mps2), spec.max_accel_mps2)


def lamps(accel: float, config: ControllerConfig, always: Lamp = Lamp.NONE) -> int:
    """Return lamp bits: `always` and the brake lamps where braking."""
    braking = accel < -config.brake_lamp_mps2
    return int(always | Lamp.BRAKE) if braking else int(always)


def wheeled_command(
    path: Path, profile: SpeedProfile, time_s: float, own: BodyState, spec: Blueprint,
    config: ControllerConfig, always: Lamp = Lamp.NONE,
) -> Command:  # fmt: skip
    """Return the command that follows a path at a profile's pace."""
    station, offset = path.project(own.position_m, profile.station_m(time_s))
    accel = accel_mps2(profile, time_s, station, own, spec, config)
    steer = steer_rad(path, station, offset, own, spec, config)
    return Command(steer_rad=steer, accel_mps2=accel, lamps=lamps(accel, config, always))
