"""Wrong way, red light and illegal turn on a crossroads known in closed form."""

import numpy as np
import pytest

from rareworld.core.event import EventKind
from rareworld.core.trajectory import SignalState
from rareworld.events.detect import EventConfig, detect_events
from rareworld.events.road_rules import RedLightConfig
from tests.events.build import Setting, record
from tests.events.maps import ARM_M, HALF_M, along, crossroads, drive

ROAD = crossroads()
APPROACH_M = ARM_M - HALF_M


def _events(paths, kind, *, red=(), duration=8.0, config=None, change=None):
    states = np.full((len(ROAD.signals), round(duration * 30)), SignalState.GREEN, np.uint8)
    for signal in red:
        states[signal] = SignalState.RED
    if change is not None:
        signal, frame, state = change
        states[signal, frame:] = state
    recording = record(paths, duration, setting=Setting(road=ROAD, signal_states=states))
    return [e for e in detect_events(recording, config) if e.kind is kind]


@pytest.mark.parametrize(("k", "j"), [(0, 2), (0, 1), (0, 3), (2, 0), (2, 3), (1, 3)])
def test_lawful_drives_break_no_rule(k, j):
    path = along(drive(k, j), 8, start_m=80)
    for kind in EventKind:
        assert _events([path], kind) == [], kind


def test_red_light_time_is_when_the_front_meets_the_line():
    (event,) = _events([along(drive(2, 0), 12, start_m=70)], EventKind.RED_LIGHT, red=[2])
    assert event.key_s == pytest.approx((APPROACH_M - 70 - 4.65 / 2) / 12, abs=2e-3)
    assert event.labels == {"lane": "2:0:-1", "signal": "S2"}
    assert event.measures["red_for_s"] == pytest.approx(event.key_s)
    assert event.measures["speed_mps"] == pytest.approx(12, abs=0.01)


def test_light_that_turns_red_after_the_line_is_no_offence():
    path = along(drive(2, 0), 12, start_m=70)
    cross = int(30 * (APPROACH_M - 70 - 4.65 / 2) / 12)
    assert _events([path], EventKind.RED_LIGHT, change=(2, cross + 2, SignalState.RED)) == []
    (event,) = _events([path], EventKind.RED_LIGHT, change=(2, cross - 10, SignalState.RED))
    assert event.measures["red_for_s"] == pytest.approx(10 / 30, abs=0.04)


def test_stopping_at_the_line_on_red_is_lawful():
    stop = APPROACH_M - 4.65 / 2 + 1.0
    path = along(drive(2, 0), 12, start_m=70, stop_m=stop)
    assert _events([path], EventKind.RED_LIGHT, red=[2]) == []


def test_right_turn_on_red_is_a_matter_of_config():
    path = along(drive(2, 3), 8, start_m=80)
    assert len(_events([path], EventKind.RED_LIGHT, red=[2])) == 1
    config = EventConfig(red_light=RedLightConfig(right_turn_on_red=True))
    assert _events([path], EventKind.RED_LIGHT, red=[2], config=config) == []
    straight_on = along(drive(2, 0), 8, start_m=80)
    assert len(_events([straight_on], EventKind.RED_LIGHT, red=[2], config=config)) == 1


def test_red_of_another_arm_does_not_count():
    assert _events([along(drive(2, 0), 12, start_m=70)], EventKind.RED_LIGHT, red=[0, 1, 3]) == []


def test_wrong_way_lasts_while_the_lane_leads_the_other_way():
    reverse = drive(0, 2)[::-1]
    (first, second) = _events([along(reverse, 20, start_m=10)], EventKind.WRONG_WAY, duration=10)
    assert first.start_s == 0.0
    assert first.end_s == pytest.approx((APPROACH_M - 10) / 20, abs=0.1)
    assert first.labels == {"lane": "2:0:1"}
    assert second.labels == {"lane": "0:0:-1"}
    assert second.start_s == pytest.approx((APPROACH_M - 10 + 2 * HALF_M) / 20, abs=0.1)


def test_people_may_walk_against_the_lane():
    reverse = drive(0, 2)[::-1]
    walker = along(reverse, 2, start_m=10, blueprint="adult")
    assert _events([walker], EventKind.WRONG_WAY, duration=10) == []


def test_turn_without_a_connection_is_illegal():
    (event,) = _events([along(drive(2, 1), 8, start_m=80)], EventKind.ILLEGAL_TURN)
    assert event.labels["from_lane"] == "2:0:-1"
    assert event.labels["to_lane"] == "1:0:1"
    assert event.labels["reason"] == "no connection"
    assert event.measures["turn_deg"] == pytest.approx(90, abs=2)


def test_u_turn_on_open_road_is_illegal():
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40)
    loop = np.stack([60 + 1.75 * np.cos(angle), 1.75 * np.sin(angle)], axis=1)
    line = np.concatenate([[[30.0, -1.75]], loop, [[20.0, 1.75]]])
    (event,) = _events([along(line, 5)], EventKind.ILLEGAL_TURN, duration=10)
    assert event.labels["reason"] == "u-turn"
    assert abs(event.measures["turn_deg"]) > 150


def test_nothing_is_held_against_a_driver_after_the_crash():
    blocked = along(drive(2, 0), 12, start_m=70)
    wreck = along(drive(2, 0), 0.0, start_m=90)
    ahead = _events([blocked, wreck], EventKind.COLLISION, red=[2])
    assert len(ahead) == 1
    assert _events([blocked, wreck], EventKind.RED_LIGHT, red=[2]) == []
