"""Results: found by protocol, clear or not, and whole as JSON."""

import json
from collections.abc import Callable

import pytest

from rareworld.evaluate.results import Comparison, Evaluation, Number


def test_numbers_are_found_by_protocol_and_set(evaluation: Callable[..., Evaluation]) -> None:
    made = evaluation()
    assert made.number("fvd_i3d").value == 120
    assert made.number("fvd_i3d", "baseline").value == 200
    with pytest.raises(KeyError, match="no fid_clean of generated"):
        made.number("fid_clean")


def test_a_floor_is_the_mean_of_its_splits(number: Callable[..., Number]) -> None:
    assert number().floor == 40
    assert number(split=None).floor is None


@pytest.mark.parametrize(
    ("low", "high", "clear"), [(1, 2, True), (-2, -1, True), (-1, 2, False), (0, 2, False)]
)
def test_a_difference_is_clear_if_its_interval_leaves_zero_out(
    low: float, high: float, clear: bool, comparison: Callable[..., Comparison]
) -> None:
    assert comparison(difference_low=low, difference_high=high).clear is clear


def test_the_document_is_json_with_everything(evaluation: Callable[..., Evaluation]) -> None:
    told = json.loads(json.dumps(evaluation().document()))
    assert told["kind"] == "evaluation"
    assert told["numbers"][0]["split"]["num_clips"] == 25
    assert told["numbers"][0]["floor"] == 40
    assert told["comparisons"][0]["clear"] is True
    assert told["quarantined"] == [
        {"label": "generated", "clip": "007", "error": "is cut off", "kind": "FormatError"}
    ]
