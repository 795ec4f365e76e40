"""Jaywalking, stopping, braking and swerving."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.event import EventKind
from rareworld.core.road import Turn
from rareworld.core.trajectory import Driver, SignalState
from rareworld.events.detect import detect_events
from tests.events.build import Path, Setting, record, straight
from tests.events.maps import ARM_M, HALF_M, along, crossroads, drive

ROAD = crossroads()
LINE_M = ARM_M - HALF_M


def _events(paths, kind, *, red=(), duration=8.0):
    states = np.full((len(ROAD.signals), round(duration * 30)), SignalState.GREEN, np.uint8)
    for signal in red:
        states[signal] = SignalState.RED
    recording = record(paths, duration, setting=Setting(road=ROAD, signal_states=states))
    return [e for e in detect_events(recording) if e.kind is kind]


def _walker(y: float, speed: float = 1.5) -> Path:
    return straight((-6.0, y), 0.0, speed, blueprint="adult")


def test_person_off_the_crosswalk_is_jaywalking_while_on_the_road():
    (event,) = _events([_walker(40.0)], EventKind.JAYWALKING)
    assert event.labels["reason"] == "outside a crosswalk"
    assert event.start_s == pytest.approx((6 - 3.5 + 0.3) / 1.5, abs=0.05)
    assert event.measures["on_road_s"] == pytest.approx((7 - 0.6) / 1.5, abs=0.08)


def test_crosswalk_is_lawful_on_green_only():
    assert _events([_walker(17.0)], EventKind.JAYWALKING) == []
    (event,) = _events([_walker(17.0)], EventKind.JAYWALKING, red=[4])
    assert event.labels["reason"] == "against red"


def test_pavement_is_no_carriageway():
    walker = straight((-6.0, 30.0), np.pi / 2, 1.5, blueprint="adult")
    assert _events([walker], EventKind.JAYWALKING) == []


def test_stalled_car_in_a_lane_blocks_it():
    path = along(drive(0, 2), 10, start_m=10, stop_m=40)
    (event,) = _events([path], EventKind.STOPPED)
    assert event.start_s == pytest.approx(3.0, abs=0.05)
    assert event.end_s == pytest.approx(8.0)
    assert event.end_frame == 240
    assert event.labels == {"where": "lane", "cause": "unknown"}


def test_stalled_car_in_the_junction_blocks_it():
    path = along(drive(0, 2), 20, start_m=80, stop_m=LINE_M + HALF_M)
    (event,) = _events([path], EventKind.STOPPED)
    assert event.labels["where"] == "junction"


def test_queue_at_a_red_light_blocks_nothing():
    queue = [
        along(drive(0, 2), 12, start_m=50 - 8 * i, stop_m=LINE_M - 3.5 - 8 * i) for i in range(4)
    ]
    assert _events(queue, EventKind.STOPPED, red=[0], duration=12) == []
    (event,) = _events(queue, EventKind.STOPPED, duration=12)
    assert event.actors == (1,), "on green the first in the queue blocks the others"


def test_left_turner_who_lets_oncoming_traffic_pass_blocks_nothing():
    stop = LINE_M + 3.0
    waiting = along(drive(0, 3), 20, start_m=80, stop_m=stop)
    oncoming = [along(drive(2, 0), 6, start_m=95 - 14 * i) for i in range(5)]
    turns = {
        name: replace(lane, turn=Turn.LEFT) for name, lane in ROAD.lanes.items() if lane.junction
    }
    road = replace(ROAD, lanes={**ROAD.lanes, **turns})
    for others, count in ((oncoming, 0), ([], 1)):
        recording = record([waiting, *others], 10.0, setting=Setting(road=road))
        found = [e for e in detect_events(recording) if e.kind is EventKind.STOPPED]
        assert len(found) == count


def test_parked_cars_block_nothing():
    parked = along(drive(0, 2), 0, start_m=40, driver=Driver.PARKED)
    assert _events([parked], EventKind.STOPPED) == []


@pytest.mark.parametrize(
    ("blueprint", "decel", "count"),
    [("saloon", 7.5, 1), ("saloon", 4.5, 0), ("city_bus", 5.0, 1), ("bicycle", 4.0, 0)],
)
def test_braking_threshold_scales_with_the_vehicle(blueprint, decel, count):
    path = straight((60.0, -1.75), 0.0, 14, accel_mps2=-decel, blueprint=blueprint)
    events = _events([path], EventKind.SUDDEN_BRAKING)
    assert len(events) == count
    for event in events:
        assert event.measures["decel_mps2"] == pytest.approx(decel, abs=0.05)
        assert event.end_s == pytest.approx(14 / decel, abs=0.25)


def _weave(amplitude: float, period: float) -> Path:
    w, v = 2 * np.pi / period, 14.0

    def position(t):
        s = np.clip(t - 1.0, 0, period)
        return np.stack([20 + v * t, -1.75 + amplitude * (1 - np.cos(w * s)) / 2, 0 * t], axis=1)

    def yaw(t):
        s = np.clip(t - 1.0, 0, period)
        return np.arctan2(amplitude * w * np.sin(w * s) / 2, v)

    return Path(position, yaw)


def test_swerve_is_two_hard_opposite_turns():
    (event,) = _events([_weave(1.6, 2.0)], EventKind.SWERVING, duration=5)
    assert event.labels["side"] in {"left", "right"}
    assert event.measures["first_lateral_mps2"] * event.measures["second_lateral_mps2"] < 0
    assert 0.9 < event.start_s < 2.1


def test_lane_change_is_no_swerve():
    """A 3.5 m lane change in 4 s stays below 2 m/s2."""

    def position(t):
        s = np.clip((t - 0.5) / 4, 0, 1)
        return np.stack(
            [20 + 14 * t, -1.75 + 3.5 * (s - np.sin(2 * np.pi * s) / (2 * np.pi)), 0 * t], axis=1
        )

    def yaw(t):
        s = np.clip((t - 0.5) / 4, 0, 1)
        return np.arctan2(3.5 / 4 * (1 - np.cos(2 * np.pi * s)), 14.0)

    assert _events([Path(position, yaw)], EventKind.SWERVING, duration=5) == []


def test_events_come_in_order_of_their_key_time():
    paths = [
        _walker(40.0),
        along(drive(0, 2), 10, start_m=10, stop_m=40),
        straight((60, -1.75), 0, 14, accel_mps2=-8),
    ]
    recording = record(paths, 8.0, setting=Setting(road=ROAD))
    keys = [event.key_s for event in detect_events(recording)]
    assert len(keys) >= 3
    assert keys == sorted(keys)
