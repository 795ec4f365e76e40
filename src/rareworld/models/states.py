"""State dicts of published networks: reading them as tensors, filling a network with all of them.

Proved in `tests/models/test_states.py`.
"""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rareworld.errors import FormatError

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def load_checkpoint(path: Path) -> Any:  # noqa: ANN401 - a checkpoint holds any tree
    """Return what a checkpoint of torch holds: tensors and plain values only.

    Archives, as torch writes them since 1.6, are mapped into memory; older files are read whole.

    Raises:
        FormatError: If it cannot be read as that.
    """
    try:
        mapped = zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FormatError(
            f"{path}: expected a checkpoint of tensors, cannot be read ({reason}); download it "
            "again"
        ) from None


def load_state(path: Path, shells: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name, out of the first of `shells` that it has.

    Raises:
        FormatError: If it cannot be read as tensors by name.
    """
    loaded = load_checkpoint(path)
    for shell in shells:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(shell), Mapping):
            loaded = loaded[shell]
            break
    if not isinstance(loaded, Mapping) or not all(isinstance(x, Tensor) for x in loaded.values()):
        under = f" or under {' or '.join(shells)}" if shells else ""
        raise FormatError(
            f"{path}: expected tensors by name{under}, found {type(loaded).__name__} of others; "
            "give the file named in the documentation"
        )
    return {str(name): value for name, value in loaded.items()}


def fill(net: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Fill a network with its weights.

    Raises:
        FormatError: Unless every weight is there, in its shape, and no other; names some.
    """
    expected = net.state_dict()
    wrong = differences(expected, state)
    wrong += [
        f"{name} is {tuple(state[name].shape)}, not {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    if wrong:
        raise FormatError(
            f"{source}: is not this network ({len(wrong)} differences: {'; '.join(wrong[:6])}); "
            "give the file named in the documentation"
        )
    net.load_state_dict(dict(state), assign=True)


def differences(expected: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """Return what is lacking and what is too much, in words, in order of name."""
    lacking = [f"lacks {name}" for name in sorted(set(expected) - set(found))]
    return lacking + [f"has {name}" for name in sorted(set(found) - set(expected))]


def frozen(net: nn.Module, device: torch.device) -> nn.Module:
    """Return a network on a device, to be evaluated only, its kernels with channels last."""
    net.to(device).requires_grad_(requires_grad=False).eval()
    for parameter in net.parameters():
        if parameter.ndim in _CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=_CHANNELS_LAST[parameter.ndim])
    return net
