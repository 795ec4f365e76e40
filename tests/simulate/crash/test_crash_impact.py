"""Impacts: closed forms, conservation, contact time, impulse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.scene import Prop, PropKind
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.impact import (
    contact_time_s,
    crush_m,
    damping_for,
    restitution,
    restitution_at,
)
from rareworld.simulate.crash.obstacles import Obstacles
from tests.simulate.crash.crash_bench import ICE, pose, put, run, speeds, world


@pytest.mark.parametrize("damping", [0.2, 0.5, 0.9, 1.0, 1.3])
def test_closed_form_impact_matches_a_fine_integration(damping):
    stiffness, x, v, t, deepest, dt = 21.0, 0.0, 5.0, 0.0, 0.0, 1e-6
    while True:
        a = -2 * damping * stiffness * v - stiffness**2 * x
        if a >= 0 and t > 0:
            break
        v += a * dt
        x += v * dt
        deepest, t = max(deepest, x), t + dt
    assert -v / 5.0 == pytest.approx(restitution(damping), abs=1e-4)
    assert t == pytest.approx(contact_time_s(damping, stiffness), rel=1e-4)
    assert deepest == pytest.approx(crush_m(damping, stiffness, 5.0), rel=1e-3)


@given(st.floats(0.02, 0.95))
def test_damping_for_inverts_restitution(wanted):
    assert restitution(damping_for(wanted)) == pytest.approx(wanted, abs=1e-9)


def test_restitution_falls_with_speed_between_its_limits():
    values = [restitution_at(v, 0.3, 0.1, 6.0) for v in (0, 2, 5, 10, 20, 60)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(0.3)
    assert values[-1] == pytest.approx(0.1, abs=1e-4)


def head_on(speed, config=ICE, seconds=1.5):
    place = world(config)
    put(place, 1, "saloon", pose(-3.0, speed=speed / 2))
    put(place, 2, "saloon", pose(3.0, yaw=np.pi, speed=speed / 2))
    nearest = 10.0
    for _ in run(place, seconds, 0.002):
        gap = place.state(2).position_m[0] - place.state(1).position_m[0] - 4.65
        nearest = min(nearest, gap)
    return place, -nearest


@pytest.mark.parametrize(("speed", "low", "high"), [(2.5, 0.2, 0.3), (13.9, 0.1, 0.2)])
def test_cars_rebound_as_real_ones(speed, low, high):
    place, _ = head_on(speed, seconds=2.0)
    after = place.state(2).velocity_mps[0] - place.state(1).velocity_mps[0]
    assert low <= after / speed <= high


def test_contact_at_50_kmh_lasts_and_crushes_as_real_ones():
    place, crush = head_on(13.9)
    (contact,) = place.contacts()
    assert 0.08 <= contact.duration_s <= 0.15
    assert 0.2 <= crush <= 0.5


def test_symmetric_head_on_stays_symmetric():
    place, _ = head_on(20.0, PhysicsConfig())
    a, b = place.state(1), place.state(2)
    np.testing.assert_allclose(a.position_m[0], -b.position_m[0], atol=1e-3)
    np.testing.assert_allclose([a.position_m[1], b.position_m[1]], 0, atol=1e-3)
    assert abs(a.velocity_mps[1]) < 1e-3


CRASHES = {
    "side impact": (
        ("saloon", pose(-4.5, 0, 0, 14.0)),
        ("hatchback", pose(1, -4.5, np.pi / 2, 11.0)),
    ),
    "offset head-on": (("suv", pose(-4.5, 0, 0, 15.0)), ("van", pose(5.4, 1.0, np.pi, 12.0))),
    "rear end": (("saloon", pose(-5, 0, 0, 20.0)), ("box_truck", pose(3.6, 0.4, 0, 8.0))),
}


@pytest.mark.parametrize("name", CRASHES)
def test_momentum_and_energy_across_impact_on_ice(name):
    place = world(ICE)
    kinds = [kind for kind, _ in CRASHES[name]]
    for actor_id, (kind, state) in enumerate(CRASHES[name], start=1):
        put(place, actor_id, kind, state)
    start = [speeds(place, i + 1, kind) for i, kind in enumerate(kinds)]
    energy = [sum(s[2] for s in start)]
    energy.extend(
        sum(speeds(place, i + 1, kind)[2] for i, kind in enumerate(kinds))
        for _ in run(place, 1.2, 0.02)
    )
    end = [speeds(place, i + 1, kind) for i, kind in enumerate(kinds)]
    assert len(place.contacts()) >= 1
    scale = sum(float(np.linalg.norm(s[0])) for s in start)
    np.testing.assert_allclose(
        sum(s[0] for s in end)[:2], sum(s[0] for s in start)[:2], atol=1e-3 * scale
    )
    turn = [sum(s[1] for s in part)[2] for part in (start, end)]
    assert turn[1] == pytest.approx(turn[0], abs=1e-3 * scale * 10)
    assert max(energy) <= energy[0] * (1 + 1e-6)
    assert energy[-1] < 0.97 * energy[0]


@pytest.mark.parametrize("name", CRASHES)
def test_impulse_is_momentum_change_of_each_body(name):
    place = world(ICE)
    for actor_id, (kind, state) in enumerate(CRASHES[name], start=1):
        put(place, actor_id, kind, state)
    kinds = [kind for kind, _ in CRASHES[name]]
    start = [speeds(place, i + 1, kind)[0] for i, kind in enumerate(kinds)]
    place.step_to(1.2)
    total = sum(c.impulse_ns for c in place.contacts() if c.second)
    for i, kind in enumerate(kinds):
        change = speeds(place, i + 1, kind)[0] - start[i]
        assert float(np.linalg.norm(change[:2])) == pytest.approx(total, rel=0.02)


@pytest.mark.parametrize("name", CRASHES)
def test_contact_time_matches_fine_step_run(name):
    found = []
    for step in (0.002, 0.0002):
        place = world(PhysicsConfig(step_s=step))
        for actor_id, (kind, state) in enumerate(CRASHES[name], start=1):
            put(place, actor_id, kind, state)
        place.step_to(0.3)
        found.append(place.contacts()[0])
    assert found[0].time_s == pytest.approx(found[1].time_s, abs=5e-5)
    np.testing.assert_allclose(found[0].point_m, found[1].point_m, atol=0.05)
    assert found[0].relative_speed_mps == pytest.approx(found[1].relative_speed_mps, abs=0.02)


def test_contact_time_of_straight_approach_is_closed_form():
    place, _ = head_on(13.9)
    assert place.first_contact_s(1) == pytest.approx((6.0 - 4.65) / 13.9, abs=1e-5)
    assert place.first_contact_s(2) == place.first_contact_s(1)


def test_normal_points_from_first_to_second_and_speed_is_closing_speed():
    (contact,) = head_on(13.9)[0].contacts()
    np.testing.assert_allclose(contact.normal, (1, 0, 0), atol=1e-6)
    assert contact.relative_speed_mps == pytest.approx(13.9, abs=1e-3)
    np.testing.assert_allclose(contact.point_m[:2], (0, 0), atol=0.02)


def test_pole_hit_off_centre_names_the_prop_and_spins_the_car():
    pole = Prop(id=77, kind=PropKind.POLE, position_m=(6, 0.5, 0), yaw_rad=0, size_m=(0.2, 0.2, 8))
    place = world(obstacles=Obstacles(props=(pole,)))
    put(place, 1, "saloon", pose(0, speed=15.0))
    place.step_to(1.5)
    contact = place.contacts()[0]
    assert (contact.first, contact.second) == (1, 77)
    assert contact.impulse_ns > 0.8 * 15 * BLUEPRINTS["saloon"].mass_kg
    assert place.state(1).yaw_rad > 0.1


def test_tree_is_hit_at_its_trunk_only():
    tree = Prop(id=5, kind=PropKind.TREE, position_m=(6, 2.0, 0), yaw_rad=0, size_m=(5, 5, 8))
    place = world(obstacles=Obstacles(props=(tree,)))
    put(place, 1, "saloon", pose(0, speed=15.0))
    place.step_to(1.0)
    assert place.contacts() == ()
