"""Lanes are put back on the map; oracles: lanes moved by hand, shapely's nearest point."""

import numpy as np
import pytest
import shapely
from lxml import etree

from rareworld.simulate.maps.library import load_place
from rareworld.simulate.sumo.snap import _nearest, parse_shape, snapped_shapes


def _net(road, name: str, shift_m: float, height: str = ""):
    lane = road.lanes[name]
    points = lane.centre_m[:, :2] + np.array([0.0, shift_m])
    shape = " ".join(f"{x:.3f},{y:.3f}{height}" for x, y in points)
    origin = f"{name.split(':')[0]}_{name.split(':')[2]}"
    return etree.fromstring(
        f"<net><edge id='e'><lane id='e_0' index='0' shape='{shape}'>"
        f"<param key='origId' value='{origin}'/></lane></edge></net>"
    )


@pytest.fixture(scope="module")
def road():
    return load_place("midblock_crossing").road


def test_a_lane_that_lies_right_is_left_alone(road):
    assert snapped_shapes(_net(road, "1:0:-1", 0.0), road) == {}


@pytest.mark.parametrize("shift_m", [-1.0, 0.3, 1.2])
def test_a_shifted_lane_is_put_back(road, shift_m):
    shapes = snapped_shapes(_net(road, "1:0:-1", shift_m), road)
    points = shapely.points(parse_shape(shapes["e", "0"]))
    line = shapely.LineString(road.lanes["1:0:-1"].centre_m[:, :2])
    assert shapely.distance(line, points).max() < 0.002


def test_heights_are_kept(road):
    shapes = snapped_shapes(_net(road, "1:0:-1", 1.0, ",2.5"), road)
    assert set(parse_shape(shapes["e", "0"])[:, 2]) == {2.5}


def test_lanes_of_unknown_origin_are_left_alone(road):
    net = _net(road, "1:0:-1", 1.0)
    net.find("edge/lane/param").set("value", "77_-1")
    assert snapped_shapes(net, road) == {}
    net.find("edge/lane").remove(net.find("edge/lane/param"))
    assert snapped_shapes(net, road) == {}


def test_internal_lanes_are_left_alone(road):
    net = _net(road, "1:0:-1", 1.0)
    net.find("edge").set("function", "internal")
    assert snapped_shapes(net, road) == {}


def test_the_nearest_point_is_shapelys():
    rng = np.random.default_rng(1)
    points = rng.uniform(-10, 10, (40, 2))
    lines = [rng.uniform(-10, 10, (6, 2)) for _ in range(3)]
    whole = shapely.MultiLineString([shapely.LineString(line) for line in lines])
    moved = _nearest(points, lines)
    gap = np.linalg.norm(moved - points, axis=1)
    assert gap == pytest.approx(shapely.distance(whole, shapely.points(points)), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "shape"), [("0,0 1,2", (2, 2)), ("0,0,1 1,2,3 4,5,6", (3, 3)), ("0,0,1 1,2", (2, 2))]
)
def test_shapes_of_two_and_three_columns_are_read(text, shape):
    assert parse_shape(text).shape == shape
