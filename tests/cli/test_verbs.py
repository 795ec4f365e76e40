"""What each verb hands on: options become configs, files come below `--out`, errors keep codes."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.calls import done, refused
from rareworld.annotate.lens.config import Preset
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.annotate.render.config import RendererKind
from rareworld.cli import annotate, export, simulate
from rareworld.cli import main as cli
from rareworld.cli.jobs import failure
from rareworld.core.camera import Rig
from rareworld.core.conditions import Lighting, RoadCondition, Weather
from rareworld.errors import ConfigError, JobError
from rareworld.runtime.stage import JobReport, Outcome


@dataclass
class Asked:
    """What a verb asked the runner for."""

    stage: Any = None
    items: list[Any] = field(default_factory=list[Any])
    out: Path = Path()
    more: dict[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, stage: Any, items: Any, out: Path, **more: Any) -> JobReport:
        self.stage, self.items, self.out, self.more = stage, list(items), out, more
        return JobReport(())


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings" / "00001-crash"
    folder.mkdir(parents=True)
    (folder / "recording.json").write_text("{}")
    return folder


def _asked(monkeypatch: pytest.MonkeyPatch, module: Any, *arguments: object) -> Asked:
    asked = Asked()
    monkeypatch.setattr(module, "run_job", asked)
    done(cli.app, *arguments)
    return asked


OPTIONS: dict[str, tuple[list[str], dict[str, object]]] = {
    "nothing": ([], {"conditions.weather": Weather.CLEAR_SKY, "lens.preset": Preset.EXACT}),
    "weather": (["--weather", "fog"], {"conditions.weather": Weather.FOG}),
    "lighting": (["--lighting", "blue_hour"], {"conditions.lighting": Lighting.BLUE_HOUR}),
    "road": (["--road", "puddles"], {"conditions.road": RoadCondition.PUDDLES}),
    "intensity": (["--intensity", "0.25"], {"conditions.intensity": 0.25}),
    "lens": (["--lens", "cctv"], {"lens.preset": Preset.CCTV}),
    "renderer": (["--renderer", "warp-cpu"], {"render.renderer": RendererKind.WARP_CPU}),
    "one value": (["--set", "radius_m=123"], {"radius_m": 123.0}),
    "a section": (["--set", "lens.sway.amplitude_mrad=2"], {"lens.sway.amplitude_mrad": 2.0}),
    "shutter": (["--set", "lens.shutter.readout_s=0.02"], {"lens.shutter.readout_s": 0.02}),
    "set wins over an option": (
        ["--weather", "fog", "--set", "conditions.weather=dust"],
        {"conditions.weather": Weather.DUST},
    ),
    "all": (
        ["--weather", "snow_falling", "--lighting", "night", "--road", "snow", "--intensity", "1",
         "--lens", "cctv", "--renderer", "cpu"],
        {"conditions.weather": Weather.SNOW_FALLING, "conditions.lighting": Lighting.NIGHT,
         "conditions.road": RoadCondition.SNOW, "conditions.intensity": 1.0,
         "lens.preset": Preset.CCTV, "render.renderer": RendererKind.CPU},
    ),
}  # fmt: skip


def _value(config: Any, path: str) -> object:
    for name in path.split("."):
        config = getattr(config, name)
    return config


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_annotate_reach_the_stage(name, monkeypatch, recording: Path, tmp_path) -> None:
    options, expected = OPTIONS[name]
    asked = _asked(monkeypatch, annotate, "annotate", recording, "--out", tmp_path / "c", *options)
    assert {path: _value(asked.stage.config, path) for path in expected} == expected
    assert asked.items == [recording]
    assert asked.out == tmp_path / "c"
    assert asked.more == {"workers": 0, "overwrite": False, "as_json": False}


def test_options_of_annotate_override_a_settings_file(monkeypatch, recording, tmp_path) -> None:
    written = tmp_path / "own.yaml"
    written.write_text("radius_m: 90\nconditions: {weather: fog, intensity: 0.3}\n")
    asked = _asked(
        monkeypatch, annotate, "annotate", recording, "--config", written, "--weather", "raining"
    )
    config = asked.stage.config
    assert (config.radius_m, config.conditions.intensity) == (90.0, 0.3)
    assert config.conditions.weather is Weather.RAINING
    assert config == AnnotateConfig.parse(config.model_dump(mode="json"))


def test_a_rig_file_reaches_the_stage(monkeypatch, recording: Path, tmp_path: Path) -> None:
    rig = tmp_path / "rig.yaml"
    rig.write_text(
        "cameras:\n"
        "  - {name: pole, width: 64, height: 48, hfov_deg: 60, position_m: [0, 0, 8],"
        " look_at_m: [20, 0, 0]}\n"
    )
    asked = _asked(monkeypatch, annotate, "annotate", recording, "--rig", rig)
    assert isinstance(asked.stage.rig, Rig)
    assert [camera.name for camera in asked.stage.rig.cameras] == ["pole"]
    assert _asked(monkeypatch, annotate, "annotate", recording).stage.rig is None


def test_job_options_of_annotate_reach_the_runner(monkeypatch, recording: Path) -> None:
    asked = _asked(
        monkeypatch, annotate, "annotate", recording.parent, "--workers", 3, "--overwrite", "--json"
    )
    assert asked.items == [recording]
    assert asked.more == {"workers": 3, "overwrite": True, "as_json": True}
    assert asked.out == Path("clips")


BAD_OPTIONS = {
    "misspelt lighting": (["--set", "conditions.lighting=nigth"], "or 'night', got 'nigth'"),
    "misspelt lens": (["--lens", "cctvv"], "cctv"),
    "misspelt renderer": (["--renderer", "cuda"], "renderer"),
    "rain on dry ground": (["--weather", "raining", "--road", "dry"], "rain wets the road"),
    "too strong": (["--intensity", "1.5"], "intensity"),
    "unknown key": (["--set", "lens.swayy.low_hz=1"], "did you mean 'sway'"),
    "not a pair": (["--set", "lens"], "lens"),
    "too slow a shutter": (["--set", "lens.shutter.readout_s=3"], "readout_s"),
    "no such settings file": (["--config", "/nowhere.yaml"], "nowhere.yaml"),
    "no such rig": (["--rig", "/nowhere.yaml"], "nowhere.yaml"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_wrong_options_of_annotate_are_told_before_any_work(name, recording, tmp_path) -> None:
    options, message = BAD_OPTIONS[name]
    out = tmp_path / "clips"
    error = refused(cli.app, "annotate", recording, "--out", out, *options)
    assert message in str(error)
    assert error.exit_code in (2, 3, 5)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"n": 2, "seed": 4}),
        (["--n", "5"], {"n": 5, "seed": 4}),
        (["--seed", "9"], {"n": 2, "seed": 9}),
        (["--set", "duration_s=3", "--n", "1"], {"n": 1, "duration_s": 3.0}),
    ],
)
def test_options_of_simulate_override_the_recipe(options, expected, monkeypatch, tmp_path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("scenarios: [{scenario: rear_end}]\nn: 2\nseed: 4\n")
    asked = _asked(monkeypatch, simulate, "simulate", recipe, "--out", tmp_path / "r", *options)
    assert {name: getattr(asked.stage.config, name) for name in expected} == expected
    assert asked.items == list(range(expected["n"]))
    assert asked.out == tmp_path / "r"


def test_a_map_of_a_recipe_is_found_beside_it(monkeypatch, tmp_path: Path) -> None:
    from tests.annotate.streets import XODR

    (tmp_path / "own.xodr").write_text(XODR)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("scenarios: [{scenario: rear_end}]\nmap: own.xodr\n")
    checked: list[Any] = []
    monkeypatch.setattr("rareworld.simulate.job.check_recipe", checked.append)
    asked = _asked(monkeypatch, simulate, "simulate", recipe, "--out", tmp_path / "r")
    assert asked.stage.config.map == tmp_path / "own.xodr"
    assert [config.map for config in checked] == [tmp_path / "own.xodr"]


def test_options_of_export_reach_the_format(monkeypatch, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    clip.mkdir()
    (clip / "clip.json").write_text("{}")
    asked = _asked(monkeypatch, export, "export", clip, "--set", "overlays=false", "--workers", 1)
    assert (asked.stage.format, asked.stage.options) == ("metropolis", {"overlays": False})
    assert asked.items == [clip]


def test_demo_runs_with_seed_and_folder(monkeypatch, tmp_path: Path) -> None:
    from rareworld.recipes import demo

    ran: list[Any] = []

    def run(self: Any) -> Path:
        ran.append(self)
        return self.steps.out / "report.html"

    monkeypatch.setattr(demo.Demo, "run", run)
    result = CliRunner().invoke(cli.app, ["demo", "--out", str(tmp_path), "--seed", "11"])
    assert result.output.strip().endswith(f"open {tmp_path / 'report.html'}")
    (made,) = ran
    assert (made.steps.out, made.config.incidents.seed) == (tmp_path, 11)
    assert made.steps.overwrite is False
    assert made.config.story.clips == 24


def test_demo_runs_one_part_with_settings(monkeypatch, tmp_path: Path) -> None:
    from rareworld.recipes import demo

    ran: list[Any] = []

    def run(self: Any) -> Path:
        ran.append(self.config)
        return tmp_path

    monkeypatch.setattr(demo.Demo, "run", run)
    for part in ("incidents", "story"):
        words = ["demo", "--out", str(tmp_path), "--only", part, "--device", "cpu"]
        words += [] if part == "incidents" else ["--n", "5", "--set", "story.training.steps=7"]
        assert CliRunner().invoke(cli.app, words).exit_code == 0
    incidents, story = ran
    assert (incidents.story, story.incidents) == (None, None)
    assert (story.story.clips, story.story.training.steps) == (5, 7)
    assert story.story.device == "cpu"


def test_incidents_have_no_held_out_clips_to_count() -> None:
    result = CliRunner().invoke(cli.app, ["demo", "--only", "incidents", "--n", "3"])
    assert isinstance(result.exception, ConfigError)
    assert "--set incidents.n=3" in str(result.exception)


def test_the_headline_is_one_command(monkeypatch, tmp_path: Path) -> None:
    from rareworld.recipes import demo

    ran: list[Any] = []

    def run(config: Any, steps: Any, console: Any) -> Path:
        ran.append((config, steps.out, console is not None))
        return tmp_path / "headline.html"

    monkeypatch.setattr(demo, "run_headline", run)
    words = ["demo", "--only", "headline", "--n", "256", "--device", "cpu", "--out", str(tmp_path)]
    result = CliRunner().invoke(cli.app, [*words, "--set", "normal=/data/normal"])
    assert result.output.strip().endswith(f"open {tmp_path / 'headline.html'}")
    ((config, out, shown),) = ran
    assert (config.clips, config.control, config.normal) == (256, True, Path("/data/normal"))
    assert (out, shown) == (tmp_path, True)


def _bad(kind: str, item: str = "a") -> Outcome:
    return Outcome(
        item=item, status="quarantined", summary={}, error=f"Trace\n{kind}: why", kind=kind
    )


GOOD = Outcome(item="z", status="done", summary={})


@pytest.mark.parametrize(
    ("outcomes", "kind", "code"),
    [
        ([_bad("CameraError"), _bad("CameraError", "b")], "CameraError", 5),
        ([_bad("ConfigError")], "ConfigError", 2),
        ([_bad("DeviceError")], "DeviceError", 8),
        ([_bad("CameraError"), _bad("MapError", "b")], "JobError", 7),
        ([_bad("CameraError"), GOOD], "JobError", 7),
        ([_bad("ZeroDivisionError")], "JobError", 7),
    ],
)
def test_a_job_ends_with_the_error_all_items_share(outcomes, kind: str, code: int, tmp_path):
    error = failure(JobReport(tuple(outcomes)), tmp_path)
    assert (type(error).__name__, error.exit_code) == (kind, code)
    assert "the first: a: " in str(error)
    assert str(tmp_path / "quarantine.json") in str(error)


def test_errors_of_a_job_for_machines_are_one_line(monkeypatch, capsys) -> None:
    def fail() -> None:
        raise JobError("2 of 2 items")

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["rareworld", "annotate", "--json"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 7
    told = capsys.readouterr()
    assert told.out == ""
    assert json.loads(told.err)["message"] == "2 of 2 items"


@pytest.mark.parametrize("verb", ["simulate", "annotate", "conditions", "export", "demo", "doctor"])
def test_every_verb_helps(verb: str) -> None:
    result = CliRunner().invoke(cli.app, [verb, "--help"])
    assert result.exit_code == 0
    assert f"rareworld {verb}" in result.output.replace("root", "rareworld")
    assert "Traceback" not in result.output


@pytest.mark.parametrize("count", ["-1", "many"])
def test_numbers_of_workers_are_checked(count: str, recording: Path) -> None:
    result = CliRunner().invoke(cli.app, ["annotate", str(recording), "--workers", count])
    assert result.exit_code == 2


def test_missing_modules_that_are_ours_are_bugs_and_pass(monkeypatch) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'rareworld.none'", name="rareworld.none")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ModuleNotFoundError, match=r"rareworld\.none"):
        cli.main()


def test_config_errors_name_the_option_that_brought_them(recording: Path) -> None:
    error = refused(cli.app, "annotate", recording, "--set", "render.shadow_size=big")
    assert isinstance(error, ConfigError)
    assert "--set" in str(error)
    assert "shadow_size" in str(error)
