"""The training loop: forward, backward, clip, step, average; watch, save, stop.

It knows neither videos nor words: an `Objective` turns batches into losses, a source gives the
batches of any step, a `Crew` holds the ranks together, and a `TrainState` is all that changes.
The batches, the learning rate and the draws of step n are functions of n, so a run that goes on
from step n takes the same steps as one that never stopped.

The gradient of a step is the mean over the samples of its global batch, however they are dealt out
to micro-batches and ranks. Proved in `tests/train/test_loop.py` and `tests/train/test_resume.py`.
"""

import math
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import FrameType
from typing import Generic, Protocol, TypeVar, final, runtime_checkable

import torch
from torch import Tensor, nn

from rareworld.errors import InterruptedJobError, JobError
from rareworld.train.objective.base import Objective
from rareworld.train.state import TrainState
from rareworld.train.watch.base import HELD_OUT, Probe, StepReport, Watcher, is_due

B = TypeVar("B")

PATIENCE = 10
"""Losses in a row that may be no number before a run gives up."""
ECHO_S = 2.0
"""Seconds in which a second signal is taken for the first one's echo."""


@runtime_checkable
class Gradients(Protocol):
    """What clipping found."""

    @property
    def norm(self) -> float:
        """Norm before clipping."""
        ...

    @property
    def nonfinite(self) -> int:
        """Values that were no numbers and were taken as zero."""
        ...


@runtime_checkable
class Crew(Protocol):
    """The ranks that train together."""

    def reduce_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average the gradients over the ranks that see other samples."""
        ...

    def mean(self, tensor: Tensor) -> Tensor:
        """Return a tensor's mean over all ranks."""
        ...


@runtime_checkable
class Saves(Protocol):
    """Where states go."""

    def save(self, step: int, state: TrainState, held_out_loss: float | None = None) -> None:
        """Save the state after a step; may go on in the background."""
        ...

    def wait(self) -> None:
        """Return once everything is on disk; raises what went wrong."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Parts(Generic[B]):
    """What a run is made of."""

    objective: Objective[B]
    batches: Callable[[int], Iterator[Sequence[B]]]
    """Micro-batches of this rank for a step and all after it, on the device."""
    samples: int
    """Samples of a step on this rank."""
    work: Callable[[B], tuple[int, float]]
    """Tokens and floating-point operations of a micro-batch, forward and backward."""
    ranks: int = 1
    """Ranks that see other samples."""
    factor: Callable[[int], float]
    """Factor on the learning rate at a step, counted from 0."""
    clip: Callable[[Sequence[nn.Parameter]], Gradients]
    crew: Crew
    saves: Saves
    save_every: int
    probes: Sequence[Probe] = ()
    watchers: Sequence[Watcher] = ()
    enough: Callable[[StepReport], bool] | None = None
    """Ends the run before its last step."""


@final
class Trainer(Generic[B]):
    """Takes a state to its last step."""

    def __init__(self, state: TrainState, parts: Parts[B], steps: int) -> None:
        self.state, self.parts, self.steps = state, parts, steps
        self._trained = list(state.parameters.values())
        self._rates = [group["lr"] for group in state.optimizer.param_groups]
        self._bad = 0

    def run(self) -> StepReport | None:
        """Train, and return the last step's report; None where there was no step to do.

        Raises:
            InterruptedJobError: On Ctrl-C or SIGTERM, once the state is saved.
            JobError: If the loss is no number again and again, or in the last steps; those are
                saved.
            StoreError: If the state cannot be saved; the checkpoint before is kept.
        """
        report: StepReport | None = None
        for watcher in self.parts.watchers:
            watcher.begin(self.state.step, self.steps)
        try:
            with Stop.listen() as stop:
                if self.state.step == 0:
                    self._probe()
                for batches, waited_s in self._batches():
                    report, stopping = self._step(batches, waited_s, stop)
                    if self._finish_step(report, stopping=stopping):
                        break
        finally:
            for watcher in self.parts.watchers:
                watcher.end()
            self.parts.saves.wait()
        self._check_end()
        return report

    def _batches(self) -> Iterator[tuple[Sequence[B], float]]:
        """Yield the batches of each step left, and the seconds that they were waited for."""
        first = self.state.step
        source = islice(self.parts.batches(first), self.steps - first)
        before = time.perf_counter()
        for batches in source:
            yield batches, time.perf_counter() - before
            before = time.perf_counter()

    def _step(self, batches: Sequence[B], waited_s: float, stop: "Stop") -> tuple[StepReport, bool]:
        """Take one optimizer step; return what it was like, and whether any rank wants to stop."""
        start = time.perf_counter()
        state, parts = self.state, self.parts
        loss, tokens, flops = self._gradients(batches)
        parts.crew.reduce_gradients(self._trained)
        found = parts.clip(self._trained)
        lr = self._set_rate(parts.factor(state.step))
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        if state.ema is not None:
            state.ema.update(state.step)
        state.step += 1
        state.nonfinite += found.nonfinite > 0
        asked = torch.full_like(loss, float(stop.asked))
        mean, stopping = parts.crew.mean(torch.stack([loss, asked])).tolist()
        report = StepReport(
            step=state.step,
            loss=mean,
            lr=lr,
            gradient_norm=float(found.norm),
            nonfinite=state.nonfinite,
            seconds=waited_s + time.perf_counter() - start,
            waited_s=waited_s,
            tokens=tokens * parts.ranks,
            flops=flops * parts.ranks,
        )
        return report, stopping > 0

    def _gradients(self, batches: Sequence[B]) -> tuple[Tensor, int, float]:
        """Accumulate the gradients of this rank's samples; return their mean loss and the work."""
        losses: list[Tensor] = []
        tokens, flops = 0, 0.0
        for batch in batches:
            loss = self.parts.objective.loss(batch)
            part = loss.total * (len(loss.per_sample) / self.parts.samples)
            part.backward()
            losses.append(part.detach())
            more_tokens, more_flops = self.parts.work(batch)
            tokens, flops = tokens + more_tokens, flops + more_flops
        return torch.stack(losses).sum(), tokens, flops

    def _set_rate(self, factor: float) -> float:
        """Set the learning rate of every group; return the first."""
        for group, rate in zip(self.state.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        return self._rates[0] * factor

    def _finish_step(self, report: StepReport, *, stopping: bool) -> bool:
        """Tell, probe and save; return whether the run ends here."""
        for watcher in self.parts.watchers:
            watcher.stepped(report)
        self._check(report)
        enough = self.parts.enough is not None and self.parts.enough(report)
        held_out = self._probe(enough=enough)
        last = self.state.step == self.steps or enough
        # a state whose loss is no number is nothing to go on from
        due = is_due(self.state.step, self.parts.save_every, last=last)
        if stopping or (due and (last or not self._bad)):
            self.parts.saves.save(self.state.step, self.state, held_out)
        if stopping and not last:
            self.parts.saves.wait()
            raise InterruptedJobError(
                f"stopped after step {self.state.step} of {self.steps}, which is saved; run the "
                "same command to go on"
            )
        return last

    def _check(self, report: StepReport) -> None:
        """Give up on a run that has been lost."""
        self._bad = 0 if math.isfinite(report.loss) else self._bad + 1
        if self._bad == PATIENCE:
            raise JobError(
                f"step {report.step}: the loss has been no number for {PATIENCE} steps; lower "
                "optimizer.lr or optimizer.clip or look at the data, and begin again in another "
                "--out; nothing was saved since"
            )

    def _check_end(self) -> None:
        """Refuse to call a run done whose last steps had no loss."""
        if self._bad:
            raise lost(self.state.step, self._bad)

    def _probe(self, *, enough: bool = False) -> float | None:
        """Run the probes that are due; return the held-out loss if it was measured."""
        step, last = self.state.step, enough or self.state.step == self.steps
        numbers: dict[str, float] = {}
        for probe in self.parts.probes:
            if probe.due(step, last=last):
                numbers |= probe.measure(step)
        if numbers:
            self._tell_numbers(step, numbers)
        return numbers.get(HELD_OUT)

    def _tell_numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        for watcher in self.parts.watchers:
            watcher.measured(step, numbers)


def lost(step: int, bad: int) -> JobError:
    """Return the error of a run that is at its end, and had no loss in its last steps."""
    return JobError(
        f"step {step}: the loss was no number in the last {bad} steps; they are saved, but look at "
        "them before you use them; lower optimizer.lr or optimizer.clip or look at the data, and "
        "begin again in another --out"
    )


@final
class Stop:
    """Whether the user wants the run to end: once after this step, twice at once."""

    def __init__(self) -> None:
        self.asked = False
        self._first_s = 0.0

    @classmethod
    @contextmanager
    def listen(cls) -> Generator["Stop"]:
        """Take Ctrl-C and SIGTERM as wishes while a block runs."""
        stop = cls()
        before = {kind: signal.signal(kind, stop.ask) for kind in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield stop
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal wants
        """Note the wish.

        Launchers pass a Ctrl-C on that the terminal has sent already, so a signal that follows
        another closely is the same wish.

        Raises:
            InterruptedJobError: The second time.
        """
        now = time.monotonic()
        if self.asked and now - self._first_s < ECHO_S:
            return
        if self.asked:
            raise InterruptedJobError(
                "stopped at once, without saving; the same command goes on from the last checkpoint"
            )
        self.asked, self._first_s = True, now
