"""The shape a clip is brought to: one of a few sizes, one of a few lengths.

Samples of a batch share a shape, so there are few: the five of a resolution class the released
models were trained at, or one size of one's own. A clip takes the size whose aspect ratio is
nearest to its own (it is scaled to cover it, and cut), and the longest length that it fills at the
model's rate. Proved in `tests/train/data/test_buckets.py`.
"""

import math
from fractions import Fraction

from rareworld.data.video import VideoInfo, frame_rate
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.sizes import (
    TABLES,
    Limits,
    Size,
    frames_of,
    latents_of,
    resolve_size,
)
from rareworld.train.config import DataConfig
from rareworld.train.data.clips import Bucket


def bucket_of(info: VideoInfo, config: DataConfig) -> Bucket:
    """Return the shape that a video is brought to.

    Raises:
        FormatError: If the video is shorter than the shortest length.
        ConfigError: If resolution or lengths make no sense.
    """
    size = _nearest_shape(info, sizes_of(config))
    have, wanted = frames_at_rate(info, frame_rate(config.fps)), lengths_of(config)
    fitting = [length for length in wanted if length <= have]
    if not fitting:
        raise FormatError(_too_short(info, have, wanted[0], config))
    return Bucket(size.height, size.width, fitting[-1])


def sizes_of(config: DataConfig) -> tuple[Size, ...]:
    """Return the sizes of a resolution: five of a class, or the one that is named.

    Raises:
        ConfigError: If it is none of both, or cannot be cut into tokens.
    """
    if config.resolution in TABLES:
        return tuple(TABLES[config.resolution].values())
    if "," not in config.resolution:
        raise ConfigError(
            f"data.resolution: expected {', '.join(TABLES)} or one size 'H,W' such as '704,1280', "
            f"got {config.resolution!r}"
        )
    return (resolve_size(config.resolution, None, Limits(tabled=False)),)


def lengths_of(config: DataConfig) -> tuple[int, ...]:
    """Return the lengths, shortest first.

    Raises:
        ConfigError: If there are none, or a length is not 4 n + 1.
    """
    for length in config.num_frames:
        if length < 1 or frames_of(latents_of(length)) != length:
            near = frames_of(max(1, latents_of(length)))
            raise ConfigError(
                f"data.num_frames: lengths must be 4 n + 1 (the tokenizer takes the first frame "
                f"alone and then four at a time), got {length}; the nearest below is {near}"
            )
    if not config.num_frames:
        raise ConfigError("data.num_frames: expected at least one length, such as 93; got none")
    return tuple(sorted(set(config.num_frames)))


def frames_at_rate(info: VideoInfo, fps: Fraction) -> int:
    """Return how many frames a video fills at a rate.

    Each of these moments has a frame of the video at most half a frame of the video away, so a
    video of n frames at the model's own rate fills n.
    """
    return max(0, math.floor((info.num_frames - Fraction(1, 2)) / info.rate * fps) + 1)


def latest_start(info: VideoInfo, frames: int, fps: Fraction) -> int:
    """Return the last frame of a video at which a window that long can start; negative if none."""
    return math.floor(info.num_frames - Fraction(1, 2) - (frames - 1) / fps * info.rate)


def _nearest_shape(info: VideoInfo, sizes: tuple[Size, ...]) -> Size:
    shape = math.log(info.width / info.height)
    return min(sizes, key=lambda size: abs(math.log(size.width / size.height) - shape))


def _too_short(info: VideoInfo, have: int, shortest: int, config: DataConfig) -> str:
    longest = frames_of(latents_of(have)) if have else 0
    remedy = f"or allow {longest} in data.num_frames" if longest else "or take it out"
    return (
        f"is too short: {info.num_frames} frames at {float(info.rate):g} fps fill {have} at "
        f"{config.fps:g} fps, at least {shortest} are wanted; give a longer clip, {remedy}"
    )
