"""Sets of clips: rows, means, intervals and what is refused."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, as_clip, draw, ground, shifted, straight
from rareworld.errors import ConfigError
from rareworld.evaluate.fixed_camera import (
    FixedCameraConfig,
    Truth,
    fixed_camera_report,
    rows_for_table,
    rows_of_clips,
)
from rareworld.evaluate.fixed_camera.report import _LABELS, _ratio

CAR = Vehicle(straight((40, 60), (70, 0)))
GONE = Vehicle(straight((40, 60), (70, 0)), seen=lambda t: t < 1.0)


def shaken():
    return as_clip([shifted(ground(), 3 * np.sin(k), 0) for k in range(9)])


@pytest.fixture(scope="module")
def report():
    clips = [
        ("calm", draw([CAR], noise=1.0), FPS),
        ("gone", draw([GONE], noise=1.0), FPS),
        ("shaken", shaken(), FPS),
    ]
    truth = {"calm": Truth(False), "gone": Truth(True, 1.0)}
    return fixed_camera_report(iter(clips), truth=truth)


def test_means_are_ratios_of_sums_over_clips(report):
    values = {name: measure.value for name, measure in report.measures.items()}
    assert values["tracks"] == pytest.approx(2 / 3)
    assert values["sound"] == 0.5
    assert values["vanishing"] == 0.5
    assert values["appearing"] == values["growing"] == values["melting"] == 0
    assert 0.66 < values["fixed"] < 0.9
    assert values["contact_recall"] == 0
    assert np.isnan(values["contact_precision"])
    assert np.isnan(values["oversized"])


def test_the_table_has_a_row_for_every_measure_with_a_value(report):
    rows = rows_for_table(report)
    names = [row["measure"] for row in rows]
    assert names == [name for name in _LABELS if name in names]
    assert "oversized" not in names
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["better"] in {"lower", "higher", "as real"}
        assert np.isnan(row["real"])
        assert row["says"]


def test_there_is_a_row_for_every_clip_in_their_order(report):
    rows = rows_of_clips(report)
    assert [row["clip"] for row in rows] == ["calm", "gone", "shaken"]
    assert rows[0]["sound"] == 1
    assert rows[1]["vanishing"] == 1
    assert "sound" not in rows[2]
    assert rows[2]["shift"] == pytest.approx(3, abs=0.2)
    assert np.isnan(rows[0]["contact_s"])


def test_contacts_are_scored_over_the_clips_whose_truth_is_known(report):
    assert (report.contacts.clips, report.contacts.true, report.contacts.found) == (2, 1, 0)


def test_the_bootstrap_covers_the_truth_as_often_as_it_says():
    draws = np.random.Generator(np.random.Philox(4))
    covered = 0
    for _ in range(300):
        parts = np.stack([draws.normal(1.0, 0.5, 40), np.ones(40)], axis=1)
        found = _ratio(parts, draws.integers(40, size=(300, 40)))
        covered += found.low <= 1.0 <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_the_same_seed_gives_the_same_interval():
    clips = [("a", draw([CAR]), FPS), ("b", draw([GONE]), FPS)]
    config = FixedCameraConfig(resamples=100)
    once, twice = (fixed_camera_report(clips, config=config).measures for _ in range(2))
    assert str(once) == str(twice)


@pytest.mark.parametrize(
    ("clips", "said"),
    [
        ([], "at least one clip"),
        ([("a", np.zeros((2, 64, 64, 3), np.uint8), 8.0)], "at least 3 frames"),
        ([("a", np.zeros((4, 64, 64, 3), np.uint8), 8.0)] * 2, "'a' twice"),
    ],
)
def test_what_cannot_be_reported_is_refused(clips, said):
    with pytest.raises(ConfigError, match=said):
        fixed_camera_report(clips)


def test_shake_is_taken_out_before_things_are_followed():
    still = draw([CAR], noise=0.5).astype(float)
    moved = as_clip([shifted(frame, 2.5 * np.sin(k), np.cos(k)) for k, frame in enumerate(still)])
    (check,) = fixed_camera_report([("a", moved, FPS)]).clips
    assert check.stability.fixed < 0.5
    (item,) = check.judged
    assert not item.faults
    np.testing.assert_allclose(np.diff(item.track.centres[4:12, 0]), 70 / FPS, atol=1.5)
