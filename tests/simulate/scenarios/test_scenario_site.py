"""Where things can happen: ways, meetings and stretches of real maps."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from rareworld.core.road import LaneKind, Turn
from rareworld.simulate.scenarios.opposing import facing
from rareworld.simulate.scenarios.site import NARROWEST_M, Site
from rareworld.simulate.scenarios.violations import forbidden_turns, standing_places
from rareworld.simulate.scenarios.vulnerable import crosswalk_places, walk_over

Sites = Callable[[str], Site]
TOWN = ("signalised_junction", "t_junction", "school_street", "rural_crossroads")


@pytest.mark.parametrize("name", TOWN)
def test_ways_lead_along_connected_lanes_into_their_junction(site: Sites, name: str):
    place = site(name)
    assert place.ways
    for way in place.ways:
        follow = zip(way.lanes, way.lanes[1:], strict=False)
        assert all(b in place.road.lanes[a].successors for a, b in follow)
        inside = way.lanes[way.lanes.index(way.approach) + 1]
        assert place.road.lanes[inside].junction is not None
        end = place.road.lanes[way.approach].centre_m[-1]
        np.testing.assert_allclose(way.path.position(way.entry_m)[:2], end[:2], atol=0.4)


@pytest.mark.parametrize("name", TOWN)
def test_both_ways_of_a_meeting_pass_its_point(site: Sites, name: str):
    for meeting in site(name).meetings:
        for way, station in ((meeting.first, meeting.first_m), (meeting.second, meeting.second_m)):
            gap = way.path.position(station)[:2] - meeting.point_m[:2]
            assert float(np.hypot(*gap)) < 0.5
        assert meeting.first.approach != meeting.second.approach
        assert abs(math.sin(meeting.angle_rad)) > 0.34


def test_a_crossroads_has_the_meetings_of_its_straight_ways(site: Sites):
    """Four single-lane arms: each of two straight ways meets both of the other road."""
    straight = {
        (m.first.approach, m.second.approach)
        for m in site("rural_crossroads").meetings
        if m.first.turn is Turn.STRAIGHT and m.second.turn is Turn.STRAIGHT
    }
    assert len(straight) == 4


@pytest.mark.parametrize("name", [*TOWN, "motorway_merge", "arterial"])
def test_stretches_are_long_and_wide_enough_and_name_their_neighbours(site: Sites, name: str):
    place = site(name)
    found = place.stretches(80.0)
    assert found
    for stretch in found:
        assert stretch.way.entry_m >= 80.0
        assert stretch.width_m >= NARROWEST_M
        for beside in (stretch.left, stretch.right, stretch.oncoming):
            if beside is not None:
                assert place.road.lanes[beside].kind is LaneKind.DRIVING
        assert place.stretch_of(stretch.way.approach, 80.0) is stretch


def test_stretches_shorter_than_asked_are_left_out(site: Sites):
    assert len(site("t_junction").stretches(400.0)) < len(site("t_junction").stretches(80.0))


@pytest.mark.parametrize("name", ["t_junction", "school_street", "rural_crossroads"])
def test_facing_lanes_run_against_each_other_side_by_side(site: Sites, name: str):
    pairs = facing(site(name))
    assert pairs
    for own, other in pairs:
        at = own.way.path.position(own.way.entry_m / 2)
        station, offset = other.way.path.project(at)
        turned = own.way.path.heading_rad(own.way.entry_m / 2) - other.way.path.heading_rad(station)
        assert math.cos(turned) < -0.98
        assert 2.4 < abs(offset) < 4.5


def test_a_divided_road_has_no_facing_lanes_across_its_median(site: Sites):
    main = {own.way.approach.split(":")[0] for own, _ in facing(site("arterial"))}
    assert "1" not in main


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_walks_begin_and_end_beside_the_carriageway(site: Sites, side: float):
    place = site("t_junction")
    way = place.stretches(80.0)[0].way
    found = walk_over(place, way, 60.0, side)
    assert found is not None
    ends = np.stack([found.walk.position(0.0), found.walk.position(found.walk.length_m)])
    assert not place.index.on_kind(ends[:, :2], (LaneKind.DRIVING,)).any()
    middle = found.walk.position(found.walk_m)
    np.testing.assert_allclose(middle[:2], way.path.position(60.0)[:2], atol=0.2)
    turned = found.walk.heading_rad(1.0) - way.path.heading_rad(60.0)
    assert math.sin(turned) == pytest.approx(side, abs=0.02)


def test_crosswalk_places_lie_on_crosswalks(site: Sites):
    place = site("signalised_junction")
    found = crosswalk_places(place, 40.0)
    assert found
    points = np.array([way.path.position(station) for way, station in found])
    assert (place.index.crosswalk_at(points) >= 0).mean() > 0.9


def test_forbidden_turns_end_where_no_connection_of_the_lane_leads(site: Sites):
    place = site("signalised_junction")
    turns = forbidden_turns(place)
    assert turns
    for turn in turns:
        lane = place.road.lanes[turn.way.approach]
        legal = {place.road.lanes[name].turn for name in lane.successors}
        assert turn.turn not in legal
        assert float(np.abs(turn.way.path.bend).max()) <= 0.16
        assert turn.end_m > turn.entry_m + 10.0


@pytest.mark.parametrize("name", ["school_street", "rural_crossroads", "arterial"])
def test_standing_places_are_covered_by_straight_lanes_only(site: Sites, name: str):
    place = site(name)
    found = standing_places(place)
    assert found
    points = np.array([way.path.position(station) for way, station in found])
    number, lane = place.index.covering(points, (LaneKind.DRIVING,))
    assert set(number.tolist()) == set(range(len(found)))
    assert {place.index.lane(int(k)).turn for k in lane} == {Turn.STRAIGHT}
