"""A training pass recorded once and replayed: one order to the GPU instead of thousands.

A step of a small network is over before the host has ordered its kernels one by one: 128 samples of
560 tokens through 15 M parameters take an H200 40 ms and the host 110. Recorded as CUDA graphs,
forward and backward pass are replayed from fixed places in memory; shapes, weights' places and the
order of kernels are those of the recording, so the numbers are the same.

Source: PyTorch's `torch.cuda.make_graphed_callables`. Proved in `tests/train/test_graphs.py`, on a
GPU against the network itself.
"""

from collections.abc import Callable
from typing import Any, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rareworld.models.cosmos_predict.denoise import Net

SMALL = 200_000_000
"""Parameters below which the host, not the GPU, decides how long a step takes."""


@final
class Replayed:
    """A network whose training pass of one shape is a recording; others are computed as ever."""

    def __init__(self, net: Net, replay: Net, shape: tuple[int, ...]) -> None:
        self.net, self.replay, self.shape = net, replay, shape

    def __call__(
        self,
        latent: Float[Tensor, "b c t h w"],
        timestep: Float[Tensor, "b"] | Float[Tensor, "b t"],
        context: Float[Tensor, "b n e"],
        condition_mask: Float[Tensor, "b 1 t h w"],
    ) -> Float[Tensor, "b c t h w"]:
        """Return the prediction; the recording's where a gradient is wanted for its shape."""
        recorded = torch.is_grad_enabled() and tuple(latent.shape) == self.shape
        return (self.replay if recorded else self.net)(latent, timestep, context, condition_mask)


def record(net: nn.Module, inputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> Replayed:
    """Record a network's forward and backward pass for inputs of these shapes.

    No other thread may work on the GPU meanwhile. Weights may change afterwards, in their places;
    a gradient's place is used again by the next pass, so there is one pass between optimizer steps.

    Args:
        net: In training mode; what requires a gradient gets one.
        inputs: Latent, timestep, context and condition mask, on the GPU; their values do not count.
    """
    samples = tuple(value.detach().clone(memory_format=torch.contiguous_format) for value in inputs)
    # a module of its own: recording replaces its `forward`, and the net's is still needed
    graphed = torch.cuda.make_graphed_callables(_Alone(net), cast(Any, samples))
    shape = tuple(inputs[0].shape)
    return Replayed(cast(Net, net), cast(Net, graphed), shape)


@final
class Spy:
    """Stands in for a network to see what it is called with."""

    def __init__(self) -> None:
        self.inputs: tuple[Tensor, Tensor, Tensor, Tensor] | None = None

    def __call__(
        self,
        latent: Float[Tensor, "b c t h w"],
        timestep: Float[Tensor, "b"] | Float[Tensor, "b t"],
        context: Float[Tensor, "b n e"],
        condition_mask: Float[Tensor, "b 1 t h w"],
    ) -> Float[Tensor, "b c t h w"]:
        """Keep the inputs; predict nothing."""
        self.inputs = (latent, timestep, context, condition_mask)
        return torch.zeros_like(latent)


def inputs_of(call: Callable[[Net], object]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what a network is called with by work that takes one."""
    spy = Spy()
    call(spy)
    if spy.inputs is None:
        raise RuntimeError("the work called no network")
    return spy.inputs


@final
class _Alone(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.net(*inputs)
