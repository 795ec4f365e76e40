"""A run's state by parts: weights by upstream's names, the rest of training, what is a rank's own.

Source: names of cosmos-predict2's checkpoints (`net.`, `net_ema.`).
Proved in `tests/train/test_state_parts.py` and `test_checkpoint.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import torch
from torch import Tensor

from rareworld.errors import ConfigError, FormatError, StoreError
from rareworld.models.cosmos_predict.weights.dcp import read_dcp

OWN = "rng"
"""Part of a state that belongs to each rank: {rank: {name: tensor}}."""
PREFIXES = {"parameters": "net.", "ema": "net_ema."}
"""Parts of a state that are weights, and upstream's prefixes of their names."""
OVERHEAD = 2048
"""Bytes that a tensor takes on disk beside its values, at most."""

_SHOWN = 5


@runtime_checkable
class State(Protocol):
    """What can be saved: nested tensors by name, some of them weights, some of this rank alone."""

    gather: Callable[[], Callable[[Path], None]] | None
    """Copies what other programs load, asked of every rank; its writer is run by the leading one.
    """

    def state_dict(self) -> Mapping[str, Any]:
        """Return tensors that share memory with what is trained: loading fills them."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the tensors that were filled."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Remainder:
    """What makes trained weights a model that others load: saved with them, never loaded."""

    frozen: Mapping[str, Tensor]
    """Weights of the network that are not trained."""
    conditional_timestep: float | None = None
    """What clean frames are told (Predict2.5); written as upstream's `config.yaml` says it."""

    def beside(self, model: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the frozen weights under the prefixes that the trained ones have."""
        used = [x for x in PREFIXES.values() if any(name.startswith(x) for name in model)]
        return {f"{x}{name}": tensor for x in used for name, tensor in self.frozen.items()}


def parted(
    state: Mapping[str, Any],
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Return a state's weights by upstream's names, what else trains, and what is this rank's."""
    model: dict[str, Tensor] = {}
    train: dict[str, Tensor] = {}
    for part, content in state.items():
        if part in PREFIXES:
            prefix = PREFIXES[part]
            model |= {f"{prefix}{name}": tensor for name, tensor in _flat(content)}
        elif part != OWN:
            train |= {_joined(part, name): tensor for name, tensor in _flat(content)}
    return model, train, dict(_flat(state.get(OWN, {})))


def _flat(content: Tensor | Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of nested mappings by their names joined with dots."""
    if isinstance(content, Tensor):
        yield "", content
        return
    for name, inner in content.items():
        for rest, tensor in _flat(inner):
            yield _joined(name, rest), tensor


def _joined(name: str, rest: str) -> str:
    return f"{name}.{rest}" if rest else name


def nested(own: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return {rank: {name: tensor}} from names that start with a rank."""
    out: dict[str, dict[str, Tensor]] = {}
    for name, tensor in own.items():
        rank, _, rest = name.partition(".")
        out.setdefault(rank, {})[rest] = tensor
    return out


def on_host(tensor: Tensor) -> Tensor:
    """Return a copy on the host; of a sharded tensor, of this rank's shard."""
    return tensor.detach().to("cpu", copy=True)


def bytes_of(tensors: Mapping[str, Tensor]) -> int:
    """Return the room that whole tensors take on disk."""
    return sum(tensor.numel() * tensor.element_size() + OVERHEAD for tensor in tensors.values())


def check_fits(folder: Path, tensors: Mapping[str, Tensor], beside: Mapping[str, Tensor]) -> None:
    """Check that a DCP folder holds exactly a state's tensors, before any is opened.

    What was saved beside them is not looked at.

    Raises:
        ConfigError: Naming the first that are missing, left over or of another size.
        StoreError: If the index is damaged.
    """
    try:
        found = {name: (tuple(t.shape), t.dtype) for name, t in read_dcp(folder, _none).items()}
    except FormatError as error:
        raise StoreError(str(error)) from error
    wanted = {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()}
    differ = [
        f"{name} is {_shown(found.get(name))} there and {_shown(wanted.get(name))} here"
        for name in sorted((found.keys() | wanted.keys()) - beside.keys())
        if found.get(name) != wanted.get(name)
    ]
    if differ:
        raise ConfigError(
            f"{folder}: expected what this run trains, found another selection: "
            f"{'; '.join(differ[:_SHOWN])}{' ...' if len(differ) > _SHOWN else ''}; go on with "
            "the settings of the run that saved it, or start a new one with another --out"
        )


def _none(name: str) -> bool:  # noqa: ARG001 - the protocol of `read_dcp`
    return False


def _shown(entry: tuple[Sequence[int], torch.dtype] | None) -> str:
    return "nothing" if entry is None else f"{entry[1]} {list(entry[0])}".removeprefix("torch.")
