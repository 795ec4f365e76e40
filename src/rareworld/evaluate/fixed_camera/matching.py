"""Where a patch of one frame lies in another: normalised correlation over a small search.

(Lewis 1995, without the integral images: patches here are small.) Proved in
`tests/evaluate/fixed_camera/test_matching.py` by pasting patches.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Float32

_LARGEST = 24
"""Longest side of a patch that is compared at full detail; larger ones are thinned out."""
_MIN_CONTRAST = 2.0
"""Grey levels: a patch without contrast resembles nothing."""


@final
@dataclass(frozen=True)
class Match:
    """A shift (right, down) in pixels and how well it fits, -1 to 1."""

    shift: Float[np.ndarray, "2"]
    similarity: float


def find_patch(
    before: Float32[np.ndarray, "h w"],
    after: Float32[np.ndarray, "h w"],
    box: Float[np.ndarray, "4"],
    guess: Float[np.ndarray, "2"],
    radius: int,
) -> Match:
    """Find what `before` shows in a box in `after`, up to `radius` pixels from the guessed shift.

    Similarity is 0 for a patch without contrast.
    """
    patch, places = _patch(before, box)
    level = patch - patch.mean()
    norm = float(np.sqrt((level**2).sum()))
    if norm < _MIN_CONTRAST * np.sqrt(level.size):
        return Match(guess.round(), 0.0)
    rows, columns = places
    offsets = np.arange(-radius, radius + 1)
    h, w = after.shape
    y = np.clip(rows[None] + round(float(guess[1])) + offsets[:, None], 0, h - 1)
    x = np.clip(columns[None] + round(float(guess[0])) + offsets[:, None], 0, w - 1)
    windows = after[y[:, None, :, None], x[None, :, None, :]]
    centred = windows - windows.mean((2, 3), keepdims=True)
    spread = np.sqrt((centred**2).sum((2, 3)))
    score = (centred * level).sum((2, 3)) / np.maximum(spread * norm, 1e-6)
    down, right = np.unravel_index(int(score.argmax()), score.shape)
    finer = [_peak(score[down], int(right)), _peak(score[:, right], int(down))]
    shift = np.array([offsets[right], offsets[down]]) + guess.round() + finer
    return Match(shift, float(score[down, right]))


def _peak(scores: Float32[np.ndarray, "k"], at: int) -> float:
    """Return how far beside a largest score the top of a parabola through three scores lies."""
    if not 0 < at < len(scores) - 1:
        return 0.0
    low, top, high = (float(value) for value in scores[at - 1 : at + 2])
    bend = low - 2 * top + high
    return 0.5 * (low - high) / bend if bend < -1e-9 else 0.0


def _patch(
    picture: Float32[np.ndarray, "h w"], box: Float[np.ndarray, "4"]
) -> tuple[Float32[np.ndarray, "hp wp"], tuple[np.ndarray, np.ndarray]]:
    """Return the pixels of a box, inside the picture, and the rows and columns they are from."""
    h, w = picture.shape
    left, top = max(int(box[0]), 0), max(int(box[1]), 0)
    right, bottom = min(max(int(box[2]), left + 1), w), min(max(int(box[3]), top + 1), h)
    left, top = min(left, w - 1), min(top, h - 1)
    step = max(1, max(right - left, bottom - top) // _LARGEST)
    rows, columns = (
        np.arange(top, max(bottom, top + 1), step),
        np.arange(left, max(right, left + 1), step),
    )
    return picture[rows[:, None], columns], (rows, columns)
