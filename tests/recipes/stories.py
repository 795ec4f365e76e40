"""A story small enough for tests: moving squares, the tiny pipeline, stand-ins for networks."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from rareworld.data.video import RgbWriter
from rareworld.evaluate.config import EvaluateConfig, IntervalConfig, PicturesConfig
from rareworld.models.lpips.net import Lpips
from rareworld.models.packaged import WeightsRecord
from rareworld.recipes.steps import Steps
from rareworld.recipes.story import StoryConfig
from rareworld.recipes.story_nets import Sources
from rareworld.train.config import TrainConfig
from tests.evaluate.standin import StandIns

FRAMES, FPS, SIZE = 17, 8, (48, 64)


def write_predict2(folder: Path, count: int, seed: int = 0, frames: int = FRAMES) -> Path:
    """Write clips of a square that moves over a still ground, each with its caption."""
    for part in ("videos", "metas"):
        (folder / part).mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for number in range(count):
        name = f"clip{number}"
        ground = draw.integers(60, 120, (*SIZE, 3), np.uint8)
        with RgbWriter(folder / "videos" / f"{name}.mp4", Fraction(FPS)) as writer:
            for frame in range(frames):
                picture = ground.copy()
                left = 2 + 2 * frame + number
                picture[16:32, left : left + 14] = (220, 40, 40)
                writer.write(picture)
        text = f"A traffic CCTV camera: car {number} crashes."
        (folder / "metas" / f"{name}.txt").write_text(text)
    return folder


def make_story(pipeline: Path, folder: Path, **changes: Any) -> StoryConfig:
    """Return a story of seconds over the folders `normal`, `crash` and `held_out`."""
    training = {
        "name": "tiny",
        "steps": 4,
        "data": {
            "resolution": f"{SIZE[0]},{SIZE[1]}", "num_frames": [FRAMES], "fps": FPS,
            "held_out": 0.3, "batch_size": 2, "prefetch": 0,
        },
        "adapter": {"rank": 4},
        "optimizer": {"lr": 1e-2},
        "schedule": {"warm_up": 1, "cycle": 4},
        "checkpoint": {"every": 2},
        "watch": {"every": 1, "trackers": [], "held_out_every": 2, "samples_every": 0},
    }  # fmt: skip
    values: dict[str, Any] = {
        "model": str(pipeline),
        "normal": str(folder / "normal"),
        "crash": str(folder / "crash"),
        "held_out": str(folder / "held_out"),
        "clips": 4,
        "num_steps": 1,
        "per_item": 2,
        "device": "cpu",
        "training": TrainConfig.parse(training).model_dump(mode="json"),
        "measure": EvaluateConfig(
            pictures=PicturesConfig(every=4),
            intervals=IntervalConfig(resamples=20),
            floor_splits=2,
        ).model_dump(mode="json"),
    }
    return StoryConfig.parse(values | changes)


def write_sets(folder: Path) -> Path:
    """Write the three sets that a story reads."""
    for seed, (name, count) in enumerate((("normal", 3), ("crash", 3), ("held_out", 5))):
        write_predict2(folder / name, count, seed)
    return folder


class _Apart(torch.nn.Module):
    """Distance of pixels, as LPIPS is asked."""

    def forward(
        self, one: Float32[Tensor, "b 3 h w"], two: Float32[Tensor, "b 3 h w"]
    ) -> Float32[Tensor, " b"]:
        return (one - two).square().mean((1, 2, 3))


def make_sources(*missing: str) -> Sources:
    """Return stand-ins for every network but those that are missing."""
    record = WeightsRecord(name="lpips.bin", sha256="6" * 64, origin="this test")
    return Sources(
        found=lambda name: None if name in missing else Path(name),
        load=StandIns(),
        load_lpips=lambda device: Lpips(_Apart(), record, device=device),
    )


def quiet_steps(out: Path, told: list[str] | None = None, **options: Any) -> Steps:
    """Return steps in this process that tell a list."""
    say: Callable[[str], None] = (lambda _: None) if told is None else told.append
    return Steps(out=out, inline=True, say=say, **options)


def plain_clip(value: int, frames: int = FRAMES) -> UInt8[np.ndarray, "t h w 3"]:
    """Return a clip of one grey."""
    return np.full((frames, *SIZE, 3), value, np.uint8)
