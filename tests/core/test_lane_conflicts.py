"""Conflicts, routes and joined paths under moves and mirrors that must not change the answer."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from rareworld.core.lane_paths import Conflict, LanePath, conflicts, join, lane_routes, path_from
from rareworld.core.road import Lane, LaneKind, RoadMap, Turn


def line(*corners: tuple[float, float], step_m: float = 1.0, z: float = 0.0) -> np.ndarray:
    """A polyline through corners with points every metre."""
    pieces = []
    for start, end in itertools.pairwise(corners):
        count = max(int(np.hypot(end[0] - start[0], end[1] - start[1]) / step_m), 1)
        share = np.linspace(0, 1, count, endpoint=False)[:, None]
        pieces.append(np.array(start) * (1 - share) + np.array(end) * share)
    plan = np.concatenate([*pieces, [corners[-1]]])
    return np.concatenate([plan, np.full((len(plan), 1), z)], axis=1)


def turned(points: np.ndarray, angle: float, shift: tuple[float, float]) -> np.ndarray:
    """Points turned about the origin and moved."""
    cos, sin = np.cos(angle), np.sin(angle)
    out = points.copy()
    out[:, :2] = points[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + shift
    return out


STRAIGHT = line((-30, 0), (30, 0))
CASES: dict[str, tuple[np.ndarray, np.ndarray, list[tuple[float, float, bool]]]] = {
    "crossing at a right angle": (STRAIGHT, line((5.5, -20), (5.5, 20)), [(35.5, 20.0, False)]),
    "crossing from the left": (STRAIGHT, line((5.5, 20), (5.5, -20)), [(35.5, 20.0, False)]),
    "oblique": (STRAIGHT, line((-10, -10), (10, 10)), [(30.0, 10 * np.sqrt(2), False)]),
    "opposite lanes side by side": (STRAIGHT, line((30, 3.5), (-30, 3.5)), []),
    "the same way side by side": (STRAIGHT, line((-30, 3.5), (30, 3.5)), []),
    "ends before the other": (line((-30, 0), (-5, 0)), line((0, -9), (0, 9)), []),
    "twice": (
        STRAIGHT, line((-10.5, -8), (-10.5, 8), (12.5, 8), (12.5, -8)),
        [(19.5, 8.0, False), (42.5, 16 + 23 + 8.0, False)],
    ),
    "there and back on one line": (STRAIGHT, line((30, 0), (-30, 0)), []),
}  # fmt: skip


def facts(found: tuple[Conflict, ...]) -> list[tuple[float, float, bool]]:
    """Stations and kind of every conflict."""
    return [(item.station_a_m, item.station_b_m, item.merges) for item in found]


@pytest.mark.parametrize("name", list(CASES))
def test_conflicts_of_plain_lines(name: str) -> None:
    a, b, expected = CASES[name]
    found = facts(conflicts(a, b))
    assert [merges for *_, merges in found] == [merges for *_, merges in expected]
    np.testing.assert_allclose([row[:2] for row in found], [row[:2] for row in expected], atol=1e-9)


MOVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "turned": lambda points: turned(points, 1.1, (0.0, 0.0)),
    "moved": lambda points: turned(points, 0.0, (500.0, -900.0)),
    "turned and moved": lambda points: turned(points, -2.7, (13.0, 7.0)),
    "lifted": lambda points: points + np.array([0.0, 0.0, 12.0]),
}


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("move", list(MOVES))
def test_place_and_heading_of_the_map_do_not_matter(name: str, move: str) -> None:
    a, b, _ = CASES[name]
    here, there = conflicts(a, b), conflicts(MOVES[move](a), MOVES[move](b))
    assert len(here) == len(there)
    np.testing.assert_allclose(facts(here), facts(there), atol=1e-6)
    for one, two in zip(here, there, strict=True):
        assert one.angle_rad == pytest.approx(two.angle_rad, abs=1e-9)
        moved = MOVES[move](np.array([one.point_m]))[0]
        np.testing.assert_allclose(two.point_m, moved, atol=1e-6)


@pytest.mark.parametrize("name", list(CASES))
def test_mirror_turns_angles_round(name: str) -> None:
    a, b, _ = CASES[name]
    flip = np.array([1.0, -1.0, 1.0])
    for one, two in zip(conflicts(a, b), conflicts(a * flip, b * flip), strict=True):
        assert np.cos(one.angle_rad) == pytest.approx(np.cos(two.angle_rad))
        assert np.sin(one.angle_rad) == pytest.approx(-np.sin(two.angle_rad))


@pytest.mark.parametrize("rise", [0.0, 1.0, 2.4, 2.6, 9.0])
def test_levels_within_two_and_a_half_metres_meet(rise: float) -> None:
    found = conflicts(STRAIGHT, line((0.5, -9), (0.5, 9), z=rise))
    assert len(found) == int(rise < 2.5)


@pytest.mark.parametrize("side", [1, -1])
def test_on_ramp_merges_where_it_reaches_the_lane(side: int) -> None:
    ramp = line((-40, -20.0 * side), (0, 0), (30, 0))
    (found,) = conflicts(STRAIGHT, ramp)
    assert found.merges
    assert found.station_a_m == pytest.approx(30.0, abs=1.5)
    assert found.station_b_m == pytest.approx(np.hypot(40, 20), abs=1.5)


def test_off_ramp_has_no_conflict() -> None:
    assert conflicts(STRAIGHT, line((-30, 0), (0, 0), (40, 20))) == ()


# routes


def lane(name: str, points: np.ndarray, *successors: str, turn: Turn | None = None) -> Lane:
    """A lane without much width."""
    side = np.array([0.0, 1.0, 0.0])
    return Lane(
        id=name, kind=LaneKind.DRIVING, centre_m=points, left_m=points + side,
        right_m=points - side, successors=successors, turn=turn,
    )  # fmt: skip


def grid(size: int) -> RoadMap:
    """Every node offers two ways on; after `size` steps the road ends."""
    lanes = []
    for k in range(size):
        for place in range(k + 1):
            ahead = [f"{k + 1}.{p}" for p in (place, place + 1)] if k + 1 < size else []
            lanes.append(
                lane(f"{k}.{place}", line((10.0 * k, place), (10.0 * k + 10, place)), *ahead)
            )
    return RoadMap(name="grid", lanes={item.id: item for item in lanes})


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_routes_are_all_ways_and_none_twice(size: int) -> None:
    road = grid(size)
    routes = lane_routes(road, "0.0", 1e9)
    assert len(set(routes)) == len(routes) == 2 ** (size - 1)
    for route in routes:
        assert route[0] == "0.0"
        assert all(
            after in road.lanes[name].successors for name, after in itertools.pairwise(route)
        )


@pytest.mark.parametrize("horizon_m", [0.0, 5.0, 15.0, 25.0, 1e9])
def test_routes_are_just_long_enough(horizon_m: float) -> None:
    road = grid(4)
    for route in lane_routes(road, "0.0", horizon_m):
        lengths = [road.lanes[name].length_m for name in route]
        assert sum(lengths[:-1]) < horizon_m or len(route) == 1
        assert sum(lengths) >= horizon_m or not road.lanes[route[-1]].successors


@pytest.mark.parametrize("start_m", [0.0, 3.3, 9.9])
@pytest.mark.parametrize("horizon_m", [4.0, 17.0, 100.0])
def test_path_begins_and_ends_where_asked(start_m: float, horizon_m: float) -> None:
    road = grid(3)
    path = path_from(road, "0.0", start_m, horizon_m=horizon_m)
    whole = join(road, path.lanes)
    length = LanePath(lanes=path.lanes, start_m=path.start_m, points_m=whole).length_m
    assert path.length_m == pytest.approx(min(horizon_m, length - start_m), abs=1e-9)
    assert path.points_m[0, 0] == pytest.approx(start_m)
    assert path.start_m[0] == -start_m
    for name, begins in zip(path.lanes[1:], path.start_m[1:], strict=True):
        assert path.lane_at(begins + 1e-6) == name


def test_stations_before_and_behind_a_path_are_clamped() -> None:
    path = path_from(grid(2), "0.0", horizon_m=15.0)
    position, _ = path.at(np.array([-5.0, 0.0, 15.0, 99.0]))
    np.testing.assert_allclose(position[0], position[1])
    np.testing.assert_allclose(position[2], position[3])
    assert path.lane_at(-5.0) == "0.0"


@pytest.mark.parametrize("offset", [0.0, 1.5, -2.0])
def test_offset_is_to_the_left_on_a_closed_form_circle(offset: float) -> None:
    angle = np.linspace(0, np.pi, 2000)
    circle = np.stack([20 * np.cos(angle), 20 * np.sin(angle), 0 * angle], axis=1)
    path = LanePath(lanes=("a",), start_m=(0.0,), points_m=circle)
    position, yaw = path.at(np.linspace(0.1, path.length_m - 0.1, 50), offset)
    np.testing.assert_allclose(np.hypot(*position[:, :2].T), 20 - offset, atol=1e-4)
    heading = np.arctan2(position[:, 1], position[:, 0]) + np.pi / 2
    np.testing.assert_allclose(np.cos(yaw - heading), 1.0, atol=1e-5)
