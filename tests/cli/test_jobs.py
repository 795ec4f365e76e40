"""The long verbs: what they print, what they refuse, how they end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

from cli.calls import refused
from rareworld.cli import main as cli
from rareworld.cli.annotate import find_recordings
from rareworld.cli.jobs import GRACE_S, run_job, told_once
from rareworld.cli.simulate import acceptance
from rareworld.errors import ConfigError, JobError, ScenarioError
from rareworld.nn.ranks import Ranks
from rareworld.runtime.stage import JobReport, Outcome, Report


@dataclass(frozen=True)
class Echo:
    """A stage that writes its item's name, and fails on `bad`."""

    name: str = "echo"

    def item_name(self, item: str) -> str:
        return item

    def describe(self, item: str) -> Mapping[str, Any]:
        return {"text": item}

    def run(self, item: str, out: Path, report: Report) -> Mapping[str, Any]:
        if item == "bad":
            raise ScenarioError("cannot be echoed")
        (out / "text.txt").write_text(item)
        return {"length": len(item)}


def _refused(*arguments: str) -> str:
    error = refused(cli.app, *arguments)
    assert isinstance(error, ConfigError)
    return str(error)


def test_job_for_people_ends_with_a_sentence(tmp_path: Path, capsys) -> None:
    run_job(Echo(), ["a", "b"], tmp_path, workers=1, overwrite=False, as_json=False)
    assert capsys.readouterr().out.strip().endswith("2 done, 0 kept from before, 0 quarantined")


def test_job_for_machines_prints_every_item(tmp_path: Path, capsys) -> None:
    run_job(Echo(), ["a", "bb"], tmp_path, workers=1, overwrite=False, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["items"][1] == {"item": "bb", "status": "done", "error": "", "length": 2}


def test_quarantine_ends_the_command_with_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"1 of 2 items.*bad: ScenarioError: cannot be echoed") as e:
        run_job(Echo(), ["a", "bad"], tmp_path, workers=1, overwrite=False, as_json=False)
    assert e.value.exit_code == 7
    assert (tmp_path / "a/text.txt").exists()


def test_an_error_that_another_rank_tells_ends_without_a_word_and_with_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    ranks = Ranks(rank=1, world=1, device=torch.device("cpu"))
    ranks.elsewhere = ConfigError("told by rank 0")
    with pytest.raises(typer.Exit) as left, told_once(ranks):
        raise ranks.elsewhere
    assert left.value.exit_code == 2
    assert waited == [GRACE_S]
    with pytest.raises(ConfigError, match="own"), told_once(ranks):
        raise ConfigError("its own")


def test_acceptance_counts_attempts_of_finished_items() -> None:
    done = Outcome(item="a", status="done", summary={"attempts": 3})
    kept = Outcome(item="b", status="kept", summary={"attempts": 1})
    lost = Outcome(item="c", status="quarantined", summary={}, error="x")
    assert acceptance(JobReport((done, kept, lost))) == "2 recordings in 4 attempts: acceptance 50%"
    assert acceptance(JobReport((lost,))) == "no recording was accepted"


def test_list_names_every_scenario_and_place() -> None:
    result = CliRunner().invoke(cli.app, ["simulate", "--list", "--json"])
    listed = json.loads(result.stdout)
    names = {row["scenario"] for row in listed["scenarios"]}
    assert {"rear_end", "side_impact", "pile_up"} <= names
    assert len(listed["places"]) >= 8
    assert all(row["places"] and row["outcomes"] for row in listed["scenarios"])
    shown = CliRunner().invoke(cli.app, ["simulate", "--list"])
    assert "rear_end" in shown.stdout


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("scenarios: []", "scenarios"),
        ("scenarios: [{scenario: rear_edn}]", "did you mean 'rear_end'"),
        ("scenarios: [{scenario: rear_end, outcom: safe}]", "did you mean 'outcome'"),
        ("scenarios: [{scenario: pile_up, ranges: {speed: 3}}]", "unknown key 'speed'"),
        ("scenarios: [{scenario: rear_end}]\nduration_s: 1000", "duration_s"),
        ("- a list", "expected keys and values"),
        ("scenarios: {", "not valid"),
    ],
)
def test_wrong_recipes_are_told_by_key(tmp_path: Path, recipe: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe)
    assert message in _refused("simulate", str(path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_missing_recipe_is_told(tmp_path: Path) -> None:
    assert "a recipe is needed" in _refused("simulate")
    assert "cannot be read" in _refused("simulate", str(tmp_path / "none.yaml"))


def test_annotate_wants_recordings(tmp_path: Path) -> None:
    message = _refused("annotate", str(tmp_path), "--out", str(tmp_path / "clips"))
    assert "neither a recording" in message
    assert "rareworld simulate" in message


def test_recordings_are_found_directly_and_in_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recording.json").write_text("{}")
    assert find_recordings([tmp_path]) == [tmp_path / "a", tmp_path / "b"]
    assert find_recordings([tmp_path / "b"]) == [tmp_path / "b"]


def test_export_refuses_unknown_formats_and_empty_folders(tmp_path: Path) -> None:
    assert "did you mean 'metropolis'" in _refused("export", str(tmp_path), "--format", "metropols")
    assert "neither a clip" in _refused("export", str(tmp_path))
