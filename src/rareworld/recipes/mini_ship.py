"""A finished pre-training run of `mini` becomes the pipeline folder that ships, with provenance.

`provenance.json` says how the weights were made and can be made again: all settings of the run, its
data and seed, the machine, the curves, and the checksum of every file. The model card
(docs/explain/mini.md) takes its figures from it. Proved in `tests/recipes/test_mini.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.mini.pipeline import write_mini
from rareworld.train.folder import RunFolder
from rareworld.train.saved import read_pointer
from rareworld.train.watch.base import HELD_OUT
from rareworld.train.watch.journal import read_rows

POINTS = 200
"""Points of the loss curve that are kept; each is a mean over its stretch of steps."""


def ship_mini(
    run: Path,
    vae: Path,
    out: Path,
    *,
    notes: Mapping[str, str] | None = None,
    replace: bool = False,
) -> Path:
    """Write the averaged weights of a run as the pipeline folder of `mini`.

    Args:
        run: Folder of a run of `mini_pretrain`.
        vae: The trained tokenizer, as diffusers writes it.
        out: The pipeline to write.
        notes: What else belongs to the provenance: commit, recipe of the data, the tokenizer's own.
        replace: Write over a folder that is there.

    Raises:
        ConfigError: If the run has saved nothing.
        FormatError: If weights are missing or damaged.
        StoreError: If the folder exists and `replace` is off, or cannot be written.
    """
    folder = RunFolder(run)
    step = read_pointer(folder.checkpoints)
    if step is None:
        raise ConfigError(f"{run}: expected a run with a saved state, found none; train it first")
    state = read_checkpoint(folder.checkpoints, ema=True).averaged().state
    return write_mini(out, vae, state, about=provenance(folder, step, notes or {}), replace=replace)


def provenance(folder: RunFolder, step: int, notes: Mapping[str, str]) -> dict[str, Any]:
    """Return how a run's weights were made, as JSON types."""
    rows = read_rows(folder.metrics)
    return {
        "steps": step,
        "settings": read_json(folder.path / "config.json"),
        "data": _data(folder.path / "data.json"),
        "starts": _starts(folder.path / "environment.json"),
        "seconds": sum(row["seconds"] for row in rows if "seconds" in row),
        "curves": {"loss": thinned(rows, "loss", POINTS)}
        | {name: thinned(rows, name, POINTS) for name in _held_out(rows)},
        "notes": dict(notes),
    }


def thinned(rows: Sequence[Mapping[str, Any]], name: str, most: int) -> list[list[float]]:
    """Return a curve as at most so many points of (last step, mean) of equal stretches."""
    found = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    size = -(-len(found) // most) if found else 1
    parts = [found[start : start + size] for start in range(0, len(found), size)]
    return [[part[-1][0], sum(value for _, value in part) / len(part)] for part in parts]


def _data(path: Path) -> dict[str, Any]:
    """Return how many windows were trained on, and hashes of which and in what order."""
    values = read_json(path)
    windows = cast(Mapping[str, str], values["windows"])
    return {"windows": len(windows), "order": values["order"], "sha256": sha256_file(path)}


def _starts(path: Path) -> list[dict[str, Any]]:
    """Return what each start of the run ran on; names of machines and folders are nobody's."""
    starts = cast(Sequence[Mapping[str, Any]], read_json(path)["starts"])
    kept = ("step", "time", "commit", "device", "cuda", "ranks", "python", "packages", "rareworld")
    return [{name: start.get(name) for name in kept} for start in starts]


def _held_out(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({name for row in rows for name in row if name.startswith(HELD_OUT)})
