"""Layers of the Wan 2.1 VAE, window by window, with parameters named as diffusers names them.

Source: Wan 2.1 `vae.py` and diffusers' `autoencoder_kl_wan.py` for structure and names.
Every layer maps "b t h w c" to "b t h w c" and keeps what the next window needs in a `Stream`.
Proved against diffusers' modules with the same weights in `tests/models/wan_vae/test_parity.py`.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rareworld.models.wan_vae.stream import Stream, unit

Video = Float[Tensor, "b t h w c"]
ALIGN = 8
"""Channels come in multiples of this for tensor cores; zeros fill up pictures' three."""


@final
class Norm(nn.Module):
    """Gain of an RMS norm over channels; who applies it decides what else is done in one pass."""

    def __init__(self, dim: int, *, spatial_dims: int = 3) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim, *(1,) * spatial_dims))

    @property
    def gain(self) -> Float[Tensor, " c"]:
        """Return one factor per channel."""
        return self.gamma.flatten()

    def forward(self, x: Video) -> Video:
        """Return the norm alone."""
        wide = torch.promote_types(x.dtype, torch.float32)
        return (unit(x.to(wide)) * self.gain * self.gain.shape[0] ** 0.5).to(x.dtype)


@final
class CausalConv(nn.Module):
    """Convolution over frames, rows and columns of a window that already holds its past.

    Rows and columns are padded by zeros, frames are not. The bias is the caller's to add, because
    the step that follows reads the result anyway.
    """

    def __init__(
        self,
        dim: int,
        out_dim: int,
        kernel: tuple[int, int, int] = (3, 3, 3),
        *,
        time_stride: int = 1,
    ) -> None:
        super().__init__()
        shape = torch.empty(out_dim, dim, *kernel)
        self.weight = nn.Parameter(shape.to(memory_format=torch.channels_last_3d))
        self.bias = nn.Parameter(torch.empty(out_dim))
        self.time_stride = time_stride

    def forward(self, window: Video) -> Float[Tensor, "b t2 h w c2"]:
        """Return the convolution without bias."""
        out_dim, dim, _, rows, columns = self.weight.shape
        more_in, more_out = -dim % ALIGN, -out_dim % ALIGN
        weight = self.weight
        if more_in or more_out:
            window = functional.pad(window, (0, more_in))
            weight = functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, more_in, 0, more_out))
        out = functional.conv3d(
            window.permute(0, 4, 1, 2, 3),
            weight.contiguous(memory_format=torch.channels_last_3d),
            stride=(self.time_stride, 1, 1),
            padding=(0, rows // 2, columns // 2),
        )
        return out.permute(0, 2, 3, 4, 1)[..., :out_dim].contiguous()


@final
class FrameConv(nn.Module):
    """Convolution of each frame by itself, three by three pixels."""

    def __init__(self, dim: int, out_dim: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        shape = torch.empty(out_dim, dim, 3, 3)
        self.weight = nn.Parameter(shape.to(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.empty(out_dim))
        self.stride, self.padding = stride, padding

    def forward(self, x: Video) -> Float[Tensor, "b t h2 w2 c2"]:
        """Return the convolution with bias."""
        frames = x.flatten(0, 1).permute(0, 3, 1, 2)
        out = functional.conv2d(frames, self.weight, self.bias, self.stride, self.padding)
        return out.permute(0, 2, 3, 1).contiguous().unflatten(0, x.shape[:2])


@final
class Pointwise1x1(nn.Module):
    """Convolution over a single point, which is a linear layer over channels."""

    def __init__(self, dim: int, out_dim: int, *, spatial_dims: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_dim, dim, *(1,) * spatial_dims))
        self.bias = nn.Parameter(torch.empty(out_dim))

    def forward(self, x: Video) -> Float[Tensor, "b t h w c2"]:
        """Return the layer with bias."""
        return functional.linear(x, self.weight.flatten(1), self.bias)


@final
class ResidualBlock(nn.Module):
    """Twice norm, SiLU and convolution, around a skip connection."""

    def __init__(self, dim: int, out_dim: int) -> None:
        super().__init__()
        self.norm1 = Norm(dim)
        self.conv1 = CausalConv(dim, out_dim)
        self.norm2 = Norm(out_dim)
        self.conv2 = CausalConv(out_dim, out_dim)
        self.conv_shortcut = Pointwise1x1(dim, out_dim) if dim != out_dim else nn.Identity()

    def forward(self, x: Video, stream: Stream) -> Float[Tensor, "b t h w c2"]:
        """Return the block's output for a window."""
        h = self.conv1(stream.activate(self.conv1, x, bias=None, gain=self.norm1.gain))
        h = self.conv2(stream.activate(self.conv2, h, bias=self.conv1.bias, gain=self.norm2.gain))
        return stream.add(h, self.conv2.bias, self.conv_shortcut(x))


@final
class Attention(nn.Module):
    """Self-attention with one head among the pixels of a frame."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = Norm(dim, spatial_dims=2)
        self.to_qkv = Pointwise1x1(dim, 3 * dim, spatial_dims=2)
        self.proj = Pointwise1x1(dim, dim, spatial_dims=2)

    def forward(self, x: Video) -> Video:
        """Return the sum of the input and what its pixels attended to."""
        pixels = self.to_qkv(self.norm(x)).flatten(0, 1).flatten(1, 2).unsqueeze(1)
        attended = functional.scaled_dot_product_attention(*pixels.chunk(3, dim=-1))
        return x + self.proj(attended.reshape(x.shape))


@final
class MidBlock(nn.Module):
    """Residual block, attention, residual block at the lowest resolution."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResidualBlock(dim, dim), ResidualBlock(dim, dim)])
        self.attentions = nn.ModuleList([Attention(dim)])

    def forward(self, x: Video, stream: Stream) -> Video:
        """Return the block's output for a window."""
        x = self.resnets[0](x, stream)
        return self.resnets[1](self.attentions[0](x), stream)


@final
class Downsample(nn.Module):
    """Halve rows and columns and, if told, frames (the first frame of a clip stays alone)."""

    def __init__(self, dim: int, *, frames: bool) -> None:
        super().__init__()
        # Index 1 in the published names; index 0 has no parameters.
        self.resample = nn.Sequential(nn.Identity(), FrameConv(dim, dim, stride=2))
        self.time_conv = CausalConv(dim, dim, (3, 1, 1), time_stride=2) if frames else None

    def forward(self, x: Video, stream: Stream) -> Float[Tensor, "b t2 h2 w2 c"]:
        """Return the window at half the resolution."""
        x = self.resample(functional.pad(x, (0, 0, 0, 1, 0, 1)))
        if self.time_conv is None:
            return x
        if stream.first:
            stream.keep(self.time_conv, x)
            return x
        return self.time_conv(stream.extend(self.time_conv, x, past=1)) + self.time_conv.bias


@final
class Upsample(nn.Module):
    """Double rows and columns and, if told, frames (the first frame of a clip stays alone)."""

    def __init__(self, dim: int, *, frames: bool) -> None:
        super().__init__()
        self.resample = nn.Sequential(nn.Identity(), FrameConv(dim, dim // 2, padding=1))
        self.time_conv = CausalConv(dim, 2 * dim, (3, 1, 1)) if frames else None

    def forward(self, x: Video, stream: Stream) -> Float[Tensor, "b t2 h2 w2 c2"]:
        """Return the window at twice the resolution and half the channels."""
        if self.time_conv is not None and not stream.first:
            x = self.time_conv(stream.extend(self.time_conv, x)) + self.time_conv.bias
            x = x.unflatten(-1, (2, -1)).permute(0, 1, 4, 2, 3, 5).flatten(1, 2)
        return self.resample(double_rows_and_columns(x))


def double_rows_and_columns(x: Video) -> Float[Tensor, "b t h2 w2 c"]:
    """Repeat every pixel to two by two: nearest-neighbour upsampling in one copy."""
    b, t, h, w, c = x.shape
    return x[:, :, :, None, :, None].expand(b, t, h, 2, w, 2, c).reshape(b, t, 2 * h, 2 * w, c)


def finish(norm: Norm, conv: CausalConv, x: Video, stream: Stream) -> Float[Tensor, "b t h w c2"]:
    """Return norm, SiLU and the last convolution, with its bias."""
    return conv(stream.activate(conv, x, bias=None, gain=norm.gain)) + conv.bias


def begin(conv: CausalConv, x: Video, stream: Stream) -> Float[Tensor, "b t h w c2"]:
    """Return the first convolution, with its bias."""
    return conv(stream.extend(conv, x)) + conv.bias
