"""Events in words: who strikes whom where, in order of time, and what comes of it.

Proved in `tests/annotate/caption/test_happening.py`.
"""

import numpy as np

from rareworld.annotate.caption.motion import Seen, lies, turned_rad
from rareworld.annotate.caption.words import THINGS, a, noun, side_words
from rareworld.core.event import Event, EventKind
from rareworld.core.scene import Actor
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS

_SPUN_RAD = np.radians(40)
_STILL_MPS, _GOING_MPS = 1.0, 3.0
_SHOWS_AFTER_S = 0.35
"""An event this near the end leaves nothing to tell of what came of it."""
_ALONE: dict[EventKind, str] = {
    EventKind.WRONG_WAY: "drives the wrong way",
    EventKind.RED_LIGHT: "runs a red light",
    EventKind.JAYWALKING: "crosses the road away from the crossing",
    EventKind.STOPPED: "stands still in the lane",
    EventKind.SUDDEN_BRAKING: "brakes hard",
    EventKind.ILLEGAL_TURN: "makes an illegal turn",
    EventKind.SWERVING: "swerves",
}
_MOST = 3
"""Events told of one clip."""


def happenings(seen: Seen) -> tuple[list[str], frozenset[int]]:
    """Return sentences on the events that show, in order of time, and the ids of who is in them."""
    told: list[str] = []
    actors: set[int] = set()
    for event in shown_events(seen)[:_MOST]:
        text = _told(seen, event)
        told.append(f"Then {text}." if told else f"{text[0].upper()}{text[1:]}.")
        actors |= set(event.actors)
    return told, frozenset(actors)


def shown_events(seen: Seen) -> list[Event]:
    """Return the events worth telling: in the picture, in its time, one for each pair."""
    times = seen.recording.tracks.time_s
    kept: list[Event] = []
    for event in sorted(seen.recording.events, key=lambda event: event.key_s):
        in_time = times[0] <= event.key_s + 1e-9 <= times[-1] + 1 / seen.recording.fps
        if not in_time or not all(seen.noticed_id(actor) for actor in event.actors):
            continue
        if not any(set(event.actors) <= set(other.actors) for other in kept):
            kept.append(event)
    return _crashes_first(kept)


def _crashes_first(events: list[Event]) -> list[Event]:
    """Return crashes alone where there are any, else near misses, else all."""
    for kind in (EventKind.COLLISION, EventKind.NEAR_MISS):
        same = [event for event in events if event.kind is kind]
        if same:
            return same
    return events


def _told(seen: Seen, event: Event) -> str:
    """Return one event in words."""
    scene = seen.recording.scene
    first = scene.actor(event.actors[0])
    second = scene.actor(event.actors[1]) if len(event.actors) > 1 else None
    if event.kind is EventKind.COLLISION:
        return f"{_strikes(seen, event, first, second)}{_after(seen, event)}"
    if event.kind is EventKind.NEAR_MISS:
        return f"{a(noun(first))} narrowly misses {a(noun(second)) if second else 'somebody'}"
    return f"{a(noun(first))} {_ALONE[event.kind]}"


def _strikes(seen: Seen, event: Event, first: Actor, second: Actor | None) -> str:
    """Return who strikes whom, and where."""
    if second is None:
        return f"{a(noun(first))} crashes into {_thing(seen, event)}"
    walks_into = first.class_id in PEOPLE and second.class_id not in PEOPLE
    if event.struck == first.id or walks_into:
        first, second = second, first
    if second.class_id in PEOPLE | TWO_WHEELERS:
        return f"{a(noun(first))} hits {a(noun(second))}"
    side = side_words(event.parts.get(second.id))
    ends = {side, side_words(event.parts.get(first.id))}
    if ends == {"the front"}:
        return f"{_both(noun(first), noun(second))} crash head-on"
    where = f"{side} of " if side else ""
    return f"{a(noun(first))} crashes into {where}{a(noun(second))}"


def _both(first: str, second: str) -> str:
    """Return two vehicles, in one word where they are called the same."""
    return f"two {first}s" if first == second else f"{a(first)} and {a(second)}"


def _thing(seen: Seen, event: Event) -> str:
    """Return what stood in the way."""
    struck = event.contact.second if event.contact else 0
    kinds = {prop.id: prop.kind for prop in seen.recording.scene.props}
    return THINGS.get(kinds[struck], "an obstacle") if struck in kinds else "the kerb"


def _after(seen: Seen, event: Event) -> str:
    """Return what becomes of those who collided while the clip lasts."""
    recording = seen.recording
    times = recording.tracks.time_s
    if times[-1] - event.key_s < _SHOWS_AFTER_S:
        return ""
    since = np.flatnonzero(times >= event.key_s - 1e-9)
    fates = [_fate(seen, actor, since) for actor in event.actors]
    fates = [fate for fate in fates if fate]
    if fates:
        return ", and " + " and ".join(dict.fromkeys(fates))
    rows = [recording.row(actor) for actor in event.actors]
    last = np.linalg.norm(recording.tracks.velocity_mps[rows, -1, :2], axis=1)
    if (last < _STILL_MPS).all():
        return ", and stops" if len(rows) == 1 else ", and both stop"
    return ", and drives on" if last[0] > _GOING_MPS and len(rows) == 1 else ""


def _fate(seen: Seen, actor_id: int, since: np.ndarray) -> str:
    """Return what an actor visibly suffers; nothing if it only slows down."""
    recording = seen.recording
    actor, row = recording.scene.actor(actor_id), recording.row(actor_id)
    here = since[recording.tracks.present[row, since]]
    if not len(here):
        return ""
    if lies(recording, row, int(here[-1])):
        return _falls(actor)
    if actor.class_id in PEOPLE | TWO_WHEELERS:
        return ""
    spun = abs(turned_rad(recording, row, here)) > _SPUN_RAD
    return f"the {noun(actor)} spins around" if spun else ""


def _falls(actor: Actor) -> str:
    if actor.class_id in PEOPLE | TWO_WHEELERS:
        return f"the {noun(actor)} falls to the ground"
    return f"the {noun(actor)} overturns"
