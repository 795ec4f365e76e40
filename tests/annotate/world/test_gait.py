"""Walking and running: angles near the tabled and the usual ones, feet that stay put."""

import numpy as np
import pytest

from rareworld.annotate.world.gait import RUN, WALK, look_up, make_gait, mixed
from rareworld.annotate.world.parts import CYCLE_STEPS
from rareworld.annotate.world.skeleton import LEGS, PITCH, Bone
from tests.annotate.world.walks import poser_of, slips, soles_at, straight
from tests.annotate.world.world_samples import figure_of

GAITS = {"walk": (make_gait(WALK), WALK), "run": (make_gait(RUN), RUN)}
NATURAL = {"walk": 1.55, "run": 2.4}
"""Strides in hip heights."""


def cycle_of(name, stride):
    gait, _ = GAITS[name]
    phase = np.arange(CYCLE_STEPS) / CYCLE_STEPS
    return look_up(gait, np.full(CYCLE_STEPS, stride), phase)


@pytest.mark.parametrize("name", GAITS)
@pytest.mark.parametrize("joint", ["hip", "knee"])
def test_angles_at_the_natural_stride_stay_near_the_tabled_curves(name, joint):
    """Within 9 degrees: up to 5 from keeping the feet still, the rest from the stride's scale."""
    gait, style = GAITS[name]
    angles, _ = cycle_of(name, gait.stride[7])
    sign, bone = (-1, LEGS[0][0]) if joint == "hip" else (1, LEGS[0][1])
    percent, wanted = getattr(style, joint)
    found = np.degrees(sign * angles[:, bone, PITCH])
    at = np.interp(np.array(percent) / 100, np.arange(CYCLE_STEPS + 1) / CYCLE_STEPS,
                   np.append(found, found[0]))  # fmt: skip
    assert np.abs(at - wanted).max() < 9


USUAL_DEG = [
    ("hip", 0, 20, 30), ("hip", 50, -15, -8), ("hip", 88, 20, 30),
    ("knee", 0, 0, 8), ("knee", 15, 15, 20), ("knee", 62, 34, 50), ("knee", 72, 60, 70),
]  # fmt: skip
"""Joint, percentage of the cycle, least and most: what textbooks give for level walking."""


@pytest.mark.parametrize(("joint", "percent", "least", "most"), USUAL_DEG)
def test_the_walks_table_has_the_usual_angles(joint, percent, least, most):
    known, degrees = getattr(WALK, joint)
    assert least <= np.interp(percent, known, degrees) <= most


@pytest.mark.parametrize("name", GAITS)
@pytest.mark.parametrize("stride", [0.8, 1.2, 1.55, 1.9])
def test_joints_stay_within_what_bodies_can_do(name, stride):
    angles, shift = cycle_of(name, stride)
    degrees = np.degrees(angles[:, :, PITCH])
    for thigh, knee, foot in LEGS:
        assert degrees[:, thigh].min() > -75
        assert degrees[:, thigh].max() < 25
        assert degrees[:, knee].min() > -1
        assert degrees[:, knee].max() < 115
        assert np.abs(degrees[:, foot]).max() < 50
    for elbow in (Bone.LEFT_FOREARM, Bone.RIGHT_FOREARM):
        assert degrees[:, elbow].max() < 0
        assert degrees[:, elbow].min() > -130
    assert np.abs(shift[:, 0]).max() < 0.035


@pytest.mark.parametrize("name", GAITS)
def test_left_and_right_are_half_a_cycle_apart(name):
    angles, _ = cycle_of(name, NATURAL[name])
    for left, right in zip(*LEGS, strict=True):
        late = np.roll(angles[:, right, PITCH], CYCLE_STEPS // 2)
        assert np.allclose(angles[:, left, PITCH], late, atol=1e-9)


def test_arms_swing_against_the_leg_of_their_side():
    angles, _ = cycle_of("walk", 1.55)
    for leg, arm in ((LEGS[0][0], Bone.LEFT_ARM), (LEGS[1][0], Bone.RIGHT_ARM)):
        assert np.corrcoef(angles[:, leg, PITCH], angles[:, arm, PITCH])[0, 1] < -0.5


@pytest.mark.parametrize("name", GAITS)
def test_longer_strides_are_tabled_in_rising_order(name):
    stride = GAITS[name][0].stride
    assert (np.diff(stride) > 0).all()
    assert stride[0] < 0.4
    assert stride[-1] > 2.0


@pytest.mark.parametrize("name", ["adult", "child"])
@pytest.mark.parametrize("speed_mps", [0.6, 1.0, 1.4, 1.7])
def test_soles_of_walkers_slip_less_than_six_centimetres_per_second(name, speed_mps):
    """The lowest point of the soles stands still while the body passes over it.

    But for the one step of the tables (16 ms at 1.4 m/s) in which the other foot takes over.
    """
    rec = straight(name, speed_mps, style=3)
    person = figure_of(name, 3).walker.proportions
    found = slips(poser_of(rec), person, np.linspace(0.5, 1.5, 97))
    assert len(found) > 60
    assert np.percentile(found, 90) < 0.06


@pytest.mark.parametrize("speed_mps", [2.6, 3.5])
def test_soles_of_runners_slip_less_than_seventeen_centimetres_per_second(speed_mps):
    rec = straight("adult", speed_mps, style=3)
    person = figure_of("adult", 3).walker.proportions
    found = slips(poser_of(rec), person, np.linspace(0.5, 1.5, 97))
    assert len(found) > 40
    assert np.percentile(found, 90) < 0.17


def test_runners_leave_the_ground_and_walkers_do_not():
    person = figure_of("adult", 3).walker.proportions
    for speed_mps, flies in ((1.4, False), (3.5, True)):
        poser = poser_of(straight("adult", speed_mps, style=3))
        low = [soles_at(poser, person, t)[..., 2].min() for t in np.linspace(0.5, 1.5, 60)]
        assert min(low) > -0.003
        assert bool(max(low) > 0.01) is flies


def test_mixing_goes_from_the_first_to_the_second():
    a, b = np.zeros((3, 2)), np.ones((3, 2))
    assert np.allclose(mixed(a, b, [0.0, 0.25, 1.0])[:, 0], [0, 0.25, 1])
