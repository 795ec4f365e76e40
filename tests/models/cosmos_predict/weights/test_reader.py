"""Every public layout is read whole, or refused with the reason."""

from pathlib import Path

import pytest
import torch
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel
from safetensors.torch import save_file

from models.cosmos_predict.tiny import random_net
from models.cosmos_predict.weights.tiny import (
    DROPPABLE,
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
from rareworld.models.cosmos_predict.weights import reader
from rareworld.models.cosmos_predict.weights.checkpoint import Layout, check_complete
from rareworld.models.cosmos_predict.weights.dcp import read_dcp
from rareworld.models.cosmos_predict.weights.diffusers_config import diffusers_config
from rareworld.models.cosmos_predict.weights.names import key_to_diffusers
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.cosmos_predict.weights.shapes import custom_family

FAMILIES = ["predict2-2b", "predict2.5-2b"]


def twin_folder(folder: Path, family: str, shard: str) -> tuple[dict, Path]:
    """Save diffusers' own network with diffusers' own writer; return our view of its weights."""
    net = config(family)
    settings = {k: v for k, v in diffusers_config(net).items() if not k.startswith("_")}
    torch.manual_seed(3)
    twin = CosmosTransformer3DModel(**settings)
    twin.save_pretrained(folder, max_shard_size=shard)
    theirs = twin.state_dict()
    return {key: theirs[key_to_diffusers(key)] for key in random_net(net).state_dict()}, folder


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prefix", ["net.", ""])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_upstreams_pt_is_read_bit_by_bit(tmp_path, family: str, prefix: str, dtype) -> None:
    state = {key: tensor.to(dtype) for key, tensor in tiny_state(family).items()}
    extra = DROPPABLE if prefix else {}
    path = save_upstream(tmp_path / "iter_000000100.pt", prefixed(state, prefix) | extra)
    found = read_checkpoint(path)
    assert same(found.state, state)
    assert (found.layout, found.lora, found.ema) == (Layout.PT, None, None)
    assert found.dtypes == (str(dtype).removeprefix("torch."),)
    assert found.family.name == family.replace("-2b", "-custom")


@pytest.mark.parametrize("wrapper", ["model", "state_dict"])
def test_a_wrapped_state_is_read(tmp_path, wrapper: str) -> None:
    state = tiny_state()
    torch.save({wrapper: prefixed(state), "iteration": 3}, tmp_path / "a.pt")
    assert same(read_checkpoint(tmp_path / "a.pt").state, state)


def test_the_average_is_kept_beside_the_network(tmp_path) -> None:
    state, ema = tiny_state(seed=0), tiny_state(seed=1)
    path = save_upstream(tmp_path / "m.pt", prefixed(state) | prefixed(ema, "net_ema."))
    found = read_checkpoint(path)
    assert same(found.state, state)
    assert found.ema is not None
    assert same(found.ema.state, ema)
    assert same(found.averaged().state, ema)


def test_a_file_of_the_average_alone_is_that_network(tmp_path) -> None:
    ema = tiny_state(seed=1)
    found = read_checkpoint(save_upstream(tmp_path / "m.pt", prefixed(ema, "net_ema.")))
    assert same(found.state, ema)
    with pytest.raises(ConfigError, match=r"expected averaged weights .* leave out --ema"):
        found.averaged()


@pytest.mark.parametrize("wrapped", ["net.", "net.base_model.model."])
@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_inside_is_told_apart_from_the_base(tmp_path, wrapped: str, dora: bool) -> None:
    net = random_net(config())
    base = state_of(net)
    adapted = with_peft(net, use_dora=dora)
    path = save_upstream(tmp_path / "lora.pt", prefixed(state_of(adapted), wrapped))
    found = read_checkpoint(path, alpha=8)
    assert same(found.state, base)
    assert found.lora is not None
    assert (found.lora.ranks, found.lora.alphas, found.lora.is_dora) == ((4,), (8.0,), dora)
    assert len(found.lora.layers) == 2 * 10
    assert "self_attn.q_proj" in found.lora.targets
    layer = adapted.get_submodule("blocks.1.mlp.layer2")
    assert torch.equal(found.lora.layers["blocks.1.mlp.layer2"].a, layer.lora_A["default"].weight)


def test_a_training_run_tells_alpha_and_timestep(tmp_path) -> None:
    run = tmp_path / "run"
    adapted = prefixed(state_of(with_peft(random_net(config()))))
    path = save_upstream(run / "checkpoints" / "model" / "iter_000000200.pt", adapted)
    (run / "config.yaml").write_text(
        "model:\n  config:\n    conditional_frame_timestep: 0.1\n    lora_alpha: 16\n"
    )
    found = read_checkpoint(path)
    assert found.lora is not None
    assert found.lora.alphas == (16.0,)
    assert found.conditional_timestep == 0.1
    assert found.conditioning() == 0.1
    assert str(found.told_by).endswith("config.yaml")


@pytest.mark.parametrize("named", ["folder", "parent", "file"])
def test_a_distributed_checkpoint_is_read_without_a_process_group(tmp_path, named: str) -> None:
    state, ema = tiny_state(seed=0), tiny_state(seed=1)
    folder = save_dcp(tmp_path / "iter_1" / "model", prefixed(state) | prefixed(ema, "net_ema."))
    given = {"folder": folder, "parent": folder.parent, "file": folder / "__0_0.distcp"}[named]
    found = read_checkpoint(given)
    assert found.layout is Layout.DCP
    assert same(found.state, state)
    assert found.ema is not None
    assert same(found.ema.state, ema)


def opened_by(monkeypatch) -> set[str]:
    """Collect the names of the tensors whose values are read from now on."""
    names: set[str] = set()

    def read(folder, opened):
        found = read_dcp(folder, opened)
        names.update(key for key, tensor in found.items() if not tensor.is_meta)
        return found

    monkeypatch.setattr(reader, "read_dcp", read)
    return names


@pytest.mark.parametrize("ema", [True, False])
def test_values_of_an_average_that_is_not_wanted_are_not_read(tmp_path, monkeypatch, ema) -> None:
    net, average = prefixed(tiny_state()), prefixed(tiny_state(seed=1), "net_ema.")
    folder = save_dcp(tmp_path / "model", net | average)
    names = opened_by(monkeypatch)
    found = read_checkpoint(folder, ema=ema)
    assert names == (net | average if ema else net).keys()
    assert (found.ema is not None) is ema
    assert same(found.state, tiny_state())


def test_an_average_alone_is_read_even_where_none_is_wanted(tmp_path) -> None:
    folder = save_dcp(tmp_path / "model", prefixed(tiny_state(), "net_ema."))
    assert same(read_checkpoint(folder, ema=False).state, tiny_state())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shard", ["10GB", "100KB"])
@pytest.mark.parametrize("inside", ["", "transformer"])
def test_what_diffusers_saves_is_read(tmp_path, family: str, shard: str, inside: str) -> None:
    expected, _ = twin_folder(tmp_path / inside, family, shard)
    found = read_checkpoint(tmp_path)
    assert same(found.state, expected)
    assert found.layout is Layout.DIFFUSERS
    assert found.family.net == config(family)


@pytest.mark.parametrize("names", ["diffusers", "upstream"])
def test_a_lone_safetensors_file_is_read_in_either_naming(tmp_path, names: str) -> None:
    state = tiny_state()
    renamed = {key_to_diffusers(key): tensor for key, tensor in state.items()}
    save_file(renamed if names == "diffusers" else prefixed(state), tmp_path / "a.safetensors")
    found = read_checkpoint(tmp_path / "a.safetensors")
    assert same(found.state, state)
    assert found.layout is Layout.SAFETENSORS


def test_a_config_beside_tells_the_rotary_ratios(tmp_path) -> None:
    expected, folder = twin_folder(tmp_path, "predict2-14b", "10GB")
    found = read_checkpoint(folder / "diffusion_pytorch_model.safetensors")
    assert same(found.state, expected)
    assert found.family.net.rope_ratios == (2.0, 2.0, 20 / 24)


def test_missing_and_unexpected_keys_are_refused_and_named(tmp_path) -> None:
    state = prefixed(tiny_state())
    taken = sorted(key for key in state if "blocks.1.self_attn" in key or ".mlp." in key)
    damaged = {key: tensor for key, tensor in state.items() if key not in taken[:12]}
    damaged |= {"net.extra.weight": torch.zeros(2), "vae.conv1.weight": torch.zeros(2)}
    damaged["net.blocks.0.mlp.layer1.weight"] = state["net.blocks.0.mlp.layer1.weight"]
    damaged["net.blocks.1.cross_attn.q_norm.weight"] = torch.zeros(7)
    with pytest.raises(FormatError) as error:
        read_checkpoint(save_upstream(tmp_path / "a.pt", damaged))
    text = str(error.value)
    assert "missing" in text
    assert "2 unexpected (extra.weight, vae.conv1.weight)" in text
    assert "1 misshapen (blocks.1.cross_attn.q_norm.weight [7] instead of [16])" in text
    assert "Nothing was loaded" in text


def test_ten_keys_are_named_and_the_rest_counted() -> None:
    family = custom_family(config())
    with pytest.raises(FormatError, match=r"found 0: 49 missing .* and 39 more\)") as error:
        check_complete({}, family, "x.pt")
    missing = str(error.value).split("(", maxsplit=1)[1].split(" and ")[0]
    assert len(missing.split(", ")) == 10


def test_the_average_must_be_complete_too(tmp_path) -> None:
    ema = prefixed(tiny_state(), "net_ema.")
    ema.pop("net_ema.t_embedding_norm.weight")
    path = save_upstream(tmp_path / "a.pt", prefixed(tiny_state()) | ema)
    with pytest.raises(FormatError, match=r"1 missing \(t_embedding_norm.weight\)"):
        read_checkpoint(path)


def test_the_wrong_family_is_refused(tmp_path) -> None:
    path = save_upstream(tmp_path / "a.pt", prefixed(tiny_state("predict2-2b")))
    with pytest.raises(FormatError, match=r"expected weights of predict2.5-2b, found .*width 32"):
        read_checkpoint(path, family="predict2.5-2b")
    assert read_checkpoint(path, family="predict2-custom").family.name == "predict2-custom"


def test_an_adapter_alone_is_no_network(tmp_path) -> None:
    save_file(
        {"transformer.transformer_blocks.0.attn1.to_q.lora_A.weight": torch.ones(2, 4)},
        tmp_path / "pytorch_lora_weights.safetensors",
    )
    for path in (tmp_path, tmp_path / "pytorch_lora_weights.safetensors"):
        with pytest.raises(
            FormatError, match=r"found an adapter alone; give the checkpoint .*--adapter"
        ):
            read_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"notes.txt": b"hi"}])
def test_a_folder_without_a_checkpoint_says_what_it_holds(tmp_path, content: dict) -> None:
    for name, text in content.items():
        (tmp_path / name).write_bytes(text)
    with pytest.raises(FormatError, match=f"found {', '.join(content) or 'nothing'}"):
        read_checkpoint(tmp_path)


def test_nothing_at_the_path_is_the_users_mistake(tmp_path) -> None:
    with pytest.raises(ConfigError, match="found nothing; check the path"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": "WanTransformer3DModel"}, "expected _class_name CosmosTransformer3DModel"),
        ({"in_channels": 16}, "in_channels 16 instead of 17"),
        ({"controlnet_block_every_n": 7}, "Transfer networks are not read"),
        ({"num_layers": 3}, r"missing \(blocks.2"),
        ({"brand_new": 1}, "unknown key 'brand_new'"),
    ],
)
def test_a_config_of_another_network_is_refused(tmp_path, change: dict, message: str) -> None:
    import json

    twin_folder(tmp_path, "predict2.5-2b", "10GB")
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(FormatError, match=message):
        read_checkpoint(tmp_path)


def test_two_files_without_an_index_are_ambiguous(tmp_path) -> None:
    twin_folder(tmp_path, "predict2.5-2b", "10GB")
    (tmp_path / "other.safetensors").write_bytes(b"")
    with pytest.raises(FormatError, match="expected one index or one safetensors file, found"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.mul_(float("nan")), "values are not finite in 1 of 20 layers"),
        (lambda a: a.zero_(), r"A is all zero.*blocks.0.mlp.layer1.*created on the meta device"),
    ],
)
def test_an_adapter_that_was_never_trained_is_refused(tmp_path, change, message: str) -> None:
    adapted = state_of(with_peft(random_net(config())))
    change(adapted["blocks.0.mlp.layer1.lora_A.default.weight"])
    path = save_upstream(tmp_path / "a.pt", prefixed(adapted))
    with pytest.raises(FormatError, match=message):
        read_checkpoint(path)


def test_a_timestep_that_nothing_tells_is_asked_for(tmp_path) -> None:
    found = read_checkpoint(save_upstream(tmp_path / "a.pt", prefixed(tiny_state())))
    with pytest.raises(ConfigError, match=r"set conditional_timestep: 0.1 .* -1"):
        found.conditioning()
    assert found.conditioning(-1.0) == -1.0
    older = read_checkpoint(save_upstream(tmp_path / "b.pt", prefixed(tiny_state("predict2-2b"))))
    assert older.conditioning() is None


def test_an_adapter_of_another_width_inside_is_refused(tmp_path) -> None:
    adapted = state_of(with_peft(random_net(config())))
    adapted["blocks.0.mlp.layer1.lora_A.default.weight"] = torch.ones(4, 64)
    path = save_upstream(tmp_path / "a.pt", prefixed(adapted))
    with pytest.raises(
        FormatError, match=r"mlp.layer1 updates \[128, 64\], the layer is \[128, 32"
    ):
        read_checkpoint(path)


def test_a_runs_latest_checkpoint_is_followed(tmp_path) -> None:
    one, two = tmp_path / "predict2", tmp_path / "predict2.5"
    save_upstream(one / "model" / "iter_000000002.pt", prefixed(tiny_state("predict2-2b")))
    (one / "latest_checkpoint.txt").write_text("iter_000000002.pt\n")
    save_dcp(two / "iter_000000002" / "model", prefixed(tiny_state()))
    (two / "latest_checkpoint.txt").write_text("iter_000000002")
    assert same(read_checkpoint(one).state, tiny_state("predict2-2b"))
    assert same(read_checkpoint(two).state, tiny_state())


@pytest.mark.parametrize("name", ["iter_000000003", "../a.pt", "", ".", "latest_checkpoint.txt"])
def test_a_latest_checkpoint_that_is_not_there_is_told(tmp_path, name: str) -> None:
    (tmp_path / "latest_checkpoint.txt").write_text(name)
    save_upstream(tmp_path.parent / "a.pt", prefixed(tiny_state()))
    with pytest.raises(FormatError, match="which is not there; give an earlier one"):
        read_checkpoint(tmp_path)


def test_a_foreign_file_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "foreign.pt"
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(FormatError, match=r"foreign\.pt: expected the weights of a Cosmos Predict"):
        read_checkpoint(path)
