"""Seconds and frames."""

import numpy as np
import pytest

from rareworld.events.spans import close_gaps, end_time, span, stretches


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (0.0, 0.1, (0, 1)),
        (0.05, 0.06, (0, 1)),
        (0.05, 0.15, (0, 2)),
        (0.1, 0.3, (1, 3)),
        (0.95, 2.0, (9, 10)),
        (0.3, 0.3, (3, 4)),
    ],
)
def test_frames_are_those_whose_time_overlaps_the_interval(start, end, frames):
    time = np.arange(10) / 10
    found = span(time, start, end, start)
    assert (found["start_frame"], found["end_frame"]) == frames


def test_seconds_count_from_the_first_frame():
    found = span(100 + np.arange(10) / 10, 100.25, 100.5, 100.3)
    assert found["start_s"] == pytest.approx(0.25)
    assert found["end_s"] == pytest.approx(0.5)
    assert found["key_s"] == pytest.approx(0.3)
    assert (found["start_frame"], found["end_frame"]) == (2, 5)


def test_stretches_partition_the_true_frames():
    holds = np.random.default_rng(0).random(200) < 0.5
    covered = np.zeros(200, bool)
    for first, last in stretches(holds):
        assert holds[first:last].all()
        assert first == 0 or not holds[first - 1]
        assert last == 200 or not holds[last]
        covered[first:last] = True
    assert np.array_equal(covered, holds)


def test_last_frame_lasts_as_long_as_the_one_before():
    assert end_time(np.array([0.0, 0.1, 0.2]), 3) == pytest.approx(0.3)
    assert end_time(np.array([0.0, 0.1, 0.2]), 1) == pytest.approx(0.1)


def test_only_short_inner_gaps_are_closed():
    holds = np.array([0, 1, 0, 0, 1, 0, 0, 0, 1, 0], bool)
    assert close_gaps(holds, 2).astype(int).tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 1, 0]
