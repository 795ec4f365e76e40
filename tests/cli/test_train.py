"""The verb: recipes and files, upstream's words, many processes, signals and codes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from cli.calls import done, refused
from rareworld.cli import train as verb
from rareworld.errors import (
    ConfigError,
    DeviceError,
    FormatError,
    InterruptedJobError,
    RareworldError,
)
from rareworld.recipes.training import ALIASES, RECIPES
from rareworld.train.watch.journal import read_rows
from train.runs import make_config, write_clips

APP = typer.Typer()
APP.command("train")(verb.train)
PROGRAM = "import typer; from rareworld.cli.train import train; typer.run(train)"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    root = tmp_path_factory.mktemp("cli-train")
    config = make_config(
        tiny(), write_clips(root / "clips"), steps=3, data__cache=str(root / "cache")
    )
    path = root / "settings.json"
    path.write_text(json.dumps(config.model_dump(mode="json")))
    return path


def test_recipes_are_listed_with_upstreams_names() -> None:
    told = done(APP, "--list").stdout
    assert all(name in told.replace("\n", "") for name in RECIPES)
    rows = json.loads(done(APP, "--list", "--json").stdout)
    assert {row["recipe"] for row in rows} == set(RECIPES)
    assert {alias for row in rows for alias in row["aliases"]} == set(ALIASES)
    assert all(row["about"] for row in rows)


def test_the_list_says_what_each_recipe_takes_in_80_columns() -> None:
    told = done(APP, "--list").stdout
    assert max(map(len, told.splitlines())) <= 80
    assert "22,937,600 trained" in told
    one, eight = (
        {row["recipe"]: row for row in json.loads(done(APP, "--list", "--json", *more).stdout)}
        for more in ((), ("--gpus", 8))
    )
    assert one["full_2b"]["trainable"] == 1_956_413_440
    assert eight["full_14b"]["gb"] < one["full_14b"]["gb"] / 4
    assert eight["sports_txt"]["hours"] == pytest.approx(one["sports_txt"]["hours"] / 8, rel=0.05)


def test_the_list_says_what_does_not_fit_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one GPU with 24 GB free; with none it says that it cannot tell."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert "has not 1 GPUs" in done(APP, "--list").stdout
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (24_000_000_000, 24_000_000_000))
    rows = {row["recipe"]: row for row in json.loads(done(APP, "--list", "--json").stdout)}
    assert rows["full_14b"]["fits"] is False
    assert "no setting brings it below" in rows["full_14b"]["fit"]
    assert all(row["fits"] == (1.05 * row["gb"] <= 24) for row in rows.values() if "gb" in row)
    told = done(APP, "--list").stdout
    assert "Here 24 GB of a GPU are free" in told
    assert "  not here: needs" in told
    assert max(map(len, told.splitlines())) <= 80


def test_a_recipe_whose_network_is_not_here_is_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(base: object) -> None:
        raise FormatError("no weights")

    monkeypatch.setattr("rareworld.train.assemble.family_of", missing)
    rows = json.loads(done(APP, "--list", "--json").stdout)
    assert {(row["fits"], row["fit"]) for row in rows} == {(False, "no weights")}
    assert "not here: no weights" in done(APP, "--list").stdout


def test_a_file_is_trained_and_found_finished(settings: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = done(APP, settings, "-o", out)
    assert f"{out}: 3 steps done" in first.stdout
    assert "step 3/3" in first.stderr
    again = json.loads(done(APP, settings, "-o", out, "--json").stdout)
    assert again == {
        "out": str(out), "step": 3, "steps": 3, "loss": None,
        "told": f"{out}: finished: 3 of 3 steps are done; raise steps to go on",
    }  # fmt: skip


def test_single_values_are_set_in_our_words_and_in_upstreams(
    settings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    told = done(APP,
        settings, "-o", out, "--set", "trainer.max_iter=2", "--set", "job.wandb_mode=disabled",
        "--set", "watch.trackers=[wandb]", "--json",
    )  # fmt: skip
    assert json.loads(told.stdout)["step"] == 2
    config = json.loads((out / "config.json").read_text())
    assert config["watch"]["wandb_mode"] == "disabled"


def test_upstreams_words_are_settings_of_ours() -> None:
    fields = json.dumps(make_config(Path("m"), Path("c")).model_dump(mode="json"))
    for ours in verb.UPSTREAM.values():
        assert f'"{ours.rpartition(".")[2]}"' in fields
    assert verb.translated("seed=3") == "seed=3"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a recipe"),
        (("traffic_anomaly_2c",), "did you mean 'traffic_anomaly_2b'"),
        (("sports_txt", "--set", "optimizer.learning_rate=1"), "unknown key"),
        (("sports_txt", "--set", "steps=many"), "steps"),
        (("sports_txt", "--dry-run", "--set", "data.sources=[{path: /nowhere}]"), "/nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    error = refused(APP, *arguments, *(("-o", tmp_path / "run") if arguments else ()))
    assert words in str(error)
    assert error.exit_code in (2, 3)


def test_a_dry_run_trains_nothing(settings: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    told = done(APP, settings, "--dry-run", "-o", out).stdout
    assert "memory, peak" in told
    assert [path.name for path in out.iterdir()] == ["first_batch.png"]
    assert json.loads(done(APP, settings, "--dry-run", "-o", out, "--json").stdout)["sheet"]


def test_learning_by_heart_has_a_folder_of_its_own(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = done(APP, settings, "--overfit", 2).stdout
    assert told.startswith("overfit: the mean loss of the samples went from")
    assert (tmp_path / "tiny-overfit" / "config.json").exists()


def test_more_gpus_than_there_are_is_refused() -> None:
    with pytest.raises(DeviceError, match="--gpus 1000: this machine has"):
        verb.check_gpus("auto", 1000)
    verb.check_gpus("cpu", 1000)


def test_gpus_start_as_many_processes_with_the_same_words() -> None:
    command = verb.launch_command(4, ["sports_txt", "--set", "steps=2"])
    assert command[0] == sys.executable
    assert command[1:5] == ["-m", "rareworld.cli.launch", "--standalone", "--nproc-per-node=4"]
    assert command[5:] == ["-m", "rareworld", "train", "sports_txt", "--set", "steps=2"]


def test_words_are_handed_on_to_the_processes(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[int, list[str]]] = []
    monkeypatch.setattr(verb, "_launch", lambda n, words: started.append((n, list(words))))
    done(APP,
        settings, "--gpus", 2, "--set", "compute.device=cpu", "--set", "job.name=x",
        "--overfit", 2, "--json", "-o", tmp_path,
    )  # fmt: skip
    assert started == [
        (2, [
            str(settings), "--set", "compute.device=cpu", "--set", "name=x", "--out",
            str(tmp_path), "--overfit", "2", "--json",
        ]),
    ]  # fmt: skip


def test_gpus_and_torchrun_must_agree(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert "torchrun started 4 processes" in str(refused(APP, settings, "--gpus", 2))


def test_ctrl_c_outside_the_loop_is_a_sentence(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rareworld.train.run.assemble", strike)
    error = refused(APP, settings, "-o", tmp_path / "run")
    assert isinstance(error, InterruptedJobError)
    assert error.exit_code == 130


def _start(*arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def _wait_for_steps(metrics: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not metrics.exists() or len(read_rows(metrics)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_two_processes_train_and_stop_together(settings: Path, tmp_path: Path) -> None:
    """Through torch.distributed.run, SIGTERM to the launcher: saved, 130, and gone on with."""
    out = tmp_path / "run"
    words = (settings, "--gpus", 2, "--set", "compute.device=cpu", "-o", out)
    process = _start(*words, "--set", "steps=100000")
    _wait_for_steps(out / "metrics.jsonl", 5, process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "which is saved; run the same command to go on" in told
    done = max(row["step"] for row in read_rows(out / "metrics.jsonl"))
    process = _start(*words, "--set", f"steps={done + 2}")
    shown, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert f"going on after step {done}" in told
    assert f"{out}: {done + 2} steps done" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "words", "code"),
    [
        ("base.model=/nowhere", "error: model /nowhere: no such file", 2),
        ("optimizer.lr=1e30", "error: step 3: the loss was no number in the last 2 steps", 7),
    ],
)
def test_an_error_of_all_processes_is_told_once(
    setting: str, words: str, code: int, settings: Path, tmp_path: Path
) -> None:
    """Before the loop, where ranks agree, and in it, where each ends by itself."""
    process = _start(
        settings, "--gpus", 2, "--set", "compute.device=cpu", "--set", setting, "-o", tmp_path / "r"
    )
    _, told = process.communicate(timeout=120)
    assert process.returncode == code, told
    assert told.count(words) == 1
    assert told.count("error: ") == 1


def test_a_wrong_word_has_no_traceback(settings: Path) -> None:
    wrong = ("--set", "adapter.targets=[nothing_like_it]", "-o", "/nonexistent/x")
    error = refused(APP, settings, *wrong)
    assert isinstance(error, ConfigError | RareworldError)
