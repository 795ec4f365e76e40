"""Two vehicles on a plain crossing, one braking or sliding, with contacts as given."""

import numpy as np

from rareworld.core.event import Contact
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.scene import Actor, Scene
from rareworld.core.trajectory import Driver, Lamp, Recording, Tracks
from tests.annotate.world.world_scenes import crossing

HIT_S = 0.5


def contact(first=1, second=2, impulse_ns=12000.0, **more) -> Contact:
    values = {
        "first": first, "second": second, "time_s": HIT_S, "point_m": (2.0, -1.75, 0.6),
        "normal": (1.0, 0.0, 0.0), "relative_speed_mps": 12.0, "duration_s": 0.1,
        "impulse_ns": impulse_ns,
    }  # fmt: skip
    return Contact(**{**values, **more})


def crash(
    contacts=(),
    speed_mps=None,
    drift_mps=0.0,
    blueprints=("saloon", "hatchback"),
    frames=31,
    driver=Driver.CONTROLLER,
) -> Recording:
    """The first vehicle runs along x with the given speeds, the second stands ahead of it."""
    time_s = np.arange(frames) / 30
    speed = np.full(frames, 5.0) if speed_mps is None else np.asarray(speed_mps(time_s), float)
    position = np.zeros((2, frames, 3))
    position[0, :, 0] = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 / 30)]) - 0.3
    position[:, :, 1] = -1.75
    position[0, :, 1] += drift_mps * time_s
    position[1, :, 0] = 4.1
    velocity = np.zeros_like(position)
    velocity[0, :, 0], velocity[0, :, 1] = speed, drift_mps
    tracks = Tracks(
        time_s=time_s, present=np.ones((2, frames), bool), position_m=position,
        quat=quat_from_yaw(np.zeros((2, frames))), velocity_mps=velocity,
        angular_velocity_radps=np.zeros_like(position), steer_rad=np.zeros((2, frames)),
        wheel_turn_rad=np.zeros((2, frames)),
        lamps=np.full((2, frames), int(Lamp.LOW_BEAM), np.uint32),
        driver=np.full((2, frames), driver, np.uint8),
    )  # fmt: skip
    actors = tuple(Actor(id=k + 1, blueprint=name) for k, name in enumerate(blueprints))
    road = crossing()
    return Recording(
        scene=Scene(name="crash", road=road, actors=actors), tracks=tracks, fps=30.0,
        signal_states=np.zeros((len(road.signals), frames), np.uint8), contacts=tuple(contacts),
    )  # fmt: skip
