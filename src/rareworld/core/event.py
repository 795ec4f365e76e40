"""Events: what happened, to whom, when and where."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import final


class EventKind(StrEnum):
    """Every event the detectors know."""

    COLLISION = "collision"
    NEAR_MISS = "near_miss"
    WRONG_WAY = "wrong_way"
    RED_LIGHT = "red_light"
    JAYWALKING = "jaywalking"
    STOPPED = "stopped"
    SUDDEN_BRAKING = "sudden_braking"
    ILLEGAL_TURN = "illegal_turn"
    SWERVING = "swerving"


class BodyPart(StrEnum):
    """Region of a road user's outline."""

    FRONT = "front"
    FRONT_LEFT = "front-left"
    LEFT = "left side"
    REAR_LEFT = "rear-left"
    REAR = "rear"
    REAR_RIGHT = "rear-right"
    RIGHT = "right side"
    FRONT_RIGHT = "front-right"
    TOP = "top"
    BODY = "body"
    """People have no sides."""


@final
@dataclass(frozen=True, kw_only=True)
class Contact:
    """First touch of two bodies and what followed until they parted."""

    first: int
    """Actor id."""
    second: int
    """Actor id, prop id, or 0 for the ground or a kerb."""
    time_s: float
    """Exact time of first contact."""
    point_m: tuple[float, float, float]
    normal: tuple[float, float, float]
    """Unit vector from `first` to `second`."""
    relative_speed_mps: float
    """Length of the relative velocity at the contact point just before contact."""
    duration_s: float = 0.0
    impulse_ns: float | None = None
    """Total impulse in newton seconds where physics ran, else None."""


@final
@dataclass(frozen=True, kw_only=True)
class Event:
    """One event with its actors, interval and measures.

    Times are seconds from the start of the recording; frames count from 0. The interval is
    half-open: [start_s, end_s), [start_frame, end_frame).
    """

    kind: EventKind
    actors: tuple[int, ...]
    """Who acts first: the striking vehicle, the wrong-way driver."""
    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    key_s: float
    """The instant that matters: first contact, smallest gap, hardest braking, line crossed."""
    position_m: tuple[float, float, float]
    contact: Contact | None = None
    parts: dict[int, BodyPart] = field(default_factory=dict[int, BodyPart])
    """Part of each actor that was hit."""
    struck: int | None = None
    """The actor that was struck, where one struck the other."""
    measures: dict[str, float] = field(default_factory=dict[str, float])
    """Figures with their unit in the name: `ttc_s`, `pet_s`, `min_gap_m`, `decel_mps2` ..."""
    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Words such as the lane or signal id concerned."""
