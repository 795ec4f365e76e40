"""Arrows, symbols, covers and tactile paving: where they lie and which way they point."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.markings import (
    ARROW_BEFORE_M,
    ARROWS,
    arrows,
    covers,
    cycle_symbols,
    spot,
    tactile,
    turns_of,
)
from rareworld.annotate.world.plan import lane_area, make_plan
from rareworld.core.road import LaneKind, Turn
from rareworld.data.formats.opendrive import read_opendrive
from tests.annotate.world.test_world_places import LIBRARY, focus_of, road_of


@pytest.mark.parametrize(("turn", "angle"), [(Turn.STRAIGHT, 0), (Turn.LEFT, 1), (Turn.RIGHT, -1)])
def test_arrows_point_where_they_lead(turn, angle):
    """The tip is ahead, and on the side of the turn."""
    corner = shapely.get_coordinates(ARROWS[turn])
    tip = corner[np.argmax(corner @ np.array([1.0, 1.8 * angle]))]
    assert tip[0] > 0.9
    assert np.sign(round(tip[1], 3)) == angle
    assert ARROWS[turn].area == pytest.approx(0.9, abs=0.35)
    assert np.ptp(corner[:, 0]) < 5.1


def test_arrows_lie_in_approach_lanes_and_show_the_turns_of_the_lane():
    road = road_of("signalised_junction")
    lanes = [road.lanes[name] for name in sorted(road.lanes)]
    made = arrows(road, lanes)
    assert len(made) >= 4
    own = [lane for lane in lanes if lane.kind is LaneKind.DRIVING and not lane.junction]
    for shape in made:
        home = [lane for lane in own if lane_area(lane).buffer(0.02).contains(shape)]
        assert len(home) == 1
        assert turns_of(home[0], road)
        line = shapely.LineString(home[0].centre_m[:, :2])
        away = home[0].length_m - line.project(shape.centroid)
        assert min(abs(away - before) for before in ARROW_BEFORE_M) < 1.5


def test_single_lanes_have_no_arrows():
    road = road_of("midblock_crossing")
    assert arrows(road, list(road.lanes.values())) == []


def test_cycle_symbols_lie_on_cycle_lanes_outside_junctions():
    road = read_opendrive(LIBRARY / "signalised_junction" / "2.xodr.gz", name="x")
    lanes = list(road.lanes.values())
    symbols = cycle_symbols(lanes)
    assert symbols
    bike = shapely.union_all([
        lane_area(x) for x in lanes if x.kind is LaneKind.BIKE and not x.junction
    ])  # fmt: skip
    assert all(bike.buffer(0.05).contains(shape) for shape in symbols)


def test_covers_lie_in_the_road_and_only_where_people_walk():
    road = road_of("signalised_junction")
    lanes = list(road.lanes.values())
    driven = shapely.union_all([lane_area(x) for x in lanes if x.kind is not LaneKind.SIDEWALK])
    found = covers(lanes)
    assert len(found) > 10
    assert np.mean([driven.buffer(0.1).contains(shape) for shape in found]) > 0.9
    assert covers(list(road_of("motorway_merge").lanes.values())) == []


def test_the_plan_gives_every_point_to_one_surface_still():
    road = road_of("signalised_junction")
    disc = shapely.Point(focus_of(road)).buffer(50)
    plan = make_plan(road, list(road.lanes.values()), list(road.markings), disc)
    parts = [plan.white, plan.yellow, plan.bike, plan.gutter, plan.asphalt, plan.kerb,
             plan.pavement, plan.median, plan.iron, plan.tactile, plan.fresh, plan.pale,
             plan.bitumen, plan.bus, plan.dropped]  # fmt: skip
    assert sum(part.area for part in parts) == pytest.approx(
        shapely.union_all(parts).area, rel=1e-5
    )
    assert plan.iron.area > 0
    assert plan.tactile.area > 0


def test_tactile_paving_reaches_beyond_both_ends_of_a_crossing():
    walk = road_of("signalised_junction").crosswalks[0]
    (strip,) = tactile([walk])
    assert strip.contains(shapely.Polygon(walk.outline_m[:, :2]))


def test_a_spot_is_on_the_centre_line_and_points_along_it():
    lane = next(x for x in road_of("t_junction").lanes.values() if x.length_m > 30)
    place = spot(lane, 10.0)
    line = shapely.LineString(lane.centre_m[:, :2])
    assert line.distance(shapely.Point(place.xy)) < 0.05
    ahead = line.interpolate(12.0)
    assert (np.array([ahead.x, ahead.y]) - place.xy) @ place.way > 1.9
