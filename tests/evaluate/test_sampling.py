"""Resamples, floors, extrapolation: coverage and known limits on Gaussians."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.evaluate.pairs import pair_of
from rareworld.evaluate.protocols import Frechet, Mmd
from rareworld.evaluate.sampling import (
    at_infinity,
    draw,
    drop,
    floor,
    halves,
    interval,
    require_clips,
)
from rareworld.evaluate.tables import FeatureTable

FRECHET = Frechet(ddof=1)


def _normal(
    seed: int, clips: int, width: int, shift: float = 0.0, scale: float = 1.0
) -> FeatureTable:
    rows = np.random.default_rng(seed).normal(size=(clips, width)) * scale
    rows[:, 0] += shift
    return FeatureTable.of(rows)


def _resampled(real: FeatureTable, made: FeatureTable, count: int, seed: int) -> np.ndarray:
    pair = pair_of(real, made, FRECHET)

    def clips(table: FeatureTable, name: str, index: int) -> np.ndarray:
        return draw([table], "clip", Seed(seed).child(name, index))[0]

    return np.array([pair.counted(clips(real, "a", i), clips(made, "b", i)) for i in range(count)])


def test_a_resample_draws_as_many_clips_as_there_are() -> None:
    table = _normal(0, 20, 2)
    drawn = [draw([table], "clip", Seed(1).child(index))[0] for index in range(200)]
    assert {counts.sum() for counts in drawn} == {20}
    assert np.mean(drawn, axis=0) == pytest.approx(np.ones(20), abs=0.35)
    assert np.array_equal(drawn[3], draw([table], "clip", Seed(1).child(3))[0])


def test_recordings_are_drawn_whole() -> None:
    table = FeatureTable.of(np.zeros((6, 1)), groups=["a", "a", "b", "c", "c", "c"])
    for index in range(20):
        (counts,) = draw([table], "recording", Seed(0).child(index))
        assert counts[0] == counts[1]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[2] + counts[3] == 3


def test_a_resample_never_is_one_clip_alone() -> None:
    table = _normal(0, 2, 2)
    assert all(np.array_equal(draw([table], "clip", Seed(i))[0], [1, 1]) for i in range(20))


def test_clips_of_one_name_are_drawn_as_often_in_every_set() -> None:
    a = FeatureTable.of(np.zeros((4, 1)), names=list("abcd"))
    b = FeatureTable.of(np.zeros((3, 1)), names=list("dbx"))
    for index in range(50):
        one, two = draw([a, b], "clip", Seed(index))
        assert (one[3], one[1]) == (two[0], two[1])
        assert min(np.count_nonzero(one), np.count_nonzero(two)) > 1


@pytest.mark.parametrize(
    ("table", "unit", "message"),
    [
        (FeatureTable.of(np.zeros((3, 2)), counts=[3]), "clip", "at least two clips, found 1"),
        (FeatureTable.of(np.zeros((2, 2)), groups=["a", "a"]), "recording", "unit=clip"),
    ],
)
def test_sets_that_cannot_be_drawn_from_are_refused(
    table: FeatureTable, unit: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        require_clips(table, "real", unit)  # pyright: ignore[reportArgumentType] - of the table above


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "width", "shift"), [(60, 6, 1.0), (40, 24, 1.5)])
def test_intervals_cover_the_expected_number(clips: int, width: int, shift: float) -> None:
    """95 % intervals hold the number expected at this N in 88 to 100 % of experiments."""
    numbers = [
        pair_of(_normal(s, clips, width), _normal(9000 + s, clips, width, shift), FRECHET).value()
        for s in range(1500)
    ]
    expected, held = np.mean(numbers), 0
    for seed in range(100):
        real, made = _normal(seed, clips, width), _normal(9000 + seed, clips, width, shift)
        found = interval(numbers[seed], _resampled(real, made, 100, seed), 0.95)
        held += found.low <= expected <= found.high
    assert 0.88 <= held / 100 <= 1.0


def test_an_interval_covers_the_expected_number_most_of_the_time() -> None:
    numbers = [pair_of(_normal(s, 40, 4), _normal(900 + s, 40, 4, 1.0), FRECHET).value()
               for s in range(200)]  # fmt: skip
    held = 0
    for seed in range(25):
        resampled = _resampled(_normal(seed, 40, 4), _normal(900 + seed, 40, 4, 1.0), 60, seed)
        found = interval(numbers[seed], resampled, 0.95)
        held += found.low <= np.mean(numbers) <= found.high
        assert found.low < numbers[seed] < found.high
    assert held >= 20


def test_resamples_lie_above_the_number_and_the_interval_does_not() -> None:
    """What a plain percentile interval gets wrong: distances of resamples are too large."""
    real, made = _normal(0, 30, 40), _normal(1, 30, 40, 1.0)
    number = pair_of(real, made, FRECHET).value()
    resampled = _resampled(real, made, 100, 0)
    assert np.quantile(resampled, 0.025) > number
    found = interval(number, resampled, 0.95)
    assert found.low < number < found.high


def test_a_drop_on_common_resamples_has_a_narrower_interval() -> None:
    """Two generated sets of one noise: what they share does not blur their difference."""
    real, after = _normal(0, 60, 5), _normal(1, 60, 5, 0.8)
    before = FeatureTable.of(after.rows + np.eye(5)[0].astype("f4"))
    pairs = [pair_of(real, made, FRECHET) for made in (before, after)]
    numbers = [pair.value() for pair in pairs]

    def resampled(streams: tuple[str, str]) -> list[np.ndarray]:
        out = [[], []]
        for index in range(150):
            seed = Seed(0).child(index)
            for values, pair, stream in zip(out, pairs, streams, strict=True):
                (made,) = draw([pair.made], "clip", seed.child(stream))
                values.append(pair.counted(draw([real], "clip", seed.child("r"))[0], made))
        return [np.array(values) for values in out]

    together, apart = (drop(*numbers, tuple(resampled(s)), 0.95) for s in (("m", "m"), ("m", "n")))  # pyright: ignore[reportArgumentType] - two each
    assert together.percent == apart.percent == pytest.approx(100 * (1 - numbers[1] / numbers[0]))
    assert together.difference.low < numbers[0] - numbers[1] < together.difference.high
    widths = [d.difference.high - d.difference.low for d in (together, apart)]
    assert widths[0] < widths[1]


def test_no_share_is_told_of_a_number_that_may_be_zero() -> None:
    near = drop(0.1, 0.05, (np.array([-0.1, 0.1, 0.3]), np.array([0.0, 0.05, 0.1])), 0.95)
    assert near.percent == pytest.approx(50)
    assert near.share is None
    below = drop(-0.1, 0.05, (np.array([-0.2, 0.0]), np.array([0.0, 0.1])), 0.95)
    assert below.percent is None


def test_the_floor_of_equal_sets_is_the_number_at_that_size() -> None:
    """Real against real and against more of the same: both are what the size alone makes."""
    pair = pair_of(_normal(0, 80, 6), _normal(1, 80, 6), FRECHET)
    found = floor(pair, 20, Seed(0))
    assert found is not None
    assert (found.num_clips, found.splits, found.shared) == (40, 20, False)
    assert found.value == pytest.approx(found.number, rel=0.25)
    assert found.low < found.value < found.high
    far = floor(pair_of(_normal(0, 80, 6), _normal(1, 80, 6, 3.0), FRECHET), 20, Seed(0))
    assert far is not None
    assert far.value == found.value
    assert far.number > 8


def test_a_small_generated_set_makes_small_halves() -> None:
    found = floor(pair_of(_normal(0, 80, 3), _normal(1, 7, 3), FRECHET), 5, Seed(0))
    assert found is not None
    assert found.num_clips == 7


def test_there_is_no_floor_of_three_clips_or_of_no_split() -> None:
    assert floor(pair_of(_normal(0, 3, 3), _normal(1, 9, 3), FRECHET), 5, Seed(0)) is None
    assert floor(pair_of(_normal(0, 9, 3), _normal(1, 9, 3), FRECHET), 0, Seed(0)) is None


def test_halves_share_no_recording_where_that_can_be() -> None:
    groups = [f"r{index // 3}" for index in range(24)]
    table = FeatureTable.of(np.zeros((24, 1)), groups=groups)
    for seed in range(20):
        a, b, shared = halves(table, 10, np.random.default_rng(seed))
        sides = [{groups[c] for c in np.flatnonzero(side)} for side in (a, b)]
        assert not shared
        assert not sides[0] & sides[1]
        assert (a.sum(), b.sum()) == (10, 10)


def test_halves_of_one_recording_say_that_they_share_it() -> None:
    table = FeatureTable.of(np.zeros((8, 1)), groups=["r"] * 8)
    a, b, shared = halves(table, 4, np.random.default_rng(0))
    assert shared
    assert np.array_equal(a + b, np.ones(8))


@dataclass
class _Line:
    """A distance that is 3 + 2 over the share of clips, as the fit assumes."""

    real: FeatureTable = field(default_factory=lambda: _normal(0, 200, 1))
    made: FeatureTable = field(default_factory=lambda: _normal(1, 100, 1))

    def value(self) -> float:
        return 5.0

    def counted(self, real: np.ndarray, made: np.ndarray) -> float:
        return 3 + 200 / made.sum()

    def among_real(self, a: np.ndarray, b: np.ndarray) -> float:
        return 0.0


def test_the_limit_of_a_line_is_its_start() -> None:
    assert at_infinity(_Line(), 5.0, Seed(0)) == pytest.approx(3.0, abs=0.05)


def test_the_limit_takes_off_most_of_what_size_adds() -> None:
    real, made = _normal(0, 400, 10), _normal(1, 400, 10, 0.5)
    pair = pair_of(real, made, FRECHET)
    number, limit = pair.value(), at_infinity(pair, pair.value(), Seed(0))
    assert abs(limit - 0.25) < abs(number - 0.25)


def test_kid_needs_no_limit() -> None:
    kid = Mmd(degree=3, coef0=1.0, unbiased=True)
    pair = pair_of(_normal(0, 200, 4), _normal(1, 200, 4, 2.0), kid)
    assert at_infinity(pair, pair.value(), Seed(0)) == pytest.approx(pair.value(), rel=0.15)
