"""Every detector at its thresholds: just short of one there is no event, just beyond there is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rareworld.core.event import EventKind
from rareworld.core.trajectory import Driver, SignalState
from rareworld.errors import ConfigError
from rareworld.events.behaviour import _near_convex
from rareworld.events.detect import EventConfig, detect_events
from tests.events.build import Path, Setting, record, straight
from tests.events.maps import ARM_M, HALF_M, along, crossroads, drive

ROAD = crossroads()
LINE_M = ARM_M - HALF_M
KERB_Y = 3.5


def _count(paths, kind, config=None, *, red=(), duration=8.0, change=None, road=ROAD) -> int:
    states = np.full((len(road.signals), round(duration * 30)), SignalState.GREEN, np.uint8)
    for signal in red:
        states[signal] = SignalState.RED
    if change is not None:
        signal, frame, state = change
        states[signal, frame:] = state
    recording = record(paths, duration, setting=Setting(road=road, signal_states=states))
    chosen = EventConfig.parse(config or {})
    return sum(event.kind is kind for event in detect_events(recording, chosen))


def _against(speed=6.0, distance=60.0, **more) -> Path:
    line = drive(0, 2)[::-1]
    return along(line, speed, start_m=10, stop_m=10 + distance, **more)


WRONG_WAY = [
    (_against(), {}, 1),
    (_against(speed=1.4), {}, 0),
    (_against(speed=1.4), {"min_speed_mps": 1.3}, 1),
    (_against(distance=6.0), {}, 0),
    (_against(distance=12.0), {}, 1),
    (_against(distance=12.0), {"min_distance_m": 14.0}, 0),
    (_against(), {"min_time_s": 8.5}, 0),
    (_against(blueprint="bicycle"), {}, 0),
    (_against(blueprint="bicycle"), {"bicycles": True}, 1),
    (_against(driver=Driver.PHYSICS), {}, 0),
]


@pytest.mark.parametrize(("path", "config", "count"), WRONG_WAY)
def test_wrong_way(path, config, count):
    assert _count([path], EventKind.WRONG_WAY, {"wrong_way": config}) == count


def _over_the_line(past_m: float, **more) -> Path:
    return along(drive(2, 0), 10, start_m=70, stop_m=LINE_M - 4.65 / 2 + past_m, **more)


RED_LIGHT = [
    (_over_the_line(1.0), {}, 0),
    (_over_the_line(3.0), {}, 1),
    (_over_the_line(1.0), {"min_past_m": 0.5}, 1),
    (_over_the_line(3.0), {"min_past_m": 4.0}, 0),
    (along(drive(2, 0), 6, start_m=75, blueprint="bicycle"), {}, 1),
    (along(drive(2, 0), 6, start_m=75, blueprint="bicycle"), {"bicycles": False}, 0),
]


@pytest.mark.parametrize(("path", "config", "count"), RED_LIGHT)
def test_red_light(path, config, count):
    assert _count([path], EventKind.RED_LIGHT, {"red_light": config}, red=[2]) == count


@pytest.mark.parametrize(
    ("state", "config", "count"),
    [
        (SignalState.RED, {}, 1),
        (SignalState.RED_YELLOW, {}, 1),
        (SignalState.RED_YELLOW, {"red_yellow_is_red": False}, 0),
        (SignalState.YELLOW, {}, 0),
        (SignalState.OFF, {}, 0),
        (SignalState.UNKNOWN, {}, 0),
    ],
)
def test_states_of_a_light_that_forbid_to_go(state, config, count):
    path = along(drive(2, 0), 10, start_m=70)
    found = _count([path], EventKind.RED_LIGHT, {"red_light": config}, change=(2, 0, state))
    assert found == count


@pytest.mark.parametrize(("grace_s", "count"), [(0.0, 1), (0.2, 1), (0.5, 0)])
def test_crossings_soon_after_the_change_may_be_forgiven(grace_s, count):
    path = along(drive(2, 0), 12, start_m=70)
    cross = int(30 * (LINE_M - 70 - 4.65 / 2) / 12)
    change = (2, cross - 10, SignalState.RED)
    config = {"red_light": {"grace_s": grace_s}}
    assert _count([path], EventKind.RED_LIGHT, config, change=change) == count


def _walk(y=40.0, speed=1.5, stop=np.inf, blueprint="adult") -> Path:
    line = np.array([[-6.0, y], [6.0, y]])
    return along(line, speed, stop_m=stop, blueprint=blueprint)


JAYWALKING = [
    (_walk(), {}, 1),
    (_walk(blueprint="child"), {}, 1),
    (_walk(blueprint="saloon"), {}, 0),
    (_walk(stop=2.6), {}, 0),
    (_walk(stop=3.0), {}, 1),
    (_walk(stop=3.0), {"min_depth_m": 0.8}, 0),
    (_walk(speed=4.0), {"min_time_s": 2.0}, 0),
    (_walk(y=20.0), {}, 0),
    (_walk(y=20.5), {}, 1),
    (_walk(y=20.5), {"crosswalk_margin_m": 2.0}, 0),
]


@pytest.mark.parametrize(("path", "config", "count"), JAYWALKING)
def test_jaywalking(path, config, count):
    assert _count([path], EventKind.JAYWALKING, {"jaywalking": config}, duration=8.0) == count


@pytest.mark.parametrize(("distance_m", "count"), [(6.0, 1), (0.5, 0)])
def test_a_light_near_a_crosswalk_controls_it(distance_m, count):
    config = {"jaywalking": {"light_distance_m": distance_m}}
    assert _count([_walk(y=17.0)], EventKind.JAYWALKING, config, red=[4]) == count


STOPPED = [
    (along(drive(0, 2), 10, start_m=10, stop_m=40), {}, 1),
    (along(drive(0, 2), 10, start_m=10, stop_m=40), {"lane_time_s": 6.0}, 0),
    (along(drive(0, 2), 10, start_m=40, stop_m=LINE_M - 6), {}, 0),
    (along(drive(0, 2), 20, start_m=80, stop_m=LINE_M + HALF_M), {"junction_time_s": 7.5}, 0),
    (along(drive(0, 2), 10, start_m=40, stop_m=40, role="parked"), {}, 0),
    (along(drive(0, 2), 10, start_m=10, stop_m=40, blueprint="bicycle"), {}, 1),
]


@pytest.mark.parametrize(("path", "config", "count"), STOPPED)
def test_stopped(path, config, count):
    assert _count([path], EventKind.STOPPED, {"stopped": config}) == count


def _braking(decel: float, speed: float = 14.0, **more) -> Path:
    return straight((60.0, -1.75), 0.0, speed, accel_mps2=-decel, **more)


BRAKING = [
    (_braking(6.2), {}, 1),
    (_braking(5.6), {}, 0),
    (_braking(5.6), {"decel_mps2": 5.0}, 1),
    (_braking(7.0, speed=2.5), {}, 0),
    (_braking(7.0, speed=2.5), {"min_drop_mps": 1.0, "min_time_s": 0.1}, 1),
    (_braking(7.0, speed=14.0), {"min_time_s": 2.5}, 0),
    (_braking(5.0, blueprint="city_bus"), {}, 1),
    (_braking(5.0, blueprint="city_bus"), {"reference_brake_mps2": 6.0}, 0),
    (_braking(6.2, driver=Driver.PHYSICS), {}, 0),
]


@pytest.mark.parametrize(("path", "config", "count"), BRAKING)
def test_sudden_braking(path, config, count):
    assert _count([path], EventKind.SUDDEN_BRAKING, {"braking": config}) == count


def _weave(side_m: float, period_s: float, speed: float = 14.0) -> Path:
    w = 2 * np.pi / period_s

    def position(t):
        s = np.clip(t - 1.0, 0, period_s)
        return np.stack([20 + speed * t, -1.75 + side_m * (1 - np.cos(w * s)) / 2, 0 * t], axis=1)

    def yaw(t):
        s = np.clip(t - 1.0, 0, period_s)
        return np.arctan2(side_m * w * np.sin(w * s) / 2, speed)

    return Path(position, yaw)


SWERVING = [
    (_weave(1.6, 2.0), {}, 1),
    (_weave(0.5, 2.0), {}, 0),
    (_weave(0.5, 2.0), {"lateral_mps2": 1.5}, 1),
    (_weave(1.6, 2.0), {"min_speed_mps": 15.0}, 0),
    (_weave(1.6, 2.0), {"window_s": 0.3}, 0),
]


@pytest.mark.parametrize(("path", "config", "count"), SWERVING)
def test_swerving(path, config, count):
    assert _count([path], EventKind.SWERVING, {"swerving": config}, duration=5) == count


def _u_turn(seconds: float) -> Path:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40)
    loop = np.stack([60 + 1.75 * np.cos(angle), 1.75 * np.sin(angle)], axis=1)
    line = np.concatenate([[[30.0, -1.75]], loop, [[20.0, 1.75]]])
    return along(line, np.pi * 1.75 / seconds, start_m=20)


@pytest.mark.parametrize(
    ("seconds", "config", "count"),
    [(2.0, {}, 1), (2.0, {"u_turn_is_illegal": False}, 0), (2.0, {"u_turn_deg": 190.0}, 0),
     (6.0, {"u_turn_s": 2.0}, 0)],
)  # fmt: skip
def test_u_turns(seconds, config, count):
    found = _count([_u_turn(seconds)], EventKind.ILLEGAL_TURN, {"illegal_turn": config},
                   duration=14)  # fmt: skip
    assert found == count


@pytest.mark.parametrize("shape", [3, 4, 6])
@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_nearness_to_an_outline_is_that_of_its_half_planes(shape, margin):
    angle = np.linspace(0, 2 * np.pi, shape, endpoint=False)
    ring = 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.random.default_rng(shape).uniform(-7, 7, (500, 2))
    apothem = 4 * np.cos(np.pi / shape)
    normals = np.stack([np.cos(angle + np.pi / shape), np.sin(angle + np.pi / shape)], axis=1)
    expected = (points @ normals.T <= apothem + margin).all(axis=1)
    for outline in (ring, ring[::-1]):
        np.testing.assert_array_equal(_near_convex(points, outline, margin), expected)


SECTIONS = ["collision", "near_miss", "wrong_way", "red_light", "jaywalking", "stopped", "braking",
            "illegal_turn", "swerving"]  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_every_detector_has_its_section_and_tells_misspelt_keys(section):
    assert set(EventConfig.model_fields) == set(SECTIONS)
    known = next(iter(type(getattr(EventConfig(), section)).model_fields))
    with pytest.raises(ConfigError, match=rf"{section}\.{known}x.*did you mean '{known}'"):
        EventConfig.parse({section: {f"{known}x": 1}})
    with pytest.raises(ValidationError):
        EventConfig(**{section: {known: "many"}})  # type: ignore[arg-type]  # wrong on purpose


def test_nobody_and_one_frame_make_no_event():
    one: Any = record([_walk()], 1 / 30, setting=Setting(road=ROAD))
    assert detect_events(one) == ()
    gone = record([replace(_walk(), present=lambda t: t < 0)], 2.0, setting=Setting(road=ROAD))
    assert detect_events(gone) == ()
