"""Progress on standard error: a bar on a terminal, nothing in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, final, runtime_checkable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@runtime_checkable
class Watcher(Protocol):
    """Told how a job goes."""

    def advance(self, item: str, fraction: float) -> None:
        """An item has reached a fraction of its work."""
        ...

    def finish(self, item: str, status: str) -> None:
        """An item has ended."""
        ...


@final
class Silent:
    """A watcher that says nothing."""

    def advance(self, item: str, fraction: float) -> None:
        """Do nothing."""

    def finish(self, item: str, status: str) -> None:
        """Do nothing."""


@final
class Bar:
    """A progress bar over all items, moved by the fractions inside each."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._fractions: dict[str, float] = {}

    def advance(self, item: str, fraction: float) -> None:
        """Move the bar by the growth of this item's fraction."""
        self._fractions[item] = fraction
        self._progress.update(self._task, completed=sum(self._fractions.values()), item=item)

    def finish(self, item: str, status: str) -> None:
        """Count the item as whole; name it if it was quarantined."""
        self.advance(item, 1.0)
        if status == "quarantined":
            self._progress.console.print(f"[yellow]quarantined[/] {item}")


@contextmanager
def progress_bar(title: str, total: int, *, show: bool = True) -> Iterator[Watcher]:
    """Show a bar on standard error while the block runs; silent where no person looks."""
    if not show or not sys.stderr.isatty():
        yield Silent()
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("[dim]{task.fields[item]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        yield Bar(progress, progress.add_task(title, total=total, item=""))
