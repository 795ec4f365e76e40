"""Networks by name: each is the one asked for, or refused."""

from pathlib import Path

import pytest
import torch

from models.i3d.states import jax_file, pytorch_state
from rareworld.errors import ConfigError, FormatError
from rareworld.models.features import NAMES, FeatureNet, load_feature_net

CPU = torch.device("cpu")


def test_names_are_those_of_the_protocols() -> None:
    assert NAMES == ("inception", "i3d", "i3d-tats", "videomae-ssv2", "vjepa-ssv2")


def test_a_network_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rareworld.models.i3d.weights._NORMS", {})
    file = jax_file(tmp_path / "i3d.ckpt", pytorch_state())
    net: FeatureNet = load_feature_net("i3d", weights=file, device=CPU)
    assert (net.name, net.width, net.frames) == ("i3d", 400, 16)
    assert net.weights.name == "i3d.ckpt"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no feature network 'i3d_tats' .*'i3d-tats'"):
        load_feature_net("i3d_tats", device=CPU)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_cannot_be_had_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(FormatError, match=r"path|give the folder"):
        load_feature_net(name, device=CPU)
