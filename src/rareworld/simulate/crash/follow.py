"""Bodies moved from outside: smooth between the poses told, straight on beyond them.

Position is the cubic through both positions and velocities (Hermite), rotation the shorter arc.
Proved in tests/simulate/crash/test_crash_parts.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.geometry import slerp
from rareworld.simulate.crash.vectors import cross, matrices
from rareworld.simulate.state import BodyState


@final
@dataclass(frozen=True)
class Guide:
    """A move from one told state to the next."""

    start: BodyState
    end: BodyState


def guided(
    guides: Sequence[Guide], com_height_m: Float[np.ndarray, "k"], times_s: Float[np.ndarray, "t"]
) -> tuple[Float[np.ndarray, "t k 7"], Float[np.ndarray, "t k 6"]]:
    """Return centre of mass, quaternion, velocity and body-frame rate of K bodies at T times.

    After a guide's end the body goes on with constant velocity and heading.
    """
    first = np.array([guide.start.time_s for guide in guides])
    last = np.array([guide.end.time_s for guide in guides])
    span = np.maximum(last - first, 1e-9)
    share = np.where(last > first, (times_s[:, None] - first) / span, 1.0)[..., None]
    late = np.maximum(times_s[:, None] - last, 0.0)[..., None]
    foot, velocity = _cubic(guides, np.clip(share, 0, 1), span[:, None])
    shape = (*share.shape[:2], 4)
    begin, end = (np.broadcast_to(_stack(guides, which), shape) for which in (0, 1))
    quat = slerp(begin, end, np.clip(share[..., 0], 0, 1))
    turn = matrices(quat)
    rate = np.stack([guide.end.angular_velocity_radps for guide in guides])
    up = turn[..., 2] * com_height_m[:, None]
    qpos = np.concatenate([foot + velocity * late + up, quat], axis=-1)
    local = (turn.swapaxes(-1, -2) @ rate[..., None])[..., 0]
    return qpos, np.concatenate([velocity + cross(rate, up), local], axis=-1)


def _stack(guides: Sequence[Guide], which: int) -> np.ndarray:
    return np.stack([(guide.start, guide.end)[which].quat for guide in guides])


def _cubic(
    guides: Sequence[Guide], s: Float[np.ndarray, "t k 1"], span: Float[np.ndarray, "k 1"]
) -> tuple[Float[np.ndarray, "t k 3"], Float[np.ndarray, "t k 3"]]:
    """Return position and velocity at shares `s` of each move."""
    a = np.stack([guide.start.position_m for guide in guides])
    b = np.stack([guide.end.position_m for guide in guides])
    va = np.stack([guide.start.velocity_mps for guide in guides])
    vb = np.stack([guide.end.velocity_mps for guide in guides])
    rise = 3 * s**2 - 2 * s**3
    position = a + (b - a) * rise + span * (va * (s**3 - 2 * s**2 + s) + vb * (s**3 - s**2))
    slope = 6 * s - 6 * s**2
    velocity = (b - a) * slope / span + va * (3 * s**2 - 4 * s + 1) + vb * (3 * s**2 - 2 * s)
    return position, velocity
