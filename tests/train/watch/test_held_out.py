"""Held-out loss: the mean over samples and levels, shared among ranks, without a trace."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from rareworld.train.objective.base import Loss
from rareworld.train.watch.base import Probe
from rareworld.train.watch.held_out import HeldOut

SAMPLES = 5


class Recorder:
    """Ranks that run one after the other: a mean over what each of them found."""

    def __init__(self, ranks: int) -> None:
        self.ranks, self.found = ranks, torch.zeros(0)

    def mean(self, tensor: Tensor) -> Tensor:
        self.found = (
            tensor / self.ranks if not len(self.found) else self.found + tensor / self.ranks
        )
        return self.found


def loss_of(value: float) -> Loss:
    total = torch.tensor(value)
    return Loss(total=total, per_sample=total[None], tags={})


def make(
    crew: Recorder, rank: int = 0, stilled: list[str] | None = None, **levels: float
) -> HeldOut:
    @contextmanager
    def still() -> Generator[None]:
        if stilled is not None:
            stilled.append("in")
        yield

    factors = levels or {"low": 1.0, "high": 10.0}
    return HeldOut(
        losses={name: lambda n, f=factor: loss_of(f * n) for name, factor in factors.items()},
        sample=lambda number: float(number),
        count=SAMPLES,
        every=3,
        still=still,
        crew=crew,
        device=torch.device("cpu"),
        rank=rank,
        ranks=crew.ranks,
    )


def test_the_mean_and_each_level() -> None:
    stilled: list[str] = []
    probe = make(Recorder(1), stilled=stilled)
    assert isinstance(probe, Probe)
    assert probe.measure(0) == {
        "held_out/loss": 11.0, "held_out/loss/low": 2.0, "held_out/loss/high": 20.0,
    }  # fmt: skip
    assert stilled == ["in"]


def test_a_single_loss_has_no_parts() -> None:
    assert make(Recorder(1), only=3.0).measure(0) == {"held_out/loss": 6.0}


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks_share_the_samples_and_find_the_same(ranks: int) -> None:
    """Five samples do not divide: what is run twice counts once."""
    crew = Recorder(ranks)
    for rank in range(ranks):
        numbers = make(crew, rank).measure(0)
    assert numbers["held_out/loss"] == pytest.approx(11.0)
    assert numbers["held_out/loss/low"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("step", "last", "due"),
    [(0, False, True), (3, False, True), (4, False, False), (4, True, True)],
)
def test_when_it_is_due(step: int, last: bool, due: bool) -> None:
    assert make(Recorder(1)).due(step, last=last) is due
