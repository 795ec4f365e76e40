"""Sizes the released models were trained at, and frame counts a latent can stand for.

Source: size tables of cosmos-predict2 (`VIDEO_RES_SIZE_INFO`): five shapes at "720" and at "480".
Proved in `tests/models/cosmos_predict/test_sizes.py`.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from rareworld.errors import ConfigError

CELL = 16
"""Pixels a token covers along a side: 8 of the tokenizer by 2 of the patch."""
LONGEST = 1920
"""Pixels of a side at most: 240 latent cells, the length of the nets' position tables."""
GROUP = 4
"""Frames in a latent frame; the first frame of a video has one of its own."""


@final
@dataclass(frozen=True, order=True)
class Size:
    """Height and width of a picture, in pixels; written `H,W` as in samples."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height},{self.width}"

    def distance(self, other: "Size") -> float:
        """Return how far another size is, the same for twice as large as for half as large."""
        return math.hypot(math.log(self.height / other.height), math.log(self.width / other.width))


TABLES: dict[str, dict[str, Size]] = {
    "720": {
        "1:1": Size(960, 960),
        "4:3": Size(704, 960),
        "3:4": Size(960, 704),
        "16:9": Size(704, 1280),
        "9:16": Size(1280, 704),
    },
    "480": {
        "1:1": Size(480, 480),
        "4:3": Size(480, 640),
        "3:4": Size(640, 480),
        "16:9": Size(432, 768),
        "9:16": Size(768, 432),
    },
}
"""Resolution class, then aspect ratio (width:height)."""


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a model can make in one go."""

    tabled: bool = True
    """Only sizes of the two tables; else any with sides divisible by 16."""
    latent_frames: int = 24
    """Most latent frames: 24 of the models at 16 frames a second, 16 of those at 10."""
    table: str = "720"
    """Resolution class that `none` stands for."""
    fps: Fraction = Fraction(16)
    """Frames a second the model was trained at; the file is written at it."""
    size: Size | None = None
    """The one size it was trained at, which `none` then stands for."""

    @property
    def frames(self) -> int:
        """Most frames, which is what the model makes unless told otherwise."""
        return frames_of(self.latent_frames)


def limits_at(fps: int, *, tabled: bool, table: str = "720") -> Limits:
    """Return the limits of the models of a frame rate.

    Raises:
        ConfigError: If no model was trained at this rate.
    """
    latent_frames = {16: 24, 10: 16}
    if fps not in latent_frames:
        raise ConfigError(f"fps: expected 16 or 10 (Predict2's 61-frame models), got {fps}")
    return Limits(tabled=tabled, latent_frames=latent_frames[fps], table=table, fps=Fraction(fps))


def frames_of(latents: int) -> int:
    """Return how many frames a number of latent frames decodes to."""
    return GROUP * (latents - 1) + 1


def latents_of(frames: int) -> int:
    """Return how many latent frames a number of frames encodes to."""
    return (frames - 1) // GROUP + 1


def resolve_size(resolution: str, aspect_ratio: str | None, limits: Limits) -> Size:
    """Return the size a sample asks for: `none`, `480`, `720` or `H,W`.

    Raises:
        ConfigError: If it cannot be made by the model; the nearest that can is named.
    """
    if resolution in ("none", *TABLES):
        return _table_size(resolution, aspect_ratio, limits)
    if aspect_ratio is not None:
        raise ConfigError(
            f"aspect_ratio: {aspect_ratio} and resolution {resolution} both say the shape; "
            "drop one of them"
        )
    size = parse_size(resolution)
    _check(size, limits)
    return size


def parse_size(text: str) -> Size:
    """Read `H,W`.

    Raises:
        ConfigError: If the text is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise ConfigError(
            f"resolution: expected 'none', '480', '720' or 'H,W' such as '704,1280', got {text!r}"
        )
    return Size(int(parts[0]), int(parts[1]))


def nearest_size(size: Size) -> Size:
    """Return the size of the tables that is nearest in shape and scale."""
    known = [item for table in TABLES.values() for item in table.values()]
    return min(known, key=size.distance)


def _table_size(resolution: str, aspect_ratio: str | None, limits: Limits) -> Size:
    if resolution == "none" and limits.size is not None:
        return _only_size(limits.size, aspect_ratio)
    if resolution == "none" and not limits.tabled:
        raise ConfigError(
            "resolution: this net is of none of the released sizes, so it has no default; "
            "give resolution as 'H,W'"
        )
    return TABLES[limits.table if resolution == "none" else resolution][aspect_ratio or "16:9"]


def _only_size(size: Size, aspect_ratio: str | None) -> Size:
    if aspect_ratio is not None:
        raise ConfigError(
            f"aspect_ratio: {aspect_ratio} chooses among sizes, but this model was trained at "
            f"{size} (H,W) alone; leave it out, or give resolution as 'H,W'"
        )
    return size


def _check(size: Size, limits: Limits) -> None:
    known = size == nearest_size(size)
    fits = all(side % CELL == 0 and side <= LONGEST for side in (size.height, size.width))
    if limits.tabled and not known:
        raise ConfigError(
            f"resolution: {size} (H,W) is not a size the model was trained at; "
            f"the nearest is {nearest_size(size)}"
        )
    if not fits:
        raise ConfigError(
            f"resolution: sides must be multiples of {CELL} up to {LONGEST}, got {size} (H,W); "
            f"the nearest is {_rounded(size)}"
        )


def _rounded(size: Size) -> Size:
    """Return the nearest size whose sides are whole tokens."""
    sides = [round(side / CELL) * CELL for side in (size.height, size.width)]
    return Size(*(min(max(side, CELL), LONGEST) for side in sides))
