"""Whole people: sizes against the blueprint's box, what they carry, prams."""

import numpy as np
import pytest

from rareworld.annotate.world.carried import UMBRELLA_ARM
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.skeleton import BONES, Bone
from rareworld.annotate.world.wardrobe import Bag, Dress, looks_of
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.walks import corners, poser_of, straight
from tests.annotate.world.world_samples import figure_of, only

RAIN = [k for k in range(64) if looks_of(k, dress=Dress.WET).umbrella]


def standing(name, style, dress=Dress.FAIR):
    """Return all corners of somebody who stands at the origin, facing x."""
    rec = straight(name, 0.0, count=3, style=style)
    poser = poser_of(rec, dress)
    parts = figure_of(name, style, dress).parts
    poses = poser.at(0.0).transforms.astype(float)
    points = [
        part.shape.corners_m.reshape(-1, 3) @ pose[:, :3].T + pose[:, 3]
        for part, pose in zip(parts, poses, strict=True)
    ]
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    return [point @ turn.T for point in points]


@pytest.mark.parametrize("name", ["adult", "child"])
@pytest.mark.parametrize("style", range(0, 64, 5))
def test_people_fill_their_box_in_height_within_seven_percent(name, style):
    spec = BLUEPRINTS[name]
    points = np.concatenate(standing(name, style))
    assert 0.93 * spec.height_m < points[:, 2].max() < 1.03 * spec.height_m
    assert abs(points[:, 2].min()) < 0.005
    assert np.abs(points[:, 1]).max() < spec.width_m / 2 + 0.17
    assert np.abs(points[:, 0]).max() < spec.length_m / 2 + 0.25


@pytest.mark.parametrize("name", ["adult", "child"])
def test_a_walkers_limbs_stay_within_thirty_centimetres_of_the_box(name):
    spec = BLUEPRINTS[name]
    rec = straight(name, 1.6, style=5)
    poser = poser_of(rec)
    for frame in range(10, 50, 2):
        points = np.concatenate(corners(rec, poser, frame / 30)) - rec.tracks.position_m[0, frame]
        assert np.abs(points[:, 1]).max() < spec.length_m / 2 + 0.36
        assert np.abs(points[:, 0]).max() < spec.width_m / 2 + 0.20


def test_pedestrians_are_pedestrians():
    for name in ("adult", "child", "adult_with_pram"):
        for part in figure_of(name, 7).parts:
            assert (part.shape.class_id == int(ClassId.PEDESTRIAN)).all()


@pytest.mark.parametrize("style", RAIN[:6])
def test_umbrellas_cover_the_head_and_the_hand_holds_the_stick(style):
    parts = standing("adult", style, Dress.WET)
    looks = looks_of(style, dress=Dress.WET)
    shape = figure_of("adult", style, Dress.WET).parts[Bone.TRUNK].shape
    canopy = parts[Bone.TRUNK].reshape(-1, 3, 3)[shape.material == material(looks.umbrella)]
    canopy = canopy[canopy[..., 2].max(axis=1) > 1.6].reshape(-1, 3)
    head = parts[Bone.HEAD]
    assert canopy[:, 2].max() > head[:, 2].max() + 0.05
    assert canopy[:, 2].max() < BLUEPRINTS["adult"].height_m + 0.30
    assert 0.45 < np.ptp(canopy[:, 1]) / 2 < 0.51
    assert np.abs(canopy[:, 1]).max() < BLUEPRINTS["adult"].width_m / 2 + 0.30
    stick = parts[Bone.TRUNK].reshape(-1, 3, 3)[shape.material == material("pole")].reshape(-1, 3)
    hand = parts[Bone.RIGHT_FOREARM]
    gap = np.linalg.norm(hand[:, None] - stick[None], axis=-1).min()
    handle = parts[Bone.TRUNK][(shape.material == material("cloth black")).repeat(3)]
    gap = min(gap, np.linalg.norm(hand[:, None] - handle[None], axis=-1).min())
    assert gap < 0.03
    walker = figure_of("adult", style, Dress.WET).walker
    assert np.allclose(walker.held_rad[[Bone.RIGHT_ARM, Bone.RIGHT_FOREARM]], UMBRELLA_ARM)


def test_bags_hang_where_they_are_carried():
    for kind, name, bone in (
        (Bag.BACKPACK, "bag", Bone.TRUNK),
        (Bag.SHOULDER, "leather", Bone.TRUNK),
        (Bag.SHOPPING, "carrier bag", Bone.LEFT_FOREARM),
    ):
        style = next(k for k in range(64) if looks_of(k).outfit.bag is kind)
        shape = figure_of("adult", style).parts[bone].shape
        mine = only(shape, shape.material == material(name)).corners_m.mean(axis=(0, 1))
        assert {Bag.BACKPACK: -mine[0], Bag.SHOULDER: -mine[1], Bag.SHOPPING: -mine[2]}[kind] > 0.1


@pytest.mark.parametrize("style", [0, 3, 12, 30])
def test_pram_and_person_share_the_box_and_hands_hold_the_handle(style):
    spec = BLUEPRINTS["adult_with_pram"]
    parts = standing("adult_with_pram", style)
    points = np.concatenate(parts)
    assert np.abs(points[:, 0]).max() < spec.length_m / 2 + 0.05
    assert np.abs(points[:, 1]).max() < spec.width_m / 2 + 0.05
    assert np.concatenate(parts[BONES:])[:, 2].min() == pytest.approx(0.0, abs=0.01)
    for bone, side in ((Bone.LEFT_FOREARM, 1), (Bone.RIGHT_FOREARM, -1)):
        grip = np.array([-0.11, side * 0.19, 1.0])
        assert np.linalg.norm(parts[bone] - grip, axis=1).min() < 0.08


def test_wheels_of_a_pram_roll_without_slip():
    """Traffic counts 2 pi per double step of 0.8 statures."""
    parts = figure_of("adult_with_pram").parts[BONES:]
    for part in parts[1:]:
        radius = part.joint.pivot_m[2]
        way = 0.8 * BLUEPRINTS["adult_with_pram"].height_m
        assert part.joint.spin * 2 * np.pi * radius == pytest.approx(way)
