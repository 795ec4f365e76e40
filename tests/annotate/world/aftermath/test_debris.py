"""Flight and slide of fragments against closed forms."""

import numpy as np
import pytest

from rareworld.annotate.world.aftermath.crush import Dent
from rareworld.annotate.world.aftermath.debris import (
    FLIGHT_S,
    FRICTION,
    GRAVITY_MPS2,
    MOST_PIECES,
    STEP_S,
    Plane,
    flown,
    piece_meshes,
    shed,
)
from rareworld.core.seed import Seed

FLAT = Plane((0.0, 0.0, 0.0))


def dent(depth_m=0.3) -> Dent:
    return Dent(
        row=0, contact_s=1.0, time_s=1.05, point_m=np.array([0.0, 0.0, 0.6]),
        inward=np.array([-1.0, 0.0, 0.0]), depth_m=depth_m,
    )  # fmt: skip


def test_free_flight_is_a_parabola():
    path, _ = flown(np.array([0.0, 0, 5.0]), np.array([4.0, 0, 1.0]), FLAT)
    t = np.arange(60) * STEP_S
    wanted = np.stack([4 * t, 0 * t, 5 + t - GRAVITY_MPS2 * t**2 / 2], axis=1)
    assert np.abs(path[:60] - wanted).max() < 1e-9


@pytest.mark.parametrize("speed", [1.5, 4.0, 9.0])
def test_sliding_distance_is_speed_squared_over_twice_friction(speed):
    path, rest = flown(np.zeros(3), np.array([speed, 0, 0.0]), FLAT)
    wanted = speed**2 / (2 * FRICTION * GRAVITY_MPS2)
    # a step's worth of travel is lost in the discrete sum
    assert path[-1, 0] == pytest.approx(wanted, abs=speed * STEP_S)
    assert rest == pytest.approx(speed / (FRICTION * GRAVITY_MPS2), rel=0.03)


def test_pieces_end_on_the_ground_and_never_below():
    pieces = shed(dent(), np.array([10.0, 0, 0]), Plane((0.0, 0.0, 0.25)), Seed(3))
    paths = np.stack([piece.path_m for piece in pieces])
    assert paths[..., 2].min() >= 0.25
    assert np.allclose(paths[:, -1, 2], 0.25, atol=0.02)
    # Searle's range for 36 km/h: nothing flies farther than 25 m
    assert np.linalg.norm(paths[:, -1, :2], axis=1).max() < 25


def test_pieces_lie_on_a_slope():
    slope = Plane((0.0, 0.0, 0.1), (0.05, -0.02))
    for piece in shed(dent(), np.array([10.0, 3.0, 0]), slope, Seed(3)):
        end = piece.path_m[-1]
        assert end[2] == pytest.approx(0.1 + 0.05 * end[0] - 0.02 * end[1], abs=0.02)


def test_harder_blows_shed_more_and_touches_nothing():
    counts = [len(shed(dent(depth), np.zeros(3), FLAT, Seed(3))) for depth in (0.02, 0.1, 0.2, 0.5)]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[-1] == MOST_PIECES


def test_a_piece_waits_flies_and_lies_still():
    piece = shed(dent(), np.array([5.0, 0, 0]), FLAT, Seed(3))[0]
    start, end = piece.pose(0.0), piece.pose(1.05 + FLIGHT_S)
    assert np.allclose(start[:, 3], piece.path_m[0])
    assert np.array_equal(end, piece.pose(99.0))
    for matrix in (start, end, piece.pose(1.3)):
        assert np.allclose(matrix[:, :3] @ matrix[:, :3].T, np.eye(3), atol=1e-9)


def test_same_seed_same_pieces():
    first, second = (shed(dent(), np.ones(3), FLAT, Seed(8)) for _ in range(2))
    assert all(np.array_equal(a.path_m, b.path_m) for a, b in zip(first, second, strict=True))


def test_shards_are_small_and_lie_on_their_plane():
    for mesh in piece_meshes():
        assert mesh.vertices_m[:, 2].min() == 0
        assert np.abs(mesh.vertices_m).max() < 0.15
