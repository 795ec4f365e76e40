"""A trained tokenizer as diffusers keeps one: `vae/config.json` and bfloat16 weights.

The statistics in `config.json` are measured on the weights as they are stored, over the footage:
a world model is trained on latents of mean 0 and deviation 1, channel by channel.
Proved in `tests/train/tokenizer/test_run.py`.
"""

from pathlib import Path

import torch

from rareworld.data.atomic import atomic_folder
from rareworld.data.jsontext import write_json
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.wan_vae.config import to_diffusers
from rareworld.models.wan_vae.net import WanVae
from rareworld.train.tokenizer.data import Footage
from rareworld.train.tokenizer.measure import latent_statistics

FOLDER = "vae"
CLIPS = 512
"""Clips that the statistics are measured on, at most."""


@torch.no_grad()
def round_weights(net: WanVae) -> None:
    """Round every weight to what bfloat16 holds; types stay."""
    for weight in net.parameters():
        weight.copy_(weight.bfloat16())


def write_vae(folder: Path, net: WanVae, footage: Footage, *, clips: int = CLIPS) -> Path:
    """Round the weights, measure their latents and write `vae/`, replacing an older one.

    Raises:
        StoreError: If it cannot be written.
    """
    round_weights(net)
    mean, std = latent_statistics(net, footage, clips)
    config = net.config.model_copy(update={"latents_mean": tuple(mean), "latents_std": tuple(std)})
    with atomic_folder(folder / FOLDER, replace=True) as temporary:
        values = {"_class_name": "AutoencoderKLWan", **to_diffusers(config)}
        write_json(temporary / "config.json", values)
        weights = {name: weight.bfloat16() for name, weight in net.state_dict().items()}
        save_safetensors(weights, temporary / "diffusion_pytorch_model.safetensors")
    return folder / FOLDER
