"""Dressing: nothing on a lane, nothing in another thing, junctions in view, character by place."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import shapely

from rareworld.core.lanes import LaneIndex
from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.scene import WIRE_SLACK_M, Family, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.simulate.maps.dress import DressConfig, dress, rectangle, setting_of
from rareworld.simulate.maps.library import load_place
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.maps.settings import ROWS, SETTING_OF_PLACE, TRUNK_M, Setting
from tests.simulate.maps.map_checks import areas

POSTS = (PropKind.STREET_LAMP, PropKind.SIGN)
OVERHEAD = (PropKind.WIRE, PropKind.GANTRY, PropKind.BRIDGE, PropKind.ISLAND)
"""Over the road or in it; see test_map_overheads.py."""
OF_UNNAMED = {
    "signalised_junction": Setting.TOWN,
    "t_junction": Setting.TOWN,
    "roundabout": Setting.TOWN,
    "motorway_merge": Setting.MOTORWAY,
    "midblock_crossing": Setting.TOWN,
    "arterial": Setting.CITY,
    "skewed_five_arm": Setting.TOWN,
    "school_street": Setting.SUBURB,
    "rural_crossroads": Setting.RURAL,
}
"""What the maps of the library would be taken for without their names."""
SIGNATURE = {
    "signalised_junction": {Family.OFFICE, Family.CITY_BLOCK},
    "t_junction": {Family.TERRACE},
    "roundabout": {Family.RETAIL, Family.FUEL},
    "midblock_crossing": {Family.OLD_TOWN},
    "arterial": {Family.CITY_BLOCK, Family.POST_WAR},
    "skewed_five_arm": {Family.OLD_TOWN, Family.CHURCH},
    "school_street": {Family.SCHOOL, Family.SUBURBAN},
    "rural_crossroads": {Family.BARN, Family.FARMHOUSE},
}
"""Families that each place is named by."""


def base(prop: Prop) -> shapely.Polygon:
    """Return the ground a thing takes; crowns and arms hang over."""
    length, width = (0.4, 0.4) if prop.kind in POSTS else prop.size_m[:2]
    if prop.kind is PropKind.TREE:
        length, width = TRUNK_M, TRUNK_M
    return rectangle(*prop.position_m[:2], prop.yaw_rad, length, width)


def grounded(props: tuple[Prop, ...]) -> list[Prop]:
    """Return what stands on the ground by itself: bays of rails and walls touch each other."""
    bays = (PropKind.GUARD_RAIL, PropKind.NOISE_WALL)
    return [prop for prop in props if prop.kind not in (*bays, *OVERHEAD)]


@pytest.fixture(scope="module", params=list(PLACES))
def road(request) -> RoadMap:
    return load_place(request.param).road


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_stands_on_a_lane(road, seed):
    lanes = areas(road, *set(LaneKind) - {LaneKind.MEDIAN})
    shapely.prepare(lanes)
    for prop in dress(road, Seed(seed)):
        if prop.kind not in OVERHEAD:
            assert not shapely.intersects(lanes, base(prop)), prop


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_stands_in_another_thing(road, seed):
    props = grounded(dress(road, Seed(seed)))
    tree = shapely.STRtree([base(prop) for prop in props])
    pairs = tree.query(tree.geometries, predicate="intersects").T
    assert [(a, b) for a, b in pairs.tolist() if a != b] == []


def test_junctions_stay_clear_of_what_hides_them(road):
    hides = (PropKind.BUILDING, PropKind.TREE, PropKind.HEDGE, PropKind.BUS_SHELTER)
    hulls = [shapely.MultiPoint(x.outline_m[:, :2]).convex_hull for x in road.junctions]
    for prop in dress(road, Seed(4)):
        if prop.kind in hides:
            away = min(shapely.distance(hull, base(prop)) for hull in hulls)
            assert away >= (1.4 if prop.kind is PropKind.BUILDING else 6.0)


def test_ids_count_from_ten_thousand(road):
    props = dress(road, Seed(1))
    assert [prop.id for prop in props] == list(range(10_000, 10_000 + len(props)))


def test_the_same_seed_dresses_alike_and_another_one_differently(road):
    assert dress(road, Seed(7)) == dress(road, Seed(7))
    assert dress(road, Seed(7)) != dress(road, Seed(8))


def test_the_radius_limits_what_is_placed(road):
    config = DressConfig(radius_m=60.0, centre_m=(10.0, 5.0))
    for prop in dress(road, Seed(1), config):
        if prop.kind not in OVERHEAD:
            assert math.hypot(prop.position_m[0] - 10.0, prop.position_m[1] - 5.0) <= 60.0


@pytest.mark.parametrize(("name", "setting"), OF_UNNAMED.items())
def test_the_setting_of_other_maps_is_told_from_the_map(name, setting):
    road = load_place(name).road
    assert setting_of(road) == SETTING_OF_PLACE[name]
    assert setting_of(replace(road, name="someone's own")) == setting


def test_every_place_has_a_character_of_its_own():
    assert set(OF_UNNAMED) == set(PLACES) == set(SETTING_OF_PLACE)
    assert len(set(SETTING_OF_PLACE.values())) == len(PLACES)


@pytest.mark.parametrize(("name", "families"), SIGNATURE.items())
def test_places_show_the_houses_they_are_named_by(name, families):
    props = dress(load_place(name).road, Seed(2))
    found = Counter(prop.family for prop in props if prop.kind is PropKind.BUILDING)
    assert families <= set(found)
    assert sum(found[family] for family in families) > 0.3 * found.total()


def test_a_school_a_church_and_a_petrol_station_stand_once():
    for name, family in (("school_street", Family.SCHOOL), ("skewed_five_arm", Family.CHURCH),
                         ("roundabout", Family.FUEL)):  # fmt: skip
        props = dress(load_place(name).road, Seed(2))
        houses = [prop for prop in props if prop.kind is PropKind.BUILDING]
        assert sum(prop.family is family for prop in houses) == 1


def test_wires_hang_between_neighbouring_masts():
    props = dress(load_place("rural_crossroads").road, Seed(1))
    masts = [np.add(x.position_m, (0, 0, x.size_m[2])) for x in props if x.kind is PropKind.POLE]
    wires = [x for x in props if x.kind is PropKind.WIRE]
    assert len(wires) > 4
    for wire in wires:
        rise = (wire.size_m[1] - WIRE_SLACK_M) * (-1 if wire.style % 2 else 1)
        way = np.array([math.cos(wire.yaw_rad), math.sin(wire.yaw_rad), 0]) * wire.size_m[0] / 2
        start = np.array(wire.position_m) - way + [0, 0, wire.size_m[2]]
        for end in (start, start + 2 * way + [0, 0, rise]):
            assert min(np.linalg.norm(end - mast) for mast in masts) < 0.01


def test_the_median_of_the_boulevard_is_planted_low():
    road = load_place("arterial").road
    medians = areas(road, LaneKind.MEDIAN)
    bushes = [x for x in dress(road, Seed(1)) if x.kind is PropKind.BUSH]
    on = [x for x in bushes if shapely.intersects(medians, base(x))]
    assert len(on) > 20
    assert max(x.size_m[2] for x in on) < 1.0
    assert dress(road, Seed(1), DressConfig(density=0.0)) == ()


def test_a_gantry_spans_a_carriageway_of_the_motorway():
    road = load_place("motorway_merge").road
    (gantry,) = [x for x in dress(road, Seed(1)) if x.kind is PropKind.GANTRY]
    lanes = areas(road, LaneKind.DRIVING)
    feet = [
        shapely.Point(
            gantry.position_m[0] + side * gantry.size_m[0] / 2 * math.cos(gantry.yaw_rad),
            gantry.position_m[1] + side * gantry.size_m[0] / 2 * math.sin(gantry.yaw_rad),
        )
        for side in (-1, 1)
    ]
    assert shapely.intersects(lanes, shapely.LineString(feet))
    assert all(shapely.distance(lanes, foot) > 0.5 for foot in feet)


@pytest.mark.parametrize("name", ["signalised_junction", "midblock_crossing", "arterial"])
def test_streets_of_a_town_are_built_up_house_by_house(name):
    """Along most of the pavement stands a house within 7 m."""
    road = load_place(name).road
    props = dress(road, Seed(1))
    houses = shapely.union_all([base(x) for x in props if x.kind is PropKind.BUILDING])
    walks = [x for x in road.lanes.values() if x.kind is LaneKind.SIDEWALK and not x.junction]
    points = np.concatenate([x.centre_m[:, :2] for x in walks])
    centre = road.junctions[0].centre_m[:2]
    points = points[np.linalg.norm(points - centre, axis=1) < 120]
    assert np.mean(shapely.distance(houses, shapely.points(points)) < 7.0) > 0.6


def test_things_stand_on_the_height_of_the_road_beside_them():
    road = load_place("rural_crossroads").road
    points = np.concatenate([lane.centre_m for lane in road.lanes.values()])
    for prop in dress(road, Seed(1)):
        if prop.kind in OVERHEAD:
            continue
        gap = np.linalg.norm(points[:, :2] - np.array(prop.position_m[:2]), axis=1)
        assert prop.position_m[2] == points[gap.argmin(), 2]


def test_things_beside_a_pavement_stand_on_the_grass_at_the_level_of_the_road():
    road = load_place("school_street").road
    index = LaneIndex(road)
    driven = (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING)
    props = dress(road, Seed(1))
    beside = index.nearest(np.array([p.position_m[:2] for p in props]), kinds=driven).height_m
    gap = np.array([p.position_m[2] for p in props]) - beside
    assert np.abs(np.median(gap)) < 0.01
    assert gap.max() < 0.06


def test_motorways_have_rails_and_no_houses():
    kinds = Counter(x.kind for x in dress(load_place("motorway_merge").road, Seed(1)))
    assert kinds[PropKind.GUARD_RAIL] > 100
    assert kinds[PropKind.BUILDING] == 0


def test_city_houses_are_taller_than_those_of_a_school_street():
    def mean_height(name: str) -> float:
        props = dress(load_place(name).road, Seed(1))
        return float(np.mean([x.size_m[2] for x in props if x.kind == PropKind.BUILDING]))

    assert mean_height("arterial") > 2 * mean_height("school_street")


def test_lamps_reach_over_the_road():
    road = load_place("signalised_junction").road
    lanes = areas(road, *set(LaneKind))
    lamps = [x for x in dress(road, Seed(1)) if x.kind == PropKind.STREET_LAMP]
    assert len(lamps) > 10
    for lamp in lamps:
        x, y, _ = lamp.position_m
        tip = shapely.Point(x + 1.5 * math.cos(lamp.yaw_rad), y + 1.5 * math.sin(lamp.yaw_rad))
        assert shapely.distance(lanes, tip) < shapely.distance(lanes, shapely.Point(x, y))


def test_benches_and_shelters_look_at_the_road():
    road = load_place("signalised_junction").road
    lanes = areas(road, *set(LaneKind))
    for prop in dress(road, Seed(2)):
        if prop.kind in (PropKind.BENCH, PropKind.BUS_SHELTER):
            x, y, _ = prop.position_m
            front = shapely.Point(x - math.sin(prop.yaw_rad), y + math.cos(prop.yaw_rad))
            assert shapely.distance(lanes, front) < shapely.distance(lanes, shapely.Point(x, y))


def test_density_zero_leaves_only_what_a_motorway_needs():
    assert dress(load_place("t_junction").road, Seed(1), DressConfig(density=0.0)) == ()


@pytest.mark.parametrize("setting", Setting)
def test_every_setting_has_rows_of_sound_sizes(setting):
    for row in ROWS[setting]:
        for low, high in (row.offset_m, row.every_m, row.length_m, row.depth_m, row.height_m):
            assert 0 <= low <= high
        assert row.offset_m[0] > 0
        assert row.styles[0] < row.styles[1]


@pytest.mark.parametrize("name", ["signalised_junction", "school_street", "rural_crossroads"])
def test_more_density_never_gives_fewer_things(name):
    road = load_place(name).road
    counts = [len(dress(road, Seed(3), DressConfig(density=x))) for x in (0.0, 0.3, 0.6, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[3] > 1.3 * counts[1]


@pytest.mark.parametrize("setting", Setting)
def test_a_setting_asked_for_rules_over_the_map(setting):
    kinds = {x.kind for x in dress(load_place("t_junction").road, Seed(1),
                                   DressConfig(setting=setting))}  # fmt: skip
    extra = {PropKind.GUARD_RAIL, PropKind.WIRE, PropKind.GANTRY, PropKind.BRIDGE}
    assert kinds <= {row.kind for row in ROWS[setting]} | extra
    assert kinds


def test_drivers_at_the_mouth_see_twenty_metres_of_the_other_arms(road):
    """Between the stop of each approach and points near the junction stands nothing tall."""
    tall = (PropKind.BUILDING, PropKind.TREE, PropKind.BUS_SHELTER)
    bases = [base(x) for x in dress(road, Seed(4)) if x.kind in tall]
    stops = [
        lane.centre_m[-1, :2] for lane in road.lanes.values()
        if lane.kind == LaneKind.DRIVING and not lane.junction and lane.successors
        and road.lanes[lane.successors[0]].junction
    ]  # fmt: skip
    for junction in road.junctions:
        near = [at for at in stops if np.linalg.norm(at - junction.centre_m[:2]) < 40.0]
        for one in near:
            for other in near:
                sight = shapely.LineString([one, other])
                assert not any(shapely.intersects(sight, item) for item in bases)
