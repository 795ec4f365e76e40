"""What a checkpoint is once read: which network, its tensors, its adapter, its average.

Source: the layouts of cosmos-predict2/2.5, diffusers and PEFT; see `docs/reference/checkpoints.md`.
Proved in `tests/models/cosmos_predict/weights/test_reader.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import final

from torch import Tensor

from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.config import Family, Objective
from rareworld.models.cosmos_predict.weights.adapter import Adapter
from rareworld.models.cosmos_predict.weights.names import is_dropped
from rareworld.models.cosmos_predict.weights.shapes import Shape, parameter_shapes

State = dict[str, Tensor]
"""Tensors by our names (upstream's without `net.`)."""

_SHOWN = 10


@final
class Layout(StrEnum):
    """How a checkpoint lies on disk."""

    PT = "pt"
    """One `.pt` file of upstream: `net.*`, perhaps `net_ema.*`."""
    DCP = "dcp"
    """A folder of torch.distributed.checkpoint: `.metadata` and `__0_0.distcp`."""
    DIFFUSERS = "diffusers"
    """`config.json` and safetensors, one file or shards with an index."""
    SAFETENSORS = "safetensors"
    """One safetensors file without a config."""


@final
@dataclass(frozen=True, kw_only=True)
class Weights:
    """The tensors of one network."""

    state: State
    """Base parameters."""
    lora: Adapter | None = None
    """Low-rank adapter kept beside them."""


@final
@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint with every base key of its family accounted for."""

    path: Path
    layout: Layout
    family: Family
    state: State
    lora: Adapter | None = None
    ema: Weights | None = None
    """The exponential moving average, if it was saved too."""
    conditional_timestep: float | None = None
    """Predict2.5: timestep told for clean latent frames, -1 for that of the others; see `told`."""
    told_by: str | None = None
    """What said so."""

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Return the types of the base parameters, the commonest first."""
        names = [str(tensor.dtype).removeprefix("torch.") for tensor in self.state.values()]
        return tuple(sorted(set(names), key=names.count, reverse=True))

    def averaged(self) -> "Checkpoint":
        """Return the checkpoint with the moving average in place of the network.

        Raises:
            ConfigError: If no average was saved.
        """
        if self.ema is None:
            raise ConfigError(
                f"{self.path}: expected averaged weights (net_ema.*), found none; leave out --ema"
            )
        return replace(self, state=self.ema.state, lora=self.ema.lora, ema=None)

    def conditioning(self, explicit: float | None = None) -> float | None:
        """Return the timestep that clean latent frames are told; None for Predict2, which fixes it.

        Args:
            explicit: The user's value, which wins.

        Raises:
            ConfigError: If neither the checkpoint nor the user says it.
        """
        if self.family.objective is Objective.EDM_FLOW:
            return None
        known = self.conditional_timestep if explicit is None else explicit
        if known is None:
            raise ConfigError(
                f"{self.path}: nothing says which timestep its clean frames were trained with; "
                "set conditional_timestep: 0.1 for weights of 2B/post-trained, -1 for those of "
                "2B/pre-trained and 14B"
            )
        return known


def check_complete(shapes: Mapping[str, Shape], family: Family, source: str) -> None:
    """Check that a state has exactly the parameters of its family.

    Raises:
        FormatError: Naming the first ten missing, unexpected and misshapen parameters.
    """
    wanted = parameter_shapes(family.net)
    complaints = [
        _complaint("missing", sorted(wanted.keys() - shapes.keys())),
        _complaint("unexpected", sorted(shapes.keys() - wanted.keys())),
        _complaint("misshapen", _misshapen(wanted, shapes)),
    ]
    found = [text for text in complaints if text]
    if found:
        matched = len(wanted.keys() & shapes.keys())
        raise FormatError(
            f"{source}: expected all {len(wanted)} parameters of {family.name}, found {matched}: "
            f"{'; '.join(found)}. Nothing was loaded: fetch the checkpoint again, or choose one "
            "of this family (rareworld inspect --families)"
        )


def kept(keys: Sequence[str]) -> list[str]:
    """Return the keys that a network needs."""
    return [key for key in keys if not is_dropped(key)]


def check_family(found: Family, wanted: str | None, source: str) -> None:
    """Check that a checkpoint is of the family asked for.

    Raises:
        FormatError: If it is of another.
    """
    if wanted is not None and found.name != wanted:
        raise FormatError(
            f"{source}: expected weights of {wanted}, found those of {found.name} (width "
            f"{found.net.width}, {found.net.num_blocks} blocks); choose the other model or file"
        )


def _misshapen(wanted: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> list[str]:
    return [
        f"{key} {list(shapes[key])} instead of {list(shape)}"
        for key, shape in sorted(wanted.items())
        if key in shapes and shapes[key] != shape
    ]


def _complaint(kind: str, keys: Sequence[str]) -> str:
    rest = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {kind} ({', '.join(keys[:_SHOWN])}{rest})" if keys else ""
