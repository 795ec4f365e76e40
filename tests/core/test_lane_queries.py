"""The lane index on a random town, against a slow twin that tries every quad of every lane."""

from dataclasses import dataclass

import numpy as np
import pytest

from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Crosswalk, Lane, LaneKind, RoadMap

KINDS = (LaneKind.DRIVING, LaneKind.SIDEWALK, LaneKind.BIKE)


def ribbon(name: str, centre: np.ndarray, width_m: float, kind: LaneKind) -> Lane:
    """A lane of constant width around a polyline."""
    ahead = np.gradient(centre[:, :2], axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.stack([-ahead[:, 1], ahead[:, 0], 0 * ahead[:, 0]], axis=1) * width_m / 2
    return Lane(id=name, kind=kind, centre_m=centre, left_m=centre + side, right_m=centre - side)


def wave(random: np.random.Generator, z: float) -> np.ndarray:
    """A gently bending centre line somewhere in a square kilometre."""
    start, heading = random.uniform(0, 1000, 2), random.uniform(-np.pi, np.pi)
    turn = heading + np.cumsum(random.uniform(-0.06, 0.06, 40))
    steps = 2.5 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    plan = start + np.concatenate([[[0.0, 0.0]], np.cumsum(steps, axis=0)])
    return np.concatenate([plan, np.full((len(plan), 1), z)], axis=1)


def town(seed: int, count: int = 24) -> RoadMap:
    """Lanes of three kinds, some on a bridge, that cross each other anywhere."""
    random = np.random.default_rng(seed)
    lanes = [
        ribbon(f"{k}", wave(random, 6.0 * (k % 5 == 0)), random.uniform(2, 4), KINDS[k * k % 7 % 3])
        for k in range(count)
    ]
    return RoadMap(name="town", lanes={lane.id: lane for lane in lanes})


@dataclass(frozen=True)
class Twin:
    """The slow twin: distances of all points to all quads at once."""

    road: RoadMap

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Distance of every point to every lane's area, (n, lanes)."""
        columns = [self._to_lane(points, lane) for lane in self.road.lanes.values()]
        return np.stack(columns, axis=1)

    def _to_lane(self, points: np.ndarray, lane: Lane) -> np.ndarray:
        corners = np.stack(
            [lane.left_m[:-1], lane.right_m[:-1], lane.right_m[1:], lane.left_m[1:]], axis=1
        )[..., :2]
        return np.min([quad_distance(points, quad) for quad in corners], axis=0)


def quad_distance(points: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Distance from points to a convex quad; 0 inside."""
    edge = np.roll(quad, -1, axis=0) - quad
    rel = points[:, None] - quad
    turn = edge[:, 0] * rel[..., 1] - edge[:, 1] * rel[..., 0]
    inside = np.all(turn >= 0, axis=1) | np.all(turn <= 0, axis=1)
    share = np.clip((rel * edge).sum(-1) / (edge * edge).sum(-1), 0, 1)
    away = np.linalg.norm(rel - share[..., None] * edge, axis=-1).min(axis=1)
    return np.where(inside, 0.0, away)


TOWN = town(1)
INDEX, TWIN = LaneIndex(TOWN), Twin(TOWN)
SETS = [frozenset({kind}) for kind in KINDS] + [
    frozenset(KINDS), frozenset(KINDS[:2]), frozenset({LaneKind.BIKE, LaneKind.PARKING}),
]  # fmt: skip


def scattered(count: int, seed: int = 5, reach: float = 250.0) -> np.ndarray:
    """Points in the town and around it."""
    return np.random.default_rng(seed).uniform(-reach, 1000 + reach, (count, 2))


SCATTERED = scattered(400)
DISTANCES = TWIN.distances(SCATTERED)


@pytest.mark.parametrize("kinds", SETS)
@pytest.mark.parametrize("limit_m", [3.0, 50.0, 400.0])
def test_nearest_of_each_kind_matches_the_twin(kinds: frozenset, limit_m: float) -> None:
    points, distances = SCATTERED, DISTANCES
    wanted = [lane.kind in kinds for lane in TOWN.lanes.values()]
    expected = distances[:, wanted].min(axis=1, initial=np.inf)
    found = INDEX.nearest(points, kinds=kinds, limit_m=limit_m)
    np.testing.assert_array_equal(found.lane >= 0, expected <= limit_m)
    hit = found.lane >= 0
    np.testing.assert_allclose(found.outside_m[hit], expected[hit], atol=1e-9)
    lanes = [INDEX.lane(number) for number in found.lane[hit].tolist()]
    assert all(lane.kind in kinds for lane in lanes)


def test_nearest_beyond_the_edge_of_the_grid() -> None:
    points = np.array([[-900.0, 500.0], [500.0, 1800.0], [1900.0, -700.0]])
    expected = TWIN.distances(points).min(axis=1)
    found = INDEX.nearest(points, limit_m=2500.0)
    np.testing.assert_allclose(found.outside_m, expected, atol=1e-9)
    assert (INDEX.nearest(points, limit_m=100.0).lane == -1).all()


@pytest.mark.parametrize("kinds", [frozenset(), frozenset({LaneKind.PARKING})])
def test_kinds_the_town_lacks_are_nowhere(kinds: frozenset) -> None:
    points = scattered(50)
    assert (INDEX.nearest(points, kinds=kinds).lane == -1).all()
    assert (INDEX.under(points, kinds=kinds).lane == -1).all()
    assert not INDEX.on_kind(points, kinds).any()


@pytest.mark.parametrize("kinds", SETS)
def test_covering_lanes_match_the_twin(kinds: frozenset) -> None:
    random = np.random.default_rng(3)
    centres = np.concatenate([lane.centre_m[:, :2] for lane in TOWN.lanes.values()])
    points = random.choice(centres, 300) + random.normal(0, 1.5, (300, 2))
    distance = TWIN.distances(points)
    wanted = np.array([lane.kind in kinds for lane in TOWN.lanes.values()])
    expected = {(int(p), int(k)) for p, k in np.argwhere((distance == 0) & wanted)}
    point, lane = INDEX.covering(points, kinds)
    assert set(zip(point.tolist(), lane.tolist(), strict=True)) == expected


def test_order_of_questions_does_not_change_answers() -> None:
    points = scattered(200)
    first, second = LaneIndex(TOWN), LaneIndex(TOWN)
    a = [first.nearest(points, kinds=kinds) for kinds in SETS]
    b = [second.nearest(points, kinds=kinds) for kinds in reversed(SETS)][::-1]
    for one, two in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.lane, two.lane)
        np.testing.assert_array_equal(one.station_m, two.station_m)


def test_all_kinds_by_name_are_as_no_filter() -> None:
    points = scattered(200)
    one, two = INDEX.nearest(points), INDEX.nearest(points, kinds=frozenset(LaneKind))
    np.testing.assert_array_equal(one.lane, two.lane)


@pytest.mark.parametrize("seed", range(5))
def test_places_are_found_again(seed: int) -> None:
    random = np.random.default_rng(seed)
    name = str(random.integers(len(TOWN.lanes)))
    lane = TOWN.lanes[name]
    station = random.uniform(1, lane.length_m - 1, 20)
    offset = random.uniform(-0.9, 0.9, 20)
    position, yaw = INDEX.point_on(name, station, offset)
    found = INDEX.nearest(position, kinds={lane.kind}, yaw_rad=yaw)
    own = np.array([INDEX.ids[number] == name for number in found.lane])
    assert own.mean() > 0.8
    np.testing.assert_allclose(found.station_m[own], station[own], atol=0.15)
    np.testing.assert_allclose(found.offset_m[own], offset[own], atol=0.03)
    np.testing.assert_allclose(found.height_m[own], lane.centre_m[0, 2], atol=1e-9)


@pytest.mark.parametrize("z", [0.3, 5.8])
def test_level_decides_between_bridge_and_road_below(z: float) -> None:
    x = np.linspace(0, 100, 21)
    low = np.stack([x, 0 * x, 0 * x], axis=1)
    high = np.stack([0 * x + 50, x - 50, 0 * x + 6], axis=1)
    lanes = [ribbon("low", low, 3.5, KINDS[0]), ribbon("high", high, 3.5, KINDS[0])]
    index = LaneIndex(RoadMap(name="x", lanes={lane.id: lane for lane in lanes}))
    expected = "low" if z < 3 else "high"
    for answer in (index.nearest, index.under):
        found = answer(np.array([[50.0, 0.0, z], [50.2, 0.3, z]]))
        assert [index.ids[number] for number in found.lane] == [expected] * 2
    assert index.height_at(np.array([[50.0, 0.0, z]]))[0] == pytest.approx(6.0 * (z > 3))


def test_point_beside_a_lane_gets_the_height_of_its_nearer_edge() -> None:
    x = np.linspace(0, 50, 11)
    centre = np.stack([x, 0 * x, 1 + 0 * x], axis=1)
    side, tilt = np.array([0.0, 2.0, 0.0]), np.array([0.0, 0.0, 0.5])
    lane = Lane(
        id="a", kind=LaneKind.DRIVING, centre_m=centre, left_m=centre + side + tilt,
        right_m=centre - side - tilt,
    )  # fmt: skip
    index = LaneIndex(RoadMap(name="x", lanes={"a": lane}))
    found = index.nearest(np.array([[25.0, 9.0], [25.0, -9.0]]))
    np.testing.assert_allclose(found.height_m, [1.5, 0.5])
    np.testing.assert_allclose(found.outside_m, [7.0, 7.0])


def test_crosswalks_that_overlap_answer_with_the_later_one() -> None:
    square = np.array([[0.0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]])
    walks = (
        Crosswalk(id="a", outline_m=square),
        Crosswalk(id="b", outline_m=square + np.array([2.0, 0.0, 0.0])),
    )
    road = RoadMap(name="x", lanes=TOWN.lanes, crosswalks=walks)
    points = np.array([[1.0, 1.0], [3.0, 1.0], [5.0, 1.0], [7.0, 1.0]])
    assert LaneIndex(road).crosswalk_at(points).tolist() == [0, 1, 1, -1]


def test_spread_out_town_keeps_its_grid_small_and_its_answers_right() -> None:
    """Two lanes sixty kilometres apart: cells grow, answers stay."""
    x = np.linspace(0, 60, 21)
    here = np.stack([x, 0 * x, 0 * x], axis=1)
    lanes = [
        ribbon("here", here, 3.5, KINDS[0]),
        ribbon("there", here + np.array([60e3, 60e3, 0.0]), 3.5, KINDS[1]),
    ]
    index = LaneIndex(RoadMap(name="x", lanes={lane.id: lane for lane in lanes}))
    points = np.array([[30.0, 11.75], [60_030.0, 60_000.0], [30_000.0, 30_000.0]])
    found = index.nearest(points)
    assert found.lane.tolist() == [0, 1, -1]
    np.testing.assert_allclose(found.outside_m[:2], [10.0, 0.0], atol=1e-9)
