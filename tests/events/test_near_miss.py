"""Near misses against closed forms, and what is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.event import EventKind
from rareworld.events.kinematics import kinematics
from rareworld.events.motion import bodies_of
from rareworld.events.near_miss import (
    NearMissConfig,
    Pairs,
    detect_near_misses,
    post_encroachment,
    smallest_gap,
    time_to_collision,
)
from tests.events.build import arc, record, straight

LENGTH, WIDTH = 4.65, 1.82


def _ttc(paths, frame=0, horizon=5.0):
    bodies = bodies_of(record(paths))
    pairs = Pairs(first=np.array([0]), second=np.array([1]))
    return float(
        time_to_collision(bodies, kinematics(bodies), pairs, np.array([frame]), horizon)[0]
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (straight((30, 0), 0, 4), (30 - LENGTH) / 6),
        (straight((30, 0), np.pi, 10), (30 - LENGTH) / 20),
        (straight((25, 0), np.pi / 2, 0), (25 - LENGTH / 2 - WIDTH / 2) / 10),
        (straight((30, 0), 0, 12), np.inf),
        (straight((30, 2.0), np.pi, 10), np.inf),
    ],
)
def test_time_to_collision_on_lines(other, expected):
    assert _ttc([straight((0, 0), 0, 10), other]) == pytest.approx(expected, abs=1e-3)


def test_time_to_collision_follows_the_turn():
    """On a circle of radius 20 m a car at rest a quarter ahead is met; straight on it is not."""
    ahead = straight((20, 20), np.pi / 2, 0)
    assert _ttc([straight((0, 0), 0, 10), ahead]) == np.inf
    quarter = 20 * np.pi / 2 / 10
    found = _ttc([arc((0, 0), 0, 10, 0.5), ahead])
    assert found == pytest.approx(quarter - LENGTH / 10, abs=0.05)


def test_post_encroachment_of_crossing_cars():
    """A's rear leaves B's strip, then B's front enters A's strip."""
    bodies = bodies_of(record([straight((-20, 0), 0, 10), straight((0, -30), np.pi / 2, 10)]))
    crossing = post_encroachment(bodies, 0, 1, NearMissConfig())
    assert crossing is not None
    out, into = (20 + WIDTH / 2 + LENGTH / 2) / 10, (30 - WIDTH / 2 - LENGTH / 2) / 10
    assert crossing.pet_s == pytest.approx(into - out, abs=1e-3)
    assert crossing.out_s == pytest.approx(out, abs=2e-3)
    assert crossing.in_s == pytest.approx(into, abs=2e-3)


def test_smallest_gap_between_frames():
    bodies = bodies_of(record([straight((-20.2, 0), 0, 19), straight((20, 2.5), np.pi, 17)]))
    gap, _ = smallest_gap(bodies, 0, 1)
    assert gap == pytest.approx(2.5 - WIDTH, abs=1e-6)


def _found(paths, duration=4.0, **config):
    return detect_near_misses(record(paths, duration), NearMissConfig(**config))


def test_crossing_within_a_second_is_a_near_miss():
    (event,) = _found([straight((-20, 0), 0, 10), straight((0, -30), np.pi / 2, 10)])
    assert event.kind is EventKind.NEAR_MISS
    assert "crossing" in event.labels["rule"]
    assert event.actors == (1, 2)
    assert event.start_s < event.key_s < event.end_s


def test_emergency_stop_behind_a_standing_car_is_a_near_miss():
    (event,) = _found([straight((-40, 0), 0, 10, accel_mps2=-6), straight((-25, 0), 0, 0)])
    assert event.labels["rule"] == "conflict"
    assert event.measures["min_gap_m"] == pytest.approx(15 - LENGTH - 100 / 12, abs=0.01)
    assert event.measures["ttc_s"] < 1.0


@pytest.mark.parametrize(
    "paths",
    [
        [straight((-40, 0), 0, 14), straight((-20, 0), 0, 14)],
        [straight((-40, 0), 0, 14), straight((-28, 0), 0, 14)],
        [straight((-40, 0), 0, 10, accel_mps2=-2.2), straight((-10, 0), 0, 0)],
        [straight((-40, 0), 0, 14), straight((40, 3.4), np.pi, 14)],
        [straight((-40, 0), 0, 14), straight((0, 2.6), 0, 1.3, blueprint="adult")],
        [straight((-20, 0), 0, 10), straight((0, -45), np.pi / 2, 10)],
        [
            straight((0, 0), 0, 1.3, blueprint="adult"),
            straight((1, 0.7), np.pi, 1.3, blueprint="adult"),
        ],
        [straight((0, 0), 0, 0), straight((0, 1.9), 0, 0)],
    ],
    ids=["headway 20 m", "headway 12 m", "gentle stop", "oncoming lane", "person on the pavement",
         "crossing 1.8 s later", "two people", "parked cars"],
)  # fmt: skip
def test_ordinary_traffic_is_no_near_miss(paths):
    assert _found(paths) == ()


def test_close_pass_of_a_cyclist():
    side = (WIDTH + 0.6) / 2 + 0.2
    paths = [straight((-40, 0), 0, 15), straight((-10, -side), 0, 5, blueprint="bicycle")]
    (event,) = _found(paths)
    assert "close pass" in event.labels["rule"]
    assert event.measures["min_gap_m"] == pytest.approx(0.2, abs=1e-6)


def test_pairs_that_collide_are_left_out():
    recording = record([straight((-20, 0), 0, 10), straight((0, -30), np.pi / 2, 10)])
    assert detect_near_misses(recording, collided=frozenset({frozenset({1, 2})})) == ()


@settings(max_examples=8, deadline=None)
@given(st.floats(-3, 3), st.floats(3, 15), st.floats(3, 15), st.floats(-0.8, 0.8), st.floats(-3, 3))
def test_order_motion_and_mirror_do_not_matter(yaw, va, vb, late, turn):
    def scene(*, mirror=1.0, spin=0.0, swap=False):
        out = []
        for i, (course, speed, at) in enumerate(((0.0, va, 1.5), (yaw, vb, 1.5 + late))):
            start = -speed * at * np.array([np.cos(course), mirror * np.sin(course)])
            place = np.array([[np.cos(spin), -np.sin(spin)], [np.sin(spin), np.cos(spin)]]) @ start
            out.append(straight(tuple(place), mirror * course + spin, speed, id=i + 1))
        return detect_near_misses(record(out[::-1] if swap else out, 3.0))

    plain = scene()
    for other in (scene(mirror=-1.0), scene(spin=turn), scene(swap=True)):
        assert len(other) == len(plain)
        for a, b in zip(plain, other, strict=True):
            assert a.actors == b.actors
            assert b.measures["min_gap_m"] == pytest.approx(a.measures["min_gap_m"], abs=1e-3)
            if "pet_s" in a.measures:
                assert b.measures["pet_s"] == pytest.approx(a.measures["pet_s"], abs=2e-3)


def test_far_apart_actors_make_no_event():
    rng = np.random.default_rng(1)
    paths = [straight((300.0 * i, 0), rng.uniform(-3, 3), 15) for i in range(20)]
    assert _found(paths) == ()


def test_hundred_cars_in_lanes_make_no_event():
    paths = [straight((12.0 * (i % 10) * 2 + i, 3.5 * (i // 10)), 0, 13) for i in range(100)]
    recording = record(paths, 10.0)
    assert detect_near_misses(recording) == ()
