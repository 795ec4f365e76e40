"""Routes, paths and conflicts on lanes whose answers are known in closed form."""

import numpy as np
import pytest

from rareworld.core.lane_paths import conflicts, join, lane_routes, path_from
from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Lane, LaneKind, RoadMap, Turn


def lane(name: str, start: tuple, end: tuple, successors: tuple = (), turn: Turn | None = None):
    share = np.linspace(0.0, 1.0, 11)[:, None]
    centre = np.array(start, dtype=float) * (1 - share) + np.array(end, dtype=float) * share
    centre = np.concatenate([centre, np.zeros((11, 1))], axis=1)
    ahead = (centre[-1] - centre[0]) / np.linalg.norm(centre[-1] - centre[0])
    side = 1.75 * np.array([-ahead[1], ahead[0], 0.0])
    return Lane(
        id=name,
        kind=LaneKind.DRIVING,
        centre_m=centre,
        left_m=centre + side,
        right_m=centre - side,
        successors=successors,
        turn=turn,
    )


def bent(name: str, turn: Turn, sign: float, successors: tuple) -> Lane:
    """A quarter circle of radius 10 from (50, 0)."""
    angle = np.linspace(0.0, np.pi / 2, 40)
    centre = np.stack([50 + 10 * np.sin(angle), sign * 10 * (1 - np.cos(angle)), 0 * angle], axis=1)
    normal = np.stack([-np.sin(angle), sign * np.cos(angle), 0 * angle], axis=1) * sign
    return Lane(
        id=name,
        kind=LaneKind.DRIVING,
        centre_m=centre,
        left_m=centre + 1.75 * normal,
        right_m=centre - 1.75 * normal,
        successors=successors,
        turn=turn,
    )


LANES = (
    lane("in", (0, 0), (50, 0), ("left", "straight", "right")),
    lane("straight", (50, 0), (70, 0), ("out",), Turn.STRAIGHT),
    bent("left", Turn.LEFT, 1.0, ("up",)),
    bent("right", Turn.RIGHT, -1.0, ("down",)),
    lane("out", (70, 0), (100, 0)),
    lane("up", (60, 10), (60, 40)),
    lane("down", (60, -10), (60, -40)),
)
ROAD = RoadMap(name="fork", lanes={item.id: item for item in LANES})


def test_routes_list_every_way_in_order():
    assert lane_routes(ROAD, "in", 1000.0) == (
        ("in", "left", "up"),
        ("in", "straight", "out"),
        ("in", "right", "down"),
    )


def test_routes_stop_at_the_horizon_and_the_cap():
    assert lane_routes(ROAD, "in", 50.0) == (("in",),)
    assert lane_routes(ROAD, "in", 60.0)[1] == ("in", "straight")
    assert len(lane_routes(ROAD, "in", 1000.0, most=2)) == 2


def test_routes_do_not_go_round_in_circles():
    ring = RoadMap(
        name="ring",
        lanes={"a": lane("a", (0, 0), (10, 0), ("b",)), "b": lane("b", (10, 0), (0, 0), ("a",))},
    )
    assert lane_routes(ring, "a", 1e6) == (("a", "b"),)


def test_straightest_way_is_the_default():
    path = path_from(ROAD, "in", 10.0, horizon_m=65.0)
    assert path.lanes == ("in", "straight", "out")
    assert path.start_m == (-10.0, 40.0, 60.0)
    assert path.length_m == pytest.approx(65.0)
    assert np.allclose(path.points_m[[0, -1], 0], [10.0, 75.0])
    assert [path.lane_at(s) for s in (0.0, 39.9, 40.1, 64.0)] == ["in", "in", "straight", "out"]


@pytest.mark.parametrize(("turn", "end"), [(Turn.LEFT, (60, 40)), (Turn.RIGHT, (60, -40))])
def test_choice_is_taken_at_the_fork(turn: Turn, end: tuple[int, int]):
    path = LaneIndex(ROAD).path_from("in", 0.0, (turn,), horizon_m=500.0)
    assert np.allclose(path.points_m[-1, :2], end)
    assert path.length_m == pytest.approx(50 + 5 * np.pi + 30, abs=0.01)
    assert np.all(np.diff(path.station_m) > 1e-6)


def test_choice_a_fork_does_not_offer_is_passed_over():
    assert path_from(ROAD, "in", 0.0, (Turn.U_TURN,)).lanes == ("in", "straight", "out")


def test_path_gives_position_heading_and_left_shift():
    path = path_from(ROAD, "in", 0.0, (Turn.LEFT,), horizon_m=500.0)
    position, yaw = path.at(np.array([20.0, 80.0]), np.array([1.0, 2.0]))
    assert np.allclose(position[0], [20.0, 1.0, 0.0])
    assert position[1, 0] == pytest.approx(58.0)
    assert np.allclose(yaw, [0.0, np.pi / 2])


def test_crossing_has_stations_angle_and_place():
    a = np.array([[0.0, 0, 0], [7, 0, 0], [20, 0, 0]])
    b = np.array([[5.0, -8, 0], [13.0, 8, 0]])
    (conflict,) = conflicts(a, b)
    assert conflict.point_m == pytest.approx((9.0, 0.0, 0.0))
    assert conflict.station_a_m == pytest.approx(9.0)
    assert conflict.station_b_m == pytest.approx(np.hypot(4, 8))
    assert conflict.angle_rad == pytest.approx(np.arctan2(16, 8))
    assert not conflict.merges


def test_crossing_at_a_shared_corner_counts_once():
    a = np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0]])
    b = np.array([[10.0, -5, 0], [10, 5, 0]])
    assert len(conflicts(a, b)) == 1


def test_bridge_does_not_conflict_with_the_road_below():
    a = np.array([[0.0, 0, 0], [20, 0, 0]])
    b = np.array([[10.0, -5, 6.0], [10, 5, 6.0]])
    assert conflicts(a, b) == ()


def test_merge_is_found_where_the_lines_come_together():
    a = np.stack([np.arange(0.0, 61), np.zeros(61), np.zeros(61)], axis=1)
    ramp = np.array([[0.0, -10, 0], [40, 0, 0]])
    b = np.concatenate([ramp, [[60.0, 0, 0]]])
    (conflict,) = conflicts(a, b)
    assert conflict.merges
    assert conflict.station_a_m == pytest.approx(40.0, abs=1.5)
    assert abs(conflict.angle_rad) < 0.3


def test_ways_that_part_do_not_conflict_at_their_common_start():
    routes = lane_routes(ROAD, "in", 1000.0)
    left, straight, _ = (join(ROAD, route) for route in routes)
    assert conflicts(left, straight) == ()


def test_lines_that_touch_at_a_small_angle_cross():
    a = np.stack([np.arange(0.0, 41), np.zeros(41), np.zeros(41)], axis=1)
    b = np.stack([np.arange(0.0, 41), np.linspace(-4, 4, 41) + 1e-3, np.zeros(41)], axis=1)
    (conflict,) = conflicts(a, b)
    assert not conflict.merges
    assert conflict.station_a_m == pytest.approx(20.0, abs=0.01)


def test_crossings_match_brute_force_and_are_symmetric():
    rng = np.random.default_rng(3)
    steps = np.linspace(-20.0, 20.0, 9)
    for _ in range(50):
        a = np.stack([steps, rng.uniform(-12, 12, 9), np.zeros(9)], axis=1)
        b = np.stack([rng.uniform(-12, 12, 9), steps, np.zeros(9)], axis=1)
        there, back = conflicts(a, b), conflicts(b, a)
        expected = sum(
            segments_cross(a[i], a[i + 1], b[j], b[j + 1]) for i in range(8) for j in range(8)
        )
        assert len(there) == len(back) == expected
        mirrored = sorted((c.station_b_m, c.station_a_m) for c in back)
        assert np.allclose([(c.station_a_m, c.station_b_m) for c in there], mirrored)


def segments_cross(p: np.ndarray, q: np.ndarray, r: np.ndarray, s: np.ndarray) -> bool:
    """Whether two segments cross, by the four orientations."""

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
        return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])

    return side(p, q, r) != side(p, q, s) and side(r, s, p) != side(r, s, q)
