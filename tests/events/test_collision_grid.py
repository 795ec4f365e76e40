"""Collisions of every side with every side: time, point, parts and striker in closed form."""

from itertools import product

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import BodyPart, EventKind
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.scene import Prop, PropKind
from rareworld.errors import ConfigError
from rareworld.events.collision import (
    CollisionConfig,
    _contact_point,
    _inside_box,
    _local,
    _nearest_point,
    detect_collisions,
    sector,
)
from tests.events.build import Setting, record, straight

LENGTH, WIDTH = 4.65, 1.82


def _hit(paths, duration=3.0, setting=None, config=None):
    recording = record(paths, duration, setting=setting)
    return detect_collisions(recording, CollisionConfig(**(config or {})))


def _half(part: BodyPart) -> float:
    return LENGTH / 2 if part in (BodyPart.FRONT, BodyPart.REAR) else WIDTH / 2


@pytest.mark.parametrize("speed", [4.0, 12.0, 25.0])
@pytest.mark.parametrize(
    ("part", "yaw"),
    [(BodyPart.FRONT, np.pi), (BodyPart.REAR, 0.0), (BodyPart.LEFT, np.pi / 2),
     (BodyPart.RIGHT, -np.pi / 2)],
)  # fmt: skip
def test_a_car_that_runs_into_a_standing_one(part, yaw, speed):
    """The second stands at x = 20; the first comes along x with its front."""
    (event,) = _hit([straight((0, 0), 0, speed), straight((20, 0), yaw, 0)], 6.0)
    gap = 20 - LENGTH / 2 - _half(part)
    assert event.kind is EventKind.COLLISION
    assert event.key_s == pytest.approx(gap / speed, abs=1e-4)
    assert event.parts == {1: BodyPart.FRONT, 2: part}
    assert (event.actors, event.struck) == ((1, 2), 2)
    contact = event.contact
    assert contact.point_m[0] == pytest.approx(LENGTH / 2 + gap, abs=1e-3)
    assert contact.normal == pytest.approx((1, 0, 0), abs=1e-9)
    assert contact.relative_speed_mps == pytest.approx(speed)
    angle = np.degrees(abs(np.angle(np.exp(1j * yaw))))
    assert event.measures["crossing_angle_deg"] == pytest.approx(angle, abs=1e-5)
    assert event.measures["closing_speed_mps"] == pytest.approx(speed)


@pytest.mark.parametrize(("first", "second", "striker"), [(10, 2, 1), (2, 10, 2), (8, 8, None)])
def test_who_closes_faster_strikes_head_on(first, second, striker):
    (event,) = _hit([straight((-20, 0), 0, first), straight((20, 0), np.pi, second)], 5.0)
    assert event.key_s == pytest.approx((40 - LENGTH) / (first + second), abs=1e-3)
    if striker is None:
        assert event.struck is None
        assert event.actors == (1, 2)
    else:
        assert event.actors[0] == striker
        assert event.struck == 3 - striker


@pytest.mark.parametrize("margin", [0.1, 0.9])
def test_the_margin_decides_when_both_are_strikers(margin):
    (event,) = _hit(
        [straight((-20, 0), 0, 10), straight((20, 0), np.pi, 4)], config={"striking_margin": margin}
    )
    assert (event.struck is None) == (margin > 6 / 14)


@pytest.mark.parametrize("offset", [-1.2, -0.5, 0.0, 0.5, 1.2])
def test_a_hit_beside_the_middle_is_on_the_corner_it_is_nearest_to(offset):
    (event,) = _hit([straight((0, 0), 0, 12), straight((20, offset), np.pi, 0)])
    # the middle of the shared width, in half widths of either car
    share = offset / 2 / (WIDTH / 2)
    corner = abs(share) > 2 / 3
    left = {True: BodyPart.FRONT_LEFT, False: BodyPart.FRONT_RIGHT}[offset > 0]
    assert event.parts[1] is (left if corner else BodyPart.FRONT)
    assert event.parts[2] is (left if corner else BodyPart.FRONT), "both face each other"
    assert event.contact.point_m[1] == pytest.approx(offset / 2, abs=1e-3)


@pytest.mark.parametrize(
    ("x", "y"), list(product([-1.0, -0.7, -0.2, 0.2, 0.7, 1.0], repeat=2))
)  # fmt: skip
def test_sectors_are_symmetric(x, y):
    swap = {"left": "right", "right": "left"}

    def mirrored(part: BodyPart) -> str:
        words = part.value.replace("-", " - ").split()
        return " ".join(swap.get(word, word) for word in words).replace(" - ", "-")

    assert sector(x, -y, 2 / 3).value == mirrored(sector(x, y, 2 / 3))
    front = sector(x, y, 2 / 3).value
    back = sector(-x, y, 2 / 3).value
    assert back == front.replace("front", "#").replace("rear", "front").replace("#", "rear")


STATIC = {
    PropKind.BUILDING: ((8.0, 8.0, 6.0), 16.0),
    PropKind.WALL: ((0.3, 12.0, 2.0), 19.85),
    PropKind.TREE: ((5.0, 5.0, 8.0), 19.85),
    PropKind.STREET_LAMP: ((0.2, 0.2, 7.0), 19.9),
}


@pytest.mark.parametrize("kind", STATIC)
def test_things_that_stand_are_hit_where_they_are_solid(kind):
    size, face = STATIC[kind]
    prop = Prop(id=77, kind=kind, position_m=(20, 0, 0), yaw_rad=0.0, size_m=size)
    (event,) = _hit([straight((0, 0), 0, 10)], 4.0, Setting(props=(prop,)))
    assert event.key_s == pytest.approx((face - LENGTH / 2) / 10, abs=2e-3)
    assert event.actors == (1,)
    assert event.struck is None
    assert event.labels["object"] == f"{kind} 77"
    assert (event.contact.first, event.contact.second) == (1, 77)


@pytest.mark.parametrize("kind", [PropKind.BUSH, PropKind.TREE])
def test_what_lets_vehicles_pass_is_not_hit(kind):
    side = 2.0 if kind is PropKind.TREE else 0.0
    prop = Prop(id=77, kind=kind, position_m=(20, side, 0), yaw_rad=0.0, size_m=(5, 5, 8))
    assert _hit([straight((0, 0), 0, 10)], 4.0, Setting(props=(prop,))) == ()


@pytest.mark.parametrize("blueprint", ["adult", "child"])
@pytest.mark.parametrize("speed", [0.0, 1.4])
def test_people_are_struck_whoever_moves(blueprint, speed):
    paths = [straight((0, 0), 0, 8), straight((15, -speed * 1.5), np.pi / 2, speed,
                                              blueprint=blueprint)]  # fmt: skip
    (event,) = _hit(paths)
    assert (event.actors, event.struck) == ((1, 2), 2)
    assert event.parts[2] is BodyPart.BODY


def test_a_person_who_runs_into_a_standing_car_strikes_it():
    paths = [straight((0, 0), 0, 0), straight((0, -6), np.pi / 2, 3, blueprint="adult")]
    (event,) = _hit(paths)
    assert (event.actors, event.struck) == ((2, 1), 1)


@pytest.mark.parametrize(
    ("speed", "threshold", "count"), [(0.2, 0.05, 1), (0.2, 0.5, 0), (3.0, 0.5, 1)]
)
def test_touches_slower_than_the_threshold_are_no_collisions(speed, threshold, count):
    paths = [straight((0, 0), 0, speed), straight((LENGTH + 0.1, 0), 0, 0)]
    found = _hit(paths, 4.0, config={"min_relative_speed_mps": threshold})
    assert len(found) == count


def _pose(at, yaw, size=(LENGTH, WIDTH, 1.5)):
    return np.array(at, float), quat_from_yaw(yaw), np.array(size, float)


@pytest.mark.parametrize("yaw", [0.0, 0.4, 2.0])
def test_points_are_inside_a_box_where_their_own_coordinates_say(yaw):
    pose = _pose((3.0, -1.0, 0.2), yaw)
    points = np.random.default_rng(2).uniform(-4, 8, (500, 3))
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    flat = (points[:, :2] - [3.0, -1.0]) @ turn.T
    local = _local(points, pose)
    np.testing.assert_allclose(local[:, :2], flat, atol=1e-12)
    expected = (np.abs(flat) <= [LENGTH / 2, WIDTH / 2]).all(axis=1)
    expected &= (points[:, 2] >= 0.2) & (points[:, 2] <= 1.7)
    np.testing.assert_array_equal(_inside_box(points, pose, slack_m=0.0), expected)


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_the_point_between_two_boxes_lies_between_their_faces(gap):
    poses = (_pose((0, 0, 0), 0.0), _pose((LENGTH + gap, 0, 0), 0.0))
    point = _nearest_point(poses)
    assert LENGTH / 2 - 1e-6 <= point[0] <= LENGTH / 2 + gap + 1e-6
    met = _contact_point(poses, np.array([1.0, 0, 0]))
    assert met[2] == pytest.approx(0.75)
    low = _pose((LENGTH, 0, 0), 0.0, (LENGTH, WIDTH, 0.6))
    assert _contact_point((poses[0], low), np.array([1.0, 0, 0]))[2] == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["saloon", "city_bus", "motorcycle", "box_truck"])
def test_sizes_of_blueprints_decide_when_they_meet(name):
    spec = BLUEPRINTS[name]
    (event,) = _hit([straight((0, 0), 0, 10, blueprint=name), straight((25, 0), 0, 0)], 4.0)
    assert event.key_s == pytest.approx((25 - LENGTH / 2 - spec.length_m / 2) / 10, abs=1e-3)


@pytest.mark.parametrize("part_s", [0.1, 1.0])
def test_hits_within_the_part_time_are_one(part_s):
    """The first car backs off for 0.4 s between two blows."""
    from tests.events.build import Path

    edge = 20 - LENGTH

    def position(t):
        x = np.interp(t, [0, 1.0, 1.2, 1.4, 3.0], [edge - 8, edge + 0.02, edge - 1.5, edge + 0.02,
                                                   edge + 0.02])  # fmt: skip
        return np.stack([x, 0 * t, 0 * t], axis=1)

    paths = [Path(position, lambda t: 0 * t), straight((20, 0), 0, 0)]
    found = _hit(paths, 3.0, config={"part_s": part_s})
    assert len(found) == (2 if part_s < 0.4 else 1)


def test_misspelt_settings_are_told():
    with pytest.raises(ConfigError, match="did you mean 'between_people'"):
        CollisionConfig.parse({"between_peopel": True})
