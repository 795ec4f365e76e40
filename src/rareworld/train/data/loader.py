"""Batches of a cache, read ahead in threads: training touches neither tokenizer nor text encoder.

A rank reads its samples of each global batch only. Whatever the number of ranks and the size of a
micro-batch, a step has the same samples with the same ids.

Proved in `tests/train/data/test_loader.py`.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import count
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.train.batch import Batch
from rareworld.train.data.ahead import ahead
from rareworld.train.data.cache import Cache
from rareworld.train.data.order import Order, Pick
from rareworld.train.data.resident import Resident

THREADS = 8
"""Steps read at the same time, at most."""
Prepare = Callable[[Batch], Batch]
"""Work on a batch that need not wait for the step before: what its samples draw."""


@final
@dataclass(frozen=True, kw_only=True)
class Loader:
    """The batches of one rank."""

    order: Order
    cache: Cache
    data_rank: int = 0
    """Which share of a global batch is this rank's; ranks that share a clip have the same."""
    data_ranks: int = 1
    micro_batch: int = 1
    """Samples of a batch."""
    prefetch: int = 2
    """Steps read ahead; 0 reads a step when it is wanted."""
    pin: bool = False
    """Put batches where a GPU can fetch them beside the host's work."""
    resident: Resident | None = None
    """The cache's content where it is held on the training device."""
    prepare: Prepare | None = None
    """Done to each batch in the threads that read."""

    def __post_init__(self) -> None:
        """Refuse a global batch that cannot be shared out evenly."""
        if not 0 <= self.data_rank < self.data_ranks:
            raise ConfigError(f"data_rank: expected 0..{self.data_ranks - 1}, got {self.data_rank}")
        check_batch(self.order.batch_size, self.data_ranks, self.micro_batch)

    def picks(self, step: int) -> tuple[tuple[Pick, ...], ...]:
        """Return what this rank takes in a step, micro-batch by micro-batch."""
        whole = self.order.step(step)
        size = len(whole) // self.data_ranks
        ours = whole[self.data_rank * size : (self.data_rank + 1) * size]
        return tuple(ours[at : at + self.micro_batch] for at in range(0, size, self.micro_batch))

    def steps(self, start: int = 0) -> Generator[tuple[Batch, ...]]:
        """Yield this rank's micro-batches of steps start, start + 1, ... without end.

        Close it to end its threads early.

        Raises:
            StoreError: If the cache is damaged; names the shard and the command that rebuilds it.
        """
        wanted = (self.picks(step) for step in count(start))
        threads = min(THREADS, max(1, self.prefetch))
        for _, read in ahead(wanted, self.read, threads=threads, depth=self.prefetch):
            yield read.result()

    def read(self, picks: Sequence[Sequence[Pick]]) -> tuple[Batch, ...]:
        """Return the batches of picks.

        Raises:
            StoreError: If the cache is damaged; names the shard and the command that rebuilds it.
        """
        return tuple(self._batch(each) for each in picks)

    def _batch(self, picks: Sequence[Pick]) -> Batch:
        windows = [pick.window for pick in picks]
        clips = tuple(self.cache.windows[window].clip for window in windows)
        latent, context = self._tensors(windows, clips)
        ids = tuple(pick.id for pick in picks)
        batch = Batch(latent=latent, context=context, ids=ids, clips=clips)
        return batch if self.prepare is None else self.prepare(batch)

    def _tensors(
        self, windows: Sequence[str], clips: Sequence[str]
    ) -> tuple[Float[Tensor, "b c t h w"], Float[Tensor, "b 512 e"]]:
        """Return latents and contexts: of the device, or read and put where it fetches them."""
        if self.resident is not None:
            return self.resident.latents(windows), self.resident.contexts(clips)
        latent = torch.stack([self.cache.latent(window) for window in windows])
        context = _stacked([self.cache.context(clip) for clip in clips])
        return (latent.pin_memory(), context.pin_memory()) if self.pin else (latent, context)


def check_batch(size: int, data_ranks: int, micro_batch: int) -> None:
    """Refuse a global batch that cannot be shared out evenly.

    Raises:
        ConfigError: Naming the nearest that can.
    """
    part = data_ranks * micro_batch
    if size % part:
        raise ConfigError(
            f"data.batch_size: {size} samples cannot be shared by {data_ranks} ranks in "
            f"micro-batches of {micro_batch}; take a multiple of {part}, the nearest is "
            f"{max(1, round(size / part)) * part}, or a smaller data.micro_batch"
        )


def _stacked(contexts: Sequence[Float[Tensor, "512 _"]]) -> Float[Tensor, "b 512 _"]:
    """Stack contexts in the widest of their types: those of upstream's files are float32."""
    wide = reduce(torch.promote_types, (context.dtype for context in contexts))
    return torch.stack([context.to(wide) for context in contexts])
