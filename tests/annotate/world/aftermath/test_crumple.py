"""Dented meshes: nothing moves outward, nothing tears, nothing far away changes."""

import numpy as np
import pytest

from rareworld.annotate.world.aftermath.crumple import EDGE_M, crumpled, reaches
from rareworld.annotate.world.materials import MATERIALS, material, skin
from rareworld.annotate.world.mesh import box, finish, merge
from rareworld.core.taxonomy import ClassId

POINT, INWARD = np.array([2.0, 0.2, 0.7]), np.array([-1.0, 0.0, 0.0])
DEPTH, RADIUS = 0.3, 0.8


@pytest.fixture(scope="module")
def body():
    shell = box((4.0, 1.8, 1.4), (0.0, 0.0, 0.7), skin("paint", ClassId.CAR))
    lamps = [
        box((0.1, 0.3, 0.2), (1.98, y, 0.7), skin("head lamp", ClassId.CAR)) for y in (0.6, -0.8)
    ]
    glass = box((0.1, 1.2, 0.3), (1.98, 0.0, 1.2), skin("car glass", ClassId.CAR))
    return finish(merge([shell, *lamps, glass]))


@pytest.fixture(scope="module")
def dented(body):
    return crumpled(body, POINT, INWARD, DEPTH, RADIUS)


def corners(mesh):
    return mesh.vertices_m.astype(np.float64)[mesh.triangles]


def area(mesh):
    p = corners(mesh)
    return np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).sum() / 2


def borders(mesh):
    """Edges by the positions of their ends; each closed body has every edge once each way."""
    keys = np.round(corners(mesh) * 1e4).astype(int)
    ends = [tuple(map(tuple, (t[k], t[(k + 1) % 3]))) for t in keys.tolist() for k in range(3)]
    return {(tuple(a), tuple(b)) for a, b in ends}


def test_splitting_alone_keeps_the_surface(body):
    same = crumpled(body, POINT, INWARD, 0.0, RADIUS)
    assert len(same.triangles) > 10 * len(body.triangles)
    assert area(same) == pytest.approx(area(body), rel=1e-6)
    assert np.allclose(same.vertices_m.min(axis=0), body.vertices_m.min(axis=0))


def test_edges_near_the_dent_are_short(body):
    same = crumpled(body, POINT, INWARD, 0.0, RADIUS)
    p = corners(same)
    near = np.linalg.norm(p.mean(axis=1) - POINT, axis=1) < RADIUS / 2
    length = np.linalg.norm(p - np.roll(p, -1, axis=1), axis=2).max(axis=1)
    # three rounds of halving from 2 m sides: an eighth
    assert length[near].max() < max(3 * EDGE_M, 2.3 / 8 + 0.01)


@pytest.mark.parametrize("depth", [0.0, DEPTH])
def test_no_gap_opens(body, depth):
    edges = borders(crumpled(body, POINT, INWARD, depth, RADIUS))
    assert {(b, a) for a, b in edges} == edges


def test_points_move_inward_only_and_not_too_far(body, dented):
    still = crumpled(body, POINT, INWARD, 0.0, RADIUS)
    shift = dented.vertices_m.astype(np.float64) - still.vertices_m
    along = shift @ INWARD
    assert along.min() > -1e-6
    assert DEPTH / 2 < along.max() <= 1.5 * DEPTH + 1e-6
    assert np.abs(shift - along[:, None] * INWARD).max() < 1e-6
    away = np.linalg.norm(still.vertices_m - POINT, axis=1) > 2.2
    assert np.abs(shift[away]).max() < 0.02


def test_the_box_never_grows(body, dented):
    low, high = body.vertices_m.min(axis=0), body.vertices_m.max(axis=0)
    assert (dented.vertices_m >= low - 1e-6).all()
    assert (dented.vertices_m <= high + 1e-6).all()


def test_lamps_and_glass_within_break_and_others_shine_on(dented):
    assert (dented.material == material("lamp broken")).any()
    assert (dented.material == material("glass broken")).any()
    assert (dented.material == material("head lamp")).any()
    lit = [index for index, made in enumerate(MATERIALS) if made.lit_when]
    near = np.linalg.norm(corners(dented).mean(axis=1) - POINT, axis=1) < 0.7 * RADIUS
    assert not np.isin(dented.material[near], lit).any()


def test_a_shallow_dent_breaks_nothing(body):
    made = crumpled(body, POINT, INWARD, 0.02, RADIUS)
    assert not (made.material == material("lamp broken")).any()


def test_normals_are_unit_and_moved_ones_follow_the_surface(dented):
    assert np.allclose(np.linalg.norm(dented.normals, axis=1), 1, atol=1e-4)
    p = corners(dented)
    face = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    size = np.linalg.norm(face, axis=1)
    near = (np.linalg.norm(p.mean(axis=1) - POINT, axis=1) < RADIUS / 2) & (size > 1e-6)
    mean = dented.normals[dented.triangles].mean(axis=1)
    agree = np.einsum("fd,fd->f", face / np.maximum(size, 1e-12)[:, None], mean)
    assert (agree[near] > 0).mean() > 0.98


def test_reach(body):
    assert reaches(body, np.array([2.0, 0.9, 1.4]), 0.1)
    assert not reaches(body, np.array([9.0, 0.0, 0.0]), 1.0)
