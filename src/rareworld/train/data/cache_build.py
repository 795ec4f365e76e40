"""Making a cache with all processes, and ending it.

1. Shards that are there are read whole. A damaged one is set aside and made again; what is sound in
   it is taken over.
2. Contexts are made, then latents; each process makes its shards (`cache_texts`, `cache_job`).
3. Once all processes are there, the leading one removes what is not of this cache, writes
   `quarantine.json` and, last, `cache.json`.

Proved in `tests/train/data/test_cache_build.py`.
"""

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from rareworld.data.atomic import is_temporary, sha256_file
from rareworld.data.jsontext import check_files, read_json, write_json
from rareworld.errors import StoreError
from rareworld.models.text.cache import INDEX_FILE
from rareworld.nn.ranks import Ranks
from rareworld.runtime.local import LocalRunner, read_stamp
from rareworld.runtime.progress import Watcher
from rareworld.runtime.stage import JobReport
from rareworld.train.data.cache import (
    CACHE_FILE,
    CONTEXTS,
    LATENTS,
    QUARANTINE_FILE,
    Manifest,
    context_files,
    described,
    read_manifest,
    write_manifest,
)
from rareworld.train.data.cache_job import LatentShard
from rareworld.train.data.cache_plan import DAMAGED, CachePlan, in_threads
from rareworld.train.data.cache_shard import check_shard, read_index
from rareworld.train.data.cache_texts import run_texts, whole

SETTINGS_FILE = "run.json"
"""Settings of the run a cache was made for, where no command was given."""
WAIT_S = 30 * 86400.0
"""Longest wait for another process, whose share of the work may take days."""


@final
@dataclass(frozen=True, kw_only=True)
class CacheReport:
    """How a job ended."""

    folder: Path
    clips: int
    windows: int
    latents: JobReport
    """Shards of this process."""
    contexts: tuple[JobReport, ...]
    """Those of contexts: taken over from upstream's files, and encoded."""
    rebuilt: tuple[str, ...]
    """Shards of this process that were damaged, and are whole again."""
    quarantined: Mapping[str, str]
    """Clips left out, and why."""


def build_cache(
    plan: CachePlan,
    ranks: Ranks,
    *,
    workers: int = 1,
    inline: bool = False,
    watcher: Watcher | None = None,
) -> CacheReport:
    """Bring a cache to completion with all processes.

    Args:
        plan: This process's part.
        ranks: The processes.
        workers: Local processes that share this one's part; 0 takes one per core.
        inline: Work in this process instead.
        watcher: Told how shards of latents go.

    Raises:
        JobError: If a shard could not be made; the others are kept.
        FormatError: If the text encoder's weights cannot be found or read.
        StoreError: If the folder cannot be written.
    """
    runner = LocalRunner(workers=workers, overwrite=True, inline=inline)
    rebuilt = ranks.together(lambda: _clean(plan, ranks))
    shards = tuple(_pointed(shard) for shard in plan.shards)
    home = plan.folder / CONTEXTS
    contexts = ranks.together(lambda: run_texts(plan.texts, home, ranks, runner))
    latents = ranks.together(
        lambda: whole(runner.run(plan.stage, shards, plan.folder / LATENTS, watcher))
    )
    ranks.together(lambda: _finish(plan) if ranks.leads else None)
    entries = [e for name in plan.names for e in read_index(plan.folder / LATENTS / name).entries]
    return CacheReport(
        folder=plan.folder,
        clips=len({entry.clip for entry in entries}),
        windows=len(entries),
        latents=latents,
        contexts=contexts,
        rebuilt=rebuilt,
        quarantined=_left_out(plan),
    )


# --- before ------------------------------------------------------------------------------------


def _clean(plan: CachePlan, ranks: Ranks) -> tuple[str, ...]:
    """Set damaged shards aside; as the leading process, remove damaged contexts too."""
    home = plan.folder / LATENTS
    ours = [home / shard.name for shard in plan.shards if (home / shard.name).exists()]
    damaged = [
        path for path, sound in zip(ours, in_threads(_is_sound, ours), strict=True) if not sound
    ]
    for path in damaged:
        aside = path.with_name(DAMAGED + path.name)
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
    names = [path.relative_to(plan.folder).as_posix() for path in damaged]
    return (*names, *(_clean_contexts(plan.folder) if ranks.leads else ()))


def _is_sound(shard: Path) -> bool:
    try:
        stamp = read_stamp(shard) or {}
        check_shard(shard)
    except StoreError:
        return False
    return stamp.get("summary", {}).get("index_sha256") == sha256_file(shard / INDEX_FILE)


def _clean_contexts(folder: Path) -> tuple[str, ...]:
    """Remove shards of contexts that are not as `cache.json` knows them, and `cache.json`."""
    listed: Mapping[str, Mapping[str, object]] = {}
    try:
        if (folder / CACHE_FILE).exists():
            listed = read_manifest(folder).contexts
    except StoreError:
        pass  # it is written again at the end
    damaged: set[Path] = set()
    for shard in sorted((folder / CONTEXTS).glob("*/shard-*")):
        ours = {name: facts for name, facts in listed.items() if (folder / name).parent == shard}
        try:
            read_stamp(shard)
            read_json(shard / INDEX_FILE)
            check_files(folder, ours, deep=True)
        except StoreError:
            damaged.add(shard)
    for shard in damaged:
        shutil.rmtree(shard)
    (folder / CACHE_FILE).unlink(missing_ok=True)
    return tuple(sorted(shard.relative_to(folder).as_posix() for shard in damaged))


def _pointed(shard: LatentShard) -> LatentShard:
    """Point windows at the shard that was set aside since they were planned."""
    windows = tuple(
        replace(p, kept=(_found(p.kept[0]), p.kept[1])) if p.kept else p for p in shard.windows
    )
    return replace(shard, windows=windows)


def _found(shard: Path) -> Path:
    return shard if shard.exists() else shard.with_name(DAMAGED + shard.name)


# --- after -------------------------------------------------------------------------------------


def _finish(plan: CachePlan) -> None:
    """Remove what is not of this cache; list clips that were left out; write `cache.json`."""
    home = plan.folder / LATENTS
    for path in home.iterdir():
        if path.is_dir() and path.name not in plan.names:
            shutil.rmtree(path)
    for path in (plan.folder / CONTEXTS).glob("*/*"):
        if path.is_dir() and is_temporary(path):
            shutil.rmtree(path)
    left_out = _left_out(plan)
    listed = [{"item": clip, "error": error} for clip, error in left_out.items()]
    if listed:
        write_json(plan.folder / QUARANTINE_FILE, listed)
    else:
        (plan.folder / QUARANTINE_FILE).unlink(missing_ok=True)
    write_manifest(
        plan.folder,
        Manifest(
            command=plan.command or _keep_settings(plan),
            settings=plan.stage.settings,
            data=described(plan.config.data),
            shards={name: sha256_file(home / name / INDEX_FILE) for name in plan.names},
            contexts=context_files(plan.folder),
        ),
    )


def _keep_settings(plan: CachePlan) -> str:
    """Keep the run's settings in the cache; return the command that makes it again from them."""
    path = plan.folder / SETTINGS_FILE
    write_json(path, plan.config.model_dump(mode="json"))
    return shlex.join(["rareworld", "cache", str(path), "--out", str(plan.folder)])


def _left_out(plan: CachePlan) -> dict[str, str]:
    """Return clips that cannot be used, found before or while they were decoded."""
    home = plan.folder / LATENTS
    bad = {b.clip: b.error for name in plan.names for b in read_index(home / name).bad}
    return dict(sorted(({each.name: each.error for each in plan.rejected} | bad).items()))
