"""What ran, and the headline as JSON: targets are met only with intervals clear of zero."""

import json
from pathlib import Path

import pytest

from rareworld.recipes.demo_record import headline_record, met, tables_of
from rareworld.recipes.story import AFTER, CONTROL, headline
from rareworld.recipes.story_clips import HeldOut
from rareworld.recipes.story_run import Told
from rareworld.runtime.stage import JobReport, Outcome
from tests.recipes.measured import make_comparisons, make_found

HERE = {"rareworld": "1", "commit": "abc", "python": "3.11", "packages": {"torch": "2"}}


def test_tables_tell_steps_recordings_versions_and_seeds() -> None:
    summary = {"attempts": 2, "actors": 11, "events": ["collision", "near_miss"]}
    taken = JobReport((Outcome(item="00001-rear_end", status="done", summary=summary),))
    tables = tables_of({"simulate": 1.25, "annotate": 90.0}, taken, {"noise": 7}, HERE)
    assert list(tables["Steps"])[1:] == [
        ["simulate", "1.2"], ["annotate", "90.0"], ["all", "91 (1.5 min)"],
    ]  # fmt: skip
    assert list(tables["Recordings"])[1] == ["00001-rear_end", "2", "11", "collision, near_miss"]
    facts = dict(list(tables["Versions and seeds"])[1:])
    assert facts == {
        "rareworld": "1", "commit": "abc", "python": "3.11", "torch": "2", "seed: noise": "7",
    }  # fmt: skip


def test_tables_without_content_are_left_out() -> None:
    assert list(tables_of({"a": 1.0}, None, {}, {})) == ["Steps"]


@pytest.mark.parametrize(
    ("difference", "low", "reached"),
    [(40.0, 30.0, True), (28.0, 1.0, True), (27.0, 20.0, False), (40.0, -1.0, False)],
)
def test_targets_want_35_per_cent_and_an_interval_clear_of_zero(
    difference: float, low: float, reached: bool
) -> None:
    found = make_found(difference=difference, low=low)
    assert met(found["evaluation"]["comparisons"]) is reached


def test_targets_are_not_met_by_what_was_not_measured() -> None:
    comparisons = make_found()["evaluation"]["comparisons"]
    assert not met([])
    assert not met(comparisons[:1])
    assert not met([one | {"drop_percent": None} for one in comparisons])


def _told(found: dict) -> Told:
    path = Path("x")
    clip = HeldOut(name="c", video=path, prompt="p", start=path, first=path, seed=3)
    return Told(clips=(clip,), videos={}, found=found, losses=(), environment=HERE)


def test_the_record_holds_all_that_made_it() -> None:
    gained = make_comparisons(72.0, 36.0, 20.0, 44.0)
    told = _told(
        {
            AFTER: make_found() | {"against_control": gained},
            CONTROL: make_found(CONTROL, difference=8.0, low=1.0),
        }
    )
    record = headline_record(headline(64, "cpu"), told, {"train": 5.0})
    assert record["met"] is True
    assert record["clips"] == 1
    assert record["config"]["clips"] == 64
    assert record["seeds"] == {"post_training": 0, "first_clip": 0}
    assert record["environment"]["commit"] == "abc"
    assert set(record["comparisons"]) == {AFTER, CONTROL}
    assert "FID 80 to 40 (50 % lower)" in record["sentence"]
    assert "The control, trained on normal traffic alone, scores FID 72" in record["sentence"]
    assert record["against_control"] == gained
    assert (
        "Against the control, the post-trained model scores FID 50 % lower (the 95 % interval of "
        "the difference, 20.0 to 44.0, leaves zero out)"
    ) in record["sentence"]
    json.dumps(record)


def test_the_target_is_of_the_baseline_and_not_of_the_control() -> None:
    control = make_found(CONTROL, difference=8.0, low=1.0)
    for gained, reached in ((40.0, True), (27.0, False)):
        found = make_found(difference=gained) | {
            "against_control": make_comparisons(72.0, 67.0 - gained, 1.0, 60.0)
        }
        record = headline_record(headline(8, "cpu"), _told({AFTER: found, CONTROL: control}), {})
        assert record["met"] is reached


@pytest.mark.parametrize(
    ("difference", "percent", "words"),
    [(-9.6, -12.0, "(12 % higher)"), (9.6, 12.0, "(12 % lower)"), (-0.5, None, "(0.500 higher)")],
)
def test_a_distance_that_rose_is_told_as_higher(difference, percent, words: str) -> None:
    found = make_found(difference=difference, low=-11.0)
    for item in found["evaluation"]["comparisons"]:
        item["drop_percent"] = percent
    sentence = headline_record(headline(8, "cpu"), _told({AFTER: found}), {})["sentence"]
    assert words in sentence
    assert "-12 %" not in sentence


def test_a_headline_without_distances_says_so() -> None:
    found = make_found() | {"evaluation": None}
    record = headline_record(headline(8, "cpu"), _told({AFTER: found}), {})
    assert record["sentence"].endswith("no distance could be computed.")
    assert record["met"] is False
