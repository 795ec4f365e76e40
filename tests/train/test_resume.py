"""Going on: after any end of a run the same command gives the same losses, to the bit."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError, InterruptedJobError, StoreError
from rareworld.train.config import Activations, TrainConfig
from rareworld.train.folder import RunFolder
from rareworld.train.saved import step_folder, steps_in
from rareworld.train.watch.journal import read_rows
from train.fakes import Ear, Memory, make_state, make_trainer
from train.runs import make_config, run_alone, write_clips

STEPS = 12
POINTS = 25


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("resume") / "clips")


@pytest.fixture(scope="module")
def config(clips: Path, tiny: Callable[..., Path]) -> TrainConfig:
    """Return a run with dropout, so that random states matter, and an average."""
    cache = clips.parent / "cache"
    return make_config(
        tiny(), clips, steps=STEPS, adapter__dropout=0.1, data__cache=str(cache),
        watch__held_out_every=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Return the rows of a run that never stopped."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    run_alone(config, out)
    return losses(out)


def losses(out: Path) -> list[dict]:
    """Return what of a run's rows does not depend on the clock."""
    kept = ("step", "loss", "lr", "gradient_norm")
    return [
        {key: value for key, value in row.items() if key in kept or key.startswith("held_out")}
        for row in read_rows(out / "metrics.jsonl")
    ]


def kill(command: list[str], metrics: Path, lines: int, wait_s: float) -> None:
    """Start a program and kill it a moment after its metrics have so many lines."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while lines and (not metrics.exists() or metrics.read_text().count("\n") < lines):
            assert process.poll() is None
            time.sleep(0.002)
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def command(config: TrainConfig, out: Path) -> list[str]:
    """Return a program that trains and says when it begins."""
    settings = out.parent / "settings.json"
    settings.write_text(json.dumps(config.model_dump(mode="json")))
    program = (
        "import sys; from pathlib import Path; from train.runs import run_alone;"
        "from rareworld.train.config import TrainConfig;"
        "print('ready', flush=True);"
        "run_alone(TrainConfig.read(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    return [sys.executable, "-c", program, str(settings), str(out)]


@pytest.mark.parametrize("point", range(POINTS))
def test_a_state_saved_at_any_step_goes_on_to_the_bit(point: int) -> None:
    """On the fake objective with dropout: 25 random points of 25 random runs."""
    draw = random.Random(point)
    steps = draw.randrange(2, 20)
    stop = draw.randrange(1, steps)
    state, table = make_state(dropout=0.2, seed=point)
    whole, saves = Ear(), Memory()
    make_trainer(state, table, steps, watchers=[whole], saves=saves, save_every=1).run()
    again, other = make_state(dropout=0.2, seed=99)
    torch.manual_seed(1234)
    again.load_state_dict(saves.saved[stop])
    rest = Ear()
    make_trainer(again, other, steps, watchers=[rest]).run()
    assert rest.losses == whole.losses[stop:]
    for ours, theirs in zip(table.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_loading_fills_an_optimizer_that_has_not_stepped_and_changes_no_weight() -> None:
    state, table = make_state()
    before = [value.detach().clone() for value in table.parameters()]
    saved = state.state_dict()
    assert {name: sorted(parts) for name, parts in saved["optimizer"].items()} == {
        name: ["exp_avg", "exp_avg_sq", "step"] for name in state.parameters
    }
    assert all(not x.any() for parts in saved["optimizer"].values() for x in parts.values())
    assert all(torch.equal(a, b) for a, b in zip(before, table.parameters(), strict=True))
    assert state.optimizer.param_groups[0]["lr"] == 0.05


def test_a_run_that_is_extended_equals_one_that_was_long_from_the_start(
    config: TrainConfig, unbroken: list[dict], tmp_path: Path
) -> None:
    """Saves at steps 2, 4, 5; held-out losses of last steps stand in the shorter run alone."""
    for steps in (1, 5, STEPS):
        run_alone(config.model_copy(update={"steps": steps}), tmp_path / "run")
    ours = [row for row in losses(tmp_path / "run") if "loss" in row]
    assert ours == [row for row in unbroken if "loss" in row]


def test_ctrl_c_saves_and_the_same_command_goes_on_to_the_bit(
    config: TrainConfig, unbroken: list[dict], tmp_path: Path
) -> None:
    told: list[str] = []
    out = tmp_path / "run"
    seen = RunFolder(out)

    def strike(line: str) -> None:
        if seen.metrics.exists() and "going on" not in line:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rareworld.train.watch.journal.Journal.measured", _strikes_at(3))
        with pytest.raises(InterruptedJobError, match=f"of {STEPS}, which is saved"):
            run_alone(config.model_copy(update={"watch": _often(config)}), out, told)
    stopped = steps_in(out / "checkpoints")[-1]
    assert 0 < stopped < STEPS
    run_alone(config, out, told)
    assert f"going on after step {stopped} of {STEPS}" in told
    assert [r for r in losses(out) if "loss" in r] == [r for r in unbroken if "loss" in r]


def _often(config: TrainConfig) -> object:
    return config.watch.model_copy(update={"held_out_every": 1})


def _strikes_at(step: int) -> Callable[..., None]:
    def measured(self: object, at: int, numbers: object) -> None:
        if at == step:
            os.kill(os.getpid(), signal.SIGINT)

    return measured


def kill_and_go_on(config: TrainConfig, out: Path, point: int) -> list[dict]:
    """Kill a run at a random moment, while it loads or between two steps; run the same again."""
    draw = random.Random(point)
    lines = draw.randrange(STEPS)
    wait_s = draw.uniform(0, 0.06 if lines else 0.5)
    kill(command(config, out), out / "metrics.jsonl", lines, wait_s)
    run_alone(config, out)
    return losses(out)


@pytest.mark.parametrize("point", range(2))
def test_kill_9_at_a_random_moment(
    config: TrainConfig, unbroken: list[dict], tmp_path: Path, point: int
) -> None:
    assert kill_and_go_on(config, tmp_path / "run", point) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize("point", range(2, 2 + POINTS))
def test_kill_9_at_25_random_moments(
    config: TrainConfig, unbroken: list[dict], tmp_path: Path, point: int
) -> None:
    assert kill_and_go_on(config, tmp_path / "run", point) == unbroken


def test_a_finished_run_says_so_and_does_nothing(config: TrainConfig, tmp_path: Path) -> None:
    short = config.model_copy(update={"steps": 2})
    run_alone(short, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.*")}
    result = run_alone(short, tmp_path / "run")
    assert "finished: 2 of 2 steps are done" in result.words
    assert result.report is None
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.*")}
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert changed <= {"config.json"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"optimizer__lr": 2e-3}, "optimizer.lr was 0.001 and is 0.002"),
        ({"seed": 7}, "seed was 0 and is 7"),
        ({"adapter__rank": 8}, "adapter.rank was 4 and is 8"),
        ({"adapter": None}, "adapter"),
        ({"data__batch_size": 1}, "data.batch_size was 2 and is 1"),
        ({"objective__text_dropout": 0.0}, "objective.text_dropout was 0.2 and is 0.0"),
    ],
)
def test_a_changed_setting_is_refused_by_name(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path, change: dict, name: str
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.agree(make_config(tiny(), clips))
    step_folder(folder.checkpoints, 2).mkdir(parents=True)
    with pytest.raises(ConfigError, match=name):
        folder.agree(make_config(tiny(), clips, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 9}, {"watch__every": 5}, {"checkpoint__every": 5}, {"parallel__shard": 2},
        {"data__micro_batch": 2}, {"compute__activations": "full"}, {"name": "other"},
    ],
)  # fmt: skip
def test_what_decides_no_step_may_change(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path, change: dict
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.agree(make_config(tiny(), clips))
    step_folder(folder.checkpoints, 2).mkdir(parents=True)
    folder.agree(make_config(tiny(), clips, **change))


def test_a_change_that_moves_bits_is_told(config: TrainConfig, tmp_path: Path) -> None:
    told: list[str] = []
    run_alone(config.model_copy(update={"steps": 2}), tmp_path / "run")
    compute = config.compute.model_copy(update={"activations": Activations.FULL})
    changed = config.model_copy(update={"steps": 3, "compute": compute})
    run_alone(changed, tmp_path / "run", told)
    assert any("compute.activations" in line and "no longer to the bit" in line for line in told)


def test_changed_data_is_refused_and_named(
    config: TrainConfig, clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    run_alone(config.model_copy(update={"steps": 1}), tmp_path / "run")
    more = write_clips(tmp_path / "more", 7)
    data = make_config(tiny(), more, data__cache=str(tmp_path / "cache")).data
    other = config.model_copy(update={"data": data})
    record = RunFolder(tmp_path / "run").path / "config.json"
    record.write_text(json.dumps(other.model_dump(mode="json")))
    with pytest.raises(ConfigError, match=r"data has changed .*: 1 windows are new \(0/clip6#0\)"):
        run_alone(other, tmp_path / "run")


def test_two_runs_never_share_a_folder(config: TrainConfig, tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path / "run").held(),
        pytest.raises(StoreError, match="another run is working in this folder"),
    ):
        run_alone(config, tmp_path / "run")


def test_a_folder_of_something_else_is_left_alone(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match=r"holds thesis\.tex and no run"):
        run_alone(config, tmp_path)
