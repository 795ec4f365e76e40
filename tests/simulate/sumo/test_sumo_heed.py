"""Who heeds whom inside junctions: order of entry, ways swept, people on crossings."""

import math
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rareworld.simulate.sumo.actors import Sighting
from rareworld.simulate.sumo.ahead import Approach, LanesAhead
from rareworld.simulate.sumo.heed import Heed, box_outline, way_ahead_m


def straight_on() -> LanesAhead:
    """Return lanes that nobody is on, so that everybody's way leads straight on."""
    sumo = ModuleType("sumo")
    sumo.vehicle = SimpleNamespace(
        getLaneID=lambda name: "", getLanePosition=lambda name: 0.0, getNextLinks=lambda name: ()
    )
    return LanesAhead(sumo)


def sighting(
    number: int, x: float, y: float, lane: str, yaw: float = 0.0, speed: float = 0.0
) -> Sighting:
    return Sighting(
        id=number, name=f"n{number}", blueprint="saloon", time_s=0.0, x_m=x, y_m=y, z_m=0.0,
        yaw_rad=yaw, pitch_rad=0.0, vx_mps=speed * math.cos(yaw), vy_mps=speed * math.sin(yaw),
        vz_mps=0.0, yaw_rate_radps=0.0, lamps=0, lane=lane,
    )  # fmt: skip


def way_of(seen: Sighting) -> Approach:
    speed = math.hypot(seen.vx_mps, seen.vy_mps)
    return Approach(
        seen.name, seen.x_m + 2.0 * math.cos(seen.yaw_rad),
        seen.y_m + 2.0 * math.sin(seen.yaw_rad), seen.yaw_rad, 4.0, 1.8, 3.3, speed,
    )  # fmt: skip


def heeded(heed: Heed, time_s: float, *seen: Sighting, people: tuple[int, ...] = ()) -> dict:
    ways = {s.id: way_of(s) for s in seen if s.id not in people}
    return heed.obstacles(time_s, list(seen), ways)


@pytest.mark.parametrize(
    ("speed", "accel", "way"),
    [
        (10.0, 0.0, 20.0),
        (10.0, 1.0, 22.0),
        (10.0, -2.0, 16.0),
        (4.0, -4.0, 2.0),
        (0.0, 0.0, 0.0),
        (10.0, 9.0, 23.0),
    ],
)
def test_the_way_ahead_is_uniformly_accelerated_motion_that_never_turns_back(
    speed: float, accel: float, way: float
) -> None:
    assert way_ahead_m(speed, accel, 2.0) == pytest.approx(way)


@pytest.mark.parametrize("yaw", [0.0, 0.7, -2.4])
def test_an_outline_lies_on_the_rim_of_its_box(yaw: float) -> None:
    points = box_outline(3.0, -1.0, yaw, 6.0, 2.0) - np.array([3.0, -1.0])
    turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    local = points @ turn
    share = np.abs(local) / np.array([3.0, 1.0])
    assert share.max(axis=1) == pytest.approx(np.ones(16))
    assert np.ptp(local, axis=0) == pytest.approx([6.0, 2.0])


def test_who_went_in_later_heeds_the_way_of_who_was_there_and_not_the_reverse() -> None:
    heed = Heed(straight_on())
    first = sighting(5, 0.0, 0.0, ":j_0_0", speed=5.0)
    heeded(heed, 0.0, first)
    second = sighting(2, 0.0, 9.0, ":j_1_0", yaw=-math.pi / 2, speed=5.0)
    found = heeded(heed, 1.0, first, second)
    (later,), (earlier,) = found["n2"], found["n5"]
    assert (later.owner, later.narrow) == ("n5", False)
    assert later.outline_m[:, 0].max() > 10.0
    assert (earlier.owner, earlier.narrow) == ("n2", True)
    assert np.ptp(earlier.outline_m[:, 1]) == pytest.approx(4.0)


def test_vehicles_on_one_lane_leave_each_other_to_sumo() -> None:
    lane = ":j_0_0"
    assert (
        heeded(Heed(straight_on()), 0.0, *(sighting(k, 8.0 * k, 0.0, lane) for k in (1, 2))) == {}
    )


@pytest.mark.parametrize(("x", "speed", "heeds"), [(-20.0, 9.0, True), (-20.0, 1.0, False),
                                                   (-45.0, 9.0, False)])  # fmt: skip
def test_who_approaches_fast_heeds_those_inside(x: float, speed: float, heeds: bool) -> None:
    inside = sighting(1, 0.0, 0.0, ":j_0_0")
    coming = sighting(2, x, 0.0, "e_1", speed=speed)
    assert ("n2" in heeded(Heed(straight_on()), 0.0, inside, coming)) is heeds


@pytest.mark.parametrize(("lane", "heeds"), [(":j_c0_0", True), (":j_w0_0", False), ("e_0", False)])
def test_people_count_while_they_are_on_a_crossing(lane: str, heeds: bool) -> None:
    car = sighting(1, 0.0, 0.0, ":j_0_0", speed=4.0)
    person = sighting(9, 8.0, 1.0, lane, yaw=-math.pi / 2, speed=1.4)
    found = heeded(Heed(straight_on()), 0.0, car, person, people=(9,))
    assert bool(found) is heeds
    if heeds:
        (ahead,) = found["n1"]
        assert ahead.outline_m[:, 1].min() == pytest.approx(1.0 - 1.5 * 1.4 - 0.35)
        assert ahead.owner == ""


def test_the_order_of_entry_is_forgotten_once_a_vehicle_has_left() -> None:
    heed = Heed(straight_on())
    one, two = (sighting(k, 0.0, 6.0 * k, f":j_{k}_0", speed=5.0) for k in (1, 2))
    heeded(heed, 0.0, one)
    heeded(heed, 1.0, one, two)
    heeded(heed, 2.0, two)
    found = heeded(heed, 3.0, one, two)
    assert found["n2"][0].narrow
    assert not found["n1"][0].narrow


def test_who_stands_is_passed_at_a_hands_breadth() -> None:
    one, two = (sighting(k, 0.0, 6.0 * k, f":j_{k}_0") for k in (1, 2))
    found = heeded(Heed(straight_on()), 0.0, one, two)
    assert all(ahead.narrow for obstacles in found.values() for ahead in obstacles)
    assert np.ptp(found["n2"][0].outline_m, axis=0) == pytest.approx([4.0, 1.8])
