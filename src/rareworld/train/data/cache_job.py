"""The cache stage: shards of clips become shards of latents, decoding and tokenizer side by side.

A clip belongs to a shard by the hash of its name, so a clip that is added changes one shard. What a
window's latents follow from (the video's bytes, place, settings) has a key of its own: a shard that
must be written anew takes over every window that an earlier shard holds under the same key, and
encodes the others. A clip that cannot be decoded is listed in its shard, and the rest is written.
A job killed anywhere goes on, and ends with the same bytes.

Proved in `tests/train/data/test_cache_job.py`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rareworld.data.atomic import sha256_file
from rareworld.errors import FormatError, StoreError
from rareworld.models.text.cache import INDEX_FILE
from rareworld.models.text.load import torch_dtype
from rareworld.models.wan_vae.tokenizer import WanTokenizer
from rareworld.models.wan_vae.weights import load_tokenizer
from rareworld.runtime.stage import Report
from rareworld.train.data.ahead import ahead
from rareworld.train.data.cache_shard import Bad, Entry, Settings, read_latent, write_shard
from rareworld.train.data.clips import Bucket, Window
from rareworld.train.data.read import read_window

SHARD_CLIPS = 16
"""Clips of a shard, on average at most: a killed one costs half a minute of an H200."""
AT_ONCE = 2
"""Latent frames the tokenizer works off at a time: as fast as 4, with two thirds of the memory."""
PIECE = 16
"""Frames brought to the tokenizer's device at a time."""
TOGETHER = 8_000_000
"""Pixels of windows, frames counted, that are encoded at the same time: of large windows that is
one; of small ones one alone leaves a GPU waiting for its orders, and a CPU to its slow convolution
(2.8 s for a window of 128 x 224 x 17 alone, 0.6 s for one of four, measured)."""
MOST_TOGETHER = {"gpu": 16, "cpu": 4}
"""Windows encoded at the same time, at most."""

NOT_FINITE = "its latents hold NaN or infinity; look at the video, or use float32"

Frames = UInt8[np.ndarray, "t h w 3"]


@final
@dataclass(frozen=True, kw_only=True)
class Planned:
    """A window to cache."""

    window: Window
    entry: Entry
    """What the index will say of it, less the checksum."""
    kept: tuple[Path, Entry] | None = None
    """Shard that holds the same latents already."""


@final
@dataclass(frozen=True, kw_only=True)
class LatentShard:
    """Windows that are written together."""

    name: str
    windows: tuple[Planned, ...]

    @property
    def todo(self) -> tuple[Planned, ...]:
        """Windows that no earlier shard holds."""
        return tuple(planned for planned in self.windows if planned.kept is None)


Group = tuple[Sequence[tuple[Planned, Future[Frames]]], int]
"""Windows of one shape with their frames to come, and how many of them are encoded together."""


def shard_of(clip: str, shards: int) -> str:
    """Return the name of a clip's shard among so many."""
    number = int.from_bytes(hashlib.sha256(clip.encode()).digest()[:8], "big") % shards
    return f"shard-{number:05d}-of-{shards:05d}"


def shard_count(clips: int) -> int:
    """Return how many shards a number of clips is spread over: a power of two."""
    shards = 1
    while shards * SHARD_CLIPS < clips:
        shards *= 2
    return shards


@final
@dataclass(frozen=True, kw_only=True)
class CacheStage:
    """Encodes shards of windows."""

    settings: Settings
    tokenizer: Path
    """Its weights."""
    device: str
    threads: int = 2
    """Videos decoded at the same time, ahead of the tokenizer."""

    @property
    def name(self) -> str:
        """Return `cache`."""
        return "cache"

    def item_name(self, item: LatentShard) -> str:
        """Return the shard's folder."""
        return item.name

    def describe(self, item: LatentShard) -> Mapping[str, Any]:
        """Return the settings and what the index says of all windows, their keys among it."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "windows": [planned.entry.model_dump(mode="json") for planned in item.windows],
        }

    def run(self, item: LatentShard, out: Path, report: Report) -> Mapping[str, Any]:
        """Decode ahead, encode one window after another, and write the shard.

        Raises:
            FormatError: If the tokenizer's weights are damaged.
            DeviceError: If the device is not there.
        """
        bad: dict[str, str] = {}
        latents: dict[str, Tensor] = {}
        taken = ((planned, _take_over(planned)) for planned in item.windows)
        latents |= {p.entry.name: latent for p, latent in taken if latent is not None}
        todo = [planned for planned in item.windows if planned.entry.name not in latents]
        for planned, made in self._encoded(todo):
            if isinstance(made, Tensor):
                latents[planned.entry.name] = made
            else:
                bad[planned.entry.clip] = made
            report((len(latents) + len(bad)) / len(item.windows))
        good = [planned.entry for planned in item.windows if planned.entry.clip not in bad]
        listed = [Bad(clip=clip, error=error) for clip, error in sorted(bad.items())]
        write_shard(out, self.settings, [(e, latents[e.name]) for e in good], listed)
        return {
            "windows": len(good),
            "bad": sorted(bad),
            "index_sha256": sha256_file(out / INDEX_FILE),
        }

    def _encoded(self, todo: Sequence[Planned]) -> Iterator[tuple[Planned, Tensor | str]]:
        """Yield every window's latent, or what is wrong with its clip."""
        if not todo:
            return
        dtype = torch_dtype(self.settings.dtype)
        tokenizer = _tokenizer(
            self.tokenizer, dtype, self.device, self.settings.at_once, fused=self.settings.fused
        )
        work = ahead(todo, self._decode, threads=self.threads, depth=self._at_once(todo))
        for group in _grouped(work, self._together):
            yield from _encoded_together(tokenizer, group, dtype)

    def _at_once(self, todo: Sequence[Planned]) -> int:
        """Return how many windows are decoded ahead: as many as are encoded together."""
        return max(self.threads, *(self._together(planned) for planned in todo))

    def _together(self, planned: Planned) -> int:
        """Return how many windows of a shape are encoded at the same time."""
        return together(planned.entry.bucket, "gpu" if self.settings.fused else "cpu")

    def _decode(self, planned: Planned) -> Frames:
        return read_window(planned.window, self.settings.fps)


def together(bucket: Bucket, kind: Literal["gpu", "cpu"]) -> int:
    """Return how many windows of a shape are encoded at the same time.

    >>> together(Bucket(128, 224, 17), "gpu"), together(Bucket(704, 1280, 93), "gpu")
    (16, 1)
    """
    pixels = bucket.height * bucket.width * bucket.frames
    return max(1, min(MOST_TOGETHER[kind], TOGETHER // pixels))


def _grouped(
    work: Iterable[tuple[Planned, Future[Frames]]], size_of: Callable[[Planned], int]
) -> Iterator[Group]:
    """Yield windows of one shape in groups of at most the size that is theirs."""
    group: list[tuple[Planned, Future[Frames]]] = []
    for planned, frames in work:
        other = bool(group) and planned.entry.bucket != group[0][0].entry.bucket
        if other or (group and len(group) == size_of(planned)):
            yield group, size_of(group[0][0])
            group = []
        group.append((planned, frames))
    if group:
        yield group, size_of(group[0][0])


def _encoded_together(
    tokenizer: WanTokenizer, group: Group, dtype: torch.dtype
) -> Iterator[tuple[Planned, Tensor | str]]:
    """Yield the latents of a group's windows, or what is wrong with their clips.

    A group that is not full is filled up, so that a window's last bits do not depend on how many
    there are beside it.
    """
    windows, size = group
    read = [(planned, _result(frames)) for planned, frames in windows]
    good = [frames for _, frames in read if not isinstance(frames, str)]
    filled = (good * size)[:size]
    latents = iter(encode_all(tokenizer, filled) if filled else ())
    for planned, frames in read:
        if isinstance(frames, str):
            yield planned, frames
            continue
        latent = next(latents)
        finite = bool(latent.isfinite().all())
        yield planned, latent.to("cpu", dtype) if finite else NOT_FINITE


def _result(frames: Future[Frames]) -> Frames | str:
    """Return decoded frames, or what is wrong with them."""
    try:
        return frames.result()
    except FormatError as error:
        return str(error)


def encode(tokenizer: WanTokenizer, frames: Frames) -> Float[Tensor, "c t2 h2 w2"]:
    """Return the normalised latents of frames in float32, on the tokenizer's device.

    Raises:
        FormatError: If they are not finite.
    """
    latent = encode_all(tokenizer, [frames])[0]
    if not bool(latent.isfinite().all()):
        raise FormatError(NOT_FINITE)
    return latent


def encode_all(tokenizer: WanTokenizer, windows: Sequence[Frames]) -> Float[Tensor, "b c t2 h2 w2"]:
    """Return normalised latents of windows of one shape in float32, on the tokenizer's device."""
    return torch.cat(list(tokenizer.encode_stream(_pieces(windows, tokenizer.device))), dim=2)


def _pieces(
    windows: Sequence[Frames], device: torch.device
) -> Iterator[Float[Tensor, "b 3 t h w"]]:
    """Yield pixels in [-1, 1] on a device, moved there as bytes."""
    for start in range(0, len(windows[0]), PIECE):
        frames = np.stack([window[start : start + PIECE] for window in windows])
        piece = torch.from_numpy(frames).to(device)
        yield piece.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def _take_over(planned: Planned) -> Tensor | None:
    """Return the latents an earlier shard holds, unless they are gone or damaged by now."""
    if planned.kept is None:
        return None
    try:
        return read_latent(*planned.kept)
    except StoreError:
        return None  # encoded anew: the result is the same


@lru_cache(maxsize=1)
def _tokenizer(
    path: Path, dtype: torch.dtype, device: str, at_once: int, *, fused: bool
) -> WanTokenizer:
    """Return the tokenizer; it stays in memory for the shards to come."""
    return load_tokenizer(path, device=device, dtype=dtype, window=at_once, compile=fused)
