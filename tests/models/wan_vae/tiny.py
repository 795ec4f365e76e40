"""A tokenizer small enough for every test, and diffusers' own with the same weights."""

import torch
from diffusers import AutoencoderKLWan

from rareworld.models.wan_vae.config import MINI_VAE, to_diffusers
from rareworld.models.wan_vae.tokenizer import WanTokenizer, random_tokenizer


def tiny_tokenizer(seed: int = 0, *, dtype: torch.dtype = torch.float32) -> WanTokenizer:
    """Return a tokenizer of the real layout with random weights."""
    tokenizer = random_tokenizer(MINI_VAE, seed)
    tokenizer.net.to(dtype)
    return tokenizer


def diffusers_twin(tokenizer: WanTokenizer) -> AutoencoderKLWan:
    """Return diffusers' model with the tokenizer's weights."""
    twin = AutoencoderKLWan(**to_diffusers(tokenizer.config))
    twin.load_state_dict(tokenizer.net.state_dict())
    return twin.to(tokenizer.dtype).eval().requires_grad_(False)


def random_clip(*shape: int, seed: int = 1) -> torch.Tensor:
    """Return smooth random pictures in [-1, 1]: (clips, frames, rows, columns)."""
    clips, frames, rows, columns = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((clips, 3, frames, rows, columns), generator=generator) * 2 - 1
