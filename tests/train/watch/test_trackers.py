"""Trackers by name: TensorBoard for real, the others by stand-ins with their calls."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rareworld.errors import MissingExtraError
from rareworld.train.config import WatchConfig
from rareworld.train.watch.meter import Meter
from rareworld.train.watch.trackers import Points, Tracker, open_trackers
from train.watch.reports import report


class Calls:
    """A module that remembers how it is called."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []
        self.info = SimpleNamespace(run_id="a1b2")

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> "Calls":
            self.said.append((name, (arguments, named)))
            return self

        return call


def config(*names: str, **changes: Any) -> WatchConfig:
    return WatchConfig.parse({"trackers": names, **changes})


def test_tensorboard_gets_points(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    [tracker] = open_trackers(config("tensorboard"), tmp_path, "run", 0)
    assert isinstance(tracker, Tracker)
    tracker.log(10, {"loss": 0.5, "held_out/loss": 0.25})
    tracker.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(10, 0.5)]
    assert [(e.step, e.value) for e in events.Scalars("held_out/loss")] == [(10, 0.25)]


def test_tensorboard_forgets_steps_that_are_taken_again(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for begun, steps, value in ((0, range(1, 8), 1.0), (4, range(5, 8), 2.0)):
        [tracker] = open_trackers(config("tensorboard"), tmp_path, "run", begun)
        for step in steps:
            tracker.log(step, {"loss": value})
        tracker.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = [(e.step, e.value) for e in events.Scalars("loss")]
    assert found == [(n, 1.0) for n in range(1, 5)] + [(n, 2.0) for n in range(5, 8)]


@pytest.mark.parametrize(
    ("name", "opened", "logged", "closed"),
    [
        ("wandb", ["init"], "log", "finish"),
        ("trackio", ["init"], "log", "finish"),
        ("mlflow", ["set_tracking_uri", "set_experiment", "start_run"], "log_metrics", "end_run"),
    ],
)
def test_a_tracker_is_opened_told_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, opened: list[str], logged: str, closed: str,
) -> None:  # fmt: skip
    calls = Calls()
    monkeypatch.setitem(sys.modules, name, calls)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    [tracker] = open_trackers(config(name), tmp_path, "my-run", 0)
    assert [call for call, _ in calls.said] == opened
    assert "my-run" in str(calls.said)
    tracker.log(7, {"loss": 0.5})
    assert calls.said[-1] == (logged, (({"loss": 0.5},), {"step": 7}))
    tracker.close()
    assert calls.said[-1][0] == closed


def test_wandb_goes_on_with_the_same_run_and_takes_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    monkeypatch.setitem(sys.modules, "wandb", calls)
    for _ in range(2):
        open_trackers(config("wandb", wandb_mode="offline"), tmp_path, "run", 0)
    first, second = (named for _, (_, named) in calls.said)
    assert first == second
    assert first["mode"] == "offline"
    assert first["resume"] == "allow"


def test_mlflow_goes_on_with_its_run_in_the_run_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    monkeypatch.setitem(sys.modules, "mlflow", calls)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for _ in range(2):
        open_trackers(config("mlflow"), tmp_path, "run", 0)
    said = {name: named for name, (_, named) in calls.said}
    begun = [named["run_id"] for name, (_, named) in calls.said if name == "start_run"]
    assert begun == [None, "a1b2"]
    assert said.keys() == {"set_tracking_uri", "set_experiment", "start_run"}
    assert calls.said[0][1][0] == (f"sqlite:///{tmp_path / 'mlflow.db'}",)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    calls.said.clear()
    open_trackers(config("mlflow"), tmp_path, "run", 0)
    assert "set_tracking_uri" not in dict(calls.said)


def test_wandb_disabled_is_not_even_imported(tmp_path: Path) -> None:
    settings = config("wandb", wandb_mode="disabled")
    assert open_trackers(settings, tmp_path, "run", 0) == []


@pytest.mark.parametrize(
    ("name", "extra"),
    [("tensorboard", "train"), ("wandb", "wandb"), ("trackio", "trackio"), ("mlflow", "mlflow")],
)
def test_a_tracker_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingExtraError, match=rf"{name} is not installed; .*rareworld\[{extra}\]"
    ):
        open_trackers(config(name), tmp_path, "run", 0)


def test_points_are_means_of_the_steps_between() -> None:
    got: list[tuple[int, dict[str, float]]] = []
    tracker = SimpleNamespace(log=lambda step, n: got.append((step, dict(n))), close=lambda: None)
    meter = Meter(torch.device("cpu"))
    opened: list[int] = []

    def open_at(step: int) -> list[Tracker]:
        opened.append(step)
        return [tracker]

    points = Points(open_at, meter, 3)
    meter.begin(2, 9)
    points.begin(2, 9)
    for step in range(3, 9):
        meter.stepped(report(step, loss=float(step)))
        points.stepped(report(step, loss=float(step)))
    points.measured(8, {"held_out/loss": 0.5})
    points.end()
    assert opened == [2]
    assert [(step, n["loss"]) for step, n in got[:2]] == [(3, 3.0), (6, 5.0)]
    assert got[2] == (8, {"held_out/loss": 0.5})
