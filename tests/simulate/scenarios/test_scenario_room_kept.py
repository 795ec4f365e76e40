"""The rules of clearing as a table, and refusals of places and clips for every scenario."""

import math
from functools import cache

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.library import Place, load_place
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.base import UNSEEN_S, Scenario, handover_at
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.clearing import AFTER_S, BEHIND_M, BEYOND_M, MEET_M, Clearing
from rareworld.simulate.scenarios.crossing import wish_of
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, Role
from tests.simulate.scenarios.scenario_fakes import (
    EVENT_S,
    HANDOVER_S,
    eastward,
    role_on,
    sighted,
    staging_of,
)

START_M, MPS, NOW_S = 150.0, 10.0, 4.0
WEST, NORTH, SOUTH = math.pi, math.pi / 2, -math.pi / 2
PLACE = cache(load_place)


def gone(
    x: float, y: float, yaw: float, mps: float, *, body: str = "saloon", now_s: float = NOW_S
) -> bool:
    """Tell whether somebody leaves for one role that drives east along y = 0."""
    clearing = Clearing(staging_of(role_on(eastward(), START_M, MPS)))
    return clearing.wants_gone(sighted(1, x, y, yaw, mps, body).state(), body, now_s)


def met_from(side_m: float, mps: float, late_s: float, x: float = 165.0) -> tuple[float, float]:
    """Return where somebody is who crosses the role's way this long after it is there."""
    arrives_s = HANDOVER_S + (x - START_M) / MPS + late_s - NOW_S
    return x, math.copysign(mps * arrives_s, side_m)


@pytest.mark.parametrize("mps", [6.0, 12.0])
@pytest.mark.parametrize("yaw", [NORTH, SOUTH])
@pytest.mark.parametrize(("late_s", "leaves"), [(0.0, True), (-0.2, True), (1.6, False)])
def test_crossing_traffic_leaves_if_it_would_be_there_together(
    mps: float, yaw: float, late_s: float, leaves: bool
):
    x, y = met_from(1.0 if yaw == SOUTH else -1.0, mps, late_s)
    assert abs(y) > MEET_M
    assert gone(x, y, yaw, mps) is leaves


@pytest.mark.parametrize(
    ("x", "y", "yaw", "mps", "leaves"),
    [
        (170.0, 3.3, 0.0, 10.0, False),
        (170.0, 3.3, 0.0, 0.0, False),
        (200.0, 3.3, WEST, 10.0, True),
        (200.0, 8.0, WEST, 10.0, False),
        (165.0, 6.0, SOUTH, 0.3, False),
        (165.0, 60.0, NORTH, 12.0, False),
        (165.0, 60.0, SOUTH, 0.4, False),
        (60.0, 0.0, 0.0, 14.0, False),
        (START_M - BEHIND_M + 0.5, 0.0, 0.0, 14.0, True),
        (START_M + 3 * MPS + BEYOND_M - 0.5, 0.0, WEST, 0.0, True),
        (START_M + 3 * MPS + BEYOND_M + 0.5, 0.0, 0.0, 0.0, False),
    ],
)
def test_who_leaves_and_who_stays(x: float, y: float, yaw: float, mps: float, leaves: bool):
    """Beside it in its direction, standing beside, oncoming near and far, slow, away, far off."""
    assert gone(x, y, yaw, mps) is leaves


@pytest.mark.parametrize("body", ["motorcycle", "saloon", "box_truck", "city_bus"])
def test_longer_bodies_need_more_room(body: str):
    """Oncoming at a lateral distance: 4 m, and half of what is beyond 4.5 m of length."""
    reach = MEET_M + max(BLUEPRINTS[body].length_m - 4.5, 0.0) / 2
    assert gone(200.0, reach - 0.3, WEST, 10.0, body=body)
    assert not gone(200.0, reach + 0.3, WEST, 10.0, body=body)


@pytest.mark.parametrize(("turn_deg", "leaves"), [(10.0, False), (30.0, True), (90.0, True)])
def test_headings_within_20_degrees_count_as_beside(turn_deg: float, leaves: bool):
    yaw = -math.radians(turn_deg)
    after_s = HANDOVER_S + 1.5 - NOW_S
    x = 165.0 - 10.0 * math.cos(yaw) * after_s
    y = 3.0 - 10.0 * math.sin(yaw) * after_s
    assert y > 2.6, "it must begin beside the corridor"
    assert gone(x, y, yaw, 10.0) is leaves


@pytest.mark.parametrize(
    ("now_s", "leaves"), [(NOW_S, True), (EVENT_S + AFTER_S - 0.3, True), (EVENT_S + 1.0, False)]
)
def test_courses_matter_until_shortly_after_the_event(now_s: float, leaves: bool):
    """Somebody who at any time would meet the role within the next moment."""
    x = START_M + MPS * (max(now_s, HANDOVER_S) + 0.1 - HANDOVER_S)
    after_s = max(HANDOVER_S - now_s, 0.0) + 0.1
    assert gone(x, 3.0 + 8.0 * after_s, SOUTH, 8.0, now_s=now_s) is leaves


@pytest.mark.parametrize("body", ["adult", "child"])
@pytest.mark.parametrize(
    ("x", "y", "leaves"),
    [
        (6.0, 0.0, True),
        (-0.4, 0.0, True),
        (-0.6, 0.0, False),
        (12.6, 0.0, False),
        (6.0, 2.6, False),
    ],
)
def test_walks_are_kept_free_from_end_to_end(body: str, x: float, y: float, leaves: bool):
    clearing = Clearing(staging_of(role_on(eastward(12.0), 0.0, 0.0, body=body)))
    assert clearing.occupied(np.array([x, y, 0.0])) is leaves


@pytest.mark.parametrize("reach_m", [0.5, 2.5, 6.0])
def test_the_corridor_is_as_wide_as_asked(reach_m: float):
    clearing = Clearing(staging_of(role_on(eastward(), START_M, MPS)))
    for side in (-1.0, 1.0):
        inside, outside = (np.array([START_M, side * (reach_m + d), 0.0]) for d in (-0.05, 0.05))
        assert clearing.occupied(inside, reach_m)
        assert not clearing.occupied(outside, reach_m)


def test_any_of_several_roles_is_enough():
    def two(y_m: float) -> tuple[Role, Role]:
        return (
            role_on(eastward(), START_M, MPS, name="one"),
            role_on(eastward(y_m=y_m), START_M, MPS, name="two"),
        )

    clearing = Clearing(staging_of(*two(40.0)))
    assert clearing.occupied(np.array([START_M, 40.5, 0.0]))
    assert clearing.occupied(np.array([START_M, 0.5, 0.0]))
    assert not clearing.occupied(np.array([START_M, 20.0, 0.0]))


def test_without_roles_nobody_has_to_leave():
    clearing = Clearing(staging_of())
    assert not clearing.wants_gone(sighted(1, 0.0, 0.0, 0.0, 10.0, "van").state(), "van", NOW_S)


def _place(name: str) -> Place:
    return PLACE(name)


@pytest.mark.parametrize("kind", list(SCENARIOS.values()), ids=list(SCENARIOS))
@pytest.mark.parametrize("name", sorted(PLACES))
def test_places_are_refused_exactly_when_a_tag_is_missing(kind: type[Scenario], name: str):
    missing = sorted(kind.needs - PLACES[name].tags)
    if not missing:
        kind.check(_place(name))
        return
    with pytest.raises(ScenarioError) as caught:
        kind.check(_place(name))
    fitting = [other for other, info in PLACES.items() if kind.needs <= info.tags]
    assert str(caught.value) == (
        f"{kind.name} cannot happen on '{name}': it has no {', '.join(missing)}; "
        f"places that allow it: {', '.join(fitting)}"
    )


@pytest.mark.parametrize("kind", list(SCENARIOS.values()), ids=list(SCENARIOS))
def test_clips_are_refused_exactly_when_they_end_before_the_event_is_complete(
    kind: type[Scenario],
):
    kind.check_time(2.0, 2.0 + kind.after_s)
    with pytest.raises(ScenarioError) as caught:
        kind.check_time(2.25, 2.2 + kind.after_s)
    assert str(caught.value) == (
        f"{kind.name} needs {kind.after_s:g} s after the event at 2.25 s, the clip ends at "
        f"{2.2 + kind.after_s:g} s; make it at least {2.25 + kind.after_s:.1f} s long"
    )


@pytest.mark.parametrize("event_s", [0.5, 2.5, 4.0, 12.0])
def test_hand_overs_are_as_late_as_both_rules_allow(event_s: float):
    at = handover_at(CLIP_START_S + event_s)
    assert at == pytest.approx(CLIP_START_S + min(event_s - 2.6, -UNSEEN_S))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_wish_names_both_roles_only_if_something_shall_happen_to_them(outcome: Outcome):
    wish = wish_of(outcome, ("a", "b"))
    assert (wish.kind is None) == (outcome is Outcome.SAFE)
    assert wish.roles == (() if outcome is Outcome.SAFE else ("a", "b"))
    assert wish.earliest_s == 0.3
    assert wish.latest_s == math.inf
