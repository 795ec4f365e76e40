"""Riders of every style on seats of every kind, and every struck person's loose limbs."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from rareworld.annotate.world.limp import SLACK_S, Limp, settle, slackness
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.parts import CYCLE_STEPS
from rareworld.annotate.world.reach import BALL, ankle_over, elbow_of, two_link
from rareworld.annotate.world.riders import (
    Seat,
    fitted,
    pedalling,
    resting_legs,
    rider_looks,
    upper_body,
)
from rareworld.annotate.world.skeleton import (
    ANKLE,
    ARMS,
    BONES,
    LEGS,
    PARENTS,
    PITCH,
    Proportions,
    place,
)
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Bag, Dress, Hat
from rareworld.core.geometry import matrix_from_quat, quat_from_euler
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import open_edges

SEATS = {
    "upright": Seat(hip_m=(-0.18, 0.95), grip_m=(0.28, 0.28, 1.10), lean_rad=0.2),
    "sporty": Seat(hip_m=(-0.18, 0.98), grip_m=(0.38, 0.22, 1.02), lean_rad=0.6),
    "scooter": Seat(hip_m=(-0.20, 0.80), grip_m=(0.20, 0.28, 0.97), lean_rad=0.1,
                    feet_m=(0.25, 0.14, 0.22)),
}  # fmt: skip
RANDOM = np.random.Generator(np.random.Philox(71))
PERSON = Proportions(stature_m=1.75)


# what riders wear


@pytest.mark.parametrize("full_face", [False, True])
@pytest.mark.parametrize("dress", list(Dress))
def test_nothing_flutters_into_the_wheels_whoever_rides(dress, full_face):
    for style in range(NUM_LOOKS):
        looks = rider_looks(style, full_face=full_face, dress=dress)
        outfit = looks.outfit
        assert outfit.skirt == 0
        assert outfit.hat is Hat.NONE
        assert outfit.bag in {Bag.NONE, Bag.BACKPACK}
        assert outfit.bottom != "skin"
        assert not looks.umbrella
        assert not looks.phone
        if full_face:
            assert (outfit.sleeves, outfit.legs) == (1.0, 1.0)
            assert outfit.thick >= 1.05


def test_a_third_of_riders_has_a_rucksack():
    bags = [rider_looks(style, full_face=False).outfit.bag for style in range(NUM_LOOKS)]
    assert bags.count(Bag.BACKPACK) / NUM_LOOKS == pytest.approx(1 / 3, abs=0.02)


# how riders sit


@pytest.mark.parametrize("name", SEATS)
@pytest.mark.parametrize("style", range(0, NUM_LOOKS, 9))
def test_riders_of_every_style_fit_their_seat_are_closed_and_riders(name, style):
    seat = SEATS[name]
    made = upper_body(seat, rider_looks(style, full_face=False), style, full_face=False)
    assert open_edges(made, 1e-7) == 0
    assert (made.class_id == int(ClassId.RIDER)).all()
    low, high = made.bounds_m
    assert np.abs([low[1], high[1]]).max() <= max(seat.half_width_m, 0.35)
    assert 1.4 < high[2] < 2.0
    assert low[2] > seat.hip_m[1] - 0.25


def test_leaning_forward_lowers_the_head_and_brings_it_ahead():
    heads = []
    for lean in (0.5, 0.6, 0.7):
        seat = replace(SEATS["sporty"], lean_rad=lean)
        made = upper_body(seat, rider_looks(0, full_face=False), 0, full_face=False)
        eyes = made.corners_m[made.material == material("eye")].reshape(-1, 3)
        heads.append(eyes.mean(axis=0))
    assert [h[0] for h in heads] == sorted(h[0] for h in heads)
    assert [h[2] for h in heads] == sorted((h[2] for h in heads), reverse=True)


@pytest.mark.parametrize("style", range(8))
def test_full_face_helmets_hide_the_hair_and_have_a_visor_in_front(style):
    looks = rider_looks(style, full_face=True)
    made = upper_body(SEATS["upright"], looks, style, full_face=True)
    assert "visor" in {MATERIALS[k].name for k in made.material}
    visor = made.corners_m[made.material == material("visor")].reshape(-1, 3)
    eyes = made.corners_m[made.material == material("eye")].reshape(-1, 3)
    assert visor[:, 0].max() > eyes[:, 0].max()


@pytest.mark.parametrize("height_m", [1.6, 1.7, 1.85])
def test_fitting_moves_the_crown_to_the_height_and_nothing_at_the_grip(height_m):
    seat = SEATS["upright"]
    made = upper_body(seat, rider_looks(2, full_face=False), 2, full_face=False)
    found = fitted(seat, made, height_m)
    assert found.bounds_m[1][2] == pytest.approx(height_m)
    below = made.corners_m[..., 2] <= seat.grip_m[2] + 0.05
    np.testing.assert_array_equal(found.corners_m[below], made.corners_m[below])
    np.testing.assert_array_equal(found.corners_m[..., :2], made.corners_m[..., :2])


@pytest.mark.parametrize("style", range(0, NUM_LOOKS, 16))
def test_resting_feet_stand_on_the_board(style):
    seat = SEATS["scooter"]
    made = resting_legs(seat, rider_looks(style, full_face=True))
    assert open_edges(made, 1e-7) == 0
    assert made.bounds_m[0][2] == pytest.approx(seat.feet_m[2], abs=0.03)
    points = made.corners_m.reshape(-1, 3)
    for side in (1, -1):
        mine = points[points[:, 1] * side > 0]
        sole = mine[mine[:, 2] < seat.feet_m[2] + 0.03]
        assert abs(sole[:, 1].mean()) == pytest.approx(seat.feet_m[1], abs=0.03)


def test_out_of_reach_is_said_with_both_places():
    looks = rider_looks(0, full_face=False)
    far = replace(SEATS["upright"], grip_m=(1.6, 0.3, 1.0))
    with pytest.raises(ValueError, match=r"grip \(1.6, 0.3, 1.0\) is out of reach"):
        upper_body(far, looks, 0, full_face=False)
    with pytest.raises(ValueError, match=r"feet .* are out of reach of the hips"):
        resting_legs(replace(SEATS["scooter"], feet_m=(1.5, 0.1, 0.1)), looks)
    narrow = replace(SEATS["upright"], half_width_m=0.1)
    with pytest.raises(ValueError, match=r"arms at the grip .* are wider than 0\.100 m"):
        upper_body(narrow, looks, 0, full_face=False)


def test_pedalling_legs_form_two_chains_half_a_turn_apart():
    seat = replace(SEATS["upright"], stature_m=1.7, hip_m=(-0.15, 0.93), crank_m=(0.0, 0.28))
    parts = pedalling(seat, rider_looks(0, full_face=False), 5)
    assert [part.joint.parent for part in parts] == [-1, 5, 6, -1, 8, 9]
    half = CYCLE_STEPS // 2
    for left, right in zip(parts[:3], parts[3:], strict=True):
        np.testing.assert_allclose(
            left.joint.cycle_rad, np.roll(right.joint.cycle_rad, half), atol=1e-9
        )
        assert left.joint.rest_rad is not None
        assert right.joint.rest_rad is None
    # thigh, knee and foot add up to the pitch of the sole, which rocks by 0.12 about 0.22
    sole = sum(part.joint.cycle_rad for part in parts[:3])
    np.testing.assert_allclose([sole.min(), sole.max()], [0.10, 0.34], atol=1e-3)
    assert sum(pitch for pitch, _ in (part.joint.rest_rad for part in parts[:3])) == pytest.approx(
        0.5
    )


# reaching


@pytest.mark.parametrize("trial", range(20))
def test_chains_of_two_links_end_where_they_are_sent_in_the_plane(trial):
    upper, lower = RANDOM.uniform(0.2, 0.6, 2).tolist()
    far = RANDOM.uniform(abs(upper - lower) + 1e-3, upper + lower - 1e-3, 8)
    angle = RANDOM.uniform(-1.2, 1.2, 8)
    dx, dz = far * np.sin(angle), -far * np.cos(angle)
    hip, knee = two_link(dx, dz, upper, lower)
    # a limb that hangs, turned about y by a, points to (-sin a, -cos a)
    x = -upper * np.sin(hip) - lower * np.sin(hip + knee)
    z = -upper * np.cos(hip) - lower * np.cos(hip + knee)
    np.testing.assert_allclose(x, dx, atol=1e-9)
    np.testing.assert_allclose(z, dz, atol=1e-9)
    assert (knee >= 0).all()


def test_a_straight_leg_has_no_knee_and_a_closer_foot_bends_it_more():
    far = np.linspace(0.85, 0.3, 12)
    _, knee = two_link(0 * far, -far, 0.45, 0.4)
    assert knee[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(knee) > 0).all()


def test_an_elbow_of_equal_links_is_over_the_middle():
    start, end = np.zeros(3), np.array([0.0, 0.6, 0.0])
    elbow, reach = elbow_of(start, end, 0.5, 0.5, np.array([0.0, 0.3, -1.0]))
    assert reach
    np.testing.assert_allclose(elbow, [0, 0.3, -0.4], atol=1e-12)


@pytest.mark.parametrize("pitch", [-0.4, 0.0, 0.7])
def test_the_ankle_is_a_fixed_way_from_the_ball(pitch):
    x, z = ankle_over((np.array([0.3]), np.array([0.1])), np.array([pitch]), 1.8)
    gap = np.hypot(x[0] - 0.3, z[0] - 0.1)
    assert gap == pytest.approx(1.8 * np.hypot(BALL, ANKLE))


# falling


def test_tension_leaves_within_three_tenths_of_a_second_smoothly():
    times = np.linspace(-0.5, 1.0, 301)
    slack = np.array([slackness(float(t)) for t in times])
    share = np.clip(times / SLACK_S, 0, 1)
    np.testing.assert_allclose(slack, 3 * share**2 - 2 * share**3, atol=1e-12)


@pytest.mark.parametrize("spin", [0.0, 3.0, 8.0, 50.0])
def test_loose_joints_of_two_hundred_people_stay_within_what_joints_do(spin):
    upright, side = np.eye(3), matrix_from_quat(np.asarray(quat_from_euler(0.0, 0.0, 1.57)))
    for number, turn in product(range(200), (upright, side)):
        pose = Limp.of(number).angles(turn, spin)
        for leg in LEGS:
            assert 0 <= pose[leg[1], PITCH] < 1.2, "knees bend backward only"
        for arm in ARMS:
            assert -1.0 < pose[arm[1], PITCH] < 0.01, "elbows bend forward only"
        assert np.abs(pose).max() < 1.2
        assert np.isfinite(pose).all()


def test_a_body_spreads_with_its_spin_and_no_further_than_full():
    one = Limp.of(5)
    still, half, full, more = (one.angles(np.eye(3), s) for s in (0.0, 4.0, 8.0, 80.0))
    # the head alone keeps to the line of the body: it has no spread
    np.testing.assert_allclose(half - still, (full - still) / 2, atol=1e-12)
    np.testing.assert_array_equal(full, more)


def test_who_lies_on_the_side_curls_up():
    one = Limp.of(11)
    side = matrix_from_quat(np.asarray(quat_from_euler(0.4, 0.0, np.pi / 2)))
    flat, curled = one.angles(np.eye(3), 0.0), one.angles(side, 0.0)
    for leg in LEGS:
        assert curled[leg[1], PITCH] > flat[leg[1], PITCH] + 0.2
        assert curled[leg[0], PITCH] < flat[leg[0], PITCH] - 0.1


def lying(number, yaw, pitch, roll, height):
    turn = matrix_from_quat(np.asarray(quat_from_euler(yaw, pitch, roll)))
    pose = Limp.of(number).angles(turn, 0.0)
    local, at = place(pose[None], PERSON.pivots()[None])
    return turn @ local[0], at[0] @ turn.T + np.array([0, 0, height])


POSES = [
    (k, *angles)
    for k in range(6)
    for angles in ((0.0, 1.5, 0.0), (1.0, -1.5, 0.2), (2.0, 0.1, 1.5))
]


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("slack", [0.3, 1.0])
def test_limbs_keep_their_length_and_their_joints_when_they_settle(pose, slack):
    turn, at = lying(*pose, height=0.25)
    found, joints = settle(turn, at, PERSON, 0.0, slack)
    np.testing.assert_allclose(
        found @ np.swapaxes(found, 1, 2), np.broadcast_to(np.eye(3), found.shape), atol=1e-9
    )
    pivots = PERSON.pivots()
    for bone in range(1, BONES):
        up = PARENTS[bone]
        np.testing.assert_allclose(joints[bone], joints[up] + found[up] @ pivots[bone], atol=1e-9)


@pytest.mark.parametrize("pose", POSES)
def test_no_knee_ankle_elbow_or_hand_of_the_limp_is_below_the_ground(pose):
    turn, at = lying(*pose, height=0.05)
    found, joints = settle(turn, at, PERSON, 0.0, 1.0)
    ends = [joints[bone] for bone in (*LEGS[0][1:], *LEGS[1][1:], ARMS[0][1], ARMS[1][1])]
    ends += [joints[arm[1]] + found[arm[1]] @ [0, 0, -0.205 * 1.75] for arm in ARMS]
    assert min(end[2] for end in ends) > 0


def test_a_higher_ground_lifts_the_whole_body_by_as_much():
    turn, at = lying(3, 0.3, 1.5, 0.1, height=0.2)
    low = settle(turn, at, PERSON, 0.0, 1.0)
    lifted = settle(turn, at + np.array([0, 0, 2.5]), PERSON, 2.5, 1.0)
    np.testing.assert_allclose(lifted[0], low[0], atol=1e-9)
    np.testing.assert_allclose(lifted[1], low[1] + np.array([0, 0, 2.5]), atol=1e-9)


def test_without_slack_nothing_moves_that_is_above_the_ground():
    turn, at = lying(2, 0.0, 1.2, 0.0, height=3.0)
    found, joints = settle(turn, at, PERSON, 0.0, 0.0)
    np.testing.assert_allclose(found, turn, atol=1e-9)
    np.testing.assert_allclose(joints, at, atol=1e-9)
    assert found is not turn
