"""The contact log's rules on made-up touches, and whom hits hand over to physics."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.simulate.crash.config import ContactConfig, PhysicsConfig, TyreConfig
from rareworld.simulate.crash.contacts import ContactLog, Touch
from rareworld.simulate.state import Command
from tests.simulate.crash.crash_bench import COARSE, ICE, pose, put, run, speeds, world

STEP = 0.002


def touch(gap, pair=(1, 2, False), closing=5.0):
    return Touch(
        pair=pair, gap_m=gap, closing_mps=closing, speed_mps=closing,
        point_m=np.zeros(3), normal=np.array([1.0, 0.0, 0.0]),
    )  # fmt: skip


def told(gaps, config=None, pair=(1, 2, False), closing=5.0):
    """Start times of contacts when a pair shows these gaps step by step; None is out of sight."""
    log = ContactLog(config or ContactConfig())
    begun = 0
    for index, gap in enumerate(gaps):
        seen = [] if gap is None else [touch(gap, pair, closing)]
        begun += len(log.see(seen, index * STEP, STEP))
    return [contact.time_s for contact in log.contacts()], begun


APART = round(0.25 / STEP)


@pytest.mark.parametrize(
    ("gaps", "starts"),
    [
        ([0.03, 0.02, 0.01], []),
        ([0.03, 0.01, -0.01, -0.02], [1.5 * STEP]),
        ([0.006, -0.002], [0.75 * STEP]),
        ([None, -0.005], [0.5 * STEP]),
        ([None, -1.0], [0.0]),
        ([0.01, None, -0.005], [1.5 * STEP]),
        ([-0.005, *[0.01] * (APART - 3), -0.005], [-0.5 * STEP]),
        ([0.01, -0.01, *[0.01] * (APART + 3), -0.01], [0.5 * STEP, (APART + 4.5) * STEP]),
    ],
    ids=["never", "linear zero", "uneven", "by speed", "at most a step", "lost sight", "one touch",
         "two touches"],
)  # fmt: skip
def test_first_contact_is_where_the_gap_crosses_zero(gaps, starts):
    found, begun = told(gaps)
    assert found == pytest.approx(starts, abs=1e-9)
    assert begun == len(starts)


def test_a_pair_that_moves_apart_when_first_seen_touches_at_once():
    assert told([None, -0.01], closing=-1.0)[0] == [STEP]


@pytest.mark.parametrize(("closing", "count"), [(0.5, 0), (1.4, 0), (1.6, 1), (9.0, 1)])
def test_ground_and_kerbs_are_told_from_a_speed_on(closing, count):
    assert len(told([0.01, -0.01], pair=(1, 0, True), closing=closing)[0]) == count
    assert len(told([0.01, -0.01], pair=(1, 0, False), closing=closing)[0]) == 1


def test_how_long_apart_makes_two_contacts_is_set_by_config():
    gaps = [0.01, -0.01, *[0.01] * 20, -0.01]
    assert len(told(gaps, ContactConfig(part_s=0.01))[0]) == 2
    assert len(told(gaps, ContactConfig(part_s=0.1))[0]) == 1


def test_contacts_are_told_in_order_of_time_whatever_the_order_seen():
    log = ContactLog(ContactConfig())
    log.see([touch(0.02, (3, 4, False)), touch(0.01, (1, 2, False))], 0.0, STEP)
    log.see([touch(-0.01, (3, 4, False)), touch(-0.03, (1, 2, False))], STEP, STEP)
    assert [(c.first, c.second) for c in log.contacts()] == [(1, 2), (3, 4)]


def test_two_hits_of_one_pair_are_two_contacts_with_their_own_impulse():
    """A slow car runs into a braked one twice, driven on in between."""
    place = world(PhysicsConfig(step_s=0.004, crash_speed_mps=5.0))
    put(place, 1, "saloon", pose(0, speed=2.0))
    put(place, 2, "van", pose(5.35, 0), role="parked")
    for _ in run(place, 3.0, 0.1):
        place.command(1, Command(accel_mps2=2.0 if place.time_s > 1.0 else 0.0))
    contacts = [c for c in place.contacts() if c.second == 2]
    assert len(contacts) >= 2
    assert all(a.time_s + a.duration_s < b.time_s for a, b in pairwise(contacts))
    assert contacts[0].impulse_ns > 0.5 * BLUEPRINTS["saloon"].mass_kg


@settings(deadline=None, max_examples=6)
@given(
    st.floats(-0.8, 0.8), st.floats(1.1, math.pi), st.floats(8, 20), st.floats(8, 20),
    st.sampled_from([("saloon", "van"), ("suv", "hatchback"), ("box_truck", "estate")]),
)  # fmt: skip
def test_momentum_of_oblique_hits_is_kept_and_equals_the_impulse(miss, angle, fast, slow, kinds):
    """On ice, from any direction: 0.2 % of the momentum that came in, impulse to 2 %."""
    place = world(ICE.model_copy(update={"step_s": 0.004}))
    put(place, 1, kinds[0], pose(-0.8 * fast, speed=fast))
    way = 0.8 * slow * np.array([math.cos(angle), math.sin(angle)])
    put(place, 2, kinds[1], pose(-way[0], miss - way[1], angle, slow))
    start = [speeds(place, i, kind)[0] for i, kind in zip((1, 2), kinds, strict=True)]
    place.step_to(1.4)
    end = [speeds(place, i, kind)[0] for i, kind in zip((1, 2), kinds, strict=True)]
    hits = [c for c in place.contacts() if c.second]
    assert hits
    scale = sum(float(np.linalg.norm(p)) for p in start)
    np.testing.assert_allclose((end[0] + end[1])[:2], (start[0] + start[1])[:2], atol=2e-3 * scale)
    if len(hits) == 1:
        change = float(np.linalg.norm((end[0] - start[0])[:2]))
        assert change == pytest.approx(hits[0].impulse_ns, rel=0.02)


@pytest.mark.parametrize(("heavy", "light"), [("box_truck", "saloon"), ("city_bus", "hatchback")])
def test_speed_changes_go_by_the_inverse_of_mass(heavy, light):
    place = world(ICE)
    put(place, 1, heavy, pose(-7, speed=8.0))
    put(place, 2, light, pose(7, yaw=math.pi, speed=8.0))
    place.step_to(2.0)
    change = [place.state(1).velocity_mps[0] - 8.0, place.state(2).velocity_mps[0] + 8.0]
    ratio = BLUEPRINTS[heavy].mass_kg / BLUEPRINTS[light].mass_kg
    assert change[1] / -change[0] == pytest.approx(ratio, rel=0.02)


def test_a_parked_car_is_pushed_as_far_as_its_brakes_let_it():
    """The wreck drags its brakes with 4 m/s^2; the hit alone sets its speed."""
    place = world(COARSE)
    put(place, 1, "saloon", pose(-6, speed=12.0))
    put(place, 2, "saloon", pose(0), role="parked")
    place.step_to((6 - 4.65) / 12 + 0.25)
    thrown = place.state(2)
    assert 5.0 < thrown.speed_mps < 8.5
    place.step_to(5.0)
    rest = place.state(2)
    assert rest.speed_mps < 0.01
    way = float(rest.position_m[0] - thrown.position_m[0])
    assert way == pytest.approx(thrown.speed_mps**2 / (2 * 4.0), rel=0.15)


@pytest.mark.parametrize(
    ("other", "keeps"), [("adult", True), ("bicycle", True), ("hatchback", False), ("van", False)]
)
def test_drivers_survive_light_partners_only(other, keeps):
    place = world()
    put(place, 1, "saloon", pose(-4, speed=9.0))
    put(place, 2, other, pose(0, 0, math.pi / 2, 0.0))
    place.step_to(0.6)
    assert place.first_contact_s(2) is not None
    assert place.is_free(1) is not keeps
    assert place.is_free(2)


def test_stiffer_fronts_crush_less_and_shorter():
    depths = []
    for stiffness in (15.0, 40.0):
        config = ICE.model_copy(update={"contact": ContactConfig(stiffness_radps=stiffness)})
        place = world(config)
        put(place, 1, "saloon", pose(-3, speed=7.0))
        put(place, 2, "saloon", pose(3, yaw=math.pi, speed=7.0))
        gaps = [
            float(place.state(2).position_m[0] - place.state(1).position_m[0])
            for _ in run(place, 0.35, 0.01)
        ]
        depths.append((4.65 - min(gaps), place.contacts()[0].duration_s))
    assert depths[0][0] > 1.8 * depths[1][0]
    assert depths[0][1] > 1.8 * depths[1][1]


def test_slippery_bodywork_takes_less_speed_in_a_sideswipe():
    lost = []
    for friction in (0.0, 0.6):
        config = PhysicsConfig(
            tyre=TyreConfig(rolling_resistance=0.0),
            contact=ContactConfig(friction=friction),
            crash_brake_mps2=0.0,
        )
        place = world(config)
        put(place, 1, "saloon", pose(0, 0, 0.06, 20.0))
        put(place, 2, "saloon", pose(1.0, 1.95, 0, 10.0))
        place.step_to(0.6)
        assert place.first_contact_s(1) is not None
        lost.append(20.0 - place.state(1).speed_mps)
    assert lost[1] > lost[0] + 0.3
