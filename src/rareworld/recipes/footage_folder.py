"""Finished items of footage become one Predict2 folder: `videos/`, `metas/`, `manifest.json`.

Files are linked, not copied, where the disk can. It may be done while a job still runs: what is
finished is taken. Proved in `tests/recipes/test_footage.py`.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from rareworld.data.atomic import atomic_file, is_temporary, store_error
from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import ConfigError

VIDEOS, METAS, RECORD, MANIFEST = "videos", "metas", "clips.json", "manifest.json"
ITEMS = "items"
"""Folder inside a set where the job keeps its items."""
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES})


def gather(out: Path, settings: dict[str, Any]) -> int:
    """Bring all finished items under `out/items` into the set; return the number of clips.

    Args:
        out: Folder of the set.
        settings: What made it, for the manifest.

    Raises:
        ConfigError: If nothing is finished.
        StoreError: If an item is damaged or the folder cannot be written.
    """
    items = sorted(path.parent for path in (out / ITEMS).glob(f"*/{RECORD}"))
    items = [item for item in items if not is_temporary(item)]
    if not items:
        raise ConfigError(f"{out / ITEMS}: no recording is finished yet; run the job first")
    clips: list[dict[str, Any]] = []
    for item in items:
        record: dict[str, Any] = read_json(item / RECORD)
        clips += [{**clip, **record["source"]} for clip in record["clips"]]
        for clip in record["clips"]:
            _share(item / VIDEOS / f"{clip['name']}.mp4", out / VIDEOS)
            _share(item / METAS / f"{clip['name']}.txt", out / METAS)
    write_json(out / MANIFEST, {"config": settings, "clips": clips})
    return len(clips)


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
