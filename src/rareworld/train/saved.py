"""What saved states of a run look like on disk, which of them are whole, and which are kept.

    checkpoints/
      latest_checkpoint.txt        name of the newest whole one, written last (upstream's name)
      step_000000500/
        save.json                  step, held-out loss, ranks, size and SHA-256 of every file
        model/                     DCP: trained weights as `net.*`, their average as `net_ema.*`
        train/                     DCP: optimizer and counters
        ranks/00000.safetensors    random state of each rank
        config.yaml                timestep of clean frames, where the whole network is trained
        adapter/                   the adapter alone, as diffusers and `rareworld generate` load it

A folder appears under its name when it is whole (`data.atomic`); what has no valid `save.json`, or
files of other sizes or hashes, was damaged afterwards and is passed over.
Proved in `tests/train/test_saved.py` and `test_checkpoint.py`.
"""

import math
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import final

from pydantic import Field, ValidationError

from rareworld.data.atomic import is_temporary, sha256_file, sweep
from rareworld.data.config import Config
from rareworld.errors import StoreError
from rareworld.train.config import CheckpointConfig

POINTER = "latest_checkpoint.txt"
"""Names the newest whole save; `rareworld generate --model FOLDER` follows it too."""
RECORD = "save.json"
RUN_CONFIG = "config.yaml"
"""Upstream's name of what tells a model's timestep for clean frames."""
MODEL, TRAIN, RANKS, ADAPTER = "model", "train", "ranks", "adapter"
"""Parts of a save."""

_NAME = re.compile(r"step_(\d{9,})")


@final
class FileRecord(Config):
    """What a file must be like to be the one that was written."""

    size: int
    """Bytes."""
    sha256: str
    """Of its content, 64 hexadecimal digits."""


@final
class SaveRecord(Config):
    """What is known of a save without opening its tensors."""

    layout: int = Field(default=1, le=1)
    """Version of this layout."""
    step: int
    """Optimizer steps done."""
    held_out_loss: float | None = None
    """Loss on clips kept out of training, if it was measured at this step."""
    world: int
    """Ranks that saved it."""
    facts: dict[str, str] = Field(default_factory=dict[str, str])
    """What must be the same for a run to go on bit for bit: ranks of a clip, torch, ..."""
    files: dict[str, FileRecord]
    """Every file but this one, by its path inside the folder."""


def step_folder(folder: Path, step: int) -> Path:
    """Return where the save of a step is."""
    return folder / f"step_{step:09d}"


def steps_in(folder: Path) -> tuple[int, ...]:
    """Return the steps that have a folder, whole or not, in order."""
    if not folder.is_dir():
        return ()
    found = (_NAME.fullmatch(item.name) for item in folder.iterdir() if item.is_dir())
    return tuple(sorted(int(match[1]) for match in found if match))


def candidates(folder: Path) -> tuple[int, ...]:
    """Return the steps to go on from in order of preference: the pointer's, then older ones.

    Saves beyond the pointer belong to a course of the run that was left; they come last.
    """
    steps = steps_in(folder)
    pointed = read_pointer(folder)
    if pointed is None:
        return steps[::-1]
    before = tuple(step for step in steps if step <= pointed)
    return before[::-1] + tuple(step for step in steps if step > pointed)[::-1]


def read_pointer(folder: Path) -> int | None:
    """Return the step that the pointer names; None where it is missing or damaged."""
    try:
        text = (folder / POINTER).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    match = _NAME.fullmatch(text)
    return int(match[1]) if match else None


def read_record(path: Path) -> SaveRecord:
    """Return what a save says of itself.

    Raises:
        StoreError: If it has no record, or a damaged one.
    """
    file = path / RECORD
    try:
        return SaveRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged or newer"
        raise StoreError(
            f"{file}: expected the record of a save, found none that can be read ({reason}); go "
            "on from another step"
        ) from None


def check_files(path: Path, record: SaveRecord, part: int = 0, parts: int = 1) -> None:
    """Check that all files of a save have their sizes, and a part of them their content.

    Args:
        path: Folder of the save.
        record: What it says of itself.
        part: Which of equal parts of the files to read.
        parts: Number of parts; ranks read one each.

    Raises:
        StoreError: Naming the first file that is missing, cut short or changed.
    """
    for index, (name, wanted) in enumerate(sorted(record.files.items())):
        file = path / name
        size = file.stat().st_size if file.is_file() else None
        if size != wanted.size:
            found = "nothing" if size is None else f"{size}"
            raise StoreError(f"{file}: expected {wanted.size} bytes, found {found}; it is damaged")
        if index % parts == part and sha256_file(file) != wanted.sha256:
            raise StoreError(f"{file}: expected the content that was saved; it is damaged")


def record_files(folder: Path, files: Iterable[Path]) -> dict[str, FileRecord]:
    """Return the records of files inside a folder."""
    return {
        file.relative_to(folder).as_posix(): FileRecord(
            size=file.stat().st_size, sha256=sha256_file(file)
        )
        for file in files
    }


def records_in(folder: Path, until: int) -> dict[int, SaveRecord]:
    """Return the records of the saves up to a step; damaged ones are left out."""
    out: dict[int, SaveRecord] = {}
    for step in steps_in(folder):
        if step <= until:
            try:
                out[step] = read_record(step_folder(folder, step))
            except StoreError:
                continue  # told and passed over when a run goes on; never counted, never removed
    return out


def best_steps(records: Mapping[int, SaveRecord]) -> list[int]:
    """Return the steps whose held-out loss was measured, lowest first."""
    losses = {step: record.held_out_loss for step, record in records.items()}
    known = {step: loss for step, loss in losses.items() if loss is not None}
    return sorted((step for step in known if math.isfinite(known[step])), key=lambda s: known[s])


def superfluous(records: Mapping[int, SaveRecord], config: CheckpointConfig) -> tuple[int, ...]:
    """Return the steps to remove: neither among the last nor among the best to keep."""
    best = set(best_steps(records)[: config.keep_best])
    others = [step for step in sorted(records) if step not in best]
    last = set(others[-config.keep_last :])
    return tuple(step for step in sorted(records) if step not in best | last)


def remove(path: Path) -> None:
    """Remove a save; killed on the way, it leaves no half save under its name."""
    aside = path.with_name(f".{path.name}.partial-removed")
    shutil.rmtree(aside, ignore_errors=True)
    path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def sweep_all(folder: Path) -> None:
    """Clear what killed writers and removers left."""
    names = {item.name[1:].partition(".partial-")[0] for item in _temporaries(folder)}
    for name in sorted(names):
        sweep(folder / name)


def _temporaries(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if is_temporary(item)]
