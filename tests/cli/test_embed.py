"""`rareworld embed`: options reach the plan, work is shared, exit codes are right."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.calls import done, refused
from rareworld.cli.embed import embed
from rareworld.errors import ConfigError, FormatError, JobError
from rareworld.models.text import plan as planning
from rareworld.models.text.cache import ContextCache
from rareworld.models.text.plan import EmbedConfig
from rareworld.runtime.local import QUARANTINE, LocalRunner

APP = typer.Typer()
APP.command()(embed)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "set" / "metas").mkdir(parents=True)
    for name, text in (("0001", "a car hits a bus"), ("0002", "red light")):
        (tmp_path / "set" / "metas" / f"{name}.txt").write_text(text)
    return tmp_path / "set"


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in this process; a worker of its own takes seconds to start."""
    monkeypatch.setattr("rareworld.runtime.local.LocalRunner", partial(LocalRunner, inline=True))


def _run(*arguments: object) -> str:
    return done(APP, *arguments).output


@pytest.mark.slow
def test_a_worker_process_embeds_a_dataset(dataset: Path) -> None:
    output = _run(dataset, "--encoder", "mini", "--set", "encoder.width=64")
    assert "1 done, 0 kept from before, 0 quarantined" in output
    cache = ContextCache.open(dataset / "contexts" / "mini")
    assert cache.names == ("0001", "0002")
    assert cache.context("0001").shape == (512, 64)


@pytest.mark.usefixtures("inline")
def test_json_tells_every_shard(dataset: Path, tmp_path: Path) -> None:
    told = json.loads(_run(dataset, "--encoder", "mini", "--out", tmp_path / "o", "--json"))
    assert told == {
        "out": str(tmp_path / "o"),
        "items": [{"item": "shard-00000-of-00001", "status": "done", "error": "",
                   "clips": 2, "rows": 7, "cut": []}],
    }  # fmt: skip


@pytest.mark.usefixtures("inline")
def test_all_captions_unreadable_gives_the_exit_code_of_a_bad_file(dataset: Path) -> None:
    for path in (dataset / "metas").iterdir():
        path.write_text("")
    error = refused(APP, dataset, "--encoder", "mini")
    assert isinstance(error, FormatError)
    assert error.exit_code == 3
    assert "metas/0001.txt: the caption is empty" in str(error)


@pytest.mark.usefixtures("inline")
def test_one_unreadable_caption_gives_the_exit_code_of_a_job_and_the_rest(dataset: Path) -> None:
    (dataset / "videos").mkdir()
    (dataset / "videos" / "0003.mp4").touch()
    error = refused(APP, dataset, "--encoder", "mini")
    assert isinstance(error, JobError)
    assert error.exit_code == 7
    out = dataset / "contexts" / "mini"
    (listed,) = json.loads((out / QUARANTINE).read_text())
    assert "metas/0003.txt: is missing" in listed["error"]
    assert len(ContextCache.open(out).names) == 2
    (dataset / "metas" / "0003.txt").write_text("rain")
    assert "another configuration" in str(refused(APP, dataset, "--encoder", "mini"))
    _run(dataset, "--encoder", "mini", "--overwrite")
    assert len(ContextCache.open(out).names) == 3
    assert not (out / QUARANTINE).exists()


def _asked(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[EmbedConfig, Any]:
    """Return the settings and the rest that the plan is asked for."""
    asked: list[Any] = []

    def stop(dataset: Path, config: EmbedConfig, out: Path | None, **more: Any) -> None:
        asked.extend([config, {"dataset": dataset, "out": out} | more])
        raise ConfigError("seen")

    monkeypatch.setattr(planning, "plan_embedding", stop)
    assert str(refused(APP, *arguments)) == "seen"
    return asked[0], asked[1]


def test_options_reach_the_settings(monkeypatch, dataset: Path) -> None:
    config, _ = _asked(
        monkeypatch, dataset, "--encoder", "reason1", "--weights", "a b: c#", "--projection", "net",
        "--captions", "captions", "--prompt-type", "short", "--no-pickles", "--device", "cuda:1",
        "--set", "batch=3", "--set", "encoder.offload=true", "--set", "encoder.dtype=float32",
    )  # fmt: skip
    assert config.model_dump(mode="json") == {
        "encoder": {"encoder": "reason1", "weights": "a b: c#", "projection": "net", "width": 1024,
                    "dtype": "float32", "device": "cuda:1", "offload": True},
        "captions": "captions", "prompt_type": "short", "pickles": False, "batch": 3,
    }  # fmt: skip


def test_a_settings_file_is_read_and_options_win(monkeypatch, dataset: Path) -> None:
    path = dataset / "embed.yaml"
    path.write_text("encoder: {encoder: t5, width: 8, device: cpu}\nbatch: 2\ncaptions: metas\n")
    config, _ = _asked(monkeypatch, dataset, "--config", path, "--encoder", "mini", "--pickles")
    assert (config.encoder.encoder, config.encoder.width, config.batch) == ("mini", 8, 2)
    assert config.encoder.device == "cpu"
    assert (config.captions, config.pickles) == ("metas", True)


def test_torchrun_shares_the_work(monkeypatch, dataset: Path) -> None:
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    config, more = _asked(monkeypatch, dataset, "--encoder", "mini", "--overwrite")
    assert config.encoder.device == "auto"
    assert more == {
        "dataset": dataset, "out": None, "rank": 3, "ranks": 8, "local_rank": 1, "overwrite": True,
    }  # fmt: skip
    monkeypatch.setenv("RANK", "first")
    assert "RANK: expected a number" in str(refused(APP, dataset, "--encoder", "mini"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "encoder.encoder is required"),
        (["--encoder", "t4"], "encoder.encoder: Input should be"),
        (["--encoder", "mini", "--captions", "texts"], "captions: Input should be"),
        (["--encoder", "mini", "--set", "bacth=3"], "did you mean 'batch'"),
        (["--encoder", "mini", "--captions", "clips"], "holds no captions"),
        (["--encoder", "reason1"], "--projection CHECKPOINT"),
    ],
)
def test_wrong_options_are_told(arguments: list[str], message: str, dataset: Path) -> None:
    error = refused(APP, dataset, *arguments)
    assert error.exit_code == 2
    assert message in str(error)


def test_a_settings_file_whose_encoder_is_no_section_is_told(dataset: Path) -> None:
    path = dataset / "embed.yaml"
    path.write_text("encoder: t5\n")
    assert "embed.yaml: encoder: Input should be" in str(refused(APP, dataset, "--config", path))
