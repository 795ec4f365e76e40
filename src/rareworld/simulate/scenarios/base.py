"""What every scenario is: a typed record of ranges that stages itself on a site.

Conflicts are timed by the post-encroachment geometry of two boxes whose ways cross: the first
clears the other's way when its tail has passed it, the second reaches it with its nose
(Allen, Shin & Cooper 1978).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.data.config import Config
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.library import Place
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.site import USUAL_MPS, Site
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, Staging

T = TypeVar("T")

FOUR_WHEELS = (
    "city_car", "hatchback", "saloon", "estate", "suv", "mpv", "coupe", "pickup", "taxi", "van",
    "small_van",
)  # fmt: skip
STRIKERS = (*FOUR_WHEELS, "box_truck", "motorcycle")

HANDOVER_BEFORE_S = 2.6
"""Roles leave SUMO at least this long before the event."""
UNSEEN_S = 0.1
"""And at least this long before the clip begins, so that nobody is seen to appear."""


class Scenario(Config, ABC):
    """Ranges of one kind of scenario; subclasses are final and stage themselves."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for people."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """Tags a place must have (`simulate.maps.places`)."""
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.COLLISION, Outcome.NEAR_MISS)
    after_s: ClassVar[float] = 1.0
    """Clip time that the event needs behind it."""

    @abstractmethod
    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw one staging.

        Args:
            site: Where.
            outcome: How it shall end; one of `outcomes`.
            event_s: When, in seconds of the run.
            rng: All randomness.

        Raises:
            ScenarioError: If the place offers nowhere to do it.
        """

    @classmethod
    def check(cls, place: Place) -> None:
        """Refuse a place that lacks what the scenario needs.

        Raises:
            ScenarioError: Naming what is missing and the places that have it.
        """
        missing = cls.needs - place.info.tags
        if missing:
            fitting = [name for name, info in PLACES.items() if cls.needs <= info.tags]
            raise ScenarioError(
                f"{cls.name} cannot happen on {place.name!r}: it has no "
                f"{', '.join(sorted(missing))}; places that allow it: {', '.join(fitting)}"
            )

    @classmethod
    def check_time(cls, event_s: float, duration_s: float) -> None:
        """Refuse a clip that ends before the event is complete; both in clip seconds.

        Raises:
            ScenarioError: Naming the length that is needed.
        """
        if event_s + cls.after_s > duration_s:
            raise ScenarioError(
                f"{cls.name} needs {cls.after_s:g} s after the event at {event_s:.2f} s, the clip "
                f"ends at {duration_s:g} s; make it at least {event_s + cls.after_s:.1f} s long"
            )


def handover_at(event_s: float) -> float:
    """Return the latest time to hand roles over for an event."""
    return min(event_s - HANDOVER_BEFORE_S, CLIP_START_S - UNSEEN_S)


def pace(span: Span, limit_mps: float, rng: np.random.Generator, most: float = 1.9) -> float:
    """Return a speed from a range meant for 50 km/h, scaled to the limit here."""
    return span.draw(rng) * scale(limit_mps, most)


def scale(limit_mps: float, most: float = 1.9) -> float:
    """Return the factor on speeds meant for 50 km/h where another limit holds."""
    return min(max(limit_mps / USUAL_MPS, 0.5), most)


def pick(options: Sequence[T], rng: np.random.Generator, what: str) -> T:
    """Return one of the options.

    Raises:
        ScenarioError: If there is none; `what` says what was looked for.
    """
    if not options:
        raise ScenarioError(f"the map has no {what}")
    return options[int(rng.integers(len(options)))]


def pick_blueprint(names: Sequence[str], rng: np.random.Generator) -> str:
    """Return a blueprint drawn by its frequency on the road."""
    weights = np.array([BLUEPRINTS[name].frequency for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def conflict_delay_s(
    first: str,
    second: str,
    first_mps: float,
    second_mps: float,
    gap_s: float,
) -> float:
    """Return how much later the second's middle reaches the crossing of two ways than the first's.

    `gap_s` is the post-encroachment time; negative values overlap the boxes in time.
    """
    a, b = BLUEPRINTS[first], BLUEPRINTS[second]
    first_clear_s = (a.length_m + b.width_m) / 2 / max(first_mps, 0.1)
    second_nose_s = (b.length_m + a.width_m) / 2 / max(second_mps, 0.1)
    return first_clear_s + gap_s + second_nose_s


def conflict_gap_s(
    first: str, second: str, first_mps: float, outcome: Outcome, rng: np.random.Generator
) -> float:
    """Draw the post-encroachment time of a crossing conflict.

    A collision strikes between 15 % and 85 % of the first's length; a near miss passes within
    0.15 to 0.8 s; a safe pass within 1.6 to 2.6 s.
    """
    if outcome is Outcome.NEAR_MISS:
        return float(rng.uniform(0.15, 0.8))
    if outcome is Outcome.SAFE:
        return float(rng.uniform(1.6, 2.6))
    a, b = BLUEPRINTS[first], BLUEPRINTS[second]
    sweep_s = (a.length_m + b.width_m) / max(first_mps, 0.1)
    return -float(rng.uniform(0.15, 0.85)) * sweep_s
