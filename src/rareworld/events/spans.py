"""Seconds and frames of an event, and stretches of frames in which something holds.

Proved in tests/events/test_spans.py.
"""

from collections.abc import Iterator
from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float


class Span(TypedDict):
    """The interval of an event: seconds from the first frame, and half-open frame numbers."""

    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    key_s: float


def span(time_s: Float[np.ndarray, "t"], start: float, end: float, key: float) -> Span:
    """Return the interval of an event given in the recording's own clock.

    A frame stands for the time until the next one; the interval holds every frame whose time
    overlaps [start, end), at least one.
    """
    first = max(int(np.searchsorted(time_s, start + 1e-9, side="right")) - 1, 0)
    last = max(int(np.searchsorted(time_s, end - 1e-9, side="left")), first + 1)
    zero = float(time_s[0])
    return Span(
        start_s=start - zero,
        end_s=end - zero,
        start_frame=first,
        end_frame=min(last, len(time_s)),
        key_s=key - zero,
    )


def stretches(holds: Bool[np.ndarray, "t"]) -> Iterator[tuple[int, int]]:
    """Yield the half-open frame ranges in which `holds` is true."""
    edges = np.diff(np.concatenate([[0], holds.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    yield from zip(starts.tolist(), ends.tolist(), strict=True)


def close_gaps(holds: Bool[np.ndarray, "t"], frames: int) -> Bool[np.ndarray, "t"]:
    """Return `holds` with gaps of at most `frames` frames between two stretches filled."""
    out = holds.copy()
    for first, last in stretches(~holds):
        if first > 0 and last < len(holds) and last - first <= frames:
            out[first:last] = True
    return out


def end_time(time_s: Float[np.ndarray, "t"], frame: int) -> float:
    """Return when the half-open frame range that ends at `frame` is over."""
    if frame < len(time_s):
        return float(time_s[frame])
    return float(2 * time_s[-1] - time_s[-2])
