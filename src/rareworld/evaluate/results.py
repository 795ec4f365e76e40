"""What an evaluation finds: numbers that carry how they were made and how sure they are.

Proved in `tests/evaluate/test_results.py`.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, final

from rareworld.evaluate.features import Quarantined
from rareworld.evaluate.sampling import Floor

SCHEMA_VERSION = 1


@final
@dataclass(frozen=True, kw_only=True)
class Number:
    """One metric of one generated set against the real one."""

    metric: str
    protocol: str
    which: str
    """`generated` or `baseline`."""
    value: float
    low: float | None
    """Ends of the bootstrap interval; None where there is none."""
    high: float | None
    level: float
    """Of the interval."""
    resamples: int
    split: Floor | None
    """Same number of halves of the real set; None where it cannot be told."""
    at_infinity: float | None
    """Fitted to infinitely many clips; None unless asked for."""
    n_real: int | None
    """Clips; None for statistics that do not say."""
    n_generated: int | None
    rows_real: int | None
    """Rows of features: clips, or pictures of all clips."""
    rows_generated: int | None
    width: int
    """Values of a row."""
    rank_real: int | None
    """Rank of the covariance; None for distances that need none."""
    rank_generated: int | None
    discarded_real: int
    """Clips too short for the protocol."""
    discarded_generated: int
    frames: str
    """Which frames of a clip were looked at, in words."""
    weights: str
    """Weights of the network: file, SHA-256, where from."""

    @property
    def floor(self) -> float | None:
        """What halves of the real set score, at `split.num_clips` clips."""
        return None if self.split is None else self.split.value


@final
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric before and after, against the same real clips and on the same resamples."""

    metric: str
    protocol: str
    before: float
    """The baseline's number."""
    after: float
    """The generated set's number."""
    difference: float
    """Before less after."""
    difference_low: float
    difference_high: float
    drop_percent: float | None
    """Of the number before; None if that is not above zero."""
    low_percent: float | None
    """Ends of its interval; None where the number before may be zero."""
    high_percent: float | None
    above_floor_percent: float | None
    """Drop of what lies above the floor, at the floor's clips; None where before is not above."""
    level: float
    paired: bool
    """Most clips of both sets have common names, and these were drawn together."""

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves zero out."""
        return self.difference_low > 0 or self.difference_high < 0


@final
@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything one call of `evaluate_sets` found."""

    numbers: tuple[Number, ...]
    comparisons: tuple[Comparison, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a reader must know before trusting a number."""
    quarantined: tuple[Quarantined, ...] = ()
    """Clips that could not be measured."""
    sets: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What each set is: path, clips, sizes, rates, compression."""
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings, and the protocols in full."""

    def number(self, protocol: str, which: str = "generated") -> Number:
        """Return the number of a protocol.

        Raises:
            KeyError: If it was not computed.
        """
        for number in self.numbers:
            if (number.protocol, number.which) == (protocol, which):
                return number
        raise KeyError(f"no {protocol} of {which}")

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON types, as `report.json` has it."""
        return {
            "kind": "evaluation",
            "schema_version": SCHEMA_VERSION,
            "numbers": [{**asdict(n), "floor": n.floor} for n in self.numbers],
            "comparisons": [{**asdict(c), "clear": c.clear} for c in self.comparisons],
            "warnings": list(self.warnings),
            "quarantined": [asdict(item) for item in self.quarantined],
            "sets": self.sets,
            "config": self.config,
        }
