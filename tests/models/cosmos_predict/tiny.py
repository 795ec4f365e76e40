"""Tiny nets in the real names and structure, with random weights, and their inputs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import Attend

SMALL = {
    "width": 96,
    "num_blocks": 2,
    "num_heads": 2,
    "adaln_dim": 8,
    "context_dim": 24,
}


def tiny_config(family: str, **changes: object) -> NetConfig:
    """Return a family's structure at small width."""
    net = FAMILIES[family].net
    raw = None if net.raw_context_dim is None else 40
    return net.model_copy(update={**SMALL, "raw_context_dim": raw, **changes})


def random_net(config: NetConfig, seed: int = 0, attend: Attend | None = None) -> CosmosDiT:
    """Return a net none of whose weights is zero or one."""
    net = CosmosDiT(config, attend)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 2:
                parameter.copy_(noise * parameter.shape[1] ** -0.5)
            else:
                parameter.copy_(1.0 + 0.2 * noise)
    return net


@dataclass(frozen=True)
class Inputs:
    """What a forward takes."""

    latent: Tensor
    timestep: Tensor
    context: Tensor
    condition_mask: Tensor
    padding_mask: Tensor | None = None

    def to(self, dtype: torch.dtype) -> "Inputs":
        """Return latents, text and masks in another type; timesteps stay as they are."""
        mask = None if self.padding_mask is None else self.padding_mask.to(dtype)
        return Inputs(
            self.latent.to(dtype),
            self.timestep,
            self.context.to(dtype),
            self.condition_mask.to(dtype),
            mask,
        )

    def __iter__(self):
        """Yield them in the order of forward's arguments."""
        yield from (self.latent, self.timestep, self.context, self.condition_mask)
        yield self.padding_mask


def random_inputs(
    config: NetConfig,
    *,
    per_frame: bool = False,
    size: tuple[int, int, int] = (3, 4, 6),
    clips: int = 2,
    padded: bool = True,
    seed: int = 1,
) -> Inputs:
    """Return random inputs of a net; the first latent frame is conditioned."""
    g = torch.Generator().manual_seed(seed)
    t, h, w = size
    top = 1.0 / config.timestep_scale
    steps = (clips, t) if per_frame else (clips,)
    condition = torch.zeros(clips, 1, t, h, w)
    condition[:, :, 0] = 1.0
    padding = (torch.rand(1, 1, 8 * h, 8 * w, generator=g) > 0.5).float() if padded else None
    width = config.raw_context_dim or config.context_dim
    return Inputs(
        latent=torch.randn(clips, config.latent_channels, t, h, w, generator=g),
        timestep=top * torch.rand(steps, generator=g),
        context=torch.randn(clips, 5, width, generator=g),
        condition_mask=condition,
        padding_mask=None if padding is None else padding.expand(clips, -1, -1, -1),
    )


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest expected number."""
    wide = expected.detach().double()
    return float((found.detach().double() - wide).abs().max() / wide.abs().max())
