"""How bodies pitch and roll on their springs while the wheels stay on the road.

A damped oscillator per axis is driven by the acceleration of the recorded motion: braking pitches
the nose down, a bend rolls the body outward. Gradients are those of passenger cars (about 2.5
degrees of pitch and 5 of roll per g), taller vehicles sway more; natural frequency 1.4 Hz and
damping ratio 0.35 are usual for road springs (Gillespie 1992, chapter 5). Only motion that knows no
springs is driven (SUMO's and replayed logs); bodies under our physics bring their own sway.
Labels keep the box of the unsprung pose: at the limit of 2.5 degrees a roof corner of a 4.65 m car
is 7 cm aside and 10 cm above or below it, in ordinary traffic 1 to 2 cm.
Proved in tests/annotate/world/test_suspension.py.
Shapes: N actors, T frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.core.blueprint import Blueprint
from rareworld.core.trajectory import Driver, Tracks

PITCH_PER_MPS2 = 0.0045
"""Radians of pitch of a car per m/s^2, nose down when braking."""
ROLL_PER_MPS2 = 0.0088
"""Radians of roll of a car per m/s^2, to the outside."""
MOST_RAD = 0.044
"""Bump stops."""
_CAR_COM_M = 0.55
_NATURAL_RADPS = 2 * np.pi * 1.4
_DAMPING = 0.35
_UNSPRUNG = (int(Driver.TRAFFIC), int(Driver.REPLAY))


@final
@dataclass(frozen=True, kw_only=True)
class Sway:
    """Angles of the sprung body against the recorded pose."""

    pitch_rad: Float[np.ndarray, "n t"]
    """Positive is nose down."""
    roll_rad: Float[np.ndarray, "n t"]
    """Positive leans to the right."""


def make_sway(tracks: Tracks, specs: Sequence[Blueprint]) -> Sway:
    """Return the sway of all actors; zero for people, two-wheelers and parked vehicles."""
    height = np.array([spec.com_height_m if spec.track_m > 0 else 0.0 for spec in specs])
    soft = np.clip(height / _CAR_COM_M, 0, 1.7)[:, None]
    forward, left = _accelerations(tracks)
    driven = np.isin(tracks.driver, _UNSPRUNG) & tracks.present
    wanted = np.stack([-PITCH_PER_MPS2 * forward, ROLL_PER_MPS2 * left]) * soft * driven
    wanted = np.clip(wanted, -MOST_RAD, MOST_RAD)
    if tracks.num_frames < 2 or not len(specs):
        return Sway(pitch_rad=np.zeros(wanted.shape[1:]), roll_rad=np.zeros(wanted.shape[1:]))
    step_s = float(np.median(np.diff(tracks.time_s)))
    pitch, roll = np.clip(_swing(wanted, tracks.present, step_s), -MOST_RAD, MOST_RAD)
    return Sway(pitch_rad=pitch, roll_rad=roll)


def _accelerations(tracks: Tracks) -> tuple[Float[np.ndarray, "n t"], Float[np.ndarray, "n t"]]:
    """Return acceleration forward and to the left, zero where an actor comes or goes."""
    w, x, y, z = np.moveaxis(tracks.quat, -1, 0)
    heading = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z)], axis=-1)
    speed = (tracks.velocity_mps[..., :2] * heading).sum(axis=-1)
    left = speed * tracks.angular_velocity_radps[..., 2]
    if tracks.num_frames < 2:
        return np.zeros_like(speed), left
    forward = np.gradient(speed, tracks.time_s, axis=1)
    here = tracks.present
    steady = here.copy()
    steady[:, 1:] &= here[:, :-1]
    steady[:, :-1] &= here[:, 1:]
    return forward * steady, left * here


def _swing(
    wanted: Float[np.ndarray, "k n t"], present: Bool[np.ndarray, "n t"], step_s: float
) -> Float[np.ndarray, "k n t"]:
    """Return the oscillator's angle per frame; exact for input that is constant between frames."""
    keep, push = _transition(step_s)
    out = np.zeros_like(wanted)
    angle, rate = wanted[..., 0] * present[:, 0], np.zeros_like(wanted[..., 0])
    out[..., 0] = angle
    for frame in range(1, wanted.shape[-1]):
        aim = wanted[..., frame]
        angle, rate = (
            keep[0, 0] * angle + keep[0, 1] * rate + push[0] * aim,
            keep[1, 0] * angle + keep[1, 1] * rate + push[1] * aim,
        )
        new = present[:, frame] & ~present[:, frame - 1]
        angle, rate = np.where(new, aim, angle), np.where(new, 0.0, rate)
        out[..., frame] = angle * present[:, frame]
    return out


def _transition(step_s: float) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, "2"]]:
    """Return how angle and rate follow over a step, and what a unit of input adds."""
    w, d = _NATURAL_RADPS, _DAMPING
    damped = w * np.sqrt(1 - d * d)
    fade, c, s = np.exp(-d * w * step_s), np.cos(damped * step_s), np.sin(damped * step_s)
    keep = fade * np.array(
        [[c + d * w / damped * s, s / damped], [-w * w / damped * s, c - d * w / damped * s]]
    )
    return keep, np.array([1 - keep[0, 0], -keep[1, 0]])
