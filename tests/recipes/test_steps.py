"""Steps: what they tell, how long they took over several starts, and how they fail."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import JobError, ScenarioError
from rareworld.recipes.steps import TIMES
from tests.recipes.stories import quiet_steps


@dataclass(frozen=True)
class Small:
    """A stage of one small file, which may fail."""

    fails: bool = False
    name: str = "step"

    def item_name(self, item: int) -> str:
        return f"n{item}"

    def describe(self, item: int) -> dict[str, int]:
        return {"item": item}

    def run(self, item: int, out: Path, report) -> dict[str, int]:
        if self.fails:
            raise ScenarioError("no luck")
        (out / "x.txt").write_text(str(item))
        return {"item": item}


def test_a_job_is_told_timed_and_kept(tmp_path: Path) -> None:
    told: list[str] = []
    steps = quiet_steps(tmp_path, told)
    for word in ("2 done, 0 kept", "0 done, 2 kept"):
        report = steps.job(Small(), [1, 2], tmp_path / "steps")
        assert [outcome.item for outcome in report.outcomes] == ["n1", "n2"]
        assert told[-1].startswith(f"step: {word}")
    assert set(steps.seconds()) == {"step"}


def test_time_of_finished_work_stays_and_that_of_more_work_is_added(tmp_path: Path) -> None:
    steps = quiet_steps(tmp_path)
    write_json(tmp_path / TIMES, {"train": 100.0, "other": 5.0})
    steps.timed("train", lambda: "")
    assert steps.seconds() == {"train": 100.0, "other": 5.0}
    steps.timed("train", lambda: "10 steps done")
    assert 100.0 <= steps.seconds()["train"] < 101.0
    assert read_json(tmp_path / TIMES)["other"] == 5.0


def test_a_step_that_was_done_before_is_told_so(tmp_path: Path) -> None:
    told: list[str] = []
    quiet_steps(tmp_path, told).timed("train", lambda: "")
    assert told == ["train: kept from before (0 s)"]


def test_a_failed_job_ends_with_its_reason_after_its_time_is_noted(tmp_path: Path) -> None:
    steps = quiet_steps(tmp_path)
    with pytest.raises(JobError, match=r"n1 was quarantined: ScenarioError: no luck"):
        steps.job(Small(fails=True), [1], tmp_path / "steps")
    assert steps.seconds() == {}


def test_without_a_start_there_are_no_times(tmp_path: Path) -> None:
    assert quiet_steps(tmp_path).seconds() == {}
