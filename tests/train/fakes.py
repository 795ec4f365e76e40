"""A language-like objective and its parts in a few lines: the loop must not know videos."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rareworld.train.loop import Parts, Trainer
from rareworld.train.objective.base import Loss
from rareworld.train.state import TrainState
from rareworld.train.watch.base import StepReport

WIDTH = 8


@dataclass(frozen=True)
class Words:
    """A micro-batch: token ids of samples."""

    tokens: Tensor
    """(b, n)"""


class NextWord:
    """Cross entropy of the next token under a bigram table."""

    def __init__(self, table: nn.Module) -> None:
        self.table = table

    def loss(self, batch: Words) -> Loss:
        logits = self.table(batch.tokens[:, :-1])
        each = nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.tokens[:, 1:].flatten(), reduction="none"
        )
        per_sample = each.view(len(batch.tokens), -1).mean(dim=1)
        return Loss(total=per_sample.mean(), per_sample=per_sample.detach(), tags={})


@dataclass(frozen=True)
class Clip:
    """What clipping found."""

    norm: float
    nonfinite: int = 0


def clip(parameters: Sequence[nn.Parameter]) -> Clip:
    bad = sum(int(p.grad.isfinite().logical_not().sum()) for p in parameters if p.grad is not None)
    for p in parameters:
        p.grad = None if p.grad is None else torch.nan_to_num(p.grad, 0.0, 0.0, 0.0)
    return Clip(float(nn.utils.clip_grad_norm_(parameters, 1.0)), bad)


class Alone:
    """One rank."""

    def reduce_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        pass

    def mean(self, tensor: Tensor) -> Tensor:
        return tensor.detach()


@dataclass
class Memory:
    """Checkpoints in memory."""

    saved: dict[int, dict[str, object]] = field(default_factory=dict)
    held_out: dict[int, float | None] = field(default_factory=dict)
    waited: int = 0

    def save(self, step: int, state: TrainState, held_out_loss: float | None = None) -> None:
        self.saved[step] = _copy(state.state_dict())
        self.held_out[step] = held_out_loss

    def wait(self) -> None:
        self.waited += 1


@dataclass
class Ear:
    """Remembers what it is told."""

    reports: list[StepReport] = field(default_factory=list)
    numbers: dict[int, dict[str, float]] = field(default_factory=dict)
    begun: tuple[int, int] | None = None
    ended: int = 0

    def begin(self, step: int, steps: int) -> None:
        self.begun = (step, steps)

    def stepped(self, report: StepReport) -> None:
        self.reports.append(report)

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        self.numbers[step] = dict(numbers)

    def end(self) -> None:
        self.ended += 1

    @property
    def losses(self) -> list[float]:
        return [report.loss for report in self.reports]


def words(step: int, samples: int, micro: int) -> Iterator[Sequence[Words]]:
    """Yield the micro-batches of a step and all after it: a function of the step."""
    while True:
        generator = torch.Generator().manual_seed(step)
        tokens = torch.randint(WIDTH, (samples, 5), generator=generator)
        yield [Words(part) for part in tokens.split(micro)]
        step += 1


def make_state(*, dropout: float = 0.0, seed: int = 0) -> tuple[TrainState, nn.Module]:
    torch.manual_seed(seed)
    table = nn.Sequential(nn.Embedding(WIDTH, WIDTH), nn.Dropout(dropout), nn.Linear(WIDTH, WIDTH))
    optimizer = torch.optim.AdamW(table.parameters(), lr=0.05)
    return TrainState(parameters=dict(table.named_parameters()), optimizer=optimizer), table


def make_trainer(
    state: TrainState, table: nn.Module, steps: int, *, micro: int = 2, **changes: object
) -> Trainer[Words]:
    ready: dict[str, object] = {
        "objective": NextWord(table),
        "batches": lambda step: words(step, 4, micro),
        "samples": 4,
        "work": lambda batch: (batch.tokens.numel(), 1e3),
        "factor": lambda step: 1 / (1 + step),
        "clip": clip,
        "crew": Alone(),
        "saves": Memory(),
        "save_every": 3,
    }
    return Trainer(state, Parts(**(ready | changes)), steps)


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value.clone() if isinstance(value, Tensor) else value
