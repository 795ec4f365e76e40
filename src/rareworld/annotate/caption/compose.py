"""The caption: place and hour, weather and road, what happens, who else is there.

Only what shows is named (by the pixels of each actor). Words are few and fixed (`words.py`); the
seed draws among a few ways to put them. Proved in `tests/annotate/caption/test_compose.py`.
"""

from collections.abc import Sequence

import numpy as np

from rareworld.annotate.caption.happening import happenings
from rareworld.annotate.caption.motion import Deed, Seen, deed, moving_vehicles, on_crosswalk
from rareworld.annotate.caption.words import ROAD, a, light_words, noun, weather_words
from rareworld.core.scene import Actor
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS

_OPENINGS = ("watches", "looks down on", "overlooks")
_NAMED = 3
"""Vehicles spoken of one by one."""
_DEEDS: dict[Deed, str] = {
    Deed.WAITS: "waits",
    Deed.STOPS: "slows down and stops",
    Deed.STARTS: "starts to move",
    Deed.LEFT: "turns left",
    Deed.RIGHT: "turns right",
    Deed.TOWARDS: "{goes} towards the camera",
    Deed.AWAY: "{goes} away from the camera",
    Deed.RIGHTWARDS: "{goes} from left to right",
    Deed.LEFTWARDS: "{goes} from right to left",
}
_TRAFFIC = ((0, "The road is empty."), (2, "Traffic is light."), (6, "Traffic is moderate."))
_NUMBERS = ("no", "One", "Two", "Three", "Four", "Five")


def describe(seen: Seen, seed: Seed) -> str:
    """Return the caption of what a camera shows, one paragraph."""
    rng = seed.child("caption").generator()
    told, actors = happenings(seen)
    vehicles = [row for row in moving_vehicles(seen) if deed(seen, row) is not Deed.PARKED]
    others = [row for row in vehicles if seen.recording.scene.actors[row].id not in actors]
    sentences = [
        _opening(seen, rng),
        _air(seen, rng),
        *told,
        _traffic(len(vehicles)),
        *_each(seen, others[: max(_NAMED - len(told), 1)]),
        *_people(seen, actors),
        *_parked(seen),
    ]
    return " ".join(sentences)


def describe_conditions(seen: Seen, seed: Seed) -> str:
    """Return the caption of a long clip: what holds all through it."""
    rng = seed.child("caption").generator()
    vehicles = [row for row in moving_vehicles(seen) if deed(seen, row) is not Deed.PARKED]
    shown = (seen.pixels[vehicles] > 0).sum(axis=0).mean() if vehicles else 0.0
    return " ".join(
        [_opening(seen, rng), _air(seen, rng), _traffic(round(float(shown))), *_parked(seen)]
    )


def _opening(seen: Seen, rng: np.random.Generator) -> str:
    verb = _OPENINGS[int(rng.integers(len(_OPENINGS)))]
    return f"A traffic CCTV camera {verb} {seen.place} {light_words(seen.conditions)}."


def _air(seen: Seen, rng: np.random.Generator) -> str:
    """Return weather and road, in either order."""
    parts = [weather_words(seen.conditions), ROAD[seen.conditions.road]]
    if rng.random() < 0.3:
        parts.reverse()
    return _sentence(" and ".join(parts))


def _traffic(count: int) -> str:
    return next((text for most, text in _TRAFFIC if count <= most), "Traffic is heavy.")


def _each(seen: Seen, rows: Sequence[int]) -> list[str]:
    """Return a sentence for every vehicle."""
    actors = seen.recording.scene.actors
    return [_sentence(f"{a(noun(actors[row]))} {_does(actors[row], deed(seen, row))}")
            for row in rows]  # fmt: skip


def _does(actor: Actor, done: Deed) -> str:
    goes = "rides" if actor.class_id in TWO_WHEELERS else "drives"
    return _DEEDS[done].format(goes=goes)


def _people(seen: Seen, told: frozenset[int]) -> list[str]:
    """Return who walks: on crossings, and elsewhere."""
    actors = seen.recording.scene.actors
    rows = [
        row
        for row, actor in enumerate(actors)
        if actor.class_id in PEOPLE and actor.id not in told and seen.noticed(row)
    ]
    crossing = sum(on_crosswalk(seen, row) for row in rows)
    beside = len(rows) - crossing
    out = [f"{_count(crossing, 'crosses', 'cross')} the road at the crossing."] if crossing else []
    if beside and not crossing:
        out.append(f"{_count(beside, 'is', 'are')} on the pavement.")
    return out


def _count(number: int, one: str, many: str) -> str:
    """Return a number of pedestrians with their verb."""
    if number == 1:
        return f"A pedestrian {one}"
    named = _NUMBERS[number] if number < len(_NUMBERS) else "Many"
    return f"{named} pedestrians {many}"


def _parked(seen: Seen) -> list[str]:
    """Return that cars stand at the roadside, where two or more show."""
    actors = seen.recording.scene.actors
    rows = [row for row, actor in enumerate(actors) if actor.role == "parked"]
    return ["Cars are parked along the road."] if sum(map(seen.noticed, rows)) > 1 else []


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
