"""What a save that could not be written ended with, in words that say what to do.

Proved in `tests/train/test_save_errors.py` and, on real limits, in `test_checkpoint.py`.
"""

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from torch.distributed.checkpoint.api import CheckpointException

from rareworld.errors import RareworldError, StoreError

FAILURES = (OSError, RuntimeError, CheckpointException, RareworldError)
"""What writing can end with: DCP gathers ranks' errors, torch's writer makes them RuntimeError."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explained(path: Path, needed: int, error: BaseException) -> RareworldError:
    """Return what to tell of a save that could not be written."""
    full = any(isinstance(e, OSError) and e.errno in _FULL for e in _causes(error))
    free = _free(path.parent)
    if isinstance(error, RareworldError) and not full:
        return error
    if full or (free is not None and free < needed):
        return full_disk(path, needed, free, reason_of(error))
    return StoreError(
        f"{path}: cannot be saved ({reason_of(error)}); check the disk; older saves are whole"
    )


def full_disk(path: Path, needed: int, free: int | None, reason: str) -> StoreError:
    """Return the error of a disk without room: what a save takes, what is free, the way out."""
    found = "an unknown amount is" if free is None else f"{free} bytes are"
    return StoreError(
        f"{path}: cannot be saved ({reason}): {needed} bytes are needed "
        f"({needed / 1e9:.2f} GB), {found} free; free some space, lower checkpoint.keep_last "
        "or choose another disk (--out), and run the same command; older saves are whole"
    )


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from: DCP keeps each rank's, Python keeps a chain."""
    yield error
    if isinstance(error, CheckpointException):
        for inner, _ in error.failures.values():
            yield from _causes(inner)
    for before in (error.__cause__, error.__context__):
        if before is not None:
            yield before


def reason_of(error: BaseException) -> str:
    """Return the first cause in one line."""
    cause = next((e for e in _causes(error) if isinstance(e, OSError)), error)
    if isinstance(cause, CheckpointException):
        cause = next((e for e, _ in cause.failures.values()), cause)
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return f"{type(cause).__name__}: {cause}".partition("\n")[0]
