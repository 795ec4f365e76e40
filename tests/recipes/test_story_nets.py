"""Networks that lie here are loaded once; missing ones are named with what fetches them."""

from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.evaluate.config import EvaluateConfig
from rareworld.recipes.story_nets import Sources, load_nets, lpips_distances
from tests.evaluate.standin import StandIns
from tests.recipes.stories import make_sources, plain_clip

CONFIG = EvaluateConfig(metrics=("fid", "kid", "fvd"))


def test_nothing_is_left_out_where_all_is_here() -> None:
    nets = load_nets(CONFIG, "cpu", make_sources())
    assert nets.left_out == ()
    assert nets.config.metrics == CONFIG.metrics
    assert sorted(nets.weights()) == ["i3d None", "inception torch-fidelity", "lpips"]


@pytest.mark.parametrize(
    ("missing", "left_out", "kept"),
    [
        ("i3d", ["fvd"], ("fid", "kid")),
        ("inception", ["fid", "kid"], ("fvd",)),
        ("lpips", ["lpips"], ("fid", "kid", "fvd")),
    ],
)
def test_metrics_of_a_missing_network_are_left_out_by_name(
    missing: str, left_out: list[str], kept: tuple[str, ...]
) -> None:
    nets = load_nets(CONFIG, "cpu", make_sources(missing))
    assert [one.metric for one in nets.left_out] == left_out
    assert nets.config.metrics == kept
    assert {protocol.metric for protocol in nets.config.chosen()} == set(kept)
    for one in nets.left_out:
        assert f"rareworld weights fetch {missing}" in one.reason
        assert "No other network takes its place" in one.reason


def test_a_network_is_loaded_once_for_all_its_metrics() -> None:
    loader = StandIns()
    sources = Sources(found=lambda _: Path("x"), load=loader, load_lpips=make_sources().load_lpips)
    nets = load_nets(CONFIG, "cpu", sources)
    assert loader.asked == ["inception", "i3d"]
    again = nets.again("i3d", weights=None, device=torch.device("cpu"), preprocessing=None)
    assert again is nets.loaded["i3d None"]


def test_given_weights_are_taken_where_none_lie_here() -> None:
    config = CONFIG.model_copy(update={"weights": {"i3d": Path("own.pt")}})
    nets = load_nets(config, "cpu", make_sources("i3d"))
    assert nets.config.metrics == CONFIG.metrics


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown metric 'fdv'"):
        load_nets(EvaluateConfig(metrics=("fdv",)), "cpu", make_sources())


def test_lpips_takes_and_gives_numpy() -> None:
    net = make_sources().load_lpips(torch.device("cpu"))
    apart = lpips_distances(net)(plain_clip(0, 2), plain_clip(255, 2))
    assert apart.tolist() == [4.0, 4.0]
    assert apart.dtype == "float64"


def test_looking_for_networks_downloads_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asked the network"))
    nets = load_nets(CONFIG, "cpu")
    assert [one.metric for one in nets.left_out] == ["fid", "kid", "fvd", "lpips"]
    assert nets.config.metrics == ()
