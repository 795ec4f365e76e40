"""Responses as a picture: a panel for each way to spoil, a line for each metric.

Proved in `tests/evaluate/response/test_measure.py`.
"""

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rareworld.evaluate.response.measure import Answer

COLOURS = ("#2b6cb0", "#2f855a", "#c05621", "#6b46c1", "#b83280")
COLUMNS = 4


def draw_responses(answers: Sequence[Answer], title: str) -> bytes:
    """Return a PNG of numbers over those of the unspoilt clips, on one logarithmic scale."""
    kinds = list(dict.fromkeys(answer.kind for answer in answers))
    rows = -(-len(kinds) // COLUMNS)
    picture = Figure(figsize=(3.0 * COLUMNS, 2.7 * rows + 0.7), layout="constrained")
    picture.suptitle(title, fontsize="medium")
    panels = picture.subplots(rows, COLUMNS, squeeze=False, sharey=True).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        _draw_kind(axes, [answer for answer in answers if answer.kind == kind])
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    panels[0].legend(fontsize="small")
    content = io.BytesIO()
    FigureCanvasAgg(picture).print_png(content)  # a canvas of its own: no global state
    return content.getvalue()


def _draw_kind(axes: Axes, answers: Sequence[Answer]) -> None:
    protocols = dict.fromkeys(answer.protocol for answer in answers)
    for protocol, colour in zip(protocols, COLOURS, strict=False):
        own = [answer for answer in answers if answer.protocol == protocol]
        amounts, values = [a.amount for a in own], [a.response for a in own]
        axes.plot(amounts, values, "o-", color=colour, label=protocol)
    axes.axhline(1.0, color="#9a9a9a", linewidth=1)
    axes.set(title=answers[0].kind, xlabel=answers[0].unit, yscale="log")
    axes.grid(visible=True, which="both", alpha=0.25)
