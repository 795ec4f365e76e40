"""A small store of random Inceptions, written in each layout they are published in."""

from pathlib import Path

import torch
from torch import Tensor

from models.numbers import draw, spread
from models.scripts import save_script, tree
from rareworld.models.inception.net import Inception, unit_names
from rareworld.models.inception.weights import script_names


def fidelity_state() -> dict[str, Tensor]:
    """Return a state dict as pytorch-fid and torch-fidelity publish it, random."""
    with torch.device("meta"):
        shapes = {n: tuple(v.shape) for n, v in Inception().state_dict().items()}
    state: dict[str, Tensor] = {}
    for seed, name in enumerate(unit_names()):
        shape = shapes[f"{name}.conv.weight"]
        out, inputs = shape[0], shape[1] * shape[2] * shape[3]
        state[f"{name}.conv.weight"] = draw(seed, *shape, scale=(2 / inputs) ** 0.5)
        state[f"{name}.bn.weight"] = torch.ones(out)
        state[f"{name}.bn.bias"] = draw(seed + 1000, out, scale=0.1)
        state[f"{name}.bn.running_mean"] = draw(seed + 2000, out, scale=0.1)
        state[f"{name}.bn.running_var"] = spread(seed + 3000, out, 0.8, 1.2)
        state[f"{name}.bn.num_batches_tracked"] = torch.tensor(0)
    state["fc.weight"], state["fc.bias"] = torch.zeros(1008, 2048), torch.zeros(1008)
    return state


def script_file(path: Path, state: dict[str, Tensor], *, prefix: str = "net.layers") -> Path:
    """Write a state as NVIDIA's TorchScript is laid out: units of weight, mean, var, beta."""
    parts = {"weight": "conv.weight", "mean": "bn.running_mean", "var": "bn.running_var"}
    parts["beta"] = "bn.bias"
    named = {
        f"{prefix}.{theirs}.{part}": state[f"{ours}.{source}"]
        for ours, theirs in zip(unit_names(), script_names(), strict=True)
        for part, source in parts.items()
    }
    return save_script(tree(named), path)
