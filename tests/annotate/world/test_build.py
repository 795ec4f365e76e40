from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.build import WorldConfig, build_world
from rareworld.annotate.world.cast import linear
from rareworld.annotate.world.light import daylight
from rareworld.annotate.world.model import StateBit, Texture
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import matrix_from_quat, rotate, slerp
from rareworld.core.scene import PropKind
from rareworld.core.taxonomy import PEOPLE, ClassId
from rareworld.core.trajectory import Lamp
from rareworld.errors import ConfigError
from tests.annotate.world.world_scenes import make_recording


@pytest.fixture(scope="module")
def world(recording):
    return build_world(recording, (0.0, 0.0), 50.0)


def rows_of(scene, actor_id):
    return [k for k, instance in enumerate(scene.instances) if instance.object_id == actor_id]


def test_every_index_points_somewhere(world):
    scene, _ = world
    for mesh in (scene.static, *scene.prototypes):
        assert mesh.triangles.max() < len(mesh.vertices_m)
        assert mesh.material.max() < len(scene.materials)
        assert np.isfinite(mesh.vertices_m).all()
        assert np.isin(mesh.class_id, [int(kind) for kind in ClassId]).all()
    assert len(scene.static_object_id) == len(scene.static.triangles)
    assert all(0 <= i.prototype < len(scene.prototypes) for i in scene.instances)
    assert {int(m.texture) for m in scene.materials} <= set(range(-1, len(scene.textures)))
    assert len(scene.textures) == len(Texture) - 1


def test_static_triangles_carry_their_props_ids(world, recording):
    scene, _ = world
    for prop in recording.scene.props:
        mine = scene.static.triangles[scene.static_object_id == prop.id]
        points = scene.static.vertices_m[mine].reshape(-1, 3)
        assert len(points) > 20
        reach = 60.0 if prop.kind is PropKind.BRIDGE else 7.0  # its ramps
        assert np.hypot(*(points[:, :2] - prop.position_m[:2]).T).max() < reach


def test_bodies_stand_exactly_where_the_recording_says_at_frame_times(world, recording):
    scene, poser = world
    tracks = recording.tracks
    for frame in (0, 3, 10):
        state = poser.at(float(tracks.time_s[frame]))
        for row, actor in enumerate(recording.scene.actors):
            if not tracks.present[row, frame] or actor.class_id in PEOPLE:
                continue
            pose = state.transforms[rows_of(scene, actor.id)[0]]
            assert np.allclose(pose[:, 3], tracks.position_m[row, frame], atol=1e-5)
            assert np.allclose(pose[:, :3], matrix_from_quat(tracks.quat[row, frame]), atol=1e-6)


def test_between_frames_poses_are_interpolated(world, recording):
    scene, poser = world
    tracks, row = recording.tracks, 2
    actor = recording.scene.actors[row]
    pose = poser.at(0.24).transforms[rows_of(scene, actor.id)[0]]
    wanted = slerp(tracks.quat[row, 2], tracks.quat[row, 3], 0.4)
    assert np.allclose(pose[:, :3], matrix_from_quat(wanted), atol=1e-5)
    between = 0.6 * tracks.position_m[row, 2] + 0.4 * tracks.position_m[row, 3]
    assert np.allclose(pose[:, 3], between, atol=1e-5)


def test_all_transforms_are_rigid(world):
    _, poser = world
    for time_s in (-1.0, 0.0, 0.377, 5.0):
        turn = poser.at(time_s).transforms[:, :, :3].astype(np.float64)
        assert np.allclose(turn @ turn.swapaxes(1, 2), np.eye(3), atol=1e-5)
        assert np.allclose(np.linalg.det(turn), 1, atol=1e-5)


def test_absent_actors_are_hidden_and_the_rest_shown(world, recording):
    scene, poser = world
    first = recording.scene.actors[0].id
    for time_s, shown in ((0.4, 1), (0.45, 1), (0.5, 0), (0.9, 0)):
        state = poser.at(time_s)
        assert set(state.visible[rows_of(scene, first)]) == {shown}
        assert state.visible.sum() >= len(state.visible) - len(rows_of(scene, first))
        assert np.isfinite(state.transforms).all()


def test_wheels_roll_forward_and_front_wheels_steer(world, recording):
    scene, poser = world
    row = next(k for k, a in enumerate(recording.scene.actors) if a.blueprint == "saloon")
    actor = recording.scene.actors[row]
    parts, spec = rows_of(scene, actor.id), BLUEPRINTS["saloon"]
    state = poser.at(0.2)
    body = state.transforms[parts[0]].astype(np.float64)
    for part in parts[1:]:
        local = body[:, :3].T @ state.transforms[part][:, :3]
        axle = local[:, 1]
        front = (body[:, :3].T @ (state.transforms[part][:, 3] - body[:, 3]))[0] > 0
        assert np.arctan2(-axle[0], axle[1]) == pytest.approx(0.2 if front else 0.0, abs=1e-5)
        assert state.transforms[part][2, 3] == pytest.approx(spec.wheel_radius_m, abs=1e-5)
    rear = body[:, :3].T @ state.transforms[parts[3]][:, :3]
    top = rear @ np.array([0.0, 0, 1])
    assert np.arctan2(top[0], top[2]) == pytest.approx(6.0 * 0.2, abs=1e-5)


def test_lamps_and_signal_aspects_reach_their_instances(world, recording):
    scene, poser = world
    head = [k for k, i in enumerate(scene.instances) if i.object_id == 0]
    assert len(head) == 1
    assert poser.at(0.1).state[head[0]] == int(StateBit.GREEN)
    assert poser.at(0.3).state[head[0]] == int(StateBit.RED | StateBit.YELLOW)
    saloon = rows_of(scene, recording.scene.actors[2].id)
    lamps = poser.at(0.2).state[saloon] & ~np.uint32(StateBit.DAYTIME)
    assert set(lamps) == {int(Lamp.BRAKE)}


def test_signal_head_faces_along_its_yaw_at_its_height(world):
    scene, poser = world
    head = next(k for k, i in enumerate(scene.instances) if i.object_id == 0)
    pose = poser.at(0.0).transforms[head]
    assert np.allclose(pose[:, 0], [-1, 0, 0], atol=1e-6)
    assert pose[2, 3] == pytest.approx(3.0)
    lens = scene.prototypes[scene.instances[head].prototype]
    number = [made.name for made in scene.materials].index("lens red")
    red = lens.vertices_m[lens.triangles[lens.material == number]]
    assert red[..., 2].mean() > 0.2
    assert lens.normals[:, 0].max() > 0.99


def test_standing_people_do_not_swing_their_legs():
    rec = make_recording()
    still = replace(rec.tracks, wheel_turn_rad=np.full_like(rec.tracks.wheel_turn_rad, 2.0))
    scene, poser = build_world(replace(rec, tracks=still), (0.0, 0.0), 50.0)
    adult = next(a for a in rec.scene.actors if a.blueprint == "adult")
    state = poser.at(0.7)
    parts = rows_of(scene, adult.id)[:7]
    body = rec.tracks.quat[rec.row(adult.id), 7]
    forward, up = (rotate(body, np.array(axis)) for axis in ([1.0, 0, 0], [0, 0, 1.0]))
    for thigh in (3, 6):
        bone = -state.transforms[parts[thigh]][:, 2].astype(np.float64)
        assert abs(np.arctan2(bone @ forward, -bone @ up)) < 0.15


def test_same_recording_gives_the_same_bytes(world, recording):
    again, poser = build_world(recording, (0.0, 0.0), 50.0)
    pairs = ((made.static, *made.prototypes) for made in (world[0], again))
    for one, two in zip(*pairs, strict=True):
        assert one.vertices_m.tobytes() == two.vertices_m.tobytes()
        assert one.triangles.tobytes() == two.triangles.tobytes()
    assert poser.at(0.33).transforms.tobytes() == world[1].at(0.33).transforms.tobytes()


def test_colours_are_linear_and_daylight_comes_from_the_scene(world, recording):
    scene, _ = world
    assert linear((0.0, 0.5, 1.0)) == pytest.approx((0.0, 0.2140, 1.0), abs=1e-4)
    assert scene.instances[0].body_colour == pytest.approx(linear((0.8, 0.1, 0.1)))
    assert scene.daylight == daylight(recording.scene.light, seed=recording.scene.seed)


def test_unknown_options_are_named():
    with pytest.raises(ConfigError, match="verge_m"):
        WorldConfig.parse({"verge": 0.1})
