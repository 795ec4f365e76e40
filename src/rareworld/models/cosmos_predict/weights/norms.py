"""Norms of queries and keys trained whole: a file beside the adapter, and back.

They are no low-rank update, so no adapter layout has a place for them; an adapter trained so is
complete only with this file. Needs neither PEFT nor the network that was trained.
Proved in `tests/models/cosmos_predict/weights/test_norms.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from torch import Tensor

from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.containers import read_safetensors
from rareworld.models.cosmos_predict.weights.names import key_to_diffusers, key_to_net
from rareworld.models.cosmos_predict.weights.saving import save_safetensors

NORMS = ("q_norm", "k_norm")
"""Kinds of norm that can be trained whole, of self- and cross-attention."""
NORMS_FILE = "trained_norms.safetensors"
"""Complete weights under diffusers' names."""


def is_norm(parameter: str) -> bool:
    """Return whether a parameter is of a norm of queries or keys."""
    return parameter.endswith(tuple(f".{kind}.weight" for kind in NORMS))


def write_norms(folder: Path, norms: Mapping[str, Tensor]) -> None:
    """Write norms, given by our names, into a folder that exists.

    Raises:
        FormatError: If one of them is no norm of queries or keys.
    """
    foreign = [name for name in norms if not is_norm(name)]
    if foreign:
        raise FormatError(
            f"{folder}: expected norms of queries and keys, got {', '.join(foreign[:10])}; "
            "give what `extract_norms` returns"
        )
    renamed = {cast(str, key_to_diffusers(name)): tensor for name, tensor in norms.items()}
    save_safetensors(renamed, folder / NORMS_FILE, {"format": "pt"})


def read_norms(folder: Path) -> dict[str, Tensor]:
    """Return the trained norms beside an adapter by our names; none where there is no such file.

    Raises:
        FormatError: If the file holds other tensors, or is damaged.
    """
    file = folder / NORMS_FILE
    if not file.exists():
        return {}
    tensors, _ = read_safetensors(file)
    ours = {key: key_to_net(key) or "" for key in tensors}
    foreign = [key for key, name in ours.items() if not is_norm(name)]
    if foreign:
        raise FormatError(
            f"{file}: expected norms of queries and keys, found {', '.join(foreign[:10])}; "
            "save the adapter again"
        )
    return {ours[key]: tensor for key, tensor in tensors.items()}
