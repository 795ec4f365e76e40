import numpy as np
import pytest
import shapely

from rareworld.annotate.world.ground import (
    HeightField,
    dense,
    height_field,
    lane_levels,
)
from rareworld.annotate.world.mesh import Soup, face_normals
from rareworld.annotate.world.plan import make_plan, marking_area, tiles, zebra
from rareworld.annotate.world.roads import GroundSize
from rareworld.core.road import Crosswalk, LaneKind, MarkColour, Marking, MarkKind, RoadMap
from rareworld.core.taxonomy import ClassId
from rareworld.errors import MapError
from tests.annotate.world.laid import make_ground
from tests.annotate.world.world_scenes import crossing, flat, hills, strip

SIZE = GroundSize(focus_m=(0.0, 0.0), radius_m=50.0, verge_m=40.0)
WORLDS = {"flat": crossing(), "hills": crossing(hills)}


@pytest.fixture(scope="module", params=WORLDS)
def ground(request):
    return request.param, make_ground(WORLDS[request.param], SIZE)


def looking_up(ground: Soup) -> np.ndarray:
    normal = face_normals(ground.corners_m)
    return normal[:, 2] > 0.5 * np.linalg.norm(normal, axis=1)


def test_the_ground_covers_every_place_exactly_once(ground):
    """Areas of all upward faces seen from above add up to the disc: no hole, no overlap."""
    _, made = ground
    near = made.corners_m[looking_up(made)]
    near = near[np.linalg.norm(near[..., :2], axis=-1).max(axis=1) < 91]
    area = face_normals(near)[:, 2].sum() / 2
    rim = 64 / 2 * np.sin(2 * np.pi / 64) * 90.0**2
    assert area == pytest.approx(rim, rel=2e-4)


def test_every_place_has_one_label(ground):
    _, made = ground
    up = looking_up(made)
    tree = shapely.STRtree([shapely.Polygon(face[:, :2]) for face in made.corners_m[up]])
    points = np.random.default_rng(0).uniform(-45, 45, (3000, 2))
    found = tree.query(shapely.points(points), predicate="intersects")[0]
    count = np.bincount(found, minlength=len(points))
    assert (count >= 1).all()
    assert (count > 1).mean() < 0.002


@pytest.mark.parametrize(
    ("place", "label"),
    [
        ((-30.0, -1.75), ClassId.ROAD), ((0.0, 0.5), ClassId.ROAD), ((-30.0, -4.25), ClassId.ROAD),
        ((-30.0, -6.8), ClassId.SIDEWALK), ((-30.0, -30.0), ClassId.TERRAIN),
        ((-40.5, 0.02), ClassId.ROAD_LINE), ((-14.05, -1.0), ClassId.ROAD_LINE),
    ],
)  # fmt: skip
def test_labels_at_known_places(place, label):
    made = make_ground(WORLDS["flat"], SIZE)
    up = np.flatnonzero(looking_up(made))
    inside = [
        index
        for index in up
        if shapely.Polygon(made.corners_m[index, :, :2]).intersects(shapely.Point(place))
    ]
    assert {int(made.class_id[index]) for index in inside} == {int(label)}


def test_the_ground_looks_up_and_walls_are_upright(ground):
    _, made = ground
    normal = face_normals(made.corners_m)
    steep = normal[:, 2] / np.linalg.norm(normal, axis=1)
    assert ((steep > 0.7) | (np.abs(steep) < 0.05)).mean() > 0.995


@pytest.mark.parametrize("kerb_m", [0.0, 0.06, 0.12, 0.2])
def test_pavements_are_drawn_exactly_as_high_as_the_map_has_them(kerb_m):
    made = make_ground(crossing(lift=kerb_m), SIZE)
    walk = made.corners_m[made.class_id == int(ClassId.SIDEWALK)]
    assert walk[..., 2].max() == pytest.approx(kerb_m)
    assert walk[..., 2].min() == pytest.approx(0.0)
    road = made.corners_m[made.class_id == int(ClassId.ROAD)]
    assert np.ptp(road[..., 2]) == pytest.approx(0.0)


def test_hilly_roads_follow_their_lanes_within_5_cm():
    made = make_ground(WORLDS["hills"], SIZE)
    road = made.corners_m[np.isin(made.class_id, [int(ClassId.ROAD), int(ClassId.ROAD_LINE)])]
    centre = road.mean(axis=1)
    assert np.abs(centre[:, 2] - hills(centre[:, 0], centre[:, 1])).max() < 0.05


def test_heights_are_continuous_and_meet_their_samples():
    field = height_field(list(WORLDS["hills"].lanes.values()))
    x = np.linspace(-40, 40, 4001)
    z = field.at(np.column_stack([x, 0 * x - 1.75]))
    assert np.abs(np.diff(z)).max() < 0.004
    assert np.abs(z - hills(x, -1.75)).max() < 0.05
    level = HeightField(np.array([[0.0, 0, 5], [10, 0, 5.001], [0, 10, 5]]))
    assert level.at(np.array([[3.0, 3.0]]))[0] == pytest.approx(5.0)


def test_a_bridge_is_a_level_of_its_own_with_a_slab():
    low = strip("low", LaneKind.DRIVING, (-40, 0), (40, 0), 7.0)
    high = strip("high", LaneKind.DRIVING, (0, -40), (0, 40), 7.0, lift=6.0)
    assert lane_levels([low, high]).tolist() == [0, 1]
    made = make_ground(RoadMap(name="bridge", lanes={"low": low, "high": high}), SIZE)
    deck = made.corners_m[(made.class_id == int(ClassId.ROAD)) & looking_up(made)]
    assert deck[..., 2].max() == pytest.approx(6.0)
    slab = made.corners_m[made.class_id == int(ClassId.BRIDGE)]
    assert slab[..., 2].min() == pytest.approx(5.1)
    assert face_normals(slab)[:, 2].min() < 0


def line(kind: MarkKind, length=20.0, **more) -> Marking:
    points = np.array([[0.0, 0, 0], [length / 2, 0, 0], [length, 0, 0]])
    return Marking(points_m=points, kind=kind, colour=MarkColour.WHITE, width_m=0.2, **more)


@pytest.mark.parametrize(
    ("kind", "paint_m"),
    [
        (MarkKind.SOLID, 20.0), (MarkKind.STOP_LINE, 20.0), (MarkKind.SOLID_SOLID, 40.0),
        (MarkKind.BROKEN, 8.0), (MarkKind.SOLID_BROKEN, 28.0), (MarkKind.BROKEN_BROKEN, 16.0),
    ],
)  # fmt: skip
def test_paint_of_markings_is_length_times_width(kind, paint_m):
    assert marking_area(line(kind, dash_m=3.0, gap_m=6.0)).area == pytest.approx(paint_m * 0.2)


def test_solid_and_broken_lie_on_their_sides():
    area = marking_area(line(MarkKind.SOLID_BROKEN, dash_m=3.0, gap_m=6.0))
    assert area.contains(shapely.Point(5.0, 0.2))
    assert not area.intersects(shapely.Point(5.0, -0.2))


def test_zebra_stripes_run_along_the_road():
    outline = np.array([[0.0, 0, 0], [4, 0, 0], [4, 10, 0], [0, 10, 0]])
    stripes = zebra(Crosswalk(id="z", outline_m=outline))
    parts = shapely.get_parts(stripes)
    assert len(parts) == 10
    assert stripes.area == pytest.approx(10 * 4 * 0.5)
    for part in parts:
        low_x, low_y, high_x, high_y = part.bounds
        assert (high_x - low_x, high_y - low_y) == pytest.approx((4.0, 0.5))


def test_plan_areas_are_disjoint():
    road = WORLDS["flat"]
    plan = make_plan(road, list(road.lanes.values()), road.markings, shapely.Point(0, 0).buffer(50))
    areas = [plan.white, plan.bike, plan.asphalt, plan.kerb, plan.pavement]
    assert all(area.area > 1 for area in areas)
    areas += [plan.gutter, plan.yellow, plan.median]
    union = shapely.union_all(areas)
    assert sum(area.area for area in areas) == pytest.approx(union.area, abs=0.01)


def test_tiles_cover_an_area_in_small_pieces():
    area = shapely.Point(0.3, 0.2).buffer(37.0)
    pieces = tiles(area, 8.0)
    assert sum(piece.area for piece in pieces) == pytest.approx(area.area, rel=1e-4)
    for piece in pieces:
        low_x, low_y, high_x, high_y = piece.bounds
        assert max(high_x - low_x, high_y - low_y) <= 8.001


def test_dense_keeps_points_and_bounds_the_step():
    points = np.array([[0.0, 0, 0], [10, 0, 1], [10.5, 0, 1]])
    made = dense(points, 3.0)
    assert np.linalg.norm(np.diff(made[:, :2], axis=0), axis=1).max() <= 3.0
    for point in points:
        assert np.abs(made - point).sum(axis=1).min() < 1e-9


def test_far_from_every_road_is_a_named_error():
    away = GroundSize(focus_m=(5000.0, 0.0), radius_m=50.0, verge_m=10.0)
    with pytest.raises(MapError, match="no lane within 50 m"):
        make_ground(crossing(flat), away)


def test_triangles_are_few_and_the_same_every_time():
    one, two = (make_ground(WORLDS["hills"], SIZE) for _ in range(2))
    assert one.size < 20_000
    assert one.corners_m.tobytes() == two.corners_m.tobytes()
