"""Names of every tool are sorted into base parameters and factors."""

import pytest
import torch

from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.split import adapter_of, split

A, B = torch.ones(2, 4), torch.zeros(4, 2)
Q = "blocks.0.self_attn.q_proj"
TQ = "transformer_blocks.0.attn1.to_q"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (f"{Q}.weight", f"{Q}.weight"),
        (f"{Q}.base_layer.weight", f"{Q}.weight"),
        (f"base_model.model.{Q}.base_layer.weight", f"{Q}.weight"),
        (f"{TQ}.weight", f"{Q}.weight"),
        (f"{TQ}.base_layer.weight", f"{Q}.weight"),
        ("crossattn_proj.0.bias", "crossattn_proj.0.bias"),
        ("something.else", "something.else"),
    ],
)
def test_base_parameters_get_our_names(key: str, name: str) -> None:
    base, factors = split({key: A}, "x")
    assert list(base) == [name]
    assert not factors


@pytest.mark.parametrize("key", ["pos_embedder.seq", "accum_iteration", "x_embedder._extra_state"])
def test_what_no_network_needs_is_dropped(key: str) -> None:
    assert split({key: A}, "x") == ({}, {})


@pytest.mark.parametrize("stem", [Q, TQ, f"base_model.model.{Q}", f"base_model.model.{TQ}"])
@pytest.mark.parametrize("end", ["weight", "default.weight", "mine.weight"])
@pytest.mark.parametrize("length", ["lora_magnitude_vector", "lora_magnitude_vector.weight"])
def test_factors_get_our_modules_whoever_named_them(stem: str, end: str, length: str) -> None:
    name = end.removesuffix("weight").rstrip(".")
    magnitude = length.replace("vector", f"vector.{name}") if name else length
    tensors = {f"{stem}.lora_A.{end}": A, f"{stem}.lora_B.{end}": B, f"{stem}.{magnitude}": B[:, 0]}
    base, factors = split(tensors, "x")
    assert not base
    adapter = adapter_of(factors, "x", lambda module, rank: 10.0 * rank)
    assert adapter is not None
    (found,) = adapter.layers.items()
    assert found[0] == Q
    assert (found[1].alpha, found[1].rank) == (20.0, 2)
    assert found[1].magnitude is not None


def test_alpha_is_asked_by_the_files_own_module_name() -> None:
    _, factors = split({f"{TQ}.lora_A.weight": A, f"{TQ}.lora_B.weight": B}, "x")
    asked: list[str] = []
    adapter_of(factors, "x", lambda module, rank: asked.append(module))
    assert asked == [TQ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["lora_A.one.weight", "lora_A.two.weight"], r"expected one adapter, found 2 \(one, two\)"),
        (["lora_B.bias"], "without bias"),
        (["lora_A.a.b.weight"], "expected low-rank factors"),
    ],
)
def test_what_is_not_one_plain_adapter_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        split({f"{Q}.{name}": A for name in names}, "x")


@pytest.mark.parametrize("half", ["lora_A", "lora_B", "lora_magnitude_vector"])
def test_half_a_layer_is_refused(half: str) -> None:
    _, factors = split({f"{Q}.{half}.weight": A}, "x")
    with pytest.raises(FormatError, match=f"found one only of {Q}"):
        adapter_of(factors, "x", lambda module, rank: 1.0)


def test_no_factors_are_no_adapter() -> None:
    assert adapter_of({}, "x", lambda module, rank: 1.0) is None


def test_layers_of_another_network_are_refused_by_name() -> None:
    _, factors = split({"blocks.0.self_attn.q.lora_A.weight": A, f"{Q}.lora_A.weight": A}, "wan")
    factors["blocks.0.self_attn.q"].parts["lora_B"] = B
    factors[Q].parts["lora_B"] = B
    with pytest.raises(FormatError, match=r"found 1 of another \(blocks.0.self_attn.q\)"):
        adapter_of(factors, "wan", lambda module, rank: 1.0)
