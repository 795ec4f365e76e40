"""Shape and statistics of the tokenizer are the published ones, and other models are refused."""

from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan

from rareworld.errors import ConfigError
from rareworld.models.wan_vae.config import (
    MINI_VAE,
    WAN_2_1,
    WanVaeConfig,
    from_diffusers,
    to_diffusers,
)
from rareworld.models.wan_vae.net import WanVae


def on_meta(config: WanVaeConfig) -> tuple[WanVae, AutoencoderKLWan]:
    with torch.device("meta"):
        return WanVae(config), AutoencoderKLWan(**to_diffusers(config))


def test_published_shape_and_statistics_are_the_defaults_of_diffusers() -> None:
    with torch.device("meta"):
        theirs = AutoencoderKLWan()
    assert from_diffusers(dict(theirs.config), source="defaults") == WAN_2_1
    assert len(WAN_2_1.latents_mean) == len(WAN_2_1.latents_std) == WAN_2_1.z_dim == 16


@pytest.mark.parametrize(
    "config",
    [
        WAN_2_1,
        MINI_VAE,
        WanVaeConfig(base_dim=4, num_res_blocks=3, temporal_downsample=(True, False, True)),
    ],
    ids=["published", "mini", "other"],
)
def test_names_and_shapes_of_weights_are_those_of_diffusers(config: WanVaeConfig) -> None:
    ours, theirs = (
        {name: tuple(weight.shape) for name, weight in net.state_dict().items()}
        for net in on_meta(config)
    )
    assert ours == theirs


def test_the_published_tokenizer_has_127_million_parameters() -> None:
    ours, _ = on_meta(WAN_2_1)
    assert sum(weight.numel() for weight in ours.parameters()) == 126_892_531


@pytest.mark.parametrize("config", [WAN_2_1, MINI_VAE], ids=["published", "mini"])
def test_shape_survives_the_way_through_diffusers(config: WanVaeConfig) -> None:
    assert from_diffusers(to_diffusers(config), source="round trip") == config


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"_class_name": "AutoencoderKL"}, "expected AutoencoderKLWan, found AutoencoderKL"),
        ({"is_residual": True}, "is_residual: expected False, found True"),
        ({"patch_size": 2}, "patch_size: expected None, found 2"),
        ({"scale_factor_spatial": 16}, "scale_factor_spatial: expected 8, found 16"),
        ({"z_dim": 48}, "z_dim: 48 channels, but latents_mean has 16"),
        ({"latents_mean": [0.0]}, "one value per latent channel"),
        ({"temperal_downsample": [True, True, True]}, "must be true twice"),
        ({"dim_mult": [1, 2]}, "dim_mult"),
    ],
)
def test_other_models_are_refused_by_the_field(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=r"^config\.json: ") as error:
        from_diffusers(to_diffusers(WAN_2_1) | changed, source="config.json")
    assert named in str(error.value)
