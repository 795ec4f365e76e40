"""The cache stage: shards of clips become shards of latents, decoding and tokenizer side by side.

A clip belongs to a shard by the hash of its name, so a clip that is added changes one shard. What a
window's latents follow from (the video's bytes, place, settings) has a key of its own: a shard that
must be written anew takes over every window that an earlier shard holds under the same key, and
encodes the others. A clip that cannot be decoded is listed in its shard, and the rest is written.
A job killed anywhere goes on, and ends with the same bytes.

Proved in `tests/train/data/test_cache_job.py`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, final

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
from rareworld.train.data.clips import Window
from rareworld.train.data.read import read_window

SHARD_CLIPS = 16
"""Clips of a shard, on average at most: a killed one costs half a minute of an H200."""
AT_ONCE = 2
"""Latent frames the tokenizer works off at a time: as fast as 4, with two thirds of the memory."""
PIECE = 16
"""Frames brought to the tokenizer's device at a time."""

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
        work = ahead(todo, self._decode, threads=self.threads, depth=self.threads)
        for planned, frames in work:
            try:
                yield planned, encode(tokenizer, frames.result()).to("cpu", dtype)
            except FormatError as error:
                yield planned, str(error)

    def _decode(self, planned: Planned) -> Frames:
        return read_window(planned.window, self.settings.fps)


def encode(tokenizer: WanTokenizer, frames: Frames) -> Float[Tensor, "c t2 h2 w2"]:
    """Return the normalised latents of frames in float32, on the tokenizer's device.

    Raises:
        FormatError: If they are not finite.
    """
    latent = torch.cat(list(tokenizer.encode_stream(_pieces(frames, tokenizer.device))), dim=2)[0]
    if not bool(latent.isfinite().all()):
        raise FormatError("its latents hold NaN or infinity; look at the video, or use float32")
    return latent


def _pieces(frames: Frames, device: torch.device) -> Iterator[Float[Tensor, "1 3 t h w"]]:
    """Yield pixels in [-1, 1] on a device, moved there as bytes."""
    for start in range(0, len(frames), PIECE):
        piece = torch.from_numpy(frames[start : start + PIECE]).to(device)
        yield piece.permute(3, 0, 1, 2)[None].float() / 127.5 - 1


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
