"""What moves in front of a background that does not: masks and blobs, frame by frame.

The background is each pixel's median over time, the threshold its own noise (median absolute
deviation) and a floor of contrast, with hysteresis (Canny 1986): a weak region counts if it has a
strong pixel. Where a thing stood for most of the clip and then left, the median shows the thing;
such ghosts are told by their outline, which is in the background and not in the frame (Cucchiara
et al. 2003), and the background is mended. Works from a few frames on; proved in
`tests/evaluate/fixed_camera/test_foreground.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast, final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from scipy import ndimage

from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.working import Working

_MOST_FRAMES = 31
"""Frames the median is taken over; more change it little."""
_MAX_NOISE = 8.0
"""Grey levels: more is traffic, not noise."""
_WEAK = 0.5
"""Weak threshold as a share of the strong one."""
_GHOST_EDGE = 1.15
"""A ghost's outline is so much stronger in the background than in the frame."""
_DARKEST, _LIGHTEST = 0.15, 0.85
"""Brightness of a cast shadow against the lit ground."""
_SHADOW_WARMER, _SHADOW_BLUER = 0.1, 0.7
"""A shadow keeps the ground's colour or turns towards blue: it is lit by the sky alone."""
_SHADOW_TEXTURE = 0.1
"""Local unevenness of the ratio: a thing has texture of its own."""
_LEAST_LIT = 0.45
"""With a smaller share left, it is a dark thing and no shadow."""
_LEAST_PART = 0.2
_SQUARE = np.ones((3, 3), bool)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
_GHOST_FRAMES = 3
"""Bare ground stays bare; what was taken for a ghost once or twice was a thing on its way."""
_IN_FRAME = np.zeros((3, 3, 3), bool)
_IN_FRAME[1] = True  # neighbours within a frame only


@final
@dataclass(frozen=True, kw_only=True)
class Blob:
    """One moving region of one frame, in working pixels."""

    frame: int
    box: Float[np.ndarray, "4"]
    """x_min, y_min, x_max, y_max; the last two just outside."""
    centre: Float[np.ndarray, "2"]
    """Centroid of its pixels, (x, y)."""
    area: float
    clipped: bool
    """Whether it touches the border of the picture."""

    @property
    def size(self) -> float:
        """Geometric mean of width and height."""
        return float(np.sqrt(np.prod(self.box[2:] - self.box[:2])))

    @property
    def diagonal(self) -> float:
        """Diagonal of the box."""
        return float(np.hypot(*(self.box[2:] - self.box[:2])))


@final
@dataclass(frozen=True)
class Foreground:
    """Blobs of every frame and the background they moved over."""

    blobs: tuple[tuple[Blob, ...], ...]
    background: Float32[np.ndarray, "h w 3"]
    mask: Bool[np.ndarray, "t h w"]


def find_foreground(clip: Working, config: FixedCameraConfig) -> Foreground:
    """Return what moves in a clip whose camera stands still."""
    background = _median(clip.pixels)
    mask = _moving(clip.pixels, background, config)
    labels, count = _labelled(mask, clip, config)
    ghosts = _ghosts(clip.luma, background, labels, count)
    if ghosts.any():
        background = _mended(clip.pixels, background, ghosts)
        mask = _moving(clip.pixels, background, config)
        labels, count = _labelled(mask, clip, config)
    return Foreground(_blobs(clip, background, labels), background, labels > 0)


def _median(pixels: Float32[np.ndarray, "t h w 3"]) -> Float32[np.ndarray, "h w 3"]:
    """Return the median over time, to half a grey level."""
    chosen = np.linspace(0, len(pixels) - 1, min(len(pixels), _MOST_FRAMES)).round().astype(int)
    levels = np.round(pixels[chosen]).astype(np.uint8)
    return np.median(levels, axis=0).astype(np.float32)


def number_regions(
    mask: Bool[np.ndarray, "*size"], neighbours: Bool[np.ndarray, "*around"]
) -> tuple[Int[np.ndarray, "*size"], int]:
    """Return connected regions numbered from 1, and how many there are."""
    labels = np.zeros(mask.shape, np.int32)
    count = cast(int, ndimage.label(mask, neighbours, output=labels))
    return labels, count


def _moving(
    pixels: Float32[np.ndarray, "t h w 3"],
    background: Float32[np.ndarray, "h w 3"],
    config: FixedCameraConfig,
) -> Bool[np.ndarray, "t h w"]:
    """Return the strong pixels and the weak regions around them, gaps closed."""
    difference = np.zeros(pixels.shape[:3], np.float32)
    for channel in range(3):
        change = pixels[..., channel] - background[..., channel]
        np.maximum(difference, np.abs(change, out=change), out=difference)
    noise = np.minimum(1.4826 * np.quantile(difference, 0.5, axis=0), _MAX_NOISE)
    strong = np.maximum(config.contrast, config.noise_factor * noise)
    strong = strong.astype(np.float32) * 2
    weak = _closed(difference > strong * _WEAK)
    labels, count = number_regions(weak, _IN_FRAME)
    keep = np.zeros(count + 1, bool)
    keep[labels[difference > strong]] = True
    keep[0] = False
    return keep[labels]


def _closed(mask: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
    """Return the mask opened by a cross (specks go), then closed by a 3 x 3 square (gaps go)."""
    return _shrunk(_grown(_opened(mask)))


def _opened(mask: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
    """Return the pixels with at least three of eight neighbours set: a median of 3 x 3 nearly."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)), mode="edge").astype(np.uint8)
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) >= 5


def _grown(mask: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    return rows[..., :-2] | rows[..., 1:-1] | rows[..., 2:]


def _shrunk(mask: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
    return ~_grown(~np.pad(mask, ((0, 0), (1, 1), (1, 1)), mode="edge"))[:, 1:-1, 1:-1]


def _labelled(
    mask: Bool[np.ndarray, "t h w"], clip: Working, config: FixedCameraConfig
) -> tuple[Int[np.ndarray, "t h w"], int]:
    """Number the regions that are large enough."""
    labels, count = number_regions(mask, _IN_FRAME)
    least = config.min_area_share * clip.size[0] * clip.size[1]
    large = np.bincount(labels.ravel(), minlength=count + 1) >= least
    large[0] = False
    numbers = np.where(large, np.cumsum(large), 0)
    return numbers[labels], int(large.sum())


def _ghosts(
    luma: Float32[np.ndarray, "t h w"],
    background: Float32[np.ndarray, "h w 3"],
    labels: Int[np.ndarray, "t h w"],
    count: int,
) -> Bool[np.ndarray, "t h w"]:
    """Return the pixels of regions that show bare ground where the background shows a thing."""
    if not count:
        return np.zeros(labels.shape, bool)
    behind = (background @ np.array([0.299, 0.587, 0.114], np.float32))[None]
    inside = labels > 0
    rim = inside & ~_shrunk(inside) | (_grown(inside) & ~inside)
    near = labels + np.where(inside, 0, ndimage.maximum_filter(labels, (1, 3, 3)))
    at = near[rim]
    frame_edge = np.bincount(at, _steepness(luma)[rim], count + 1)
    behind_steep = np.broadcast_to(_steepness(behind), luma.shape)
    behind_edge = np.bincount(at, behind_steep[rim], count + 1)
    ghost = behind_edge > _GHOST_EDGE * frame_edge
    ghost[0] = False
    return ghost[labels]


def _steepness(luma: Float32[np.ndarray, "t h w"]) -> Float32[np.ndarray, "t h w"]:
    """Return the sum of the sizes of both central differences."""
    out = np.zeros_like(luma)
    out[:, 1:-1] += np.abs(luma[:, 2:] - luma[:, :-2])
    out[:, :, 1:-1] += np.abs(luma[:, :, 2:] - luma[:, :, :-2])
    return out


def _mended(
    pixels: Float32[np.ndarray, "t h w 3"],
    background: Float32[np.ndarray, "h w 3"],
    ghosts: Bool[np.ndarray, "t h w"],
) -> Float32[np.ndarray, "h w 3"]:
    """Return the background with the mean of the ghost frames where ghosts were seen for long.

    Ground is bare before a thing comes to stand on it or after it leaves: to the clip's first or
    last frame.
    """
    times = ghosts.sum(0)
    where = (times >= max(_GHOST_FRAMES, len(ghosts) // 5)) & (ghosts[0] | ghosts[-1])
    shown = (pixels * ghosts[..., None]).sum(0)
    out = background.copy()
    out[where] = shown[where] / times[where][:, None]
    return out


def _blobs(
    clip: Working, background: Float32[np.ndarray, "h w 3"], labels: Int[np.ndarray, "t h w"]
) -> tuple[tuple[Blob, ...], ...]:
    out: list[list[Blob]] = [[] for _ in range(len(labels))]
    for number, (moment, rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        frame = int(moment.start)
        region = labels[frame, rows, columns] == number
        shadow = cast_shadow(clip.pixels[frame, rows, columns], background[rows, columns])
        for part in _things(region, region & ~shadow):
            out[frame].append(_blob(clip, frame, part, (columns.start, rows.start)))
    return tuple(tuple(blobs) for blobs in out)


def cast_shadow(
    seen: Float32[np.ndarray, "h w 3"], behind: Float32[np.ndarray, "h w 3"]
) -> Bool[np.ndarray, "h w"]:
    """Return the pixels that are the background, evenly darkened: same colour, same texture."""
    ratio = (seen + 2) / (behind + 2)
    dimming = ratio.mean(-1)
    red, green, blue = (ratio[..., channel] / dimming for channel in range(3))
    warm = np.maximum(red - green, green - blue) > _SHADOW_WARMER
    coloured = warm | (blue - red > _SHADOW_BLUER)
    mean = ndimage.uniform_filter(dimming, 3)
    rough = ndimage.uniform_filter(dimming**2, 3) - mean**2 > (_SHADOW_TEXTURE * mean) ** 2
    core = (dimming > _DARKEST) & (dimming < _LIGHTEST) & ~coloured & ~rough
    core = ndimage.binary_opening(core, _SQUARE)
    rim = ndimage.binary_dilation(core, _SQUARE, iterations=2) & (dimming < 1.05) & ~warm
    return core | rim


def _things(
    region: Bool[np.ndarray, "h w"], lit: Bool[np.ndarray, "h w"]
) -> Iterator[Bool[np.ndarray, "h w"]]:
    """Yield the parts of a region that are no shadow; the whole if little else is left of it."""
    solid = ndimage.binary_opening(lit, iterations=1)
    if solid.sum() < _LEAST_LIT * region.sum():
        yield region
        return
    groups, count = number_regions(ndimage.binary_dilation(solid, _SQUARE, iterations=2), _CROSS)
    least = _LEAST_PART * int(solid.sum())
    for number in range(1, count + 1):
        part = np.logical_and(solid, groups == number)
        if part.sum() >= least:
            yield part


def _blob(
    clip: Working, frame: int, part: Bool[np.ndarray, "h w"], corner: tuple[int, int]
) -> Blob:
    y, x = np.nonzero(part)
    left, top = corner
    box = np.array([x.min() + left, y.min() + top, x.max() + left + 1, y.max() + top + 1], float)
    h, w = clip.size
    return Blob(
        frame=frame,
        box=box,
        centre=np.array([x.mean() + left + 0.5, y.mean() + top + 0.5]),
        area=float(len(x)),
        clipped=bool(box[0] <= 1 or box[1] <= 1 or box[2] >= w - 1 or box[3] >= h - 1),
    )
