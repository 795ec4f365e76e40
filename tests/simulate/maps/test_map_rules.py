"""Rules that every shipped place and variant keeps: lanes, kerbs, signs, lights, crossings."""

import math

import numpy as np
import pytest
import shapely

from rareworld.core.road import Lane, LaneKind, MarkKind, RoadMap, SignalKind, Turn
from rareworld.simulate.maps.library import VARIANTS, load_place
from rareworld.simulate.maps.places import PLACES
from tests.simulate.maps.map_checks import area, areas, ends

ALL = [(name, variant) for name in PLACES for variant in range(VARIANTS)]
WIDTHS_M = {
    LaneKind.SIDEWALK: (1.8, 4.0),
    LaneKind.BIKE: (1.5, 1.9),
    LaneKind.PARKING: (2.0, 2.4),
}
RULED = (SignalKind.TRAFFIC_LIGHT, SignalKind.STOP, SignalKind.YIELD)
LIMITS_KMH = {30, 50, 60, 80, 100, 120}


@pytest.fixture(scope="module", params=ALL, ids=lambda x: f"{x[0]}-{x[1]}")
def road(request: pytest.FixtureRequest) -> RoadMap:
    return load_place(*request.param).road


def heading(points: np.ndarray) -> float:
    step = points[1] - points[0]
    return math.atan2(step[1], step[0])


def grade(points: np.ndarray) -> float:
    step = points[1] - points[0]
    return float(step[2] / max(float(np.hypot(step[0], step[1])), 1e-9))


def driving(road: RoadMap, *, inside: bool) -> list[Lane]:
    return [
        lane for lane in road.lanes.values()
        if lane.kind is LaneKind.DRIVING and (lane.junction is not None) is inside
    ]  # fmt: skip


def stop_of(lane: Lane) -> tuple[np.ndarray, float]:
    """Return where an approach lane ends, or a junction lane starts, and the heading there."""
    if lane.junction:
        return lane.centre_m[0, :2], heading(lane.centre_m[:2])
    return lane.centre_m[-1, :2], heading(lane.centre_m[-2:])


def test_links_lead_both_ways(road):
    for lane in road.lanes.values():
        for name in lane.successors:
            assert lane.id in road.lanes[name].predecessors, (lane.id, name)
        for name in lane.predecessors:
            assert lane.id in road.lanes[name].successors, (lane.id, name)


def test_a_way_through_a_junction_has_one_lane_before_and_one_after(road):
    for lane in driving(road, inside=True):
        assert len(lane.successors) == len(lane.predecessors) == 1, lane.id


def test_turns_are_named_as_they_turn(road):
    for lane in driving(road, inside=True):
        turn = math.remainder(heading(lane.centre_m[-2:]) - heading(lane.centre_m[:2]), 2 * math.pi)
        if lane.turn is Turn.LEFT:
            assert math.radians(30) < turn < math.radians(130), lane.id
        elif lane.turn is Turn.RIGHT:
            assert math.radians(-130) < turn < math.radians(-30), lane.id
        else:
            assert lane.turn is Turn.STRAIGHT
            assert abs(turn) < math.radians(38), lane.id


def test_turns_can_be_driven_by_a_car(road):
    """No driving lane's centre bends more sharply than a radius of 5 m (a van's circle)."""
    for lane in driving(road, inside=True):
        step = np.diff(lane.centre_m[:, :2], axis=0)
        length = np.linalg.norm(step, axis=1)
        turn = np.abs(np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0]))))
        way = (length[:-1] + length[1:]) / 2
        sound = way > 0.3
        assert (turn[sound] / way[sound]).max(initial=0.0) < 1 / 5.0, lane.id


def test_widths_follow_the_guides(road):
    ring = 6.0 if "roundabout" in road.name else 3.8
    for lane in road.lanes.values():
        width = np.linalg.norm(lane.left_m - lane.right_m, axis=1)
        if lane.kind in WIDTHS_M:
            low, high = WIDTHS_M[lane.kind]
            assert low - 1e-6 <= width.min() <= width.max() <= high + 1e-6, lane.id
        elif lane.kind is LaneKind.DRIVING and road.name != "motorway_merge":
            assert 2.75 - 1e-6 <= width.min() <= width.max() <= ring, lane.id


def test_centre_lines_lie_in_the_middle(road):
    for lane in road.lanes.values():
        middle = (lane.left_m + lane.right_m) / 2
        assert np.abs(middle[:, :2] - lane.centre_m[:, :2]).max() < 1e-6, lane.id


def test_left_is_left_of_the_way(road):
    for lane in driving(road, inside=False):
        way = np.diff(lane.centre_m[:, :2], axis=0)
        side = (lane.left_m - lane.right_m)[:-1, :2]
        cross = way[:, 0] * side[:, 1] - way[:, 1] * side[:, 0]
        assert (cross >= -1e-9).all(), lane.id


def test_neighbours_name_each_other_and_share_a_border(road):
    for lane in road.lanes.values():
        if lane.left_neighbour is None:
            continue
        beside = road.lanes[lane.left_neighbour]
        assert beside.right_neighbour == lane.id
        assert np.abs(beside.right_m[[0, -1], :2] - lane.left_m[[0, -1], :2]).max() < 1e-6
        assert abs(heading(beside.centre_m[:2]) - heading(lane.centre_m[:2])) < 0.2


def test_a_neighbour_on_the_left_exists_wherever_a_lane_of_the_same_way_touches(road):
    """Driving lanes of one section and one direction form one chain of neighbours."""
    groups: dict[tuple[str, ...], list[Lane]] = {}
    for lane in driving(road, inside=False):
        number, section, index = lane.id.split(":")
        groups.setdefault((number, section, index[0] if index[0] == "-" else "+"), []).append(lane)
    for group in groups.values():
        names = {lane.id for lane in group}
        linked = sum(lane.left_neighbour in names for lane in group)
        assert linked == len(group) - 1


def test_pavements_stand_a_kerb_above_the_lane_beside_them(road):
    for lane in road.lanes.values():
        if lane.kind is LaneKind.SIDEWALK and lane.left_neighbour and not lane.junction:
            beside = road.lanes[lane.left_neighbour]
            rise = lane.left_m[[0, -1], 2] - beside.right_m[[0, -1], 2]
            assert rise == pytest.approx(np.full(2, 0.12), abs=1e-6), lane.id


@pytest.mark.parametrize("kind", [LaneKind.DRIVING, LaneKind.SIDEWALK])
def test_lanes_join_at_one_height_and_without_a_bump(road, kind):
    for before, after in ends(road, kind):
        assert abs(before.centre_m[-1, 2] - after.centre_m[0, 2]) < 1e-3, (before.id, after.id)
        change = grade(before.centre_m[-2:]) - grade(after.centre_m[:2])
        assert abs(change) < 0.005, (before.id, after.id)


def test_no_road_is_steeper_than_eight_percent(road):
    for lane in driving(road, inside=False):
        rise = np.abs(np.diff(lane.centre_m[:, 2]))
        way = np.linalg.norm(np.diff(lane.centre_m[:, :2], axis=0), axis=1)
        assert (rise <= 0.08 * way + 1e-6).all(), lane.id


def test_limits_are_round_and_posted_as_they_hold(road):
    for lane in driving(road, inside=False):
        assert lane.speed_limit_mps is not None
        kmh = lane.speed_limit_mps * 3.6
        assert round(kmh) in LIMITS_KMH
        assert kmh == pytest.approx(round(kmh), abs=1e-3)
    for sign in road.signals:
        if sign.kind is SignalKind.SPEED_LIMIT:
            for name in sign.lanes:
                limit = road.lanes[name].speed_limit_mps
                assert limit is not None
                assert float(sign.value) == pytest.approx(limit * 3.6, abs=1e-3)


def test_lights_and_signs_face_their_traffic_and_stand_on_its_right(road):
    for signal in road.signals:
        if signal.kind not in RULED:
            continue
        assert signal.lanes, signal.id
        for name in signal.lanes:
            stop, yaw = stop_of(road.lanes[name])
            away = np.array(signal.position_m[:2]) - stop
            left = math.cos(yaw) * away[1] - math.sin(yaw) * away[0]
            assert math.cos(signal.yaw_rad - yaw) < -0.99, signal.id
            assert -15.0 < left < -1.0, signal.id


def test_posts_stand_off_the_carriageway(road):
    paved = areas(road, LaneKind.DRIVING, LaneKind.BIKE, LaneKind.PARKING)
    for signal in road.signals:
        assert shapely.distance(paved, shapely.Point(signal.position_m[:2])) > 0.3, signal.id


def test_every_approach_of_a_signalised_place_has_a_light(road):
    lights = [x for x in road.signals if x.kind is SignalKind.TRAFFIC_LIGHT]
    if not lights:
        return
    ruled = {name for light in lights for name in light.lanes}
    for lane in driving(road, inside=False):
        if lane.successors and road.lanes[lane.successors[0]].junction:
            assert lane.id in ruled, lane.id


def test_crosswalks_lie_beyond_their_stop_line_as_seen_by_traffic(road):
    stops = [x for x in road.markings if x.kind is MarkKind.STOP_LINE]
    lanes = driving(road, inside=False)
    for stop in stops:
        at = stop.points_m[:, :2].mean(axis=0)
        gap = [float(np.linalg.norm(stop_of(lane)[0] - at)) for lane in lanes]
        end, yaw = stop_of(lanes[int(np.argmin(gap))])
        for walk in road.crosswalks:
            ring = walk.outline_m[:, :2]
            if np.linalg.norm(ring.mean(axis=0) - end) < 12.0:
                ahead = (ring - at) @ np.array([math.cos(yaw), math.sin(yaw)])
                if ahead.max() > 0:
                    assert ahead.min() > 0.6
                    assert ahead.max() < 8.0


def test_crosswalks_reach_the_pavement_on_both_sides(road):
    """Within 1.3 m: at acute corners the kerb bends away beside the crosswalk."""
    pavement = shapely.buffer(areas(road, LaneKind.SIDEWALK), 1.3)
    for walk in road.crosswalks:
        outline = shapely.Polygon(walk.outline_m[:, :2])
        touched = shapely.intersection(pavement, outline)
        assert len([part for part in shapely.get_parts(touched) if part.area > 0.2]) >= 2, walk.id


def test_crosswalks_do_not_overlap_each_other(road):
    walks = [shapely.Polygon(walk.outline_m[:, :2]) for walk in road.crosswalks]
    for index, walk in enumerate(walks):
        for other in walks[index + 1 :]:
            assert shapely.intersection(walk, other).area < 0.5


def test_paint_lies_on_the_road(road):
    paved = shapely.buffer(areas(road, *set(LaneKind)), 0.35)
    shapely.prepare(paved)
    for mark in road.markings:
        line = shapely.LineString(mark.points_m[:, :2])
        assert shapely.covers(paved, line), mark.kind


def test_junctions_cover_their_lanes(road):
    for junction in road.junctions:
        hull = shapely.buffer(shapely.MultiPoint(junction.outline_m[:, :2]).convex_hull, 0.3)
        for lane in driving(road, inside=True):
            if lane.junction == junction.id:
                outside = shapely.difference(area(lane), hull).area
                assert outside < 0.3, lane.id


def test_signals_of_one_controller_rule_arms_that_do_not_cross(road):
    groups: dict[str, list[float]] = {}
    for light in road.signals:
        if light.kind is SignalKind.TRAFFIC_LIGHT and light.controller:
            groups.setdefault(light.controller, []).append(light.yaw_rad)
    for yaws in groups.values():
        for yaw in yaws:
            assert abs(math.sin(yaw - yaws[0])) < math.sin(math.radians(40))
