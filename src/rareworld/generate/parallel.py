"""Several GPUs for one sample, under `torchrun`: the two guidance branches apart, tokens shared.

Ranks form `cfg` groups of `cp`: rank = branch * cp + place. The sampler runs on every rank with the
same noise; only the net's work is divided, and every rank ends a step with the same latents.
Alone (no `torchrun`) the same calls run everything in this process.
Proved in `tests/generate/test_parallel.py` on 2 and 4 processes.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import TypeVar, cast, final

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from rareworld.errors import ConfigError, DeviceError, RareworldError
from rareworld.models.cosmos_predict.denoise import Evaluate, Net, one_by_one
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.attention import Attend
from rareworld.nn.sequence import Grid, Share, SharedAttend, check_heads, split_axis

T = TypeVar("T")

TIMEOUT_S = 1800.0
"""Longest wait for another rank, seconds: one may download weights while the others wait."""

FIRST_ERROR = "first_error"


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
        self, function: Callable[[Tensor], Tensor], contexts: Sequence[Tensor]
    ) -> list[Tensor]:
        """Return a function of every context, the same on both ranks; of a single one, here."""
        if len(contexts) == 1:
            return [function(contexts[0])]
        ours = function(contexts[self.branch]).contiguous()
        parts = [torch.empty_like(ours) for _ in contexts]
        dist.all_gather(parts, ours, group=self.group)
        return parts


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
        return share.gather(prediction, self.group)


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
        return one_by_one if self.mirror is None else Apart(self.mirror, self.branch)

    def net(self, net: CosmosDiT, attend: Attend) -> Net:
        """Return the network as a denoiser calls it: itself, or its tokens shared out."""
        if self.sharers is None:
            net.set_attention(attend)
            return net
        return SharedNet(net, attend, self.sharers)


@final
@dataclass(kw_only=True)
class Ranks:
    """This process among those that `torchrun` started; a context that ends all if one fails."""

    rank: int
    world: int
    device: torch.device
    store: Store | None = None
    """Where the first error is told; None alone."""
    layouts: dict[tuple[int, int], Layout] = field(default_factory=dict)

    @classmethod
    def join(cls, device: str, timeout_s: float = TIMEOUT_S) -> "Ranks":
        """Join the processes `torchrun` started, told by its environment; alone without it.

        Args:
            device: `cuda` (each rank takes the GPU of its local rank) or `cpu`.
            timeout_s: Longest wait for another rank.

        Raises:
            DeviceError: If there are fewer GPUs than ranks on this host.
        """
        chosen = _own_device(device, int(os.environ.get("LOCAL_RANK", "0")))
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(rank=0, world=1, device=chosen)
        wait = timedelta(seconds=timeout_s)
        store, rank, world = next(rendezvous("env://", timeout=wait))
        dist.init_process_group(
            "nccl" if chosen.type == "cuda" else "gloo",
            store=PrefixStore("ranks", store),
            rank=rank,
            world_size=world,
            timeout=wait,
        )
        return cls(rank=rank, world=world, device=chosen, store=PrefixStore("errors", store))

    @property
    def leads(self) -> bool:
        """Return whether this rank is the one that writes files and speaks."""
        return self.rank == 0

    def layout(self, plan: RankPlan) -> Layout:
        """Return a plan's groups; every rank must ask for the same plans in the same order."""
        if plan.world != self.world:
            raise ConfigError(f"a plan for {plan.world} ranks, but {self.world} are here")
        key = (plan.cfg, plan.cp)
        if key not in self.layouts:
            self.layouts[key] = self._build(plan)
        return self.layouts[key]

    def _build(self, plan: RankPlan) -> Layout:
        branch, place = divmod(self.rank, plan.cp)
        sharers = [list(range(b * plan.cp, (b + 1) * plan.cp)) for b in range(plan.cfg)]
        mirrors = [list(range(p, self.world, plan.cp)) for p in range(plan.cp)]
        return Layout(plan, _own_group(sharers, branch), _own_group(mirrors, place), branch)

    def together(self, work: Callable[[], T]) -> T:
        """Run work that talks to no other rank; if it fails on one, it fails on all.

        Raises:
            RareworldError: This rank's own error, or else the first failed rank's.
        """
        values: list[T] = []
        failure: RareworldError | None = None
        try:
            values.append(work())
        except RareworldError as error:
            failure = error
        if self.store is not None:
            told = [""] * self.world
            dist.all_gather_object(told, _words(failure))
            first = next((rank for rank, words in enumerate(told) if words), None)
            if first is not None and failure is None:
                raise RareworldError(f"rank {first}: {told[first]}")
        if failure is not None:
            raise failure
        return values[0]

    def from_lead(self, make: Callable[[], Tensor]) -> Tensor:
        """Return on every rank the tensor that the leading rank alone makes (text, latents).

        Raises:
            RareworldError: On every rank, what the leading rank raised.
        """
        made = self.together(lambda: make().to(self.device).contiguous() if self.leads else None)
        if self.store is None and made is not None:
            return made
        told = [None if made is None else (tuple(made.shape), made.dtype)]
        dist.broadcast_object_list(told)
        shape, dtype = told[0] or ((), torch.float32)
        tensor = torch.empty(shape, dtype=dtype, device=self.device) if made is None else made
        dist.broadcast(tensor, src=0)
        return tensor

    def check_same(self, tensor: Tensor, what: str) -> None:
        """Refuse to go on if ranks hold different values of what must be the same.

        Raises:
            DeviceError: Naming the ranks that differ from the leading one.
        """
        if self.store is None:
            return
        ours = tensor.double()
        ours = torch.stack([ours.sum(), ours.square().sum(), ours.abs().max()])
        parts = [torch.empty_like(ours) for _ in range(self.world)]
        dist.all_gather(parts, ours)
        odd = [rank for rank, part in enumerate(parts) if not torch.equal(part, parts[0])]
        if odd:
            raise DeviceError(
                f"{what} of ranks {odd} differ from rank 0's; run the same rareworld, torch and "
                "settings on every rank"
            )

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the group; after an error tell it, or say which rank failed before this one."""
        if self.store is None:
            return
        if error is None:
            dist.destroy_process_group()
            return
        first, words = _tell(self.store, self.rank, _words(error))
        if first not in (self.rank, -1) and not isinstance(error, RareworldError):
            raise DeviceError(f"rank {first} failed first: {words}") from error


def _own_device(device: str, local: int) -> torch.device:
    """Return and select the device of a local rank."""
    if device != "cuda":
        return torch.device(device)
    if local >= torch.cuda.device_count():
        raise DeviceError(
            f"local rank {local} needs a GPU of its own, {torch.cuda.device_count()} found; "
            "lower torchrun --nproc-per-node"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _own_group(groups: list[list[int]], mine: int) -> dist.ProcessGroup | None:
    """Make all groups, as every rank must, and return this rank's; None where it is alone."""
    if len(groups[0]) == 1:
        return None
    made = [dist.new_group(ranks) for ranks in groups]
    return cast(dist.ProcessGroup, made[mine])  # groups of others are placeholders, ours is none


def _words(error: BaseException | None) -> str:
    """Return an error's class and message."""
    return "" if error is None else f"{type(error).__name__}: {error}"


def _tell(store: Store, rank: int, words: str) -> tuple[int, str]:
    """Tell an error unless one was told before; return the first. Rank -1: nobody can be asked."""
    try:
        told = store.compare_set(FIRST_ERROR, "", f"{rank} {words}").decode()
    except RuntimeError:  # the process that keeps the store has gone
        return -1, ""
    first, _, text = told.partition(" ")
    return int(first), text
