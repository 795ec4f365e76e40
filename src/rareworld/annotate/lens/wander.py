"""Smooth random motion as a function of time: a few sines with seeded rates and phases.

A sum of sines with random phases is the usual model of wind and of slow drift (Shinozuka & Deodatis
1991): band-limited, of known strength, and the same whatever is asked first. Proved in
`tests/annotate/lens/test_wander.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.seed import Seed

_WAVES = 12


@final
@dataclass(frozen=True)
class Wander:
    """Independent channels of unit strength (root mean square over all time)."""

    rate_hz: Float[np.ndarray, "c w"]
    phase_rad: Float[np.ndarray, "c w"]

    def at(self, time_s: Float[np.ndarray, "t"]) -> Float[np.ndarray, "t c"]:
        """Return every channel at some times."""
        angle = 2 * np.pi * self.rate_hz * time_s[:, None, None] + self.phase_rad
        return np.sin(angle).sum(axis=-1) * np.sqrt(2 / _WAVES)


def wander(seed: Seed, channels: int, low_hz: float, high_hz: float) -> Wander:
    """Return motion whose rates lie between two, more of them slow than fast."""
    random = seed.generator()
    rate = low_hz * (high_hz / low_hz) ** random.uniform(size=(channels, _WAVES))
    return Wander(rate, random.uniform(0, 2 * np.pi, (channels, _WAVES)))


def small_turns(angles_rad: Float[np.ndarray, "t 3"]) -> Float[np.ndarray, "t 3 3"]:
    """Return rotation matrices of rotation vectors (Rodrigues)."""
    angle = np.linalg.norm(angles_rad, axis=1)
    safe = np.maximum(angle, 1e-12)
    x, y, z = (angles_rad / safe[:, None]).T
    none = np.zeros_like(x)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], axis=1).reshape(-1, 3, 3)
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
