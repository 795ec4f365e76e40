"""Adapter files: PEFT folders and diffusers' LoRA files, read and written.

Diffusers keeps rank and alpha as JSON under `lora_adapter_metadata` in the safetensors header;
without it alpha equals rank, as diffusers itself takes it. PEFT keeps `adapter_config.json`.
Proved with diffusers' and PEFT's own loaders in
`tests/models/cosmos_predict/weights/test_adapter_io.py`.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import Field

from rareworld.data.config import Config
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.weights.adapter import Adapter, check_sound
from rareworld.models.cosmos_predict.weights.containers import (
    Tensors,
    read_json,
    read_safetensors,
)
from rareworld.models.cosmos_predict.weights.names import to_diffusers
from rareworld.models.cosmos_predict.weights.norms import read_norms, write_norms
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.cosmos_predict.weights.split import adapter_of, split

T = TypeVar("T")

DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"
PEFT_FILE = "adapter_model.safetensors"
PEFT_CONFIG = "adapter_config.json"

_METADATA = "lora_adapter_metadata"
_FAMILY = "rareworld_family"
"""Key of the family in a safetensors header."""
_PREFIX = "transformer."
_UNREADABLE = {
    "bias": (None, "none"),
    "modules_to_save": (None, []),
    "lora_bias": (None, False),
    "layer_replication": (None, []),
    "use_qalora": (None, False),
    "fan_in_fan_out": (None, False),
}
"""Settings of PEFT that change the arithmetic, and the values that do not."""


class LoraSettings(Config):
    """The part of PEFT's `LoraConfig` that the arithmetic needs."""

    r: int
    """Rank of layers that no pattern names."""
    lora_alpha: float
    """Alpha of layers that no pattern names."""
    rank_pattern: dict[str, int] = Field(default_factory=dict[str, int])
    """Ranks of other layers, by a regular expression of their names."""
    alpha_pattern: dict[str, float] = Field(default_factory=dict[str, float])
    """Alphas of other layers, likewise."""
    use_rslora: bool = False
    """Scale by alpha / sqrt(rank)."""

    def alpha(self, module: str) -> float:
        """Return the alpha of a layer."""
        return _matched(self.alpha_pattern, module, self.lora_alpha)

    def rank(self, module: str) -> int:
        """Return the rank of a layer."""
        return int(_matched(self.rank_pattern, module, self.r))


def is_adapter(path: Path) -> bool:
    """Return whether a path is an adapter alone: a PEFT folder or diffusers' LoRA file."""
    if path.is_dir():
        return any((path / name).exists() for name in (PEFT_CONFIG, DIFFUSERS_FILE))
    if path.suffix != ".safetensors":
        return False
    tensors, _ = read_safetensors(path)
    return bool(tensors) and all("lora_" in key for key in tensors)


def split_weight(text: str) -> tuple[Path, float]:
    """Return the path and weight of `PATH` or `PATH=WEIGHT`; `PATH:WEIGHT` is read too.

    Raises:
        ConfigError: If there is nothing at the path.
    """
    path, weight = Path(text), 1.0
    for sign in () if path.exists() else ("=", ":"):
        head, _, tail = text.rpartition(sign)
        with suppress(ValueError):
            path, weight = Path(head), float(tail)
            break
    if str(path) in {"", "."} or not path.exists():
        raise ConfigError(
            f"--adapter {text}: {path} does not exist; expected PATH or PATH=WEIGHT, as in "
            "run/adapter=0.8"
        )
    return path, weight


def read_adapter(path: Path, alpha: float | None = None) -> Adapter:
    """Return a sound adapter of a PEFT folder or of diffusers' LoRA file.

    Args:
        path: Folder or safetensors file.
        alpha: Takes the place of the file's own.

    Raises:
        FormatError: If it is damaged, untrained or of another kind.
    """
    adapter = open_adapter(path).with_alpha(alpha)
    check_sound(adapter)
    return adapter


def open_adapter(path: Path) -> Adapter:
    """Return an adapter as it is, sound or not."""
    file, config = _find(path)
    tensors, header = read_safetensors(file)
    settings = _peft_settings(config) if config else _diffusers_settings(file, header)
    stripped = {key.removeprefix(_PREFIX): tensor for key, tensor in tensors.items()}
    base, factors = split(stripped, str(path))
    if base:
        raise FormatError(
            f"{file}: expected low-rank factors only, found {len(base)} other tensors "
            f"({', '.join(list(base)[:10])}); give a LoRA adapter"
        )

    def alpha(module: str, rank: int) -> float:
        if settings is not None and settings.rank(module) != rank:
            raise FormatError(
                f"{file}: expected rank {settings.rank(module)} as its settings say, found {rank} "
                f"in {module}; weights and settings are of two adapters"
            )
        return float(rank) if settings is None else settings.alpha(module)

    stabilised = settings is not None and settings.use_rslora
    adapter = adapter_of(factors, str(path), alpha, rank_stabilised=stabilised)
    if adapter is None:
        raise FormatError(f"{file}: expected low-rank factors, found none; give a LoRA adapter")
    return replace(adapter, family=header.get(_FAMILY), norms=read_norms(file.parent))


def write_diffusers_adapter(folder: Path, adapter: Adapter) -> None:
    """Write an adapter that diffusers' Cosmos 2.5 pipeline loads into an existing folder."""
    names = {module: to_diffusers(module) or module for module in adapter.layers}
    metadata = {f"{_PREFIX}{k}": v for k, v in _settings_of(adapter, names).items()}
    notes = _notes(adapter) | {_METADATA: json.dumps(metadata, sort_keys=True)}
    save_safetensors(_factors(adapter, names, _PREFIX), folder / DIFFUSERS_FILE, notes)
    _write_norms(folder, adapter)


def write_peft_adapter(folder: Path, adapter: Adapter) -> None:
    """Write an adapter that PEFT loads onto our network into an existing folder."""
    names = {module: module for module in adapter.layers}
    settings = {"peft_type": "LORA", "bias": "none", "inference_mode": True}
    text = json.dumps(settings | _settings_of(adapter, names), indent=2, sort_keys=True)
    (folder / PEFT_CONFIG).write_text(text + "\n", encoding="utf-8")
    factors = _factors(adapter, names, "base_model.model.")
    save_safetensors(factors, folder / PEFT_FILE, _notes(adapter))
    _write_norms(folder, adapter)


def _write_norms(folder: Path, adapter: Adapter) -> None:
    """Write norms trained whole into a file of their own: no layout has a place for them."""
    if adapter.norms:
        write_norms(folder, adapter.norms)


def _notes(adapter: Adapter) -> dict[str, str]:
    family = {_FAMILY: adapter.family} if adapter.family is not None else {}
    return {"format": "pt", **family}


def _find(path: Path) -> tuple[Path, Path | None]:
    """Return the weights file of an adapter, and PEFT's config if it is of PEFT."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        names = (PEFT_FILE, DIFFUSERS_FILE)
        file = next((path / name for name in names if (path / name).exists()), None)
        if file is None:
            raise FormatError(
                f"{path}: expected an adapter ({' or '.join(names)}), found neither; give its "
                "folder or safetensors file"
            )
    else:
        file = path
    config = folder / PEFT_CONFIG
    return file, config if file.name == PEFT_FILE and config.exists() else None


def _peft_settings(path: Path) -> LoraSettings:
    values = read_json(path)
    if values.get("peft_type") != "LORA":
        raise FormatError(f"{path}: expected peft_type LORA, found {values.get('peft_type')!r}")
    for name, harmless in _UNREADABLE.items():
        if values.get(name) not in harmless:
            raise FormatError(
                f"{path}: expected {name} to be off, found {values[name]!r}; such an adapter "
                "is more than low-rank updates: merge it with PEFT first"
            )
    return _settings(values, str(path))


def _diffusers_settings(file: Path, header: Mapping[str, str]) -> LoraSettings | None:
    """Return the settings in a safetensors header; None if there are none."""
    if _METADATA not in header:
        return None
    try:
        loaded = json.loads(header[_METADATA])
    except ValueError as error:
        raise FormatError(f"{file}: {_METADATA} in its header is no JSON ({error})") from None
    values = {key.removeprefix(_PREFIX): v for key, v in cast(dict[str, Any], loaded).items()}
    return _settings(values, str(file))


def _settings(values: Mapping[str, Any], source: str) -> LoraSettings:
    known = {k: v for k, v in values.items() if k in LoraSettings.model_fields and v is not None}
    try:
        return LoraSettings.parse(known, source=source)
    except ConfigError as error:
        raise FormatError(f"{error}; export the adapter again") from None


def _matched(patterns: Mapping[str, float], module: str, otherwise: float) -> float:
    """Return the value of the first pattern that fits a name, as PEFT matches them."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return otherwise


def _settings_of(adapter: Adapter, names: Mapping[str, str]) -> dict[str, Any]:
    """Return PEFT's settings of an adapter; odd layers are named in the patterns."""
    for module in adapter.layers:
        adapter.scale(module)
    ranks = {names[module]: x.rank for module, x in adapter.layers.items()}
    alphas = {names[module]: x.alpha for module, x in adapter.layers.items()}
    rank, alpha = _commonest(ranks), _commonest(alphas)
    return {
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {f"^{k}": v for k, v in ranks.items() if v != rank},
        "alpha_pattern": {f"^{k}": v for k, v in alphas.items() if v != alpha},
        "target_modules": sorted(names.values()),
        "use_rslora": adapter.rank_stabilised,
        "use_dora": adapter.is_dora,
    }


def _commonest(values: Mapping[str, T]) -> T:
    return Counter(values.values()).most_common(1)[0][0]


def _factors(adapter: Adapter, names: Mapping[str, str], prefix: str) -> Tensors:
    out: Tensors = {}
    for module, layer in adapter.layers.items():
        stem = f"{prefix}{names[module]}"
        out[f"{stem}.lora_A.weight"] = layer.a
        out[f"{stem}.lora_B.weight"] = layer.b
        if layer.magnitude is not None:
            out[f"{stem}.lora_magnitude_vector"] = layer.magnitude
    return out
