"""From a dataset to a plan, and from finished shards to upstream's files."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from models.text.nets import write_checkpoint
from rareworld.errors import ConfigError
from rareworld.models.text.cache import ContextCache, pad
from rareworld.models.text.plan import (
    EmbedConfig,
    EmbedPlan,
    export_pickles,
    plan_embedding,
    wait_for_ranks,
)
from rareworld.models.text.upstream import PickleFolder
from rareworld.runtime.local import LocalRunner

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for folder in ("videos", "metas"):
        (tmp_path / "set" / folder).mkdir(parents=True)
    for name, text in (("0001", "a car hits the bus"), ("0002", "red light"), ("0003", "")):
        (tmp_path / "set" / "videos" / f"{name}.mp4").touch()
        (tmp_path / "set" / "metas" / f"{name}.txt").write_text(text)
    return tmp_path / "set"


def _plan(dataset: Path, out: Path | None = None, **values: Any) -> EmbedPlan:
    rank = {key: values.pop(key) for key in ("rank", "ranks", "overwrite") if key in values}
    return plan_embedding(dataset, EmbedConfig.parse(values), out, **rank)


def test_the_cache_lies_in_the_dataset_unless_told(dataset: Path, tmp_path: Path) -> None:
    mini = {"encoder": {"encoder": "mini"}}
    assert _plan(dataset, **mini).out == dataset / "contexts" / "mini"
    assert _plan(dataset, tmp_path / "o", **mini).out == tmp_path / "o"
    lines = dataset / "set.jsonl"
    lines.write_text('{"name": "a", "caption": "b"}')
    assert _plan(lines, **mini).out == dataset / "contexts" / "mini"


def test_t5_on_metas_writes_upstreams_files_beside_ours(dataset: Path, t5_folder: Path) -> None:
    plan = _plan(dataset, encoder={"encoder": "t5", "weights": t5_folder})
    assert plan.pickles == dataset / "t5_xxl"
    report = LocalRunner(inline=True).run(plan.stage, plan.parts, plan.out)
    assert len(report.quarantined) == 1
    assert export_pickles(plan, report) == 2
    assert export_pickles(plan, report) == 0
    cache, folder = ContextCache.open(plan.out), PickleFolder(dataset / "t5_xxl")
    assert cache.names == folder.names == ("0001", "0002")
    for name in cache.names:
        exact, kept = cache.context(name), folder.context(name)
        assert torch.equal(pad(exact[: cache.entry(name).rows]).half(), kept)


def test_nothing_is_written_for_upstream_when_nothing_was_encoded(dataset, t5_folder) -> None:
    for name in ("0001", "0002"):
        (dataset / "metas" / f"{name}.txt").unlink()
    plan = _plan(dataset, encoder={"encoder": "t5", "weights": t5_folder})
    report = LocalRunner(inline=True).run(plan.stage, plan.parts, plan.out)
    assert len(report.quarantined) == 3
    assert export_pickles(plan, report) == 0
    assert not (dataset / "t5_xxl").exists()


def test_upstreams_files_can_be_left_out(dataset: Path, t5_folder: Path) -> None:
    t5 = {"encoder": {"encoder": "t5", "weights": t5_folder}}
    assert _plan(dataset, **t5, pickles=False).pickles is None
    assert _plan(dataset, encoder={"encoder": "mini"}).pickles is None
    with pytest.raises(ConfigError, match="t5_xxl holds T5 contexts"):
        _plan(dataset, encoder={"encoder": "mini"}, pickles=True)


def test_reason1_wants_the_net_it_is_for(dataset: Path, reason1_folder, tmp_path: Path) -> None:
    reason1 = {"encoder": "reason1", "weights": reason1_folder}
    with pytest.raises(ConfigError, match="--projection CHECKPOINT"):
        _plan(dataset, encoder=reason1)
    nets = [write_checkpoint(tmp_path / f"{seed}.pt", seed=seed) for seed in range(2)]
    plan = _plan(dataset, encoder=reason1 | {"projection": nets[0]})
    report = LocalRunner(inline=True).run(plan.stage, plan.parts, plan.out)
    assert report.count("done") == 1
    cache = ContextCache.open(plan.out)
    assert cache.context("0001").shape == (512, 16)
    cache.require(projection=plan.stage.identity.projection)
    other = _plan(dataset, encoder=reason1 | {"projection": nets[1]})
    with pytest.raises(ConfigError, match="another configuration"):  # never mixed
        LocalRunner(inline=True).run(other.stage, other.parts, other.out)
    with pytest.raises(ConfigError, match="this net wants"):
        cache.require(projection=other.stage.identity.projection)


def test_shards_of_another_dataset_are_removed_only_when_told(dataset: Path, tmp_path) -> None:
    mini = {"encoder": {"encoder": "mini", "width": 8}}
    plan = _plan(dataset, tmp_path / "o", **mini)
    LocalRunner(inline=True).run(plan.stage, plan.parts, plan.out)
    for index in range(100):
        (dataset / "metas" / f"x{index}.txt").write_text("more")
    with pytest.raises(ConfigError, match="1 shards of another or smaller dataset"):
        _plan(dataset, tmp_path / "o", **mini)
    again = _plan(dataset, tmp_path / "o", **mini, overwrite=True)
    LocalRunner(inline=True).run(again.stage, again.parts, again.out)
    assert len(ContextCache.open(tmp_path / "o").names) == 102


def test_ranks_write_only_their_own(dataset: Path, t5_folder: Path) -> None:
    t5 = {"encoder": {"encoder": "t5", "weights": t5_folder}}
    first, second = (_plan(dataset, **t5, rank=rank, ranks=2) for rank in range(2))
    reports = [LocalRunner(inline=True).run(p.stage, p.parts, p.out) for p in (first, second)]
    assert [export_pickles(p, r) for p, r in zip((first, second), reports, strict=True)] == [2, 0]
    assert all(len(report.quarantined) == 1 for report in reports)


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_holds_at_least_one_prompt(batch: int, dataset: Path) -> None:
    with pytest.raises(ConfigError, match="batch: expected at least 1"):
        _plan(dataset, encoder={"encoder": "mini"}, batch=batch)


TWO_RANKS = """
import os, sys, time
from pathlib import Path
from rareworld.models.text.plan import wait_for_ranks

rank = int(os.environ["RANK"])
time.sleep(3 * rank)
(Path(sys.argv[1]) / f"{rank}.txt").touch()
wait_for_ranks(2)
sys.exit(7)
"""


@pytest.mark.slow
def test_a_rank_that_failed_does_not_end_the_work_of_others(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO_RANKS)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(script), str(tmp_path),
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "exitcode: 7" in done.stderr or "exitcode  : 7" in done.stderr
    assert {path.name for path in tmp_path.glob("*.txt")} == {"0.txt", "1.txt"}


def test_a_single_process_waits_for_nobody() -> None:
    wait_for_ranks(1)
    wait_for_ranks(8)  # not started by torchrun: others are none of its business
