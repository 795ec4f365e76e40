"""Any public layout into one `Checkpoint`: find it, sort its names, know its family, miss nothing.

Proved in `tests/models/cosmos_predict/weights/test_reader.py` on tiny random nets in every layout.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.weights.adapter import Adapter, check_fits, check_sound
from rareworld.models.cosmos_predict.weights.adapter_io import is_adapter
from rareworld.models.cosmos_predict.weights.checkpoint import (
    Checkpoint,
    Layout,
    Weights,
    check_complete,
    check_family,
)
from rareworld.models.cosmos_predict.weights.containers import (
    Tensors,
    read_json,
    read_pt,
    read_safetensors,
    read_shards,
)
from rareworld.models.cosmos_predict.weights.dcp import METADATA, read_dcp
from rareworld.models.cosmos_predict.weights.diffusers_config import CONFIG_FILE, family_in_config
from rareworld.models.cosmos_predict.weights.names import is_dropped
from rareworld.models.cosmos_predict.weights.record import (
    RECORD_KEY,
    Record,
    family_in,
    parse_record,
    read_record,
)
from rareworld.models.cosmos_predict.weights.release import Told, conditional_timestep, run_value
from rareworld.models.cosmos_predict.weights.shapes import Shape, family_of
from rareworld.models.cosmos_predict.weights.split import adapter_of, split

_NET, _EMA = "net.", "net_ema."
_LATEST = "latest_checkpoint.txt"


@final
@dataclass(frozen=True, kw_only=True)
class _Raw:
    """What lies on disk, names as they are."""

    path: Path
    layout: Layout
    tensors: Tensors
    record: Record | None = None
    config: dict[str, Any] | None = field(default=None)


@final
@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What to read of a checkpoint whose tensors can be read one by one."""

    values: bool
    ema: bool


def read_checkpoint(
    path: Path, *, family: str | None = None, alpha: float | None = None, ema: bool = True
) -> Checkpoint:
    """Return a checkpoint of any public layout with every base key accounted for.

    Tensors are mapped into memory where the layout allows it, not copied.

    Args:
        path: `.pt` or safetensors file, DCP or diffusers folder, or the folder around one.
        family: Refuse any other.
        alpha: Alpha of an adapter inside, where the file does not say it.
        ema: Keep the average too; without it its values are not even read.

    Raises:
        FormatError: If it is damaged, incomplete, foreign, unsafe or of another family.
        ConfigError: If nothing is there.
    """
    checkpoint = open_checkpoint(path, values=True, ema=ema)
    check_family(checkpoint.family, family, str(path))
    for adapter in (checkpoint.lora, checkpoint.ema and checkpoint.ema.lora):
        if adapter is not None:
            check_sound(adapter)
            check_fits(adapter, checkpoint.state)
    return _with_alpha(checkpoint, alpha)


def open_checkpoint(path: Path, *, values: bool, ema: bool = True) -> Checkpoint:
    """Return a checkpoint whose adapter may be unsound; without values, tensors may be on `meta`.

    An average that is not wanted must be complete all the same.

    Raises:
        FormatError: If it is damaged, incomplete, foreign or unsafe.
        ConfigError: If nothing is there.
    """
    raw = _find(path, _Wanted(values=values, ema=ema))
    groups = _groups(raw)
    told = _told_family(raw)
    source = str(raw.path)
    nets = {name: split(tensors, source) for name, tensors in groups.items()}
    shapes = {key: tuple(tensor.shape) for key, tensor in nets[_NET][0].items()}
    family = _family(shapes, told, source)
    for base, _ in nets.values():
        check_complete({key: tuple(t.shape) for key, t in base.items()}, family, source)
    alpha = _alpha_of(raw)
    stabilised = raw.record is not None and raw.record.rank_stabilised
    weights = {
        name: Weights(
            state=base,
            lora=_of_family(adapter_of(factors, source, alpha, rank_stabilised=stabilised), family),
        )
        for name, (base, factors) in nets.items()
    }
    timestep = _conditional_timestep(raw, family)
    return Checkpoint(
        path=raw.path,
        layout=raw.layout,
        family=family,
        state=weights[_NET].state,
        lora=weights[_NET].lora,
        ema=weights.get(_EMA) if ema else None,
        conditional_timestep=timestep.value if timestep else None,
        told_by=timestep.by if timestep else None,
    )


def _find(path: Path, wanted: _Wanted) -> _Raw:
    """Find what a path means and read it."""
    if not path.exists():
        raise ConfigError(f"{path}: expected a checkpoint, found nothing; check the path")
    if path.is_dir():
        return _find_in_folder(path, wanted)
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix == ".distcp" or path.name == METADATA:
        return _dcp(path.parent, wanted)
    if path.name == _LATEST:
        return _find(_latest(path), wanted)
    return _Raw(path=path, layout=Layout.PT, tensors=read_pt(path), record=read_record(path))


def _latest(pointer: Path) -> Path:
    """Return the checkpoint that a run's `latest_checkpoint.txt` names.

    Raises:
        FormatError: If it is not there: the run was stopped while saving.
    """
    name = pointer.read_text("utf-8", "replace").strip()
    places = (pointer.parent / name, pointer.parent / "model" / name)
    plain = name not in {"", ".", _LATEST} and Path(name).name == name
    found = next((place for place in places if plain and place.exists()), None)
    if found is None:
        raise FormatError(
            f"{pointer}: expected to name a checkpoint of this run, found {name[:80]!r}, which "
            "is not there; give an earlier one by its path"
        )
    return found


def _find_in_folder(folder: Path, wanted: _Wanted) -> _Raw:
    if (folder / _LATEST).is_file():
        return _find(folder / _LATEST, wanted)
    for inner in (folder, folder / "model", folder / "transformer"):
        if (inner / METADATA).is_file():
            return _dcp(inner, wanted)
        if (inner / CONFIG_FILE).is_file() and list(inner.glob("*.safetensors*")):
            return _diffusers(inner)
    files = sorted(folder.glob("*.pt"))
    plain = folder / "model.pt"
    if plain in files or len(files) == 1:
        return _find(plain if plain in files else files[0], wanted)
    _refuse_adapter(folder)
    found = ", ".join(sorted(item.name for item in folder.iterdir())[:10]) or "nothing"
    raise FormatError(
        f"{folder}: expected a checkpoint (model.pt; {METADATA} with .distcp files; {CONFIG_FILE} "
        f"with safetensors), found {found}; give the file or its folder"
    )


def _dcp(folder: Path, wanted: _Wanted) -> _Raw:
    named = read_dcp(folder, lambda _: False)
    without = not wanted.ema and any(name.startswith(_NET) for name in named)

    def opened(name: str) -> bool:
        idle = without and name.startswith(_EMA)
        return (wanted.values or "lora_" in name) and not idle and not is_dropped(name)

    return _Raw(path=folder, layout=Layout.DCP, tensors=read_dcp(folder, opened))


def _diffusers(folder: Path) -> _Raw:
    """Read a diffusers folder: sharded by its index, or the one file."""
    indices = sorted(folder.glob("*.safetensors.index.json"))
    files = sorted(folder.glob("*.safetensors"))
    if len(indices) > 1 or (not indices and len(files) != 1):
        names = ", ".join(item.name for item in (indices or files))
        raise FormatError(
            f"{folder}: expected one index or one safetensors file, found {names}; give the one "
            "that is meant"
        )
    tensors, header = read_shards(indices[0]) if indices else read_safetensors(files[0])
    return _Raw(
        path=folder,
        layout=Layout.DIFFUSERS,
        tensors=tensors,
        record=_record_in(header, folder),
        config=read_json(folder / CONFIG_FILE),
    )


def _safetensors(path: Path) -> _Raw:
    _refuse_adapter(path)
    tensors, header = read_safetensors(path)
    beside = path.parent / CONFIG_FILE
    has_config = beside.is_file()
    return _Raw(
        path=path,
        layout=Layout.DIFFUSERS if has_config else Layout.SAFETENSORS,
        tensors=tensors,
        record=_record_in(header, path),
        config=read_json(beside) if has_config else None,
    )


def _record_in(header: Mapping[str, str], source: Path) -> Record | None:
    text = header.get(RECORD_KEY)
    return parse_record(text, str(source)) if text is not None else None


def _refuse_adapter(path: Path) -> None:
    if is_adapter(path):
        raise FormatError(
            f"{path}: expected a whole network, found an adapter alone; give the checkpoint "
            f"that it was trained on (to generate, add --adapter {path})"
        )


def _groups(raw: _Raw) -> dict[str, Tensors]:
    """Return the tensors of the network and of its average, prefixes off.

    Names without a prefix belong to the network where no name has one; elsewhere they are kept
    as they are, so that they count as unexpected.
    """
    net = {k.removeprefix(_NET): t for k, t in raw.tensors.items() if not k.startswith(_EMA)}
    ema = {k.removeprefix(_EMA): t for k, t in raw.tensors.items() if k.startswith(_EMA)}
    if not any(key.startswith(_NET) for key in raw.tensors) and ema and _only_dropped(net):
        return {_NET: ema}
    return {_NET: net, _EMA: ema} if ema else {_NET: net}


def _only_dropped(tensors: Tensors) -> bool:
    return all(is_dropped(key) for key in tensors)


def _family(shapes: Mapping[str, Shape], told: Family | None, source: str) -> Family:
    """Return the family with such parameters.

    Raises:
        FormatError: If it is none; names the file.
    """
    try:
        return family_of(shapes, told)
    except FormatError as error:
        raise FormatError(f"{source}: {error}") from None


def _told_family(raw: _Raw) -> Family | None:
    """Return the family that a record or a diffusers config tells, if either does.

    Raises:
        FormatError: If they disagree.
    """
    recorded = family_in(raw.record) if raw.record is not None else None
    if raw.config is None:
        return recorded
    configured = family_in_config(raw.config, str(raw.path / CONFIG_FILE))
    if recorded is not None and recorded.net != configured.net:
        raise FormatError(
            f"{raw.path}: {CONFIG_FILE} tells {configured.name}, the header of the weights tells "
            f"{recorded.name}; the folder mixes two models: fetch it again"
        )
    return recorded or configured


def _alpha_of(raw: _Raw) -> Callable[[str, int], float | None]:
    """Return what says the alpha of a layer: our record, or the training run's config."""
    run = run_value(raw.path, "lora_alpha")

    def alpha(module: str, rank: int) -> float | None:  # noqa: ARG001 - the protocol of `split`
        if raw.record is not None:
            return raw.record.alphas.get(module)
        return run.value if run else None

    return alpha


def _conditional_timestep(raw: _Raw, family: Family) -> Told | None:
    if family.net.raw_context_dim is None:
        return None
    recorded = raw.record.conditional_timestep if raw.record is not None else None
    if recorded is not None:
        return Told(recorded, "the record of rareworld")
    return conditional_timestep(raw.path, family)


def _of_family(adapter: Adapter | None, family: Family) -> Adapter | None:
    return replace(adapter, family=family.name) if adapter is not None else None


def _with_alpha(checkpoint: Checkpoint, alpha: float | None) -> Checkpoint:
    def given(adapter: Adapter | None) -> Adapter | None:
        return adapter.with_alpha(alpha) if adapter is not None else None

    ema = checkpoint.ema
    averaged = replace(ema, lora=given(ema.lora)) if ema is not None else None
    return replace(checkpoint, lora=given(checkpoint.lora), ema=averaged)
