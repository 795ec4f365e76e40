"""The netconvert door: same coordinates, same bytes, named errors, a cache keyed by content."""

import gzip
import os
import signal
import subprocess
import sys
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
        ("<net/>", "expected the root <OpenDRIVE>, found <net>"),
        ("<OpenDRIVE><header revMajor='1' revMinor='7'/></OpenDRIVE>", "OpenDRIVE text"),
    ],
)
def test_broken_maps_are_named_errors_and_leave_nothing(tmp_path, text, message):
    with pytest.raises(MapError, match=message):
        convert_opendrive(text, tmp_path / "out" / "a.net.xml")
    assert not (tmp_path / "out" / "a.net.xml").exists()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "cut.xodr.gz",
            gzip.compress(b"<OpenDRIVE/>" * 9, mtime=0)[:-12],
            "the gzip data is damaged",
        ),
        ("bits.xodr.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 40, "the gzip data is damaged"),
        ("net.xodr", b"<net/>", "expected the root <OpenDRIVE>, found <net>"),
        ("bytes.xodr", b"<OpenDRIVE name='\xdf'/>", "not well-formed XML"),
    ],
)
def test_damaged_files_are_told_as_the_reader_tells_them(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(MapError, match=message) as ours:
        network_for(path, tmp_path / "cache")
    with pytest.raises(MapError) as readers:
        read_opendrive(path)
    assert str(ours.value) == str(readers.value)
    assert not (tmp_path / "cache").exists()


def _latin(folder: Path) -> Path:
    """Write a map in Latin-1, packed without a suffix that says so."""
    body = convert._DECLARATION.sub("", _text()).replace('name="', 'name="Straße ', 1)
    path = folder / "latin.xodr"
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?>{body}'
    path.write_bytes(gzip.compress(text.encode("latin-1"), mtime=0))
    return path


def test_a_latin_1_map_has_one_network_as_file_and_as_road(tmp_path):
    path = _latin(tmp_path)
    net = network_for(path, tmp_path / "cache")
    assert network_for(read_opendrive(path), tmp_path / "cache") == net
    assert net.read_bytes() == convert_opendrive(_text(), tmp_path / "a.net.xml").read_bytes()


def test_a_road_with_a_broken_text_is_named(tmp_path):
    with pytest.raises(MapError, match="map 't_junction': OpenDRIVE text: not well-formed"):
        network_for(replace(load_place("t_junction").road, source="<OpenDRIVE>"), tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_COMMON", ("--no-warnings",)),
        ("_FIRST", ("--walkingareas",)),
        ("_KEPT_LANES", {"driving": {"priority": "1"}}),
        ("_LEFT_OUT", ("none",)),
        ("_RULES_VERSION", convert._RULES_VERSION + 1),
        ("__version__", "0.0.0"),
        ("_version", lambda: "0.0.0"),
    ],
)
def test_whatever_shapes_the_network_is_in_the_key(monkeypatch, name, value):
    before = convert._content_key("<OpenDRIVE/>")
    assert convert._content_key('<?xml version="1.0"?>\n<OpenDRIVE/>\n') == before
    assert convert._content_key("<OpenDRIVE name='a'/>") != before
    monkeypatch.setattr(convert, name, value)
    assert convert._content_key("<OpenDRIVE/>") != before


def test_leftovers_of_a_killed_run_are_swept_by_any_next_one(tmp_path):
    code = (
        "import time; from pathlib import Path; from rareworld.simulate.sumo import convert;"
        "convert._convert = lambda *_: (print('in', flush=True), time.sleep(60));"
        f"convert.convert_opendrive('<OpenDRIVE/>', Path({str(tmp_path)!r}) / 'a.net.xml')"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "in\n"
        run.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1
    convert_opendrive(XODR, tmp_path / "b.net.xml")
    assert [x.name for x in tmp_path.iterdir()] == ["b.net.xml"]


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
