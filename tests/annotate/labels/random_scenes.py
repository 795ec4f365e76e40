"""Random recordings with boxes for bodies, small enough to render a thousand."""

from dataclasses import dataclass

import numpy as np

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.labels.objects import ObjectLabeller
from rareworld.annotate.labels.subjects import ActorSubject
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import FrameState
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.camera import Camera
from rareworld.core.geometry import matrix_from_quat, quat_from_euler
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene
from rareworld.core.trajectory import Recording, Tracks
from tests.annotate.render.shapes import box, ground, joined, scene

KINDS = tuple(BLUEPRINTS)
PROP_ID = 900


@dataclass(frozen=True)
class Body:
    """One drawn actor: blueprint number, place, tilt and speed."""

    kind: int
    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    speed_mps: float


def recording_of(bodies: list[Body], frames: int = 2) -> Recording:
    """Bodies that move along their heading."""
    n, fps = len(bodies), 10.0
    time = np.arange(frames) / fps
    angles = np.array([[b.yaw_rad, b.pitch_rad, b.roll_rad] for b in bodies], float).reshape(-1, 3)
    quat = quat_from_euler(angles[:, 0], angles[:, 1], angles[:, 2])
    speed = np.array([b.speed_mps for b in bodies], float)
    ahead = matrix_from_quat(quat)[:, :, 0] * speed[:, None]
    start = np.array([[b.x_m, b.y_m, b.z_m] for b in bodies], float).reshape(-1, 3)
    actors = tuple(
        Actor(id=3 * k + 2, blueprint=KINDS[b.kind % len(KINDS)]) for k, b in enumerate(bodies)
    )
    tracks = Tracks(
        time_s=time,
        present=np.ones((n, frames), bool),
        position_m=start[:, None] + ahead[:, None] * time[None, :, None],
        quat=np.repeat(quat[:, None], frames, axis=1),
        velocity_mps=np.repeat(ahead[:, None], frames, axis=1),
        angular_velocity_radps=np.zeros((n, frames, 3)),
        steer_rad=np.zeros((n, frames)),
        wheel_turn_rad=np.zeros((n, frames)),
        lamps=np.zeros((n, frames), np.uint32),
        driver=np.zeros((n, frames), np.uint8),
    )
    return Recording(
        scene=Scene(name="random", road=RoadMap(name="none", lanes={}), actors=actors),
        tracks=tracks, fps=fps, signal_states=np.zeros((0, frames), np.uint8),
    )  # fmt: skip


def state_at(recording: Recording, frame: int) -> FrameState:
    """One instance per actor: its 3D box."""
    tracks = recording.tracks
    turn = matrix_from_quat(tracks.quat[:, frame])
    place = tracks.position_m[:, frame, :, None]
    return FrameState(
        transforms=np.concatenate([turn, place], axis=2).astype(np.float32),
        visible=tracks.present[:, frame].astype(np.uint8),
        state=tracks.lamps[:, frame],
    )


def labelled(recording: Recording, view: Camera):
    """Yield (frame, labels) of a recording drawn with boxes, a wall among them."""
    actors = recording.scene.actors
    wall = box((0.5, 8, 3))
    made = scene(
        joined(ground(cells=2), wall),
        [box(actor.spec.size_m) for actor in actors],
        [(actor.id, k) for k, actor in enumerate(actors)],
    )
    ids = made.static_object_id.copy()
    ids[-len(wall.triangles) :] = PROP_ID
    made = type(made)(**{**vars(made), "static_object_id": ids})
    config = RenderConfig(threads=1, shadow_size=64, occlusion=False)
    renderer, bands = RasterRenderer(made, view, config), Bands(1)
    channels = ChannelMaker(renderer, view.height, view.width, EdgeConfig(), bands)
    subjects = tuple(
        ActorSubject(
            object_id=actor.id, class_id=int(actor.class_id), blueprint=actor.blueprint,
            size_m=actor.spec.size_m, row=row, recording=recording,
        )
        for row, actor in enumerate(actors)
    )  # fmt: skip
    objects = ObjectLabeller(renderer, view, subjects, None, bands)
    count = recording.tracks.num_frames
    for k in range(count):
        now = state_at(recording, k)
        pixels = channels.render(now)
        labels = objects.label(k, float(recording.tracks.time_s[k]), pixels, now)
        following = state_at(recording, k + 1) if k + 1 < count else None
        yield channels.make(pixels, now, following), labels
    bands.close()
    renderer.close()
