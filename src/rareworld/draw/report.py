"""One self-contained HTML page: pictures, players, timelines and figures; no script from outside.

Everything is inlined (base64), so the file can be mailed or opened from a disk.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import final

import jinja2

from rareworld.core.event import Event
from rareworld.data.atomic import write_bytes
from rareworld.draw.report_story import Story, bars_svg, curves_svg


@final
@dataclass(frozen=True, kw_only=True)
class Mark:
    """One event on a timeline, in shares of the clip's length."""

    name: str
    left_percent: float
    width_percent: float
    key_percent: float
    detail: str


@final
@dataclass(frozen=True, kw_only=True)
class ClipSection:
    """One clip of the report."""

    title: str
    summary: str
    rgb_mp4: bytes
    labels_mp4: bytes
    """All channels as one mosaic video."""
    moment_jpeg: bytes
    """The frame that matters, with boxes."""
    moment_caption: str
    plan_svg: str
    duration_s: float
    marks: tuple[Mark, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict[str, str])


@final
@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole report."""

    title: str
    lead: str
    strip_jpeg: bytes = b""
    """One frame in its label channels; empty leaves it out."""
    strip_caption: str = ""
    story: Story | None = None
    """Post-training, before and after."""
    clips_title: str = ""
    clips_lead: str = ""
    clips: tuple[ClipSection, ...] = ()
    tables: Mapping[str, Sequence[Sequence[str]]] = field(
        default_factory=dict[str, Sequence[Sequence[str]]]
    )
    """Title to rows; the first row is the head."""


def event_marks(events: Sequence[Event], duration_s: float) -> tuple[Mark, ...]:
    """Return the timeline of events of a clip."""
    return tuple(_mark(event, duration_s) for event in events)


def _mark(event: Event, duration_s: float) -> Mark:
    start, end = max(event.start_s, 0.0), min(event.end_s, duration_s)
    measures = ", ".join(f"{name} {value:.2f}" for name, value in event.measures.items())
    actors = " and ".join(str(actor) for actor in event.actors)
    return Mark(
        name=event.kind.value.replace("_", " "),
        left_percent=100 * start / duration_s,
        width_percent=max(100 * (end - start) / duration_s, 0.8),
        key_percent=100 * event.key_s / duration_s,
        detail=(
            f"actors {actors}, {event.key_s:.3f} s, frames {event.start_frame} to "
            f"{event.end_frame}; {measures}"
        ),
    )


def render_page(page: Page) -> str:
    """Return the report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    environment.filters["bars"] = bars_svg
    environment.filters["curves"] = curves_svg
    return environment.get_template("report.html.j2").render(page=page)


def _template(name: str) -> str:
    folder = resources.files("rareworld.draw").joinpath("templates")
    return folder.joinpath(name).read_text(encoding="utf-8")


def write_page(page: Page, path: Path) -> None:
    """Write the report atomically."""
    write_bytes(path, render_page(page).encode())
