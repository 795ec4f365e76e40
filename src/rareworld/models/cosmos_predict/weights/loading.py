"""A network out of a checkpoint: built without memory, filled without copies.

The module is made on the meta device and the mapped tensors become its parameters, so a network
needs its own size once; pages that are moved to a GPU are never copied on the host.
Proved in `tests/models/cosmos_predict/weights/test_loading.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.weights.adapter import Adapter
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint
from rareworld.models.cosmos_predict.weights.convert import merged
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint


def load_net(
    path: Path,
    *,
    adapters: Sequence[tuple[Adapter, float]] = (),
    family: str | None = None,
    ema: bool = False,
    alpha: float | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> CosmosDiT:
    """Return the network of a checkpoint, its own and the given adapters folded in.

    Args:
        path: Checkpoint of any layout.
        adapters: Adapters and their weights.
        family: Refuse any other.
        ema: Take the moving average.
        alpha: Alpha of an adapter inside, where the file does not say it.
        dtype: Number type of the parameters; default: as saved.
        device: Where to put them.

    Raises:
        FormatError: If it is damaged, incomplete, foreign, unsafe or of another family.
        ConfigError: If nothing is there, or an alpha is unknown.
    """
    checkpoint = read_checkpoint(path, family=family, alpha=alpha, ema=ema)
    chosen = checkpoint.averaged() if ema else checkpoint
    return build_net(chosen, adapters=adapters, dtype=dtype, device=device)


def build_net(
    checkpoint: Checkpoint,
    *,
    adapters: Sequence[tuple[Adapter, float]] = (),
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> CosmosDiT:
    """Return the network of a checkpoint that was read, adapters folded in, in evaluation mode.

    Raises:
        FormatError: If an adapter is unsound or of another network.
        ConfigError: If an alpha is unknown.
    """
    whole = replace(checkpoint, ema=None)  # the average of this network is nobody's business here
    if adapters or whole.lora:
        whole = merged(whole, adapters)
    with torch.device("meta"):
        net = CosmosDiT(whole.family.net)
    moved = {key: tensor.to(device, dtype) for key, tensor in whole.state.items()}
    net.load_state_dict(moved, strict=True, assign=True)
    return net.eval()
