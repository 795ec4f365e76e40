"""Lights and signs on one straight road: kind, place, facing, value and who must obey."""

import numpy as np
import pytest

from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.errors import MapError
from tests.data.formats.opendrive.xodr_samples import lane, read, road, section

BOTH = section(lane(2), lane(1), lane(-1), lane(-2))


def post(
    kind: str = "206", *, name: str = "7", s: float = 60.0, t: float = -8.0, more: str = "",
    inside: str = "",
) -> str:  # fmt: skip
    """A `signal`."""
    return f'<signal id="{name}" type="{kind}" s="{s!r}" t="{t!r}" {more}>{inside}</signal>'


def with_signals(*texts: str, rest: str = "", rule: str = "RHT") -> RoadMap:
    """A straight road of two lanes each way with signals."""
    signals = f"<signals>{''.join(texts)}</signals>"
    return read(road(BOTH, after=signals, more=f'rule="{rule}"'), rest)


def one(text: str, **more: str) -> Signal:
    """The only signal of a map."""
    (found,) = with_signals(text, **more).signals
    return found


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("1000001", "", SignalKind.TRAFFIC_LIGHT),
        ("1000002", 'dynamic="yes"', SignalKind.PEDESTRIAN_LIGHT),
        ("205", "", SignalKind.YIELD),
        ("206", "", SignalKind.STOP),
        ("274", "", SignalKind.SPEED_LIMIT),
        ("274-50", "", SignalKind.SPEED_LIMIT),
        ("274.1", "", SignalKind.SPEED_LIMIT),
        ("R1-1", "", SignalKind.STOP),
        ("R1-2", "", SignalKind.YIELD),
        ("R2-1", "", SignalKind.SPEED_LIMIT),
        ("9999", "", SignalKind.OTHER),
        ("9999", 'dynamic="yes"', SignalKind.TRAFFIC_LIGHT),
    ],
)
def test_kinds(kind: str, more: str, expected: SignalKind) -> None:
    assert one(post(kind, more=more)).kind is expected


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "static signals of type '9999' are kept as other"),
        ('dynamic="yes"', "dynamic signals of type '9999' are read as traffic lights"),
    ],
)
def test_unknown_numbers_are_said(more: str, said: str) -> None:
    assert any(said in sentence for sentence in with_signals(post("9999", more=more)).warnings)


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ('value="50"', "50"),
        ('value="27.5"', "27.5"),
        ('value="-1" subtype="30"', "30"),
        ('value="-1" subtype="-1"', ""),
        ('text="no entry" value="9"', "no entry"),
        ("", ""),
    ],
)
def test_value_of_a_speed_sign(more: str, value: str) -> None:
    assert one(post("274", more=more)).value == value


def test_subtype_is_no_value_of_other_signs() -> None:
    assert one(post("206", more='subtype="30"')).value == ""
    assert one(post("1000001", more='value="3"')).value == ""


@pytest.mark.parametrize(
    ("kind", "more", "height_m"),
    [
        ("206", 'zOffset="2.0" height="0.8"', 2.4),
        ("206", 'zOffset="-0.5" height="0.8"', 2.2),
        ("206", "", 2.2),
        ("1000001", "", 3.0),
        ("1000001", 'zOffset="5" height="1"', 5.5),
    ],
)
def test_height_of_the_housing_is_stated_or_usual(kind: str, more: str, height_m: float) -> None:
    assert one(post(kind, more=more)).height_m == pytest.approx(height_m)


def test_post_stands_on_the_road_surface() -> None:
    assert one(post(s=25.0, t=4.5)).position_m == pytest.approx((25.0, 4.5, 0.0))


VALID = '<validity fromLane="{}" toLane="{}"/>'


@pytest.mark.parametrize(
    ("more", "inside", "lanes"),
    [
        ('orientation="+"', "", {-1, -2}),
        ('orientation="-"', "", {1, 2}),
        ('orientation="none"', "", {1, 2, -1, -2}),
        ('orientation="+"', VALID.format(-2, -2), {-2}),
        ('orientation="+"', VALID.format(-1, -2), {-1, -2}),
        ('orientation="+"', VALID.format(1, -1), {1, -1}),
        ('orientation="+"', VALID.format(2, 2) + VALID.format(-2, -2), {2, -2}),
        ('orientation="+"', VALID.format(5, 6), set()),
    ],
)
def test_who_must_obey(more: str, inside: str, lanes: set[int]) -> None:
    found = one(post(more=more, inside=inside))
    assert set(found.lanes) == {f"1:0:{number}" for number in lanes}


def test_orientation_looks_at_the_traffic_of_the_rule() -> None:
    assert set(one(post(more='orientation="+"'), rule="LHT").lanes) == {"1:0:1", "1:0:2"}


def test_only_vehicle_lanes_obey() -> None:
    lanes = section(lane(-1), lane(-2, kind="biking"), lane(-3, kind="sidewalk"))
    sign = post(more='orientation="+"')
    (found,) = read(road(lanes, after=f"<signals>{sign}</signals>")).signals
    assert set(found.lanes) == {"1:0:-1", "1:0:-2"}


@pytest.mark.parametrize("offset", [0.0, np.pi])
@pytest.mark.parametrize(("orientation", "yaw"), [("+", np.pi), ("-", 0.0)])
def test_face_is_turned_to_the_traffic_that_obeys(
    offset: float, orientation: str, yaw: float
) -> None:
    found = one(post(more=f'orientation="{orientation}" hOffset="{offset!r}"'))
    assert np.cos(found.yaw_rad - yaw) == pytest.approx(1.0)


@pytest.mark.parametrize(("orientation", "yaw"), [("+", np.pi), ("-", 0.0)])
def test_face_of_a_sign_for_nobody_is_as_the_map_says(orientation: str, yaw: float) -> None:
    found = one(post(more=f'orientation="{orientation}"', inside=VALID.format(7, 7)))
    assert np.cos(found.yaw_rad - yaw) == pytest.approx(1.0)
    assert found.stop_line_m is None


@pytest.mark.parametrize(("kind", "stops"), [("206", True), ("205", True), ("274", False)])
def test_stop_line_is_across_the_lanes_beside_the_sign(kind: str, *, stops: bool) -> None:
    found = one(post(kind, more='orientation="+"'))
    if not stops:
        assert found.stop_line_m is None
        return
    assert found.stop_line_m is not None
    np.testing.assert_allclose(found.stop_line_m, [[60, 0, 0], [60, -7, 0]], atol=1e-9)


def test_stop_line_runs_from_left_to_right_of_the_driver_both_ways() -> None:
    found = one(post(more='orientation="-"'))
    assert found.stop_line_m is not None
    np.testing.assert_allclose(found.stop_line_m, [[60, 0, 0], [60, 7, 0]], atol=1e-9)


def test_reference_adds_lanes_of_another_place() -> None:
    signals = post(more='orientation="+"', inside=VALID.format(-1, -1))
    reference = f'<signalReference id="7" s="5" t="0">{VALID.format(2, 2)}</signalReference>'
    (found,) = with_signals(signals, reference).signals
    assert set(found.lanes) == {"1:0:-1", "1:0:2"}


def test_reference_to_nothing_names_the_place() -> None:
    with pytest.raises(MapError, match=r"road 1, line \d+: <signalReference> names signal 8"):
        with_signals('<signalReference id="8" s="5" t="0"/>')


def test_controller_of_a_signal_and_of_a_missing_one() -> None:
    controls = '<control signalId="7"/><control signalId="70"/>'
    found = with_signals(post(), rest=f'<controller id="c1">{controls}</controller>')
    assert found.signals[0].controller == "c1"
    assert any("controller names a signal that does not exist" in s for s in found.warnings)


def test_first_controller_wins() -> None:
    rest = "".join(
        f'<controller id="{name}"><control signalId="7"/></controller>' for name in ("a", "b")
    )
    assert with_signals(post(), rest=rest).signals[0].controller == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (post().replace(' s="60.0"', ""), "signal 7, line 1: <signal> needs the attribute 's'"),
        (post().replace('s="60.0"', 's="inf"'), "s must be a finite number, found 'inf'"),
        (post().replace(' t="-8.0"', ""), "signal 7, line 1: <signal> needs the attribute 't'"),
        (post(inside='<validity fromLane="a" toLane="1"/>'), "fromLane must be a whole number"),
        (post(inside='<validity fromLane="1"/>'), "needs the attribute 'toLane'"),
        (post(more='value="fast"'), "value must be a finite number, found 'fast'"),
        (post(inside='<positionInertial x="1"/>'), "<positionInertial> needs the attribute 'y'"),
    ],
)
def test_broken_signals_name_the_place(text: str, said: str) -> None:
    with pytest.raises(MapError) as error:
        with_signals(text)
    assert said in str(error.value)
    assert "road 1" in str(error.value)
