"""Every layout that is written is read back bit by bit, and by its owner's own reader."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel
from safetensors.torch import load_file

from models.cosmos_predict.tiny import random_net
from models.cosmos_predict.weights.test_adapter import tiny_adapter
from models.cosmos_predict.weights.tiny import config, prefixed, same, tiny_state
from rareworld.errors import ConfigError, StoreError
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint, Layout, Weights
from rareworld.models.cosmos_predict.weights.diffusers_config import diffusers_config
from rareworld.models.cosmos_predict.weights.names import key_to_diffusers
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.cosmos_predict.weights.record import RECORD_FILE
from rareworld.models.cosmos_predict.weights.saving import save_pt, shards
from rareworld.models.cosmos_predict.weights.shapes import custom_family
from rareworld.models.cosmos_predict.weights.writer import write_diffusers, write_pt

FAMILY_NAMES = sorted(FAMILIES)
DTYPES = [torch.float32, torch.bfloat16]


def tiny_checkpoint(family: str = "predict2.5-2b", dtype=torch.float32, seed: int = 0):
    state = {key: tensor.to(dtype) for key, tensor in tiny_state(family, seed).items()}
    newer = family.startswith("predict2.5")
    return Checkpoint(
        path=Path("tiny"),
        layout=Layout.PT,
        family=custom_family(config(family)),
        state=state,
        conditional_timestep=0.1 if newer else None,
        told_by="test" if newer else None,
    )


@pytest.mark.parametrize("family", FAMILY_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("write", [write_pt, write_diffusers])
def test_round_trips_are_bit_equal_and_keep_what_shapes_cannot_tell(
    tmp_path, family: str, dtype, write
) -> None:
    one = tiny_checkpoint(family, dtype)
    write(tmp_path / "out", one)
    found = read_checkpoint(tmp_path / "out")
    assert same(found.state, one.state)
    assert found.family == one.family
    assert found.conditional_timestep == one.conditional_timestep


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_in_a_pt_comes_back_with_its_alpha(tmp_path, dora: bool) -> None:
    base, adapter, adapted = tiny_adapter(use_dora=dora, use_rslora=True)
    one = replace(tiny_checkpoint(), state=base, lora=adapter)
    write_pt(tmp_path / "out", one)
    found = read_checkpoint(tmp_path / "out").lora
    assert found is not None
    assert (found.alphas, found.rank_stabilised, found.is_dora) == ((8.0,), True, dora)
    written = torch.load(tmp_path / "out" / "model.pt", weights_only=True)
    assert same(written, prefixed(adapted.state_dict()))


def test_the_average_becomes_upstreams_three_files(tmp_path) -> None:
    ema = tiny_state(seed=1)
    one = replace(tiny_checkpoint(), ema=Weights(state=ema))
    write_pt(tmp_path / "out", one)
    files = {
        path.name: torch.load(path, weights_only=True) for path in (tmp_path / "out").glob("*.pt")
    }
    assert set(files) == {"model.pt", "model_ema_fp32.pt", "model_ema_bf16.pt"}
    assert same(files["model.pt"], prefixed(one.state) | prefixed(ema, "net_ema."))
    assert same(files["model_ema_fp32.pt"], prefixed(ema))
    half = {key: tensor.bfloat16() for key, tensor in ema.items()}
    assert same(files["model_ema_bf16.pt"], prefixed(half))
    averaged = read_checkpoint(tmp_path / "out" / "model_ema_bf16.pt")
    assert same(averaged.state, half)
    assert averaged.family == one.family
    assert averaged.ema is None


@pytest.mark.parametrize("family", FAMILY_NAMES)
@pytest.mark.parametrize("limit", [10**9, 100_000])
def test_diffusers_loads_what_we_write(tmp_path, family: str, limit: int) -> None:
    one = tiny_checkpoint(family)
    write_diffusers(tmp_path / "out", one, shard_bytes=limit)
    twin, facts = CosmosTransformer3DModel.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not facts["missing_keys"]
    assert not facts["unexpected_keys"]
    renamed = {key_to_diffusers(key): tensor for key, tensor in one.state.items()}
    assert same(dict(twin.state_dict()), renamed)
    assert same(read_checkpoint(tmp_path / "out").state, one.state)
    index = list((tmp_path / "out").glob("*.index.json"))
    assert bool(index) == (limit < 10**9)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_the_config_has_exactly_diffusers_fields(tmp_path, family: str) -> None:
    ours = diffusers_config(FAMILIES[family].net)
    settings = {key: value for key, value in ours.items() if not key.startswith("_")}
    with torch.device("meta"):
        twin = CosmosTransformer3DModel(**settings)
    twin.register_to_config()
    theirs = json.loads(twin.to_json_string())
    assert ours.keys() == theirs.keys()
    assert {k: v for k, v in theirs.items() if k != "_diffusers_version"} == {
        k: v for k, v in ours.items() if k != "_diffusers_version"
    }
    assert sum(p.numel() for p in twin.parameters()) == FAMILIES[family].parameters


def test_diffusers_has_no_room_for_an_adapter(tmp_path) -> None:
    base, adapter, _ = tiny_adapter()
    one = replace(tiny_checkpoint(), state=base, lora=adapter)
    with pytest.raises(ConfigError, match=r"add --merge to fold it in, or .* --to adapter"):
        write_diffusers(tmp_path / "out", one)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("write", [write_pt, write_diffusers])
def test_nothing_is_overwritten_unasked(tmp_path, write) -> None:
    write(tmp_path / "out", tiny_checkpoint(seed=0))
    with pytest.raises(StoreError, match="already exists"):
        write(tmp_path / "out", tiny_checkpoint(seed=1))
    assert same(read_checkpoint(tmp_path / "out").state, tiny_checkpoint(seed=0).state)
    write(tmp_path / "out", tiny_checkpoint(seed=1), overwrite=True)
    assert same(read_checkpoint(tmp_path / "out").state, tiny_checkpoint(seed=1).state)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StoreError, match="free some space"):
        write_pt(tmp_path / "out", tiny_checkpoint())
    assert not list(tmp_path.iterdir())


def test_a_damaged_record_is_refused_with_a_way_out(tmp_path) -> None:
    write_pt(tmp_path / "out", tiny_checkpoint())
    (tmp_path / "out" / RECORD_FILE).write_text('{"family": 3}')
    with pytest.raises(StoreError, match=r"damaged or newer \(family, net.*remove the record"):
        read_checkpoint(tmp_path / "out")


def test_views_do_not_carry_the_rest_of_their_storage(tmp_path) -> None:
    whole = torch.arange(100_000.0)
    save_pt({"a": whole[:10], "b": whole.view(100, 1000).T[:2]}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 20_000
    assert torch.equal(torch.load(tmp_path / "a.pt", weights_only=True)["a"], whole[:10])


@pytest.mark.parametrize(
    ("limit", "sizes"), [(10**6, [4]), (2400, [1, 2, 1]), (1, [1, 1, 1, 1]), (4100, [3, 1])]
)
def test_shards_hold_at_most_the_limit(limit: int, sizes: list[int]) -> None:
    tensors = {str(n): torch.zeros(n) for n in (500, 200, 300, 290)}
    groups = list(shards(tensors, limit))
    assert [len(group) for group in groups] == sizes
    assert [key for group in groups for key in group] == list(tensors)
    for group in groups:
        assert len(group) == 1 or sum(t.nbytes for t in group.values()) <= limit


def test_header_of_shards_says_what_diffusers_needs(tmp_path) -> None:
    write_diffusers(tmp_path / "out", tiny_checkpoint(), shard_bytes=100_000)
    index = json.loads(next((tmp_path / "out").glob("*.index.json")).read_text())
    total = sum(t.nbytes for t in tiny_checkpoint().state.values())
    assert index["metadata"]["total_size"] == total
    for name in set(index["weight_map"].values()):
        held = load_file(tmp_path / "out" / name)
        assert {key for key, where in index["weight_map"].items() if where == name} == set(held)


def test_random_net_has_all_keys_of_a_checkpoint() -> None:
    assert set(random_net(config()).state_dict()) == set(tiny_checkpoint().state)


def test_a_record_speaks_for_its_own_files_only(tmp_path) -> None:
    write_pt(tmp_path / "out", tiny_checkpoint())
    (tmp_path / "out" / "model.pt").rename(tmp_path / "out" / "other.pt")
    assert read_checkpoint(tmp_path / "out" / "other.pt").conditional_timestep is None


def test_files_are_readable_as_any_new_file_is(tmp_path) -> None:
    write_diffusers(tmp_path / "out", tiny_checkpoint())
    modes = {path.stat().st_mode for path in (tmp_path / "out").iterdir()}
    assert len(modes) == 1
