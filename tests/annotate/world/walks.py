"""Recordings of people and riders on straight and bent ways, and measures of how they tread."""

import numpy as np

from rareworld.annotate.world.poser import ScenePoser
from rareworld.annotate.world.skeleton import ANKLE, HEEL, TOE, Proportions
from rareworld.annotate.world.wardrobe import Dress
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.scene import Actor, Scene
from rareworld.core.trajectory import Driver, Recording, Tracks
from tests.annotate.world.world_samples import figure_of
from tests.annotate.world.world_scenes import crossing

FPS = 30.0
NO_HEADS = np.zeros((0, 3, 4)), np.zeros(0, int)
ROAD = crossing()


def recorded(
    name: str, position: np.ndarray, quat: np.ndarray, turn: np.ndarray, style: int = 0, **more
) -> Recording:
    """Return one actor on a way given per frame; velocities are those of the way."""
    count = len(position)
    time_s = np.arange(count) / FPS
    zero = np.zeros((1, count, 3))
    values = {
        "time_s": time_s, "present": np.ones((1, count), bool), "position_m": position[None],
        "quat": quat[None], "velocity_mps": np.gradient(position, time_s, axis=0)[None],
        "angular_velocity_radps": zero, "steer_rad": np.zeros((1, count)),
        "wheel_turn_rad": turn[None], "lamps": np.zeros((1, count), np.uint32),
        "driver": np.full((1, count), Driver.TRAFFIC, np.uint8),
    }  # fmt: skip
    actors = (Actor(id=more.pop("number", 1), blueprint=name, style=style),)
    return Recording(
        scene=Scene(name="walk", road=ROAD, actors=actors), tracks=Tracks(**{**values, **more}),
        fps=FPS, signal_states=np.zeros((2, count), np.uint8),
    )  # fmt: skip


def straight(name: str, speed_mps: float, count: int = 61, style: int = 0, **more) -> Recording:
    """Return an even walk or ride along y with the stride that traffic simulation records."""
    spec = BLUEPRINTS[name]
    way = speed_mps * np.arange(count) / FPS
    per_m = 1 / spec.wheel_radius_m if spec.wheel_radius_m else 2 * np.pi / (0.8 * spec.height_m)
    position = np.stack([0 * way, way, 0 * way], axis=1)
    quat = quat_from_yaw(np.full(count, np.pi / 2))
    return recorded(name, position, quat, way * per_m, style, **more)


def poser_of(rec: Recording, dress: Dress = Dress.FAIR) -> ScenePoser:
    """Return the poser of a recording without signal heads."""
    made = [figure_of(actor.blueprint, actor.style, dress) for actor in rec.scene.actors]
    return ScenePoser(rec, made, *NO_HEADS)


def corners(rec: Recording, poser: ScenePoser, time_s: float) -> list[np.ndarray]:
    """Return the corners of every part of the first actor in the world."""
    actor = rec.scene.actors[0]
    parts, state = figure_of(actor.blueprint, actor.style).parts, poser.at(time_s)
    return [
        part.shape.corners_m.reshape(-1, 3) @ pose[:, :3].T.astype(float) + pose[:, 3]
        for part, pose in zip(parts, state.transforms, strict=True)
    ]


def soles_at(poser: ScenePoser, person: Proportions, time_s: float) -> np.ndarray:
    """Return heel and toe of both soles in the world, shape (2, 2, 3)."""
    poses = poser.at(time_s).transforms.astype(float)
    ends = [np.array([along, 0.0, -ANKLE]) * person.leg_m for along in (HEEL, TOE)]
    return np.array([[poses[k][:, :3] @ end + poses[k][:, 3] for end in ends] for k in (5, 8)])


def slips(poser: ScenePoser, person: Proportions, times: np.ndarray) -> np.ndarray:
    """Return the horizontal speed of the lowest point of the soles, where one carries, m/s."""
    out = []
    step = 0.002
    for time_s in times:
        before, after = (soles_at(poser, person, t).reshape(4, 3) for t in (time_s, time_s + step))
        low = int(before[:, 2].argmin())
        # the point that carries may change within the step, but not the foot
        if low // 2 == int(after[:, 2].argmin()) // 2 and after[low, 2] < 0.001:
            out.append(float(np.linalg.norm((after - before)[low, :2])) / step)
    return np.array(out)
