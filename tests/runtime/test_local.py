"""Jobs end with every item accounted for, whatever happens to the workers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rareworld.errors import ConfigError, FormatError, ScenarioError, StoreError
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.stage import JobReport, Outcome, Report, content_key


@dataclass(frozen=True)
class Square:
    """A stage that writes the square of a number and misbehaves on request."""

    factor: int = 1
    name: str = "square"
    pause_s: float = 0.0
    fails: bool = False
    holds_from: int = 99
    """Numbers from here on take an hour: whoever waits for them is interrupted first."""

    def item_name(self, item: int) -> str:
        return f"n{item}"

    def describe(self, item: int) -> Mapping[str, Any]:
        return {"factor": self.factor}

    def run(self, item: int, out: Path, report: Report) -> Mapping[str, Any]:
        if item == 13 or self.fails:
            raise ScenarioError("13 cannot be squared here")
        if item == 14:
            raise ZeroDivisionError("a bug")
        if item == 15:
            os.kill(os.getpid(), signal.SIGKILL)
        report(0.5)
        if self.pause_s:
            (out / "pid.txt").write_text(str(os.getpid()))
        time.sleep(self.pause_s if item < self.holds_from else 3600)
        (out / "value.txt").write_text(str(self.factor * item * item))
        return {"value": self.factor * item * item}


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.fractions: dict[str, float] = {}
        self.ended: dict[str, str] = {}

    def advance(self, item: str, fraction: float) -> None:
        self.fractions[item] = fraction

    def finish(self, item: str, status: str) -> None:
        self.ended[item] = status


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_items_come_back_in_order_with_their_summaries(tmp_path: Path) -> None:
    notes = Notes()
    report = LocalRunner(workers=2).run(Square(), [3, 1, 2], tmp_path / "out", notes)
    assert [outcome.summary["value"] for outcome in report.outcomes] == [9, 1, 4]
    assert (tmp_path / "out/n3/value.txt").read_text() == "9"
    assert notes.ended == {"n1": "done", "n2": "done", "n3": "done"}
    assert set(notes.fractions.values()) == {0.5}


def test_number_of_workers_does_not_change_the_bytes(tmp_path: Path) -> None:
    LocalRunner(workers=2).run(Square(), range(4), tmp_path / "two")
    LocalRunner(inline=True).run(Square(), range(4), tmp_path / "none")
    assert _bytes(tmp_path / "two") == _bytes(tmp_path / "none")


def test_finished_work_is_kept(tmp_path: Path) -> None:
    runner = LocalRunner(inline=True)
    runner.run(Square(), [1, 2], tmp_path)
    written = (tmp_path / "n1/value.txt").stat().st_mtime_ns
    report = runner.run(Square(), [1, 2, 3], tmp_path)
    assert [outcome.status for outcome in report.outcomes] == ["kept", "kept", "done"]
    assert report.outcomes[1].summary == {"value": 4}
    assert (tmp_path / "n1/value.txt").stat().st_mtime_ns == written
    assert report.sentence() == "1 done, 2 kept from before, 0 quarantined"


def test_changed_config_is_never_mistaken_for_finished_work(tmp_path: Path) -> None:
    LocalRunner(inline=True).run(Square(), [2], tmp_path)
    with pytest.raises(ConfigError, match=r"another configuration.*--overwrite"):
        LocalRunner(inline=True).run(Square(factor=3), [2], tmp_path)
    assert (tmp_path / "n2/value.txt").read_text() == "4"
    LocalRunner(inline=True, overwrite=True).run(Square(factor=3), [2], tmp_path)
    assert (tmp_path / "n2/value.txt").read_text() == "12"


class Picky(Square):
    """A stage that finds out what is wrong with an item when it looks at it."""

    def describe(self, item: int) -> Mapping[str, Any]:
        if item == 2:
            raise FormatError("2 is damaged by now")
        return super().describe(item)


def test_finished_work_whose_item_went_wrong_is_kept_and_told(tmp_path: Path) -> None:
    LocalRunner(inline=True).run(Square(), [1, 2], tmp_path)
    for overwrite in (False, True):
        report = LocalRunner(inline=True, overwrite=overwrite).run(Picky(), [1, 2, 3], tmp_path)
        assert [o.status for o in report.outcomes][:2] == ["kept", "quarantined"]
        assert report.outcomes[1].kind == "FormatError"
        assert "2 is damaged by now" in report.outcomes[1].error
        assert (tmp_path / "n2/value.txt").read_text() == "4"
    assert json.loads((tmp_path / "quarantine.json").read_text())[0]["item"] == "n2"


def test_key_depends_on_all_that_is_described() -> None:
    keys = {
        content_key(stage, item)
        for stage in (Square(), Square(factor=2), replace(Square(), name="other"))
        for item in (1, 2)
    }
    assert len(keys) == 6
    assert content_key(Square(pause_s=1.0), 1) == content_key(Square(), 1)


def test_errors_quarantine_one_item_and_spare_the_rest(tmp_path: Path) -> None:
    report = LocalRunner(workers=2).run(Square(), [1, 13, 14, 2], tmp_path)
    assert [o.status for o in report.outcomes] == ["done", "quarantined", "quarantined", "done"]
    listed = json.loads((tmp_path / "quarantine.json").read_text())
    assert listed[0] == {"item": "n13", "error": "ScenarioError: 13 cannot be squared here"}
    assert "ZeroDivisionError: a bug" in listed[1]["error"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["n1", "n2", "quarantine.json"]


def test_killed_worker_takes_no_other_item_with_it(tmp_path: Path) -> None:
    report = LocalRunner(workers=2).run(Square(), [1, 15, 2, 3], tmp_path)
    assert [o.status for o in report.outcomes] == ["done", "quarantined", "done", "done"]
    assert "died twice" in report.quarantined[0].error
    assert not (tmp_path / "n15").exists()


def test_quarantine_list_goes_when_all_is_well(tmp_path: Path) -> None:
    LocalRunner(inline=True).run(Square(), [13], tmp_path)
    assert (tmp_path / "quarantine.json").exists()
    LocalRunner(inline=True).run(Square(), [1], tmp_path)
    assert not (tmp_path / "quarantine.json").exists()


def test_shared_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"used twice: \['n1'\]"):
        LocalRunner(inline=True).run(Square(), [1, 1], tmp_path)


def test_unwritable_root_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file/out: cannot be created"):
        LocalRunner(inline=True).run(Square(), [1], tmp_path / "file" / "out")


def test_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "n1").mkdir()
    (tmp_path / "n1/mine.txt").write_text("precious")
    with pytest.raises(StoreError, match=r"stage\.json"):
        LocalRunner(inline=True, overwrite=True).run(Square(), [1], tmp_path)
    assert (tmp_path / "n1/mine.txt").read_text() == "precious"


SCRIPT = """
import sys; sys.path.insert(0, {tests!r})
from pathlib import Path
from tests.runtime.test_local import Square
from rareworld.runtime.local import LocalRunner
if __name__ == "__main__":
    stage = Square(pause_s=0.05, holds_from=3)
    LocalRunner(workers=1).run(stage, range(8), Path({out!r}))
"""


def test_killed_job_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    process, out = _started(tmp_path, "n2")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (out / "n3").exists()
    report = LocalRunner(inline=True).run(Square(), range(8), tmp_path / "out")
    assert report.count("kept") == 3
    LocalRunner(inline=True).run(Square(), range(8), tmp_path / "fresh")
    kept = {name: data for name, data in _bytes(tmp_path / "out").items() if "pid" not in name}
    assert kept == _bytes(tmp_path / "fresh")


def test_report_counts_by_status() -> None:
    outcome = Outcome(item="a", status="done", summary={})
    report = JobReport((outcome, replace(outcome, item="b", status="quarantined", error="x")))
    assert report.count("done") == 1
    assert report.quarantined[0].item == "b"


def test_overwriting_keeps_the_old_work_until_the_new_is_complete(tmp_path: Path) -> None:
    LocalRunner(inline=True).run(Square(), [2], tmp_path)
    fails = Square(factor=3, fails=True)
    report = LocalRunner(inline=True, overwrite=True).run(fails, [2], tmp_path)
    assert report.count("quarantined") == 1
    assert report.quarantined[0].kind == "ScenarioError"
    assert (tmp_path / "n2/value.txt").read_text() == "4"


def _started(tmp_path: Path, done: str = "n1") -> tuple[subprocess.Popen[str], Path]:
    """Start the job that never ends in a process group of its own and wait for an item."""
    script, out = tmp_path / "job.py", tmp_path / "out"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[2]), out=str(out)))
    process = subprocess.Popen(
        [sys.executable, str(script)], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    _wait(lambda: (out / done).exists())
    return process, out


def _wait(done, limit_s: float = 240.0) -> None:
    deadline = time.monotonic() + limit_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert done()


def test_ctrl_c_stops_the_workers_and_says_how_to_go_on(tmp_path: Path) -> None:
    process, out = _started(tmp_path)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=240)
    assert "InterruptedJobError" in told
    assert "run the same command to go on" in told
    assert not (out / "n3").exists()


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    process, out = _started(tmp_path)
    worker = int((out / "n1/pid.txt").read_text())
    process.kill()
    process.communicate()
    _wait(lambda: not Path(f"/proc/{worker}").exists())
    assert not (out / "n3").exists()
