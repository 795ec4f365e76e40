"""Automatic cameras: what they see, where they stand; and the check of any camera."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.camera import Camera
from rareworld.core.event import Event, EventKind
from rareworld.core.road import Junction, Lane, LaneKind, RoadMap
from rareworld.core.scene import Actor, Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording, Tracks
from rareworld.core.viewpoint import (
    ViewConfig,
    check_camera,
    focus_points,
    place_cameras,
    transmittance,
)
from rareworld.errors import CameraError


def _lane(
    name: str, start: tuple[float, float], end: tuple[float, float], kind=LaneKind.DRIVING
) -> Lane:
    line = np.linspace(start, end, 40)
    ahead = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
    left = np.array([-ahead[1], ahead[0]]) * 1.75
    flat = [
        np.concatenate([xy, np.zeros((40, 1))], axis=1) for xy in (line, line + left, line - left)
    ]
    return Lane(id=name, kind=kind, centre_m=flat[0], left_m=flat[1], right_m=flat[2])


def _road() -> RoadMap:
    lines = {
        "a": ((-90, -1.75), (90, -1.75)), "b": ((90, 1.75), (-90, 1.75)),
        "c": ((1.75, -90), (1.75, 90)), "d": ((-1.75, 90), (-1.75, -90)),
    }  # fmt: skip
    outline = np.array([[9.0, -9, 0], [9, 9, 0], [-9, 9, 0], [-9, -9, 0]])
    return RoadMap(
        name="cross",
        lanes={name: _lane(name, *ends) for name, ends in lines.items()},
        junctions=(Junction(id="J", name="J", outline_m=outline),),
    )


def _scene(rng: np.random.Generator | None = None) -> Scene:
    """A crossroads with a building on each corner lot, of random size and place."""
    rng = rng or np.random.default_rng(0)
    props = tuple(
        Prop(
            id=100 + i, kind=kind, yaw_rad=float(rng.uniform(-0.2, 0.2)),
            position_m=(float(sx * rng.uniform(20, 34)), float(sy * rng.uniform(20, 34)), 0.0),
            size_m=tuple(float(v) for v in rng.uniform([8, 8, 4], [16, 16, 20])),
        )
        for i, (sx, sy, kind) in enumerate(
            [
                (1, 1, PropKind.BUILDING), (-1, 1, PropKind.BUILDING),
                (-1, -1, PropKind.TREE), (1, -1, PropKind.WALL),
            ]
        )
    )  # fmt: skip
    return Scene(name="test", road=_road(), props=props)


def _focus(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform([-9, -9, 0.4], [9, 9, 1.2], (12, 3))


@pytest.mark.parametrize("seed", range(25))
def test_random_scenes_are_seen_from_beside_the_road(seed):
    rng = np.random.default_rng(seed)
    scene, focus, config = _scene(rng), _focus(rng), ViewConfig()
    rig = place_cameras(scene, focus, 3, config, Seed(seed))
    middle = (focus.min(axis=0) + focus.max(axis=0)) / 2
    for camera in rig.cameras:
        pixels, depth = camera.project(focus)
        share = np.abs(pixels / [camera.width, camera.height] * 2 - 1).max()
        assert share <= config.central_share + 1e-6
        assert depth.min() > 0
        x, y, z = camera.position_m
        assert 6 <= z <= 12
        assert min(abs(x), abs(y)) >= 3.5 + 0.5, "off every lane"
        assert 15 <= np.hypot(x - middle[0], y - middle[1]) <= 45
        assert 55 - 1e-6 <= np.degrees(camera.hfov_rad) <= 90 + 1e-6
        eye = np.array(camera.position_m)
        assert _sampled_view(scene, eye, focus) >= config.min_visible - 0.05
        check_camera(camera, scene, focus)


def _sampled_view(scene: Scene, eye: np.ndarray, focus: np.ndarray) -> float:
    """Slow twin of `transmittance`: walks along each line of sight in 2 cm steps."""
    seen = []
    for point in focus:
        steps = np.linspace(0, 1, int(np.linalg.norm(point - eye) / 0.02))[:, None]
        line = eye + steps * (point - eye)
        value = 1.0
        for prop in scene.props:
            d = line - prop.position_m
            c, s = np.cos(prop.yaw_rad), np.sin(prop.yaw_rad)
            inside = (
                (np.abs(c * d[:, 0] + s * d[:, 1]) < prop.size_m[0] / 2)
                & (np.abs(c * d[:, 1] - s * d[:, 0]) < prop.size_m[1] / 2)
                & (d[:, 2] > 0) & (d[:, 2] < prop.size_m[2])
            )  # fmt: skip
            value *= (0.5 if prop.kind is PropKind.TREE else 0.0) if inside.any() else 1.0
        seen.append(value)
    return float(np.mean(seen))


def test_transmittance_agrees_with_stepping_along_the_line():
    rng = np.random.default_rng(5)
    scene = _scene(rng)
    for _ in range(30):
        eye, focus = rng.uniform([-50, -50, 2], [50, 50, 14]), _focus(rng)
        fast = float(transmittance(scene, eye, focus).mean())
        assert fast == pytest.approx(_sampled_view(scene, eye, focus), abs=0.05)


def test_cameras_stand_on_different_sides():
    rig = place_cameras(_scene(), _focus(np.random.default_rng(1)), 3)
    angles = [np.arctan2(c.position_m[1], c.position_m[0]) for c in rig.cameras]
    apart = [abs((a - b + np.pi) % (2 * np.pi) - np.pi) for a in angles for b in angles if a != b]
    assert np.degrees(min(apart)) > 40


def test_same_seed_same_cameras():
    focus = _focus(np.random.default_rng(1))
    assert place_cameras(_scene(), focus, 2, seed=Seed(3)) == place_cameras(
        _scene(), focus, 2, seed=Seed(3)
    )
    assert place_cameras(_scene(), focus, 2, seed=Seed(3)) != place_cameras(
        _scene(), focus, 2, seed=Seed(4)
    )


def test_a_walled_in_focus_is_an_error_with_figures():
    roof = Prop(
        id=7, kind=PropKind.BUILDING, position_m=(0, 0, 0), yaw_rad=0.0, size_m=(26, 26, 30)
    )
    scene = replace(_scene(), props=(roof,))
    with pytest.raises(CameraError, match="only 0 see 90% of it"):
        place_cameras(scene, _focus(np.random.default_rng(1)))


def test_a_map_without_driving_lanes_is_an_error():
    scene = Scene(name="x", road=RoadMap(name="field", lanes={}))
    with pytest.raises(CameraError, match="no driving lane"):
        place_cameras(scene, np.zeros((1, 3)))


def _at(position, target=(0.0, 0.0, 1.0)) -> Camera:
    return Camera.looking_at("c", position, target, width=640, height=360, hfov_rad=1.2)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        (_at((20.0, 6.0, -1.0)), "under ground"),
        (_at((25.0, 25.0, 3.0)), "inside building 100"),
        (_at((20.0, 6.0, 6.0), (40.0, 6.0, 6.0)), "behind the camera"),
        (_at((20.0, 6.0, 6.0), (20.0, 40.0, 6.0)), "outside the image|behind the camera"),
        (_at((45.0, 45.0, 3.0)), "hidden by building 100"),
    ],
)
def test_bad_cameras_are_named(camera, message):
    house = Prop(
        id=100, kind=PropKind.BUILDING, position_m=(25, 25, 0), yaw_rad=0.0, size_m=(20, 20, 12)
    )
    scene = Scene(name="test", road=_road(), props=(house,))
    with pytest.raises(CameraError, match=message):
        check_camera(camera, scene, np.array([[0.0, 0, 1], [2, 2, 1]]))


def _recording(events: tuple[Event, ...]) -> Recording:
    """Two cars that drive apart along x at 10 m/s for 4 s."""
    scene = Scene(
        name="two", road=_road(), actors=tuple(Actor(id=i, blueprint="suv") for i in (1, 2))
    )
    time, shape = np.arange(120) / 30, (2, 120)
    position = np.zeros((2, 120, 3))
    position[0, :, 0], position[1, :, 0] = 10 * time, -10 * time
    quat = np.tile([1.0, 0, 0, 0], (2, 120, 1))
    zeros = np.zeros(shape)
    tracks = Tracks(
        time_s=time,
        present=np.ones(shape, bool),
        position_m=position,
        quat=quat,
        velocity_mps=np.gradient(position, time, axis=1),
        angular_velocity_radps=np.zeros((2, 120, 3)),
        steer_rad=zeros,
        wheel_turn_rad=zeros,
        lamps=np.zeros(shape, np.uint32),
        driver=np.zeros(shape, np.uint8),
    )
    states = np.zeros((0, 120), np.uint8)
    return Recording(scene=scene, tracks=tracks, fps=30.0, signal_states=states, events=events)


def test_focus_is_the_event_and_its_actors_near_it():
    event = Event(
        kind=EventKind.COLLISION, actors=(1,), start_s=2.0, end_s=2.5, start_frame=60,
        end_frame=75, key_s=2.0, position_m=(20.0, 0.0, 0.0),
    )  # fmt: skip
    focus = focus_points(_recording((event,)))
    assert focus[0].tolist() == [20.0, 0.0, 0.7]
    assert focus[:, 0].min() == pytest.approx(5.0)
    assert focus[:, 0].max() <= 35.0
    assert focus_points(_recording((event,)), reach_m=6.0)[:, 0].min() >= 14.0


def test_focus_without_events_is_where_the_actors_are():
    focus = focus_points(_recording(()), reach_m=50.0)
    assert focus[:, 0].tolist() == [20.0, -20.0]
