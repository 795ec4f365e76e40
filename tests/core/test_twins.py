"""Rotations, cameras, seeds and lines of sight against independent implementations."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import shapely
from scipy.spatial.transform import Rotation, Slerp

from rareworld.core import geometry as g
from rareworld.core.camera import Camera, camera_quat_from_unreal, quat_from_matrix
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PALETTE, PEOPLE, TWO_WHEELERS, VEHICLES, ClassId
from rareworld.core.viewpoint import (
    _crosses,
    _densify,
    _inside_ring,
    _outward,
    _ring_distance,
    _to_prop,
    transmittance,
)

RANDOM = np.random.default_rng(8)


def _scipy(quat):
    """Scipy's rotation of a quaternion (w, x, y, z)."""
    return Rotation.from_quat(np.roll(np.asarray(quat), -1, axis=-1))


def _quats(count):
    raw = RANDOM.normal(size=(count, 4))
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def test_matrices_of_quaternions_are_scipys():
    quats = _quats(200)
    np.testing.assert_allclose(g.matrix_from_quat(quats), _scipy(quats).as_matrix(), atol=1e-12)


def test_euler_angles_are_scipys_intrinsic_zyx():
    angles = RANDOM.uniform([-3.1, -1.5, -3.1], [3.1, 1.5, 3.1], (200, 3))
    quats = g.quat_from_euler(*angles.T)
    expected = Rotation.from_euler("ZYX", angles).as_matrix()
    np.testing.assert_allclose(g.matrix_from_quat(quats), expected, atol=1e-12)
    np.testing.assert_allclose(np.stack(g.euler_from_quat(quats), axis=1), angles, atol=1e-9)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_slerp_is_scipys(fraction):
    first, second = _quats(40), _quats(40)
    found = g.slerp(first, second, np.full(40, fraction))
    for a, b, quat in zip(first, second, found, strict=True):
        ends = Rotation.concatenate([_scipy(a), _scipy(b)])
        expected = Slerp([0, 1], ends)(fraction)
        assert (expected.inv() * _scipy(quat)).magnitude() < 1e-6


def test_turned_vectors_are_scipys():
    quats, vectors = _quats(100), RANDOM.normal(size=(100, 3))
    np.testing.assert_allclose(g.rotate(quats, vectors), _scipy(quats).apply(vectors), atol=1e-12)


def test_the_quaternion_of_a_matrix_gives_the_matrix_back_in_every_branch():
    """Half turns about each axis have their largest part in another place."""
    half = [Rotation.from_rotvec(np.pi * np.array(axis)) for axis in np.eye(3)]
    near = [turn * Rotation.from_rotvec([1e-7, -2e-7, 1e-7]) for turn in half]
    for turn in [Rotation.identity(), *half, *near, *(_scipy(q) for q in _quats(50))]:
        quat = np.array(quat_from_matrix(turn.as_matrix()))
        assert quat[0] >= 0
        assert np.linalg.norm(quat) == pytest.approx(1)
        np.testing.assert_allclose(g.matrix_from_quat(quat), turn.as_matrix(), atol=1e-7)


@pytest.mark.parametrize("angle", [-9.5, -np.pi, -1.0, 0.0, np.pi, 3.2, 2 * np.pi, 100.0])
def test_a_wrapped_angle_is_the_same_direction_within_half_a_turn(angle):
    wrapped = float(g.wrap_angle(angle))
    assert -np.pi < wrapped <= np.pi
    assert np.exp(1j * wrapped) == pytest.approx(np.exp(1j * angle), abs=1e-12)


def _random_boxes(count):
    place = RANDOM.uniform(-4, 4, (count, 3))
    return g.footprint(place, RANDOM.uniform(-3, 3, count), RANDOM.uniform(0.3, 5, (count, 3)))


def test_gaps_of_polygons_are_shapelys_distances():
    first, second = _random_boxes(300), _random_boxes(300)
    gap = g.polygon_gap(first, second)
    for a, b, found in zip(first, second, gap, strict=True):
        one, other = shapely.Polygon(a), shapely.Polygon(b)
        apart = one.distance(other)
        if apart > 0:
            assert found == pytest.approx(apart, abs=1e-9)
        else:
            assert found <= 1e-12
            assert one.intersects(other)


def test_pushing_by_the_depth_parts_two_polygons_and_by_less_does_not():
    first, second = _random_boxes(60), _random_boxes(60)
    for a, b, depth in zip(first, second, g.polygon_gap(first, second), strict=True):
        if depth > -0.05:
            continue
        turn = np.linspace(0, 2 * np.pi, 1441)
        ways = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        still = [shapely.Polygon(a).intersects(shapely.Polygon(b - 0.97 * depth * w)) for w in ways]
        parted = [
            shapely.Polygon(a).intersection(shapely.Polygon(b - 1.01 * depth * w)).area < 1e-9
            for w in ways
        ]
        assert all(still)
        assert any(parted)


def test_points_in_convex_polygons_are_shapelys():
    points = RANDOM.uniform(-5, 5, (400, 2))
    for ring in _random_boxes(20):
        found = g.inside_convex(points, ring)
        np.testing.assert_array_equal(found, shapely.contains_xy(shapely.Polygon(ring), points))


STAR = np.array([[0, 4], [1, 1], [4, 1], [1.5, -1], [3, -4], [0, -2], [-3, -4], [-1, 0.5]], float)


def test_points_in_any_polygon_and_their_distance_are_shapelys():
    points = RANDOM.uniform(-5, 5, (500, 2))
    polygon = shapely.Polygon(STAR)
    np.testing.assert_array_equal(_inside_ring(points, STAR), shapely.contains_xy(polygon, points))
    expected = shapely.distance(polygon.exterior, shapely.points(points))
    np.testing.assert_allclose(_ring_distance(points, STAR), expected, atol=1e-12)


def _lane(points):
    line = np.column_stack([points, np.zeros(len(points))])
    side = np.array([0, 1.5, 0])
    return Lane(id="a", kind=LaneKind.DRIVING, centre_m=line, left_m=line + side,
                right_m=line - side)  # fmt: skip


def test_borders_are_sampled_every_two_metres_and_look_outwards():
    lane = _lane(np.array([[0.0, 0], [3, 0], [9, 0]]))
    border = np.concatenate([lane.left_m, _outward(lane.left_m, lane.right_m)], axis=1)
    dense = _densify(border)
    np.testing.assert_allclose(dense[:, 0], [0, 2, 4, 6, 8])
    np.testing.assert_allclose(dense[:, 1], 1.5)
    np.testing.assert_allclose(dense[:, 3:], np.tile([0.0, 1.0, 0.0], (5, 1)))


def _prop(kind, **more):
    values = {"position_m": (5.0, 0.0, 0.0), "yaw_rad": 0.3, "size_m": (4.0, 2.0, 3.0), **more}
    return Prop(id=9, kind=kind, **values)


def _world(*props):
    return Scene(name="s", road=RoadMap(name="r", lanes={}), props=props)


def test_points_of_a_prop_are_told_from_the_middle_of_its_box():
    prop = _prop(PropKind.BUILDING)
    corners = g.box_corners(
        np.array(prop.position_m), g.quat_from_yaw(prop.yaw_rad), np.array(prop.size_m)
    )
    np.testing.assert_allclose(np.abs(_to_prop(prop, corners)), np.tile([2, 1, 1.5], (8, 1)))


@pytest.mark.parametrize("yaw", [0.0, 0.7, np.pi / 2, 2.5])
def test_segments_cross_a_box_where_stepping_along_them_does(yaw):
    prop = _prop(PropKind.BUILDING, yaw_rad=yaw)
    eye, ends = np.array([-3.0, 1.0, 2.0]), RANDOM.uniform([2, -5, 0], [12, 5, 4], (200, 3))
    found = _crosses(prop, eye, ends)
    share = np.linspace(0, 1, 2001)[:, None, None]
    local = np.abs(_to_prop(prop, (eye + share * (ends - eye)).reshape(-1, 3)))
    inside = (local < np.array(prop.size_m) / 2).all(axis=1).reshape(2001, -1)
    deep = inside.sum(axis=0)
    np.testing.assert_array_equal(found[deep != 1], (deep > 0)[deep != 1])


@pytest.mark.parametrize(
    ("kinds", "seen"),
    [
        ((), 1.0),
        ((PropKind.BUILDING,), 0.0),
        ((PropKind.HEDGE,), 0.0),
        ((PropKind.TREE,), 0.5),
        ((PropKind.TREE, PropKind.TREE), 0.25),
        ((PropKind.STREET_LAMP,), 0.92),
        ((PropKind.POLE, PropKind.TREE), 0.46),
        ((PropKind.BENCH,), 1.0),
    ],
)
def test_what_stands_in_the_way_hides_by_its_kind(kinds, seen):
    scene = _world(*(replace(_prop(kind), id=9 + k) for k, kind in enumerate(kinds)))
    found = transmittance(scene, np.array([0.0, 0, 1.5]), np.array([[12.0, 0, 1.5]]))
    assert found[0] == pytest.approx(seen)
    beside = transmittance(scene, np.array([0.0, 9, 1.5]), np.array([[12.0, 9, 1.5]]))
    assert beside[0] == 1.0


@pytest.mark.parametrize("hfov", [0.3, 1.0, 1.6])
def test_projection_is_opencvs(hfov):
    cv2 = pytest.importorskip("cv2")
    camera = Camera.looking_at(
        "c", (3.0, -9.0, 7.0), (1.0, 4.0, 0.5), width=640, height=400, hfov_rad=hfov
    )
    points = RANDOM.uniform([-5, 0, -1], [5, 20, 4], (100, 3))
    world = camera.camera_from_world
    expected, _ = cv2.projectPoints(
        points, cv2.Rodrigues(world[:3, :3])[0], world[:3, 3], camera.intrinsics, None
    )
    found, depth = camera.project(points)
    ahead = depth > 0.1
    np.testing.assert_allclose(found[ahead], expected[ahead, 0], rtol=1e-9, atol=1e-6)
    assert camera.hfov_rad == pytest.approx(hfov)


@pytest.mark.parametrize(
    ("angles", "ahead"),
    [((0, 0, 0), (1, 0, 0)), ((0, 90, 0), (0, -1, 0)), ((90, 0, 0), (0, 0, 1)),
     ((-90, 0, 0), (0, 0, -1)), ((0, 180, 0), (-1, 0, 0))],
)  # fmt: skip
def test_unreal_rotations_look_where_carla_does(angles, ahead):
    """CARLA: yaw 90 looks along its +y, our -y; positive pitch looks up."""
    turn = g.matrix_from_quat(np.array(camera_quat_from_unreal(*angles)))
    np.testing.assert_allclose(turn[:, 2], ahead, atol=1e-12)


def test_a_seeds_key_is_the_first_half_of_sha256_of_its_path():
    seed = Seed(7).child("lens", 3)
    digest = hashlib.sha256(b"int:7/str:lens/int:3").digest()
    assert seed.key == int.from_bytes(digest[:16], "little")
    assert seed.int32() == seed.key % 2**31


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "b"), ("a/b",)), ((1,), ("1",)), (("a",), ("a", "")), ((12,), (1, 2)), ((), ("",))],
)
def test_paths_that_read_alike_are_other_seeds(one, other):
    assert Seed(1).child(*one).key != Seed(1).child(*other).key


def test_siblings_are_independent_and_streams_start_anew():
    draws = np.stack([Seed(5).child("x", k).generator().uniform(size=2000) for k in range(30)])
    assert np.abs(np.corrcoef(draws) - np.eye(30)).max() < 0.12
    assert draws.mean() == pytest.approx(0.5, abs=0.01)
    again = Seed(5).child("x", 3).generator().uniform(size=2000)
    np.testing.assert_array_equal(draws[3], again)


def test_classes_are_numbered_without_gaps_and_groups_do_not_overlap():
    assert [int(one) for one in ClassId] == list(range(len(PALETTE)))
    assert not PEOPLE & VEHICLES
    assert TWO_WHEELERS < VEHICLES
    colours = {tuple(colour) for colour in PALETTE.tolist()}
    assert len(colours) >= len(PALETTE) - 1
