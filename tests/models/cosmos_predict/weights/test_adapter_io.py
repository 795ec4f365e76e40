"""Adapter files against the loaders and writers of diffusers and PEFT themselves."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan, Cosmos2_5_PredictBasePipeline, UniPCMultistepScheduler
from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from models.cosmos_predict.tiny import Inputs, random_inputs, random_net, relative_error
from models.cosmos_predict.weights.test_adapter import SETTINGS, tiny_adapter
from models.cosmos_predict.weights.tiny import TARGETS, config, same
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.adapter import Adapter, merge
from rareworld.models.cosmos_predict.weights.adapter_io import (
    DIFFUSERS_FILE,
    PEFT_CONFIG,
    PEFT_FILE,
    is_adapter,
    read_adapter,
    write_diffusers_adapter,
    write_peft_adapter,
)
from rareworld.models.cosmos_predict.weights.diffusers_config import diffusers_config
from rareworld.models.cosmos_predict.weights.names import key_to_diffusers, to_diffusers

PARITY = 1e-5
"""Largest relative difference between diffusers' output with its LoRA and ours merged."""


def pipeline_around(transformer: CosmosTransformer3DModel) -> Cosmos2_5_PredictBasePipeline:
    """Return diffusers' own pipeline without text encoder and guardrail."""
    return Cosmos2_5_PredictBasePipeline(
        text_encoder=None,
        tokenizer=None,
        transformer=transformer,
        vae=AutoencoderKLWan(base_dim=4, num_res_blocks=1),
        scheduler=UniPCMultistepScheduler(),
        safety_checker=lambda video: video,
    )


def twin(base: dict[str, torch.Tensor]) -> CosmosTransformer3DModel:
    """Return diffusers' net; its padding mask, which needs torchvision, comes in as a channel."""
    settings = {k: v for k, v in diffusers_config(config()).items() if not k.startswith("_")}
    net = CosmosTransformer3DModel(**(settings | {"in_channels": 18, "concat_padding_mask": False}))
    net.load_state_dict({key_to_diffusers(key): tensor for key, tensor in base.items()})
    return net.eval()


def factors_of(adapter: Adapter) -> dict[str, torch.Tensor]:
    out = {}
    for name, layer in adapter.layers.items():
        out |= {f"{name}.a": layer.a, f"{name}.b": layer.b}
        out |= {} if layer.magnitude is None else {f"{name}.m": layer.magnitude}
    return out


def run_twin(net: CosmosTransformer3DModel, inputs: Inputs) -> torch.Tensor:
    padding = inputs.padding_mask[:, :, None, ::8, ::8].expand_as(inputs.condition_mask)
    return net(
        hidden_states=inputs.latent,
        timestep=inputs.timestep * config().timestep_scale,
        encoder_hidden_states=inputs.context,
        condition_mask=torch.cat([inputs.condition_mask, padding], dim=1),
        return_dict=False,
    )[0]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_diffusers_pipeline_loads_what_we_write_and_computes_our_merge(tmp_path, settings) -> None:
    base, adapter, _ = tiny_adapter(**settings)
    write_diffusers_adapter(tmp_path, adapter)
    pipeline = pipeline_around(twin(base))
    pipeline.load_lora_weights(str(tmp_path))
    ours = random_net(config())
    ours.load_state_dict(merge(base, [(adapter, 1.0)]))
    inputs = random_inputs(config(), clips=1, size=(2, 4, 4))
    with torch.no_grad():
        expected = ours(*inputs)
        found = run_twin(pipeline.transformer, inputs)
        plain = run_twin(twin(base), inputs)
    assert relative_error(found, expected) < PARITY
    assert relative_error(plain, expected) > 100 * PARITY


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_peft_loads_what_we_write_onto_our_net(tmp_path, settings) -> None:
    base, adapter, adapted = tiny_adapter(**settings)
    write_peft_adapter(tmp_path, adapter)
    ours = random_net(config())
    ours.load_state_dict(base)
    loaded = PeftModel.from_pretrained(ours, str(tmp_path)).eval()
    inputs = random_inputs(config(), clips=1, size=(2, 4, 4))
    with torch.no_grad():
        assert torch.equal(loaded(*inputs), adapted(*inputs))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("write", [write_diffusers_adapter, write_peft_adapter])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_round_trips_are_bit_equal(tmp_path, settings, write, dtype) -> None:
    _, adapter, _ = tiny_adapter(**settings)
    adapter = adapter.cast(dtype)
    write(tmp_path, adapter)
    found = read_adapter(tmp_path)
    assert same(factors_of(found), factors_of(adapter))
    assert {n: x.alpha for n, x in found.layers.items()} == {
        n: x.alpha for n, x in adapter.layers.items()
    }
    assert found.rank_stabilised == adapter.rank_stabilised


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_what_peft_saves_is_read(tmp_path, settings) -> None:
    net = random_net(config())
    values = {"r": 4, "lora_alpha": 8, "target_modules": TARGETS, "init_lora_weights": False}
    model = get_peft_model(net, LoraConfig(**(values | settings)))
    model.save_pretrained(str(tmp_path))
    found = read_adapter(tmp_path)
    layer = net.get_submodule("blocks.1.self_attn.q_proj")
    ours = found.layers["blocks.1.self_attn.q_proj"]
    assert torch.equal(ours.a, layer.lora_A["default"].weight)
    assert found.scale("blocks.1.self_attn.q_proj") == pytest.approx(layer.scaling["default"])
    assert found.scale("blocks.1.mlp.layer1") == pytest.approx(
        net.get_submodule("blocks.1.mlp.layer1").scaling["default"]
    )


@pytest.mark.parametrize("metadata", [True, False])
def test_what_diffusers_trainers_save_is_read(tmp_path, metadata: bool) -> None:
    base, _, _ = tiny_adapter()
    net = twin(base)
    settings = LoraConfig(
        r=4, lora_alpha=32, target_modules=["to_q", "ff.net.2"], init_lora_weights=False
    )
    net.add_adapter(settings)
    Cosmos2_5_PredictBasePipeline.save_lora_weights(
        str(tmp_path),
        transformer_lora_layers=get_peft_model_state_dict(net),
        transformer_lora_adapter_metadata=_metadata(settings) if metadata else None,
    )
    found = read_adapter(tmp_path / DIFFUSERS_FILE)
    assert found.targets == ("cross_attn.q_proj", "mlp.layer2", "self_attn.q_proj")
    assert found.alphas == ((32.0,) if metadata else (4.0,))
    factor = net.get_submodule(to_diffusers("blocks.1.mlp.layer2")).lora_B["default"].weight
    assert torch.equal(found.layers["blocks.1.mlp.layer2"].b, factor)


def _metadata(settings: LoraConfig) -> dict:
    values = settings.to_dict()
    return {k: sorted(v) if isinstance(v, set) else v for k, v in values.items()}


def test_an_adapter_is_known_by_what_it_holds(tmp_path) -> None:
    _, adapter, _ = tiny_adapter()
    for name, write in (("d", write_diffusers_adapter), ("p", write_peft_adapter)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, adapter)
    save_file({"a": torch.zeros(1)}, tmp_path / "base.safetensors")
    assert is_adapter(tmp_path / "d")
    assert is_adapter(tmp_path / "p")
    assert is_adapter(tmp_path / "d" / DIFFUSERS_FILE)
    assert is_adapter(tmp_path / "p" / PEFT_FILE)
    assert not is_adapter(tmp_path / "base.safetensors")
    assert not is_adapter(tmp_path)
    assert not is_adapter(tmp_path / "model.pt")


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / PEFT_CONFIG
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def edit_weights(folder: Path, **changes: torch.Tensor) -> None:
    tensors = load_file(folder / PEFT_FILE) | {k.replace("/", "."): t for k, t in changes.items()}
    save_file(tensors, folder / PEFT_FILE)


BAD_CONFIGS = [
    ({"r": 8}, "expected rank 8 as its settings say, found 4"),
    ({"peft_type": "LOHA"}, "expected peft_type LORA, found 'LOHA'"),
    ({"bias": "all"}, "expected bias to be off, found 'all'.*merge it with PEFT first"),
    ({"modules_to_save": ["proj_out"]}, "expected modules_to_save to be off"),
    ({"lora_alpha": "big"}, "lora_alpha.*got 'big'.*export the adapter again"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_CONFIGS, ids=str)
def test_settings_that_do_not_fit_are_refused(tmp_path, changes: dict, message: str) -> None:
    write_peft_adapter(tmp_path, tiny_adapter()[1])
    edit_config(tmp_path, **changes)
    with pytest.raises(FormatError, match=message):
        read_adapter(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_model.model.x_embedder.weight": torch.zeros(1)}, "found 1 other tensors"),
        (
            {"base_model.model.blocks.0.mlp.layer1.lora_A.weight": torch.zeros(4, 32)},
            "A is all zero",
        ),
        ({"base_model.model.blocks.5.mlp.layer1.lora_A.weight": torch.ones(4, 32)}, "one only of"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, changes: dict, message: str) -> None:
    write_peft_adapter(tmp_path, tiny_adapter()[1])
    edit_weights(tmp_path, **changes)
    with pytest.raises(FormatError, match=message):
        read_adapter(tmp_path)


def test_a_folder_without_weights_and_a_file_without_factors_are_refused(tmp_path) -> None:
    (tmp_path / PEFT_CONFIG).write_text("{}")
    with pytest.raises(FormatError, match="found neither"):
        read_adapter(tmp_path)
    save_file({}, tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match="expected low-rank factors, found none"):
        read_adapter(tmp_path / "a.safetensors")


def test_a_header_that_is_no_json_is_refused(tmp_path) -> None:
    write_diffusers_adapter(tmp_path, tiny_adapter()[1])
    tensors = load_file(tmp_path / DIFFUSERS_FILE)
    save_file(tensors, tmp_path / DIFFUSERS_FILE, {"lora_adapter_metadata": "{"})
    with pytest.raises(FormatError, match="in its header is no JSON"):
        read_adapter(tmp_path)


def test_the_users_alpha_wins(tmp_path) -> None:
    write_peft_adapter(tmp_path, tiny_adapter()[1])
    assert read_adapter(tmp_path, alpha=2.0).alphas == (2.0,)
