"""Drivers after the hand-over: on time, in phases, and careful once their part is over."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.manoeuvre import FollowPath, WalkPath
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.scenarios.acting import Careful, OnTime, Paced, prolonged
from rareworld.simulate.state import BodyState

CAR = BLUEPRINTS["saloon"]
ROAD = Path.through(np.array([[0.0, 0.0], [300.0, 0.0]]))


def _at(station_m: float, speed_mps: float, time_s: float = 0.0, aside_m: float = 0.0) -> BodyState:
    return BodyState.upright(time_s, np.array([station_m, aside_m, 0.0]), 0.0, speed_mps)


def _careful(cruise_mps: float = 12.0, *, to_end: bool = False) -> Careful:
    inner = FollowPath(CAR, ROAD, SpeedProfile.constant(cruise_mps))
    return Careful(inner, 5.0, cruise_mps, to_end)


@pytest.mark.parametrize(("from_mps", "to_mps"), [(10.0, 10.0), (6.0, 9.0), (12.0, 8.0)])
def test_on_time_is_at_its_station_at_its_time_and_speed(from_mps: float, to_mps: float):
    acting = OnTime(spec=CAR, path=ROAD, station_m=70.0, time_s=9.0, speed_mps=to_mps)
    state = _at(70.0 - 4.0 * (from_mps + to_mps) / 2, from_mps, time_s=5.0)
    driver = acting.driver(state)
    assert isinstance(driver, FollowPath)
    station, speed, _ = driver.profile.at(9.0)
    assert station == pytest.approx(70.0, abs=1e-6)
    assert speed == pytest.approx(to_mps, abs=1e-6)


def test_on_time_goes_on_in_phases():
    phases = ((0.5, 0.0), (1.0, -4.0))
    acting = OnTime(spec=CAR, path=ROAD, station_m=40.0, time_s=4.0, speed_mps=10.0, then=phases)
    driver = acting.driver(_at(0.0, 10.0))
    assert isinstance(driver, FollowPath)
    assert driver.profile.speed_mps(4.4) == pytest.approx(10.0)
    assert driver.profile.speed_mps(6.0) == pytest.approx(6.0)


@pytest.mark.parametrize("aside_m", [-1.6, 2.0])
def test_a_role_met_beside_its_way_is_refused(aside_m: float):
    acting = Paced(spec=CAR, path=ROAD)
    with pytest.raises(ScenarioError, match="beside the way"):
        acting.driver(_at(10.0, 8.0, aside_m=aside_m))


def test_people_walk_and_vehicles_drive():
    walker = Paced(spec=BLUEPRINTS["child"], path=ROAD, over_s=1.0).driver(_at(1.0, 0.0))
    assert isinstance(walker, WalkPath)
    assert isinstance(Paced(spec=CAR, path=ROAD).driver(_at(1.0, 5.0)), FollowPath)
    assert isinstance(Paced(spec=CAR, path=ROAD, over_s=1.0).driver(_at(1.0, 5.0)), Careful)


def test_phases_never_run_backwards():
    profile = prolonged(SpeedProfile.constant(6.0), ((1.0, 0.0), (10.0, -3.0), (2.0, 0.0)))
    assert profile.speed_mps(20.0) == 0.0
    assert profile.station_m(20.0) == pytest.approx(6.0 + 6.0**2 / 6.0)


def test_until_its_part_is_over_it_does_not_look_at_others():
    careful, others = _careful(), {7: _at(60.0, 0.0)}
    own = _at(48.0, 12.0)
    assert careful.command(4.0, own, others) == careful.inner.command(4.0, own, {})


def test_on_a_free_road_it_keeps_its_speed():
    command = _careful().command(6.0, _at(72.0, 12.0), {})
    assert command.accel_mps2 == pytest.approx(0.0, abs=1e-9)
    assert command.lamps == 0


def test_the_distance_to_an_equally_fast_leader_settles_at_the_models_equilibrium():
    """Closed form: gap (2 + 1.2 v) / sqrt(1 - (v / v0)^4) leaves the speed as it is."""
    speed, cruise = 8.0, 12.0
    gap = (2.0 + 1.2 * speed) / math.sqrt(1 - (speed / cruise) ** 4)
    leader = _at(50.0 + CAR.length_m / 2 + gap + 2.4, speed)
    command = _careful(cruise).command(6.0, _at(50.0, speed), {3: leader})
    assert command.accel_mps2 == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("offset_m", [2.5, -3.5])
def test_bodies_beside_the_way_are_no_obstacle(offset_m: float):
    others = {3: _at(65.0, 0.0, aside_m=offset_m)}
    assert _careful().command(6.0, _at(50.0, 12.0), others).accel_mps2 == pytest.approx(0.0)


def test_bodies_behind_are_no_obstacle():
    assert _careful().command(6.0, _at(50.0, 12.0), {3: _at(40.0, 20.0)}).accel_mps2 == 0.0


def _rolled_out(careful: Careful, others: dict[int, BodyState], speed_mps: float) -> float:
    """Return where a point mass under the driver's accelerations comes to rest."""
    station, speed, step = 40.0, speed_mps, 0.02
    for k in range(1500):
        accel = careful.command(6.0 + k * step, _at(station, speed), others).accel_mps2
        station, speed = station + speed * step, max(speed + accel * step, 0.0)
    return station


@pytest.mark.parametrize("speed_mps", [6.0, 12.0])
def test_it_stops_behind_a_standing_obstacle_without_touching_it(speed_mps: float):
    obstacle = _at(120.0, 0.0)
    rest = _rolled_out(_careful(speed_mps), {3: obstacle}, speed_mps)
    gap = 120.0 - 2.4 - rest - CAR.length_m / 2
    assert 1.0 < gap < 4.0


def test_it_stops_at_the_end_of_its_path_if_asked():
    rest = _rolled_out(_careful(to_end=True), {}, 12.0)
    assert 290.0 < rest + CAR.length_m / 2 < 300.0


def test_blinkers_go_off_and_hazard_lights_stay_on_when_the_part_is_over():
    blinking = FollowPath(CAR, ROAD, SpeedProfile.constant(12.0), always=Lamp.LEFT_BLINKER)
    hazard = Lamp.LEFT_BLINKER | Lamp.RIGHT_BLINKER
    warned = FollowPath(CAR, ROAD, SpeedProfile.constant(12.0), always=hazard)
    own = _at(72.0, 12.0)
    assert Careful(blinking, 5.0, 12.0).command(6.0, own, {}).lamps == 0
    assert Careful(warned, 5.0, 12.0).command(6.0, own, {}).lamps == int(hazard)
