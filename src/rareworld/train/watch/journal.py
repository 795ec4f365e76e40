"""`metrics.jsonl`: a line per step and per measurement, the record that curves are drawn from.

A run that was killed has written lines of steps that no checkpoint holds; when it goes on they are
dropped, so a step stands in the file once. Proved in `tests/train/watch/test_journal.py`.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, final

from rareworld.data.atomic import store_error, write_bytes
from rareworld.errors import StoreError
from rareworld.train.watch.base import StepReport
from rareworld.train.watch.meter import Meter, numbers_of

FILE = "metrics.jsonl"


@final
class Journal:
    """Writes the file; a `Watcher`."""

    def __init__(self, path: Path, meter: Meter) -> None:
        self.path, self._meter = path, meter

    def begin(self, step: int, steps: int) -> None:  # noqa: ARG002 - as watchers are called
        """Keep the lines up to a step; of a run that was never saved, none.

        Raises:
            StoreError: If the file is damaged or cannot be written.
        """
        rows = [row for row in read_rows(self.path) if step and row["step"] <= step]
        write_bytes(self.path, "".join(map(_line, rows)).encode())

    def stepped(self, report: StepReport) -> None:
        """Add a step's line."""
        self._append(report.step, numbers_of(report, self._meter.rates()))

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add a measurement's line."""
        self._append(step, numbers)

    def end(self) -> None:
        """Do nothing: every line is written already."""

    def _append(self, step: int, numbers: Mapping[str, float]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(_line({"step": step, **numbers}))
        except OSError as error:
            raise store_error(self.path, error) from error


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file; none where there is no file. A torn last line is left out.

    Raises:
        StoreError: If another line is damaged.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        row = _read(line)
        if row is not None:
            rows.append(row)
        elif number < len(lines):
            raise StoreError(
                f"{path}: line {number}: expected a JSON object with 'step', found "
                f"{line.strip()[:80]!r}; remove the line"
            )
    return rows


def _line(row: Mapping[str, float]) -> str:
    """Return a row as a line; what JSON has no number for becomes null."""
    plain = {key: value if math.isfinite(value) else None for key, value in row.items()}
    return json.dumps(plain) + "\n"


def _read(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = line.endswith("\n") and isinstance(row, dict) and "step" in row
    return cast(dict[str, Any], row) if whole else None
