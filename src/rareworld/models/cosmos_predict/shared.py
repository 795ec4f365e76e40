"""The network with its tokens shared out to the ranks of a group, called like the network alone.

Gradients: the prediction is whole on every rank, and each rank may differentiate a loss of its own.
A rank's weights then hold their part of the gradient of the SUM of all ranks' losses; where all
ranks have the same loss, as in training, the mean over the group is that loss's gradient.
Proved in `tests/models/cosmos_predict/test_shared.py` and `tests/generate/test_parallel.py` on 2
and 4 processes.
"""

from typing import Any, final

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import Attend
from rareworld.nn.sequence import Share, SharedAttend, split_axis


@final
class SharedNet:
    """Called like the network it wraps, on every rank of a group with the same whole latents."""

    def __init__(self, net: CosmosDiT, attend: Attend, group: dist.ProcessGroup) -> None:
        self.net = net
        self.attend = attend
        self.shared_attend = SharedAttend(attend, group)
        self.group = group

    def __call__(
        self,
        latent: Float[Tensor, "b c t h w"],
        timestep: Float[Tensor, "b"] | Float[Tensor, "b t"],
        context: Float[Tensor, "b n e"],
        condition_mask: Float[Tensor, "b 1 t h w"],
    ) -> Float[Tensor, "b c t h w"]:
        """Return the whole prediction, the same on every rank.

        Raises:
            ConfigError: If no axis of the latents divides by the group's ranks.
        """
        grid = self.net.grid(latent)
        ranks = dist.get_world_size(self.group)
        share = Share(split_axis(grid, ranks), dist.get_rank(self.group), ranks)
        self.net.set_attention(self.shared_attend, cross=self.attend)
        prediction = self.net(
            share.of(latent),
            share.of_timestep(timestep),
            context,
            share.of(condition_mask),
            rope=share.of_tokens(self.net.rotary(grid, latent.device), grid),
        )
        return _Gather.apply(prediction, share, self.group)


@final
class _Gather(torch.autograd.Function):
    """All shares on every rank; backward, a share's gradient is the sum of all ranks' for it."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, share: Share, group: dist.ProcessGroup) -> Tensor:  # noqa: ANN401 - as torch types it
        ctx.share, ctx.group = share, group
        return share.gather(part, group)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 - as torch types it
        total = grads[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        return ctx.share.of(total).contiguous(), None, None
