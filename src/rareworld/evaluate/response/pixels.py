"""Clips spoilt by degrees without knowing what they show: pictures, order of frames, camera.

Every function takes and returns frames "t h w 3"; the amount 0 returns them as they are, but for
`reverse`, which has no degrees. Proved in `tests/evaluate/response/test_pixels.py`.
"""

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from scipy import ndimage

Frames = UInt8[np.ndarray, "t h w 3"]


def blur(frames: Frames, sigma_px: float, rng: np.random.Generator) -> Frames:
    """Return frames behind a Gaussian of `sigma_px`; nothing is drawn."""
    del rng
    return _bytes(ndimage.gaussian_filter(frames.astype(np.float64), (0, sigma_px, sigma_px, 0)))


def noise(frames: Frames, deviation: float, rng: np.random.Generator) -> Frames:
    """Return frames with Gaussian noise of a deviation in grey levels, new in every frame."""
    return _bytes(frames + rng.normal(0.0, deviation, frames.shape))


def freeze(frames: Frames, share: float, rng: np.random.Generator) -> Frames:
    """Return frames of which a share, drawn from all but the first, repeat the one before."""
    held = _some(len(frames), share, rng)
    source = np.arange(len(frames))
    source[held] = 0
    return frames[np.maximum.accumulate(source)]


def shuffle(frames: Frames, share: float, rng: np.random.Generator) -> Frames:
    """Return frames of which a share, drawn from all but the first, change places."""
    moved = _some(len(frames), share, rng)
    order = np.arange(len(frames))
    order[moved] = rng.permutation(moved)
    return frames[order]


def reverse(frames: Frames, amount: float, rng: np.random.Generator) -> Frames:
    """Return frames from last to first; there are no degrees of it."""
    del amount, rng
    return frames[::-1].copy()


def shake(frames: Frames, deviation_px: float, rng: np.random.Generator) -> Frames:
    """Return frames each moved by its own Gaussian shift, edges repeated."""
    shifts: Float64[np.ndarray, "t 2"] = rng.normal(0.0, deviation_px, (len(frames), 2))
    moved = [
        ndimage.shift(frame.astype(np.float64), (*by, 0.0), order=1, mode="nearest")
        for frame, by in zip(frames, shifts, strict=True)
    ]
    return _bytes(np.stack(moved))


def _some(count: int, share: float, rng: np.random.Generator) -> Int64[np.ndarray, " n"]:
    """Return a share of the frames after the first, in order."""
    return np.sort(rng.permutation(np.arange(1, count))[: round(share * (count - 1))])


def _bytes(values: Float64[np.ndarray, "t h w 3"]) -> Frames:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
