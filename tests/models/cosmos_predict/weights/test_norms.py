"""Trained norms to a file and back, and what does not fit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.cosmos_predict.tiny import random_net, tiny_config
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.adapter import Adapter, merge
from rareworld.models.cosmos_predict.weights.norms import (
    NORMS_FILE,
    is_norm,
    read_norms,
    write_norms,
)

CONFIG = tiny_config("predict2.5-2b")


def norms(seed: int = 1) -> dict[str, torch.Tensor]:
    net = random_net(CONFIG, seed=seed)
    return {name: p.detach() for name, p in net.named_parameters() if is_norm(name)}


def test_only_norms_of_queries_and_keys_are_trained_whole() -> None:
    assert len(norms()) == 4 * CONFIG.num_blocks
    assert not is_norm("t_embedding_norm.weight")


def test_a_round_trip_is_bit_equal_under_diffusers_names(tmp_path: Path) -> None:
    given = norms()
    write_norms(tmp_path, given)
    assert "transformer_blocks.1.attn2.norm_k.weight" in load_file(tmp_path / NORMS_FILE)
    found = read_norms(tmp_path)
    assert found.keys() == given.keys()
    assert all(torch.equal(found[name], given[name]) for name in given)


def test_a_folder_without_them_has_none(tmp_path: Path) -> None:
    assert read_norms(tmp_path) == {}


def test_merging_moves_norms_by_the_weight_in_the_base_s_type() -> None:
    state = random_net(CONFIG).to(torch.bfloat16).state_dict()
    adapter = Adapter(source="a", layers={}, norms=norms())
    merged = merge(state, [(adapter, 0.5)])
    for name, value in norms().items():
        expected = (state[name].float() + 0.5 * (value - state[name].float())).bfloat16()
        assert torch.equal(merged[name], expected)


def test_other_tensors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"queries and keys, got final_layer.linear.weight"):
        write_norms(tmp_path, {"final_layer.linear.weight": torch.zeros(1)})
    assert not (tmp_path / NORMS_FILE).exists()
    save_file({"proj_out.weight": torch.zeros(1)}, tmp_path / NORMS_FILE)
    with pytest.raises(FormatError, match=r"queries and keys, found proj_out.weight"):
        read_norms(tmp_path)


def test_norms_of_another_network_are_refused() -> None:
    other = random_net(tiny_config("predict2.5-2b", num_blocks=1)).state_dict()
    adapter = Adapter(source="a", layers={}, norms=norms())
    with pytest.raises(FormatError, match=r"found 4 of .*blocks.1.self_attn.q_norm.weight is no"):
        merge(other, [(adapter, 1.0)])
