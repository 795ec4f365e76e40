"""`curves.png`: there, whole, and of the whole run."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rareworld.train.watch import curves as room
from rareworld.train.watch.curves import Curves, draw_curves
from train.watch.reports import report

ROWS: list[dict[str, Any]] = [
    {"step": 0, "held_out/loss": 2.0, "held_out/loss/level_1": 2.5},
    *({"step": n, "loss": 3 / n, "lr": 1e-3 * n, "gradient_norm": 1.0} for n in range(1, 90)),
    {"step": 89, "held_out/loss": 1.0, "held_out/loss/level_1": 1.5},
    {"step": 90, "loss": None, "lr": 1e-3, "gradient_norm": 1.0},
]


def test_the_picture_shows_curves(tmp_path: Path) -> None:
    draw_curves(ROWS, tmp_path / "c.png")
    picture = np.asarray(Image.open(tmp_path / "c.png").convert("RGB")).astype(int)
    assert picture.shape == (700, 1100, 3)
    coloured = np.ptp(picture, axis=2) > 60
    for rows, columns in ((slice(0, 350), slice(0, 550)), (slice(350, 700), slice(550, 1100))):
        assert coloured[rows, columns].sum() > 200


def test_the_smoothed_loss_is_a_running_mean() -> None:
    rows = [{"step": n, "loss": float(n)} for n in range(1, 101)]
    steps, means = room._smooth(rows)
    assert steps == list(range(1, 101))
    assert means[99] == pytest.approx(np.mean([96, 97, 98, 99, 100]))
    assert means[1] == pytest.approx(1.5)


def test_nothing_to_draw_draws_nothing(tmp_path: Path) -> None:
    draw_curves(ROWS[:1], tmp_path / "c.png")
    assert not (tmp_path / "c.png").exists()


def test_it_is_drawn_now_and_then_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(room, "draw_curves", lambda rows, path: drawn.append(len(rows)))
    (tmp_path / "m.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    watcher = Curves(tmp_path / "m.jsonl", tmp_path / "c.png")
    watcher.begin(0, 3)
    watcher.stepped(report(1))
    assert drawn == []
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + room.PAUSE_S + 1)
    watcher.stepped(report(2))
    watcher.stepped(report(3))
    watcher.measured(3, {})
    assert drawn == [1]
    watcher.end()
    assert drawn == [1, 1]
