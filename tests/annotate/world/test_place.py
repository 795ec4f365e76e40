"""Yards, skyline and the whole still world: clear of the road, on the land, drawn once."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.place import make_place
from rareworld.annotate.world.plan import lane_area
from rareworld.annotate.world.roads import GroundSize, lay_ground
from rareworld.annotate.world.skyline import (
    CITY,
    COUNTRY,
    SUBURB,
    backdrop_of,
    make_skyline,
    roads_on,
)
from rareworld.annotate.world.yards import COURTS, make_yards
from rareworld.core.road import LaneKind
from rareworld.core.scene import Family, Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.test_world_places import focus_of, road_of

DRIVEN = (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING)


def house(family: Family, x: float = 40.0, y: float = 40.0, number: int = 0) -> Prop:
    return Prop(id=10_000 + number, kind=PropKind.BUILDING, position_m=(x, y, 0.0), yaw_rad=0.4,
                size_m=(16.0, 10.0, 12.0), style=int(family))  # fmt: skip


def tree(number: int, x: float, y: float) -> Prop:
    return Prop(id=10_000 + number, kind=PropKind.TREE, position_m=(x, y, 0.0), yaw_rad=1.0,
                size_m=(6.0, 6.0, 9.0), style=number)  # fmt: skip


@pytest.mark.parametrize("family", sorted(COURTS))
def test_a_court_surrounds_its_house(family):
    prop = house(family)
    yards = make_yards([prop], road_of("signalised_junction"), Seed(1))
    court = COURTS[family]
    area = shapely.union_all([yard.area for yard in yards if yard.material == court.material])
    away = 5 + 0.5 * court.front_m
    front = shapely.Point(40 - away * np.sin(0.4), 40 + away * np.cos(0.4))
    assert area.contains(front)
    assert area.contains(shapely.Point(40, 40))


def test_fields_lie_in_the_country_only_and_off_the_verges():
    town, country = (
        make_yards([], road_of(name), Seed(1)) for name in ("t_junction", "rural_crossroads")
    )
    crops = {"crop", "young crop", "meadow", "ploughed"}
    assert not {yard.material for yard in town if not yard.area.is_empty} & crops
    fields = [yard for yard in country if yard.material in crops]
    lanes = shapely.union_all([lane_area(x) for x in road_of("rural_crossroads").lanes.values()])
    assert sum(field.area.area for field in fields) > 50_000
    assert all(not field.area.intersects(lanes) for field in fields)
    for k, one in enumerate(fields):
        for other in fields[k + 1 :]:
            assert one.area.intersection(other.area).area < 1.0


def test_roads_go_on_straight_beyond_the_map():
    road = road_of("t_junction")
    on = roads_on(road).area
    ends = 0
    for lane in road.lanes.values():
        if lane.kind in DRIVEN and lane.junction is None and not lane.successors:
            way = lane.centre_m[-1, :2] - lane.centre_m[-2, :2]
            ahead = lane.centre_m[-1, :2] + 150 * way / np.linalg.norm(way)
            assert on.contains(shapely.Point(ahead))
            ends += 1
    assert ends >= 3


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("t_junction", Family.CITY_BLOCK, CITY), ("t_junction", Family.SUBURBAN, SUBURB),
        ("rural_crossroads", Family.BARN, COUNTRY),
    ],
)  # fmt: skip
def test_the_backdrop_suits_the_houses(name, family, expected):
    assert backdrop_of([house(family)], road_of(name)) is expected


@pytest.mark.parametrize("name", ["signalised_junction", "rural_crossroads"])
def test_the_skyline_keeps_off_the_road_and_rises_over_the_horizon(name):
    road = road_of(name)
    size = GroundSize(focus_m=focus_of(road), radius_m=150.0, verge_m=150.0)
    field = lay_ground(road, size).field
    made = make_skyline([], road, field, size, Seed(1))
    lanes = shapely.union_all([lane_area(x) for x in road.lanes.values() if x.kind in DRIVEN])
    shapely.prepare(lanes)
    corner = made.vertices_m[made.triangles]
    middle = corner.mean(axis=1)
    near = np.linalg.norm(middle[:, :2] - np.array(size.focus_m), axis=1) < 250
    assert not shapely.contains_xy(lanes, middle[near, 0], middle[near, 1]).any()
    away = np.linalg.norm(made.vertices_m[:, :2] - np.array(size.focus_m), axis=1)
    assert away.max() > 1900
    assert made.vertices_m[away > 1000, 2].max() > 15
    again = make_skyline([], road, field, size, Seed(1))
    assert again.vertices_m.tobytes() == made.vertices_m.tobytes()


def test_a_place_has_every_prop_once_with_its_id_and_stands_on_the_ground():
    road = road_of("t_junction")
    centre = focus_of(road)
    props = (
        house(Family.TERRACE, 60.0, 30.0, 1), tree(2, centre[0] + 20, 30.0),
        tree(3, centre[0] + 150, 30.0),
    )  # fmt: skip
    scene = Scene(name="x", road=road, props=props)
    size = GroundSize(focus_m=centre, radius_m=100.0, verge_m=60.0)
    made = make_place(scene, [], size, 300.0)
    assert len(made.object_id) == len(made.mesh.triangles)
    assert set(made.object_id) == {0, 10_001, 10_002, 10_003}
    for prop in props:
        mine = made.object_id == prop.id
        points = made.mesh.vertices_m[made.mesh.triangles[mine]].reshape(-1, 3)
        assert np.abs(points[:, :2].mean(axis=0) - prop.position_m[:2]).max() < 2.0
        assert set(made.mesh.class_id[mine]) == {int(prop.class_id)}
    near, far = ((made.object_id == number).sum() for number in (10_002, 10_003))
    assert near > 3 * far
    assert int(ClassId.ROAD) in set(made.mesh.class_id[made.object_id == 0])


def test_a_place_is_the_same_for_the_same_scene():
    road = road_of("t_junction")
    scene = Scene(name="x", road=road, props=(house(Family.OLD_TOWN),), seed=5)
    size = GroundSize(focus_m=focus_of(road), radius_m=60.0, verge_m=20.0)
    one, two = (make_place(scene, [], size, 200.0) for _ in range(2))
    assert one.mesh.vertices_m.tobytes() == two.mesh.vertices_m.tobytes()
    assert one.ground_map.layers.tobytes() == two.ground_map.layers.tobytes()
