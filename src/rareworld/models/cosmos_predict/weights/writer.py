"""One `Checkpoint` into the public layouts; every folder appears whole or not at all.

Proved in `tests/models/cosmos_predict/weights/test_writer.py`: round trips are bit-equal, and
diffusers' own class loads what is written.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from rareworld.data.atomic import atomic_folder
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.weights.adapter import Adapter
from rareworld.models.cosmos_predict.weights.adapter_io import (
    write_diffusers_adapter,
    write_peft_adapter,
)
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint, State, Weights
from rareworld.models.cosmos_predict.weights.diffusers_config import CONFIG_FILE, diffusers_config
from rareworld.models.cosmos_predict.weights.names import key_to_diffusers
from rareworld.models.cosmos_predict.weights.record import RECORD_FILE, RECORD_KEY, record_of
from rareworld.models.cosmos_predict.weights.saving import save_pt, save_safetensors, shards

SHARD_BYTES = 5_000_000_000
"""Largest shard of the diffusers layout, as its own script sets it."""

_STEM = "diffusion_pytorch_model"


def write_pt(folder: Path, checkpoint: Checkpoint, *, overwrite: bool = False) -> None:
    """Write `model.pt`, and `model_ema_fp32.pt` and `model_ema_bf16.pt` where there is an average.

    `model.pt` holds `net.*` and, as upstream's own converter has it, `net_ema.*`; the two others
    hold the average renamed to `net.*`. `checkpoint.json` beside them says what `.pt` cannot.

    Raises:
        StoreError: If the folder exists, or cannot be written.
    """
    record = record_of(checkpoint.family, checkpoint.conditional_timestep, checkpoint.lora)
    with atomic_folder(folder, replace=overwrite) as temporary:
        named = _named(Weights(state=checkpoint.state, lora=checkpoint.lora), "net.")
        if checkpoint.ema is not None:
            _write_average(temporary, checkpoint.ema)
            named |= _named(checkpoint.ema, "net_ema.")
        save_pt(named, temporary / "model.pt")
        text = record.model_dump_json(indent=2)
        (temporary / RECORD_FILE).write_text(text + "\n", encoding="utf-8")


def write_diffusers(
    folder: Path,
    checkpoint: Checkpoint,
    *,
    overwrite: bool = False,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the folder that diffusers' `CosmosTransformer3DModel.from_pretrained` loads.

    Raises:
        ConfigError: If an adapter lies beside the weights; this layout has no room for it.
        StoreError: If the folder exists, or cannot be written.
    """
    if checkpoint.lora is not None:
        raise ConfigError(
            f"{checkpoint.path}: holds an adapter, which the diffusers layout keeps in a file of "
            "its own; add --merge to fold it in, or write it alone with --to adapter"
        )
    record = record_of(checkpoint.family, checkpoint.conditional_timestep, None)
    notes = {"format": "pt", RECORD_KEY: record.model_dump_json()}
    renamed = _renamed(checkpoint.state)
    with atomic_folder(folder, replace=overwrite) as temporary:
        _write_shards(temporary, renamed, shard_bytes, notes)
        text = json.dumps(diffusers_config(checkpoint.family.net), indent=2)
        (temporary / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def write_adapter(folder: Path, adapter: Adapter, *, overwrite: bool = False) -> None:
    """Write the LoRA file that diffusers' Cosmos 2.5 pipeline loads.

    Raises:
        ConfigError: If the adapter's alpha is unknown.
        StoreError: If the folder exists, or cannot be written.
    """
    with atomic_folder(folder, replace=overwrite) as temporary:
        write_diffusers_adapter(temporary, adapter)


def write_peft(folder: Path, adapter: Adapter, *, overwrite: bool = False) -> None:
    """Write the folder that PEFT loads onto our network.

    Raises:
        ConfigError: If the adapter's alpha is unknown.
        StoreError: If the folder exists, or cannot be written.
    """
    with atomic_folder(folder, replace=overwrite) as temporary:
        write_peft_adapter(temporary, adapter)


def _write_average(folder: Path, ema: Weights) -> None:
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        cast = {key: tensor.to(dtype) for key, tensor in _named(ema, "net.").items()}
        save_pt(cast, folder / f"model_ema_{name}.pt")


def _named(weights: Weights, prefix: str) -> State:
    """Return tensors under upstream's names; adapted layers as PEFT wraps them in place."""
    layers = {} if weights.lora is None else weights.lora.layers
    out: State = {}
    for key, tensor in weights.state.items():
        module, _, parameter = key.rpartition(".")
        wrapped = f"{module}.base_layer.{parameter}" if module in layers else key
        out[prefix + wrapped] = tensor
    for module, layer in layers.items():
        stem = f"{prefix}{module}"
        out[f"{stem}.lora_A.default.weight"] = layer.a
        out[f"{stem}.lora_B.default.weight"] = layer.b
        if layer.magnitude is not None:
            out[f"{stem}.lora_magnitude_vector.default.weight"] = layer.magnitude
    return out


def _renamed(state: Mapping[str, torch.Tensor]) -> State:
    """Return a complete state under diffusers' names."""
    return {name: tensor for key, tensor in state.items() if (name := key_to_diffusers(key))}


def _write_shards(folder: Path, state: State, limit: int, notes: Mapping[str, str]) -> None:
    """Write one file, or shards and their index."""
    groups = list(shards(state, limit))
    if len(groups) == 1:
        save_safetensors(groups[0], folder / f"{_STEM}.safetensors", notes)
        return
    where: dict[str, str] = {}
    for number, group in enumerate(groups, start=1):
        name = f"{_STEM}-{number:05d}-of-{len(groups):05d}.safetensors"
        save_safetensors(group, folder / name, notes)
        where |= dict.fromkeys(group, name)
    total = sum(tensor.nbytes for tensor in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    text = json.dumps(index, indent=2, sort_keys=True)
    (folder / f"{_STEM}.safetensors.index.json").write_text(text + "\n", encoding="utf-8")
