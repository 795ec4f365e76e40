"""When do two things first touch and change course? And does it agree with the truth?

Two tracks touch where their boxes do, or where they share a blob. A blow is a touch at which the
velocity of either, fitted to a straight line before and after, changes by more than driving can in
the time. Passing behind one another is a touch without a blow.
Proved in `tests/evaluate/fixed_camera/test_contact.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from rareworld.core.event import Event, EventKind
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.matching import find_patch
from rareworld.evaluate.fixed_camera.tracks import Track
from rareworld.evaluate.fixed_camera.working import Working

Luma = Float32[np.ndarray, "t h w"]

_GAP_SHARE = 0.15
"""Boxes so near, as a share of the smaller size, touch: outlines are a pixel or two off."""
_LEAST = 2
_KEPT = 0.5
"""Share of the closing speed that may be left after a blow; in passing all of it is."""
_SEEN = 0.4
"""Correlation below which the thing is lost."""
_FIRST = 0.6
"""The first contact is the first touch with so much of the largest change."""
_WORDS = re.compile(
    r"\b(collid\w*|collision\w*|crash\w*|hits?|strikes?|struck|rams?|rammed|slams?|impact\w*"
    r"|rear-ends?|sideswip\w*|side-swip\w*|knocks?|pile-?up)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(no|without|avoid\w*|narrowly|almost|nearly|never)\b[^.;]{0,40}$", re.IGNORECASE
)


@final
@dataclass(frozen=True)
class Truth:
    """What a clip should show: a collision or none, and when, if that is known."""

    collides: bool
    time_s: float | None = None


@final
@dataclass(frozen=True)
class Contact:
    """A blow found between two tracks."""

    time_s: float
    first: int
    second: int
    change: float
    """Largest change of velocity, in own sizes per second."""


@final
@dataclass(frozen=True)
class ContactScore:
    """How well found contacts agree with the truth over a set of clips."""

    clips: int
    found: int
    true: int
    right: int
    """Clips with a collision in which one was found, at the right time where that is known."""
    precision: float
    """Right among found; NaN if none was found."""
    recall: float
    """Right among true; NaN if there are none."""
    error_s: float
    """Mean distance in time where a collision has a known time and was found; NaN if nowhere."""


def truth_from_events(events: Sequence[Event], start_s: float = 0.0) -> Truth:
    """Return the first collision of a clip of ours; `start_s` is where it starts on its clock."""
    times = [event.key_s - start_s for event in events if event.kind is EventKind.COLLISION]
    return Truth(bool(times), min(times) if times else None)


def truth_from_prompt(prompt: str) -> Truth:
    """Return whether a prompt tells of a collision; it never says when.

    >>> truth_from_prompt("A red car runs the light and hits a van.").collides
    True
    >>> truth_from_prompt(
    ...     "A van brakes hard and narrowly avoids hitting it; no collision."
    ... ).collides
    False
    """
    told = [not _DENIED.search(prompt[: match.start()]) for match in _WORDS.finditer(prompt)]
    return Truth(any(told))


def find_contact(
    tracks: Sequence[Track], clip: Working, config: FixedCameraConfig
) -> Contact | None:
    """Return the strongest blow in a clip, or None."""
    luma = clip.luma
    found = [
        contact
        for at, first in enumerate(tracks)
        for second in tracks[at + 1 :]
        if (contact := _blow(first, second, clip, luma, config)) is not None
    ]
    return max(found, key=lambda contact: contact.change, default=None)


def _blow(
    first: Track, second: Track, clip: Working, luma: Luma, config: FixedCameraConfig
) -> Contact | None:
    frames = _touching(first, second)
    if not len(frames):
        return None
    span = max(_LEAST, round(config.impact_s * clip.fps))
    around = range(int(frames[0]) - span, int(frames[-1]) + span + 1)
    tracks = (first, second)
    steps = [_steps(track, around, luma, clip.factor) for track in tracks]
    moments = frames - around[0]
    sized = (
        _changes(part, moments, span) / _size(track)
        for part, track in zip(steps, tracks, strict=True)
    )
    own = np.maximum(*sized) * clip.fps * clip.factor
    changes = np.where(_struck(first, second, frames, steps, moments, span), own, 0.0)
    if changes.max() < config.impact:
        return None
    at = int(np.argmax(changes >= _FIRST * changes.max()))
    return Contact(float(frames[at] / clip.fps), first.number, second.number, float(changes.max()))


def _struck(
    first: Track,
    second: Track,
    frames: Int[np.ndarray, "k"],
    steps: Sequence[Float[np.ndarray, "m 2"]],
    moments: Int[np.ndarray, "k"],
    span: int,
) -> Bool[np.ndarray, "k"]:
    """Return the moments at which two things near each other and then do so much less."""
    nearing = steps[1] - steps[0]
    out = np.zeros(len(frames), bool)
    for at, moment in enumerate(moments):
        before, after = _around(nearing, int(moment), span)
        if min(len(before), len(after)) < _LEAST:
            continue
        line = _place(second, int(frames[at]) - 1) - _place(first, int(frames[at]) - 1)
        line = line / max(float(np.hypot(*line)), 1e-9)
        closing, left = (-float(np.median(part, axis=0) @ line) for part in (before, after))
        out[at] = closing > 0 and left < _KEPT * closing
    return out


def _size(track: Track) -> float:
    """Return the usual size of a thing seen alone."""
    return float(np.median(track.sizes[track.apart]))


def _place(track: Track, frame: int) -> Float[np.ndarray, "2"]:
    """Return the middle of the box nearest in time."""
    box = track.boxes[int(np.abs(track.frames - frame).argmin())]
    return (box[:2] + box[2:]) / 2


def _around(
    steps: Float[np.ndarray, "m 2"], moment: int, span: int
) -> tuple[Float[np.ndarray, "b 2"], Float[np.ndarray, "a 2"]]:
    """Return the known steps before and after a moment."""
    before, after = steps[max(moment - span, 0) : moment], steps[moment : moment + span]
    return before[np.isfinite(before[:, 0])], after[np.isfinite(after[:, 0])]


def _touching(first: Track, second: Track) -> Int[np.ndarray, "m"]:
    """Return the frames in which two tracks touch."""
    frames, one, two = np.intersect1d(
        first.frames, second.frames, assume_unique=True, return_indices=True
    )
    a, b = first.boxes[one], second.boxes[two]
    gap = np.maximum(np.maximum(a[:, :2] - b[:, 2:], b[:, :2] - a[:, 2:]), 0).max(1)
    reach = _GAP_SHARE * np.minimum(first.sizes[one], second.sizes[two])
    return frames[gap <= reach]


def _steps(track: Track, around: range, luma: Luma, factor: int) -> Float[np.ndarray, "m 2"]:
    """Return what the thing's picture moves by from each frame to the next, in working pixels.

    By correlation from the last clear box before the middle outwards, so that neither shared nor
    broken masks matter; NaN where it is not found or the clip ends.
    """
    steps = np.full((len(around) - 1, 2), np.nan)
    clear = np.flatnonzero(track.whole & (track.frames <= around[len(around) // 2]))
    if not len(clear):
        return steps
    box, start = track.boxes[clear[-1]] / factor, int(track.frames[clear[-1]])
    for way in (1, -1):
        here, step = box, _guess(track, int(clear[-1]), factor) * way
        for frame in range(start, around[-1] if way > 0 else around[0], way):
            if not 0 <= frame + way < len(luma):
                break
            radius = int(np.clip(np.ceil(np.abs(step).max()) + 2, 2, 8))
            match = find_patch(luma[frame], luma[frame + way], here, step, radius)
            if match.similarity < _SEEN:
                break
            here, step = here + np.tile(match.shift, 2), match.shift
            place = min(frame, frame + way) - around[0]
            if 0 <= place < len(steps):
                steps[place] = step * way
    return steps


def _guess(track: Track, at: int, factor: int) -> Float[np.ndarray, "2"]:
    """Return the step that led to a place, in working pixels."""
    if at == 0:
        return np.zeros(2)
    gone = track.frames[at] - track.frames[at - 1]
    return (track.centres[at] - track.centres[at - 1]) / gone / factor


def _changes(
    steps: Float[np.ndarray, "m 2"], moments: Int[np.ndarray, "k"], span: int
) -> Float[np.ndarray, "k"]:
    """Return the length of the change of the median step at each moment, 0 where unknown."""
    out = np.zeros(len(moments))
    for at, moment in enumerate(moments):
        before, after = _around(steps, int(moment), span)
        if min(len(before), len(after)) >= _LEAST:
            out[at] = np.hypot(*(np.median(after, axis=0) - np.median(before, axis=0)))
    return out


def score_contacts(
    found: Mapping[str, Contact | None], truth: Mapping[str, Truth], tolerance_s: float
) -> ContactScore:
    """Compare findings with the truth, clip by clip, over the clips of both."""
    names = [name for name in found if name in truth]
    right, errors = 0, []
    for name in names:
        contact, real = found[name], truth[name]
        if contact is None or not real.collides:
            continue
        error = 0.0 if real.time_s is None else abs(contact.time_s - real.time_s)
        right += error <= tolerance_s
        if real.time_s is not None:
            errors.append(error)
    num_found = sum(found[name] is not None for name in names)
    num_true = sum(truth[name].collides for name in names)
    return ContactScore(
        clips=len(names),
        found=num_found,
        true=num_true,
        right=right,
        precision=right / num_found if num_found else np.nan,
        recall=right / num_true if num_true else np.nan,
        error_s=float(np.mean(errors)) if errors else np.nan,
    )
