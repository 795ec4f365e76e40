"""What the director asks of a stage, step by step, on a stage that only records."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.trajectory import SignalState
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.manoeuvre import FollowPath, WalkPath
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.director import (
    ALONG_M,
    ASIDE_M,
    LEAD_S,
    PACE_MPS,
    PARKED_M,
    SETTLE_S,
    Director,
)
from rareworld.simulate.scenarios.staging import CLIP_START_S, SignalOrder
from rareworld.simulate.state import BodyState
from tests.simulate.scenarios.scenario_fakes import (
    EVENT_S,
    HANDOVER_S,
    STEP_S,
    FakeStage,
    eastward,
    light,
    role_on,
    sighted,
    staging_of,
)

START_M, MPS = 150.0, 10.0
ENTRY_S = HANDOVER_S - LEAD_S


def _at(stage: FakeStage, director: Director, time_s: float) -> None:
    stage.now_s = time_s
    director.act(stage)


def _entered(start_m: float = START_M) -> tuple[FakeStage, Director, int]:
    """Return a stage on which one role has just been inserted."""
    stage, director = FakeStage(), Director(staging_of(role_on(eastward(), start_m, MPS)))
    _at(stage, director, ENTRY_S)
    return stage, director, director.ids["one"]


def test_preparing_sets_the_begin_of_the_clip_and_what_is_recorded():
    stage = FakeStage()
    Director(staging_of()).prepare(stage)
    assert stage.clip_start_s == CLIP_START_S
    assert stage.focus_m == (12.0, 3.0)


@pytest.mark.parametrize(
    ("body", "x", "y", "gone"),
    [
        ("adult", 5.0, 0.0, True),
        ("adult", 5.0, PARKED_M - 0.1, True),
        ("adult", 5.0, -PARKED_M - 0.1, False),
        ("adult", -1.9, 0.0, True),
        ("child", -2.1, 0.0, False),
        ("adult", 13.9, 1.0, True),
        ("adult", 14.1, 1.0, False),
        ("saloon", 5.0, 0.0, False),
    ],
)
def test_parked_vehicles_leave_the_walks_of_people_and_nothing_else(
    body: str, x: float, y: float, gone: bool
):
    parked = {7: BodyState.upright(0.0, np.array([x, y, 0.0]), 0.0, 0.0)}
    stage = FakeStage(parked=parked)
    Director(staging_of(role_on(eastward(12.0), 0.0, 1.0, body=body))).prepare(stage)
    assert (stage.calls == [("dismiss", 7)]) is gone


def test_a_role_enters_half_a_second_before_its_hand_over_and_once():
    stage, director = FakeStage(), Director(staging_of(role_on(eastward(), START_M, MPS)))
    for k in range(round(ENTRY_S / STEP_S)):
        _at(stage, director, round(k * STEP_S, 6))
    assert stage.calls == []
    _at(stage, director, ENTRY_S)
    _at(stage, director, ENTRY_S + STEP_S)
    assert stage.calls == [("insert", "one")]


@pytest.mark.parametrize("body", ["saloon", "box_truck", "motorcycle"])
@pytest.mark.parametrize("mps", [4.0, 14.0])
def test_it_enters_where_it_reaches_its_start_at_the_hand_over(body: str, mps: float):
    """Its middle drives for the lead less the step it stands; SUMO wants the front bumper."""
    director = Director(staging_of(role_on(eastward(), START_M, mps, body=body)))
    stage = FakeStage()
    _at(stage, director, ENTRY_S)
    x, y, asked = stage.traffic.asked[0]
    half = BLUEPRINTS[body].length_m / 2
    assert x == pytest.approx(START_M - mps * (LEAD_S - SETTLE_S) + half)
    assert (y, asked) == (pytest.approx(0.0), body)
    assert stage.places["one"].station_m == x


def test_it_is_forced_to_its_speed_as_long_as_it_is_seen_before_the_hand_over():
    stage, director, number = _entered()
    _at(stage, director, ENTRY_S + STEP_S)
    assert stage.traffic.forced == []
    stage.seen[number] = sighted(number, 145.0, 0.0, 0.0, MPS, "saloon")
    for k in range(2, 5):
        _at(stage, director, ENTRY_S + k * STEP_S)
    assert stage.traffic.forced == [(number, MPS)] * 3


def test_a_role_in_its_place_is_handed_to_its_driver_once():
    stage, director, number = _entered()
    stage.seen[number] = sighted(number, START_M, 0.0, 0.0, MPS, "saloon")
    for k in range(4):
        _at(stage, director, HANDOVER_S + k * STEP_S)
    assert stage.calls == [("insert", "one"), ("drive", "one")]
    assert isinstance(stage.drivers["one"], FollowPath)
    assert stage.traffic.forced == []
    assert director.ids == {"one": number}


@pytest.mark.parametrize(
    ("along_m", "aside_m", "more_mps", "kept"),
    [
        (0.0, 0.0, 0.0, True),
        (ALONG_M - 0.1, 0.0, 0.0, True),
        (-ALONG_M + 0.1, 0.0, 0.0, True),
        (ALONG_M + 0.1, 0.0, 0.0, False),
        (-ALONG_M - 0.1, 0.0, 0.0, False),
        (0.0, ASIDE_M - 0.05, 0.0, True),
        (0.0, ASIDE_M + 0.05, 0.0, False),
        (0.0, -ASIDE_M - 0.05, 0.0, False),
        (0.0, 0.0, PACE_MPS - 0.05, True),
        (0.0, 0.0, PACE_MPS + 0.05, False),
        (0.0, 0.0, -PACE_MPS - 0.05, False),
    ],
)
def test_who_is_met_too_far_from_place_or_pace_appears_there_instead(
    along_m: float, aside_m: float, more_mps: float, kept: bool
):
    stage, director, number = _entered()
    met = sighted(number, START_M + along_m, aside_m, 0.0, MPS + more_mps, "saloon")
    stage.seen[number] = met
    _at(stage, director, HANDOVER_S)
    told = stage.calls[1:]
    assert told == ([("drive", "one")] if kept else [("withdraw", number), ("appear", "one")])
    if not kept:
        assert director.ids["one"] != number
        np.testing.assert_allclose(stage.begun["one"].position_m, [START_M, 0.0, 0.0], atol=1e-9)
        assert stage.begun["one"].speed_mps == pytest.approx(MPS)


def test_who_found_no_room_in_traffic_appears_at_the_hand_over():
    stage, director, number = _entered()
    _at(stage, director, HANDOVER_S)
    assert stage.calls[1:] == [("withdraw", number), ("appear", "one")]


@pytest.mark.parametrize("late_s", [0.0, 0.05, 0.2])
def test_who_appears_late_does_so_farther_on(late_s: float):
    stage, director, _ = _entered()
    _at(stage, director, HANDOVER_S + late_s)
    assert float(stage.begun["one"].position_m[0]) == pytest.approx(START_M + MPS * late_s)
    assert stage.begun["one"].time_s == pytest.approx(HANDOVER_S + late_s)


def test_who_would_enter_inside_a_junction_waits_for_the_hand_over():
    stage = FakeStage(edge=":j1_0")
    director = Director(staging_of(role_on(eastward(), START_M, MPS)))
    for k in range(10):
        _at(stage, director, ENTRY_S + k * STEP_S)
    assert stage.calls == []
    _at(stage, director, HANDOVER_S)
    _at(stage, director, HANDOVER_S + STEP_S)
    assert stage.calls == [("appear", "one")]


@pytest.mark.parametrize(
    ("body", "appears", "kind"),
    [("adult", False, WalkPath), ("child", False, WalkPath), ("saloon", True, FollowPath)],
)
def test_people_and_ghost_drivers_appear_at_the_hand_over_only(
    body: str, appears: bool, kind: type[FollowPath | WalkPath]
):
    role = role_on(eastward(), 20.0, 1.5, body=body, appears=appears)
    stage, director = FakeStage(), Director(staging_of(role))
    _at(stage, director, HANDOVER_S - STEP_S)
    assert stage.calls == []
    _at(stage, director, HANDOVER_S)
    _at(stage, director, HANDOVER_S + STEP_S)
    assert stage.calls == [("appear", "one")]
    assert isinstance(stage.drivers["one"], kind)
    assert stage.traffic.asked == []


def test_an_appearing_role_heads_along_its_way():
    north = Path.through(np.array([[3.0, 0.0], [3.0, 60.0]]))
    stage, director = FakeStage(), Director(staging_of(role_on(north, 8.0, 1.2, body="adult")))
    _at(stage, director, HANDOVER_S)
    begun = stage.begun["one"]
    assert begun.yaw_rad == pytest.approx(math.pi / 2)
    np.testing.assert_allclose(begun.position_m, [3.0, 8.0, 0.0], atol=1e-9)


@pytest.mark.parametrize(("start_m", "short_m"), [(5.0, 1.8), (0.0, 6.8)])
def test_a_way_too_short_to_enter_on_is_told_in_metres(start_m: float, short_m: float):
    """The tail must stand on the way: 4.5 m of driving and half of 4.65 m of car."""
    stage, director = FakeStage(), Director(staging_of(role_on(eastward(), start_m, MPS)))
    with pytest.raises(ScenarioError) as caught:
        _at(stage, director, ENTRY_S)
    assert str(caught.value) == (
        f"test: the way of 'one' is {short_m:.1f} m too short to enter at 10.0 m/s"
    )


def test_roles_are_handed_over_in_the_order_of_the_staging():
    names = ("c", "a", "b")
    roles = [role_on(eastward(), 60.0 + 30 * k, MPS, name=n) for k, n in enumerate(names)]
    stage, director = FakeStage(), Director(staging_of(*roles))
    _at(stage, director, ENTRY_S)
    for role in roles:
        number = director.ids[role.name]
        stage.seen[number] = sighted(number, role.start_m, 0.0, 0.0, MPS, "saloon")
    _at(stage, director, HANDOVER_S)
    assert stage.calls == [("insert", n) for n in names] + [("drive", n) for n in names]


@pytest.mark.parametrize(("now_s", "held"), [(0.5, False), (1.0, True), (2.9, True), (3.0, False)])
def test_lights_are_held_from_begin_to_end_of_an_order(now_s: float, held: bool):
    order = SignalOrder(lane="b", state=SignalState.RED, from_s=1.0, to_s=3.0)
    stage = FakeStage(signals=(light("s1", "a"), light("s2", "b", "c")), wired=("s1", "s2"))
    director = Director(staging_of(signals=(order,)))
    _at(stage, director, now_s)
    expected = [("s2", SignalState.RED, pytest.approx(max(3.0 - now_s, 0.1)))]
    assert stage.board.held == (expected if held else [])


def test_the_first_light_that_is_wired_is_the_one_held():
    order = SignalOrder(lane="b", state=SignalState.GREEN, from_s=0.0, to_s=9.0)
    stage = FakeStage(signals=(light("off", "b"), light("on", "b")), wired=("on",))
    _at(stage, Director(staging_of(signals=(order,))), 1.0)
    assert [name for name, _, _ in stage.board.held] == ["on"]


@pytest.mark.parametrize("wired", [(), ("s9",)])
def test_an_order_without_a_wired_light_is_refused_by_lane(wired: tuple[str, ...]):
    order = SignalOrder(lane="b", state=SignalState.GREEN, from_s=0.0, to_s=9.0)
    stage = FakeStage(signals=(light("s2", "b"), light("s9", "a")), wired=wired)
    with pytest.raises(ScenarioError, match="no traffic light for lane 'b'"):
        _at(stage, Director(staging_of(signals=(order,))), 1.0)


@pytest.mark.parametrize(
    ("now_s", "gone"),
    [(0.0, True), (CLIP_START_S - STEP_S, True), (CLIP_START_S, False), (EVENT_S, False)],
)
def test_traffic_is_cleared_before_the_clip_and_never_in_it(now_s: float, gone: bool):
    stage, director = FakeStage(), Director(staging_of(role_on(eastward(), START_M, MPS)))
    stage.seen = {
        3: sighted(3, START_M + 20.0, 0.5, 0.0, 5.0, "van"),
        4: sighted(4, START_M + 20.0, 60.0, 0.0, 5.0, "van"),
    }
    director._handed.add("one")
    director.ids["one"] = 99
    _at(stage, director, now_s)
    assert [call for call in stage.calls if call[0] == "dismiss"] == [("dismiss", 3)] * gone


def test_the_roles_themselves_are_not_cleared():
    stage, director, number = _entered()
    stage.seen[number] = sighted(number, 145.0, 0.0, 0.0, MPS, "saloon")
    _at(stage, director, ENTRY_S + STEP_S)
    assert stage.calls == [("insert", "one")]


def test_provenance_is_in_clip_seconds():
    told = Director(staging_of()).provenance()
    assert told == {
        "scenario": "test", "outcome": "safe", "drawn": {},
        "event_s": EVENT_S - CLIP_START_S, "handover_s": HANDOVER_S - CLIP_START_S,
    }  # fmt: skip
