"""Collects samples of every actor and resamples them exactly onto the frames of a clip.

Positions are cubic Hermite curves through positions and velocities, rotations turn along the
shorter arc; lamps and drivers hold their value. Proved in tests/simulate/test_recorder.py.
"""

import math
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt32

from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray, rotate, slerp
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Driver, SignalState
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import Sighting

_STRIDE_PER_HEIGHT = 0.8
"""A double step of a grown person of 1.75 m is 1.4 m long."""
_SLACK_S = 1e-6
_ROLLING_MPS = 0.5
"""Below this speed the steering wheel stays where it is."""

_TIME, _POS, _QUAT, _VEL, _RATE = 0, slice(1, 4), slice(4, 8), slice(8, 11), slice(11, 14)
_STEER, _WHEEL, _LAMPS, _DRIVER = 14, 15, 16, 17
_COLUMNS = 18


@final
@dataclass(frozen=True, kw_only=True)
class ActorTrack:
    """One actor on the frames of a clip; rows where it is absent hold zeros."""

    present: Bool[np.ndarray, "t"]
    position_m: Float[np.ndarray, "t 3"]
    quat: Float[np.ndarray, "t 4"]
    velocity_mps: Float[np.ndarray, "t 3"]
    angular_velocity_radps: Float[np.ndarray, "t 3"]
    steer_rad: Float[np.ndarray, "t"]
    wheel_turn_rad: Float[np.ndarray, "t"]
    lamps: UInt32[np.ndarray, "t"]
    driver: UInt8[np.ndarray, "t"]


@final
@dataclass
class Recorder:
    """Samples in the order they were made; times never go back."""

    _samples: dict[int, list[tuple[float, ...]]] = field(
        default_factory=dict[int, list[tuple[float, ...]]]
    )
    _signals: list[tuple[float, tuple[SignalState, ...]]] = field(
        default_factory=list[tuple[float, tuple[SignalState, ...]]]
    )

    def sighting(self, seen: Sighting) -> None:
        """Add an actor as SUMO moves it."""
        cy, sy = math.cos(seen.yaw_rad / 2), math.sin(seen.yaw_rad / 2)
        cp, sp = math.cos(seen.pitch_rad / 2), math.sin(seen.pitch_rad / 2)
        self._samples.setdefault(seen.id, []).append(
            (
                seen.time_s, seen.x_m, seen.y_m, seen.z_m, cp * cy, -sp * sy, sp * cy, cp * sy,
                seen.vx_mps, seen.vy_mps, seen.vz_mps, 0.0, 0.0, seen.yaw_rate_radps,
                math.nan, math.nan, seen.lamps, Driver.TRAFFIC,
            )
        )  # fmt: skip

    def body(self, actor_id: int, state: BodyState, driver: Driver, time_s: float) -> None:
        """Add an actor as physics moves it, or a parked one; one sample per instant is kept."""
        row = (
            time_s, *state.position_m.tolist(), *state.quat.tolist(),
            *state.velocity_mps.tolist(), *state.angular_velocity_radps.tolist(),
            state.steer_rad, state.wheel_turn_rad, state.lamps, driver,
        )  # fmt: skip
        rows = self._samples.setdefault(actor_id, [])
        if not rows or row[0] > rows[-1][0] + _SLACK_S:
            rows.append(row)

    def signals(self, time_s: float, states: tuple[SignalState, ...]) -> None:
        """Add what all signals of the map show."""
        self._signals.append((time_s, states))

    def actors(self) -> list[int]:
        """Return the ids of all actors sampled so far, in order."""
        return sorted(self._samples)

    def samples(self, actor_id: int) -> Float[np.ndarray, "k 18"]:
        """Return an actor's samples: time, position, quaternion, velocity, turn rate, rest."""
        return np.array(self._samples[actor_id], dtype=np.float64).reshape(-1, _COLUMNS)

    def track(self, actor_id: int, spec: Blueprint, time_s: Float[np.ndarray, "t"]) -> ActorTrack:
        """Return an actor on the frames at `time_s`."""
        rows = _smoothed(self.samples(actor_id))
        present = (time_s >= rows[0, _TIME] - _SLACK_S) & (time_s <= rows[-1, _TIME] + _SLACK_S)
        frames = _interpolate(rows, time_s[present])
        steer = _steer(frames, spec)
        rolled = _rolled(frames, spec)

        def spread(values: FloatArray) -> FloatArray:
            out = np.zeros((len(time_s), *values.shape[1:]))
            out[present] = values
            return out

        return ActorTrack(
            present=present,
            position_m=spread(frames[:, _POS]),
            quat=spread(frames[:, _QUAT]),
            velocity_mps=spread(frames[:, _VEL]),
            angular_velocity_radps=spread(frames[:, _RATE]),
            steer_rad=spread(steer),
            wheel_turn_rad=spread(rolled),
            lamps=spread(frames[:, _LAMPS]).astype(np.uint32),
            driver=spread(frames[:, _DRIVER]).astype(np.uint8),
        )

    def signal_states(self, count: int, time_s: Float[np.ndarray, "t"]) -> UInt8[np.ndarray, "s t"]:
        """Return what each signal shows at each frame."""
        if not self._signals or not count:
            return np.full((count, len(time_s)), SignalState.UNKNOWN, dtype=np.uint8)
        at = np.array([moment for moment, _ in self._signals])
        shown = np.array([states for _, states in self._signals], dtype=np.uint8)
        index = np.clip(np.searchsorted(at, time_s + _SLACK_S, side="right") - 1, 0, len(at) - 1)
        return np.ascontiguousarray(shown[index].T)


def _smoothed(rows: Float[np.ndarray, "k 18"]) -> Float[np.ndarray, "k 18"]:
    """Replace velocities inside stretches of traffic by central differences of position.

    Rows next to a hand-over keep theirs: there the velocity is what the other side starts with.
    """
    if len(rows) < 3:
        return rows
    out = rows.copy()
    traffic = rows[:, _DRIVER] == Driver.TRAFFIC
    inside = np.flatnonzero(traffic[:-2] & traffic[1:-1] & traffic[2:]) + 1
    span = rows[inside + 1, _TIME] - rows[inside - 1, _TIME]
    out[inside, _VEL] = (rows[inside + 1, _POS] - rows[inside - 1, _POS]) / span[:, None]
    return out


def _interpolate(
    rows: Float[np.ndarray, "k 18"], time_s: Float[np.ndarray, "f"]
) -> Float[np.ndarray, "f 18"]:
    """Return samples at the given times, which lie within the rows."""
    left = np.clip(np.searchsorted(rows[:, _TIME], time_s + _SLACK_S, side="right") - 1, 0, None)
    right = np.minimum(left + 1, len(rows) - 1)
    a, b = rows[left], rows[right]
    span = np.maximum(b[:, _TIME] - a[:, _TIME], 1e-9)
    s = np.where(left == right, 0.0, np.clip((time_s - a[:, _TIME]) / span, 0.0, 1.0))
    out = np.where(s[:, None] > 0, a + s[:, None] * (b - a), a)
    out[:, [_LAMPS, _DRIVER]] = a[:, [_LAMPS, _DRIVER]]
    out[:, _TIME] = time_s
    out[:, _POS] = _hermite(a, b, s[:, None], span[:, None])
    out[:, _QUAT] = slerp(a[:, _QUAT], b[:, _QUAT], s)
    return out


def _hermite(
    a: Float[np.ndarray, "f 18"],
    b: Float[np.ndarray, "f 18"],
    s: Float[np.ndarray, "f 1"],
    span_s: Float[np.ndarray, "f 1"],
) -> Float[np.ndarray, "f 3"]:
    """Return positions on the cubic through both positions and velocities."""
    s2, s3 = s * s, s * s * s
    return (
        (2 * s3 - 3 * s2 + 1) * a[:, _POS]
        + (3 * s2 - 2 * s3) * b[:, _POS]
        + span_s * ((s3 - 2 * s2 + s) * a[:, _VEL] + (s3 - s2) * b[:, _VEL])
    )


def _forward_mps(frames: Float[np.ndarray, "f 18"]) -> Float[np.ndarray, "f"]:
    axis = rotate(frames[:, _QUAT], np.array([1.0, 0.0, 0.0]))
    return np.sum(axis * frames[:, _VEL], axis=-1)


def _steer(frames: Float[np.ndarray, "f 18"], spec: Blueprint) -> Float[np.ndarray, "f"]:
    """Return the wheel angle: physics' own, else the one that drives the curve seen."""
    own = frames[:, _STEER]
    speed = _forward_mps(frames)
    rolling = np.abs(speed) > _ROLLING_MPS
    curvature = frames[:, _RATE][:, 2] / np.where(rolling, speed, 1.0)
    wanted = np.arctan(spec.wheelbase_m * np.where(rolling, curvature, 0.0))
    wanted = np.clip(wanted, -spec.max_steer_rad, spec.max_steer_rad)
    last = np.maximum.accumulate(np.where(rolling, np.arange(len(own)), 0))
    return np.where(np.isnan(own), wanted[last], own)


def _rolled(frames: Float[np.ndarray, "f 18"], spec: Blueprint) -> Float[np.ndarray, "f"]:
    """Return how far wheels (steps, for people) have turned since the first frame."""
    on_foot = spec.class_id in PEOPLE
    per_m = 2 * np.pi / (_STRIDE_PER_HEIGHT * spec.height_m) if on_foot else 1 / spec.wheel_radius_m
    speed = _forward_mps(frames)
    step = np.diff(frames[:, _TIME])
    turn = (speed[:-1] + speed[1:]) / 2 * step * per_m
    own = np.diff(frames[:, _WHEEL])
    turn = np.where(np.isnan(own) | on_foot, turn, own)
    return np.concatenate([[0.0] * min(len(frames), 1), np.cumsum(turn)])
