"""Small datasets and their caches, for tests of what stands on a cache."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from rareworld.data.video import H264, RgbWriter
from rareworld.nn.ranks import Ranks
from rareworld.train.config import BaseConfig, ComputeConfig, DataConfig, SourceConfig, TrainConfig
from rareworld.train.data.cache_build import CacheReport, build_cache
from rareworld.train.data.cache_plan import plan_cache

ALONE = Ranks(rank=0, world=1, device=torch.device("cpu"))


def write_clip(path: Path, *, frames: int = 9, seed: int = 0, fps: int = 16) -> Path:
    """Write a video of 64 x 48 pixels: a gradient that drifts over coarse noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    picture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    with RgbWriter(path, Fraction(fps), H264(bitrate_kbps=200)) as writer:
        for index in range(frames):
            writer.write(np.ascontiguousarray(np.roll(picture, 3 * index, axis=1)))
    return path


def write_dataset(folder: Path, clips: Iterable[int], *, frames: int = 9) -> Path:
    """Write a Predict2 directory of clips, each with a caption."""
    (folder / "metas").mkdir(parents=True, exist_ok=True)
    for number in clips:
        write_clip(folder / "videos" / f"{number:03d}.mp4", frames=frames, seed=number)
        (folder / "metas" / f"{number:03d}.txt").write_text(f"a car meets bus {number}")
    return folder


def config_of(model: Path, *sources: Path, **data: object) -> TrainConfig:
    """Return a run's settings at 32 x 48 pixels and 9 frames."""
    values: dict[str, object] = {
        "sources": tuple(SourceConfig(path=path) for path in sources),
        "resolution": "32,48",
        "num_frames": (9,),
        "held_out": 0.0,
    }
    return TrainConfig(
        base=BaseConfig(model=str(model)),
        data=DataConfig.parse(values | data),
        compute=ComputeConfig(device="cpu"),
    )


def make(config: TrainConfig, folder: Path, *, overwrite: bool = False) -> CacheReport:
    """Make a cache in this process."""
    plan = plan_cache(config, folder, ALONE, overwrite=overwrite, command="rareworld cache X")
    return build_cache(plan, ALONE, inline=True)


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files, less the times of videos."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "probes.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found)}
