"""Waiting: continuous, small, different from one person to the next."""

import numpy as np
import pytest

from rareworld.annotate.world.idle import Idle
from rareworld.annotate.world.skeleton import LEGS, PITCH, YAW, Bone

CROWD = Idle(np.arange(1, 41), (np.arange(40) % 4 == 0).astype(float))


def test_nothing_jumps():
    """Angles change by less than 1.5 rad/s and hips by less than 10 cm/s (0.9 m leg)."""
    poses = [CROWD.at(t) for t in np.arange(0, 8, 0.02)]
    angles, shift = (np.array([pose[k] for pose in poses]) for k in (0, 1))
    assert np.abs(np.diff(angles, axis=0)).max() / 0.02 < 1.5
    assert np.abs(np.diff(shift, axis=0)).max() / 0.02 * 0.9 < 0.10


@pytest.mark.parametrize("leg", LEGS)
def test_the_free_knee_bends_and_the_sole_stays_level(leg):
    angles, shift = CROWD.at(3.3)
    assert angles[:, leg[1], PITCH].min() >= 0
    assert angles[:, leg[1], PITCH].max() < 0.25
    assert np.allclose(angles[:, list(leg), PITCH].sum(axis=1), 0, atol=1e-12)
    side = 1 if leg is LEGS[0] else -1
    carries = side * shift[:, 1] > 0.5 * np.abs(shift[:, 1]).max()
    assert np.allclose(angles[carries][:, leg[1], PITCH], 0)


def test_who_looks_at_a_phone_looks_down_and_not_around():
    angles, _ = CROWD.at(1.7)
    phoning = CROWD.phone > 0
    assert angles[phoning, Bone.HEAD, PITCH].min() > 0.4
    assert angles[~phoning, Bone.HEAD, PITCH].max() < 0.1
    assert np.abs(angles[phoning, Bone.HEAD, YAW]).max() < 0.15
    assert (angles[phoning, Bone.RIGHT_FOREARM, PITCH] < -1.5).all()


def test_everybody_has_an_own_rhythm():
    _, shift = CROWD.at(2.0)
    assert np.std(shift[:, 1]) > 0.01
    assert np.abs(shift).max() < 0.03


def test_the_same_time_gives_the_same_pose():
    again = Idle(np.arange(1, 41), CROWD.phone)
    assert np.array_equal(CROWD.at(4.2)[0], again.at(4.2)[0])
