"""The guards of `train.guards` at the steps where they can tell; a run that fails one ends there.

Before training: base and initial weights (`train.run`). After the first step: B moved, the loss is
that of pre-trained weights. After some samples: the same over more of them, and the data varies.
At the first save, and told at the last step: the adapter reaches the output.
Proved in `tests/train/watch/test_checks.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from rareworld.nn.ranks import Ranks
from rareworld.train.assemble import Learner
from rareworld.train.batch import Batch
from rareworld.train.guards import (
    DRAWS_THAT_TELL,
    SAMPLES_OF_A_BAND,
    Finding,
    Seen,
    check_adapted_differs,
    check_after_first_step,
    check_first_loss,
    check_varied,
    enforce,
)
from rareworld.train.objective.base import Loss, Objective
from rareworld.train.state import TrainState

ENOUGH = max(DRAWS_THAT_TELL[0], SAMPLES_OF_A_BAND)
"""Samples after which all checks can judge."""
TRAINED = 100
"""Steps after which an adapter must reach the output; before, it is told only."""
MIDDLE = 0.5
"""Flow time that outputs are compared at."""


@final
@dataclass
class Listener:
    """An objective that remembers what its first samples were like."""

    objective: Objective[Batch]
    batches: list[Batch] = field(default_factory=list[Batch])
    tags: list[Mapping[str, Tensor]] = field(default_factory=list[Mapping[str, Tensor]])

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of a batch."""
        loss = self.objective.loss(batch)
        if self.samples < ENOUGH:
            self.batches.append(batch)
            self.tags.append(loss.tags)
        return loss

    @property
    def samples(self) -> int:
        """Return how many samples are remembered."""
        return sum(len(batch.ids) for batch in self.batches)

    def tag(self, name: str) -> Tensor:
        """Return a number of each sample."""
        return torch.cat([tags[name].detach().cpu().double() for tags in self.tags])

    def seen(self, windows: Callable[[int], str]) -> list[Seen]:
        """Return the samples as the check of variety wants them."""
        levels = iter(self.tag("sigma").tolist())
        return [
            Seen(window=windows(number), clip=clip, level=next(levels), fingerprint=_print(latent))
            for batch in self.batches
            for number, clip, latent in zip(batch.ids, batch.clips, batch.latent, strict=True)
        ]


@final
@dataclass(kw_only=True)
class Checks:
    """Runs the guards beside training; a `Probe` that measures nothing."""

    learner: Learner
    state: TrainState
    listener: Listener
    ranks: Ranks
    samples: int
    """Of this rank in a step."""
    clips: int
    """Clips that there are to draw from."""
    window: Callable[[int], str]
    """Name of the window that a sample's id stands for."""
    save_every: int
    pretrained: bool
    """Whether the base is a released model, whose first loss is known."""
    varies: bool
    """Whether samples should differ from step to step."""
    tell: Callable[[str], object]
    _differs: bool = False
    _planned: Sequence[Callable[[], Finding]] = ()

    def due(self, step: int, *, last: bool) -> bool:
        """Return whether a check can tell something at this step, and keep which."""
        self._planned = self._checks(step, last=last)
        return bool(self._planned)

    def measure(self, step: int) -> Mapping[str, float]:  # noqa: ARG002 - as probes are called
        """Run the checks that are due.

        Raises:
            ConfigError: If one fails, on every rank; says what it means and what to do.
        """
        findings = [check() for check in self._planned]
        self.ranks.together(lambda: enforce(*findings))
        return {}

    def _checks(self, step: int, *, last: bool) -> list[Callable[[], Finding]]:
        """Return what is to be checked at a step."""
        full = -(-ENOUGH // self.samples)
        early = step in (1, full) and self.pretrained
        table = (
            (step == 1, self._first_step),
            (early, self._first_loss),
            (step == full and self.varies, self._varied),
            (self._judges_output(step, last=last), self._adapted),
            (last and self._asks_output(step) and step < TRAINED, self._tell_adapted),
        )
        return [check for is_due, check in table if is_due]

    def _asks_output(self, step: int) -> bool:
        return step > 0 and self.learner.has_adapter and not self._differs

    def _judges_output(self, step: int, *, last: bool) -> bool:
        saves = last or step % self.save_every == 0
        return saves and step >= TRAINED and self._asks_output(step)

    def _first_step(self) -> Finding:
        lr = self.state.optimizer.param_groups[0]["lr"]
        return check_after_first_step(self.state.parameters, float(lr))

    def _first_loss(self) -> Finding:
        errors = self.listener.tag("velocity_error")
        return check_first_loss(errors, self.listener.tag("velocity_power"))

    def _varied(self) -> Finding:
        return check_varied(self.listener.seen(self.window), self.clips)

    def _adapted(self) -> Finding:
        with self.learner.still(None):
            trained = self._output()
        with self.learner.still(None), self.learner.without():
            base = self._output()
        finding = check_adapted_differs(trained, base)
        self._differs = finding.ok
        return finding

    def _tell_adapted(self) -> Finding:
        """Check a run that is too short to be held to it."""
        finding = self._adapted()
        if not finding.ok:
            self.tell(f"note: {finding}")
        return Finding(check=finding.check, ok=True, found=finding.found)

    @torch.no_grad()
    def _output(self) -> Tensor:
        """Return the net's prediction for a sample that was trained on."""
        batch, dtype = self.listener.batches[0], self.learner.dtype
        latent = batch.latent[:1].to(dtype)
        told = MIDDLE / self.learner.family.net.timestep_scale
        return self.learner.net(
            latent,
            torch.full((1,), told, device=latent.device),
            batch.context[:1].to(dtype),
            torch.zeros_like(latent[:, :1]),
        )


def _print(latent: Tensor) -> tuple[float, float]:
    values = latent.float()
    return float(values.mean()), float(values.std())
