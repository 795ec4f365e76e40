"""Two links against their own forward chain."""

import numpy as np
import pytest

from rareworld.annotate.world.reach import BALL, ankle_over, elbow_of, two_link
from rareworld.annotate.world.skeleton import ANKLE
from tests.annotate.world.world_samples import about_y

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("trial", range(12))
def test_hip_and_knee_put_the_ankle_where_it_must_be(trial):
    upper, lower = RNG.uniform(0.3, 0.5, 2)
    reach, angle = RNG.uniform(abs(upper - lower) + 0.02, upper + lower - 0.01), RNG.uniform(-1, 1)
    dx, dz = np.array([reach * np.sin(angle)]), np.array([-reach * np.cos(angle)])
    hip, knee = two_link(dx, dz, upper, lower)
    at_knee = about_y(float(hip[0])) @ np.array([0, 0, -upper])
    ankle = at_knee + about_y(float(hip[0] + knee[0])) @ np.array([0, 0, -lower])
    assert np.allclose(ankle, [dx[0], 0, dz[0]], atol=1e-9)
    assert 0 <= knee[0] <= np.pi


def test_what_is_out_of_reach_is_said():
    with pytest.raises(ValueError, match=r"cannot reach 1\.000 m"):
        two_link(np.array([0.0]), np.array([-1.0]), 0.4, 0.4)


@pytest.mark.parametrize("trial", range(12))
def test_elbows_keep_both_lengths_and_bend_towards_the_pole(trial):
    first, second = (float(length) for length in RNG.uniform(0.25, 0.4, 2))
    start, way, pole = RNG.normal(size=3), RNG.normal(size=3), RNG.normal(size=3)
    way *= RNG.uniform(abs(first - second) + 0.01, first + second - 0.01) / np.linalg.norm(way)
    elbow, reaches = elbow_of(start, start + way, first, second, pole)
    assert reaches
    assert np.linalg.norm(elbow - start) == pytest.approx(first)
    assert np.linalg.norm(elbow - start - way) == pytest.approx(second)
    assert (elbow - start) @ (pole - way * (pole @ way) / (way @ way)) > 0


def test_elbows_say_when_the_hand_is_too_far():
    assert not elbow_of(np.zeros(3), np.array([0.9, 0, 0]), 0.3, 0.3, np.array([0.0, 0, -1]))[1]


@pytest.mark.parametrize("pitch", [-0.4, 0.0, 0.3, 0.9])
def test_the_ball_of_the_foot_is_where_it_was_asked_for(pitch):
    x, z = ankle_over((np.array([0.3]), np.array([0.2])), np.array([pitch]), 1.7)
    ball = np.array([x[0], 0, z[0]]) + about_y(pitch) @ np.array([BALL * 1.7, 0, -ANKLE * 1.7])
    assert np.allclose(ball, [0.3, 0, 0.2], atol=1e-12)
