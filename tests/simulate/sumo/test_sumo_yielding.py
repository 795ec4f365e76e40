"""Braking for obstacles on the path: closed forms and what does not count as in the way."""

import math
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.ahead import Approach, LanesAhead, passed
from rareworld.simulate.sumo.pavement import Pavement
from rareworld.simulate.sumo.yielding import Obstacle, Yielding, _before, _decel

PATH = np.array([[0.0, 0.0], [20.0, 0.0], [40.0, 0.0]])
SIZE = (4.0, 2.0, 1.5)
ROOM = (1.2, 1.2)


def obstacle(x: float, y: float, yaw: float = 0.0, speed: float = 0.0) -> Obstacle:
    return Obstacle.of(BodyState.upright(0.0, np.array([x, y, 0.0]), yaw, speed), SIZE)


@pytest.mark.parametrize(("x", "speed"), [(20.0, 10.0), (34.0, 14.0), (10.0, 5.0)])
def test_braking_stops_two_metres_before_the_obstacle(x: float, speed: float) -> None:
    room = x - 2.0 - 2.0
    assert _decel(PATH, ROOM, speed, obstacle(x, 0.0)) == pytest.approx(speed**2 / (2 * room))


@pytest.mark.parametrize(("y", "blocks"), [(0.0, True), (2.1, True), (2.3, False), (-9.0, False)])
def test_only_what_leaves_too_little_room_blocks(y: float, blocks: bool) -> None:
    assert (_decel(PATH, ROOM, 10.0, obstacle(20.0, y)) > 0) is blocks


def test_what_lies_behind_or_beyond_the_path_does_not_block() -> None:
    assert _decel(PATH, ROOM, 10.0, obstacle(-10.0, 0.0)) == 0.0
    assert _decel(PATH, ROOM, 10.0, obstacle(60.0, 0.0)) == 0.0


def test_only_the_closing_speed_counts() -> None:
    assert _decel(PATH, ROOM, 10.0, obstacle(30.0, 0.0, speed=10.0)) == 0.0
    slower = _decel(PATH, ROOM, 10.0, obstacle(30.0, 0.0, speed=6.0))
    assert slower == pytest.approx(4.0**2 / (2 * 26.0))
    crossing = _decel(PATH, ROOM, 10.0, obstacle(30.0, 0.0, yaw=math.pi / 2, speed=9.0))
    assert crossing == pytest.approx(10.0**2 / (2 * 27.0), rel=1e-6)


@pytest.mark.parametrize(("room", "blocks"), [((2.0, 0.5), True), ((0.5, 2.0), False)])
def test_room_is_wanted_to_the_side_to_which_the_rear_cuts_in(
    room: tuple[float, float], blocks: bool
) -> None:
    assert (_decel(PATH, room, 10.0, obstacle(20.0, 2.5)) > 0) is blocks


def test_those_who_wait_for_one_are_passed_at_a_hands_breadth() -> None:
    wide, narrow = obstacle(4.5, 0.0), replace(obstacle(4.5, 0.0), narrow=True)
    assert _decel(PATH, ROOM, 0.0, wide) == 0.0
    assert _decel(PATH, ROOM, 0.0, obstacle(3.5, 0.0)) == 2.0
    assert _decel(PATH, ROOM, 2.0, narrow) == pytest.approx(4.0 / (2 * 1.9))


@pytest.mark.parametrize(("x", "y", "counts"), [(10.0, 3.0, True), (-10.0, 0.0, False),
                                                (60.0, 0.0, False)])  # fmt: skip
def test_only_obstacles_before_the_bumper_and_near_are_looked_at(
    x: float, y: float, counts: bool
) -> None:
    vehicle = Approach("v", 0.0, 0.0, 0.0, 4.0, 1.8, 3.3, 8.0)
    assert _before(vehicle, obstacle(x, y), 22.0) is counts


class Told:
    """A vehicle on an endless straight lane that notes what SUMO is told of it."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        note = self.calls.append
        self.sumo = ModuleType("sumo")
        self.sumo.vehicle = SimpleNamespace(
            getLaneID=lambda name: "e_0", getLanePosition=lambda name: 0.0,
            getNextLinks=lambda name: (), getIDList=lambda: ("v", "w"),
            setSpeed=lambda name, speed: note((name, "speed", round(speed, 6))),
            setSpeedMode=lambda name, mode: note((name, "mode", mode)),
        )  # fmt: skip
        self.sumo.lane = SimpleNamespace(
            getLength=lambda lane: 100.0, getShape=lambda lane: ((0.0, 0.0), (100.0, 0.0))
        )
        self.yielding = Yielding(self.sumo, LanesAhead(self.sumo), 0.05)

    def step(self, speed: float, *obstacles: Obstacle) -> list[tuple]:
        self.calls.clear()
        vehicle = Approach("v", 0.0, 0.0, 0.0, 4.0, 1.8, 3.3, speed)
        self.yielding.apply([vehicle], obstacles, {})
        return list(self.calls)


def ahead(x: float, **more: object) -> Obstacle:
    """Return an obstacle whose near side is at x, half a metre deep."""
    at = BodyState.upright(0.0, np.array([x + 0.25, 0.0, 0.0]), 0.0, 0.0)
    return replace(Obstacle.of(at, (0.5, 2.0, 1.5)), **more)


def test_a_driver_brakes_once_it_takes_more_than_gentle_braking_and_then_to_the_end() -> None:
    told = Told()
    assert told.step(4.0, ahead(8.0)) == []
    assert told.step(4.0, ahead(5.2)) != []
    assert told.step(4.0, ahead(8.0)) == [("v", "mode", 27), ("v", "speed", 3.933333)]
    assert told.step(4.0, ahead(-8.0)) == [("v", "mode", 31), ("v", "speed", -1)]


def test_braking_lowers_the_speed_by_a_constant_rate() -> None:
    """v^2 / 2 (x - 2): from 4 m/s within 3.2 m it takes 2.5 m/s2."""
    assert Told().step(4.0, ahead(5.2)) == [("v", "mode", 27), ("v", "speed", 3.875)]


def test_a_driver_is_let_go_when_the_way_is_free() -> None:
    told = Told()
    told.step(0.5, ahead(0.49))
    assert told.step(0.4) == [("v", "mode", 31), ("v", "speed", -1)]
    assert told.step(0.4) == []


def test_those_who_are_waited_for_may_push_after_a_while_and_are_tamed_again() -> None:
    told = Told()
    pushed = [told.step(0.0, ahead(0.4, owner="w")) for _ in range(70)]
    modes = [call for calls in pushed for call in calls if call[:2] == ("w", "mode")]
    assert modes == [("w", "mode", 63)]
    assert ("w", "mode", 31) in told.step(0.0)


def test_a_vehicle_that_left_is_forgotten() -> None:
    told = Told()
    told.step(0.5, ahead(0.49))
    told.yielding.forget("v")
    assert told.step(0.4) == []


def test_points_of_a_lane_already_passed_are_dropped() -> None:
    assert passed(PATH, np.array([25.0, 0.3])) == 2
    assert passed(PATH, np.array([3.0, -0.3])) == 1


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
