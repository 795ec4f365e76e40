"""What a checkpoint is, without loading it: what `rareworld inspect` prints.

Proved in `tests/models/cosmos_predict/weights/test_inspection.py`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.config import Objective
from rareworld.models.cosmos_predict.weights.adapter import Adapter, check_sound, is_idle
from rareworld.models.cosmos_predict.weights.adapter_io import is_adapter, open_adapter
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint
from rareworld.models.cosmos_predict.weights.reader import open_checkpoint


@final
@dataclass(frozen=True, kw_only=True)
class AdapterFacts:
    """What an adapter is."""

    ranks: tuple[int, ...]
    alphas: tuple[float, ...] | None
    """None where the file does not say."""
    targets: tuple[str, ...]
    layers: int
    parameters: int
    dora: bool
    state: str
    """`trained`, or why it is of no use."""


@final
@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a checkpoint is."""

    path: str
    layout: str
    family: str | None = None
    """None for an adapter that does not say it."""
    parameters: int | None = None
    keys: int | None = None
    dtypes: tuple[str, ...] = ()
    bytes: int = 0
    """Size on disk."""
    ema: bool = False
    conditional_timestep: float | None = None
    """Timestep told for clean frames (Predict2.5), None where nothing says it."""
    conditional_timestep_by: str | None = None
    """What said it."""
    lora: AdapterFacts | None = None

    def document(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def inspect_checkpoint(path: Path) -> Facts:
    """Return what a checkpoint or adapter is.

    Raises:
        FormatError: If it is damaged, incomplete, foreign or unsafe.
        ConfigError: If nothing is there.
    """
    if path.exists() and is_adapter(path):
        adapter = open_adapter(path)
        dtypes = {str(x.a.dtype).removeprefix("torch.") for x in adapter.layers.values()}
        return Facts(
            path=str(path),
            layout="adapter",
            family=adapter.family,
            dtypes=tuple(sorted(dtypes)),
            bytes=_size(path),
            lora=_adapter_facts(adapter),
        )
    return _checkpoint_facts(open_checkpoint(path, values=False))


def _checkpoint_facts(checkpoint: Checkpoint) -> Facts:
    fixed = checkpoint.family.objective is Objective.EDM_FLOW
    return Facts(
        path=str(checkpoint.path),
        layout=checkpoint.layout.value,
        family=checkpoint.family.name,
        parameters=sum(tensor.numel() for tensor in checkpoint.state.values()),
        keys=len(checkpoint.state),
        dtypes=checkpoint.dtypes,
        bytes=_size(checkpoint.path),
        ema=checkpoint.ema is not None,
        conditional_timestep=None if fixed else checkpoint.conditional_timestep,
        conditional_timestep_by="Predict2 fixes it" if fixed else checkpoint.told_by,
        lora=_adapter_facts(checkpoint.lora) if checkpoint.lora is not None else None,
    )


def _adapter_facts(adapter: Adapter) -> AdapterFacts:
    return AdapterFacts(
        ranks=adapter.ranks,
        alphas=adapter.alphas,
        targets=adapter.targets,
        layers=len(adapter.layers),
        parameters=adapter.parameters,
        dora=adapter.is_dora,
        state=_state(adapter),
    )


def _state(adapter: Adapter) -> str:
    try:
        check_sound(adapter)
    except FormatError as error:
        return str(error).removeprefix(f"{adapter.source}: ")
    return "does nothing: B is zero in every layer" if is_idle(adapter) else "trained"


def _size(path: Path) -> int:
    files = [item for item in path.iterdir() if item.is_file()] if path.is_dir() else [path]
    return sum(item.stat().st_size for item in files)
