"""Clips in the formats of others: the registry behind `rareworld export`."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from rareworld.data.atomic import is_temporary
from rareworld.data.clip_meta import CLIP_FILE
from rareworld.data.config import nearest
from rareworld.data.formats.metropolis import MetropolisOptions, export_metropolis
from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError
from rareworld.runtime.stage import Report

Writer = Callable[[Path, Path, Mapping[str, Any]], None]
"""Writes a clip folder to a new folder, with the format's own options."""


def _metropolis(clip: Path, out: Path, options: Mapping[str, Any]) -> None:
    export_metropolis(clip, out, MetropolisOptions.parse(options, source="--set"))


FORMATS: dict[str, Writer] = {"metropolis": _metropolis}


@final
@dataclass(frozen=True)
class ExportStage:
    """`runtime.Stage` over clip folders."""

    format: str
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ConfigError(
                f"unknown format {self.format!r}{nearest(self.format, list(FORMATS))}"
            )

    @property
    def name(self) -> str:
        """The verb."""
        return "export"

    def item_name(self, item: Path) -> str:
        """Return the names of recording and camera."""
        clip = item.resolve()
        return f"{clip.parent.name}-{clip.name}"

    def describe(self, item: Path) -> Mapping[str, Any]:
        """Return what decides the item's bytes."""
        files = read_json(item / CLIP_FILE)["files"]
        return {"format": self.format, "options": dict(self.options), "clip": files}

    def run(self, item: Path, out: Path, report: Report) -> Mapping[str, Any]:
        """Write one clip in the format."""
        inner = out / "export"
        FORMATS[self.format](item, inner, self.options)
        for entry in sorted(inner.iterdir()):
            shutil.move(entry, out / entry.name)
        inner.rmdir()
        report(1.0)
        return {"format": self.format}


def find_clips(paths: list[Path]) -> list[Path]:
    """Return clip folders: those given, or those at any depth inside the given ones.

    Raises:
        ConfigError: If a path is not and does not hold a clip.
    """
    found: list[Path] = []
    for path in paths:
        clips = _clips_inside(path)
        if not clips:
            raise ConfigError(
                f"{path}: neither a clip ({CLIP_FILE} inside) nor a folder of them; "
                "make one with: rareworld annotate RECORDING --out DIR"
            )
        found += clips
    return found


def _clips_inside(path: Path) -> list[Path]:
    """Return finished clip folders at any depth; those of writers still at work are left out."""
    found = (item.parent.relative_to(path) for item in path.rglob(CLIP_FILE))
    return sorted(
        path / inner
        for inner in found
        if not any(is_temporary(part) for part in (inner, *inner.parents))
    )
