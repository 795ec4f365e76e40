"""A run's folder: what is in it, and that it is the same run that goes on in it.

    config.json         the whole resolved configuration; `rareworld train config.json` runs it
    environment.json    every start: time, command, versions, commit, machine, ranks, step
    data.json           what is trained on: windows, and a hash of all that decides their latents
    metrics.jsonl       a line per step and per measurement
    curves.png          the same, drawn
    samples/            videos on held-out prompts
    checkpoints/        `train.saved`
    cache/              `train.data.cache`, unless `data.cache` names another place
    tensorboard/        event files

Documented in `docs/reference/run_folder.md`. Proved in `tests/train/test_folder.py`.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

from rareworld.data.atomic import is_temporary, store_error
from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import ConfigError, StoreError
from rareworld.train.config import TrainConfig
from rareworld.train.data.cache import Cache
from rareworld.train.saved import steps_in

CONFIG, ENVIRONMENT, DATA, LOCK = "config.json", "environment.json", "data.json", ".lock"

MAY_CHANGE = (
    "name", "steps", "watch", "checkpoint", "data.cache", "data.prefetch", "base.tokenizer",
    "base.encoder_weights",
)  # fmt: skip
"""Settings that change no step."""
MOVE_BITS = (
    "parallel", "data.micro_batch", "compute.device", "compute.attention", "compute.activations",
    "compute.compile", "compute.deterministic",
)  # fmt: skip
"""Settings that move a step's last bits and nothing else: a run goes on and says so."""
_SHOWN = 10
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""Errors of network disks that know no locks: a run goes on there without one."""


@final
@dataclass(frozen=True)
class RunFolder:
    """Where the parts of a run are."""

    path: Path

    @property
    def metrics(self) -> Path:
        """Return the file of all numbers."""
        return self.path / "metrics.jsonl"

    @property
    def curves(self) -> Path:
        """Return the picture of them."""
        return self.path / "curves.png"

    @property
    def samples(self) -> Path:
        """Return the folder of sample videos."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """Return the folder of saved states."""
        return self.path / "checkpoints"

    @property
    def has_saves(self) -> bool:
        """Return whether there is something that a run goes on from; else it begins anew."""
        return bool(steps_in(self.checkpoints))

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep other runs out of the folder, which is made where it is not there.

        Raises:
            StoreError: If it cannot be made, or another run works in it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise store_error(self.path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreError(
                f"{self.path}: another run is working in this folder; wait for it, end it, or "
                "choose another --out"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise store_error(self.path, error) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def agree(self, config: TrainConfig) -> None:
        """Check that a configuration goes on with the run that is here, and keep it.

        A run that was never saved, as one that failed at its start, holds nobody to its settings.

        Raises:
            ConfigError: If other settings have changed (all are named), or the folder holds
                something else than a run.
            StoreError: If it cannot be read or written.
        """
        path = self.path / CONFIG
        values = config.model_dump(mode="json")
        if path.exists() and self.has_saves:
            changed = changes(read_json(path), values)
            allowed = (*MAY_CHANGE, *MOVE_BITS)
            _refuse(path, [line for key, line in changed.items() if not _among(key, allowed)])
        elif not path.exists() and (strangers := _strangers(self.path)):
            raise ConfigError(
                f"{self.path}: holds {', '.join(strangers[:3])} and no run; choose another --out"
            )
        write_json(path, values)

    def forget(self, name: str) -> None:
        """Remove the saves of an earlier run of a name, so that it begins anew.

        Raises:
            StoreError: If they cannot be removed.
        """
        path = self.path / CONFIG
        if path.exists() and read_json(path).get("name") == name and self.has_saves:
            try:
                shutil.rmtree(self.checkpoints)
            except OSError as error:
                raise store_error(self.checkpoints, error) from error

    def agree_data(self, cache: Cache, fingerprint: str) -> None:
        """Check that what is trained on is what the run here began with, and keep it.

        Args:
            cache: Latents and contexts.
            fingerprint: Hash of the order that they are drawn in.

        Raises:
            ConfigError: If it is not; clips that came, went or changed are named.
            StoreError: If the record cannot be read or written.
        """
        path = self.path / DATA
        windows = {name: entry.key for name, entry in sorted(cache.windows.items())}
        if not (path.exists() and self.has_saves):
            write_json(path, {"order": fingerprint, "windows": windows})
            return
        before = read_json(path)
        if before.get("order") != fingerprint or before.get("windows") != windows:
            kept = cast(Mapping[str, str], before.get("windows", {}))
            raise ConfigError(
                f"{path}: the data has changed since this run began: {_difference(kept, windows)}; "
                "put the clips back as they were, or begin a run in another --out"
            )

    def note_start(self, facts: Mapping[str, Any]) -> None:
        """Add a start to the record of the environment.

        Raises:
            StoreError: If it cannot be read or written.
        """
        path = self.path / ENVIRONMENT
        starts = cast(list[Any], read_json(path)["starts"]) if path.exists() else []
        write_json(path, {"starts": [*starts, dict(facts)]})


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that differ, by dotted name, with both values."""
    ours, theirs = _flat(now), _flat(before)
    return {
        key: f"{key} was {theirs.get(key)!r} and is {ours.get(key)!r}"
        for key in sorted(ours | theirs)
        if ours.get(key) != theirs.get(key)
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted names; lists stay whole, an empty section is one value."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            out |= _flat(cast(Mapping[str, Any], value), f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out


def _among(key: str, names: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _refuse(path: Path, lines: Sequence[str]) -> None:
    if lines:
        more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        raise ConfigError(
            f"{path}: this run began with other settings: {'; '.join(lines[:_SHOWN])}{more}; set "
            "them back to go on with it, or begin a run in another --out"
        )


def _strangers(folder: Path) -> list[str]:
    """Return what is in a folder that no run has put there."""
    if not folder.is_dir():
        return []
    known = {LOCK, "cache", "first_batch.png"}
    items = (item for item in folder.iterdir() if not is_temporary(item))
    return sorted(item.name for item in items if item.name not in known)


def _difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what differs between two sets of windows."""
    kinds = {
        "new": sorted(now.keys() - before.keys()),
        "gone": sorted(before.keys() - now.keys()),
        "changed": sorted(key for key in now.keys() & before.keys() if now[key] != before[key]),
    }
    parts = [
        f"{len(names)} windows are {kind} ({', '.join(names[:3])}{', ...' if names[3:] else ''})"
        for kind, names in kinds.items()
        if names
    ]
    return ", ".join(parts) or "its order is another"
