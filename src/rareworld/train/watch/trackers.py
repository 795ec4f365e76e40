"""TensorBoard, W&B, Trackio and MLflow behind one small protocol; each imported when it is named.

Points are means over the steps since the point before. The run's own `metrics.jsonl` has every
step whatever trackers are on. Proved in `tests/train/watch/test_trackers.py`.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

from rareworld.data.atomic import sha256_bytes, write_bytes
from rareworld.errors import MissingExtraError
from rareworld.train.config import WatchConfig
from rareworld.train.watch.base import StepReport
from rareworld.train.watch.meter import Meter, numbers_of

PROJECT = "rareworld"


@runtime_checkable
class Tracker(Protocol):
    """Takes points of curves."""

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of a step."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


@final
class TensorBoard:
    """Event files under `tensorboard/`."""

    def __init__(self, folder: Path, name: str, step: int) -> None:  # noqa: ARG002 - as all trackers
        try:
            import tensorboard  # noqa: F401 - torch's own message names no remedy
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError:
            raise MissingExtraError("tensorboard", extra="train") from None
        purge = step + 1 if step else 0  # step 0 is measured again where nothing was saved
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=purge)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of a step."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


@final
class Wandb:
    """Weights & Biases; goes on with the run it began for this folder."""

    def __init__(self, folder: Path, name: str, mode: str) -> None:
        wandb = _module("wandb")
        self._run: Any = wandb.init(
            project=PROJECT,
            name=name,
            dir=str(folder),
            mode=mode,
            id=_stable_id(folder),
            resume="allow",
        )

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of a step."""
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


@final
class Trackio:
    """Hugging Face's Trackio, kept on this machine."""

    def __init__(self, name: str) -> None:
        self._trackio = _module("trackio")
        self._trackio.init(project=PROJECT, name=name, resume="allow")

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of a step."""
        self._trackio.log(dict(numbers), step=step)

    def close(self) -> None:
        """Write what is left."""
        self._trackio.finish()


@final
class Mlflow:
    """MLflow, where `MLFLOW_TRACKING_URI` says, else `mlflow.db`; goes on with the run it began."""

    def __init__(self, folder: Path, name: str) -> None:
        self._mlflow = _module("mlflow")
        if "MLFLOW_TRACKING_URI" not in os.environ:
            self._mlflow.set_tracking_uri(f"sqlite:///{(folder / 'mlflow.db').resolve()}")
        self._mlflow.set_experiment(PROJECT)
        known = folder / "mlflow_run_id.txt"
        before = known.read_text(encoding="utf-8") if known.exists() else None
        run = self._mlflow.start_run(run_id=before, run_name=name)
        write_bytes(known, run.info.run_id.encode())

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of a step."""
        self._mlflow.log_metrics(dict(numbers), step=step)

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


def open_trackers(config: WatchConfig, folder: Path, name: str, step: int) -> list[Tracker]:
    """Open the trackers that settings name; W&B not where it is disabled.

    Raises:
        MissingExtraError: If one is not installed.
    """
    makers: dict[str, Callable[[], Tracker]] = {
        "tensorboard": lambda: TensorBoard(folder, name, step),
        "wandb": lambda: Wandb(folder, name, config.wandb_mode),
        "trackio": lambda: Trackio(name),
        "mlflow": lambda: Mlflow(folder, name),
    }
    return [makers[one]() for one in wanted_trackers(config)]


def wanted_trackers(config: WatchConfig) -> tuple[str, ...]:
    """Return the trackers that settings name, each once; W&B not where it is disabled."""
    off = {"wandb"} if config.wandb_mode == "disabled" else set[str]()
    return tuple(one for one in dict.fromkeys(config.trackers) if one not in off)


def check_trackers(config: WatchConfig) -> None:
    """Refuse trackers that are not installed, without importing them.

    Raises:
        MissingExtraError: Naming the first.
    """
    for name in wanted_trackers(config):
        if find_spec(name) is None:
            raise MissingExtraError(name, extra="train" if name == "tensorboard" else name)


@final
class Points:
    """Means over a few steps for the trackers; a `Watcher`."""

    def __init__(self, open_at: Callable[[int], list[Tracker]], meter: Meter, every: int) -> None:
        """Take what opens the trackers after a step, once training begins."""
        self._open, self._meter, self._every = open_at, meter, every
        self._trackers: list[Tracker] = []
        self._rows: list[dict[str, float]] = []

    def begin(self, step: int, steps: int) -> None:  # noqa: ARG002 - as watchers are called
        """Open the trackers."""
        self._trackers = self._open(step)

    def stepped(self, report: StepReport) -> None:
        """Collect a step; send the mean when the point is full."""
        self._rows.append(numbers_of(report, self._meter.rates()))
        if report.step % self._every == 0:
            mean = {k: sum(row[k] for row in self._rows) / len(self._rows) for k in self._rows[0]}
            self._rows.clear()
            self.measured(report.step, mean)

    def measured(self, step: int, numbers: Mapping[str, float]) -> None:
        """Send numbers as they are."""
        for tracker in self._trackers:
            tracker.log(step, numbers)

    def end(self) -> None:
        """Close the trackers."""
        for tracker in self._trackers:
            tracker.close()


def _module(name: str) -> Any:  # noqa: ANN401 - untyped packages
    """Import a tracker that has an extra of its own.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise MissingExtraError(name, extra=name) from None


def _stable_id(folder: Path) -> str:
    return sha256_bytes(str(folder.resolve()).encode())[:16]
