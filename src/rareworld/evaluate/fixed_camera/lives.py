"""Do things come and go as things do: across the border, from behind something, from afar?

A track that begins (ends) in open view is a fault only if the frame before (after) does not show
the thing at all: nothing moves where it should be, and it does not stand there, as a parked car
that drives off or one that stops would (told by correlation). What comes out from behind something
grows over a few frames.
Proved in `tests/evaluate/fixed_camera/test_lives.py`.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.matching import find_patch
from rareworld.evaluate.fixed_camera.tracks import Track, overlap
from rareworld.evaluate.fixed_camera.working import Working

_STANDS = 0.8
"""Correlation at which a thing stands in the neighbouring frame where it is in its own."""
_STANDS_PX = 2
_COVERED = 0.25
"""Share of its box that moves in the neighbouring frame if the thing is still there."""
Mask = Bool[np.ndarray, "t h w"]
"""What moves in each frame of the working clip."""
_GRADUAL = 0.6
"""A thing that begins below this share of its later size comes out from behind something."""
_SETTLED_S = 0.4
_TINY = 2.0
"""Things below so many times the smallest side followed may have come from afar."""
_NEAR = 0.3
"""Boxes are widened by this share of the size when others near by are looked for."""


def appears(
    track: Track,
    others: Sequence[Track],
    clip: Working,
    mask: Mask,
    config: FixedCameraConfig,
) -> bool:
    """Return whether a track begins from nothing in open view; `mask` is the foreground."""
    return _from_nothing(track, others, clip, mask, config, forward=True)


def vanishes(
    track: Track,
    others: Sequence[Track],
    clip: Working,
    mask: Mask,
    config: FixedCameraConfig,
) -> bool:
    """Return whether a track ends in nothing in open view; `mask` is the foreground."""
    return _from_nothing(track, others, clip, mask, config, forward=False)


def _from_nothing(
    track: Track,
    others: Sequence[Track],
    clip: Working,
    mask: Mask,
    config: FixedCameraConfig,
    *,
    forward: bool,
) -> bool:
    end = 0 if forward else -1
    frame = int(track.frames[end])
    outside = frame - 1 if forward else frame + 1
    if frame <= 1 or frame >= len(clip.pixels) - 2 or not track.apart[end]:
        return False
    size = float(track.sizes[end])
    tiny = _TINY * np.sqrt(config.min_area_share * np.prod(clip.size)) * clip.factor
    if size < tiny or _at_border(track, end, clip) or _is_gradual(track, clip, forward=forward):
        return False
    if _touched(track, end, others):
        return False
    return not _is_there(track, end, outside, clip, mask)


def _at_border(track: Track, end: int, clip: Working) -> bool:
    """Return whether the next step out could lie outside the picture."""
    h, w = np.array(clip.size) * clip.factor
    box = track.boxes[end]
    step = np.abs(np.diff(track.centres, axis=0)).mean(0) if len(track.frames) > 1 else np.zeros(2)
    reach = step + 0.5 * track.sizes[end]
    low, high = box[:2] - reach, box[2:] + reach
    return bool(track.clipped[end] or (low < 0).any() or high[0] > w or high[1] > h)


def _is_gradual(track: Track, clip: Working, *, forward: bool) -> bool:
    count = max(2, round(_SETTLED_S * clip.fps)) + 1
    areas = track.areas[:count] if forward else track.areas[::-1][:count]
    return bool(areas[0] < _GRADUAL * np.median(areas[1:]))


def _touched(track: Track, end: int, others: Sequence[Track]) -> bool:
    """Return whether another track is so close that one may have come out of the other."""
    margin = _NEAR * track.sizes[end]
    wide = track.boxes[end] + margin * np.array([-1, -1, 1, 1])
    for other in others:
        near = other.boxes[np.abs(other.frames - track.frames[end]) <= 1]
        if other.number != track.number and any(overlap(wide, box) > 0 for box in near):
            return True
    return False


def _is_there(track: Track, end: int, outside: int, clip: Working, mask: Mask) -> bool:
    """Return whether the neighbouring frame shows the thing, moving on or standing."""
    neighbour = 1 if end == 0 else -2
    box, frame = track.boxes[end] / clip.factor, int(track.frames[end])
    step = (track.centres[end] - track.centres[neighbour]) / clip.factor
    gone = abs(int(track.frames[end]) - int(track.frames[neighbour]))
    left, top, right, bottom = np.round(box + np.tile(step / gone, 2)).astype(int)
    around = mask[outside, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if around.size and around.mean() > _COVERED:
        return True
    luma = clip.luma[[frame, outside]]
    return find_patch(luma[0], luma[1], box, np.zeros(2), _STANDS_PX).similarity > _STANDS
