"""Learning by heart: the goal by hand, the samples' draws, and a run that reaches it or not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError, JobError
from rareworld.train.batch import Batch
from rareworld.train.config import TrainConfig
from rareworld.train.data.cache import Cache
from rareworld.train.objective.base import Loss
from rareworld.train.overfit import REACHED, Goal, SameDraws, few_clips, overfit_config
from train.runs import make_config, run_alone, write_clips
from train.watch.reports import report


@pytest.fixture(scope="module")
def config(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    root = tmp_path_factory.mktemp("overfit")
    return make_config(tiny(), write_clips(root / "clips"), data__cache=str(root / "cache"))


class Ids:
    """Remembers the ids it was asked about."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def loss(self, batch: Batch) -> Loss:
        self.seen.append(batch.ids)
        return Loss(total=torch.zeros(()), per_sample=torch.zeros(len(batch.ids)), tags={})


def test_the_goal_compares_whole_passes() -> None:
    goal = Goal(per_pass=2)
    losses = [1.0, 3.0, 0.1, 2.9, 1.0, 1.8]
    reached = [goal.reached(report(n, loss=loss)) for n, loss in enumerate(losses, 1)]
    assert goal.first == 2.0
    assert goal.last == pytest.approx(1.4)
    assert reached == [False, False, False, False, False, goal.last <= REACHED * 2.0]
    assert "from 2.0000 to 1.4000 (70%) in 6 steps" in goal.verdict(6)


def test_a_goal_that_is_missed_is_an_error_with_figures() -> None:
    goal = Goal(per_pass=1)
    for step, loss in enumerate((1.0, 0.9), 1):
        goal.reached(report(step, loss=loss))
    with pytest.raises(
        JobError, match=r"from 1\.0000 to 0\.9000 \(90%\) .* look at the first batch"
    ):
        goal.verdict(2)


def test_a_clip_draws_the_same_in_every_step() -> None:
    ids = Ids()
    objective = SameDraws(ids, {"a": 0, "b": 1})
    for step in range(3):
        objective.loss(
            Batch(
                latent=torch.zeros(2, 1, 1, 1, 1),
                context=torch.zeros(2, 1, 1),
                ids=(2 * step, 2 * step + 1),
                clips=("b", "a"),
            )
        )
    assert ids.seen == [(1, 0)] * 3


def test_what_slows_learning_down_is_off(config: TrainConfig) -> None:
    easy = overfit_config(config)
    assert easy.name == "tiny-overfit"
    assert easy.objective.text_dropout == 0
    assert not easy.ema.enabled
    assert easy.watch.held_out_every == easy.watch.samples_every == 0
    assert (easy.schedule.f_max, easy.schedule.f_min, easy.schedule.warm_up) == (1.0, 1.0, 0)
    assert easy.adapter is not None
    assert easy.adapter.rank == 4
    assert easy.data == config.data


def test_four_samples_are_learned_by_heart(config: TrainConfig, tmp_path: Path) -> None:
    result = run_alone(config, tmp_path / "run", overfit=4)
    assert "70% was to be reached" in result.words
    assert result.step < 100
    again = run_alone(config, tmp_path / "run", overfit=4)
    assert again.step == result.step  # it begins anew every time
    assert again.report is not None
    assert result.report is not None
    assert again.report.loss == result.report.loss
    fewer = config.model_copy(update={"seed": 5})
    assert "70% was to be" in run_alone(fewer, tmp_path / "run", overfit=2).words


def test_learning_by_heart_takes_no_other_runs_folder(config: TrainConfig, tmp_path: Path) -> None:
    short = config.model_copy(update={"steps": 2})
    run_alone(short, tmp_path / "run")
    with pytest.raises(ConfigError, match="this run began with other settings"):
        run_alone(short, tmp_path / "run", overfit=2)
    assert run_alone(short, tmp_path / "run").report is None


def test_a_pipeline_that_cannot_learn_is_found_out(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rareworld.train.overfit.ADAPTER_LR", 1e-9)
    monkeypatch.setattr("rareworld.train.overfit.STEPS", 12)
    with pytest.raises(JobError, match=r"overfit: the mean loss .* in 12 steps; 70% was to be"):
        run_alone(config, tmp_path / "run", overfit=2)


def test_more_samples_than_there_are_is_refused_with_the_number(
    config: TrainConfig, tmp_path: Path
) -> None:
    run_alone(config.model_copy(update={"steps": 1}), tmp_path / "run")
    assert config.data.cache is not None
    cache = Cache.open(config.data.cache)
    assert sum(len(clips) for clips in few_clips(cache, 4).values()) == 4
    with pytest.raises(ConfigError, match=r"--overfit 9: found 5 training clips .* --overfit 5"):
        few_clips(cache, 9)
