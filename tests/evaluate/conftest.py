"""Evaluations by hand, for what is told of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rareworld.evaluate.features import Quarantined
from rareworld.evaluate.results import Comparison, Evaluation, Number
from rareworld.evaluate.sampling import Floor

FLOOR = Floor(value=40, low=35, high=46, num_clips=25, splits=10, number=150, shared=False)
NUMBER = Number(
    metric="fvd", protocol="fvd_i3d", which="generated", value=120.0, low=100.0, high=140.0,
    level=0.95, resamples=1000, split=FLOOR, at_infinity=None, n_real=50, n_generated=48,
    rows_real=50, rows_generated=48, width=400, rank_real=49, rank_generated=47,
    discarded_real=0, discarded_generated=2, frames="16 consecutive frames from the first",
    weights="i3d.pt 5555 (a test)",
)  # fmt: skip
COMPARISON = Comparison(
    metric="fvd", protocol="fvd_i3d", before=200.0, after=120.0, difference=80.0,
    difference_low=50.0, difference_high=110.0, drop_percent=40.0, low_percent=28.0,
    high_percent=51.0, above_floor_percent=55.0, level=0.95, paired=True,
)  # fmt: skip


@pytest.fixture
def number() -> Callable[..., Number]:
    """Return a number with fields of one's own."""
    return lambda **fields: replace(NUMBER, **fields)


@pytest.fixture
def comparison() -> Callable[..., Comparison]:
    """Return a comparison with fields of one's own."""
    return lambda **fields: replace(COMPARISON, **fields)


@pytest.fixture
def evaluation(number: Callable[..., Number]) -> Callable[..., Evaluation]:
    """Return an evaluation of two numbers and a comparison, with fields of one's own."""

    def make(**fields: Any) -> Evaluation:
        whole = Evaluation(
            numbers=(number(), number(which="baseline", value=200.0, low=170.0, high=230.0)),
            comparisons=(COMPARISON,),
            warnings=("rate: real clips have 8 fps, generated <b>16</b>",),
            quarantined=(Quarantined(label="generated", clip="007", error="is cut off"),),
            sets={"real": {"source": "real", "clips": 50}, "generated": {"source": "gen.npz"}},
            config={"protocols": [{"name": "fvd_i3d", "ddof": 1}]},
        )
        return replace(whole, **fields)

    return make
