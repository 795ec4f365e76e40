"""A clip at the size the checks work at: block means of whole pixels, lightly smoothed.

Block means keep sub-pixel positions (a shift of one pixel of the clip is 1 / factor of a working
pixel) and take most of the cost and noise out of large clips. Proved in
`tests/evaluate/fixed_camera/test_working.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from rareworld.errors import ConfigError

MIN_FRAMES = 3
"""Shortest clip in which anything can be seen to move."""
MIN_SIDE = 32
SMOOTHED_NOISE = 6 / 16
"""What `smooth` leaves of independent noise: the root of the sum of its squared weights."""


@final
@dataclass(frozen=True)
class Working:
    """A clip made small: `pixels` in grey levels 0 to 255, each the mean of `factor` x `factor`."""

    pixels: Float32[np.ndarray, "t h w 3"]
    factor: int
    fps: float

    @property
    def luma(self) -> Float32[np.ndarray, "t h w"]:
        """BT.601 luma of every frame."""
        return self.pixels @ np.array([0.299, 0.587, 0.114], np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in working pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])


def working_clip(clip: UInt8[np.ndarray, "t h w 3"], fps: float, short_side: int) -> Working:
    """Return the clip with its short side at about `short_side` pixels, never enlarged.

    Raises:
        ConfigError: If the clip has fewer than 3 frames, is smaller than 32 pixels, or its frame
            rate is not positive.
    """
    t, h, w, _ = clip.shape
    if t < MIN_FRAMES or min(h, w) < MIN_SIDE:
        raise ConfigError(
            f"fixed-camera checks need at least {MIN_FRAMES} frames of {MIN_SIDE} pixels, "
            f"found {t} of {w} x {h}; give longer or larger clips"
        )
    if not (np.isfinite(fps) and fps > 0):
        raise ConfigError(f"frames per second must be positive, found {fps}; state the clip's rate")
    factor = max(1, round(min(h, w) / short_side))
    return Working(smooth(block_mean(clip, factor)), factor, fps)


def block_mean(clip: UInt8[np.ndarray, "t h w 3"], factor: int) -> Float32[np.ndarray, "t hk wk 3"]:
    """Return means over blocks; rows and columns left over at the end are dropped."""
    if factor == 1:
        return clip.astype(np.float32)
    rows, columns = clip.shape[1] // factor * factor, clip.shape[2] // factor * factor
    cut = clip[:, :rows, :columns]
    total = np.zeros((len(clip), rows // factor, columns // factor, 3), np.uint32)
    for i in range(factor):
        for j in range(factor):
            total += cut[:, i::factor, j::factor]
    return total.astype(np.float32) / np.float32(factor * factor)


def smooth(pixels: Float32[np.ndarray, "t h w 3"]) -> Float32[np.ndarray, "t h w 3"]:
    """Return every frame under the (1 2 1) / 4 kernel in both directions, borders repeated."""
    return _smooth_along(_smooth_along(pixels, 1), 2)


def _smooth_along(
    pixels: Float32[np.ndarray, "t h w 3"], axis: int
) -> Float32[np.ndarray, "t h w 3"]:
    moved = pixels.swapaxes(0, axis)
    out = 2 * moved
    out[1:] += moved[:-1]
    out[:-1] += moved[1:]
    out[0] += moved[0]
    out[-1] += moved[-1]
    out *= np.float32(0.25)
    return out.swapaxes(0, axis)
