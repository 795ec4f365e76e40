"""Held-out loss, whole and by noise level: the same samples with the same draws every time.

A sample's draws follow from its id (`train.batch`), so the numbers of two steps differ by the
weights alone. Every sample is asked at every level: the loss at little noise and at much noise fall
at different times, and their mean alone hides both.
Proved in `tests/train/watch/test_held_out.py`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.train.objective.base import Loss
from rareworld.train.watch.base import HELD_OUT, is_due

B = TypeVar("B")


@runtime_checkable
class Averages(Protocol):
    """The ranks that training is shared by."""

    def mean(self, tensor: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """Return a tensor's mean over all ranks."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class HeldOut(Generic[B]):
    """Measures the loss on samples that are not trained on; a `Probe`."""

    losses: Mapping[str, Callable[[B], Loss]]
    """What is measured by its name: the loss at a noise level, or the one that is trained."""
    sample: Callable[[int], B]
    """A held-out sample alone, by its number."""
    count: int
    """Held-out samples."""
    every: int
    """Steps between measurements; 0 is never."""
    still: Callable[[], AbstractContextManager[None]]
    """Has the weights to be judged in place, and random states come back, while a block runs."""
    crew: Averages
    device: torch.device
    rank: int = 0
    """Which of the ranks that see other samples this is."""
    ranks: int = 1

    def due(self, step: int, *, last: bool) -> bool:
        """Return whether it is time."""
        return self.count > 0 and is_due(step, self.every, last=last)

    def measure(self, step: int) -> Mapping[str, float]:  # noqa: ARG002 - as probes are called
        """Return `held_out/loss`, the mean over all names, and `held_out/loss/NAME` of each."""
        found = self._losses()
        parts = found.mean(dim=1).tolist() if len(self.losses) > 1 else []
        named = {f"{HELD_OUT}/{name}": part for name, part in zip(self.losses, parts, strict=False)}
        return {HELD_OUT: float(found.mean()), **named}

    @torch.no_grad()
    def _losses(self) -> Float[Tensor, "names n"]:
        """Return every sample's loss under every name, in float64; ranks share the samples out.

        All ranks run the net equally often, as sharded weights want it; what is run twice counts
        once.
        """
        size = (len(self.losses), self.count)
        found = torch.zeros(size, dtype=torch.float64, device=self.device)
        with self.still():
            for start in range(0, self.count, self.ranks):
                number = start + self.rank
                sample = self.sample(min(number, self.count - 1))
                for row, loss in enumerate(self.losses.values()):
                    value = loss(sample).per_sample[0]
                    if number < self.count:
                        found[row, number] = value
        return (self.crew.mean(found) * self.ranks).cpu()
