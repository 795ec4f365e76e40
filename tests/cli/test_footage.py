"""`rareworld footage`: names and files become configs, what is finished becomes a set."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.calls import done, refused
from rareworld.annotate.lens.config import Preset
from rareworld.cli import footage
from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import ConfigError, InterruptedJobError, JobError, RareworldError
from rareworld.recipes.footage import FootageStage
from rareworld.recipes.footage_recipes import footage_recipe
from rareworld.runtime.stage import JobReport, content_key

APP = typer.Typer()
APP.command()(footage.footage)


@dataclass
class Asked:
    """What the verb asked the runner for; finishes one clip."""

    stage: Any = None
    items: list[Any] = field(default_factory=list[Any])
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    error: RareworldError | None = None
    finishes: bool = True

    def __call__(self, stage: Any, items: Any, out: Path, **more: Any) -> JobReport:
        self.stage, self.items, self.more = stage, list(items), more
        if self.finishes:
            _finish(stage, out / stage.item_name(0))
        if self.error is not None:
            raise self.error
        return JobReport(())


def _finish(stage: Any, item: Path) -> None:
    for name in ("videos/a.mp4", "metas/a.txt"):
        (item / name).parent.mkdir(parents=True, exist_ok=True)
        (item / name).write_text(name)
    write_json(item / "clips.json", {"source": {"recording": "x"}, "clips": [{"name": "a"}]})
    write_json(item / "stage.json", {"key": content_key(stage, 0)})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(footage, "run_job", made)
    return made


def test_a_name_is_a_recipe_and_options_change_it(asked, tmp_path):
    out = tmp_path / "set"
    done(APP, "mini_crash", "--out", out, "--n", 3, "--seed", 9, "--set", "fps=10", "--workers", 2)
    config = asked.stage.config
    assert (config.n, config.seed, config.fps) == (3, 9, 10.0)
    assert config.lens.preset is Preset.CCTV
    assert config.lens.stamp is None
    assert "stamp" in config.lens.model_fields_set
    assert (asked.items, asked.more["workers"]) == ([0, 1, 2], 2)


def test_what_is_finished_becomes_a_set(asked, tmp_path):
    printed = done(APP, "mini_normal", "--out", tmp_path).output
    assert "1 clips" in printed
    assert (tmp_path / "videos" / "a.mp4").read_text() == "videos/a.mp4"
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["clips"] == [{"name": "a", "recording": "x"}]


@pytest.mark.parametrize("finishes", [True, False])
@pytest.mark.parametrize("error", [JobError("1 of 2 quarantined"), InterruptedJobError("stopped")])
def test_what_is_finished_is_taken_from_a_job_that_was_not(asked, tmp_path, error, finishes):
    asked.error, asked.finishes = error, finishes
    assert refused(APP, "mini_normal", "--out", tmp_path) is error
    assert (tmp_path / "metas" / "a.txt").exists() is finishes


def test_a_refused_job_leaves_the_set_as_it_was(asked, tmp_path):
    done(APP, "mini_normal", "--out", tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    asked.error, asked.finishes = ConfigError("work of another configuration"), False
    assert refused(APP, "mini_normal", "--out", tmp_path, "--seed", 9) is asked.error
    error = refused(APP, "mini_normal", "--out", tmp_path, "--seed", 9, "--gather")
    assert "another configuration" in str(error)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_gather_runs_nothing(asked, tmp_path):
    assert isinstance(refused(APP, "mini_normal", "--out", tmp_path, "--gather"), ConfigError)
    stage = FootageStage(footage_recipe("mini_normal"), tmp_path)
    _finish(stage, tmp_path / "items" / stage.item_name(0))
    assert "1 clips" in done(APP, "mini_normal", "--out", tmp_path, "--gather").output
    assert asked.stage is None


def test_a_file_is_a_recipe_too(asked, tmp_path):
    recipe = tmp_path / "own.yaml"
    recipe.write_text("scenarios: [{scenario: rear_end}]\nscenes: held_out\nn: 4\n")
    done(APP, recipe, "--out", tmp_path / "set")
    assert asked.stage.config.scenes.value == "held_out"
    assert asked.items == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "a recipe is needed"), (("mini_norml",), "mini_normal"),
     (("mini_normal", "--set", "fpps=3"), "fpps")],
)  # fmt: skip
def test_wrong_words_are_refused(asked, tmp_path, arguments, said):
    error = refused(APP, *arguments, "--out", tmp_path)
    assert isinstance(error, ConfigError)
    assert said in str(error)


def test_recipes_are_listed():
    assert "mini_normal" in done(APP, "--list").output
