"""What is drawn to tell how sure a number is: resamples, halves of the real set, smaller sets.

**Interval.** Both sets are drawn anew with replacement, clip by clip: frames of one clip are not
independent, so a clip goes as a whole (Efron and Tibshirani 1993; of recordings, cluster
bootstrap). A distance of resamples is larger than that of the sets, because a resample has fewer
different clips and distances grow with 1 / N. That growth is taken off: the interval is the
resamples' quantiles moved so that their mean is the number. It is an interval for the number
expected at this N, not for the distance of infinitely many clips.

**Floor.** The number of two random halves of the real set, no recording in both: what a perfect
generator would score at that N. Beside it stands the generated set's number at the same N.

**Size.** The number of random parts of both sets, fitted as a + b / N (Chong and Forsyth 2020):
`a` is where infinitely many clips would be. It holds where N is well above the width of a row.

Proved in `tests/evaluate/test_sampling.py`: coverage on Gaussians, floors, known limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float64, Int64

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.evaluate.pairs import Clips, Pair
from rareworld.evaluate.tables import FeatureTable

Unit = Literal["clip", "recording"]

FRACTIONS = (0.25, 0.35, 0.5, 0.7, 1.0)
"""Parts of both sets that the fit against 1 / N looks at."""
DRAWS_OF_SIZE = 4
"""Random parts of each size."""
TRIES = 20
"""Orders of recordings tried for two halves of equal size."""


@final
@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where the number would fall if the experiment were repeated."""

    low: float
    high: float


@final
@dataclass(frozen=True, kw_only=True)
class Floor:
    """What real video scores against real video."""

    value: float
    """Mean over the splits."""
    low: float
    """Smallest of the splits."""
    high: float
    """Largest of the splits."""
    num_clips: int
    """Clips of each half."""
    splits: int
    number: float
    """The generated set's number at that many clips, mean over the splits."""
    shared: bool
    """Halves hold clips of one recording, as there were too few recordings: the floor is low."""


def draw(tables: Sequence[FeatureTable], unit: Unit, seed: Seed) -> list[Clips]:
    """Return how often each clip was drawn, in a bootstrap of clips or of recordings.

    Clips of one name (recordings, if these are drawn) are drawn as often in all tables. At least
    two different clips are drawn of each; a set of one clip has no resample.
    """
    generator = seed.generator()
    units = [table.names if unit == "clip" else table.groups for table in tables]
    names, place = np.unique(np.concatenate(units), return_inverse=True)
    ends = np.cumsum([len(one) for one in units])[:-1]
    share = np.full(len(names), 1 / len(names))
    while True:
        counts = generator.multinomial(len(names), share)[place].astype(np.float64)
        out = np.split(counts, ends)
        if all(np.count_nonzero(one) > 1 for one in out):
            return out


def require_clips(table: FeatureTable, what: str, unit: Unit = "clip") -> None:
    """Check that a set can be drawn from.

    Raises:
        ConfigError: If it has fewer than two clips, or recordings where these are drawn.
    """
    if table.num_clips < 2:
        raise ConfigError(
            f"{what}: a distribution needs at least two clips, found {table.num_clips}; "
            "give more clips"
        )
    if unit == "recording" and len(set(table.groups)) < 2:
        raise ConfigError(
            f"{what}: recordings are to be drawn and all clips are of one; set "
            "intervals.unit=clip, or give clips of more recordings"
        )


def interval(value: float, resampled: Float64[np.ndarray, " r"], level: float) -> Interval:
    """Return the quantiles of resamples, moved so that their mean is the number."""
    return _quantiles(resampled + (value - resampled.mean()), level)


@final
@dataclass(frozen=True, kw_only=True)
class Drop:
    """How far a number fell from one generated set to another, against the same real set."""

    difference: Interval
    """Of before less after."""
    percent: float | None
    """Of the number before; None if that is not above zero."""
    share: Interval | None
    """Of the percentage; None if resamples of the number before reach zero."""


def drop(
    before: float,
    after: float,
    resampled: tuple[Float64[np.ndarray, " r"], Float64[np.ndarray, " r"]],
    level: float,
) -> Drop:
    """Compare two numbers whose resamples share what is common to them."""
    first, second = (
        values + (number - values.mean())
        for number, values in zip((before, after), resampled, strict=True)
    )
    percent = 100 * (1 - after / before) if before > 0 else None
    share = None
    if percent is not None and first.min() > 0:
        share = _quantiles(100 * (1 - second / first), level)
    return Drop(difference=_quantiles(first - second, level), percent=percent, share=share)


def _quantiles(values: Float64[np.ndarray, " r"], level: float) -> Interval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=float(low), high=float(high))


def floor(pair: Pair, splits: int, seed: Seed) -> Floor | None:
    """Return what halves of the real set score; None where they have fewer than two clips."""
    size = min(pair.real.num_clips // 2, pair.made.num_clips)
    if size < 2 or not splits:
        return None
    numbers: list[float] = []
    values: list[float] = []
    shared = False
    for index in range(splits):
        generator = seed.child(index).generator()
        a, b, mixed = halves(pair.real, size, generator)
        shared |= mixed
        values.append(pair.among_real(a, b))
        numbers.append(pair.counted(a, _some(pair.made, size, generator)))
    return Floor(
        value=float(np.mean(values)), low=min(values), high=max(values), num_clips=size,
        splits=splits, number=float(np.mean(numbers)), shared=shared,
    )  # fmt: skip


def halves(
    table: FeatureTable, size: int, generator: np.random.Generator
) -> tuple[Clips, Clips, bool]:
    """Return two parts of so many clips each, and whether they share a recording.

    Whole recordings go to one side or the other; where no order of them leaves enough clips on
    both sides, clips are dealt out whatever their recording.
    """
    _, group = np.unique(np.asarray(table.groups), return_inverse=True)
    for _ in range(TRIES):
        place = generator.permutation(int(group.max()) + 1)[group]
        clips = np.argsort(place, kind="stable")
        ends = [int(end) for end in np.flatnonzero(np.diff(place[clips])) + 1]
        fitting = [end for end in ends if size <= end <= len(clips) - size]
        if fitting:
            cut = fitting[len(fitting) // 2]
            sides = (
                generator.choice(side, size, replace=False) for side in (clips[:cut], clips[cut:])
            )
            a, b = (_ones(table, side) for side in sides)
            return a, b, False
    mixed = generator.permutation(table.num_clips)
    return _ones(table, mixed[:size]), _ones(table, mixed[size : 2 * size]), True


def _ones(table: FeatureTable, index: Int64[np.ndarray, " k"]) -> Clips:
    out = np.zeros(table.num_clips)
    out[index] = 1
    return out


def _some(table: FeatureTable, size: int, generator: np.random.Generator) -> Clips:
    return _ones(table, generator.choice(table.num_clips, size, replace=False))


def at_infinity(pair: Pair, value: float, seed: Seed) -> float:
    """Return the number fitted to infinitely many clips of both sets.

    Least squares of a + b / part over parts of both sets, from a quarter to the whole.
    """
    parts: list[float] = []
    numbers: list[float] = []
    for part in FRACTIONS[:-1]:
        sizes = [max(round(part * t.num_clips), 2) for t in (pair.real, pair.made)]
        for index in range(DRAWS_OF_SIZE):
            generator = seed.child(str(part), index).generator()
            real, made = (
                _some(t, size, generator)
                for t, size in zip((pair.real, pair.made), sizes, strict=True)
            )
            parts.append(1 / part)
            numbers.append(pair.counted(real, made))
    parts += [1.0] * DRAWS_OF_SIZE
    numbers += [value] * DRAWS_OF_SIZE
    start, _ = np.polynomial.polynomial.polyfit(parts, numbers, 1)
    return float(start)
