"""Whole runs on two processes: cache, training, held-out losses, saves, going on elsewhere.

Tolerance: losses of a float32 run to one process 2e-5 relative, over six steps.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter
from rareworld.nn.ranks import Ranks
from rareworld.train.config import TrainConfig
from rareworld.train.run import Options, run
from rareworld.train.saved import read_pointer, step_folder
from rareworld.train.watch.journal import read_rows
from tests.nn.ranks import run_ranks
from tests.train.runs import make_config, run_alone, write_clips

STEPS = 6
PLANS = {
    "data": {},
    "context": {"parallel__context": 2},
    "shard": {"parallel__shard": 2},
    "both": {"parallel__context": 2, "parallel__shard": 0},
    "whole": {"adapter": None},
    "whole, shard": {"adapter": None, "parallel__shard": 2},
}


def train(config: TrainConfig, out: Path) -> list[str]:
    """Run on this rank; return what was told."""
    told: list[str] = []
    with Ranks.join("cpu", timeout_s=120) as ranks:
        run(config, out, ranks, Options(tell=told.append))
    return told


def losses(out: Path) -> dict[tuple[int, str], float]:
    """Return every loss of a run by step and name; the last of rows written twice."""
    return {
        (row["step"], name): value
        for row in read_rows(out / "metrics.jsonl")
        for name, value in row.items()
        if name == "loss" or name.startswith("held_out")
    }


def check_close(found: Path, expected: Path) -> None:
    ours, theirs = losses(found), losses(expected)
    assert ours.keys() >= theirs.keys()
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value, rel=2e-5), key


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("ranks") / "clips")


@pytest.fixture(scope="module")
def alone(
    clips: Path, tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Return the folder of a run on one process, made once."""
    folder = tmp_path_factory.mktemp("alone")

    def made(kind: str) -> Path:
        out = folder / kind.partition(",")[0]
        if not out.exists():
            run_alone(config_of(tiny(), clips, kind, plan=False), out)
        return out

    return made


def config_of(pipeline: Path, clips: Path, kind: str, *, plan: bool = True) -> TrainConfig:
    changes = PLANS[kind] if plan else {k: v for k, v in PLANS[kind].items() if k == "adapter"}
    return make_config(pipeline, clips, data__cache=str(clips.parent / "cache"), **changes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PLANS))
def test_a_run_on_two_ranks_has_the_losses_of_one(kind, clips, tiny, alone, tmp_path):
    out = tmp_path / "run"
    expected = alone("whole" if kind.startswith("whole") else "data")
    lead, other = run_ranks(2, partial(train, config_of(tiny(), clips, kind), out), tmp_path)
    assert isinstance(lead, list), lead
    assert not other, "only the leading rank speaks"
    check_close(out, expected)
    assert read_pointer(out / "checkpoints") == STEPS
    if not kind.startswith("whole"):
        ours, theirs = (
            read_adapter(step_folder(folder / "checkpoints", STEPS) / "adapter")
            for folder in (out, expected)
        )
        for name, layer in theirs.layers.items():
            difference = (ours.layers[name].b - layer.b).abs().max()
            assert difference <= 0.05 * layer.b.abs().max(), name  # AdamW divides by tiny moments


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["both", "whole, shard"])
def test_a_run_goes_on_with_other_ranks_and_says_what_is_no_longer_equal(
    kind, clips, tiny, alone, tmp_path
):
    out = tmp_path / "run"
    config = config_of(tiny(), clips, kind)
    run_alone(config_of(tiny(), clips, kind, plan=False).model_copy(update={"steps": 2}), out)
    lead, _ = run_ranks(2, partial(train, config, out), tmp_path)
    assert isinstance(lead, list), lead
    notes = [words for words in lead if words.startswith("note: ")]
    assert "ranks 1 -> 2" in notes[0]
    assert "parallel.shard 1 -> 2" in notes[0]
    assert "random states of ranks" in notes[1]
    assert "going on after step 2 of 6" in lead
    check_close(out, alone("whole" if kind.startswith("whole") else "data"))
