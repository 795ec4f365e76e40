"""One protocol on two or three sets: numbers with floor and interval, and their comparison.

Proved in `tests/evaluate/test_measure.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from jaxtyping import Float64

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.distances import Gaussian, fit, frechet
from rareworld.evaluate.features import Tell
from rareworld.evaluate.inputs import BASELINE, GENERATED, REAL, Inputs, Side
from rareworld.evaluate.pairs import Pair, pair_of
from rareworld.evaluate.protocols import Frechet, MetricProtocol, Mmd
from rareworld.evaluate.results import Comparison, Number
from rareworld.evaluate.sampling import (
    Floor,
    at_infinity,
    draw,
    drop,
    floor,
    interval,
    require_clips,
)
from rareworld.evaluate.stored import UNTOLD, Statistics
from rareworld.evaluate.tables import FeatureTable

Resampled = Float64[np.ndarray, " _"]
"""A number over resamples."""

WIDE = 1000
"""Gaussians of more values a row take long to resample."""
RESAMPLES, RESAMPLES_WIDE = 1000, 200
UNEQUAL = 0.1
"""Share by which the sizes of two generated sets may differ before a distance with a bias of about
1 / N is no longer compared: at 60 and 200 clips of one kind it alone looks like a fall of 60 %."""
PAIRED = 0.5
"""Share of common names from which clips of two generated sets are drawn together."""
STYLEGAN_CLIPS = 2048
"""Clips of each set in `fvd2048_16f`."""


@final
@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one protocol finds."""

    numbers: tuple[Number, ...]
    comparison: Comparison | None = None


def measure(inputs: Inputs, protocol: MetricProtocol) -> Measured:
    """Return a protocol's numbers; what a reader must know goes to the inputs' warnings.

    Raises:
        FormatError: If no clip of a set can be read.
        ConfigError: If a set has fewer than two clips, or does not fit the protocol.
    """
    real = inputs.side(REAL, protocol)
    made = [inputs.side(label, protocol) for label in inputs.sets if label != REAL]
    bouts = [_Bout(real, side, protocol, inputs.config, inputs.device) for side in made]
    for side in (real, *made):
        _check(side, inputs, protocol)
    for bout in bouts:
        bout.require_fit()
        _check_weights(bout, inputs)
    resampled = _resample(bouts, inputs.config, inputs.tell)
    numbers = tuple(
        _number(bout, values, inputs) for bout, values in zip(bouts, resampled, strict=True)
    )
    for number in numbers:
        _doubts(number, inputs)
    compared = _compare(bouts, numbers, resampled, inputs) if len(bouts) > 1 else None
    return Measured(numbers=numbers, comparison=compared)


@final
@dataclass(frozen=True)
class _Bout:
    """The real set against one generated set."""

    real: Side
    made: Side
    protocol: MetricProtocol
    config: EvaluateConfig
    device: torch.device

    @cached_property
    def pair(self) -> Pair | None:
        """Both sets with rows; None where there are statistics only."""
        real, made = self.real.content, self.made.content
        if isinstance(real, Statistics) or isinstance(made, Statistics):
            return None
        return pair_of(real, made, self.protocol.distance, self.device)

    @cached_property
    def gaussians(self) -> tuple[Gaussian, Gaussian] | None:
        """Both sets' Gaussians, if the protocol compares these."""
        distance = self.protocol.distance
        if not isinstance(distance, Frechet):
            return None
        real, made = (
            side.content.gaussian(self.device)
            if isinstance(side.content, Statistics)
            else fit(side.content, distance.ddof, device=self.device)
            for side in (self.real, self.made)
        )
        return real, made

    @cached_property
    def value(self) -> float:
        """The number, as the protocol has it."""
        if self.gaussians is not None:
            return frechet(*self.gaussians)
        if self.pair is None:
            raise ConfigError(
                f"{self.protocol.name} compares rows of features, and one set is a mean and a "
                "covariance; give its videos or rows"
            )
        return self.pair.value()

    def require_fit(self) -> None:
        """Check that both sets come from one network.

        Raises:
            ConfigError: If their rows have different widths.
        """
        widths = self.real.content.width, self.made.content.width
        if widths[0] != widths[1]:
            raise ConfigError(
                f"{self.protocol.name}: features of {self.real.label} have {widths[0]} values, of "
                f"{self.made.label} {widths[1]}; make both with one network"
            )

    @property
    def resamples(self) -> int:
        """Resamples that are drawn."""
        if self.pair is None:
            return 0
        told = self.config.intervals.resamples
        wide = self.gaussians is not None and self.pair.real.width > WIDE
        return told if told is not None else RESAMPLES_WIDE if wide else RESAMPLES


def _check(side: Side, inputs: Inputs, protocol: MetricProtocol) -> None:
    """Check one set before anything is computed."""
    if isinstance(side.content, FeatureTable):
        require_clips(side.content, side.label, inputs.config.intervals.unit)
        return
    inputs.warn(
        f"no interval: {side.label} is a mean and a covariance; without rows neither an interval "
        f"nor a floor of {protocol.name} can be told"
    )


def _check_weights(bout: _Bout, inputs: Inputs) -> None:
    """Write down that two sets were looked at with different weights."""
    weights = bout.real.weights, bout.made.weights
    if weights[0] != weights[1] and UNTOLD not in weights:
        inputs.warn(
            f"weights: features of {bout.real.label} for {bout.protocol.name} were made with "
            f"{weights[0]}, of {bout.made.label} with {weights[1]}; unless both files hold the "
            "same network, the number measures their difference: make both with one file"
        )


def _resample(bouts: Sequence[_Bout], config: EvaluateConfig, tell: Tell) -> list[Resampled]:
    """Return each set's numbers over resamples; the real clips drawn are those of all sets."""
    seed, unit = Seed(config.seed), config.intervals.unit
    total, what = max(bout.resamples for bout in bouts), f"{bouts[0].protocol.name}: intervals"
    out = [np.zeros(bout.resamples) for bout in bouts]
    whole = [(bout.pair, values) for bout, values in zip(bouts, out, strict=True) if bout.pair]
    together = _common(bouts) >= PAIRED
    for index in range(total):
        tell(what, index, total)
        (real,) = draw([whole[0][0].real], unit, seed.child(REAL, index))
        tables = [pair.made for pair, _ in whole]
        if together:
            made = draw(tables, unit, seed.child("made", index))
        else:
            made = [draw([t], unit, seed.child("made", index, k))[0] for k, t in enumerate(tables)]
        for (pair, values), counts in zip(whole, made, strict=True):
            values[index] = pair.counted(real, counts)
    tell(what, total, total)
    return out


def _common(bouts: Sequence[_Bout]) -> float:
    """Return the share of clips' names that all generated sets have; 0 of a single set."""
    tables = [bout.made.content for bout in bouts]
    names = [set(table.names) for table in tables if isinstance(table, FeatureTable)]
    if len(names) < 2 or len(names) < len(tables):
        return 0.0
    return len(set.intersection(*names)) / len(set.union(*names))


def _number(bout: _Bout, resampled: Resampled, inputs: Inputs) -> Number:
    config, protocol = inputs.config, bout.protocol
    seed = Seed(config.seed)
    inputs.tell(f"{protocol.name}: {bout.made.label}", 0, 1)
    value = bout.value
    within = interval(value, resampled, config.intervals.level) if len(resampled) else None
    pair = bout.pair
    least = floor(pair, config.floor_splits, seed.child("floor")) if pair else None
    limit = at_infinity(pair, value, seed.child("size")) if pair and config.extrapolate else None
    ranks = [g.rank for g in bout.gaussians] if bout.gaussians else [None, None]
    inputs.tell(f"{protocol.name}: {bout.made.label}", 1, 1)
    return Number(
        metric=protocol.metric,
        protocol=protocol.name,
        which=bout.made.label,
        value=value,
        low=within.low if within else None,
        high=within.high if within else None,
        level=config.intervals.level,
        resamples=len(resampled),
        split=least,
        at_infinity=limit,
        n_real=bout.real.clips,
        n_generated=bout.made.clips,
        rows_real=bout.real.rows,
        rows_generated=bout.made.rows,
        width=bout.real.content.width,
        rank_real=ranks[0],
        rank_generated=ranks[1],
        discarded_real=bout.real.short,
        discarded_generated=bout.made.short,
        frames=inputs.choice(bout.made.label, protocol).words(),
        weights=bout.made.weights,
    )


def _doubts(number: Number, inputs: Inputs) -> None:
    """Write down what weakens a number."""
    name = f"{number.protocol} of {number.which}"
    ranks = {REAL: number.rank_real, number.which: number.rank_generated}
    low = [f"{rank} ({label})" for label, rank in ranks.items() if rank and rank < number.width]
    if low:
        inputs.warn(
            f"singular: {name}: covariances have rank {' and '.join(low)} of {number.width}; the "
            "distance is exact, but most of it is the size of the sets: read it beside its floor"
        )
    if number.split is not None and number.split.shared:
        inputs.warn(
            f"floor: {REAL} has too few recordings to split; halves share some, so the floor of "
            f"{number.protocol} is too low"
        )
    if number.split is not None and number.split.number <= number.split.high:
        inputs.warn(
            f"not told apart: {name} at {number.split.num_clips} clips is "
            f"{number.split.number:.4g}, and halves of {REAL} reach {number.split.high:.4g}: so "
            "few clips cannot tell this set from real video"
        )
    sizes = [size for size in (number.n_real, number.n_generated) if size is not None]
    if number.protocol == "fvd_stylegan_v" and sizes and min(sizes) < STYLEGAN_CLIPS:
        inputs.warn(
            f"size: fvd2048_16f is of {STYLEGAN_CLIPS} clips of each set, {name} of "
            f"{min(sizes)}; it compares only with numbers of as many clips"
        )


def _compare(
    bouts: Sequence[_Bout],
    numbers: Sequence[Number],
    resampled: Sequence[Resampled],
    inputs: Inputs,
) -> Comparison | None:
    """Return the generated set's number against the baseline's; None where none was resampled."""
    after, before = (
        next(index for index, bout in enumerate(bouts) if bout.made.label == label)
        for label in (GENERATED, BASELINE)
    )
    if not len(resampled[after]) or not len(resampled[before]):
        return None
    protocol, common = bouts[after].protocol, _common(bouts)
    if _unequal(bouts[after], bouts[before], inputs):
        return None
    if common < 1:
        how = "only these are drawn together" if common >= PAIRED else "so they are drawn apart"
        inputs.warn(
            f"unpaired: {100 * common:.0f} % of the {GENERATED} and {BASELINE} clips of "
            f"{protocol.name} have common names, {how}; give clips of one prompt and seed one "
            "name in both sets"
        )
    values = numbers[before].value, numbers[after].value
    fell = drop(*values, (resampled[before], resampled[after]), inputs.config.intervals.level)
    return Comparison(
        metric=protocol.metric,
        protocol=protocol.name,
        before=values[0],
        after=values[1],
        difference=values[0] - values[1],
        difference_low=fell.difference.low,
        difference_high=fell.difference.high,
        drop_percent=fell.percent,
        low_percent=fell.share.low if fell.share else None,
        high_percent=fell.share.high if fell.share else None,
        above_floor_percent=_above_floor(numbers[before].split, numbers[after].split),
        level=inputs.config.intervals.level,
        paired=common >= PAIRED,
    )


def _unequal(after: _Bout, before: _Bout, inputs: Inputs) -> bool:
    """Return whether two sets are of too different sizes for a biased distance, and say so."""
    protocol, sizes = after.protocol, (after.made.clips, before.made.clips)
    unbiased = isinstance(protocol.distance, Mmd) and protocol.distance.unbiased
    if unbiased or None in sizes or sizes[0] == sizes[1]:
        return False
    few, many = sorted(size for size in sizes if size is not None)
    far = few < (1 - UNEQUAL) * many
    inputs.warn(
        f"unequal: {GENERATED} has {sizes[0]} clips for {protocol.name} and {BASELINE} {sizes[1]}; "
        "fewer clips alone give a larger distance, "
        + ("so the two are not compared" if far else "so a small difference may be that")
        + "; give as many of both"
    )
    return far


def _above_floor(before: Floor | None, after: Floor | None) -> float | None:
    """Return how much of what lies above the floor is gone, in percent."""
    if before is None or after is None or before.number <= before.high:
        return None
    return 100 * (before.number - after.number) / (before.number - before.value)
