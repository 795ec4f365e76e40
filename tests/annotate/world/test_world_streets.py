"""Ground plans and ground meshes of streets built by hand, against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
import shapely.affinity

from rareworld.annotate.world.ground import HeightField, dense, height_field, lane_levels
from rareworld.annotate.world.materials import material, skin
from rareworld.annotate.world.mesh import Soup, face_normals
from rareworld.annotate.world.plan import (
    grown,
    lane_area,
    make_plan,
    marking_area,
    minus,
    polygons,
    tiles,
    unite,
    zebra,
)
from rareworld.annotate.world.roads import GroundSize, flat_faces, walls
from rareworld.core.road import (
    Crosswalk,
    Lane,
    LaneKind,
    MarkColour,
    Marking,
    MarkKind,
    RoadMap,
    Signal,
    SignalKind,
)
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.laid import make_ground
from tests.annotate.world.world_samples import plan_area_m2, upward
from tests.annotate.world.world_scenes import crossing, hills, strip

SIZE = GroundSize(focus_m=(0.0, 0.0), radius_m=30.0, verge_m=20.0)
DISC = shapely.Point(0, 0).buffer(200)
HALF_M = 25.0
PAINT = {"dash_m": 3.0, "gap_m": 6.0}


def street(*rows: tuple[LaneKind, float, float, float]) -> RoadMap:
    """Return parallel lanes along x: (kind, y of the middle, width, height)."""
    lanes = {
        f"{k}": strip(f"{k}", kind, (-HALF_M, y), (HALF_M, y), width, lift=lift)
        for k, (kind, y, width, lift) in enumerate(rows)
    }
    return RoadMap(name="street", lanes=lanes)


USUAL = street(
    (LaneKind.DRIVING, -1.75, 3.5, 0.0), (LaneKind.DRIVING, 1.75, 3.5, 0.0),
    (LaneKind.SIDEWALK, -4.75, 2.5, 0.12), (LaneKind.SIDEWALK, 4.75, 2.5, 0.12),
)  # fmt: skip


BLACK = ("asphalt", "asphalt new", "asphalt pale", "bitumen", "gutter", "iron cover")
"""What a bare carriageway shows."""


def area_of(made: Soup, *names: str) -> float:
    """Return the plan area of materials."""
    keep = upward(made) & np.isin(made.material, [material(name) for name in names])
    return float(face_normals(made.corners_m[keep])[:, 2].sum() / 2)


def mark(kind: MarkKind, points, width=0.12, colour=MarkColour.WHITE, **more: float) -> Marking:
    return Marking(
        points_m=np.asarray(points, float), kind=kind, colour=colour, width_m=width,
        **{**PAINT, **more},
    )  # fmt: skip


def test_areas_of_a_straight_street_are_length_times_width():
    made = make_ground(USUAL, SIZE)
    length = 2 * HALF_M
    assert area_of(made, *BLACK) == pytest.approx(length * 7.0, rel=2e-3)
    assert area_of(made, "paving", "kerb") == pytest.approx(length * 5.0, rel=2e-3)
    assert area_of(made, "kerb") == pytest.approx(length * 2 * 0.14, rel=0.02)
    assert area_of(made, "gutter") == pytest.approx(length * 2 * 0.28, rel=0.04)


@pytest.mark.parametrize("lift", [0.05, 0.12, 0.18])
def test_kerb_faces_are_as_tall_as_the_pavement_is_high(lift):
    rows = [(LaneKind.DRIVING, 0.0, 6.0, 0.0), (LaneKind.SIDEWALK, 4.5, 3.0, lift)]
    made = make_ground(street(*rows), SIZE)
    normal = face_normals(made.corners_m)
    side = np.abs(normal[:, 2]) < 1e-9
    assert (made.material[side] == material("kerb")).all()
    area = np.linalg.norm(normal[side], axis=1).sum() / 2
    around = 2 * (2 * HALF_M + 3.0)
    assert area == pytest.approx(around * lift, rel=0.01)


def test_kerb_faces_look_away_from_the_pavement():
    rows = [(LaneKind.DRIVING, 0.0, 6.0, 0.0), (LaneKind.SIDEWALK, 4.5, 3.0, 0.12)]
    made = make_ground(street(*rows), SIZE)
    normal = face_normals(made.corners_m)
    side = np.abs(normal[:, 2]) < 1e-9
    centre = made.corners_m[side].mean(axis=1)
    outward = np.einsum("fd,fd->f", centre - [0.0, 4.5, 0.06], normal[side])
    assert (outward > 0).all()


def test_walls_join_an_open_sheet_to_a_lower_surface():
    low = HeightField(np.array([[0.0, 0, 1.0], [9, 0, 1.0], [0, 9, 1.0]]))
    high = HeightField(np.array([[0.0, 0, 3.0], [9, 0, 3.0], [0, 9, 3.0]]))
    square = shapely.box(0, 0, 4, 3)
    top = flat_faces(square, high, 40.0, skin("kerb", ClassId.SIDEWALK))
    side = walls(top, low, 0.0, skin("kerb", ClassId.SIDEWALK))[0]
    assert np.linalg.norm(face_normals(side.corners_m), axis=1).sum() / 2 == pytest.approx(28.0)
    assert side.bounds_m[0][2] == pytest.approx(1.0)
    assert side.bounds_m[1][2] == pytest.approx(3.0)
    assert np.abs(face_normals(side.corners_m).sum(axis=0)).max() < 1e-9


def test_walls_of_nothing_are_nothing():
    field = HeightField(np.array([[0.0, 0, 1.0], [9, 0, 1.0], [0, 9, 1.0]]))
    assert walls([], field, 0.0, skin("kerb", ClassId.SIDEWALK)) == []
    assert flat_faces(shapely.Polygon(), field, 10.0, skin("kerb", ClassId.SIDEWALK)) == []


@pytest.mark.parametrize(
    ("lift", "kerbed"), [(0.0, False), (0.02, False), (0.12, True), (0.2, True)]
)
def test_only_raised_medians_have_kerbs(lift, kerbed):
    rows = [
        (LaneKind.DRIVING, -5.0, 6.0, 0.0), (LaneKind.MEDIAN, 0.0, 4.0, lift),
        (LaneKind.DRIVING, 5.0, 6.0, 0.0),
    ]  # fmt: skip
    made = make_ground(street(*rows), SIZE)
    assert (area_of(made, "kerb") > 1.0) == kerbed
    half_m = 2.0 - 0.14 * kerbed
    middle = upward(made) & (np.abs(made.corners_m[..., 1]).max(axis=1) < half_m + 0.001)
    assert set(made.class_id[middle]) == {int(ClassId.TERRAIN)}
    high = made.corners_m[upward(made)][..., 2].max()
    assert high == pytest.approx(lift if kerbed else 0.0, abs=1e-6)


def test_paved_kinds_lie_above_pavements_and_pavements_above_medians():
    """Where lanes overlap, the more important one is drawn."""
    rows = [
        (LaneKind.DRIVING, 0.0, 4.0, 0.0), (LaneKind.BIKE, 2.0, 2.0, 0.0),
        (LaneKind.SIDEWALK, 3.5, 4.0, 0.12), (LaneKind.MEDIAN, 6.0, 4.0, 0.12),
    ]  # fmt: skip
    road = street(*rows)
    plan = make_plan(road, list(road.lanes.values()), [], DISC)
    length = 2 * HALF_M
    assert plan.driven.area == pytest.approx(length * 5.0, rel=2e-3)
    left_over = shapely.box(-HALF_M, 2.0, HALF_M, 3.0)
    painted = plan.white.intersection(left_over).area
    assert 0 < painted < 5, "bicycles are painted on the lane"
    assert plan.bike.area + painted == pytest.approx(length * 1.0, rel=2e-3)
    assert plan.bike.difference(left_over).area < 1e-6
    assert plan.raised.area == pytest.approx(length * (2.5 + 2.5), rel=5e-3)
    assert plan.median.area == pytest.approx(length * 2.5, rel=0.08)


def test_lanes_of_kind_other_are_not_drawn():
    road = street((LaneKind.DRIVING, 0.0, 4.0, 0.0), (LaneKind.OTHER, 6.0, 4.0, 0.0))
    made = make_ground(road, SIZE)
    assert area_of(made, *BLACK) == pytest.approx(2 * HALF_M * 4.0, rel=2e-3)


@pytest.mark.parametrize("colour", list(MarkColour))
def test_paint_has_its_own_material_and_cuts_the_asphalt_away(colour):
    line = mark(MarkKind.SOLID, [[-20.0, 0, 0], [20, 0, 0]], 0.2, colour)
    made = make_ground(replace(USUAL, markings=(line,)), SIZE)
    assert area_of(made, f"{colour.value} paint") == pytest.approx(8.0, rel=5e-3)
    assert area_of(made, *BLACK) == pytest.approx(2 * HALF_M * 7 - 8.0, rel=2e-3)


def test_white_wins_where_two_colours_cross():
    white = mark(MarkKind.SOLID, [[-20.0, 0, 0], [20, 0, 0]], 0.2)
    yellow = mark(MarkKind.SOLID, [[0.0, -3, 0], [0, 3, 0]], 0.2, MarkColour.YELLOW)
    made = make_ground(replace(USUAL, markings=(white, yellow)), SIZE)
    assert area_of(made, "white paint") == pytest.approx(8.0, rel=5e-3)
    assert area_of(made, "yellow paint") == pytest.approx(1.2 - 0.04, rel=0.02)


def test_paint_beside_the_carriageway_is_not_drawn():
    off = mark(MarkKind.SOLID, [[-20.0, 12, 0], [20, 12, 0]], 0.2)
    assert area_of(make_ground(replace(USUAL, markings=(off,)), SIZE), "white paint") == 0


def test_stop_lines_of_signals_are_painted_across_their_lane():
    signal = Signal(
        id="s", kind=SignalKind.STOP, position_m=(8.0, -5.0, 0.0), yaw_rad=0.0, height_m=2.0,
        stop_line_m=np.array([[8.0, -3.3, 0], [8.0, -0.2, 0]]),
    )  # fmt: skip
    made = make_ground(replace(USUAL, signals=(signal,)), SIZE)
    assert area_of(made, "white paint") == pytest.approx(3.1 * 0.4, rel=0.02)


@pytest.mark.parametrize("dash_m", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("gap_m", [1.5, 3.0, 9.0])
def test_dashes_and_gaps_have_their_lengths(dash_m, gap_m):
    line = mark(MarkKind.BROKEN, [[0.0, 0, 0], [60, 0, 0]], dash_m=dash_m, gap_m=gap_m)
    pieces = sorted(polygons(marking_area(line)), key=lambda piece: piece.bounds[0])
    starts = [piece.bounds[0] for piece in pieces]
    assert np.allclose(np.diff(starts), dash_m + gap_m, atol=1e-6)
    for piece in pieces[:-1]:
        low_x, low_y, high_x, high_y = piece.bounds
        assert high_x - low_x == pytest.approx(dash_m)
        assert high_y - low_y == pytest.approx(0.12)


def test_dashes_follow_a_bend_by_arc_length():
    angle = np.linspace(0, np.pi, 181)
    points = np.column_stack([20 * np.cos(angle), 20 * np.sin(angle), 0 * angle])
    area = marking_area(mark(MarkKind.BROKEN, points))
    starts = np.arange(0, 20 * np.pi, 9.0)
    painted = np.minimum(starts + 3.0, 20 * np.pi) - starts
    assert area.area == pytest.approx(painted.sum() * 0.12, rel=0.01)
    away = np.hypot(*shapely.get_coordinates(area).T)
    assert away.min() > 19.93
    assert away.max() < 20.07


@pytest.mark.parametrize("kind", list(MarkKind))
def test_strokes_of_a_line_run_the_same_way_whatever_its_heading(kind):
    """Turning the polyline turns the paint: the sides of double lines are the driver's."""
    points = np.array([[0.0, 0, 0], [15, 0, 0], [30, 0, 0]])
    flat = marking_area(mark(kind, points))
    for turn in (0.7, 2.0, -2.6):
        c, s = np.cos(turn), np.sin(turn)
        moved = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        found = marking_area(mark(kind, moved))
        wanted = shapely.affinity.rotate(flat, turn, origin=(0, 0), use_radians=True)
        assert shapely.symmetric_difference(found, wanted).area < 1e-6 + 1e-6 * wanted.area


def test_markings_too_short_to_see_leave_no_paint():
    assert marking_area(mark(MarkKind.BROKEN, [[0.0, 0, 0], [0.03, 0, 0]])).is_empty


@pytest.mark.parametrize("length_m", [3.0, 6.8, 10.0, 17.2])
@pytest.mark.parametrize("depth_m", [2.5, 4.0])
@pytest.mark.parametrize("turn", [0.0, 0.4, 1.9])
def test_zebra_stripes_stay_inside_their_outline(length_m, depth_m, turn):
    c, s = np.cos(turn), np.sin(turn)
    corner = np.array([[0.0, 0], [depth_m, 0], [depth_m, length_m], [0, length_m]])
    outline = np.column_stack([corner @ np.array([[c, s], [-s, c]]), np.zeros(4)])
    area = zebra(Crosswalk(id="z", outline_m=outline))
    if length_m < depth_m:
        return
    assert area.difference(shapely.Polygon(outline[:, :2]).buffer(0.002)).area < 1e-6
    parts = polygons(area)
    assert len(parts) == int((length_m + 0.5) // 1.0)
    for part in parts:
        assert part.area == pytest.approx(0.5 * depth_m, rel=0.01)
    nearest = [min(part.distance(other) for other in parts if other is not part) for part in parts]
    assert np.allclose(nearest, 0.5, atol=0.003)


def test_left_hand_traffic_is_drawn_as_a_mirror_image():
    """Mirroring a map (and swapping its lane borders) mirrors the drawn ground."""
    flip = np.array([1.0, -1.0, 1.0])

    def mirrored(lane: Lane) -> Lane:
        return replace(
            lane, centre_m=lane.centre_m * flip, left_m=lane.right_m * flip,
            right_m=lane.left_m * flip,
        )  # fmt: skip

    road = crossing()
    marks = tuple(replace(line, points_m=line.points_m * flip) for line in road.markings)
    other = RoadMap(
        name="left", lanes={key: mirrored(lane) for key, lane in road.lanes.items()},
        markings=marks, left_hand_traffic=True,
    )  # fmt: skip
    one, two = make_ground(replace(road, signals=(), crosswalks=()), SIZE), make_ground(other, SIZE)
    for name in ("asphalt", "gutter", "bike lane", "paving", "kerb", "white paint", "grass"):
        assert area_of(one, name) == pytest.approx(area_of(two, name), rel=1e-3)
    walk = [made.corners_m[made.material == material("paving")] for made in (one, two)]
    assert walk[0][..., 1].mean() == pytest.approx(-walk[1][..., 1].mean(), abs=0.3)


@pytest.mark.parametrize("hill", [0.0, 0.03, 0.08])
def test_a_slope_is_followed_within_two_centimetres(hill):
    def slope(x, y):
        return hill * x + 0.02 * y

    made = make_ground(crossing(slope), SIZE)
    road = np.isin(made.class_id, [int(ClassId.ROAD), int(ClassId.ROAD_LINE)])
    points = made.corners_m[road].reshape(-1, 3)
    assert np.abs(points[:, 2] - slope(points[:, 0], points[:, 1])).max() < 0.02
    walk = made.material == material("paving")
    points = made.corners_m[walk & upward(made)].reshape(-1, 3)
    assert np.abs(points[:, 2] - slope(points[:, 0], points[:, 1]) - 0.12).max() < 0.02


def test_pavements_follow_hills_a_kerb_above_the_road_within_three_centimetres():
    made = make_ground(crossing(hills), SIZE)
    walk = (made.material == material("paving")) & upward(made)
    points = made.corners_m[walk].reshape(-1, 3)
    gap = points[:, 2] - hills(points[:, 0], points[:, 1]) - 0.12
    assert np.abs(gap).max() < 0.03


def test_the_plain_beyond_the_verge_reaches_the_horizon_without_a_step():
    made = make_ground(USUAL, SIZE)
    far = made.corners_m[made.material == material("far ground")]
    assert np.hypot(far[..., 0], far[..., 1]).max() == pytest.approx(3000.0, rel=1e-3)
    assert np.hypot(far[..., 0], far[..., 1]).min() == pytest.approx(50.0, rel=1e-2)
    assert np.ptp(far[..., 2]) < 1e-6


def test_roads_are_cut_at_the_radius():
    made = make_ground(USUAL, replace(SIZE, radius_m=12.0))
    road = made.corners_m[made.material == material("asphalt")]
    assert np.hypot(road[..., 0], road[..., 1]).max() < 12.01
    assert np.hypot(road[..., 0], road[..., 1]).max() > 11.9


def test_texture_coordinates_of_the_ground_are_metres_of_the_world():
    made = make_ground(USUAL, SIZE)
    flat = upward(made)
    assert np.allclose(made.uv_m[flat], made.corners_m[flat][..., :2])


def test_a_bridge_over_a_bridge_is_a_third_level():
    lanes = [
        strip(str(k), LaneKind.DRIVING, (-30, 10 * 0), (30, 0.1), 6.0, lift=5.0 * k)
        if k % 2 == 0
        else strip(str(k), LaneKind.DRIVING, (0, -30), (0.1, 30), 6.0, lift=5.0 * k)
        for k in range(3)
    ]
    assert lane_levels(lanes).tolist() == [0, 1, 2]


def test_a_ramp_belongs_to_the_ground_as_long_as_nothing_passes_below():
    ramp = strip("r", LaneKind.DRIVING, (-30, 0), (30, 0), 4.0, z=lambda x, y: 0.1 * (x + 30))
    beside = strip("b", LaneKind.DRIVING, (-30, 12), (30, 12), 4.0)
    assert lane_levels([ramp, beside]).tolist() == [0, 0]


def test_markings_of_a_bridge_are_painted_on_the_bridge():
    low = strip("low", LaneKind.DRIVING, (-25, 0), (25, 0), 7.0)
    high = strip("high", LaneKind.DRIVING, (0, -25), (0, 25), 7.0, lift=6.0)
    lines = tuple(
        mark(MarkKind.SOLID, [[-20.0 * a, -20 * b, z], [0, 0, z], [20 * a, 20 * b, z]], 0.2)
        for a, b, z in ((1, 0, 0.0), (0, 1, 6.0))
    )
    road = RoadMap(name="b", lanes={"low": low, "high": high}, markings=lines)
    made = make_ground(road, SIZE)
    paint = made.corners_m[(made.material == material("white paint")) & upward(made)]
    on_top = paint[..., 2].min(axis=1) > 5.9
    area = face_normals(paint)[:, 2] / 2
    assert area[on_top].sum() == pytest.approx(8.0, rel=0.01)
    assert area[~on_top].sum() == pytest.approx(8.0, rel=0.01)


@pytest.mark.parametrize("cell_m", [3.0, 7.5, 20.0])
def test_tiling_changes_no_area_and_keeps_holes(cell_m):
    ring = shapely.Point(1, 2).buffer(25).difference(shapely.Point(0, 0).buffer(11))
    pieces = tiles(ring, cell_m)
    assert sum(piece.area for piece in pieces) == pytest.approx(ring.area, rel=1e-4)
    overlap = shapely.union_all(pieces).area
    assert overlap == pytest.approx(ring.area, rel=1e-4)


def test_overlay_helpers_keep_areas_only():
    one, two = shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)
    assert unite([one, two]).area == pytest.approx(6.0)
    assert minus(one, two).area == pytest.approx(2.0)
    assert minus(one, one).is_empty
    assert grown(one, 0.5).area == pytest.approx(9.0)
    assert grown(one, -0.5).area == pytest.approx(1.0)
    touching = shapely.union_all([one, shapely.LineString([(5, 5), (6, 6)])])
    assert len(polygons(touching)) == 1


def test_a_lane_whose_borders_cross_is_repaired():
    lane = strip("x", LaneKind.DRIVING, (0, 0), (10, 0), 4.0)
    left = lane.left_m.copy()
    left[12:, 1] *= -1.5
    bent = replace(lane, left_m=left)
    assert lane_area(bent).is_valid
    assert 15 < lane_area(bent).area < 45


def test_resampling_leaves_dense_lines_alone():
    points = np.column_stack([np.linspace(0, 10, 11), np.zeros(11), np.zeros(11)])
    assert np.array_equal(dense(points, 3.0), points)


def test_a_height_field_of_a_plane_is_the_plane_near_its_samples():
    rng = np.random.default_rng(3)
    xy = rng.uniform(-50, 50, (4000, 2))
    field = HeightField(np.column_stack([xy, 0.05 * xy[:, 0] - 0.03 * xy[:, 1] + 7]))
    at = rng.uniform(-45, 45, (500, 2))
    assert np.abs(field.at(at) - (0.05 * at[:, 0] - 0.03 * at[:, 1] + 7)).max() < 0.02


def test_far_from_all_samples_the_land_levels_out():
    field = height_field(
        [strip("s", LaneKind.DRIVING, (0, 0), (50, 0), 6.0, z=lambda x, y: 0.1 * x)]
    )
    far = field.at(np.array([[500.0, 0.0], [1000.0, 0.0]]))
    assert (np.abs(far - 5.0) < 1.5).all()


def test_the_whole_ground_is_one_sheet_seen_from_above():
    made = make_ground(USUAL, SIZE)
    near = np.hypot(made.corners_m[..., 0], made.corners_m[..., 1]).max(axis=1) < 51
    keep = near & upward(made)
    part = Soup(
        corners_m=made.corners_m[keep], uv_m=made.uv_m[keep], material=made.material[keep],
        class_id=made.class_id[keep],
    )  # fmt: skip
    assert plan_area_m2(part) == pytest.approx(32 * np.sin(2 * np.pi / 64) * 2500, rel=1e-3)
