"""Junctions of arms: lanes join, turns are legal, pavements go round, nothing runs over them."""

import math

import numpy as np
import pytest
import shapely

from rareworld.core.road import LaneKind, MarkKind, RoadMap, SignalKind, Turn
from rareworld.errors import ConfigError
from rareworld.simulate.maps.arms import ArmPlan, Control, half_section, kerb_m
from rareworld.simulate.maps.junctions import JunctionConfig, build_junction, turn_path
from rareworld.simulate.maps.paths import Pose
from tests.simulate.maps.map_checks import area, areas, read, worst_gap_m, worst_kink_rad


def junction(*degrees: float, radius_m: float = 7.0, **arm: object) -> RoadMap:
    arms = tuple(ArmPlan(bearing_rad=math.radians(x), **arm) for x in degrees)
    return read(build_junction(JunctionConfig(name="j", arms=arms, kerb_radius_m=radius_m)))


LAYOUTS = {
    "cross": lambda: junction(0, 90, 180, 270, control=Control.SIGNALS),
    "wide": lambda: junction(3, 88, 184, 266, inbound=3, outbound=2, control=Control.SIGNALS),
    "tee": lambda: junction(0, 180, 265),
    "five": lambda: junction(2, 64, 130, 188, 270, control=Control.SIGNALS),
    "median": lambda: junction(0, 90, 180, 270, inbound=2, outbound=2, median_m=2.0),
    "bike": lambda: junction(0, 90, 180, 270, bike_m=1.8),
    "rural": lambda: junction(0, 95, 180, 275, pavement_m=0.0, shoulder_m=1.0, crosswalk=False),
}


@pytest.fixture(scope="module", params=list(LAYOUTS))
def road(request) -> RoadMap:
    return LAYOUTS[request.param]()


def test_lanes_join_without_gaps(road):
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02


def test_lanes_join_without_kinks(road):
    assert worst_kink_rad(road, LaneKind.DRIVING) < math.radians(8)


def test_driven_lanes_stay_off_the_pavement(road):
    pavement = areas(road, LaneKind.SIDEWALK)
    for lane in road.lanes.values():
        if lane.kind != LaneKind.SIDEWALK:
            assert shapely.intersection(area(lane), pavement).area < 0.4, lane.id


def test_the_junction_has_no_holes_between_its_lanes(road):
    paved = shapely.buffer(areas(road, *set(LaneKind)), 0.05)
    polygons = [x for x in shapely.get_parts(paved) if x.area > 1.0]
    assert len(polygons) == 1
    assert sum(shapely.Polygon(hole).area for hole in polygons[0].interiors) < 2.5


def test_every_inbound_lane_leads_on_and_every_outbound_lane_is_fed(road):
    for lane in road.lanes.values():
        if lane.kind == LaneKind.DRIVING and lane.junction is None:
            assert bool(lane.successors) != bool(lane.predecessors), lane.id


def test_no_way_leads_back_into_its_own_arm(road):
    for lane in road.lanes.values():
        if lane.junction and lane.kind == LaneKind.DRIVING:
            assert lane.turn != Turn.U_TURN
            arms = [name.split(":")[0] for name in (*lane.predecessors, *lane.successors)]
            assert len(set(arms)) == 2


def test_pavements_go_round_every_corner():
    for name, corners in (("cross", 4), ("tee", 3), ("five", 5)):
        road = LAYOUTS[name]()
        pavement = shapely.buffer(areas(road, LaneKind.SIDEWALK), 0.02)
        assert len(shapely.get_parts(pavement)) == corners, name
        assert worst_gap_m(road, LaneKind.SIDEWALK) < 0.02


@pytest.mark.parametrize(("inbound", "turns"), [(1, 12), (2, 12), (3, 16)])
def test_a_cross_has_a_way_for_every_turn(inbound, turns):
    """Left, ahead and right from four arms; two lanes ahead where there are three."""
    road = junction(0, 90, 180, 270, inbound=inbound, outbound=2)
    ways = [x for x in road.lanes.values() if x.junction and x.kind == LaneKind.DRIVING]
    assert len(ways) == turns
    for turn in (Turn.LEFT, Turn.RIGHT):
        assert sum(way.turn == turn for way in ways) == 4


def test_left_turns_leave_from_the_left_lane_and_right_turns_from_the_right_lane():
    road = LAYOUTS["wide"]()
    for way in road.lanes.values():
        if way.junction and way.turn in (Turn.LEFT, Turn.RIGHT) and way.kind == LaneKind.DRIVING:
            (before,) = way.predecessors
            lane = road.lanes[before]
            beside = lane.left_neighbour if way.turn == Turn.LEFT else lane.right_neighbour
            kind = road.lanes[beside].kind if beside else None
            assert kind != LaneKind.DRIVING, way.id


def test_signals_stand_behind_the_kerb_and_face_their_traffic():
    road = LAYOUTS["cross"]()
    lights = [x for x in road.signals if x.kind == SignalKind.TRAFFIC_LIGHT]
    assert len(lights) == 4
    paved = areas(road, LaneKind.DRIVING)
    for light in lights:
        assert shapely.distance(paved, shapely.Point(light.position_m[:2])) == pytest.approx(
            0.5, abs=0.05
        )
        for name in light.lanes:
            travel = np.diff(road.lanes[name].centre_m[-2:, :2], axis=0)[0]
            facing = np.array([math.cos(light.yaw_rad), math.sin(light.yaw_rad)])
            assert travel @ facing / np.linalg.norm(travel) < -0.99


def test_opposite_arms_share_a_controller():
    record = build_junction(
        JunctionConfig(
            name="j",
            arms=tuple(
                ArmPlan(bearing_rad=math.radians(90 * k), control=Control.SIGNALS) for k in range(4)
            ),
        )
    )
    assert record.controllers == {"500": ("110", "310"), "501": ("210", "410")}


def test_crosswalks_lie_between_the_stop_line_and_the_junction():
    road = LAYOUTS["cross"]()
    stops = [x for x in road.markings if x.kind == MarkKind.STOP_LINE]
    assert len(stops) == len(road.crosswalks) == 4
    for stop in stops:
        middle = shapely.Point(stop.points_m[:, :2].mean(axis=0))
        gap = min(
            shapely.distance(shapely.Polygon(x.outline_m[:, :2]), middle) for x in road.crosswalks
        )
        assert gap == pytest.approx(1.2, abs=0.05)


def test_an_arm_rises_to_its_outer_end_and_is_level_at_the_mouth():
    road = junction(0, 120, 240, rise_m=4.0)
    for lane in road.lanes.values():
        if lane.kind == LaneKind.DRIVING and lane.junction is None:
            z = lane.centre_m[:, 2] if lane.successors else lane.centre_m[::-1, 2]
            assert z[0] == pytest.approx(4.0, abs=1e-6)
            assert z[-1] == pytest.approx(0.0, abs=1e-6)
            assert np.all(np.diff(z) <= 1e-9)


def test_parking_ends_before_the_mouth():
    road = junction(0, 120, 240, parking_m=2.2)
    bays = [x for x in road.lanes.values() if x.kind == LaneKind.PARKING]
    assert len(bays) == 6
    hull = shapely.MultiPoint(road.junctions[0].outline_m[:, :2]).convex_hull
    assert min(shapely.distance(hull, area(bay)) for bay in bays) > 15.0


def test_the_half_section_counts_from_the_middle():
    plan = ArmPlan(bearing_rad=0, inbound=2, median_m=2.0, lane_m=3.0, parking_m=2.0, bike_m=1.5)
    slots = half_section(plan, plan.inbound)
    assert [x.kind for x in slots] == [
        "median", "driving", "driving", "parking", "biking", "sidewalk",
    ]  # fmt: skip
    assert [x.inner_m for x in slots] == [0.0, 1.0, 4.0, 7.0, 9.0, 10.5]
    assert kerb_m(slots) == 10.5


def test_arms_that_are_too_close_are_refused():
    with pytest.raises(ConfigError, match="closer than 35"):
        junction(0, 20, 180)


@pytest.mark.parametrize("turn_deg", [-100, -70, -30, 30, 70, 100])
def test_a_turn_follows_its_tangents(turn_deg):
    start = Pose(1.0, 1.0, 0.2)
    corner = start.move(15.0)
    end = Pose(corner.x_m, corner.y_m, 0.2 + math.radians(turn_deg)).move(12.0)
    path = turn_path(start, end)
    assert len(path.pieces) == 2
    assert (path.end.x_m, path.end.y_m) == pytest.approx((end.x_m, end.y_m), abs=1e-9)
    bend = path.pieces[1]
    assert abs(bend.curvature) == pytest.approx(math.tan(math.radians(abs(turn_deg)) / 2) / 12.0)
