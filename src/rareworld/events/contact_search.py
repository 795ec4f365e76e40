"""Which bodies touch and when: a sound broad phase and an exact first time.

Broad phase: boxes around the control points of the paths between two frames (a Bezier curve lies
in the hull of its control points; Farin 2002), so that bodies that meet and part between frames
are still seen. Narrow phase: `boxes.first_touch` on the 3D separation.
Proved in tests/events/test_contact_search.py against a 0.1 ms run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Float, Int

from rareworld.core.geometry import FloatArray, matrix_from_quat
from rareworld.events.boxes import box_separation, first_touch
from rareworld.events.motion import Bodies

RESOLUTION_S = 1e-4
"""Touches shorter than this between two frames may be missed."""


@final
@dataclass(frozen=True, kw_only=True)
class Touch:
    """Two bodies touch in [start_s, end_s) of the recording's clock."""

    first: int
    """Row of the first body."""
    second: int
    start_s: float
    end_s: float
    from_first_frame: bool
    """They touched already in the first frame they share."""


@final
@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Pairs of rows and frame intervals in which they may touch, ordered by pair, then time."""

    first: Int[np.ndarray, "c"]
    second: Int[np.ndarray, "c"]
    step: Int[np.ndarray, "c"]


def swept_boxes(bodies: Bodies) -> tuple[FloatArray, FloatArray]:
    """Return low and high corners, shape (m, k, 3), of all a body covers in each interval."""
    row, step = np.indices(bodies.usable.shape).reshape(2, -1)
    shape = (*bodies.usable.shape, 3)
    half = bodies.size_m / 2
    turn = matrix_from_quat(bodies.quat)
    extent = np.einsum("mtij,mj->mti", np.abs(turn), half)
    centre = bodies.position_m + turn[..., 2] * half[:, None, 2:]
    low, high = centre - extent, centre + extent
    sweep = (bodies.turn_rate(row, step) * bodies.step_s[step] / 2 * bodies.reach_m[row]).reshape(
        shape[:2]
    )
    hull = bodies.velocity_hull(row, step).reshape(*shape[:2], 3, 3)
    third = bodies.step_s[:, None] / 3
    struck = bodies.struck[..., None]
    out = np.where(struck, bodies.jump_s[..., None], third) * hull[:, :, 0]
    back = np.where(struck, (bodies.step_s - bodies.jump_s)[..., None], third) * hull[:, :, 2]
    lows = np.minimum.reduce([low[:, :-1], low[:, 1:], low[:, :-1] + out, low[:, 1:] - back])
    highs = np.maximum.reduce([high[:, :-1], high[:, 1:], high[:, :-1] + out, high[:, 1:] - back])
    return lows - sweep[..., None], highs + sweep[..., None]


def find_candidates(bodies: Bodies, margin_m: float = 0.0) -> Candidates:
    """Return pairs (an actor and a later body) whose swept boxes come within `margin_m`."""
    low, high = swept_boxes(bodies)
    low = np.where(bodies.usable[..., None], low - margin_m, np.inf)
    high = np.where(bodies.usable[..., None], high, -np.inf)
    all_low, all_high = low.min(axis=1), high.max(axis=1)
    moves = bodies.moves
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for a in range(bodies.num_actors):
        near = np.all((all_low[a] <= all_high[a + 1 :]) & (all_low[a + 1 :] <= all_high[a]), axis=1)
        others = np.flatnonzero(near & (moves[a] | moves[a + 1 :])) + a + 1
        meet = np.all((low[a] <= high[others]) & (low[others] <= high[a]), axis=2)
        other, step = np.nonzero(meet)
        parts.append((np.full(len(step), a), others[other], step))
    first, second, step = (
        np.concatenate([part[i] for part in parts] or [np.zeros(0, dtype=np.int64)])
        for i in range(3)
    )
    return Candidates(first=first, second=second, step=step)


def separation_at(
    bodies: Bodies, pairs: Candidates, after_s: Float[np.ndarray, "c"]
) -> tuple[Float[np.ndarray, "c"], Float[np.ndarray, "c 3"]]:
    """Return separation and axis of candidate pairs, seconds into their intervals."""
    poses = [
        (*bodies.pose(row, pairs.step, after_s), bodies.size_m[row])
        for row in (pairs.first, pairs.second)
    ]
    return box_separation(poses[0], poses[1])


def approach_rate(bodies: Bodies, pairs: Candidates) -> Float[np.ndarray, "c"]:
    """Return a bound of how fast the separation of candidate pairs may change, m/s."""
    hull_a = bodies.velocity_hull(pairs.first, pairs.step)
    hull_b = bodies.velocity_hull(pairs.second, pairs.step)
    relative = np.linalg.norm(hull_a[:, :, None] - hull_b[:, None], axis=3).max(axis=(1, 2))
    turning = sum(
        bodies.turn_rate(row, pairs.step) * bodies.reach_m[row]
        for row in (pairs.first, pairs.second)
    )
    return relative + turning


def find_touches(bodies: Bodies, *, part_s: float) -> tuple[Touch, ...]:
    """Return every touch; touches of a pair closer in time than `part_s` are one."""
    pairs = find_candidates(bodies)
    if not len(pairs.first):
        return ()

    def gap(item: np.ndarray, after: np.ndarray) -> np.ndarray:
        picked = Candidates(
            first=pairs.first[item], second=pairs.second[item], step=pairs.step[item]
        )
        return separation_at(bodies, picked, after)[0]

    length = bodies.step_s[pairs.step]
    found, start, end = first_touch(gap, approach_rate(bodies, pairs), length, RESOLUTION_S)
    hits = np.flatnonzero(np.isfinite(found))
    begin = bodies.time_s[pairs.step[hits]] + found[hits]
    leave = np.where(
        (start[hits] <= 0) & (end[hits] > 0),
        length[hits] * start[hits] / np.minimum(start[hits] - end[hits], -1e-12),
        length[hits],
    )
    until = bodies.time_s[pairs.step[hits]] + leave
    spans = zip(hits.tolist(), begin.tolist(), until.tolist(), strict=True)
    return tuple(_merge(bodies, pairs, list(spans), part_s))


def _merge(
    bodies: Bodies, pairs: Candidates, spans: list[tuple[int, float, float]], part_s: float
) -> Iterator[Touch]:
    """Yield touches made of spans that follow each other within `part_s`."""
    starts = [0] + [
        i + 1
        for i, (before, after) in enumerate(pairwise(spans))
        if pairs.first[before[0]] != pairs.first[after[0]]
        or pairs.second[before[0]] != pairs.second[after[0]]
        or after[1] - before[2] > part_s
    ]
    for begin, end in pairwise([*starts, len(spans)] if spans else []):
        item, start_s, _ = spans[begin]
        a, b, step = (int(x[item]) for x in (pairs.first, pairs.second, pairs.step))
        shared = int(np.argmax(bodies.usable[a] & bodies.usable[b]))
        yield Touch(
            first=a,
            second=b,
            start_s=start_s,
            end_s=max(span[2] for span in spans[begin:end]),
            from_first_frame=step == shared and start_s <= float(bodies.time_s[shared]),
        )
