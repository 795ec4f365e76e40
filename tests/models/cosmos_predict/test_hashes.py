"""Hashes are those of hashlib, and large files are read once."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rareworld.models.cosmos_predict import hashes
from rareworld.models.cosmos_predict.hashes import sha256_of

OLD_NS = 1_700_000_000 * 10**9


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember in a folder of the test; a thousand bytes are large, and no change is recent."""
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "LARGE", 1000)
    monkeypatch.setattr(hashes, "SETTLED_S", -1.0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of files whose content was read."""
    names: list[str] = []
    computed = hashes._computed

    def counted(file: Path, report: Callable[[float], None]) -> str:
        names.append(file.name)
        return computed(file, report)

    monkeypatch.setattr(hashes, "_computed", counted)
    return names


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [0, 10, 1000, 3_000_000])
def test_a_file_s_hash_is_sha256_the_first_time_and_after(size: int, tmp_path: Path) -> None:
    file = _write(tmp_path / "w" / "model.pt", bytes(range(250)) * (size // 250 + 1))
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    assert [sha256_of(file), sha256_of(file)] == [expected, expected]


def test_a_large_file_is_read_once_and_a_small_one_always(tmp_path: Path, reads: list[str]) -> None:
    folder = _write(tmp_path / "w" / "large", b"x" * 1000).parent
    _write(folder / "small", b"x" * 999)
    assert sha256_of(folder) == sha256_of(folder)
    assert reads == ["large", "small", "small"]


@pytest.mark.parametrize("what", ["content", "time", "size", "another file in its place"])
def test_a_file_that_changed_is_read_again(what: str, tmp_path: Path, reads: list[str]) -> None:
    file = _write(tmp_path / "w" / "model.pt", b"x" * 2000)
    told = file.stat()
    sha256_of(file)
    if what == "content":  # the time of the content is put back; that of the change cannot be
        _write(file, b"y" * 2000)
        os.utime(file, ns=(told.st_atime_ns, told.st_mtime_ns))
    elif what == "time":
        os.utime(file, ns=(OLD_NS, OLD_NS))
    elif what == "size":
        _write(file, b"x" * 2001)
    else:
        _write(file.with_name("new"), b"z" * 2000).replace(file)
    assert sha256_of(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert reads == ["model.pt", "model.pt"]


def test_what_changed_just_now_is_not_remembered(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "SETTLED_S", 3.0)
    file = _write(tmp_path / "w" / "model.pt", b"x" * 2000)
    assert sha256_of(file) == sha256_of(file)
    assert reads == ["model.pt", "model.pt"]


@pytest.mark.parametrize("damage", ["{", "[]", '{"sha256": "00"}'])
def test_a_damaged_note_is_as_none(damage: str, tmp_path: Path, reads: list[str]) -> None:
    file = _write(tmp_path / "w" / "model.pt", b"x" * 2000)
    first = sha256_of(file)
    (note,) = (tmp_path / "cache" / "hashes").iterdir()
    note.write_text(damage)
    assert sha256_of(file) == first
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, where the folder should be")
    file = _write(tmp_path / "w" / "model.pt", b"x" * 2000)
    assert sha256_of(file) == sha256_of(file) == hashlib.sha256(b"x" * 2000).hexdigest()


def test_names_and_contents_of_a_folder_decide(tmp_path: Path) -> None:
    one = sha256_of(_write(tmp_path / "a" / "x", b"1").parent)
    assert one == sha256_of(_write(tmp_path / "b" / "x", b"1").parent)
    assert one != sha256_of(_write(tmp_path / "c" / "y", b"1").parent)
    assert one != sha256_of(_write(tmp_path / "d" / "x", b"2").parent)


def test_a_bar_counts_the_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []
    plain = hashes.progress_bar

    def told(title: str, total: int, *, show: bool):
        asked.append((total, show))
        return plain(title, total, show=show)

    monkeypatch.setattr(hashes, "progress_bar", told)
    folder = _write(tmp_path / "w" / "large", b"x" * 1000).parent
    _write(folder / "small", b"x")
    sha256_of(folder)
    sha256_of(folder)
    assert asked == [(1, True), (0, False)]
