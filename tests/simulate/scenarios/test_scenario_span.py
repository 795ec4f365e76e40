"""Ranges: how they are written and drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rareworld.data.config import Config
from rareworld.errors import RareworldError
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.span import Span


class _Holder(Config):
    speed_mps: Span = Span.of(1.0, 2.0)


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [([3, 4.5], 3.0, 4.5), ((1, 1), 1.0, 1.0), (7, 7.0, 7.0), ({"low": 0, "high": 2}, 0.0, 2.0)],
)
def test_ranges_are_pairs_single_numbers_or_tables(written: object, low: float, high: float):
    span = _Holder.parse({"speed_mps": written}).speed_mps
    assert (span.low, span.high) == (low, high)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(ValidationError, match=r"low 4\.0 is above high 3\.0"):
        Span.of(4.0, 3.0)


@pytest.mark.parametrize("written", ["fast", [1, 2, 3], None])
def test_what_is_no_range_is_refused(written: object):
    with pytest.raises(RareworldError, match="speed_mps"):
        _Holder.parse({"speed_mps": written})


@given(st.floats(-50, 50), st.floats(0, 50), st.integers(0, 1000))
def test_draws_lie_in_the_range_and_follow_the_seed(low: float, width: float, seed: int):
    span = Span.of(low, low + width)
    first, second = (span.draw(np.random.default_rng(seed)) for _ in range(2))
    assert span.low <= first <= span.high
    assert first == second


def test_draws_are_uniform():
    rng = np.random.default_rng(0)
    drawn = np.array([Span.of(2.0, 6.0).draw(rng) for _ in range(4000)])
    counts, _ = np.histogram(drawn, bins=8, range=(2.0, 6.0))
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_unknown_parameters_are_refused_by_name(name: str):
    with pytest.raises(RareworldError, match="no_such_mps"):
        SCENARIOS[name].parse({"no_such_mps": [1, 2]})
