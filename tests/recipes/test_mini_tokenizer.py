"""The recipe of mini's tokenizer starts from plain words."""

from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.wan_vae.weights import load_tokenizer
from rareworld.recipes.mini_tokenizer import main, mini_tokenizer
from train.tokenizer.footage import write_footage

SMALL = (
    "objective.perceptual=0",
    "shape.base_dim=4",
    "shape.dim_mult=[1, 1, 2, 2]",
    "footage.height=32",
    "footage.width=48",
    "crops=[{frames: 5, height: 32, width: 48, batch: 1}]",
    "measure_clips=1",
)


def test_the_learning_rate_falls_to_the_last_step() -> None:
    config = mini_tokenizer([Path("footage")], steps=900, overrides=["optimizer.lr=0.002"])
    assert (config.steps, config.schedule.cycle, config.schedule.warm_up) == (900, 900, 90)
    assert config.optimizer.lr == 0.002
    assert config.footage.folders == (Path("footage"),)
    with pytest.raises(ConfigError, match="unknown key"):
        mini_tokenizer([], overrides=["objective.perceptal=0"])


def test_one_command_makes_a_tokenizer(tmp_path: Path) -> None:
    footage = write_footage(tmp_path / "footage")
    chosen = [word for setting in SMALL for word in ("--set", setting)]
    words = [str(footage), "-o", str(tmp_path / "run"), "--steps", "2", "--device", "cpu"]
    folder = main([*words, *chosen])
    assert load_tokenizer(folder, dtype=torch.float32).config.z_dim == 16
