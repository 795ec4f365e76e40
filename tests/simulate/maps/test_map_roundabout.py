"""Roundabouts: the ring closes, everybody yields to it, every exit is reached."""

import math

import numpy as np
import pytest
import shapely

from rareworld.core.road import LaneKind, RoadMap, SignalKind
from rareworld.errors import ConfigError
from rareworld.simulate.maps.arms import ArmPlan, Control
from rareworld.simulate.maps.roundabout import RoundaboutConfig, build_roundabout
from tests.simulate.maps.map_checks import area, areas, read, worst_gap_m


def roundabout(*degrees: float, **ring: float) -> RoadMap:
    arms = tuple(
        ArmPlan(bearing_rad=math.radians(x), control=Control.YIELD, pavement_m=2.5) for x in degrees
    )
    return read(build_roundabout(RoundaboutConfig(name="r", arms=arms, **ring)))


@pytest.fixture(scope="module", params=[(0, 90, 180, 270), (10, 125, 240)])
def road(request) -> RoadMap:
    return roundabout(*request.param, island_radius_m=14.0)


def test_lanes_join_without_gaps(road):
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02
    assert worst_gap_m(road, LaneKind.SIDEWALK) < 0.02


def test_every_exit_is_reached_from_every_entry(road):
    arms = len(road.junctions)
    entries = [x for x in road.lanes.values() if x.kind == LaneKind.DRIVING and not x.predecessors]
    for entry in entries:
        seen, todo = set(), [entry.id]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += road.lanes[name].successors
        exits = [name for name in seen if not road.lanes[name].successors]
        assert len(exits) == arms


def test_the_ring_runs_counter_clockwise(road):
    for lane in road.lanes.values():
        if lane.id.startswith("5") and lane.kind == LaneKind.DRIVING and lane.junction is None:
            a, b = lane.centre_m[0, :2], lane.centre_m[-1, :2]
            assert a[0] * b[1] - a[1] * b[0] > 0
            radii = np.linalg.norm(lane.centre_m[:, :2], axis=1)
            assert np.ptp(radii) < 0.02


def test_every_entry_yields_and_no_ring_lane_does(road):
    signs = [x for x in road.signals if x.kind == SignalKind.YIELD]
    assert len(signs) == len(road.junctions)
    for sign in signs:
        for name in sign.lanes:
            assert not road.lanes[name].predecessors


def test_driven_lanes_stay_off_pavement_and_island(road):
    raised = areas(road, LaneKind.SIDEWALK)
    for lane in road.lanes.values():
        if lane.kind == LaneKind.DRIVING:
            assert shapely.intersection(area(lane), raised).area < 0.4, lane.id
    island = shapely.Point(0, 0).buffer(13.9)
    driven = areas(road, LaneKind.DRIVING)
    assert shapely.intersection(island, driven).area == pytest.approx(0.0, abs=0.1)


def test_arms_that_leave_no_ring_between_them_are_refused():
    with pytest.raises(ConfigError, match="larger island"):
        roundabout(0, 40, 180, island_radius_m=9.0)
