"""A whole run on two processes: the losses of one, however they share the work."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nn.ranks import run_ranks
from rareworld.data.atomic import sha256_file
from rareworld.train.config import TrainConfig
from rareworld.train.watch.journal import read_rows
from train.runs import make_config, run_alone, write_clips

KEYS = ("loss", "gradient_norm", "held_out/loss", "held_out/loss/level_1", "held_out/loss/level_4")

pytestmark = pytest.mark.slow


def _work(config: str, out: Path) -> list[str]:
    """Train; runs in each process."""
    told: list[str] = []
    run_alone(TrainConfig.model_validate_json(config), out, told)
    return told


def on_two(config: TrainConfig, out: Path, folder: Path) -> list[Any]:
    """Run on two processes; return what each was told."""
    folder.mkdir()
    return run_ranks(2, partial(_work, config.model_dump_json(), out), folder)


def numbers(out: Path) -> list[dict[str, float]]:
    rows = read_rows(out / "metrics.jsonl")
    return [{key: row[key] for key in ("step", *KEYS) if key in row} for row in rows]


@pytest.fixture(scope="module")
def config(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    root = tmp_path_factory.mktemp("ranks")
    return make_config(
        tiny(), write_clips(root / "clips"), steps=4, watch__held_out_every=2,
        watch__samples_every=4, data__cache=str(root / "cache"),
    )  # fmt: skip


@pytest.mark.parametrize("adapter", [True, False])
@pytest.mark.parametrize(("shard", "context"), [(1, 1), (0, 1), (1, 2), (0, 2)])
def test_two_processes_have_the_losses_and_samples_of_one(
    config: TrainConfig, tmp_path: Path, shard: int, context: int, adapter: bool
) -> None:
    whole = {} if adapter else {"adapter": None}
    alone = TrainConfig.parse(config.model_dump(mode="json") | whole)
    run_alone(alone, tmp_path / "one")
    values = alone.model_dump(mode="json")
    shared = TrainConfig.parse(values | {"parallel": {"shard": shard, "context": context}})
    told = on_two(shared, tmp_path / "two", tmp_path / "told")
    assert told[1] == [], told  # the leading process speaks alone
    for ours, theirs in zip(numbers(tmp_path / "two"), numbers(tmp_path / "one"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    [two], [one] = (sorted((tmp_path / run).rglob("*.mp4"))[-1:] for run in ("two", "one"))
    assert two.name == one.name
    assert sha256_file(two) == sha256_file(one) or context == 2


def test_a_run_goes_on_with_another_number_of_processes_and_says_so(
    config: TrainConfig, tmp_path: Path
) -> None:
    run_alone(config, tmp_path / "one")
    on_two(config.model_copy(update={"steps": 2}), tmp_path / "run", tmp_path / "told")
    told: list[str] = []
    run_alone(config, tmp_path / "run", told)
    assert any("ranks 2 -> 1" in line for line in told)
    ours = [row for row in numbers(tmp_path / "run") if "loss" in row]
    theirs = [row for row in numbers(tmp_path / "one") if "loss" in row]
    for row, wanted in zip(ours, theirs, strict=True):
        assert row == pytest.approx(wanted, rel=1e-5)


def test_what_fails_on_the_leading_process_fails_on_both(
    config: TrainConfig, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious")
    found = on_two(config, tmp_path / "run", tmp_path / "told")
    assert [name for name, _ in found] == ["ConfigError", "RareworldError"]
    assert all("thesis.tex" in words for _, words in found)
