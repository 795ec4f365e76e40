"""Which stretches of a recording are filmed: around an event, or anywhere.

Proved in `tests/recipes/test_footage.py`.
"""

import numpy as np
from pydantic import Field

from rareworld.core.event import EventKind
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config
from rareworld.errors import ScenarioError
from rareworld.simulate.scenarios.span import Span

_TELLING = (EventKind.COLLISION, EventKind.NEAR_MISS)
"""Events that a stretch is laid around before any other."""


class WindowConfig(Config):
    """Short stretches of a recording."""

    frames: int = Field(default=17, ge=2)
    count: int = Field(default=1, ge=1)
    """Stretches for each camera; with an event all of them hold it."""
    event_share: Span | None = Span.of(0.25, 0.6)
    """Where in the stretch the event falls, as a share of its length; null: anywhere at all."""


def windows_of(
    config: WindowConfig | None, recording: Recording, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return [start, stop) of every stretch, in order and without repeats.

    Raises:
        ScenarioError: If the recording is shorter than a stretch.
    """
    total = recording.tracks.num_frames
    if config is None:
        return [(0, total)]
    if total < config.frames:
        raise ScenarioError(
            f"a recording of {total} frames has no stretch of {config.frames}; raise duration_s"
        )
    starts = {_start(config, recording, total - config.frames, rng) for _ in range(config.count)}
    return [(start, start + config.frames) for start in sorted(starts)]


def _start(config: WindowConfig, recording: Recording, last: int, rng: np.random.Generator) -> int:
    """Return the first frame of one stretch."""
    key_s = event_time(recording) if config.event_share else None
    if config.event_share is None or key_s is None:
        return int(rng.integers(last + 1))
    share = config.event_share.draw(rng)
    start = round(key_s * recording.fps - share * config.frames)
    return min(max(start, 0), last)


def event_time(recording: Recording) -> float | None:
    """Return when the first collision is, else the first near miss, else the first event."""
    for kind in _TELLING:
        same = [event.key_s for event in recording.events if event.kind is kind]
        if same:
            return min(same)
    return min((event.key_s for event in recording.events), default=None)
