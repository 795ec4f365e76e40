"""All wheels at once against one wheel at a time, and what drivers may ask."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_euler
from rareworld.simulate.crash.config import PhysicsConfig, TyreConfig
from rareworld.simulate.crash.fleet import Fleet, WheelMemory
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.tyre import Tyres, VehicleInput
from rareworld.simulate.state import Command
from tests.simulate.crash.crash_bench import G, pose, put, world
from tests.simulate.crash.wheel_twin import SlowCar

KINDS = ("saloon", "van", "box_truck")
SLOPE = np.array([-0.05, 0.03, 1.0]) / math.sqrt(0.05**2 + 0.03**2 + 1)


def plane(x, y):
    return 0.05 * x - 0.03 * y, SLOPE


def sloping():
    return Ground.sampled(lambda p: 0.05 * p[:, 0] - 0.03 * p[:, 1], (-60, -60, 60, 60), 5.0)


def drawn(seed):
    """Bodies about level above the slope, at all speeds, and what their drivers ask."""
    rng = np.random.default_rng(seed)
    qpos, qvel = np.zeros((3, 7)), np.zeros((3, 6))
    for row, kind in enumerate(KINDS):
        x, y = rng.uniform(-20, 20, 2)
        z = plane(x, y)[0] + BLUEPRINTS[kind].com_height_m + rng.uniform(-0.15, 0.2)
        yaw, pitch, roll = rng.uniform(-3, 3), *rng.uniform(-0.1, 0.1, 2)
        qpos[row] = [x, y, z, *quat_from_euler(float(yaw), float(pitch), float(roll))]
        qvel[row] = [*rng.uniform(-15, 15, 2), rng.uniform(-1, 1), *rng.uniform(-0.5, 0.5, 3)]
    asked = rng.uniform([-0.5, 0, 0], [0.5, 3, 10], (3, 3))
    return qpos, qvel, asked


@pytest.mark.parametrize("antilock", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_all_wheels_at_once_equal_one_wheel_at_a_time(seed, antilock):
    qpos, qvel, asked = drawn(seed)
    config = TyreConfig(antilock=antilock)
    tyres = Tyres(tuple(BLUEPRINTS[kind] for kind in KINDS), config, G)
    slow = [SlowCar(BLUEPRINTS[kind], config) for kind in KINDS]
    wanted = VehicleInput(steer_rad=asked[:, 0], drive_mps2=asked[:, 1], brake_mps2=asked[:, 2])
    for _ in range(12):
        fast = tyres.step(qpos, qvel, wanted, sloping(), 0.002)
        for row, car in enumerate(slow):
            twin = car.step(qpos[row], qvel[row], *asked[row], plane, 0.002)
            np.testing.assert_allclose(fast[row], twin, rtol=1e-9, atol=1e-6)
        qpos[:, :3] += 0.002 * qvel[:, :3]
    assert np.count_nonzero(tyres.load_n) > 0


def fleet(kinds, config=None):
    config = config or PhysicsConfig()
    specs = [BLUEPRINTS[kind] for kind in kinds]
    return Fleet(range(len(kinds)), specs, [WheelMemory() for _ in kinds], config)


def test_a_vehicle_does_not_feel_the_others_of_its_fleet():
    qpos, qvel, _ = drawn(9)
    together, ground = fleet(KINDS), Ground()
    alone = [fleet((kind,)) for kind in KINDS]
    for index in range(3):
        command = Command(steer_rad=0.1 * index, accel_mps2=1.0 - index)
        together.ask(index, command)
        alone[index].ask(0, command)
    for _ in range(5):
        forces = together.forces(qpos, qvel, ground)
        for index in range(3):
            rows = slice(index, index + 1)
            own = alone[index].forces(qpos[rows], qvel[rows], ground)
            np.testing.assert_array_equal(forces[rows], own)


@pytest.mark.parametrize(
    ("command", "steer", "drive", "brake"),
    [
        (Command(steer_rad=2.0, accel_mps2=99.0), 0.6, 3.0, 0.0),
        (Command(steer_rad=-2.0, accel_mps2=-99.0), -0.6, 0.0, 8.0),
        (Command(steer_rad=0.1, accel_mps2=0.0), 0.1, 0.0, 0.0),
    ],
)
def test_drivers_get_no_more_than_the_blueprint_allows(command, steer, drive, brake):
    one = fleet(("saloon",))
    one.ask(0, command)
    assert (one._wanted[0], one._drive[0], one._brake[0]) == (steer, drive, brake)


def test_a_stunned_driver_leaves_the_wheels_turned_and_the_brakes_dragging():
    one, memory = fleet(("saloon",)), WheelMemory()
    one = Fleet([0], [BLUEPRINTS["saloon"]], [memory], PhysicsConfig(crash_brake_mps2=4.0))
    qpos, qvel, _ = drawn(1)
    one.ask(0, Command(steer_rad=0.5, accel_mps2=3.0))
    for _ in range(50):
        one.forces(qpos, qvel, Ground())
    one.stun(0)
    one.remember()
    turned = memory.steer_rad
    assert turned == pytest.approx(50 * 0.002 * 1.2)
    for _ in range(50):
        one.forces(qpos, qvel, Ground())
    one.remember()
    assert memory.steer_rad == turned
    assert (one._drive[0], one._brake[0]) == (0.0, 4.0)


def test_wheels_remember_across_a_change_of_the_fleet():
    qpos, qvel, _ = drawn(5)
    memory = [WheelMemory() for _ in KINDS]
    specs = [BLUEPRINTS[kind] for kind in KINDS]
    whole, first = (Fleet(range(3), specs, memory, PhysicsConfig()) for _ in range(2))
    for _ in range(10):
        steady = whole.forces(qpos, qvel, Ground())
    for _ in range(5):
        first.forces(qpos, qvel, Ground())
    first.remember()
    again = Fleet(range(3), specs, memory, PhysicsConfig())
    for _ in range(5):
        resumed = again.forces(qpos, qvel, Ground())
    np.testing.assert_array_equal(resumed, steady)


@settings(deadline=None, max_examples=40)
@given(
    st.floats(-3.1, 3.1), st.floats(0, 40), st.floats(0, 12), st.floats(0, 3), st.floats(-0.6, 0.6)
)
def test_road_never_gives_more_than_friction_times_load(course, speed, brake, drive, steer):
    spec = BLUEPRINTS["suv"]
    tyres = Tyres((spec,), TyreConfig(friction=0.6), G)
    qpos = np.array([[0, 0, spec.com_height_m, 1, 0, 0, 0.0]])
    qvel = np.array([[speed * math.cos(course), speed * math.sin(course), 0, 0, 0, 0.3]])
    asked = VehicleInput(
        steer_rad=np.array([steer]), drive_mps2=np.array([drive]), brake_mps2=np.array([brake])
    )
    for _ in range(30):
        force = tyres.step(qpos, qvel, asked, Ground(), 0.005)[0]
        assert np.hypot(force[0], force[1]) <= 0.6 * tyres.load_n.sum() * (1 + 1e-9)


def test_wheels_in_the_air_and_on_the_roof_push_nothing():
    spec = BLUEPRINTS["saloon"]
    for height, quat in ((1.5, (1, 0, 0, 0)), (0.9, (0, 1, 0, 0))):
        tyres = Tyres((spec,), TyreConfig(), G)
        qpos = np.array([[0, 0, height, *quat]], dtype=float)
        wanted = VehicleInput(steer_rad=np.zeros(1), drive_mps2=np.ones(1), brake_mps2=np.zeros(1))
        force = tyres.step(qpos, np.array([[9.0, 1, 0, 0, 0, 0]]), wanted, Ground(), 0.002)
        np.testing.assert_array_equal(force, 0)


@pytest.mark.parametrize("name", ["hatchback", "city_bus"])
def test_full_throttle_gives_the_blueprints_acceleration(name):
    place, spec = world(PhysicsConfig(tyre=TyreConfig(rolling_resistance=0))), BLUEPRINTS[name]
    put(place, 1, name, pose(0, speed=5.0))
    place.command(1, Command(accel_mps2=9.0))
    place.step_to(2.0)
    assert place.state(1).speed_mps == pytest.approx(5 + 2 * spec.max_accel_mps2, rel=0.01)


def test_wheels_spin_no_faster_than_grip_allows_on_ice():
    place = world(PhysicsConfig(tyre=TyreConfig(friction=0.05, rolling_resistance=0)))
    put(place, 1, "saloon", pose(0, speed=2.0))
    place.command(1, Command(accel_mps2=3.0))
    place.step_to(2.0)
    assert place.state(1).speed_mps == pytest.approx(2 + 2 * 0.05 * G, rel=0.03)


def test_locked_car_goes_on_along_its_course_whatever_its_wheels_point_at():
    tyre = TyreConfig(friction=0.6, antilock=False)
    place = world(PhysicsConfig(tyre=tyre))
    put(place, 1, "saloon", pose(0, speed=15.0))
    place.command(1, Command(steer_rad=0.4, accel_mps2=-8.0))
    place.step_to(1.5)
    assert abs(place.state(1).position_m[1]) < 0.35
    steering = world(PhysicsConfig(tyre=TyreConfig(friction=0.6)))
    put(steering, 1, "saloon", pose(0, speed=15.0))
    steering.command(1, Command(steer_rad=0.4, accel_mps2=-3.0))
    steering.step_to(1.5)
    assert steering.state(1).position_m[1] > 2.0
