"""Latents and pictures equal those of diffusers' model with the same weights.

Tolerances are of the largest value: 2e-5 in float32 (1.1e-5 found), 1e-6 in float64 (statistics are
float32), 3 % in bfloat16, which is as far as diffusers in bfloat16 lies from itself in float32.
"""

import pytest
import torch
from torch import Tensor

from models.wan_vae.tiny import diffusers_twin, random_clip, tiny_tokenizer
from rareworld.models.wan_vae.config import WanVaeConfig
from rareworld.models.wan_vae.tokenizer import WanTokenizer, random_tokenizer


def statistics(config: WanVaeConfig, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    mean = torch.tensor(config.latents_mean, dtype=dtype).view(1, -1, 1, 1, 1)
    std = torch.tensor(config.latents_std, dtype=dtype).view(1, -1, 1, 1, 1)
    return mean, std


def theirs(tokenizer: WanTokenizer, rgb: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
    """Return diffusers' normalised latents and pictures."""
    twin = diffusers_twin(tokenizer)
    mean, std = statistics(tokenizer.config)
    with torch.no_grad():
        encoded = (twin.encode(rgb).latent_dist.mode() - mean) / std
        return encoded, twin.decode((latent * std + mean).to(tokenizer.dtype)).sample


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("frames", [1, 5, 9, 21])
@pytest.mark.parametrize("window", [1, 2, 8])
def test_float32_equals_diffusers_for_any_window_and_length(frames: int, window: int) -> None:
    tokenizer = tiny_tokenizer(2)
    tokenizer.window = window
    rgb = random_clip(2, frames, 16, 24)
    latent = torch.randn(2, 16, (frames + 3) // 4, 2, 3, generator=torch.Generator().manual_seed(5))
    encoded, decoded = theirs(tokenizer, rgb, latent)
    assert relative(tokenizer.encode(rgb), encoded) < 2e-5
    assert relative(tokenizer.decode(latent), decoded) < 2e-5


def test_float64_equals_diffusers_up_to_the_statistics() -> None:
    tokenizer = tiny_tokenizer(3, dtype=torch.float64)
    rgb, latent = random_clip(1, 13, 16, 24).double(), torch.randn(1, 16, 4, 2, 3)
    encoded, decoded = theirs(tokenizer, rgb, latent)
    assert relative(tokenizer.encode(rgb), encoded) < 1e-6
    assert relative(tokenizer.decode(latent), decoded) < 1e-6


@pytest.mark.parametrize(
    "config",
    [
        WanVaeConfig(base_dim=4, dim_mult=(1, 2, 4, 4), num_res_blocks=2),
        WanVaeConfig(base_dim=4, num_res_blocks=1, temporal_downsample=(True, False, True)),
        WanVaeConfig(base_dim=6, num_res_blocks=1, dim_mult=(1, 1, 2, 2)),
    ],
    ids=["published multipliers", "frames halved elsewhere", "channels not aligned"],
)
def test_other_shapes_equal_diffusers_too(config: WanVaeConfig) -> None:
    tokenizer = random_tokenizer(config, seed=4)
    rgb, latent = random_clip(1, 9, 16, 16), torch.randn(1, 16, 3, 2, 2)
    encoded, decoded = theirs(tokenizer, rgb, latent)
    assert relative(tokenizer.encode(rgb), encoded) < 2e-5
    assert relative(tokenizer.decode(latent), decoded) < 2e-5


def test_bfloat16_is_no_farther_from_float32_than_diffusers_is() -> None:
    exact = tiny_tokenizer(6)
    # Rounded weights are exact in both, so that only the arithmetic differs.
    for weight in exact.net.parameters():
        weight.copy_(weight.bfloat16())
    rounded = tiny_tokenizer(6, dtype=torch.bfloat16)
    rgb = random_clip(1, 9, 32, 32).bfloat16()
    latent = torch.randn(1, 16, 3, 4, 4)
    truth, theirs_bf16 = theirs(exact, rgb.float(), latent), theirs(rounded, rgb, latent)
    ours = rounded.encode(rgb), rounded.decode(latent).float()
    for found, twin, expected in zip(ours, theirs_bf16, truth, strict=True):
        error, twin_error = ((x - expected).square().mean().sqrt() for x in (found, twin.float()))
        assert error < 1.25 * twin_error
        assert relative(found, twin.float()) < 0.1


def test_what_is_decoded_is_clamped() -> None:
    tokenizer = tiny_tokenizer(2)
    rgb = tokenizer.decode(30 * torch.randn(1, 16, 2, 2, 2))
    assert rgb.abs().max() == 1.0
