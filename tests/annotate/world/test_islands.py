"""Islands and bridges: their size, what a vehicle needs beneath, what they are made of."""

import numpy as np
import pytest

from rareworld.annotate.world.islands import CLEAR_M, RAMP_M, bridge, island
from rareworld.annotate.world.materials import material
from rareworld.core.taxonomy import ClassId

SPAN_M, WIDE_M, HIGH_M = 40.0, 10.5, 2.15


@pytest.fixture(scope="module")
def made():
    return bridge((SPAN_M + 2 * RAMP_M, WIDE_M, HIGH_M), 0)


@pytest.mark.parametrize("style", [0, 1])
@pytest.mark.parametrize("size", [(1.0, 2.4, 0.12), (2.4, 1.2, 0.12)])
def test_an_island_fills_its_box_behind_a_kerb(size, style):
    part = island(size, style)
    flat = part.class_id == int(ClassId.SIDEWALK)
    low, high = (f(part.corners_m[flat].reshape(-1, 3), axis=0) for f in (np.min, np.max))
    assert high[:2] - low[:2] == pytest.approx(size[:2], abs=0.01)
    assert high[2] == pytest.approx(size[2], abs=0.02)
    assert set(part.material[flat]) == {material("kerb"), material("paving")}


def test_odd_islands_carry_a_sign_at_the_nose_that_faces_traffic():
    bare, signed = (island((2.4, 1.2, 0.12), style) for style in (0, 1))
    assert int(ClassId.TRAFFIC_SIGN) not in bare.class_id
    plate = signed.corners_m[signed.class_id == int(ClassId.TRAFFIC_SIGN)].reshape(-1, 3)
    assert plate[:, 0].min() > 0.3
    assert 0.6 < plate[:, 2].min() < plate[:, 2].max() < 1.6


def test_trucks_pass_beneath_the_deck_between_walls_and_pier(made):
    """No face reaches below the underside at half the way from the pier to a wall."""
    points = made.corners_m
    for x in (-SPAN_M / 4, SPAN_M / 4, 3.0, SPAN_M / 2 - 1.0):
        over = (points[..., 0].min(axis=1) < x) & (points[..., 0].max(axis=1) > x)
        assert points[over][..., 2].min() > -0.001
    assert CLEAR_M > 4.5


def test_walls_and_pier_stand_in_the_ground(made):
    low = made.corners_m.reshape(-1, 3)
    for x in (0.0, SPAN_M / 2 + 0.5, -SPAN_M / 2 - 0.5):
        near = np.abs(low[:, 0] - x) < 0.6
        assert low[near, 2].min() < -CLEAR_M - 0.2


def test_ramps_climb_from_the_ground_to_the_deck_and_look_outwards(made):
    terrain = made.corners_m[made.material == material("grass")]
    assert terrain[..., 2].max() == pytest.approx(HIGH_M - 1.0, abs=1e-6)
    assert terrain[..., 2].min() == pytest.approx(-CLEAR_M - 0.1, abs=1e-6)
    road = made.corners_m[made.material == material("asphalt")]
    slope = road[np.ptp(road[..., 2], axis=1) > 1.0]
    normal = np.cross(slope[:, 1] - slope[:, 0], slope[:, 2] - slope[:, 0])
    assert len(slope) == 4
    assert (normal[:, 2] > 0).all()
    rise = (CLEAR_M + HIGH_M - 1.0) / (RAMP_M - 0.9)
    assert np.abs(normal[:, 0] / normal[:, 2]) == pytest.approx(rise, abs=1e-6)


def test_flanks_of_ramps_face_up_and_out(made):
    faces = made.corners_m[made.material == material("grass")]
    normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    flank = np.abs(normal[:, 0]) < np.abs(normal[:, 1])
    assert flank.sum() == 4
    middle = faces[flank].mean(axis=1)
    assert (normal[flank, 2] > 0).all()
    assert (normal[flank, 1] * middle[:, 1] > 0).all()
