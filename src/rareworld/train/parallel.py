"""How the processes of a run share the work: clips, tokens of a clip, weights.

    world = data_ranks x context          a clip's tokens are shared by `context` ranks (Ulysses)
    world = replicas x shard              weights are shared by `shard` ranks (FSDP2), else copied

The two divisions are independent: ranks that share a clip may share weights too. One rule makes
gradients right on any division: every rank differentiates the mean over its own samples, and the
gradient of a step is the MEAN OVER ALL RANKS. Ranks of one clip have the same loss and hold parts
of its gradient (`models/cosmos_predict/shared.py`), so the rule covers them.

What is trained decides how weights are kept:

| | shard = 1 | shard > 1 |
|---|---|---|
| adapters | base on every rank, gradients of adapters summed once a step | the base is sharded, \
adapters stay whole on every rank: plain tensors, one type a group |
| all weights | as adapters where the computation has their type | FSDP2, HSDP with replicas |

Float32 weights computed in bfloat16 always go through FSDP2, whose copies are the bfloat16 ones.
Sources: Zhao et al. 2023 (arXiv:2304.11277), Jacobs et al. 2023 (arXiv:2309.14509).
Proved in `tests/train/test_parallel.py` on 2 and 4 processes against one.
"""

import atexit
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast, final

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch._C._distributed_c10d import HashStore
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.cast import CastNet
from rareworld.models.cosmos_predict.denoise import Net
from rareworld.models.cosmos_predict.model import Block, CosmosDiT
from rareworld.models.cosmos_predict.shared import SharedNet
from rareworld.nn.ranks import Ranks
from rareworld.nn.sequence import Grid, check_heads, split_axis
from rareworld.train.config import ParallelConfig
from rareworld.train.graphs import SMALL

BUCKET = 64_000_000
"""Gradient values summed over ranks at a time: bounds the copy that is sent."""


@final
@dataclass(frozen=True, kw_only=True)
class Mesh:
    """The ranks of a run and what they share."""

    ranks: Ranks
    context: int
    """Ranks that share a clip's tokens."""
    shard: int
    """Ranks that share weights."""
    sharers: dist.ProcessGroup | None
    """This rank's group of a clip; None where it has clips of its own."""

    @classmethod
    def plan(
        cls, ranks: Ranks, config: ParallelConfig, heads: int, grids: Sequence[Grid]
    ) -> "Mesh":
        """Return how ranks divide the work; every rank must ask at the same point.

        Args:
            ranks: All processes.
            config: GPUs of a clip (0 is 1 here: `TrainConfig.on` decides it), of the weights.
            heads: Attention heads of the network.
            grids: Tokens along frames, rows and columns of every size that will be trained on.

        Raises:
            ConfigError: If a number does not divide the ranks, the heads or a grid; names those
                that do.
        """
        world = ranks.world
        shard = config.shard or world
        if world % shard:
            raise ConfigError(
                f"parallel.shard: expected a divisor of the {world} ranks, found {shard}; "
                f"numbers that work: {_listed(divisors(world))}, or 0 for all ranks"
            )
        context = config.context or 1
        _check_context(world, context, heads, grids)
        groups = tuple(tuple(range(i, i + context)) for i in range(0, world, context))
        return cls(ranks=ranks, context=context, shard=shard, sharers=ranks.group(groups))

    @property
    def data_ranks(self) -> int:
        """Return how many clips are worked on at once."""
        return self.ranks.world // self.context

    @property
    def data_rank(self) -> int:
        """Return which of them is this rank's."""
        return self.ranks.rank // self.context

    @property
    def replicas(self) -> int:
        """Return how often the weights exist."""
        return self.ranks.world // self.shard

    def __str__(self) -> str:
        """Return the plan in words, for the log."""
        ranks = f"{self.ranks.world} rank" + ("s" if self.ranks.world > 1 else "")
        clip = f"{self.context} share a clip" if self.context > 1 else "a clip each"
        weights = f"{self.shard} share the weights" if self.shard > 1 else "weights on each"
        copies = f", {self.replicas} times" if self.shard > 1 and self.replicas > 1 else ""
        return f"{ranks}: {clip}, {weights}{copies}"

    def micro_batches(self, batch_size: int, micro_batch: int) -> int:
        """Return the forward passes of a rank in a step.

        Raises:
            ConfigError: If the samples of a step cannot be dealt out evenly; names what works.
        """
        at_once = self.data_ranks * micro_batch
        if batch_size % at_once:
            nearest = max(1, round(batch_size / at_once)) * at_once
            raise ConfigError(
                f"data.batch_size: expected a multiple of {at_once} ({self.data_ranks} ranks or "
                f"groups with clips of their own x micro_batch {micro_batch}), found "
                f"{batch_size}; set data.batch_size={nearest}, or parallel.context="
                f"{self.ranks.world} so that all ranks share each clip"
            )
        return batch_size // at_once

    def share(self, net: CosmosDiT, dtype: torch.dtype | None = None) -> Net:
        """Return the network as the objective calls it, its weights and tokens shared out.

        Call it after adapters, activation policy and attention are set, and make the optimizer
        afterwards: parameters that are sharded are replaced. A network on the host is moved to the
        GPU block by block, so one that exceeds a GPU can be sharded.

        Args:
            net: The network; what requires a gradient is trained.
            dtype: Type to compute in; that of the weights by default. Another one needs a network
                that is trained whole.

        Raises:
            ConfigError: If a frozen base has another type than the computation, or is quantised
                and to be sharded.
        """
        adapted = not all(parameter.requires_grad for parameter in net.blocks.parameters())
        casts = dtype is not None and net.dtype != dtype
        if casts and adapted:
            raise ConfigError(
                f"compute.dtype: expected the frozen base in {dtype}, found {net.dtype}; load it "
                "in the type it is computed in"
            )
        rounded = dtype if casts else None
        if rounded is not None and self._is_small(net):
            return CastNet(net.to(self.ranks.device), rounded)
        if self.shard > 1 or casts:
            self._shard_weights(net, rounded, adapted=adapted)
        if self.sharers is None:
            return net
        return SharedNet(net, cast(Block, net.blocks[0]).cross_attn.attend, self.sharers)

    def _shard_weights(self, net: CosmosDiT, rounded: torch.dtype | None, *, adapted: bool) -> None:
        """Have FSDP2 share the weights, rounded to a type for each pass if there is one."""
        _check_shardable(net)
        policy = MixedPrecisionPolicy(
            param_dtype=rounded,
            reduce_dtype=None if rounded is None else torch.float32,
            # timesteps and angles are float32 on purpose; the network casts latents and text
            cast_forward_inputs=False,
        )
        left = {parameter for parameter in net.parameters() if parameter.requires_grad}
        _shard(net, self._weights_mesh(), policy, left if adapted else set())

    def _is_small(self, net: CosmosDiT) -> bool:
        """Return whether one process does without FSDP2: all rounded weights fit at once."""
        return self.ranks.world == 1 and sum(p.numel() for p in net.parameters()) < SMALL

    def reduce_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over all ranks; call once a step, before clipping.

        Sharded parameters are left alone: FSDP2 has done it in the backward pass.
        """
        if self.ranks.world == 1:
            return
        with torch.no_grad():
            for bucket in _buckets(_plain_gradients(parameters)):
                flat = torch.cat([gradient.flatten() for gradient in bucket])
                dist.all_reduce(flat)
                flat /= self.ranks.world
                parts = flat.split([gradient.numel() for gradient in bucket])
                for gradient, part in zip(bucket, parts, strict=True):
                    gradient.copy_(part.view_as(gradient))

    def mean(self, tensor: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """Return the mean over all ranks, on every rank: a loss of the whole batch."""
        total = tensor.detach().clone()
        if self.ranks.world > 1:
            dist.all_reduce(total)
        return total / self.ranks.world

    def _weights_mesh(self) -> DeviceMesh:
        """Return the ranks as (replicas, shards), or as shards alone."""
        kind = self.ranks.device.type
        if not dist.is_initialized():
            _start_alone(kind)
        if self.replicas == 1:
            return init_device_mesh(kind, (self.shard,), mesh_dim_names=("shard",))
        names = ("replicate", "shard")
        return init_device_mesh(kind, (self.replicas, self.shard), mesh_dim_names=names)


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that may be sharded as a whole one; every rank of its mesh must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def divisors(number: int) -> list[int]:
    """Return what divides a number, in order."""
    return [n for n in range(1, number + 1) if number % n == 0]


def _check_context(world: int, context: int, heads: int, grids: Sequence[Grid]) -> None:
    """Refuse a number of ranks that cannot share clips; name those that can."""
    obstacle = _obstacle(world, context, heads, grids)
    if obstacle:
        works = [n for n in divisors(world) if not _obstacle(world, n, heads, grids)]
        raise ConfigError(
            f"parallel.context: {context} ranks cannot share a clip: {obstacle}; numbers that "
            f"work with {world} ranks: {_listed(works)} (--set parallel.context={works[-1]})"
        )


def _obstacle(world: int, context: int, heads: int, grids: Sequence[Grid]) -> str:
    """Return what keeps ranks from sharing a clip, or nothing."""
    if world % context:
        return f"they do not divide the {world} ranks"
    try:
        check_heads(heads, context)
        for grid in grids:
            split_axis(grid, context)
    except ConfigError as error:
        return str(error).removeprefix("context parallel: ").partition(";")[0]
    return ""


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _shard(
    net: CosmosDiT, mesh: DeviceMesh, policy: MixedPrecisionPolicy, left: set[nn.Parameter]
) -> None:
    """Shard each block, then the rest; what is left out stays whole on every rank."""
    if left:
        _move(left, mesh.device_type)
    for block in net.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy, ignored_params=left)
    net.register_forward_hook(_copied)  # before FSDP2's own, which must not hook onto a view
    fully_shard(net, mesh=mesh, mp_policy=policy, ignored_params=left)


def _copied(_module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    return output.clone()


def _check_shardable(net: CosmosDiT) -> None:
    packed = [name for name, value in net.named_parameters() if not value.is_floating_point()]
    if packed:
        raise ConfigError(
            f"parallel.shard: expected weights in full, found {len(packed)} packed in fewer bits "
            f"({packed[0]}, ...); set parallel.shard=1, or adapter.quantize=none"
        )


def _move(parameters: Iterable[nn.Parameter], kind: str) -> None:
    """Bring parameters to this rank's device, the same objects; FSDP2 moves its own."""
    for parameter in parameters:
        parameter.data = parameter.data.to(kind)


def _plain_gradients(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    found = (parameter.grad for parameter in parameters if parameter.grad is not None)
    return [gradient for gradient in found if not isinstance(gradient, DTensor)]


def _buckets(gradients: Sequence[Tensor]) -> list[list[Tensor]]:
    """Return gradients in runs of one type and bounded size, the same on every rank."""
    buckets: list[list[Tensor]] = []
    size = 0
    for gradient in gradients:
        fits = size + gradient.numel() <= BUCKET
        if not buckets or not fits or buckets[-1][0].dtype != gradient.dtype:
            buckets.append([])
            size = 0
        buckets[-1].append(gradient)
        size += gradient.numel()
    return buckets


def _start_alone(kind: str) -> None:
    """Make a group of this process alone, as FSDP2 wants one for its bfloat16 copies."""
    backend = "nccl" if kind == "cuda" else "gloo"
    dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    atexit.register(_end_alone)


def _end_alone() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
