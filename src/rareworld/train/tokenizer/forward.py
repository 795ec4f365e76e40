"""The tokenizer's net over whole clips at once, with gradients.

`models.wan_vae` walks through a clip window by window and writes in place: made for long clips and
no gradients. Here the same weights work on all frames of a short clip together. A convolution that
is causal in time is one over the clip behind zeros; the first frame is an exception in two places,
where frames are halved and where they are doubled, because it stays alone there.

Tensors are "b c t h w", channels last in memory. Equal to the windowed form within 1e-9 in float64:
`tests/train/tokenizer/test_forward.py`.
"""

import math
from collections.abc import Iterable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rareworld.models.wan_vae.layers import (
    ALIGN,
    Attention,
    CausalConv,
    Downsample,
    FrameConv,
    MidBlock,
    Norm,
    Pointwise1x1,
    ResidualBlock,
    Upsample,
    double_rows_and_columns,
)
from rareworld.models.wan_vae.net import UpBlock, WanVae
from rareworld.models.wan_vae.stream import PAST

Video = Float[Tensor, "_ _ _ _ _"]
"""Batch, channels, frames, rows, columns."""
QUIET = -4.0
"""Log variance that the random net gives latents: noise of 0.14 beside signals of about 1."""
_LOG_VARIANCE = (-30.0, 20.0)
"""Bounds of the log variance, as latent diffusion has them; outside, exp() leaves float32."""


def moments(net: WanVae, rgb: Float[Tensor, "b 3 t h w"]) -> tuple[Video, Video]:
    """Return mean and log variance of a clip's latents, each "b z t2 h2 w2", not normalised.

    Args:
        net: The weights.
        rgb: Pictures in [-1, 1]; t = 4k + 1, h and w multiples of 8.
    """
    encoder = net.encoder
    x = _causal(encoder.conv_in, rgb)
    x = _mid(encoder.mid_block, _through(encoder.down_blocks, x))
    x = _causal(encoder.conv_out, _active(encoder.norm_out, x))
    mean, log_variance = _wide(_mixed(net.quant_conv, x)).chunk(2, dim=1)
    return mean, log_variance.clamp(*_LOG_VARIANCE)


def pictures(net: WanVae, latent: Float[Tensor, "b z t h w"]) -> Float[Tensor, "b 3 t2 h2 w2"]:
    """Return float32 pictures, not clamped to [-1, 1], of latents that are not normalised."""
    decoder = net.decoder
    x = _mid(decoder.mid_block, _causal(decoder.conv_in, _mixed(net.post_quant_conv, latent)))
    for block in decoder.up_blocks:
        x = _up_block(cast(UpBlock, block), x)
    return _causal(decoder.conv_out, _active(decoder.norm_out, x)).to(latent.dtype)


@torch.no_grad()
def begin_training(net: WanVae, seed: int) -> None:
    """Fill a net with random weights to train from.

    Signals keep their size; residual blocks and attention begin small beside their skip
    connections; biases are small, not zero, so that no norm divides by zero; latents begin with
    little noise.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in net.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        small = parameter.ndim == 1 or name.endswith(("conv2.weight", "proj.weight"))
        if name.endswith("gamma"):
            parameter.fill_(1.0)
        else:
            fan_in = math.prod(parameter.shape[1:])
            parameter.copy_(drawn * fan_in**-0.5 * (0.1 if small else 1.0))
    net.quant_conv.bias[net.config.z_dim :] = QUIET


def _through(blocks: Iterable[nn.Module], x: Video) -> Video:
    for block in blocks:
        if isinstance(block, ResidualBlock):
            x = _residual(block, x)
        else:
            x = _resampled(cast(Downsample | Upsample, block), x)
    return x


def _up_block(block: UpBlock, x: Video) -> Video:
    return _through((*block.resnets, *block.upsamplers), x)


def _mid(block: MidBlock, x: Video) -> Video:
    first, second = (cast(ResidualBlock, block) for block in block.resnets)
    attention = cast(Attention, block.attentions[0])
    return _residual(second, _attended(attention, _residual(first, x)))


def _residual(block: ResidualBlock, x: Video) -> Video:
    h = _causal(block.conv1, _active(block.norm1, x))
    h = _causal(block.conv2, _active(block.norm2, h))
    shortcut = block.conv_shortcut
    return h + (_mixed(shortcut, x) if isinstance(shortcut, Pointwise1x1) else x)


def _active(norm: Norm, x: Video) -> Video:
    return functional.silu(_normed(norm, x)).to(x.dtype)


def _normed(norm: Norm, x: Video) -> Video:
    gain = norm.gain[:, None, None, None] * norm.gain.shape[0] ** 0.5
    return functional.normalize(_wide(x), dim=1, eps=1e-12) * gain


def _wide(x: Video) -> Video:
    """Return the values in float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _attended(block: Attention, x: Video) -> Video:
    b, c, t, h, w = x.shape
    qkv = _mixed(block.to_qkv, _normed(block.norm, x).to(x.dtype))
    pixels = qkv.permute(0, 2, 3, 4, 1).reshape(b * t, 1, h * w, 3 * c)
    query, key, value = pixels.chunk(3, dim=-1)
    seen = functional.scaled_dot_product_attention(query, key, value)
    return x + _mixed(block.proj, seen.reshape(b, t, h, w, c).permute(0, 4, 1, 2, 3))


def _resampled(block: Downsample | Upsample, x: Video) -> Video:
    conv = cast(FrameConv, block.resample[1])
    if isinstance(block, Downsample):
        return _fewer_frames(block, _frames(conv, functional.pad(x, (0, 1, 0, 1))))
    doubled = double_rows_and_columns(_more_frames(block, x).permute(0, 2, 3, 4, 1))
    return _frames(conv, doubled.permute(0, 4, 1, 2, 3))


def _fewer_frames(block: Downsample, x: Video) -> Video:
    """Return every second frame, made of three; the first is passed on as it is."""
    if block.time_conv is None or x.shape[2] == 1:
        return x
    return torch.cat([x[:, :, :1], _causal(block.time_conv, x, past=0)], dim=2)


def _more_frames(block: Upsample, x: Video) -> Video:
    """Return two frames for each but the first, which no other frame is made of."""
    if block.time_conv is None or x.shape[2] == 1:
        return x
    pairs = _causal(block.time_conv, x[:, :, 1:]).permute(0, 2, 3, 4, 1).unflatten(-1, (2, -1))
    apart = pairs.permute(0, 1, 4, 2, 3, 5).flatten(1, 2).permute(0, 4, 1, 2, 3)
    return torch.cat([x[:, :, :1], apart], dim=2)


def _causal(conv: CausalConv, x: Video, *, past: int = PAST) -> Video:
    """Return a convolution with its bias, behind `past` frames of zeros."""
    out_dim, dim, _, rows, columns = conv.weight.shape
    more_in, more_out = -dim % ALIGN, -out_dim % ALIGN
    window = functional.pad(x, (0, 0, 0, 0, past, 0, 0, more_in))
    weight = functional.pad(conv.weight, (0, 0, 0, 0, 0, 0, 0, more_in, 0, more_out))
    out = functional.conv3d(
        window,
        weight.contiguous(memory_format=torch.channels_last_3d),
        functional.pad(conv.bias, (0, more_out)),
        stride=(conv.time_stride, 1, 1),
        padding=(0, rows // 2, columns // 2),
    )
    return out[:, :out_dim]


def _frames(conv: FrameConv, x: Video) -> Video:
    """Return a convolution of each frame by itself."""
    pictures = x.transpose(1, 2).flatten(0, 1)
    out = functional.conv2d(pictures, conv.weight, conv.bias, conv.stride, conv.padding)
    return out.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


def _mixed(linear: Pointwise1x1, x: Video) -> Video:
    """Return a linear layer over channels."""
    mixed = functional.linear(x.permute(0, 2, 3, 4, 1), linear.weight.flatten(1), linear.bias)
    return mixed.permute(0, 4, 1, 2, 3)
