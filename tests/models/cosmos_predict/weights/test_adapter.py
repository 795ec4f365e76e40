"""Adapters are checked, and merged as PEFT merges them."""

import math
from dataclasses import replace

import pytest
import torch
from peft.tuners.lora import LoraLayer

from models.cosmos_predict.tiny import random_inputs, random_net, relative_error
from models.cosmos_predict.weights.tiny import config, same, state_of, with_peft
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.weights.adapter import (
    Adapter,
    LowRank,
    check_fits,
    check_sound,
    is_idle,
    merge,
)
from rareworld.models.cosmos_predict.weights.split import adapter_of, split

TOLERANCE = 1e-6
"""Largest relative difference to PEFT's own merge in float32."""


def tiny_adapter(**settings: object) -> tuple[dict, Adapter, torch.nn.Module]:
    """Return base weights, our view of PEFT's adapter, and the net that PEFT adapted."""
    net = random_net(config())
    adapted = with_peft(net, **settings)
    base, factors = split(state_of(adapted), "x")
    layers = {name: m for name, m in adapted.named_modules() if isinstance(m, LoraLayer)}
    alphas = {name: float(m.lora_alpha["default"]) for name, m in layers.items()}
    adapter = adapter_of(
        factors,
        "x",
        lambda module, rank: alphas[module],
        rank_stabilised=bool(settings.get("use_rslora")),
    )
    assert adapter is not None
    return base, adapter, adapted


SETTINGS = [
    {},
    {"lora_alpha": 3},
    {"use_rslora": True},
    {"use_dora": True},
    {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"layer1": 5}},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_merging_equals_pefts_own(settings: dict) -> None:
    base, adapter, adapted = tiny_adapter(**settings)
    ours = merge(base, [(adapter, 1.0)])
    for name, module in adapted.named_modules():
        if isinstance(module, LoraLayer):
            module.merge()
            expected = module.get_base_layer().weight
            assert relative_error(ours[f"{name}.weight"], expected) < TOLERANCE
    untouched = {k: t for k, t in ours.items() if k.removesuffix(".weight") not in adapter.layers}
    assert same(untouched, {k: base[k] for k in untouched})


@pytest.mark.parametrize("settings", [{}, {"use_dora": True}], ids=str)
def test_the_merged_network_computes_what_the_adapted_one_does(settings: dict) -> None:
    base, adapter, adapted = tiny_adapter(**settings)
    merged = random_net(config())
    merged.load_state_dict(merge(base, [(adapter, 1.0)]))
    inputs = random_inputs(config(), clips=1, size=(2, 4, 4))
    with torch.no_grad():
        assert relative_error(merged(*inputs), adapted(*inputs)) < 1e-5


def test_several_adapters_add_up_by_weight_in_float64() -> None:
    base, one, _ = tiny_adapter()
    _, two, _ = tiny_adapter(seed=9, r=2, lora_alpha=2)
    ours = merge(base, [(one, 0.5), (two, -2.0)])
    for name in one.layers:
        expected = base[f"{name}.weight"].double()
        for adapter, weight in ((one, 0.5), (two, -2.0)):
            x = adapter.layers[name]
            expected += weight * x.alpha / x.rank * (x.b.double() @ x.a.double())
        assert relative_error(ours[f"{name}.weight"], expected) < TOLERANCE


def test_merging_keeps_the_bases_type_and_leaves_the_base_alone() -> None:
    base, adapter, _ = tiny_adapter()
    half = {key: tensor.bfloat16() for key, tensor in base.items()}
    before = {key: tensor.clone() for key, tensor in half.items()}
    assert {t.dtype for t in merge(half, [(adapter, 1.0)]).values()} == {torch.bfloat16}
    assert same(half, before)


def test_facts_of_an_adapter() -> None:
    _, adapter, _ = tiny_adapter(rank_pattern={"q_proj": 2})
    assert adapter.ranks == (2, 4)
    assert adapter.alphas == (8.0,)
    assert adapter.targets[0] == "cross_attn.k_proj"
    assert len(adapter.targets) == 10
    assert adapter.parameters == sum(x.a.numel() + x.b.numel() for x in adapter.layers.values())
    assert adapter.scale("blocks.0.self_attn.q_proj") == 4.0
    stable = replace(adapter, rank_stabilised=True)
    assert stable.scale("blocks.0.self_attn.q_proj") == 8 / math.sqrt(2)


def test_an_unknown_alpha_is_asked_for_and_not_guessed() -> None:
    base, adapter, _ = tiny_adapter()
    unknown = adapter.with_alpha(None)
    layers = {name: replace(x, alpha=None) for name, x in unknown.layers.items()}
    unknown = replace(adapter, layers=layers)
    assert unknown.alphas is None
    with pytest.raises(ConfigError, match=r"does not say its alpha; give it \(--alpha 4"):
        merge(base, [(unknown, 1.0)])
    assert same(merge(base, [(unknown.with_alpha(8), 1.0)]), merge(base, [(adapter, 1.0)]))


def layer(outputs: int = 32, inputs: int = 32, rank: int = 2) -> LowRank:
    return LowRank(a=torch.ones(rank, inputs), b=torch.ones(outputs, rank), alpha=2.0)


def adapter_with(name: str, low_rank: LowRank) -> Adapter:
    return Adapter(source="a.safetensors", layers={name: low_rank})


Q = "blocks.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("name", "low_rank", "message"),
    [
        (Q, layer(128, 128), r"q_proj updates \[128, 128\], the layer is \[32, 32\]"),
        ("blocks.7.self_attn.q_proj", layer(), "blocks.7.self_attn.q_proj is not a layer of it"),
        ("encoder.q", layer(), "encoder.q is not a layer"),
        (Q, replace(layer(), magnitude=torch.ones(5)), "has 5 magnitudes for 32 rows"),
    ],
)
def test_adapters_of_another_network_are_refused(name: str, low_rank, message: str) -> None:
    base, _, _ = tiny_adapter()
    with pytest.raises(FormatError, match=message):
        check_fits(adapter_with(name, low_rank), base)


@pytest.mark.parametrize(
    ("low_rank", "message"),
    [
        (replace(layer(), a=torch.ones(3, 32)), "A and B have different ranks in 1 of 1"),
        (replace(layer(), a=torch.ones(32)), "A and B have different ranks"),
        (replace(layer(), b=torch.full((32, 2), math.inf)), "not finite.*earlier checkpoint"),
        (replace(layer(), a=torch.full((2, 32), math.nan)), "not finite"),
        (replace(layer(), magnitude=torch.full((32,), math.nan)), "not finite"),
        (replace(layer(), a=torch.zeros(2, 32)), "A is all zero.*meta device.*train it again"),
    ],
)
def test_adapters_that_were_not_trained_are_refused(low_rank, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        check_sound(adapter_with(Q, low_rank))


def test_an_adapter_whose_b_is_zero_is_said_to_do_nothing() -> None:
    base, adapter, _ = tiny_adapter()
    zero = {n: replace(x, b=torch.zeros_like(x.b)) for n, x in adapter.layers.items()}
    idle = replace(adapter, layers=zero)
    assert is_idle(idle)
    assert not is_idle(adapter)
    with pytest.warns(UserWarning, match="does nothing: it was saved before the first"):
        assert same(merge(base, [(idle, 1.0)]), base)


@pytest.mark.parametrize("pairs", [[0.5], [1.0, 1.0]])
def test_dora_is_neither_weighted_nor_mixed(pairs: list[float]) -> None:
    base, adapter, _ = tiny_adapter(use_dora=True)
    with pytest.raises(ConfigError, match="DoRA adapter alone and at weight 1"):
        merge(base, [(adapter, weight) for weight in pairs])


def test_casting_touches_every_factor() -> None:
    _, adapter, _ = tiny_adapter(use_dora=True)
    half = adapter.cast(torch.bfloat16).layers[Q]
    assert half.magnitude is not None
    assert {half.a.dtype, half.b.dtype, half.magnitude.dtype} == {torch.bfloat16}
