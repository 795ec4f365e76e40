"""What lies around a checkpoint that tells how it was trained.

Predict2.5 tells the network a timestep for clean frames that depends on the weights, not on the
family: -1 (that of the other frames) in pre-trained weights, 0.1 in 2B/post-trained, and -1 again
in 14B/post-trained, whose registered experiment is the pre-trained one. Sources that say so, the
surest first: the training run's `config.yaml`, the file name of a release, the branch of a model
hub's cache (`refs/diffusers/base/post-trained`), the folder `base/post-trained`.

Source: cosmos-predict2.5, `checkpoint_db.py`, `SFT_2B_RF.py` and the checkpoint register of its
newest release. Proved in `tests/models/cosmos_predict/weights/test_release.py`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rareworld.models.cosmos_predict.config import Family

_BY_FILE = {
    "d20b7120-df3e-4911-919d-db6e08bad31c": -1.0,
    "81edfebe-bd6a-4039-8c1d-737df1a790bf": 0.1,
    "54937b8c-29de-4f04-862c-e67b04ec41e8": -1.0,
    "e21d2a49-4747-44c8-ba44-9f6f9243715f": -1.0,
}
"""Timestep for clean frames of each released file."""

_BY_STAGE = {
    ("predict2.5-2b", "pre-trained"): -1.0,
    ("predict2.5-2b", "post-trained"): 0.1,
    ("predict2.5-14b", "pre-trained"): -1.0,
    ("predict2.5-14b", "post-trained"): -1.0,
}

_RUN_CONFIG = "config.yaml"
_LEVELS = 4
"""Folders between a run's config and its weights: checkpoints/iter_000000100/model/FILE."""
_SMALL = 4_000_000


@final
@dataclass(frozen=True)
class Told:
    """A value and what said it."""

    value: float
    by: str


def conditional_timestep(path: Path, family: Family) -> Told | None:
    """Return the timestep that clean frames were told in training, if anything says it."""
    return (
        run_value(path, "conditional_frame_timestep") or _by_file(path) or _by_stage(path, family)
    )


def run_value(path: Path, key: str) -> Told | None:
    """Return a number of the training run's `config.yaml` above a checkpoint.

    The file names Python classes, so it is read as text; if it gives the key two values, neither
    is taken.
    """
    pattern = re.compile(rf"^\s*{key}:\s*(-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*$", re.MULTILINE)
    for folder in list(path.absolute().parents)[:_LEVELS]:
        file = folder / _RUN_CONFIG
        if file.is_file() and file.stat().st_size < _SMALL:
            found = {float(x) for x in pattern.findall(file.read_text("utf-8", "replace"))}
            if len(found) == 1:
                return Told(found.pop(), str(file))
    return None


def _by_file(path: Path) -> Told | None:
    for release, value in _BY_FILE.items():
        if any(part.startswith(release) for part in path.absolute().parts):
            return Told(value, f"the released file {release}")
    return None


def _by_stage(path: Path, family: Family) -> Told | None:
    """Return what upstream's `base/STAGE/FILE` or branch says; other folders say nothing."""
    whole = path.absolute()
    for place in (whole, whole.parent, *_hub_branches(path)):
        value = _BY_STAGE.get((family.name, place.name))
        if value is not None and place.parent.name == "base":
            return Told(value, f"the release name base/{place.name}")
    return None


def _hub_branches(path: Path) -> list[Path]:
    """Return the branches that a model hub's cache keeps for this snapshot."""
    whole = path.absolute()
    for folder in whole.parents:
        if folder.name == "snapshots":
            commit = whole.relative_to(folder).parts[0]
            refs = (ref for ref in sorted((folder.parent / "refs").rglob("*")) if ref.is_file())
            return [ref for ref in refs if ref.read_text("utf-8", "replace").strip() == commit]
    return []
