"""Scores of generated clips against what truly happened, by frame index and over the set.

Frames the model was given are left out: what the tokenizer makes of the true ones
would raise every mean. Scores fall with time as futures part, so each index is shown on its own.
Many futures are right where one is true: these scores say how close, not how real.
Proved in `tests/evaluate/paired/test_scores.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import final

import numpy as np
from jaxtyping import Float, UInt8

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.evaluate.paired.ssim import psnr, ssim

Clip = UInt8[np.ndarray, "t h w 3"]
Named = tuple[str, UInt8[np.ndarray, "_ _ _ 3"]]
"""Name and frames (time, height, width, colour) of a clip; sizes are checked, not assumed."""
Lpips = Callable[
    [UInt8[np.ndarray, "t h w 3"], UInt8[np.ndarray, "t h w 3"]], Float[np.ndarray, "t"]
]
"""Takes frames of both clips, returns the distance of each pair of frames."""
_RESAMPLES = 2000
_EQUAL_DB = 100.0
"""PSNR of equal frames, which is infinite, within means (as is usual in video coding)."""


@final
@dataclass(frozen=True, kw_only=True)
class FrameScores:
    """Scores of one clip; the first row is frame `conditioned`."""

    name: str
    psnr_db: Float[np.ndarray, "k"]
    ssim: Float[np.ndarray, "k"]
    lpips: Float[np.ndarray, "k"] | None


@final
@dataclass(frozen=True, kw_only=True)
class PairedScores:
    """Scores of a set."""

    conditioned: int
    """Frames left out at the start of every clip, because they were given."""
    clips: tuple[FrameScores, ...]

    def by_frame(self, measure: str) -> Float[np.ndarray, "k"]:
        """Return the mean over clips at each frame from `conditioned` on; clips may end sooner."""
        curves = self._curves(measure)
        longest = max(len(curve) for curve in curves)
        padded = np.full((len(curves), longest), np.nan)
        for row, curve in zip(padded, curves, strict=True):
            row[: len(curve)] = curve
        return np.nanmean(padded, axis=0)

    def interval(self, measure: str, *, seed: int = 0) -> tuple[float, float, float]:
        """Return the mean over clips of their mean, and its 95 % bootstrap interval over clips."""
        means = np.array([curve.mean() for curve in self._curves(measure)])
        draws = Seed(seed).child("paired", measure).generator()
        picks = draws.integers(len(means), size=(_RESAMPLES, len(means)))
        low, high = np.percentile(means[picks].mean(1), [2.5, 97.5])
        return float(means.mean()), float(low), float(high)

    def measures(self) -> tuple[str, ...]:
        """Return the names of the scores there are."""
        return ("psnr_db", "ssim") if self.clips[0].lpips is None else ("psnr_db", "ssim", "lpips")

    def _curves(self, measure: str) -> list[Float[np.ndarray, "k"]]:
        if measure not in self.measures():
            raise ConfigError(
                f"no paired score {measure!r}; there are {', '.join(self.measures())}"
            )
        curves = {
            "psnr_db": [np.minimum(clip.psnr_db, _EQUAL_DB) for clip in self.clips],
            "ssim": [clip.ssim for clip in self.clips],
            "lpips": [clip.lpips for clip in self.clips if clip.lpips is not None],
        }
        return curves[measure]


def paired_scores(
    generated: Iterable[Named],
    truth: Iterable[Named],
    conditioned: int = 1,
    lpips: Lpips | None = None,
) -> PairedScores:
    """Compare clips one by one with the true ones of the same names, in the same order.

    Args:
        generated: Name and frames of each generated clip.
        truth: The same of the true clips; frames past the shorter of two clips are left out.
        conditioned: Frames at the start that the model was given: not scored.
        lpips: Distance of frames, or None for no LPIPS.

    Raises:
        ConfigError: If names or sizes differ, a clip has no frame left to score, or there is none.
    """
    if conditioned < 0:
        raise ConfigError(f"conditioned must be 0 or more, found {conditioned}; correct it")
    clips = [
        _clip_scores(made, real, conditioned, lpips) for made, real in _together(generated, truth)
    ]
    if not clips:
        raise ConfigError("paired scores need at least one pair of clips, found none; give clips")
    return PairedScores(conditioned=conditioned, clips=tuple(clips))


def _together(generated: Iterable[Named], truth: Iterable[Named]) -> Iterator[tuple[Named, Named]]:
    """Yield pairs; the sets must be of one length."""
    for number, (made, real) in enumerate(zip_longest(generated, truth)):
        if made is None or real is None:
            short, long = ("generated", "true") if made is None else ("true", "generated")
            raise ConfigError(
                f"paired scores need one true clip for each generated one; {short} clips end "
                f"after {number}, {long} clips go on; give as many"
            )
        yield made, real


def _clip_scores(
    generated: Named, truth: Named, conditioned: int, lpips: Lpips | None
) -> FrameScores:
    (name, made), (true_name, real) = generated, truth
    if name != true_name:
        raise ConfigError(
            f"generated clip {name!r} stands beside true clip {true_name!r}; bring both into order"
        )
    frames = min(len(made), len(real))
    if frames <= conditioned:
        raise ConfigError(
            f"clip {name!r} has {frames} frames in common with the truth and {conditioned} were "
            "given: nothing is left to score; give longer clips"
        )
    made, real = made[conditioned:frames], real[conditioned:frames]
    return FrameScores(
        name=name,
        psnr_db=np.array([psnr(a, b) for a, b in zip(made, real, strict=True)]),
        ssim=np.array([ssim(a, b) for a, b in zip(made, real, strict=True)]),
        lpips=None if lpips is None else _distances(name, lpips(made, real), len(made)),
    )


def _distances(name: str, values: Float[np.ndarray, "m"], frames: int) -> Float[np.ndarray, "m"]:
    if len(values) != frames or not np.isfinite(values).all():
        raise ConfigError(
            f"clip {name!r}: LPIPS must give one finite number per frame, {frames} of them, found "
            f"{len(values)} of which {int(np.isfinite(values).sum())} finite; correct the callable"
        )
    return values


def paired_rows(scores: PairedScores) -> list[dict[str, str | float | int]]:
    """Return a row per score for a table.

    Keys: measure, better, value, low, high (95 % bootstrap over clips), clips, conditioned, first
    and last (mean over clips at the first and last scored frame) and says.
    """
    says = {
        "psnr_db": ("higher", "closeness of pixels to what truly happened, in dB"),
        "ssim": ("higher", "closeness of local structure, 1 is equal"),
        "lpips": ("lower", "distance of deep features, 0 is equal"),
    }
    rows: list[dict[str, str | float | int]] = []
    for measure in scores.measures():
        value, low, high = scores.interval(measure)
        curve = scores.by_frame(measure)
        better, meaning = says[measure]
        row: dict[str, str | float | int] = {"measure": measure, "better": better}
        row |= {"value": value, "low": low, "high": high, "clips": len(scores.clips)}
        row |= {"first": float(curve[0]), "last": float(curve[-1])}
        row |= {"conditioned": scores.conditioned, "says": f"{meaning}; given frames not counted"}
        rows.append(row)
    return rows
