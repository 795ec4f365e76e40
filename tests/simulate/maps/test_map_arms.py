"""One arm by itself: cross section, marks, furniture of the mouth, each against its plan."""

import math
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from rareworld.simulate.maps.arms import (
    CROSSWALK_M,
    KERB_M,
    STOP_GAP_M,
    Arm,
    ArmPlan,
    Control,
    arm_path,
    arm_road,
    edge_m,
    half_section,
    kerb_m,
    of_kind,
)
from rareworld.simulate.maps.paths import Pose

ORDER = ["median", "driving", "parking", "biking", "shoulder", "sidewalk"]
PLANS = {
    "plain": {},
    "wide": {"inbound": 3, "outbound": 2, "lane_m": 3.5},
    "median": {"inbound": 2, "outbound": 2, "median_m": 3.0},
    "parking": {"parking_m": 2.2, "length_m": 120.0},
    "bike": {"bike_m": 1.8, "inbound": 2},
    "rural": {"pavement_m": 0.0, "shoulder_m": 1.5, "crosswalk": False},
    "all": {"inbound": 2, "median_m": 2.0, "parking_m": 2.0, "bike_m": 1.6, "shoulder_m": 0.5},
}


def _arm(**more: object) -> Arm:
    return Arm("3", ArmPlan(bearing_rad=0.4, **more), Pose(10.0, -4.0, 0.4))


def _road(**more: object):
    return arm_road(_arm(**more), "arm 3", "100")


each_plan = pytest.mark.parametrize("name", PLANS)


@each_plan
def test_lanes_lie_side_by_side_from_the_middle_in_the_usual_order(name):
    plan = ArmPlan(bearing_rad=0.0, **PLANS[name])
    for driving in (plan.inbound, plan.outbound):
        slots = half_section(plan, driving)
        assert [slot.number for slot in slots] == list(range(1, len(slots) + 1))
        assert slots[0].inner_m == 0.0
        for a, b in pairwise(slots):
            assert b.inner_m == pytest.approx(a.inner_m + a.width_m)
            assert ORDER.index(a.kind) <= ORDER.index(b.kind)
        assert len(of_kind(slots, "driving")) == driving
        assert all(slot.width_m > 0 for slot in slots)


@each_plan
def test_the_kerb_is_where_the_pavement_begins_else_at_the_outer_edge(name):
    plan = ArmPlan(bearing_rad=0.0, **PLANS[name])
    slots = half_section(plan, plan.inbound)
    paved = sum(slot.width_m for slot in slots if slot.kind != "sidewalk")
    assert kerb_m(slots) == pytest.approx(paved)
    assert edge_m(slots) == pytest.approx(paved + plan.pavement_m)


@each_plan
def test_the_two_directions_share_the_median_and_nothing_else(name):
    arm = _arm(**PLANS[name])
    inner_in = of_kind(arm.inbound, "driving")[0].inner_m
    inner_out = of_kind(arm.outbound, "driving")[0].inner_m
    assert inner_in + inner_out == pytest.approx(arm.plan.median_m)
    away = arm.enter(of_kind(arm.inbound, "driving")[0])
    back = arm.leave(of_kind(arm.outbound, "driving")[0])
    # traffic keeps right: what leads in is on the left of who looks out of the junction
    ahead = np.array([math.cos(0.4), math.sin(0.4)])
    left = np.array([-ahead[1], ahead[0]])
    for pose, side in ((away, 1.0), (back, -1.0)):
        offset = np.array([pose.x_m - 10.0, pose.y_m + 4.0])
        assert offset @ ahead == pytest.approx(0.0, abs=1e-9)
        assert offset @ left == pytest.approx(side * arm.plan.median_m / 2, abs=1e-9)
    assert math.cos(away.heading_rad - back.heading_rad) == pytest.approx(-1.0)


@pytest.mark.parametrize("length_m", [61.0, 90.0, 150.0, 300.0])
@pytest.mark.parametrize("bend", [-0.01, 0.0, 0.008])
def test_an_arm_ends_at_its_mouth_and_is_straight_there(length_m, bend):
    arm = _arm(length_m=length_m, bend=bend)
    path = arm_path(arm)
    assert path.length_m == pytest.approx(length_m)
    assert (path.end.x_m, path.end.y_m) == pytest.approx((10.0, -4.0), abs=1e-9)
    assert math.cos(path.end.heading_rad - 0.4) == pytest.approx(-1.0)
    for back in (10.0, 30.0, 49.0):
        pose = path.at(length_m - back)
        expected = arm.mouth.move(back)
        assert (pose.x_m, pose.y_m) == pytest.approx((expected.x_m, expected.y_m), abs=1e-9)
    turned = math.remainder(path.start.heading_rad + math.pi - 0.4, 2 * math.pi)
    assert turned == pytest.approx((length_m - 50.0) * bend, abs=1e-9)


@pytest.mark.parametrize("rise_m", [-6.0, 0.0, 4.0])
def test_an_arm_is_level_at_the_mouth_and_rises_smoothly_outwards(rise_m):
    road = _road(rise_m=rise_m, length_m=120.0)
    ((s0, a, b, c, d),) = road.elevation
    assert (s0, d) == (0.0, 0.0)
    s = np.linspace(0, 120.0, 50)
    height, slope = a + b * s + c * s**2, b + 2 * c * s
    assert height[0] == pytest.approx(rise_m)
    assert height[-1] == pytest.approx(0.0, abs=1e-9)
    assert slope[-1] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(np.abs(height)) <= 1e-12)


MARKS = {
    ("driving", "driving"): ("broken", 3.0),
    ("driving", "parking"): ("broken", 1.0),
    ("driving", "biking"): ("solid", None),
    ("driving", "sidewalk"): ("solid", None),
    ("driving", "shoulder"): ("solid", None),
    ("parking", "biking"): ("solid", None),
    ("biking", "shoulder"): ("solid", None),
    ("median", "driving"): ("solid", None),
}


@each_plan
def test_lines_between_lanes_are_the_usual_ones(name):
    road = _road(**PLANS[name])
    lanes = road.sections[0].right
    for lane, following in pairwise(lanes):
        found = lane.mark
        assert found is not None
        kind, dash = MARKS.get((lane.kind, following.kind), ("solid", None))
        assert found.kind == kind, (lane.kind, following.kind)
        if dash is not None:
            assert found.dash_m == dash
    assert lanes[-1].mark is None
    for lane in lanes:
        assert lane.height_m == (KERB_M if lane.kind in ("sidewalk", "median") else 0.0)


@pytest.mark.parametrize(
    ("plan", "kind"),
    [({}, "solid"), ({"inbound": 2}, "solid solid"), ({"outbound": 3}, "solid solid"),
     ({"median_m": 2.0, "inbound": 2}, None)],
)  # fmt: skip
def test_the_centre_line_is_double_on_wide_roads_and_none_on_a_median(plan, kind):
    centre = _road(**plan).sections[0].centre
    assert (centre.kind if centre else None) == kind


def test_parking_turns_into_a_shoulder_before_the_mouth():
    far, near = _road(parking_m=2.2, length_m=150.0).sections
    assert near.s_m == pytest.approx(128.0)
    assert "parking" in [lane.kind for lane in far.right]
    assert "parking" not in [lane.kind for lane in near.right]
    assert [lane.width for lane in near.right] == [lane.width for lane in far.right]
    assert [lane.successor for lane in far.right] == [-1, -2, -3]
    assert [lane.predecessor for lane in near.left] == [1, 2, 3]


def test_a_short_arm_keeps_its_parking_whole():
    (only,) = _road(parking_m=2.2, length_m=62.0).sections
    assert "parking" in [lane.kind for lane in only.right]


CONTROLS = {
    Control.SIGNALS: ("1000001", "StopLine"),
    Control.STOP: ("206", "StopLine"),
    Control.YIELD: ("205", "YieldLine"),
    Control.PRIORITY: (None, None),
}


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("inbound", [1, 3])
def test_control_puts_up_its_sign_and_paints_its_line(control, inbound):
    sign, line = CONTROLS[control]
    road = _road(control=control, inbound=inbound, length_m=100.0)
    signs = [one for one in road.signals if one.kind in ("1000001", "206", "205")]
    lines = [one for one in road.objects if one.name in ("StopLine", "YieldLine")]
    if sign is None:
        assert (signs, lines) == ([], [])
        return
    (post,), (painted,) = signs, lines
    assert (post.kind, painted.name) == (sign, line)
    kerb = kerb_m(_arm(inbound=inbound).inbound)
    assert post.s_m == painted.s_m == 100.0
    assert -post.t_m - kerb == pytest.approx(0.5)
    assert post.lanes == (-1, -inbound)
    ends = sorted(corner[1] for corner in painted.corners)
    assert ends == pytest.approx([-3.3 * inbound, 0.0])


@pytest.mark.parametrize("crosswalk", [True, False])
def test_a_crossing_reaches_from_kerb_to_kerb_beyond_the_line(crosswalk):
    arm = _arm(crosswalk=crosswalk, control=Control.SIGNALS)
    road = arm_road(arm, "arm 3", "100")
    found = [one for one in road.objects if one.name == "Crosswalk"]
    lights = [one for one in road.signals if one.kind == "1000002"]
    assert len(found) == int(crosswalk)
    assert len(lights) == 2 * int(crosswalk)
    for item in found:
        along, aside = zip(*[corner[:2] for corner in item.corners], strict=True)
        assert (min(along), max(along)) == (STOP_GAP_M, STOP_GAP_M + CROSSWALK_M)
        assert (min(aside), max(aside)) == (-kerb_m(arm.inbound), kerb_m(arm.outbound))
    if lights:
        assert lights[0].t_m < 0 < lights[1].t_m
        assert math.sin(lights[0].turn_rad) == -math.sin(lights[1].turn_rad)


@pytest.mark.parametrize(("speed_mps", "shown"), [(8.33, 30), (13.89, 50), (19.4, 70), (27.8, 100)])
def test_the_limit_is_posted_for_those_who_leave(speed_mps, shown):
    (sign,) = [one for one in _road(speed_mps=speed_mps).signals if one.kind == "274"]
    assert (sign.value, sign.orientation) == (str(shown), "-")
    assert sign.t_m > 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("length_m", 60.0), ("inbound", 0), ("inbound", 6), ("lane_m", 2.4), ("lane_m", 4.6),
     ("pavement_m", -1.0), ("bend", 0.03), ("rise_m", 9.0), ("speed_mps", 0.0), ("speed_mps", 41.0),
     ("control", "traffic"), ("lanes", 2)],
)  # fmt: skip
def test_arms_that_cannot_be_built_are_refused_by_field(field, value):
    with pytest.raises(ValidationError, match=field):
        ArmPlan(bearing_rad=0.0, **{field: value})


def test_ids_of_an_arms_things_do_not_clash():
    road = _road(control=Control.SIGNALS)
    ids = [one.id for one in (*road.objects, *road.signals)]
    assert len(ids) == len(set(ids))
    assert all(one.startswith("3") for one in ids)
