"""Bars, curves and the story's part of a page: places in the drawing, words, escaping, players."""

import re
from typing import Any

import pytest

from rareworld.draw.report import Page, render_page
from rareworld.draw.report_story import (
    BAR_WIDTH,
    CURVE_HEIGHT,
    CURVE_WIDTH,
    FIGURE_WIDTH,
    Bar,
    Curve,
    Film,
    Metric,
    Row,
    Story,
    bars_svg,
    curves_svg,
    figure,
)


def _metric(*bars: Bar, floor: Bar | None = None) -> Metric:
    return Metric(name="FVD <i3d>", about="a", better="lower is better", bars=bars, floor=floor)


def _rects(svg: str) -> list[tuple[float, float]]:
    """Return left and width of every bar."""
    found = re.findall(r'<rect x="([-\d.]+)" y="[-\d.]+" width="([-\d.]+)"', svg)
    return [(float(x), float(width)) for x, width in found]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1234.5, "1234"), (57.312, "57.3"), (0.01234, "0.0123"), (-3.2, "-3.20"),
        (float("nan"), "-"), (float("inf"), "-"), (1e-9, "0.000000"), (9.999, "10.00"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(value: float, text: str) -> None:
    assert figure(value) == text


def test_bars_are_as_long_as_their_numbers_say() -> None:
    svg = bars_svg(_metric(Bar(label="a", value=50.0), Bar(label="b", value=100.0)))
    (_, short), (_, long) = _rects(svg)
    assert long == pytest.approx(BAR_WIDTH - FIGURE_WIDTH)
    assert short == pytest.approx(long / 2)


def test_bars_of_negative_numbers_grow_to_the_left() -> None:
    svg = bars_svg(_metric(Bar(label="a", value=-1.0), Bar(label="b", value=1.0)))
    (left, width), (zero, other) = _rects(svg)
    assert left + width == pytest.approx(zero, abs=0.1)
    assert width == pytest.approx(other, abs=0.1)


def test_whiskers_stand_at_the_ends_of_the_interval() -> None:
    svg = bars_svg(_metric(Bar(label="a", value=50.0, low=25.0, high=100.0)))
    (low, high) = re.search(r'whisker" d="M([\d.]+) [\d.]+H([\d.]+)', svg).groups()  # pyright: ignore[reportOptionalMemberAccess]
    reach = BAR_WIDTH - FIGURE_WIDTH
    assert (float(low), float(high)) == (pytest.approx(reach / 4), pytest.approx(reach))
    assert "whisker" not in bars_svg(_metric(Bar(label="a", value=1.0)))


@pytest.mark.parametrize(("value", "side"), [(10.0, "start"), (90.0, "end")])
def test_the_floors_words_stay_inside(value: float, side: str) -> None:
    floor = Bar(label="real halves", value=value)
    svg = bars_svg(_metric(Bar(label="a", value=100.0), floor=floor))
    assert f'class="soft {side}">real halves {value:.1f}' in svg
    x = float(re.search(r'class="floor" d="M([\d.]+)', svg)[1])  # pyright: ignore[reportOptionalSubscript]
    assert x == pytest.approx((BAR_WIDTH - FIGURE_WIDTH) * value / 100, abs=0.1)


def test_equal_zeros_have_bars_of_a_pixel() -> None:
    svg = bars_svg(_metric(Bar(label="a", value=0.0)))
    assert _rects(svg) == [(0.0, 1.0)]


def test_names_in_drawings_are_text() -> None:
    svg = bars_svg(_metric(Bar(label="<b>", value=1.0)))
    assert "<b>" not in svg
    assert 'aria-label="FVD &lt;i3d&gt;"' in svg


def test_curves_stay_inside_and_fall_when_the_loss_does() -> None:
    curve = Curve(label="loss", steps=(0, 50, 100), values=(2.0, 1.5, 1.0), tone="mean")
    points = re.search(r'points="([^"]+)"', curves_svg([curve]))[1].split()  # pyright: ignore[reportOptionalSubscript]
    places = [tuple(map(float, point.split(","))) for point in points]
    assert all(0 < x < CURVE_WIDTH and 0 < y < CURVE_HEIGHT for x, y in places)
    assert [y for _, y in places] == sorted(y for _, y in places)
    assert [x for x, _ in places] == sorted(x for x, _ in places)


@pytest.mark.parametrize("values", [(1.0,), (1.0, 1.0), (0.0, 0.0), (1e-6, 2e-6)])
def test_flat_and_tiny_losses_are_drawn(values: tuple[float, ...]) -> None:
    curve = Curve(label="l", steps=tuple(range(len(values))), values=values, dots=True)
    svg = curves_svg([curve])
    assert svg.count("<circle") == len(values)
    assert "nan" not in svg


def test_nothing_to_draw_is_nothing() -> None:
    assert curves_svg([]) == ""
    assert curves_svg([Curve(label="l", steps=(), values=())]) == ""


def _story(**changes: Any) -> Story:
    films = (Film(label="before", mp4=b"1", tone="before"), Film(label="after", mp4=b"2"))
    rows = tuple(
        Row(name=f"clip{n}", prompt="a <crash>", first_png=b"p", films=films) for n in range(3)
    )
    values: dict[str, Any] = {
        "title": "Before and after", "lead": "l", "legend": "g", "rows": rows, "shown": 2,
        "metrics": (_metric(Bar(label="a", value=1.0)),), "limits": ("few clips",),
        "tables": (("Checks", [["check", "before"], ["still", "1"]]),),
        "curves": (Curve(label="loss", steps=(0, 1), values=(2.0, 1.0)),),
    }  # fmt: skip
    return Story(**(values | changes))


def test_a_page_plays_each_row_together_and_folds_the_rest() -> None:
    text = render_page(Page(title="t", lead="l", story=_story()))
    assert text.count("<video") == 6
    assert text.count("data-together style") == 3
    assert "The other 1 held-out clips" in text
    assert "a &lt;crash&gt;" in text
    assert "few clips" in text
    assert "--films: 3" in text


def test_a_page_stands_alone() -> None:
    text = render_page(Page(title="t", lead="l", story=_story()))
    links = re.findall(r'(?:src|href)="([^"]{1,12})', text)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "<script>" in text


def test_left_out_metrics_are_loud() -> None:
    text = render_page(Page(title="t", lead="l", story=_story(left_out=(("FVD", "fetch i3d"),))))
    assert "FVD was not computed" in text
    assert "fetch i3d" in text


def test_parts_that_are_not_there_leave_no_headings() -> None:
    bare = _story(metrics=(), limits=(), tables=(), curves=(), shown=3)
    text = render_page(Page(title="t", lead="l", story=bare))
    for words in ("can and cannot show", "Loss during", "The other", "What ran"):
        assert words not in text
    assert "<h2" not in render_page(Page(title="t", lead="l"))
