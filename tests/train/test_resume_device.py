"""Killed and gone on through the command line, on the CPU and on one GPU: the same losses.

On a GPU `compute.deterministic` is what promises it; the test runs with it on both.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from rareworld.train.watch.journal import read_rows
from train.runs import make_config, write_clips

STEPS = 10
POINTS = 5
DEVICES = [
    pytest.param("cpu", marks=pytest.mark.slow),
    pytest.param("cuda", marks=pytest.mark.gpu),
]


def train(settings: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start the verb."""
    command = [sys.executable, "-m", "rareworld", "train", str(settings), "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def losses(out: Path) -> dict[int, float]:
    """Return the loss of each step that a run has told of."""
    metrics = out / "metrics.jsonl"
    rows = read_rows(metrics) if metrics.exists() else []
    return {int(row["step"]): row["loss"] for row in rows if "loss" in row}


@pytest.mark.parametrize("device", DEVICES)
def test_a_killed_run_has_the_losses_of_one_that_was_not(
    device: str, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(
        tiny(), write_clips(tmp_path / "clips"), steps=STEPS, data__cache=str(tmp_path / "cache"),
        adapter__dropout=0.1, compute__device=device, compute__deterministic=True,
        compute__compile=False,
    )  # fmt: skip
    settings = tmp_path / "run.yaml"
    settings.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert train(settings, tmp_path / "whole").wait() == 0
    whole = losses(tmp_path / "whole")
    assert sorted(whole) == list(range(1, STEPS + 1))
    draw = random.Random(0)
    for point in range(POINTS):
        out, until = tmp_path / f"cut{point}", draw.randrange(1, STEPS - 1)
        with train(settings, out) as process:
            while max(losses(out), default=0) < until:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        assert train(settings, out).wait() == 0
        assert losses(out) == whole, f"killed after step {until}"
