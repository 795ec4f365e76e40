"""Pipelines of `mini`: read back as they were written, small enough to ship, ready to train."""

import json
from pathlib import Path

import pytest
import torch

from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import write_json
from rareworld.errors import StoreError
from rareworld.models.cosmos_predict.defaults import read_defaults
from rareworld.models.cosmos_predict.pipeline import encoder_of, mini_width, pipeline_of
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.mini.pipeline import (
    PROVENANCE,
    initial_state,
    write_mini,
    write_mini_pipeline,
)
from rareworld.models.mini.shape import MINI_DEFAULTS, MINI_FAMILY, MINI_TOKENIZER
from rareworld.models.text.encoder import EncoderName
from rareworld.models.wan_vae.config import to_diffusers
from rareworld.models.wan_vae.tokenizer import random_tokenizer
from rareworld.models.wan_vae.weights import load_tokenizer

MOST_BYTES = 40_000_000


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae")
    tokenizer = random_tokenizer(MINI_TOKENIZER, 0)
    write_json(folder / "config.json", to_diffusers(tokenizer.config))
    save_safetensors(tokenizer.net.state_dict(), folder / "diffusion_pytorch_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, vae: Path) -> Path:
    return write_mini_pipeline(tmp_path_factory.mktemp("mini") / "pipeline", vae, seed=3)


def test_a_pipeline_is_read_back_as_it_was_written(pipeline: Path, vae: Path) -> None:
    found = read_checkpoint(pipeline)
    assert found.family == MINI_FAMILY
    assert found.conditional_timestep == -1.0
    drawn = initial_state(3)
    assert set(found.state) == set(drawn)
    assert all(torch.equal(found.state[name], drawn[name].bfloat16()) for name in drawn)
    ours, given = load_tokenizer(pipeline / "vae"), load_tokenizer(vae)
    assert ours.config == given.config
    weights = given.net.state_dict()
    for name, value in ours.net.state_dict().items():
        assert torch.equal(value, weights[name].bfloat16().float())


def test_a_pipeline_says_how_it_is_used(pipeline: Path) -> None:
    assert read_defaults(pipeline_of(pipeline)) == MINI_DEFAULTS
    assert encoder_of(pipeline, MINI_FAMILY.objective) is EncoderName.MINI
    assert mini_width(pipeline, MINI_FAMILY.net) == 512


def test_a_pipeline_is_small_enough_to_ship(pipeline: Path) -> None:
    files = [path for path in pipeline.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_training_begins_at_the_identity() -> None:
    state = initial_state(0)
    zero = {name for name, value in state.items() if not value.any()}
    modulated = {name for name in state if "adaln_modulation" in name and name.endswith("2.weight")}
    output = {"t_embedder.1.linear_2.weight", "final_layer.linear.weight", "crossattn_proj.0.bias"}
    assert zero == modulated | output
    again, other = initial_state(0), initial_state(1)
    name = "blocks.0.mlp.layer1.weight"
    assert torch.equal(state[name], again[name])
    assert not torch.equal(state[name], other[name])


def test_trained_weights_carry_their_provenance(tmp_path: Path, vae: Path) -> None:
    about = {"steps": 7, "notes": {"commit": "abc"}}
    folder = write_mini(tmp_path / "mini", vae, initial_state(0), about=about)
    told = json.loads((folder / PROVENANCE).read_text())
    assert told["steps"] == 7
    for name, facts in told["files"].items():
        assert sha256_file(folder / name) == facts["sha256"]
    assert "transformer/diffusion_pytorch_model.safetensors" in told["files"]
    with pytest.raises(StoreError):
        write_mini(folder, vae, initial_state(0))
