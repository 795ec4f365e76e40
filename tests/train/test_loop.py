"""The loop: what a step is, when it saves, probes and stops; on an objective that is no video."""

import math
import os
import signal
from collections.abc import Mapping

import pytest
import torch
from torch import nn

from rareworld.errors import InterruptedJobError, JobError
from rareworld.train.loop import PATIENCE, Crew, Saves, Stop
from rareworld.train.objective.base import Loss, Objective
from rareworld.train.watch.base import HELD_OUT, StepReport, Watcher
from train.fakes import Alone, Ear, Memory, NextWord, Words, clip, make_state, make_trainer, words


class Judge:
    """A probe that is due every two steps."""

    def __init__(self, table: nn.Module) -> None:
        self.table, self.steps = table, []

    def due(self, step: int, *, last: bool) -> bool:
        return last or step % 2 == 0

    def measure(self, step: int) -> Mapping[str, float]:
        self.steps.append(step)
        return {HELD_OUT: 10.0 - step}


class Broken:
    """An objective whose loss is no number at some steps."""

    def __init__(self, table: nn.Module, bad: set[int]) -> None:
        self.inner, self.bad, self.calls = NextWord(table), bad, 0

    def loss(self, batch: Words) -> Loss:
        loss = self.inner.loss(batch)
        factor = math.nan if self.calls in self.bad else 1.0
        self.calls += 1
        return Loss(total=loss.total * factor, per_sample=loss.per_sample, tags={})


def test_the_fakes_are_what_the_loop_asks_for() -> None:
    _, table = make_state()
    assert isinstance(NextWord(table), Objective)
    assert isinstance(Alone(), Crew)
    assert isinstance(Memory(), Saves)
    assert isinstance(Ear(), Watcher)


def test_a_step_is_the_textbook_step() -> None:
    """Against the same steps written out plainly: equal to the bit."""
    state, table = make_state()
    ear = Ear()
    make_trainer(state, table, 5, micro=4, watchers=[ear]).run()
    _, twin = make_state()
    optimizer = torch.optim.AdamW(twin.parameters(), lr=0.05)
    losses = []
    for step, [batch] in zip(range(5), words(0, 4, 4), strict=False):
        optimizer.param_groups[0]["lr"] = 0.05 / (1 + step)
        loss = NextWord(twin).loss(batch).total
        loss.backward()
        clip(list(twin.parameters()))
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert ear.losses == losses
    for ours, theirs in zip(table.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("micro", [1, 2, 3])
def test_micro_batches_of_any_size_give_the_gradient_of_the_whole(micro: int) -> None:
    """3 leaves a smaller last micro-batch: samples count alike, not micro-batches."""
    ends = []
    for size in (4, micro):
        state, table = make_state()
        ear = Ear()
        make_trainer(state, table, 3, micro=size, watchers=[ear]).run()
        ends.append((torch.tensor(ear.losses), next(table.parameters()).detach()))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-5, atol=1e-6)


def test_watchers_hear_every_step_in_order() -> None:
    state, table = make_state()
    ear = Ear()
    last = make_trainer(state, table, 4, watchers=[ear], ranks=3).run()
    assert ear.begun == (0, 4)
    assert [report.step for report in ear.reports] == [1, 2, 3, 4]
    assert [report.lr for report in ear.reports] == [0.05 / n for n in (1, 2, 3, 4)]
    assert last == ear.reports[-1]
    assert ear.ended == 1
    assert {report.tokens for report in ear.reports} == {4 * 5 * 3}
    assert {report.flops for report in ear.reports} == {2 * 1e3 * 3}
    assert all(r.seconds >= r.waited_s >= 0 and r.gradient_norm > 0 for r in ear.reports)


def test_it_saves_every_few_steps_and_the_last_with_the_loss_of_that_step() -> None:
    state, table = make_state()
    saves, ear, judge = Memory(), Ear(), Judge(table)
    make_trainer(state, table, 7, saves=saves, watchers=[ear], probes=[judge], save_every=3).run()
    assert judge.steps == [0, 2, 4, 6, 7]
    assert saves.held_out == {3: None, 6: 4.0, 7: 3.0}
    assert ear.numbers == {step: {HELD_OUT: 10.0 - step} for step in judge.steps}
    assert saves.waited >= 1


def test_a_finished_run_does_nothing() -> None:
    state, table = make_state()
    state.step = 7
    saves = Memory()
    assert make_trainer(state, table, 7, saves=saves).run() is None
    assert saves.saved == {}


def test_a_run_may_have_enough_before_its_last_step() -> None:
    state, table = make_state()
    saves, judge = Memory(), Judge(table)
    last = make_trainer(
        state, table, 100, saves=saves, probes=[judge], enough=lambda report: report.step == 5
    ).run()
    assert last is not None
    assert last.step == 5
    assert max(saves.saved) == 5
    assert judge.steps[-1] == 5


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_after_the_step_at_hand_and_leaves_with_130(kind: signal.Signals) -> None:
    state, table = make_state()
    saves = Memory()

    def strike(report: StepReport) -> bool:
        if report.step == 4:
            os.kill(os.getpid(), kind)
        return False

    before = signal.getsignal(kind)
    with pytest.raises(InterruptedJobError, match="after step 5 of 100, which is saved") as raised:
        make_trainer(state, table, 100, saves=saves, enough=strike, save_every=50).run()
    assert raised.value.exit_code == 130
    assert set(saves.saved) == {5}
    assert signal.getsignal(kind) is before


def test_a_second_signal_stops_at_once_and_an_echo_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Stop.listen() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        monkeypatch.setattr("rareworld.train.loop.ECHO_S", 0.0)
        with pytest.raises(InterruptedJobError, match="without saving"):
            os.kill(os.getpid(), signal.SIGINT)


def test_one_rank_that_is_asked_stops_all() -> None:
    """The wish travels in the mean of the losses: another rank's shows up here."""

    class Two(Alone):
        def mean(self, tensor: torch.Tensor) -> torch.Tensor:
            return (tensor.detach() + torch.tensor([0.0, 1.0])) / 2

    state, table = make_state()
    with pytest.raises(InterruptedJobError, match="after step 1 of 9"):
        make_trainer(state, table, 9, crew=Two()).run()


def test_bad_gradients_are_counted_and_not_used() -> None:
    state, table = make_state()
    ear = Ear()
    make_trainer(state, table, 4, micro=4, objective=Broken(table, {1, 2}), watchers=[ear]).run()
    assert [report.nonfinite for report in ear.reports] == [0, 1, 2, 2]
    assert all(bool(p.isfinite().all()) for p in table.parameters())


@pytest.mark.parametrize(("bad", "last"), [({6}, 1), ({4, 5, 6}, 3), ({2, 5, 6}, 2)])
def test_a_run_whose_last_steps_have_no_loss_is_saved_and_says_so(bad: set[int], last: int) -> None:
    state, table = make_state()
    saves, ear = Memory(), Ear()
    with pytest.raises(
        JobError, match=f"step 7: .* no number in the last {last} steps; they are s"
    ):
        make_trainer(
            state, table, 7, micro=4, objective=Broken(table, bad), saves=saves, watchers=[ear]
        ).run()
    assert max(saves.saved) == 7
    assert saves.waited >= 1
    assert ear.ended == 1


def test_a_loss_that_stays_no_number_ends_the_run_unsaved() -> None:
    state, table = make_state()
    saves, ear = Memory(), Ear()
    bad = set(range(2, 100))
    with pytest.raises(JobError, match=f"no number for {PATIENCE} steps; lower optimizer.lr"):
        make_trainer(
            state, table, 50, micro=4, objective=Broken(table, bad), saves=saves, watchers=[ear],
            save_every=5,
        ).run()  # fmt: skip
    assert ear.reports[-1].step == 2 + PATIENCE
    assert saves.saved == {}
    assert ear.ended == 1
