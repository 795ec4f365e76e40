"""Smooth motion: strength, band and rotations."""

import numpy as np
import pytest

from rareworld.annotate.lens.wander import small_turns, wander
from rareworld.core.seed import Seed


def test_strength_is_one_and_the_band_is_kept():
    time = np.arange(0, 4096) / 16
    found = wander(Seed(3), 4, 0.25, 2.0).at(time)
    np.testing.assert_allclose(np.sqrt((found**2).mean(axis=0)), 1.0, rtol=0.1)
    window = np.hanning(len(time))[:, None]
    power = np.abs(np.fft.rfft(found * window, axis=0)) ** 2
    rate = np.fft.rfftfreq(len(time), 1 / 16)
    inside = (rate > 0.25 - 0.02) & (rate < 2.0 + 0.02)
    assert (power[~inside].sum() / power.sum()) < 1e-6


def test_any_time_can_be_asked_alone_and_channels_differ():
    motion = wander(Seed(3), 2, 0.2, 1.0)
    time = np.array([0.0, 1.7, 40.0])
    every = motion.at(time)
    for k, t in enumerate(time):
        np.testing.assert_array_equal(motion.at(np.array([t]))[0], every[k])
    assert abs(every[0, 0] - every[0, 1]) > 1e-6


def test_turns_are_rotations_by_the_given_vectors():
    vectors = np.array([[0.003, -0.001, 0.002], [0, 0, 0], [0, 0, 0.5]])
    turns = small_turns(vectors)
    np.testing.assert_allclose(
        turns @ np.swapaxes(turns, 1, 2), np.tile(np.eye(3), (3, 1, 1)), atol=1e-15
    )
    np.testing.assert_array_equal(turns[1], np.eye(3))
    assert turns[2, 1, 0] == pytest.approx(np.sin(0.5))
    np.testing.assert_allclose(turns[0] @ vectors[0], vectors[0], atol=1e-18)
