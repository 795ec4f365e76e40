"""Motion between frames and spans of frames, against brute force and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.geometry import quat_from_yaw, yaw_from_quat
from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.scene import Prop, PropKind
from rareworld.events.boxes import box_separation, first_touch
from rareworld.events.motion import IMPACT_ACCEL_MPS2, bodies_of
from rareworld.events.places import find_lanes, nearest_on_lane
from rareworld.events.spans import close_gaps, end_time, span, stretches
from tests.events.build import Path, Setting, arc, record, straight
from tests.events.maps import crossroads, lane

FPS = 30.0
flags = st.lists(st.booleans(), min_size=1, max_size=60).map(lambda x: np.array(x, bool))


@given(flags)
def test_stretches_are_the_runs_of_true_frames(holds):
    found = np.zeros(len(holds), bool)
    ends = []
    for first, last in stretches(holds):
        assert first < last
        assert not found[first:last].any()
        found[first:last] = True
        ends += [first, last]
    np.testing.assert_array_equal(found, holds)
    assert ends == sorted(ends)
    assert len(set(ends)) == len(ends), "two runs never touch"


@given(flags, st.integers(0, 6))
def test_closing_gaps_fills_the_short_ones_and_no_border(holds, frames):
    closed = close_gaps(holds, frames)
    assert not (holds & ~closed).any()
    gaps = list(stretches(~closed))
    for first, last in gaps:
        assert first == 0 or last == len(holds) or last - first > frames
    for first, last in stretches(closed & ~holds):
        assert last - first <= frames
        assert closed[first - 1]
        assert closed[last]
    np.testing.assert_array_equal(close_gaps(closed, frames), closed)


TIME = np.arange(10) / 10 + 5.0


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (5.0, 5.1, (0, 1)), (5.05, 5.06, (0, 1)), (5.05, 5.15, (0, 2)), (5.3, 5.6, (3, 6)),
        (4.0, 5.05, (0, 1)), (5.9, 9.0, (9, 10)), (5.35, 5.35, (3, 4)),
    ],
)  # fmt: skip
def test_a_span_holds_every_frame_whose_time_it_overlaps(start, end, frames):
    made = span(TIME, start, end, start)
    assert (made["start_frame"], made["end_frame"]) == frames
    assert made["start_s"] == pytest.approx(start - 5.0)
    assert made["end_s"] - made["start_s"] == pytest.approx(end - start)


@pytest.mark.parametrize(("frame", "expected"), [(0, 5.0), (4, 5.4), (9, 5.9), (10, 6.0)])
def test_the_last_frame_lasts_as_long_as_the_one_before(frame, expected):
    assert end_time(TIME, frame) == pytest.approx(expected)


@pytest.mark.parametrize(
    "path",
    [arc((0, 0), 0.3, 14, 0.8), arc((0, 0), 2.0, 5, -1.2), straight((5, 5), 1.0, 12, accel_mps2=-4),
     straight((0, 0), -2.0, 8, spin_radps=1.5), straight((0, 0), 0.0, 0.0)],
)  # fmt: skip
@pytest.mark.parametrize("fps", [10.0, 30.0])
def test_smooth_paths_are_followed_between_frames_to_the_order_of_a_cubic(path, fps):
    bodies = bodies_of(record([path], 2.0, fps=fps))
    times = np.linspace(0.0, 1.8, 300)
    position, quat = bodies.pose_at(np.zeros(300, int), times)
    error = np.linalg.norm(position - path.position(times), axis=1).max()
    assert error < 2e-4 * (30.0 / fps) ** 4 + 1e-9
    turned = np.angle(np.exp(1j * (yaw_from_quat(quat) - path.yaw(times))))
    assert np.abs(turned).max() < 1e-6
    assert not bodies.struck.any()


@pytest.mark.parametrize("after", [-6.0, 0.0, 3.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_impact_is_found_at_its_moment_between_frames(after, share):
    corner, before = 1.0 + share / FPS, 12.0

    def position(t):
        x = np.where(t < corner, before * t, before * corner + after * (t - corner))
        return np.stack([x, 0 * t, 0 * t], axis=1)

    bodies = bodies_of(record([Path(position, lambda t: 0 * t)], 2.0))
    (step,) = np.flatnonzero(bodies.struck[0])
    assert bodies.time_s[step] + bodies.jump_s[0, step] == pytest.approx(corner, abs=1e-6)
    velocity, _ = bodies.velocity_before(0, corner - 1e-3)
    assert velocity[0] == pytest.approx(before)


@pytest.mark.parametrize(("accel", "struck"), [(-9.0, False), (-19.0, False), (-30.0, True)])
def test_only_what_tyres_cannot_do_is_an_impact(accel, struck):
    bodies = bodies_of(record([straight((0, 0), 0, 25, accel_mps2=accel)], 1.0))
    assert bool(bodies.struck.any()) == struck
    assert (abs(accel) > IMPACT_ACCEL_MPS2) == struck


@pytest.mark.parametrize(
    ("kind", "size", "solid"),
    [
        (PropKind.TREE, (5.0, 5.0, 8.0), (0.3, 0.3, 4.8)),
        (PropKind.TREE, (2.0, 2.0, 3.0), (0.2, 0.2, 1.8)),
        (PropKind.BUILDING, (9.0, 6.0, 8.0), (9.0, 6.0, 8.0)),
        (PropKind.BUSH, (1.0, 1.0, 1.0), None),
    ],
)
def test_props_are_as_solid_as_a_car_finds_them(kind, size, solid):
    prop = Prop(id=9, kind=kind, position_m=(3, 0, 0), yaw_rad=0.5, size_m=size)
    bodies = bodies_of(record([straight((0, 0), 0, 5)], 1.0, setting=Setting(props=(prop,))))
    if solid is None:
        assert len(bodies.ids) == 1
        return
    np.testing.assert_allclose(bodies.size_m[1], solid)
    assert yaw_from_quat(bodies.quat[1, 0]) == pytest.approx(0.5)
    assert not bodies.moves[1]


def test_things_far_from_everybody_are_left_out_unless_wanted_near():
    far = Prop(id=9, kind=PropKind.BUILDING, position_m=(300, 0, 0), yaw_rad=0, size_m=(9, 9, 9))
    recording = record([straight((0, 0), 0, 5)], 1.0, setting=Setting(props=(far,)))
    assert bodies_of(recording).ids == (1,)
    assert bodies_of(recording, with_static=False).ids == (1,)


def _pose(at, yaw, size):
    return (np.array([at], float), quat_from_yaw(np.array([yaw])), np.array([size], float))


@pytest.mark.parametrize(
    ("shift", "yaw", "gap"),
    [
        ((5.0, 0.0, 0.0), 0.0, 1.0),
        ((3.5, 0.0, 0.0), 0.0, -0.5),
        ((0.0, 3.0, 0.0), 0.0, 1.0),
        ((0.0, 0.0, 2.0), 0.0, 0.5),
        ((4.0, 0.0, 0.0), np.pi / 2, 1.0),
        ((2.0 + np.sqrt(5) * np.cos(np.arctan2(1, 2) - np.pi / 4) + 0.3, 0, 0), np.pi / 4, 0.3),
    ],
)
def test_separation_of_boxes_in_closed_form(shift, yaw, gap):
    size = (4.0, 2.0, 1.5)
    found, axis = box_separation(_pose((0, 0, 0), 0.0, size), _pose(shift, yaw, size))
    assert found[0] == pytest.approx(gap, abs=1e-9)
    assert np.linalg.norm(axis[0]) == pytest.approx(1.0)
    assert axis[0] @ np.array(shift) >= 0


@pytest.mark.parametrize("root", [0.01, 0.3, 0.77, 0.999])
@pytest.mark.parametrize("rate", [1.0, 5.0])
def test_the_first_root_of_a_straight_gap_is_exact(root, rate):
    found, start, end = first_touch(
        lambda _item, time: rate * (root - time), np.array([rate]), np.array([1.0]), 1e-4
    )
    assert found[0] == pytest.approx(root, abs=1e-9)
    assert start[0] == pytest.approx(rate * root)
    assert end[0] == pytest.approx(rate * (root - 1))


def _brute(line, point):
    """Distance and station of the nearest of many points on a polyline."""
    length = np.linalg.norm(np.diff(line, axis=0), axis=1)
    station = np.concatenate([[0], np.cumsum(length)])
    s = np.linspace(0, station[-1], 40001)
    dense = np.stack([np.interp(s, station, line[:, k]) for k in range(2)], axis=1)
    away = np.linalg.norm(dense - point, axis=1)
    return away.min(), s[away.argmin()]


@pytest.mark.parametrize("seed", range(6))
def test_the_nearest_place_on_a_lane_is_that_of_a_dense_line(seed):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 25)
    line = np.stack([60 * t, 8 * np.sin(2.5 * t + rng.uniform(-1, 1))], axis=1)
    road_lane = lane("1:0:-1", line)
    points = np.stack([rng.uniform(2, 58, 40), rng.uniform(-10, 10, 40)], axis=1)
    found = nearest_on_lane(road_lane, points)
    for point, (station, offset, _, edge) in zip(points, found, strict=True):
        away, at = _brute(line, point)
        if edge > -1.0:
            assert abs(offset) == pytest.approx(away, abs=2e-2)
            assert station == pytest.approx(at, abs=0.1)
        if away < 1.5:
            assert edge > 0


def test_only_lanes_of_the_wanted_kinds_are_found():
    line = np.array([[0.0, 0], [20, 0]])
    kinds = {"a": LaneKind.DRIVING, "b": LaneKind.BIKE, "c": LaneKind.SIDEWALK}
    road = RoadMap(name="r", lanes={k: lane(k, line, kind=kind) for k, kind in kinds.items()})
    for name, kind in kinds.items():
        hits = find_lanes(road, np.array([[5.0, 0.2]]), frozenset({kind}))
        assert [hits.lanes[k].id for k in hits.lane] == [name]
    assert len(find_lanes(road, np.array([[5.0, 0.2]]), frozenset()).point) == 0


def test_hits_are_ordered_by_point_then_lane_and_can_be_picked():
    points = np.random.default_rng(1).uniform(-40, 40, (3000, 2))
    hits = find_lanes(crossroads(), points, frozenset({LaneKind.DRIVING}))
    keys = hits.point * 1000 + hits.lane
    assert np.all(np.diff(keys) > 0)
    keep = hits.offset_m > 0
    left = hits.pick(keep)
    np.testing.assert_array_equal(left.station_m, hits.station_m[keep])
    assert left.lanes is hits.lanes
