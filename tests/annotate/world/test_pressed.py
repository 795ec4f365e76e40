"""Patches follow the body, stand proud of it and look outward."""

import numpy as np
import pytest

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import face_normals, sphere, surface_at
from rareworld.annotate.world.pressed import Pressed, Quad, band, spread, within
from rareworld.core.taxonomy import ClassId

LOOK = skin("trim", ClassId.CAR)
BALL = sphere((0.2, 0.1, 1.0), (1.0, 0.8, 0.9), LOOK, 32)
QUAD: Quad = ((-0.3, 0.8), (0.3, 0.8), (0.25, 1.2), (-0.25, 1.2))


def test_the_grid_of_a_quad_is_bilinear():
    grid = spread(QUAD, (4, 2))
    assert grid.shape == (5, 3, 2)
    assert np.allclose(grid[[0, -1, -1, 0], [0, 0, -1, -1]], QUAD)
    assert np.allclose(grid[2, 1], np.mean(QUAD, axis=0))


@pytest.mark.parametrize(("s", "t"), [((0.0, 1.0), (0.0, 1.0)), ((0.25, 0.5), (0.1, 0.9))])
def test_a_part_of_a_quad_has_its_corners_on_the_grid(s, t):
    part, grid = within(QUAD, s, t), spread(QUAD, (100, 100))
    for (x, y), along, across in zip(
        part, (s[0], s[1], s[1], s[0]), (t[0], t[0], t[1], t[1]), strict=True
    ):
        assert np.allclose((x, y), grid[round(100 * along), round(100 * across)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [1, -1])
def test_pressed_points_agree_with_the_plain_search_over_all_triangles(axis, side):
    rng = np.random.default_rng(axis)
    centre = np.delete([0.2, 0.1, 1.0], axis)
    plane = centre + rng.uniform(-0.5, 0.5, (40, 2))
    assert np.allclose(Pressed(BALL).on(axis, side, plane), surface_at(BALL, axis, side, plane))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("flip", [False, True])
def test_patches_look_out_and_stand_proud_by_their_lift(axis, side, flip):
    centre = np.delete([0.2, 0.1, 1.0], axis)
    grid = spread(((-0.3, -0.2), (0.3, -0.2), (0.3, 0.2), (-0.3, 0.2)), (6, 4)) + centre
    grid = grid[:, ::-1] if flip else grid
    made = Pressed(BALL).patch(axis, side, grid, LOOK, 0.01)
    assert (side * face_normals(made.corners_m)[:, axis] > 0).all()
    points = made.corners_m.reshape(-1, 3)
    scaled = np.linalg.norm((points - [0.2, 0.1, 1.0]) / [1.0, 0.8, 0.9], axis=1)
    assert scaled.min() > 1.0
    assert scaled.max() < 1.03


@pytest.mark.parametrize("place", [(3.0, 1.0), (0.2, 5.0)])
def test_points_beside_the_body_are_refused(place):
    with pytest.raises(ValueError, match="miss the body"):
        Pressed(BALL).on(1, 1, np.array([place]))


def test_a_band_runs_along_its_points():
    path = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.0, 1.0, 0]])
    made = band(path, np.broadcast_to([0.0, 0, 0.5], path.shape), LOOK)
    assert made.size == 4
    assert made.bounds_m[1].tolist() == [2.0, 1.0, 0.5]
