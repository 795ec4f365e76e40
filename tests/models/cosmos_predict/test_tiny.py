"""The tiny pipeline is what real ones are: diffusers and PEFT's own classes read its parts."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan, CosmosTransformer3DModel
from safetensors.torch import load_file

from rareworld.models.cosmos_predict.tiny import Generation, tiny_checkpoint, write_tiny_pipeline
from rareworld.models.cosmos_predict.weights.adapter import check_fits, is_idle
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter
from rareworld.models.cosmos_predict.weights.inspection import inspect_checkpoint


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_diffusers_reads_every_part(generation: Generation, tiny: Callable[..., Path]) -> None:
    folder = tiny(generation)
    net = CosmosTransformer3DModel.from_pretrained(folder / "transformer")
    vae = AutoencoderKLWan.from_pretrained(folder / "vae")
    assert sum(p.numel() for p in net.parameters()) == tiny_checkpoint(generation).family.parameters
    assert vae.config.base_dim == 8


def test_a_seed_gives_the_same_weights(tmp_path: Path) -> None:
    def vae(name: str, seed: int) -> torch.Tensor:
        folder = write_tiny_pipeline(tmp_path / name, seed=seed)
        return load_file(next((folder / "vae").glob("*.safetensors")))["quant_conv.weight"]

    assert torch.equal(vae("a", 0), vae("b", 0))
    assert not torch.equal(vae("a2", 0), vae("c", 1))
    states = [tiny_checkpoint(seed=seed).state for seed in (0, 0, 1)]
    key = "blocks.0.mlp.layer1.weight"
    assert torch.equal(states[0][key], states[1][key])
    assert not torch.equal(states[0][key], states[2][key])


def test_the_adapter_is_trained_and_fits(tiny_adapter: Path) -> None:
    adapter = read_adapter(tiny_adapter)
    check_fits(adapter, tiny_checkpoint().state)
    assert not is_idle(adapter)
    assert adapter.ranks == (4,)


def test_inspection_knows_the_tiny_net(tiny: Callable[..., Path]) -> None:
    facts = inspect_checkpoint(tiny())
    assert facts.family == "predict2.5-tiny"
    assert facts.conditional_timestep == 0.1
    assert facts.parameters == sum(t.numel() for t in tiny_checkpoint().state.values())


def test_no_weight_is_zero() -> None:
    assert all(bool(torch.all(t != 0)) for t in tiny_checkpoint().state.values())
