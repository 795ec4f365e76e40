"""Derived motion against closed forms."""

import numpy as np

from rareworld.events.kinematics import kinematics
from rareworld.events.motion import bodies_of
from tests.events.build import arc, record, straight


def test_accelerations_of_circle_and_line():
    moving = kinematics(
        bodies_of(record([arc((0, 0), 0, 8, 0.5), straight((0, 50), 2.0, 15, accel_mps2=-5)], 2.0))
    )
    inner = slice(6, 54)
    np.testing.assert_allclose(moving.turn_radps[0, inner], 0.5, atol=1e-6)
    np.testing.assert_allclose(moving.across_mps2[0, inner], 4.0, atol=1e-4)
    np.testing.assert_allclose(moving.along_mps2[1, inner], -5.0, atol=1e-4)


def test_windows_stay_within_presence():
    path = straight((0, 0), 0, 10, present=lambda t: (t > 0.5) & (t < 1.2))
    recording = record([path], 2.0)
    moving = kinematics(bodies_of(recording))
    assert np.abs(moving.along_mps2).max() < 1e-6
    assert np.all(moving.speed_mps[~recording.tracks.present] == 0)
