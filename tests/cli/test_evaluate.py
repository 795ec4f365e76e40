"""`rareworld evaluate`: report, table, doubts, exit codes."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from rareworld.cli.evaluate import _bars, evaluate
from rareworld.errors import ConfigError, FormatError, InterruptedJobError, JobError
from rareworld.evaluate import job
from rareworld.evaluate.stored import save_features
from rareworld.evaluate.tables import FeatureTable
from tests.evaluate.standin import StandIns, write_set

QUICK = ["--set", "intervals.resamples=10", "--set", "floor_splits=2", "--metrics", "fvd"]


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command("evaluate")(evaluate)
    return made


def _features(path: Path, seed: int, shift: float) -> Path:
    rows = np.random.default_rng(seed).normal(size=(40, 5)) + shift
    save_features(path, FeatureTable.of(rows), {}, "i3d.pt 5555 (a test)")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return [
        str(_features(tmp_path / f"{name}.safetensors", seed, shift))
        for seed, (name, shift) in enumerate((("real", 0), ("after", 0.5), ("before", 2)))
    ]


def test_a_report_is_written_and_the_table_printed(
    app: typer.Typer, files: list[str], tmp_path: Path
) -> None:
    real, after, before = files
    arguments = [real, after, "--baseline", before, *QUICK, "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    assert "fvd_i3d" in done.stdout
    assert "fell from" in done.stdout
    assert "i3d.pt 5555" in done.stdout
    assert "unknown features" in done.stderr
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [n["which"] for n in told["numbers"]] == ["generated", "baseline"]
    assert (tmp_path / "out" / "report.html").is_file()


def test_bars_show_what_is_done_where_a_person_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with _bars(show=True) as tell:
        assert tell is None  # a pipe
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with _bars(show=True) as tell:
        assert tell is not None
        tell("real: i3d", 0, 4)
        tell("real: i3d", 3, 4)
        tell("fvd_i3d: intervals", 10, 10)
    shown = capsys.readouterr().err
    assert "real: i3d" in shown
    assert "3/4" in shown
    assert "10/10" in shown
    with _bars(show=False) as tell:
        assert tell is None


@pytest.mark.parametrize(
    ("more", "kept"), [([], "nothing is kept without --cache"), (["--cache", "c"], "in c are kept")]
)
def test_a_stop_says_what_is_kept(
    more: list[str], kept: str, app: typer.Typer, files: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "evaluate_sets", stopped)
    done = CliRunner().invoke(app, [*files[:2], "-o", str(tmp_path / "out"), *more])
    assert isinstance(done.exception, InterruptedJobError)
    assert kept in str(done.exception)


def test_json_is_one_document(app: typer.Typer, files: list[str], tmp_path: Path) -> None:
    arguments = [*files[:2], *QUICK, "--json", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    told = json.loads(done.stdout)
    assert told["numbers"][0]["protocol"] == "fvd_i3d"
    assert told["config"]["intervals"]["resamples"] == 10


def test_options_go_over_the_file_and_set_over_both(
    app: typer.Typer, files: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "evaluate.yaml"
    config.write_text("metrics: [fid]\nprotocols: [fvd_cdfvd]\nseed: 3\nfloor_splits: 9\n")
    arguments = [*files[:2], "--config", str(config), *QUICK, "--json", "-o", str(tmp_path / "o")]
    told = json.loads(CliRunner().invoke(app, arguments).stdout)["config"]
    assert (told["metrics"], told["seed"], told["floor_splits"]) == (["fvd"], 3, 2)
    assert told["protocols"][0]["name"] == "fvd_cdfvd"


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        (["--metrics", "fvdd"], ConfigError, "did you mean 'fvd'"),
        (["--weights", "i3d.pt"], ConfigError, "NET=PATH"),
        (["--set", "intervals.levl=0.9"], ConfigError, "did you mean 'level'"),
        (["--baseline", "nowhere"], FormatError, "is not a folder"),
    ],
)
def test_wrong_options_are_refused(
    more: list[str], error: type[Exception], message: str, app: typer.Typer, files: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    done = CliRunner().invoke(app, [*files[:2], "-o", str(tmp_path / "out"), *more])
    assert isinstance(done.exception, error)
    assert message in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_bad_clips_end_with_an_error_after_the_report(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = StandIns()
    monkeypatch.setattr(job, "evaluate_sets", partial(job.evaluate_sets, load=load))
    real, made = write_set(tmp_path / "real", 5), write_set(tmp_path / "made", 5, seed=9)
    (made / "002.mp4").write_bytes(b"nothing")
    arguments = [str(real), str(made), *QUICK, "--cache", str(tmp_path / "cache"), "-o",
                 str(tmp_path / "out"), "--weights", "i3d=some.pt"]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, JobError)
    assert "1 clips were quarantined, the first: generated/002" in str(done.exception)
    listed = json.loads((tmp_path / "out" / "quarantine.json").read_text())
    assert [item["item"] for item in listed] == ["generated/002"]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["numbers"]
    write_set(made, 5, seed=9)
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0
    assert load.nets["i3d"].looked == 10  # kept features were not made again
    assert not (tmp_path / "out" / "quarantine.json").exists()
