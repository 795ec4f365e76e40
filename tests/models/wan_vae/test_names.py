"""The table from upstream's names to ours is total, one to one, and diffusers' own."""

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers

from rareworld.models.wan_vae.config import WAN_2_1, WanVaeConfig
from rareworld.models.wan_vae.names import MARK, from_upstream, upstream_name
from rareworld.models.wan_vae.net import WanVae


def names_of(config: WanVaeConfig) -> list[str]:
    with torch.device("meta"):
        return list(WanVae(config).state_dict())


def test_the_table_is_the_one_that_diffusers_converts_by() -> None:
    names = names_of(WAN_2_1)
    marked = {upstream_name(name, 2): torch.tensor(place) for place, name in enumerate(names)}
    theirs = convert_wan_vae_to_diffusers(dict(marked))
    assert {name: int(place) for name, place in theirs.items()} == {
        name: place for place, name in enumerate(names)
    }


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_every_weight_has_one_name_upstream_and_back(blocks: int) -> None:
    names = names_of(WanVaeConfig(base_dim=4, num_res_blocks=blocks))
    table = from_upstream(names, blocks)
    assert len(table) == len(names)
    assert sorted(table.values()) == sorted(names)


def test_only_upstream_files_hold_the_mark() -> None:
    names = names_of(WAN_2_1)
    assert MARK not in names
    assert MARK in from_upstream(names, 2)


@pytest.mark.parametrize(
    ("ours", "upstream"),
    [
        ("quant_conv.bias", "conv1.bias"),
        ("post_quant_conv.weight", "conv2.weight"),
        ("encoder.down_blocks.5.time_conv.weight", "encoder.downsamples.5.time_conv.weight"),
        ("encoder.down_blocks.2.resample.1.bias", "encoder.downsamples.2.resample.1.bias"),
        ("decoder.up_blocks.0.upsamplers.0.time_conv.bias", "decoder.upsamples.3.time_conv.bias"),
        (
            "decoder.up_blocks.1.resnets.0.conv_shortcut.bias",
            "decoder.upsamples.4.shortcut.bias",
        ),
        ("decoder.up_blocks.3.resnets.2.conv2.bias", "decoder.upsamples.14.residual.6.bias"),
        ("encoder.mid_block.attentions.0.to_qkv.bias", "encoder.middle.1.to_qkv.bias"),
    ],
)
def test_names_as_read_in_upstreams_file(ours: str, upstream: str) -> None:
    assert upstream_name(ours, 2) == upstream
