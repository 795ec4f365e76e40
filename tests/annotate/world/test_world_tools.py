"""The builder toolkit beyond solids: sheets, drapes, lathes, welding, welcome errors."""

import numpy as np
import pytest

from rareworld.annotate.world import mesh
from rareworld.annotate.world.mesh import Skin, Soup, face_normals, finish, merge, signed_volume_m3
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import about_y, about_z, open_edges

SKIN = Skin(3, ClassId.TRUCK)
CUBE = mesh.box((2.0, 2.0, 2.0), (0, 0, 0), SKIN)


def area_m2(part: Soup) -> float:
    return float(np.linalg.norm(face_normals(part.corners_m), axis=1).sum() / 2)


def test_every_builder_keeps_the_skin():
    for part in (
        CUBE, mesh.sphere((0, 0, 0), (1, 1, 1), SKIN),
        mesh.tube([(0, 0, 0), (1, 0, 0)], [1, 1], SKIN),
        mesh.lathe([(0, 0), (1, 0), (0, 1)], SKIN),
        mesh.extrude(np.array([[0.0, 0], [1, 0], [0, 1]]), 0, 1, SKIN),
    ):  # fmt: skip
        assert set(part.material) == {3}
        assert set(part.class_id) == {int(ClassId.TRUCK)}
        assert part.size == len(part.uv_m) == len(part.corners_m)


def test_slivers_are_dropped():
    corners = np.array([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    assert mesh.soup(corners, SKIN).size == 1


@pytest.mark.parametrize("size", [(1, 2, 3), (0.1, 5, 0.2)])
def test_surface_of_a_box(size):
    x, y, z = size
    part = mesh.box(size, (1, 2, 3), SKIN)
    assert area_m2(part) == pytest.approx(2 * (x * y + y * z + z * x))
    low, high = part.bounds_m
    assert np.allclose((low + high) / 2, (1, 2, 3))


@pytest.mark.parametrize("yaw", [0.0, 0.8, -2.0])
@pytest.mark.parametrize("pitch", [0.0, 0.5, 3.0])
def test_moving_turns_about_y_then_z_then_shifts(yaw, pitch):
    moved = mesh.moved(CUBE, by_m=(1.0, 2.0, 3.0), yaw_rad=yaw, pitch_rad=pitch)
    turn = about_z(yaw) @ about_y(pitch)
    assert np.allclose(moved.corners_m, CUBE.corners_m @ turn.T + [1, 2, 3])
    assert signed_volume_m3(moved) == pytest.approx(8.0)


def test_scaling_multiplies_the_volume():
    assert signed_volume_m3(mesh.scaled(CUBE, (2.0, 0.5, 3.0))) == pytest.approx(24.0)


def test_mirroring_twice_is_nothing_and_once_keeps_the_outside_outside():
    part = mesh.moved(CUBE, by_m=(0, 3, 0), yaw_rad=0.3)
    once = mesh.mirrored(part)
    assert once.bounds_m[1][1] == pytest.approx(-part.bounds_m[0][1])
    assert signed_volume_m3(once) == pytest.approx(8.0)
    assert np.allclose(
        np.sort(mesh.mirrored(once).corners_m, axis=1), np.sort(part.corners_m, axis=1)
    )
    assert mesh.both_sides(part).size == 2 * part.size


def test_merging_keeps_order_and_counts():
    parts = [CUBE, mesh.sphere((5, 0, 0), (1, 1, 1), Skin(1, ClassId.CAR))]
    whole = merge(parts)
    assert whole.size == sum(part.size for part in parts)
    assert np.array_equal(whole.corners_m[: CUBE.size], CUBE.corners_m)
    assert set(whole.class_id[CUBE.size :]) == {int(ClassId.CAR)}


@pytest.mark.parametrize("segments", [6, 12, 40])
def test_spheres_approach_their_volume_from_inside(segments):
    part = mesh.sphere((1, 2, 3), (0.5, 1.0, 2.0), SKIN, segments)
    assert open_edges(part) == 0
    share = signed_volume_m3(part) / (4 / 3 * np.pi)
    assert 1 - 25 / segments**2 < share < 1
    scaled = (part.corners_m - [1, 2, 3]) / [0.5, 1, 2]
    assert np.linalg.norm(scaled, axis=-1).max() < 1 + 1e-9


@pytest.mark.parametrize("axis", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (1.0, 2.0, -3.0)])
def test_tubes_in_any_direction_are_closed_and_keep_their_radius(axis):
    end = np.asarray(axis, float)
    part = mesh.tube(
        [(0.0, 0.0, 0.0), (float(end[0]), float(end[1]), float(end[2]))], [0.2, 0.2], SKIN, 24
    )
    assert open_edges(part) == 0
    length = np.linalg.norm(end)
    assert signed_volume_m3(part) == pytest.approx(np.pi * 0.04 * length, rel=0.02)
    along = end / length
    points = part.corners_m.reshape(-1, 3)
    away = np.linalg.norm(points - np.outer(points @ along, along), axis=1)
    assert away.max() == pytest.approx(0.2)


def test_tapering_tubes_are_frusta():
    part = mesh.tube([(0, 0, 0), (0, 0, 3)], [2.0, 1.0], SKIN, 96)
    assert signed_volume_m3(part) == pytest.approx(np.pi * 7.0, rel=0.005)


@pytest.mark.parametrize(
    ("profile", "volume"),
    [
        ([(0, -1), (1, -1), (1, 1), (0, 1)], 2 * np.pi), ([(0, 0), (1, 0), (0, 3)], np.pi),
        ([(2, -0.5), (3, -0.5), (3, 0.5), (2, 0.5), (2, -0.5)], 5 * np.pi),
        ([(0, 1), (1, 1), (1, -1), (0, -1)], 2 * np.pi),
    ],
)  # fmt: skip
def test_lathes_have_the_volume_of_revolution(profile, volume):
    part = mesh.lathe(profile, SKIN, 96)
    assert open_edges(part) == 0
    assert signed_volume_m3(part) == pytest.approx(volume, rel=0.003)


def test_a_sheet_looks_along_the_product_of_its_axes():
    x, y = np.meshgrid(np.arange(4.0), np.arange(3.0), indexing="ij")
    part = mesh.sheet(np.stack([x, y, 0 * x], axis=-1), SKIN)
    assert part.size == 12
    assert (face_normals(part.corners_m)[:, 2] > 0).all()
    assert area_m2(part) == pytest.approx(6.0)


@pytest.mark.parametrize("ring", [4, 7, 12])
def test_lofts_are_closed_whichever_way_their_rings_run(ring):
    circle = mesh.circle(ring)
    rings = np.stack([np.column_stack([circle * r, np.full(ring, z)])
                      for r, z in ((1.0, 0.0), (1.5, 1.0), (0.7, 2.5))])  # fmt: skip
    volumes = [
        signed_volume_m3(mesh.loft(turned, SKIN)) for turned in (rings, rings[:, ::-1], rings[::-1])
    ]
    assert min(volumes) > 0
    assert np.ptp(volumes) < 0.2 * volumes[0]
    assert open_edges(mesh.loft(rings, SKIN)) == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [1, -1])
def test_rays_meet_the_nearest_face_of_a_body(axis, side):
    points = np.array([[0.0, 0.0], [0.9, -0.9], [-0.5, 0.3]])
    found = mesh.surface_at(CUBE, axis, side, points)
    assert np.allclose(found[:, axis], side)
    others = [k for k in range(3) if k != axis]
    assert np.allclose(found[:, others], points)


def test_points_beside_a_body_are_named():
    with pytest.raises(ValueError, match=r"miss the body: \[\[2.0, 0.0\]\]"):
        mesh.surface_at(CUBE, 2, 1, np.array([[2.0, 0.0]]))


@pytest.mark.parametrize("corners", [3, 5, 9, 30])
def test_triangulated_polygons_keep_their_area(corners):
    rng = np.random.default_rng(corners)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners)) + np.arange(corners) * 1e-6
    away = rng.uniform(1, 3, corners)
    ring = np.column_stack([away * np.cos(angle), away * np.sin(angle)])
    after = np.roll(ring, -1, axis=0)
    wanted = abs(np.sum(ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0])) / 2
    for turned in (ring, ring[::-1].copy()):
        faces = mesh.triangulate(turned)
        edge = faces[:, 1:] - faces[:, :1]
        area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
        assert area.min() >= -1e-12
        assert area.sum() / 2 == pytest.approx(wanted, rel=1e-6)


def test_several_holes_of_different_corner_counts_are_left_out():
    square = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    holes = [mesh.circle(k) + np.array([3.0 * i + 2, 5.0]) for i, k in enumerate((3, 5, 8))]
    faces = mesh.triangulate(square, holes)
    edge = faces[:, 1:] - faces[:, :1]
    area = (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]).sum() / 2
    cut = sum(k / 2 * np.sin(2 * np.pi / k) for k in (3, 5, 8))
    assert area == pytest.approx(100 - cut)


@pytest.mark.parametrize("crease", [10.0, 25.0, 38.0, 60.0])
def test_only_edges_below_the_crease_are_smoothed(crease):
    """A prism of 12 sides has 30 degrees between neighbours and 90 to its lids."""
    part = mesh.extrude(mesh.circle(12), 0, 1, SKIN)
    made = finish(part, crease)
    side = np.abs(made.normals[:, 2]) < 0.2
    angles = np.degrees(np.arctan2(made.normals[side, 1], made.normals[side, 0]))
    offset = np.abs((angles + 15) % 30 - 15)
    if crease < 30:
        assert np.allclose(offset, 15, atol=0.5)
    else:
        # halves of a side weigh unevenly where its diagonal ends
        assert offset.max() < 6


def test_welding_shares_vertices_between_faces():
    made = finish(mesh.sphere((0, 0, 0), (1, 1, 1), SKIN, 16), 80)
    assert len(made.vertices_m) < 0.4 * made.triangles.size
    assert made.triangles.dtype == np.int32
    assert made.vertices_m.dtype == np.float32


def test_steep_faces_are_textured_upright_and_flat_ones_from_above():
    made = CUBE
    up = np.abs(face_normals(made.corners_m)[:, 2]) > 1e-9
    assert np.allclose(made.uv_m[up], made.corners_m[up][..., :2])
    assert np.allclose(made.uv_m[~up][..., 1], made.corners_m[~up][..., 2])
