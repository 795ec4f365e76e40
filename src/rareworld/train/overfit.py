"""`--overfit N`: learn a few samples by heart, the cheapest proof that a pipeline learns at all.

Each of N clips keeps its noise, its noise level and its clean frames in every step, so the loss of
a sample is comparable from step to step and has to fall. Settings that slow learning down (warm-up,
dropped text, the average) are off. The run must bring the mean loss of the N samples down to
`REACHED` of what it was before training; if it does not within its steps, something is broken:
the adapter is not reached by gradients, the text is not the clip's, or the data is damaged.
(Seed 000 of this project asks for the check with four samples and states no figure.)
Proved in `tests/train/test_overfit.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

from rareworld.errors import ConfigError, JobError
from rareworld.train.batch import Batch
from rareworld.train.config import ScheduleConfig, TrainConfig
from rareworld.train.data.cache import Cache
from rareworld.train.data.order import Clips
from rareworld.train.objective.base import Loss, Objective
from rareworld.train.watch.base import StepReport

REACHED = 0.7
"""Share of the first loss that must be reached."""
STEPS = 400
"""Steps in which it must be."""
ADAPTER_LR, WHOLE_LR = 1e-3, 1e-4
"""Learning rates at which it is."""


def overfit_config(config: TrainConfig) -> TrainConfig:
    """Return a run's settings with everything off that slows learning by heart."""
    adapter = config.adapter
    rate = WHOLE_LR if adapter is None else ADAPTER_LR
    update = {
        "name": f"{config.name}-overfit",
        "steps": STEPS,
        "objective": config.objective.model_copy(update={"text_dropout": 0.0}),
        "adapter": adapter and adapter.model_copy(update={"dropout": 0.0}),
        "optimizer": config.optimizer.model_copy(update={"lr": rate, "weight_decay": 0.0}),
        "schedule": ScheduleConfig(warm_up=0, cycle=STEPS, f_max=1.0, f_min=1.0),
        "ema": config.ema.model_copy(update={"enabled": False}),
        "watch": config.watch.model_copy(update={"held_out_every": 0, "samples_every": 0}),
        "checkpoint": config.checkpoint.model_copy(update={"every": STEPS}),
    }
    return config.model_copy(update=update)


def few_clips(cache: Cache, count: int) -> Clips:
    """Return the first clips of the size that most have, a window each.

    Raises:
        ConfigError: If there are fewer.
    """
    by_bucket = {bucket: 0 for _, bucket in cache.clips()}
    for (_, bucket), clips in cache.clips().items():
        by_bucket[bucket] += len(clips)
    if not by_bucket:
        raise ConfigError(f"--overfit {count}: found no training clip; lower data.held_out")
    common = max(sorted(by_bucket), key=lambda bucket: by_bucket[bucket])
    if by_bucket[common] < count:
        raise ConfigError(
            f"--overfit {count}: found {by_bucket[common]} training clips of {common}, the "
            f"commonest size; take --overfit {by_bucket[common]}"
        )
    found = [
        (clip, source, windows[0])
        for (source, bucket), clips in cache.clips().items()
        if bucket == common
        for clip, windows in clips.items()
    ]
    out: dict[int, dict[str, list[str]]] = {}
    for clip, source, window in sorted(found)[:count]:
        out.setdefault(source, {})[clip] = [window]
    return {(source, common): clips for source, clips in out.items()}


@final
@dataclass(frozen=True)
class SameDraws:
    """An objective whose samples draw the same in every step: by clip, not by place in the run."""

    objective: Objective[Batch]
    numbers: Mapping[str, int]
    """Of each clip."""

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of a batch under its clips' own draws."""
        ids = tuple(self.numbers[clip] for clip in batch.clips)
        return self.objective.loss(replace(batch, ids=ids))


@final
@dataclass
class Goal:
    """Compares the mean loss of a pass over the samples with the first pass's."""

    per_pass: int
    """Steps that see every sample equally often."""
    losses: list[float] = field(default_factory=list[float])
    """Of the pass at hand."""
    first: float | None = None
    last: float = math.inf

    def reached(self, report: StepReport) -> bool:
        """Take in a step; return whether the goal is reached with it."""
        self.losses.append(report.loss)
        if len(self.losses) < self.per_pass:
            return False
        self.last = sum(self.losses) / self.per_pass
        self.losses.clear()
        if self.first is None:
            self.first = self.last
        return self.last <= REACHED * self.first

    def verdict(self, steps: int) -> str:
        """Return in words that the goal was reached.

        Raises:
            JobError: If it was not.
        """
        first = math.inf if self.first is None else self.first
        words = (
            f"overfit: the mean loss of the samples went from {first:.4f} to {self.last:.4f} "
            f"({self.last / first:.0%}) in {steps} steps; {REACHED:.0%} was to be reached"
        )
        if not self.last <= REACHED * first:
            raise JobError(
                f"{words}: look at the first batch with --dry-run, at adapter.targets, and whether "
                "captions belong to their clips"
            )
        return words
