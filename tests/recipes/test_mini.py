"""Recipes of `mini`: what they train, that scenes stay apart, and that a small run of one ships."""

import json
import re
from pathlib import Path

import pytest
import torch

from rareworld.data.jsontext import write_json
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.mini.pipeline import PROVENANCE, initial_state, write_mini_pipeline
from rareworld.models.mini.shape import MINI_DEFAULTS, MINI_TOKENIZER
from rareworld.models.wan_vae.config import to_diffusers
from rareworld.models.wan_vae.tokenizer import random_tokenizer
from rareworld.recipes.mini import RECORDING, mini_crash_lora, mini_crash_lora_gpu, mini_pretrain
from rareworld.recipes.mini_ship import ship_mini, thinned
from rareworld.train.config import DataConfig, SourceConfig, TrainConfig
from rareworld.train.data.split import recording_of
from rareworld.train.watch.journal import read_rows
from train.runs import run_alone, write_clips


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae")
    tokenizer = random_tokenizer(MINI_TOKENIZER, 0)
    write_json(folder / "config.json", to_diffusers(tokenizer.config))
    save_safetensors(tokenizer.net.state_dict(), folder / "diffusion_pytorch_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("data") / "normal", count=4)


def _small(clips: Path, pipeline: Path, cache: Path, resident_gb: float) -> TrainConfig:
    """Return the pre-training recipe at 32 x 48 pixels and 5 frames, for two steps."""
    config = mini_pretrain()
    data = {
        **config.data.model_dump(),
        "sources": (SourceConfig(path=clips, recording="clip."),),
        "resolution": "32,48",
        "num_frames": (5,),
        "fps": 16.0,
        "held_out": 0.3,
        "windows": 1,
        "cache": cache,
        "batch_size": 2,
        "micro_batch": 2,
        "prefetch": 2,
        "resident_gb": resident_gb,
    }
    update = {
        "steps": 2,
        "base": config.base.model_copy(update={"model": str(pipeline)}),
        "data": DataConfig.parse(data),
        "objective": config.objective.model_copy(update={"conditional_frames": {0: 0.5, 1: 0.5}}),
        "watch": config.watch.model_copy(update={"held_out_every": 2, "samples_every": 0}),
        "optimizer": config.optimizer.model_copy(update={"lr": 1.0}),  # the warm-up is long
    }
    return config.model_copy(update=update)


def test_cameras_of_a_scene_are_one_recording() -> None:
    names = ["00012-0-cam0-000", "00012-0-cam1-003", "00013-0-cam0-000"]
    found = [recording_of(name, re.compile(RECORDING)) for name in names]
    assert found == ["00012", "00012", "00013"]


@pytest.mark.parametrize("recipe", [mini_pretrain, mini_crash_lora, mini_crash_lora_gpu])
def test_recipes_train_at_what_the_pipeline_samples_at(recipe) -> None:
    config = recipe()
    assert config.data.resolution == f"{MINI_DEFAULTS.height},{MINI_DEFAULTS.width}"
    assert config.data.num_frames == (MINI_DEFAULTS.num_frames,)
    assert config.data.fps == MINI_DEFAULTS.fps
    assert config.objective.shift == MINI_DEFAULTS.shift
    # one pass a step, so that it can be recorded
    assert config.data.batch_size == config.data.micro_batch


@pytest.mark.parametrize("recipe", [mini_crash_lora, mini_crash_lora_gpu])
def test_crash_and_normal_clips_are_mixed_one_to_one(recipe) -> None:
    sources = recipe().data.sources
    assert [source.path.name for source in sources] == ["normal", "crash"]
    assert len({source.share for source in sources}) == 1


def test_a_run_is_shipped_with_its_provenance(clips: Path, vae: Path, tmp_path: Path) -> None:
    pipeline = write_mini_pipeline(tmp_path / "untrained", vae, seed=0)
    losses = []
    for resident_gb in (0.0, 1.0):
        config = _small(clips, pipeline, tmp_path / "cache", resident_gb)
        run = tmp_path / f"run{resident_gb:.0f}"
        run_alone(config, run)
        losses.append([row["loss"] for row in read_rows(run / "metrics.jsonl") if "loss" in row])
    assert losses[0] == losses[1]  # where samples lie changes no bit

    shipped = ship_mini(run, vae, tmp_path / "mini", notes={"commit": "abc"})
    averaged = read_checkpoint(run / "checkpoints", ema=True).averaged().state
    found = read_checkpoint(shipped).state
    assert all(torch.equal(found[name], averaged[name].bfloat16()) for name in averaged)
    assert not torch.equal(averaged["crossattn_proj.0.weight"].float(),
                           initial_state(0)["crossattn_proj.0.weight"])  # fmt: skip
    told = json.loads((shipped / PROVENANCE).read_text())
    assert told["steps"] == 2
    assert told["data"]["windows"] > 0
    assert told["settings"]["name"] == "mini_pretrain"
    assert [step for step, _ in told["curves"]["loss"]] == [1, 2]
    assert told["notes"] == {"commit": "abc"}
    assert str(tmp_path) not in json.dumps(told["starts"])


def test_a_run_without_a_saved_state_is_not_shipped(vae: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train it first"):
        ship_mini(tmp_path, vae, tmp_path / "mini")


def test_curves_are_thinned_to_means_of_equal_stretches() -> None:
    rows = [{"step": step, "loss": float(step)} for step in range(1, 10)] + [{"step": 9}]
    assert thinned(rows, "loss", 3) == [[3, 2.0], [6, 5.0], [9, 8.0]]
    assert thinned(rows, "loss", 100)[0] == [1, 1.0]
    assert thinned(rows, "held_out/loss", 3) == []
