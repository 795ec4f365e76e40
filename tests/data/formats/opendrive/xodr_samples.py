"""OpenDRIVE text in pieces: every test writes only what it is about."""

from rareworld.core.road import Lane, RoadMap
from rareworld.data.formats.opendrive import read_opendrive

LINE = "<line/>"


def cubic(tag: str, start: str, s: float, *coefficients: float, more: str = "") -> str:
    """A record of a cubic profile; missing coefficients are 0."""
    values = [*coefficients, 0.0, 0.0, 0.0][:4]
    stated = " ".join(f'{key}="{value!r}"' for key, value in zip("abcd", values, strict=True))
    return f'<{tag} {start}="{s!r}" {more} {stated}/>'


def width(*coefficients: float, s: float = 0.0) -> str:
    """A `width` record."""
    return cubic("width", "sOffset", s, *coefficients)


def lane(number: int, inner: str | None = None, *, kind: str = "driving", more: str = "") -> str:
    """A lane, 3.5 m wide unless its inside is given."""
    inside = inner if inner is not None else (width(3.5) if number else "")
    return f'<lane id="{number}" type="{kind}" {more}>{inside}</lane>'


def section(*lanes: str, s: float = 0.0) -> str:
    """A lane section; lanes go to their side by the sign of their id."""
    by_side: dict[str, list[str]] = {"left": [], "center": [], "right": []}
    for text in lanes:
        number = int(text.split('"')[1])
        by_side["left" if number > 0 else "right" if number < 0 else "center"].append(text)
    if not by_side["center"]:
        by_side["center"] = [lane(0, kind="none")]
    sides = "".join(f"<{side}>{''.join(found)}</{side}>" for side, found in by_side.items())
    return f'<laneSection s="{s!r}">{sides}</laneSection>'


def geometry(curve: str = LINE, *, s: float = 0.0, at: tuple = (0, 0, 0), length: float) -> str:
    """A record of the reference line."""
    x, y, heading = at
    return (
        f'<geometry s="{s!r}" x="{x!r}" y="{y!r}" hdg="{heading!r}" length="{length!r}">'
        f"{curve}</geometry>"
    )


def road(
    lanes: str,
    *,
    name: str = "1",
    length: float = 100.0,
    plan: str = "",
    before: str = "",
    after: str = "",
    more: str = "",
    junction: str = "-1",
) -> str:
    """A road, straight along x unless a plan is given; `lanes` is what `<lanes>` holds."""
    return (
        f'<road id="{name}" length="{length!r}" junction="{junction}" {more}>'
        f"<planView>{plan or geometry(length=length)}</planView>{before}"
        f"<lanes>{lanes}</lanes>{after}</road>"
    )


def whole(*parts: str) -> str:
    """A map of roads, junctions and controllers."""
    return f"<OpenDRIVE>{''.join(parts)}</OpenDRIVE>"


def read(*parts: str, step_m: float = 2.0) -> RoadMap:
    """Read a map of the parts."""
    return read_opendrive(whole(*parts), step_m=step_m)


def only_lane(*parts: str, name: str = "1:0:-1") -> Lane:
    """Read a map and return one lane."""
    return read(*parts).lanes[name]
