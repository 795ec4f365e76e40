"""Errors of a save in words: a full disk in all its shapes, and what is none."""

import errno
import os
from pathlib import Path

import pytest
from torch.distributed.checkpoint.api import CheckpointException, _wrap_exception

from rareworld.errors import ConfigError, StoreError
from rareworld.train.save_errors import explained, full_disk, reason_of

STEP = Path("/run/checkpoints/step_000000002")


def raised(error: BaseException, cause: BaseException) -> BaseException:
    """Return an error as `raise error from cause` leaves it."""
    error.__cause__ = cause
    return error


def disk(code: int) -> OSError:
    return OSError(code, os.strerror(code), "file")


def of_ranks(*errors: BaseException) -> CheckpointException:
    failures = {rank: _wrap_exception(error) for rank, error in enumerate(errors)}
    return CheckpointException("write", failures)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (disk(errno.ENOSPC), "No space left on device"),
        (disk(errno.EDQUOT), "Disk quota exceeded"),
        (disk(errno.EFBIG), "File too large"),
        (of_ranks(ValueError("x"), disk(errno.ENOSPC)), "No space left on device"),
        (raised(StoreError("cannot be written"), disk(errno.ENOSPC)), "No space left on device"),
        (raised(RuntimeError("file write failed"), disk(errno.ENOSPC)), "No space left on device"),
    ],
)
def test_a_full_disk_is_known_however_it_is_told(error, reason, tmp_path):
    said = str(explained(tmp_path / "step", 5_000_000_000, error))
    assert said.startswith(f"{tmp_path / 'step'}: cannot be saved ({reason}): 5000000000 bytes are")
    assert "(5.00 GB)" in said
    assert "lower checkpoint.keep_last or choose another disk (--out)" in said
    assert said.endswith("older saves are whole")


def test_a_writer_that_only_says_it_failed_is_a_full_disk_where_there_is_no_room(tmp_path):
    error = RuntimeError("PytorchStreamWriter failed writing file")
    assert "bytes are needed" in str(explained(tmp_path / "step", 2**62, error))
    assert "bytes are needed" not in str(explained(tmp_path / "step", 1, error))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (disk(errno.EROFS), "cannot be saved (Read-only file system); check the disk"),
        (RuntimeError("two\nlines"), "cannot be saved (RuntimeError: two); check the disk"),
        (of_ranks(ValueError("odd")), "cannot be saved (ValueError: odd); check the disk"),
    ],
)
def test_other_failures_of_the_disk_say_what_they_are(error, said, tmp_path):
    found = explained(tmp_path / "step", 1, error)
    assert isinstance(found, StoreError)
    assert said in str(found)


def test_our_own_errors_are_passed_on():
    error = ConfigError("its alpha is unknown")
    assert explained(STEP, 1, error) is error


def test_room_that_cannot_be_asked_for_is_unknown():
    assert "an unknown amount is free" in str(full_disk(STEP, 1, None, "why"))
    assert "an unknown amount is free" in str(explained(STEP, 1, disk(errno.ENOSPC)))


def test_the_reason_is_one_line():
    assert reason_of(OSError("no number")) == "OSError: no number"
    assert reason_of(disk(errno.EIO)) == "Input/output error"
