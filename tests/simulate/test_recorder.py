"""Resampling: cubic motion is exact, rotations turn evenly, wheels and steps roll."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import Contact
from rareworld.core.geometry import yaw_from_quat
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene
from rareworld.core.trajectory import Driver, SignalState
from rareworld.simulate.assemble import ClipWindow, assemble
from rareworld.simulate.recorder import Recorder
from rareworld.simulate.state import BodyState

SALOON = BLUEPRINTS["saloon"]
ROAD = RoadMap(name="none", lanes={})


def cubic(t: float) -> tuple[np.ndarray, np.ndarray]:
    position = np.array([3 * t - 0.4 * t**3, 0.5 * t**2 + 1, 0.1 * t**3])
    return position, np.array([3 - 1.2 * t**2, t, 0.3 * t**2])


def state(t: float, position: np.ndarray, velocity: np.ndarray, **more: object) -> BodyState:
    upright = BodyState.upright(t, position, 0.0, 0.0)
    fields = {**vars(upright), "velocity_mps": velocity, **more}
    return BodyState(**fields)


def drive(recorder: Recorder, actor: int, times: np.ndarray, code: Driver) -> None:
    for t in times.tolist():
        recorder.body(actor, state(t, *cubic(t)), code, t)


@pytest.mark.parametrize("fps", [24.0, 30.0, 29.97])
def test_cubic_motion_is_resampled_exactly(fps: float) -> None:
    recorder = Recorder()
    drive(recorder, 1, np.arange(0, 2.01, 0.05), Driver.PHYSICS)
    frames = np.arange(round(1.9 * fps)) / fps
    track = recorder.track(1, SALOON, frames)
    exact = np.array([cubic(t)[0] for t in frames.tolist()])
    assert np.abs(track.position_m - exact).max() < 1e-9
    speed = np.array([cubic(t)[1] for t in frames.tolist()])
    assert np.abs(track.velocity_mps - speed).max() < 1e-3


def test_frames_outside_the_samples_are_absent_and_zero() -> None:
    recorder = Recorder()
    drive(recorder, 1, np.arange(1.0, 2.01, 0.05), Driver.CONTROLLER)
    track = recorder.track(1, SALOON, np.arange(0, 4, 0.1))
    assert np.flatnonzero(track.present).tolist() == list(range(10, 21))
    assert not track.position_m[~track.present].any()
    assert not track.quat[~track.present].any()
    assert set(track.driver[track.present].tolist()) == {int(Driver.CONTROLLER)}


def test_turning_is_even_between_samples() -> None:
    recorder = Recorder()
    for t in (0.0, 1.0):
        body = BodyState.upright(t, np.zeros(3), 3.0 + t, 0.0)
        recorder.body(1, body, Driver.PHYSICS, t)
    track = recorder.track(1, SALOON, np.linspace(0, 1, 5))
    turned = np.unwrap(yaw_from_quat(track.quat))
    assert np.diff(turned) == pytest.approx(0.25 * np.ones(4))


def test_only_the_first_of_two_samples_of_one_instant_counts() -> None:
    recorder = Recorder()
    recorder.body(1, BodyState.upright(0.0, np.zeros(3), 0.0, 0.0), Driver.TRAFFIC, 0.0)
    recorder.body(1, BodyState.upright(0.0, np.ones(3), 0.0, 0.0), Driver.CONTROLLER, 0.0)
    assert recorder.samples(1).shape == (1, 18)


@pytest.mark.parametrize(
    ("blueprint", "per_m"),
    [("saloon", 1 / SALOON.wheel_radius_m), ("adult", 2 * math.pi / 1.4)],
)
def test_wheels_and_steps_turn_with_the_way(blueprint: str, per_m: float) -> None:
    recorder = Recorder()
    for t in np.arange(0, 3.01, 0.05).tolist():
        body = BodyState.upright(t, np.array([1.5 * t, 0.0, 0.0]), 0.0, 1.5)
        recorder.body(1, state(t, body.position_m, body.velocity_mps, wheel_turn_rad=math.nan),
                      Driver.TRAFFIC, t)  # fmt: skip
    track = recorder.track(1, BLUEPRINTS[blueprint], np.arange(0, 3, 1 / 30))
    assert track.wheel_turn_rad[0] == 0.0
    assert track.wheel_turn_rad[-1] == pytest.approx(1.5 * (89 / 30) * per_m, rel=1e-6)


def test_wheels_of_physics_turn_as_physics_says() -> None:
    """A locked wheel does not turn however far the body slides."""
    recorder = Recorder()
    for t in (0.0, 0.5, 1.0):
        body = BodyState.upright(t, np.array([8 * t, 0.0, 0.0]), 0.0, 8.0)
        recorder.body(1, body, Driver.PHYSICS, t)
    assert not recorder.track(1, SALOON, np.linspace(0, 1, 9)).wheel_turn_rad.any()


def test_the_steering_angle_drives_the_curve_and_holds_at_rest() -> None:
    recorder, radius, speed = Recorder(), 20.0, 5.0
    for t in np.arange(0, 4.01, 0.05).tolist():
        rate = speed / radius if t < 2 else 0.0
        v = speed if t < 2 else 0.0
        yaw = min(t, 2.0) * speed / radius
        body = BodyState.upright(t, np.zeros(3), yaw, v)
        recorder.body(
            1,
            state(t, body.position_m, body.velocity_mps, quat=body.quat, steer_rad=math.nan,
                  angular_velocity_radps=np.array([0.0, 0.0, rate])),
            Driver.CONTROLLER, t,
        )  # fmt: skip
    steer = recorder.track(1, SALOON, np.arange(0, 4, 0.1)).steer_rad
    wanted = math.atan(SALOON.wheelbase_m / radius)
    assert steer[:19] == pytest.approx(wanted, rel=1e-6)
    assert steer[30:] == pytest.approx(steer[30] * np.ones(10))
    assert steer[30] == pytest.approx(wanted, rel=0.02)


def test_signals_hold_between_samples() -> None:
    recorder = Recorder()
    recorder.signals(0.0, (SignalState.RED, SignalState.GREEN))
    recorder.signals(1.0, (SignalState.GREEN, SignalState.GREEN))
    states = recorder.signal_states(2, np.array([0.0, 0.99, 1.0, 5.0]))
    assert states.tolist() == [[0, 0, 2, 2], [2, 2, 2, 2]]
    assert Recorder().signal_states(1, np.zeros(2)).tolist() == [[4, 4]]


def _clip(**more: float) -> ClipWindow:
    fields = {"start_s": 0.0, "duration_s": 1.0, "fps": 10.0, "radius_m": 50.0, **more}
    return ClipWindow(focus_m=(0.0, 0.0), **fields)


def _actors(*ids: int) -> dict[int, Actor]:
    return {i: Actor(id=i, blueprint="saloon") for i in ids}


def test_actors_are_numbered_by_first_appearance_and_far_ones_left_out() -> None:
    recorder = Recorder()
    drive(recorder, 9, np.arange(0.0, 2.0, 0.05), Driver.TRAFFIC)
    drive(recorder, 4, np.arange(0.5, 2.0, 0.05), Driver.TRAFFIC)
    drive(recorder, 7, np.arange(3.0, 4.0, 0.05), Driver.TRAFFIC)
    for t in (0.0, 1.0):
        far = BodyState.upright(t, np.array([90.0, 0, 0]), 0.0, 0.0)
        recorder.body(2, far, Driver.PARKED, t)
    touch = Contact(
        first=4, second=9, time_s=0.7, point_m=(0, 0, 0), normal=(1, 0, 0), relative_speed_mps=1.0
    )
    late = Contact(
        first=7, second=0, time_s=3.5, point_m=(0, 0, 0), normal=(1, 0, 0), relative_speed_mps=1.0
    )
    scene = Scene(name="s", road=ROAD)
    recording = assemble(recorder, scene, _actors(2, 4, 7, 9), _clip(), (touch, late), {"a": 1})
    assert [actor.id for actor in recording.scene.actors] == [1, 2]
    assert [(c.first, c.second, c.time_s) for c in recording.contacts] == [(2, 1, 0.7)]
    assert recording.tracks.present.sum(axis=1).tolist() == [10, 5]
    kept = assemble(recorder, scene, _actors(2, 4, 7, 9), _clip(), (), {}, always=frozenset({2}))
    assert len(kept.scene.actors) == 3


def test_the_clock_of_the_clip_starts_at_zero() -> None:
    recorder = Recorder()
    drive(recorder, 1, np.arange(0.0, 4.0, 0.05), Driver.CONTROLLER)
    scene = Scene(name="s", road=ROAD)
    recording = assemble(recorder, scene, _actors(1), _clip(start_s=1.23), (), {})
    assert recording.tracks.time_s.tolist() == [k / 10 for k in range(10)]
    assert recording.tracks.position_m[0, 0] == pytest.approx(cubic(1.23)[0], abs=1e-9)


def circle(t: float, radius: float, speed: float) -> tuple[np.ndarray, np.ndarray]:
    angle = speed * t / radius
    at = radius * np.array([math.sin(angle), 1 - math.cos(angle), 0.0])
    return at, speed * np.array([math.cos(angle), math.sin(angle), 0.0])


@pytest.mark.parametrize("speed", [3.0, 12.0])
def test_motion_on_a_circle_is_resampled_to_its_fourth_order(speed: float) -> None:
    """Hermite's error is below v^4 h^4 / (384 r^3); a straight line's would be v^2 h^2 / 8 r."""
    recorder, radius, h = Recorder(), 12.0, 0.05
    for t in np.arange(0, 2.01, h).tolist():
        recorder.body(1, state(t, *circle(t, radius, speed)), Driver.PHYSICS, t)
    frames = np.arange(0, 1.9, 1 / 97.0)
    track = recorder.track(1, SALOON, frames)
    exact = np.array([circle(t, radius, speed)[0] for t in frames.tolist()])
    bound = (speed * h) ** 4 / (384 * radius**3)
    assert np.linalg.norm(track.position_m - exact, axis=1).max() < 1.05 * bound + 1e-12


def test_velocities_of_traffic_become_central_differences_but_not_at_a_hand_over() -> None:
    """SUMO's own velocity samples are wrong on purpose; those beside the hand-over stay."""
    recorder = Recorder()
    wrong = np.array([9.0, 0.0, 0.0])
    for k in range(21):
        t = 0.05 * k
        code = Driver.TRAFFIC if k < 10 else Driver.CONTROLLER
        recorder.body(1, state(t, np.array([4.0 * t, 0.0, 0.0]), wrong), code, t)
    at = np.array([0.05 * k for k in range(21)])
    velocity = recorder.track(1, SALOON, at).velocity_mps[:, 0]
    assert velocity[1:9] == pytest.approx(np.full(8, 4.0))
    assert velocity[[0, 9, 10, 20]] == pytest.approx(np.full(4, 9.0))


def test_lamps_and_drivers_hold_their_value_until_the_next_sample() -> None:
    recorder = Recorder()
    for t, lamps, code in ((0.0, 8, Driver.TRAFFIC), (1.0, 0, Driver.CONTROLLER),
                           (2.0, 4, Driver.PHYSICS)):  # fmt: skip
        recorder.body(1, state(t, np.zeros(3), np.zeros(3), lamps=lamps), code, t)
    track = recorder.track(1, SALOON, np.array([0.0, 0.99, 1.0, 1.99, 2.0]))
    assert track.lamps.tolist() == [8, 8, 0, 0, 4]
    assert track.driver.tolist() == [
        int(code) for code in (Driver.TRAFFIC,) * 2 + (Driver.CONTROLLER,) * 2 + (Driver.PHYSICS,)
    ]


@pytest.mark.parametrize(("blueprint", "stride_m"), [("adult", 1.4), ("child", 0.8 * 1.25)])
def test_a_double_step_is_four_fifths_of_the_height(blueprint: str, stride_m: float) -> None:
    spec = BLUEPRINTS[blueprint]
    recorder = Recorder()
    for t in np.arange(0, 4.01, 0.05).tolist():
        body = state(t, np.array([1.2 * t, 0.0, 0.0]), np.array([1.2, 0.0, 0.0]))
        recorder.body(1, body, Driver.TRAFFIC, t)
    turn = recorder.track(1, spec, np.arange(0, 4, 0.05)).wheel_turn_rad
    steps = turn[-1] / (2 * math.pi)
    assert steps == pytest.approx(1.2 * 3.95 / (0.8 * spec.height_m), rel=1e-6)
    assert 0.8 * spec.height_m == pytest.approx(stride_m, rel=0.15)


def test_wheels_turn_back_when_a_vehicle_reverses() -> None:
    recorder = Recorder()
    for t in np.arange(0, 2.01, 0.05).tolist():
        recorder.body(
            1,
            state(t, np.array([-2.0 * t, 0, 0]), np.array([-2.0, 0, 0]), wheel_turn_rad=math.nan),
            Driver.CONTROLLER, t,
        )  # fmt: skip
    turn = recorder.track(1, SALOON, np.arange(0, 2, 0.1)).wheel_turn_rad
    assert (np.diff(turn) < 0).all()
    assert turn[-1] == pytest.approx(-2.0 * 1.9 / SALOON.wheel_radius_m)


def test_a_sighting_and_a_body_of_the_same_pose_give_the_same_sample() -> None:
    from rareworld.simulate.sumo.actors import Sighting

    seen = Sighting(
        id=1, name="v", blueprint="suv", time_s=0.5, x_m=4.0, y_m=-2.0, z_m=0.3, yaw_rad=0.9,
        pitch_rad=0.05, vx_mps=1.0, vy_mps=2.0, vz_mps=0.1, yaw_rate_radps=0.2, lamps=8, lane="e",
    )  # fmt: skip
    one, two = Recorder(), Recorder()
    one.sighting(seen)
    two.body(1, seen.state(), Driver.TRAFFIC, 0.5)
    assert one.samples(1)[0, :14] == pytest.approx(two.samples(1)[0, :14], abs=1e-12)
    assert one.samples(1)[0, 16:] == pytest.approx(two.samples(1)[0, 16:])


def test_one_sample_alone_is_one_frame() -> None:
    recorder = Recorder()
    recorder.body(1, state(0.5, np.ones(3), np.zeros(3)), Driver.PARKED, 0.5)
    track = recorder.track(1, SALOON, np.array([0.4, 0.5, 0.6]))
    assert track.present.tolist() == [False, True, False]
    assert track.position_m[1].tolist() == [1.0, 1.0, 1.0]
