"""Two-wheelers lean as gravity and centrifugal force ask."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.lean import MAX_LEAN_RAD, STAND_LEAN_RAD, make_lean
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_euler, quat_from_yaw
from rareworld.core.trajectory import Driver
from tests.annotate.world.walks import FPS, poser_of, recorded

BIKE = [BLUEPRINTS["bicycle"]]


def circling(speed_mps, radius_m, count=91, driver=Driver.TRAFFIC, name="bicycle"):
    """Return a ride on a circle to the left (to the right for a negative radius)."""
    angle = speed_mps / radius_m * np.arange(count) / FPS
    position = radius_m * np.stack([np.sin(angle), 1 - np.cos(angle), 0 * angle], axis=1)
    rate = np.zeros((1, count, 3))
    rate[..., 2] = speed_mps / radius_m
    way = speed_mps * np.arange(count) / FPS / 0.34
    return recorded(name, position, quat_from_yaw(angle), way, angular_velocity_radps=rate,
                    driver=np.full((1, count), driver, np.uint8))  # fmt: skip


@pytest.mark.parametrize(("speed_mps", "radius_m"), [(4.0, 20.0), (4.0, -20.0), (5.0, 15.0)])
def test_the_angle_balances_gravity_and_centrifugal_force(speed_mps, radius_m):
    found = make_lean(circling(speed_mps, radius_m).tracks, BIKE).roll_rad[0]
    wanted = -np.arctan(speed_mps**2 / radius_m / 9.81)
    assert np.allclose(found[10:-10], wanted, atol=1e-3)


def test_a_left_bend_tips_the_head_to_the_left():
    rec = circling(4.0, 20.0)
    pose = poser_of(rec).at(1.5).transforms[0].astype(float)
    left = rec.tracks.quat[0, 45]
    side = np.array([-2 * left[0] * left[3], 1 - 2 * left[3] ** 2, 0.0])
    assert pose[:, 2] @ side == pytest.approx(np.sin(np.arctan(16 / 20 / 9.81)), abs=2e-3)


def test_no_lean_is_beyond_the_limit_that_labels_bear():
    found = make_lean(circling(9.0, 10.0).tracks, BIKE).roll_rad
    assert np.abs(found).max() == pytest.approx(MAX_LEAN_RAD, abs=1e-9)
    half, high = BLUEPRINTS["bicycle"].width_m / 2, BLUEPRINTS["bicycle"].height_m
    shoulder = 0.24 * np.cos(MAX_LEAN_RAD) + 0.82 * high * np.sin(MAX_LEAN_RAD)
    assert shoulder - half < 0.30


@pytest.mark.parametrize("driver", [Driver.CONTROLLER, Driver.PHYSICS])
def test_recordings_that_balance_themselves_are_left_alone(driver):
    assert np.allclose(make_lean(circling(4.0, 20.0, driver=driver).tracks, BIKE).roll_rad, 0)


def test_a_recorded_roll_is_not_added_to():
    rec = circling(4.0, 20.0)
    yaw = 0.2 * np.arange(91) / FPS
    rolled = replace(rec.tracks, quat=quat_from_euler(yaw, 0 * yaw, 0 * yaw - 0.08)[None])
    assert np.allclose(make_lean(rolled, BIKE).roll_rad, 0)


def test_standing_riders_lean_onto_the_left_foot():
    still = recorded("bicycle", np.zeros((40, 3)), quat_from_yaw(np.zeros(40)), np.zeros(40))
    lean = make_lean(still.tracks, BIKE)
    assert np.allclose(lean.roll_rad, STAND_LEAN_RAD)
    assert np.allclose(lean.moving, 0)


def test_cars_and_people_neither_lean_nor_stand():
    for name in ("saloon", "adult"):
        rec = circling(4.0, 20.0, name=name)
        lean = make_lean(rec.tracks, [BLUEPRINTS[name]])
        assert not lean.roll_rad.any()
        assert (lean.moving == 1).all()
