"""Tyre and suspension forces of all four-wheelers at once.

Side force: brush model with one stiffness per load (Fiala 1954; Pacejka 2012, section 3.2) fed by a
slip that lags by a relaxation length (ibid. section 7.2), which also holds a standing vehicle.
Along the wheel: drive force as asked; brakes and rolling drag are dry friction with elastic
presliding. Both together stay within the friction circle, or the wheel locks where there is no
antilock. Load: spring, damper and bump stop per wheel, so that it shifts with braking and turning.
Proved in tests/simulate/crash/test_crash_tyre.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray
from rareworld.simulate.crash.config import TyreConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.vectors import cross, dot, limited, matrices

_BRISTLE_DAMPING = 0.3
"""Damping ratio of a standing vehicle on its tyres."""

_HOLD_MPS = 2.0
"""Below this rolling speed the bristles' own damping fades in."""

_UPRIGHT = 0.35
"""Wheels carry load while the body's up axis has at least this share along the ground normal."""

_LOAD_LIMIT = 5.0
"""Largest wheel load over its load at rest."""


def brush_share(slip: Float[np.ndarray, "*s"], stiffness: float, friction: float) -> FloatArray:
    """Return side force over friction times load, in -1..1, for a slip tan(alpha).

    `stiffness` is cornering stiffness over load, per radian.
    """
    share = limited(np.abs(slip) * (stiffness / max(3 * friction, 1e-9)), 0.0, 1.0)
    return np.sign(slip) * (1 - (1 - share) ** 3)


@final
@dataclass(frozen=True, kw_only=True)
class VehicleInput:
    """What the N vehicles are asked to do; all arrays have N rows."""

    steer_rad: Float[np.ndarray, "n"]
    drive_mps2: Float[np.ndarray, "n"]
    """Not negative."""
    brake_mps2: Float[np.ndarray, "n"]
    """Not negative."""


@final
class Tyres:
    """Wheels of N vehicles with what they remember: bristle deflections and turned angle."""

    def __init__(
        self, blueprints: tuple[Blueprint, ...], config: TyreConfig, gravity: float
    ) -> None:
        self._config = config
        mass = np.array([b.mass_kg for b in blueprints])
        half_base = np.array([b.wheelbase_m / 2 for b in blueprints])
        half_track = np.array([b.track_m / 2 for b in blueprints])
        com = np.array([b.com_height_m for b in blueprints])
        sign_x, sign_y = np.array([1, 1, -1, -1.0]), np.array([1, -1, 1, -1.0])
        self._mount = np.stack(
            np.broadcast_arrays(
                half_base[:, None] * sign_x, half_track[:, None] * sign_y, -com[:, None]
            ),
            axis=-1,
        ).copy()
        self._mass = mass[:, None]
        self._weight = np.repeat(mass[:, None] * gravity / 4, 4, axis=1)
        self._spring = self._weight / config.static_deflection_m
        self._damper = 2 * config.damping_ratio * np.sqrt(self._spring * mass[:, None] / 4)
        self._base = 2 * half_base[:, None]
        self._half_track_y = half_track[:, None] * sign_y
        self._front = np.array([1, 1, 0, 0.0])
        self._stiffness = np.array(
            [config.stiffness_front_prad] * 2 + [config.stiffness_rear_prad] * 2
        )
        self._radius = np.array([b.wheel_radius_m for b in blueprints])
        count = len(blueprints)
        self.side_m = np.zeros((count, 4))
        """Lateral bristle deflection."""
        self.long_m = np.zeros((count, 4))
        """Longitudinal bristle deflection."""
        self.turn_rad = np.zeros(count)
        """How far the rear wheels have rolled."""
        self.load_n = self._weight.copy()
        """Wheel loads at the last step: front left, front right, rear left, rear right."""

    def step(
        self,
        qpos: Float[np.ndarray, "n 7"],
        qvel: Float[np.ndarray, "n 6"],
        wanted: VehicleInput,
        ground: Ground,
        dt_s: float,
    ) -> Float[np.ndarray, "n 6"]:
        """Advance the wheels by a step; return force and torque about each centre of mass, world.

        `qpos` is (centre of mass, quaternion), `qvel` (velocity in the world, rate in the body).
        """
        turn = matrices(qpos[:, 3:])
        arm = self._mount @ turn.swapaxes(1, 2)
        rate = (turn @ qvel[:, 3:, None])[:, None, :, 0]
        speed = qvel[:, None, :3] + cross(rate, arm)
        patch = qpos[:, None, :3] + arm
        height, normal = ground.heights(patch[..., :2])
        load = self._load(turn, patch, speed, height, normal)
        along, side = _axes(turn, self._wheel_angles(wanted.steer_rad), normal)
        rolling, sliding = dot(speed, along), dot(speed, side)
        force_along, force_side = self._grip(load, rolling, sliding, wanted, dt_s)
        force = (
            along * force_along[..., None] + side * force_side[..., None] + normal * load[..., None]
        )
        out = np.empty((len(qpos), 6))
        out[:, :3] = np.add.reduce(force, axis=1)
        out[:, 3:] = np.add.reduce(cross(arm, force), axis=1)
        return out

    def _load(
        self,
        turn: FloatArray,
        patch: FloatArray,
        speed: FloatArray,
        height: FloatArray,
        normal: FloatArray,
    ) -> FloatArray:
        """Return the load of each wheel: spring, damper, bump stop; never pulling."""
        config = self._config
        sunk = (height - patch[..., 2]) * normal[..., 2]
        load = self._spring * (config.static_deflection_m + sunk)
        load += 8 * self._spring * np.maximum(sunk - config.bump_travel_m, 0)
        touching = (load > 0) & (dot(turn[:, None, :, 2], normal) > _UPRIGHT)
        load -= self._damper * dot(speed, normal)
        self.load_n = np.where(touching, limited(load, 0, _LOAD_LIMIT * self._weight), 0.0)
        return self.load_n

    def _wheel_angles(self, steer_rad: FloatArray) -> FloatArray:
        """Return each wheel's angle so that all roll about one point (Ackermann)."""
        slope = np.tan(steer_rad)[:, None]
        return self._front * np.arctan2(slope * self._base, self._base - slope * self._half_track_y)

    def _grip(
        self,
        load: FloatArray,
        rolling: FloatArray,
        sliding: FloatArray,
        wanted: VehicleInput,
        dt_s: float,
    ) -> tuple[FloatArray, FloatArray]:
        """Return forces along and across each wheel within its grip."""
        config = self._config
        grip = config.friction * load
        slow = limited(1 - np.abs(rolling) / _HOLD_MPS, 0, 1)
        stiffness = self._stiffness * load / config.relaxation_m
        damping = _BRISTLE_DAMPING * np.sqrt(stiffness * self._mass) * slow
        across = self._across(grip, rolling, sliding, dt_s) - damping * sliding
        share = load / np.maximum(np.add.reduce(load, axis=1, keepdims=True), 1.0) * self._mass
        brake = share * wanted.brake_mps2[:, None]
        drag = brake + config.rolling_resistance * load
        limit = drag / np.maximum(stiffness, 1.0)
        self.long_m = limited(self.long_m + dt_s * rolling, -limit, limit)
        held = limited(stiffness * self.long_m + damping * rolling, -drag, drag)
        forward = share * wanted.drive_mps2[:, None] - held
        locked = (brake > grip) & (grip > 0) & (not config.antilock)
        self._roll(rolling, locked, dt_s)
        scale = np.minimum(1, grip / np.maximum(np.hypot(forward, across), 1e-9))
        pace = np.maximum(np.hypot(rolling, sliding), 0.05)
        slide = config.slide_ratio * grip / pace
        return (
            np.where(locked, -slide * rolling, forward * scale),
            np.where(locked, -slide * sliding, across * scale),
        )

    def _across(
        self,
        grip: FloatArray,
        rolling: FloatArray,
        sliding: FloatArray,
        dt_s: float,
    ) -> FloatArray:
        """Return the side force of the brush after its slip has lagged behind."""
        config = self._config
        lag = config.relaxation_m
        full = 3 * config.friction * lag / self._stiffness
        moved = (self.side_m + dt_s * sliding) / (1 + dt_s * np.abs(rolling) / lag)
        self.side_m = limited(np.where(grip > 0, moved, 0), -full, full)
        share = np.abs(self.side_m) / np.maximum(full, 1e-9)
        return -np.sign(self.side_m) * grip * (1 - (1 - share) ** 3)

    def _roll(self, rolling: FloatArray, locked: NDArray[np.bool_], dt_s: float) -> None:
        """Turn the rear wheels by the distance rolled, none while they are locked."""
        pace = np.add.reduce(np.where(locked, 0.0, rolling)[:, 2:], axis=1) / 2
        self.turn_rad = self.turn_rad + dt_s * pace / self._radius


def _axes(
    turn: FloatArray,
    angle_rad: FloatArray,
    normal: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return unit vectors along and across each wheel, in the ground's plane."""
    x, y = turn[:, None, :, 0], turn[:, None, :, 1]
    along = np.cos(angle_rad)[..., None] * x + np.sin(angle_rad)[..., None] * y
    along = along - normal * dot(along, normal)[..., None]
    along = along / np.maximum(np.sqrt(dot(along, along)), 1e-9)[..., None]
    return along, cross(normal, along)
