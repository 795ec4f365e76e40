"""Pixels of a window: frames nearest in time at the model's rate, covering the model's size.

Frame k is the one shown at `start_s + k / fps`, whatever rate the video has: motion keeps its
speed, where reading frame after frame would slow down 30 fps CCTV to about half. Each frame is
scaled as for generation (`rareworld.models.cosmos_predict.pixels`), one at a time, so a window
takes the memory of its result. Proved in `tests/train/data/test_read.py`.
"""

from fractions import Fraction

import numpy as np
from jaxtyping import UInt8

from rareworld.data.footage import frames_at
from rareworld.data.video import frame_rate
from rareworld.models.cosmos_predict.pixels import cover
from rareworld.models.cosmos_predict.sizes import Size
from rareworld.train.data.clips import Window


def read_window(window: Window, fps: float) -> UInt8[np.ndarray, "t h w 3"]:
    """Return a window's frames at a rate, scaled to cover its bucket and cut around the centre.

    Raises:
        FormatError: If the video is missing, damaged or ends before the window does.
    """
    bucket = window.bucket
    start, rate = Fraction(window.start_s), frame_rate(fps)
    times = [start + index / rate for index in range(bucket.frames)]
    out = np.empty((bucket.frames, bucket.height, bucket.width, 3), np.uint8)
    size, last = Size(bucket.height, bucket.width), None
    for index, frame in enumerate(frames_at(window.item.video, times)):
        out[index] = out[index - 1] if frame is last else cover(frame[None], size)[0]
        last = frame
    return np.ascontiguousarray(out[:, :, ::-1]) if window.mirrored else out
