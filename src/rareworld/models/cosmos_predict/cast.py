"""A network computed in another type than its weights are kept in, on one process alone.

Weights stay in float32, where small updates count; each pass rounds them, and gradients come back
through the rounding in float32. FSDP2's mixed precision does the same for any number of ranks and
frees what it has rounded block by block; its hooks take the host longer than a small network takes
the GPU. Proved in `tests/models/cosmos_predict/test_cast.py`: the same numbers as FSDP2's.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from rareworld.models.cosmos_predict.model import CosmosDiT


@final
class CastNet(nn.Module):
    """Calls a network with its weights rounded to a type."""

    def __init__(self, net: CosmosDiT, dtype: torch.dtype) -> None:
        super().__init__()
        self.net = net
        self.dtype = dtype

    def forward(
        self,
        latent: Float[Tensor, "b c t h w"],
        timestep: Float[Tensor, "b"] | Float[Tensor, "b t"],
        context: Float[Tensor, "b n e"],
        condition_mask: Float[Tensor, "b 1 t h w"],
    ) -> Float[Tensor, "b c t h w"]:
        """Return the network's prediction."""
        rounded = {name: value.to(self.dtype) for name, value in self.net.named_parameters()}
        return functional_call(self.net, rounded, (latent, timestep, context, condition_mask))
