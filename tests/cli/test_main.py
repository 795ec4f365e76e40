"""The command line: help, exit codes, JSON, and one boundary for errors."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from rareworld import __version__, errors
from rareworld.cli import main as cli
from rareworld.cli.output import print_error, print_json

HEAVY = {"torch", "warp", "ray", "carla", "numba", "libsumo", "mujoco", "matplotlib", "av", "scipy"}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rareworld", *arguments], capture_output=True, text=True
    )


def test_version_and_help() -> None:
    assert _run("--version").stdout == f"rareworld {__version__}\n"
    assert "doctor" in _run("--help").stdout


def test_unknown_verb_is_a_usage_error() -> None:
    done = _run("simulte")
    assert done.returncode == 2
    assert "simulte" in done.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from rareworld.cli.main import app;"
        "CliRunner().invoke(app, ['--help']); print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & {name.partition(".")[0] for name in done.stdout.split()}


def test_doctor_tells_versions_and_remedies() -> None:
    result = CliRunner().invoke(cli.app, ["doctor", "--json"])
    report = json.loads(result.stdout)
    numpy = next(p for p in report["packages"] if p["package"] == "numpy")
    assert numpy["version"]
    assert numpy["extra"] == "core"
    sumo = next(p for p in report["packages"] if p["package"] == "libsumo")
    assert sumo["remedy"] == "pip install 'rareworld[simulate]'"
    assert report["machine"]["cores"] >= 1


def test_doctor_for_people_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from rareworld.cli import doctor

    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "mujoco" else "1.0")
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0
    assert "missing: pip install" in result.stdout
    assert result.stdout.strip().endswith("missing extras: simulate")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 2),
        (errors.MapError("x"), 3),
        (errors.ScenarioError("x"), 4),
        (errors.CameraError("x"), 5),
        (errors.MissingExtraError("libsumo", extra="simulate"), 6),
        (errors.JobError("x"), 7),
        (errors.InterruptedJobError("x"), 130),
        (ModuleNotFoundError("no mujoco", name="mujoco"), 6),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == code
    assert "Traceback" not in capsys.readouterr().err


def test_errors_for_machines_are_one_json_line(capsys) -> None:
    print_error("MapError", "road 3: no lanes", as_json=True, exit_code=3)
    assert json.loads(capsys.readouterr().err) == {
        "error": "MapError", "message": "road 3: no lanes", "exit_code": 3,
    }  # fmt: skip


def test_brackets_in_messages_are_not_markup(capsys) -> None:
    print_error("X", "pip install 'rareworld[simulate]'", as_json=False, exit_code=6)
    assert "rareworld[simulate]" in capsys.readouterr().err


def test_json_output_is_one_document(capsys) -> None:
    print_json({"b": 1, "a": [1, 2]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2], "b": 1}
