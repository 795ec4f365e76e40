"""A road map as geometry: lanes, markings, crosswalks, signals, junctions.

Everything is sampled polylines in the world frame, so that drawing, driving and judging need no
OpenDRIVE. Lane polylines run in the direction of travel. Left and right are the driver's.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import final

import numpy as np
from jaxtyping import Float


class LaneKind(StrEnum):
    """What a lane is for (OpenDRIVE 1.8 `e_laneType`, folded to what we tell apart)."""

    DRIVING = "driving"
    BIKE = "bike"
    SIDEWALK = "sidewalk"
    PARKING = "parking"
    SHOULDER = "shoulder"
    MEDIAN = "median"
    KERB = "kerb"
    OTHER = "other"


class MarkKind(StrEnum):
    """Pattern of a painted line."""

    SOLID = "solid"
    BROKEN = "broken"
    SOLID_SOLID = "solid solid"
    SOLID_BROKEN = "solid broken"
    BROKEN_SOLID = "broken solid"
    BROKEN_BROKEN = "broken broken"
    STOP_LINE = "stop line"
    GIVE_WAY_LINE = "give way line"


class MarkColour(StrEnum):
    """Paint colour."""

    WHITE = "white"
    YELLOW = "yellow"


class SignalKind(StrEnum):
    """What controls a lane's right of way."""

    TRAFFIC_LIGHT = "traffic light"
    PEDESTRIAN_LIGHT = "pedestrian light"
    STOP = "stop"
    YIELD = "yield"
    SPEED_LIMIT = "speed limit"
    OTHER = "other"


class Turn(StrEnum):
    """Which way a lane inside a junction leads."""

    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"
    U_TURN = "u-turn"


@final
@dataclass(frozen=True, kw_only=True)
class Lane:
    """One lane of one lane section, sampled at P cross sections in travel direction."""

    id: str
    """`road:section:lane` with OpenDRIVE's numbers, e.g. `12:0:-1`."""
    kind: LaneKind
    centre_m: Float[np.ndarray, "p 3"]
    left_m: Float[np.ndarray, "p 3"]
    right_m: Float[np.ndarray, "p 3"]
    successors: tuple[str, ...] = ()
    """Lanes that continue this one in travel direction."""
    predecessors: tuple[str, ...] = ()
    left_neighbour: str | None = None
    """Adjacent lane to the left with the same direction of travel."""
    right_neighbour: str | None = None
    junction: str | None = None
    """Junction this lane runs through, if any."""
    turn: Turn | None = None
    """Set on junction lanes."""
    speed_limit_mps: float | None = None
    bus: bool = False
    """A driving lane reserved for buses."""

    @property
    def length_m(self) -> float:
        """Length of the centre line seen from above."""
        return float(self.station_m[-1])

    @property
    def station_m(self) -> Float[np.ndarray, "p"]:
        """Distance along the centre line at each cross section."""
        step = np.linalg.norm(np.diff(self.centre_m[:, :2], axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(step)])


@final
@dataclass(frozen=True, kw_only=True)
class Marking:
    """One painted line along a polyline."""

    points_m: Float[np.ndarray, "p 3"]
    kind: MarkKind
    colour: MarkColour
    width_m: float
    dash_m: float = 3.0
    """Length of a dash of broken lines."""
    gap_m: float = 6.0


@final
@dataclass(frozen=True, kw_only=True)
class Crosswalk:
    """A marked pedestrian crossing."""

    id: str
    outline_m: Float[np.ndarray, "p 3"]
    """Convex outline, first point not repeated."""


@final
@dataclass(frozen=True, kw_only=True)
class Signal:
    """A traffic light or sign with what it controls."""

    id: str
    kind: SignalKind
    position_m: tuple[float, float, float]
    """Where the post stands."""
    yaw_rad: float
    """Heading of the light: it is seen by drivers who travel the opposite way."""
    height_m: float
    """Centre of the housing above the ground."""
    lanes: tuple[str, ...] = ()
    """Lanes that must obey it (the approach lanes, or the junction lanes where the map says so)."""
    stop_line_m: Float[np.ndarray, "2 3"] | None = None
    value: str = ""
    """Text of a sign, e.g. a speed."""
    controller: str | None = None
    """Controller that switches it; signals of one controller show the same state."""


@final
@dataclass(frozen=True, kw_only=True)
class Junction:
    """An area where roads meet."""

    id: str
    name: str
    outline_m: Float[np.ndarray, "p 3"]
    """Convex hull of its lanes."""

    @property
    def centre_m(self) -> Float[np.ndarray, "3"]:
        """Mean of the outline."""
        return self.outline_m.mean(axis=0)


@final
@dataclass(frozen=True, kw_only=True)
class RoadMap:
    """All road geometry of a place."""

    name: str
    lanes: dict[str, Lane]
    markings: tuple[Marking, ...] = ()
    crosswalks: tuple[Crosswalk, ...] = ()
    signals: tuple[Signal, ...] = ()
    junctions: tuple[Junction, ...] = ()
    left_hand_traffic: bool = False
    source: str = ""
    """OpenDRIVE text this map was read from; kept so that a recording is complete."""
    latitude_deg: float = 0.0
    longitude_deg: float = 0.0
    warnings: tuple[str, ...] = field(default=())
    """What the reader met and could not use, one sentence each."""

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max) of all lanes."""
        points = np.concatenate([lane.centre_m[:, :2] for lane in self.lanes.values()])
        low, high = points.min(axis=0), points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])
