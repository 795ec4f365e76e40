"""From any layout to any other: what `rareworld convert` does.

Proved in `tests/models/cosmos_predict/weights/test_convert.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import final

import torch

from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.weights.adapter import (
    Adapter,
    check_same_family,
    merge,
    warn_if_family_unknown,
)
from rareworld.models.cosmos_predict.weights.adapter_io import (
    is_adapter,
    read_adapter,
    split_weight,
)
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint, Weights
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.cosmos_predict.weights.writer import (
    write_adapter,
    write_diffusers,
    write_peft,
    write_pt,
)


@final
class Target(StrEnum):
    """Layouts that are written."""

    PT = "pt"
    """Upstream's consolidated files."""
    DIFFUSERS = "diffusers"
    """Diffusers' folder."""
    MERGED = "merged"
    """Upstream's files with all adapters folded in."""
    ADAPTER = "adapter"
    """Diffusers' LoRA file."""
    PEFT = "peft"
    """PEFT's adapter folder."""


@final
class Precision(StrEnum):
    """Number types to convert to."""

    BF16 = "bf16"
    FP32 = "fp32"

    @property
    def dtype(self) -> torch.dtype:
        """Return torch's type."""
        return torch.bfloat16 if self is Precision.BF16 else torch.float32


@final
class ConvertConfig(Config):
    """How to convert a checkpoint."""

    to: Target
    """Layout to write."""
    adapters: tuple[str, ...] = ()
    """Adapters to fold in, as PATH or PATH=WEIGHT."""
    merge: bool = False
    """Fold in the adapter that the source holds."""
    ema: bool = False
    """Take the moving average in place of the network."""
    alpha: float | None = None
    """Alpha of the adapter that the source holds, where it does not say it."""
    dtype: Precision | None = None
    """Convert the numbers; default: keep them bit by bit."""
    overwrite: bool = False
    """Replace what lies at the destination."""


def convert(source: Path, folder: Path, config: ConvertConfig) -> str:
    """Convert a checkpoint or adapter into a folder; return one sentence on what was written.

    Raises:
        FormatError: If the source is damaged, incomplete, foreign or unsafe.
        ConfigError: If source and settings do not go together.
        StoreError: If the folder exists, or cannot be written.
    """
    if folder.suffix in {".pt", ".safetensors"}:
        raise ConfigError(
            f"{folder}: expected a folder, found a file name; the files in it are named as their "
            "layout wants them"
        )
    if is_adapter(source) or config.to in {Target.ADAPTER, Target.PEFT}:
        return _convert_adapter(source, folder, config)
    checkpoint = _prepared(source, config)
    if config.to is Target.DIFFUSERS:
        write_diffusers(folder, checkpoint, overwrite=config.overwrite)
    else:
        write_pt(folder, checkpoint, overwrite=config.overwrite)
    return f"{checkpoint.family.name}, {len(checkpoint.state)} tensors"


def read_adapters(texts: Sequence[str]) -> list[tuple[Adapter, float]]:
    """Return adapters and their weights of `PATH` or `PATH=WEIGHT`."""
    pairs = [split_weight(text) for text in texts]
    return [(read_adapter(path), weight) for path, weight in pairs]


def merged(checkpoint: Checkpoint, adapters: Sequence[tuple[Adapter, float]]) -> Checkpoint:
    """Return a checkpoint with its own adapter and others folded in, in its average too.

    Raises:
        FormatError: If an adapter is unsound or of another network.
        ConfigError: If an alpha is unknown, or DoRA is mixed or weighted.
    """
    for adapter, _ in adapters:
        check_same_family(adapter, checkpoint.family.name)

    def fold(weights: Weights) -> Weights:
        own = [(weights.lora, 1.0)] if weights.lora is not None else []
        return Weights(state=merge(weights.state, [*own, *adapters]))

    state = fold(Weights(state=checkpoint.state, lora=checkpoint.lora)).state
    ema = fold(checkpoint.ema) if checkpoint.ema is not None else None
    for adapter, _ in adapters:
        warn_if_family_unknown(adapter, checkpoint.family.name)
    return replace(checkpoint, state=state, lora=None, ema=ema)


def _prepared(source: Path, config: ConvertConfig) -> Checkpoint:
    """Return the checkpoint as it is to be written."""
    checkpoint = read_checkpoint(source, alpha=config.alpha)
    if config.ema:
        checkpoint = checkpoint.averaged()
    wanted = config.merge or config.to is Target.MERGED
    if wanted and checkpoint.lora is None and not config.adapters:
        raise ConfigError(
            f"{source}: expected an adapter to merge, found none in it; name one with --adapter"
        )
    if wanted or config.adapters:
        checkpoint = merged(checkpoint, read_adapters(config.adapters))
    return checkpoint if config.dtype is None else _cast(checkpoint, config.dtype.dtype)


def _cast(checkpoint: Checkpoint, dtype: torch.dtype) -> Checkpoint:
    def cast(weights: Weights) -> Weights:
        lora = weights.lora.cast(dtype) if weights.lora is not None else None
        return Weights(state={k: t.to(dtype) for k, t in weights.state.items()}, lora=lora)

    net = cast(Weights(state=checkpoint.state, lora=checkpoint.lora))
    ema = cast(checkpoint.ema) if checkpoint.ema is not None else None
    return replace(checkpoint, state=net.state, lora=net.lora, ema=ema)


def _convert_adapter(source: Path, folder: Path, config: ConvertConfig) -> str:
    """Write the adapter of an adapter file or of a whole checkpoint."""
    if config.to not in {Target.ADAPTER, Target.PEFT}:
        raise ConfigError(
            f"{source}: expected a whole network for --to {config.to}, found an adapter alone; "
            f"give the base checkpoint and add --adapter {source}"
        )
    if config.adapters:
        raise ConfigError("--adapter folds into a network; with --to adapter give it as SRC")
    adapter = _source_adapter(source, config)
    if config.dtype is not None:
        adapter = adapter.cast(config.dtype.dtype)
    write = write_adapter if config.to is Target.ADAPTER else write_peft
    write(folder, adapter, overwrite=config.overwrite)
    return f"an adapter of rank {', '.join(map(str, adapter.ranks))}, {len(adapter.layers)} layers"


def _source_adapter(source: Path, config: ConvertConfig) -> Adapter:
    if is_adapter(source):
        return read_adapter(source, config.alpha)
    checkpoint = read_checkpoint(source, alpha=config.alpha)
    if config.ema:
        checkpoint = checkpoint.averaged()
    if checkpoint.lora is None:
        raise ConfigError(
            f"{source}: expected low-rank factors (lora_A, lora_B), found none; it is a base or a "
            "fully trained checkpoint: use --to pt or diffusers"
        )
    return checkpoint.lora
