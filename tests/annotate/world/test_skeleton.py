"""Bones against plain loops."""

import numpy as np
import pytest

from rareworld.annotate.world.skeleton import (
    ANKLE,
    BONES,
    HEEL,
    HIP,
    PARENTS,
    SHIN,
    THIGH,
    TOE,
    Proportions,
    place,
    soles,
    turns,
)
from tests.annotate.world.world_samples import about_x, about_y, about_z

PEOPLE = [Proportions(stature_m=1.75), Proportions(stature_m=1.2, leg=0.95, shoulder=0.9, hip=1.05)]


def test_turns_go_about_x_first_then_y_then_z():
    angles = np.random.default_rng(1).uniform(-3, 3, (20, 3))
    for angle, found in zip(angles, turns(angles), strict=True):
        assert np.allclose(found, about_z(angle[0]) @ about_y(angle[1]) @ about_x(angle[2]))


@pytest.mark.parametrize("person", PEOPLE)
def test_bones_hang_on_their_parents(person):
    angles = np.random.default_rng(2).uniform(-1, 1, (3, BONES, 3))
    pivots = np.broadcast_to(person.pivots(), (3, BONES, 3))
    turn, at = place(angles, pivots)
    for one in range(3):
        for bone, parent in enumerate(PARENTS):
            own = turns(angles[one, bone])
            if parent < 0:
                assert np.allclose(at[one, bone], pivots[one, bone])
                assert np.allclose(turn[one, bone], own)
                continue
            assert np.allclose(turn[one, bone], turn[one, parent] @ own)
            reach = at[one, parent] + turn[one, parent] @ pivots[one, bone]
            assert np.allclose(at[one, bone], reach)


@pytest.mark.parametrize("person", PEOPLE)
def test_standing_soles_are_flat_on_the_ground_under_the_hips(person):
    found = soles(np.zeros((1, BONES, 3)), person.pivots()[None])[0]
    assert np.allclose(found[..., 2], 0, atol=1e-9)
    assert np.allclose(found[:, 0, 0], HEEL * person.leg_m)
    assert np.allclose(found[:, 1, 0], TOE * person.leg_m)
    assert found[0, 0, 1] == pytest.approx(-found[1, 0, 1])


def test_leg_segments_add_up_to_the_hip():
    assert pytest.approx(HIP) == THIGH + SHIN + ANKLE


@pytest.mark.parametrize("person", PEOPLE)
def test_shorter_legs_leave_the_crown_at_the_stature(person):
    pivots = person.pivots()
    neck = pivots[0, 2] + pivots[1, 2] + pivots[2, 2]
    assert neck == pytest.approx(0.855 * person.stature_m)
