"""Signals: what SUMO shows on our map's housings, and holding phases."""

from collections.abc import Callable

import numpy as np
import pytest

from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.trajectory import SignalState
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.library import Place
from rareworld.simulate.sumo.session import STEP_S, Traffic
from rareworld.simulate.sumo.signals import SignalBoard, Wiring

Start = Callable[..., Traffic]


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("rrGr", SignalState.GREEN),
        ("rryr", SignalState.YELLOW),
        ("rrur", SignalState.RED_YELLOW),
        ("GrrG", SignalState.RED),
        ("GroG", SignalState.RED),
    ],
)
def test_a_housing_shows_the_most_permissive_of_its_links(letters: str, state: SignalState) -> None:
    assert Wiring("light", (1, 2)).shown(letters) is state


def test_every_traffic_light_of_the_junction_is_wired(start: Start, junction: Place) -> None:
    lights = [s.id for s in junction.road.signals if s.kind is SignalKind.TRAFFIC_LIGHT]
    with start() as traffic:
        assert set(lights) <= set(traffic.signals.wired())
        names = [signal.id for signal in junction.road.signals]
        states = dict(zip(names, traffic.signals.states(), strict=True))
    assert lights
    assert all(states[name] is not SignalState.UNKNOWN for name in lights)


def test_pedestrian_lights_are_red_while_traffic_beside_them_crosses(
    start: Start, junction: Place
) -> None:
    """A crossing and the lanes it cuts are never green together."""
    pairs = [
        (light, vehicle)
        for light in junction.road.signals if light.kind is SignalKind.PEDESTRIAN_LIGHT
        for vehicle in junction.road.signals if vehicle.kind is SignalKind.TRAFFIC_LIGHT
        if np.allclose(light.position_m, vehicle.position_m)
    ]  # fmt: skip
    assert len(pairs) == 4
    both, greens = 0, 0
    with start() as traffic:
        assert {light.id for light, _ in pairs} <= set(traffic.signals.wired())
        for _ in range(90):
            for light, vehicle in pairs:
                walk = traffic.signals.state(light.id) is SignalState.GREEN
                go = traffic.signals.state(vehicle.id) is SignalState.GREEN
                both, greens = both + (walk and go), greens + walk
            for _ in range(20):
                traffic.step()
    assert both == 0
    assert greens > 10


def test_wiring_by_geometry_agrees_with_the_names_netconvert_wrote(
    start: Start, junction: Place
) -> None:
    """Renamed signals can only be found by geometry and must show the same."""
    renamed = tuple(
        Signal(
            id=f"x{s.id}", kind=s.kind, position_m=s.position_m, yaw_rad=s.yaw_rad,
            height_m=s.height_m, lanes=s.lanes, stop_line_m=s.stop_line_m,
        )
        for s in junction.road.signals if s.kind is SignalKind.TRAFFIC_LIGHT and s.lanes
    )  # fmt: skip
    road = RoadMap(name="renamed", lanes=junction.road.lanes, signals=renamed)
    assert renamed
    with start() as traffic:
        board = SignalBoard(traffic._sumo, road)
        for _ in range(60):
            for signal in renamed:
                assert board.state(signal.id) is traffic.signals.state(signal.id[1:])
            for _ in range(20):
                traffic.step()


def test_time_to_a_state_is_what_stepping_takes(start: Start) -> None:
    with start() as traffic:
        light = traffic.signals.wired()[0]
        for wanted in (SignalState.GREEN, SignalState.YELLOW, SignalState.RED):
            told = traffic.signals.time_to(light, wanted)
            begun = traffic.time_s
            while traffic.signals.state(light) is not wanted:
                traffic.step()
            assert traffic.time_s - begun == pytest.approx(told, abs=STEP_S + 1e-6)
        assert traffic.signals.time_to(light, SignalState.RED) == 0.0


def test_a_held_phase_lasts_as_long_as_asked(start: Start) -> None:
    with start() as traffic:
        light = traffic.signals.wired()[0]
        traffic.signals.hold(light, SignalState.YELLOW, 6.0)
        shown = []
        for _ in range(round(8.0 / STEP_S)):
            traffic.step()
            shown.append(traffic.signals.state(light) is SignalState.YELLOW)
    assert sum(shown) * STEP_S == pytest.approx(6.0, abs=2 * STEP_S)


def test_what_no_programme_shows_and_unknown_signals_are_errors(start: Start) -> None:
    with start() as traffic:
        light = traffic.signals.wired()[0]
        with pytest.raises(ScenarioError, match="never shows OFF"):
            traffic.signals.time_to(light, SignalState.OFF)
        with pytest.raises(ScenarioError, match="never shows OFF"):
            traffic.signals.hold(light, SignalState.OFF, 1.0)
        with pytest.raises(ScenarioError, match="not controlled by SUMO"):
            traffic.signals.state("nowhere")
