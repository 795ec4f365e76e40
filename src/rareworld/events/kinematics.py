"""Heading, speed and accelerations of every actor, smoothed over a short window.

Accelerations are slopes of the velocity over `WINDOW_S`, so that one frame's noise (SUMO's heading
jumps at the corners of polylines) is not taken for a manoeuvre. Proved in
tests/events/test_kinematics.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.geometry import wrap_angle, yaw_from_quat
from rareworld.events.motion import Bodies

WINDOW_S = 0.3
"""Accelerations are mean slopes over this time, as in-vehicle recorders filter theirs."""


@final
@dataclass(frozen=True, kw_only=True)
class Kinematics:
    """Derived motion, shape (m, t) each; zero where a body is absent."""

    yaw_rad: Float[np.ndarray, "m t"]
    speed_mps: Float[np.ndarray, "m t"]
    turn_radps: Float[np.ndarray, "m t"]
    """Change of heading, positive to the left."""
    along_mps2: Float[np.ndarray, "m t"]
    """Acceleration along the heading; negative brakes."""
    across_mps2: Float[np.ndarray, "m t"]
    """Speed times turn rate, positive to the left."""


def kinematics(bodies: Bodies) -> Kinematics:
    """Return the derived motion of all bodies."""
    yaw = yaw_from_quat(bodies.quat)
    heading = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    forward = np.sum(bodies.velocity_mps[..., :2] * heading, axis=-1)
    speed = np.linalg.norm(bodies.velocity_mps[..., :2], axis=-1)
    before, after = _window(bodies)
    gap = np.maximum(bodies.time_s[after] - bodies.time_s[before], 1e-9)
    row = np.arange(len(yaw))[:, None]
    turn = wrap_angle(yaw[row, after] - yaw[row, before]) / gap
    along = (forward[row, after] - forward[row, before]) / gap
    here = bodies.present
    return Kinematics(
        yaw_rad=yaw,
        speed_mps=np.where(here, speed, 0.0),
        turn_radps=np.where(here, turn, 0.0),
        along_mps2=np.where(here, along, 0.0),
        across_mps2=np.where(here, turn * speed, 0.0),
    )


def _window(bodies: Bodies) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last frame of each body's window, shape (m, t), within its presence."""
    time = bodies.time_s
    half = WINDOW_S / 2 + 1e-9
    before = np.searchsorted(time, time - half)
    after = np.searchsorted(time, time + half, side="right") - 1
    frame = np.arange(len(time))
    gone = np.where(bodies.present, -1, frame)
    last_gone = np.maximum.accumulate(gone, axis=1)
    coming = np.where(bodies.present, len(time), frame)
    next_gone = np.minimum.accumulate(coming[:, ::-1], axis=1)[:, ::-1]
    first = np.maximum(before, last_gone + 1)
    last = np.minimum(after, next_gone - 1)
    return np.minimum(first, frame), np.maximum(last, frame)
