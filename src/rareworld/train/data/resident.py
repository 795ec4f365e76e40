"""A whole cache on the training device: small samples are cut out there instead of read from files.

A step of 128 samples of 128 x 224 x 17 takes a GPU 40 ms; to open, check and stack its 128 latents
and contexts takes the host longer. Held on the device they are two gathers. Reading the cache once
compares every checksum, as reading it sample by sample does.

Proved in `tests/train/data/test_resident.py`: the same batches, bit for bit.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.train.data.cache import Cache
from rareworld.train.data.clips import Bucket
from rareworld.train.data.order import Clips

THREADS = 8
"""Files read at the same time, at most."""


@runtime_checkable
class Source(Protocol):
    """What batches are made of."""

    def latents(self, windows: Sequence[str]) -> Float[Tensor, "b c t h w"]:
        """Return the latents of windows of one shape."""
        ...

    def contexts(self, clips: Sequence[str]) -> Float[Tensor, "b 512 e"]:
        """Return the contexts of clips' captions."""
        ...


@final
@dataclass(frozen=True)
class Resident:
    """Latents and contexts of all samples, on one device; a `Source`."""

    stacks: Mapping[Bucket, Float[Tensor, "_ _ _ _ _"]]
    """Latents by shape."""
    texts: Float[Tensor, "_ 512 _"]
    """Contexts."""
    places: Mapping[str, tuple[Bucket, int]]
    """Of each window."""
    rows: Mapping[str, int]
    """Of each clip's context."""

    def latents(self, windows: Sequence[str]) -> Float[Tensor, "b c t h w"]:
        """Return the latents of windows of one shape."""
        (bucket,) = {self.places[window][0] for window in windows}
        return _rows(self.stacks[bucket], [self.places[window][1] for window in windows])

    def contexts(self, clips: Sequence[str]) -> Float[Tensor, "b 512 e"]:
        """Return the contexts of clips' captions."""
        return _rows(self.texts, [self.rows[clip] for clip in clips])


def bytes_of(cache: Cache, clips: Clips, dtype: torch.dtype) -> int:
    """Return the memory that samples and contexts take, contexts in the type they are used in.

    Args:
        cache: Where they are.
        clips: What is trained on.
        dtype: Type that the network computes in.
    """
    windows, names = _windows(clips), _names(clips)
    kept = torch.bfloat16 if cache.manifest.settings.dtype == "bfloat16" else torch.float32
    latents = sum(math.prod(cache.windows[window].shape) for window in windows) * kept.itemsize
    context = cache.context(names[0])
    return latents + len(names) * context.numel() * dtype.itemsize


def load_resident(cache: Cache, clips: Clips, device: torch.device, dtype: torch.dtype) -> Resident:
    """Read all samples onto a device.

    Args:
        cache: Where they are.
        clips: What is trained on.
        device: Where they are held.
        dtype: Type that the network computes in: contexts are rounded to it when they are used.

    Raises:
        StoreError: If the cache is damaged; names the shard and the command that rebuilds it.
    """
    stacks: dict[Bucket, Tensor] = {}
    places: dict[str, tuple[Bucket, int]] = {}
    for bucket in sorted({bucket for _, bucket in clips}):
        windows = _windows({key: each for key, each in clips.items() if key[1] == bucket})
        stacks[bucket] = _stacked(cache.latent, windows, device)
        places |= {window: (bucket, row) for row, window in enumerate(windows)}
    names = _names(clips)
    texts = _stacked(lambda clip: cache.context(clip).to(dtype), names, device)
    return Resident(stacks, texts, places, {clip: row for row, clip in enumerate(names)})


def _stacked(read: Callable[[str], Tensor], names: Sequence[str], device: torch.device) -> Tensor:
    """Return tensors of names in one, read by threads straight into their places."""
    first = read(names[0])
    out = torch.empty((len(names), *first.shape), dtype=first.dtype, device=device)

    def place(row: int) -> None:
        out[row] = read(names[row]).to(device)

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1), "resident") as pool:
        for _ in pool.map(place, range(len(names))):
            pass
    return out


def _rows(stack: Tensor, rows: Sequence[int]) -> Tensor:
    return stack[torch.tensor(rows, device=stack.device)]


def _windows(clips: Clips) -> list[str]:
    return sorted(_each(clips))


def _each(clips: Clips) -> Iterator[str]:
    for group in clips.values():
        for windows in group.values():
            yield from windows


def _names(clips: Clips) -> list[str]:
    return sorted({clip for group in clips.values() for clip in group})
