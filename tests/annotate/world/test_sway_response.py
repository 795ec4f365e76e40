"""Sway as a spring and damper: step response, resonance and decay in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.suspension import (
    MOST_RAD,
    PITCH_PER_MPS2,
    ROLL_PER_MPS2,
    _swing,
    _transition,
    make_sway,
)
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_yaw
from tests.annotate.world.test_suspension import tracks

W, D = 2 * np.pi * 1.4, 0.35
"""Natural frequency (rad/s) and damping ratio."""
TRACKED = [name for name, spec in BLUEPRINTS.items() if spec.track_m > 0]


def response(wanted: np.ndarray, step_s: float) -> np.ndarray:
    here = np.ones((1, len(wanted)), bool)
    return _swing(wanted[None, None], here, step_s)[0, 0]


@pytest.mark.parametrize("fps", [10.0, 25.0, 30.0, 60.0])
def test_a_step_is_answered_as_a_damped_oscillator_does(fps):
    """1 - e^(-dwt) (cos vt + dw/v sin vt), v = w sqrt(1 - d^2); exact at any frame rate."""
    wanted = np.concatenate([[0.0], np.full(80, 0.02)])
    t = np.arange(81) / fps
    v = W * np.sqrt(1 - D * D)
    expected = 0.02 * (1 - np.exp(-D * W * t) * (np.cos(v * t) + D * W / v * np.sin(v * t)))
    assert np.allclose(response(wanted, 1 / fps), expected, atol=1e-12)


def test_overshoot_is_that_of_the_damping_ratio():
    """exp(-pi d / sqrt(1 - d^2)) = 31 % at half a damped period after the step."""
    found = response(np.concatenate([[0.0], np.ones(4000)]), 0.0005)
    share = np.exp(-np.pi * D / np.sqrt(1 - D * D))
    assert found.max() - 1 == pytest.approx(share, rel=1e-4)
    assert np.argmax(found) * 0.0005 == pytest.approx(np.pi / (W * np.sqrt(1 - D * D)), abs=0.001)


@pytest.mark.parametrize("frequency_hz", [0.2, 0.7, 1.4, 3.0])
def test_a_steady_wave_is_passed_with_the_gain_of_its_frequency(frequency_hz):
    """|H| = 1 / sqrt((1 - r^2)^2 + (2 d r)^2), r the frequency over the natural one."""
    step_s = 0.001
    t = np.arange(20_000) * step_s
    found = response(np.sin(2 * np.pi * frequency_hz * t), step_s)[10_000:]
    r = 2 * np.pi * frequency_hz / W
    gain = 1 / np.sqrt((1 - r * r) ** 2 + (2 * D * r) ** 2)
    assert found.max() == pytest.approx(gain, rel=0.01)


def test_two_half_steps_are_one_whole_step():
    """The transition is a flow: T(h) = T(h/2)^2, and constant input is kept."""
    for step_s in (0.02, 0.04, 0.1):
        whole, push = _transition(step_s)
        half, half_push = _transition(step_s / 2)
        assert np.allclose(whole, half @ half, atol=1e-12)
        assert np.allclose(push, half @ half_push + half_push, atol=1e-12)
        assert np.allclose(whole @ [1.0, 0.0] + push, [1.0, 0.0], atol=1e-12)


def test_the_response_is_linear():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 90)) / 100
    both = response(2 * a - 3 * b, 0.04)
    assert np.allclose(both, 2 * response(a, 0.04) - 3 * response(b, 0.04), atol=1e-14)


def test_energy_of_a_body_left_alone_only_falls():
    keep, _ = _transition(0.01)
    state, last = np.array([0.03, 0.1]), np.inf
    for _ in range(200):
        energy = W * W * state[0] ** 2 + state[1] ** 2
        assert energy < last
        last, state = energy, keep @ state
    assert last < 1e-3 * (W * W * 0.03**2 + 0.01)


@pytest.mark.parametrize("name", TRACKED)
@pytest.mark.parametrize("brake", [2.0, 5.0])
def test_every_vehicle_settles_at_its_gradient_or_at_the_stops(name, brake):
    """Pitch is 0.0045 rad per m/s2 times the height of the centre of mass over 0.55 m."""
    speed = 60.0 - brake * np.arange(200) / 25.0
    pitch = make_sway(tracks(speed), [BLUEPRINTS[name]]).pitch_rad[0]
    soft = min(BLUEPRINTS[name].com_height_m / 0.55, 1.7)
    assert pitch[-1] == pytest.approx(min(brake * PITCH_PER_MPS2 * soft, MOST_RAD), rel=1e-3)
    assert (pitch >= -1e-12).all()


@pytest.mark.parametrize("name", TRACKED)
@pytest.mark.parametrize("yaw_rate", [0.1, -0.25])
def test_every_vehicle_rolls_out_of_a_bend_by_its_gradient(name, yaw_rate):
    roll = make_sway(tracks(np.full(200, 12.0), yaw_rate), [BLUEPRINTS[name]]).roll_rad[0]
    soft = min(BLUEPRINTS[name].com_height_m / 0.55, 1.7)
    wanted = float(np.clip(12.0 * yaw_rate * ROLL_PER_MPS2 * soft, -MOST_RAD, MOST_RAD))
    assert roll[-1] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("yaw", [0.0, 1.1, -2.7])
def test_sway_does_not_depend_on_the_compass(yaw):
    """The same drive heading elsewhere: velocity and attitude turned together."""
    speed = 20.0 - 3.0 * np.arange(80) / 25.0
    made = tracks(speed)
    way = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    turned = replace(
        made, velocity_mps=speed[None, :, None] * way, quat=quat_from_yaw(np.full((1, 80), yaw))
    )
    spec = [BLUEPRINTS["suv"]]
    one, two = make_sway(made, spec), make_sway(turned, spec)
    assert np.allclose(one.pitch_rad, two.pitch_rad, atol=1e-12)


def test_taller_vehicles_sway_more():
    speed = 20.0 - 2.0 * np.arange(80) / 25.0
    names = ("coupe", "saloon", "suv", "van")
    pitch = [make_sway(tracks(speed), [BLUEPRINTS[n]]).pitch_rad[0, -1] for n in names]
    assert pitch == sorted(pitch)
    assert pitch[-1] > 1.4 * pitch[0]


def test_reversing_into_a_brake_pitches_the_other_way():
    """Deceleration while rolling backward pushes the tail down."""
    speed = -8.0 + 2.0 * np.arange(60) / 25.0
    assert make_sway(tracks(speed), [BLUEPRINTS["saloon"]]).pitch_rad[0, -1] < -0.005


def test_actors_do_not_feel_each_other():
    """Two in one recording sway as each would alone."""
    one, two = (tracks(20.0 - a * np.arange(60) / 25.0, r) for a, r in ((3.0, 0.0), (1.0, 0.2)))
    joint = replace(one, **{
        name: np.concatenate([getattr(one, name), getattr(two, name)])
        for name in ("present", "position_m", "quat", "velocity_mps", "angular_velocity_radps",
                     "steer_rad", "wheel_turn_rad", "lamps", "driver")
    })  # fmt: skip
    specs = [BLUEPRINTS["van"], BLUEPRINTS["coupe"]]
    both = make_sway(joint, specs)
    for row, (made, spec) in enumerate(zip((one, two), specs, strict=True)):
        alone = make_sway(made, [spec])
        assert np.allclose(both.pitch_rad[row], alone.pitch_rad[0])
        assert np.allclose(both.roll_rad[row], alone.roll_rad[0])
