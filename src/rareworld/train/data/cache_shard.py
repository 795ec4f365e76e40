"""A shard of latents: a tensor per window, and an index that says what each is made of.

Latents are normalised, channels first, in the type they were computed in. A shard is written whole
or not at all, and each tensor has a checksum in the index: safetensors has none of its own.

Proved in `tests/train/data/test_cache_shard.py`.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import torch
from jaxtyping import Float
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rareworld.data.config import Config
from rareworld.data.jsontext import check_schema, convert, read_json, write_json
from rareworld.errors import StoreError
from rareworld.models.text.cache import INDEX_FILE
from rareworld.models.wan_vae.tokenizer import latent_frames
from rareworld.train.config import DataConfig
from rareworld.train.data.clips import Bucket

LATENT_FILE = "latents.safetensors"
KIND = "latents"
VERSION = 1
CHANNELS = 16
"""Of the Wan 2.1 tokenizer."""
CELL = 8
"""Pixels along a side of a latent cell."""


@final
class Settings(Config):
    """What decides every latent of a cache besides the videos; a cache has one set of them."""

    tokenizer: str
    """SHA-256 of its weights."""
    dtype: Literal["bfloat16", "float32"]
    """Type it computed in, and of what is kept."""
    at_once: int
    """Latent frames it worked off at a time: moves last bits."""
    fused: bool
    """Whether its element-wise steps were compiled, as on GPUs: moves last bits too."""
    fps: float
    resolution: str
    num_frames: tuple[int, ...]
    windows: int
    flip: bool

    @classmethod
    def of(
        cls, data: DataConfig, *, tokenizer: str, dtype: str, at_once: int, fused: bool
    ) -> "Settings":
        """Return the settings of a run's data with a tokenizer."""
        shape = data.model_dump(include=set(cls.model_fields))
        work = {"tokenizer": tokenizer, "dtype": dtype, "at_once": at_once, "fused": fused}
        return cls.parse(work | shape)


@final
class Entry(Config):
    """One window of a cache."""

    name: str
    """Name of the window, key of its tensor."""
    clip: str
    """Name of its clip, key of its context."""
    source: int
    """Which of `data.sources` it is of."""
    bucket: Bucket
    """Its shape."""
    start_s: float
    """Time of its first frame in the clip."""
    mirrored: bool
    """Left and right swapped."""
    held_out: bool
    """Kept out of training, for the held-out loss."""
    caption: str
    """Text of the clip."""
    key: str
    """Hash of what the latents follow from: video, place, settings."""
    crc32: int = 0
    """Checksum of the tensor's bytes."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return the latent's shape: 16 channels, frames, rows, columns."""
        bucket = self.bucket
        rows, columns = bucket.height // CELL, bucket.width // CELL
        return CHANNELS, latent_frames(bucket.frames), rows, columns


@final
class Bad(Config):
    """A clip that could not be read when its shard was made."""

    clip: str
    error: str


@final
@dataclass(frozen=True)
class Index:
    """What a shard of latents says about itself."""

    settings: Settings
    entries: tuple[Entry, ...]
    bad: tuple[Bad, ...]


_SETTINGS = TypeAdapter(Settings)
_ENTRIES = TypeAdapter(tuple[Entry, ...])
_BAD = TypeAdapter(tuple[Bad, ...])


def write_shard(
    folder: Path,
    settings: Settings,
    made: Sequence[tuple[Entry, Float[Tensor, "_ _ _ _"]]],
    bad: Sequence[Bad] = (),
) -> None:
    """Write windows with latents of any shapes into an empty folder, made atomic by the caller."""
    tensors = {entry.name: latent.contiguous() for entry, latent in made}
    save_file(tensors, folder / LATENT_FILE)
    entries = [entry.model_copy(update={"crc32": checksum(latent)}) for entry, latent in made]
    write_json(
        folder / INDEX_FILE,
        {
            "kind": KIND,
            "schema_version": VERSION,
            "settings": settings.model_dump(mode="json"),
            "windows": [entry.model_dump(mode="json") for entry in entries],
            "bad": [clip.model_dump(mode="json") for clip in bad],
        },
    )


def read_index(folder: Path) -> Index:
    """Return what a shard says about itself.

    Raises:
        StoreError: If it is missing or damaged.
    """
    path = folder / INDEX_FILE
    values = read_json(path)
    check_schema(path, values, kind=KIND, version=VERSION)
    return Index(
        settings=convert(_SETTINGS.validate_python, values, "settings", path),
        entries=convert(_ENTRIES.validate_python, values, "windows", path),
        bad=convert(_BAD.validate_python, values, "bad", path),
    )


def read_latent(folder: Path, entry: Entry) -> Float[Tensor, "c t h w"]:
    """Return a window's latent, its checksum compared.

    Raises:
        StoreError: If the shard is missing or damaged; names file and tensor.
    """
    path = folder / LATENT_FILE
    try:
        with safe_open(path, framework="pt") as stored:
            tensor: Tensor = stored.get_tensor(entry.name)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: damaged ({error})") from None
    if tuple(tensor.shape) != entry.shape or checksum(tensor) != entry.crc32:
        raise StoreError(f"{path}: tensor {entry.name} differs from its checksum; damaged")
    return tensor


def check_shard(folder: Path) -> None:
    """Read a whole shard and compare all checksums.

    Raises:
        StoreError: Naming the first thing found damaged.
    """
    for entry in read_index(folder).entries:
        read_latent(folder, entry)


def checksum(tensor: Tensor) -> int:
    """Return the CRC-32 of a tensor's bytes."""
    return zlib.crc32(tensor.contiguous().view(torch.uint8).numpy().data)
