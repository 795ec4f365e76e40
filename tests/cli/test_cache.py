"""`rareworld cache`: options reach the plan, damage is told, exit codes are right."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from cli.calls import done, refused
from rareworld.cli.cache import cache, command, read_run
from rareworld.errors import ConfigError, JobError
from rareworld.runtime.local import LocalRunner
from rareworld.train.data.cache import Cache
from train.data.cache_samples import write_dataset

APP = typer.Typer()
APP.command()(cache)


def _inline(**options: bool | int) -> LocalRunner:
    """Work in this process; a worker of its own takes seconds to start."""
    return LocalRunner(overwrite=bool(options["overwrite"]), inline=True)


@pytest.fixture
def recipe(tmp_path: Path, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the settings file of a run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rareworld.train.data.cache_build.LocalRunner", _inline)
    write_dataset(tmp_path / "set", range(3))
    path = tmp_path / "run.yaml"
    path.write_text(
        f"name: crashes\nbase: {{model: {tiny()}}}\ncompute: {{device: cpu}}\n"
        "data: {sources: [{path: set}], resolution: '32,48', num_frames: [9], held_out: 0}\n"
    )
    return path


def _run(*arguments: object) -> str:
    return done(APP, *arguments).output


def test_a_settings_file_becomes_a_cache(recipe: Path) -> None:
    assert "crashes/cache: 3 windows of 3 clips; shards: 1 done" in _run(recipe)
    assert "1 kept from before" in _run(recipe)
    assert len(Cache.open(Path("crashes/cache")).windows) == 3


def test_out_and_set_reach_the_plan(recipe: Path) -> None:
    told = json.loads(_run(recipe, "--out", "c", "--set", "data.flip=true", "--json"))
    assert told == {
        "out": "c", "clips": 3, "windows": 6, "made": 1, "kept": 0, "rebuilt": [],
        "quarantined": [],
    }  # fmt: skip
    manifest = Cache.open(Path("c")).manifest
    assert manifest.command == f"rareworld cache {recipe} --set data.flip=true --out c"


def test_a_damaged_shard_is_told(recipe: Path) -> None:
    _run(recipe)
    path = next(Path("crashes/cache").glob("latents/*/latents.safetensors"))
    path.write_bytes(path.read_bytes()[:-5])
    assert f"{path.parent}: was damaged, made again" in _run(recipe)
    path.write_bytes(path.read_bytes()[:-5])
    told = json.loads(_run(recipe, "--json"))
    assert told["rebuilt"] == [f"latents/{path.parent.name}"]


def test_clips_left_out_end_with_code_7_and_the_others_are_cached(recipe: Path) -> None:
    Path("set/videos/001.mp4").write_bytes(b"")
    error = refused(APP, recipe)
    assert isinstance(error, JobError)
    assert error.exit_code == 7
    assert "1 clips were left out, the first: 0/001: " in str(error)
    assert "quarantine.json" in str(error)
    assert len(Cache.open(Path("crashes/cache")).windows) == 2


def test_a_cache_of_other_settings_needs_a_word(recipe: Path) -> None:
    _run(recipe)
    error = refused(APP, recipe, "--set", "data.num_frames=[5]")
    assert isinstance(error, ConfigError)
    assert "num_frames" in str(error)
    _run(recipe, "--set", "data.num_frames=[5]", "--overwrite")


def test_a_recipe_goes_by_its_name_or_upstreams(recipe: Path) -> None:
    for name in ("traffic_anomaly_2b", "predict2_video2world_lora_training_2b_its"):
        config = read_run(name, ["data.fps=10", "seed=5"])
        assert (config.name, config.data.fps, config.seed) == ("traffic_anomaly_2b", 10.0, 5)
    assert "no training recipe 'trafic'" in str(refused(APP, "trafic"))
    assert "unknown key 'data.fpss' (did you mean 'fps'?)" in str(
        refused(APP, recipe, "--set", "data.fpss=3")
    )


def test_the_command_can_be_pasted_into_a_shell() -> None:
    line = command("my run.yaml", ["data.sources=[{path: a b}]"], Path("c d"))
    assert line == ("rareworld cache 'my run.yaml' --set 'data.sources=[{path: a b}]' --out 'c d'")
