"""Hand-written maps: every lane, line, sign and link where the closed form says."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.road import LaneKind, MarkColour, MarkKind, RoadMap, SignalKind, Turn
from rareworld.data.formats.opendrive import read_opendrive

HERE = Path(__file__).parent
TEE, CURVES = HERE / "tee.xodr", HERE / "curves.xodr"


@pytest.fixture(scope="module")
def tee() -> RoadMap:
    return read_opendrive(TEE)


@pytest.fixture(scope="module")
def curves() -> RoadMap:
    return read_opendrive(CURVES)


def line_distance_m(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance of points to a polyline, by brute force."""
    a, step = line[:-1], np.diff(line, axis=0)
    rel = points[:, None] - a
    share = np.clip((rel * step).sum(-1) / (step * step).sum(-1), 0, 1)
    return np.linalg.norm(rel - share[..., None] * step, axis=-1).min(axis=1)


def test_lane_ids_name_road_section_and_lane(tee: RoadMap):
    assert {"1:0:1", "1:0:-1", "1:0:-2", "16:0:-1"} <= set(tee.lanes)
    assert len(tee.lanes) == 13


def test_lanes_run_in_the_direction_of_travel(tee: RoadMap):
    east, west = tee.lanes["1:0:-1"], tee.lanes["1:0:1"]
    assert np.allclose(east.centre_m[[0, -1]], [[-50, -1.75, 0], [-10, -1.75, 0]])
    assert np.allclose(west.centre_m[[0, -1]], [[-10, 1.75, 0], [-50, 1.75, 0]])
    assert np.allclose(west.left_m[:, 1], 0.0)
    assert np.allclose(west.right_m[:, 1], 3.5)


def test_left_hand_traffic_turns_every_lane_round():
    text = TEE.read_text().replace("<road ", '<road rule="LHT" ')
    turned, right = read_opendrive(text), read_opendrive(TEE)
    assert turned.left_hand_traffic
    assert not right.left_hand_traffic
    lane, same = turned.lanes["1:0:-1"], right.lanes["1:0:-1"]
    assert np.allclose(lane.centre_m, same.centre_m[::-1])
    assert np.allclose(lane.left_m, same.right_m[::-1])
    assert same.successors == lane.predecessors == ("11:0:-1", "13:0:-1")


def test_reversed_lane_runs_against_its_side():
    text = TEE.read_text().replace('<lane id="-2"', '<lane id="-2" direction="reversed"')
    lane = read_opendrive(text).lanes["1:0:-2"]
    assert lane.centre_m[0, 0] == -10.0
    assert lane.left_neighbour is None


def test_junction_lanes_follow_their_approaches(tee: RoadMap):
    assert tee.lanes["1:0:-1"].successors == ("11:0:-1", "13:0:-1")
    assert tee.lanes["2:0:1"].successors == ("12:0:-1", "16:0:-1")
    assert tee.lanes["15:0:-1"].successors == ("1:0:1",)
    assert tee.lanes["15:0:-1"].predecessors == ("3:0:-1",)


def test_links_meet_within_a_millimetre(tee: RoadMap, curves: RoadMap):
    for road in (tee, curves):
        for lane in road.lanes.values():
            for name in lane.successors:
                gap = np.linalg.norm(lane.centre_m[-1] - road.lanes[name].centre_m[0])
                # the one jump of the lane offset moves the lane by half a metre
                assert gap < 1e-3 or (lane.id == "widening:0:-1" and abs(gap - 0.5) < 1e-9)


@pytest.mark.parametrize(
    ("lane", "turn"),
    [("11", Turn.STRAIGHT), ("13", Turn.RIGHT), ("14", Turn.RIGHT), ("15", Turn.LEFT)],
)
def test_turn_is_the_heading_change(tee: RoadMap, lane: str, turn: Turn):
    assert tee.lanes[f"{lane}:0:-1"].turn is turn
    assert tee.lanes[f"{lane}:0:-1"].junction == "100"


def test_speed_of_the_lane_wins_over_that_of_the_road(tee: RoadMap):
    assert tee.lanes["1:0:-1"].speed_limit_mps == pytest.approx(30 / 3.6)
    assert tee.lanes["1:0:1"].speed_limit_mps == pytest.approx(50 / 3.6)
    assert tee.lanes["2:0:1"].speed_limit_mps is None


def test_pavement_stands_on_its_kerb(tee: RoadMap):
    pavement = tee.lanes["1:0:-2"]
    assert pavement.kind is LaneKind.SIDEWALK
    assert np.allclose(pavement.centre_m[:, 2], 0.15)
    assert np.allclose(tee.lanes["1:0:-1"].right_m[:, 2], 0.0)


def test_a_pavement_without_a_height_stands_a_usual_kerb_high_and_one_of_zero_lies_flat():
    stated = '<height sOffset="0" inner="0.15" outer="0.15"/>'
    text = TEE.read_text()
    silent, flush = (
        read_opendrive(text.replace(stated, other)) for other in ("", stated.replace("0.15", "0"))
    )
    assert np.allclose(silent.lanes["1:0:-2"].left_m[:, 2], 0.12)
    assert any("without <height> stands 0.12 m high" in w for w in silent.warnings)
    assert np.allclose(flush.lanes["1:0:-2"].centre_m[:, 2], 0.0)
    assert not any("without <height>" in w for w in flush.warnings)
    assert np.allclose(silent.lanes["1:0:-1"].right_m[:, 2], 0.0)


def test_neighbours_go_the_same_way(tee: RoadMap):
    assert tee.lanes["1:0:-1"].right_neighbour == "1:0:-2"
    assert tee.lanes["1:0:-1"].left_neighbour is None


def test_marks_have_pattern_colour_width_and_extent(tee: RoadMap):
    solid, broken = (m for m in tee.markings if m.points_m[0, 1] == -3.5)
    assert (solid.kind, broken.kind) == (MarkKind.SOLID, MarkKind.BROKEN)
    assert np.allclose(solid.points_m[[0, -1], 0], [-50, -40])
    assert np.allclose(broken.points_m[[0, -1], 0], [-40, -10])
    assert (broken.width_m, broken.dash_m, broken.gap_m) == (0.1, 2.0, 4.0)
    centre = next(m for m in tee.markings if m.kind is MarkKind.SOLID_BROKEN)
    assert (centre.colour, centre.width_m) == (MarkColour.YELLOW, 0.15)


def test_double_line_left_of_the_reference_is_mirrored():
    mark = '<roadMark sOffset="0" type="solid broken" color="white"/>'
    text = TEE.read_text().replace(
        '<lane id="1" type="driving">', f'<lane id="1" type="driving">{mark}', 1
    )
    kinds = [m.kind for m in read_opendrive(text).markings if np.allclose(m.points_m[:, 1], 3.5)]
    assert kinds == [MarkKind.BROKEN_SOLID]


def test_crosswalks_from_both_corner_kinds(tee: RoadMap):
    by_road, by_object = tee.crosswalks
    assert {tuple(p) for p in by_road.outline_m[:, :2]} == {
        (-22.0, -3.5),
        (-18.0, -3.5),
        (-18.0, 3.5),
        (-22.0, 3.5),
    }
    assert len(by_object.outline_m) == 4
    corner = np.array([20 - 2 * np.cos(0.1) + 4 * np.sin(0.1), -2 * np.sin(0.1) - 4 * np.cos(0.1)])
    assert np.linalg.norm(by_object.outline_m[:, :2] - corner, axis=1).min() < 1e-9


def test_parking_bay_line_is_painted(tee: RoadMap):
    (line,) = (m for m in tee.markings if np.allclose(m.points_m[:, 1], 7.0))
    assert sorted(line.points_m[:, 0]) == pytest.approx([-37.5, -32.5])


def test_light_with_own_validity_rules_its_approach(tee: RoadMap):
    light = next(s for s in tee.signals if s.id == "201")
    assert light.kind is SignalKind.TRAFFIC_LIGHT
    assert light.lanes == ("1:0:-1",)
    assert light.stop_line_m is not None
    assert np.allclose(light.stop_line_m, [[-10, 0, 0], [-10, -3.5, 0]])
    assert abs(light.yaw_rad) == pytest.approx(np.pi)
    assert light.height_m == 3.0
    assert light.controller == "401"


def test_light_referenced_in_the_junction_rules_the_approach_and_faces_it(tee: RoadMap):
    light = next(s for s in tee.signals if s.id == "202")
    assert light.lanes == ("2:0:1",)
    assert light.stop_line_m is not None
    assert np.allclose(light.stop_line_m, [[10, 0, 0], [10, 3.5, 0]])
    # traffic comes from the east, so the light looks east, whatever the map's orientation says
    assert light.yaw_rad == pytest.approx(0.0, abs=1e-5)


def test_lights_per_movement_keep_the_junction_lanes():
    left = '<signalReference id="202" s="0.5" t="0" orientation="+">'
    head, _, tail = TEE.read_text().rpartition(left)
    text = head + left.replace("202", "205") + tail
    text = text.replace('type="1000002"', 'type="1000001"')
    signals = {s.id: s for s in read_opendrive(text).signals}
    assert signals["202"].lanes == ("12:0:-1",)
    assert signals["205"].lanes == ("16:0:-1",)


def test_painted_line_wins_over_the_lane_end(tee: RoadMap):
    stop = next(s for s in tee.signals if s.id == "203")
    assert stop.kind is SignalKind.STOP
    assert stop.stop_line_m is not None
    assert np.allclose(stop.stop_line_m, [[0, -12, 0], [3.5, -12, 0]])
    assert stop.yaw_rad == pytest.approx(-np.pi / 2)


def test_speed_sign_says_its_value_and_has_no_stop_line(tee: RoadMap):
    sign = next(s for s in tee.signals if s.id == "204")
    assert (sign.kind, sign.value, sign.stop_line_m) == (SignalKind.SPEED_LIMIT, "50", None)


def test_junction_outline_is_the_hull_of_its_vehicle_lanes(tee: RoadMap):
    (junction,) = tee.junctions
    assert (junction.id, junction.name) == ("100", "tee")
    low, high = junction.outline_m.min(axis=0), junction.outline_m.max(axis=0)
    assert np.allclose([low[0], low[1], high[0], high[1]], [-10, -10, 10, 3.5])


def test_unused_things_become_one_sentence_each(tee: RoadMap):
    assert len(tee.warnings) == 1
    assert "objects of type 'tree' are not used (1 times; first at " in tee.warnings[0]
    assert "road 1, object 303, line " in tee.warnings[0]


def test_origin_name_and_text_are_kept(tee: RoadMap):
    assert (tee.latitude_deg, tee.longitude_deg) == (48.137, 11.575)
    assert tee.name == "tee"
    assert read_opendrive(tee.source, name="again").name == "again"
    assert tee.source == TEE.read_text()


def test_gzip_and_text_give_the_same_map(tmp_path: Path, tee: RoadMap):
    packed = tmp_path / "tee.xodr.gz"
    packed.write_bytes(gzip.compress(TEE.read_bytes()))
    for again in (read_opendrive(packed), read_opendrive(TEE.read_text())):
        assert again.name == "tee"
        assert list(again.lanes) == list(tee.lanes)
        for name, lane in again.lanes.items():
            assert np.array_equal(lane.centre_m, tee.lanes[name].centre_m)


def test_namespace_is_accepted():
    text = TEE.read_text().replace("<OpenDRIVE>", '<OpenDRIVE xmlns="http://code.asam.net/x">')
    assert len(read_opendrive(text).lanes) == 13


def test_elevation_and_superelevation_lift_and_tilt_the_line(curves: RoadMap):
    lane = curves.lanes["line:0:-1"]
    s, t, roll = np.array([0.0, 50.0]), -1.5, 0.1
    x = 10 + s * np.cos(0.3) - np.sin(0.3) * t * np.cos(roll)
    y = 20 + s * np.sin(0.3) + np.cos(0.3) * t * np.cos(roll)
    z = 1 + 0.02 * s + 0.001 * s**2 + t * np.sin(roll)
    assert np.allclose(lane.centre_m[[0, -1]], np.stack([x, y, z], axis=1), atol=1e-12)
    assert np.all(lane.left_m[:, 2] > lane.right_m[:, 2])


def test_arc_lane_is_a_circle(curves: RoadMap):
    for name, radius in (("arc:0:-1", 21.5), ("arc:0:1", 18.5)):
        away = np.linalg.norm(curves.lanes[name].centre_m[:, :2] - [0, 120], axis=1)
        assert np.allclose(away, radius, atol=1e-9)


def test_crown_is_highest_in_the_middle(curves: RoadMap):
    lane = curves.lanes["crowned:0:-1"]
    assert lane.left_m[0, 2] == pytest.approx(0.06)
    assert lane.right_m[0, 2] == pytest.approx(0.0)
    assert lane.left_m[-1, 2] == pytest.approx(0.0)


def test_offset_jump_width_ramp_and_border(curves: RoadMap):
    first, second = curves.lanes["widening:0:-1"], curves.lanes["widening:1:-1"]
    bike = curves.lanes["widening:1:-2"]
    assert np.allclose(first.left_m[:, 1], 600.0)
    assert np.allclose(second.left_m[:, 1], 600.5)
    assert second.right_m[-1, 1] == pytest.approx(600.5 - 5.0)
    assert np.allclose(bike.right_m[:, 1], 600.5 - 6.0)
    assert bike.kind is LaneKind.BIKE


def test_lane_with_no_width_is_left_out_with_its_links():
    head, link, tail = CURVES.read_text().partition('<link><predecessor id="-1"/></link>')
    old, ramp = '<width sOffset="0" a="3"', '<width sOffset="10" a="3" b="0.1"'
    tail = tail.replace(old, '<width sOffset="0" a="0"', 1)
    text = head + link + tail.replace(ramp, '<width sOffset="10" a="0" b="0"')
    road = read_opendrive(text)
    assert "widening:1:-1" not in road.lanes
    assert road.lanes["widening:0:-1"].successors == ()


@pytest.mark.parametrize("step_m", [0.5, 2.0, 10.0])
def test_chords_stay_within_two_centimetres_at_any_step(step_m: float, curves: RoadMap):
    fine = read_opendrive(CURVES, step_m=0.05)
    for name, lane in read_opendrive(CURVES, step_m=step_m).lanes.items():
        for side, truth in (
            (lane.left_m, fine.lanes[name].left_m),
            (lane.right_m, fine.lanes[name].right_m),
        ):
            assert line_distance_m(truth, side).max() < 0.021


def test_direct_junction_links_roads_without_connecting_ones():
    split = """<junction id="9" type="direct" name="">
      <connection id="0" incomingRoad="line" linkedRoad="arc" contactPoint="start">
        <laneLink from="-1" to="-1"/></connection></junction></OpenDRIVE>"""
    text = CURVES.read_text().replace("</OpenDRIVE>", split)
    link = '<link><successor elementType="junction" elementId="9"/></link>'
    at = text.index("<planView>", text.index('id="line"'))
    road = read_opendrive(text[:at] + link + text[at:])
    assert road.lanes["line:0:-1"].successors == ("arc:0:-1",)
    assert any("a junction without lanes of its own" in w for w in road.warnings)


def test_post_stated_in_the_world_stands_there():
    post = '<positionInertial x="-8" y="-5" z="0.2" hdg="0"/><validity fromLane="-1" toLane="-1"/>'
    text = TEE.read_text().replace('<validity fromLane="-1" toLane="-1"/>', post, 1)
    light = next(s for s in read_opendrive(text).signals if s.id == "201")
    assert light.position_m == (-8.0, -5.0, 0.2)


def test_sign_294_paints_its_stop_line():
    text = TEE.read_text().replace('type="206"', 'type="294"').replace('name="StopLine"', 'name=""')
    (line,) = (m for m in read_opendrive(text).markings if m.kind is MarkKind.STOP_LINE)
    assert np.allclose(line.points_m, [[0, -10, 0], [3.5, -10, 0]])


def test_sign_far_from_the_junction_stops_beside_itself():
    text = TEE.read_text().replace('name="stop" s="37"', 'name="stop" s="12"')
    text = text.replace('name="StopLine"', 'name=""')
    stop = next(s for s in read_opendrive(text).signals if s.id == "203")
    assert stop.stop_line_m is not None
    assert np.allclose(stop.stop_line_m, [[0, -38, 0], [3.5, -38, 0]])


def test_map_is_the_same_every_time():
    first, second = read_opendrive(TEE), read_opendrive(TEE)
    assert [lane.centre_m.tobytes() for lane in first.lanes.values()] == [
        lane.centre_m.tobytes() for lane in second.lanes.values()
    ]
    assert [s.lanes for s in first.signals] == [s.lanes for s in second.signals]
    assert first.warnings == second.warnings
