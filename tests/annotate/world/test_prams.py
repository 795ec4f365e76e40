"""A person who pushes a pram: hands on the handle, wheels on the ground, both in one box."""

from functools import cache

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import signed_volume_m3
from rareworld.annotate.world.skeleton import ARMS, BONES, FOREARM, UPPER_ARM, Bone, place
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Age, Dress
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import figure_of

NAME = "adult_with_pram"
SPEC = BLUEPRINTS[NAME]
STYLES = range(0, NUM_LOOKS, 6)
styles = pytest.mark.parametrize("style", STYLES)
HANDLE = np.array([-0.11, 0.19, 1.00])
BEHIND = -0.52


@cache
def pose(style, dress=Dress.FAIR):
    """Joints and turns of the arms as held, body frame of the actor."""
    walker = figure_of(NAME, style, dress).walker
    pivots = walker.proportions.pivots()
    pivots[Bone.PELVIS, 0] = BEHIND
    angles = np.nan_to_num(walker.held_rad)
    turn, at = place(angles[None], pivots[None])
    return turn[0], at[0], walker.proportions.stature_m


@styles
@pytest.mark.parametrize("dress", list(Dress))
def test_both_palms_are_on_the_handle(style, dress):
    turn, at, h = pose(style, dress)
    for arm, side in zip(ARMS, (1, -1), strict=True):
        palm = at[arm[1]] + turn[arm[1]] @ np.array([0, 0, -0.168 * h])
        # 2 cm for shoulders that differ in width and height
        assert palm[0] == pytest.approx(HANDLE[0], abs=0.02)
        assert palm[2] == pytest.approx(HANDLE[2], abs=0.02)
        assert abs(palm[1] - side * HANDLE[1]) < 0.06


@styles
def test_elbows_bend_backward_and_are_not_locked(style):
    turn, at, h = pose(style)
    for arm in ARMS:
        reach = np.linalg.norm(at[arm[1]] + turn[arm[1]] @ [0, 0, -0.168 * h] - at[arm[0]])
        assert 0.45 * h * (UPPER_ARM + FOREARM) < reach < h * (UPPER_ARM + 0.168) - 1e-4
        line = at[arm[0]] + (HANDLE - at[arm[0]]) * 0.5
        assert at[arm[1]][0] < line[0] + 0.02, "the elbow is behind the line to the handle"


@styles
@pytest.mark.parametrize("dress", list(Dress))
def test_nobody_pushes_with_an_umbrella_shopping_or_a_phone(style, dress):
    made = figure_of(NAME, style, dress)
    assert made.walker is not None
    assert not made.walker.phone
    names = {MATERIALS[k].name for part in made.parts[:BONES] for k in part.shape.material}
    assert "carrier bag" not in names
    assert not {"umbrella", "umbrella black"} & names


@styles
def test_the_first_parts_are_the_person_then_body_and_two_axles(style):
    parts = figure_of(NAME, style).parts
    assert len(parts) == BONES + 3
    assert parts[Bone.PELVIS].joint.pivot_m[0] == pytest.approx(BEHIND)
    body, *axles = parts[BONES:]
    assert body.joint.spin == 0
    assert [axle.joint.parent for axle in axles] == [-1, -1]
    assert axles[0].joint.pivot_m[0] < 0 < axles[1].joint.pivot_m[0]


@styles
def test_wheels_touch_the_ground_are_round_and_come_in_pairs(style):
    for axle in figure_of(NAME, style).parts[BONES + 1 :]:
        radius = axle.joint.pivot_m[2]
        points = axle.shape.corners_m.reshape(-1, 3)
        assert points[:, 2].min() + radius == pytest.approx(0, abs=0.006)
        assert np.hypot(points[:, 0], points[:, 2]).max() == pytest.approx(radius, rel=0.02)
        left, right = (points[points[:, 1] * side > 0] for side in (1, -1))
        np.testing.assert_allclose(left[:, 1].max(), -right[:, 1].min(), atol=1e-9)
        assert left[:, 1].min() > 0.1
        assert signed_volume_m3(axle.shape) > 0


@styles
def test_smaller_wheels_turn_faster_by_the_ratio_of_radii(style):
    rear, front = figure_of(NAME, style).parts[BONES + 1 :]
    ratio = rear.joint.pivot_m[2] / front.joint.pivot_m[2]
    assert front.joint.spin / rear.joint.spin == pytest.approx(ratio)


@styles
def test_the_pram_is_ahead_of_the_person_and_inside_the_box(style):
    made = figure_of(NAME, style)
    points = made.parts[BONES].shape.corners_m.reshape(-1, 3)
    assert points[:, 0].min() > BEHIND + 0.25
    assert points[:, 0].max() < SPEC.length_m / 2 + 0.01
    assert np.abs(points[:, 1]).max() < SPEC.width_m / 2
    assert 0.9 < points[:, 2].max() < 1.1


def test_the_child_lies_in_the_cot_between_cloth_and_hood():
    shape = figure_of(NAME, 0).parts[BONES].shape
    head = shape.corners_m[shape.material == material("skin light")].reshape(-1, 3)
    assert np.ptp(head, axis=0) == pytest.approx([0.13, 0.12, 0.12], abs=0.02)
    assert 0.6 < head[:, 2].mean() < 0.8
    cloths = {"cloth black", "cloth grey", "cloth navy", "cloth red", "cloth beige"}
    seen = {
        MATERIALS[k].name
        for style in range(5)
        for k in figure_of(NAME, style).parts[BONES].shape.material
    }
    assert cloths <= seen


def test_all_of_it_is_a_pedestrian_and_the_person_is_grown():
    for style in STYLES:
        made = figure_of(NAME, style)
        assert {int(k) for part in made.parts for k in part.shape.class_id} == {
            int(ClassId.PEDESTRIAN)
        }
        assert made.walker.proportions.leg == 1.0, Age.ADULT
