"""The led body against closed forms of the tractrix and of steady turning."""

import math

import numpy as np
import pytest

from rareworld.simulate.sumo.pose import (
    TrailedBody,
    WalkingBody,
    sumo_from_yaw,
    turn_between,
    yaw_from_sumo,
)

STEP_S = 0.05


def car(yaw: float = 0.0, speed: float = 0.0, **more: float) -> TrailedBody:
    body = TrailedBody(
        length_m=4.6, wheelbase_m=2.7, front_x_m=0.0, front_y_m=0.0, yaw_rad=yaw,
        speed_mps=speed, **more,
    )  # fmt: skip
    body.start(0.0, 0.0)
    return body


def circle(body: TrailedBody, radius_m: float, speed: float, steps: int) -> None:
    for k in range(1, steps + 1):
        angle = speed * STEP_S * k / radius_m
        body.lead(radius_m * math.sin(angle), radius_m * (1 - math.cos(angle)), speed, STEP_S)


@pytest.mark.parametrize(
    ("angle_deg", "yaw_rad"), [(0, math.pi / 2), (90, 0.0), (180, -math.pi / 2), (270, math.pi)]
)
def test_sumo_angles_turn_clockwise_from_north(angle_deg: float, yaw_rad: float) -> None:
    assert abs(turn_between(yaw_from_sumo(angle_deg), yaw_rad)) < 1e-12
    assert sumo_from_yaw(yaw_rad) == pytest.approx(angle_deg % 360, abs=1e-9)


def test_rear_axle_follows_the_tractrix() -> None:
    """Led sideways from x-axis: the angle to the pull obeys tan(a/2) = tan(a0/2) exp(-s/arm)."""
    body = TrailedBody(
        length_m=4.0, wheelbase_m=2.0, front_x_m=0.0, front_y_m=0.0, yaw_rad=0.0, speed_mps=1.0
    )
    step = 0.0005
    for k in range(1, 6001):
        body._trail(0.0, k * step, 0.01)
    way = 6000 * step
    exact = 2 * math.atan(math.tan(math.pi / 4) * math.exp(-way / body.arm_m))
    assert math.pi / 2 - body.yaw_rad == pytest.approx(exact, abs=2e-4)


def test_steady_turn_has_the_yaw_rate_of_its_rear_axle() -> None:
    radius, speed = 14.0, 6.0
    body = car(speed=speed)
    circle(body, radius, speed, 400)
    forward, side = body.velocity_mps
    assert body.yaw_rate_radps == pytest.approx(speed / radius, rel=0.01)
    wide = body.arm_m**2 * body.bend_1pm / 4
    rear = math.sqrt((radius + wide) ** 2 - body.arm_m**2)
    assert body.along_mps == pytest.approx(speed / radius * rear, rel=0.01)
    assert math.hypot(forward, side) == pytest.approx(
        speed / radius * math.hypot(rear, body.wheelbase_m / 2), rel=0.01
    )


def test_turning_drivers_keep_the_rear_nearer_to_the_lane_than_a_plain_tractrix() -> None:
    radius = 10.0
    body = car(speed=4.0)
    circle(body, radius, 4.0, 600)
    rear = np.array(body.centre_m) - body.wheelbase_m / 2 * np.array(
        [math.cos(body.yaw_rad), math.sin(body.yaw_rad)]
    )
    inside = radius - math.hypot(rear[0], rear[1] - radius)
    plain = radius - math.sqrt(radius**2 - body.arm_m**2)
    assert 0.3 * plain < inside < 0.7 * plain


def test_standing_vehicle_never_moves() -> None:
    body = car(yaw=0.4)
    for _ in range(50):
        body.lead(0.0, 0.0, 0.0, STEP_S)
    assert body.centre_m == pytest.approx((-2.3 * math.cos(0.4), -2.3 * math.sin(0.4)), abs=1e-12)
    assert body.velocity_mps == pytest.approx((0.0, 0.0), abs=1e-9)


@pytest.mark.parametrize("jump_m", [0.5, 2.0])
def test_jumps_of_the_lane_become_smooth_drift(jump_m: float) -> None:
    body, speed = car(speed=8.0), 8.0
    centres = []
    for k in range(1, 121):
        body.lead(k * speed * STEP_S, jump_m if k > 20 else 0.0, speed, STEP_S)
        centres.append(body.centre_m)
    sideways = np.diff(np.array(centres)[:, 1])
    assert np.abs(sideways).max() < 0.36 * speed * STEP_S
    assert centres[-1][1] == pytest.approx(jump_m, abs=0.02)


def test_velocity_is_the_rate_of_change_of_position() -> None:
    """Trapezoid of reported velocities against positions on an S-bend with acceleration."""
    body, x, speed = car(speed=5.0), 0.0, 5.0
    worst, last = 0.0, (body.centre_m, body.velocity_mps)
    for _ in range(200):
        faster = speed + 1.5 * STEP_S
        x += (speed + faster) / 2 * STEP_S
        speed = faster
        body.lead(x, 1.6 * (math.tanh((x - 40) / 8) + 1), speed, STEP_S)
        now = (body.centre_m, body.velocity_mps)
        for axis in range(2):
            moved = now[0][axis] - last[0][axis]
            told = (now[1][axis] + last[1][axis]) / 2 * STEP_S
            worst = max(worst, abs(moved - told))
        last = now
    assert worst < 0.005


def test_creeping_vehicle_does_not_slide_sideways() -> None:
    body = car(speed=0.5)
    for k in range(1, 21):
        body.lead(0.5 * k * STEP_S, 1.2 * k * STEP_S, 0.5, STEP_S, sideways_mps=1.2)
    assert abs(body.front_y_m) < 0.4 * 0.5 * 20 * STEP_S


def test_curved_lanes_that_are_longer_than_sumo_says_keep_the_true_speed() -> None:
    body = car(speed=10.0)
    for k in range(1, 81):
        body.lead(1.1 * 10.0 * k * STEP_S, 0.0, 10.0, STEP_S)
    assert body.velocity_mps[0] == pytest.approx(11.0, rel=1e-3)


def test_people_turn_no_faster_than_they_can() -> None:
    body = WalkingBody(0.0, 0.0, 0.0)
    yaws = [body.yaw_rad]
    for k in range(1, 100):
        y = 1.4 * STEP_S * max(0, k - 30)
        body.lead(min(k, 30) * 1.4 * STEP_S, y, 1.4, STEP_S)
        yaws.append(body.yaw_rad)
    assert np.abs(np.diff(yaws)).max() <= 5.0 * STEP_S + 1e-9
    assert yaws[-1] == pytest.approx(math.pi / 2, abs=0.05)


def test_people_shift_at_walking_pace() -> None:
    body = WalkingBody(0.0, 0.0, 0.0)
    for _ in range(20):
        body.lead(0.0, 0.0, 0.0, STEP_S, shift_m=(0.0, 3.0))
    assert 0.4 < body.y_m <= 0.9
    for _ in range(100):
        body.lead(0.0, 0.0, 0.0, STEP_S, shift_m=(0.0, 3.0))
    assert body.y_m == pytest.approx(3.0, abs=0.01)
