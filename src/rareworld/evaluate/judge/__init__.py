"""Optional judge of physical plausibility: a vision language model behind any endpoint."""

from rareworld.evaluate.judge.config import JudgeConfig
from rareworld.evaluate.judge.questions import ANOMALY, PLAUSIBILITY, Question, Verdict
from rareworld.evaluate.judge.run import Judgement, JudgeReport, Quarantined, judge_clips

__all__ = [
    "ANOMALY",
    "PLAUSIBILITY",
    "JudgeConfig",
    "JudgeReport",
    "Judgement",
    "Quarantined",
    "Question",
    "Verdict",
    "judge_clips",
]
