"""Images and videos a generated video starts from: looked at, read, brought to size.

The last frames are taken, scaled until they cover the wanted size, and cut around the centre
(source: `resize_input` of cosmos-predict2.5; scaling is antialiased bilinear, on 8-bit frames).
Upstream pads what follows with zeros (images) or the last frame (videos); because the tokenizer is
causal, that padding never reaches the clean latents, so here none is made.
Proved in `tests/generate/test_media.py`.
"""

import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from rareworld.data.atomic import sha256_file
from rareworld.data.video import probe, read_frames
from rareworld.errors import FormatError
from rareworld.generate.sizes import Size

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})


@final
@dataclass(frozen=True, kw_only=True)
class Medium:
    """What an input file holds."""

    path: Path
    is_image: bool
    num_frames: int
    size: Size
    sha256: str


def look_at(path: Path) -> Medium:
    """Return what a file holds.

    Raises:
        FormatError: If it is missing, or neither an image nor a video that can be read.
    """
    if not path.is_file():
        raise FormatError(f"input_path: {path} is not a file; check the path")
    try:
        info = probe(path)
    except FormatError as error:
        raise _unreadable(path, error) from error
    if not info.num_frames or not info.width:
        raise FormatError(f"input_path: {path} holds no picture; give an image or a video")
    return Medium(
        path=path,
        is_image=path.suffix.lower() in IMAGES,
        num_frames=info.num_frames,
        size=Size(info.height, info.width),
        sha256=sha256_file(path),
    )


def last_frames(medium: Medium, count: int) -> UInt8[np.ndarray, "t h w 3"]:
    """Return the last frames of a video, or the one of an image.

    Raises:
        FormatError: If they cannot be decoded.
    """
    start = max(medium.num_frames - count, 0)
    try:
        # a frame's index is told by its time, which a variable rate bends: then all are read
        frames = deque(read_frames(medium.path, "rgb24", start=start), maxlen=count)
        if len(frames) < count and start:
            frames = deque(read_frames(medium.path, "rgb24"), maxlen=count)
    except FormatError as error:
        raise _unreadable(medium.path, error) from error
    if len(frames) < count:
        raise FormatError(
            f"input_path: {medium.path} is damaged: {count} frames are needed, {len(frames)} "
            "could be decoded; make it again"
        )
    return np.stack(list(frames))


def cover(frames: UInt8[np.ndarray, "t h w 3"], size: Size) -> UInt8[np.ndarray, "t y x 3"]:
    """Scale frames until they cover a size, keeping their shape, and cut around the centre."""
    height, width = frames.shape[1:3]
    scale = max(size.height / height, size.width / width)
    scaled = _scale(frames, math.ceil(scale * height), math.ceil(scale * width))
    top = round((scaled.shape[1] - size.height) / 2)
    left = round((scaled.shape[2] - size.width) / 2)
    return scaled[:, top : top + size.height, left : left + size.width]


def to_rgb(frames: UInt8[np.ndarray, "t h w 3"]) -> Float[Tensor, "1 3 t h w"]:
    """Return frames as the tokenizer wants them, in [-1, 1]."""
    values = torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2)
    return values[None].float() / 127.5 - 1


def to_frames(rgb: Float[Tensor, "1 3 t h w"]) -> UInt8[np.ndarray, "t h w 3"]:
    """Return decoded video in [-1, 1] as 8-bit frames; what is outside is clipped."""
    levels = rgb[0].float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 3, 0).cpu().numpy())


def _scale(
    frames: UInt8[np.ndarray, "t h w 3"], height: int, width: int
) -> UInt8[np.ndarray, "t y x 3"]:
    if frames.shape[1:3] == (height, width):
        return frames
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    scaled = interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    levels = scaled.round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).numpy()


def _unreadable(path: Path, error: FormatError) -> FormatError:
    return FormatError(
        f"input_path: {path} can be read neither as an image nor as a video ({error}); "
        "convert it to .png or to .mp4 (H.264)"
    )
