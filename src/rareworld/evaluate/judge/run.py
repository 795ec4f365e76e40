"""Clips before the judge: verdicts, clips set aside, time and cost.

An answer that stays malformed, or none at all, sets its clip aside with the reason; the others are
judged. One judge's grades compare sets of clips; they are no measure of truth, and two judges
cannot be compared. Proved in `tests/evaluate/judge/test_run.py` against a local server.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import UInt8

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError, JobError
from rareworld.evaluate.judge.client import Fault, ask
from rareworld.evaluate.judge.config import JudgeConfig
from rareworld.evaluate.judge.media import media_parts
from rareworld.evaluate.judge.questions import QUESTIONS, Question, Verdict

Clip = tuple[str, UInt8[np.ndarray, "_ _ _ 3"], float]
"""Name, frames (time, height, width, colour) and frames per second."""
_RESAMPLES = 2000
_MILLION = 1e6


@final
@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict on one clip and what it took."""

    name: str
    verdict: Verdict
    seconds: float
    attempts: int
    sent_tokens: int
    answered_tokens: int
    cost: float
    """In the currency of the prices."""


@final
@dataclass(frozen=True)
class Quarantined:
    """A clip without a verdict, and why."""

    name: str
    reason: str


@final
@dataclass(frozen=True, kw_only=True)
class JudgeReport:
    """Verdicts on a set of clips."""

    question: Question
    model: str
    base_url: str
    judged: tuple[Judgement, ...]
    quarantined: tuple[Quarantined, ...]
    seed: int

    @property
    def cost(self) -> float:
        """Price of all verdicts."""
        return sum(item.cost for item in self.judged)

    @property
    def seconds(self) -> float:
        """Time of all verdicts."""
        return sum(item.seconds for item in self.judged)

    def interval(self) -> tuple[float, float, float]:
        """Return the mean score and its 95 % bootstrap interval over clips."""
        scores = np.array([item.verdict.score for item in self.judged])
        draws = Seed(self.seed).child("judge").generator()
        means = scores[draws.integers(len(scores), size=(_RESAMPLES, len(scores)))].mean(1)
        low, high = np.percentile(means, [2.5, 97.5])
        return float(scores.mean()), float(low), float(high)

    def row(self) -> dict[str, str | float | int]:
        """Return the row of a table: measure, model, value, low, high, clips, set aside, cost."""
        value, low, high = self.interval()
        scale = f"{self.question.worst:g} to {self.question.best:g}, more is better"
        row: dict[str, str | float | int] = {"measure": f"judge_{self.question.name}"}
        row |= {"model": self.model, "better": "higher", "scale": scale}
        row |= {"value": value, "low": low, "high": high, "clips": len(self.judged)}
        row |= {"quarantined": len(self.quarantined), "cost": self.cost}
        row["seconds_per_clip"] = self.seconds / len(self.judged)
        return row


def judge_clips(
    clips: Iterable[Clip],
    config: JudgeConfig,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> JudgeReport:
    """Ask the judge about every clip, one at a time.

    Raises:
        ConfigError: If there is no clip, the address is not allowed or the server refuses key,
            model or the form of the request.
        JobError: If no clip at all gets a verdict.
    """
    question = QUESTIONS[config.question]
    judged: list[Judgement] = []
    aside: list[Quarantined] = []
    for name, clip, fps in clips:
        found = _judge(name, clip, fps, question, config, sleep)
        if isinstance(found, Judgement):
            judged.append(found)
        else:
            aside.append(found)
    if not judged and not aside:
        raise ConfigError("the judge needs at least one clip, found none; give clips")
    if not judged:
        raise JobError(
            f"judge {config.base_url}: none of {len(aside)} clips has a verdict; the first: "
            f"{aside[0].reason}; check that the model sees pictures and is up"
        )
    return JudgeReport(
        question=question,
        model=config.model,
        base_url=config.base_url,
        judged=tuple(judged),
        quarantined=tuple(aside),
        seed=config.seed,
    )


def _judge(
    name: str,
    clip: UInt8[np.ndarray, "t h w 3"],
    fps: float,
    question: Question,
    config: JudgeConfig,
    sleep: Callable[[float], None],
) -> Judgement | Quarantined:
    parts = media_parts(
        clip, fps, send=config.send, max_frames=config.max_frames, quality=config.jpeg_quality
    )
    content = [*parts, {"type": "text", "text": question.text}]
    answer = ask(content, config, lambda text: question.read(text) is not None, sleep=sleep)
    if isinstance(answer, Fault):
        return Quarantined(name, answer.reason)
    verdict = question.read(answer.text)
    if verdict is None:
        return Quarantined(name, "malformed answer")
    cost = answer.sent_tokens * config.input_price + answer.answered_tokens * config.output_price
    return Judgement(
        name=name,
        verdict=verdict,
        seconds=answer.seconds,
        attempts=answer.attempts,
        sent_tokens=answer.sent_tokens,
        answered_tokens=answer.answered_tokens,
        cost=cost / _MILLION,
    )
