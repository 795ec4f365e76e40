"""Struck people: limbs go slack, come to lie on the ground, near their box and never below it."""

import numpy as np
import pytest

from rareworld.annotate.world.limp import SLACK_S, Limp, settle, slackness
from rareworld.annotate.world.skeleton import BONES, Proportions, place
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import matrix_from_quat, quat_from_euler
from rareworld.core.trajectory import Driver
from tests.annotate.world.walks import FPS, corners, poser_of, recorded

ADULT = Proportions(stature_m=1.72)
LYING = {"back": (0.3, -1.5, 0.0), "front": (2.0, 1.5, 0.0), "left": (0.5, 0.0, -1.55),
         "right": (1.0, 0.1, 1.5)}  # fmt: skip
"""Yaw, pitch and roll of lying bodies."""


def turned(yaw, pitch, roll):
    return matrix_from_quat(np.asarray(quat_from_euler(yaw, pitch, roll)))


def thrown(name, number, end, count=61):
    """Return somebody walking along x who is struck at 0.5 s, tumbles and lies from 1.2 s on."""
    spec = BLUEPRINTS[name]
    time_s = np.arange(count) / FPS
    fall = np.clip((time_s - 0.5) / 0.7, 0, 1)
    yaw, pitch, roll = end
    quat = np.array([quat_from_euler(yaw * f, pitch * f, roll * f) for f in fall])
    thick = 0.11 if abs(roll) < 1 else 0.16
    z = thick * fall + 0.5 * np.sin(np.pi * fall)
    position = np.stack([1.4 * time_s + 3 * fall, 0 * time_s, z], axis=1)
    driver = np.where(time_s >= 0.5, Driver.PHYSICS, Driver.CONTROLLER)[None].astype(np.uint8)
    rate = np.zeros((1, count, 3))
    rate[0, (fall > 0) & (fall < 1)] = 4.0
    turn = 2 * np.pi * 1.4 * time_s / (0.8 * spec.height_m)
    return recorded(name, position, quat, turn, 5, number=number, driver=driver,
                    angular_velocity_radps=rate)  # fmt: skip


def test_slackness_rises_once_from_nothing_to_all():
    times = np.linspace(-0.2, SLACK_S + 0.2, 101)
    found = [slackness(float(t)) for t in times]
    assert found[0] == 0
    assert found[-1] == 1
    assert (np.diff(found) >= 0).all()
    assert slackness(SLACK_S / 2) == pytest.approx(0.5)


@pytest.mark.parametrize("number", range(1, 30, 4))
def test_loose_poses_stay_within_joint_limits_and_differ(number):
    pose = Limp.of(number).angles(np.eye(3), 20.0)
    assert (pose[[4, 7], 1] >= 0).all()
    assert (pose[[4, 7], 1] < 1.6).all()
    assert (pose[[10, 12], 1] <= 0).all()
    assert np.abs(pose[[3, 6, 9, 11]]).max() < 1.3
    assert not np.allclose(pose, Limp.of(number + 1).angles(np.eye(3), 20.0))
    assert np.array_equal(pose, Limp.of(number).angles(np.eye(3), 20.0))


@pytest.mark.parametrize("lying", LYING)
@pytest.mark.parametrize("number", [1, 2, 7])
def test_limbs_of_the_lying_rest_on_the_ground_and_stay_whole(lying, number):
    body = turned(*LYING[lying])
    angles = Limp.of(number).angles(body, 0.0)
    turn, at = place(angles[None], ADULT.pivots()[None])
    turn, at = body @ turn[0], at[0] @ body.T + np.array([5.0, 3.0, 1.15])
    turn, at = settle(turn, at, ADULT, 1.0, 1.0)
    assert np.allclose(turn @ turn.swapaxes(1, 2), np.eye(3), atol=1e-9)
    h = ADULT.stature_m
    for parent, child, length in ((3, 4, 0.24), (4, 5, 0.23), (6, 7, 0.24), (7, 8, 0.23),
                                  (9, 10, 0.165), (11, 12, 0.165)):  # fmt: skip
        assert np.linalg.norm(at[child] - at[parent]) == pytest.approx(length * h, abs=1e-9)
        tip = at[parent] + turn[parent] @ np.array([0, 0, -length * h])
        assert np.allclose(tip, at[child], atol=1e-9)
    assert at[:, 2].min() > 1.0
    assert at[[5, 8, 10, 12], 2].max() < 1.30


def test_the_upright_and_the_flying_keep_their_pose():
    angles = Limp.of(3).angles(np.eye(3), 0.0)
    turn, at = (part[0] for part in place(angles[None], ADULT.pivots()[None]))
    flying = at + np.array([0, 0, 2.0])
    again, moved = settle(turn, flying, ADULT, 0.0, 1.0)
    assert np.allclose(again, turn)
    assert np.allclose(moved, flying)


@pytest.mark.parametrize("name", ["adult", "child"])
@pytest.mark.parametrize("lying", LYING)
def test_no_part_of_a_fallen_person_is_more_than_four_centimetres_below_the_ground(name, lying):
    rec = thrown(name, 4, LYING[lying])
    poser = poser_of(rec)
    for time_s in (1.3, 1.6, 2.0):
        low = min(float(part[:, 2].min()) for part in corners(rec, poser, time_s))
        assert -0.04 < low < 0.08


@pytest.mark.parametrize("lying", LYING)
@pytest.mark.parametrize("number", [1, 2, 3, 11])
def test_limbs_stay_near_the_box(lying, number):
    rec = thrown("adult", number, LYING[lying])
    poser, spec = poser_of(rec), BLUEPRINTS["adult"]
    half = np.array([spec.length_m / 2, spec.width_m / 2, spec.height_m / 2])
    for frame in range(15, 61, 3):
        body = matrix_from_quat(rec.tracks.quat[0, frame])
        points = np.concatenate(corners(rec, poser, frame / FPS))
        local = (points - rec.tracks.position_m[0, frame]) @ body - np.array([0, 0, half[2]])
        assert (np.abs(local) - half).max() < 0.30


def test_the_blow_does_not_make_the_body_jump():
    """Bones turn against the body by less than 25 rad/s while they go slack."""
    rec = thrown("adult", 1, LYING["back"])
    poser = poser_of(rec)
    times = np.arange(0.4, 1.0, 0.005)
    poses = np.array([poser.at(t).transforms[:BONES, :, :3] for t in times])
    turned_by = np.einsum("tbij,tbij->tb", poses[1:], poses[:-1])
    assert np.arccos(np.clip((turned_by - 1) / 2, -1, 1)).max() / 0.005 < 25


def test_steps_end_with_the_blow():
    """The phase goes on in the recording, legs do not."""
    rec = thrown("adult", 1, (0.0, 0.0, 0.0))
    poser = poser_of(rec)
    late = [poser.at(t).transforms[3, :, :3] for t in (1.5, 1.9)]
    assert np.allclose(*late, atol=1e-5)
