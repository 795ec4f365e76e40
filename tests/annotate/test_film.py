"""Footage shows what a labelled clip shows, and a stretch of it what the whole does."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.film import count_actors, during, film
from rareworld.annotate.lens.config import LensConfig, Preset
from rareworld.annotate.pipeline import AnnotateConfig, labelled_frames, make_world
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.stretch import stretch
from rareworld.core.camera import Camera
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import Scene
from rareworld.errors import CameraError, ConfigError
from tests.annotate.labels.random_scenes import KINDS, Body, recording_of

FRAMES = 5
BODIES = [
    Body(KINDS.index("saloon"), -6, 0, 0, 0, 0, 0, 8),
    Body(KINDS.index("adult"), 0, 3, 0, 1, 0, 0, 1),
    Body(KINDS.index("van"), 300, 0, 0, 0, 0, 0, 1),
]
VIEW = Camera.looking_at("pole", (-8, -9, 7), (0, 0, 0.5), width=96, height=64, hfov_rad=1.2)
PLAIN = AnnotateConfig(radius_m=60, render=RenderConfig(shadow_size=256, threads=1))
CCTV = PLAIN.model_copy(
    update={"lens": LensConfig(preset=Preset.CCTV, stamp=None, stream=None, sway=None)}
)


@pytest.fixture(scope="module")
def world():
    made = recording_of(BODIES, FRAMES)
    x = np.linspace(-40, 40, 41)
    line = np.stack([x, 0 * x, 0 * x], axis=1)
    lane = Lane(
        id="1:0:-1", kind=LaneKind.DRIVING, centre_m=line, left_m=np.add(line, (0, 1.8, 0)),
        right_m=np.subtract(line, (0, 1.8, 0)),
    )  # fmt: skip
    road = RoadMap(name="street", lanes={lane.id: lane})
    scene = Scene(name="street", road=road, actors=made.scene.actors)
    return make_world(replace(made, scene=scene), PLAIN)


@pytest.mark.parametrize("config", [PLAIN, CCTV], ids=["exact", "cctv"])
def test_pictures_are_those_of_the_labelled_clip(world, config):
    pictures = list(film(world, VIEW, config))
    frames = list(labelled_frames(world, VIEW, config))
    assert len(pictures) == len(frames) == FRAMES
    for picture, (frame, _) in zip(pictures, frames, strict=True):
        np.testing.assert_array_equal(picture.rgb, frame.rgb)


def test_pixels_of_each_actor_are_counted(world):
    pictures = list(film(world, VIEW, PLAIN))
    for picture, (frame, _) in zip(pictures, labelled_frames(world, VIEW, PLAIN), strict=True):
        own = [(frame.instance_id == actor.id).sum() for actor in world.recording.scene.actors]
        assert picture.visible_px.tolist() == own
    assert pictures[0].visible_px[0] > 50
    assert pictures[0].visible_px[2] == 0


def test_pictures_are_arrays_of_their_own(world):
    first, second, *_ = film(world, VIEW, PLAIN)
    assert (first.rgb != second.rgb).any()


def test_a_stretch_shows_what_the_whole_shows_then(world):
    whole = [picture.rgb for picture in film(world, VIEW, PLAIN)]
    part = [picture.rgb for picture in film(during(world, 2, 4), VIEW, PLAIN)]
    assert len(part) == 2
    np.testing.assert_array_equal(part, whole[2:4])


def test_every_track_is_cut_alike(world):
    recording = world.recording
    cut = stretch(recording, 1, 4)
    for name in ("time_s", "present", "position_m", "quat", "velocity_mps", "lamps", "driver"):
        whole, part = getattr(recording.tracks, name), getattr(cut.tracks, name)
        axis = 0 if name == "time_s" else 1
        np.testing.assert_array_equal(part, whole.take(range(1, 4), axis=axis))
    assert cut.scene is recording.scene


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (2, 2), (3, 2), (0, FRAMES + 1)])
def test_frames_that_are_not_there_are_refused(world, start, stop):
    with pytest.raises(ConfigError, match=f"{FRAMES} frames"):
        during(world, start, stop)


def test_a_blind_camera_is_refused(world):
    away = Camera.looking_at("away", (-8, -9, 7), (-8, -90, 60), width=96, height=64, hfov_rad=1.2)
    with pytest.raises(CameraError):
        list(film(world, away, PLAIN))


def test_ids_of_nobody_are_left_out():
    scene = Scene(name="none", road=RoadMap(name="none", lanes={}))
    assert count_actors(scene, np.ones((2, 2), np.uint32)).tolist() == []
