"""What is accepted: the wish against the events geometry found."""

import numpy as np
import pytest

from rareworld.core.event import Event, EventKind
from rareworld.simulate.scenarios.crossing import wish_of
from rareworld.simulate.scenarios.staging import Outcome, Staging, Wish, rejection

IDS = {"striking": 1, "struck": 2}
HIT, NEAR, RED = EventKind.COLLISION, EventKind.NEAR_MISS, EventKind.RED_LIGHT


def _event(kind: EventKind, *actors: int, key_s: float = 2.0, **measures: float) -> Event:
    return Event(
        kind=kind, actors=actors, start_s=key_s, end_s=key_s + 0.1, start_frame=60, end_frame=63,
        key_s=key_s, position_m=(0.0, 0.0, 0.0), measures=measures,
    )  # fmt: skip


def _staging(wish: Wish) -> Staging:
    return Staging(
        scenario="test", outcome=Outcome.SAFE, handover_s=5.0, event_s=8.0,
        focus_m=np.zeros(3), roles=(), wish=wish,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "events", "expected"),
    [
        (Outcome.COLLISION, (_event(HIT, 1, 2),), None),
        (Outcome.COLLISION, (_event(HIT, 2, 1), _event(HIT, 2, 7, key_s=3.0)), None),
        (Outcome.COLLISION, (), "no collision"),
        (Outcome.COLLISION, (_event(HIT, 1, 7),), "no collision"),
        (Outcome.COLLISION, (_event(HIT, 7, 8),), "no collision"),
        (Outcome.COLLISION, (_event(HIT, 1, 2, key_s=0.1),), "at another time"),
        (Outcome.COLLISION, (_event(HIT, 1, 7, key_s=1.0), _event(HIT, 1, 2)), None),
        (Outcome.NEAR_MISS, (_event(NEAR, 1, 2),), None),
        (Outcome.NEAR_MISS, (_event(NEAR, 1, 2), _event(HIT, 1, 7)), "unwanted collision"),
        (Outcome.NEAR_MISS, (_event(NEAR, 1, 2), _event(HIT, 8, 7)), None),
        (Outcome.NEAR_MISS, (_event(NEAR, 1, 9),), "no near_miss"),
        (Outcome.SAFE, (), None),
        (Outcome.SAFE, (_event(RED, 1), _event(NEAR, 8, 9)), None),
        (Outcome.SAFE, (_event(NEAR, 1, 9),), "unwanted near_miss"),
        (Outcome.SAFE, (_event(HIT, 2, 1),), "unwanted collision"),
    ],
)
def test_outcomes_are_judged_by_the_roles_own_events(
    outcome: Outcome, events: tuple[Event, ...], expected: str | None
):
    wish = wish_of(outcome, ("striking", "struck"))
    assert rejection(_staging(wish), events, IDS) == expected


def test_a_count_asks_for_so_many_events():
    wish = Wish(kind=HIT, roles=("striking",), count=2)
    one, two = _event(HIT, 1, 5), _event(HIT, 2, 6, key_s=2.5)
    assert rejection(_staging(wish), (one,), IDS) == "no collision"
    assert rejection(_staging(wish), (one, two), IDS) is None


@pytest.mark.parametrize(("decel", "expected"), [(6.0, None), (9.0, "decel_mps2 out of range")])
def test_measures_are_bounded(decel: float, expected: str | None):
    braking = EventKind.SUDDEN_BRAKING
    wish = Wish(kind=braking, roles=("struck",), measures={"decel_mps2": (5.0, 8.0)})
    event = _event(braking, 2, decel_mps2=decel)
    assert rejection(_staging(wish), (event,), IDS) == expected


def test_without_roles_the_wish_holds_for_everybody():
    wish = Wish(kind=None, forbidden=frozenset({HIT}))
    assert rejection(_staging(wish), (_event(NEAR, 4, 5),), {}) is None
    assert rejection(_staging(wish), (_event(HIT, 4, 5),), {}) == "unwanted collision"
