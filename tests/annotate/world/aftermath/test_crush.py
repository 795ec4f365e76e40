"""Depth of dents against Campbell's law and simple mechanics."""

import numpy as np
import pytest

from rareworld.annotate.world.aftermath.crush import (
    CAMPBELL_B0_MPS,
    CAMPBELL_B1_PER_S,
    MAX_CRUSH_M,
    TOUCH_M,
    crush_m,
    dents,
)
from rareworld.core.blueprint import BLUEPRINTS
from tests.annotate.world.aftermath.crashes import HIT_S, contact, crash


@pytest.mark.parametrize("depth_m", [0.05, 0.2, 0.5])
def test_speed_change_of_a_depth_gives_that_depth_back(depth_m):
    change = CAMPBELL_B0_MPS + CAMPBELL_B1_PER_S * depth_m
    assert crush_m(1500 * change, 1500) == pytest.approx(depth_m)


@pytest.mark.parametrize(
    ("impulse_ns", "wanted_m"), [(10.0, 0.0), (400.0, TOUCH_M), (1e6, MAX_CRUSH_M)]
)
def test_soft_touches_and_huge_blows_are_limited(impulse_ns, wanted_m):
    assert crush_m(impulse_ns, 1500) == wanted_m


def test_a_contact_dents_both_bodies_towards_each_ones_inside():
    found = dents(crash([contact()]))
    assert [dent.row for dent in found] == [0, 1]
    assert found[0].inward.tolist() == [-1, 0, 0]
    assert found[1].inward.tolist() == [1, 0, 0]
    assert all(dent.contact_s == HIT_S and dent.time_s == pytest.approx(0.55) for dent in found)
    # the lighter car changes its speed more
    assert found[1].depth_m > found[0].depth_m


def test_ground_people_and_two_wheelers_take_no_dents():
    assert dents(crash([contact(second=0)])) == ()
    assert [d.row for d in dents(crash([contact()], blueprints=("saloon", "adult")))] == [0]
    assert [d.row for d in dents(crash([contact()], blueprints=("bicycle", "saloon")))] == [1]


def test_without_physics_the_impulse_is_that_of_a_plastic_impact():
    measured, guessed = (
        dents(crash([contact(impulse_ns=impulse)])) for impulse in (_plastic(12.0), None)
    )
    assert [d.depth_m for d in guessed] == pytest.approx([d.depth_m for d in measured])


def _plastic(speed_mps: float) -> float:
    a, b = BLUEPRINTS["saloon"].mass_kg, BLUEPRINTS["hatchback"].mass_kg
    return float(speed_mps * a * b / (a + b))


def test_a_wall_is_as_heavy_as_the_world():
    alone = dents(crash([contact(second=10_001, impulse_ns=None)]))
    assert [dent.row for dent in alone] == [0]
    assert alone[0].depth_m == pytest.approx(crush_m(12.0 * BLUEPRINTS["saloon"].mass_kg, 1480))


def test_dents_come_in_order_of_time():
    found = dents(crash([contact(time_s=0.8), contact(time_s=0.4)]))
    assert np.all(np.diff([dent.time_s for dent in found]) >= 0)
