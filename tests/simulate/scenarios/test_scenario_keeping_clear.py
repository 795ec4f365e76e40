"""Drivers whose part is over: the model's closed forms, bends, people, oncoming and several."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.manoeuvre import FollowPath
from rareworld.simulate.drive.path import Path
from rareworld.simulate.drive.speed import SpeedProfile
from rareworld.simulate.scenarios.acting import ASIDE_M, Careful, OnTime, Paced, moving, prolonged
from rareworld.simulate.state import BodyState
from tests.simulate.scenarios.scenario_fakes import eastward

CAR = BLUEPRINTS["saloon"]
ROAD = eastward(300.0)
JAM_M, HEADWAY_S, EASY_MPS2, SOFT_MPS2 = 2.0, 1.2, 1.5, 2.5
"""The model's parameters, written down a second time."""


def at(x: float, mps: float, *, y: float = 0.0, yaw: float = 0.0, time_s: float = 0.0) -> BodyState:
    return BodyState.upright(time_s, np.array([x, y, 0.0]), yaw, mps)


def careful(cruise_mps: float, path: Path = ROAD, *, to_end: bool = False) -> Careful:
    inner = FollowPath(CAR, path, SpeedProfile.constant(cruise_mps))
    return Careful(inner, 0.0, cruise_mps, to_end)


def accel(driver: Careful, own: BodyState, others: dict[int, BodyState]) -> float:
    return driver.command(1.0, own, others).accel_mps2


def model_mps2(speed: float, cruise: float, gap: float, ahead: float) -> float:
    """Return the acceleration of Treiber, Hennecke and Helbing (2000)."""
    wanted = JAM_M + max(
        0.0, speed * HEADWAY_S + speed * (speed - ahead) / (2 * math.sqrt(EASY_MPS2 * SOFT_MPS2))
    )
    return EASY_MPS2 * (1 - (speed / cruise) ** 4 - (wanted / gap) ** 2)


@pytest.mark.parametrize("speed", [4.0, 8.0, 11.0])
@pytest.mark.parametrize("ahead", [0.0, 6.0, 12.0])
@pytest.mark.parametrize("gap", [14.0, 25.0, 34.0])
def test_the_model_is_the_published_one(speed: float, ahead: float, gap: float):
    leader = at(50.0 + CAR.length_m / 2 + 2.4 + gap, ahead)
    got = accel(careful(12.0), at(50.0, speed), {1: leader})
    expected = max(model_mps2(speed, 12.0, gap, ahead), -CAR.max_brake_mps2)
    assert got == pytest.approx(min(expected, CAR.max_accel_mps2), abs=1e-6)


@pytest.mark.parametrize("cruise", [6.0, 12.0, 20.0])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_on_a_free_road_it_comes_back_to_its_pace(cruise: float, share: float):
    got = accel(careful(cruise), at(50.0, share * cruise), {})
    assert got == pytest.approx(EASY_MPS2 * (1 - share**4), abs=1e-6)
    assert got > 0


def test_the_hardest_of_several_counts():
    driver, own = careful(12.0), at(50.0, 10.0)
    near, far = at(72.0, 5.0), at(88.0, 9.0)
    both = accel(driver, own, {1: near, 2: far})
    assert both == min(accel(driver, own, {1: near}), accel(driver, own, {2: far}))
    assert both == accel(driver, own, {2: far, 1: near})


@pytest.mark.parametrize(("ahead_m", "heeded"), [(44.0, True), (46.0, False), (-5.0, False)])
def test_it_looks_45_m_ahead_and_not_back(ahead_m: float, heeded: bool):
    free = accel(careful(12.0), at(50.0, 10.0), {})
    got = accel(careful(12.0), at(50.0, 10.0), {1: at(50.0 + ahead_m, 0.0)})
    assert (got < free) is heeded


@pytest.mark.parametrize(("y", "heeded"), [(0.0, True), (1.8, True), (-1.8, True), (2.0, False)])
def test_bodies_count_from_the_edge_of_the_lane(y: float, heeded: bool):
    free = accel(careful(12.0), at(50.0, 10.0), {})
    got = accel(careful(12.0), at(50.0, 10.0), {1: at(75.0, 0.0, y=y)})
    assert (got < free) is heeded


def test_oncoming_bodies_press_harder_than_standing_ones():
    own, driver = at(50.0, 8.0), careful(12.0)
    standing = accel(driver, own, {1: at(90.0, 0.0)})
    oncoming = accel(driver, own, {1: at(90.0, 8.0, yaw=math.pi)})
    leaving = accel(driver, own, {1: at(90.0, 8.0)})
    assert oncoming < standing < leaving


def test_braking_never_asks_for_more_than_the_vehicle_has():
    got = accel(careful(12.0), at(50.0, 12.0), {1: at(56.0, 0.0)})
    assert got == -CAR.max_brake_mps2


def test_brake_lamps_shine_when_it_brakes_for_somebody():
    command = careful(12.0).command(1.0, at(50.0, 12.0), {1: at(68.0, 0.0)})
    assert command.lamps & Lamp.BRAKE
    assert not careful(12.0).command(1.0, at(50.0, 8.0), {}).lamps & Lamp.BRAKE


@pytest.mark.parametrize("radius_m", [12.0, 25.0])
def test_it_slows_for_bends_to_three_metres_per_second_squared(radius_m: float):
    angle = np.linspace(0.0, 1.5, 80)
    bend = np.stack([40.0 + radius_m * np.sin(angle), radius_m * (1 - np.cos(angle))], axis=1)
    path = Path.through(np.array([[0.0, 0.0], [40.0, 0.0]]), bend)
    allowed = math.sqrt(3.0 * radius_m)
    assert accel(careful(14.0, path), at(32.0, 1.3 * allowed), {}) < -0.5
    assert accel(careful(14.0, path), at(32.0, 0.7 * allowed), {}) > 0.5
    assert accel(careful(14.0, path), at(5.0, allowed), {}) > 0.5


@pytest.mark.parametrize(("left_m", "brakes"), [(12.0, True), (120.0, False)])
def test_the_end_of_the_path_is_an_obstacle_if_asked(left_m: float, brakes: bool):
    own = at(ROAD.length_m - left_m, 8.0)
    assert (accel(careful(12.0, to_end=True), own, {}) < 0) is brakes
    assert accel(careful(12.0), own, {}) > 0


@pytest.mark.parametrize("aside_m", [ASIDE_M - 0.05, -ASIDE_M + 0.05])
def test_a_role_met_a_little_beside_its_way_plays_on(aside_m: float):
    driver = Paced(spec=CAR, path=ROAD).driver(at(10.0, 8.0, y=aside_m))
    assert isinstance(driver, FollowPath)
    assert driver.profile.station_m(0.0) == pytest.approx(10.0, abs=0.01)


@pytest.mark.parametrize("aside_m", [ASIDE_M + 0.05, -3.0])
def test_the_refusal_tells_how_far_beside_it_was_met(aside_m: float):
    with pytest.raises(ScenarioError, match=rf"met {aside_m:.1f} m beside the way at hand-over"):
        OnTime(spec=CAR, path=ROAD, station_m=70.0, time_s=9.0, speed_mps=8.0).driver(
            at(10.0, 8.0, y=aside_m)
        )


@pytest.mark.parametrize(("distance_m", "time_s"), [(5.0, 3.0), (200.0, 4.0)])
def test_a_place_that_cannot_be_reached_in_time_is_refused_with_the_nearest_time(
    distance_m: float, time_s: float
):
    acting = OnTime(spec=CAR, path=ROAD, station_m=distance_m, time_s=time_s, speed_mps=12.0)
    with pytest.raises(ScenarioError, match=r"cannot cover .* the nearest time within limits is"):
        acting.driver(at(0.0, 12.0))


@pytest.mark.parametrize("offset_mps", [-0.6, 0.0, 0.6])
@pytest.mark.parametrize("offset_m", [-2.0, 0.0, 2.0])
def test_small_errors_at_the_hand_over_are_made_good_in_time(offset_m: float, offset_mps: float):
    """What the director tolerates: 2.5 m and 0.7 m/s off, still on time after 2.6 s."""
    acting = OnTime(spec=CAR, path=ROAD, station_m=76.0, time_s=2.6, speed_mps=10.0)
    driver = acting.driver(at(50.0 + offset_m, 10.0 + offset_mps))
    assert isinstance(driver, FollowPath)
    assert driver.profile.station_m(2.6) == pytest.approx(76.0, abs=1e-6)
    assert driver.profile.speed_mps(2.6) == pytest.approx(10.0, abs=1e-6)


@pytest.mark.parametrize("over_s", [None, 4.0])
@pytest.mark.parametrize("to_end", [False, True])
def test_only_parts_that_end_become_careful(over_s: float | None, to_end: bool):
    driver = Paced(spec=CAR, path=ROAD, over_s=over_s, to_end=to_end).driver(at(10.0, 8.0))
    if over_s is None:
        assert isinstance(driver, FollowPath)
    else:
        assert isinstance(driver, Careful)
        assert (driver.over_s, driver.cruise_mps, driver.to_end) == (over_s, 8.0, to_end)


@pytest.mark.parametrize("lamp", [Lamp.NONE, Lamp.LEFT_BLINKER, Lamp.RIGHT_BLINKER])
def test_a_driver_blinks_all_along_its_part(lamp: Lamp):
    driver = moving(CAR, ROAD, SpeedProfile.constant(8.0), lamp)
    command = driver.command(0.5, at(4.0, 8.0), {})
    blinkers = Lamp.LEFT_BLINKER | Lamp.RIGHT_BLINKER
    assert command.lamps & blinkers == lamp


@pytest.mark.parametrize("phases", [(), ((1.0, 1.0),), ((0.5, 0.0), (2.0, -3.0), (1.0, 2.0))])
def test_phases_add_up_like_a_numerical_integration(phases: tuple[tuple[float, float], ...]):
    profile = prolonged(SpeedProfile.constant(7.0), phases)
    speed, station, step = 7.0, 0.0, 1e-3
    starts = np.cumsum([0.0, *(duration for duration, _ in phases)])
    for k in range(5000):
        now = k * step
        rate = sum(a for (d, a), b in zip(phases, starts, strict=False) if b <= now + 1e-9 < b + d)
        station, speed = station + speed * step + rate * step**2 / 2, max(speed + rate * step, 0.0)
    assert profile.station_m(5.0) == pytest.approx(station, abs=0.02)
    assert profile.speed_mps(5.0) == pytest.approx(speed, abs=0.01)
