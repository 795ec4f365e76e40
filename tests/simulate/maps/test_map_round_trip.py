"""What the writer says about a road is what the reader finds, for many shapes of road."""

import math

import numpy as np
import pytest

from rareworld.core.road import LaneKind, MarkKind
from rareworld.simulate.maps.paths import Path, Piece, Pose, arcs, blend
from rareworld.simulate.maps.xodr import LaneRecord, MapRecord, Mark, RoadRecord, Section
from tests.simulate.maps.map_checks import read

PATHS = {
    "straight": arcs(Pose(3.0, -2.0, 0.3), ((80.0, 0.0),)),
    "left bend": arcs(Pose(0.0, 0.0, -1.0), ((20.0, 0.0), (50.0, 0.02), (15.0, 0.0))),
    "right bend": arcs(Pose(5.0, 5.0, 2.5), ((60.0, -0.03),)),
    "s": arcs(Pose(0.0, 0.0, 0.0), ((40.0, 0.02), (40.0, -0.02))),
    "cubic": blend(Pose(0.0, 0.0, 0.2), Pose(40.0, 25.0, 1.3)),
}


def _lane(kind: str, width: float, mark: Mark | None = None, **more: object) -> LaneRecord:
    return LaneRecord(kind, (width, 0.0, 0.0, 0.0), mark, **more)


def _road(path: Path, **more: object) -> RoadRecord:
    section = Section(
        0.0,
        (_lane("driving", 3.5, Mark("broken")), _lane("driving", 3.2, Mark("solid")),
         _lane("sidewalk", 2.0, height_m=0.12)),
        (_lane("driving", 3.0, Mark("solid")),),
        Mark("solid"),
    )  # fmt: skip
    return RoadRecord(**{"id": "7", "name": "r", "path": path, "sections": (section,), **more})


def _back(record: RoadRecord):
    return read(MapRecord("m", (record,)))


def _offset(path: Path, s: np.ndarray, t: float) -> np.ndarray:
    poses = [path.at(float(one)).move(0.0, t) for one in s]
    return np.array([[pose.x_m, pose.y_m] for pose in poses])


def _away(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance of points from a polyline."""
    a, b = line[:-1], line[1:]
    rel, step = points[:, None] - a, b - a
    t = np.clip((rel * step).sum(-1) / (step * step).sum(-1), 0, 1)
    return np.linalg.norm(rel - t[..., None] * step, axis=-1).min(axis=1)


EDGES = {"7:0:-1": (0.0, -3.5), "7:0:-2": (-3.5, -6.7), "7:0:-3": (-6.7, -8.7), "7:0:1": (0.0, 3.0)}


@pytest.mark.parametrize("name", PATHS)
def test_borders_lie_where_the_widths_put_them(name):
    path = PATHS[name]
    road = _back(_road(path))
    assert set(road.lanes) == set(EDGES)
    s = np.linspace(0, path.length_m, 400)
    for lane_id, (inner, outer) in EDGES.items():
        lane = road.lanes[lane_id]
        # lanes of positive number run against the road, so their left border is the inner one too
        for border, t in ((lane.left_m, inner), (lane.right_m, outer)):
            away = _away(border[:, :2], _offset(path, s, t))
            # cubics take their parameter for their length: good to a few centimetres along them
            assert away.max() < (0.06 if name == "cubic" else 0.02), (lane_id, t)


@pytest.mark.parametrize("name", PATHS)
def test_lanes_run_with_the_road_on_its_right_and_against_it_on_its_left(name):
    path = PATHS[name]
    road = _back(_road(path))
    for lane_id, lane in road.lanes.items():
        ahead = lane.centre_m[1, :2] - lane.centre_m[0, :2]
        pose = path.start if ":-" in lane_id else path.end.turned()
        heading = math.atan2(ahead[1], ahead[0])
        assert math.cos(heading - pose.heading_rad) > 0.99
        side = (lane.left_m - lane.centre_m)[0, :2]
        assert ahead[0] * side[1] - ahead[1] * side[0] > 0


@pytest.mark.parametrize("name", PATHS)
def test_lengths_are_those_of_the_offset_line(name):
    path = PATHS[name]
    lane = _back(_road(path)).lanes["7:0:-1"]
    dense = _offset(path, np.linspace(0, path.length_m, 2000), -1.75)
    expected = np.linalg.norm(np.diff(dense, axis=0), axis=1).sum()
    assert lane.length_m == pytest.approx(expected, rel=2e-3)


HILL = ((0.0, 2.0, 0.05, 0.0, 0.0),)
VALLEY = ((0.0, 5.0, -0.1, 0.001, 0.0),)


@pytest.mark.parametrize("elevation", [HILL, VALLEY])
def test_heights_follow_the_elevation_polynomial(elevation):
    path = PATHS["straight"]
    road = _back(_road(path, elevation=elevation))
    ((_, a, b, c, d),) = elevation
    lane = road.lanes["7:0:-1"]
    start = np.array([path.start.x_m, path.start.y_m])
    ahead = np.array([math.cos(path.start.heading_rad), math.sin(path.start.heading_rad)])
    s = (lane.centre_m[:, :2] - start) @ ahead
    np.testing.assert_allclose(lane.centre_m[:, 2], a + b * s + c * s**2 + d * s**3, atol=0.02)
    kerb = road.lanes["7:0:-3"]
    rise = kerb.centre_m[:, 2] - np.interp(
        (kerb.centre_m[:, :2] - start) @ ahead, s, lane.centre_m[:, 2]
    )
    np.testing.assert_allclose(rise, 0.12, atol=0.02)


@pytest.mark.parametrize("speed", [8.33, 13.89, 33.3])
def test_limits_and_kinds_are_kept(speed):
    road = _back(_road(PATHS["s"], speed_mps=speed))
    kinds = {lane_id: lane.kind for lane_id, lane in road.lanes.items()}
    assert kinds["7:0:-3"] is LaneKind.SIDEWALK
    assert {kinds[k] for k in ("7:0:-1", "7:0:-2", "7:0:1")} == {LaneKind.DRIVING}
    for lane_id in ("7:0:-1", "7:0:-2", "7:0:1"):
        assert road.lanes[lane_id].speed_limit_mps == pytest.approx(speed, rel=1e-3)


def test_neighbours_are_those_of_the_cross_section():
    lanes = _back(_road(PATHS["straight"])).lanes
    assert lanes["7:0:-1"].right_neighbour == "7:0:-2"
    assert lanes["7:0:-2"].left_neighbour == "7:0:-1"
    assert lanes["7:0:-1"].left_neighbour is None, "what comes towards is no neighbour"


def test_marks_are_broken_or_solid_where_they_were_painted():
    road = _back(_road(PATHS["straight"]))
    path = PATHS["straight"]
    s = np.linspace(0, path.length_m, 200)
    wanted = {-3.5: MarkKind.BROKEN, -6.7: MarkKind.SOLID, 0.0: MarkKind.SOLID, 3.0: MarkKind.SOLID}
    for t, kind in wanted.items():
        line = _offset(path, s, t)
        found = {m.kind for m in road.markings if _away(m.points_m[:, :2], line).max() < 0.1}
        assert found == {kind}, t


@pytest.mark.parametrize("curvature", [-0.05, -0.001, 0.0, 0.001, 0.05])
@pytest.mark.parametrize("length", [1.0, 25.0])
def test_a_piece_turned_round_visits_the_same_points(curvature, length):
    path = Path((Piece(Pose(1.0, -2.0, 0.7), length, curvature),))
    back = path.reversed()
    for share in (0.0, 0.3, 1.0):
        there, here = path.at(share * length), back.at((1 - share) * length)
        assert (there.x_m, there.y_m) == pytest.approx((here.x_m, here.y_m), abs=1e-9)
        assert math.cos(there.heading_rad - here.heading_rad) == pytest.approx(-1.0)
