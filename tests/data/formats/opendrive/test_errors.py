"""Broken maps: every error names the place, nothing is half read."""

import gzip
from pathlib import Path

import pytest

from rareworld.data.formats.opendrive import read_opendrive
from rareworld.errors import MapError

HERE = Path(__file__).parent
TEE = (HERE / "tee.xodr").read_text()
WIDTH = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/>'

BROKEN: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "missing attribute": (
        WIDTH,
        '<width sOffset="0" b="0"/>',
        ("road 1, lane section 0, lane 1", "'a'"),
    ),
    "not a number": (
        WIDTH,
        WIDTH.replace("3.5", "NaN"),
        ("lane 1, line", "finite number", "'NaN'"),
    ),
    "words for a number": (WIDTH, WIDTH.replace("3.5", "wide"), ("lane 1", "'wide'")),
    "unknown curve": ("<line/>", "<helix/>", ("road 1, line", "paramPoly3", "helix")),
    "empty curve": ("<line/>", "", ("road 1, line", "nothing")),
    "negative length": (
        'hdg="0.0" length="40"',
        'hdg="0.0" length="-4"',
        ("road 1", "positive", "-4"),
    ),
    "road without length": ('length="40" id="1"', 'length="0" id="1"', ("road 1", "positive")),
    "bad rule": ('id="1" junction="-1"', 'id="1" junction="-1" rule="MHT"', ("road 1", "MHT")),
    "bad range": ("<line/>", '<paramPoly3 pRange="full"/>', ("pRange", "full")),
    "no lane section": ("laneSection", "section", ("road 1", "<laneSection>")),
    "lane without width": (WIDTH, "", ("road 1, lane section 0, lane 1", "<width> or <border>")),
    "lane id twice": ('<lane id="-2"', '<lane id="-1"', ("road 1", "lane -1", "twice")),
    "lane id gap": ('<lane id="-2"', '<lane id="-3"', ("road 1, lane section 0", "no lane -2")),
    "lane on wrong side": ('<lane id="1"', '<lane id="-5"', ("<left>", "-5")),
    "lane id not whole": ('<lane id="1"', '<lane id="one"', ("whole number", "'one'")),
    "speed unit": ('max="50" unit="km/h"', 'max="50" unit="knots"', ("road 1", "knots")),
    "two roads of one id": ('length="40" id="2"', 'length="40" id="1"', ("road 1", "two roads")),
    "dangling junction": ('elementId="100"', 'elementId="77"', ("road 1, line", "junction 77")),
    "dangling road": ('"road" elementId="2"', '"road" elementId="88"', ("road 11", "road 88")),
    "contact point": (
        'elementId="1" contactPoint="end"',
        'elementId="1" contactPoint="top"',
        ("road 11", "top"),
    ),
    "dangling lane": (
        '<link><predecessor id="-1"/><successor id="-1"/></link>',
        '<link><predecessor id="-7"/><successor id="-1"/></link>',
        ("road 11, lane section 0, lane -1", "lane -7"),
    ),
    "dangling lane link": (
        'from="-1" to="-1"',
        'from="-1" to="-9"',
        ("junction 100", "to names lane -9"),
    ),
    "dangling incoming road": (
        'incomingRoad="1"',
        'incomingRoad="99"',
        ("junction 100", "road 99"),
    ),
    "road elsewhere": ('incomingRoad="1"', 'incomingRoad="16"', ("junction 100", "does not touch")),
    "dangling signal": (
        'signalReference id="202"',
        'signalReference id="909"',
        ("road 12", "signal 909"),
    ),
    "corner without s": ('<cornerRoad s="28"', "<cornerRoad", ("road 1, object 301", "'s'")),
    "no plan view": ("planView>", "plan>", ("road 1", "<planView>")),
    "no lanes": ("lanes>", "tracks>", ("road 1", "<lanes>")),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_broken_map_names_the_place(case: str):
    old, new, said = BROKEN[case]
    count = -1 if case in {"no plan view", "no lanes", "no lane section"} else 1
    assert old in TEE
    with pytest.raises(MapError) as error:
        read_opendrive(TEE.replace(old, new, count))
    for words in said:
        assert words in str(error.value), str(error.value)


def test_line_number_is_that_of_the_element(tmp_path: Path):
    number = 1 + next(i for i, line in enumerate(TEE.splitlines()) if "<line/>" in line)
    path = tmp_path / "bad.xodr"
    path.write_text(TEE.replace("<line/>", "<helix/>", 1))
    with pytest.raises(MapError, match=rf"bad\.xodr, road 1, line {number}: "):
        read_opendrive(path)
    with pytest.raises(MapError, match=rf"OpenDRIVE text, road 1, line {number}: "):
        read_opendrive(path.read_text())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<OpenDRIVE>", "not well-formed XML"),
        ("roads, lots of them", "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<CityGML/>", "found <CityGML>"),
        ("<OpenDRIVE/>", "at least one <road>"),
        ('<OpenDRIVE><road id="1" length="1"><planView/></road></OpenDRIVE>', "<geometry>"),
    ],
)
def test_text_that_is_no_map(text: str, said: str):
    with pytest.raises(MapError, match=said):
        read_opendrive(text)


@pytest.mark.parametrize("keep", [15, 300])
def test_truncated_gzip(tmp_path: Path, keep: int):
    path = tmp_path / "cut.xodr.gz"
    path.write_bytes(gzip.compress(TEE.encode())[:keep])
    with pytest.raises(MapError, match=r"cut\.xodr\.gz: the gzip data is damaged"):
        read_opendrive(path)


def test_missing_file_and_bad_step(tmp_path: Path):
    with pytest.raises(MapError, match="cannot be read"):
        read_opendrive(tmp_path / "none.xodr")
    with pytest.raises(MapError, match="step_m must be positive"):
        read_opendrive(TEE, step_m=0.0)


def test_broken_link_of_a_pavement_is_only_noted():
    text = TEE.replace('<lane id="-2" type="sidewalk">', '<lane id="-2" type="sidewalk"><link/>')
    section = text.index("<laneSection")
    end = text.index("</laneSection>") + len("</laneSection>")
    second = text[section:end].replace('s="0"', 's="20"', 1)
    broken = second.replace("<link/>", '<link><predecessor id="-8"/></link>')
    road = read_opendrive(text[:end] + broken + text[end:])
    assert any(
        "a sidewalk lane is linked to a lane that does not exist" in w for w in road.warnings
    )


def test_unknown_lane_and_mark_types_are_noted():
    text = TEE.replace('type="sidewalk"', 'type="moat"').replace('type="solid"', 'type="wavy"')
    road = read_opendrive(text)
    assert any("lane type 'moat' is read as other" in w for w in road.warnings)
    assert any("road mark type 'wavy' is not drawn" in w for w in road.warnings)
