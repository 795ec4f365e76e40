"""Contexts on disk, ours: shards of trimmed safetensors with an index that tells where from.

A cache is a folder of shard folders, each with `context.safetensors` (tensors `0`, `1`, ... in the
encoder's own type, bit for bit; zero rows past a prompt are not kept) and `index.json` (clips, text
hashes, the encoder's identity and the projection the contexts went through). A shard is written
whole or not at all. Proved in `tests/models/text/test_cache.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rareworld.data.config import Config, nearest
from rareworld.data.jsontext import check_schema, convert, read_json, write_json
from rareworld.errors import ConfigError, StoreError
from rareworld.models.text.encoder import MAX_TOKENS, EncoderName

CONTEXT_FILE = "context.safetensors"
INDEX_FILE = "index.json"
KIND = "text-context"
VERSION = 1


@final
class Identity(Config):
    """Which encoder made a cache; caches of two identities are never mixed."""

    encoder: EncoderName
    """Which kind."""
    weights: str
    """Fingerprint of its files, or the version of an encoder without weights."""
    dtype: str
    """Type it computed and kept contexts in."""
    projection: str | None = None
    """SHA-256 of the net's projection that contexts went through; null: none."""


@final
class Entry(Config):
    """One clip of a shard."""

    clip: str
    """Name of the clip."""
    text_sha256: str
    """SHA-256 of its caption."""
    rows: int
    """Rows kept; those up to 512 are zero."""
    cut: str = ""
    """End of the caption that did not fit."""


_IDENTITY = TypeAdapter(Identity)
_ENTRIES = TypeAdapter(tuple[Entry, ...])


def trim(context: Float[Tensor, "n c"]) -> Float[Tensor, "m c"]:
    """Return a context without the zero rows at its end; one row at least."""
    used = context.ne(0).any(dim=-1).nonzero()
    return context[: int(used[-1]) + 1 if len(used) else 1].contiguous()


def pad(context: Float[Tensor, "m c"]) -> Float[Tensor, "512 c"]:
    """Return a context with zero rows up to 512."""
    out = context.new_zeros(MAX_TOKENS, context.shape[1])
    out[: len(context)] = context
    return out


def write_shard(
    folder: Path,
    identity: Identity,
    entries: Sequence[Entry],
    contexts: Sequence[Float[Tensor, "_ _"]],
) -> None:
    """Write a shard into an empty folder, which the caller makes atomic."""
    tensors = {str(index): context.cpu() for index, context in enumerate(contexts)}
    save_file(tensors, folder / CONTEXT_FILE)
    write_json(
        folder / INDEX_FILE,
        {
            "kind": KIND,
            "schema_version": VERSION,
            "identity": identity.model_dump(mode="json"),
            "clips": [entry.model_dump(mode="json") for entry in entries],
        },
    )


@final
@dataclass(frozen=True)
class _Place:
    """Where a clip's context is."""

    file: Path
    key: str
    entry: Entry


@final
@dataclass(frozen=True)
class ContextCache:
    """A cache opened for reading: an index in memory, contexts read one by one."""

    folder: Path
    identity: Identity
    places: Mapping[str, _Place]

    @classmethod
    def open(cls, folder: Path) -> "ContextCache":
        """Read the indices of all shards.

        Raises:
            StoreError: If there is none, one is damaged, or they are not of one cache.
        """
        files = sorted(folder.glob(f"*/{INDEX_FILE}"))
        if not files:
            raise StoreError(f"{folder}: holds no text contexts; make them with: rareworld embed")
        places: dict[str, _Place] = {}
        first, _ = _read_index(files[0])
        for path in files:
            identity, entries = _read_index(path)
            _refuse_mixture(path, first, identity)
            _add(places, path, entries)
        return cls(folder, first, places)

    @property
    def names(self) -> tuple[str, ...]:
        """Clips that have a context, sorted."""
        return tuple(sorted(self.places))

    def entry(self, name: str) -> Entry:
        """Return what is known of a clip's context.

        Raises:
            ConfigError: If there is no such clip, naming the nearest.
        """
        return self._place(name).entry

    def context(self, name: str) -> Float[Tensor, "512 c"]:
        """Return a clip's context, bit for bit what the encoder gave.

        Raises:
            ConfigError: If there is no such clip.
            StoreError: If its shard is damaged.
        """
        place = self._place(name)
        return pad(_read_tensor(place))

    def require(self, *, projection: str | None, encoder: EncoderName | None = None) -> None:
        """Refuse a net with another projection, or trained with another encoder, than the cache's.

        Args:
            projection: `Projection.sha256` of the net in use; None for one without (Predict2).
            encoder: Encoder the net was trained with; None takes any.

        Raises:
            ConfigError: Naming both.
        """
        made = self.identity
        if projection != made.projection or encoder not in (None, made.encoder):
            raise ConfigError(
                f"{self.folder}: made by {made.encoder} for a net with projection "
                f"{_short(made.projection)}, this net wants {encoder or 'any encoder'} with "
                f"projection {_short(projection)}; make the cache again with: rareworld embed "
                "--encoder reason1 --projection CHECKPOINT (Predict2: --encoder t5)"
            )

    def _place(self, name: str) -> _Place:
        if name not in self.places:
            hint = nearest(name, self.names[:1000])
            raise ConfigError(f"{self.folder}: no context of clip {name!r}{hint}")
        return self.places[name]


def _read_index(path: Path) -> tuple[Identity, tuple[Entry, ...]]:
    values = read_json(path)
    check_schema(path, values, kind=KIND, version=VERSION)
    identity = convert(_IDENTITY.validate_python, values, "identity", path)
    return identity, convert(_ENTRIES.validate_python, values, "clips", path)


def _refuse_mixture(path: Path, before: Identity, found: Identity) -> None:
    if before != found:
        raise StoreError(
            f"{path}: made by {_words(found)}, the shards before it by {_words(before)}; a cache "
            "holds one kind: choose another --out and make it again"
        )


def _words(identity: Identity) -> str:
    parts = (identity.encoder, _short(identity.weights), identity.dtype)
    return f"{' '.join(parts)} projection {_short(identity.projection)}"


def _short(value: str | None) -> str:
    return value[:12] if value else "none"


def _add(places: dict[str, _Place], path: Path, entries: Sequence[Entry]) -> None:
    for index, entry in enumerate(entries):
        if entry.clip in places:
            raise StoreError(
                f"{path}: clip {entry.clip!r} stands in {places[entry.clip].file.parent} too; "
                "remove the folder and make the cache again"
            )
        places[entry.clip] = _Place(path.parent / CONTEXT_FILE, str(index), entry)


def _read_tensor(place: _Place) -> Float[Tensor, "m c"]:
    try:
        with safe_open(place.file, framework="pt") as stored:
            tensor: Any = stored.get_tensor(place.key)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{place.file}: damaged ({error}); make the cache again") from None
    fits = tensor.ndim == 2 and len(tensor) == place.entry.rows and torch.is_floating_point(tensor)
    if not fits:
        raise StoreError(
            f"{place.file}: tensor {place.key} is {tuple(tensor.shape)}, its index says "
            f"{place.entry.rows} rows; damaged, make the cache again"
        )
    return tensor
