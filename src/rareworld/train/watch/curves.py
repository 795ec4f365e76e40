"""`curves.png`: loss, held-out loss by noise level, rate and gradient norm over the whole run.

Drawn from `metrics.jsonl`, so it shows the steps before a restart too.
Proved in `tests/train/watch/test_curves.py`.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from rareworld.data.atomic import atomic_file
from rareworld.train.watch.base import HELD_OUT, StepReport
from rareworld.train.watch.journal import read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "curves.png"
PAUSE_S = 60.0
"""Shortest time between two drawings while training goes on."""
SMOOTH = 0.05
"""Share of the steps that the drawn mean of the loss is taken over."""


@final
class Curves:
    """Draws the file now and then; a `Watcher`."""

    def __init__(self, metrics: Path, path: Path) -> None:
        self._metrics, self._path = metrics, path
        self._drawn_s = time.monotonic()

    def begin(self, step: int, steps: int) -> None:
        """Do nothing: there may be nothing to draw."""

    def stepped(self, report: StepReport) -> None:  # noqa: ARG002 - as watchers are called
        """Draw if it has been a while."""
        if time.monotonic() - self._drawn_s > PAUSE_S:
            self._draw()

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        """Do nothing: the next drawing shows it."""

    def end(self) -> None:
        """Draw the whole run."""
        self._draw()

    def _draw(self) -> None:
        draw_curves(read_rows(self._metrics), self._path)
        self._drawn_s = time.monotonic()


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the curves of a run's rows; nothing where there is none.

    Raises:
        StoreError: If the picture cannot be written.
    """
    steps = [row for row in rows if row.get("loss") is not None]
    if not steps:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    (loss, held_out), (rate, norm) = figure.subplots(2, 2)
    _plot(loss, "loss", {"each step": _curve(steps, "loss"), "mean": _smooth(steps)})
    names = sorted({name for row in rows for name in row if name.startswith(HELD_OUT)})
    _plot(held_out, "held-out loss", {_short(name): _curve(rows, name) for name in names})
    _plot(rate, "learning rate", {"": _curve(steps, "lr")})
    _plot(norm, "gradient norm before clipping", {"": _curve(steps, "gradient_norm")})
    with atomic_file(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)  # a canvas of its own: no global state


Points = tuple[list[float], list[float]]


def _plot(axes: "Axes", title: str, curves: Mapping[str, Points]) -> None:
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    for name, (steps, values) in curves.items():
        marker = "." if len(steps) < 50 else ""
        axes.plot(steps, values, label=name, linewidth=1, marker=marker)
    if len(curves) > 1:
        axes.legend(fontsize="small")


def _curve(rows: Sequence[Mapping[str, Any]], name: str) -> Points:
    found = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    return [step for step, _ in found], [value for _, value in found]


def _smooth(rows: Sequence[Mapping[str, Any]]) -> Points:
    """Return the running mean of the loss."""
    steps, losses = _curve(rows, "loss")
    width = max(round(SMOOTH * len(losses)), 1)
    sums = [0.0]
    for value in losses:
        sums.append(sums[-1] + value)
    means = [
        (sums[end] - sums[max(end - width, 0)]) / (end - max(end - width, 0))
        for end in range(1, len(sums))
    ]
    return steps, means


def _short(name: str) -> str:
    return name.removeprefix(HELD_OUT).lstrip("/") or "all levels"
