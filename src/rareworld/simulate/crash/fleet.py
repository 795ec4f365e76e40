"""The four-wheelers that stand on their own tyres, and what their drivers ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.tyre import Tyres, VehicleInput
from rareworld.simulate.crash.vectors import limited
from rareworld.simulate.state import Command


@final
@dataclass
class WheelMemory:
    """What the wheels of one vehicle remember from step to step."""

    steer_rad: float = 0.0
    turn_rad: float = 0.0
    side_m: FloatArray = field(default_factory=lambda: np.zeros(4))
    long_m: FloatArray = field(default_factory=lambda: np.zeros(4))


@final
class Fleet:
    """N vehicles in a fixed order; `rows` are their places among all bodies."""

    def __init__(
        self,
        rows: Sequence[int],
        blueprints: Sequence[Blueprint],
        memories: Sequence[WheelMemory],
        config: PhysicsConfig,
    ) -> None:
        self.rows = np.array(rows, dtype=np.int64)
        self._blueprints = tuple(blueprints)
        self._memories = tuple(memories)
        self._config = config
        self._tyres = Tyres(self._blueprints, config.tyre, config.gravity_mps2)
        self._steer = np.array([memory.steer_rad for memory in memories])
        self._tyres.turn_rad = np.array([memory.turn_rad for memory in memories])
        if memories:
            self._tyres.side_m = np.stack([memory.side_m for memory in memories])
            self._tyres.long_m = np.stack([memory.long_m for memory in memories])
        self._limit = np.array([b.max_steer_rad for b in blueprints])
        self._wanted = np.zeros(len(self.rows))
        self._drive = np.zeros(len(self.rows))
        self._brake = np.zeros(len(self.rows))

    def ask(self, index: int, command: Command) -> None:
        """Set what the driver of vehicle `index` wants, within its blueprint."""
        spec = self._blueprints[index]
        self._wanted[index] = min(max(command.steer_rad, -spec.max_steer_rad), spec.max_steer_rad)
        self._drive[index] = min(max(command.accel_mps2, 0.0), spec.max_accel_mps2)
        self._brake[index] = min(max(-command.accel_mps2, 0.0), spec.max_brake_mps2)

    def stun(self, index: int) -> None:
        """Leave vehicle `index` without a driver: wheels as they are, dragging brakes."""
        self._wanted[index] = self._steer[index]
        self._drive[index] = 0.0
        self._brake[index] = self._config.crash_brake_mps2

    def forces(self, qpos: FloatArray, qvel: FloatArray, ground: Ground) -> FloatArray:
        """Advance steering and tyres by a step; return forces and torques (n, 6)."""
        dt = self._config.step_s
        most = self._config.tyre.steer_rate_radps * dt
        self._steer = self._steer + limited(self._wanted - self._steer, -most, most)
        wanted = VehicleInput(steer_rad=self._steer, drive_mps2=self._drive, brake_mps2=self._brake)
        return self._tyres.step(qpos[self.rows], qvel[self.rows], wanted, ground, dt)

    def remember(self) -> None:
        """Write steering and tyre state back into the vehicles' memories."""
        for index, memory in enumerate(self._memories):
            memory.steer_rad = float(self._steer[index])
            memory.turn_rad = float(self._tyres.turn_rad[index])
            memory.side_m = self._tyres.side_m[index].copy()
            memory.long_m = self._tyres.long_m[index].copy()
