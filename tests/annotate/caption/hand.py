"""Recordings made by hand: who goes where is written down, so that the words are known."""

from dataclasses import dataclass, replace

import numpy as np

from rareworld.annotate.caption.motion import Seen
from rareworld.core.camera import Camera
from rareworld.core.conditions import Conditions, Lighting, RoadCondition, Weather
from rareworld.core.event import BodyPart, Contact, Event, EventKind
from rareworld.core.geometry import quat_from_euler
from rareworld.core.road import Crosswalk, RoadMap
from rareworld.core.scene import Actor, Prop, PropKind, Scene
from rareworld.core.trajectory import Recording, Tracks

FPS, FRAMES = 8.0, 17
RED, WHITE, BLUE = (0.6, 0.07, 0.06), (0.9, 0.9, 0.89), (0.1, 0.2, 0.5)
CAMERA = Camera.looking_at("pole", (0, -20, 8), (0, 0, 0), width=224, height=128, hfov_rad=1.2)
"""Looks north: x runs to the right of the picture, y away from the camera."""
DRY = Conditions(lighting=Lighting.AFTERNOON)
WALK = Crosswalk(
    id="w", outline_m=np.array([(8, -4, 0), (11, -4, 0), (11, 4, 0), (8, 4, 0)], float)
)
TREE = Prop(id=10_001, kind=PropKind.TREE, position_m=(5, 5, 0), yaw_rad=0, size_m=(2, 2, 6))


@dataclass(frozen=True)
class Body:
    """Drives at a speed that changes evenly; `pixels` show it in every frame."""

    blueprint: str = "hatchback"
    colour: tuple[float, float, float] = RED
    at_m: tuple[float, float] = (0, 0)
    yaw_rad: float = 0.0
    speeds_mps: tuple[float, float] = (8, 8)
    turn_rad: float = 0.0
    roll_rad: float = 0.0
    """At the last frame."""
    role: str = "traffic"
    pixels: int = 400


def recording_of(bodies: list[Body], events: tuple[Event, ...] = (), **scene) -> Recording:
    """Return a recording of bodies with ids 1, 2, ..."""
    n = len(bodies)
    time = np.arange(FRAMES) / FPS
    share = np.linspace(0, 1, FRAMES)
    yaw = np.array([b.yaw_rad + b.turn_rad * share for b in bodies]).reshape(n, FRAMES)
    roll = np.array([b.roll_rad * share for b in bodies]).reshape(n, FRAMES)
    speed = np.array([np.linspace(*b.speeds_mps, FRAMES) for b in bodies]).reshape(n, FRAMES)
    velocity = np.stack([speed * np.cos(yaw), speed * np.sin(yaw), 0 * yaw], axis=2)
    start = np.array([(*b.at_m, 0.0) for b in bodies], float).reshape(n, 1, 3)
    moved = np.concatenate([np.zeros((n, 1, 3)), np.cumsum(velocity[:, :-1] / FPS, axis=1)], axis=1)
    actors = tuple(
        Actor(id=k + 1, blueprint=b.blueprint, colour=b.colour, role=b.role)
        for k, b in enumerate(bodies)
    )
    zeros = np.zeros((n, FRAMES))
    tracks = Tracks(
        time_s=time, present=np.ones((n, FRAMES), bool), position_m=start + moved,
        quat=quat_from_euler(yaw, 0 * yaw, roll), velocity_mps=velocity,
        angular_velocity_radps=np.zeros((n, FRAMES, 3)), steer_rad=zeros, wheel_turn_rad=zeros,
        lamps=np.zeros((n, FRAMES), np.uint32), driver=np.zeros((n, FRAMES), np.uint8),
    )  # fmt: skip
    road = RoadMap(name="hand", lanes={}, crosswalks=(WALK,))
    return Recording(
        scene=Scene(name="hand", road=road, actors=actors, **scene), tracks=tracks, fps=FPS,
        signal_states=np.zeros((0, FRAMES), np.uint8), events=events,
    )  # fmt: skip


def seen_of(bodies: list[Body], events: tuple[Event, ...] = (), **scene) -> Seen:
    """Return what the camera shows of bodies."""
    recording = recording_of(bodies, events, **scene)
    pixels = np.array([[b.pixels] * FRAMES for b in bodies], dtype=np.int64).reshape(-1, FRAMES)
    return Seen(
        recording=recording, camera=CAMERA, pixels=pixels, conditions=DRY, place="a T-junction"
    )


def under(seen: Seen, weather: Weather, road: RoadCondition, intensity: float = 0.6) -> Seen:
    """Return the same under another weather."""
    conditions = replace(seen.conditions, weather=weather, road=road, intensity=intensity)
    return replace(seen, conditions=conditions)


def event_of(
    kind: EventKind,
    actors: tuple[int, ...],
    at_s: float = 1.0,
    *,
    parts: dict[int, BodyPart] | None = None,
    struck: int | None = None,
    thing: int | None = None,
) -> Event:
    """Return an event; `thing` is the id of a prop that was hit."""
    contact = None
    if thing is not None:
        contact = Contact(
            first=actors[0], second=thing, time_s=at_s, point_m=(0, 0, 0), normal=(1, 0, 0),
            relative_speed_mps=5,
        )  # fmt: skip
    return Event(
        kind=kind, actors=actors, start_s=at_s, end_s=at_s + 0.5, start_frame=round(at_s * FPS),
        end_frame=round(at_s * FPS) + 4, key_s=at_s, position_m=(0, 0, 0), contact=contact,
        parts=parts or {}, struck=struck,
    )  # fmt: skip
