"""Targets by set and by ending, and every way of naming nothing."""

import pytest
from torch import nn

from models.cosmos_predict.tiny import random_net, tiny_config
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapter_targets import TARGETS, find_targets
from rareworld.models.cosmos_predict.weights.norms import is_norm
from rareworld.nn.norms import RMSNorm

NET = random_net(tiny_config("predict2.5-2b"))
BLOCKS = 2


@pytest.mark.parametrize(
    ("endings", "layers", "norms"),
    [
        (TARGETS["attention"], 8, 0),
        (TARGETS["attention_mlp"], 10, 0),
        (TARGETS["with_norms"], 10, 4),
        (("q_proj",), 2, 0),
        (("self_attn.q_proj", "layer1"), 2, 0),
        (("q_proj", "cross_attn.k_norm"), 2, 1),
    ],
)
def test_a_block_has_so_many_targets(endings: tuple[str, ...], layers: int, norms: int) -> None:
    found, whole = find_targets(NET, endings)
    assert (len(found), len(whole)) == (BLOCKS * layers, BLOCKS * norms)
    assert all(isinstance(NET.get_submodule(name), nn.Linear) for name in found)
    assert all(isinstance(NET.get_submodule(name), RMSNorm) for name in whole)
    assert all(is_norm(f"{name}.weight") for name in whole)


def test_a_whole_name_is_an_ending() -> None:
    assert find_targets(NET, ["blocks.1.mlp.layer2"]) == (["blocks.1.mlp.layer2"], [])


@pytest.mark.parametrize(
    ("endings", "says"),
    [
        (("to_q", "q_proj", "nowhere"), "to_q, nowhere match no layer of this network; .*q_proj"),
        (("q_prj",), "did you mean q_proj"),
        (("_proj",), "match no layer"),
        (
            ("adaln_modulation_mlp.1",),
            "2 matches cannot be adapted .blocks.0.adaln_modulation_mlp.1",
        ),
        (("mlp",), "cannot be adapted .blocks.0.mlp, "),
        (("crossattn_proj.0",), "1 matches cannot be adapted"),
        (("t_embedder.1.linear_1", "final_layer.linear"), "2 matches cannot be adapted"),
        (("q_norm",), "q_norm name norms alone; add a projection"),
    ],
)
def test_targets_that_cannot_be_adapted_are_named(endings: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        find_targets(NET, endings)
