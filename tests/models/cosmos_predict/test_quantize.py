"""A frozen base in fewer bits still trains its adapters; needs bitsandbytes, a CPU is enough."""

import sys

import pytest
import torch

from models.cosmos_predict.tiny import random_inputs, random_net, relative_error, tiny_config
from rareworld.errors import ConfigError, MissingExtraError
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters, extract
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.quantize import QuantizedBaseWarning

CONFIG = tiny_config("predict2.5-2b", num_blocks=1)
INPUTS = random_inputs(CONFIG)


@pytest.mark.filterwarnings("ignore::rareworld.models.cosmos_predict.quantize.QuantizedBaseWarning")
@pytest.mark.parametrize(("bits", "share", "error"), [("int8", 0.3, 0.05), ("nf4", 0.2, 0.6)])
def test_adapters_train_over_a_packed_base(bits: str, share: float, error: float) -> None:
    pytest.importorskip("bitsandbytes")
    net = random_net(CONFIG)
    with torch.no_grad():
        whole = net(*INPUTS)
    layer = "blocks.0.mlp.layer1"
    before = net.get_submodule(layer).weight.nbytes
    adapted = add_adapters(net, AdapterSpec(rank=4, quantize=bits), seed=0)
    assert net.get_submodule(layer).base_layer.weight.nbytes < share * before
    found = net(*INPUTS)
    assert 0 < relative_error(found, whole) < error
    found.square().sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in adapted.parameters)
    assert any(bool(p.grad.any()) for p in adapted.parameters)
    assert adapted.frozen == sum(p.numel() for p in random_net(CONFIG).parameters())
    assert extract(net, source="x", family="f").parameters == adapted.trainable


def test_the_peers_warning_is_given_and_shapes_alone_are_left_as_they_are() -> None:
    pytest.importorskip("bitsandbytes")
    with pytest.warns(QuantizedBaseWarning, match="Cosmos2 should not be quantised.*e4m3"):
        adapted = add_adapters(build_on_meta(CONFIG), AdapterSpec(quantize="nf4"), seed=0)
    assert adapted.net.get_submodule("blocks.0.mlp.layer1").base_layer.weight.is_meta


def test_without_bitsandbytes_the_remedy_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(MissingExtraError, match=r"bitsandbytes.*rareworld\[quantize\]"):
        add_adapters(random_net(CONFIG), AdapterSpec(quantize="int8"), seed=0)


def test_dora_needs_the_weights_in_full() -> None:
    with pytest.raises(ConfigError, match="switch one of them off"):
        add_adapters(random_net(CONFIG), AdapterSpec(quantize="int8", dora=True), seed=0)
