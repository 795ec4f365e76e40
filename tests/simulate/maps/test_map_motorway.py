"""Motorways: the ramp becomes a lane, the lane runs out, carriageways stay apart."""

import math

import numpy as np
import pytest
import shapely

from rareworld.core.road import LaneKind, RoadMap
from rareworld.simulate.maps.motorway import MotorwayConfig, build_motorway
from tests.simulate.maps.map_checks import area, read, worst_gap_m


@pytest.fixture(scope="module", params=[2, 3])
def lanes(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def road(lanes) -> RoadMap:
    return read(build_motorway(MotorwayConfig(name="m", lanes=lanes)))


def _driving(road: RoadMap, prefix: str) -> list:
    return [
        lane for lane in road.lanes.values()
        if lane.id.startswith(prefix) and lane.kind == LaneKind.DRIVING
    ]  # fmt: skip


def test_lanes_join_without_gaps(road):
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02


def test_the_acceleration_lane_is_one_more_lane_and_runs_out(road, lanes):
    assert [len(_driving(road, f"2:{k}:")) for k in range(3)] == [lanes + 1, lanes + 1, lanes]
    (gone,) = [x for x in _driving(road, "2:1:") if not x.successors]
    width = np.linalg.norm(gone.left_m - gone.right_m, axis=1)
    assert width[0] == pytest.approx(3.75, abs=1e-6)
    assert width[-1] == pytest.approx(0.0, abs=1e-6)
    assert np.all(np.diff(width) <= 1e-9)


def test_the_ramp_feeds_the_acceleration_lane(road):
    (ramp,) = _driving(road, "3:")
    (way,) = ramp.successors
    (after,) = road.lanes[way].successors
    assert road.lanes[after].right_neighbour is None or (
        road.lanes[road.lanes[after].right_neighbour].kind == LaneKind.SHOULDER
    )


def test_carriageways_run_against_each_other_and_stay_apart(road):
    here, there = _driving(road, "1:")[0], _driving(road, "4:")[0]
    way = [np.diff(x.centre_m[[0, -1], :2], axis=0)[0] for x in (here, there)]
    assert way[0] @ way[1] < 0
    assert shapely.distance(area(here), area(there)) > 4.0


def test_the_ramp_stays_clear_of_the_motorway_until_the_nose(road):
    ramp = shapely.union_all([area(x) for x in road.lanes.values() if x.id.startswith("3:")])
    before = shapely.union_all([area(x) for x in road.lanes.values() if x.id.startswith("1:")])
    assert shapely.distance(ramp, before) == pytest.approx(2.0 - math.sin(math.radians(5)), abs=0.2)


def test_the_ramp_climbs_to_the_motorway(road):
    (ramp,) = _driving(road, "3:")
    assert ramp.centre_m[0, 2] == pytest.approx(-3.0, abs=1e-6)
    assert ramp.centre_m[-1, 2] == pytest.approx(0.0, abs=1e-6)


def test_limits_are_those_of_the_config(road):
    assert _driving(road, "1:")[0].speed_limit_mps == pytest.approx(120 / 3.6)
    assert _driving(road, "3:")[0].speed_limit_mps == pytest.approx(60 / 3.6)
