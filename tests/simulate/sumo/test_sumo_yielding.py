"""Braking for obstacles on the path: closed forms and what does not count as in the way."""

import math

import numpy as np
import pytest

from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.pavement import Pavement
from rareworld.simulate.sumo.yielding import Obstacle, _decel, _passed

PATH = np.array([[0.0, 0.0], [20.0, 0.0], [40.0, 0.0]])
SIZE = (4.0, 2.0, 1.5)


def obstacle(x: float, y: float, yaw: float = 0.0, speed: float = 0.0) -> Obstacle:
    return Obstacle.of(BodyState.upright(0.0, np.array([x, y, 0.0]), yaw, speed), SIZE)


@pytest.mark.parametrize(("x", "speed"), [(20.0, 10.0), (34.0, 14.0), (10.0, 5.0)])
def test_braking_stops_two_metres_before_the_obstacle(x: float, speed: float) -> None:
    room = x - 2.0 - 2.0
    assert _decel(PATH, 1.2, speed, obstacle(x, 0.0)) == pytest.approx(speed**2 / (2 * room))


@pytest.mark.parametrize(("y", "blocks"), [(0.0, True), (2.1, True), (2.3, False), (-9.0, False)])
def test_only_what_leaves_too_little_room_blocks(y: float, blocks: bool) -> None:
    assert (_decel(PATH, 1.2, 10.0, obstacle(20.0, y)) > 0) is blocks


def test_what_lies_behind_or_beyond_the_path_does_not_block() -> None:
    assert _decel(PATH, 1.2, 10.0, obstacle(-10.0, 0.0)) == 0.0
    assert _decel(PATH, 1.2, 10.0, obstacle(60.0, 0.0)) == 0.0


def test_only_the_closing_speed_counts() -> None:
    assert _decel(PATH, 1.2, 10.0, obstacle(30.0, 0.0, speed=10.0)) == 0.0
    slower = _decel(PATH, 1.2, 10.0, obstacle(30.0, 0.0, speed=6.0))
    assert slower == pytest.approx(4.0**2 / (2 * 26.0))
    crossing = _decel(PATH, 1.2, 10.0, obstacle(30.0, 0.0, yaw=math.pi / 2, speed=9.0))
    assert crossing == pytest.approx(10.0**2 / (2 * 27.0), rel=1e-6)


def test_points_of_a_lane_already_passed_are_dropped() -> None:
    assert _passed(PATH, np.array([25.0, 0.3])) == 2
    assert _passed(PATH, np.array([3.0, -0.3])) == 1


def pavement_map() -> RoadMap:
    x = np.linspace(0, 20, 11)
    centre = np.stack([x, np.full(11, 5.0), np.full(11, 0.12)], axis=1)
    side = np.array([0.0, 1.0, 0.0])
    lane = Lane(
        id="1:0:-2", kind=LaneKind.SIDEWALK, centre_m=centre, left_m=centre + side,
        right_m=centre - side,
    )  # fmt: skip
    return RoadMap(name="p", lanes={lane.id: lane})


@pytest.mark.parametrize(
    ("at", "stands"),
    [
        ((7.0, 5.2), (7.0, 5.2)),
        ((7.0, 2.0), (7.0, 4.35)),
        ((7.3, 8.0), (7.3, 5.65)),
        ((-1.0, 5.0), (-0.65, 5.0)),
    ],
)
def test_people_are_kept_on_the_pavement_clear_of_its_edges(
    at: tuple[float, float], stands: tuple[float, float]
) -> None:
    spot = Pavement(pavement_map()).nearest(*at)
    assert spot is not None
    assert spot == pytest.approx((*stands, 0.12), abs=1e-9)


def test_far_pavements_attract_nobody() -> None:
    assert Pavement(pavement_map()).nearest(7.0, 30.0) is None
    assert Pavement(RoadMap(name="bare", lanes={})).nearest(0.0, 0.0) is None
