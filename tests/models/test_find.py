"""Weights are found in one order, and what is missing is named with the way to get it."""

import json
import sys
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import HTTPError

from rareworld.errors import FormatError, MissingExtraError
from rareworld.models.find import Published, cache_folder, find_weights, missing_files

REPO = "owner/tokenizer"
FILES = ("vae/config.json", "vae/*.safetensors")
PUBLISHED = Published(what="toy tokenizer", repo_id=REPO, files=FILES)


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both caches are empty folders, and the hub is told that there is no network."""
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path / "ours"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def write_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return folder


def hub_snapshot(root: Path, *names: str) -> Path:
    """Lay out the hub's cache as the hub does: a ref to a commit, the commit's files."""
    repo, commit = root / "hub" / "models--owner--tokenizer", "a" * 40
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    return write_files(repo / "snapshots" / commit, *names)


COMPLETE = ("vae/config.json", "vae/model.safetensors")


@pytest.mark.parametrize("name", ["weights.pth", "folder/config.json"])
def test_given_path_wins_and_is_left_as_it_is(caches: Path, name: str) -> None:
    write_files(caches / "ours" / REPO, *COMPLETE)
    given = caches / Path(name).parts[0]
    write_files(caches, name)
    assert find_weights(PUBLISHED, given) == given


def test_given_path_that_does_not_exist_is_named(caches: Path) -> None:
    with pytest.raises(FormatError, match=r"nowhere: no such file or folder for the toy tokenizer"):
        find_weights(PUBLISHED, caches / "nowhere")


def test_our_cache_comes_before_the_hubs(caches: Path) -> None:
    hub_snapshot(caches, *COMPLETE)
    ours = write_files(caches / "ours" / REPO, *COMPLETE)
    assert find_weights(PUBLISHED) == ours == cache_folder(REPO)


def test_an_incomplete_folder_of_ours_is_passed_over(caches: Path) -> None:
    write_files(caches / "ours" / REPO, "vae/config.json")
    snapshot = hub_snapshot(caches, *COMPLETE)
    assert find_weights(PUBLISHED) == snapshot


@pytest.mark.parametrize("names", [(), ("vae/config.json",)], ids=["empty", "partial"])
def test_offline_says_what_to_download_and_where_to_put_it(
    caches: Path, names: tuple[str, ...]
) -> None:
    hub_snapshot(caches, *names)
    said: list[str] = []
    with pytest.raises(FormatError) as error:
        find_weights(PUBLISHED, tell=said.append)
    wanted = (REPO, "hf download", "--include 'vae/*.safetensors'", str(cache_folder(REPO)))
    assert all(part in str(error.value) for part in wanted)
    assert len(said) == 1


def test_download_is_announced_and_asks_for_the_named_files_only(
    caches: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, object]] = []

    def download(repo_id: str, **options: object) -> str:
        asked.append({"repo_id": repo_id, **options})
        if options["local_files_only"]:
            raise FileNotFoundError
        return str(write_files(caches / "new", *COMPLETE))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_weights(PUBLISHED) == caches / "new"
    assert asked[-1] == {
        "repo_id": REPO,
        "revision": "main",
        "allow_patterns": list(FILES),
        "local_files_only": False,
    }
    assert "downloading the toy tokenizer from https://huggingface.co/owner/tokenizer" in (
        capsys.readouterr().err
    )


def test_a_download_that_lacks_a_file_is_refused(
    caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(_: str, **__: object) -> str:
        return str(write_files(caches / "new", "vae/config.json"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(FormatError, match=r"the hub's copy lacks vae/\*\.safetensors"):
        find_weights(PUBLISHED, tell=lambda _: None)


@pytest.mark.parametrize("error", [OSError("disk full"), HTTPError("read timed out")])
def test_a_download_that_breaks_off_gives_its_reason_and_the_way_by_hand(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def download(_: str, *, local_files_only: bool, **__: object) -> str:
        raise FileNotFoundError if local_files_only else error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(
        FormatError, match=rf"{error}\)\. On a machine with network run: hf download"
    ):
        find_weights(PUBLISHED, tell=lambda _: None)


def test_without_the_hubs_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"rareworld\[models\]"):
        find_weights(PUBLISHED)


def test_missing_shards_of_an_index_are_named(tmp_path: Path) -> None:
    index = tmp_path / "net" / "model.safetensors.index.json"
    write_files(tmp_path, "net/one.safetensors", "net/model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    patterns = ("net/*.safetensors", "net/*.index.json")
    assert missing_files(tmp_path, patterns) == ["net/two.safetensors"]


def test_a_damaged_index_is_an_error_of_its_own(tmp_path: Path) -> None:
    write_files(tmp_path, "model.safetensors.index.json")
    with pytest.raises(FormatError, match="expected a shard index with 'weight_map'"):
        missing_files(tmp_path, ("*.index.json",))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"RAREWORLD_CACHE": "/one", "XDG_CACHE_HOME": "/two"}, "/one/a/b"),
        ({"XDG_CACHE_HOME": "/two"}, "/two/rareworld/a/b"),
        ({}, str(Path("~/.cache/rareworld/a/b").expanduser())),
    ],
)
def test_where_our_cache_lies(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("RAREWORLD_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder("a/b") == Path(expected)
