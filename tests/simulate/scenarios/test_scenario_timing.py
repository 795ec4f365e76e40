"""The formulas behind stagings against closed forms: gaps, spacings, walks, stops, speeds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.acting import Paced, prolonged
from rareworld.simulate.scenarios.base import (
    FOUR_WHEELS,
    HANDOVER_BEFORE_S,
    conflict_delay_s,
    conflict_gap_s,
    handover_at,
    pace,
    pick,
    pick_blueprint,
    scale,
)
from rareworld.simulate.scenarios.crossing import SPARE_S, Encounter, meeting_times
from rareworld.simulate.scenarios.following import Follower, spacing_m
from rareworld.simulate.scenarios.site import USUAL_MPS, Meeting, Way
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome
from rareworld.simulate.scenarios.touching import first_touch_s, steady
from rareworld.simulate.scenarios.violations import EASY_MPS2, stopping
from rareworld.simulate.scenarios.vulnerable import STRIDE_MPS2, Stroll

EAST = Path.through(np.array([[-100.0, 0.0], [100.0, 0.0]]))


def _crossing_at(angle_rad: float) -> Meeting:
    """Return two straight ways of 200 m that cross in their middles."""
    along = 100.0 * np.array([math.cos(angle_rad), math.sin(angle_rad)])
    other = Path.through(np.stack([-along, along]))
    ways = (Way((), EAST, "a", None, 80.0), Way((), other, "b", None, 80.0))
    return Meeting(*ways, 100.0, 100.0, angle_rad, np.zeros(3))


speeds = st.floats(3.0, 20.0)


@given(speeds, speeds, st.floats(-0.4, 3.0))
def test_delay_grows_one_to_one_with_the_gap(first_mps: float, second_mps: float, gap_s: float):
    base = conflict_delay_s("saloon", "van", first_mps, second_mps, 0.0)
    assert conflict_delay_s("saloon", "van", first_mps, second_mps, gap_s) - base == pytest.approx(
        gap_s
    )


@given(speeds, st.integers(0, 500))
def test_drawn_gaps_have_the_sign_of_their_outcome(first_mps: float, seed: int):
    rng = np.random.default_rng(seed)
    sweep_s = (BLUEPRINTS["suv"].length_m + BLUEPRINTS["suv"].width_m) / first_mps
    hit = conflict_gap_s("suv", "suv", first_mps, Outcome.COLLISION, rng)
    assert -0.85 * sweep_s <= hit <= -0.15 * sweep_s
    assert 0.15 <= conflict_gap_s("suv", "suv", first_mps, Outcome.NEAR_MISS, rng) <= 0.8
    assert 1.6 <= conflict_gap_s("suv", "suv", first_mps, Outcome.SAFE, rng) <= 2.6


@pytest.mark.parametrize("angle_deg", [60, 90, 120, 150, -75, -140])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_encounters_at_any_angle_touch_at_the_event_or_not_at_all(
    angle_deg: float, outcome: Outcome
):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        gap_s = conflict_gap_s("estate", "pickup", 7.0, outcome, rng)
        encounter = Encounter(
            meeting=_crossing_at(math.radians(angle_deg)), first="estate", second="pickup",
            first_mps=7.0, second_mps=10.0, gap_s=gap_s,
        )  # fmt: skip
        first_s, second_s = meeting_times(encounter, outcome, 20.0)
        touch = first_touch_s(
            steady("estate", encounter.meeting.first.path, 100.0, first_s, 7.0),
            steady("pickup", encounter.meeting.second.path, 100.0, second_s, 10.0),
            16.0, 24.0,
        )  # fmt: skip
        expected = pytest.approx(20.0, abs=2e-3) if outcome is Outcome.COLLISION else None
        assert touch == expected


@pytest.mark.parametrize("angle_deg", [40, 90, 140, 158, -30, -100])
@pytest.mark.parametrize("outcome", [Outcome.NEAR_MISS, Outcome.SAFE])
def test_passes_have_time_to_spare_at_any_angle(angle_deg: float, outcome: Outcome):
    """Brought forward by less than the spare time, in steps, the second touches nobody."""
    encounter = Encounter(
        meeting=_crossing_at(math.radians(angle_deg)), first="saloon", second="van",
        first_mps=6.0, second_mps=9.0, gap_s=0.15 if outcome is Outcome.NEAR_MISS else 1.6,
    )  # fmt: skip
    first_s, second_s = meeting_times(encounter, outcome, 20.0)
    first = steady("saloon", encounter.meeting.first.path, 100.0, first_s, 6.0)
    for early_s in np.linspace(0.0, SPARE_S[outcome], 5).tolist():
        other = encounter.meeting.second.path
        second = steady("van", other, 100.0, second_s - early_s, 9.0)
        assert first_touch_s(first, second, 16.0, 24.0) is None


def test_passes_get_more_time_where_ways_cross_at_a_small_angle():
    encounter = Encounter(
        meeting=_crossing_at(math.radians(165)), first="saloon", second="saloon",
        first_mps=8.0, second_mps=8.0, gap_s=0.15,
    )  # fmt: skip
    first_s, second_s = meeting_times(encounter, Outcome.NEAR_MISS, 20.0)
    assert second_s - first_s > conflict_delay_s("saloon", "saloon", 8.0, 8.0, 0.15)


@pytest.mark.parametrize("speed_mps", [8.0, 14.0])
@pytest.mark.parametrize("delay_s", [0.6, 1.2])
def test_spacing_for_equal_braking_is_the_way_of_the_delay(speed_mps: float, delay_s: float):
    """Closed form: with equal decelerations the least gap is the first gap minus v times delay."""
    front = Follower("front", "saloon", ((1.0, 0.0), (12.0, -6.0)))
    behind = Follower("behind", "van", ((1.0 + delay_s, 0.0), (12.0, -6.0)))
    half = (BLUEPRINTS["saloon"].length_m + BLUEPRINTS["van"].length_m) / 2
    spacing = spacing_m(front, behind, speed_mps, 2.6, 0.5)
    assert spacing == pytest.approx(half + speed_mps * delay_s + 0.5, abs=1e-6)


def test_spacing_for_a_collision_is_what_has_closed_by_then():
    """Closed form: before the second brakes, 6 t^2 / 2 closes in t seconds of braking."""
    front = Follower("front", "saloon", ((1.0, 0.0), (12.0, -6.0)))
    behind = Follower("behind", "saloon", ((9.0, 0.0),))
    spacing = spacing_m(front, behind, 15.0, 2.5, None)
    assert spacing == pytest.approx(BLUEPRINTS["saloon"].length_m + 6.0 * 1.5**2 / 2)


@given(st.floats(0.2, 12.0), st.floats(1.0, 3.0), st.floats(2.6, 9.0))
def test_strolls_arrive_on_time(station_m: float, speed_mps: float, time_s: float):
    walk = Path.through(np.array([[0.0, 0.0], [0.0, 20.0]]))
    role = Stroll("one", "adult", walk, station_m, time_s, speed_mps).role(0.0)
    assert isinstance(role.acting, Paced)
    start = steady("adult", walk, role.start_m, 0.0, role.start_mps).profile
    profile = prolonged(start, role.acting.phases)
    assert profile.station_m(time_s) == pytest.approx(station_m, abs=1e-6)
    assert profile.speed_mps(30.0) == pytest.approx(speed_mps)
    assert max((a for _, a in role.acting.phases), default=0.0) <= STRIDE_MPS2


@given(st.floats(3.0, 12.0), st.floats(0.5, 6.0))
def test_stops_are_on_time_and_on_the_spot(speed_mps: float, still_s: float):
    way = Way((), EAST, "a", None, 80.0)
    role = stopping("one", "van", way, 120.0, speed_mps, (0.0, still_s))
    assert isinstance(role.acting, Paced)
    start = steady("van", EAST, role.start_m, 0.0, role.start_mps).profile
    profile = prolonged(start, role.acting.phases)
    assert profile.station_m(still_s + 5.0) == pytest.approx(120.0, abs=1e-6)
    assert profile.speed_mps(still_s) == pytest.approx(0.0, abs=1e-6)
    assert role.start_mps <= speed_mps + 1e-9
    assert min(a for _, a in role.acting.phases) == -EASY_MPS2


@pytest.mark.parametrize(
    ("limit_mps", "factor"),
    [(USUAL_MPS, 1.0), (0.25 * USUAL_MPS, 0.5), (1.5 * USUAL_MPS, 1.5), (3 * USUAL_MPS, 1.9)],
)
def test_speeds_scale_with_the_limit_between_half_and_almost_double(
    limit_mps: float, factor: float
):
    assert scale(limit_mps) == pytest.approx(factor)
    drawn = pace(Span.of(10.0), limit_mps, np.random.default_rng(0))
    assert drawn == pytest.approx(10.0 * factor)


@given(st.floats(0.5, 30.0))
def test_hand_overs_come_early_enough_and_before_the_clip(event_s: float):
    handover = handover_at(CLIP_START_S + event_s)
    assert handover < CLIP_START_S
    assert CLIP_START_S + event_s - handover >= HANDOVER_BEFORE_S - 1e-9


def test_picking_from_nothing_says_what_was_looked_for():
    with pytest.raises(ScenarioError, match="the map has no bridge"):
        pick([], np.random.default_rng(0), "bridge")


def test_blueprints_come_as_often_as_on_the_road():
    rng = np.random.default_rng(1)
    drawn = [pick_blueprint(FOUR_WHEELS, rng) for _ in range(4000)]
    weights = np.array([BLUEPRINTS[name].frequency for name in FOUR_WHEELS])
    expected = weights / weights.sum()
    found = np.array([drawn.count(name) for name in FOUR_WHEELS]) / len(drawn)
    np.testing.assert_allclose(found, expected, atol=0.03)
