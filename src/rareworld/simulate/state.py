"""What traffic, controllers and physics tell each other about one moving body."""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.core.geometry import FloatArray, quat_from_yaw, rotate, yaw_from_quat


@final
@dataclass(frozen=True, kw_only=True)
class BodyState:
    """Pose and motion of an actor at one instant; `position_m` is the foot of its box."""

    time_s: float
    position_m: FloatArray
    """Shape (3,)."""
    quat: FloatArray
    """(w, x, y, z) of the body frame x forward, y left, z up."""
    velocity_mps: FloatArray
    """Of `position_m`, world frame."""
    angular_velocity_radps: FloatArray
    """World frame."""
    steer_rad: float = 0.0
    wheel_turn_rad: float = 0.0
    lamps: int = 0

    @classmethod
    def upright(
        cls, time_s: float, position_m: FloatArray, yaw_rad: float, speed_mps: float
    ) -> "BodyState":
        """Return a body that stands upright and moves along its heading."""
        quat = quat_from_yaw(yaw_rad)
        return cls(
            time_s=time_s,
            position_m=np.asarray(position_m, dtype=np.float64),
            quat=quat,
            velocity_mps=rotate(quat, np.array([speed_mps, 0.0, 0.0])),
            angular_velocity_radps=np.zeros(3),
        )

    @property
    def yaw_rad(self) -> float:
        """Heading seen from above."""
        return float(yaw_from_quat(self.quat))

    @property
    def speed_mps(self) -> float:
        """Horizontal speed."""
        return float(np.hypot(self.velocity_mps[0], self.velocity_mps[1]))


@final
@dataclass(frozen=True, kw_only=True)
class Command:
    """What a driver asks of the vehicle; tyres decide what comes of it."""

    steer_rad: float = 0.0
    """Angle of the steered wheels, positive to the left."""
    accel_mps2: float = 0.0
    """Wanted acceleration along the body; negative brakes."""
    lamps: int = 0
