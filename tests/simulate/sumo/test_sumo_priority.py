"""Patches between netconvert's two runs, on small trees written by hand."""

import gzip

import pytest
from lxml import etree

from rareworld.simulate.maps.library import SHIPPED, load_place
from rareworld.simulate.sumo import priority

LANES = (
    "<lanes><laneSection s='0'><center><lane id='0' type='none'/></center>"
    "<right>{}</right></laneSection></lanes>"
)


def _lane(number: int, kind: str, width: str = "<width sOffset='0' a='3'/>") -> str:
    return f"<lane id='{number}' type='{kind}'>{width}</lane>"


def _map(signal: str = "", orientation: str = "+", link: str = "driving"):
    sign = f"<signals><signal id='9' type='{signal}' orientation='{orientation}'/></signals>"
    return etree.fromstring(
        "<OpenDRIVE><header><geoReference>+proj=tmerc</geoReference></header>"
        f"<road id='1' junction='-1'>{LANES.format(_lane(-1, 'driving'))}{sign}</road>"
        f"<road id='7' junction='5'>{LANES.format(_lane(-1, link))}</road>"
        "<junction id='5'><connection incomingRoad='1' connectingRoad='7'>"
        "<laneLink from='-1' to='-1'/></connection></junction></OpenDRIVE>"
    )


def _net(kind: str = "priority"):
    def edge(name: str, start: str, end: str, origin: str) -> str:
        return (
            f"<edge id='{name}' from='{start}' to='{end}'><lane id='{name}_0' index='0' "
            f"shape='0,0 1,0'><param key='origId' value='{origin}'/></lane></edge>"
        )

    return etree.fromstring(
        f"<net>{edge('-1', 'a', '5', '1_-1')}{edge('2', 'b', '5', '2_1')}"
        f"<junction id='5' type='{kind}'/><junction id='a' type='dead_end'/></net>"
    )


@pytest.mark.parametrize(
    ("sign", "orientation", "expected"),
    [
        ("206", "+", {("1", -1): "206"}),
        ("205", "-", {("1", 1): "205"}),
        ("205", "none", {}),
        ("274", "+", {}),
    ],
)
def test_signs_hold_for_the_side_they_look_at(sign, orientation, expected):
    assert priority._give_way(_map(sign, orientation)) == expected


def test_a_sign_on_a_connecting_road_holds_for_the_incoming_road():
    tree = _map()
    road = tree.findall("road")[1]
    signals = etree.SubElement(road, "signals")
    etree.SubElement(signals, "signalReference", id="9", orientation="+")
    tree.find("road/signals/signal").set("type", "206")
    tree.find("road/signals/signal").set("orientation", "none")
    assert priority._give_way(tree) == {("1", -1): "206"}


@pytest.mark.parametrize(
    ("current", "signs", "expected"),
    [
        ("priority", ["206", ""], "priority_stop"),
        ("priority", ["205", ""], "priority"),
        ("priority", ["206", "205"], "priority"),
        ("priority", ["206", "206", "206"], "allway_stop"),
        ("priority", ["", ""], ""),
        ("traffic_light", ["206", ""], ""),
        ("dead_end", ["206"], ""),
    ],
)
def test_node_types_follow_the_signs(current, signs, expected):
    assert priority._node_type(current, signs) == expected


def test_edges_with_signs_give_way():
    road = load_place("midblock_crossing").road
    rules = priority.rewrite_rules(_map("206"), _net(), road)
    edge = etree.fromstring(rules["edge.edg.xml"]).find("edge[@id='-1']")
    assert edge.get("priority") == "0"
    node = etree.fromstring(rules["node.nod.xml"]).find("node")
    assert (node.get("id"), node.get("type")) == ("5", "priority_stop")


def test_pavement_links_are_dropped_and_driving_links_kept():
    assert priority.for_netconvert(_map(link="driving")).find("junction/connection") is not None
    tree = priority.for_netconvert(_map(link="sidewalk"))
    assert tree.find("junction/connection") is None
    assert [road.get("id") for road in tree.findall("road")] == ["1"]


def test_the_projection_and_pedestrian_lights_are_left_out_of_the_copy_only():
    tree = _map("1000002")
    made = priority.for_netconvert(tree)
    assert made.find("header/geoReference") is None
    assert made.find("road/signals/signal") is None
    assert tree.find("header/geoReference") is not None
    assert tree.find("road/signals/signal") is not None


@pytest.mark.parametrize(
    ("second", "left"),
    [
        (_lane(-1, "driving") + _lane(-2, "shoulder"), 1),
        (_lane(-1, "driving") + _lane(-2, "biking"), 2),
        (_lane(-1, "driving") + _lane(-2, "shoulder", "<width sOffset='0' a='2'/>"), 2),
        (_lane(-1, "driving") + _lane(-2, "shoulder", "<width sOffset='0' a='3' b='1'/>"), 2),
    ],
)
def test_sections_are_merged_only_if_parking_is_all_that_differs(second, left):
    tree = _map()
    lanes = tree.find("road/lanes")
    both = "<x>{}</x>".format(
        LANES.format(_lane(-1, "driving") + _lane(-2, "parking")) + LANES.format(second)
    )
    for old in list(lanes):
        lanes.remove(old)
    for section in etree.fromstring(both).findall("lanes/laneSection"):
        lanes.append(section)
    assert len(priority.for_netconvert(tree).findall("road[1]/lanes/laneSection")) == left


def test_crossings_far_from_crosswalks_are_dropped_and_others_go_first():
    road = load_place("midblock_crossing").road
    x, y = road.crosswalks[0].outline_m[:, :2].mean(axis=0)
    shapes = {"a": f"{x},{y - 3} {x},{y + 3}", "b": f"{x + 50},{y} {x + 50},{y + 3}"}
    edges = "".join(
        f"<edge id=':{n}_c0' function='crossing' crossingEdges='{n}'><lane shape='{s}'/></edge>"
        for n, s in shapes.items()
    )
    net = etree.fromstring(f"<net>{edges}</net>")
    rows = {x.get("node"): x for x in etree.fromstring(priority._crossings(net, road))}
    assert rows["a"].get("priority") == "true"
    assert rows["b"].get("discard") == "true"


def test_shipped_priority_junctions_have_a_yielding_arm():
    net = etree.fromstring(
        gzip.decompress((SHIPPED / "rural_crossroads" / "0.net.xml.gz").read_bytes())
    )
    assert net.find("junction[@id='100']").get("type") == "priority_stop"
    inbound = [x for x in net.findall("edge[@to='100']") if x.get("function") is None]
    assert sorted(x.get("priority") for x in inbound) == ["0", "0", "1", "1"]
