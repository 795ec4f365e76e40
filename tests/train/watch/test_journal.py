"""`metrics.jsonl`: every step once, whatever happened to the run."""

import json
import math
from pathlib import Path

import pytest
import torch

from rareworld.errors import StoreError
from rareworld.train.watch.journal import Journal, read_rows
from rareworld.train.watch.meter import Meter
from train.watch.reports import report


def make(path: Path, begun: int = 0) -> Journal:
    meter = Meter(torch.device("cpu"))
    meter.begin(begun, 10)
    meter.stepped(report(1))
    journal = Journal(path, meter)
    journal.begin(begun, 10)
    return journal


def test_a_line_per_step_and_measurement(tmp_path: Path) -> None:
    journal = make(tmp_path / "m.jsonl")
    journal.stepped(report(1, loss=0.1 + 0.2))
    journal.measured(1, {"held_out/loss": 0.25})
    journal.end()
    first, second = read_rows(tmp_path / "m.jsonl")
    assert first["loss"] == 0.1 + 0.2  # as it was, to the bit
    assert first["step"] == 1
    assert second == {"step": 1, "held_out/loss": 0.25}


def test_what_is_no_number_becomes_null(tmp_path: Path) -> None:
    journal = make(tmp_path / "m.jsonl")
    journal.stepped(report(1, loss=math.nan))
    line = (tmp_path / "m.jsonl").read_text()
    assert json.loads(line, parse_constant=pytest.fail)["loss"] is None


def test_going_on_drops_steps_that_no_checkpoint_holds_and_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    journal = make(path)
    for step in range(1, 6):
        journal.stepped(report(step))
        journal.measured(step, {"held_out/loss": 1.0})
    with path.open("a") as stream:
        stream.write('{"step": 6, "lo')
    again = make(path, begun=3)
    again.stepped(report(4))
    rows = read_rows(path)
    assert [row["step"] for row in rows] == [1, 1, 2, 2, 3, 3, 4]


def test_a_run_that_begins_again_begins_with_an_empty_file(tmp_path: Path) -> None:
    """Killed before its first save: step 0 is measured again and must not stand there twice."""
    path = tmp_path / "m.jsonl"
    make(path).measured(0, {"held_out/loss": 1.0})
    make(path).measured(0, {"held_out/loss": 1.0})
    assert read_rows(path) == [{"step": 0, "held_out/loss": 1.0}]


def test_a_damaged_line_inside_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1}\nnonsense\n{"step": 2}\n')
    with pytest.raises(StoreError, match="line 2: expected a JSON object with 'step', found 'nons"):
        read_rows(path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    journal = make(tmp_path / "m.jsonl")
    (tmp_path / "m.jsonl").unlink()
    (tmp_path / "m.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"m\.jsonl: cannot be written"):
        journal.stepped(report(1))


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "none.jsonl") == []
