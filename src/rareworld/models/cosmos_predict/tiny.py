"""A pipeline with every part in its real layout, small and with random weights.

It makes no picture worth seeing. It runs the whole of `rareworld generate` on a CPU in seconds:
for tests, for a dry run of a list of samples, and for the walk-through in the documentation.
Proved in `tests/models/cosmos_predict/test_tiny.py`.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import torch

from rareworld.data.atomic import atomic_folder
from rareworld.data.jsontext import write_json
from rareworld.models.cosmos_predict.config import FAMILIES, Family
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.pipeline import INDEX, MINI
from rareworld.models.cosmos_predict.weights.adapter import Adapter, LowRank
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint, Layout
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.cosmos_predict.weights.shapes import custom_family
from rareworld.models.cosmos_predict.weights.writer import write_adapter, write_diffusers
from rareworld.models.wan_vae.config import MINI_VAE, to_diffusers
from rareworld.models.wan_vae.tokenizer import random_tokenizer

Generation = Literal["predict2", "predict2.5"]

_SMALL = {"width": 64, "num_blocks": 2, "num_heads": 2, "adaln_dim": 8, "context_dim": 64}


def write_tiny_pipeline(
    folder: Path, generation: Generation = "predict2.5", *, seed: int = 0, replace: bool = False
) -> Path:
    """Write a pipeline folder with a net of width 64, a tiny tokenizer and the mini encoder.

    Raises:
        StoreError: If the folder exists and `replace` is off, or cannot be written.
    """
    tokenizer = random_tokenizer(MINI_VAE, seed)
    with atomic_folder(folder, replace=replace) as temporary:
        write_diffusers(temporary / "transformer", tiny_checkpoint(generation, seed=seed))
        vae = temporary / "vae"
        vae.mkdir()
        config = {"_class_name": "AutoencoderKLWan", **to_diffusers(tokenizer.config)}
        write_json(vae / "config.json", config)
        save_safetensors(tokenizer.net.state_dict(), vae / "diffusion_pytorch_model.safetensors")
        write_json(
            temporary / INDEX,
            {
                "_class_name": "Cosmos2_5_PredictBasePipeline",
                "text_encoder": MINI,
                "transformer": ["diffusers", "CosmosTransformer3DModel"],
                "vae": ["diffusers", "AutoencoderKLWan"],
            },
        )
    return folder


def write_tiny_adapter(
    folder: Path, generation: Generation = "predict2.5", *, seed: int = 0, replace: bool = False
) -> Path:
    """Write a random adapter of rank 4 for the tiny net, in the layout diffusers loads.

    Raises:
        StoreError: If the folder exists and `replace` is off, or cannot be written.
    """
    net = tiny_checkpoint(generation, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1)
    layers = {
        key.removesuffix(".weight"): _low_rank(tensor, generator)
        for key, tensor in net.state.items()
        if key.endswith(("q_proj.weight", "v_proj.weight", "layer1.weight"))
    }
    adapter = Adapter(source=str(folder), layers=layers, family=net.family.name)
    write_adapter(folder, adapter, overwrite=replace)
    return folder


def tiny_checkpoint(generation: Generation = "predict2.5", *, seed: int = 0) -> Checkpoint:
    """Return the tiny net's checkpoint; Predict2.5's is told 0.1 for clean frames."""
    family = tiny_family(generation)
    net = CosmosDiT(family.net)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            whole = parameter.ndim > 1
            parameter.copy_(drawn * parameter.shape[1] ** -0.5 if whole else 1 + 0.1 * drawn)
    timestep = 0.1 if generation == "predict2.5" else None
    return Checkpoint(
        path=Path("tiny"),
        layout=Layout.PT,
        family=family,
        state=net.state_dict(),
        conditional_timestep=timestep,
    )


def tiny_family(generation: Generation) -> Family:
    """Return a family like a generation's, with a net of width 64 and two blocks."""
    net = FAMILIES[f"{generation}-2b"].net
    raw = None if net.raw_context_dim is None else 96
    family = custom_family(net.model_copy(update={**_SMALL, "raw_context_dim": raw}))
    return dataclasses.replace(family, name=f"{generation}-tiny")


def _low_rank(weight: torch.Tensor, generator: torch.Generator) -> LowRank:
    outputs, inputs = weight.shape
    return LowRank(
        a=torch.randn(4, inputs, generator=generator) * inputs**-0.5,
        b=torch.randn(outputs, 4, generator=generator) * 0.5,
        alpha=4.0,
    )
