"""Piecewise cubics: values, jumps and the empty profile."""

import numpy as np

from rareworld.data.formats.opendrive.profile import LateralShape, Profile

STEP = Profile(np.array([0.0, 10.0]), np.array([[1.0, 0.5, 0.0, 0.0], [7.0, 0.0, 1.0, 0.1]]))


def test_each_record_rules_from_its_start():
    s = np.array([0.0, 4.0, 10.0, 12.0])
    assert np.allclose(STEP.at(s), [1.0, 3.0, 7.0, 7.0 + 4.0 + 0.8])


def test_probe_gives_the_limit_from_the_left_at_a_jump():
    assert np.allclose(STEP.at(np.array([10.0]), np.array([10.0 - 1e-6])), [6.0])


def test_profile_without_records_is_zero():
    empty = Profile(np.zeros(0), np.zeros((0, 4)))
    assert np.array_equal(empty.at(np.array([3.0, 4.0])), [0.0, 0.0])
    assert empty.is_zero
    assert not STEP.is_zero


def test_shift_moves_the_origin():
    assert np.allclose(STEP.shifted(100.0).at(np.array([104.0])), STEP.at(np.array([4.0])))


def test_shape_is_linear_between_its_stations_and_held_beyond():
    low = Profile(np.array([-3.0, 0.0]), np.array([[0.0, 0.02, 0, 0], [0.06, -0.02, 0, 0]]))
    flat = Profile(np.array([-3.0]), np.zeros((1, 4)))
    shape = LateralShape(np.array([0.0, 20.0]), (low, flat))
    t = np.array([[0.0, -1.5, 2.0]]).repeat(4, axis=0)
    got = shape.at(np.array([-1.0, 0.0, 10.0, 25.0]), t)
    crown = np.array([0.06, 0.03, 0.02])
    assert np.allclose(got, [crown, crown, crown / 2, 0 * crown])
