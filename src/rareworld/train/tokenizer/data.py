"""Footage in memory, decoded once, and the clips of a step, cut on the device that holds it.

A frame of 128x224 pixels takes 86 KB: 100,000 of them fit on a GPU of 16 GB beside a small net. So
nothing is decoded while training, and a step's clips are one gather. Which clips follows from
(seed, step) alone, so a run that goes on after a stop sees what it would have seen.
Proved in `tests/train/tokenizer/test_data.py`.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rareworld.core.seed import Seed
from rareworld.data.video import read_frames
from rareworld.errors import ConfigError, FormatError
from rareworld.train.tokenizer.config import CropConfig, FootageConfig

Frames = UInt8[Tensor, "n h w 3"]
_BUCKETS = 10_000


@final
@dataclass(frozen=True)
class Footage:
    """Videos, end to end."""

    names: tuple[str, ...]
    """File names."""
    frames: Frames
    """All frames, on the device of the work."""
    starts: tuple[int, ...]
    """First frame of each video."""
    lengths: tuple[int, ...]
    """Frames of each video."""

    def windows(self, frames: int) -> list[int]:
        """Return how many clips of so many frames each video holds."""
        return [max(length - frames + 1, 0) for length in self.lengths]

    def to(self, device: torch.device) -> "Footage":
        """Return the same videos on a device."""
        return Footage(self.names, self.frames.to(device), self.starts, self.lengths)


def list_videos(config: FootageConfig) -> tuple[Path, ...]:
    """Return the files in order of folders and names.

    Raises:
        ConfigError: If a folder holds none, or two files have one name.
    """
    if not config.folders:
        raise ConfigError("footage.folders: expected folders with mp4 files, found none")
    files: list[Path] = []
    for folder in config.folders:
        inside = folder / "videos" if (folder / "videos").is_dir() else folder
        found = sorted(inside.glob("*.mp4"))
        if not found:
            raise ConfigError(f"{inside}: holds no .mp4 file; give a folder of footage")
        files.extend(found)
    names = [file.name for file in files]
    twice = sorted({name for name in names if names.count(name) > 1}) if _repeats(names) else []
    if twice:
        raise ConfigError(f"footage.folders: {twice[0]} is in two folders; rename one of them")
    return tuple(files)


def is_held_out(name: str, config: FootageConfig) -> bool:
    """Return whether a video is one of those never trained on; depends on its name alone."""
    digest = hashlib.sha256(_group(name, config).encode()).digest()
    return int.from_bytes(digest[:8]) % _BUCKETS < config.held_out_share * _BUCKETS


def split(files: Sequence[Path], config: FootageConfig) -> tuple[list[Path], list[Path]]:
    """Return files to train on and files held out: the first group where none is chosen.

    Raises:
        ConfigError: If one of the two would be empty.
    """
    held_out = [file for file in files if is_held_out(file.name, config)]
    if not held_out:
        first = _group(files[0].name, config)
        held_out = [file for file in files if _group(file.name, config) == first]
    trained = [file for file in files if file not in set(held_out)]
    if not trained:
        raise ConfigError(
            f"footage: {len(files)} videos, all of them held out; give more, "
            "or lower footage.held_out_share"
        )
    return trained, held_out


def read_footage(files: Sequence[Path], config: FootageConfig) -> Footage:
    """Decode whole videos, several at a time, into one array on the CPU.

    Raises:
        FormatError: If a file is damaged or of another size; names the file.
    """

    def read(file: Path) -> UInt8[np.ndarray, "t h w 3"]:
        video = np.stack(list(read_frames(file, "rgb24")))
        if video.shape[1:] != (config.height, config.width, 3):
            raise FormatError(
                f"{file}: expected {config.width}x{config.height} pixels, found "
                f"{video.shape[2]}x{video.shape[1]}; render it in that size, "
                "or set footage.height and footage.width"
            )
        return video

    with ThreadPoolExecutor(config.threads) as pool:
        videos = list(pool.map(read, files))
    lengths = tuple(len(video) for video in videos)
    starts = tuple(
        int(end) - length for end, length in zip(np.cumsum(lengths), lengths, strict=True)
    )
    frames = torch.from_numpy(np.concatenate(videos))
    return Footage(tuple(file.name for file in files), frames, starts, lengths)


@final
@dataclass(frozen=True)
class Draw:
    """What a step trains on."""

    rgb: Float[Tensor, "b 3 t h w"]
    """Pictures in [-1, 1], channels last in memory."""
    noise_seed: int
    """Of the latents' noise."""
    looked_at: tuple[int, ...]
    """Frames that the perceptual term sees."""


def choose_crop(crops: Sequence[CropConfig], seed: int, step: int) -> CropConfig:
    """Return the shape of a step's clips."""
    shares = np.array([crop.share for crop in crops])
    generator = Seed(seed).child("tokenizer", "crop", step).generator()
    return crops[int(generator.choice(len(crops), p=shares / shares.sum()))]


def draw(footage: Footage, crop: CropConfig, *, looked_at: int, seed: int, step: int) -> Draw:
    """Return the clips of a step: random windows of all videos, half of them mirrored.

    Raises:
        ConfigError: If no video is long enough.
    """
    node = Seed(seed).child("tokenizer", "clips", step)
    generator = node.generator()
    index = _first_frames(footage, crop, generator)[:, None] + np.arange(crop.frames)
    place = torch.from_numpy(index).to(footage.frames.device, non_blocking=True)
    clips = _cut(footage.frames, place, crop, generator)
    others = generator.permutation(np.arange(1, crop.frames))[: looked_at - 1]
    return Draw(
        rgb=to_pixels(clips),
        noise_seed=node.child("noise").int32(),
        looked_at=(0, *sorted(int(frame) for frame in others)),
    )


def to_pixels(clips: UInt8[Tensor, "b t h w 3"]) -> Float[Tensor, "b 3 t h w"]:
    """Return bytes as numbers in [-1, 1]; the memory order stays channels-last."""
    return (clips.float() / 127.5 - 1).permute(0, 4, 1, 2, 3)


def _group(name: str, config: FootageConfig) -> str:
    return name.partition(config.group)[0] if config.group else name


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def _first_frames(footage: Footage, crop: CropConfig, generator: np.random.Generator) -> np.ndarray:
    """Return where each clip begins; every window of every video is as likely as any other."""
    ends = np.cumsum(footage.windows(crop.frames))
    if not len(ends) or not ends[-1]:
        raise ConfigError(f"footage: no video has {crop.frames} frames; give longer ones")
    drawn = generator.integers(ends[-1], size=crop.batch)
    video = np.searchsorted(ends, drawn, side="right")
    before = np.concatenate([[0], ends])[video]
    return np.array(footage.starts)[video] + drawn - before


def _cut(
    frames: Frames, place: Tensor, crop: CropConfig, generator: np.random.Generator
) -> UInt8[Tensor, "b t h2 w2 3"]:
    """Return windows of rows and columns, one place per clip, half of them mirrored."""
    rows = frames.shape[1] - crop.height + 1
    columns = frames.shape[2] - crop.width + 1
    clips: list[Tensor] = []
    for clip in place:
        top, left = int(generator.integers(rows)), int(generator.integers(columns))
        cut = frames[clip, top : top + crop.height, left : left + crop.width]
        clips.append(cut.flip(2) if generator.random() < 0.5 else cut)
    return torch.stack(clips)
