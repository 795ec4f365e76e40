"""Images and videos a generated video starts from: looked at and read.

The last frames are taken; `models.cosmos_predict.pixels` brings them to size. Upstream pads what
follows with zeros (images) or the last frame (videos); because the tokenizer is causal, that
padding never reaches the clean latents, so here none is made.
Proved in `tests/generate/test_media.py`.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import UInt8

from rareworld.data.atomic import sha256_file
from rareworld.data.video import probe, read_frames
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.sizes import Size

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


def _unreadable(path: Path, error: FormatError) -> FormatError:
    return FormatError(
        f"input_path: {path} can be read neither as an image nor as a video ({error}); "
        "convert it to .png or to .mp4 (H.264)"
    )
