"""Motorways, roundabouts and junctions over their settings: what is asked for is what is built."""

import math

import numpy as np
import pytest
import shapely
from pydantic import ValidationError

from rareworld.core.road import LaneKind, RoadMap, SignalKind
from rareworld.errors import ConfigError
from rareworld.simulate.maps.arms import ArmPlan, Control
from rareworld.simulate.maps.junctions import JunctionConfig, build_junction
from rareworld.simulate.maps.library import SHIPPED, VARIANTS, _crossroads, _opposite, _tags
from rareworld.simulate.maps.motorway import MotorwayConfig, build_motorway
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.maps.roundabout import RoundaboutConfig, build_roundabout
from tests.simulate.maps.map_checks import area, areas, read, worst_gap_m, worst_kink_rad


def _motorway(**more: object) -> RoadMap:
    return read(build_motorway(MotorwayConfig(name="m", **more)))


def _ring(count: int = 4, **more: object) -> RoadMap:
    arms = tuple(ArmPlan(bearing_rad=2 * math.pi * k / count + 0.1) for k in range(count))
    return read(build_roundabout(RoundaboutConfig(name="r", arms=arms, **more)))


def _junction(*degrees: float, **arm: object) -> RoadMap:
    arms = tuple(ArmPlan(bearing_rad=math.radians(x), **arm) for x in degrees)
    return read(build_junction(JunctionConfig(name="j", arms=arms)))


def _lanes(road: RoadMap, prefix: str, kind: LaneKind) -> list:
    return [x for x in road.lanes.values() if x.id.startswith(prefix) and x.kind is kind]


def _width_m(lane) -> float:
    return float(np.median(np.linalg.norm((lane.left_m - lane.right_m)[:, :2], axis=1)))


MOTORWAYS = {
    "plain": {},
    "four lanes": {"lanes": 4, "lane_m": 3.5},
    "narrow median": {"median_m": 2.0, "shoulder_m": 1.5},
    "short": {"approach_m": 80.0, "acceleration_m": 100.0},
    "long": {"approach_m": 400.0, "acceleration_m": 300.0},
    "tight ramp": {"ramp_bend_radius_m": 50.0, "ramp_drop_m": 0.0},
    "ramp from above": {"ramp_drop_m": -6.0},
}


@pytest.fixture(scope="module", params=list(MOTORWAYS))
def motorway(request) -> tuple[dict, RoadMap]:
    return MOTORWAYS[request.param], _motorway(**MOTORWAYS[request.param])


def test_motorways_join_whatever_their_measures(motorway):
    _, road = motorway
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02
    assert worst_kink_rad(road, LaneKind.DRIVING) < math.radians(8)


def test_motorways_have_lanes_shoulders_and_lengths_as_asked(motorway):
    config = MotorwayConfig(name="m", **motorway[0])
    road = motorway[1]
    before = _lanes(road, "1:0:", LaneKind.DRIVING)
    assert len(before) == config.lanes
    for lane in before:
        assert _width_m(lane) == pytest.approx(config.lane_m, abs=1e-3)
        assert lane.length_m == pytest.approx(config.approach_m, abs=0.05)
        assert lane.speed_limit_mps == pytest.approx(config.speed_mps)
    widths = sorted(_width_m(lane) for lane in _lanes(road, "1:0:", LaneKind.SHOULDER))
    assert widths == pytest.approx([1.0, config.shoulder_m], abs=1e-3)
    joined = _lanes(road, "2:0:", LaneKind.DRIVING)
    assert len(joined) == config.lanes + 1
    assert joined[0].length_m == pytest.approx(config.acceleration_m, abs=0.05)


def test_carriageways_are_a_median_apart(motorway):
    config = MotorwayConfig(name="m", **motorway[0])
    road = motorway[1]
    paved = [x for x in road.lanes.values() if x.kind in (LaneKind.DRIVING, LaneKind.SHOULDER)]
    own, other = (
        shapely.union_all([area(x) for x in paved if x.id.startswith(road_id)])
        for road_id in ("1:", "4:")
    )
    assert own.distance(other) >= config.median_m - 0.05


def test_the_ramp_begins_as_far_below_as_asked(motorway):
    config = MotorwayConfig(name="m", **motorway[0])
    (ramp,) = _lanes(motorway[1], "3:", LaneKind.DRIVING)
    assert ramp.centre_m[0, 2] - ramp.centre_m[-1, 2] == pytest.approx(-config.ramp_drop_m, abs=0.6)
    assert ramp.speed_limit_mps == pytest.approx(config.ramp_speed_mps)


@pytest.mark.parametrize("speed_mps", [80 / 3.6, 100 / 3.6, 130 / 3.6])
def test_the_limit_is_posted_as_it_holds(speed_mps):
    road = _motorway(speed_mps=speed_mps)
    limits = [x for x in road.signals if x.kind is SignalKind.SPEED_LIMIT]
    assert limits
    shown = {round(float(x.value)) for x in limits if x.value}
    assert round(speed_mps * 3.6) in shown


@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize("island_m", [13.0, 22.0])
def test_roundabouts_of_any_size_join_and_keep_their_island_clear(count, island_m):
    road = _ring(count, island_radius_m=island_m)
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02
    island = shapely.Point(0, 0).buffer(island_m - 1.5)
    assert shapely.intersection(areas(road, LaneKind.DRIVING), island).area < 0.5
    assert len(road.junctions) == count


@pytest.mark.parametrize("ring_m", [4.5, 6.0])
def test_the_ring_is_as_wide_and_slow_as_asked(ring_m):
    road = _ring(ring_m=ring_m, ring_speed_mps=7.0)
    ring = [
        lane for lane in road.lanes.values()
        if lane.kind is LaneKind.DRIVING and lane.junction is None
        and np.ptp(np.linalg.norm(lane.centre_m[:, :2], axis=1)) < 0.05
    ]  # fmt: skip
    assert len(ring) == 4
    for lane in ring:
        assert _width_m(lane) == pytest.approx(ring_m, abs=1e-2)
        assert lane.speed_limit_mps == pytest.approx(7.0)


def test_roundabouts_that_leave_no_room_are_told():
    arms = tuple(ArmPlan(bearing_rad=math.radians(x)) for x in (0, 40, 180))
    with pytest.raises(ConfigError, match=r"arm"):
        build_roundabout(RoundaboutConfig(name="r", arms=arms, island_radius_m=8.0))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (MotorwayConfig, {"lanes": 1}),
        (MotorwayConfig, {"lane_m": 5.0}),
        (MotorwayConfig, {"approach_m": 10.0}),
        (MotorwayConfig, {"ramp_bend_radius_m": 20.0}),
        (MotorwayConfig, {"lane": 2}),
        (RoundaboutConfig, {"arms": ()}),
        (RoundaboutConfig, {"island_radius_m": 5.0}),
        (JunctionConfig, {"arms": ()}),
        (JunctionConfig, {"kerb_radius_m": 1.0}),
    ],
)
def test_measures_no_road_has_are_refused(kind, values):
    arms = tuple(ArmPlan(bearing_rad=k * 1.57) for k in range(4))
    plain = {"name": "x"} if kind is MotorwayConfig else {"name": "x", "arms": arms}
    with pytest.raises(ValidationError, match=next(iter(values))):
        kind(**{**plain, **values})


@pytest.mark.parametrize(
    ("degrees", "more", "tags"),
    [
        ((0, 90, 180, 270), {"control": Control.SIGNALS},
         {"junction", "signalised", "crosswalk", "two-way", "undivided", "crossroads",
          "left-turn"}),
        ((0, 120, 240), {"crosswalk": False}, {"junction", "two-way", "undivided", "left-turn"}),
        ((0, 180, 265), {"parking_m": 2.0},
         {"junction", "crosswalk", "two-way", "undivided", "left-turn", "parking"}),
        ((0, 90, 180, 270), {"inbound": 2, "outbound": 2, "control": Control.PRIORITY},
         {"junction", "crosswalk", "two-way", "undivided", "crossroads", "left-turn",
          "multi-lane"}),
    ],
)  # fmt: skip
def test_tags_of_any_map_are_told_from_the_map(degrees, more, tags):
    road = _junction(*degrees, **more)
    assert _tags(road) == tags
    assert _opposite(road)
    assert _crossroads(road) == ("crossroads" in tags)


def test_a_motorway_is_no_opposite_road_and_no_crossroads():
    road = _motorway()
    assert not _opposite(road)
    assert not _crossroads(road)
    assert "signalised" not in _tags(road)


@pytest.mark.parametrize("name", PLACES)
def test_every_variant_of_a_place_is_shipped_with_its_network(name):
    files = {path.name for path in (SHIPPED / name).iterdir()}
    wanted = {f"{k}.{end}.gz" for k in range(VARIANTS) for end in ("xodr", "net.xml")}
    assert wanted <= files


@pytest.mark.parametrize("inbound", [1, 2, 3])
@pytest.mark.parametrize("degrees", [(0, 90, 180, 270), (0, 100, 190, 285), (0, 70, 180, 250)])
def test_junctions_of_any_width_and_angle_join(inbound, degrees):
    road = _junction(*degrees, inbound=inbound, outbound=min(inbound, 2))
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02
    mouths = [x for x in road.lanes.values() if x.kind is LaneKind.DRIVING and x.junction is None]
    assert len(mouths) == 4 * (inbound + min(inbound, 2))
