"""The lane index against a brute-force twin and closed forms."""

import numpy as np
import pytest

from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Crosswalk, Lane, LaneKind, RoadMap, Turn


def make_lane(name: str, centre: np.ndarray, width: float = 3.5, **more: object) -> Lane:
    """A lane of constant width around a polyline."""
    step = np.gradient(centre[:, :2], axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    side = np.concatenate([normal * width / 2, np.zeros((len(centre), 1))], axis=1)
    values: dict = {"kind": LaneKind.DRIVING} | more
    return Lane(id=name, centre_m=centre, left_m=centre + side, right_m=centre - side, **values)


def straight(y: float, z: float = 0.0, length: float = 100.0, start: float = 0.0) -> np.ndarray:
    x = np.linspace(start, start + length, 51)
    return np.stack([x, np.full_like(x, y), np.full_like(x, z)], axis=1)


def arc(radius: float, turn_rad: float) -> np.ndarray:
    angle = np.linspace(0.0, turn_rad, 60)
    return np.stack([100 + radius * np.sin(angle), radius * (1 - np.cos(angle)), 0 * angle], axis=1)


def road_of(*lanes: Lane, **more: object) -> RoadMap:
    return RoadMap(name="test", lanes={lane.id: lane for lane in lanes}, **more)


TOWN = road_of(
    make_lane("east", straight(0.0), successors=("on", "left")),
    make_lane("west", straight(3.5)[::-1]),
    make_lane("walk", straight(-3.0, z=0.15), width=2.5, kind=LaneKind.SIDEWALK),
    make_lane("on", straight(0.0, start=100.0), predecessors=("east",), turn=Turn.STRAIGHT),
    make_lane("left", arc(15.0, np.pi / 2), predecessors=("east",), turn=Turn.LEFT),
    make_lane("bridge", np.array([[50.0, -40, 6], [50, 0, 6], [50, 40, 6]])),
    crosswalks=(
        Crosswalk(id="c", outline_m=np.array([[20.0, -2, 0], [24, -2, 0], [24, 6, 0], [20, 6, 0]])),
    ),
)
INDEX = LaneIndex(TOWN)
DRIVING = frozenset({LaneKind.DRIVING})


def named(places) -> list[str | None]:
    return [None if k < 0 else INDEX.ids[k] for k in places.lane]


def test_station_and_offset_are_the_drivers():
    places = INDEX.under(np.array([[30.0, 1.0], [30.0, 4.0], [30.0, -3.5]]))
    assert named(places) == ["east", "west", "walk"]
    assert np.allclose(places.station_m, [30.0, 70.0, 30.0])
    assert np.allclose(places.offset_m, [1.0, -0.5, -0.5])
    assert np.allclose(np.abs(places.yaw_rad), [0.0, np.pi, 0.0])
    assert np.allclose(places.outside_m, 0.0)


def test_nothing_is_under_a_point_off_the_road():
    places = INDEX.under(np.array([[30.0, 20.0], [-900.0, 4.0], [1e6, -1e6]]))
    assert named(places) == [None, None, None]
    assert np.isnan(places.station_m).all()


def test_nearest_reaches_up_to_its_limit():
    points = np.array([[30.0, -1.75 + away] for away in (20.0, 49.0, 51.0)])
    places = INDEX.nearest(points, kinds={LaneKind.SIDEWALK}, limit_m=50.0)
    assert named(places) == ["walk", "walk", None]
    assert np.allclose(places.outside_m, [20.0, 49.0, np.nan], equal_nan=True)


def test_kind_filter_skips_the_pavement():
    point = np.array([[30.0, -3.0]])
    assert named(INDEX.nearest(point)) == ["walk"]
    places = INDEX.nearest(point, kinds=DRIVING)
    assert named(places) == ["east"]
    assert places.outside_m[0] == pytest.approx(1.25)
    assert places.offset_m[0] == pytest.approx(-3.0)


def test_heading_picks_among_lanes_that_overlap():
    points = np.array([[104.0, 0.9], [104.0, 0.9]])
    places = INDEX.under(points, yaw_rad=np.array([0.0, 0.5]))
    assert named(places) == ["on", "left"]
    assert named(INDEX.nearest(points, yaw_rad=np.array([0.0, 0.5]))) == ["on", "left"]


def test_height_tells_levels_apart():
    here = np.array([[50.0, 0.0, 0.2], [50.0, 0.0, 5.5]])
    assert np.allclose(INDEX.height_at(here), [0.0, 6.0])
    assert np.allclose(INDEX.height_at(here[:, :2]), [6.0, 6.0])
    assert named(INDEX.under(here)) == ["east", "bridge"]


def test_pavement_is_a_kerb_higher_and_grass_has_no_height():
    heights = INDEX.height_at(np.array([[10.0, 0.0], [10.0, -3.0], [10.0, 30.0]]))
    assert np.allclose(heights, [0.0, 0.15, np.nan], equal_nan=True)


def test_height_follows_a_tilted_and_climbing_lane():
    lane = make_lane("hill", straight(0.0))
    rise = lane.centre_m[:, :1] * [[0.0, 0.0, 0.05]]
    tilt = np.array([0.0, 0.0, 0.1])
    hill = Lane(
        id="hill",
        kind=LaneKind.DRIVING,
        centre_m=lane.centre_m + rise,
        left_m=lane.left_m + rise + tilt,
        right_m=lane.right_m + rise - tilt,
    )
    points = np.array([[10.0, 0.0], [33.3, 1.75], [77.7, -0.875]])
    expected = 0.05 * points[:, 0] + 0.1 * points[:, 1] / 1.75
    assert np.allclose(LaneIndex(road_of(hill)).height_at(points), expected, atol=1e-9)


def test_on_kind_and_crosswalk():
    points = np.array([[22.0, 0.0], [22.0, -3.0], [22.0, 5.5], [60.0, 0.0]])
    assert INDEX.on_kind(points, DRIVING).tolist() == [True, False, False, True]
    assert INDEX.on_kind(points, {LaneKind.SIDEWALK}).tolist() == [False, True, False, False]
    assert INDEX.crosswalk_at(points).tolist() == [0, -1, 0, -1]


def test_covering_returns_every_lane_once():
    point, lane = INDEX.covering(np.array([[50.0, 0.0], [50.0, -3.0], [0.0, 90.0]]))
    pairs = {(int(p), INDEX.ids[k]) for p, k in zip(point, lane, strict=True)}
    assert pairs == {(0, "east"), (0, "bridge"), (1, "walk"), (1, "bridge")}
    assert len(point) == 4


def test_point_on_inverts_under():
    station, offset = np.array([3.0, 12.0]), np.array([0.4, -1.2])
    position, yaw = INDEX.point_on("left", station, offset)
    places = INDEX.under(position[:, :2], yaw_rad=yaw)
    assert named(places) == ["left", "left"]
    assert np.allclose(places.station_m, station, atol=0.05)
    assert np.allclose(places.offset_m, offset, atol=0.01)


def brute_nearest(points: np.ndarray, kinds: frozenset[LaneKind]) -> np.ndarray:
    """Distance to the nearest lane area by trying every quad of every lane."""
    best = np.full(len(points), np.inf)
    for lane in (lane for lane in TOWN.lanes.values() if lane.kind in kinds):
        for k in range(len(lane.centre_m) - 1):
            quad = np.array(
                [lane.left_m[k], lane.right_m[k], lane.right_m[k + 1], lane.left_m[k + 1]]
            )
            best = np.minimum(best, quad_distance(points, quad[:, :2]))
    return best


def quad_distance(points: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Distance from points to a convex quad; 0 inside."""
    edge = np.roll(quad, -1, axis=0) - quad
    rel = points[:, None] - quad
    turn = edge[:, 0] * rel[..., 1] - edge[:, 1] * rel[..., 0]
    inside = np.all(turn >= 0, axis=1) | np.all(turn <= 0, axis=1)
    share = np.clip((rel * edge).sum(-1) / (edge * edge).sum(-1), 0, 1)
    away = np.linalg.norm(rel - share[..., None] * edge, axis=-1).min(axis=1)
    return np.where(inside, 0.0, away)


@pytest.mark.parametrize("kinds", [DRIVING, frozenset({LaneKind.SIDEWALK}), frozenset(LaneKind)])
def test_nearest_distance_matches_brute_force(kinds: frozenset[LaneKind]):
    points = np.random.default_rng(7).uniform([-60, -60], [260, 60], (2000, 2))
    expected = brute_nearest(points, kinds)
    got = INDEX.nearest(points, kinds=kinds, limit_m=500.0)
    assert np.allclose(got.outside_m, expected, atol=1e-9)
    covered = INDEX.on_kind(points, kinds)
    assert np.array_equal(covered, expected == 0.0)


def test_answers_do_not_depend_on_the_batch():
    points = np.random.default_rng(8).uniform([-20, -20], [220, 20], (300, 2))
    whole = INDEX.nearest(points)
    for k in (0, 17, 299):
        one = INDEX.nearest(points[k : k + 1])
        assert (one.lane[0], one.station_m[0]) == (whole.lane[k], whole.station_m[k])


def test_no_points_give_no_answers():
    none = np.zeros((0, 2))
    assert len(INDEX.nearest(none).lane) == len(INDEX.under(none).lane) == 0
    assert len(INDEX.height_at(none)) == len(INDEX.crosswalk_at(none)) == 0
