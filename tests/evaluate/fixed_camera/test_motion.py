"""Speeds and accelerations of paths that are known, in own sizes and in metres."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, straight
from rareworld.core.camera import Camera
from rareworld.evaluate.fixed_camera import check_clip
from rareworld.evaluate.fixed_camera.motion import fit_motion, on_ground, resized

CAMERA = Camera.looking_at(
    "c", (0.0, -25.0, 12.0), (0.0, 0.0, 0.0), width=224, height=128, hfov_rad=1.0
)


def test_quadratics_are_fitted_exactly_and_without_error():
    times = np.arange(12) / 8
    path = np.stack([3 + 2 * times - 4 * times**2, 1 - times + 0.5 * times**2], axis=1)
    motion = fit_motion(times, path, np.ones(12, bool), 0.75)
    np.testing.assert_allclose(
        motion.accel[motion.known], [[-8, 1]] * motion.known.sum(), atol=1e-9
    )
    np.testing.assert_allclose(motion.velocity[6], [2 - 8 * times[6], -1 + times[6]], atol=1e-9)
    np.testing.assert_allclose(motion.error[motion.known], 0, atol=1e-9)
    assert motion.known[3:9].all()


def test_the_error_is_the_spread_of_the_accelerations():
    draws = np.random.Generator(np.random.Philox(0))
    times = np.arange(40) / 30
    found, stated = [], []
    for _ in range(300):
        motion = fit_motion(times, draws.normal(size=(40, 2)), np.ones(40, bool), 0.75)
        found.append(motion.accel[20])
        stated.append(motion.error[20])
    length = np.sqrt((np.array(found) ** 2).sum(1).mean())
    assert np.sqrt((np.array(stated) ** 2).mean()) == pytest.approx(length, rel=0.1)


def test_gaps_and_short_paths_are_not_known():
    times = np.arange(4) / 8
    assert not fit_motion(times, np.zeros((4, 2)), np.ones(4, bool), 0.75).known.any()


def test_the_ground_under_a_pixel_projects_back_to_it():
    places = np.array([[0.0, 0, 0], [6.0, 5, 0], [-8.0, -3, 0], [2.0, 30, 0]])
    pixels, _ = CAMERA.project(places)
    np.testing.assert_allclose(on_ground(CAMERA, pixels), places[:, :2], atol=1e-9)


def test_the_sky_is_no_ground():
    assert np.isnan(on_ground(CAMERA, np.array([[112.0, -400.0]]))).all()


def test_a_resized_camera_sees_the_same_place_at_the_scaled_pixel():
    small = resized(CAMERA, 112, 32)
    place = np.array([[3.0, 4.0, 0.0]])
    (full, _), (part, _) = CAMERA.project(place), small.project(place)
    np.testing.assert_allclose(part, full * [0.5, 0.25], rtol=1e-12)


def judged(vehicle, camera=None, frames=17):
    found = check_clip("clip", draw([vehicle], noise=0.5, frames=frames), FPS, camera=camera).judged
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("speed", [2.0, 4.0])
def test_constant_speed_is_found_in_own_sizes(speed):
    size = np.sqrt(22 * 14)
    motion = judged(Vehicle(straight((30, 60), (speed * size, 0)))).motion
    assert motion.speed == pytest.approx(speed, rel=0.15)
    assert motion.accel < 1.0


def driven(path_m):
    """Return a box 2 m wide whose foot runs along a path on the ground."""

    def box(t):
        x, y = path_m(t)
        ends, _ = CAMERA.project(np.array([[x - 2, y, 0.0], [x + 2, y, 0], [x, y, 1.6]]))
        return ends[0, 0], ends[2, 1], ends[1, 0], ends[:2, 1].mean()

    def size(t):
        left, top, right, bottom = box(t)
        return right - left, bottom - top

    def path(t):
        left, top, right, bottom = box(t)
        return (left + right) / 2, (top + bottom) / 2

    return Vehicle(path, size)


def test_speed_on_the_ground_is_found_in_metres():
    item = judged(driven(lambda t: (-9 + 9 * t, 1.0)), CAMERA)
    assert item.metres.speed_mps == pytest.approx(9, rel=0.1)
    assert max(item.metres.brake_mps2, item.metres.lateral_mps2) < 3
    assert "implausible" not in item.faults


@pytest.mark.parametrize(("brake", "fault"), [(6.0, False), (25.0, True)])
def test_braking_past_what_tyres_hold_is_implausible(brake, fault):
    speed = 14.0

    def path(t):
        since = min(max(t - 0.9, 0), speed / brake)
        return -13 + speed * min(t, 0.9 + since) - brake * since**2 / 2, 1.0

    item = judged(driven(path), CAMERA)
    assert ("implausible" in item.faults) is fault


def test_a_jump_in_the_path_is_implausible_without_a_camera():
    path = lambda t: (40 + 40 * t + (35 if t > 1.0 else 0), 60)  # noqa: E731
    big = Vehicle(path, lambda t: (40.0, 26.0))
    assert "implausible" in judged(big).faults
