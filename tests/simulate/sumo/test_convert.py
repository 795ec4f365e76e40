"""The netconvert door: same coordinates, same bytes, named errors, a cache keyed by content."""

import gzip
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import shapely

from rareworld.core.road import LaneKind
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.errors import MapError, MissingExtraError
from rareworld.simulate.maps.library import SHIPPED, load_place
from rareworld.simulate.sumo import convert
from rareworld.simulate.sumo.convert import convert_opendrive, network_for
from rareworld.simulate.sumo.snap import parse_shape

pytest.importorskip("sumo")
XODR = SHIPPED / "t_junction" / "0.xodr.gz"
CARLA = os.environ.get("RAREWORLD_CARLA_MAPS", "")
"""Folder with Town01.xodr.gz and its like, as the package py123d carries it."""


def _text() -> str:
    return gzip.decompress(XODR.read_bytes()).decode()


def test_file_gzip_and_text_give_the_same_bytes(tmp_path):
    plain = tmp_path / "map.xodr"
    plain.write_text(_text())
    made = [
        convert_opendrive(source, tmp_path / f"{k}.net.xml").read_bytes()
        for k, source in enumerate((XODR, plain, str(plain), _text()))
    ]
    assert len(set(made)) == 1
    assert b"<!--" not in made[0]


def test_nothing_but_the_network_is_left_behind(tmp_path):
    convert_opendrive(XODR, tmp_path / "deep" / "a.net.xml")
    assert [x.name for x in (tmp_path / "deep").iterdir()] == ["a.net.xml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<OpenDRIVE><road", "not well-formed"),
        ("<net/>", "expected an OpenDRIVE file, found <net>"),
        ("<OpenDRIVE><header revMajor='1' revMinor='7'/></OpenDRIVE>", "OpenDRIVE text"),
    ],
)
def test_broken_maps_are_named_errors_and_leave_nothing(tmp_path, text, message):
    with pytest.raises(MapError, match=message):
        convert_opendrive(text, tmp_path / "out" / "a.net.xml")
    assert not (tmp_path / "out" / "a.net.xml").exists()


def test_a_missing_file_is_a_map_error(tmp_path):
    with pytest.raises(MapError, match="cannot be read"):
        convert_opendrive(tmp_path / "none.xodr", tmp_path / "a.net.xml")


def test_netconverts_own_message_is_passed_on(tmp_path):
    with pytest.raises(MapError, match=r"netconvert cannot convert the map: .*rror"):
        convert._netconvert("map.xodr", ["--opendrive-files=none.xodr"], tmp_path / "a.net.xml")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"rareworld\[maps\]"):
        convert._home()


def test_the_cache_is_keyed_by_content(tmp_path):
    road = load_place("t_junction").road
    first = network_for(XODR, tmp_path)
    stamp = first.stat().st_mtime_ns
    assert network_for(road, tmp_path) == first
    assert first.stat().st_mtime_ns == stamp
    assert network_for(SHIPPED / "t_junction" / "1.xodr.gz", tmp_path) != first


def test_a_road_without_source_cannot_be_converted(tmp_path):
    with pytest.raises(MapError, match="carries no OpenDRIVE text"):
        network_for(replace(load_place("t_junction").road, source=""), tmp_path)


def test_parking_lanes_and_shoulders_are_no_lanes_of_sumo(tmp_path):
    net = ElementTree.parse(
        convert_opendrive(SHIPPED / "school_street" / "0.xodr.gz", tmp_path / "a.net.xml")
    )
    kinds = {lane.get("type") for lane in net.iter("lane")} - {None}
    assert kinds == {"driving", "sidewalk"}


@pytest.mark.slow
@pytest.mark.skipif(not CARLA, reason="set RAREWORLD_CARLA_MAPS to a folder of CARLA towns")
@pytest.mark.parametrize("town", ["Town01", "Town03", "Town04", "Town05", "Town10HD"])
def test_carla_towns_convert_in_the_coordinates_of_the_map(tmp_path, town):
    """95 % of all driving lane points lie within 0.5 m of a lane of the map."""
    path = Path(CARLA) / f"{town}.xodr.gz"
    net = ElementTree.parse(convert_opendrive(path, tmp_path / "a.net.xml"))
    road = read_opendrive(path)
    lines = shapely.STRtree([shapely.LineString(x.centre_m[:, :2]) for x in road.lanes.values()])
    gaps: list[float] = []
    for edge in net.getroot().findall("edge"):
        if edge.get("function") is None:
            for lane in edge.findall("lane"):
                points = shapely.points(parse_shape(lane.get("shape"))[:, :2])
                _, gap = lines.query_nearest(points, return_distance=True, all_matches=False)
                gaps += gap.tolist()
    assert sorted(gaps)[int(0.95 * len(gaps))] < 0.5
    assert any(x.kind == LaneKind.DRIVING for x in road.lanes.values())
