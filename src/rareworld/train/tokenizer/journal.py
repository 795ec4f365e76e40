"""`metrics.jsonl` and `curves.png` of a tokenizer's run.

Proved in `tests/train/tokenizer/test_run.py`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

from rareworld.data.atomic import atomic_file, store_error, write_bytes
from rareworld.train.watch.journal import read_rows

FILE, CURVES = "metrics.jsonl", "curves.png"
HELD_OUT = "held_out/"
"""Begins the names of numbers measured on held-out clips."""
PANELS = {
    "loss": ("loss",),
    "terms": ("pixel", "motion", "perceptual"),
    "KL (nats per latent number)": ("kl",),
    "held-out PSNR (dB)": (f"{HELD_OUT}psnr", f"{HELD_OUT}psnr_first"),
    "held-out SSIM and LPIPS": (f"{HELD_OUT}ssim", f"{HELD_OUT}lpips"),
    "learning rate": ("lr",),
}


@final
class Journal:
    """Writes rows; keeps those up to the step that a run goes on from."""

    def __init__(self, folder: Path, *, step: int) -> None:
        self._path, self._curves = folder / FILE, folder / CURVES
        kept = [row for row in read_rows(self._path) if step and row["step"] <= step]
        write_bytes(self._path, "".join(json.dumps(row) + "\n" for row in kept).encode())

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add a line.

        Raises:
            StoreError: If the disk refuses it.
        """
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": step, **numbers}) + "\n")
        except OSError as error:
            raise store_error(self._path, error) from error

    def draw(self) -> None:
        """Draw the rows there are."""
        draw_curves(read_rows(self._path), self._curves)


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the curves of a run.

    Raises:
        StoreError: If the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(2, 3).flat, PANELS.items(), strict=True):
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True) if points else ((), ()), label=name, linewidth=1)
        axes.legend(fontsize="small")
    with atomic_file(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)
