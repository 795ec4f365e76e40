"""All 64 looks, young and old, in every dress: bodies, clothes, joints and how they move."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from rareworld.annotate.world import carried, heads
from rareworld.annotate.world.gait import RUN, WALK, look_up, make_gait, mixed
from rareworld.annotate.world.idle import Idle
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.people import bones, proportions_of
from rareworld.annotate.world.skeleton import (
    ANKLE,
    ARMS,
    BONES,
    HIP,
    LEGS,
    NECK,
    PARENTS,
    PITCH,
    ROLL,
    SHIN,
    THIGH,
    UPPER_ARM,
    WAIST,
    YAW,
    Bone,
    free_pose,
    place,
    soles,
    turns,
)
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Age, Bag, Dress, Hair, Hat, looks_of
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import about_x, about_y, about_z, figure_of, open_edges

KIND = ClassId.PEDESTRIAN
CROWD = [
    (style, child, dress) for style, child, dress in product(range(NUM_LOOKS), (False, True), Dress)
]
LOOKS = [looks_of(style, child=child, dress=dress) for style, child, dress in CROWD]
FAIR = [looks for looks, (_, _, dress) in zip(LOOKS, CROWD, strict=True) if dress is Dress.FAIR]
HEIGHT_M = {True: BLUEPRINTS["child"].height_m, False: BLUEPRINTS["adult"].height_m}
RANDOM = np.random.Generator(np.random.Philox(64))


@cache
def gaits():
    return make_gait(WALK), make_gait(RUN)


@cache
def people():
    """Proportions of everybody in fair weather."""
    return [proportions_of(looks, HEIGHT_M[looks.age is Age.CHILD]) for looks in FAIR]


def pivots():
    return np.array([one.pivots() for one in people()])


# builds


def test_joints_add_up_from_the_sole_to_the_crown():
    at = pivots()
    h = np.array([one.stature_m for one in people()])
    head = at[:, [Bone.PELVIS, Bone.TRUNK, Bone.HEAD], 2].sum(axis=1)
    np.testing.assert_allclose(head + (1 - NECK) * h, h)
    leg = np.array([one.leg_m for one in people()])
    np.testing.assert_allclose(at[:, Bone.PELVIS, 2], (THIGH + SHIN + ANKLE) * leg)
    assert pytest.approx(THIGH + SHIN + ANKLE) == HIP


def test_left_and_right_joints_mirror_each_other():
    at = pivots()
    for left, right in zip((*LEGS, *ARMS), (LEGS[1], LEGS[0], ARMS[1], ARMS[0]), strict=True):
        np.testing.assert_allclose(at[:, left] * [1, -1, 1], at[:, right])


def test_children_are_shorter_with_relatively_shorter_legs():
    at = pivots()
    h = np.array([one.stature_m for one in people()])
    share = at[:, Bone.PELVIS, 2] / h
    young = np.array([looks.age is Age.CHILD for looks in FAIR])
    assert h[young].max() < h[~young].min()
    assert share[young].max() < share[~young].min()


def test_weather_changes_clothes_and_never_the_body():
    for style, child in product(range(NUM_LOOKS), (False, True)):
        rows = [looks_of(style, child=child, dress=dress) for dress in Dress]
        for field in (
            "age",
            "woman",
            "stature",
            "girth",
            "belly",
            "skin",
            "hair",
            "hair_of",
            "beard",
        ):
            assert len({getattr(looks, field) for looks in rows}) == 1, field
        bodies = [proportions_of(looks, 1.8) for looks in rows]
        assert len({(one.stature_m, one.leg, one.hip) for one in bodies}) == 1
        # thicker cloth holds the arms farther from the body
        assert bodies[2].shoulder >= bodies[0].shoulder


def test_clothes_are_never_thinner_in_the_cold_than_in_the_wet_or_fair():
    for style in range(NUM_LOOKS):
        fair, wet, cold = (looks_of(style, dress=dress).outfit.thick for dress in Dress)
        assert fair <= wet <= cold
        assert cold >= 1.14


@pytest.mark.parametrize("dress", list(Dress))
def test_outfits_make_sense(dress):
    for (style, child, worn), looks in zip(CROWD, LOOKS, strict=True):
        outfit = looks.outfit
        if worn is not dress:
            continue
        assert 0 < outfit.sleeves <= 1, style
        assert 0 <= outfit.legs <= 1
        assert 0 <= outfit.skirt <= 0.8
        if outfit.legs == 0:
            assert outfit.skirt > 0, "bare legs end under a skirt"
        assert not (looks.woman and (looks.beard or looks.belly))
        assert not (child and (looks.phone or looks.umbrella or looks.beard))
        assert not (looks.umbrella and looks.phone)
        if looks.hair is Hair.BALD:
            assert not looks.woman
        if looks.age is Age.ELDERLY:
            assert looks.hair_of in {"hair grey", "hair white"}


def test_dark_skin_goes_with_dark_hair_unless_grey():
    for looks in FAIR:
        if looks.skin in {"skin mid", "skin dark", "skin deep"} and looks.age is not Age.ELDERLY:
            assert looks.hair_of in {"hair black", "hair brown"}


def test_neighbours_of_a_crowd_differ_in_outfit_and_face():
    adults = [looks_of(style) for style in range(NUM_LOOKS)]
    for first, second in zip(adults, [*adults[1:], adults[0]], strict=True):
        assert first.outfit != second.outfit
    faces = {(a.skin, a.hair, a.hair_of, a.beard, a.woman) for a in adults}
    assert len(faces) > 25


@pytest.mark.parametrize("style", [-1, -64, 64, 6400, 2**31])
def test_any_whole_number_is_somebody(style):
    assert looks_of(style) == looks_of(style % NUM_LOOKS)


# shapes


@pytest.mark.parametrize("block", range(8))
def test_shapes_of_a_fifth_of_the_crowd_are_closed(block):
    for (style, child, dress), looks in list(zip(CROWD, LOOKS, strict=True))[block::40]:
        body = proportions_of(looks, HEIGHT_M[child])
        for bone, shape in enumerate(bones(looks, body, KIND)):
            assert open_edges(shape, 1e-7) == 0, (style, dress, Bone(bone))
            assert (shape.class_id == int(KIND)).all()
            assert np.isfinite(shape.corners_m).all()


@pytest.mark.parametrize("hat", list(Hat))
def test_hats_cover_the_crown_and_leave_the_eyes_free(hat):
    for looks in FAIR:
        if looks.outfit.hat is not hat:
            continue
        shape = heads.head(1.0, NECK, looks, KIND)
        eyes = shape.corners_m[shape.material == material("eye")].reshape(-1, 3)
        assert len(eyes)
        # nothing but the brim of a cap or of a straw hat stands farther out than the eyes
        ahead = shape.corners_m.reshape(-1, 3)
        ahead = ahead[np.abs(ahead[:, 2] - eyes[:, 2].mean()) < 0.004]
        ahead = ahead[np.abs(ahead[:, 1]) < 0.03]
        assert ahead[:, 0].max() <= eyes[:, 0].max() + 0.012


def test_heads_are_an_eighth_of_a_grown_body_and_a_sixth_of_a_childs():
    """Tilley: heads are 1/7.5 of an adult's stature and 1/6 of a child's of eight years."""
    for looks in FAIR:
        shape = heads.head(1.0, NECK, looks, KIND)
        chin = shape.corners_m[shape.material == material(looks.skin)][..., 2].min() + NECK
        size = 1.0 - chin
        if looks.age is Age.CHILD:
            assert 1 / 7 < size < 1 / 5.5
        else:
            assert 1 / 8.5 < size < 1 / 7


@pytest.mark.parametrize("bag", [Bag.BACKPACK, Bag.SHOULDER])
def test_bags_on_the_trunk_are_on_their_side_and_closed(bag):
    found = 0
    for looks in FAIR:
        if looks.outfit.bag is bag:
            found += 1
            for shape in carried.bag(1.75, WAIST, looks, KIND):
                assert open_edges(shape, 1e-7) == 0
            pack = carried.bag(1.75, WAIST, looks, KIND)[0].corners_m.reshape(-1, 3).mean(axis=0)
            assert pack[0 if bag is Bag.BACKPACK else 1] < -0.1
    assert found >= 3


def test_whoever_has_no_bag_carries_none():
    for looks in FAIR:
        if looks.outfit.bag is Bag.NONE:
            assert carried.bag(1.75, WAIST, looks, KIND) == []
            assert carried.in_hand(looks, 1.75, 1, KIND) == []


def test_phones_are_held_in_the_right_hand_only():
    for looks in FAIR:
        if looks.phone and looks.outfit.bag is not Bag.SHOPPING:
            (phone,) = carried.in_hand(looks, 1.75, -1, KIND)
            size = np.ptp(phone.corners_m.reshape(-1, 3), axis=0)
            assert sorted(size.tolist()) == pytest.approx([0.012, 0.072, 0.145])
            assert carried.in_hand(looks, 1.75, 1, KIND) == []


def test_the_old_stoop_and_others_do_not():
    for style in range(NUM_LOOKS):
        walker = figure_of("adult", style).walker
        assert (walker.stoop_rad > 0) == (looks_of(style).age is Age.ELDERLY)
        free = np.isnan(walker.held_rad)
        arms = [bone for arm in ARMS for bone in arm]
        assert free[[bone for bone in range(BONES) if bone not in arms]].all()
        assert (not free[arms].all()) == (looks_of(style).outfit.bag is Bag.SHOPPING)


def test_colours_of_the_actor_reach_clothes_of_most_people():
    """A crowd whose jackets all had one colour would look cloned."""
    painted = 0
    for style in range(NUM_LOOKS):
        names = {
            MATERIALS[k].name
            for part in figure_of("adult", style).parts
            for k in part.shape.material
        }
        painted += bool({"jacket", "trousers"} & names)
    assert painted > NUM_LOOKS * 2 / 3


# joints


def loop_place(angles, at):
    """One joint after the other, with plain matrices."""
    placed = []
    for bone in range(BONES):
        yaw, pitch, roll = angles[bone]
        turn = about_z(yaw) @ about_y(pitch) @ about_x(roll)
        if PARENTS[bone] < 0:
            placed.append((turn, at[bone]))
        else:
            above, origin = placed[PARENTS[bone]]
            placed.append((above @ turn, origin + above @ at[bone]))
    return placed


@pytest.mark.parametrize("block", range(4))
def test_poses_of_everybody_are_those_of_plain_loops(block):
    at = pivots()[block::8]
    angles = RANDOM.normal(0, 0.7, (len(at), BONES, 3))
    turn, joint = place(angles, at)
    for k in range(len(at)):
        for bone, (wanted, origin) in enumerate(loop_place(angles[k], at[k])):
            np.testing.assert_allclose(turn[k, bone], wanted, atol=1e-12)
            np.testing.assert_allclose(joint[k, bone], origin, atol=1e-12)


def test_bones_keep_their_length_in_any_pose():
    at = pivots()
    angles = RANDOM.normal(0, 1.0, (len(at), BONES, 3))
    turn, joint = place(angles, at)
    for bone in range(1, BONES):
        span = np.linalg.norm(joint[:, bone] - joint[:, PARENTS[bone]], axis=1)
        np.testing.assert_allclose(span, np.linalg.norm(at[:, bone], axis=1))
    both = turn @ np.swapaxes(turn, -1, -2)
    np.testing.assert_allclose(both, np.broadcast_to(np.eye(3), both.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turn), 1)


def test_turning_about_one_axis_is_that_axis_rotation():
    for axis, twin in ((YAW, about_z), (PITCH, about_y), (ROLL, about_x)):
        for angle in (-2.0, -0.3, 0.0, 1.1):
            angles = np.zeros(3)
            angles[axis] = angle
            np.testing.assert_allclose(turns(angles), twin(angle), atol=1e-15)


def test_a_free_pose_holds_nothing():
    assert free_pose().shape == (BONES, 3)
    assert np.isnan(free_pose()).all()


# walking and running


@pytest.mark.parametrize("which", [0, 1])
def test_poses_repeat_after_a_double_step_and_have_no_jumps(which):
    gait = gaits()[which]
    phase = np.linspace(0, 1, 2001)
    stride = np.full_like(phase, float(np.median(gait.stride)))
    angles, shift = look_up(gait, stride, phase)
    again, _ = look_up(gait, stride, phase + 7.0)
    np.testing.assert_allclose(again, angles, atol=1e-9)
    np.testing.assert_allclose(angles[0], angles[-1], atol=1e-9)
    assert np.abs(np.diff(angles, axis=0)).max() < 0.03
    assert np.abs(np.diff(shift, axis=0)).max() < 0.01


@pytest.mark.parametrize("which", [0, 1])
def test_strides_beyond_the_tables_are_held_at_their_ends(which):
    gait = gaits()[which]
    phase = np.linspace(0, 0.9, 10)
    for beyond, end in ((0.0, gait.stride[0]), (99.0, gait.stride[-1])):
        far, _ = look_up(gait, np.full(10, beyond), phase)
        held, _ = look_up(gait, np.full(10, float(end)), phase)
        np.testing.assert_allclose(far, held, atol=1e-12)


@pytest.mark.parametrize("which", [0, 1])
def test_half_a_cycle_later_the_other_side_does_the_same(which):
    gait = gaits()[which]
    phase = np.linspace(0, 1, 40, endpoint=False)
    stride = np.full(40, float(np.median(gait.stride)))
    now, later = (look_up(gait, stride, phase + half)[0] for half in (0.0, 0.5))
    for left, right in zip((*LEGS[0], *ARMS[0]), (*LEGS[1], *ARMS[1]), strict=True):
        np.testing.assert_allclose(now[:, left, PITCH], later[:, right, PITCH], atol=2e-3)
    np.testing.assert_allclose(now[:, Bone.PELVIS, YAW], -later[:, Bone.PELVIS, YAW], atol=1e-3)


@pytest.mark.parametrize("phase", np.linspace(0, 0.9, 10).tolist())
def test_one_sole_of_every_walker_is_lowest_and_both_are_within_a_step(phase):
    at = pivots()
    gait = gaits()[0]
    stride = np.full(len(at), 1.6)
    angles, _ = look_up(gait, stride, np.full(len(at), phase))
    ends = soles(angles, at)
    hip = at[:, Bone.PELVIS, 2]
    assert (np.abs(ends[..., 0]).max(axis=(1, 2)) < 0.95 * hip).all()
    drop = ends[..., 2].min(axis=(1, 2)) / hip
    assert (drop > -0.03).all()
    assert (drop < 0.12).all()


def test_mixing_poses_is_linear_and_row_by_row():
    first, second = RANDOM.normal(size=(2, 5, BONES, 3))
    share = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    found = mixed(first, second, share)
    np.testing.assert_allclose(found[0], first[0])
    np.testing.assert_allclose(found[4], second[4])
    np.testing.assert_allclose(found[1], 0.75 * first[1] + 0.25 * second[1])
    np.testing.assert_allclose(mixed(first, first, share), first)


# waiting


CROWD_IDLE = Idle(np.arange(1, 65), np.repeat([0.0, 1.0], 32))


@pytest.mark.parametrize("time_s", [0.0, 2.7, 11.3, 100.0])
def test_joints_of_people_who_wait_stay_within_what_bodies_do(time_s):
    angles, shift = CROWD_IDLE.at(time_s)
    degrees = np.degrees(angles)
    for leg in LEGS:
        assert (degrees[:, leg[1], PITCH] >= -1e-9).all(), "knees bend backward only"
        assert degrees[:, leg[1], PITCH].max() < 15
        np.testing.assert_allclose(angles[:, list(leg), PITCH].sum(axis=1), 0, atol=1e-12)
    assert np.abs(degrees[:, Bone.HEAD, YAW]).max() < 45
    for arm in ARMS:
        assert degrees[:, arm[1], PITCH].max() <= 0, "elbows bend forward only"
        assert degrees[:, arm[1], PITCH].min() > -120
    assert np.abs(shift[:, [0, 2]]).max() == 0
    assert np.abs(shift[:, 1]).max() < 0.03


@pytest.mark.parametrize("number", [1, 7, 40])
def test_weight_goes_from_one_leg_to_the_other_and_back(number):
    times = np.linspace(0, 40, 400)
    one = Idle(np.array([number]), np.array([0.0]))
    side = np.array([one.at(float(t))[1][0, 1] for t in times])
    assert side.max() > 0.015
    assert side.min() < -0.015
    turns_over = int((np.diff(np.sign(side)) != 0).sum())
    # a period of about nine seconds has two changes
    assert 6 <= turns_over <= 12


def test_phones_are_looked_at_with_the_head_down_and_still():
    spans = []
    for phone in (0.0, 1.0):
        one = Idle(np.array([9]), np.array([phone]))
        head = np.array([one.at(float(t))[0][0, Bone.HEAD] for t in np.linspace(0, 20, 100)])
        spans.append(np.ptp(head[:, YAW]))
        assert (head[:, PITCH].mean() > 0.4) == bool(phone)
    assert spans[1] < 0.3 * spans[0]


def test_nobody_to_wait_is_no_trouble():
    angles, shift = Idle(np.zeros(0, np.int64), np.zeros(0)).at(3.0)
    assert angles.shape == (0, BONES, 3)
    assert shift.shape == (0, 3)


def test_upper_arms_hang_beside_the_trunk():
    at = pivots()
    h = np.array([one.stature_m for one in people()])
    np.testing.assert_allclose(-at[:, ARMS[0][1], 2], UPPER_ARM * h)
    girth = np.array([looks.girth for looks in FAIR])
    grown = np.array([looks.age is not Age.CHILD for looks in FAIR])
    wide = at[grown, ARMS[0][0], 1] / h[grown]
    assert np.corrcoef(wide, girth[grown])[0, 1] > 0.4
