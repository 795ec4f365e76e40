"""Questions to a site against brute force over the map's own lanes."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import FloatArray
from rareworld.core.road import LaneKind, SignalKind
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.base import FOUR_WHEELS
from rareworld.simulate.scenarios.calm import sights
from rareworld.simulate.scenarios.crossing import approach_cosine, green_for, turned
from rareworld.simulate.scenarios.following import RIM_M, last_m, place_on, roomy
from rareworld.simulate.scenarios.lateral import (
    LEAST_SWERVE_M,
    ONCOMING_WIDTH_M,
    PASSING_M,
    Change,
    beside,
    swerve_m,
)
from rareworld.simulate.scenarios.opposing import facing, spots
from rareworld.simulate.scenarios.site import UPSTREAM_M, USUAL_MPS, Site
from rareworld.simulate.scenarios.violations import BEFORE_M, crossed, stop_line_m
from rareworld.simulate.scenarios.vulnerable import near_crosswalk, walk_over

Sites = Callable[[str], Site]
ALL_PLACES = sorted(PLACES)
LIT = ["signalised_junction", "arterial", "skewed_five_arm"]


def _crossings(a: FloatArray, b: FloatArray) -> list[tuple[FloatArray, float]]:
    """Return points and sines where two polylines cross, by solving for every pair of segments."""
    p, r = a[:-1, None, :2], np.diff(a[:, :2], axis=0)[:, None]
    q, s = b[None, :-1, :2], np.diff(b[:, :2], axis=0)[None]
    across = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
    safe = np.where(np.abs(across) < 1e-12, np.nan, across)
    gap = q - p
    t = (gap[..., 0] * s[..., 1] - gap[..., 1] * s[..., 0]) / safe
    u = (gap[..., 0] * r[..., 1] - gap[..., 1] * r[..., 0]) / safe
    rows, columns = np.nonzero((t >= 0) & (t < 1) & (u >= 0) & (u < 1))
    size = np.linalg.norm(r, axis=-1) * np.linalg.norm(s, axis=-1)
    points = p + t[..., None] * r
    return [
        (points[i, j], float(abs(across[i, j] / size[i, j])))
        for i, j in zip(rows, columns, strict=True)
    ]


@pytest.mark.parametrize("name", ["t_junction", "rural_crossroads", "school_street"])
def test_meetings_are_the_crossings_that_brute_force_finds(site: Sites, name: str):
    place = site(name)
    told = {(id(m.first), id(m.second)): m for m in place.meetings}
    for i, first in enumerate(place.ways):
        for second in place.ways[i + 1 :]:
            found = _crossings(first.path.points_m[::4], second.path.points_m[::4])
            meeting = told.get((id(first), id(second)))
            if first.approach == second.approach:
                assert meeting is None
            elif meeting is not None:
                gaps = [float(np.hypot(*(at - meeting.point_m[:2]))) for at, _ in found]
                assert min(gaps) < 0.5
            else:
                assert all(sine < 0.5 for _, sine in found), (first.approach, second.approach)


@pytest.mark.parametrize("name", ["rural_crossroads", "skewed_five_arm"])
def test_exchanging_the_ways_of_a_meeting_twice_changes_nothing(site: Sites, name: str):
    for meeting in site(name).meetings:
        other = turned(meeting)
        assert (other.first, other.second) == (meeting.second, meeting.first)
        assert (other.first_m, other.angle_rad) == (meeting.second_m, -meeting.angle_rad)
        again = turned(other)
        assert (again.first_m, again.second_m) == (meeting.first_m, meeting.second_m)


@pytest.mark.parametrize("name", ["rural_crossroads", "arterial"])
def test_the_angle_of_a_meeting_is_that_of_the_paths_there(site: Sites, name: str):
    for m in site(name).meetings:
        turn = m.second.path.heading_rad(m.second_m) - m.first.path.heading_rad(m.first_m)
        assert math.cos(turn - m.angle_rad) > 0.97


@pytest.mark.parametrize("name", ALL_PLACES)
def test_lanes_with_lights_are_those_the_map_names(site: Sites, name: str):
    place = site(name)
    named: set[str] = set()
    for signal in place.road.signals:
        if signal.kind is SignalKind.TRAFFIC_LIGHT:
            named.update(signal.lanes)
    assert place.signalised == named
    assert bool(named) == ("signalised" in PLACES[name].tags)


@pytest.mark.parametrize("name", ALL_PLACES)
def test_limits_are_the_maps_own_or_the_usual_one(site: Sites, name: str):
    place = site(name)
    for lane in place.road.lanes.values():
        expected = USUAL_MPS if not lane.speed_limit_mps else lane.speed_limit_mps
        assert place.limit_mps(lane.id) == expected


@pytest.mark.parametrize("name", ALL_PLACES)
def test_ways_take_along_enough_of_approach_and_exit(site: Sites, name: str):
    for way in site(name).ways:
        assert 25.0 <= way.entry_m <= UPSTREAM_M + 1e-6
        inner = site(name).road.lanes[way.lanes[way.lanes.index(way.approach) + 1]]
        assert inner.turn is way.turn
        assert way.path.length_m >= way.entry_m + inner.length_m + 14.0
        assert way.limit_mps == site(name).limit_mps(way.approach)


@pytest.mark.parametrize("name", ALL_PLACES)
def test_lane_of_names_the_lane_whose_middle_is_there(site: Sites, name: str):
    """On points of centre lines outside junctions the nearest driving lane is plain."""
    place = site(name)
    for lane in place.road.lanes.values():
        if lane.kind is LaneKind.DRIVING and lane.junction is None and lane.length_m > 12.0:
            point = lane.centre_m[len(lane.centre_m) // 2]
            others = {
                other.id: float(np.linalg.norm(other.centre_m[:, :2] - point[:2], axis=1).min())
                for other in place.road.lanes.values()
                if other.kind is LaneKind.DRIVING
            }
            found = place.lane_of(point[:2])
            assert found == lane.id or others[found] < 1.0


@pytest.mark.parametrize("name", ALL_PLACES)
def test_oncoming_lanes_run_back_beside_the_stretch(site: Sites, name: str):
    place = site(name)
    for stretch in place.stretches(40.0):
        lane = place.road.lanes[stretch.way.approach]
        if stretch.oncoming is None:
            continue
        other = place.road.lanes[stretch.oncoming]
        middle = lane.centre_m[len(lane.centre_m) // 2, :2]
        row = int(np.linalg.norm(other.centre_m[:, :2] - middle, axis=1).argmin())
        row = min(row, len(other.centre_m) - 2)
        along = (other.centre_m[row + 1] - other.centre_m[row])[:2]
        own = lane.centre_m[-1, :2] - lane.centre_m[0, :2]
        assert float(along @ own) < 0
        left = np.array([-own[1], own[0]])
        assert float((other.centre_m[row, :2] - middle) @ left) > 0


@pytest.mark.parametrize("name", ALL_PLACES)
def test_a_stretch_is_found_by_any_of_its_lanes_and_by_no_other(site: Sites, name: str):
    place = site(name)
    assert place.stretch_of("no such lane", 10.0) is None
    for stretch in place.stretches(60.0):
        for lane in stretch.way.lanes:
            found = place.stretch_of(lane, 60.0)
            assert found is not None
            assert lane in found.way.lanes
        assert place.stretch_of(stretch.way.approach, stretch.way.entry_m + 1.0) is None


@pytest.mark.parametrize("name", ALL_PLACES)
@pytest.mark.parametrize("fastest_mps", [9.0, 15.0])
def test_roomy_stretches_let_the_fastest_run_up(site: Sites, name: str, fastest_mps: float):
    place = site(name)
    rng = np.random.default_rng(3)
    wide, tight = roomy(place, fastest_mps, 2.6), roomy(place, fastest_mps, 2.6, 30.0)
    assert set(map(id, tight)) <= set(map(id, wide))
    for stretch in wide:
        needed = fastest_mps * min(max(stretch.way.limit_mps / USUAL_MPS, 0.5), 1.9) * 3.1
        at = place_on(stretch, needed, rng)
        assert needed + 10.0 <= at <= last_m(stretch)
        assert at <= stretch.way.entry_m - 12.0
        assert at <= stretch.way.path.length_m - RIM_M


def test_a_stretch_without_room_is_refused_in_metres(site: Sites):
    stretch = site("t_junction").stretches(80.0)[0]
    needed = last_m(stretch) - 10.0 + 25.0
    with pytest.raises(ScenarioError, match=rf"lane {stretch.way.approach} is 25 m too short"):
        place_on(stretch, needed, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["school_street", "rural_crossroads"])
def test_spots_are_reached_by_both_with_room_to_come_from(site: Sites, name: str):
    for pair in facing(site(name)):
        for spot in spots(pair, (30.0, 40.0)):
            here = spot.stretch.way.path.position(spot.station_m)
            there = spot.oncoming.way.path.position(spot.oncoming_m)
            assert float(np.hypot(*(here - there)[:2])) == pytest.approx(spot.apart_m, abs=0.2)
            assert spot.station_m >= 38.0
            assert spot.oncoming_m >= 48.0


@pytest.mark.parametrize("name", ["arterial", "motorway_merge", "signalised_junction"])
def test_two_lanes_beside_each_other_are_a_lane_width_apart(site: Sites, name: str):
    for seed in range(6):
        where = beside(site(name), np.random.default_rng(seed), 50.0)
        here = where.own.way.path.position(where.station_m)
        there = where.other.way.path.position(where.other_m)
        assert float(np.hypot(*(here - there)[:2])) == pytest.approx(abs(where.across_m), abs=0.1)
        assert 2.5 < abs(where.across_m) < 4.5
        side = where.own.left if where.across_m > 0 else where.own.right
        assert side in where.other.way.lanes


def test_without_a_lane_beside_the_map_is_refused(site: Sites):
    with pytest.raises(ScenarioError, match="two lanes beside each other of 50 m"):
        beside(site("t_junction"), np.random.default_rng(0), 50.0)


@pytest.mark.parametrize("returns", [False, True])
@pytest.mark.parametrize("shift_m", [1.2, -3.4])
def test_a_change_of_lane_ends_where_it_should(site: Sites, shift_m: float, returns: bool):
    lane = site("motorway_merge").stretches(80.0)[0].way.path
    path = Change(30.0, shift_m, 25.0, returns).path(lane)
    before, after = path.position(20.0), path.position(path.length_m - 2.0)
    assert lane.project(before)[1] == pytest.approx(0.0, abs=0.01)
    assert lane.project(after)[1] == pytest.approx(0.0 if returns else shift_m, abs=0.05)
    reach = max(abs(lane.project(path.position(s))[1]) for s in np.arange(30.0, 85.0, 1.0))
    assert reach == pytest.approx(abs(shift_m), abs=0.02)


@pytest.mark.parametrize("name", ALL_PLACES)
@pytest.mark.parametrize("body", FOUR_WHEELS)
def test_a_swerve_beside_an_oncoming_lane_leaves_room_where_it_can(
    site: Sites, name: str, body: str
):
    for stretch in site(name).stretches(80.0):
        for drawn_m in (1.1, 1.4, 1.7):
            got = swerve_m(stretch, body, drawn_m)
            assert min(LEAST_SWERVE_M, drawn_m) <= got <= drawn_m
            left = stretch.width_m - got - (BLUEPRINTS[body].width_m + ONCOMING_WIDTH_M) / 2
            if stretch.oncoming is None:
                assert got == drawn_m
            elif got > LEAST_SWERVE_M:
                assert left >= PASSING_M - 1e-9


@pytest.mark.parametrize("name", ALL_PLACES)
def test_sights_are_junctions_and_crosswalks_or_else_lanes(site: Sites, name: str):
    road, found = site(name).road, sights(site(name))
    assert found
    known = len(road.junctions) + len(road.crosswalks)
    assert len(found) == (known or len(site(name).stretches(30.0)))


@pytest.mark.parametrize("name", LIT)
def test_stop_lines_lie_near_the_end_of_their_approach(site: Sites, name: str):
    place = site(name)
    for way in place.ways:
        at = stop_line_m(place.road, way)
        assert abs(at - way.entry_m) < 15.0
        assert (green_for(place, way, 8.0) == ()) == (way.approach not in place.signalised)


@pytest.mark.parametrize("name", ["rural_crossroads", "t_junction"])
def test_without_a_light_the_stop_line_is_where_the_junction_begins(site: Sites, name: str):
    for way in site(name).ways:
        assert stop_line_m(site(name).road, way) == way.entry_m
        assert green_for(site(name), way, 8.0) == ()


@pytest.mark.parametrize("name", ["rural_crossroads", "t_junction"])
def test_what_is_freed_crosses_the_way_and_begins_before_it(site: Sites, name: str):
    place = site(name)
    for way in place.ways[:4]:
        for piece in crossed(place, way.path, way.approach):
            found = _crossings(way.path.points_m[::4], piece.points_m)
            gaps = [
                abs(way.path.project(end)[1]) for end in (piece.points_m[0], piece.points_m[-1])
            ]
            assert found or min(gaps) < 4.5
            assert piece.length_m <= BEFORE_M + 5.0


@pytest.mark.parametrize("name", ["rural_crossroads", "skewed_five_arm"])
def test_the_cosine_of_two_approaches_tells_oncoming_from_following(site: Sites, name: str):
    for first in site(name).ways:
        for second in site(name).ways:
            cosine = approach_cosine(first, second)
            assert cosine == pytest.approx(approach_cosine(second, first))
            if first.approach == second.approach:
                assert cosine > 0.98


@pytest.mark.parametrize("name", [n for n in ALL_PLACES if "crosswalk" in PLACES[n].tags])
def test_near_crosswalks_is_the_distance_to_their_corners(site: Sites, name: str):
    place = site(name)
    corners = np.concatenate([walk.outline_m[:, :2] for walk in place.road.crosswalks])
    rng = np.random.default_rng(1)
    for point in corners.mean(axis=0) + rng.uniform(-60, 60, (40, 2)):
        gap = float(np.hypot(*(corners - point).T).min())
        assert near_crosswalk(place, point, 12.0) is (gap < 12.0)


@pytest.mark.parametrize("name", ["t_junction", "school_street", "midblock_crossing"])
def test_walks_follow_the_ground_and_are_straight(site: Sites, name: str):
    place = site(name)
    for stretch in place.stretches(80.0)[:3]:
        for station in (30.0, 55.0):
            found = walk_over(place, stretch.way, station, 1.0)
            if found is None:
                continue
            line = found.walk.points_m
            ends = line[-1, :2] - line[0, :2]
            assert found.walk.length_m == pytest.approx(float(np.hypot(*ends)), abs=1e-3)
            assert 0 < found.kerb_m < found.walk_m < found.walk.length_m
            rise = [abs(float(b[2] - a[2])) for a, b in pairwise(line)]
            assert max(rise) < 0.2
