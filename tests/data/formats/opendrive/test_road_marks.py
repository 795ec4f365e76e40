"""Painted lines, bays and crosswalks: pattern, colour, place and extent."""

import numpy as np
import pytest

from rareworld.core.road import MarkColour, Marking, MarkKind, RoadMap
from tests.data.formats.opendrive.xodr_samples import lane, read, road, section, width


def marked(*marks: str, number: int = -1) -> RoadMap:
    """A straight road whose one lane carries the marks on its outer border."""
    return read(road(section(lane(number, width(3.5) + "".join(marks)))))


def mark(kind: str = "solid", *, s: float = 0.0, more: str = "", inside: str = "") -> str:
    """A `roadMark`."""
    return f'<roadMark sOffset="{s!r}" type="{kind}" {more}>{inside}</roadMark>'


@pytest.mark.parametrize(
    ("kind", "right", "left"),
    [
        ("solid", MarkKind.SOLID, MarkKind.SOLID),
        ("broken", MarkKind.BROKEN, MarkKind.BROKEN),
        ("botts dots", MarkKind.BROKEN, MarkKind.BROKEN),
        ("solid solid", MarkKind.SOLID_SOLID, MarkKind.SOLID_SOLID),
        ("broken broken", MarkKind.BROKEN_BROKEN, MarkKind.BROKEN_BROKEN),
        ("solid broken", MarkKind.SOLID_BROKEN, MarkKind.BROKEN_SOLID),
        ("broken solid", MarkKind.BROKEN_SOLID, MarkKind.SOLID_BROKEN),
    ],
)
def test_patterns_on_both_sides_of_the_reference_line(
    kind: str, right: MarkKind, left: MarkKind
) -> None:
    for number, expected in ((-1, right), (1, left)):
        (found,) = marked(mark(kind), number=number).markings
        assert found.kind is expected
        np.testing.assert_allclose(found.points_m[:, 1], 3.5 * number)


@pytest.mark.parametrize("kind", ["none", "curb", "grass", "edge"])
def test_borders_without_paint_are_silent(kind: str) -> None:
    found = marked(mark(kind))
    assert found.markings == ()
    assert found.warnings == ()


def test_unknown_pattern_is_left_out_and_said() -> None:
    found = marked(mark("zigzag"), mark("zigzag", s=50.0))
    assert found.markings == ()
    assert any("type 'zigzag' is not drawn (2 times" in sentence for sentence in found.warnings)


@pytest.mark.parametrize(
    ("stated", "colour", "said"),
    [
        ("", MarkColour.WHITE, False),
        ('color="standard"', MarkColour.WHITE, False),
        ('color="yellow"', MarkColour.YELLOW, False),
        ('color="orange"', MarkColour.YELLOW, False),
        ('color="violet"', MarkColour.WHITE, True),
    ],
)
def test_colours(stated: str, colour: MarkColour, *, said: bool) -> None:
    found = marked(mark(more=stated))
    assert found.markings[0].colour is colour
    assert any("'violet' is drawn white" in sentence for sentence in found.warnings) == said


@pytest.mark.parametrize(
    ("stated", "width_m"),
    [
        ("", 0.12),
        ('weight="bold"', 0.25),
        ('weight="standard"', 0.12),
        ('weight="bold" width="0.2"', 0.2),
        ('width="0"', 0.12),
        ('width="-1" weight="bold"', 0.25),
    ],
)
def test_widths(stated: str, width_m: float) -> None:
    assert marked(mark(more=stated)).markings[0].width_m == width_m


@pytest.mark.parametrize(
    ("line", "dashes"),
    [
        ("", (Marking.dash_m, Marking.gap_m)),
        ('<line length="1.5" space="2.5" tOffset="0"/>', (1.5, 2.5)),
        ('<line length="4" space="0" tOffset="0"/>', (4.0, Marking.gap_m)),
    ],
)
def test_dashes_are_those_of_the_map_or_usual_ones(line: str, dashes: tuple[float, float]) -> None:
    (found,) = marked(mark("broken", inside=f'<type name="x">{line}</type>')).markings
    assert (found.dash_m, found.gap_m) == dashes


def test_each_mark_ends_where_the_next_begins() -> None:
    found = marked(mark("solid"), mark("broken", s=30.0), mark("none", s=60.0), mark(s=90.0))
    extents = [(m.kind, *m.points_m[[0, -1], 0].tolist()) for m in found.markings]
    assert extents == [
        (MarkKind.SOLID, 0.0, 30.0),
        (MarkKind.BROKEN, 30.0, 60.0),
        (MarkKind.SOLID, 90.0, 100.0),
    ]


def test_marks_beyond_the_section_or_without_length_are_not_painted() -> None:
    found = marked(mark("broken"), mark("solid", s=40.0), mark("broken", s=40.01), mark(s=200.0))
    assert [m.kind for m in found.markings] == [MarkKind.BROKEN, MarkKind.BROKEN]
    np.testing.assert_allclose(found.markings[1].points_m[-1, 0], 100.0)


def test_centre_line_paint_lies_on_the_reference_line() -> None:
    text = road(section(lane(0, mark("solid solid"), kind="none"), lane(-1), lane(1)))
    (found,) = read(text).markings
    np.testing.assert_allclose(found.points_m[:, 1:], 0.0, atol=1e-12)


# objects


def with_object(text: str) -> RoadMap:
    """A straight road with an object."""
    return read(road(section(lane(-1), lane(1)), after=f"<objects>{text}</objects>"))


def thing(
    kind: str = "none", name: str = "", *, s: float = 50.0, t: float = 0.0, more: str = "",
    inside: str = "",
) -> str:  # fmt: skip
    """An `object`."""
    where = f's="{s!r}" t="{t!r}"'
    return f'<object id="9" type="{kind}" name="{name}" {where} {more}>{inside}</object>'


def outline(tag: str, rows: list[dict[str, float]]) -> str:
    """An `outline` of corners."""
    corners = "".join(
        f"<{tag} " + " ".join(f'{key}="{value!r}"' for key, value in row.items()) + "/>"
        for row in rows
    )
    return f"<outline>{corners}</outline>"


SQUARE = [(-2.0, -3.0), (2.0, -3.0), (2.0, 3.0), (-2.0, 3.0)]


@pytest.mark.parametrize("wrapped", [True, False])
def test_crosswalk_by_local_corners_is_turned_with_the_object(*, wrapped: bool) -> None:
    corners = outline("cornerLocal", [{"u": u, "v": v, "z": 0.0} for u, v in SQUARE])
    corners = f"<outlines>{corners}</outlines>" if wrapped else corners
    found = with_object(thing("crosswalk", more='hdg="0.5" zOffset="0.25"', inside=corners))
    (crosswalk,) = found.crosswalks
    cos, sin = np.cos(0.5), np.sin(0.5)
    expected = np.array(SQUARE) @ np.array([[cos, sin], [-sin, cos]]) + [50.0, 0.0]
    gaps = np.linalg.norm(crosswalk.outline_m[:, None, :2] - expected, axis=-1)
    assert gaps.min(axis=0).max() < 1e-12
    np.testing.assert_allclose(crosswalk.outline_m[:, 2], 0.25)


def test_crosswalk_by_road_corners_follows_the_road() -> None:
    rows = [{"s": 50 + u, "t": v, "dz": 0.1} for u, v in SQUARE]
    (crosswalk,) = with_object(thing("crosswalk", inside=outline("cornerRoad", rows))).crosswalks
    assert sorted(map(tuple, crosswalk.outline_m.tolist())) == sorted(
        (50 + u, v, 0.1) for u, v in SQUARE
    )


def test_crosswalk_without_outline_is_its_rectangle() -> None:
    (crosswalk,) = with_object(thing("crosswalk", more='length="4" width="6"')).crosswalks
    assert np.ptp(crosswalk.outline_m[:, :2], axis=0).tolist() == [4.0, 6.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (thing("crosswalk"), "objects of type 'crosswalk' are not used"),
        (
            thing(
                "crosswalk",
                inside=outline("cornerLocal", [{"u": float(k), "v": 0.0} for k in range(4)]),
            ),
            "a crosswalk without area is not used",
        ),
        (thing("building", more='length="4" width="6"'), "objects of type 'building' are not used"),
        (thing("-1", "StopLine1"), "objects of type '-1' are not used"),
    ],
)
def test_objects_we_cannot_use_are_said(text: str, said: str) -> None:
    found = with_object(text)
    assert found.crosswalks == found.markings == ()
    assert any(said in sentence and "object 9" in sentence for sentence in found.warnings)


def test_crosswalk_is_known_by_its_name_too() -> None:
    name = "LadderCrosswalk_3"
    assert len(with_object(thing("-1", name, more='length="4" width="6"')).crosswalks) == 1


@pytest.mark.parametrize(
    ("name", "kind", "colour", "width_m"),
    [
        ("StopLine_4", MarkKind.STOP_LINE, MarkColour.WHITE, 0.4),
        ("YieldLine", MarkKind.GIVE_WAY_LINE, MarkColour.WHITE, 0.12),
        ("SolidSingleYellow12", MarkKind.SOLID, MarkColour.YELLOW, 0.12),
        ("DashedShortSingleWhite", MarkKind.BROKEN, MarkColour.WHITE, 0.12),
        ("DashedSingleYellow", MarkKind.BROKEN, MarkColour.YELLOW, 0.12),
    ],
)
def test_paint_is_known_by_roadrunners_names(
    name: str, kind: MarkKind, colour: MarkColour, width_m: float
) -> None:
    line = outline("cornerLocal", [{"u": 0.0, "v": -1.0}, {"u": 0.0, "v": 1.0}])
    (found,) = with_object(thing("-1", name, inside=line)).markings
    assert (found.kind, found.colour, found.width_m) == (kind, colour, width_m)
    np.testing.assert_allclose(found.points_m, [[50, -1, 0], [50, 1, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("side", "ends"),
    [
        ("left", [(52.5, 7.0), (47.5, 7.0)]),
        ("rear", [(47.5, 7.0), (47.5, 5.0)]),
        ("right", [(47.5, 5.0), (52.5, 5.0)]),
        ("front", [(52.5, 5.0), (52.5, 7.0)]),
    ],
)
def test_sides_of_a_parking_bay(side: str, ends: list[tuple[float, float]]) -> None:
    paint = f'<parkingSpace><marking side="{side}" type="solid" width="0.1"/></parkingSpace>'
    bay = thing("parkingSpace", t=6.0, more='length="5" width="2"', inside=paint)
    (found,) = with_object(bay).markings
    np.testing.assert_allclose(found.points_m[:, :2], ends)


@pytest.mark.parametrize("stated", ['side="left" type="none"', 'side="above" type="solid"'])
def test_bay_sides_without_paint(stated: str) -> None:
    paint = f"<parkingSpace><marking {stated}/></parkingSpace>"
    bay = thing("parkingSpace", more='length="5" width="2"', inside=paint)
    assert with_object(bay).markings == ()
