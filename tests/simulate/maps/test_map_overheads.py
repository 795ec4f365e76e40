"""Portals, bridges and islands: clear of lanes, over the right roads, where crossings need them."""

import math

import numpy as np
import pytest
import shapely

from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.scene import Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.simulate.maps.dress import DressConfig, dress
from rareworld.simulate.maps.library import VARIANTS, load_place
from rareworld.simulate.maps.overheads import CLEAR_M, islands, overheads, rectangle
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.maps.settings import Setting
from tests.simulate.maps.map_checks import areas


def the(kind: PropKind, road: RoadMap) -> Prop:
    (found,) = [prop for prop in dress(road, Seed(1)) if prop.kind is kind]
    return found


@pytest.mark.parametrize("variant", range(VARIANTS))
def test_the_bridge_spans_all_lanes_between_its_walls_with_its_pier_in_the_median(variant):
    road = load_place("motorway_merge", variant).road
    prop = the(PropKind.BRIDGE, road)
    x, y, base = prop.position_m
    assert base == pytest.approx(CLEAR_M, abs=0.3)
    span = rectangle(x, y, prop.yaw_rad, prop.size_m[0] - 2 * 42.0, prop.size_m[1])
    ramps = rectangle(x, y, prop.yaw_rad, *prop.size_m[:2]).difference(span)
    lanes = areas(road, *set(LaneKind) - {LaneKind.MEDIAN})
    assert shapely.distance(lanes, ramps) > 3.0
    driving = [lane for lane in road.lanes.values() if lane.kind is LaneKind.DRIVING]
    under = [lane for lane in driving if span.intersects(shapely.LineString(lane.centre_m[:, :2]))]
    assert len(under) >= 5
    pier = shapely.Point(x, y).buffer(0.45)
    assert shapely.distance(areas(road, LaneKind.DRIVING, LaneKind.SHOULDER), pier) > 0.5


def test_nothing_grows_in_the_ramps_of_the_bridge():
    road = load_place("motorway_merge").road
    bridge = the(PropKind.BRIDGE, road)
    x, y, _ = bridge.position_m
    whole = rectangle(x, y, bridge.yaw_rad, *bridge.size_m[:2])
    span = rectangle(x, y, bridge.yaw_rad, bridge.size_m[0] - 84.0, 20.0)
    grown = (PropKind.TREE, PropKind.BUSH)
    for prop in dress(road, Seed(1)):
        if prop.kind in grown:
            foot = shapely.Point(prop.position_m[:2])
            assert not whole.difference(span).contains(foot)


@pytest.mark.parametrize("name", [name for name in PLACES if name != "motorway_merge"])
def test_only_motorways_have_portals_and_bridges(name):
    kinds = {prop.kind for prop in dress(load_place(name).road, Seed(1))}
    assert not kinds & {PropKind.GANTRY, PropKind.BRIDGE}


def test_a_motorway_without_an_end_has_neither():
    assert overheads(RoadMap(name="none", lanes={}), Setting.MOTORWAY) == []


@pytest.mark.parametrize("variant", range(VARIANTS))
def test_every_arm_of_the_roundabout_has_a_refuge_in_its_crossing(variant):
    """Two islands per crossing, one on each side, wide enough to wait at, clear of all wheels."""
    road = load_place("roundabout", variant).road
    made = islands(road)
    lanes = areas(road, LaneKind.DRIVING)
    crossings = [shapely.Polygon(walk.outline_m[:, :2]) for walk in road.crosswalks]
    assert len(made) == 2 * len(crossings)
    for crossing in crossings:
        near = [x.feet[0] for x in made if shapely.distance(crossing, x.feet[0]) < 0.5]
        assert len(near) == 2
        assert shapely.distance(*near) == pytest.approx(4.0, abs=0.1)
    for built in made:
        assert shapely.distance(lanes, built.feet[0]) > 0.2
        assert built.size_m[1] >= 1.15


def test_noses_point_into_the_junction_and_carry_the_sign():
    road = load_place("roundabout").road
    centre = road.junctions[0].centre_m[:2]
    for built in islands(road):
        way = np.array([math.cos(built.yaw_rad), math.sin(built.yaw_rad)])
        assert float((centre - np.array(built.at_m)) @ way) > 0
    assert {built.style for built in islands(road)} == {0, 1}


def test_streets_without_a_median_have_no_islands():
    assert islands(load_place("midblock_crossing").road) == []


def test_no_density_builds_nothing():
    built = (PropKind.GANTRY, PropKind.BRIDGE, PropKind.ISLAND)
    for name in ("motorway_merge", "roundabout"):
        props = dress(load_place(name).road, Seed(1), DressConfig(density=0.0))
        assert not any(prop.kind in built for prop in props)
