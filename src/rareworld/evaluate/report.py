"""`report.json` and `report.html`: the table with floors and intervals, drawn and in words.

The page is one file with everything inside. Proved in `tests/evaluate/test_report.py`.
"""

import base64
import io
from importlib import resources
from pathlib import Path

import jinja2
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rareworld.data.atomic import write_bytes
from rareworld.data.jsontext import write_json
from rareworld.evaluate.results import Evaluation, Number
from rareworld.evaluate.words import NAMES, figure, span, tell_comparison, tell_number

JSON_FILE, HTML_FILE = "report.json", "report.html"
COLUMNS = (
    "metric", "protocol", "set", "number", "interval", "floor", "at floor's N", "N", "weights",
)  # fmt: skip
"""Of the table; `weights` is last, for terminals leave it out."""
COLOURS = {"baseline": "#9a9a9a", "generated": "#2b6cb0", "floor": "#d69e2e"}


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write both files into a folder.

    Raises:
        StoreError: If they cannot be written.
    """
    write_json(folder / JSON_FILE, evaluation.document())
    write_bytes(folder / HTML_FILE, render(evaluation).encode())


def row(number: Number) -> tuple[str, ...]:
    """Return a number as cells of `COLUMNS`."""
    split = number.split
    return (
        NAMES[number.metric],
        number.protocol,
        number.which,
        figure(number.value),
        span(number.low, number.high),
        "-" if split is None else f"{figure(split.value)} ({span(split.low, split.high)})",
        "-" if split is None else f"{figure(split.number)} at {split.num_clips}",
        f"{number.n_real or '?'} / {number.n_generated or '?'}",
        number.weights,
    )


def render(evaluation: Evaluation) -> str:
    """Return the page."""
    template = resources.files("rareworld.evaluate").joinpath("templates/evaluation.html.j2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        evaluation=evaluation,
        columns=COLUMNS,
        rows=[row(number) for number in evaluation.numbers],
        sentences=[tell_number(number) for number in evaluation.numbers],
        changes=[tell_comparison(item) for item in evaluation.comparisons],
        protocols=evaluation.config.get("protocols", []),
        picture=base64.b64encode(draw_numbers(evaluation)).decode(),
    )


def draw_numbers(evaluation: Evaluation) -> bytes:
    """Return a PNG: for each protocol the numbers as bars with intervals, over the floor's band."""
    names = list(dict.fromkeys(number.protocol for number in evaluation.numbers))
    picture = Figure(figsize=(9, 0.7 + 1.5 * len(names)), layout="constrained")
    panels = picture.subplots(len(names), 1, squeeze=False)[:, 0]
    for name, axes in zip(names, panels, strict=True):
        _draw_protocol(axes, [n for n in evaluation.numbers if n.protocol == name])
    content = io.BytesIO()
    FigureCanvasAgg(picture).print_png(content)  # a canvas of its own: no global state
    return content.getvalue()


def _draw_protocol(axes: Axes, numbers: list[Number]) -> None:
    axes.set_title(f"{NAMES[numbers[0].metric]} ({numbers[0].protocol})", fontsize="medium")
    for place, number in enumerate(reversed(numbers)):
        axes.barh(place, number.value, 0.5, color=COLOURS[number.which])
        if number.low is not None and number.high is not None:
            ends = [[max(number.value - number.low, 0)], [max(number.high - number.value, 0)]]
            axes.errorbar(number.value, place, xerr=ends, color="black", capsize=4)
        if number.split is not None:
            axes.plot(number.split.number, place, "D", color="black", markersize=4)
    split = numbers[0].split
    if split is not None:
        axes.axvspan(split.low, split.high, color=COLOURS["floor"], alpha=0.35, zorder=0)
        axes.axvline(split.value, color=COLOURS["floor"])
    axes.set_yticks(range(len(numbers)), [number.which for number in reversed(numbers)])
    axes.grid(axis="x", alpha=0.3)
