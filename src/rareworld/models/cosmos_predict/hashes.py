"""SHA-256 of weights, whole and true, computed once per file and not at every start.

A 14B checkpoint is 28 GB: a quarter of a minute and more of hashing. The hash of a large file is
remembered in our cache (`hashes/`) with the file's path, size, inode and times of change, as git's
index does; where one of them differs it is computed again, with a bar. A file that changed within
the last seconds is not remembered, since clocks of file systems are coarse.
Proved in `tests/models/cosmos_predict/test_hashes.py`.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rareworld.data.atomic import sha256_bytes, write_bytes
from rareworld.errors import StoreError
from rareworld.models.find import cache_folder
from rareworld.runtime.progress import progress_bar

LARGE = 64 << 20
"""Bytes from which a hash is remembered: a smaller file takes less than a tenth of a second."""
SETTLED_S = 3.0
"""Age of a change from which another one would have another time."""
_BLOCK = 16 << 20


def sha256_of(path: Path) -> str:
    """Return the hash of a file, or of the names and contents of all files in a folder."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    found = {file: _known(file) for file in files}
    missing = [file for file, known in found.items() if known is None]
    large = sum(_is_large(file) for file in missing)
    with progress_bar("hash of the weights", large, show=large > 0) as watcher:
        for file in missing:
            found[file] = _computed(file, lambda part, name=file.name: watcher.advance(name, part))
    if path.is_file():
        return str(found[path])
    lines = [f"{file.relative_to(path).as_posix()} {found[file]}\n" for file in files]
    return sha256_bytes("".join(lines).encode())


def _is_large(file: Path) -> bool:
    return file.stat().st_size >= LARGE


def _state(file: Path) -> dict[str, int | str]:
    """Return what changes when a file's content does."""
    told = file.stat()
    return {
        "path": str(file.resolve()),
        "size": told.st_size,
        "inode": told.st_ino,
        "mtime_ns": told.st_mtime_ns,
        "ctime_ns": told.st_ctime_ns,
    }


def _note(file: Path) -> Path:
    """Return where a file's hash is remembered."""
    return cache_folder("hashes") / f"{sha256_bytes(os.fsencode(file.resolve()))[:32]}.json"


def _known(file: Path) -> str | None:
    """Return a remembered hash, if the file is as it was then."""
    if not _is_large(file):
        return None
    try:
        note = json.loads(_note(file).read_text("utf-8"))
    except (OSError, ValueError):  # never hashed, or a note that is damaged
        return None
    held = isinstance(note, dict) and note.pop("sha256", None)
    return str(held) if held and note == _state(file) else None


def _computed(file: Path, report: Callable[[float], None]) -> str:
    """Return a file's hash, and remember it where that saves time."""
    before, digest, done = _state(file), hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            done += len(block)
            report(done / max(int(before["size"]), done))
    changed = max(int(before["mtime_ns"]), int(before["ctime_ns"])) / 1e9
    if _is_large(file) and before == _state(file) and time.time() - changed >= SETTLED_S:
        note = json.dumps(before | {"sha256": digest.hexdigest()}, indent=1)
        with suppress(StoreError):  # a cache that cannot be written only costs the next start time
            write_bytes(_note(file), note.encode())
    return digest.hexdigest()
