"""The OpenDRIVE writer: what it writes is what the reader and the spec expect."""

from xml.etree import ElementTree

import pytest

from rareworld.simulate.maps.paths import Pose, arcs, blend
from rareworld.simulate.maps.xodr import (
    ConnectionRecord,
    JunctionRecord,
    LaneRecord,
    Link,
    MapRecord,
    Mark,
    ObjectRecord,
    RoadRecord,
    Section,
    SignalRecord,
    to_bytes,
)

DRIVING = LaneRecord("driving", (3.5, 0.0, 0.0, 0.0), Mark("broken"))
PAVEMENT = LaneRecord("sidewalk", (2.0, 0.0, 0.0, 0.0), height_m=0.12)


def _road(**more: object) -> RoadRecord:
    values = {
        "id": "1",
        "name": "one",
        "path": arcs(Pose(1.0, 2.0, 0.5), ((30.0, 0.0), (20.0, 0.01))),
        "sections": (Section(0.0, (DRIVING, PAVEMENT), (DRIVING,), Mark("solid")),),
        "speed_mps": 13.5,
    }
    return RoadRecord(**{**values, **more})


def _written(*roads: RoadRecord, **more: object) -> ElementTree.Element:
    return ElementTree.fromstring(to_bytes(MapRecord("test", roads, **more)))


def test_the_bytes_depend_on_the_records_alone():
    assert to_bytes(MapRecord("a", (_road(),))) == to_bytes(MapRecord("a", (_road(),)))
    assert b"date" not in to_bytes(MapRecord("a", (_road(),)))


def test_geometry_pieces_are_laid_end_to_end():
    rows = _written(_road()).findall("road/planView/geometry")
    assert [float(row.get("s")) for row in rows] == [0.0, 30.0]
    assert rows[0].find("line") is not None
    assert float(rows[1].find("arc").get("curvature")) == 0.01
    assert float(_written(_road()).find("road").get("length")) == pytest.approx(50.0)


def test_a_cubic_is_written_with_its_parameter_range():
    node = _written(_road(path=blend(Pose(0, 0, 0), Pose(10, 5, 1)))).find(".//paramPoly3")
    assert node.get("pRange") == "normalized"
    assert float(node.get("aU")) == float(node.get("aV")) == float(node.get("bV")) == 0.0


def test_left_lanes_are_listed_from_outside_and_right_lanes_from_inside():
    section = _written(_road(sections=(Section(0.0, (DRIVING,) * 2, (DRIVING,) * 3),)))
    assert [x.get("id") for x in section.findall(".//left/lane")] == ["3", "2", "1"]
    assert [x.get("id") for x in section.findall(".//right/lane")] == ["-1", "-2"]


def test_driven_lanes_carry_the_speed_limit_and_pavements_do_not():
    lanes = {x.get("type"): x for x in _written(_road()).findall(".//right/lane")}
    assert float(lanes["driving"].find("speed").get("max")) == 13.5
    assert lanes["sidewalk"].find("speed") is None
    assert float(lanes["sidewalk"].find("height").get("outer")) == 0.12


def test_broken_marks_carry_dash_and_gap():
    line = _written(_road()).find(".//right/lane/roadMark/type/line")
    assert (float(line.get("length")), float(line.get("space"))) == (3.0, 6.0)


def test_links_name_what_they_lead_to():
    road = _written(
        _road(predecessor=Link("road", "7", "end"), successor=Link("junction", "9"))
    ).find("road/link")
    assert road.find("predecessor").attrib == {
        "elementType": "road", "elementId": "7", "contactPoint": "end",
    }  # fmt: skip
    assert "contactPoint" not in road.find("successor").attrib


def test_signals_state_validity_from_the_lower_lane_up():
    signal = SignalRecord("5", "274", 10.0, -4.0, 2.3, (-1, -3), value="50")
    node = _written(_road(signals=(signal,))).find(".//signal")
    assert (node.get("value"), node.get("unit"), node.get("dynamic")) == ("50", "km/h", "no")
    assert node.find("validity").attrib == {"fromLane": "-3", "toLane": "-1"}


@pytest.mark.parametrize(("corners", "closed"), [(2, "false"), (4, "true")])
def test_two_corners_make_a_line_and_more_an_area(corners, closed):
    item = ObjectRecord("1", "crosswalk", 5.0, 0.0, tuple((k, k, 0.0) for k in range(corners)))
    outline = _written(_road(objects=(item,))).find(".//outline")
    assert outline.get("closed") == closed
    assert len(outline) == corners


def test_junctions_list_connections_and_controllers():
    junction = JunctionRecord("9", "j", (ConnectionRecord("1", "20", ((-1, -1),)),), ("500",))
    root = _written(_road(), junctions=(junction,), controllers={"500": ("5", "6")})
    link = root.find("junction/connection/laneLink")
    assert link.attrib == {"from": "-1", "to": "-1"}
    assert root.find("junction/controller").get("id") == "500"
    assert [x.get("signalId") for x in root.findall("controller/control")] == ["5", "6"]


def test_widths_and_offsets_of_lanes_are_kept():
    lane = LaneRecord("shoulder", (1.0, 0.0, 0.0, 0.0), later_widths=((5.0, 1.0, 0.2, 0.0, 0.0),))
    road = _road(sections=(Section(0.0, (lane,)),), lane_offset=(3.0, 0.0, 0.01, 0.0))
    root = _written(road)
    assert [float(x.get("sOffset")) for x in root.findall(".//right/lane/width")] == [0.0, 5.0]
    assert float(root.find(".//laneOffset").get("c")) == 0.01
