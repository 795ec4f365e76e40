"""Roads of one feature each, against the closed form of that feature."""

import itertools

import numpy as np
import pytest
from scipy.special import fresnel

from rareworld.core.road import Lane, LaneKind
from tests.data.formats.opendrive.xodr_samples import (
    cubic,
    geometry,
    lane,
    only_lane,
    read,
    road,
    section,
    width,
)

RIGHT = section(lane(-1))


def mid(lane_found: Lane) -> np.ndarray:
    """x, y, z of a lane's centre line."""
    return lane_found.centre_m


@pytest.mark.parametrize("roll", [0.2, -0.2])
def test_superelevation_turns_the_surface_about_the_reference_line(roll: float) -> None:
    tilt = f"<lateralProfile>{cubic('superelevation', 's', 0, roll)}</lateralProfile>"
    found = only_lane(road(RIGHT, before=tilt))
    np.testing.assert_allclose(found.left_m[:, 1:], 0.0, atol=1e-12)
    np.testing.assert_allclose(found.right_m[:, 1], -3.5 * np.cos(roll), atol=1e-12)
    np.testing.assert_allclose(found.right_m[:, 2], -3.5 * np.sin(roll), atol=1e-12)


def test_superelevation_that_grows_is_linear_in_the_angle() -> None:
    tilt = f"<lateralProfile>{cubic('superelevation', 's', 0, 0.0, 0.002)}</lateralProfile>"
    found = only_lane(road(RIGHT, before=tilt))
    roll = 0.002 * found.right_m[:, 0]
    np.testing.assert_allclose(found.right_m[:, 2], -3.5 * np.sin(roll), atol=1e-12)


def test_elevation_records_rule_from_their_own_start() -> None:
    hill = "".join(
        [cubic("elevation", "s", 0, 2.0, 0.1), cubic("elevation", "s", 40, 6.0, 0.1, -0.002)]
    )
    found = only_lane(road(RIGHT, before=f"<elevationProfile>{hill}</elevationProfile>"))
    x = mid(found)[:, 0]
    rest = x - 40
    expected = np.where(x < 40, 2 + 0.1 * x, 6 + 0.1 * rest - 0.002 * rest**2)
    np.testing.assert_allclose(mid(found)[:, 2], expected, atol=1e-12)


def test_elevation_does_not_change_plan_positions() -> None:
    hill = f"<elevationProfile>{cubic('elevation', 's', 0, 0.0, 0.3)}</elevationProfile>"
    found = only_lane(road(RIGHT, before=hill))
    assert found.length_m == pytest.approx(100.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_lane_offset_moves_all_lanes_to_the_left_for_positive_values(sign: int) -> None:
    offset = cubic("laneOffset", "s", 0, sign * 1.5)
    lanes = read(road(offset + section(lane(1), lane(-1)))).lanes
    np.testing.assert_allclose(lanes["1:0:-1"].left_m[:, 1], sign * 1.5)
    np.testing.assert_allclose(lanes["1:0:-1"].right_m[:, 1], sign * 1.5 - 3.5)
    np.testing.assert_allclose(lanes["1:0:1"].right_m[:, 1], sign * 1.5 + 3.5)


def test_lane_offset_cubic_runs_over_section_borders() -> None:
    offset = cubic("laneOffset", "s", 0, 0.0, 0.0, 3e-3, -2e-5)
    lanes = read(road(offset + section(lane(-1)) + section(lane(-1), s=60.0))).lanes
    for name in ("1:0:-1", "1:1:-1"):
        edge = lanes[name].left_m
        np.testing.assert_allclose(
            edge[:, 1], 3e-3 * edge[:, 0] ** 2 - 2e-5 * edge[:, 0] ** 3, atol=1e-9
        )


def test_width_cubic_is_measured_from_the_section() -> None:
    taper = width(3.0) + width(3.0, 0.0, 3e-3, -1e-4, s=5.0)
    lanes = read(road(section(lane(-1)) + section(lane(-1, taper), s=80.0))).lanes
    edge = lanes["1:1:-1"].right_m
    ds = np.maximum(edge[:, 0] - 85.0, 0.0)
    np.testing.assert_allclose(-edge[:, 1], 3.0 + 3e-3 * ds**2 - 1e-4 * ds**3, atol=1e-9)


def test_lanes_stack_outwards() -> None:
    lanes = read(road(section(lane(-1), lane(-2, width(2.0)), lane(-3, width(1.0))))).lanes
    for number, (left, right) in {-1: (0, -3.5), -2: (-3.5, -5.5), -3: (-5.5, -6.5)}.items():
        np.testing.assert_allclose(lanes[f"1:0:{number}"].left_m[:, 1], left)
        np.testing.assert_allclose(lanes[f"1:0:{number}"].right_m[:, 1], right)


@pytest.mark.parametrize("stated", [4.0, -4.0])
def test_border_is_a_distance_from_the_centre_line_whatever_its_sign(stated: float) -> None:
    border = cubic("border", "sOffset", 0, stated, 0.01 if stated > 0 else -0.01)
    found = only_lane(road(section(lane(-1, border))))
    np.testing.assert_allclose(found.right_m[:, 1], -(4.0 + 0.01 * found.right_m[:, 0]))


def test_width_wins_over_border() -> None:
    both = width(2.0) + cubic("border", "sOffset", 0, 9.0)
    np.testing.assert_allclose(only_lane(road(section(lane(-1, both)))).right_m[:, 1], -2.0)


def test_borders_of_several_lanes_all_count_from_the_centre() -> None:
    inner, outer = (cubic("border", "sOffset", 0, t) for t in (3.0, 5.0))
    lanes = read(road(section(lane(1, inner), lane(2, outer, kind="biking")))).lanes
    bike = lanes["1:0:2"]
    assert bike.kind is LaneKind.BIKE
    np.testing.assert_allclose(np.sort([bike.left_m[0, 1], bike.right_m[0, 1]]), [3.0, 5.0])


def test_negative_width_counts_as_none() -> None:
    text = road(section(lane(-1, width(-1.0)), lane(-2)))
    lanes = read(text).lanes
    assert "1:0:-1" not in lanes
    np.testing.assert_allclose(lanes["1:0:-2"].left_m[:, 1], 0.0)


def test_lane_height_steps_at_its_records() -> None:
    heights = (
        width(2.0) + '<height sOffset="0" inner="0.1" outer="0.2"/>'
        '<height sOffset="50" inner="0" outer="0"/>'
    )
    found = only_lane(road(section(lane(-1, heights, kind="sidewalk"))))
    before, after = found.centre_m[:, 0] < 50, found.centre_m[:, 0] > 50
    np.testing.assert_allclose(found.left_m[before, 2], 0.1)
    np.testing.assert_allclose(found.right_m[before, 2], 0.2)
    np.testing.assert_allclose(found.centre_m[after, 2], 0.0)


def poly(tag: str, **rows: float) -> str:
    """A curve element with named coefficients."""
    return f"<{tag} " + " ".join(f'{key}="{value!r}"' for key, value in rows.items()) + "/>"


def parametric(p_range: str, u: list[float], v: list[float]) -> str:
    """A `paramPoly3`."""
    names = [f"{key}{axis}" for axis in "UV" for key in "abcd"]
    values = dict(zip(names, [*u, *v], strict=True))
    return poly("paramPoly3", **values).replace("<paramPoly3", f'<paramPoly3 pRange="{p_range}"')


def turned(points: np.ndarray, at: tuple[float, float, float]) -> np.ndarray:
    """Points of a record's own frame in the world."""
    x, y, heading = at
    cos, sin = np.cos(heading), np.sin(heading)
    return points @ np.array([[cos, sin], [-sin, cos]]) + [x, y]


AT = (12.0, -7.0, 0.8)


@pytest.mark.parametrize("p_range", ["arcLength", "normalized"])
def test_parametric_cubic_in_the_world_for_both_ranges(p_range: str) -> None:
    length = 30.0
    scale = 1.0 if p_range == "arcLength" else length
    u = [value * scale**k for k, value in enumerate((0.0, 1.0, 0.0, -2e-5))]
    v = [value * scale**k for k, value in enumerate((0.0, 0.0, 4e-3, 0.0))]
    plan = geometry(parametric(p_range, u, v), at=AT, length=length)
    found = only_lane(road(RIGHT, length=length, plan=plan))
    s = np.linspace(0, length, 4001)
    truth = turned(np.stack([s - 2e-5 * s**3, 4e-3 * s**2], axis=1), AT)
    away = np.linalg.norm(found.left_m[:, None, :2] - truth, axis=-1).min(axis=1)
    assert away.max() < 5e-3
    np.testing.assert_allclose(found.left_m[[0, -1], :2], truth[[0, -1]], atol=1e-9)


def test_default_range_is_normalized() -> None:
    curve = parametric("normalized", [0, 20, 0, 0], [0, 0, 3, 0])
    silent = curve.replace('pRange="normalized"', "")
    first, second = (
        only_lane(road(RIGHT, length=20.0, plan=geometry(text, length=20.0)))
        for text in (curve, silent)
    )
    np.testing.assert_array_equal(first.centre_m, second.centre_m)


def test_poly3_in_the_world_lies_on_its_cubic() -> None:
    plan = geometry(poly("poly3", a=0.0, b=0.0, c=0.01, d=-1e-4), at=AT, length=40.0)
    found = only_lane(road(RIGHT, length=40.0, plan=plan))
    local = turned(found.left_m[:, :2] - AT[:2], (0.0, 0.0, -AT[2]))
    np.testing.assert_allclose(
        local[:, 1], 0.01 * local[:, 0] ** 2 - 1e-4 * local[:, 0] ** 3, atol=1e-9
    )


@pytest.mark.parametrize("end", [0.03, -0.03])
def test_spiral_in_the_world_ends_where_fresnel_says(end: float) -> None:
    length = 60.0
    spiral = poly("spiral", curvStart=0.0, curvEnd=end)
    found = only_lane(road(RIGHT, length=length, plan=geometry(spiral, at=AT, length=length)))
    scale = np.sqrt(np.pi * length / abs(end))
    sine, cosine = fresnel(length / scale)
    tip = turned(np.array([[scale * cosine, np.sign(end) * scale * sine]]), AT)[0]
    np.testing.assert_allclose(found.left_m[-1, :2], tip, atol=1e-8)


@pytest.mark.parametrize(("curvature", "outer"), [(0.05, -1), (-0.05, 1)])
def test_outer_lane_of_a_bend_is_longer_by_the_angle(curvature: float, outer: int) -> None:
    plan = geometry(poly("arc", curvature=curvature), length=31.4)
    lanes = read(road(section(lane(1), lane(-1)), length=31.4, plan=plan), step_m=0.2).lanes
    angle = 31.4 * abs(curvature)
    assert lanes[f"1:0:{outer}"].length_m == pytest.approx(31.4 + 1.75 * angle, abs=0.01)
    assert lanes[f"1:0:{-outer}"].length_m == pytest.approx(31.4 - 1.75 * angle, abs=0.01)


def test_records_of_the_reference_line_may_stand_in_any_order() -> None:
    first = geometry(length=50.0)
    second = geometry(poly("arc", curvature=0.02), s=50.0, at=(50, 0, 0), length=50.0)
    there, back = (only_lane(road(RIGHT, plan=text)) for text in (first + second, second + first))
    np.testing.assert_array_equal(there.centre_m, back.centre_m)


@pytest.mark.parametrize("step_m", [0.25, 1.0, 5.0])
def test_steps_are_never_longer_than_asked(step_m: float) -> None:
    plan = geometry(length=97.3)
    found = read(road(RIGHT, length=97.3, plan=plan), step_m=step_m).lanes["1:0:-1"]
    steps = np.diff(found.station_m)
    assert steps.max() <= step_m + 1e-9
    assert steps.min() > step_m / 2


def test_breakpoints_of_every_profile_are_cross_sections() -> None:
    hill = f"<elevationProfile>{cubic('elevation', 's', 33.3, 1.0)}</elevationProfile>"
    offset = cubic("laneOffset", "s", 44.4, 0.1)
    found = only_lane(
        road(offset + section(lane(-1, width(3.0) + width(3.0, s=55.5))), before=hill)
    )
    for station in (33.3, 44.4, 55.5):
        assert np.abs(found.left_m[:, 0] - station).min() < 1e-9


@pytest.mark.parametrize("rule", ["RHT", "LHT"])
def test_travel_and_neighbours_by_rule_of_the_road(rule: str) -> None:
    lanes = read(road(section(*(lane(n) for n in (2, 1, -1, -2))), more=f'rule="{rule}"')).lanes
    right_hand = rule == "RHT"
    for number in (2, 1, -1, -2):
        found = lanes[f"1:0:{number}"]
        along_x = found.centre_m[-1, 0] > found.centre_m[0, 0]
        assert along_x == ((number < 0) == right_hand)
        ahead = found.centre_m[-1, :2] - found.centre_m[0, :2]
        across = found.left_m[0, :2] - found.right_m[0, :2]
        assert ahead[0] * across[1] - ahead[1] * across[0] > 0
    outer_of_inner = {"1:0:1": "1:0:2", "1:0:-1": "1:0:-2"}
    for inner, outer in outer_of_inner.items():
        side = lanes[inner].right_neighbour if right_hand else lanes[inner].left_neighbour
        assert side == outer


def test_speed_limits_change_along_the_road_and_can_be_lifted() -> None:
    limits = "".join(
        f'<type s="{s}" type="town"><speed max="{limit}" unit="{unit}"/></type>'
        for s, limit, unit in (
            (0, 10, "m/s"), (25, 36, "km/h"), (50, 30, "mph"), (75, "no limit", "km/h"),
        )
    )  # fmt: skip
    sections = "".join(section(lane(-1), s=s) for s in (0.0, 25.0, 50.0, 75.0))
    lanes = read(road(sections, before=limits)).lanes
    found = [lanes[f"1:{k}:-1"].speed_limit_mps for k in range(4)]
    assert found[:3] == pytest.approx([10.0, 10.0, 30 * 0.44704])
    assert found[3] is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("onRamp", LaneKind.DRIVING), ("bus", LaneKind.DRIVING), ("walking", LaneKind.SIDEWALK),
        ("stop", LaneKind.SHOULDER), ("bidirectional", LaneKind.MEDIAN), ("curb", LaneKind.KERB),
        ("parking", LaneKind.PARKING), ("rail", LaneKind.OTHER), ("special2", LaneKind.OTHER),
    ],
)  # fmt: skip
def test_lane_types_fold_to_what_we_tell_apart(name: str, kind: LaneKind) -> None:
    road_map = read(road(section(lane(-1, kind=name))))
    assert road_map.lanes["1:0:-1"].kind is kind
    assert not any("read as other" in sentence for sentence in road_map.warnings)


def test_lanes_of_following_sections_meet_and_are_linked() -> None:
    def linked(*ends: str) -> str:
        inside = "".join(f'<{end} id="-1"/>' for end in ends)
        return lane(-1, f"<link>{inside}</link>{width(3.5)}")

    sections = section(linked("successor")) + section(linked("predecessor", "successor"), s=30.0)
    lanes = read(road(sections + section(linked("predecessor"), s=70.0))).lanes
    for k, (name, after) in enumerate(itertools.pairwise(lanes)):
        assert name == f"1:{k}:-1"
        assert lanes[name].successors == (after,)
        assert lanes[after].predecessors == (name,)
        np.testing.assert_allclose(lanes[name].centre_m[-1], lanes[after].centre_m[0])
