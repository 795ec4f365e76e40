"""A training cache: all that a run reads, so that it runs neither tokenizer nor text encoder.

    CACHE/cache.json                 what it was made of, its shards, what makes it again
    CACHE/latents/shard-*/           latents (`cache_shard`)
    CACHE/contexts/*/shard-*/        text contexts (`rareworld.models.text.cache`)
    CACHE/quarantine.json            clips that were left out, and why

`cache.json` comes last, so a cache that opens is complete. It holds a checksum of every index and
context file: damage is found when it is read, not after a night of training on it.

The tokenizer is causal: the first frames of a cached window are the latents of a shorter window
with the same start, so lengths are slices. A window that starts elsewhere sees another past, and is
encoded on its own.

Proved in `tests/train/data/test_cache.py`.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from jaxtyping import Float
from pydantic import TypeAdapter
from torch import Tensor

from rareworld.data.atomic import sha256_file
from rareworld.data.config import Config, nearest
from rareworld.data.jsontext import check_files, check_schema, convert, read_json, write_json
from rareworld.errors import ConfigError, StoreError
from rareworld.models.text.cache import CONTEXT_FILE, INDEX_FILE, ContextCache
from rareworld.models.wan_vae.tokenizer import latent_frames
from rareworld.train.config import DataConfig
from rareworld.train.data.cache_shard import Entry, Index, Settings, read_index, read_latent
from rareworld.train.data.clips import Bucket
from rareworld.train.data.order import Clips

CACHE_FILE = "cache.json"
LATENTS = "latents"
CONTEXTS = "contexts"
QUARANTINE_FILE = "quarantine.json"
KIND = "training-cache"
VERSION = 1

_SETTINGS = TypeAdapter(Settings)
_TEXTS = TypeAdapter(dict[str, str])
_FILES = TypeAdapter(dict[str, dict[str, int | str]])
_DATA = TypeAdapter(dict[str, Any])


@final
class Manifest(Config):
    """`cache.json`: what a finished cache is."""

    command: str
    """What makes it again."""
    settings: Settings
    data: dict[str, Any]
    """Section `data` of the run it was made for, as JSON types."""
    shards: dict[str, str]
    """SHA-256 of each shard's index, by name."""
    contexts: dict[str, dict[str, int | str]]
    """Size and SHA-256 of the files of contexts, by path in the cache."""


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `cache.json`: from now on the cache opens."""
    values = {"kind": KIND, "schema_version": VERSION, **manifest.model_dump(mode="json")}
    write_json(folder / CACHE_FILE, values)


def read_manifest(folder: Path) -> Manifest:
    """Read `cache.json`.

    Raises:
        StoreError: If it is missing or damaged.
    """
    path = folder / CACHE_FILE
    if not path.exists():
        raise StoreError(
            f"{folder}: holds no finished cache; make or finish it with: rareworld cache RECIPE"
        )
    values = read_json(path)
    check_schema(path, values, kind=KIND, version=VERSION)
    return Manifest(
        command=convert(TypeAdapter(str).validate_python, values, "command", path),
        settings=convert(_SETTINGS.validate_python, values, "settings", path),
        data=convert(_DATA.validate_python, values, "data", path),
        shards=convert(_TEXTS.validate_python, values, "shards", path),
        contexts=convert(_FILES.validate_python, values, "contexts", path),
    )


@final
class DamagedCacheError(StoreError):
    """A shard is missing or damaged; the message has the command that makes it again."""


@final
@dataclass(frozen=True)
class Cache:
    """A finished cache, opened for reading: indices in memory, tensors read one by one."""

    folder: Path
    manifest: Manifest
    windows: Mapping[str, Entry]
    """All windows by name, those held out too."""
    contexts: tuple[ContextCache, ...]
    """Where contexts are: encoded here, or taken from upstream's files."""
    _places: Mapping[str, Path] = field(repr=False)
    """Shard of each window."""
    _sound: set[Path] = field(default_factory=set[Path], repr=False)
    """Context files whose checksum has been compared."""

    @classmethod
    def open(cls, folder: Path) -> "Cache":
        """Read the indices of all shards.

        Raises:
            StoreError: If the cache is not finished, or a shard is missing or damaged; names it
                and the command that makes it again.
        """
        manifest = read_manifest(folder)
        windows: dict[str, Entry] = {}
        places: dict[str, Path] = {}
        with _remedy(manifest):
            for name, sha256 in sorted(manifest.shards.items()):
                shard = folder / LATENTS / name
                for entry in _sound_index(shard, sha256).entries:
                    windows[entry.name], places[entry.name] = entry, shard
            check_files(folder, manifest.contexts, deep=False)
            indices = {n: f for n, f in manifest.contexts.items() if n.endswith(INDEX_FILE)}
            check_files(folder, indices, deep=True)
            homes = sorted({(folder / file).parent.parent for file in manifest.contexts})
            contexts = tuple(ContextCache.open(home) for home in homes)
        return cls(folder, manifest, windows, contexts, places)

    def latent(self, window: str, frames: int | None = None) -> Float[Tensor, "c t h w"]:
        """Return a window's latent, of its first frames only if told.

        Args:
            window: Its name.
            frames: 4 n + 1 frames of video from the window's start on; None takes all.

        Raises:
            ConfigError: If there is no such window, or it is shorter.
            StoreError: If its shard is damaged; names it and the command that makes it again.
        """
        entry = self._entry(window)
        wanted = latent_frames(entry.bucket.frames if frames is None else frames)
        if wanted > entry.shape[1]:
            raise ConfigError(
                f"{window}: expected at most the {entry.bucket.frames} frames that are cached, "
                f"found {frames}"
            )
        with _remedy(self.manifest):
            return read_latent(self._places[window], entry)[:, :wanted]

    def context(self, clip: str) -> Float[Tensor, "512 e"]:
        """Return the context of a clip's caption.

        Raises:
            ConfigError: If there is no such clip.
            StoreError: If its shard is damaged; names it and the command that makes it again.
        """
        home = next((home for home in self.contexts if clip in home.places), None)
        if home is None:
            known = [name for each in self.contexts for name in each.names]
            raise ConfigError(f"{self.folder}: no context of clip {clip!r}{nearest(clip, known)}")
        with _remedy(self.manifest):
            self._check_context(home.places[clip].file)
            return home.context(clip)

    def clips(self, *, held_out: bool = False) -> Clips:
        """Return windows by clip, by source and bucket: what an `Order` draws from."""
        groups: dict[tuple[int, Bucket], dict[str, list[str]]] = {}
        for name in sorted(self.windows):
            entry = self.windows[name]
            if entry.held_out is held_out:
                group = groups.setdefault((entry.source, entry.bucket), {})
                group.setdefault(entry.clip, []).append(name)
        return groups

    def require(self, data: DataConfig) -> None:
        """Refuse a run whose data is not what the cache was made of.

        Raises:
            ConfigError: Naming what differs, and the way out.
        """
        ours, theirs = described(data), self.manifest.data
        odd = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
        if odd:
            raise ConfigError(
                f"{self.folder}: made with data.{odd[0]} {theirs.get(odd[0])!r}, this run has "
                f"{ours.get(odd[0])!r}; choose another data.cache, or bring it up to date with: "
                "rareworld cache RECIPE (--overwrite if sizes or lengths differ)"
            )

    def _entry(self, window: str) -> Entry:
        if window not in self.windows:
            hint = nearest(window, sorted(self.windows)[:1000])
            raise ConfigError(f"{self.folder}: no latents of window {window!r}{hint}")
        return self.windows[window]

    def _check_context(self, file: Path) -> None:
        """Compare a file's checksum when it is read for the first time."""
        if file not in self._sound:
            name = file.relative_to(self.folder).as_posix()
            check_files(self.folder, {name: self.manifest.contexts[name]}, deep=True)
            self._sound.add(file)


def described(data: DataConfig) -> dict[str, Any]:
    """Return what of a run's data decides the content of a cache, as JSON types."""
    without = {"cache", "batch_size", "micro_batch", "prefetch", "resident_gb"}
    values = data.model_dump(mode="json", exclude=without)
    for source in values["sources"]:
        del source["share"]
    return values


def context_files(folder: Path) -> dict[str, dict[str, int | str]]:
    """Return size and SHA-256 of all files of contexts, by path in the cache."""
    inside = folder / CONTEXTS
    files = [
        path for name in (CONTEXT_FILE, INDEX_FILE) for path in inside.glob(f"*/shard-*/{name}")
    ]
    return {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_file(path),
        }
        for path in sorted(files)
    }


def _sound_index(shard: Path, sha256: str) -> Index:
    """Read the index that the manifest knows."""
    path = shard / INDEX_FILE
    if path.exists() and sha256_file(path) != sha256:
        raise StoreError(f"{path}: content differs from its checksum; damaged, or being remade")
    return read_index(shard)


@contextmanager
def _remedy(manifest: Manifest) -> Generator[None]:
    """Add the command that makes a cache again to errors of damage."""
    try:
        yield
    except StoreError as error:
        raise DamagedCacheError(
            f"{error}; find and rebuild what is damaged with: {manifest.command}"
        ) from None
