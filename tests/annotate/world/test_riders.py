"""Riders: feet on the pedals, hands on the bar, a foot down when the machine stands."""

import numpy as np
import pytest

from rareworld.annotate.world.materials import material
from rareworld.annotate.world.reach import BALL
from rareworld.annotate.world.riders import Seat, pedalling, rider_looks, upper_body
from rareworld.annotate.world.skeleton import ANKLE
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Dress
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.walks import corners, poser_of, straight
from tests.annotate.world.world_samples import figure_of

LEGS = ((5, 6, 7), (8, 9, 10))
"""Parts of a cyclist's legs; 4 are the cranks."""
STATURE = 1.66


def cyclist(time_s, speed_mps=4.0, style=0):
    """Return transforms of all parts of a cyclist, in the frame of the machine."""
    poses = (
        poser_of(straight("bicycle", speed_mps, style=style)).at(time_s).transforms.astype(float)
    )
    body = poses[0]
    local = np.einsum("ba,ibc->iac", body[:, :3], poses[:, :, :3])
    at = (poses[:, :, 3] - body[:, 3]) @ body[:, :3]
    return local, at


@pytest.mark.parametrize("style", [0, 1, 5])
@pytest.mark.parametrize("time_s", np.linspace(0.2, 1.5, 14).tolist())
def test_balls_of_the_feet_stay_on_the_pedals_within_five_millimetres(time_s, style):
    turn, at = cyclist(time_s, style=style)
    ball = np.array([BALL, 0.0, -ANKLE]) * STATURE
    for side, foot in ((1, 7), (-1, 10)):
        tread = at[foot] + turn[foot] @ ball
        pedal = at[4] + turn[4] @ np.array([side * 0.17, side * 0.115, 0.0])
        assert np.hypot(*(tread - pedal - [0, 0, 0.011])[[0, 2]]) < 0.005
        assert abs(tread[1] - pedal[1]) < 0.03


def test_knees_of_cyclists_bend_the_right_way_and_legs_reach_nearly_straight():
    bends = []
    for time_s in np.linspace(0.2, 1.6, 40):
        turn, _ = cyclist(time_s)
        for thigh, shin, _ in LEGS:
            knee = turn[thigh].T @ turn[shin]
            bends.append(np.degrees(np.arctan2(knee[0, 2], knee[2, 2])))
    assert min(bends) > 15
    assert max(bends) < 125


def test_a_standing_cyclist_has_the_left_foot_on_the_ground_and_the_right_on_the_pedal():
    rec = straight("bicycle", 0.0)
    parts = corners(rec, poser_of(rec), 1.0)
    assert -0.03 < parts[7][:, 2].min() < 0.05
    assert parts[10][:, 2].min() > 0.1
    assert parts[7][:, 0].mean() < -0.15


@pytest.mark.parametrize("name", ["bicycle", "motorcycle"])
@pytest.mark.parametrize("style", [0, 1, 2, 7])
def test_hands_are_at_the_grips(name, style):
    body = figure_of(name, style).parts[0].shape
    looks = rider_looks(style, full_face=name == "motorcycle")
    mine = (body.material == material(looks.skin)) & (body.class_id == int(ClassId.RIDER))
    points = body.corners_m[mine].reshape(-1, 3)
    grip = {"bicycle": (0.235, 0.25, 1.03), "motorcycle": (0.32, 0.36, 1.05)}[name]
    for side in (1, -1):
        away = np.linalg.norm(points - np.array([grip[0], side * grip[1], grip[2]]), axis=1)
        assert away.min() < 0.06


def test_riders_wear_no_skirts_nor_carry_umbrellas_and_motorcyclists_are_covered():
    for style in range(NUM_LOOKS):
        for dress in Dress:
            for full_face in (False, True):
                looks = rider_looks(style, full_face=full_face, dress=dress)
                assert looks.outfit.skirt == 0
                assert not looks.umbrella
                assert not looks.phone
                assert not full_face or looks.outfit.sleeves >= 1


def test_some_cyclists_wear_helmets_and_some_rucksacks():
    sizes = {figure_of("bicycle", style).parts[0].shape.size for style in range(9)}
    assert len(sizes) >= 4


def test_grips_and_pedals_out_of_reach_are_said():
    looks = rider_looks(0, full_face=False)
    far = Seat(hip_m=(-0.2, 1.0), grip_m=(1.5, 0.2, 1.0), lean_rad=0.3)
    with pytest.raises(ValueError, match="grip"):
        upper_body(far, looks, 0, full_face=False)
    near = Seat(hip_m=(-0.2, 1.0), grip_m=(0.2, 0.2, 1.0), lean_rad=0.3, half_width_m=0.15)
    with pytest.raises(ValueError, match=r"wider than 0\.150 m"):
        upper_body(near, looks, 0, full_face=False)
    with pytest.raises(ValueError, match="cannot reach"):
        pedalling(Seat(hip_m=(0, 1.6), grip_m=(0.3, 0.2, 1.0), lean_rad=0.3), looks, 0)


def test_riders_are_riders():
    for name in ("bicycle", "motorcycle"):
        kinds = set(figure_of(name, 3).parts[0].shape.class_id.tolist())
        assert int(ClassId.RIDER) in kinds
        assert int(ClassId.PEDESTRIAN) not in kinds
