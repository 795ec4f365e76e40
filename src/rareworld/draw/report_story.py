"""What a page shows of post-training: loss curve, videos side by side, numbers as bars.

Plain records that `recipes` fills; the drawing of bars and curves is SVG with the page's own
colours, so that it follows light and dark. Proved in `tests/draw/test_report_story.py`.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

CURVE_WIDTH, CURVE_HEIGHT, MARGIN = 500, 230, 44
BAR_WIDTH, BAR_STEP, FIGURE_WIDTH = 400, 42, 60
TICKS = 5


@final
@dataclass(frozen=True, kw_only=True)
class Film:
    """One video of a row."""

    label: str
    mp4: bytes
    tone: str = ""
    """CSS class of the label: `real`, `before`, `after`, `control`."""


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """Videos of one held-out clip, played together."""

    name: str
    prompt: str
    first_png: bytes
    """The frame that all generated videos start from."""
    films: tuple[Film, ...]


@final
@dataclass(frozen=True, kw_only=True)
class Bar:
    """A number with its interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of all sets."""

    name: str
    about: str
    """What it measures, and by which protocol, in a sentence."""
    better: str
    """`lower is better`, or another direction in words."""
    bars: tuple[Bar, ...]
    floor: Bar | None = None
    """What two halves of the real clips score."""
    verdict: str = ""
    """What changed, in a sentence."""


@final
@dataclass(frozen=True, kw_only=True)
class Curve:
    """A series of the loss."""

    label: str
    steps: tuple[float, ...]
    values: tuple[float, ...]
    tone: str = ""
    dots: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Story:
    """Post-training shown: what was made, what it scored, and what that can show."""

    title: str
    lead: str
    legend: str
    """What stands in a row of videos, from left to right."""
    rows: tuple[Row, ...]
    shown: int
    """Rows that are open; the others fold out."""
    metrics: tuple[Metric, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    """Metrics that were not computed, and why."""
    limits: tuple[str, ...] = ()
    """What so many clips can and cannot show, a paragraph each."""
    notes: tuple[str, ...] = ()
    """What was noted while measuring; folded away."""
    tables: tuple[tuple[str, Sequence[Sequence[str]]], ...] = ()
    """Title and rows; the first row is the head."""
    curves: tuple[Curve, ...] = ()
    curve_caption: str = ""


def curves_svg(curves: Sequence[Curve]) -> str:
    """Return loss against steps as SVG; an empty text where there is nothing to draw."""
    points = [(x, y) for curve in curves for x, y in zip(curve.steps, curve.values, strict=True)]
    if not points:
        return ""
    frame = _Frame.around(points)
    parts = [frame.grid()]
    for place, curve in enumerate(curves):
        parts.append(frame.line(curve))
        x = MARGIN + 4 + 120 * place
        parts.append(f'<rect x="{x}" y="6" width="14" height="4" class="fill {curve.tone}"/>')
        parts.append(f'<text x="{x + 20}" y="13">{html.escape(curve.label)}</text>')
    return _svg(CURVE_WIDTH, CURVE_HEIGHT, parts, "Loss during post-training")


@final
@dataclass(frozen=True)
class _Frame:
    """Axes of the curve."""

    right: float
    low: float
    high: float

    @classmethod
    def around(cls, points: Sequence[tuple[float, float]]) -> "_Frame":
        values = [y for _, y in points]
        low, high = min(values), max(values)
        room = 0.08 * (high - low or abs(high) or 1.0)
        return cls(max(max(x for x, _ in points), 1.0), low - room, high + room)

    def x(self, step: float) -> float:
        return MARGIN + (CURVE_WIDTH - MARGIN - 12) * step / self.right

    def y(self, value: float) -> float:
        top, bottom = 24, CURVE_HEIGHT - 30
        return bottom - (bottom - top) * (value - self.low) / (self.high - self.low)

    def grid(self) -> str:
        parts: list[str] = []
        for value in _ticks(self.low, self.high):
            y = self.y(value)
            parts.append(f'<path class="grid" d="M{MARGIN} {y:.1f}H{CURVE_WIDTH - 12}"/>')
            parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" class="end">{value:.3g}</text>')
        for step in _ticks(0, self.right):
            x = self.x(step)
            parts.append(f'<text x="{x:.1f}" y="{CURVE_HEIGHT - 10}" class="mid">{step:g}</text>')
        return "".join(parts)

    def line(self, curve: Curve) -> str:
        points = [
            (self.x(step), self.y(value))
            for step, value in zip(curve.steps, curve.values, strict=True)
        ]
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn = f'<polyline class="line {curve.tone}" points="{text}"/>'
        if curve.dots:
            drawn += "".join(
                f'<circle class="fill {curve.tone}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
                for x, y in points
            )
        return drawn


def bars_svg(metric: Metric) -> str:
    """Return a metric's bars with their intervals, and its floor as a line, as SVG."""
    floor = metric.floor
    ends = [end for bar in metric.bars for end in (bar.value, bar.high, bar.low) if end is not None]
    ends += [] if floor is None else [floor.value]
    low, high = min(0.0, *ends), max(0.0, *ends)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return (BAR_WIDTH - FIGURE_WIDTH) * (value - low) / span

    parts = [_bar(bar, BAR_STEP * row, place) for row, bar in enumerate(metric.bars)]
    height = BAR_STEP * len(metric.bars) + 4
    if floor is not None:
        parts.append(_floor(floor, place(floor.value), height))
        height += 20
    return _svg(BAR_WIDTH, height, parts, metric.name)


def _floor(floor: Bar, x: float, height: float) -> str:
    """Return a dashed line with its words on the side that has room for them."""
    late = x > BAR_WIDTH / 2
    words = f"{html.escape(floor.label)} {figure(floor.value)}"
    at = x + 4 if late else x - 4
    at = min(max(at, 0), BAR_WIDTH)
    side = "end" if late else "start"
    return (
        f'<path class="floor" d="M{x:.1f} 14V{height}"/>'
        f'<text x="{at:.1f}" y="{height + 14}" class="soft {side}">{words}</text>'
    )


def _bar(bar: Bar, top: float, place: Callable[[float], float]) -> str:
    """Return a bar under its name, with its interval and its number at the end."""
    left, right = sorted((place(0.0), place(bar.value)))
    middle, end = top + 26, right
    parts = [
        f'<text x="0" y="{top + 13}">{html.escape(bar.label)}</text>',
        f'<rect x="{left:.1f}" y="{top + 18}" width="{max(right - left, 1):.1f}" height="16" '
        f'rx="2" class="fill {bar.tone}"/>',
    ]
    if bar.low is not None and bar.high is not None:
        low, high = place(bar.low), place(bar.high)
        end = max(end, high)
        line = (
            f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10"
        )
        parts.append(f'<path class="halo" d="{line}"/><path class="whisker" d="{line}"/>')
    parts.append(f'<text x="{end + 7:.1f}" y="{middle + 4.5}">{figure(bar.value)}</text>')
    return "".join(parts)


def figure(value: float) -> str:
    """Return a number as people write it: three digits, none of them in exponents.

    >>> figure(1234.5), figure(0.01234), figure(57.312)
    ('1234', '0.0123', '57.3')
    """
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 6)}f}"


def _ticks(low: float, high: float) -> list[float]:
    """Return round values inside a range."""
    rough = (high - low) / TICKS
    scale = 10 ** math.floor(math.log10(rough))
    step = next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= rough)
    first = math.ceil(low / step)
    last = math.floor(high / step)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _svg(width: float, height: float, parts: Sequence[str], name: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(name)}">'
        f"{''.join(parts)}</svg>"
    )
