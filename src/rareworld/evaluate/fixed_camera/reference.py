"""How large real vehicles are at each place of the picture, and how the checks read real clips.

The limit at a place is the 99th percentile of log size over width among the places that real
tracks passed near by, weighted by a Gaussian of distance. Where fewer than five real tracks passed
nothing is said. Sizes depend on how cameras hang, so the real set must hold the same kinds of view
as the generated one. Proved in `tests/evaluate/fixed_camera/test_reference.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from rareworld.evaluate.fixed_camera.tracks import Track

_SPREAD = 0.08
"""Standard deviation of the weight, in picture widths."""
_NEAR = 2.0
"""Tracks so many deviations away count as evidence."""
_QUANTILE = 0.99


@final
@dataclass(frozen=True)
class SizeMap:
    """Places (x, y) and sizes of real things, as shares of the picture's width."""

    places: Float[np.ndarray, "n 2"]
    log_sizes: Float[np.ndarray, "n"]
    owners: Int[np.ndarray, "n"]
    """Which real track each is of."""
    evidence: int = 5
    """Tracks that must have passed near by for anything to be said."""

    @classmethod
    def from_tracks(
        cls, clips: Sequence[tuple[Sequence[Track], int]], evidence: int = 5
    ) -> "SizeMap":
        """Gather the whole boxes of tracks, each with the width of its picture."""
        tracks = [(track, width) for group, width in clips for track in group]
        places = [track.feet[track.whole] / width for track, width in tracks]
        sizes = [np.log(track.sizes[track.whole] / width) for track, width in tracks]
        counts = [len(part) for part in sizes]
        return cls(
            np.concatenate([np.zeros((0, 2)), *places]),
            np.concatenate([np.zeros(0), *sizes]),
            np.repeat(np.arange(len(tracks)), counts),
            evidence,
        )

    def limit(self, place: Float[np.ndarray, "2"]) -> float:
        """Return the largest usual size there, as a share of the width; NaN without evidence."""
        away = np.hypot(*(self.places - place).T) if len(self.places) else np.zeros(0)
        near = away < _NEAR * _SPREAD
        if len(np.unique(self.owners[near])) < self.evidence:
            return np.nan
        order = np.argsort(self.log_sizes[near])
        weights = np.cumsum(np.exp(-0.5 * (away[near][order] / _SPREAD) ** 2))
        at = int(np.searchsorted(weights, _QUANTILE * weights[-1]))
        return float(np.exp(self.log_sizes[near][order][min(at, len(order) - 1)]))

    def excess(self, track: Track, width: int) -> float:
        """Return the median of a track's size over the limit at its places; NaN if unknown."""
        whole = np.flatnonzero(track.whole)
        ratios = [track.sizes[at] / width / self.limit(track.feet[at] / width) for at in whole]
        known = [ratio for ratio in ratios if np.isfinite(ratio)]
        return float(np.median(known)) if len(known) > len(ratios) / 2 else np.nan
