"""People on foot and riders of two-wheelers until they are struck: kinematic, within grip.

Two-wheelers follow the single-track model (Kong et al. 2015, IEEE IV, eq. 1) and lean so that
gravity and centrifugal force balance; people walk along their heading and turn on the spot.
Their pose is imposed on the physics; from first contact they are free bodies.
Proved in tests/simulate/crash/test_crash_people.py.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray, rotate
from rareworld.core.taxonomy import PEOPLE
from rareworld.simulate.crash.config import GRAVITY_MPS2
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.state import BodyState, Command

_TURN_S = 0.25
"""Time constant with which a walker turns to the wanted heading."""
_TURN_LIMIT_RADPS = 3.0
_LEAN_S = 0.2
"""Time constant of a rider's lean."""
_STEER_RATE_RADPS = 2.0
_STEP_SHARE = 0.83
"""Length of a double step over body height at 1.4 m/s; grows with the root of speed."""


@final
@dataclass(frozen=True, kw_only=True)
class Upright:
    """Where somebody who keeps their balance is and how they move."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float
    yaw_rate_radps: float = 0.0
    slip_rad: float = 0.0
    """Direction of travel minus heading."""
    steer_rad: float = 0.0
    roll_rad: float = 0.0
    phase_rad: float = 0.0

    @classmethod
    def of(cls, state: BodyState) -> "Upright":
        """Return the balance state of a body as handed over."""
        speed = float(rotate(state.quat, np.array([1.0, 0.0, 0.0])) @ state.velocity_mps)
        return cls(
            x_m=float(state.position_m[0]),
            y_m=float(state.position_m[1]),
            yaw_rad=state.yaw_rad,
            speed_mps=speed,
            steer_rad=state.steer_rad,
            phase_rad=state.wheel_turn_rad,
        )


def advance(
    now: Upright, blueprint: Blueprint, command: Command, grip_mps2: float, dt_s: float
) -> Upright:
    """Return the next state of a walker or rider."""
    rise = min(max(command.accel_mps2, -blueprint.max_brake_mps2), blueprint.max_accel_mps2)
    speed = min(max(now.speed_mps + rise * dt_s, 0.0), blueprint.top_speed_mps)
    if blueprint.class_id in PEOPLE:
        return _walk(now, speed, blueprint, command.steer_rad, dt_s)
    return _ride(now, speed, blueprint, command.steer_rad, grip_mps2, dt_s)


def _walk(
    now: Upright, speed_mps: float, blueprint: Blueprint, turn_rad: float, dt_s: float
) -> Upright:
    rate = min(max(turn_rad / _TURN_S, -_TURN_LIMIT_RADPS), _TURN_LIMIT_RADPS)
    stride = _STEP_SHARE * blueprint.height_m * math.sqrt(max(speed_mps, 0.3) / 1.4)
    x, y, yaw = _moved(now, speed_mps, rate, now.slip_rad, dt_s)
    return Upright(
        x_m=x, y_m=y, yaw_rad=yaw, speed_mps=speed_mps, yaw_rate_radps=rate,
        slip_rad=now.slip_rad, steer_rad=now.steer_rad, roll_rad=now.roll_rad,
        phase_rad=now.phase_rad + 2 * math.pi * speed_mps / stride * dt_s,
    )  # fmt: skip


def _ride(
    now: Upright,
    speed_mps: float,
    blueprint: Blueprint,
    wanted_rad: float,
    grip_mps2: float,
    dt_s: float,
) -> Upright:
    change = _STEER_RATE_RADPS * dt_s
    wanted = min(max(wanted_rad, -blueprint.max_steer_rad), blueprint.max_steer_rad)
    steer = now.steer_rad + min(max(wanted - now.steer_rad, -change), change)
    slip = math.atan(0.5 * math.tan(steer))
    rate = speed_mps * math.cos(slip) * math.tan(steer) / blueprint.wheelbase_m
    most = grip_mps2 / max(speed_mps, 0.5)
    rate = min(max(rate, -most), most)
    lean = -math.atan(speed_mps * rate / GRAVITY_MPS2)
    x, y, yaw = _moved(now, speed_mps, rate, slip, dt_s)
    return Upright(
        x_m=x, y_m=y, yaw_rad=yaw, speed_mps=speed_mps, yaw_rate_radps=rate, slip_rad=slip,
        steer_rad=steer, roll_rad=now.roll_rad + (lean - now.roll_rad) * dt_s / _LEAN_S,
        phase_rad=now.phase_rad + speed_mps / blueprint.wheel_radius_m * dt_s,
    )  # fmt: skip


def _moved(
    now: Upright, speed_mps: float, rate_radps: float, slip_rad: float, dt_s: float
) -> tuple[float, float, float]:
    """Return place and heading a step later, the direction taken at the middle of the step."""
    yaw = now.yaw_rad + rate_radps * dt_s
    course = (now.yaw_rad + yaw) / 2 + slip_rad
    x = now.x_m + speed_mps * math.cos(course) * dt_s
    return x, now.y_m + speed_mps * math.sin(course) * dt_s, yaw


def write_rows(
    now: Upright, com_height_m: float, ground: Ground, qpos: FloatArray, qvel: FloatArray
) -> None:
    """Write the pose on the ground into MuJoCo's rows (7,) and (6,): centre of mass, body rate."""
    cy, sy = math.cos(now.yaw_rad), math.sin(now.yaw_rad)
    cr, sr = math.cos(now.roll_rad), math.sin(now.roll_rad)
    arm_x, arm_y = com_height_m * sy * sr, -com_height_m * cy * sr
    half_yaw, half_roll = now.yaw_rad / 2, now.roll_rad / 2
    hy, vy, hr, vr = (
        math.cos(half_yaw),
        math.sin(half_yaw),
        math.cos(half_roll),
        math.sin(half_roll),
    )
    height = ground.height(now.x_m, now.y_m) + com_height_m * cr
    qpos[:] = (now.x_m + arm_x, now.y_m + arm_y, height, hr * hy, vr * hy, vr * vy, hr * vy)
    course, rate = now.yaw_rad + now.slip_rad, now.yaw_rate_radps
    speed_x, speed_y = now.speed_mps * math.cos(course), now.speed_mps * math.sin(course)
    qvel[:] = (speed_x - rate * arm_y, speed_y + rate * arm_x, 0.0, 0.0, rate * sr, rate * cr)
