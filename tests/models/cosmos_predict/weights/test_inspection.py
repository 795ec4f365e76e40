"""What is told of a checkpoint is what lies there, without reading its weights."""

from pathlib import Path

import pytest

from models.cosmos_predict.tiny import random_net
from models.cosmos_predict.weights.test_adapter import tiny_adapter
from models.cosmos_predict.weights.tiny import (
    config,
    prefixed,
    save_dcp,
    save_upstream,
    state_of,
    tiny_state,
    with_peft,
)
from rareworld.models.cosmos_predict.weights.adapter_io import write_diffusers_adapter
from rareworld.models.cosmos_predict.weights.inspection import inspect_checkpoint


def lora_state(change: str = "") -> dict:
    state = state_of(with_peft(random_net(config())))
    for key, tensor in state.items():
        if change and change in key:
            tensor.zero_()
    return state


def save(layout: str, folder: Path, tensors: dict) -> Path:
    if layout == "dcp":
        return save_dcp(folder / "model", tensors)
    return save_upstream(folder / "post-trained" / "m.pt", tensors)


@pytest.mark.parametrize("layout", ["pt", "dcp"])
def test_facts_of_a_checkpoint_with_adapter_and_average(tmp_path, layout: str) -> None:
    tensors = prefixed(lora_state()) | prefixed(tiny_state(seed=1), "net_ema.")
    facts = inspect_checkpoint(save(layout, tmp_path, tensors))
    count = sum(tensor.numel() for tensor in tiny_state().values())
    assert (facts.layout, facts.family) == (layout, "predict2.5-custom")
    assert (facts.parameters, facts.keys) == (count, len(tiny_state()))
    assert (facts.dtypes, facts.ema) == (("float32",), True)
    assert facts.bytes > 8 * count
    assert facts.conditional_timestep is None
    assert facts.lora is not None
    assert (facts.lora.ranks, facts.lora.alphas, facts.lora.layers) == ((4,), None, 20)
    assert facts.lora.state == "trained"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("lora_B", "does nothing: B is zero in every layer"),
        ("mlp.layer1.lora_A", "expected a trained adapter, found that A is all zero"),
    ],
)
@pytest.mark.parametrize("layout", ["pt", "dcp"])
def test_an_adapter_of_no_use_is_told(tmp_path, layout: str, change: str, state: str) -> None:
    facts = inspect_checkpoint(save(layout, tmp_path, prefixed(lora_state(change))))
    assert facts.lora is not None
    assert facts.lora.state.startswith(state)


def test_facts_of_an_adapter_alone(tmp_path) -> None:
    _, adapter, _ = tiny_adapter(use_dora=True)
    write_diffusers_adapter(tmp_path, adapter)
    facts = inspect_checkpoint(tmp_path)
    assert (facts.layout, facts.family, facts.parameters) == ("adapter", None, None)
    assert facts.lora is not None
    assert (facts.lora.dora, facts.lora.alphas) == (True, (8.0,))
    assert facts.lora.parameters == adapter.parameters
    assert facts.document()["lora"]["ranks"] == (4,)


def test_predict2_fixes_the_timestep_of_clean_frames(tmp_path) -> None:
    facts = inspect_checkpoint(
        save_upstream(tmp_path / "a.pt", prefixed(tiny_state("predict2-2b")))
    )
    assert facts.conditional_timestep is None
    assert facts.conditional_timestep_by == "Predict2 fixes it"
