"""Checkpoint of a tokenizer's run: a folder that replaces the last one whole.

    state.json               steps done
    weights.safetensors      the net, float32
    average.safetensors      its average
    first.safetensors        AdamW's moments, by the weights' names
    second.safetensors

Nothing else has a state: clips and noise follow from (seed, step). A run that goes on from it does
on a CPU, bit for bit, what it would have done. Proved in `tests/train/tokenizer/test_run.py`.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from rareworld.data.atomic import atomic_folder
from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import StoreError
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.wan_vae.net import WanVae
from rareworld.train.ema import PowerEma

FOLDER = "checkpoint"
_MOMENTS = {"first": "exp_avg", "second": "exp_avg_sq"}


def save_state(
    folder: Path, net: WanVae, optimizer: torch.optim.AdamW, average: PowerEma, *, step: int
) -> None:
    """Write the checkpoint of a run's folder after `step` optimizer steps.

    Raises:
        StoreError: If it cannot be written.
    """
    named = dict(net.named_parameters())
    with atomic_folder(folder / FOLDER, replace=True) as temporary:
        _write(temporary, "weights", net.state_dict())
        _write(temporary, "average", average.state_dict())
        for file, moment in _MOMENTS.items():
            moments = {name: optimizer.state[weight][moment] for name, weight in named.items()}
            _write(temporary, file, moments)
        write_json(temporary / "state.json", {"step": step})


def load_state(folder: Path, net: WanVae, optimizer: torch.optim.AdamW, average: PowerEma) -> int:
    """Take up the checkpoint of a run's folder and return its steps; 0 where there is none.

    Raises:
        StoreError: If it is damaged or of another net.
    """
    path = folder / FOLDER
    if not path.exists():
        return 0
    step = read_json(path / "state.json").get("step")
    if not isinstance(step, int):
        raise StoreError(f"{path}/state.json: step: expected a number, found {step!r}; remove it")
    try:
        net.load_state_dict(_read(path, "weights"))
    except RuntimeError as error:
        raise StoreError(f"{path}: is of another net ({error}); choose another folder") from None
    average.load_state_dict(_read(path, "average"))
    _load_moments(path, net, optimizer, step)
    return step


def _load_moments(path: Path, net: WanVae, optimizer: torch.optim.AdamW, step: int) -> None:
    """Fill the optimizer; its own loader puts the tensors where they belong."""
    moments = {moment: _read(path, file) for file, moment in _MOMENTS.items()}
    names = {weight: name for name, weight in net.named_parameters()}
    trained = [weight for group in optimizer.param_groups for weight in group["params"]]
    state = {
        place: {"step": torch.tensor(float(step))}
        | {moment: tensors[names[weight]] for moment, tensors in moments.items()}
        for place, weight in enumerate(trained)
    }
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _write(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> None:
    save_safetensors(tensors, folder / f"{name}.safetensors")


def _read(folder: Path, name: str) -> dict[str, Tensor]:
    path = folder / f"{name}.safetensors"
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); remove the checkpoint") from None
