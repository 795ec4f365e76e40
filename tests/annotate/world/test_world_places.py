"""The drawn ground of every place of the library, read from its OpenDRIVE file."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.mesh import Soup, face_normals
from rareworld.annotate.world.plan import lane_area
from rareworld.annotate.world.roads import GroundSize
from rareworld.core.lanes import LaneIndex
from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.taxonomy import ClassId
from rareworld.data.formats.opendrive import read_opendrive
from tests.annotate.world.laid import make_ground
from tests.annotate.world.world_samples import plan_area_m2, upward

LIBRARY = Path(__file__).parents[3] / "src/rareworld/simulate/maps/library"
PLACES = sorted(path.parent.name for path in LIBRARY.glob("*/0.xodr.gz"))
DRIVEN = (LaneKind.DRIVING, LaneKind.PARKING, LaneKind.SHOULDER, LaneKind.BIKE)
ON_ROAD = (int(ClassId.ROAD), int(ClassId.ROAD_LINE))
RADIUS_M = 45.0


@cache
def road_of(place: str) -> RoadMap:
    return read_opendrive(LIBRARY / place / "0.xodr.gz", name=place)


def focus_of(road: RoadMap) -> tuple[float, float]:
    if road.junctions:
        x, y = road.junctions[0].centre_m[:2].tolist()
        return float(x), float(y)
    x0, y0, x1, y1 = road.bounds_m
    return (x0 + x1) / 2, (y0 + y1) / 2


@cache
def ground_of(place: str) -> Soup:
    road = road_of(place)
    return make_ground(road, GroundSize(focus_m=focus_of(road), radius_m=RADIUS_M, verge_m=15.0))


@cache
def faces_of(place: str) -> tuple[shapely.STRtree, np.ndarray]:
    """Return a tree over the upward faces, and their rows."""
    made = ground_of(place)
    rows = np.flatnonzero(upward(made))
    return shapely.STRtree(shapely.polygons(made.corners_m[rows][..., :2])), rows


def drawn_under(place: str, xy: np.ndarray) -> list[np.ndarray]:
    """Return which upward faces cover each point; corners lie on a 1 mm grid."""
    tree, rows = faces_of(place)
    point, face = tree.query(shapely.points(xy), predicate="dwithin", distance=0.002)
    return [rows[face[point == k]] for k in range(len(xy))]


def height_on(made: Soup, row: int, xy: np.ndarray) -> float:
    """Return z of a face's plane at a place."""
    a = made.corners_m[row, 0]
    normal = face_normals(made.corners_m[row : row + 1])[0]
    return float(a[2] - (normal[:2] @ (xy - a[:2])) / normal[2])


def near_points(place: str, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, away = (
        rng.uniform(0, 2 * np.pi, count),
        RADIUS_M * 0.97 * np.sqrt(rng.uniform(0, 1, count)),
    )
    return np.array(focus_of(road_of(place))) + away[:, None] * np.stack(
        [np.cos(angle), np.sin(angle)], axis=1
    )


def test_the_library_has_its_places():
    assert len(PLACES) >= 8


@pytest.mark.parametrize("place", PLACES)
def test_the_drawn_carriageway_is_the_union_of_the_lanes_within_half_a_percent(place):
    road, made = road_of(place), ground_of(place)
    disc = shapely.Point(focus_of(road)).buffer(RADIUS_M, quad_segs=16)
    lanes = shapely.union_all(
        [lane_area(lane) for lane in road.lanes.values() if lane.kind in DRIVEN]
    )
    wanted = shapely.intersection(lanes, disc)
    keep = upward(made) & np.isin(made.class_id, ON_ROAD)
    faces = shapely.polygons(made.corners_m[keep][..., :2])
    inside = sum(shapely.area(shapely.intersection(faces, wanted)))
    assert inside == pytest.approx(wanted.area, rel=0.005)


@pytest.mark.parametrize("place", PLACES)
def test_whatever_is_driven_beyond_the_lanes_lies_in_a_junction(place):
    """Only pockets between connecting lanes are paved without a lane."""
    road, made = road_of(place), ground_of(place)
    lanes = shapely.union_all(
        [lane_area(lane).buffer(0.05) for lane in road.lanes.values() if lane.kind in DRIVEN]
    )
    hulls = shapely.union_all(
        [shapely.convex_hull(shapely.MultiPoint(j.outline_m[:, :2])) for j in road.junctions]
    ).buffer(1.5)
    keep = upward(made) & np.isin(made.class_id, ON_ROAD)
    extra = shapely.difference(shapely.polygons(made.corners_m[keep][..., :2]), lanes)
    outside = shapely.area(shapely.difference(extra, hulls)).sum()
    assert outside < 0.002 * lanes.area


@pytest.mark.parametrize("place", PLACES)
def test_no_two_upward_faces_lie_over_each_other(place):
    made = ground_of(place)
    keep = upward(made) & (np.linalg.norm(
        made.corners_m[..., :2] - np.array(focus_of(road_of(place))), axis=-1
    ).max(axis=1) < RADIUS_M + 14)  # fmt: skip
    corners = made.corners_m[keep]
    union = shapely.union_all(shapely.polygons(corners[..., :2]), grid_size=1e-4)
    total = float(face_normals(corners)[:, 2].sum() / 2)
    assert total == pytest.approx(union.area, rel=1e-3)


@pytest.mark.parametrize("place", PLACES)
def test_there_is_no_hole_in_the_ground(place):
    points = near_points(place, 1500)
    assert all(len(rows) >= 1 for rows in drawn_under(place, points))


@pytest.mark.parametrize("place", PLACES)
def test_heights_of_the_drawn_surface_are_those_of_the_map_within_two_centimetres(place):
    """On lanes away from kerbs, against the lane index (an independent piece of code)."""
    road, made = road_of(place), ground_of(place)
    points = near_points(place, 1500, seed=1)
    wanted = LaneIndex(road).height_at(points)
    checked, off = 0, 0
    for xy, z, rows in zip(points, wanted, drawn_under(place, points), strict=True):
        if np.isfinite(z) and len(rows) == 1 and made.class_id[rows[0]] != int(ClassId.SIDEWALK):
            checked += 1
            off += abs(z - height_on(made, int(rows[0]), xy)) > 0.02
    assert checked > 100
    # where a pavement and a carriageway share a place the index has the upper, drawn is the road
    assert off < 0.01 * checked


@pytest.mark.parametrize("place", PLACES)
def test_feet_on_pavements_meet_the_drawn_surface_within_two_centimetres(place):
    """People stand at the height of the pavement lane; there the pavement must be drawn."""
    road, made = road_of(place), ground_of(place)
    focus = np.array(focus_of(road))
    feet = [
        lane.centre_m[np.linalg.norm(lane.centre_m[:, :2] - focus, axis=1) < RADIUS_M - 1]
        for lane in road.lanes.values()
        if lane.kind == LaneKind.SIDEWALK
    ]
    if not feet:
        assert place in ("motorway_merge", "rural_crossroads")
        return
    points = np.concatenate(feet)
    assert len(points) > 10
    for foot, rows in zip(points, drawn_under(place, points[:, :2]), strict=True):
        heights = [height_on(made, int(row), foot[:2]) for row in rows]
        assert min(abs(height - foot[2]) for height in heights) < 0.02


@pytest.mark.parametrize("place", PLACES)
def test_wheels_meet_the_drawn_carriageway_within_two_centimetres(place):
    road, made = road_of(place), ground_of(place)
    focus = np.array(focus_of(road))
    lanes = [lane.centre_m for lane in road.lanes.values() if lane.kind == LaneKind.DRIVING]
    points = np.concatenate(lanes)
    points = points[np.linalg.norm(points[:, :2] - focus, axis=1) < RADIUS_M - 1]
    for wheel, rows in zip(points, drawn_under(place, points[:, :2]), strict=True):
        assert len(rows)
        for row in rows:
            assert int(made.class_id[row]) in ON_ROAD
            assert abs(height_on(made, int(row), wheel[:2]) - wheel[2]) < 0.02


@pytest.mark.parametrize("place", PLACES)
def test_no_grass_grows_between_the_lanes_of_a_junction(place):
    """Places between the ends of a junction's lanes are paved, raised or off its outline."""
    road, made = road_of(place), ground_of(place)
    for junction in road.junctions[:1]:
        inner = [lane for lane in road.lanes.values() if lane.junction == junction.id]
        driven = [lane_area(lane) for lane in inner if lane.kind in DRIVEN]
        gaps = [
            shapely.Polygon(ring)
            for part in shapely.get_parts(shapely.union_all(driven))
            for ring in part.interiors
        ]
        for gap in gaps:
            if 0.05 < gap.area < 200.0:
                place_xy = np.array(gap.representative_point().coords)
                kinds = {int(made.class_id[row]) for row in drawn_under(place, place_xy)[0]}
                assert kinds & {*ON_ROAD, int(ClassId.SIDEWALK)}


@pytest.mark.parametrize("place", PLACES)
def test_kerb_faces_are_upright_and_reach_from_road_to_pavement(place):
    made = ground_of(place)
    normal = face_normals(made.corners_m)
    steep = np.abs(normal[:, 2]) < 0.05 * np.linalg.norm(normal, axis=1)
    kerb = steep & (made.class_id == int(ClassId.SIDEWALK))
    pavement = upward(made) & (made.class_id == int(ClassId.SIDEWALK))
    if not pavement.any():
        assert not kerb.any()
        return
    tall = np.ptp(made.corners_m[kerb][..., 2], axis=1)
    assert np.median(tall) == pytest.approx(0.12, abs=0.005)
    assert tall.max() < 0.2


@pytest.mark.parametrize("place", PLACES)
def test_the_raised_ground_has_no_crack_along_its_border(place):
    """Every open edge of the pavements' tops is the upper edge of a kerb face."""
    made = ground_of(place)
    walk = made.class_id == int(ClassId.SIDEWALK)
    median = (made.class_id == int(ClassId.TERRAIN)) & (made.corners_m[..., 2] > 0.06).all(axis=1)
    flat = np.ptp(made.corners_m[..., 2]) < 0.2
    top = made.corners_m[(walk | (median & flat)) & upward(made)]
    side = made.corners_m[walk & ~upward(made)]

    def edges(faces: np.ndarray) -> set[tuple[tuple[int, ...], tuple[int, ...]]]:
        key = np.round(faces * 1000).astype(int)
        return {
            (tuple(face[k]), tuple(face[(k + 1) % 3])) for face in key.tolist() for k in range(3)
        }

    whole = edges(top)
    border = {edge for edge in whole if edge[::-1] not in whole}
    closed = {edge[::-1] for edge in edges(side)}
    missing = [
        edge for edge in border - closed
        if np.hypot(edge[0][0] - edge[1][0], edge[0][1] - edge[1][1]) > 20
    ]  # fmt: skip
    if border:
        length = sum(np.hypot(a[0] - b[0], a[1] - b[1]) for a, b in missing)
        whole_length = sum(np.hypot(a[0] - b[0], a[1] - b[1]) for a, b in border)
        assert length < 0.1 * whole_length


@pytest.mark.parametrize("place", PLACES)
def test_paint_lies_on_the_carriageway_and_is_a_small_part_of_it(place):
    made = ground_of(place)
    up = upward(made)
    paint = Soup(
        corners_m=made.corners_m[up & (made.class_id == int(ClassId.ROAD_LINE))],
        uv_m=made.uv_m[up & (made.class_id == int(ClassId.ROAD_LINE))],
        material=made.material[up & (made.class_id == int(ClassId.ROAD_LINE))],
        class_id=made.class_id[up & (made.class_id == int(ClassId.ROAD_LINE))],
    )
    lanes = shapely.union_all(
        [lane_area(lane) for lane in road_of(place).lanes.values() if lane.kind in DRIVEN]
    )
    off = shapely.difference(shapely.polygons(paint.corners_m[..., :2]), lanes.buffer(0.02))
    assert shapely.area(off).sum() < 0.02 * plan_area_m2(paint)
    road = up & (made.class_id == int(ClassId.ROAD))
    total = float(face_normals(made.corners_m[road])[:, 2].sum() / 2)
    assert 0.005 < plan_area_m2(paint) / total < 0.2


@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_drawn_with_few_triangles(place):
    assert 100 < ground_of(place).size < 30_000
