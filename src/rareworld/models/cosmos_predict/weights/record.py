"""What our own files say beside the tensors, so that nothing has to be guessed on the way back.

A `.pt` of upstream has no room for it: `checkpoint.json` lies beside. Safetensors have a header.
Proved in `tests/models/cosmos_predict/weights/test_record.py`.
"""

from pathlib import Path
from typing import final

from pydantic import Field, ValidationError

from rareworld.data.config import Config
from rareworld.errors import StoreError
from rareworld.models.cosmos_predict.config import FAMILIES, Family, NetConfig, Objective
from rareworld.models.cosmos_predict.weights.adapter import Adapter
from rareworld.models.cosmos_predict.weights.shapes import parameter_count

RECORD_FILE = "checkpoint.json"
RECORDED_FILES = ("model.pt", "model_ema_fp32.pt", "model_ema_bf16.pt")
"""Files that it speaks for; another one put beside them is of its own."""
RECORD_KEY = "rareworld"
"""Key of the record in a safetensors header."""


@final
class Record(Config):
    """What shapes do not tell of a checkpoint."""

    family: str
    """Name of the family."""
    net: NetConfig
    """Shape of the network."""
    objective: Objective
    """What it predicts."""
    conditional_timestep: float | None = None
    """Timestep told for clean frames, if known (Predict2.5)."""
    alphas: dict[str, float] = Field(default_factory=dict[str, float])
    """Alpha of each adapted layer; layers of unknown alpha are left out."""
    rank_stabilised: bool = False
    """Whether the adapter's scale is alpha / sqrt(rank)."""


def record_of(family: Family, conditional_timestep: float | None, lora: Adapter | None) -> Record:
    """Return the record of a checkpoint."""
    layers = {} if lora is None else lora.layers
    return Record(
        family=family.name,
        net=family.net,
        objective=family.objective,
        conditional_timestep=conditional_timestep,
        alphas={name: x.alpha for name, x in layers.items() if x.alpha is not None},
        rank_stabilised=lora is not None and lora.rank_stabilised,
    )


def family_in(record: Record) -> Family:
    """Return the family a record tells: the released one, or one of its own shape."""
    released = FAMILIES.get(record.family)
    if released is not None and released.net == record.net:
        return released
    return Family(
        name=record.family,
        net=record.net,
        objective=record.objective,
        parameters=parameter_count(record.net),
    )


def parse_record(text: str, source: str) -> Record:
    """Return the record in a JSON text.

    Raises:
        StoreError: If it is damaged or of a newer schema.
    """
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) or e["msg"] for e in error.errors())
        raise StoreError(
            f"{source}: expected a checkpoint record, found it damaged or newer ({fields}); write "
            "the checkpoint again, or remove the record to have the family read from the shapes"
        ) from None


def read_record(path: Path) -> Record | None:
    """Return the record that speaks for a checkpoint file, if there is one."""
    file = path.parent / RECORD_FILE
    if path.name not in RECORDED_FILES or not file.is_file():
        return None
    return parse_record(file.read_text(encoding="utf-8"), str(file))
