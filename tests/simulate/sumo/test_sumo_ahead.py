"""The way ahead: without gaps through junctions, and its measures in closed form."""

import math
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rareworld.simulate.sumo.ahead import Approach, LanesAhead, bend_1pm, cut, passed
from rareworld.simulate.sumo.session import Traffic

Start = Callable[..., Traffic]


def arc(radius: float, turn: float, points: int = 200) -> np.ndarray:
    angle = np.linspace(0.0, turn, points)
    return radius * np.stack([np.sin(angle), 1.0 - np.cos(angle)], axis=1)


@pytest.mark.parametrize("radius", [8.0, 15.0, 40.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_bend_of_a_circle_is_one_over_its_radius(radius: float, side: float) -> None:
    path = arc(radius, 1.5) * np.array([1.0, side])
    assert bend_1pm(path, 10.0) == pytest.approx(side / radius, rel=0.03)


def test_a_straight_way_does_not_bend_nor_does_a_short_one() -> None:
    assert bend_1pm(np.array([[0.0, 0.0], [5.0, 0.0], [9.0, 0.0]]), 12.0) == 0.0
    assert bend_1pm(np.array([[0.0, 0.0], [5.0, 0.0]]), 12.0) == 0.0


@pytest.mark.parametrize(("way", "count"), [(0.5, 2), (1.0, 2), (3.2, 5), (99.0, 11)])
def test_a_path_is_cut_at_the_first_point_beyond_the_way(way: float, count: int) -> None:
    path = np.stack([np.arange(11.0), np.zeros(11)], axis=1)
    assert len(cut(path, way)) == count


@pytest.mark.parametrize(("x", "index"), [(-3.0, 1), (0.4, 1), (4.4, 5), (9.9, 10), (30.0, 10)])
def test_points_behind_the_bumper_are_counted(x: float, index: int) -> None:
    shape = np.stack([np.arange(11.0), np.zeros(11)], axis=1)
    assert passed(shape, np.array([x, 0.7])) == index


SHAPES = {
    "in_0": [(0.0, 0.0), (20.0, 0.0)],
    ":j_0_0": [(20.0, 0.0), (26.0, 1.0)],
    ":j_5_0": [(26.0, 1.0), (30.0, 6.0)],
    "out_0": [(30.0, 6.0), (30.0, 40.0)],
}
"""One road, a turn in two parts with a place to wait between them, and a road."""
INSIDE = {":j_0_0": ":j_5_0", ":j_5_0": ""}


def two_part_turn(lane: str) -> tuple[LanesAhead, list[str]]:
    """Return the way of one vehicle on a lane, and a list of the shapes asked for."""
    sumo, asked = ModuleType("sumo"), []
    sumo.vehicle = SimpleNamespace(
        getLaneID=lambda name: lane,
        getLanePosition=lambda name: 15.0,
        getNextLinks=lambda name: [("out_0", True, True, False, ":j_0_0")],
    )
    sumo.lane = SimpleNamespace(
        getLength=lambda lane: 20.0,
        getLinks=lambda lane: [("out_0", True, True, False, INSIDE[lane])],
        getShape=lambda lane: asked.append(lane) or SHAPES[lane],
    )
    return LanesAhead(sumo), asked


def approach(x: float, y: float, yaw: float = 0.0) -> Approach:
    return Approach("v", x, y, yaw, 4.0, 1.8, 3.3, 5.0)


@pytest.mark.parametrize(
    ("lane", "at"), [("in_0", (15.0, 0.0)), (":j_0_0", (21.0, 0.2)), (":j_5_0", (27.0, 2.2))]
)
def test_the_way_leads_through_both_parts_of_a_turn(lane: str, at: tuple[float, float]) -> None:
    path = two_part_turn(lane)[0].path(approach(*at))
    assert path[0].tolist() == list(at)
    assert path[-1].tolist() == [30.0, 40.0]
    assert [30.0, 6.0] in path.tolist()
    assert ([26.0, 1.0] in path.tolist()) is (lane != ":j_5_0")


def test_no_point_of_the_way_stands_twice() -> None:
    """A step of no length would have no direction, and everything would seem to lie on it."""
    path = two_part_turn("in_0")[0].path(approach(15.0, 0.0))
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).min() > 1e-3


def test_shapes_and_ways_are_asked_for_once() -> None:
    lanes, asked = two_part_turn("in_0")
    vehicle = approach(15.0, 0.0)
    assert lanes.path(vehicle) is lanes.path(vehicle)
    lanes.path(approach(16.0, 0.0))
    assert sorted(asked) == sorted(SHAPES)


def test_ways_of_real_traffic_start_at_the_bumper_and_have_no_gaps(start: Start) -> None:
    with start(flow=700.0, warmup_s=20.0) as traffic:
        lanes = LanesAhead(traffic._sumo)
        found = 0
        for seen in traffic.states():
            way = traffic._members[seen.name].approach()
            if way is None:
                continue
            path = lanes.path(way)
            step = np.diff(path, axis=0)
            turn = np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0])))
            assert path[0].tolist() == [way.x_m, way.y_m]
            long = np.linalg.norm(step, axis=1) > 0.8
            assert np.abs(turn[long[1:] & long[:-1]]).max(initial=0.0) < math.radians(40)
            found += 1
    assert found > 10
