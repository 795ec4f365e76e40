"""Pairs: what is told for clips that count otherwise is what those clips alone would give."""

import numpy as np
import pytest

from rareworld.evaluate.pairs import pair_of
from rareworld.evaluate.protocols import Frechet, Mmd
from rareworld.evaluate.tables import FeatureTable

DISTANCES = [
    Frechet(ddof=0),
    Frechet(ddof=1),
    Mmd(degree=3, coef0=1.0, unbiased=True, same_clip=True),
    Mmd(degree=3, coef0=1.0, unbiased=True, same_clip=False),
    Mmd(degree=2, coef0=0.0, unbiased=False, scale=100.0),
]


def _table(seed: int, clips: int, each: int, shift: float = 0.0) -> FeatureTable:
    rows = np.random.default_rng(seed).normal(size=(clips * each, 7)) + shift
    return FeatureTable.of(rows, counts=[each] * clips)


def _only(table: FeatureTable, clips: list[int]) -> FeatureTable:
    ends = np.cumsum(table.counts)
    rows = [table.rows[end - n : end] for end, n in zip(ends, table.counts, strict=True)]
    return FeatureTable.of(
        np.concatenate([rows[c] for c in clips]), [int(table.counts[c]) for c in clips]
    )


def _ones(count: int, clips: list[int]) -> np.ndarray:
    out = np.zeros(count)
    out[clips] = 1
    return out


@pytest.mark.parametrize("distance", DISTANCES, ids=str)
@pytest.mark.parametrize("each", [1, 3])
def test_a_subset_is_the_number_of_its_clips_alone(distance: Frechet | Mmd, each: int) -> None:
    real, made = _table(0, 12, each), _table(1, 15, each, 0.4)
    a, b = [0, 2, 3, 7, 11], [1, 2, 4, 8, 9, 14]
    found = pair_of(real, made, distance).counted(_ones(12, a), _ones(15, b))
    expected = pair_of(_only(real, a), _only(made, b), distance).value()
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("distance", DISTANCES, ids=str)
def test_two_parts_of_the_real_set_are_as_two_sets(distance: Frechet | Mmd) -> None:
    real, made = _table(0, 12, 2), _table(1, 6, 2)
    a, b = [0, 1, 4, 9], [2, 3, 5, 8]
    found = pair_of(real, made, distance).among_real(_ones(12, a), _ones(12, b))
    expected = pair_of(_only(real, a), _only(real, b), distance).value()
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("distance", [DISTANCES[0], DISTANCES[4]], ids=str)
def test_a_clip_drawn_twice_counts_as_two_clips(distance: Frechet | Mmd) -> None:
    real, made = _table(0, 5, 2), _table(1, 4, 2, 0.5)
    found = pair_of(real, made, distance).counted(np.array([2.0, 0, 1, 1, 1]), np.ones(4))
    expected = pair_of(_only(real, [0, 0, 2, 3, 4]), made, distance).value()
    assert found == pytest.approx(expected, rel=1e-6)


def test_copies_of_a_clip_are_no_pairs_of_an_unbiased_mmd() -> None:
    """A resample of one distribution stays near zero; with copies as pairs it would not."""
    kid = Mmd(degree=3, coef0=1.0, unbiased=True)
    draw = np.random.default_rng(3)
    values = []
    for seed in range(200):
        pair = pair_of(_table(seed, 12, 1), _table(1000 + seed, 12, 1), kid)
        often = [draw.multinomial(12, np.full(12, 1 / 12)).astype(float) for _ in range(2)]
        values.append(pair.counted(*often))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
