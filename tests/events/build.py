"""Small recordings for tests: actors that follow given functions of time.

`record([Path(...), ...])` samples positions and headings as functions of time, so that the truth
between frames is known in closed form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rareworld.core.event import Contact
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Prop, Scene
from rareworld.core.trajectory import Driver, Recording, Tracks

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Path:
    """One actor: foot and heading at given times, shapes (t,) -> (t, 3) and (t,)."""

    position: Curve
    yaw: Curve
    blueprint: str = "saloon"
    id: int = 0
    present: Curve | None = None
    role: str = "traffic"
    driver: Driver = Driver.TRAFFIC


def straight(
    start: tuple[float, float],
    yaw_rad: float,
    speed_mps: float,
    *,
    accel_mps2: float = 0.0,
    spin_radps: float = 0.0,
    course_rad: float | None = None,
    **more: object,
) -> Path:
    """A body that moves on a line, at constant acceleration until it stands, and may spin."""
    course = yaw_rad if course_rad is None else course_rad
    ahead = np.array([np.cos(course), np.sin(course), 0.0])
    foot = np.array([*start, 0.0])
    stop_s = -speed_mps / accel_mps2 if accel_mps2 * speed_mps < 0 else np.inf

    def position(time: np.ndarray) -> np.ndarray:
        t = np.minimum(time, stop_s)
        return foot + (speed_mps * t + accel_mps2 / 2 * t * t)[:, None] * ahead

    return Path(position, lambda time: yaw_rad + spin_radps * time, **more)  # pyright: ignore[reportArgumentType] # options of Path


def arc(
    start: tuple[float, float], yaw_rad: float, speed_mps: float, spin_radps: float, **more: object
) -> Path:
    """A body that drives on a circle."""
    radius = speed_mps / spin_radps

    def position(time: np.ndarray) -> np.ndarray:
        yaw = yaw_rad + spin_radps * time
        x = start[0] + radius * (np.sin(yaw) - np.sin(yaw_rad))
        y = start[1] - radius * (np.cos(yaw) - np.cos(yaw_rad))
        return np.stack([x, y, np.zeros_like(time)], axis=1)

    return Path(position, lambda time: yaw_rad + spin_radps * time, **more)  # pyright: ignore[reportArgumentType] # options of Path


@dataclass(frozen=True)
class Setting:
    """What surrounds the actors of a test recording."""

    road: RoadMap = field(default_factory=lambda: RoadMap(name="empty", lanes={}))
    props: tuple[Prop, ...] = ()
    signal_states: np.ndarray | None = None
    contacts: tuple[Contact, ...] = ()


def record(
    paths: Sequence[Path],
    duration_s: float = 4.0,
    fps: float = 30.0,
    setting: Setting | None = None,
) -> Recording:
    """Sample the paths; velocities are central differences of 0.1 ms, exact for smooth paths."""
    around = setting or Setting()
    time = np.arange(round(duration_s * fps)) / fps
    shape = (len(paths), len(time))
    position = np.stack([p.position(time) for p in paths])
    yaw = np.stack([np.broadcast_to(p.yaw(time), time.shape) for p in paths])
    h = 1e-4
    velocity = np.stack([(p.position(time + h) - p.position(time - h)) / (2 * h) for p in paths])
    spin = np.zeros((*shape, 3))
    spin[..., 2] = [
        np.broadcast_to((p.yaw(time + h) - p.yaw(time - h)) / (2 * h), time.shape) for p in paths
    ]
    present = np.stack(
        [np.ones(len(time), bool) if p.present is None else p.present(time) for p in paths]
    )
    ids = [p.id or i + 1 for i, p in enumerate(paths)]
    scene = Scene(
        name="test",
        road=around.road,
        actors=tuple(
            Actor(id=i, blueprint=p.blueprint, role=p.role) for i, p in zip(ids, paths, strict=True)
        ),
        props=around.props,
    )
    states = around.signal_states
    tracks = Tracks(
        time_s=time,
        present=present,
        position_m=position * present[..., None],
        quat=quat_from_yaw(yaw) * present[..., None],
        velocity_mps=velocity * present[..., None],
        angular_velocity_radps=spin * present[..., None],
        steer_rad=np.zeros(shape),
        wheel_turn_rad=np.zeros(shape),
        lamps=np.zeros(shape, np.uint32),
        driver=np.repeat(np.array([[p.driver] for p in paths], np.uint8), len(time), axis=1),
    )
    return Recording(
        scene=scene,
        tracks=tracks,
        fps=fps,
        signal_states=np.zeros((len(around.road.signals), len(time)), np.uint8)
        if states is None
        else states,
        contacts=around.contacts,
    )
