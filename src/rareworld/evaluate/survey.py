"""What a set's videos are like: size, rate, length, black bars, fine detail, compression.

A few clips of a set are opened and two frames of each decoded. Fine detail is the power spectrum
of brightness along rows and columns; blocking is how much larger steps of brightness are across
the lines of an 8-pixel grid than between them, which JPEG and coarse H.264 leave behind
(Wang, Bovik and Evans 2000, simplified). Proved in `tests/evaluate/test_survey.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np
from jaxtyping import Float, Float64, UInt8

from rareworld.core.seed import Seed
from rareworld.data.footage import frames_at, probe_footage
from rareworld.errors import FormatError
from rareworld.evaluate.sets import Clip, ClipSet

V = TypeVar("V")

CLIPS = 48
"""Most clips that are opened."""
PLACES = (0.25, 0.75)
"""Frames that are decoded, as parts of a clip's length."""
BANDS = 24
"""Of the spectrum, from 0 to 0.5 cycles per pixel."""
GRID = 8
"""Side of a block of JPEG and of H.264's large transform, in pixels."""
BLACK, FLAT = 24.0, 4.0
"""A border row or column is a bar if its mean and its spread of brightness are below these."""
MOST_BAR = 0.4
"""Bars are looked for up to this part of a side: a black picture has none."""


@final
@dataclass(frozen=True, kw_only=True)
class Look:
    """One clip, looked at."""

    size: tuple[int, int]
    """Width and height."""
    rate: float
    frames: int
    codec: str
    bits_per_pixel: float
    """Of the file."""
    bars: tuple[float, float, float, float]
    """Parts of the picture that are black at the top, bottom, left and right."""
    blocking: float
    """0: no steps along an 8-pixel grid; 0.1: steps are 10 % larger there."""
    spectrum: tuple[float, ...]
    """Log10 of the power in each band."""


@final
@dataclass(frozen=True, kw_only=True)
class Survey:
    """A set, by the clips that were looked at."""

    label: str
    clips: int
    looks: tuple[Look, ...]

    def counts(self, read: Callable[[Look], V]) -> Mapping[V, int]:
        """Return how many clips have each value of something, the most frequent first."""
        values = [read(look) for look in self.looks]
        return {v: values.count(v) for v in sorted(set(values), key=values.count, reverse=True)}

    def median(self, read: Callable[[Look], float]) -> float:
        """Return the median of something over the clips."""
        return float(np.median([read(look) for look in self.looks]))

    def spectrum(self) -> Float64[np.ndarray, " bands"]:
        """Return the mean log10 power of each band."""
        return np.mean([look.spectrum for look in self.looks], axis=0)

    def describe(self) -> dict[str, Any]:
        """Return the set in figures, as JSON types."""
        if not self.looks:
            return {"clips": self.clips, "looked_at": 0}
        return {
            "clips": self.clips,
            "looked_at": len(self.looks),
            "sizes": {f"{w}x{h}": n for (w, h), n in self.counts(lambda x: x.size).items()},
            "rates": {f"{rate:g}": n for rate, n in self.counts(lambda x: x.rate).items()},
            "codecs": dict(self.counts(lambda x: x.codec)),
            "median_frames": self.median(lambda x: x.frames),
            "median_bits_per_pixel": self.median(lambda x: x.bits_per_pixel),
            "median_blocking": self.median(lambda x: x.blocking),
            "spectrum_log10": [round(float(value), 4) for value in self.spectrum()],
        }


def survey(clips: ClipSet, seed: Seed, *, threads: int = 1) -> Survey:
    """Look at some clips of a set, drawn by the seed; those that cannot be read are passed over."""
    order = seed.generator().permutation(len(clips.clips))[:CLIPS]
    with ThreadPoolExecutor(threads, thread_name_prefix="survey") as pool:
        looks = list(pool.map(_look, [clips.clips[index] for index in sorted(order)]))
    found = tuple(look for look in looks if look is not None)
    return Survey(label=clips.label, clips=len(clips.clips), looks=found)


def _look(clip: Clip) -> Look | None:
    try:
        info = probe_footage(clip.path)
        times = [int(place * info.num_frames) / info.rate for place in PLACES]
        frames = list(frames_at(clip.path, times))
    except FormatError:
        return None  # told when its features are made
    pictures = [brightness(frame) for frame in frames]
    sides = bars(pictures)
    inside = [_inside(picture, sides) for picture in pictures]
    size = clip.path.stat().st_size
    return Look(
        size=(info.width, info.height),
        rate=float(info.rate),
        frames=info.num_frames,
        codec=info.codec,
        bits_per_pixel=8 * size / (info.width * info.height * info.num_frames),
        bars=sides,
        blocking=float(np.mean([blocking(picture) for picture in inside])),
        spectrum=tuple(np.mean([spectrum(picture) for picture in inside], axis=0).tolist()),
    )


def brightness(frame: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "h w"]:
    """Return luma of BT.601, 0 to 255."""
    return frame @ np.array([0.299, 0.587, 0.114])


def bars(pictures: Sequence[Float[np.ndarray, "h w"]]) -> tuple[float, float, float, float]:
    """Return the parts of all pictures that are black bars: top, bottom, left, right."""
    sides: list[float] = []
    for axis in (0, 1):
        lines = [picture if axis == 0 else picture.T for picture in pictures]
        dark = np.all([(p.mean(1) < BLACK) & (p.std(1) < FLAT) for p in lines], axis=0)
        for order in (dark, dark[::-1]):
            width = len(order) if order.all() else int(np.argmin(order))
            sides.append(width / len(order) if width < MOST_BAR * len(order) else 0.0)
    return (sides[0], sides[1], sides[2], sides[3])


def _inside(
    picture: Float[np.ndarray, "h w"], sides: tuple[float, float, float, float]
) -> Float[np.ndarray, "y x"]:
    """Return a picture without its bars."""
    height, width = picture.shape
    top, bottom = round(sides[0] * height), height - round(sides[1] * height)
    left, right = round(sides[2] * width), width - round(sides[3] * width)
    return picture[top:bottom, left:right]


def blocking(picture: Float[np.ndarray, "h w"]) -> float:
    """Return how much larger steps across an 8-pixel grid are than between, along both axes."""
    out: list[float] = []
    for plane in (picture, picture.T):
        steps = np.abs(np.diff(plane, axis=1)).mean(axis=0)
        whole = steps[: len(steps) // GRID * GRID].reshape(-1, GRID)
        whole = np.median(whole, axis=0)  # not the mean: an edge of an object is no grid
        middle = float(np.median(whole))
        out.append(float(whole.max()) / middle - 1 if middle > 0 else 0.0)
    return float(np.mean(out))


def spectrum(picture: Float[np.ndarray, "h w"]) -> Float64[np.ndarray, " bands"]:
    """Return log10 of the mean power in bands of frequency, along rows and columns together."""
    total = np.zeros(BANDS)
    for plane in (picture, picture.T):
        window = np.hanning(plane.shape[1])
        lines = (plane - plane.mean(axis=1, keepdims=True)) * window
        power = (np.abs(np.fft.rfft(lines, axis=1)) ** 2).mean(axis=0) / (window**2).sum()
        place = np.fft.rfftfreq(plane.shape[1]) * 2 * BANDS
        band = np.minimum(place.astype(np.int64), BANDS - 1)
        counts = np.maximum(np.bincount(band, minlength=BANDS), 1)
        total += np.bincount(band, power, minlength=BANDS) / counts
    return np.log10(total / 2 + 1e-6)
