"""Every family on every place that fits: roles, speeds, wishes, lights, contact, room."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import SignalState
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.acting import OnTime, Paced
from rareworld.simulate.scenarios.base import HANDOVER_BEFORE_S, UNSEEN_S, scale
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.director import LEAD_S, SETTLE_S
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, Staging
from rareworld.simulate.scenarios.touching import first_touch_s, gap_m
from tests.simulate.scenarios.scenario_tools import (
    ALL,
    CONFLICTS,
    EVENT_S,
    at_handover,
    encroachment_s,
    plan_of,
    staged,
    walked_m,
)

Sites = Callable[[str], Site]
SEEDS = (11, 12)

OUT_OF_TURNS = {"pedestrian_struck"}
"""Its driver may be handed over in a turn that leads to the crosswalk."""
HIT, NEAR, SAFE = Outcome.COLLISION, Outcome.NEAR_MISS, Outcome.SAFE


def fitting(name: str) -> list[str]:
    """Return the places that have what a scenario needs."""
    return [place for place, info in PLACES.items() if SCENARIOS[name].needs <= info.tags]


@cache
def drawn(site: Sites, name: str, outcome: Outcome) -> list[tuple[Site, Staging]]:
    """Return, made once, the stagings of some seeds on all fitting places; few may be refused."""
    out: list[tuple[Site, Staging]] = []
    refused: list[str] = []
    for place in fitting(name):
        for seed in SEEDS:
            try:
                out.append((site(place), staged(site(place), name, outcome, seed)))
            except ScenarioError as error:
                refused.append(f"{place} {seed}: {error}")
    assert len(refused) <= 0.1 * (len(out) + len(refused)), refused
    return out


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_stagings_keep_the_rules_that_hold_for_all(site: Sites, name: str, outcome: Outcome):
    for place, staging in drawn(site, name, outcome):
        assert (staging.scenario, staging.outcome) == (name, outcome)
        assert staging.event_s == EVENT_S
        assert staging.handover_s <= min(EVENT_S - HANDOVER_BEFORE_S, CLIP_START_S - UNSEEN_S)
        names = [role.name for role in staging.roles]
        assert len(set(names)) == len(names)
        assert set(staging.wish.roles) <= set(names)
        low_x, low_y, high_x, high_y = place.road.bounds_m
        assert low_x <= staging.focus_m[0] <= high_x
        assert low_y <= staging.focus_m[1] <= high_y
        for role in staging.roles:
            assert isinstance(role.acting, OnTime | Paced)
            assert role.acting.spec is BLUEPRINTS[role.blueprint]
            assert role.acting.path is role.path
            assert np.isfinite(role.path.points_m).all()


@pytest.mark.parametrize(("name", "outcome"), [one for one in ALL if one[0] not in OUT_OF_TURNS])
def test_roles_begin_on_their_way_before_any_junction(site: Sites, name: str, outcome: Outcome):
    """Unless they appear, to be seen by nobody before the clip."""
    for place, staging in drawn(site, name, outcome):
        for role in staging.roles:
            if role.spec.class_id in PEOPLE or role.appears:
                continue
            at = at_handover(role, staging.handover_s).position_m
            lane = place.road.lanes[place.lane_of(at)]
            assert lane.junction is None, (place.place.name, role.name)


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_roles_have_room_to_enter_traffic_behind_their_start(
    site: Sites, name: str, outcome: Outcome
):
    """Else the director would refuse the attempt; at most one in ten may come to that."""
    tails = [
        role.start_m - role.start_mps * (LEAD_S - SETTLE_S) - role.spec.length_m / 2
        for _, staging in drawn(site, name, outcome)
        for role in staging.roles
        if not role.direct
    ]
    assert np.mean([tail < 0 for tail in tails] or [0.0]) <= 0.1


@pytest.mark.parametrize("name", CONFLICTS)
def test_planned_boxes_touch_at_the_event_within_60_ms(site: Sites, name: str):
    for place, staging in drawn(site, name, HIT):
        first, second = (plan_of(role, staging.handover_s) for role in staging.roles[:2])
        touch = first_touch_s(first, second, staging.handover_s + 0.2, EVENT_S + 0.5)
        assert touch == pytest.approx(EVENT_S, abs=0.06), place.place.name


@pytest.mark.parametrize("name", CONFLICTS)
def test_nobody_else_of_the_cast_touches_before_the_event(site: Sites, name: str):
    for _, staging in drawn(site, name, HIT):
        plans = [plan_of(role, staging.handover_s) for role in staging.roles]
        times = np.arange(staging.handover_s, EVENT_S - 0.06, 0.1)
        for a, b in pairwise(plans):
            assert float(gap_m(a, b, times).min()) > 0.0


@pytest.mark.parametrize(
    ("name", "outcome", "low_s", "high_s"),
    [
        ("side_impact", NEAR, 0.1, 0.9),
        ("side_impact", SAFE, 1.4, 2.7),
        ("pedestrian_struck", NEAR, 0.1, 0.9),
        ("pedestrian_struck", SAFE, 1.5, 2.7),
        ("left_turn_across", NEAR, 0.05, 0.95),
        ("left_turn_across", SAFE, 1.15, 2.7),
        ("cyclist_struck", NEAR, 0.05, 0.95),
        ("cyclist_struck", SAFE, 1.15, 2.7),
    ],
)
def test_post_encroachment_times_of_crossing_ways_are_in_range(
    site: Sites, name: str, outcome: Outcome, low_s: float, high_s: float
):
    """Measured by brute force on the planned boxes, in steps of 0.05 s.

    The formula is for right angles; in turns less is left, in a safe pass never less than the
    second that counts as a near miss.
    """
    for place, staging in drawn(site, name, outcome):
        first, second = (plan_of(role, staging.handover_s) for role in staging.roles)
        assert low_s <= encroachment_s(first, second, EVENT_S) <= high_s, place.place.name


@pytest.mark.parametrize(
    ("outcome", "low_m", "high_m"), [(HIT, -0.03, 0.03), (NEAR, 0.3, 0.9), (SAFE, 2.5, 5.0)]
)
def test_bumpers_of_a_rear_end_come_as_near_as_drawn(
    site: Sites, outcome: Outcome, low_m: float, high_m: float
):
    """Both are integrated here in steps of a millisecond."""
    for _, staging in drawn(site, "rear_end", outcome):
        front, behind = staging.roles
        half = (front.spec.length_m + behind.spec.length_m) / 2
        lead_s = EVENT_S - staging.handover_s
        span_s = lead_s if outcome is HIT else lead_s + 6.0
        gap = walked_m(front, span_s) - walked_m(behind, span_s) - half
        least = float(gap[-1] if outcome is HIT else gap.min())
        assert low_m - 0.03 <= least <= high_m + 0.03
        assert float(gap[0]) >= 2.0


@pytest.mark.parametrize("outcome", [HIT, NEAR])
def test_rows_of_a_pile_up_follow_as_closely_as_drawn(site: Sites, outcome: Outcome):
    for _, staging in drawn(site, "pile_up", outcome):
        assert [role.name for role in staging.roles] == [f"vehicle {k}" for k in range(1, 5)]
        for rank, (a, b) in enumerate(pairwise(staging.roles)):
            half = (a.spec.length_m + b.spec.length_m) / 2
            gap = walked_m(a, 9.0) - walked_m(b, 9.0) - half
            if outcome is NEAR:
                low, high = _span("pile_up", "gap_m")
                assert low - 0.03 <= float(gap.min()) <= high + 0.03
            elif rank:
                low, high = _span("pile_up", "headway_s")
                assert low - 1e-9 <= float(gap[0]) / a.start_mps <= high + 1e-9
            else:
                assert float(gap[round(1000 * (EVENT_S - staging.handover_s))]) < 0.03


@pytest.mark.parametrize(
    ("name", "outcome", "low_m", "high_m"),
    [
        ("head_on", NEAR, 0.15, 0.75),
        ("head_on", SAFE, 0.3, 3.0),
        ("sideswipe", NEAR, 0.2, 0.65),
        ("sideswipe", SAFE, 0.5, 15.0),
    ],
)
def test_least_gaps_beside_each_other_are_in_range(
    site: Sites, name: str, outcome: Outcome, low_m: float, high_m: float
):
    for place, staging in drawn(site, name, outcome):
        a, b = (plan_of(role, staging.handover_s) for role in staging.roles)
        times = np.arange(staging.handover_s + 0.2, EVENT_S + 0.6, 0.02)
        least = float(gap_m(a, b, times).min())
        assert low_m <= least <= high_m, (place.place.name, least)


def _span(name: str, field: str) -> tuple[float, float]:
    default = SCENARIOS[name].model_fields[field].default
    return float(default.low), float(default.high)


SPEEDS = [
    ("rear_end", "braking", "speed_mps", 1.9),
    ("rear_end", "following", "speed_mps", 1.9),
    ("side_impact", "struck", "struck_mps", 1.3),
    ("side_impact", "striking", "striking_mps", 1.3),
    ("head_on", "offender", "offender_mps", 1.9),
    ("head_on", "oncoming", "oncoming_mps", 1.9),
    ("left_turn_across", "oncoming", "oncoming_mps", 1.3),
    ("pile_up", "vehicle 1", "speed_mps", 1.3),
    ("pile_up", "vehicle 4", "speed_mps", 1.3),
    ("wrong_way", "wrong-way driver", "speed_mps", 1.5),
    ("sudden_braking", "braking", "speed_mps", 1.9),
    ("swerving", "swerving", "speed_mps", 1.9),
]


@pytest.mark.parametrize(("name", "role", "field", "most"), SPEEDS)
def test_speeds_are_drawn_for_50_and_scaled_to_the_limit_of_the_lane(
    site: Sites, name: str, role: str, field: str, most: float
):
    low, high = _span(name, field)
    for place, staging in drawn(site, name, SCENARIOS[name].outcomes[0]):
        part = next(r for r in staging.roles if r.name == role)
        limits = {lane.speed_limit_mps for lane in place.road.lanes.values()}
        factors = [scale(limit, most) for limit in limits if limit]
        assert low * min(factors) - 1e-9 <= part.start_mps
        assert part.start_mps <= max(high * max(factors), 8.0) + 1e-9


@pytest.mark.parametrize(
    ("name", "role", "field"),
    [
        ("left_turn_across", "turning", "turning_mps"),
        ("cyclist_struck", "cyclist", "cyclist_mps"),
    ],
)
def test_turns_and_cyclists_are_as_fast_whatever_the_limit(
    site: Sites, name: str, role: str, field: str
):
    low, high = _span(name, field)
    for outcome in Outcome:
        for _, staging in drawn(site, name, outcome):
            assert low <= next(r for r in staging.roles if r.name == role).start_mps <= high


@pytest.mark.parametrize("outcome", list(Outcome))
def test_vehicles_that_turn_into_a_cyclist_are_slow(site: Sites, outcome: Outcome):
    for place, staging in drawn(site, "cyclist_struck", outcome):
        driver = staging.roles[1]
        way = next(w for w in place.ways if w.path is driver.path)
        assert driver.start_mps <= (11.0 * 1.3 if way.turn == "straight" else 6.5)


WISHES = [
    ("wrong_way", EventKind.WRONG_WAY, ("wrong-way driver",)),
    ("red_light", EventKind.RED_LIGHT, ("red-light runner",)),
    ("sudden_braking", EventKind.SUDDEN_BRAKING, ("braking",)),
    ("illegal_turn", EventKind.ILLEGAL_TURN, ("turning",)),
    ("jaywalking", EventKind.JAYWALKING, ("pedestrian",)),
    ("swerving", EventKind.SWERVING, ("swerving",)),
    ("stalled_vehicle", EventKind.STOPPED, ("stalled",)),
    ("blocked_junction", EventKind.STOPPED, ("blocking",)),
    ("normal_traffic", None, ()),
]


@pytest.mark.parametrize(("name", "kind", "roles"), WISHES)
def test_violations_wish_for_themselves_and_that_nobody_is_hit(
    site: Sites, name: str, kind: EventKind | None, roles: tuple[str, ...]
):
    for _, staging in drawn(site, name, SAFE):
        assert staging.wish.kind == kind
        assert staging.wish.roles == roles
        assert staging.wish.forbidden == {EventKind.COLLISION}
        assert staging.wish.count == 1


@pytest.mark.parametrize("name", CONFLICTS)
def test_conflicts_wish_for_their_outcome_by_both_roles(site: Sites, name: str):
    for outcome in SCENARIOS[name].outcomes:
        for _, staging in drawn(site, name, outcome):
            wish = staging.wish
            both = tuple(role.name for role in staging.roles[:2])
            assert wish.count == (2 if name == "pile_up" else 1)
            if outcome is SAFE:
                assert wish.kind is None
                assert wish.forbidden == {EventKind.COLLISION, EventKind.NEAR_MISS}
            else:
                assert wish.kind == EventKind(outcome.value)
                assert wish.roles == both


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_lights_are_ordered_where_there_are_some_and_for_the_whole_event(
    site: Sites, name: str, outcome: Outcome
):
    shown = SignalState.RED if name == "red_light" else SignalState.GREEN
    for place, staging in drawn(site, name, outcome):
        for order in staging.signals:
            assert order.lane in place.signalised
            assert order.state is shown
            assert order.from_s == 0.0
            assert order.to_s >= EVENT_S + SCENARIOS[name].after_s
        assert place.signalised or not staging.signals
