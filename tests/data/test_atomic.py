"""Claims about atomic writes."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rareworld.data import atomic
from rareworld.data.atomic import (
    atomic_file,
    atomic_folder,
    is_temporary,
    leftovers,
    scratch_folder,
    sha256_bytes,
    sha256_file,
    sweep,
    write_bytes,
)
from rareworld.errors import StoreError


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_file_appears_whole(tmp_path: Path) -> None:
    write_bytes(tmp_path / "sub" / "a.bin", b"12")
    assert names(tmp_path / "sub") == ["a.bin"]
    assert (tmp_path / "sub" / "a.bin").read_bytes() == b"12"


def test_folder_appears_only_at_clean_exit(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "clip") as folder:
        (folder / "a").write_bytes(b"1")
        assert not (tmp_path / "clip").exists()
        assert is_temporary(folder)
    assert names(tmp_path) == ["clip"]
    assert names(tmp_path / "clip") == ["a"]


@pytest.mark.parametrize("opener", [atomic_file, atomic_folder])
def test_error_in_the_body_leaves_nothing_and_comes_out_as_it_is(tmp_path: Path, opener) -> None:
    with pytest.raises(KeyError), opener(tmp_path / "x"):
        raise KeyError("mine")
    assert names(tmp_path) == []


def test_unrelated_os_error_is_not_called_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "x"):
        Path("/no/such/input").read_bytes()


def test_existing_folder_is_refused_unless_replaced(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        with atomic_folder(tmp_path / "x", replace=True) as folder:
            (folder / "a").write_bytes(content)
    assert (tmp_path / "x" / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["x"]
    with (
        pytest.raises(StoreError, match="already exists; remove it"),
        atomic_folder(tmp_path / "x"),
    ):
        pass


def test_existing_file_is_refused_if_wished(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"1")
    with pytest.raises(StoreError, match="already exists"):
        write_bytes(tmp_path / "x", b"2", replace=False)


def test_path_through_a_file_names_reason_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"file/x: cannot be written.*; .*path"):
        write_bytes(tmp_path / "file" / "x", b"1")


def test_unwritable_place_names_reason_and_remedy() -> None:
    with pytest.raises(StoreError, match=r"/proc/rareworld.*cannot be written"):
        write_bytes(Path("/proc/rareworld/x"), b"1")


@pytest.mark.parametrize("opener", [atomic_file, atomic_folder])
def test_full_disk_leaves_nothing(tmp_path: Path, opener, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left.*free some space"), opener(tmp_path / "x"):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("opener", [atomic_file, atomic_folder])
def test_read_only_disk_is_named_though_cleaning_up_fails_too(
    tmp_path: Path, opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a read-only mount, where even removing what does not exist is refused."""

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    for name in ("mkdir", "touch", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(atomic, "_prepare", lambda _path: None)
    with pytest.raises(StoreError, match=r"x: .*Read-only.*writable disk"), opener(tmp_path / "x"):
        pass


def test_failed_replacement_keeps_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with atomic_folder(tmp_path / "x") as folder:
        (folder / "a").write_bytes(b"old")
    plain = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target.name == "x" and "old" not in self.name:
            raise OSError(errno.EIO, "broken", str(self))
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with (
        pytest.raises(StoreError, match="broken"),
        atomic_folder(tmp_path / "x", replace=True) as folder,
    ):
        (folder / "a").write_bytes(b"new")
    assert (tmp_path / "x" / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_temporary_of_a_living_writer_is_kept(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "x") as folder:
        assert leftovers(tmp_path / "x") == ()
        assert sweep(tmp_path / "x") == ()
        assert folder.is_dir()


def test_leftover_of_a_killed_writer_is_swept(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from rareworld.data.atomic import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_bytes(b'1'); print('ready', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert leftovers(tmp_path / "x") == ()
        process.kill()
        process.wait()
    deadline = time.monotonic() + 5
    while not leftovers(tmp_path / "x") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(leftovers(tmp_path / "x")) == 1
    with atomic_folder(tmp_path / "x"):
        pass
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == []


def test_scratch_is_kept_while_in_use_and_gone_afterwards(tmp_path: Path) -> None:
    dead = tmp_path / ".x.partial-00"
    dead.mkdir()
    with scratch_folder(tmp_path / "x") as first, scratch_folder(tmp_path / "x") as second:
        assert not dead.exists()
        assert first.is_dir()
        assert second.is_dir()
        (first / "a").write_bytes(b"1")
    assert names(tmp_path) == []


def test_leftovers_of_other_names_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".y.partial-00").mkdir()
    assert sweep(tmp_path / "x") == ()
    assert sweep(tmp_path / "no" / "x") == ()
    assert (tmp_path / ".y.partial-00").is_dir()


def test_checksum_is_sha256(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "x").touch()
    assert sha256_file(tmp_path / "x") == sha256_bytes(b"") == empty
