"""Where every part of every actor is at any time of a recording.

Poses are interpolated between frames (positions linearly, rotations along the shorter arc), exact
at frame times. All parts are moved together: angles for every joint, then one matrix product per
depth of the joint tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.annotate.world.model import FrameState, StateBit
from rareworld.annotate.world.parts import CYCLE_STEPS, Figure
from rareworld.core.geometry import matrix_from_quat, slerp
from rareworld.core.trajectory import Recording, SignalState, Tracks

_WALKS_RADPS = 1.2
"""Phase speed at which a person's limbs swing fully (about 0.25 m/s)."""
ASPECTS: dict[SignalState, int] = {
    SignalState.RED: int(StateBit.RED),
    SignalState.YELLOW: int(StateBit.YELLOW),
    SignalState.GREEN: int(StateBit.GREEN),
    SignalState.OFF: 0,
    SignalState.UNKNOWN: 0,
    SignalState.RED_YELLOW: int(StateBit.RED | StateBit.YELLOW),
}
"""Lenses that are lit per state."""


@final
@dataclass(frozen=True)
class _Joints:
    """All joints of all actors, in the order of instances."""

    row: Int[np.ndarray, "i"]
    parent: Int[np.ndarray, "i"]
    pivot_m: Float[np.ndarray, "i 3"]
    spin: Float[np.ndarray, "i"]
    steer: Float[np.ndarray, "i"]
    rest_rad: Float[np.ndarray, "i"]
    cycle: Int[np.ndarray, "i"]
    tables: Float[np.ndarray, "j c"]


def _joints(figures: Sequence[Figure]) -> _Joints:
    """Flatten the figures' joints; cycle 0 is the table of zeros."""
    tables: list[np.ndarray] = [np.zeros(CYCLE_STEPS)]
    known: dict[int, int] = {}
    rows: list[tuple[int, int, int]] = []
    numbers: list[tuple[float, ...]] = []
    for row, made in enumerate(figures):
        first = len(rows)
        for part in made.parts:
            joint = part.joint
            index = 0
            if joint.cycle_rad is not None:
                index = known.setdefault(id(joint.cycle_rad), len(tables))
                if index == len(tables):
                    tables.append(joint.cycle_rad)
            rows.append((row, first + joint.parent if joint.parent >= 0 else -1, index))
            numbers.append((*joint.pivot_m, joint.spin, joint.steer, joint.rest_rad))
    whole = np.array(rows, dtype=np.int64).reshape(-1, 3)
    value = np.array(numbers, dtype=np.float64).reshape(-1, 6)
    return _Joints(
        whole[:, 0], whole[:, 1], value[:, :3], value[:, 3], value[:, 4], value[:, 5], whole[:, 2],
        np.stack(tables),
    )  # fmt: skip


def _depths(parent: Int[np.ndarray, "i"]) -> list[Int[np.ndarray, "k"]]:
    """Return the instances of each depth of the joint tree, roots first."""
    depth = np.zeros(len(parent), dtype=np.int64)
    for index in range(len(parent)):
        if parent[index] >= 0:
            depth[index] = depth[parent[index]] + 1
    return [np.flatnonzero(depth == level) for level in range(int(depth.max(initial=-1)) + 1)]


def _walk_share(tracks: Tracks, rests: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n t"]:
    """Return how much of the cycle each actor shows per frame: 0 standing, 1 moving."""
    if tracks.num_frames < 2:
        return np.where(rests[:, None], 0.0, np.ones_like(tracks.wheel_turn_rad))
    rate = np.gradient(tracks.wheel_turn_rad, tracks.time_s, axis=1)
    rate *= tracks.present
    return np.where(rests[:, None], np.clip(np.abs(rate) / _WALKS_RADPS, 0, 1), 1.0)


def _lookup(
    tables: Float[np.ndarray, "j c"], index: Int[np.ndarray, "i"], phase: Float[np.ndarray, "i"]
) -> Float[np.ndarray, "i"]:
    """Return table values at phases in periods, linear between steps; angles may wrap."""
    at = (phase % 1.0) * CYCLE_STEPS
    low = at.astype(np.int64) % CYCLE_STEPS
    a, b = tables[index, low], tables[index, (low + 1) % CYCLE_STEPS]
    jump = b - a
    jump -= 2 * np.pi * np.round(jump / (2 * np.pi))
    return a + (at - np.floor(at)) * jump


@final
class ScenePoser:
    """Poses actors' parts first, then signal heads, in the order of `RenderScene.instances`."""

    def __init__(
        self,
        recording: Recording,
        figures: Sequence[Figure],
        heads: Float[np.ndarray, "h 3 4"],
        head_signals: Int[np.ndarray, "h"],
    ) -> None:
        self._tracks, self._joints = recording.tracks, _joints(figures)
        self._depths = _depths(self._joints.parent)
        self._gain = np.array([made.phase_gain for made in figures]) / (2 * np.pi)
        zero = np.zeros(CYCLE_STEPS)
        self._bobs = np.array(
            [zero if made.bob_m is None else made.bob_m for made in figures]
        ).reshape(-1, CYCLE_STEPS)
        self._share = _walk_share(
            recording.tracks, np.array([made.rests for made in figures], dtype=bool)
        )
        self._heads, self._head_signals = heads, head_signals
        aspect = np.zeros(max(SignalState) + 1, dtype=np.uint32)
        for state, bits in ASPECTS.items():
            aspect[state] = bits
        self._signal_bits = aspect[recording.signal_states]

    def _between(self, time_s: float) -> tuple[int, int, float]:
        """Return the frames before and after a time and the fraction between; ends are held."""
        times = self._tracks.time_s
        if len(times) < 2:
            return 0, 0, 0.0
        low = int(
            np.clip(np.searchsorted(times, time_s + 1e-9, side="right") - 1, 0, len(times) - 2)
        )
        share = (time_s - times[low]) / (times[low + 1] - times[low])
        share = float(np.clip(share, 0, 1))
        return low, low + 1, 0.0 if share < 1e-6 else 1.0 if share > 1 - 1e-6 else share

    def at(self, time_s: float) -> FrameState:
        """Return the interpolated state; exact at frame times."""
        low, high, share = self._between(time_s)
        now = high if share == 1.0 else low
        present = self._tracks.present[:, now]
        both = self._tracks.present[:, low] & self._tracks.present[:, high]
        part = np.where(both, share, np.where(present, 1.0 * (now == high), 0.0))
        rotation, position = self._bodies(low, high, part)
        turn, shift = self._parts(low, high, part, rotation, position)
        transforms = np.concatenate([turn, shift[..., None]], axis=-1)
        lamps = self._tracks.lamps[self._joints.row, now]
        shown = present[self._joints.row].astype(np.uint8)
        return FrameState(
            transforms=np.concatenate([transforms, self._heads]).astype(np.float32),
            visible=np.concatenate([shown, np.ones(len(self._heads), dtype=np.uint8)]),
            state=np.concatenate([lamps, self._signal_bits[self._head_signals, now]]),
            time_s=time_s,
        )

    def _blend(
        self, values: Float[np.ndarray, "n t"], low: int, high: int, part: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n"]:
        return values[:, low] + part * (values[:, high] - values[:, low])

    def _bodies(
        self, low: int, high: int, part: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n 3 3"], Float[np.ndarray, "n 3"]]:
        """Return rotation and foot position of every actor, bob included."""
        tracks = self._tracks
        missing = ~tracks.present[:, [low, high]]
        quats = np.where(missing[..., None], [1.0, 0, 0, 0], tracks.quat[:, [low, high]])
        rotation = matrix_from_quat(slerp(quats[:, 0], quats[:, 1], part))
        a, b = tracks.position_m[:, low], tracks.position_m[:, high]
        position = a + part[:, None] * (b - a)
        phase = self._blend(tracks.wheel_turn_rad, low, high, part) * self._gain
        bob = _lookup(self._bobs, np.arange(len(phase)), phase)
        bob = bob * self._blend(self._share, low, high, part)
        return rotation, position + rotation[:, :, 2] * bob[:, None]

    def _parts(
        self,
        low: int,
        high: int,
        part: Float[np.ndarray, "n"],
        rotation: Float[np.ndarray, "n 3 3"],
        position: Float[np.ndarray, "n 3"],
    ) -> tuple[Float[np.ndarray, "i 3 3"], Float[np.ndarray, "i 3"]]:
        """Return rotation and origin of every part in the world."""
        joints, row = self._joints, self._joints.row
        rolled = self._blend(self._tracks.wheel_turn_rad, low, high, part)
        steer = self._blend(self._tracks.steer_rad, low, high, part)[row] * joints.steer
        cycle = _lookup(joints.tables, joints.cycle, (rolled * self._gain)[row])
        share = self._blend(self._share, low, high, part)[row]
        angle = joints.rest_rad + share * (cycle - joints.rest_rad) * (joints.cycle > 0)
        local = _yaw_pitch(steer, angle + joints.spin * rolled[row])
        turn, shift = np.empty_like(local), np.empty_like(joints.pivot_m)
        for depth, index in enumerate(self._depths):
            above = row[index] if depth == 0 else joints.parent[index]
            base_turn, base_shift = (rotation, position) if depth == 0 else (turn, shift)
            turn[index] = base_turn[above] @ local[index]
            moved = np.einsum("iab,ib->ia", base_turn[above], joints.pivot_m[index])
            shift[index] = base_shift[above] + moved
        return turn, shift


def _yaw_pitch(
    yaw: Float[np.ndarray, "i"], pitch: Float[np.ndarray, "i"]
) -> Float[np.ndarray, "i 3 3"]:
    """Return Rz(yaw) Ry(pitch)."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    rows = [cy * cp, -sy, cy * sp, sy * cp, cy, sy * sp, -sp, np.zeros_like(cy), cp]
    return np.stack(rows, axis=-1).reshape(-1, 3, 3)
