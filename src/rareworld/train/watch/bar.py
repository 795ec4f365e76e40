"""What a person sees while training: a bar on a terminal, lines in a log file, both on stderr.

Proved in `tests/train/watch/test_bar.py`.
"""

from collections.abc import Mapping
from typing import final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from rareworld.train.watch.base import HELD_OUT, StepReport
from rareworld.train.watch.meter import Meter, Rates, duration


@final
class Bar:
    """A bar that stands still at the bottom of a terminal; a line every few steps elsewhere."""

    def __init__(self, console: Console, meter: Meter, every: int) -> None:
        self._console, self._meter, self._every = console, meter, every
        columns = (
            TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[at]}"),
        )  # fmt: skip
        self._progress = Progress(*columns, console=console) if console.is_terminal else None
        self._task: TaskID | None = None
        self._steps = 0

    def begin(self, step: int, steps: int) -> None:
        """Show the bar."""
        self._steps = steps
        if self._progress is not None:
            self._task = self._progress.add_task("train", total=steps, completed=step, at="")
            self._progress.start()

    def stepped(self, report: StepReport) -> None:
        """Move on."""
        words = sentence(report, self._meter.rates())
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=report.step, at=words)
        elif report.step % self._every == 0 or report.step == self._steps:
            self._console.print(f"step {report.step}/{self._steps}  {words}", markup=False)

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        """Tell the held-out loss."""
        if HELD_OUT in numbers:
            self._console.print(f"step {step}: held-out loss {numbers[HELD_OUT]:.4f}", markup=False)

    def end(self) -> None:
        """Leave the bar as it is."""
        if self._progress is not None:
            self._progress.stop()


def sentence(report: StepReport, rates: Rates) -> str:
    """Return a step in short words: loss, speed, use of the GPU, memory, time left."""
    speed = rates.steps_per_s
    pace = f"{speed:.2f} it/s" if speed >= 1 else f"{1 / speed:.2f} s/it"
    parts = [
        f"loss {report.loss:.4f}",
        pace,
        f"{rates.tokens_per_s:,.0f} tokens/s",
        *([] if rates.mfu is None else [f"MFU {rates.mfu:.0%}"]),
        f"{rates.memory_gb:.1f} GB",
        *([f"{report.nonfinite} bad gradients"] if report.nonfinite else []),
        f"{duration(rates.left_s)} left",
    ]
    return "  ".join(parts)
