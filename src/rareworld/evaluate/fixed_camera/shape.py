"""Does a thing keep its size and its looks?

Size: on flat ground a pinhole camera at height H shows a thing of size S as s = S / H (y - y_h)
pixels, y_h being the horizon. The horizon is not known, so the change of size between two moments
is held against every horizon there can be: below none does it explain more. What is left is growth
that no perspective explains. Looks: the correlation of the thing's picture with what is
found of it a frame later, which no broken mask disturbs.
Proved in `tests/evaluate/fixed_camera/test_shape.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Float32

from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.matching import find_patch
from rareworld.evaluate.fixed_camera.tracks import Track
from rareworld.evaluate.fixed_camera.working import Working

_FARTHEST = 4.0
"""The horizon lies at most so many picture heights above the picture."""
_LOWEST = 0.6
"""And at most at this share of the height below its top."""
_EDGE_PX = 1.5
"""Working pixels by which outlines may be off."""
_LEAST_STEPS = 3
_SEARCH = 0.2
"""Search around the expected place, as a share of the size: centres jump with masks."""

Luma = Float32[np.ndarray, "t h w"]


@final
@dataclass(frozen=True)
class Shape:
    """How steady a track's size and looks are."""

    growth: float
    """Largest factor of size within `growth_s` that perspective does not explain, at least 1; NaN
    if the thing is never seen whole for so long."""
    similarity: float
    """Median correlation with itself one frame later; NaN if seen whole too seldom."""
    unlike: float
    """Share of steps below the limit of similarity; NaN as above."""


def measure_shape(track: Track, clip: Working, luma: Luma, config: FixedCameraConfig) -> Shape:
    """Measure a track of a clip with this `luma`."""
    steps = _similarities(track, luma, clip.factor)
    enough = len(steps) >= _LEAST_STEPS
    height = clip.size[0] * clip.factor
    lag = max(2, round(config.growth_s * clip.fps))
    return Shape(
        growth=_growth(track, height, lag, clip.factor),
        similarity=float(np.median(steps)) if enough else np.nan,
        unlike=float((steps < config.similarity).mean()) if enough else np.nan,
    )


def horizons(track: Track, height: int) -> tuple[float, float]:
    """Return the highest and lowest horizon (y, down) that agree with a track.

    The camera is at least as high above ground as the thing is large, so y - y_h >= s everywhere.
    """
    lowest = float((track.feet[:, 1] - track.sizes).min())
    return -_FARTHEST * height, min(lowest, _LOWEST * height)


def _growth(track: Track, height: int, lag: int, factor: int) -> float:
    whole = track.whole
    frames, sizes, feet = track.frames[whole], track.sizes[whole], track.feet[whole, 1]
    if len(frames) < lag + 1:
        return np.nan
    sizes = _smoothed(sizes)
    near = (frames[None] - frames[:, None] <= lag) & (frames[None] > frames[:, None])
    first, second = np.nonzero(near)
    seen = np.log(sizes[second] / sizes[first])
    allowed = np.stack(
        [np.log((feet[second] - y) / (feet[first] - y)) for y in horizons(track, height)]
    )
    allowed = np.concatenate([allowed, np.zeros((1, len(seen)))])
    excess = np.maximum(seen - allowed.max(0), allowed.min(0) - seen)
    excess = excess - _EDGE_PX * factor / np.minimum(sizes[first], sizes[second])
    return float(np.exp(max(excess.max(), 0.0)))


def _smoothed(sizes: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Return running medians of three: one bad mask is no growth."""
    padded = np.concatenate([sizes[:1], sizes, sizes[-1:]])
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)


def _similarities(track: Track, luma: Luma, factor: int) -> Float[np.ndarray, "m"]:
    """Return the correlations of steps between places where the thing is seen whole."""
    pairs = np.flatnonzero(track.whole[1:] & track.whole[:-1] & (np.diff(track.frames) == 1))
    found = [_similarity(track, int(at), luma, factor) for at in pairs]
    return np.array([value for value in found if value != 0.0])


def _similarity(track: Track, at: int, luma: Luma, factor: int) -> float:
    """Return the correlation of the thing at a place with itself a frame later."""
    frame = int(track.frames[at])
    step = (track.centres[at + 1] - track.centres[at]) / factor
    radius = 2 + int(np.clip(_SEARCH * track.sizes[at] / factor, 0, 4))
    return find_patch(
        luma[frame], luma[frame + 1], track.boxes[at] / factor, step, radius
    ).similarity
