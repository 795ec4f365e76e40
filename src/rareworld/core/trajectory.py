"""A recording: a scene plus every actor's pose, velocity and state over time.

Shapes: N actors in the order of `scene.actors`, T frames, S signals in the order of
`scene.road.signals`. Actors stand on `position_m`, the middle of the bottom of their box.
"""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import final

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt32

from rareworld.core.event import Contact, Event
from rareworld.core.scene import Scene


class Lamp(IntFlag):
    """Vehicle lights that are on; bit values are CARLA's `VehicleLightState`."""

    NONE = 0
    POSITION = 1
    LOW_BEAM = 2
    HIGH_BEAM = 4
    BRAKE = 8
    RIGHT_BLINKER = 16
    LEFT_BLINKER = 32
    REVERSE = 64
    FOG = 128
    INTERIOR = 256
    SPECIAL_1 = 512
    SPECIAL_2 = 1024


class Driver(IntEnum):
    """Who decides how an actor moves at a frame."""

    TRAFFIC = 0
    """SUMO."""
    CONTROLLER = 1
    """Our controller through tyre forces, before any contact."""
    PHYSICS = 2
    """MuJoCo since first contact."""
    PARKED = 3
    REPLAY = 4
    """Read from a foreign log."""


class SignalState(IntEnum):
    """State of a traffic light; values are CARLA's `TrafficLightState`."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4
    RED_YELLOW = 5
    """Europe's amber with red; CARLA has none, exported there as YELLOW."""


@final
@dataclass(frozen=True, kw_only=True)
class Tracks:
    """State of all actors over time; rows of absent actors hold zeros.

    Raises:
        ValueError: If the arrays disagree in shape.
    """

    time_s: Float[np.ndarray, "t"]
    present: Bool[np.ndarray, "n t"]
    position_m: Float[np.ndarray, "n t 3"]
    quat: Float[np.ndarray, "n t 4"]
    velocity_mps: Float[np.ndarray, "n t 3"]
    """Velocity of `position_m` in the world frame."""
    angular_velocity_radps: Float[np.ndarray, "n t 3"]
    """In the world frame."""
    steer_rad: Float[np.ndarray, "n t"]
    """Mean angle of the steered wheels, positive to the left."""
    wheel_turn_rad: Float[np.ndarray, "n t"]
    """How far the wheels have rolled since the first frame; for people, 2 pi per double step."""
    lamps: UInt32[np.ndarray, "n t"]
    """Bits of `Lamp`."""
    driver: UInt8[np.ndarray, "n t"]
    """Values of `Driver`."""

    def __post_init__(self) -> None:
        n, t = self.present.shape
        wanted = {
            "time_s": (t,), "position_m": (n, t, 3), "quat": (n, t, 4), "velocity_mps": (n, t, 3),
            "angular_velocity_radps": (n, t, 3), "steer_rad": (n, t), "wheel_turn_rad": (n, t),
            "lamps": (n, t), "driver": (n, t),
        }  # fmt: skip
        for name, shape in wanted.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"tracks.{name} must have shape {shape}, got {found}")

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.time_s)


@final
@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a simulator or a foreign log hands to labelling."""

    scene: Scene
    tracks: Tracks
    fps: float
    signal_states: UInt8[np.ndarray, "s t"]
    """Values of `SignalState`."""
    contacts: tuple[Contact, ...] = ()
    """As felt by the physics engine, in order of time."""
    events: tuple[Event, ...] = ()
    """As found by geometry, in order of `key_s`."""
    provenance: dict[str, object] = field(default_factory=dict[str, object])
    """Config, seeds, tool versions, scenario and its drawn parameters; JSON types only."""

    def __post_init__(self) -> None:
        if len(self.scene.actors) != len(self.tracks.present):
            raise ValueError(
                f"tracks hold {len(self.tracks.present)} actors, scene {len(self.scene.actors)}"
            )
        wanted = (len(self.scene.road.signals), self.tracks.num_frames)
        if self.signal_states.shape != wanted:
            raise ValueError(
                f"signal_states must have shape {wanted}, got {self.signal_states.shape}"
            )

    @property
    def duration_s(self) -> float:
        """Frames over frame rate."""
        return self.tracks.num_frames / self.fps

    def row(self, actor_id: int) -> int:
        """Return the row of an actor in the track arrays."""
        for row, actor in enumerate(self.scene.actors):
            if actor.id == actor_id:
                return row
        raise KeyError(actor_id)
