"""Walkers over time: starting, stopping, waiting, each with a rhythm of their own."""

import numpy as np
import pytest

from rareworld.annotate.world.skeleton import BONES, PARENTS, place
from rareworld.annotate.world.walkers import Walkers
from rareworld.core.geometry import quat_from_yaw
from tests.annotate.world.walks import FPS, poser_of, recorded, slips, soles_at, straight
from tests.annotate.world.world_samples import figure_of


def walkers_of(rec, style=0):
    walker = figure_of(rec.scene.actors[0].blueprint, style).walker
    assert walker is not None
    return Walkers(rec.tracks, [0], [1], [walker], lambda xy: np.zeros(len(xy)))


def waiting(name="adult", style=0, count=301):
    zero = np.zeros((count, 3))
    return recorded(name, zero, quat_from_yaw(np.zeros(count)), np.zeros(count), style)


@pytest.mark.parametrize("name", ["adult", "child", "adult_with_pram"])
@pytest.mark.parametrize("time_s", [0.0, 0.41, 1.3])
def test_parts_hang_together_as_plain_loops_have_them(name, time_s):
    rec = straight(name, 1.4)
    made, one = figure_of(name), walkers_of(rec)
    low = int(time_s * FPS)
    share = np.array([time_s * FPS - low])
    angles, way = one.pose((low, low + 1), share, np.eye(3)[None], time_s)
    pivots = np.array([part.joint.pivot_m for part in made.parts[:BONES]])
    pivots[0] += way[0]
    turn, at = place(angles, pivots[None])
    body = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    foot = np.array([0.0, 1.4 * time_s, 0.0])
    found = poser_of(rec).at(time_s).transforms[:BONES]
    assert np.allclose(found[:, :, :3], body @ turn[0], atol=1e-5)
    assert np.allclose(found[:, :, 3], at[0] @ body.T + foot, atol=1e-5)


def test_the_first_parts_of_a_walker_are_its_bones():
    for name in ("adult", "child", "adult_with_pram"):
        parts = figure_of(name).parts
        assert tuple(part.joint.parent for part in parts[:BONES]) == PARENTS


@pytest.mark.parametrize("style", [0, 1, 9])
def test_soles_of_people_who_wait_stay_within_a_centimetre(style):
    """Ten seconds of weight shifts; a free foot may lift its heel or toe by less than that."""
    poser = poser_of(waiting(style=style))
    person = figure_of("adult", style).walker.proportions
    soles = np.array([soles_at(poser, person, t) for t in np.arange(0, 10, 0.25)])
    assert np.ptp(soles[..., :2], axis=0).max() < 0.012
    assert soles[..., 2].min() > -0.002
    assert soles[..., 2].max() < 0.015


def test_people_who_wait_are_not_frozen():
    poser = poser_of(waiting())
    head = np.array([poser.at(t).transforms[2] for t in np.arange(0, 10, 0.1)])
    assert 0.02 < np.ptp(head[:, :2, 3], axis=0).max() < 0.12
    assert np.ptp(head[:, 1, 0]) > 0.10


def test_neighbours_neither_wait_nor_walk_in_step():
    for rec in (straight("adult", 1.4), straight("adult", 1.4, number=2)):
        assert rec.scene.actors[0].id in (1, 2)
    poses = [
        poser_of(straight("adult", 1.4, number=number)).at(1.0).transforms[3]
        for number in (1, 2, 3)
    ]
    assert not np.allclose(poses[0][:, :3], poses[1][:, :3], atol=0.05)
    assert not np.allclose(poses[1][:, :3], poses[2][:, :3], atol=0.05)


def halting(count=91):
    """Return somebody who walks at 1.4 m/s, stops within half a second and stands."""
    speed = 1.4 * np.clip((45 - np.arange(count)) / 15, 0, 1)
    way = np.cumsum(speed) / FPS
    position = np.stack([0 * way, way, 0 * way], axis=1)
    quat = quat_from_yaw(np.full(count, np.pi / 2))
    return recorded("adult", position, quat, way * 2 * np.pi / 1.4, 3)


def test_stopping_has_no_jump():
    """Bones turn at most 16 rad/s while the gait gives way to standing."""
    poser = poser_of(halting())
    times = np.arange(0.8, 2.4, 0.005)
    poses = np.array([poser.at(t).transforms[:BONES, :, :3] for t in times])
    turned = np.einsum("tbij,tbij->tb", poses[1:], poses[:-1])
    angle = np.arccos(np.clip((turned - 1) / 2, -1, 1))
    assert angle.max() / 0.005 < 16


def test_a_stopped_walker_stands_still_on_both_feet():
    poser = poser_of(halting())
    person = figure_of("adult", 3).walker.proportions
    found = slips(poser, person, np.linspace(2.3, 2.9, 20))
    assert found.max() < 0.01


def test_speed_decides_between_walk_and_run():
    """A runner's elbows are bent by more than a walker's."""
    elbows = []
    for speed_mps in (1.4, 3.4):
        rec = straight("adult", speed_mps, style=3)
        angles, _ = walkers_of(rec, 3).pose((30, 31), np.zeros(1), np.eye(3)[None], 1.0)
        elbows.append(-np.degrees(angles[0, 10, 1]))
    assert elbows[0] < 45
    assert elbows[1] > 70


def test_one_frame_is_enough():
    rec = straight("adult", 1.0, count=2)
    cut = {name: getattr(rec.tracks, name)[:, :1] for name in (
        "present", "position_m", "quat", "velocity_mps", "angular_velocity_radps", "steer_rad",
        "wheel_turn_rad", "lamps", "driver")}  # fmt: skip
    tracks = type(rec.tracks)(time_s=rec.tracks.time_s[:1], **cut)
    walker = figure_of("adult").walker
    made = Walkers(tracks, [0], [1], [walker], lambda xy: np.zeros(len(xy)))
    angles, _ = made.pose((0, 0), np.zeros(1), np.eye(3)[None], 0.0)
    assert np.isfinite(angles).all()
