"""Led bodies over many ways of driving and walking: what must hold whatever SUMO does."""

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
CAR, BUS = (4.65, 2.7), (12.0, 5.9)


def _body(shape=CAR, yaw=0.0, speed=10.0) -> TrailedBody:
    length, base = shape
    body = TrailedBody(length_m=length, wheelbase_m=base, front_x_m=0.0, front_y_m=0.0,
                       yaw_rad=yaw, speed_mps=speed)  # fmt: skip
    body.start(0.0, 0.0)
    return body


def _line(speed, yaw=0.0):
    return lambda t: (speed * t * math.cos(yaw), speed * t * math.sin(yaw))


def _circle(speed, radius):
    return lambda t: (radius * math.sin(speed * t / radius),
                      radius * (1 - math.cos(speed * t / radius)))  # fmt: skip


def _s_bend(speed):
    return lambda t: (speed * t, 3.0 * math.sin(speed * t / 15.0))


WAYS = {
    "straight": _line(12.0), "left": _circle(8.0, 25.0), "right": _circle(8.0, -25.0),
    "tight": _circle(4.0, 9.0), "s": _s_bend(9.0),
}  # fmt: skip
PACE = {"straight": 12.0, "left": 8.0, "right": 8.0, "tight": 4.0, "s": 9.0}


def _driven(body: TrailedBody, way, pace: float, seconds: float = 6.0):
    rows = []
    for k in range(1, round(seconds / STEP_S) + 1):
        body.lead(*way(k * STEP_S), pace, STEP_S)
        rows.append((*body.centre_m, body.yaw_rad, *body.velocity_mps, body.yaw_rate_radps))
    return np.array(rows)


@pytest.mark.parametrize("shape", [CAR, BUS])
@pytest.mark.parametrize("name", WAYS)
def test_the_rear_axle_never_slips_sideways(name, shape):
    body = _body(shape, speed=PACE[name])
    rows = _driven(body, WAYS[name], PACE[name])
    back = (shape[0] + shape[1]) / 2 - shape[0] / 2
    axle = rows[:, :2] - back * np.stack([np.cos(rows[:, 2]), np.sin(rows[:, 2])], axis=1)
    step = np.diff(axle, axis=0)
    middle = (rows[1:, 2] + rows[:-1, 2]) / 2
    aside = step[:, 1] * np.cos(middle) - step[:, 0] * np.sin(middle)
    # within a step the axle heads for the new front, not for the mean heading
    assert np.abs(aside).max() < 0.05 * np.linalg.norm(step, axis=1).max() + 1e-6


@pytest.mark.parametrize("shape", [CAR, BUS])
@pytest.mark.parametrize("name", WAYS)
def test_velocities_are_the_rate_of_the_places(name, shape):
    rows = _driven(_body(shape, speed=PACE[name]), WAYS[name], PACE[name])
    rate = np.gradient(rows[:, :2], STEP_S, axis=0)[5:-1]
    assert np.linalg.norm(rate - rows[5:-1, 3:5], axis=1).max() < 0.06 * PACE[name] + 0.05
    turned = np.gradient(np.unwrap(rows[:, 2]), STEP_S)[5:-1]
    assert np.abs(turned - rows[5:-1, 5]).max() < 0.12


@pytest.mark.parametrize("yaw", [-3.0, -1.0, 0.7, 2.2])
def test_the_compass_does_not_matter(yaw):
    plain = _driven(_body(), _s_bend(9.0), 9.0)
    cos, sin = math.cos(yaw), math.sin(yaw)

    def turned(t):
        x, y = _s_bend(9.0)(t)
        return x * cos - y * sin, x * sin + y * cos

    other = _driven(_body(yaw=yaw), turned, 9.0)
    place = plain[:, :2] @ np.array([[cos, sin], [-sin, cos]])
    np.testing.assert_allclose(other[:, :2], place, atol=1e-9)
    np.testing.assert_allclose(np.cos(other[:, 2] - plain[:, 2] - yaw), 1.0, atol=1e-12)


def test_left_and_right_are_mirror_images():
    left, right = (_driven(_body(speed=8.0), WAYS[name], 8.0) for name in ("left", "right"))
    np.testing.assert_allclose(left * [1, -1, -1, 1, -1, -1], right, atol=1e-9)


@pytest.mark.parametrize("radius", [15.0, 30.0, 80.0])
def test_a_long_vehicle_cuts_a_bend_more_than_a_short_one(radius):
    pace = min(8.0, radius / 3)
    reach = {}
    for shape in (CAR, BUS):
        rows = _driven(_body(shape, speed=pace), _circle(pace, radius), pace, 30.0)
        middle = rows[-20:, :2] - [0.0, radius]
        reach[shape] = float(np.linalg.norm(middle, axis=1).mean())
    assert reach[BUS] < reach[CAR] + 0.02 * radius
    assert 0.7 * radius < reach[BUS] < 1.1 * radius


@pytest.mark.parametrize("angle", range(-180, 540, 45))
def test_angles_of_both_conventions_undo_each_other(angle):
    yaw = yaw_from_sumo(angle)
    assert -math.pi <= yaw <= math.pi
    assert sumo_from_yaw(yaw) == pytest.approx(angle % 360.0, abs=1e-9)
    north = math.radians(angle)
    assert (math.cos(yaw), math.sin(yaw)) == pytest.approx((math.sin(north), math.cos(north)))


@pytest.mark.parametrize(
    ("start", "end", "turn"),
    [(0.0, 1.0, 1.0), (3.0, -3.0, 2 * math.pi - 6.0), (-3.0, 3.0, 6.0 - 2 * math.pi),
     (0.0, 7.0, 7.0 - 2 * math.pi), (1.0, 1.0, 0.0)],
)  # fmt: skip
def test_turns_take_the_shorter_way(start, end, turn):
    assert turn_between(start, end) == pytest.approx(turn)


@pytest.mark.parametrize("pace", [0.8, 1.4, 2.5])
@pytest.mark.parametrize("yaw", [0.0, 2.0])
def test_who_walks_straight_keeps_pace_and_looks_ahead(pace, yaw):
    body, way = WalkingBody(0.0, 0.0, yaw), _line(pace, yaw)
    for k in range(1, 201):
        body.lead(*way(k * STEP_S), pace, STEP_S)
    assert body.speed_mps == pytest.approx(pace, rel=0.02)
    assert math.cos(body.yaw_rad - yaw) == pytest.approx(1.0, abs=1e-6)
    behind = math.dist(body.centre_m, way(200 * STEP_S))
    assert behind < pace * 0.3 + 0.05


@pytest.mark.parametrize("jump", [0.5, 2.0, 6.0])
def test_a_jump_of_the_led_point_is_walked_not_leapt(jump):
    body = WalkingBody(0.0, 0.0, 0.0)
    fastest = 0.0
    for k in range(1, 121):
        body.lead(1.4 * k * STEP_S, jump if k > 20 else 0.0, 1.4, STEP_S)
        fastest = max(fastest, body.speed_mps)
    assert fastest <= 1.4 + 0.8 + 1e-6
    assert abs(body.y_m - jump) < 0.6 * jump


@pytest.mark.parametrize("start", [(2.4, 0.6), (-2.4, -0.5), (0.3, 1.0), (0.0, -1.1), (2.2, 0.0)])
@pytest.mark.parametrize("yaw", [0.0, 0.8])
def test_people_leave_the_room_a_car_takes(start, yaw):
    cos, sin = math.cos(yaw), math.sin(yaw)
    body = WalkingBody(start[0] * cos - start[1] * sin, start[0] * sin + start[1] * cos, 0.0)
    for _ in range(60):
        body.vx_mps = body.vy_mps = 0.0
        body.keep_clear((0.0, 0.0, yaw), (4.65, 1.82), STEP_S)
    along = body.x_m * cos + body.y_m * sin
    across = body.y_m * cos - body.x_m * sin
    assert abs(along) >= 4.65 / 2 + 0.4 - 1e-6 or abs(across) >= 1.82 / 2 + 0.4 - 1e-6


@pytest.mark.parametrize("place", [(5.0, 0.0), (0.0, 2.0), (-3.5, 1.5)])
def test_who_is_clear_of_the_car_is_left_alone(place):
    body = WalkingBody(*place, 0.3, vx_mps=1.0)
    body.keep_clear((0.0, 0.0, 0.0), (4.65, 1.82), STEP_S)
    assert (body.centre_m, body.velocity_mps) == (place, (1.0, 0.0))
