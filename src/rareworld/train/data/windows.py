"""Which stretches of a clip are trained on.

The places a window can start at are cut into as many strata as windows are wanted, and each window
starts somewhere in its own, so several windows spread over the clip. Every draw is a hash of seed,
clip and stratum: no clip's windows depend on another's, nor on the order of sources. A window
starts on a frame of the video; a clip that leaves less than a frame of the model between windows
gives fewer of them, and a clip of exactly the wanted length gives one.
Proved in `tests/train/data/test_windows.py`.
"""

import hashlib

from rareworld.data.video import frame_rate
from rareworld.train.config import DataConfig
from rareworld.train.data.buckets import bucket_of, latest_start
from rareworld.train.data.clips import ClipItem, Window


def windows_of(item: ClipItem, config: DataConfig, seed: int) -> tuple[Window, ...]:
    """Return a clip's windows in order of time, each followed by its mirrored twin if wanted.

    Raises:
        FormatError: If the clip is too short.
    """
    bucket, fps = bucket_of(item.info, config), frame_rate(config.fps)
    places = latest_start(item.info, bucket.frames, fps) + 1
    count = min(config.windows, max(1, int(places / item.info.rate * fps)))
    sides = (False, True) if config.flip else (False,)
    return tuple(
        Window(
            item=item,
            index=index,
            bucket=bucket,
            start_s=float(_start(item, index, count, places, seed) / item.info.rate),
            mirrored=mirrored,
        )
        for index in range(count)
        for mirrored in sides
    )


def _start(item: ClipItem, index: int, count: int, places: int, seed: int) -> int:
    """Return a frame of the stratum [index, index + 1) places / count, evenly drawn."""
    first, end = index * places // count, (index + 1) * places // count
    # Without the source's index, so that another order of sources moves no window.
    text = f"window {seed} {item.name.partition('/')[2]} {index}"
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return first + (drawn * (end - first) >> 64)
