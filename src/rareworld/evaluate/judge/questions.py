"""What the judge is asked and how its answers are read.

Two questions. PLAUSIBILITY asks for a grade from 1 to 5 with a reason, in JSON, as VideoPhy-2
(Bansal et al. 2025) grades physical commonsense. ANOMALY asks, as Cosmos-Reason1-Reward does,
whether the video holds anomalies. Mind its polarity: "Yes" means that there ARE anomalies, so "Yes"
is bad. Its score is 1 for "No" and 0 for "Yes", so that in both questions more is better.
Proved in `tests/evaluate/judge/test_questions.py`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

PLAUSIBILITY_TEXT = """\
These pictures are frames, in order, of one clip from a fixed traffic camera. Judge only whether \
what moves obeys physics and stays itself: vehicles keep size, shape and colour; none appears, \
vanishes, melts, merges or passes through another; speeds, braking, turning and collisions are \
such as mass and friction allow; the camera and the road stand still. Sharpness and style do not \
count. 5: could have been filmed. 4: one small oddity. 3: clear oddities, motion still believable. \
2: strong violations. 1: impossible throughout. \
Answer with one JSON object and nothing else: {"score": <1 to 5>, "reason": "<one sentence>"}."""

ANOMALY_TEXT = """\
You look for anomalies in a clip from a fixed traffic camera, given as frames in order. An anomaly \
is anything that could not have been filmed: things that appear, vanish, merge, melt or pass \
through each other, change size against perspective, float, or move as no mass can; ground or \
buildings that swim. A collision in itself is no anomaly. Does the clip contain any anomaly? \
First give one sentence of reason, then answer <answer>Yes</answer> if there is an anomaly or \
<answer>No</answer> if there is none."""


@final
@dataclass(frozen=True)
class Verdict:
    """What an answer says: more is better in every question."""

    score: float
    reason: str


@final
@dataclass(frozen=True)
class Question:
    """A question, how its answer is read and the scale."""

    name: str
    text: str
    worst: float
    best: float
    read: Callable[[str], Verdict | None]
    """Returns None for an answer that is not of the form asked for."""


def read_grade(answer: str) -> Verdict | None:
    """Read the last JSON object with a whole score from 1 to 5 and a reason.

    >>> read_grade('Sure: {"score": 4, "reason": "A wheel flickers."}')
    Verdict(score=4.0, reason='A wheel flickers.')
    >>> read_grade('{"score": 7, "reason": "Fine."}') is None
    True
    """
    found = None
    for item in _objects(answer):
        score, reason = item.get("score"), item.get("reason")
        if not isinstance(score, int) or isinstance(score, bool) or not isinstance(reason, str):
            continue
        if 1 <= score <= 5 and reason.strip():
            found = Verdict(float(score), " ".join(reason.split()))
    return found


_TAGGED = re.compile(r"<answer>\s*(yes|no)\s*[.!]?\s*</answer>", re.IGNORECASE)
_BARE = re.compile(r"\s*(yes|no)\s*[.!]?\s*", re.IGNORECASE)


def read_anomaly(answer: str) -> Verdict | None:
    """Read Yes (there are anomalies: score 0) or No (there are none: score 1).

    >>> read_anomaly("A car melts. <answer>Yes</answer>")
    Verdict(score=0.0, reason='A car melts.')
    >>> read_anomaly("No").score
    1.0
    """
    tagged = list(_TAGGED.finditer(answer))
    bare = _BARE.fullmatch(answer)
    word = tagged[-1][1] if tagged else bare[1] if bare else ""
    if not word:
        return None
    reason = " ".join(answer[: tagged[-1].start()].split()) if tagged else ""
    return Verdict(0.0 if word.lower() == "yes" else 1.0, reason)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text: models think aloud and fence their answers."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        end = start + 1
        try:
            item, end = decoder.raw_decode(text, start)
        except RecursionError:  # nested past all sense: no answer
            return
        except ValueError:
            item = None
        if isinstance(item, dict):
            yield item
        start = text.find("{", end)


PLAUSIBILITY = Question("plausibility", PLAUSIBILITY_TEXT, 1.0, 5.0, read_grade)
ANOMALY = Question("anomaly", ANOMALY_TEXT, 0.0, 1.0, read_anomaly)
QUESTIONS = {question.name: question for question in (PLAUSIBILITY, ANOMALY)}
"""By the name in `JudgeConfig.question`."""
