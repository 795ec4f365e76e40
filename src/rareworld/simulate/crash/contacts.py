"""What touched what, exactly when, and how hard.

Pairs are seen a little before they touch; the time of first contact is where their gap, taken as
linear between two steps, crosses zero. Impulse is the vector sum of solver forces over the contact.
Proved in tests/simulate/crash/test_crash_impact.py.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from rareworld.core.event import Contact
from rareworld.core.geometry import FloatArray
from rareworld.simulate.crash.config import ContactConfig
from rareworld.simulate.crash.model import Compiled
from rareworld.simulate.crash.vectors import cross

_LEVEL_M = 0.005
"""Points within this of the nearest one belong to the same flat contact."""

Pair = tuple[int, int, bool]
"""Actor id, actor or prop id, and whether the second is the ground or a kerb."""


@final
@dataclass(frozen=True)
class Touch:
    """One pair near or in contact at one step."""

    pair: Pair
    gap_m: float
    """Negative while they overlap."""
    closing_mps: float
    """Approach speed along the normal at the nearest point."""
    speed_mps: float
    point_m: FloatArray
    normal: FloatArray
    """From the first to the second."""


@final
@dataclass
class _Episode:
    """A contact being written."""

    start_s: float
    last_s: float
    """Last time seen overlapping."""
    touch: Touch
    told: bool
    pushed_s: float = 0.0
    """Last time with force: bent metal that springs back slowly overlaps longer."""
    impulse_ns: FloatArray = field(default_factory=lambda: np.zeros(3))

    def contact(self) -> Contact:
        p, n = self.touch.point_m.tolist(), self.touch.normal.tolist()
        return Contact(
            first=self.touch.pair[0],
            second=self.touch.pair[1],
            time_s=self.start_s,
            point_m=(p[0], p[1], p[2]),
            normal=(n[0], n[1], n[2]),
            relative_speed_mps=self.touch.speed_mps,
            duration_s=max(self.pushed_s - self.start_s, 0.0),
            impulse_ns=float(np.linalg.norm(self.impulse_ns)),
        )


def touches(compiled: Compiled) -> list[Touch]:
    """Return each pair near or in contact, by its nearest point; call after `mj_step1`."""
    contact = compiled.data.contact
    groups: dict[Pair, list[int]] = {}
    for row, (a, b) in enumerate(contact.geom.tolist()):
        groups.setdefault(_pair(compiled, a, b)[0], []).append(row)
    gaps = contact.dist.tolist()
    return [_touch(compiled, pair, rows, gaps) for pair, rows in groups.items()]


def _pair(compiled: Compiled, a: int, b: int) -> tuple[Pair, bool]:
    """Return the pair of two geoms and whether it reads the other way round."""
    first, second = int(compiled.owner[a]), int(compiled.owner[b])
    fixed_a, fixed_b = bool(compiled.fixed[a]), bool(compiled.fixed[b])
    if fixed_a or (not fixed_b and second < first):
        return (second, first, bool(compiled.low[a])), True
    return (first, second, bool(compiled.low[b])), False


def _touch(compiled: Compiled, pair: Pair, rows: list[int], gaps: list[float]) -> Touch:
    """Return the pair's touch at the middle of its nearest points."""
    contact = compiled.data.contact
    row = min(rows, key=lambda i: gaps[i])
    _, turned = _pair(compiled, *contact.geom[row].tolist())
    normal = contact.frame[row, :3] * (-1.0 if turned else 1.0)
    near = [i for i in rows if gaps[i] < gaps[row] + _LEVEL_M]
    point = contact.pos[near].mean(axis=0)
    relative = _velocity(compiled, pair[0], point) - _velocity(compiled, pair[1], point)
    return Touch(
        pair=pair,
        gap_m=gaps[row],
        closing_mps=float(relative @ normal),
        speed_mps=float(np.linalg.norm(relative)),
        point_m=point,
        normal=normal,
    )


def _velocity(compiled: Compiled, key: int, point_m: FloatArray) -> FloatArray:
    """Return the velocity of a body's material at a point; zero for what stands still."""
    body = compiled.bodies.get(key)
    if body is None:
        return np.zeros(3)
    data, row = compiled.data, body - 1
    rate = data.xmat[body].reshape(3, 3) @ data.qvel[6 * row + 3 : 6 * row + 6]
    return data.qvel[6 * row : 6 * row + 3] + cross(rate, point_m - data.xpos[body])


@final
class ContactLog:
    """All contacts of a run."""

    def __init__(self, config: ContactConfig) -> None:
        self._config = config
        self._live: dict[Pair, _Episode] = {}
        self._done: list[_Episode] = []
        self._gaps: dict[Pair, tuple[float, float]] = {}

    def see(self, seen: list[Touch], time_s: float, step_s: float) -> list[Touch]:
        """Take in the pairs of a step; return those that have just begun to touch."""
        begun: list[Touch] = []
        for touch in seen:
            if touch.gap_m <= 0 and self._meet(touch, time_s, step_s):
                begun.append(touch)
            self._gaps[touch.pair] = (time_s, touch.gap_m)
        return begun

    def _meet(self, touch: Touch, time_s: float, step_s: float) -> bool:
        live = self._live.get(touch.pair)
        if live is not None and time_s - live.last_s <= self._config.part_s:
            live.last_s = time_s + step_s
            return False
        if live is not None:
            self._done.append(live)
        told = not touch.pair[2] or touch.closing_mps >= self._config.ground_speed_mps
        start = self._start(touch, time_s, step_s)
        self._live[touch.pair] = _Episode(start, time_s + step_s, touch, told)
        return True

    def _start(self, touch: Touch, time_s: float, step_s: float) -> float:
        """Return when the gap crossed zero."""
        before_s, gap = self._gaps.get(touch.pair, (-np.inf, 0.0))
        if gap > 0 and time_s - before_s < 1.5 * step_s:
            return before_s + (time_s - before_s) * gap / (gap - touch.gap_m)
        if touch.closing_mps <= 0:
            return time_s
        return time_s - min(-touch.gap_m / touch.closing_mps, step_s)

    def push(self, compiled: Compiled, time_s: float, step_s: float) -> None:
        """Add the impulses of the step begun at `time_s`; call at its end."""
        data = compiled.data
        rows = data.contact.efc_address
        geoms, frames, dims = data.contact.geom, data.contact.frame, data.contact.dim
        for row in np.flatnonzero((rows >= 0) & (data.contact.dist <= 0)).tolist():
            pair, turned = _pair(compiled, *geoms[row].tolist())
            at = int(rows[row])
            force = data.efc_force[at : at + min(int(dims[row]), 3)]
            if force[0] <= 0:
                continue
            push = (force @ frames[row].reshape(3, 3)) * (-step_s if turned else step_s)
            self._live[pair].impulse_ns += push
            self._live[pair].pushed_s = time_s + step_s

    def contacts(self) -> tuple[Contact, ...]:
        """Return what is worth telling so far, in order of time."""
        told = [e.contact() for e in (*self._done, *self._live.values()) if e.told]
        return tuple(sorted(told, key=lambda c: (c.time_s, c.first, c.second)))
