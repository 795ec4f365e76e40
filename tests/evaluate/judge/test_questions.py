"""Answers as models give them, and as they should not."""

import pytest

from rareworld.evaluate.judge import ANOMALY, PLAUSIBILITY
from rareworld.evaluate.judge.questions import QUESTIONS, Verdict, read_anomaly, read_grade


@pytest.mark.parametrize(
    ("answer", "score", "reason"),
    [
        ('{"score": 5, "reason": "Real."}', 5, "Real."),
        ('```json\n{"score": 2, "reason": "A car\\n melts."}\n```', 2, "A car melts."),
        ('I think {of} it. {"score": 1, "reason": "x"} No: {"score": 3, "reason": "y"}', 3, "y"),
        ('{"score": 4, "reason": "z", "more": {"score": 9}}', 4, "z"),
    ],
)
def test_grades_are_read(answer, score, reason):
    assert read_grade(answer) == Verdict(score, reason)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "4",
        "Score: 4",
        '{"score": 0, "reason": "x"}',
        '{"score": 6, "reason": "x"}',
        '{"score": 3.5, "reason": "x"}',
        '{"score": true, "reason": "x"}',
        '{"score": "4", "reason": "x"}',
        '{"score": 4}',
        '{"score": 4, "reason": " "}',
        '[{"score": 4]',
        "{" * 5000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_grade_is_not_read(answer):
    assert read_grade(answer) is None


@pytest.mark.parametrize(
    ("answer", "score", "reason"),
    [
        ("<answer>No</answer>", 1, ""),
        ("A van floats. <answer>Yes</answer>", 0, "A van floats."),
        ("<think>No? <answer>No</answer> wait</think> Melts. <answer> yes. </answer>", 0, None),
        (" No. ", 1, ""),
        ("YES", 0, ""),
    ],
)
def test_yes_is_bad_because_it_means_anomalies(answer, score, reason):
    verdict = read_anomaly(answer)
    assert verdict.score == score
    assert reason is None or verdict.reason == reason


@pytest.mark.parametrize("answer", ["", "maybe", "Yes and no", "There is no anomaly", "nope"])
def test_what_is_neither_yes_nor_no_is_not_read(answer):
    assert read_anomaly(answer) is None


def test_questions_state_their_scale_and_form():
    assert {"plausibility": PLAUSIBILITY, "anomaly": ANOMALY} == QUESTIONS
    assert (PLAUSIBILITY.worst, PLAUSIBILITY.best) == (1, 5)
    assert (ANOMALY.worst, ANOMALY.best) == (0, 1)
    assert '"score"' in PLAUSIBILITY.text
    assert "<answer>Yes</answer> if there is an anomaly" in ANOMALY.text
