"""`config.json` tells a family exactly, and other networks are told apart by it."""

import json

import pytest
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel

from models.cosmos_predict.weights.tiny import config
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.weights.diffusers_config import (
    diffusers_config,
    family_in_config,
)

# Values of diffusers' own conversion script, as (frames, rows, columns).
ROPE_SCALES = {
    "predict2-2b": (1.0, 3.0, 3.0),
    "predict2-14b": (20 / 24, 2.0, 2.0),
    "predict2.5-2b": (1.0, 3.0, 3.0),
    "predict2.5-14b": (1.0, 3.0, 3.0),
}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_comes_back_from_its_config(family: str) -> None:
    written = json.loads(json.dumps(diffusers_config(FAMILIES[family].net)))
    assert tuple(written["rope_scale"]) == ROPE_SCALES[family]
    assert family_in_config(written, "config.json") is FAMILIES[family]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_any_size_comes_back_from_its_config(family: str) -> None:
    net = config(family, num_blocks=3, max_latent=(8, 16, 16), rope_ratios=(4.0, 2.0, 1.5))
    found = family_in_config(diffusers_config(net), "config.json")
    assert found.net == net
    assert found.name.endswith("-custom")


def test_fields_left_out_have_diffusers_defaults_and_tell_cosmos_1() -> None:
    with pytest.raises(FormatError, match="extra_pos_embed_type 'learnable' instead of None"):
        family_in_config({"_class_name": CosmosTransformer3DModel.__name__}, "config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": None}, "found None; give the transformer folder"),
        ({"concat_padding_mask": False}, "concat_padding_mask False instead of True"),
        ({"img_context_dim_in": 1152}, "img_context_dim_in 1152 instead of None"),
        ({"num_layers": "many"}, "num_layers: .* got 'many'"),
    ],
)
def test_other_networks_are_named_by_the_field_that_tells(change: dict, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        family_in_config(diffusers_config(config()) | change, "config.json")
