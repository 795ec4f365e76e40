"""Atomic files and folders: what exists under its final name is complete.

Work happens under a temporary sibling name (`.NAME.partial-RANDOM`), is flushed to disk and then
renamed. The writer holds an advisory lock (flock) on the temporary for as long as it lives; the
kernel drops it when the process dies, so a temporary without a lock is the leftover of a killed
run and is swept away by the next writer of the same name. Proved in `tests/data/test_atomic.py`.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from rareworld.errors import StoreError

_MARK = ".partial-"

_REMEDIES = {
    errno.ENOSPC: "free some space or choose another disk",
    errno.EDQUOT: "free some of your quota or choose another disk",
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder on a writable disk",
    errno.ENOTDIR: "one part of the path is a file: choose another path",
    errno.EEXIST: "one part of the path is a file: choose another path",
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "choose a shorter name",
}

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""Errors of the disk itself, whatever file they name."""


def store_error(path: Path, error: OSError) -> StoreError:
    """Return the error to raise when `path` could not be written, with reason and remedy."""
    remedy = _REMEDIES.get(error.errno or 0, "check the disk and the path")
    reason = error.strerror or str(error)
    return StoreError(f"{path}: cannot be written ({reason}); {remedy}; nothing was left behind")


@contextmanager
def atomic_file(path: Path, *, replace: bool = True) -> Generator[Path]:
    """Yield a temporary path next to `path`; at clean exit it becomes `path`.

    Raises:
        StoreError: If the file exists and `replace` is off, or cannot be written.
    """
    _refuse_existing(path, replace=replace)
    with _cleaned(path) as temporary:
        temporary.touch()
        with _locked(temporary):
            yield temporary
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Generator[Path]:
    """Yield an empty temporary folder next to `path`; at clean exit it becomes `path`.

    Raises:
        StoreError: If the folder exists and `replace` is off, or cannot be written.
    """
    _refuse_existing(path, replace=replace)
    with _cleaned(path) as temporary:
        temporary.mkdir()
        with _locked(temporary):
            yield temporary
            for item in sorted(temporary.rglob("*")):
                _sync(item)
            _sync(temporary)
            _move_folder(temporary, path)
            _sync(path.parent)


@contextmanager
def scratch_folder(path: Path) -> Generator[Path]:
    """Yield an empty folder beside `path`, removed at the end; those of killed runs are swept.

    Raises:
        StoreError: If it cannot be written.
    """
    with _cleaned(path) as temporary:
        temporary.mkdir()
        with _locked(temporary):
            yield temporary


def write_bytes(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a whole file atomically.

    Raises:
        StoreError: If it cannot be written.
    """
    with atomic_file(path, replace=replace) as temporary:
        temporary.write_bytes(content)


def sweep(path: Path) -> tuple[Path, ...]:
    """Remove and return the leftovers that killed writers of `path` left beside it."""
    removed: list[Path] = []
    for item in leftovers(path):
        _remove(item)
        removed.append(item)
    return tuple(removed)


def leftovers(path: Path) -> tuple[Path, ...]:
    """Return temporaries of `path` whose writer is gone, in order of name."""
    if not path.parent.is_dir():
        return ()
    prefix = f".{path.name}{_MARK}"
    found = (item for item in path.parent.iterdir() if item.name.startswith(prefix))
    return tuple(item for item in sorted(found) if not _is_held(item))


def is_temporary(path: Path) -> bool:
    """Return whether a name belongs to an unfinished write."""
    return path.name.startswith(".") and _MARK in path.name


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _cleaned(path: Path) -> Generator[Path]:
    """Yield a fresh temporary name; whatever still has it at the end is removed."""
    temporary = path.parent / f".{path.name}{_MARK}{secrets.token_hex(6)}"
    _prepare(path)
    try:
        yield temporary
    except OSError as error:
        if error.errno in _DISK or str(error.filename).startswith(str(temporary)):
            raise store_error(path, error) from error
        raise
    finally:
        with suppress(OSError):  # the disk's own error is on its way out; this would hide it
            _remove(temporary)


def _prepare(path: Path) -> None:
    """Make the parent folder and clear leftovers of killed writers."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
    except OSError as error:
        raise store_error(path, error) from error


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold an exclusive advisory lock on a file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_held(path: Path) -> bool:
    """Return whether a living process holds the lock of a temporary."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _refuse_existing(path: Path, *, replace: bool) -> None:
    try:
        found = path.exists()
    except OSError as error:
        raise store_error(path, error) from error
    if found and not replace:
        raise StoreError(f"{path}: already exists; remove it or choose another name")


def _sync(path: Path) -> None:
    """Flush a file or a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_folder(temporary: Path, path: Path) -> None:
    """Rename a folder over another; the old one is moved aside first and then removed."""
    if not path.exists():
        temporary.rename(path)
        return
    aside = temporary.with_name(f"{temporary.name}-old")
    path.rename(aside)
    try:
        temporary.rename(path)
    except OSError:
        aside.rename(path)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
