"""Everybody on foot at any time: walking, running, waiting, struck.

The phase of the gait is the recording's (`Tracks.wheel_turn_rad`), the stride what the body really
covers per phase, so soles do not slide; speed decides between walk and run (Froude number about
0.5, Kram et al. 1997, J. Exp. Biol. 200). Each actor has a phase of its own.
Proved in tests/annotate/world/test_walkers.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter1d

from rareworld.annotate.world.gait import RUN, WALK, look_up, make_gait, mixed
from rareworld.annotate.world.idle import Idle
from rareworld.annotate.world.limp import Limp, settle, slackness
from rareworld.annotate.world.skeleton import BONES, LEGS, PITCH, ROLL, Bone, Walker, soles
from rareworld.core.geometry import FloatArray, rotate
from rareworld.core.trajectory import Driver, Tracks

Heights = Callable[[Float[np.ndarray, "p 2"]], Float[np.ndarray, "p"]]
"""Ground heights at places; NaN where unknown."""

_MOVES_RADPS = 1.2
"""Phase speed at which a person's limbs swing fully (about 0.25 m/s)."""
_RUNS = (0.70, 0.72)
"""Speed over the root of gravity times hip height: walks below, runs above. Narrow, as feet of
half a walk and half a run would slide; a change of speed passes it within a tenth of a second."""
_USUAL_STRIDE = 1.55
_INWARD_RAD = 0.035
"""Feet of a walker tread nearer to the line of progression than the hips."""
_SMOOTH_S = 0.12


@final
@dataclass(frozen=True)
class _Blow:
    """An actor that was struck."""

    walker: int
    frame: int
    limp: Limp
    ground_m: Float[np.ndarray, "t"]


@final
class Walkers:
    """Poses of the walkers among the actors of a recording."""

    def __init__(
        self,
        tracks: Tracks,
        rows: Sequence[int],
        numbers: Sequence[int],
        walkers: Sequence[Walker],
        heights: Heights,
    ) -> None:
        """Prepare walkers.

        Args:
            tracks: The recording's.
            rows: Row of each walker in the tracks.
            numbers: Actor id of each, for rhythms of its own.
            walkers: How each is built.
            heights: The ground, for those who fall.
        """
        self._tracks, self._walkers = tracks, tuple(walkers)
        self._rows = np.array(rows, dtype=np.int64)
        self._number = np.array(numbers, dtype=np.int64)
        count = len(rows)
        self._hip = np.array([one.proportions.hip_m for one in walkers]).reshape(count)
        self._pivots = np.array([one.proportions.pivots() for one in walkers]).reshape(
            count, BONES, 3
        )
        self._held = np.array([one.held_rad for one in walkers]).reshape(count, BONES, 3)
        self._stoop = np.array([one.stoop_rad for one in walkers]).reshape(count)
        self._idle = Idle(
            self._number, np.array([float(one.phone) for one in walkers]).reshape(count)
        )
        self._walk, self._run = make_gait(WALK), make_gait(RUN)
        self._measure()
        self._blows = [self._blow(k, heights) for k in np.flatnonzero(self._struck() >= 0).tolist()]

    @property
    def rows(self) -> Int[np.ndarray, "w"]:
        """Row of each walker in the tracks."""
        return self._rows

    def _struck(self) -> Int[np.ndarray, "w"]:
        """Return the first frame at which physics moves each walker, or -1."""
        falls = self._tracks.driver[self._rows] == Driver.PHYSICS
        falls &= self._tracks.present[self._rows]
        return np.where(falls.any(axis=1), falls.argmax(axis=1), -1)

    def _measure(self) -> None:
        """Find phase, stride, share of movement and of running per frame."""
        tracks, rows = self._tracks, self._rows
        phase = tracks.wheel_turn_rad[rows] / (2 * np.pi)
        forward = rotate(_safe(tracks.quat[rows]), np.array([1.0, 0.0, 0.0]))
        step = np.diff(tracks.position_m[rows], axis=1)
        along = np.sum(step * (forward[:, 1:] + forward[:, :-1]) / 2, axis=2)
        here = tracks.present[rows]
        along *= here[:, 1:] & here[:, :-1]
        way = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(along, axis=1)], axis=1)
        rate, speed = self._rate(phase), self._rate(way)
        moving = np.abs(rate) > 0.05
        stride = np.where(moving, speed / np.where(moving, rate, 1.0), 0.0) / self._hip[:, None]
        stride = np.where(moving & (stride > 0.1), stride, _USUAL_STRIDE)
        froude = np.abs(speed) / np.sqrt(9.81 * self._hip)[:, None]
        run = np.clip((froude - _RUNS[0]) / (_RUNS[1] - _RUNS[0]), 0, 1)
        share = np.clip(np.abs(rate) * 2 * np.pi / _MOVES_RADPS, 0, 1) * here
        own = (self._number * 0.618034 % 1.0)[:, None]
        # one column per frame: phase, stride, share of movement, share of running
        state = np.stack([phase + own, stride, share, run], axis=2)
        for walker, frame in enumerate(self._struck().tolist()):
            if frame >= 0:
                # rates right before the blow already know of it
                state[walker, frame:, 0] = state[walker, frame, 0]
                state[walker, max(frame - 1, 0) :, 1:] = state[walker, max(frame - 2, 0), 1:]
        state[..., 2:] = self._smooth(state[..., 2:])
        self._state = state

    def _rate(self, values: Float[np.ndarray, "w t"]) -> Float[np.ndarray, "w t"]:
        """Return the change per second."""
        if self._tracks.num_frames < 2:
            return np.zeros_like(values)
        return np.gradient(values, self._tracks.time_s, axis=1)

    def _smooth(self, values: Float[np.ndarray, "w t k"]) -> Float[np.ndarray, "w t k"]:
        time_s = self._tracks.time_s
        if len(time_s) < 2:
            return values
        sigma = _SMOOTH_S * (len(time_s) - 1) / float(time_s[-1] - time_s[0])
        return np.asarray(gaussian_filter1d(values, sigma, axis=1, mode="nearest"))

    def _blow(self, walker: int, heights: Heights) -> _Blow:
        """Return what is known of a struck walker; unknown ground continues the known."""
        tracks, row = self._tracks, int(self._rows[walker])
        frame = int(self._struck()[walker])
        up = rotate(_safe(tracks.quat[row]), np.array([0.0, 0.0, 0.9]))
        ground = heights((tracks.position_m[row] + up)[:, :2])
        known = np.isfinite(ground) & tracks.present[row]
        frames = np.arange(len(ground))
        if not known.any():
            ground = np.full(len(ground), float(tracks.position_m[row, frame, 2]))
        else:
            ground = np.interp(frames, frames[known], ground[known])
        return _Blow(walker, frame, Limp.of(int(self._number[walker])), ground)

    def pose(
        self,
        frames: tuple[int, int],
        part: Float[np.ndarray, "w"],
        rotation: Float[np.ndarray, "w 3 3"],
        time_s: float,
    ) -> tuple[Float[np.ndarray, "w 13 3"], Float[np.ndarray, "w 3"]]:
        """Return angles of all bones and the way of the pelvis from its place, body frame.

        Args:
            frames: Frames before and after the time.
            part: Share of the second of them, per walker.
            rotation: World from body of each walker.
            time_s: The time.
        """
        state = mixed(self._state[:, frames[0]], self._state[:, frames[1]], part)
        angles, shift = self._gait(state, time_s)
        for blow in self._blows:
            slack = self._slack(blow, time_s)
            if slack > 0:
                k = blow.walker
                spin = float(np.linalg.norm(self._spin(blow, frames, part)))
                loose = blow.limp.angles(rotation[k], spin)
                angles[k] += slack * (loose - angles[k])
                shift[k] *= 1 - slack
        return angles, shift

    def _gait(
        self, state: Float[np.ndarray, "w 4"], time_s: float
    ) -> tuple[Float[np.ndarray, "w 13 3"], Float[np.ndarray, "w 3"]]:
        """Return the pose of people on their feet."""
        phase, stride, share, run = state.T
        walk, run_pose = look_up(self._walk, stride, phase), look_up(self._run, stride, phase)
        angles, shift = (mixed(a, b, run) for a, b in zip(walk, run_pose, strict=True))
        angles[:, LEGS[0][0], ROLL] -= _INWARD_RAD
        angles[:, LEGS[1][0], ROLL] += _INWARD_RAD
        still, sway = self._idle.at(time_s)
        angles, shift = mixed(still, angles, share), mixed(sway, shift, share)
        angles[:, Bone.TRUNK, PITCH] += self._stoop
        angles[:, Bone.HEAD, PITCH] -= 0.7 * self._stoop
        angles = np.where(np.isnan(self._held), angles, self._held)
        # hips that go sideways do not take the feet with them
        tilt = np.arcsin(np.clip(shift[:, 1], -0.3, 0.3))
        for leg in LEGS:
            angles[:, leg[0], ROLL] -= tilt
            angles[:, leg[2], ROLL] = -angles[:, leg[0], ROLL] - angles[:, Bone.PELVIS, ROLL]
        shift = shift * self._hip[:, None]
        shift[:, 2] -= soles(angles, self._pivots)[..., 2].min(axis=(1, 2))
        return angles, shift

    def _slack(self, blow: _Blow, time_s: float) -> float:
        return slackness(time_s - float(self._tracks.time_s[blow.frame]))

    def _spin(
        self, blow: _Blow, frames: tuple[int, int], part: Float[np.ndarray, "w"]
    ) -> FloatArray:
        rate = self._tracks.angular_velocity_radps[self._rows[blow.walker]]
        return rate[frames[0]] + part[blow.walker] * (rate[frames[1]] - rate[frames[0]])

    def settle(
        self,
        turn: Float[np.ndarray, "w 13 3 3"],
        at: Float[np.ndarray, "w 13 3"],
        frames: tuple[int, int],
        part: Float[np.ndarray, "w"],
        time_s: float,
    ) -> None:
        """Lay the limbs of struck walkers on the ground, in place; arrays are of the world."""
        for blow in self._blows:
            slack = self._slack(blow, time_s)
            if slack > 0:
                k = blow.walker
                a, b = (float(blow.ground_m[frame]) for frame in frames)
                ground = a + float(part[k]) * (b - a)
                turn[k], at[k] = settle(turn[k], at[k], self._walkers[k].proportions, ground, slack)


def _safe(quat: Float[np.ndarray, "*s 4"]) -> Float[np.ndarray, "*s 4"]:
    """Return rotations with those of absent actors replaced by none at all."""
    missing = np.abs(quat).sum(axis=-1, keepdims=True) == 0
    return np.where(missing, np.array([1.0, 0.0, 0.0, 0.0]), quat)
