"""The shipped library: every variant is there, real, drivable and made by the code as it stands."""

import gzip
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely

from rareworld.core.road import LaneKind, SignalKind
from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.simulate.maps.build import build_variant
from rareworld.simulate.maps.library import LIBRARY_SEED, SHIPPED, VARIANTS, load_place, open_map
from rareworld.simulate.maps.places import PLACES, make_place
from rareworld.simulate.maps.xodr import to_bytes
from rareworld.simulate.sumo.snap import parse_shape
from tests.simulate.maps.map_checks import areas, worst_gap_m

ALL = [(name, variant) for name in PLACES for variant in range(VARIANTS)]
TAGS_SEEN_IN_MAP = {"signalised", "crosswalk", "parking", "multi-lane", "junction"}


@pytest.fixture(scope="module", params=ALL, ids=lambda x: f"{x[0]}-{x[1]}")
def place(request):
    return load_place(*request.param)


def _net(place) -> ElementTree.Element:
    return ElementTree.fromstring(gzip.decompress(place.net_path.read_bytes()))


def test_there_are_at_least_eight_places_and_they_fit_the_package():
    assert len(PLACES) >= 8
    size = sum(path.stat().st_size for path in SHIPPED.rglob("*.gz"))
    assert size < 3_000_000
    assert len(list(SHIPPED.rglob("*.gz"))) == 2 * len(ALL)


def test_every_lane_of_the_network_lies_on_a_lane_of_the_map(place):
    lines = [shapely.LineString(x.centre_m[:, :2]) for x in place.road.lanes.values()]
    for edge in _net(place).findall("edge"):
        if edge.get("function") in ("crossing", "walkingarea"):
            continue
        for lane in edge.findall("lane"):
            points = shapely.points(parse_shape(lane.get("shape"))[:, :2])
            gap = np.min([shapely.distance(line, points) for line in lines], axis=0).max()
            assert gap < 0.3, lane.get("id")


def test_every_driving_lane_of_the_map_is_in_the_network(place):
    origins = {x.get("value", "") for x in _net(place).iter("param") if x.get("key") == "origId"}
    known = {part for text in origins for part in text.split()}
    for lane in place.road.lanes.values():
        if lane.kind in (LaneKind.DRIVING, LaneKind.BIKE):
            road, _, number = lane.id.split(":")
            assert f"{road}_{number}" in known, lane.id


def test_the_reader_has_nothing_to_warn_of(place):
    assert place.road.warnings == ()


def test_lanes_join_without_gaps(place):
    assert worst_gap_m(place.road, LaneKind.DRIVING) < 0.02


def test_arms_are_long_enough_for_traffic_to_settle(place):
    for lane in place.road.lanes.values():
        if lane.kind == LaneKind.DRIVING and not lane.predecessors:
            assert lane.length_m > 110.0, lane.id


def test_tags_hold_on_the_map(place):
    road = place.road
    facts = {
        "signalised": any(x.kind == SignalKind.TRAFFIC_LIGHT for x in road.signals),
        "crosswalk": bool(road.crosswalks),
        "parking": any(x.kind == LaneKind.PARKING for x in road.lanes.values()),
        "junction": bool(road.junctions),
    }
    for tag in place.info.tags & set(facts):
        assert facts[tag], tag


def test_crossings_of_the_network_lie_on_crosswalks(place):
    walks = [shapely.Polygon(x.outline_m[:, :2]) for x in place.road.crosswalks]
    crossings = _net(place).findall("edge[@function='crossing']")
    assert len(crossings) >= len(walks)
    for edge in crossings:
        shape = parse_shape(edge.find("lane").get("shape"))[:, :2]
        middle = shapely.Point(shape.mean(axis=0))
        assert min(shapely.distance(walk, middle) for walk in walks) < 3.0


def test_signalised_places_have_programmes_with_yellow_and_all_red(place):
    programmes = _net(place).findall("tlLogic")
    lights = [x for x in place.road.signals if x.kind == SignalKind.TRAFFIC_LIGHT]
    assert bool(programmes) == bool(lights)
    for programme in programmes:
        states = [phase.get("state") for phase in programme.findall("phase")]
        assert any("y" in state for state in states)
        assert any(set(state) == {"r"} for state in states)
        for column in zip(*states, strict=True):
            assert {"g", "G"} & set(column)


def test_pavements_are_not_built_upon_by_lanes(place):
    pavement = areas(place.road, LaneKind.SIDEWALK)
    driven = areas(place.road, LaneKind.DRIVING, LaneKind.PARKING, LaneKind.BIKE)
    assert shapely.intersection(pavement, driven).area < 1.5


@pytest.mark.parametrize(("name", "variant"), ALL)
def test_the_shipped_map_is_the_one_the_code_makes(name, variant):
    made = to_bytes(make_place(name, Seed(LIBRARY_SEED).child("maps", name, variant)))
    assert gzip.decompress((SHIPPED / name / f"{variant}.xodr.gz").read_bytes()) == made


def test_variants_differ():
    for name in PLACES:
        texts = {(SHIPPED / name / f"{v}.xodr.gz").read_bytes() for v in range(VARIANTS)}
        assert len(texts) == VARIANTS


def test_the_build_command_writes_the_shipped_bytes(tmp_path):
    pytest.importorskip("sumo")
    build_variant("t_junction", 1, tmp_path)
    for path in sorted((tmp_path / "t_junction").iterdir()):
        assert path.read_bytes() == (SHIPPED / "t_junction" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "variant", "message"),
    [("t_juncton", 0, "did you mean 't_junction'"), ("t_junction", 9, "variants 0 to 2")],
)
def test_unknown_places_are_named_errors(name, variant, message):
    with pytest.raises(ConfigError, match=message):
        load_place(name, variant)


def test_a_map_of_the_users_own_opens_once_and_is_cached(tmp_path):
    pytest.importorskip("sumo")
    path = tmp_path / "mine.xodr"
    path.write_bytes(gzip.decompress((SHIPPED / "midblock_crossing" / "1.xodr.gz").read_bytes()))
    place = open_map(path, tmp_path / "cache")
    stamp = place.net_path.stat().st_mtime_ns
    assert open_map(path, tmp_path / "cache").net_path.stat().st_mtime_ns == stamp
    assert place.name == "mine"
    assert {"signalised", "crosswalk", "parking"} <= place.info.tags
