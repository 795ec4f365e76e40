"""A pipeline of full size with random weights: what a benchmark loads where nothing is released."""

from pathlib import Path

import torch

from rareworld.data.jsontext import write_json
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.pipeline import INDEX, MINI
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint, Layout
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.cosmos_predict.weights.writer import write_diffusers
from rareworld.models.wan_vae.config import WAN_2_1, to_diffusers
from rareworld.models.wan_vae.tokenizer import random_tokenizer


def write_random_pipeline(
    folder: Path, family: Family, *, device: str = "cpu", told: float = -1.0
) -> Path:
    """Write a net with random bfloat16 weights, a random tokenizer and the mini encoder.

    `told` is what its clean frames are told: 0.1 makes it a post-trained one, -1 a pre-trained.
    """
    generator = torch.Generator(device).manual_seed(0)
    state = {}
    for name, value in build_on_meta(family.net).state_dict().items():
        drawn = torch.randn(value.shape, generator=generator, device=device)
        whole = value.ndim > 1
        drawn = drawn * value.shape[1] ** -0.5 if whole else 1 + 0.1 * drawn
        state[name] = drawn.bfloat16().cpu()
    net = Checkpoint(
        path=Path("random"), layout=Layout.PT, family=family, state=state, conditional_timestep=told
    )
    folder.mkdir(parents=True)
    write_diffusers(folder / "transformer", net)
    (folder / "vae").mkdir()
    config = {"_class_name": "AutoencoderKLWan", **to_diffusers(WAN_2_1)}
    write_json(folder / "vae/config.json", config)
    tokenizer = random_tokenizer(WAN_2_1, 0)
    save_safetensors(tokenizer.net.state_dict(), folder / "vae/diffusion_pytorch_model.safetensors")
    write_json(folder / INDEX, {
        "_class_name": "Cosmos2_5_PredictBasePipeline", "text_encoder": MINI,
        "transformer": ["diffusers", "CosmosTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    })  # fmt: skip
    return folder
