"""Tracks drawn over a frame, faults in red: what the checks saw.

Proved in `tests/evaluate/fixed_camera/test_picture.py`.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rareworld.data.atomic import atomic_file
from rareworld.evaluate.fixed_camera.clip import ClipChecks, Judged

_SOUND, _FAULTY, _UNCLEAR = "#00d084", "#ff3b30", "#9aa0a6"


def draw_tracks(
    clip: UInt8[np.ndarray, "t h w 3"], checks: ClipChecks, path: Path, *, frame: int | None = None
) -> None:
    """Draw the tracks of a clip over one of its frames (the middle one) as a PNG.

    Green tracks are sound, red ones bear the names of their faults, grey ones were not judged. A
    box stands where the track is in that frame; a cross marks a contact found.

    Raises:
        StoreError: If the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = len(clip) // 2 if frame is None else frame
    figure = Figure(figsize=(8, 8 * checks.height / checks.width + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(clip[shown])
    axes.set_axis_off()
    axes.set_title(_title(checks), fontsize=9, loc="left")
    lines = [(item.track, _colour(item), ", ".join(sorted(item.faults))) for item in checks.judged]
    lines += [(track, _UNCLEAR, "") for track in checks.unclear]
    for track, colour, text in lines:
        axes.plot(track.centres[:, 0], track.centres[:, 1], color=colour, linewidth=1.5)
        at = int(np.abs(track.frames - shown).argmin())
        if abs(int(track.frames[at]) - shown) > 1:
            continue
        x, y, right, bottom = track.boxes[at]
        axes.plot([x, right, right, x, x], [y, y, bottom, bottom, y], color=colour, linewidth=1)
        axes.text(x, y - 2, text, color=colour, fontsize=7, clip_on=True)
    if checks.contact is not None:
        place = _contact_place(checks)
        axes.plot(*place, marker="x", color="#ffcc00", markersize=12, markeredgewidth=3)
    axes.set_xlim(-0.5, checks.width - 0.5)
    axes.set_ylim(checks.height - 0.5, -0.5)
    with atomic_file(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)  # a canvas of its own: no global state


def _colour(item: Judged) -> str:
    return _FAULTY if item.faults else _SOUND


def _title(checks: ClipChecks) -> str:
    contact = f", contact at {checks.contact.time_s:.2f} s" if checks.contact else ""
    return (
        f"{checks.name}: camera fixed in {checks.stability.fixed:.0%} of frames, "
        f"{len(checks.judged)} tracks judged, "
        f"{sum(bool(item.faults) for item in checks.judged)} with faults{contact}"
    )


def _contact_place(checks: ClipChecks) -> tuple[float, float]:
    """Return the middle between the two things at the time of contact."""
    contact = checks.contact
    assert contact is not None  # noqa: S101 - the caller has looked
    frame = contact.time_s * checks.fps
    pair = [
        item.track for item in checks.judged if item.track.number in (contact.first, contact.second)
    ]
    centres = [track.centres[int(np.abs(track.frames - frame).argmin())] for track in pair]
    x, y = np.mean(centres, axis=0)
    return float(x), float(y)
