"""Bus lanes: on the map, in the network, and who drives on them."""

import gzip
from xml.etree import ElementTree

import numpy as np
import pytest

from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.seed import Seed
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.simulate.maps.library import VARIANTS, Place, load_place
from rareworld.simulate.maps.places import PLACES, make_place
from rareworld.simulate.maps.xodr import to_bytes
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.sumo.demand import ClassMix, DemandConfig
from rareworld.simulate.sumo.session import Traffic


def bus_lanes(road: RoadMap) -> list[Lane]:
    return [lane for lane in road.lanes.values() if lane.bus]


@pytest.fixture(scope="module", params=range(VARIANTS))
def place(request) -> Place:
    return load_place("arterial", request.param)


ONE_QUICK = [pytest.param(v, marks=[pytest.mark.slow] if v else []) for v in range(VARIANTS)]
"""Half a minute of traffic on every variant is long: one in the quick suite, all in the slow."""


def test_bus_lanes_lead_in_at_the_kerb_of_both_main_arms(place):
    lanes = bus_lanes(place.road)
    assert len(lanes) == 2
    for lane in lanes:
        assert lane.kind is LaneKind.DRIVING
        assert lane.left_neighbour is not None
        beside = place.road.lanes[lane.right_neighbour] if lane.right_neighbour else None
        assert beside is None or beside.kind is LaneKind.SIDEWALK


def test_bus_lanes_end_before_the_junction_where_everybody_may_turn(place):
    for lane in bus_lanes(place.road):
        (name,) = lane.successors
        after = place.road.lanes[name]
        assert not after.bus
        assert after.length_m == pytest.approx(45.0, abs=0.5)
        assert all(place.road.lanes[x].junction for x in after.successors)


def test_the_written_map_says_bus(place):
    for seed in (5, 6):
        road = read_opendrive(to_bytes(make_place("arterial", Seed(seed))).decode(), name="x")
        assert len(bus_lanes(road)) == 2
        assert road.warnings == ()


def test_the_network_lets_only_buses_onto_them(place):
    net = ElementTree.fromstring(gzip.decompress(place.net_path.read_bytes()))
    lanes = [x for edge in net.findall("edge") if edge.get("function") is None
             for x in edge.findall("lane") if x.get("allow") == "bus"]  # fmt: skip
    assert len(lanes) == 2
    limit = {round(lane.speed_limit_mps or 0, 2) for lane in bus_lanes(place.road)}
    assert {round(float(lane.get("speed")), 2) for lane in lanes} == limit


def test_other_places_have_none():
    for name in PLACES:
        assert name == "arterial" or not bus_lanes(load_place(name).road)


def test_scripted_cars_never_set_out_on_a_bus_lane(place):
    site = Site(place)
    reserved = {lane.id for lane in bus_lanes(place.road)}
    assert site.ways
    used = {name for way in site.ways for name in way.lanes}
    beside = {x for s in site.stretches(0.0) for x in (s.left, s.right, *s.way.lanes)}
    assert not reserved & (used | beside)


@pytest.mark.parametrize("place", ONE_QUICK, indirect=True)
def test_buses_drive_on_the_bus_lane_and_nobody_else(place):
    """Share of sightings in it over 30 s: most of the buses on that road, no other class."""
    demand = DemandConfig(
        vehicles_per_hour_per_lane=500.0, pedestrians_per_hour=0.0,
        mix=ClassMix(car=0.6, bus=0.4, van=0.0, truck=0.0, motorcycle=0.0, bicycle=0.0),
    )  # fmt: skip
    inside: dict[bool, int] = {True: 0, False: 0}
    beside = 0
    lines = [lane.centre_m[:, :2] for lane in bus_lanes(place.road)]
    with Traffic(place.net_path, place.road, demand, Seed(3), warmup_s=25.0) as traffic:
        for _ in range(30):
            for seen in traffic.states():
                bus = seen.blueprint in ("city_bus", "minibus")
                away = min(float(np.hypot(*(line - np.array([seen.x_m, seen.y_m])).T).min())
                           for line in lines)  # fmt: skip
                inside[bus] += away < 1.0
                beside += bus and 2.5 < away < 4.5
            for _ in range(20):
                traffic.step()
    assert inside[False] == 0
    assert inside[True] > 30
    assert inside[True] > beside
