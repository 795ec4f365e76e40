"""What the loop tells, and to whom: steps to watchers, the net's own moments to probes.

Watchers hear numbers and never touch the net; probes run it (held-out loss, sample videos), so
every rank calls them at the same steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable


@final
@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One optimizer step that is done."""

    step: int
    """Steps done with this one."""
    loss: float
    """Mean over the samples of the step, on all ranks."""
    lr: float
    """Learning rate that was used."""
    gradient_norm: float
    """Before clipping."""
    nonfinite: int
    """Steps of the run so far whose gradient was not finite."""
    seconds: float
    """From the end of the step before to the end of this one, saving and probing left out."""
    waited_s: float
    """Part of them spent waiting for data."""
    tokens: int
    """Tokens the net saw, on all ranks."""
    flops: float
    """Floating-point operations the step needs, on all ranks, recomputing left out."""


@runtime_checkable
class Watcher(Protocol):
    """Hears how a run goes."""

    def begin(self, step: int, steps: int) -> None:
        """Training starts after `step` of `steps`; what was heard of later ones no longer holds."""
        ...

    def stepped(self, report: StepReport) -> None:
        """A step is done."""
        ...

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        """A probe has measured the net after a step; names are paths such as `held_out/loss`."""
        ...

    def end(self) -> None:
        """Training ends, for whatever reason."""
        ...


@runtime_checkable
class Probe(Protocol):
    """Runs the net beside training; leaves weights and random states as they were."""

    def due(self, step: int, *, last: bool) -> bool:
        """Return whether it is time; step 0 is the untrained net."""
        ...

    def measure(self, step: int) -> Mapping[str, float]:
        """Return numbers by name; every rank calls it and has the same."""
        ...


HELD_OUT = "held_out/loss"
"""Name of the number that decides which checkpoint is best."""


def is_due(step: int, every: int, *, last: bool) -> bool:
    """Return whether something that happens every so many steps happens now; 0 is never."""
    return every > 0 and (last or step % every == 0)
