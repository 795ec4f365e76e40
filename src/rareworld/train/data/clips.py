"""What training data is made of: clips, the shapes they are brought to, and windows of them.

These types carry no pixels: a window says which moments of which file are meant, and whoever reads
it (`rareworld.train.data.read`) gets the same frames every time.
Proved in `tests/train/data/test_clips.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

from rareworld.data.video import VideoInfo


@final
@dataclass(frozen=True, kw_only=True)
class ClipItem:
    """A video with its caption, found usable."""

    name: str
    """Unique over the mix: the source's index, a slash, the clip's name in it."""
    source: int
    """Which of `data.sources` it comes from."""
    group: str
    """The recording it was cut from: clips of one group never stand on both sides of a split."""
    video: Path
    caption: str
    info: VideoInfo


@final
@dataclass(frozen=True, order=True)
class Bucket:
    """A shape that samples are brought to; samples of a batch share one."""

    height: int
    width: int
    frames: int
    """4 n + 1, at the model's frame rate."""

    def __str__(self) -> str:
        return f"{self.height}x{self.width}x{self.frames}"


@final
@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of a clip, at the model's rate and in a bucket's shape."""

    item: ClipItem
    index: int
    """Which of the clip's windows, from 0 on."""
    bucket: Bucket
    start_s: float
    """Time of the first frame, in seconds from the clip's first."""
    mirrored: bool = False
    """Left and right swapped."""

    @property
    def name(self) -> str:
        """Key of the window in a cache: `0/clip#2`, its mirrored twin `0/clip#2m`."""
        return f"{self.item.name}#{self.index}{'m' if self.mirrored else ''}"


@final
@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A clip that cannot be trained on."""

    name: str
    """As a `ClipItem`'s."""
    path: Path
    """The file to look at."""
    error: str
    """What is wrong with it, and what to do."""


@final
@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything found in the sources of a run, in order of name within each source."""

    train: tuple[ClipItem, ...]
    held_out: tuple[ClipItem, ...]
    rejected: tuple[Rejected, ...] = ()
