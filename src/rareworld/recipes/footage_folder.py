"""Finished items of footage become one Predict2 folder: `videos/`, `metas/`, `manifest.json`.

Files are linked, not copied, where the disk can. It may be done while a job still runs: what is
finished is taken, and of that what this configuration made.

Proved in `tests/recipes/test_footage.py`.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from rareworld.data.atomic import atomic_file, store_error
from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import ConfigError
from rareworld.recipes.footage import METAS, RECORD, VIDEOS, FootageStage
from rareworld.runtime.local import read_stamp
from rareworld.runtime.stage import content_key

MANIFEST = "manifest.json"
ITEMS = "items"
"""Folder inside a set where the job keeps its items."""
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES})


def gather(out: Path, stage: FootageStage, *, replace: bool = False) -> int:
    """Bring a configuration's finished items into the set; return the number of clips.

    Clips that the set had before and has no more are removed; other files stay.

    Args:
        out: Folder of the set, with the items under `out/items`.
        stage: What made them.
        replace: Leave out items of another configuration instead of refusing them.

    Raises:
        ConfigError: If nothing is finished, or is of another configuration.
        StoreError: If an item is damaged or the folder cannot be written.
    """
    items = _finished(out / ITEMS, stage, replace=replace)
    if not items:
        raise ConfigError(f"{out / ITEMS}: no recording is finished yet; run the job first")
    clips: list[dict[str, Any]] = []
    for item in items:
        record: dict[str, Any] = read_json(item / RECORD)
        clips += [{**clip, **record["source"]} for clip in record["clips"]]
        for clip in record["clips"]:
            _share(item / VIDEOS / f"{clip['name']}.mp4", out / VIDEOS)
            _share(item / METAS / f"{clip['name']}.txt", out / METAS)
    _drop(out, _listed(out / MANIFEST) - {clip["name"] for clip in clips})
    config = stage.config.model_dump(mode="json")
    write_json(out / MANIFEST, {"config": config, "clips": clips})
    return len(clips)


def _finished(folder: Path, stage: FootageStage, *, replace: bool) -> list[Path]:
    """Return the folders of the items that this configuration has finished."""
    out: list[Path] = []
    for index in range(stage.config.n):
        item = folder / stage.item_name(index)
        stamp = read_stamp(item)
        if stamp is None:
            continue
        if stamp.get("key") == content_key(stage, index):
            out.append(item)
        elif not replace:
            raise ConfigError(
                f"{item} holds work of another configuration; gather with the settings that made "
                "it, or pass --overwrite to leave it out"
            )
    return out


def _listed(manifest: Path) -> set[str]:
    """Return the names of the clips that a set had before."""
    clips: Any = read_json(manifest)["clips"] if manifest.exists() else []
    return {clip["name"] for clip in clips}


def _drop(out: Path, names: set[str]) -> None:
    """Remove clips from the set; the job's own folders keep theirs."""
    for name in sorted(names):
        for path in (out / VIDEOS / f"{name}.mp4", out / METAS / f"{name}.txt"):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise store_error(path, error) from error


def _share(source: Path, folder: Path) -> None:
    """Make a file appear in a folder too, anew where it was made anew."""
    target = folder / source.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.samefile(source):
            return
        with atomic_file(target) as temporary:
            _link(source, temporary)
    except OSError as error:
        raise store_error(target, error) from error


def _link(source: Path, target: Path) -> None:
    """Link a file, or copy it where the disk or the system has no links."""
    try:
        target.unlink(missing_ok=True)
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)
