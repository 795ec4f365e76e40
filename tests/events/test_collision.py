"""Collisions against closed forms, and what must not change them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.event import BodyPart, Contact, EventKind
from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.scene import Prop, PropKind
from rareworld.events.collision import CollisionConfig, detect_collisions, sector
from tests.events.build import Path, Setting, record, straight

HALF_LENGTH, HALF_WIDTH = 4.65 / 2, 1.82 / 2


def _only(recording):
    (event,) = detect_collisions(recording)
    return event


def test_head_on_contact_time_point_and_normal():
    event = _only(record([straight((0, 0), 0, 10), straight((30, 0.5), np.pi, 12)]))
    assert event.key_s == pytest.approx((30 - 4.65) / 22, abs=1e-6)
    assert event.contact is not None
    assert event.contact.point_m[:2] == pytest.approx((10 * event.key_s + HALF_LENGTH, 0.25))
    assert np.abs(event.contact.normal[0]) == pytest.approx(1)
    assert event.contact.relative_speed_mps == pytest.approx(22, abs=1e-6)
    assert event.measures["crossing_angle_deg"] == pytest.approx(180)
    assert event.parts == {1: BodyPart.FRONT, 2: BodyPart.FRONT}
    assert event.struck is None


def test_rear_end_with_braking_names_the_striker():
    """The front car brakes at 6 m/s2, the rear car does not: a quadratic gives the time."""
    event = _only(record([straight((20, 0), 0, 14, accel_mps2=-6), straight((0, 0), 0, 14)]))
    assert event.key_s == pytest.approx(np.sqrt((20 - 4.65) * 2 / 6), abs=1e-6)
    assert event.actors == (2, 1)
    assert event.struck == 1
    assert event.parts == {2: BodyPart.FRONT, 1: BodyPart.REAR}
    assert event.contact is not None
    assert event.contact.normal == pytest.approx((1, 0, 0), abs=1e-9)
    assert event.contact.relative_speed_mps == pytest.approx(6 * event.key_s, abs=1e-3)


def test_side_impact_parts():
    event = _only(record([straight((0, 0), 0, 15), straight((20, -10), np.pi / 2, 8)]))
    assert event.key_s == pytest.approx((20 - HALF_WIDTH - HALF_LENGTH) / 15, abs=1e-6)
    assert event.actors == (1, 2)
    assert event.parts[2] is BodyPart.LEFT
    assert event.measures["closing_speed_mps"] == pytest.approx(15, abs=1e-6)


def test_corner_hit_at_an_angle():
    """A car at 45 degrees: its foremost corner meets the long side of a standing car."""
    yaw = np.pi / 4
    event = _only(
        record([straight((0, 0), 0, 0), straight((0, -15), yaw, 10, course_rad=np.pi / 2)])
    )
    corner = (HALF_LENGTH + HALF_WIDTH) * np.sin(yaw)
    assert event.key_s == pytest.approx((15 - HALF_WIDTH - corner) / 10, abs=1e-6)
    assert event.parts[2] is BodyPart.FRONT_LEFT
    assert event.contact is not None
    assert event.contact.point_m[0] == pytest.approx((HALF_LENGTH - HALF_WIDTH) * np.cos(yaw))


def test_rotating_box_swings_its_corner_into_a_wall():
    """A car spins on the spot; its half diagonal sweeps until it reaches the wall."""
    wall_x, spin = 2.4, 1.2
    wall = Prop(
        id=50, kind=PropKind.WALL, position_m=(wall_x + 0.5, 0, 0), yaw_rad=0.0, size_m=(1, 20, 3)
    )
    still = Path(lambda t: np.zeros((len(t), 3)), lambda t: spin * t)
    event = detect_collisions(record([still], setting=Setting(props=(wall,))))[0]
    radius, lead = np.hypot(HALF_LENGTH, HALF_WIDTH), np.arctan2(HALF_WIDTH, HALF_LENGTH)
    assert event.key_s == pytest.approx((lead - np.arccos(wall_x / radius)) / spin, abs=1e-4)
    assert event.actors == (1,)
    assert event.labels["object"] == "wall 50"
    assert event.contact is not None
    assert event.contact.second == 50
    assert event.contact.relative_speed_mps == pytest.approx(spin * radius, rel=1e-6)


def test_signal_posts_can_be_hit():
    signal = Signal(
        id="S1", kind=SignalKind.TRAFFIC_LIGHT, position_m=(15, 0, 0), yaw_rad=0.0, height_m=3.2
    )
    road = RoadMap(name="post", lanes={}, signals=(signal,))
    event = _only(record([straight((0, 0), 0, 10)], setting=Setting(road=road)))
    assert event.labels["object"] == "signal S1"
    assert event.key_s == pytest.approx((15 - 0.08 - HALF_LENGTH) / 10, abs=1e-6)
    assert event.contact is not None
    assert event.contact.second == 0


def test_a_person_hit_by_a_moving_car_is_struck():
    event = _only(
        record([straight((15, -2), np.pi / 2, 1.4, blueprint="adult"), straight((0, 0), 0, 9)])
    )
    assert event.struck == 1
    assert event.parts[1] is BodyPart.BODY


def test_impulse_comes_from_physics_matched_by_pair_and_time():
    touch = (30 - 4.65) / 22
    felt = tuple(
        Contact(
            first=2, second=1, time_s=t, point_m=(12, 0, 0.5), normal=(1, 0, 0),
            relative_speed_mps=22, duration_s=0.08, impulse_ns=j,
        )
        for t, j in ((touch + 0.01, 9000.0), (touch + 0.2, 500.0), (3.5, 77.0))
    )  # fmt: skip
    paths = [straight((0, 0), 0, 10), straight((30, 0), np.pi, 12)]
    event = _only(record(paths, setting=Setting(contacts=felt)))
    assert event.contact is not None
    assert event.contact.impulse_ns == 9500.0
    assert event.contact.duration_s == pytest.approx(0.16)


def test_people_who_brush_against_each_other_count_only_when_wanted():
    paths = [
        straight((0, 0), 0, 1.4, blueprint="adult"),
        straight((4, 0.1), np.pi, 1.4, blueprint="adult"),
    ]
    assert detect_collisions(record(paths)) == ()
    assert len(detect_collisions(record(paths), CollisionConfig(between_people=True))) == 1


def test_bodies_that_never_move_do_not_collide():
    paths = [straight((0, 0), 0, 0), straight((4.0, 0), 0, 0), straight((99, 0), 0, 9)]
    assert detect_collisions(record(paths)) == ()


def test_overlap_at_the_first_frame_is_flagged_only_when_closing():
    closing = _only(record([straight((0, 0), 0, 5), straight((4.5, 0), 0, 0)]))
    assert closing.labels["touching_at_start"] == "yes"
    assert closing.start_s == 0.0
    assert detect_collisions(record([straight((0, 0), np.pi, 5), straight((4.5, 0), 0, 0)])) == ()


def test_second_hit_after_parting_is_a_second_event():
    def twice(t):
        return np.stack([-5.5 + 1.0 * np.sin(2 * t), 0 * t, 0 * t], axis=1)

    recording = record([Path(twice, lambda t: 0 * t), straight((0, 0), 0, 0)], 6.0)
    first, second = detect_collisions(recording)
    rise = np.arcsin(0.85) / 2
    assert first.key_s == pytest.approx(rise, abs=1e-4)
    assert second.key_s == pytest.approx(np.pi + rise, abs=1e-4)
    assert first.end_s == pytest.approx(np.pi / 2 - rise, abs=2e-3)
    assert len(detect_collisions(recording, CollisionConfig(part_s=5.0))) == 1


@pytest.mark.parametrize(
    ("x", "y", "part"),
    [
        (1, 0, BodyPart.FRONT), (1, 0.6, BodyPart.FRONT), (1, 0.7, BodyPart.FRONT_LEFT),
        (1, -0.9, BodyPart.FRONT_RIGHT), (0.2, 1, BodyPart.LEFT), (-0.9, 1, BodyPart.REAR_LEFT),
        (-1, 0.1, BodyPart.REAR), (-0.8, -1, BodyPart.REAR_RIGHT), (0.0, -1, BodyPart.RIGHT),
    ],
)  # fmt: skip
def test_sectors(x, y, part):
    assert sector(x, y, 2 / 3) is part


scenes = st.tuples(
    *[st.floats(-np.pi, np.pi) for _ in range(2)],
    *[st.floats(2, 20) for _ in range(2)],
    *[st.floats(-2, 2) for _ in range(2)],
)


def _pair(values, *, turn=0.0, shift=(0.0, 0.0), mirror=1.0, swap=False):
    """Two bodies that pass near the origin at 1 s, moved rigidly and mirrored."""
    yaw_a, yaw_b, speed_a, speed_b, dx, dy = values
    paths = []
    for i, (yaw, speed, near) in enumerate(((yaw_a, speed_a, (0, 0)), (yaw_b, speed_b, (dx, dy)))):
        start = np.array(near) - speed * np.array([np.cos(yaw), np.sin(yaw)])
        start, course = start * [1, mirror], yaw * mirror
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        place = spin @ start + shift
        paths.append(straight(tuple(place), course + turn, speed, id=i + 1))
    return record(paths[::-1] if swap else paths, 2.0)


@settings(max_examples=25, deadline=None)
@given(scenes)
def test_actor_order_does_not_matter(values):
    assert detect_collisions(_pair(values)) == detect_collisions(_pair(values, swap=True))


@settings(max_examples=25, deadline=None)
@given(scenes, st.floats(-3, 3), st.floats(-50, 50))
def test_contact_survives_moving_and_mirroring_the_world(values, turn, shift):
    plain = detect_collisions(_pair(values))
    for other in (
        detect_collisions(_pair(values, turn=turn, shift=(shift, -shift))),
        detect_collisions(_pair(values, mirror=-1.0)),
    ):
        assert len(other) == len(plain)
        for a, b in zip(plain, other, strict=True):
            assert b.key_s == pytest.approx(a.key_s, abs=2e-4)
            assert b.measures["relative_speed_mps"] == pytest.approx(
                a.measures["relative_speed_mps"], abs=1e-3
            )
            assert b.kind is EventKind.COLLISION


def test_recordings_with_another_clock_origin_give_the_same_events():
    recording = record([straight((0, 0), 0, 10), straight((30, 0), np.pi, 12)])
    late = replace(
        recording, tracks=replace(recording.tracks, time_s=recording.tracks.time_s + 64.0)
    )
    assert _only(late).key_s == pytest.approx(_only(recording).key_s, abs=1e-9)


def test_one_frame_or_nobody_gives_no_events():
    assert detect_collisions(record([straight((0, 0), 0, 10)], 1 / 30)) == ()
    assert detect_collisions(record([straight((0, 0), 0, 10, present=lambda t: t < 0)])) == ()


def test_a_hundred_crossing_actors_collide_more_than_once():
    rng = np.random.default_rng(0)
    paths = [
        straight(tuple(rng.uniform(-150, 150, 2)), rng.uniform(-3, 3), rng.uniform(0, 15))
        for _ in range(100)
    ]
    recording = record(paths, 10.0)
    assert len(detect_collisions(recording)) > 5
