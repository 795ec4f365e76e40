"""Tyre curves and vehicle motion against closed forms."""

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.simulate.crash.config import PhysicsConfig, TyreConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.tyre import Tyres, VehicleInput, brush_share
from rareworld.simulate.state import Command
from tests.simulate.crash.crash_bench import COARSE, G, pose, put, run, world


def brush_integral(slip, stiffness, friction, cells=20000):
    """Side force of a brush by integrating its bristles over a parabolic pressure."""
    x = (np.arange(cells) + 0.5) / cells
    pressure = 6 * x * (1 - x)
    shear = 2 * stiffness * abs(slip) * x
    return np.sign(slip) * np.minimum(shear, friction * pressure).mean() / friction


@pytest.mark.parametrize("slip", [-0.3, -0.05, 0.01, 0.03, 0.08, 0.15, 0.4])
def test_brush_curve_matches_bristle_integral(slip):
    share = float(brush_share(np.array([slip]), 13.0, 0.85)[0])
    assert share == pytest.approx(brush_integral(slip, 13.0, 0.85), abs=1e-4)


def slid(slip_angle, speed=20.0, brake=0.0, **more):
    """Total force of a car held at a slip angle until its tyres have settled."""
    spec, config = BLUEPRINTS["saloon"], TyreConfig(**more)
    tyres = Tyres((spec,), config, G)
    qpos = np.array([[0, 0, spec.com_height_m, 1, 0, 0, 0.0]])
    velocity = [speed * np.cos(slip_angle), speed * np.sin(slip_angle), 0, 0, 0, 0]
    asked = VehicleInput(
        steer_rad=np.zeros(1), drive_mps2=np.zeros(1), brake_mps2=np.array([brake])
    )
    for _ in range(500):
        out = tyres.step(qpos, np.array([velocity]), asked, Ground(), 0.002)
    return out[0], tyres


@pytest.mark.parametrize("angle", [0.01, 0.05, 0.1, 0.3])
def test_settled_side_force_is_the_brush_formula(angle):
    force, _ = slid(angle, rolling_resistance=0.0)
    weight = BLUEPRINTS["saloon"].mass_kg * G
    slip = np.array([np.tan(angle)])
    front, rear = (float(brush_share(slip, c, 0.85)[0]) for c in (13.0, 15.0))
    assert force[1] == pytest.approx(-0.85 * weight * (front + rear) / 2, rel=1e-6)


@pytest.mark.parametrize(("angle", "brake"), [(0.3, 8.0), (0.05, 7.0), (0.0, 30.0)])
def test_force_stays_within_the_friction_circle(angle, brake):
    force, tyres = slid(angle, brake=brake)
    assert np.hypot(force[0], force[1]) <= 0.85 * tyres.load_n.sum() * (1 + 1e-9)


def test_locked_wheel_pushes_against_its_sliding():
    force, tyres = slid(0.3, brake=12.0, antilock=False)
    assert np.arctan2(-force[1], -force[0]) == pytest.approx(0.3, abs=1e-6)
    assert np.hypot(*force[:2]) == pytest.approx(0.85 * 0.85 * tyres.load_n.sum(), rel=1e-6)
    assert tyres.turn_rad[0] == 0.0


def stopping(config, speed, blueprint="saloon", ask=8.0):
    place = world(config)
    put(place, 1, blueprint, pose(0, speed=speed))
    place.command(1, Command(accel_mps2=-ask))
    place.step_to(1.2 * speed / 2.9)
    return place.state(1)


@pytest.mark.parametrize(("name", "friction"), [("hatchback", 0.3), ("suv", 0.7), ("van", 0.5)])
def test_brake_distance_is_v2_over_2_mu_g(name, friction):
    config = PhysicsConfig(step_s=0.004, tyre=TyreConfig(friction=friction))
    end = stopping(config, 10.0, name)
    assert end.position_m[0] == pytest.approx(10**2 / (2 * friction * G), rel=0.03)
    assert end.speed_mps < 0.01


def test_locked_brakes_slide_farther():
    tyre = TyreConfig(friction=0.5, antilock=False, slide_ratio=0.8)
    end = stopping(PhysicsConfig(step_s=0.004, tyre=tyre), 10.0)
    assert end.position_m[0] == pytest.approx(10**2 / (2 * 0.4 * G), rel=0.03)


def test_coasting_loses_speed_by_rolling_resistance():
    place = world(PhysicsConfig(tyre=TyreConfig(rolling_resistance=0.02)))
    put(place, 1, "saloon", pose(0, speed=20.0))
    place.step_to(2.0)
    assert place.state(1).speed_mps == pytest.approx(20 - 0.02 * G * 2, rel=0.01)


@pytest.mark.parametrize(("speed", "steer"), [(5.0, 0.15), (12.0, 0.04), (20.0, 0.02)])
def test_cornering_radius_is_that_of_the_bicycle_model(speed, steer):
    place = world(PhysicsConfig(tyre=TyreConfig(rolling_resistance=0.0)))
    put(place, 1, "saloon", pose(0, speed=speed))
    place.command(1, Command(steer_rad=steer))
    place.step_to(4.0)
    state = place.state(1)
    radius = state.speed_mps / state.angular_velocity_radps[2]
    understeer = (1 / 13.0 - 1 / 15.0) / G
    wheelbase = BLUEPRINTS["saloon"].wheelbase_m
    wanted = (wheelbase + understeer * state.speed_mps**2) / np.tan(steer)
    assert radius == pytest.approx(wanted, rel=0.04)


def test_braking_shifts_load_to_the_front_by_height_over_wheelbase():
    spec = BLUEPRINTS["suv"]
    tyres_config = PhysicsConfig(tyre=TyreConfig(friction=0.6, rolling_resistance=0.0))
    place = world(tyres_config)
    put(place, 1, "suv", pose(0, speed=30.0))
    place.command(1, Command(accel_mps2=-5.0))
    place.step_to(2.0)
    load = place._vehicles()._tyres.load_n[0]
    shift = (load[:2].sum() - load[2:].sum()) / 2
    assert shift == pytest.approx(
        spec.mass_kg * 5.0 * spec.com_height_m / spec.wheelbase_m, rel=0.05
    )


@pytest.mark.slow
def test_parked_cars_rest_without_creep_on_flat_and_slope():
    ground = Ground.sampled(lambda p: 0.08 * np.maximum(p[:, 0], 0), (-50, -50, 50, 50), 5.0)
    place = world(COARSE, ground=ground)
    put(place, 1, "saloon", pose(-20), role="parked")
    uphill = pose(20)
    uphill.position_m[2] = 1.6
    put(place, 2, "van", uphill, role="parked")
    place.step_to(1.5)
    before = [place.state(i).position_m for i in (1, 2)]
    place.step_to(11.5)
    after = [place.state(i).position_m for i in (1, 2)]
    np.testing.assert_allclose(after, before, atol=1e-3)


def test_dropped_car_falls_freely_then_settles_on_its_springs():
    place = world()
    state = pose(0)
    state.position_m[2] = 1.0
    put(place, 1, "saloon", state)
    place.step_to(0.3)
    assert place.state(1).position_m[2] == pytest.approx(1 - G * 0.3**2 / 2, abs=0.004)
    place.step_to(2.5)
    assert place.state(1).position_m[2] == pytest.approx(0.0, abs=1e-3)


def test_steering_turns_no_faster_than_its_rate():
    place = world()
    put(place, 1, "saloon", pose(0, speed=3.0))
    place.command(1, Command(steer_rad=0.5))
    angles = [place.state(1).steer_rad for _ in run(place, 0.3, 0.1)]
    np.testing.assert_allclose(angles, [0.12, 0.24, 0.36], atol=1e-9)


def test_wheels_turn_as_far_as_the_car_rolls():
    place = world()
    put(place, 1, "saloon", pose(0, speed=10.0))
    place.step_to(2.0)
    state = place.state(1)
    assert state.wheel_turn_rad * 0.32 == pytest.approx(state.position_m[0], rel=1e-3)
