"""Families of Cosmos Predict: shapes of their networks and what belongs to each, not to the user.

Source: cosmos-predict2 (661da47) and cosmos-predict2.5, their net and conditioner configurations.
Proved in `tests/models/cosmos_predict/test_families.py` by the exact parameter counts.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from rareworld.data.config import Config


@final
class NetConfig(Config):
    """Shape of one diffusion transformer."""

    width: int
    """Channels of a token."""
    num_blocks: int
    """Transformer blocks."""
    num_heads: int
    """Attention heads; each is `width / num_heads` wide."""
    mlp_ratio: int = 4
    """Hidden channels of the MLP by `width`."""
    adaln_dim: int = 256
    """Rank of the modulation's two linear layers."""
    patch: tuple[int, int, int] = (1, 2, 2)
    """Latent frames, rows and columns in a token."""
    max_latent: tuple[int, int, int] = (128, 240, 240)
    """Largest latent frames, rows and columns that positions were made for."""
    latent_channels: int = 16
    """Channels of the tokenizer's latents, in and out."""
    context_dim: int = 1024
    """Channels of the text context that blocks attend to."""
    raw_context_dim: int | None = None
    """Channels of the text encoder's states where the net projects them first (Predict2.5)."""
    rope_ratios: tuple[float, float, float] = (3.0, 3.0, 1.0)
    """Extrapolation of the rotary angles along rows, columns and latent frames."""
    timestep_scale: float = 1.0
    """Factor on timesteps before they are embedded: 0.001 where they run from 0 to 1000."""
    fp32_modulation: bool = False
    """Embed timesteps and modulate in float32 whatever the weights' type (Predict2.5)."""

    @property
    def head_dim(self) -> int:
        """Return the channels of a head."""
        return self.width // self.num_heads


@final
class Objective(StrEnum):
    """What the network was trained to predict, and how noise is told to it."""

    EDM_FLOW = "edm_flow"
    """Predict2: velocity inside an EDM wrapper, told sigma / (1 + sigma)."""
    FLOW = "flow"
    """Predict2.5: velocity of the rectified flow, told 1000 sigma."""


@final
@dataclass(frozen=True, kw_only=True)
class Family:
    """One released size of one generation."""

    name: str
    net: NetConfig
    objective: Objective
    parameters: int
    """Exact number of parameters."""


def _net(size: str, generation: str) -> NetConfig:
    large = size == "14b"
    ratios = (2.0, 2.0, 20 / 24) if large and generation == "predict2" else (3.0, 3.0, 1.0)
    newer = generation == "predict2.5"
    return NetConfig(
        width=5120 if large else 2048,
        num_blocks=36 if large else 28,
        num_heads=40 if large else 16,
        rope_ratios=ratios,
        raw_context_dim=100_352 if newer else None,
        timestep_scale=0.001 if newer else 1.0,
        fp32_modulation=newer,
    )


def _family(generation: str, size: str, objective: Objective, parameters: int) -> Family:
    return Family(
        name=f"{generation}-{size}",
        net=_net(size, generation),
        objective=objective,
        parameters=parameters,
    )


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _family("predict2", "2b", Objective.EDM_FLOW, 1_956_413_440),
        _family("predict2", "14b", Objective.EDM_FLOW, 14_265_285_632),
        _family("predict2.5", "2b", Objective.FLOW, 2_059_174_912),
        _family("predict2.5", "14b", Objective.FLOW, 14_368_047_104),
    )
}
"""Every family by its name."""
