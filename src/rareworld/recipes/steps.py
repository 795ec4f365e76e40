"""Steps of a long command: run, told, timed; a later start adds its time to that of earlier ones.

Proved in `tests/recipes/test_steps.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, final

from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import JobError
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.progress import progress_bar
from rareworld.runtime.stage import JobReport, Stage

T = TypeVar("T")
Say = Callable[[str], None]
TIMES = "times.json"


@final
@dataclass(frozen=True, kw_only=True)
class Steps:
    """Runs steps in one folder, which keeps how long each took."""

    out: Path
    workers: int = 0
    overwrite: bool = False
    """Replace results of another configuration."""
    inline: bool = False
    """Run in this process, for debugging."""
    say: Say = print

    def job(
        self,
        stage: Stage[T],
        items: Sequence[T],
        out: Path,
        runner: LocalRunner | None = None,
    ) -> JobReport:
        """Bring all items of a stage to an end.

        Raises:
            JobError: If an item was quarantined.
        """
        chosen = runner or LocalRunner(
            workers=self.workers, overwrite=self.overwrite, inline=self.inline
        )
        begin = time.monotonic()
        with progress_bar(stage.name, len(items)) as watcher:
            report = chosen.run(stage, items, out, watcher)
        self._note(stage.name, report.sentence(), begin, worked=report.count("done") > 0)
        if report.quarantined:
            first = report.quarantined[0]
            raise JobError(f"demo: {first.item} was quarantined: {first.error}")
        return report

    def timed(self, name: str, work: Callable[[], str]) -> None:
        """Do a piece of work that tells what it did; an empty text says that it was done before."""
        begin = time.monotonic()
        did = work()
        self._note(name, did or "kept from before", begin, worked=bool(did))

    def seconds(self) -> dict[str, float]:
        """Return how long each step has taken, over all starts that worked on it."""
        path = self.out / TIMES
        if not path.exists():
            return {}
        return {name: float(str(value)) for name, value in read_json(path).items()}

    def _note(self, name: str, told: str, begin: float, *, worked: bool) -> None:
        took = time.monotonic() - begin
        known = self.seconds()
        if worked:
            write_json(self.out / TIMES, known | {name: round(known.get(name, 0.0) + took, 2)})
        self.say(f"{name}: {told} ({took:.0f} s)")
