"""Boxes and rectangles in bulk, faceted meshes, joining, placing: against one-by-one tools."""

import numpy as np
import pytest

from rareworld.annotate.world.kit import Kit, boxes, faceted, joined, placed, rectangles
from rareworld.annotate.world.materials import material, skin
from rareworld.annotate.world.mesh import box, face_normals, finish, merge, signed_volume_m3, soup
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import open_edges

LOOK = skin("concrete", ClassId.STATIC)


def test_boxes_are_closed_and_have_their_volumes():
    rng = np.random.default_rng(1)
    low = rng.uniform(-5, 5, (6, 3))
    size = rng.uniform(0.1, 3, (6, 3))
    made = soup(boxes(low, low + size), LOOK)
    assert signed_volume_m3(made) == pytest.approx(size.prod(axis=1).sum())
    for k in range(6):
        one = soup(boxes(low[k], low[k] + size[k]), LOOK)
        assert open_edges(one, 1e-6) == 0
        middle = one.corners_m.mean(axis=1) - (low[k] + size[k] / 2)
        assert (np.einsum("fd,fd->f", middle, face_normals(one.corners_m)) > 0).all()


def test_rectangles_face_along_u_cross_v_and_have_their_area():
    low = np.array([[0.0, 0, 0], [1, 2, 3]])
    made = rectangles(low, np.array([0.0, 2.0, 0.0]), np.array([0.0, 0.0, 3.0]))
    normal = face_normals(made)
    assert np.allclose(normal, [6.0, 0, 0])
    assert made.shape == (4, 3, 3)


def test_faceted_keeps_triangles_and_normals_and_shares_corners_of_rectangles():
    part = merge([box((1, 2, 3), (0, 0, 0), LOOK), box((1, 1, 1), (5, 0, 0), LOOK)])
    made = faceted(part)
    assert np.allclose(made.vertices_m[made.triangles], part.corners_m, atol=1e-6)
    assert len(made.vertices_m) == 2 * 6 * 4
    unit = face_normals(part.corners_m)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    assert np.allclose(made.normals[made.triangles], unit[:, None], atol=1e-6)
    assert np.allclose(made.uv_m[made.triangles], part.uv_m, atol=1e-5)


def test_faceted_equals_finish_on_angular_bodies():
    part = box((1, 2, 3), (0.3, 0.2, 0.1), LOOK)
    one, two = faceted(part), finish(part)
    assert np.allclose(one.vertices_m[one.triangles], two.vertices_m[two.triangles], atol=1e-6)
    assert np.allclose(one.normals[one.triangles], two.normals[two.triangles], atol=1e-6)


def test_joined_meshes_keep_their_triangles_in_order():
    parts = [box((1, 2, 3), (k, 0.0, 0.0), LOOK) for k in range(3)]
    made = joined([faceted(part) for part in parts])
    whole = merge(parts)
    assert np.allclose(made.vertices_m[made.triangles], whole.corners_m, atol=1e-6)
    assert made.triangles.max() == len(made.vertices_m) - 1


def test_placed_meshes_are_stretched_then_turned_then_shifted():
    mesh = faceted(box((1, 2, 3), (0, 0, 0), LOOK))
    made = placed(mesh, np.pi / 2, (10.0, 0.0, 1.0), (2.0, 1.0, 1.0))
    low, high = made.vertices_m.min(axis=0), made.vertices_m.max(axis=0)
    assert np.allclose(low, [9, -1, -0.5], atol=1e-5)
    assert np.allclose(high, [11, 1, 2.5], atol=1e-5)
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-6)


def test_normals_of_a_stretched_slope_stay_upright_on_it():
    """Closed form: the plane z = x stretched by 2 along x is z = x / 2."""
    slope = soup(np.array([[[0.0, 0, 0], [1, 0, 1], [0, 1, 0]]]), LOOK)
    made = placed(faceted(slope), 0.0, (0.0, 0.0, 0.0), (2.0, 1.0, 1.0))
    expected = np.array([-1, 0, 2]) / np.sqrt(5)
    assert np.allclose(np.abs(made.normals), np.abs(expected), atol=1e-6)


def test_a_kit_gathers_by_material_and_takes_others_turned():
    kit, part = Kit(ClassId.STATIC), Kit(ClassId.STATIC)
    part.box("wood", (0, 0, 0), (2, 1, 1))
    kit.take(part, np.pi / 2, (5.0, 0.0, 0.0))
    kit.panel("steel", (0, 0, 0), (1, 0, 0), (0, 1, 0))
    made = kit.soup()
    wood = made.corners_m[made.material == material("wood")].reshape(-1, 3)
    assert np.allclose([wood.min(axis=0), wood.max(axis=0)], [[4, 0, 0], [5, 2, 1]])
    assert set(made.class_id) == {int(ClassId.STATIC)}
