"""Encoder and decoder of the Wan 2.1 VAE; state dicts of diffusers' `AutoencoderKLWan` fit as is.

Source: Wan 2.1 `vae.py` and diffusers' `autoencoder_kl_wan.py` for structure and names.
Proved against diffusers with the same weights in `tests/models/wan_vae/test_parity.py`.
"""

import math
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rareworld.models.wan_vae.config import WanVaeConfig
from rareworld.models.wan_vae.layers import (
    CausalConv,
    Downsample,
    MidBlock,
    Norm,
    Pointwise1x1,
    ResidualBlock,
    Upsample,
    Video,
    begin,
    finish,
)
from rareworld.models.wan_vae.stream import Stream


@final
class Encoder(nn.Module):
    """Pictures to the moments of their latents, a window at a time."""

    def __init__(self, config: WanVaeConfig) -> None:
        super().__init__()
        dims, last = config.dims, len(config.dims) - 1
        self.conv_in = CausalConv(3, dims[0])
        self.down_blocks = nn.ModuleList()
        for level, (dim, out_dim) in enumerate(pairwise((dims[0], *dims))):
            widths = (dim,) + (out_dim,) * config.num_res_blocks
            self.down_blocks.extend(ResidualBlock(*pair) for pair in pairwise(widths))
            if level < last:
                halved = config.temporal_downsample[level]
                self.down_blocks.append(Downsample(out_dim, frames=halved))
        self.mid_block = MidBlock(dims[-1])
        self.norm_out = Norm(dims[-1])
        self.conv_out = CausalConv(dims[-1], 2 * config.z_dim)

    def forward(self, x: Video, stream: Stream) -> Float[Tensor, "b t2 h2 w2 c2"]:
        """Return mean and log variance of a window's latents, side by side in the channels."""
        x = begin(self.conv_in, x, stream)
        for block in self.down_blocks:
            x = block(x, stream)
        return finish(self.norm_out, self.conv_out, self.mid_block(x, stream), stream)


@final
class UpBlock(nn.Module):
    """Residual blocks of one resolution and the step to the next."""

    def __init__(self, dim: int, out_dim: int, blocks: int, upsample: Upsample | None) -> None:
        super().__init__()
        widths = (dim,) + (out_dim,) * blocks
        self.resnets = nn.ModuleList(ResidualBlock(*pair) for pair in pairwise(widths))
        self.upsamplers = nn.ModuleList([] if upsample is None else [upsample])

    def forward(self, x: Video, stream: Stream) -> Float[Tensor, "b t2 h2 w2 c2"]:
        """Return the block's output for a window."""
        for block in (*self.resnets, *self.upsamplers):
            x = block(x, stream)
        return x


@final
class Decoder(nn.Module):
    """Latents to pictures, a window at a time."""

    def __init__(self, config: WanVaeConfig) -> None:
        super().__init__()
        dims = config.dims[::-1]
        doubled = (*config.temporal_downsample[::-1], None)
        self.conv_in = CausalConv(config.z_dim, dims[0])
        self.mid_block = MidBlock(dims[0])
        self.up_blocks = nn.ModuleList()
        dim = dims[0]
        for out_dim, frames in zip(dims, doubled, strict=True):
            up = None if frames is None else Upsample(out_dim, frames=frames)
            self.up_blocks.append(UpBlock(dim, out_dim, config.num_res_blocks + 1, up))
            dim = out_dim // 2
        self.norm_out = Norm(dims[-1])
        self.conv_out = CausalConv(dims[-1], 3)

    def forward(self, x: Video, stream: Stream) -> Float[Tensor, "b t2 h2 w2 c2"]:
        """Return a window's pictures, not clamped."""
        x = self.mid_block(begin(self.conv_in, x, stream), stream)
        for block in self.up_blocks:
            x = block(x, stream)
        return finish(self.norm_out, self.conv_out, x, stream)


@final
class WanVae(nn.Module):
    """Encoder, decoder and the two linear layers between them and the latents."""

    def __init__(self, config: WanVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quant_conv = Pointwise1x1(2 * config.z_dim, 2 * config.z_dim)
        self.post_quant_conv = Pointwise1x1(config.z_dim, config.z_dim)
        self.decoder = Decoder(config)

    def encode(
        self, x: Float[Tensor, "b t h w 3"], stream: Stream
    ) -> Float[Tensor, "b t2 h2 w2 z"]:
        """Return the mean of a window's latents, not normalised."""
        return self.quant_conv(self.encoder(x, stream))[..., : self.config.z_dim]

    def decode(
        self, z: Float[Tensor, "b t h w z"], stream: Stream
    ) -> Float[Tensor, "b t2 h2 w2 3"]:
        """Return a window's pictures in [-1, 1]; the latents are not normalised."""
        return self.decoder(self.post_quant_conv(z), stream).clamp(-1.0, 1.0)


@torch.no_grad()
def randomise(net: WanVae, seed: int) -> None:
    """Fill a net with random weights under which signals neither vanish nor explode."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in net.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        if name.endswith("gamma"):
            drawn = 1 + 0.1 * drawn
        else:
            fan_in = math.prod(parameter.shape[1:]) or 1
            drawn *= 0.1 if parameter.ndim == 1 else fan_in**-0.5
        parameter.copy_(drawn)
