"""Networks are filled without copies, and compute what their checkpoint's owner computed."""

from dataclasses import replace

import pytest
import torch

from models.cosmos_predict.tiny import random_inputs, random_net
from models.cosmos_predict.weights.test_adapter import tiny_adapter
from models.cosmos_predict.weights.tiny import (
    config,
    prefixed,
    save_dcp,
    save_upstream,
    state_of,
    tiny_state,
)
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.weights import convert
from rareworld.models.cosmos_predict.weights.loading import build_net, load_net
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint


@pytest.mark.parametrize("family", ["predict2-2b", "predict2.5-2b"])
@pytest.mark.parametrize("layout", ["pt", "dcp"])
def test_a_loaded_network_computes_the_same_bits(tmp_path, family: str, layout: str) -> None:
    net = random_net(config(family)).eval()
    tensors = prefixed(state_of(net))
    save = save_upstream if layout == "pt" else save_dcp
    loaded = load_net(save(tmp_path / "model.pt", tensors))
    inputs = random_inputs(config(family), clips=1, size=(2, 4, 4))
    with torch.no_grad():
        assert torch.equal(loaded(*inputs), net(*inputs))
    assert not loaded.training


def test_parameters_are_the_mapped_tensors(tmp_path) -> None:
    path = save_upstream(tmp_path / "m.pt", prefixed(tiny_state()))
    checkpoint = read_checkpoint(path)
    net = build_net(checkpoint)
    for key, parameter in net.named_parameters():
        assert parameter.data_ptr() == checkpoint.state[key].data_ptr()
        assert not parameter.is_meta


def count_merged(monkeypatch) -> list[int]:
    """Count the adapters of each merge from now on."""
    counts: list[int] = []

    def merge(state, adapters):
        counts.append(len(adapters))
        return dict(state)

    monkeypatch.setattr(convert, "merge", merge)
    return counts


def test_adapters_are_folded_once_and_not_into_an_average_that_nobody_uses(
    tmp_path, monkeypatch
) -> None:
    base, adapter, _ = tiny_adapter()
    whole = prefixed(base) | prefixed(base, "net_ema.")
    checkpoint = read_checkpoint(save_upstream(tmp_path / "m.pt", whole))
    assert checkpoint.ema is not None
    counts = count_merged(monkeypatch)
    build_net(checkpoint, adapters=[(replace(adapter, family=checkpoint.family.name), 1.0)])
    assert counts == [1]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.filterwarnings("ignore:x.* does not say which family")
def test_adapters_are_folded_in(tmp_path, own: bool) -> None:
    base, adapter, adapted = tiny_adapter()
    path = save_upstream(tmp_path / "m.pt", prefixed(state_of(adapted) if own else base))
    net = load_net(path, alpha=8) if own else load_net(path, adapters=[(adapter, 1.0)])
    inputs = random_inputs(config(), clips=1, size=(2, 4, 4))
    with torch.no_grad():
        torch.testing.assert_close(net(*inputs), adapted(*inputs), rtol=1e-4, atol=1e-4)


def test_the_average_and_a_type_can_be_asked_for(tmp_path) -> None:
    ema = tiny_state(seed=1)
    path = save_upstream(tmp_path / "m.pt", prefixed(tiny_state()) | prefixed(ema, "net_ema."))
    net = load_net(path, ema=True, dtype=torch.bfloat16)
    key = "blocks.0.mlp.layer1.weight"
    assert torch.equal(net.get_parameter(key), ema[key].bfloat16())
    assert {parameter.dtype for parameter in net.parameters()} == {torch.bfloat16}


def test_wrong_family_and_unknown_alpha_stop_the_load(tmp_path) -> None:
    _, _, adapted = tiny_adapter()
    path = save_upstream(tmp_path / "m.pt", prefixed(state_of(adapted)))
    with pytest.raises(FormatError, match="expected weights of predict2-2b"):
        load_net(path, family="predict2-2b")
    with pytest.raises(ConfigError, match="does not say its alpha"):
        load_net(path)
