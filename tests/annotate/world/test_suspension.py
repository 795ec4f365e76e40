"""Sway of bodies: signs, limits, who sways, and the oscillator against a fine integration."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.suspension import (
    MOST_RAD,
    PITCH_PER_MPS2,
    ROLL_PER_MPS2,
    _swing,
    make_sway,
)
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.trajectory import Driver, Tracks

FPS = 25.0


def tracks(speed: np.ndarray, yaw_rate: float = 0.0, driver: Driver = Driver.TRAFFIC) -> Tracks:
    """One actor along x with a given speed per frame."""
    t = len(speed)
    velocity = np.zeros((1, t, 3))
    velocity[0, :, 0] = speed
    rate = np.zeros((1, t, 3))
    rate[..., 2] = yaw_rate
    return Tracks(
        time_s=np.arange(t) / FPS, present=np.ones((1, t), bool), position_m=np.zeros((1, t, 3)),
        quat=np.tile([1.0, 0, 0, 0], (1, t, 1)), velocity_mps=velocity,
        angular_velocity_radps=rate, steer_rad=np.zeros((1, t)), wheel_turn_rad=np.zeros((1, t)),
        lamps=np.zeros((1, t), np.uint32), driver=np.full((1, t), int(driver), np.uint8),
    )  # fmt: skip


def braking(decel: float = 4.0) -> np.ndarray:
    return np.maximum(20.0 - decel * np.arange(100) / FPS, 0.0)


def test_braking_dips_the_nose_and_settles_at_the_gradient():
    sway = make_sway(tracks(braking()), [BLUEPRINTS["saloon"]])
    soft = BLUEPRINTS["saloon"].com_height_m / 0.55
    assert sway.pitch_rad[0, 60] == pytest.approx(4.0 * PITCH_PER_MPS2 * soft, rel=0.05)
    assert (sway.roll_rad == 0).all()


@pytest.mark.parametrize("yaw_rate", [0.3, -0.3])
def test_a_left_bend_rolls_to_the_right(yaw_rate):
    sway = make_sway(tracks(np.full(100, 10.0), yaw_rate), [BLUEPRINTS["saloon"]])
    soft = BLUEPRINTS["saloon"].com_height_m / 0.55
    wanted = 10.0 * yaw_rate * ROLL_PER_MPS2 * soft
    assert sway.roll_rad[0, -1] == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("name", ["adult", "bicycle", "motorcycle"])
def test_people_and_two_wheelers_do_not_sway(name):
    sway = make_sway(tracks(braking(), 0.4), [BLUEPRINTS[name]])
    assert (sway.pitch_rad == 0).all()
    assert (sway.roll_rad == 0).all()


@pytest.mark.parametrize("driver", [Driver.PHYSICS, Driver.CONTROLLER, Driver.PARKED])
def test_bodies_with_springs_of_their_own_get_no_second_ones(driver):
    sway = make_sway(tracks(braking(), 0.4, driver), [BLUEPRINTS["van"]])
    assert (sway.pitch_rad == 0).all()
    assert (sway.roll_rad == 0).all()


def test_sway_fades_when_physics_takes_over():
    made = tracks(braking())
    driver = made.driver.copy()
    driver[:, 50:] = int(Driver.PHYSICS)
    pitch = make_sway(replace(made, driver=driver), [BLUEPRINTS["saloon"]]).pitch_rad[0]
    assert pitch[49] > 0.01
    assert np.abs(pitch[49] - pitch[50]) < 0.006
    assert np.abs(pitch[80:]).max() < 1e-3


def test_labels_stay_within_the_stated_distance_of_the_box():
    """At the stops, a roof corner is 7 cm aside (height) and 10 cm up or down (half the length)."""
    sway = make_sway(tracks(braking(15.0), 1.5), [BLUEPRINTS["van"]])
    assert np.abs(sway.pitch_rad).max() <= MOST_RAD
    assert np.abs(sway.roll_rad).max() <= MOST_RAD
    assert MOST_RAD * 1.5 < 0.07
    assert MOST_RAD * 4.65 / 2 < 0.105


def test_the_oscillator_agrees_with_a_fine_integration():
    rng = np.random.default_rng(1)
    wanted = np.repeat(rng.uniform(-0.02, 0.02, 10), 6)[None, None]
    found = _swing(wanted, np.ones((1, 60), bool), 1 / FPS)[0, 0]
    w, d, steps = 2 * np.pi * 1.4, 0.35, 2000
    angle, rate, slow = wanted[0, 0, 0], 0.0, [wanted[0, 0, 0]]
    for aim in wanted[0, 0, 1:]:
        for _ in range(steps):
            rate += (w * w * (aim - angle) - 2 * d * w * rate) / FPS / steps
            angle += rate / FPS / steps
        slow.append(angle)
    assert np.abs(found - slow).max() < 2e-5


def test_an_actor_that_comes_late_starts_settled():
    made = tracks(braking())
    present = made.present.copy()
    present[:, :30] = False
    pitch = make_sway(replace(made, present=present), [BLUEPRINTS["saloon"]]).pitch_rad[0]
    assert (pitch[:30] == 0).all()
    assert np.isfinite(pitch).all()


def test_one_frame_does_not_sway():
    assert make_sway(tracks(braking()[:1]), [BLUEPRINTS["saloon"]]).pitch_rad.tolist() == [[0.0]]
