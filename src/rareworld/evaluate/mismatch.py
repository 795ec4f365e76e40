"""Differences of two sets that move every number and are not what anybody means to measure.

A set that is scaled, compressed, cut or timed otherwise than the other is far from it whatever the
generator does; published gaps between models are often no larger (Parmar et al. 2022). Such
differences are named, not repaired. Proved in `tests/evaluate/test_mismatch.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.evaluate.survey import BANDS, Survey

RATE, ASPECT, LENGTH, BAR = 0.01, 0.02, 0.1, 0.02
"""Relative differences that are named; of bars, parts of the picture."""
BITS = 3.0
"""Ratio of bits per pixel that is named."""
BLOCKING = 0.1
"""Difference of steps along an 8-pixel grid that is named."""
DETAIL = 0.5
"""Difference of log10 power in fine against coarse detail that is named: 5 dB."""
COARSE, FINE = slice(BANDS // 12, BANDS // 3), slice(2 * BANDS // 3, BANDS)
"""Bands from 0.04 to 0.17 and from 0.33 to 0.5 cycles per pixel."""


@final
@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One difference, named."""

    kind: str
    """`size`, `rate`, `length`, `bars`, `detail`, `blocking`, `compression` or `codec`."""
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def compare(real: Survey, made: Survey) -> tuple[Mismatch, ...]:
    """Return what differs between two sets."""
    if not real.looks or not made.looks:
        return ()
    checks = (_size, _rate, _length, _bars, _detail, _blocking, _compression)
    return tuple(found for check in checks if (found := check(real, made)) is not None)


def mixed(survey: Survey) -> tuple[Mismatch, ...]:
    """Return what differs inside one set."""
    out: list[Mismatch] = []
    sizes = survey.counts(lambda look: f"{look.size[0]}x{look.size[1]}")
    rates = survey.counts(lambda look: f"{look.rate:g} fps")
    for kind, counts, cure in (
        ("size", sizes, "scale them to one size"),
        ("rate", rates, "bring them to one rate: a step of a frame means another time in each"),
    ):
        if len(counts) > 1:
            told = ", ".join(f"{name} ({count})" for name, count in list(counts.items())[:4])
            out.append(Mismatch(kind=kind, text=f"{survey.label} clips are mixed: {told}; {cure}"))
    return tuple(out)


def _size(real: Survey, made: Survey) -> Mismatch | None:
    a, b = (next(iter(s.counts(lambda look: look.size))) for s in (real, made))
    if a == b:
        return None
    text = f"{real.label} clips are {a[0]}x{a[1]}, {made.label} {b[0]}x{b[1]}"
    shapes = a[0] / a[1], b[0] / b[1]
    if abs(shapes[0] / shapes[1] - 1) > ASPECT:
        text += "; their shapes differ too, and networks squash both to a square"
    return Mismatch(kind="size", text=text + "; scale both alike before they are compared")


def _rate(real: Survey, made: Survey) -> Mismatch | None:
    a, b = (s.median(lambda look: look.rate) for s in (real, made))
    if abs(a / b - 1) <= RATE:
        return None
    return Mismatch(
        kind="rate",
        text=f"{real.label} clips have {a:g} fps, {made.label} {b:g}: equal numbers of frames "
        "last differently, so motion looks faster in one; bring both to one rate",
    )


def _length(real: Survey, made: Survey) -> Mismatch | None:
    a, b = (s.median(lambda look: look.frames / look.rate) for s in (real, made))
    if abs(a / b - 1) <= LENGTH:
        return None
    return Mismatch(
        kind="length",
        text=f"{real.label} clips last {a:.2f} s, {made.label} {b:.2f} s (median); cut both alike, "
        "as every frame of longer clips is looked at by metrics of pictures",
    )


def _bars(real: Survey, made: Survey) -> Mismatch | None:
    names = ("top", "bottom", "left", "right")
    told = []
    for side, name in enumerate(names):
        a, b = (s.median(lambda look, side=side: look.bars[side]) for s in (real, made))
        if abs(a - b) > BAR:
            told.append(f"{name} {100 * a:.0f} % and {100 * b:.0f} %")
    if not told:
        return None
    return Mismatch(
        kind="bars",
        text=f"black bars of {real.label} and {made.label} clips differ: {', '.join(told)} of the "
        "picture; cut them off",
    )


def _detail(real: Survey, made: Survey) -> Mismatch | None:
    """Compare fine with coarse detail where both sets have one size."""
    a, b = (next(iter(s.counts(lambda look: look.size))) for s in (real, made))
    gap = real.spectrum() - made.spectrum()
    fine = float(gap[FINE].mean() - gap[COARSE].mean())
    if a != b or abs(fine) <= DETAIL:
        return None
    poor, rich = (made.label, real.label) if fine > 0 else (real.label, made.label)
    return Mismatch(
        kind="detail",
        text=f"{poor} clips have {abs(10 * fine):.0f} dB less fine detail than {rich} (above 0.33 "
        f"cycles per pixel){_cut(abs(gap - np.median(gap[COARSE])))}: blurred, scaled up from "
        "fewer pixels, or compressed harder; treat both alike, or the number measures that",
    )


def _cut(gap: np.ndarray) -> str:
    """Return from how many pixels a set may be scaled up, if it breaks off at a frequency."""
    lost = gap > DETAIL
    first = int(np.argmax(lost))
    if not lost.any() or not lost[first:].all():
        return ""
    return f", breaking off at {first / BANDS:.0%} of the finest"


def _blocking(real: Survey, made: Survey) -> Mismatch | None:
    a, b = (s.median(lambda look: look.blocking) for s in (real, made))
    if abs(a - b) <= BLOCKING:
        return None
    more = made.label if b > a else real.label
    return Mismatch(
        kind="blocking",
        text=f"{more} clips show an 8-pixel grid as of JPEG or coarse H.264 (steps on it "
        f"{100 * max(a, b):.0f} % larger, in the other set {100 * min(a, b):.0f} %); compress both "
        "alike",
    )


def _compression(real: Survey, made: Survey) -> Mismatch | None:
    a, b = (s.median(lambda look: look.bits_per_pixel) for s in (real, made))
    codecs = [next(iter(s.counts(lambda look: look.codec))) for s in (real, made)]
    ratio = max(a, b) / max(min(a, b), 1e-9)
    if ratio <= BITS and codecs[0] == codecs[1]:
        return None
    return Mismatch(
        kind="compression",
        text=f"{real.label} clips are {codecs[0]} of {a:.3f} bits per pixel, {made.label} "
        f"{codecs[1]} of {b:.3f}; write both with one encoder and one quality",
    )
