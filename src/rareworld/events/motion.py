"""Bodies in continuous time: what lies between the frames of a recording.

Between two frames a position follows the cubic Hermite curve of both positions and velocities and
a rotation the shorter arc (Shoemake 1985). Where the velocity jumps more than tyres can do, the
body was hit: its path is two straight pieces that meet where both velocities agree with both
positions, for a cubic would round the corner and miss the touch. Proved in
tests/events/test_motion.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.core.geometry import (
    FloatArray,
    quat_from_yaw,
    slerp,
)
from rareworld.core.scene import Prop, PropKind
from rareworld.core.trajectory import Recording

IMPACT_ACCEL_MPS2 = 20.0
"""Twice what dry tyres can do: a larger change of velocity between frames is an impact."""

TELEPORT_MPS = 120.0
"""An actor that moves faster between frames was put elsewhere and swept nothing."""

_TRUNK_SHARE = 0.06
"""Trunk diameter of a tree over the width of its crown, as in the crash simulation."""

_SIGNAL_POST_M = 0.16
"""Diameter of the post of a signal, as in the crash simulation."""


@final
@dataclass(frozen=True, kw_only=True)
class Bodies:
    """Actors, then static objects, as boxes that move. M bodies, T frames."""

    ids: tuple[int, ...]
    """Actor or prop id; 0 for the post of a signal."""
    names: tuple[str, ...]
    """Blueprint of an actor, else a word such as `tree 17` or `signal S1`."""
    num_actors: int
    time_s: Float[np.ndarray, "t"]
    present: Bool[np.ndarray, "m t"]
    position_m: Float[np.ndarray, "m t 3"]
    quat: Float[np.ndarray, "m t 4"]
    velocity_mps: Float[np.ndarray, "m t 3"]
    spin_radps: Float[np.ndarray, "m t 3"]
    size_m: Float[np.ndarray, "m 3"]
    usable: Bool[np.ndarray, "m k"]
    """Frame intervals in which a body is there throughout, K = T - 1."""
    struck: Bool[np.ndarray, "m k"]
    """Frame intervals in which the velocity jumps."""
    jump_s: Float[np.ndarray, "m k"]
    """When it jumps, from the start of the interval."""
    slip_m: Float[np.ndarray, "m k 3"]
    """What the two straight pieces miss each other by."""

    @property
    def step_s(self) -> Float[np.ndarray, "k"]:
        """Length of each frame interval."""
        return np.diff(self.time_s)

    @property
    def moves(self) -> Bool[np.ndarray, "m"]:
        """Return which bodies ever move: a way of 5 cm, a speed of 5 cm/s or 0.05 rad/s."""
        shift = np.linalg.norm(np.diff(self.position_m, axis=1), axis=2)
        fast = np.linalg.norm(self.velocity_mps, axis=2).max(axis=1, initial=0.0) > 0.05
        fast |= np.linalg.norm(self.spin_radps, axis=2).max(axis=1, initial=0.0) > 0.05
        return fast | (np.where(self.usable, shift, 0.0).sum(axis=1) > 0.05)

    def pose(
        self, row: Int[np.ndarray, "n"], step: Int[np.ndarray, "n"], after_s: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 4"]]:
        """Return positions and rotations `after_s` seconds into frame intervals."""
        length = self.step_s[step]
        u, rest = (after_s / length)[:, None], (length - after_s)[:, None]
        p0, p1 = self.position_m[row, step], self.position_m[row, step + 1]
        v0, v1 = self.velocity_mps[row, step], self.velocity_mps[row, step + 1]
        late = after_s[:, None] > self.jump_s[row, step][:, None]
        broken = np.where(late, p1 - v1 * rest, p0 + v0 * after_s[:, None])
        broken = broken + self.slip_m[row, step] * (u - late)
        hit = self.struck[row, step]
        position = np.where(hit[:, None], broken, _hermite(p0, p1, v0, v1, u, length[:, None]))
        fraction = np.where(hit, self._turn_fraction(row, step, after_s), u[:, 0])
        return position, slerp(self.quat[row, step], self.quat[row, step + 1], fraction)

    def _turn_fraction(
        self, row: Int[np.ndarray, "n"], step: Int[np.ndarray, "n"], after_s: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n"]:
        """Return the share of the turn done when the rate of turn jumps with the velocity."""
        before = np.linalg.norm(self.spin_radps[row, step], axis=1) + 1e-9
        after = np.linalg.norm(self.spin_radps[row, step + 1], axis=1) + 1e-9
        jump, length = self.jump_s[row, step], self.step_s[step]
        done = before * np.minimum(after_s, jump) + after * np.maximum(after_s - jump, 0.0)
        return done / (before * jump + after * (length - jump))

    def locate(self, time_s: Float[np.ndarray, "n"]) -> tuple[np.ndarray, np.ndarray]:
        """Return the frame interval of each time and the seconds into it."""
        step = np.searchsorted(self.time_s, time_s, side="right") - 1
        step = np.clip(step, 0, len(self.time_s) - 2)
        return step, np.clip(time_s - self.time_s[step], 0.0, self.step_s[step])

    def pose_at(
        self, row: Int[np.ndarray, "n"], time_s: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 4"]]:
        """Return positions and rotations at times of the recording's clock."""
        step, after = self.locate(time_s)
        return self.pose(row, step, after)

    def velocity_before(self, row: int, time_s: float) -> tuple[FloatArray, FloatArray]:
        """Return velocity and spin just before an impact at `time_s`."""
        step, after = (part[0] for part in self.locate(np.array([time_s])))
        v0, v1 = self.velocity_mps[row, step], self.velocity_mps[row, step + 1]
        spin = self.spin_radps[row, step]
        if self.struck[row, step] or not self.usable[row, step]:
            return v0, spin
        length = self.step_s[step]
        mean = (self.position_m[row, step + 1] - self.position_m[row, step]) / length
        u = after / length
        velocity = (1 - u) * (1 - 3 * u) * v0 + 6 * u * (1 - u) * mean + u * (3 * u - 2) * v1
        return velocity, spin + u * (self.spin_radps[row, step + 1] - spin)

    def velocity_hull(
        self, row: Int[np.ndarray, "n"], step: Int[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n 3 3"]:
        """Return three vectors per interval whose convex hull holds every velocity in it."""
        length = self.step_s[step][:, None]
        p0, p1 = self.position_m[row, step], self.position_m[row, step + 1]
        v0, v1 = self.velocity_mps[row, step], self.velocity_mps[row, step + 1]
        hit = self.struck[row, step][:, None]
        shift = np.where(hit, self.slip_m[row, step] / length, 0.0)
        middle = np.where(hit, v0 + shift, 3 * (p1 - p0) / length - v0 - v1)
        return np.stack([v0 + shift, middle, v1 + shift], axis=1)

    def turn_rate(
        self, row: Int[np.ndarray, "n"], step: Int[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n"]:
        """Return a bound of the rate of turn within frame intervals, rad/s."""
        dot = np.abs(np.sum(self.quat[row, step] * self.quat[row, step + 1], axis=1))
        rate = 2 * np.arccos(np.clip(dot, 0.0, 1.0)) / self.step_s[step]
        start = np.linalg.norm(self.spin_radps[row, step], axis=1) + 1e-9
        end = np.linalg.norm(self.spin_radps[row, step + 1], axis=1) + 1e-9
        jump = self.jump_s[row, step] / self.step_s[step]
        uneven = np.maximum(start, end) / (start * jump + end * (1 - jump))
        return rate * np.where(self.struck[row, step], uneven, 1.0)

    @property
    def reach_m(self) -> Float[np.ndarray, "m"]:
        """Return the distance of the farthest corner from the foot point."""
        return np.linalg.norm(self.size_m * [0.5, 0.5, 1.0], axis=1)


def _hermite(
    p0: FloatArray,
    p1: FloatArray,
    v0: FloatArray,
    v1: FloatArray,
    u: FloatArray,
    length: FloatArray,
) -> FloatArray:
    """Return the cubic through both ends with both end velocities."""
    w = 1 - u
    bend = u * w * length * (w * v0 - u * v1)
    return w * w * (1 + 2 * u) * p0 + u * u * (1 + 2 * w) * p1 + bend


def bodies_of(recording: Recording, *, with_static: bool = True) -> Bodies:
    """Return the actors of a recording, then the static objects they could have met."""
    tracks, scene = recording.tracks, recording.scene
    statics = _statics(recording) if with_static else []
    frames = tracks.num_frames
    still = np.zeros((len(statics), frames, 3))
    foot = np.array([prop.position_m for _, prop in statics], dtype=np.float64).reshape(-1, 1, 3)
    yaw = quat_from_yaw(
        np.array([prop.yaw_rad for _, prop in statics], dtype=np.float64).reshape(-1, 1)
    )
    sizes = [a.spec.size_m for a in scene.actors] + [prop.size_m for _, prop in statics]
    everywhere = np.ones((len(statics), frames), dtype=np.bool_)
    present = np.concatenate([tracks.present, everywhere])
    quat = np.where(tracks.present[..., None], tracks.quat, [1.0, 0.0, 0.0, 0.0])
    position = np.concatenate([tracks.position_m, still + foot])
    velocity = np.concatenate([tracks.velocity_mps, still])
    step = np.diff(tracks.time_s)
    usable = present[:, 1:] & present[:, :-1]
    shift = np.linalg.norm(np.diff(position, axis=1), axis=2)
    usable &= shift <= TELEPORT_MPS * step
    struck, jump, slip = _impacts(position, velocity, step)
    return Bodies(
        ids=tuple(a.id for a in scene.actors) + tuple(prop.id for _, prop in statics),
        names=tuple(a.blueprint for a in scene.actors) + tuple(name for name, _ in statics),
        num_actors=len(scene.actors),
        time_s=tracks.time_s.astype(np.float64),
        present=present,
        position_m=position,
        quat=np.concatenate([quat, np.broadcast_to(yaw, (len(statics), frames, 4))]),
        velocity_mps=velocity,
        spin_radps=np.concatenate([tracks.angular_velocity_radps, still]),
        size_m=np.array(sizes, dtype=np.float64).reshape(-1, 3),
        usable=usable,
        struck=struck,
        jump_s=jump,
        slip_m=slip,
    )


def _impacts(
    position: FloatArray, velocity: FloatArray, step: FloatArray
) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Return where velocities jump, when, and the misfit of the two straight pieces."""
    change = np.diff(velocity, axis=1)
    size = np.linalg.norm(change, axis=2)
    struck = size > IMPACT_ACCEL_MPS2 * step
    length = step[None, :, None]
    excess = np.diff(position, axis=1) - velocity[:, 1:] * length
    jump = -np.sum(excess * change, axis=2) / np.maximum(size**2, 1e-12)
    jump = np.clip(jump, 0.0, step)
    slip = excess + change * jump[..., None]
    return struck, jump, slip


def _statics(recording: Recording) -> list[tuple[str, Prop]]:
    """Return names and solid boxes of props and signal posts that lie where actors were."""
    tracks, road = recording.tracks, recording.scene.road
    seen = tracks.position_m[tracks.present][:, :2]
    if not len(seen):
        return []
    low, high = seen.min(axis=0) - 10.0, seen.max(axis=0) + 10.0
    posts = [
        (
            f"signal {signal.id}",
            Prop(
                id=0, kind=PropKind.POLE, position_m=signal.position_m, yaw_rad=signal.yaw_rad,
                size_m=(_SIGNAL_POST_M, _SIGNAL_POST_M, max(signal.height_m, 0.1)),
            ),
        )
        for signal in road.signals
    ]  # fmt: skip
    solid = [prop for prop in recording.scene.props if prop.solid]
    props = [(f"{prop.kind} {prop.id}", _solid(prop)) for prop in solid]
    return [item for item in props + posts if _overlaps(item[1], low, high)]


def _solid(prop: Prop) -> Prop:
    """Return a prop as the box a car would hit: of trees only the trunk."""
    if prop.kind is not PropKind.TREE:
        return prop
    length, width, height = prop.size_m
    trunk = max(0.2, _TRUNK_SHARE * max(length, width))
    size = (trunk, trunk, 0.6 * height)
    return Prop(
        id=prop.id, kind=prop.kind, position_m=prop.position_m, yaw_rad=prop.yaw_rad, size_m=size
    )


def _overlaps(prop: Prop, low: FloatArray, high: FloatArray) -> bool:
    """Return whether a prop's circle meets the rectangle [low, high]."""
    radius = float(np.hypot(prop.size_m[0], prop.size_m[1])) / 2
    middle = np.array(prop.position_m[:2])
    return bool(np.all(middle + radius >= low) and np.all(middle - radius <= high))
