"""Small rendered-like videos: a coloured box that moves over a still background."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from rareworld.data.video import RgbWriter
from rareworld.models.wan_vae.config import WanVaeConfig
from rareworld.train.config import ScheduleConfig
from rareworld.train.tokenizer.config import (
    CropConfig,
    FootageConfig,
    TokenizerConfig,
    TokenizerObjectiveConfig,
)

HEIGHT, WIDTH, LENGTH = 32, 48, 20
NAMES = ("00000-0-cam0-000", "00000-0-cam1-000", "00001-0-cam0-000", "00002-0-cam0-000")


def film(seed: int, *, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return frames "t h w 3": smooth random background, a box that goes right."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(40, 200, (height // 8, width // 8, 3), np.uint8)
    frames = np.stack([coarse.repeat(8, 0).repeat(8, 1)] * LENGTH)
    top, colour = int(generator.integers(height - 8)), generator.integers(0, 256, 3)
    for time, frame in enumerate(frames):
        frame[top : top + 8, time : time + 12] = colour
    return frames


def write_film(path: Path, frames: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with RgbWriter(path, Fraction(8)) as writer:
        for frame in frames:
            writer.write(frame)


def write_footage(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    """Write a Predict2 folder."""
    for name in names:
        write_film(folder / "videos" / f"{name}.mp4", film(sum(name.encode())))
    return folder


def small_config(folder: Path, *, steps: int = 4, **changes: object) -> TokenizerConfig:
    """Return a run of a tiny net without the perceptual term."""
    return TokenizerConfig(
        steps=steps,
        shape=WanVaeConfig(
            base_dim=4,
            dim_mult=(1, 1, 2, 2),
            num_res_blocks=1,
            latents_mean=(0.0,) * 4,
            latents_std=(1.0,) * 4,
        ),
        footage=FootageConfig(folders=(folder,), height=HEIGHT, width=WIDTH, threads=1),
        crops=(
            CropConfig(frames=5, height=HEIGHT, width=WIDTH, batch=2),
            CropConfig(frames=1, height=16, width=24, batch=3),
        ),
        objective=TokenizerObjectiveConfig(perceptual=0),
        schedule=ScheduleConfig(warm_up=1, cycle=max(steps, 2), f_max=1, f_min=0.1),
        measure_every=2,
        measure_clips=1,
        save_every=2,
        log_every=1,
    ).model_copy(update=changes)
