"""Which lane continues which: sections, roads end to end in all four ways, junctions, dead ends."""

import numpy as np
import pytest

from rareworld.core.road import RoadMap, Turn
from rareworld.errors import MapError
from tests.data.formats.opendrive.xodr_samples import geometry, lane, read, road, section, width


def linked(number: int, *, before: int | None = None, after: int | None = None) -> str:
    """A lane with links along the reference line."""
    links = "" if before is None else f'<predecessor id="{before}"/>'
    links += "" if after is None else f'<successor id="{after}"/>'
    return lane(number, f"<link>{links}</link>{width(3.5)}")


def link(end: str, target: str, contact: str | None, kind: str = "road") -> str:
    """A road's link at one end."""
    touch = "" if contact is None else f'contactPoint="{contact}"'
    return f'<link><{end} elementType="{kind}" elementId="{target}" {touch}/></link>'


POSES = {
    ("successor", "start"): (100.0, 0.0, 0.0),
    ("successor", "end"): (200.0, 0.0, np.pi),
    ("predecessor", "start"): (0.0, 0.0, np.pi),
    ("predecessor", "end"): (-100.0, 0.0, 0.0),
}


def pair(end: str, contact: str) -> RoadMap:
    """Road 1 from (0, 0) to (100, 0), and road 2 that touches one of its ends."""
    same = (end == "successor") == (contact == "start")
    number = -1 if same else 1
    own = {"before" if end == "predecessor" else "after": number}
    x, y, heading = POSES[end, contact]
    plan = geometry(at=(x, y, float(heading)), length=100.0)
    first = road(section(linked(-1, **own)), before=link(end, "2", contact))
    return read(first, road(section(lane(1), lane(-1)), name="2", plan=plan))


@pytest.mark.parametrize(("end", "contact"), list(POSES))
def test_roads_touch_end_to_end_in_all_four_ways(end: str, contact: str) -> None:
    lanes = pair(end, contact).lanes
    own = lanes["1:0:-1"]
    names = own.successors if end == "successor" else own.predecessors
    assert len(names) == 1
    other = lanes[names[0]]
    ends = (own, other) if end == "successor" else (other, own)
    np.testing.assert_allclose(ends[0].centre_m[-1], ends[1].centre_m[0], atol=1e-9)
    assert ends[0].successors == (ends[1].id,)
    assert ends[1].predecessors == (ends[0].id,)


def test_a_link_stated_by_both_roads_counts_once() -> None:
    first = road(section(linked(-1, after=-1)), before=link("successor", "2", "start"))
    plan = geometry(at=(100.0, 0.0, 0.0), length=100.0)
    second = road(
        section(linked(-1, before=-1)), name="2", plan=plan, before=link("predecessor", "1", "end")
    )
    lanes = read(first, second).lanes
    assert lanes["1:0:-1"].successors == ("2:0:-1",)
    assert lanes["2:0:-1"].predecessors == ("1:0:-1",)


def test_lane_may_split_and_join_by_several_links() -> None:
    both = f'<link><successor id="-1"/><successor id="-2"/></link>{width(3.5)}'
    sections = section(lane(-1, both)) + section(lane(-1), lane(-2), s=50.0)
    lanes = read(road(sections)).lanes
    assert lanes["1:0:-1"].successors == ("1:1:-1", "1:1:-2")


def test_link_to_lane_zero_carries_no_traffic() -> None:
    sections = section(linked(-1, after=0)) + section(lane(-1), s=50.0)
    assert read(road(sections)).lanes["1:0:-1"].successors == ()


def test_lanes_against_each_other_are_not_joined() -> None:
    sections = section(linked(-1, after=1)) + section(lane(1), s=50.0)
    lanes = read(road(sections)).lanes
    assert lanes["1:0:-1"].successors == lanes["1:1:1"].successors == ()


def test_without_a_link_roads_that_touch_stay_apart() -> None:
    plan = geometry(at=(100.0, 0.0, 0.0), length=100.0)
    lanes = read(road(section(lane(-1))), road(section(lane(-1)), name="2", plan=plan)).lanes
    assert lanes["1:0:-1"].successors == ()


JUNCTION = (
    '<junction id="9" name="j"><connection id="0" incomingRoad="1" connectingRoad="2" '
    'contactPoint="{contact}"><laneLink from="-1" to="{to}"/></connection></junction>'
)


def through(*, contact: str = "start", to: int = -1, junction: str = JUNCTION) -> RoadMap:
    """Road 1 ends at a junction whose road 2 bends to the left."""
    first = road(section(lane(-1)), before=link("successor", "9", None, "junction"))
    bend = '<arc curvature="0.1"/>'
    if contact == "start":
        plan = geometry(bend, at=(100.0, 0.0, 0.0), length=15.0)
    else:
        u, v = float(10 * np.sin(1.5)), float(10 * (1 - np.cos(1.5)))
        plan = geometry('<arc curvature="-0.1"/>', at=(100 + u, v, 1.5 + float(np.pi)), length=15.0)
    second = road(
        section(lane(1), lane(-1)), name="2", length=15.0, plan=plan, junction="9",
        before=link("predecessor" if contact == "start" else "successor", "1", "end"),
    )  # fmt: skip
    return read(first, second, junction.format(contact=contact, to=to))


@pytest.mark.parametrize(("contact", "to"), [("start", -1), ("end", 1)])
def test_connection_leads_into_the_junction_by_either_end(contact: str, to: int) -> None:
    lanes = through(contact=contact, to=to).lanes
    (name,) = lanes["1:0:-1"].successors
    assert name == f"2:0:{to}"
    np.testing.assert_allclose(lanes[name].centre_m[0], lanes["1:0:-1"].centre_m[-1], atol=1e-9)
    assert (lanes[name].junction, lanes[name].turn) == ("9", Turn.LEFT)


def test_virtual_connections_are_passed_over() -> None:
    virtual = JUNCTION.replace('<connection id="0"', '<connection id="0" type="virtual"')
    assert through(junction=virtual).lanes["1:0:-1"].successors == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from="-1"', 'from="-4"', "<laneLink> from names lane -4, which OpenDRIVE text, road 1"),
        ('from="-1"', 'from="0"', "from names lane 0"),
        ('to="{to}"', 'to="x"', "to must be a whole number, found 'x'"),
        ('to="{to}"', "", "needs the attribute 'to'"),
        ('connectingRoad="2"', 'connectingRoad="5"', "connectingRoad names road 5, which does"),
        ('connectingRoad="2"', "", "needs the attribute 'connectingRoad'"),
        ('contactPoint="{contact}"', "", "needs the attribute 'contactPoint'"),
        ('contactPoint="{contact}"', 'contactPoint="mid"', "must be start or end, found 'mid'"),
        (' id="9"', "", "<junction> needs the attribute 'id'"),
    ],
)
def test_broken_connections_name_the_junction(old: str, new: str, said: str) -> None:
    with pytest.raises(MapError) as error:
        through(junction=JUNCTION.replace(old, new))
    assert said in str(error.value)
    assert "junction" in str(error.value)
    assert "line 1" in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (link("successor", "2", None), "<successor> needs the attribute 'contactPoint'"),
        (link("successor", "7", "start"), "names road 7, which does not exist"),
        (link("predecessor", "7", None, "junction"), "names junction 7, which does not exist"),
        ('<link><successor elementType="road"/></link>', "needs the attribute 'elementId'"),
    ],
)
def test_broken_road_links_name_the_road(text: str, said: str) -> None:
    with pytest.raises(MapError) as error:
        read(road(section(lane(-1)), before=text), road(section(lane(-1)), name="2"))
    assert said in str(error.value)
    assert "road 1, line 1" in str(error.value)


@pytest.mark.parametrize("end", ["predecessor", "successor"])
def test_vehicle_lane_linked_to_nothing_is_an_error(end: str) -> None:
    own = {"before": -5} if end == "predecessor" else {"after": -5}
    place = 1 if end == "predecessor" else 0
    sections = [section(lane(-1)), section(lane(-1), s=50.0)]
    sections[place] = section(linked(-1, **own), s=50.0 * place)
    with pytest.raises(MapError) as error:
        read(road("".join(sections)))
    assert f"lane section {place}, lane -1" in str(error.value)
    assert f"{end} names lane -5, which lane section {1 - place}" in str(error.value)


@pytest.mark.parametrize(
    ("curvature", "length", "turn"),
    [
        (0.0, 20.0, Turn.STRAIGHT),
        (0.02, 20.0, Turn.STRAIGHT),
        (0.05, 20.0, Turn.LEFT),
        (-0.05, 20.0, Turn.RIGHT),
        (0.15, 20.0, Turn.U_TURN),
        (-0.15, 20.0, Turn.U_TURN),
    ],
)
def test_turn_by_heading_change(curvature: float, length: float, turn: Turn) -> None:
    plan = geometry(f'<arc curvature="{curvature!r}"/>', length=length)
    inside = road(section(lane(-1, width(2.0))), length=length, plan=plan, junction="9")
    found = read(inside, '<junction id="9"/>')
    assert found.lanes["1:0:-1"].turn is turn
    assert [item.id for item in found.junctions] == ["9"]
