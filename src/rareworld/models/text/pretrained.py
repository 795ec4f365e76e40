"""Reading a network of transformers whole: every weight from the file, none drawn at random.

Proved in `tests/models/text/test_hub.py` and `test_encoders.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from rareworld.errors import FormatError
from rareworld.models.find import Published
from rareworld.models.text.hub import reading

N = TypeVar("N", bound=PreTrainedModel)


def read_net(kind: type[N], folder: Path, dtype: torch.dtype, what: Published) -> N:
    """Read a network in one type; weights are never held twice or in another type.

    Raises:
        FormatError: If the folder holds another kind of network or lacks weights, naming the first.
    """
    with reading(folder, what):
        loaded: Any = kind.from_pretrained(
            folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
    net, told = loaded
    _refuse_missing(folder, told, what)
    return net


def _refuse_missing(folder: Path, told: Mapping[str, Any], what: Published) -> None:
    """Refuse weights the library would have drawn at random."""
    missing = sorted(str(key) for key in told["missing_keys"])
    if missing:
        raise FormatError(
            f"{folder}: {len(missing)} weights of the {what.what} are missing, the first: "
            f"{', '.join(missing[:10])}; take all files of {what.repo_id}"
        )
