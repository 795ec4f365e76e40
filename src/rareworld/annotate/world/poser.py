"""Where every part of every actor is at any time of a recording.

Poses are interpolated between frames (positions linearly, rotations along the shorter arc), exact
at frame times. All parts are moved together: angles for every joint, then one matrix product per
depth of the joint tree. Angles of people on foot come from `walkers`, the lean of two-wheelers from
`lean`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from rareworld.annotate.world.beams import with_daytime
from rareworld.annotate.world.lean import make_lean
from rareworld.annotate.world.model import FrameState, StateBit
from rareworld.annotate.world.parts import CYCLE_STEPS, Figure
from rareworld.annotate.world.puffs import Wake
from rareworld.annotate.world.skeleton import BONES, turns
from rareworld.annotate.world.suspension import make_sway
from rareworld.annotate.world.walkers import Walkers
from rareworld.core.geometry import matrix_from_quat, slerp
from rareworld.core.lanes import LaneIndex
from rareworld.core.road import RoadMap
from rareworld.core.trajectory import Recording, SignalState

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
    rest_rad: Float[np.ndarray, "i 2"]
    rests: Bool[np.ndarray, "i"]
    cycle: Int[np.ndarray, "i"]
    tables: Float[np.ndarray, "j c"]
    first: Int[np.ndarray, "n"]
    """First part of each actor."""


def _joints(figures: Sequence[Figure]) -> _Joints:
    """Flatten the figures' joints; cycle 0 is the table of zeros."""
    tables: list[np.ndarray] = [np.zeros(CYCLE_STEPS)]
    known: dict[int, int] = {}
    rows: list[tuple[int, int, int, bool]] = []
    numbers: list[tuple[float, ...]] = []
    firsts: list[int] = []
    for row, made in enumerate(figures):
        first = len(rows)
        firsts.append(first)
        for part in made.parts:
            joint = part.joint
            index = 0
            if joint.cycle_rad is not None:
                index = known.setdefault(id(joint.cycle_rad), len(tables))
                if index == len(tables):
                    tables.append(joint.cycle_rad)
            above = first + joint.parent if joint.parent >= 0 else -1
            rows.append((row, above, index, joint.rest_rad is not None))
            numbers.append((*joint.pivot_m, joint.spin, joint.steer, *(joint.rest_rad or (0, 0))))
    whole = np.array(rows, dtype=np.int64).reshape(-1, 4)
    value = np.array(numbers, dtype=np.float64).reshape(-1, 7)
    return _Joints(
        whole[:, 0], whole[:, 1], value[:, :3], value[:, 3], value[:, 4], value[:, 5:],
        whole[:, 3].astype(np.bool_), whole[:, 2], np.stack(tables),
        np.array(firsts, dtype=np.int64),
    )  # fmt: skip


def _depths(parent: Int[np.ndarray, "i"]) -> list[Int[np.ndarray, "k"]]:
    """Return the instances of each depth of the joint tree, roots first."""
    depth = np.zeros(len(parent), dtype=np.int64)
    for index in range(len(parent)):
        if parent[index] >= 0:
            depth[index] = depth[parent[index]] + 1
    return [np.flatnonzero(depth == level) for level in range(int(depth.max(initial=-1)) + 1)]


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


def _walkers(recording: Recording, figures: Sequence[Figure]) -> Walkers:
    """Return those on foot among the actors."""
    rows = [row for row, made in enumerate(figures) if made.walker is not None]

    def heights(xy_m: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p"]:
        """Return the height of the road map; asked only where somebody falls."""
        return _height_of(recording.scene.road, xy_m)

    return Walkers(
        recording.tracks,
        rows,
        [recording.scene.actors[row].id for row in rows],
        [made.walker for made in figures if made.walker is not None],
        heights,
    )


def _height_of(road: RoadMap, xy_m: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p"]:
    return LaneIndex(road).height_at(xy_m)


@final
class ScenePoser:
    """Poses actors' parts first, then signal heads, in the order of `RenderScene.instances`."""

    def __init__(
        self,
        recording: Recording,
        figures: Sequence[Figure],
        heads: Float[np.ndarray, "h 3 4"],
        head_signals: Int[np.ndarray, "h"],
        wake: Wake | None = None,
    ) -> None:
        self._wake = wake
        self._tracks, self._joints = recording.tracks, _joints(figures)
        self._depths = _depths(self._joints.parent)
        self._gain = np.array([made.phase_gain for made in figures]) / (2 * np.pi)
        self._walkers = _walkers(recording, figures)
        self._bones = self._joints.first[self._walkers.rows][:, None] + np.arange(BONES)
        self._lamps = with_daytime(recording)
        specs = [actor.spec for actor in recording.scene.actors]
        self._lean = make_lean(recording.tracks, specs)
        self._sway = make_sway(recording.tracks, specs)
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
        turn, shift = self._parts(time_s, (low, high), part, (rotation, position))
        transforms = np.concatenate([turn, shift[..., None]], axis=-1)
        lamps = self._lamps[self._joints.row, now]
        shown = present[self._joints.row].astype(np.uint8)
        return FrameState(
            transforms=np.concatenate([transforms, self._heads]).astype(np.float32),
            visible=np.concatenate([shown, np.ones(len(self._heads), dtype=np.uint8)]),
            state=np.concatenate([lamps, self._signal_bits[self._head_signals, now]]),
            time_s=time_s,
            puffs=self._puffs(time_s),
        )

    def _puffs(self, time_s: float) -> Float32[np.ndarray, "p 6"]:
        """Return spray and dust; none where no wheels throw any up."""
        if self._wake is None:
            return np.zeros((0, 6), np.float32)
        return self._wake.at(time_s)

    def _blend(
        self, values: Float[np.ndarray, "n t"], low: int, high: int, part: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n"]:
        return values[:, low] + part * (values[:, high] - values[:, low])

    def _bodies(
        self, low: int, high: int, part: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n 3 3"], Float[np.ndarray, "n 3"]]:
        """Return rotation, lean included, and foot position of every actor."""
        tracks = self._tracks
        missing = ~tracks.present[:, [low, high]]
        quats = np.where(missing[..., None], [1.0, 0, 0, 0], tracks.quat[:, [low, high]])
        rotation = matrix_from_quat(slerp(quats[:, 0], quats[:, 1], part))
        a, b = tracks.position_m[:, low], tracks.position_m[:, high]
        roll = np.zeros((len(rotation), 3))
        roll[:, 2] = self._blend(self._lean.roll_rad, low, high, part)
        return rotation @ turns(roll), a + part[:, None] * (b - a)

    def _angles(
        self, low: int, high: int, part: Float[np.ndarray, "n"]
    ) -> Float[np.ndarray, "i 3"]:
        """Return how every joint is turned, those of people on foot excepted."""
        joints, row = self._joints, self._joints.row
        rolled = self._blend(self._tracks.wheel_turn_rad, low, high, part)
        moving = self._blend(self._lean.moving, low, high, part)[row]
        still = np.where(joints.rests, 1 - moving, 0.0)
        cycle = _lookup(joints.tables, joints.cycle, (rolled * self._gain)[row])
        out = np.empty((len(row), 3))
        out[:, 0] = self._blend(self._tracks.steer_rad, low, high, part)[row] * joints.steer
        out[:, 1] = cycle + still * (joints.rest_rad[:, 0] - cycle) + joints.spin * rolled[row]
        out[:, 2] = still * joints.rest_rad[:, 1]
        out[joints.first, 1] += self._blend(self._sway.pitch_rad, low, high, part)
        out[joints.first, 2] += self._blend(self._sway.roll_rad, low, high, part)
        return out

    def _parts(
        self,
        time_s: float,
        frames: tuple[int, int],
        part: Float[np.ndarray, "n"],
        body: tuple[Float[np.ndarray, "n 3 3"], Float[np.ndarray, "n 3"]],
    ) -> tuple[Float[np.ndarray, "i 3 3"], Float[np.ndarray, "i 3"]]:
        """Return rotation and origin of every part in the world."""
        joints, bones, on_foot = self._joints, self._bones, self._walkers.rows
        held = min(max(time_s, float(self._tracks.time_s[0])), float(self._tracks.time_s[-1]))
        angles, pivot = self._angles(*frames, part), joints.pivot_m.copy()
        angles[bones], way = self._walkers.pose(frames, part[on_foot], body[0][on_foot], held)
        pivot[bones[:, 0]] += way
        turn, shift = turns(angles), np.empty_like(pivot)
        for depth, index in enumerate(self._depths):
            above = joints.row[index] if depth == 0 else joints.parent[index]
            base_turn, base_shift = body if depth == 0 else (turn, shift)
            turn[index] = base_turn[above] @ turn[index]
            shift[index] = base_shift[above] + np.einsum(
                "iab,ib->ia", base_turn[above], pivot[index]
            )
        placed = turn[bones], shift[bones]
        self._walkers.settle(*placed, frames, part[on_foot], held)
        turn[bones], shift[bones] = placed
        return turn, shift
