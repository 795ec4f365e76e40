"""The table of names is total and injective over the four families."""

import pytest
import torch
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel

from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.weights.diffusers_config import diffusers_config
from rareworld.models.cosmos_predict.weights.names import (
    MODULES,
    any_module,
    is_dropped,
    key_to_diffusers,
    key_to_net,
    to_diffusers,
    to_net,
)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_key_of_a_family_is_a_key_of_diffusers_and_back(family: str) -> None:
    net = FAMILIES[family].net
    settings = {k: v for k, v in diffusers_config(net).items() if not k.startswith("_")}
    with torch.device("meta"):
        theirs = CosmosTransformer3DModel(**settings).state_dict()
    ours = build_on_meta(net).state_dict()
    renamed = {key: key_to_diffusers(key) for key in ours}
    assert set(renamed.values()) == set(theirs)
    assert len(set(renamed.values())) == len(ours)
    assert {key_to_net(key) for key in theirs} == set(ours)
    assert all(ours[key].shape == theirs[name].shape for key, name in renamed.items() if name)


def test_no_two_modules_share_a_name() -> None:
    assert len(set(MODULES.values())) == len(MODULES)
    for module in MODULES:
        numbered = module.replace(".N.", ".12.")
        name = to_diffusers(numbered)
        assert name is not None
        assert to_net(name) == numbered
        assert any_module(name) == any_module(numbered) == numbered


@pytest.mark.parametrize(
    "key",
    [
        "blocks.x.mlp.layer1",
        "blocks.0",
        "blocks.0.mlp.layer3",
        "transformer_blocks.0.mlp.layer1",
        "x_embedder",
        "",
        "vision.blocks.0.mlp.layer1",
    ],
)
def test_other_names_map_to_nothing(key: str) -> None:
    assert to_diffusers(key) is None
    assert to_net(key) is None
    assert key_to_diffusers(f"{key}.weight") is None


@pytest.mark.parametrize(
    ("key", "dropped"),
    [
        ("pos_embedder.seq", True),
        ("accum_video_sample_counter", True),
        ("blocks.3.self_attn.attn_op._extra_state", True),
        ("x_embedder.proj.1.weight", False),
        ("blocks.0.accum", False),
    ],
)
def test_only_counters_positions_and_extra_states_are_dropped(key: str, dropped: bool) -> None:
    assert is_dropped(key) is dropped
