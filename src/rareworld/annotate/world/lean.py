"""How two-wheelers lean: into bends as gravity and centrifugal force ask, aside when they stand.

Traffic simulation keeps them upright; where a recording holds a roll already (physics, a driver's
own balance) none is added. The angle is held to 12 degrees, so that a leaning rider stays within
0.3 m of the upright 3D box of the labels. Proved in tests/annotate/world/test_lean.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import rotate
from rareworld.core.taxonomy import TWO_WHEELERS
from rareworld.core.trajectory import Driver, Tracks

GRAVITY_MPS2: Final = 9.81
MAX_LEAN_RAD: Final = 0.21
STAND_LEAN_RAD: Final = -0.12
"""Onto the left foot."""
_ROLLS_MPS: Final = (0.25, 1.3)
"""The foot is down below the first speed, on the pedal above the second."""
_SMOOTH_S: Final = 0.2


@final
@dataclass(frozen=True)
class Lean:
    """Per actor and frame; actors that are no two-wheelers neither lean nor stand."""

    roll_rad: Float[np.ndarray, "n t"]
    """Added about the body's x axis, positive to the right."""
    moving: Float[np.ndarray, "n t"]
    """1 while rolling to 0 with a foot on the ground."""


def make_lean(tracks: Tracks, specs: Sequence[Blueprint]) -> Lean:
    """Return how the two-wheelers among the actors lean."""
    lean = Lean(np.zeros(tracks.present.shape), np.ones(tracks.present.shape))
    rows = [row for row, spec in enumerate(specs) if spec.class_id in TWO_WHEELERS]
    if not rows:
        return lean
    here, driver = tracks.present[rows], tracks.driver[rows]
    speed = _speed_mps(tracks, rows)
    rate = tracks.angular_velocity_radps[rows, :, 2] * here
    bend = np.clip(-np.arctan(speed * rate / GRAVITY_MPS2), -MAX_LEAN_RAD, MAX_LEAN_RAD)
    moving = np.clip((speed - _ROLLS_MPS[0]) / (_ROLLS_MPS[1] - _ROLLS_MPS[0]), 0, 1)
    moving = _smooth(np.where(driver == Driver.PHYSICS, 1.0, moving), tracks)
    bend = _smooth(bend * _is_upright(tracks, rows) * (driver != Driver.PHYSICS), tracks)
    free = (driver != Driver.PHYSICS) & here
    lean.roll_rad[rows] = (bend * moving + STAND_LEAN_RAD * (1 - moving)) * free
    lean.moving[rows] = moving
    return lean


def _speed_mps(tracks: Tracks, rows: list[int]) -> Float[np.ndarray, "k t"]:
    """Return the speed over ground between the frames around each, as far as present."""
    if tracks.num_frames < 2:
        return np.linalg.norm(tracks.velocity_mps[rows, :, :2], axis=2)
    here = tracks.present[rows]
    both = (here[:, 1:] & here[:, :-1]).astype(np.float64)
    step = np.linalg.norm(np.diff(tracks.position_m[rows, :, :2], axis=1), axis=2)
    pace = both * step / np.diff(tracks.time_s)
    pad = ((0, 0), (1, 1))
    total, count = np.pad(pace, pad), np.pad(both, pad)
    return (total[:, 1:] + total[:, :-1]) / np.maximum(count[:, 1:] + count[:, :-1], 1.0)


def _is_upright(tracks: Tracks, rows: list[int]) -> Bool[np.ndarray, "k t"]:
    """Return where the recording itself keeps a two-wheeler upright across its heading."""
    left = rotate(tracks.quat[rows], np.array([0.0, 1.0, 0.0]))
    led = np.isin(tracks.driver[rows], (Driver.TRAFFIC, Driver.REPLAY, Driver.PARKED))
    return led & (np.abs(left[..., 2]) < 0.02)


def _smooth(values: Float[np.ndarray, "k t"], tracks: Tracks) -> Float[np.ndarray, "k t"]:
    time_s = tracks.time_s
    if len(time_s) < 2:
        return values
    sigma = _SMOOTH_S * (len(time_s) - 1) / float(time_s[-1] - time_s[0])
    return np.asarray(gaussian_filter1d(values, sigma, axis=1, mode="nearest"))
