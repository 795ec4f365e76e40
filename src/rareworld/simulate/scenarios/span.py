"""Ranges that parameters are drawn from."""

from typing import Any, final

import numpy as np
from pydantic import model_validator

from rareworld.data.config import Config


@final
class Span(Config):
    """A closed range; written `[low, high]` or as one number in a recipe.

    >>> Span.of(2, 5).low
    2.0
    """

    low: float
    high: float

    @classmethod
    def of(cls, low: float, high: float | None = None) -> "Span":
        """Return the range from low to high, or the single value."""
        return cls(low=low, high=low if high is None else high)

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:  # noqa: ANN401 - whatever a recipe may hold
        if isinstance(value, int | float):
            return {"low": value, "high": value}
        if isinstance(value, list | tuple) and len(value) == 2:
            return {"low": value[0], "high": value[1]}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    def draw(self, rng: np.random.Generator) -> float:
        """Return a value, uniform over the range."""
        return float(rng.uniform(self.low, self.high))
