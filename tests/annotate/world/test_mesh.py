import numpy as np
import pytest

from rareworld.annotate.world import mesh
from rareworld.annotate.world.mesh import Skin, finish, merge, moved, signed_volume_m3
from rareworld.core.taxonomy import ClassId

SKIN = Skin(0, ClassId.CAR)
SQUARE = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
SECTION = np.array([[0.0, 0, -0.2], [0, 1, 0], [0, 1, 1], [0, 0, 1.2]])
CLOSED = {
    "box": (mesh.box((1, 2, 3), (4, 5, 6), SKIN), 6.0, 1e-9),
    "span box": (mesh.span_box((0, 0, 0), (1, 2, 3), SKIN), 6.0, 1e-9),
    "prism": (mesh.extrude(SQUARE, -1.0, 2.0, SKIN), 6.0, 1e-9),
    "clockwise prism": (mesh.extrude(SQUARE[::-1], -1.0, 2.0, SKIN), 6.0, 1e-9),
    "tube": (mesh.tube([(0, 0, 0), (0, 0, 2)], [1, 1], SKIN, 64), 2 * np.pi, 0.02),
    "slanted tube": (mesh.tube([(0, 0, 0), (2, 0, 2)], [1, 1], SKIN, 64), 2 * np.pi * 2**0.5, 0.02),
    "sphere": (mesh.sphere((1, 1, 1), (1, 2, 3), SKIN, 48), 8 * np.pi, 0.15),
    "lathe": (mesh.lathe([(0, -1), (1, -1), (1, 1), (0, 1)], SKIN, 64), 2 * np.pi, 0.02),
    "symmetric loft": (
        mesh.symmetric_loft(np.stack([SECTION, SECTION + np.array([3.0, 0, 0])]), SKIN), 7.2, 1e-9,
    ),
    "mirrored": (mesh.mirrored(mesh.box((1, 2, 3), (4, 5, 6), SKIN)), 6.0, 1e-9),
    "turned": (moved(mesh.box((1, 2, 3), (4, 5, 6), SKIN), yaw_rad=1.0, pitch_rad=0.4), 6.0, 1e-9),
}  # fmt: skip


def open_edges(part: mesh.Soup) -> int:
    """Count directed edges without a partner; an independent check of closedness."""
    key = np.round(part.corners_m / 1e-6).astype(int)
    edges: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    for face in key.tolist():
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            edges[tuple(a), tuple(b)] = edges.get((tuple(a), tuple(b)), 0) + 1
    return sum(count != edges.get((b, a), 0) for (a, b), count in edges.items())


@pytest.mark.parametrize("name", CLOSED)
def test_solids_are_closed_and_face_outward(name):
    part, volume, share = CLOSED[name]
    assert open_edges(part) == 0
    assert signed_volume_m3(part) == pytest.approx(volume, rel=max(share, 1e-9))


@pytest.mark.parametrize("name", CLOSED)
def test_finished_meshes_have_unit_normals_on_the_outside(name):
    made = finish(CLOSED[name][0])
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-5)
    corner = made.vertices_m[made.triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert (np.einsum("fd,fcd->fc", face, made.normals[made.triangles]) > 0).all()


def test_creases_stay_sharp_and_curves_become_smooth():
    cube = finish(mesh.box((1, 1, 1), (0, 0, 0), SKIN), 38)
    assert len(cube.vertices_m) == 24
    assert np.allclose(np.abs(cube.normals).max(axis=1), 1)
    ball = finish(mesh.sphere((0, 0, 0), (1, 1, 1), SKIN, 32), 60)
    unit = ball.vertices_m / np.linalg.norm(ball.vertices_m, axis=1, keepdims=True)
    assert np.einsum("vd,vd->v", unit, ball.normals).min() > 0.99


def test_finish_keeps_the_order_and_place_of_triangles():
    part = merge([CLOSED["box"][0], CLOSED["tube"][0]])
    made = finish(part)
    assert np.allclose(made.vertices_m[made.triangles], part.corners_m, atol=1e-6)
    assert np.array_equal(made.material, part.material)


def test_texture_coordinates_are_metres():
    made = finish(mesh.box((2, 3, 4), (0, 0, 0), SKIN))
    corner, uv = made.vertices_m[made.triangles], made.uv_m[made.triangles]
    length = np.linalg.norm(np.roll(corner, -1, axis=1) - corner, axis=-1)
    assert np.allclose(np.linalg.norm(np.roll(uv, -1, axis=1) - uv, axis=-1), length, atol=1e-5)


def test_triangulation_covers_a_polygon_with_a_hole():
    hole = np.array([[0.5, 0.25], [1.5, 0.25], [1.5, 0.75], [0.5, 0.75]])
    faces = mesh.triangulate(SQUARE, [hole])
    edge = faces[:, 1:] - faces[:, :1]
    area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
    assert (area > 0).all()
    assert area.sum() / 2 == pytest.approx(1.5)
