"""Two sets under one distance: the number itself, and what it becomes when clips count otherwise.

All that is random about a number (interval, floor, size) is a choice of how often each clip
counts: multinomial counts for a bootstrap, zeros and ones for halves and subsets. A `Pair` answers
for any choice; what can be shared between choices is computed once.
Proved in `tests/evaluate/test_pairs.py`.
"""

from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from rareworld.evaluate.distances import (
    CPU,
    ClipKernel,
    Gaussian,
    fit,
    frechet,
    kernel,
    subset_mmd,
    within,
)
from rareworld.evaluate.protocols import Frechet, Mmd
from rareworld.evaluate.tables import FeatureTable

Clips = Float[np.ndarray, " _"]
"""How often each clip counts."""


@runtime_checkable
class Pair(Protocol):
    """Real and generated features under one distance."""

    @property
    def real(self) -> FeatureTable:
        """Features of real clips."""
        ...

    @property
    def made(self) -> FeatureTable:
        """Features of generated clips."""
        ...

    def value(self) -> float:
        """Return the number, exactly as the protocol has it."""
        ...

    def counted(self, real: Clips, made: Clips) -> float:
        """Return the number when clips count so often."""
        ...

    def among_real(self, a: Clips, b: Clips) -> float:
        """Return the number of two parts of the real set, as if one were generated."""
        ...


@final
@dataclass(frozen=True)
class FrechetPair:
    """Fréchet distance of two sets."""

    real: FeatureTable
    made: FeatureTable
    distance: Frechet
    device: torch.device = CPU

    def value(self) -> float:
        """Return the number."""
        return frechet(self.fitted(self.real), self.fitted(self.made))

    def fitted(self, table: FeatureTable) -> Gaussian:
        """Return a set's Gaussian, exactly."""
        return fit(table, self.distance.ddof, device=self.device)

    def counted(self, real: Clips, made: Clips) -> float:
        """Return the number when clips count so often."""
        return frechet(self._quick(self.real, real), self._quick(self.made, made), exact=False)

    def among_real(self, a: Clips, b: Clips) -> float:
        """Return the number of two parts of the real set."""
        return frechet(self._quick(self.real, a), self._quick(self.real, b), exact=False)

    def _quick(self, table: FeatureTable, clips: Clips) -> Gaussian:
        return fit(table, self.distance.ddof, clips=clips, exact=False, device=self.device)


@final
@dataclass(frozen=True)
class MmdPair:
    """Polynomial MMD of two sets; kernels are summed when first asked for."""

    real: FeatureTable
    made: FeatureTable
    distance: Mmd
    device: torch.device = CPU
    _kept: dict[str, ClipKernel] = field(default_factory=dict[str, ClipKernel])

    def value(self) -> float:
        """Return the number; of a protocol with subsets, their mean."""
        if self.distance.subsets:
            return subset_mmd(self.real, self.made, self.distance)
        return self.counted(np.ones(self.real.num_clips), np.ones(self.made.num_clips))

    def counted(self, real: Clips, made: Clips) -> float:
        """Return the number when clips count so often, over all pairs of rows."""
        inside = self._within("real", real) + self._within("made", made)
        across = self._kernel("both").cross(real, made)
        rows = float(real @ self.real.counts) * float(made @ self.made.counts)
        return self.distance.scale * (inside - 2 * across / rows)

    def among_real(self, a: Clips, b: Clips) -> float:
        """Return the number of two parts of the real set."""
        inside = self._within("real", a) + self._within("real", b)
        counts = self.real.counts
        across = self._kernel("real").cross(a, b) / (float(a @ counts) * float(b @ counts))
        return self.distance.scale * (inside - 2 * across)

    def _within(self, which: str, clips: Clips) -> float:
        counts = (self.real if which == "real" else self.made).counts
        return within(self._kernel(which), counts, clips, self.distance)

    def _kernel(self, which: str) -> ClipKernel:
        if which not in self._kept:
            a = self.made if which == "made" else self.real
            b = self.real if which == "real" else self.made
            self._kept[which] = kernel(a, b, self.distance, self.device)
        return self._kept[which]


def pair_of(
    real: FeatureTable, made: FeatureTable, distance: Frechet | Mmd, device: torch.device = CPU
) -> Pair:
    """Return two sets under a distance."""
    if isinstance(distance, Frechet):
        return FrechetPair(real, made, distance, device)
    return MmdPair(real, made, distance, device)
