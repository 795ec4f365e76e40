"""Several GPUs for one sample, under `torchrun`: the two guidance branches apart, tokens shared.

Ranks form `cfg` groups of `cp`: rank = branch * cp + place. The sampler runs on every rank with the
same noise; only the net's work is divided, and every rank ends a step with the same latents.
Proved in `tests/generate/test_parallel.py` on 2 and 4 processes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.distributed as dist
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.denoise import Evaluate, Net, all_here
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.shared import SharedNet
from rareworld.nn.attention import Attend
from rareworld.nn.ranks import Ranks
from rareworld.nn.sequence import Grid, check_heads, split_axis


@final
@dataclass(frozen=True, kw_only=True)
class RankPlan:
    """How ranks divide the work of one sample."""

    cfg: int
    """Groups that run a guidance branch each: 2, or 1 where each runs all of them."""
    cp: int
    """Ranks of a group that share the tokens."""
    why: str
    """The choice in words, for the console and the sidecar."""

    @property
    def world(self) -> int:
        """Return the number of ranks."""
        return self.cfg * self.cp


def plan_ranks(world: int, heads: int, grid: Grid, *, guided: bool) -> RankPlan:
    """Choose how `world` ranks divide the work.

    Branches come first: they meet once a step, sharers of tokens four times a block.

    Args:
        world: Number of ranks.
        heads: Attention heads of the net.
        grid: Tokens along latent frames, rows and columns.
        guided: Whether a step runs the net with and without the prompt.

    Raises:
        ConfigError: If no division works; names the numbers of ranks that do.
    """
    plan = _plan(world, heads, grid, guided=guided)
    if plan is None:
        works = [n for n in range(1, 2 * heads + 1) if _plan(n, heads, grid, guided=guided)]
        raise ConfigError(
            f"{world} GPUs cannot share a net of {heads} heads on a grid of {grid} tokens; "
            f"numbers that work: {', '.join(map(str, works))} (torchrun --nproc-per-node N)"
        )
    return plan


def _plan(world: int, heads: int, grid: Grid, *, guided: bool) -> RankPlan | None:
    """Return the first division that fits."""
    for cfg in (2, 1) if guided and world % 2 == 0 else (1,):
        cp = world // cfg
        try:
            check_heads(heads, cp)
            axis = split_axis(grid, cp)
        except ConfigError:
            continue
        return RankPlan(cfg=cfg, cp=cp, why=_explain(cfg, cp, heads, grid[axis], axis))
    return None


def _explain(cfg: int, cp: int, heads: int, length: int, axis: int) -> str:
    """Return a plan in words."""
    if cfg * cp == 1:
        return "one process runs everything"
    branches = "a guidance branch per group" if cfg == 2 else "every branch on all"
    if cp == 1:
        return f"2 ranks: {branches}"
    run = f"{length // cp} of {length} {('latent frames', 'token rows', 'token columns')[axis]}"
    return f"{cfg * cp} ranks: {branches}, {run} and {heads // cp} of {heads} heads a rank"


@final
@dataclass(frozen=True)
class Apart:
    """A denoiser's `Evaluate`: one of two contexts here, the other on the mirroring rank."""

    group: dist.ProcessGroup
    branch: int
    """Context that is evaluated here."""

    def __call__(
        self,
        function: Callable[[Sequence[Tensor]], list[Tensor]],
        contexts: Sequence[Tensor],
    ) -> list[Tensor]:
        """Return a function of every context, the same on both ranks; of a single one, here."""
        if len(contexts) == 1:
            return function(contexts)
        ours = function([contexts[self.branch]])[0].contiguous()
        parts = [torch.empty_like(ours) for _ in contexts]
        dist.all_gather(parts, ours, group=self.group)
        return parts


@final
@dataclass(frozen=True)
class Layout:
    """A plan's groups as this rank sees them; None where a group would be this rank alone."""

    plan: RankPlan
    sharers: dist.ProcessGroup | None
    mirror: dist.ProcessGroup | None
    branch: int

    def evaluate(self) -> Evaluate:
        """Return how a step goes through its contexts."""
        return all_here if self.mirror is None else Apart(self.mirror, self.branch)

    def net(self, net: CosmosDiT, attend: Attend) -> Net:
        """Return the network as a denoiser calls it: itself, or its tokens shared out."""
        if self.sharers is None:
            net.set_attention(attend)
            return net
        return SharedNet(net, attend, self.sharers)


def layout_of(ranks: Ranks, plan: RankPlan) -> Layout:
    """Return a plan's groups; every rank must ask for the same plans in the same order.

    Raises:
        ConfigError: If the plan is for another number of ranks.
    """
    if plan.world != ranks.world:
        raise ConfigError(f"a plan for {plan.world} ranks, but {ranks.world} are here")
    sharers = [tuple(range(b * plan.cp, (b + 1) * plan.cp)) for b in range(plan.cfg)]
    mirrors = [tuple(range(p, ranks.world, plan.cp)) for p in range(plan.cp)]
    branch = ranks.rank // plan.cp
    return Layout(plan, ranks.group(tuple(sharers)), ranks.group(tuple(mirrors)), branch)
