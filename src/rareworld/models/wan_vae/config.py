"""Shape and latent statistics of the Wan VAE, as diffusers writes them to `config.json`.

Source: diffusers' `AutoencoderKLWan` configuration; upstream Wan 2.1 `vae.py` for the statistics.
Proved in `tests/models/wan_vae/test_config.py`.
"""

from collections.abc import Mapping
from typing import Any, final

from pydantic import model_validator

from rareworld.data.config import Config
from rareworld.errors import ConfigError

TIME_STRIDE = 4
"""Pixel frames in a latent frame; the first latent frame holds one."""
SPACE_STRIDE = 8
"""Pixel rows and columns in a latent row and column."""

MEAN = (
    *(-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508),
    *(0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921),
)
"""Published mean of each latent channel."""
STD = (
    *(2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743),
    *(3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160),
)
"""Published standard deviation of each latent channel."""


@final
class WanVaeConfig(Config):
    """Shape of one tokenizer of the Wan 2.1 kind."""

    base_dim: int = 96
    """Channels at full resolution."""
    dim_mult: tuple[int, int, int, int] = (1, 2, 4, 4)
    """Channels of each resolution, in `base_dim`; rows and columns halve between them."""
    num_res_blocks: int = 2
    """Residual blocks of a resolution in the encoder; the decoder has one more."""
    temporal_downsample: tuple[bool, bool, bool] = (False, True, True)
    """Where frames are halved too; two of three, so that four frames make one."""
    latents_mean: tuple[float, ...] = MEAN
    """Mean of each latent channel."""
    latents_std: tuple[float, ...] = STD
    """Standard deviation of each latent channel."""

    @model_validator(mode="after")
    def _consistent(self) -> "WanVaeConfig":
        if len(self.latents_mean) != len(self.latents_std):
            raise ValueError("latents_mean and latents_std must have one value per latent channel")
        if sum(self.temporal_downsample) != 2:
            raise ValueError("temporal_downsample must be true twice: four frames make one")
        return self

    @property
    def z_dim(self) -> int:
        """Return the number of latent channels."""
        return len(self.latents_mean)

    @property
    def dims(self) -> tuple[int, ...]:
        """Return the channels of each resolution, full resolution first."""
        return tuple(self.base_dim * factor for factor in self.dim_mult)


WAN_2_1 = WanVaeConfig()
"""The published tokenizer."""
MINI_VAE = WanVaeConfig(base_dim=8, dim_mult=(1, 1, 2, 2), num_res_blocks=1)
"""The same layout with two hundred times fewer parameters: for tests and first steps on a CPU."""

_SAME = ("base_dim", "dim_mult", "num_res_blocks", "latents_mean", "latents_std")
_FIXED: dict[str, Any] = {
    "attn_scales": [],
    "dropout": 0.0,
    "is_residual": False,
    "decoder_base_dim": None,
    "in_channels": 3,
    "out_channels": 3,
    "patch_size": None,
    "scale_factor_temporal": TIME_STRIDE,
    "scale_factor_spatial": SPACE_STRIDE,
    "clip_output": True,
}


def from_diffusers(values: Mapping[str, Any], *, source: str) -> WanVaeConfig:
    """Return the shape that a diffusers `config.json` describes.

    Raises:
        ConfigError: If it is another model, or a Wan VAE that this tokenizer is not (Wan 2.2).
    """
    kind = values.get("_class_name", "AutoencoderKLWan")
    if kind != "AutoencoderKLWan":
        raise ConfigError(
            f"{source}: _class_name: expected AutoencoderKLWan, found {kind}; "
            "give the folder of the Wan 2.1 VAE"
        )
    for name, expected in _FIXED.items():
        found = values.get(name, expected)
        if found != expected:
            raise ConfigError(
                f"{source}: {name}: expected {expected!r}, found {found!r}; Cosmos Predict2 and "
                "Predict2.5 use the Wan 2.1 VAE, not a later one"
            )
    taken = {name: values[name] for name in _SAME if name in values}
    if "temperal_downsample" in values:
        taken["temporal_downsample"] = values["temperal_downsample"]
    config = WanVaeConfig.parse(taken, source=source)
    if values.get("z_dim", config.z_dim) != config.z_dim:
        raise ConfigError(
            f"{source}: z_dim: {values['z_dim']} channels, but latents_mean has {config.z_dim}"
        )
    return config


def to_diffusers(config: WanVaeConfig) -> dict[str, Any]:
    """Return the arguments of diffusers' `AutoencoderKLWan` for the same shape."""
    return {
        **{name: config.model_dump(mode="json")[name] for name in _SAME},
        "z_dim": config.z_dim,
        "temperal_downsample": list(config.temporal_downsample),
    }
