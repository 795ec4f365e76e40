"""People on foot: looks, proportions, joints and gait, for many styles."""

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import signed_volume_m3
from rareworld.annotate.world.model import Paint
from rareworld.annotate.world.parts import CYCLE_STEPS
from rareworld.annotate.world.people import (
    HIP,
    NUM_LOOKS,
    SHIN,
    SHOULDER,
    THIGH,
    UPPER_ARM,
    foot,
    forearm,
    looks_of,
    person,
    shin,
    thigh,
    upper_arm,
    walking_bob,
)
from rareworld.annotate.world.vehicles import variant_of
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import figure_of, only, open_edges, resting

BOTH = ["adult", "child"]
STYLES = [0, 1, 2, 3, 5, 8, 10, 17, 101, 419]
LIMBS = {"thigh": thigh, "shin": shin, "foot": foot, "upper arm": upper_arm, "forearm": forearm}


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("style", STYLES)
def test_a_person_is_a_torso_two_legs_and_two_arms(name, style):
    parts = figure_of(name, style).parts
    assert len(parts) == 11
    assert [part.joint.parent for part in parts] == [-1, -1, 1, 2, -1, 4, 5, -1, 7, -1, 9]
    assert all(part.joint.spin == 0 and part.joint.steer == 0 for part in parts)
    assert parts[0].joint.cycle_rad is None


@pytest.mark.parametrize("name", BOTH)
def test_hips_knees_and_shoulders_are_where_anatomy_has_them(name):
    h, parts = BLUEPRINTS[name].height_m, figure_of(name).parts
    for left, right, up in ((1, 4, HIP), (7, 9, SHOULDER)):
        a, b = parts[left].joint.pivot_m, parts[right].joint.pivot_m
        assert a[1] == pytest.approx(-b[1])
        assert a[1] > 0
        assert a[2] == b[2] == pytest.approx(up * h)
    for knee in (2, 5):
        assert parts[knee].joint.pivot_m == (0, 0, -THIGH * h)
        assert parts[knee + 1].joint.pivot_m == (0, 0, -SHIN * h)
    assert parts[8].joint.pivot_m == (0, 0, -UPPER_ARM * h)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("style", STYLES)
def test_sizes_are_the_blueprints(name, style):
    spec = BLUEPRINTS[name]
    low, high = resting(figure_of(name, style)).bounds_m
    assert high[2] == pytest.approx(spec.height_m, rel=0.01)
    assert low[2] == pytest.approx(0.0, abs=0.004)
    assert abs(low[1] + high[1]) < 0.01


@pytest.mark.parametrize("style", STYLES)
def test_a_person_shows_skin_hair_shoes_jacket_and_trousers_of_the_looks(style):
    looks = looks_of(style)
    shape = resting(figure_of("adult", style))
    used = {MATERIALS[index].name for index in np.unique(shape.material)}
    assert {looks.skin, looks.hair, looks.shoe, "jacket", "trousers"} <= used
    assert ("bag" in used) == looks.bag
    assert set(shape.class_id) == {int(ClassId.PEDESTRIAN)}
    painted = {MATERIALS[index].paint for index in np.unique(shape.material)}
    assert painted == {Paint.NONE, Paint.BODY, Paint.SECOND}


@pytest.mark.parametrize("name", LIMBS)
@pytest.mark.parametrize("style", [0, 2, 3])
def test_limbs_are_closed_bodies_that_hang_from_their_joint(name, style):
    part = LIMBS[name](1.75, looks_of(style), ClassId.PEDESTRIAN)
    if name in ("thigh", "shin", "foot"):
        assert open_edges(part) == 0
    assert signed_volume_m3(part) > 0
    low, high = part.bounds_m
    assert high[2] < 0.07
    assert low[2] < -0.05


def test_shorts_show_the_shins():
    bare = next(style for style in range(50) if looks_of(style).shorts)
    clothed = next(style for style in range(50) if not looks_of(style).shorts)
    shins = [shin(1.75, looks_of(style), ClassId.PEDESTRIAN) for style in (bare, clothed)]
    assert set(shins[0].material) == {material(looks_of(bare).skin)}
    assert set(shins[1].material) == {material("trousers")}


def test_coats_hang_lower_than_jackets():
    lengths = {}
    for style in range(12):
        jacket = only(
            figure_of("adult", style).parts[0].shape,
            figure_of("adult", style).parts[0].shape.material == material("jacket"),
        )
        lengths.setdefault(looks_of(style).coat, []).append(float(jacket.bounds_m[0][2]))
    assert max(lengths[True]) < min(lengths[False])


def test_heads_are_on_top_and_noses_point_forward():
    shape = figure_of("adult", 0).parts[0].shape
    face = only(shape, shape.material == material(looks_of(0).skin))
    hair = only(shape, shape.material == material(looks_of(0).hair))
    assert hair.bounds_m[1][2] == pytest.approx(1.75, abs=0.02)
    foremost = face.corners_m.reshape(-1, 3)[face.corners_m[..., 0].argmax()]
    assert foremost[2] > 0.9 * 1.75
    assert hair.corners_m[..., 0].mean() < face.corners_m[..., 0].mean()


def test_feet_point_forward():
    shape = foot(1.75, looks_of(0), ClassId.PEDESTRIAN)
    low, high = shape.bounds_m
    assert high[0] > 2 * -low[0] > 0


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("part", range(1, 11))
def test_joint_tables_are_smooth_and_periodic(name, part):
    table = figure_of(name).parts[part].joint.cycle_rad
    assert table.shape == (CYCLE_STEPS,)
    steps = np.diff(np.append(table, table[0]))
    assert np.abs(steps).max() < np.radians(12)


@pytest.mark.parametrize("part", [1, 2, 3])
def test_right_legs_repeat_the_left_half_a_cycle_later(part):
    parts = figure_of("adult").parts
    left, right = parts[part].joint.cycle_rad, parts[part + 3].joint.cycle_rad
    assert np.allclose(np.roll(left, CYCLE_STEPS // 2), right, atol=1e-9)


@pytest.mark.parametrize("part", [7, 8])
def test_arms_swing_in_turn(part):
    parts = figure_of("adult").parts
    left, right = parts[part].joint.cycle_rad, parts[part + 2].joint.cycle_rad
    assert np.corrcoef(left, right)[0, 1] < -0.9


def test_elbows_bend_forward_only():
    for part in (8, 10):
        assert figure_of("adult").parts[part].joint.cycle_rad.max() < 0


@pytest.mark.parametrize("name", BOTH)
def test_the_trunk_rises_and_falls_twice_per_stride(name):
    bob = figure_of(name).bob_m
    assert bob is not None
    assert np.ptp(bob) == pytest.approx(0.03 * BLUEPRINTS[name].height_m, rel=0.8)
    assert np.allclose(bob, np.roll(bob, CYCLE_STEPS // 2), atol=1e-3)


def test_bob_scales_with_stature():
    parts = figure_of("adult").parts
    assert np.allclose(2 * walking_bob(parts, 1.0), walking_bob(parts, 2.0))


@pytest.mark.parametrize("style", [0, 7, 40, 210, 419])
def test_styles_repeat_after_the_number_of_looks(style):
    assert looks_of(style) == looks_of(style + NUM_LOOKS)
    assert variant_of("adult", style) == variant_of("adult", style + NUM_LOOKS)


def test_crowds_are_mixed():
    crowd = [looks_of(style) for style in range(200)]
    assert {look.skin for look in crowd} == {"skin light", "skin mid", "skin dark"}
    assert len({look.hair for look in crowd}) == 4
    for name in ("long_hair", "bag", "shorts", "coat"):
        share = np.mean([getattr(look, name) for look in crowd])
        assert 0.1 < share < 0.6


@pytest.mark.parametrize("name", BOTH)
def test_a_person_is_made_of_few_triangles(name):
    assert sum(part.shape.size for part in person(BLUEPRINTS[name], 1).parts) < 3000


@pytest.mark.parametrize("name", ["bicycle", "motorcycle"])
@pytest.mark.parametrize("style", [0, 1, 5])
def test_riders_carry_their_own_class_and_wear_helmets(name, style):
    shape = resting(figure_of(name, style))
    rider = only(shape, shape.class_id == int(ClassId.RIDER))
    machine = only(shape, shape.class_id == int(BLUEPRINTS[name].class_id))
    assert rider.size + machine.size == shape.size
    assert rider.bounds_m[1][2] == pytest.approx(BLUEPRINTS[name].height_m, rel=0.01)
    assert machine.bounds_m[1][2] < 1.35
    shell = "helmet" if name == "motorcycle" else ("sign white", "visor")[style % 2]
    assert material(shell) in rider.material
    assert material("paint") not in rider.material
    assert material("jacket") not in machine.material


@pytest.mark.parametrize("name", ["bicycle", "motorcycle"])
def test_riders_hands_are_on_the_bar(name):
    """The forward-most skin below the head lies within 6 cm of the grips."""
    made = figure_of(name)
    body, front = made.parts[0].shape, made.parts[1]
    hand = only(body, body.material == material(looks_of(0).skin))
    hand = only(hand, hand.corners_m[..., 2].max(axis=1) < 1.2)
    bar = front.shape.corners_m.reshape(-1, 3) + np.asarray(front.joint.pivot_m)
    centre = hand.corners_m.reshape(-1, 3)
    for side in (1, -1):
        grip = centre[side * centre[:, 1] > 0].mean(axis=0)
        assert np.linalg.norm(bar - grip, axis=1).min() < 0.06
