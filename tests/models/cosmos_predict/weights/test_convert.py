"""From any layout to any other, bit by bit where nothing is computed."""

from pathlib import Path

import pytest
import torch

from models.cosmos_predict.tiny import random_net
from models.cosmos_predict.weights.test_adapter import tiny_adapter
from models.cosmos_predict.weights.tiny import (
    config,
    prefixed,
    same,
    save_dcp,
    save_upstream,
    state_of,
    tiny_state,
    with_peft,
)
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.weights.adapter import UnknownFamilyWarning, merge
from rareworld.models.cosmos_predict.weights.adapter_io import (
    read_adapter,
    write_diffusers_adapter,
    write_peft_adapter,
)
from rareworld.models.cosmos_predict.weights.convert import (
    ConvertConfig,
    convert,
    read_adapters,
)
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint


def make_source(layout: str, folder: Path) -> tuple[dict[str, torch.Tensor], Path]:
    """Return a state and where it lies in a layout."""
    state = tiny_state()
    plain = save_upstream(folder / "up" / "model.pt", prefixed(state))
    if layout == "pt":
        return state, plain
    if layout == "dcp":
        return state, save_dcp(folder / "model", prefixed(state))
    convert(plain, folder / "d", ConvertConfig.parse({"to": layout}))
    return state, folder / "d"


def run(source: Path, out: Path, **settings: object) -> str:
    return convert(source, out, ConvertConfig.parse(settings))


@pytest.mark.parametrize("source", ["pt", "dcp", "diffusers"])
@pytest.mark.parametrize("to", ["pt", "diffusers"])
def test_every_layout_becomes_every_other_bit_by_bit(tmp_path, source: str, to: str) -> None:
    state, path = make_source(source, tmp_path)
    told = run(path, tmp_path / "out", to=to)
    assert told == f"predict2.5-custom, {len(state)} tensors"
    assert same(read_checkpoint(tmp_path / "out").state, state)


@pytest.mark.parametrize("write", [write_peft_adapter, write_diffusers_adapter])
@pytest.mark.parametrize("to", ["adapter", "peft"])
def test_adapters_change_layout_bit_by_bit(tmp_path, write, to: str) -> None:
    _, adapter, _ = tiny_adapter(rank_pattern={"q_proj": 2})
    (tmp_path / "a").mkdir()
    write(tmp_path / "a", adapter)
    assert run(tmp_path / "a", tmp_path / "out", to=to) == "an adapter of rank 2, 4, 20 layers"
    found = read_adapter(tmp_path / "out")
    for name, layer in adapter.layers.items():
        assert torch.equal(found.layers[name].a, layer.a)
        assert torch.equal(found.layers[name].b, layer.b)
        assert found.layers[name].alpha == layer.alpha


def lora_checkpoint(folder: Path) -> Path:
    net, average = with_peft(random_net(config())), with_peft(random_net(config(), 2), seed=6)
    tensors = prefixed(state_of(net)) | prefixed(state_of(average), "net_ema.")
    return save_upstream(folder / "lora.pt", tensors)


@pytest.mark.parametrize("ema", [False, True])
def test_the_adapter_of_a_whole_checkpoint_is_taken_out(tmp_path, ema: bool) -> None:
    path = lora_checkpoint(tmp_path)
    run(path, tmp_path / "out", to="adapter", alpha=8, ema=ema)
    found = read_adapter(tmp_path / "out")
    whole = read_checkpoint(path)
    weights = whole.averaged() if ema else whole
    assert weights.lora is not None
    for name, layer in weights.lora.layers.items():
        assert torch.equal(found.layers[name].b, layer.b)
    assert found.alphas == (8.0,)


@pytest.mark.parametrize("settings", [{"to": "merged"}, {"to": "pt", "merge": True}])
def test_merging_folds_adapters_into_network_and_average(tmp_path, settings: dict) -> None:
    path = lora_checkpoint(tmp_path)
    run(path, tmp_path / "out", alpha=8, **settings)
    whole, found = read_checkpoint(path, alpha=8), read_checkpoint(tmp_path / "out")
    assert found.lora is None
    assert same(found.state, merge(whole.state, [(whole.lora, 1.0)]))
    assert found.ema is not None
    assert whole.ema is not None
    assert same(found.ema.state, merge(whole.ema.state, [(whole.ema.lora, 1.0)]))


def test_adapters_of_files_are_folded_in_by_weight(tmp_path) -> None:
    base, adapter, _ = tiny_adapter()
    (tmp_path / "a").mkdir()
    write_peft_adapter(tmp_path / "a", adapter)
    path = save_upstream(tmp_path / "base.pt", prefixed(base))
    with pytest.warns(UnknownFamilyWarning, match=r"2B adapters .* have the same shapes"):
        run(path, tmp_path / "out", to="diffusers", adapters=[f"{tmp_path}/a=0.5"])
    assert same(read_checkpoint(tmp_path / "out").state, merge(base, [(adapter, 0.5)]))


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_numbers_are_converted_only_when_asked(tmp_path, name: str, dtype) -> None:
    state, path = make_source("pt", tmp_path)
    run(path, tmp_path / "out", to="diffusers", dtype=name)
    expected = {key: tensor.to(dtype) for key, tensor in state.items()}
    assert same(read_checkpoint(tmp_path / "out").state, expected)


def test_an_adapters_numbers_are_converted_too(tmp_path) -> None:
    path = lora_checkpoint(tmp_path)
    run(path, tmp_path / "out", to="peft", alpha=4, dtype="bf16")
    layers = read_adapter(tmp_path / "out").layers.values()
    assert {layer.a.dtype for layer in layers} == {torch.bfloat16}
    run(path, tmp_path / "pt", to="pt", alpha=4, dtype="bf16")
    found = read_checkpoint(tmp_path / "pt")
    assert found.dtypes == ("bfloat16",)
    assert found.lora is not None
    assert found.lora.layers["blocks.0.mlp.layer1"].a.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"to": "merged"}, "expected an adapter to merge, found none in it; name one with --ad"),
        ({"to": "adapter"}, "expected low-rank factors .* found none; it is a base"),
        ({"to": "peft", "adapters": ["x"]}, "with --to adapter give it as SRC"),
        ({"to": "pt", "ema": True}, "expected averaged weights"),
        ({"to": "pt", "adapters": ["x=much"]}, "expected PATH or PATH=WEIGHT"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, settings: dict, message: str) -> None:
    _, path = make_source("pt", tmp_path)
    with pytest.raises(ConfigError, match=message):
        run(path, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_an_adapter_alone_becomes_no_network(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    write_peft_adapter(tmp_path / "a", tiny_adapter()[1])
    with pytest.raises(ConfigError, match="found an adapter alone; give the base checkpoint"):
        run(tmp_path / "a", tmp_path / "out", to="pt")


def test_an_unknown_alpha_stops_the_export(tmp_path) -> None:
    path = lora_checkpoint(tmp_path)
    for to in ("adapter", "peft", "merged"):
        with pytest.raises(ConfigError, match="give it \\(--alpha 4"):
            run(path, tmp_path / to, to=to)
        assert not (tmp_path / to).exists()


@pytest.mark.parametrize("name", ["model.pt", "a.safetensors"])
def test_the_result_is_a_folder(tmp_path, name: str) -> None:
    with pytest.raises(ConfigError, match="expected a folder, found a file name"):
        run(tmp_path / "x", tmp_path / name, to="pt")


def test_an_adapter_that_is_not_there_is_refused_and_none_is_none(tmp_path) -> None:
    with pytest.raises(ConfigError, match="expected PATH or PATH=WEIGHT"):
        read_adapters([f"{tmp_path}/none=0.5"])
    assert read_adapters([]) == []


@pytest.mark.parametrize("to", ["adapter", "peft"])
def test_an_adapter_of_the_other_generation_is_refused_though_its_layers_fit(tmp_path, to) -> None:
    run(lora_checkpoint(tmp_path), tmp_path / "lora", to=to, alpha=8)
    assert read_adapter(tmp_path / "lora").family == "predict2.5-custom"
    base = save_upstream(tmp_path / "base.pt", prefixed(tiny_state("predict2-2b")))
    with pytest.raises(FormatError, match=r"of predict2-custom, found one trained on predict2.5-"):
        run(base, tmp_path / "out", to="merged", adapters=[str(tmp_path / "lora")])
    own = save_upstream(tmp_path / "own.pt", prefixed(tiny_state()))
    run(own, tmp_path / "out", to="merged", adapters=[str(tmp_path / "lora")])
