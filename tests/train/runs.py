"""A folder of tiny clips and a configuration that trains on it in seconds."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rareworld.data.video import RgbWriter
from rareworld.nn.ranks import Ranks
from rareworld.train.config import TrainConfig
from rareworld.train.run import Options, Result, run

FRAMES, FPS, SIZE = 12, 16, (32, 48)


def write_clips(folder: Path, count: int = 6) -> Path:
    """Write a Predict2 directory: coloured squares that move, each with its caption."""
    (folder / "videos").mkdir(parents=True)
    (folder / "metas").mkdir()
    for number in range(count):
        name = f"clip{number}"
        (folder / "metas" / f"{name}.txt").write_text(f"square {number} drives to the right")
        with RgbWriter(folder / "videos" / f"{name}.mp4", Fraction(FPS)) as writer:
            for frame in _frames(number):
                writer.write(frame)
    return folder


def _frames(number: int) -> np.ndarray:
    generator = np.random.default_rng(number)
    height, width = SIZE
    frames = np.zeros((FRAMES, height, width, 3), np.uint8)
    frames[:] = generator.integers(0, 255, 3)
    colour = generator.integers(0, 255, 3)
    for index, frame in enumerate(frames):
        left = (4 * number + 2 * index) % (width - 12)
        frame[8:20, left : left + 12] = colour
    return frames


def make_config(pipeline: Path, clips: Path, **changes: Any) -> TrainConfig:
    """Return a run of a few steps on the CPU; `changes` are dotted names with `__` for dots."""
    values: dict[str, Any] = {
        "name": "tiny",
        "steps": 6,
        "base": {"model": str(pipeline)},
        "data": {
            "sources": [{"path": str(clips)}],
            "resolution": "32,48",
            "num_frames": [5],
            "held_out": 0.3,
            "batch_size": 2,
            "prefetch": 0,
        },
        "adapter": {"rank": 4},
        "optimizer": {"lr": 1e-3},
        "schedule": {"warm_up": 2, "cycle": 100},
        "compute": {"device": "cpu"},
        "checkpoint": {"every": 2},
        "watch": {
            "every": 1, "trackers": [], "held_out_every": 3, "samples_every": 0,
            "sample_steps": 2, "samples": 1,
        },
    }  # fmt: skip
    for name, value in changes.items():
        *parents, leaf = name.split("__")
        node = values
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return TrainConfig.parse(values)


def run_alone(
    config: TrainConfig, out: Path, told: list[str] | None = None, **options: Any
) -> Result:
    """Run in this process."""
    tell: Callable[[str], object] = (lambda _: None) if told is None else told.append
    with Ranks.join("cpu") as ranks:
        return run(config, out, ranks, Options(tell=tell, **options))
