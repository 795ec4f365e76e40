"""What `rareworld cache` is about to do: clips, windows, the hash of every video, shards.

Proved in `tests/train/data/test_cache_plan.py`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, final

import torch

from rareworld.data.atomic import sha256_bytes, sha256_file
from rareworld.data.jsontext import dump_json
from rareworld.errors import ConfigError, FormatError, StoreError
from rareworld.models.cosmos_predict.config import FAMILIES, Family
from rareworld.models.cosmos_predict.hashes import sha256_of
from rareworld.models.cosmos_predict.pipeline import inside, net_path, pipeline_of
from rareworld.models.cosmos_predict.weights.reader import open_checkpoint
from rareworld.models.text.load import torch_device
from rareworld.models.wan_vae.weights import tokenizer_folder
from rareworld.nn.fusing import can_fuse
from rareworld.nn.ranks import Ranks
from rareworld.train.config import TrainConfig
from rareworld.train.data.cache import LATENTS
from rareworld.train.data.cache_job import (
    AT_ONCE,
    CacheStage,
    LatentShard,
    Planned,
    shard_count,
    shard_of,
)
from rareworld.train.data.cache_shard import Entry, Index, Settings, read_index
from rareworld.train.data.cache_texts import Texts, plan_texts
from rareworld.train.data.clips import ClipItem, Rejected, Window
from rareworld.train.data.sources import PROBES_FILE, read_catalogue
from rareworld.train.data.windows import windows_of

T = TypeVar("T")
V = TypeVar("V")

WINDOW_SEED = 0
"""Windows do not follow from the run's seed, so that runs of any seed share a cache."""
LAYOUT = 1
"""Raised when the frames or latents of the same window change: all are then made again."""
DAMAGED = "damaged-"
"""Before the name of a shard that was set aside."""


@final
@dataclass(frozen=True, kw_only=True)
class CachePlan:
    """One process's part of a job."""

    folder: Path
    stage: CacheStage
    shards: tuple[LatentShard, ...]
    """Of this process."""
    names: tuple[str, ...]
    """Of all processes' shards."""
    texts: Texts
    rejected: tuple[Rejected, ...]
    config: TrainConfig
    command: str | None
    """What makes the cache again; None: the settings are kept with it."""

    @property
    def reused(self) -> int:
        """Windows of this process's shards that earlier shards hold."""
        return sum(len(shard.windows) - len(shard.todo) for shard in self.shards)


def cache_folder(config: TrainConfig, run: Path | None = None) -> Path:
    """Return where a run's cache is: `data.cache`, or `cache` inside the run's folder."""
    return config.data.cache or (run or Path(config.name)) / "cache"


def plan_cache(
    config: TrainConfig,
    folder: Path,
    ranks: Ranks,
    *,
    local_rank: int | None = None,
    overwrite: bool = False,
    command: str | None = None,
) -> CachePlan:
    """Look at the data and the weights, and share out the work.

    Args:
        config: Settings of the run.
        folder: The cache.
        ranks: Processes that share the job.
        local_rank: Number of this process among those of this machine: its GPU; left out,
            torchrun says it.
        overwrite: Replace a cache of other settings.
        command: What makes the cache again, for messages; left out, one that reads the settings
            kept in the cache.

    Raises:
        ConfigError: If settings do not go together, or the folder holds a cache of other settings
            and `overwrite` is not set.
        FormatError: If weights cannot be found or read, or no clip can be used.
        DeviceError: If the device is not there.
    """
    local = int(os.environ.get("LOCAL_RANK", "0")) if local_rank is None else local_rank
    device = torch_device(config.compute.device, local)
    dtype = _dtype(config, device)
    net, family = _model(config.base.model)
    catalogue = read_catalogue(config.data, probes=folder / PROBES_FILE if ranks.leads else None)
    found = (*catalogue.train, *catalogue.held_out)
    texts, unread = plan_texts(config, found, net, family, device, dtype)
    rejected = (*catalogue.rejected, *unread.values())
    usable = sorted((i for i in found if i.name not in unread), key=lambda item: item.name)
    if not usable:
        raise FormatError(_none_left(rejected))
    pipeline = None if net is None else pipeline_of(net)
    tokenizer = tokenizer_folder(config.base.tokenizer or inside(pipeline, "vae"))
    settings = Settings.of(
        config.data,
        tokenizer=sha256_of(tokenizer),
        dtype=dtype,
        at_once=AT_ONCE,
        fused=can_fuse(device),
    )
    indices = _indices(folder)
    _refuse_other(indices, settings, overwrite=overwrite)
    members = _members(usable)
    maker = _Maker(
        config=config,
        settings=settings,
        held_out={item.name for item in catalogue.held_out},
        known={e.key: (path, e) for path, index in indices.items() for e in index.entries},
    )
    return CachePlan(
        folder=folder,
        stage=CacheStage(
            settings=settings, tokenizer=tokenizer, device=str(device), threads=decoders()
        ),
        shards=maker.shards({name: members[name] for name in _ours(members, ranks)}),
        names=tuple(members),
        texts=replace(texts, overwrite=overwrite),
        rejected=rejected,
        config=config,
        command=command,
    )


def decoders() -> int:
    """Return how many videos are decoded at the same time, ahead of the tokenizer."""
    return min(4, max(2, (os.cpu_count() or 1) // 4))


def _model(name: str) -> tuple[Path | None, Family]:
    """Return a model's checkpoint, None where only its shape is named, and its family."""
    if name in FAMILIES:
        return None, FAMILIES[name]
    net = net_path(name)
    return net, open_checkpoint(net, values=False).family


def _dtype(config: TrainConfig, device: torch.device) -> str:
    wanted = config.compute.dtype
    if wanted != "auto":
        return wanted
    return "bfloat16" if device.type == "cuda" else "float32"


def _none_left(rejected: Sequence[Rejected]) -> str:
    first = rejected[0]
    return (
        f"none of {len(rejected)} clips can be used, the first: {first.name}: {first.error}; "
        "mend the clips, or name other data.sources"
    )


def _indices(folder: Path) -> dict[Path, Index]:
    """Return what the shards in a folder say, those set aside too; damaged indices say nothing."""
    found: dict[Path, Index] = {}
    home = folder / LATENTS
    for shard in (*sorted(home.glob(f"{DAMAGED}shard-*")), *sorted(home.glob("shard-*"))):
        try:
            found[shard] = read_index(shard)
        except StoreError:
            continue  # found again, told and made anew by `cache_build`
    return found


def _refuse_other(indices: Mapping[Path, Index], settings: Settings, *, overwrite: bool) -> None:
    """Refuse a folder made with other settings, unless it may be replaced."""
    for path, index in indices.items():
        if index.settings != settings and not overwrite:
            ours, theirs = settings.model_dump(), index.settings.model_dump()
            odd = next(name for name in ours if ours[name] != theirs[name])
            raise ConfigError(
                f"{path}: made with {odd} {theirs[odd]!r}, this run has {ours[odd]!r}; choose "
                "another data.cache or --out, or pass --overwrite to replace it"
            )


def _members(items: Sequence[ClipItem]) -> dict[str, list[ClipItem]]:
    """Return the clips of each shard, by its name, sorted."""
    count = shard_count(len(items))
    members: dict[str, list[ClipItem]] = {}
    for item in items:
        members.setdefault(shard_of(item.name, count), []).append(item)
    return dict(sorted(members.items()))


def _ours(names: Sequence[str] | Mapping[str, Any], ranks: Ranks) -> list[str]:
    """Return the names that are this process's to make."""
    return list(names)[ranks.rank :: ranks.world]


@final
@dataclass(frozen=True, kw_only=True)
class _Maker:
    """Plans the windows of clips."""

    config: TrainConfig
    settings: Settings
    held_out: set[str]
    known: Mapping[str, tuple[Path, Entry]]
    """Windows that shards hold, by what their latents follow from."""

    def shards(self, members: Mapping[str, Sequence[ClipItem]]) -> tuple[LatentShard, ...]:
        """Return shards of clips."""
        videos = [item.video for items in members.values() for item in items]
        hashes = dict(zip(videos, in_threads(sha256_file, videos), strict=True))
        return tuple(
            LatentShard(
                name=name,
                windows=tuple(p for item in items for p in self.windows(item, hashes[item.video])),
            )
            for name, items in members.items()
        )

    def windows(self, item: ClipItem, video: str) -> tuple[Planned, ...]:
        """Return a clip's windows; held-out clips are never mirrored."""
        windows = windows_of(item, self.config.data, WINDOW_SEED)
        kept = [w for w in windows if not (w.mirrored and item.name in self.held_out)]
        return tuple(self.planned(window, video) for window in kept)

    def planned(self, window: Window, video: str) -> Planned:
        """Return a window with all that its shard's index will say, and where its latents are."""
        decisive = {"tokenizer", "dtype", "at_once", "fused", "fps"}
        follows = {
            "layout": LAYOUT,
            "video": video,
            "bucket": str(window.bucket),
            "start_s": window.start_s,
            "mirrored": window.mirrored,
            **self.settings.model_dump(mode="json", include=decisive),
        }
        entry = Entry(
            name=window.name,
            clip=window.item.name,
            source=window.item.source,
            bucket=window.bucket,
            start_s=window.start_s,
            mirrored=window.mirrored,
            held_out=window.item.name in self.held_out,
            caption=window.item.caption,
            key=sha256_bytes(dump_json(follows).encode()),
        )
        return Planned(window=window, entry=entry, kept=self.known.get(entry.key))


def in_threads(work: Callable[[T], V], items: Sequence[T]) -> list[V]:
    """Return the results of reading in as many threads as there are cores."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(work, items))
