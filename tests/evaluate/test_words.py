"""Words: a reader is told what was found, at what N, and what it cannot show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rareworld.evaluate.protocols import METRICS
from rareworld.evaluate.results import Comparison, Number
from rareworld.evaluate.words import NAMES, figure, span, tell_comparison, tell_number
from tests.evaluate.conftest import FLOOR


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (123.456, "123.5"), (0.000123456, "0.0001235"), (0.0, "0")]
)
def test_figures_have_four_digits(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_an_interval_without_ends_is_a_dash() -> None:
    assert span(1, 2) == "1 to 2"
    assert span(None, 2) == "-"


def test_every_metric_has_a_name() -> None:
    assert set(NAMES) == set(METRICS)


def test_a_number_is_told_with_size_interval_and_floor(number: Callable[..., Number]) -> None:
    told = tell_number(number())
    assert "FVD (fvd_i3d) is 120 over 50 real and 48 generated clips" in told
    assert "95 % interval 100 to 140" in told
    assert "Two halves of the real set score 40 (35 to 46 over 10 splits, 25 clips each)" in told
    assert "at that many clips generated scores 150, 3.8 times as much" in told
    assert "compares only with numbers of equally many clips" in told


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"low": None, "high": None}, "no interval can be told"),
        ({"low": 20.0, "high": 220.0}, "so wide an interval"),
        ({"split": replace(FLOOR, number=30)}, "no more than real video"),
        ({"split": replace(FLOOR, value=-0.1)}, "zero or less on average"),
        ({"at_infinity": 77.0}, "infinitely many clips: 77"),
        ({"n_real": None}, "over an unknown number of real"),
    ],
)
def test_what_is_special_is_said(
    fields: dict[str, Any], words: str, number: Callable[..., Number]
) -> None:
    assert words in tell_number(number(**fields))


def test_of_whole_covariances_size_is_not_blamed(number: Callable[..., Number]) -> None:
    assert "size of the sets" not in tell_number(number(rank_real=400))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "fell from 200 to 120, 40 % lower (drop of 28 % to 51 %, 95 % interval)"),
        ({}, "of what lies above the floor 55 % is gone"),
        ({}, "leaves zero out (the same clips drawn in both sets)"),
        ({"difference_low": -5.0}, "-5 to 110, holds zero: so few clips do not show a change"),
        ({"after": 300.0, "difference": -100.0, "drop_percent": -50.0}, "rose from 200 to 300, 50"),
        ({"drop_percent": None, "low_percent": None, "above_floor_percent": None},
         "from 200 to 120; the interval"),
        ({"paired": False}, "both sets drawn apart"),
    ],
)  # fmt: skip
def test_a_change_is_told_with_its_doubt(
    fields: dict[str, Any], words: str, comparison: Callable[..., Comparison]
) -> None:
    assert words in tell_comparison(comparison(**fields))
