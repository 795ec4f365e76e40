"""What one pass over a clip carries from window to window, and its fused element-wise steps.

The convolutions are causal in time: an output frame sees its own input frame and two before it.
So a clip can be worked off in windows of any length if each convolution keeps the last two frames
of its input; frames before the first are zeros. Between two convolutions lie a bias, a norm and an
activation: they are one function here, which writes straight behind the kept frames, so that
nothing is padded, concatenated or copied afterwards.

Activations are contiguous "b t h w c" tensors (channels last), the layout of the fast kernels.
Proved in `tests/models/wan_vae/test_stream.py` and, against diffusers, in `test_parity.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

PAST = 2
"""Frames that a convolution over three frames keeps from the window before."""


def norm_silu_into(
    x: Float[Tensor, "n c"],
    bias: Float[Tensor, " c"],
    gain: Float[Tensor, " c"],
    out: Float[Tensor, "n c"],
) -> None:
    """Write silu(RMS norm of x + bias, times gain) to `out`, in float32 until the last rounding."""
    wide = torch.promote_types(x.dtype, torch.float32)
    out.copy_(functional.silu(unit(x.to(wide) + bias) * gain * gain.shape[0] ** 0.5))


def add_into(
    x: Float[Tensor, "n c"], bias: Float[Tensor, " c"], skip: Float[Tensor, "n c"]
) -> None:
    """Add bias and skip connection to `x` in place."""
    wide = torch.promote_types(x.dtype, torch.float32)
    x.copy_(x.to(wide) + bias + skip)


def unit(x: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
    """Return vectors of length one along the last axis."""
    return x / x.square().sum(-1, keepdim=True).sqrt().clamp_min(1e-12)


@final
@dataclass(frozen=True)
class Pointwise:
    """The element-wise steps between convolutions: plain functions, or the same compiled."""

    norm_silu_into: Callable[[Tensor, Tensor, Tensor, Tensor], None]
    """See `norm_silu_into`."""
    add_into: Callable[[Tensor, Tensor, Tensor], None]
    """See `add_into`."""


PLAIN = Pointwise(norm_silu_into, add_into)
"""The readable twin: one kernel per operator."""


def compiled() -> Pointwise:
    """Return the steps as one kernel each, made by torch.compile at first use (some seconds).

    Rows are dynamic and channels static, so a net compiles each step once per width.
    """
    norm, add = torch.compile(norm_silu_into), torch.compile(add_into)

    def fused_norm(x: Tensor, bias: Tensor, gain: Tensor, out: Tensor) -> None:
        norm(_rows_vary(x), _plain(bias), _plain(gain), _rows_vary(out))

    def fused_add(x: Tensor, bias: Tensor, skip: Tensor) -> None:
        add(_rows_vary(x), _plain(bias), _rows_vary(skip))

    return Pointwise(fused_norm, fused_add)


def _plain(weights: Tensor) -> Tensor:
    """Return a copy of one kind: compiled code distinguishes parameters, views and results."""
    return weights.detach().clone()


def _rows_vary(x: Tensor) -> Tensor:
    torch._dynamo.maybe_mark_dynamic(x, 0)  # noqa: SLF001 - its public name is only this one
    torch._dynamo.mark_static(x, 1)  # noqa: SLF001 - as above
    return x


@final
class Stream:
    """State of one clip (or batch of clips) on its way through an encoder or decoder."""

    def __init__(self, pointwise: Pointwise = PLAIN) -> None:
        self.pointwise = pointwise
        self.first = True
        """Whether the window at hand is the first, which holds the first frame alone."""
        self._tails: dict[nn.Module, Tensor] = {}

    def activate(
        self,
        owner: nn.Module,
        x: Float[Tensor, "b t h w c"],
        *,
        bias: Float[Tensor, " c"] | None,
        gain: Float[Tensor, " c"],
    ) -> Float[Tensor, "b frames h w c"]:
        """Return norm and SiLU of `x + bias` behind the frames that `owner` kept."""
        window = self._open(owner, x, PAST)
        shift = torch.zeros_like(gain) if bias is None else bias
        self._normed_into(x, shift, gain, window[:, PAST:])
        return self._close(owner, window, PAST)

    def extend(
        self, owner: nn.Module, x: Float[Tensor, "b t h w c"], *, past: int = PAST
    ) -> Float[Tensor, "b frames h w c"]:
        """Return `x` behind the `past` frames that `owner` kept."""
        window = self._open(owner, x, past)
        window[:, past:] = x
        return self._close(owner, window, past)

    def keep(self, owner: nn.Module, x: Float[Tensor, "b t h w c"]) -> None:
        """Keep frames for the next window of `owner`."""
        self._tails[owner] = x.clone()

    def add(
        self,
        x: Float[Tensor, "b t h w c"],
        bias: Float[Tensor, " c"],
        skip: Float[Tensor, "b t h w c"],
    ) -> Float[Tensor, "b t h w c"]:
        """Add bias and skip connection to `x` in place and return it."""
        if x.is_contiguous() and skip.is_contiguous():
            self.pointwise.add_into(_rows(x), bias, _rows(skip))
            return x
        for clip, other in zip(x, skip, strict=True):
            self.pointwise.add_into(_rows(clip), bias, _rows(other))
        return x

    def _normed_into(
        self,
        x: Float[Tensor, "b t h w c"],
        shift: Float[Tensor, " c"],
        gain: Float[Tensor, " c"],
        out: Float[Tensor, "b t h w c"],
    ) -> None:
        """Write norm and SiLU to `out`, which lies apart for each clip: several by way of a copy.

        A call for each clip would take small clips' whole time.
        """
        if len(x) == 1:
            self.pointwise.norm_silu_into(_rows(x[0]), shift, gain, _rows(out[0]))
            return
        together = torch.empty_like(x, memory_format=torch.contiguous_format)
        self.pointwise.norm_silu_into(_rows(x.contiguous()), shift, gain, _rows(together))
        out.copy_(together)

    def _open(self, owner: nn.Module, x: Tensor, past: int) -> Tensor:
        """Return room for the frames kept, filled in, and for those of `x`."""
        clips, frames, *rest = x.shape
        window = x.new_empty((clips, past + frames, *rest))
        tail = self._tails.pop(owner, None)
        if tail is None:
            window[:, :past] = 0
        else:
            window[:, :past] = tail
        return window

    def _close(self, owner: nn.Module, window: Tensor, past: int) -> Tensor:
        """Keep the window's end and return the window."""
        self._tails[owner] = window[:, -past:].clone()
        return window


def _rows(x: Float[Tensor, "*b t h w c"]) -> Float[Tensor, "n c"]:
    return x.view(-1, x.shape[-1])
