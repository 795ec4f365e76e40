"""Tensors into files: `torch.save` and safetensors, without keeping more than the file needs.

Proved in `tests/models/cosmos_predict/weights/test_writer.py`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor


def save_pt(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a `.pt` file as upstream does."""
    torch.save({key: _alone(tensor) for key, tensor in tensors.items()}, path)


def save_safetensors(
    tensors: Mapping[str, Tensor], path: Path, notes: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file with notes in its header, readable as any new file is."""
    path.touch()
    mode = path.stat().st_mode
    save_file({k: t.contiguous() for k, t in tensors.items()}, path, dict(notes or {}))
    path.chmod(mode)  # the library writes for the owner alone


def shards(tensors: Mapping[str, Tensor], limit: int) -> Iterator[dict[str, Tensor]]:
    """Yield the tensors in order, in groups of at most `limit` bytes; a larger one stands alone."""
    group: dict[str, Tensor] = {}
    size = 0
    for key, tensor in tensors.items():
        if group and size + tensor.nbytes > limit:
            yield group
            group, size = {}, 0
        group[key] = tensor
        size += tensor.nbytes
    yield group


def _alone(tensor: Tensor) -> Tensor:
    """Return a contiguous tensor whose storage holds nothing else; `torch.save` writes storages."""
    whole = tensor.contiguous()
    return whole if whole.untyped_storage().nbytes() == whole.nbytes else whole.clone()
