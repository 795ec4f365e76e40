"""Stagings: deterministic, on time, in reach, and with the outcome that was drawn."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import PEOPLE
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, Staging
from rareworld.simulate.scenarios.touching import first_touch_s, gap_m
from rareworld.simulate.scenarios.vulnerable import KERB_M
from tests.simulate.scenarios.scenario_tools import (
    ALL,
    CONFLICTS,
    EVENT_S,
    FITTING,
    at_handover,
    numbers,
    plan_of,
    staged,
)

SEEDS = range(3)
Sites = Callable[[str], Site]


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_same_seed_same_staging(site: Sites, name: str, outcome: Outcome):
    place = site(FITTING[name])
    assert numbers(staged(place, name, outcome, 3)) == numbers(staged(place, name, outcome, 3))


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_other_seeds_other_stagings(site: Sites, name: str, outcome: Outcome):
    drawn = {numbers(staged(site(FITTING[name]), name, outcome, seed)) for seed in range(4)}
    assert len(drawn) >= (1 if name == "normal_traffic" else 3)


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_roles_are_handed_over_unseen_and_in_reach(site: Sites, name: str, outcome: Outcome):
    for seed in SEEDS:
        staging = staged(site(FITTING[name]), name, outcome, seed)
        assert staging.handover_s < CLIP_START_S
        assert staging.event_s - staging.handover_s >= 2.0
        for role in staging.roles:
            low = -2.5 if role.spec.class_id in PEOPLE else 0.0
            assert low <= role.start_m < role.path.length_m
            assert role.start_mps <= role.spec.top_speed_mps


@pytest.mark.parametrize(("name", "outcome"), ALL)
def test_speeds_stay_near_the_limit(site: Sites, name: str, outcome: Outcome):
    for place in ("school_street", "t_junction", "motorway_merge", FITTING[name]):
        info = PLACES[place]
        if not SCENARIOS[name].needs <= info.tags:
            continue
        limits = [lane.speed_limit_mps or 0.0 for lane in site(place).road.lanes.values()]
        for seed in SEEDS:
            for role in staged(site(place), name, outcome, seed).roles:
                assert role.start_mps <= 1.3 * max(limits)


def _touch_s(staging: Staging) -> float | None:
    first, second = (plan_of(role, staging.handover_s) for role in staging.roles[:2])
    return first_touch_s(first, second, staging.handover_s + 0.2, staging.event_s + 2.5)


@pytest.mark.parametrize("name", CONFLICTS)
def test_planned_contact_is_at_the_event(site: Sites, name: str):
    """Within a frame: nothing interferes and tyres follow the plan (60 ms in the real world)."""
    for seed in SEEDS:
        staging = staged(site(FITTING[name]), name, Outcome.COLLISION, seed)
        assert _touch_s(staging) == pytest.approx(staging.event_s, abs=0.02)


@pytest.mark.parametrize("name", CONFLICTS)
def test_planned_near_misses_do_not_touch(site: Sites, name: str):
    for seed in SEEDS:
        staging = staged(site(FITTING[name]), name, Outcome.NEAR_MISS, seed)
        plans = [plan_of(role, staging.handover_s) for role in staging.roles]
        times = np.arange(staging.handover_s + 0.2, staging.event_s + 2.4, 0.02)
        least = [float(gap_m(a, b, times).min()) for a, b in pairwise(plans)]
        assert min(least) > 0.05
        assert max(least) < 6.0


@pytest.mark.parametrize("name", ["head_on", "sideswipe", "rear_end", "side_impact"])
def test_safe_passes_leave_more_room_than_near_misses(site: Sites, name: str):
    def least_m(outcome: Outcome, seed: int) -> float:
        staging = staged(site(FITTING[name]), name, outcome, seed)
        plans = [plan_of(role, staging.handover_s) for role in staging.roles[:2]]
        times = np.arange(staging.handover_s + 0.2, staging.event_s + 1.0, 0.02)
        return float(gap_m(plans[0], plans[1], times).min())

    safe = np.median([least_m(Outcome.SAFE, seed) for seed in SEEDS])
    near = np.median([least_m(Outcome.NEAR_MISS, seed) for seed in SEEDS])
    assert safe > near + 0.3


@pytest.mark.parametrize("spare_m", [0.4, 2.0])
def test_the_least_gap_of_a_rear_end_is_the_one_drawn(site: Sites, spare_m: float):
    kind = SCENARIOS["rear_end"].parse({"gap_m": spare_m})
    staging = kind.stage(site("t_junction"), Outcome.NEAR_MISS, EVENT_S, np.random.default_rng(5))
    plans = [plan_of(role, staging.handover_s) for role in staging.roles]
    gap = gap_m(plans[0], plans[1], np.arange(staging.handover_s, EVENT_S + 6.0, 0.02))
    assert float(gap.min()) == pytest.approx(spare_m, abs=0.05)


@pytest.mark.parametrize("overlap", [0.3, 0.8])
def test_fronts_overlap_by_the_share_drawn(site: Sites, overlap: float):
    kind = SCENARIOS["head_on"].parse({"overlap": overlap})
    staging = kind.stage(
        site("rural_crossroads"), Outcome.COLLISION, EVENT_S, np.random.default_rng(2)
    )
    first, second = (plan_of(role, staging.handover_s) for role in staging.roles)
    at = np.array([EVENT_S])
    heading = second.path.heading_rad(second.profile.station_m(EVENT_S))
    across = np.array([-np.sin(heading), np.cos(heading)])
    sides = [np.sort(plan.outline_m(at)[0] @ across) for plan in (first, second)]
    shared = min(s[-1] for s in sides) - max(s[0] for s in sides)
    narrower = min(BLUEPRINTS[plan.blueprint].width_m for plan in (first, second))
    assert shared / narrower == pytest.approx(overlap, abs=0.12)


def test_events_later_in_a_clip_are_handed_over_unseen_all_the_same(site: Sites):
    staging = staged(site("t_junction"), "rear_end", Outcome.COLLISION, 1, CLIP_START_S + 4.5)
    assert staging.handover_s < CLIP_START_S
    assert _touch_s(staging) == pytest.approx(staging.event_s, abs=0.02)


def test_events_too_late_for_the_lanes_are_refused(site: Sites):
    with pytest.raises(ScenarioError, match="long enough"):
        staged(site("t_junction"), "pile_up", Outcome.COLLISION, 1, CLIP_START_S + 30.0)


def test_hard_but_safe_braking_stays_below_what_counts_as_evasive(site: Sites):
    for seed in SEEDS:
        staging = staged(site("t_junction"), "rear_end", Outcome.SAFE, seed)
        for role in staging.roles:
            plan = plan_of(role, staging.handover_s)
            assert max(-accel for _, accel in plan.profile.phases) < 5.5


def test_people_walk_straight_over_the_road(site: Sites):
    for seed in range(8):
        staging = staged(site("midblock_crossing"), "pedestrian_struck", Outcome.COLLISION, seed)
        person = staging.roles[0]
        assert person.direct
        assert person.start_mps <= 2.8
        along = person.path.heading_rad(0.0) - staging.roles[1].path.heading_rad(60.0)
        assert abs(np.sin(along)) > 0.95
        assert 6.0 < person.path.length_m < 30.0


def test_people_stand_at_the_kerb_until_they_step_out(site: Sites):
    for seed in SEEDS:
        staging = staged(site("t_junction"), "jaywalking", Outcome.SAFE, seed)
        role = staging.roles[0]
        profile = plan_of(role, staging.handover_s).profile
        assert role.start_mps == 0.0
        assert profile.station_m(staging.event_s) == pytest.approx(KERB_M + 0.4, abs=0.01)


def test_jaywalkers_keep_away_from_crosswalks(site: Sites):
    place = site("midblock_crossing")
    for seed in SEEDS:
        staging = staged(place, "jaywalking", Outcome.SAFE, seed)
        for walk in place.road.crosswalks:
            gap = np.linalg.norm(walk.outline_m[:, :2] - staging.focus_m[:2], axis=1).min()
            assert gap >= 12.0


def test_the_wrong_way_driver_heads_against_its_lane(site: Sites):
    place = site("roundabout")
    for seed in SEEDS:
        role = staged(place, "wrong_way", Outcome.SAFE, seed).roles[0]
        state = at_handover(role, 0.0)
        found = place.index.nearest(state.position_m[None, :2], kinds=None)
        assert np.cos(float(found.yaw_rad[0]) - state.yaw_rad) < -0.9
        assert role.appears


def test_the_runner_meets_a_red_light_at_its_stop_line(site: Sites):
    for seed in SEEDS:
        staging = staged(site("signalised_junction"), "red_light", Outcome.SAFE, seed)
        plan = plan_of(staging.roles[0], staging.handover_s)
        nose = plan.profile.station_m(staging.event_s) + BLUEPRINTS[plan.blueprint].length_m / 2
        order = staging.signals[0]
        lane = site("signalised_junction").road.lanes[order.lane]
        end, _ = plan.path.project(lane.centre_m[-1])
        assert abs(nose - end) < 15.0
        assert order.from_s == 0.0 < staging.event_s < order.to_s


@pytest.mark.parametrize("name", ["stalled_vehicle", "blocked_junction"])
def test_what_breaks_down_stands_before_the_event_and_stays(site: Sites, name: str):
    for seed in SEEDS:
        staging = staged(site("school_street"), name, Outcome.SAFE, seed)
        profile = plan_of(staging.roles[0], staging.handover_s).profile
        assert profile.speed_mps(staging.event_s) == pytest.approx(0.0, abs=1e-6)
        moved = profile.station_m(staging.event_s + 20.0) - profile.station_m(staging.event_s)
        assert moved == pytest.approx(0.0, abs=1e-6)
