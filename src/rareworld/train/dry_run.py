"""`--dry-run`: what a run would do, without loading weights: settings, data, size, memory, time.

The first batch is shown as a contact sheet of the frames that the tokenizer will see: cut, scaled
and at the model's rate, each row a sample under the caption it is trained with. Nothing is cached
or trained. Proved in `tests/train/test_dry_run.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
import yaml
from jaxtyping import UInt8

from rareworld.data.atomic import write_bytes
from rareworld.draw.sheet import grid, png_bytes
from rareworld.train.assemble import family_of
from rareworld.train.config import TrainConfig
from rareworld.train.data.cache_plan import WINDOW_SEED
from rareworld.train.data.clips import Bucket, Catalogue, Window
from rareworld.train.data.order import Order
from rareworld.train.data.read import read_window
from rareworld.train.data.sources import read_catalogue
from rareworld.train.data.windows import windows_of
from rareworld.train.estimate import Estimate, Fit, estimate, fits
from rareworld.train.preflight import preflight

SHEET = "first_batch.png"
SHOWN = 6
"""Frames shown of a sample."""
ROWS = 16
"""Samples shown, at most."""
WIDTH = 240
"""Pixels of a frame on the sheet."""
_LETTERS = 60


@final
@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a run would be."""

    config: TrainConfig
    catalogue: Catalogue
    buckets: Mapping[Bucket, int]
    """Training windows of each size."""
    estimate: Estimate
    batch: tuple[Window, ...]
    """Samples of the first step."""
    sheet: Path
    fit: Fit | None
    """Whether it fits this machine's GPU; None without one."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "config": self.config.model_dump(mode="json"),
            "clips": {
                "train": len(self.catalogue.train),
                "held_out": len(self.catalogue.held_out),
                "rejected": {each.name: each.error for each in self.catalogue.rejected},
            },
            "windows": {str(bucket): count for bucket, count in self.buckets.items()},
            "estimate": _numbers(self.estimate),
            "first_batch": [window.name for window in self.batch],
            "sheet": str(self.sheet),
            "fits": None if self.fit is None else self.fit.ok,
            "fit": "" if self.fit is None else self.fit.message,
        }

    def text(self) -> str:
        """Return it in words."""
        values = self.config.model_dump(mode="json")
        clips = self.catalogue
        sizes = ", ".join(f"{count} of {bucket}" for bucket, count in self.buckets.items())
        rejected = [f"  left out: {each.name}: {each.error}" for each in clips.rejected[:10]]
        lines = [
            yaml.safe_dump(values, sort_keys=False).rstrip(),
            "",
            f"data: {len(clips.train)} clips to train on, {len(clips.held_out)} held out, "
            f"{len(clips.rejected)} left out; windows: {sizes}",
            *rejected,
            *(f"{name}: {figure}" for name, figure in self.estimate.rows()),
            *([] if self.fit is None else [f"this GPU: {self.fit.message}"]),
            f"first batch: {self.sheet}",
            *(f"  {window.name}: {_short(window.item.caption)}" for window in self.batch),
        ]
        return "\n".join(lines)


def dry_run(config: TrainConfig, folder: Path, ranks: int = 1) -> DryRun:
    """Look at a run's data and settings, and write its first batch as `first_batch.png`.

    Args:
        config: Settings of the run.
        folder: Of the run; made if it is not there.
        ranks: GPUs that would train.

    Raises:
        ConfigError: If settings are wrong, or no clip can be used.
        FormatError: If the base model or a video of the batch cannot be read.
        StoreError: If the sheet cannot be written.
    """
    config, family = config.on(ranks), family_of(config.base)
    preflight(config, family, ranks)
    catalogue = read_catalogue(config.data)
    windows = {w.name: w for i in catalogue.train for w in windows_of(i, config.data, WINDOW_SEED)}
    shares = {source: each.share for source, each in enumerate(config.data.sources)}
    order = Order(_clips(windows), shares, config.data.batch_size, config.seed)
    batch = tuple(windows[pick.window] for pick in order.step(0))
    sheet = folder / SHEET
    write_bytes(sheet, png_bytes(contact_sheet(batch[:ROWS], config.data.fps)))
    counts: dict[Bucket, int] = {}
    for window in windows.values():
        counts[window.bucket] = counts.get(window.bucket, 0) + 1
    found = estimate(config, family, ranks)
    return DryRun(
        config=config,
        catalogue=catalogue,
        buckets=dict(sorted(counts.items())),
        estimate=found,
        batch=batch,
        sheet=sheet,
        fit=fits(found, torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else None,
    )


def contact_sheet(windows: Sequence[Window], fps: float) -> UInt8[np.ndarray, "h w 3"]:
    """Return frames of windows, a row each, evenly over time.

    Raises:
        FormatError: If a video cannot be read.
    """
    images: dict[str, UInt8[np.ndarray, "_ _ 3"]] = {}
    for row, window in enumerate(windows):
        frames = read_window(window, fps)
        shown = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
        for column, index in enumerate(shown):
            label = f"{index / fps:.2f} s" if column else _short(window.item.caption)
            images[f"{row + 1}.{column + 1}  {label}"] = frames[index]
    return grid(images, columns=SHOWN, width=WIDTH)


def _clips(windows: Mapping[str, Window]) -> dict[tuple[int, Bucket], dict[str, list[str]]]:
    """Return windows as an order takes them: those of a finished cache are the same."""
    out: dict[tuple[int, Bucket], dict[str, list[str]]] = {}
    for name in sorted(windows):
        item = windows[name].item
        group = out.setdefault((item.source, windows[name].bucket), {})
        group.setdefault(item.name, []).append(name)
    return out


def _numbers(found: Estimate) -> dict[str, Any]:
    return {
        "family": found.family.name,
        "gpus": found.world,
        "parameters": found.parameters,
        "trainable": found.trainable,
        "largest_sample": str(found.bucket),
        "tokens": found.tokens,
        "flops": found.flops,
        "memory_gb": dict(found.memory_gb),
        "peak_gb": found.total_gb,
        "host_gb": found.host_gb,
        "seconds_per_step": found.seconds_per_step,
    }


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..."
