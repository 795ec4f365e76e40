"""A staged scenario: the parts, who plays them, and what must come of it.

A scenario draws a `Staging`; the director puts it into running traffic. Times are seconds of the
run (0 is the end of warm-up, the clip begins at `CLIP_START_S`); a `Wish` is in clip seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, final, runtime_checkable

from rareworld.core.blueprint import BLUEPRINTS, Blueprint
from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import FloatArray
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import SignalState
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.drive.path import Path
from rareworld.simulate.state import BodyState

CLIP_START_S = 6.0
"""Run time at which the clip begins: before it, roles take their places unseen."""


class Outcome(StrEnum):
    """How the parts of a conflict end."""

    COLLISION = "collision"
    NEAR_MISS = "near_miss"
    SAFE = "safe"
    """Passes close by, or brakes hard, with room to spare: a hard negative."""


@runtime_checkable
class Acting(Protocol):
    """How an actor acts once it has left SUMO."""

    def driver(self, state: BodyState) -> Driver:
        """Return the driver that plays the part from the state met at hand-over.

        Raises:
            ScenarioError: If the part cannot be played from there.
        """
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Role:
    """One actor of the event."""

    name: str
    """Part played, e.g. `striking`; kept as the actor's role."""
    blueprint: str
    path: Path
    """The whole way, from before the hand-over."""
    start_m: float
    """Station on the path at hand-over, of the box's middle."""
    start_mps: float
    acting: Acting
    appears: bool = False
    """Enters at the hand-over, not through SUMO: where traffic could not be, or on foot."""

    @property
    def spec(self) -> Blueprint:
        """Size, mass and limits."""
        return BLUEPRINTS[self.blueprint]

    @property
    def direct(self) -> bool:
        """Whether it enters at the hand-over; other roles drive in SUMO before."""
        return self.appears or self.spec.class_id in PEOPLE


@final
@dataclass(frozen=True, kw_only=True)
class SignalOrder:
    """A state that the lights of an approach must show."""

    lane: str
    """Approach lane."""
    state: SignalState
    from_s: float
    to_s: float


@final
@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a recording must show to be accepted."""

    kind: EventKind | None
    """None: nothing at all may happen to the roles."""
    roles: tuple[str, ...] = ()
    """Roles that must be among the event's actors."""
    forbidden: frozenset[EventKind] = frozenset({EventKind.COLLISION})
    """Kinds none of the roles may show (beside `kind`)."""
    count: int = 1
    """Least number of such events among the roles, each with at least one of them."""
    earliest_s: float = 0.3
    latest_s: float = float("inf")
    measures: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    """Bounds on measures of the event."""


@final
@dataclass(frozen=True, kw_only=True)
class Staging:
    """Everything needed to play one scenario once."""

    scenario: str
    outcome: Outcome
    handover_s: float
    """When the roles leave SUMO."""
    event_s: float
    """When it shall happen."""
    focus_m: FloatArray
    """Shape (3,): where it shall happen."""
    roles: tuple[Role, ...]
    wish: Wish
    signals: tuple[SignalOrder, ...] = ()
    clear: tuple[Path, ...] = ()
    """Ways that other traffic leaves before the clip starts, beside the roles' own."""
    drawn: Mapping[str, float | str] = field(default_factory=dict[str, float | str])
    """Parameters drawn, for provenance."""


def rejection(staging: Staging, events: tuple[Event, ...], ids: Mapping[str, int]) -> str | None:
    """Return why a recording is not what was staged; None if it is.

    Args:
        staging: What was wished.
        events: What geometry found.
        ids: Actor id of each role.
    """
    wish, cast = staging.wish, set(ids.values())
    own = [event for event in events if not cast or cast & set(event.actors)]
    bad = [event for event in own if event.kind in wish.forbidden and event.kind != wish.kind]
    if bad:
        return f"unwanted {bad[0].kind.value}"
    return None if wish.kind is None else _unfulfilled(wish, own, ids)


def _unfulfilled(wish: Wish, own: list[Event], ids: Mapping[str, int]) -> str | None:
    """Return what is missing of a wish for an event among the roles' own."""
    wanted = {ids[name] for name in wish.roles}
    same = [event for event in own if event.kind == wish.kind]
    matching = [event for event in same if wanted <= set(event.actors)]
    if not matching or len(same) < wish.count:
        return f"no {wish.kind}"
    return _misfit(wish, matching[0])


def _misfit(wish: Wish, event: Event) -> str | None:
    """Return how the event misses the wished time or measures."""
    if not wish.earliest_s <= event.key_s <= wish.latest_s:
        return "at another time"
    for name, (low, high) in wish.measures.items():
        if name in event.measures and not low <= event.measures[name] <= high:
            return f"{name} out of range"
    return None
