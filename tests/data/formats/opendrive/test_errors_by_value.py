"""Every number and name of a map, made wrong one at a time: the message says which and where."""

import gzip
import re
from pathlib import Path

import pytest

from rareworld.data.formats.opendrive import read_opendrive
from rareworld.errors import MapError
from tests.data.formats.opendrive.xodr_samples import (
    geometry,
    lane,
    read,
    road,
    section,
    whole,
    width,
)

WRONG = ("NaN", "inf", "-inf", "1e400", "", "1,5", "twelve")
CURVES = {
    "arc": '<arc curvature="0.01"/>',
    "spiral": '<spiral curvStart="0.0" curvEnd="0.01"/>',
    "poly3": '<poly3 a="0.0" b="0.0" c="0.01" d="0.0"/>',
    "paramPoly3": '<paramPoly3 pRange="arcLength" aU="0.0" bU="1.0" cU="0.0" dU="0.0" '
    'aV="0.0" bV="0.0" cV="0.0" dV="0.0"/>',
}
NUMBERS = re.compile(r'(\w+)="-?\d[\d.]*"')


def numbers_of(text: str) -> list[str]:
    """Names of the numeric attributes of an element."""
    return NUMBERS.findall(text)


def fails(text: str) -> str:
    """The message of a map that must not be read."""
    with pytest.raises(MapError) as error:
        read_opendrive(text)
    return str(error.value)


CURVE_CASES = [(tag, name) for tag, text in CURVES.items() for name in numbers_of(text)]


@pytest.mark.parametrize(("tag", "name"), CURVE_CASES)
def test_every_curve_needs_every_number(tag: str, name: str) -> None:
    without = re.sub(rf' {name}="[^"]*"', "", CURVES[tag])
    said = fails(whole(road(section(lane(-1)), plan=geometry(without, length=100.0))))
    assert f"road 1, line 1: <{tag}> needs the attribute '{name}'" in said


@pytest.mark.parametrize("name", ["s", "x", "y", "hdg", "length"])
@pytest.mark.parametrize("value", WRONG)
def test_every_number_of_a_geometry_must_be_finite(name: str, value: str) -> None:
    plan = re.sub(rf' {name}="[^"]*"', f' {name}="{value}"', geometry(length=100.0))
    said = fails(whole(road(section(lane(-1)), plan=plan)))
    assert f"road 1, line 1: <geometry> {name} must be a finite number, found '{value}'" in said


@pytest.mark.parametrize("tag", ["width", "border"])
@pytest.mark.parametrize("name", ["sOffset", "a", "b", "c", "d"])
def test_every_number_of_a_lane_profile_must_be_finite(tag: str, name: str) -> None:
    profile = width(3.5).replace("<width", f"<{tag}")
    broken = re.sub(rf' {name}="[^"]*"', f' {name}="NaN"', profile)
    said = fails(whole(road(section(lane(1), lane(-1, broken)))))
    place = "road 1, lane section 0, lane -1, line 1"
    assert f"{place}: <{tag}> {name} must be a finite number, found 'NaN'" in said


@pytest.mark.parametrize("name", ["sOffset", "inner", "outer"])
def test_every_number_of_a_lane_height_must_be_finite(name: str) -> None:
    height = '<height sOffset="0" inner="0.1" outer="0.1"/>'
    broken = re.sub(rf' {name}="[^"]*"', f' {name}="high"', height)
    said = fails(whole(road(section(lane(-1, width(3.0) + broken)))))
    assert f"lane -1, line 1: <height> {name} must be a finite number, found 'high'" in said


PROFILES = {
    "elevation": "<elevationProfile>{}</elevationProfile>",
    "superelevation": "<lateralProfile>{}</lateralProfile>",
    "shape": "<lateralProfile>{}</lateralProfile>",
}


@pytest.mark.parametrize("tag", list(PROFILES))
@pytest.mark.parametrize("name", ["s", "a", "b", "c", "d"])
def test_every_number_of_a_road_profile_must_be_finite(tag: str, name: str) -> None:
    record = f'<{tag} s="0" t="0" a="0" b="0" c="0" d="0"/>'
    broken = record.replace(f' {name}="0"', f' {name}="-"')
    said = fails(whole(road(section(lane(-1)), before=PROFILES[tag].format(broken))))
    assert f"road 1, line 1: <{tag}> {name} must be a finite number, found '-'" in said


@pytest.mark.parametrize("tag", ["elevation", "superelevation"])
@pytest.mark.parametrize("name", ["s", "a"])
def test_start_and_constant_of_a_profile_must_be_stated(tag: str, name: str) -> None:
    record = f'<{tag} s="0" a="0"/>'.replace(f' {name}="0"', "")
    said = fails(whole(road(section(lane(-1)), before=PROFILES[tag].format(record))))
    assert f"<{tag}> needs the attribute '{name}'" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (road(section(lane(-1))).replace(' id="1"', "", 1), "<road> needs the attribute 'id'"),
        (road(section(lane(-1)), length=-3.0), "road 1, line 1: <road> length must be positive"),
        (road(section(lane(-1))).replace('length="100.0"', 'length="0"', 1), "found 0"),
        (road(section(lane(-1)), plan="<geometry/>"), "<geometry> needs the attribute 's'"),
        (road(section(lane(-1)), plan=geometry(length=0.0)), "<geometry> length must be positive"),
        (road(section(lane(-1)), plan=geometry("<bezier/>", length=9.0)), "found bezier"),
        (road(""), "<lanes> needs at least one <laneSection>, found none"),
        (road(section(lane(-1)).replace('s="0.0"', "", 1)), "<laneSection> needs the attribute"),
        (road(section(lane(-1), s=100.0)), "must end after it starts at s=100 m"),
        (road(section(lane(-1), s=60.0) + section(lane(-1), s=60.0)), "lane section 0"),
        (road(section(lane(-1), s=60.0) + section(lane(-1), s=30.0)), "is at 30 m"),
        (road(section(lane(-1)).replace('id="-1"', "")), "<lane> needs the attribute 'id'"),
        (road(section(lane(-1)).replace('type="driving"', "")), "needs the attribute 'type'"),
        (road(section(lane(-1), lane(-3))), "lane section 0, line 1: <laneSection> has no lane -2"),
        (road(section(lane(2), lane(-1))), "has no lane 1; lanes must count from the centre"),
        (road(section(lane(-1), lane(-1))), "lane -1, line 1: <lane> id -1 is used twice"),
        (
            road(section(lane(-1)).replace('"-1" type', '"1" type')),
            "<lane> in <right> cannot have id 1",
        ),
        (road(section(lane(-1, width(3.0) + '<speed sOffset="0"/>'))), "attribute 'max'"),
        (road(section(lane(-1, width(3.0) + '<speed max="fast"/>'))), "max must be a finite"),
        (
            road(section(lane(-1, width(3.0) + '<speed max="9" unit="c"/>'))),
            "unit must be one of m/s, km/h, mph; found 'c'",
        ),
        (road(section(lane(-1, width(3.0) + "<roadMark/>"))), "<roadMark> needs the attribute"),
        (
            road(section(lane(-1, width(3.0) + '<roadMark sOffset="0" type="solid" width="w"/>'))),
            "width must be a finite number, found 'w'",
        ),
    ],
)
def test_broken_parts_are_named(text: str, said: str) -> None:
    assert said in fails(whole(text))


def test_place_counts_sections_and_names_the_lane() -> None:
    broken = section(lane(1), lane(-1, width(3.0).replace("3.0", "x")), s=50.0)
    said = fails(whole(road(section(lane(-1))), road(section(lane(-1)) + broken, name="R7")))
    assert "road R7, lane section 1, lane -1, line 1: <width> a must be" in said


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lines.xodr"
    text = whole(road(section(lane(-1, width(3.0).replace("3.0", "x")))))
    path.write_text(text.replace("<", "\n<").strip())
    number = 1 + next(k for k, line in enumerate(path.read_text().splitlines()) if 'a="x"' in line)
    with pytest.raises(MapError, match=rf"lines\.xodr, road 1, .*, line {number}: <width> a"):
        read_opendrive(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not well-formed XML"),
        (b"\x00\x01\x02", "not well-formed XML"),
        (b"<OpenDRIVE><road></OpenDRIVE>", "not well-formed XML.*export the map again"),
        (b"<osm/>", "expected the root <OpenDRIVE>, found <osm>"),
        (b"\x1f\x8b", "gzip data is damaged"),
        (gzip.compress(b"<OpenDRIVE/>", mtime=0)[:-4], "gzip data is damaged"),
        (gzip.compress(b"<OpenDRIVE/>", mtime=0)[:-8] + bytes(8), "gzip data is damaged"),
        (gzip.compress(b"<OpenDRIVE/>", mtime=0), "at least one <road>"),
    ],
)
def test_files_that_are_no_map(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.xodr"
    path.write_bytes(content)
    with pytest.raises(MapError, match=rf"bad\.xodr.*{said}"):
        read_opendrive(path)


def test_folder_is_no_map(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="cannot be read"):
        read_opendrive(tmp_path)


@pytest.mark.parametrize("step_m", [0.0, -1.0])
def test_step_must_be_positive(step_m: float) -> None:
    with pytest.raises(MapError, match="step_m must be positive"):
        read(road(section(lane(-1))), step_m=step_m)


def test_what_is_not_used_is_said_once_with_a_count() -> None:
    level = lane(-1, more='level="true"')
    found = read(
        road(section(level), after="<railroad/>"),
        road(section(level), name="2", after="<railroad/>", more='rule="LHT"'),
    )
    said = " | ".join(found.warnings)
    assert "<railroad> is not used (2 times; first at OpenDRIVE text, road 1, line 1)" in said
    assert "a lane kept level is tilted with its road (2 times" in said
    assert "right-hand and left-hand roads are mixed" in said
    assert found.left_hand_traffic
