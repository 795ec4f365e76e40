"""The processes that `torchrun` started, and this one among them.

Work that may fail on one rank fails on all, and the first error is the one that is told.
Alone (no `torchrun`) the same calls run everything in this process.
Proved in `tests/nn/test_ranks.py` on 2 and 4 processes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import TypeVar, cast, final

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from rareworld.errors import DeviceError, RareworldError

T = TypeVar("T")
Groups = tuple[tuple[int, ...], ...]
"""Ranks of each group; every rank is in one."""

TIMEOUT_S = 1800.0
"""Longest wait for another rank, seconds: one may download weights while the others wait."""

FIRST_ERROR = "first_error"


@final
@dataclass(kw_only=True)
class Ranks:
    """This process among those that `torchrun` started; a context that ends all if one fails."""

    rank: int
    world: int
    device: torch.device
    store: Store | None = None
    """Where the first error is told; None alone."""
    groups: dict[Groups, dist.ProcessGroup | None] = field(default_factory=dict)
    """Groups made so far."""
    elsewhere: RareworldError | None = None
    """An error of this rank that another one tells: the same words, or its own handed on."""

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

    def group(self, groups: Groups) -> dist.ProcessGroup | None:
        """Return this rank's of groups that share all ranks out; None where it would be alone.

        Every rank must ask for the same groups in the same order.
        """
        if groups not in self.groups:
            self.groups[groups] = _own_group(groups, self.rank)
        return self.groups[groups]

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
            told = [("", 0)] * self.world
            code = 0 if failure is None else failure.exit_code
            dist.all_gather_object(told, (_words(failure), code))
            first = next((rank for rank, (words, _) in enumerate(told) if words), None)
            if first is not None and failure is None:
                raise self._handed_on(first, *told[first])
            if first not in (None, self.rank) and told[first] == told[self.rank]:
                self.elsewhere = failure
        if failure is not None:
            raise failure
        return values[0]

    def _handed_on(self, first: int, words: str, code: int) -> RareworldError:
        """Return the error of another rank, which tells it."""
        error = RareworldError(f"rank {first}: {words}")
        error.exit_code = code
        self.elsewhere = error
        return error

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
        """Leave the group; after an error tell it, or note which rank failed before this one."""
        if self.store is None:
            return
        if error is None:
            dist.destroy_process_group()
            return
        if error is self.elsewhere:
            return
        first, words = _tell(self.store, self.rank, _words(error))
        if first in (self.rank, -1):
            return
        if not isinstance(error, RareworldError):
            raise DeviceError(f"rank {first} failed first: {words}") from error
        if words == _words(error):
            self.elsewhere = error


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


def _own_group(groups: Groups, rank: int) -> dist.ProcessGroup | None:
    """Make all groups, as every rank must, and return this rank's; None where it is alone."""
    if len(groups[0]) == 1:
        return None
    made = [dist.new_group(list(ranks)) for ranks in groups]
    mine = next(index for index, ranks in enumerate(groups) if rank in ranks)
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
