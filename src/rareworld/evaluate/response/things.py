"""Clips whose vehicles are spoilt by degrees: larger than they are, or turned into one another.

Who covers a pixel is known from the renderer's instance ids. Behind a vehicle stands the plate: the
median of the pixel over the frames in which no vehicle covers it, over all frames where every one
does. Proved in `tests/evaluate/response/test_things.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, UInt8, UInt32
from scipy import ndimage

Frames = UInt8[np.ndarray, "t h w 3"]
Ids = UInt32[np.ndarray, "t h w"]


@final
@dataclass(frozen=True)
class _Cut:
    """A vehicle cut out of one frame."""

    rgb: UInt8[np.ndarray, "h w 3"]
    mask: Bool[np.ndarray, "h w"]
    bottom: int
    """Row below its lowest."""
    left: int

    def scaled(self, height: int, width: int) -> "_Cut":
        """Return it in another size, standing where it stood, on the middle of its lower edge."""
        rows = np.arange(height) * self.mask.shape[0] // height
        columns = np.arange(width) * self.mask.shape[1] // width
        left = self.left + (self.mask.shape[1] - width) // 2
        at = np.ix_(rows, columns)
        return _Cut(self.rgb[at], self.mask[at], self.bottom, left)


def resize(frames: Frames, ids: Ids, vehicles: Sequence[int], factor: float) -> Frames:
    """Return frames whose vehicles are `factor` times as high and wide, the far ones behind."""
    covered = np.asarray(np.isin(ids, vehicles))
    out = np.where(covered[..., None], plate(frames, covered), frames)
    for picture, seen, frame in zip(out, ids, frames, strict=True):
        cuts = [cut for vehicle in vehicles if (cut := _cut(frame, seen == vehicle)) is not None]
        for cut in sorted(cuts, key=lambda one: one.bottom):
            height, width = cut.mask.shape
            _paste(picture, cut.scaled(round(height * factor), round(width * factor)))
    return out


def swap(frames: Frames, ids: Ids, vehicles: Sequence[int], share: float) -> Frames:
    """Return frames in whose second half a share of the vehicles look like their neighbours.

    A vehicle keeps its outline and takes the pixels of the next one in `vehicles`, stretched, as
    that one looks where it is largest. With fewer than two vehicles nothing changes.
    """
    looks = {vehicle: _largest(frames, ids, vehicle) for vehicle in vehicles}
    shown = [vehicle for vehicle in vehicles if looks[vehicle] is not None]
    out = frames.copy()
    if len(shown) < 2:
        return out
    for place in range(round(share * len(shown))):
        look = looks[shown[(place + 1) % len(shown)]]
        for frame in range(len(frames) // 2, len(frames)):
            own = _cut(frames[frame], ids[frame] == shown[place])
            if own is not None and look is not None:
                painted = look.scaled(*own.mask.shape)
                _paste(out[frame], _Cut(painted.rgb, own.mask, own.bottom, own.left))
    return out


def plate(frames: Frames, covered: Bool[np.ndarray, "t h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Return the picture without what covers it."""
    hidden = covered & ~covered.all(axis=0)
    values = np.where(hidden[..., None], np.nan, frames.astype(np.float32))
    return np.nanmedian(values, axis=0).round().astype(np.uint8)


def _largest(frames: Frames, ids: Ids, vehicle: int) -> _Cut | None:
    """Return a vehicle where most pixels show it, its gaps filled from the nearest of its own."""
    sizes = (ids == vehicle).sum(axis=(1, 2))
    cut = _cut(frames[sizes.argmax()], ids[sizes.argmax()] == vehicle)
    if cut is None:
        return None
    nearest = np.zeros((2, *cut.mask.shape), np.int32)
    ndimage.distance_transform_edt(
        ~cut.mask, return_distances=False, return_indices=True, indices=nearest
    )
    return _Cut(cut.rgb[nearest[0], nearest[1]], cut.mask, cut.bottom, cut.left)


def _cut(frame: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> _Cut | None:
    """Return what a mask shows of a frame, None where it shows nothing."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _Cut(frame[box], mask[box], int(rows[-1]) + 1, int(columns[0]))


def _paste(picture: UInt8[np.ndarray, "h w 3"], cut: _Cut) -> None:
    """Put a vehicle into a picture, in place; what lies outside the picture is left out."""
    rows, columns = np.nonzero(cut.mask)
    down, across = rows + cut.bottom - cut.mask.shape[0], columns + cut.left
    height, width = picture.shape[:2]
    inside = (down >= 0) & (down < height) & (across >= 0) & (across < width)
    picture[down[inside], across[inside]] = cut.rgb[rows[inside], columns[inside]]
