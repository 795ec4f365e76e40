"""A recording on a hand-made road becomes a complete clip; bad cameras are named errors."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.labels.check import check_frame
from rareworld.annotate.labels.subjects import number_heads, subjects_of
from rareworld.annotate.pipeline import AnnotateConfig, annotate, labelled_frames, make_world
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.world.sun import nearest_lighting, sun_angles
from rareworld.core.camera import Camera
from rareworld.core.road import Lane, LaneKind, RoadMap, Signal, SignalKind
from rareworld.core.scene import Prop, PropKind, Scene
from rareworld.core.trajectory import SignalState
from rareworld.data.clip import open_clip
from rareworld.errors import CameraError, StoreError
from tests.annotate.labels.random_scenes import KINDS, Body, recording_of

BODIES = [
    Body(KINDS.index("saloon"), -6, 0, 0, 0, 0, 0, 8),
    Body(KINDS.index("motorcycle"), 2, 0, 0, 0, 0, 0, 4),
    Body(KINDS.index("adult"), 0, 3, 0, 1, 0, 0, 1),
]
FRAMES = 3


def _road():
    x = np.linspace(-40, 40, 41)
    line = np.stack([x, 0 * x, 0 * x], axis=1)
    lane = Lane(
        id="1:0:-1", kind=LaneKind.DRIVING, centre_m=line, left_m=np.add(line, (0, 1.8, 0)),
        right_m=np.subtract(line, (0, 1.8, 0)),
    )  # fmt: skip
    signal = Signal(
        id="7", kind=SignalKind.TRAFFIC_LIGHT, position_m=(6.0, -3.0, 0.0), yaw_rad=np.pi,
        height_m=3.0, lanes=("1:0:-1",),
    )  # fmt: skip
    return RoadMap(name="street", lanes={lane.id: lane}, signals=(signal,))


@pytest.fixture(scope="module")
def recording():
    made = recording_of(BODIES, FRAMES)
    tree = Prop(
        id=50, kind=PropKind.TREE, position_m=(3.0, 7.0, 0.0), yaw_rad=0.0, size_m=(3, 3, 6)
    )
    scene = Scene(name="street", road=_road(), actors=made.scene.actors, props=(tree,))
    states = np.full((1, FRAMES), int(SignalState.GREEN), np.uint8)
    return replace(made, scene=scene, signal_states=states)


CONFIG = AnnotateConfig(
    radius_m=60, render=RenderConfig(shadow_size=256, threads=2), provenance={"config": "abc"}
)
VIEW = Camera.looking_at("pole", (-8, -9, 7), (0, 0, 0.5), width=192, height=128, hfov_rad=1.2)


def test_clip_on_disk_is_what_was_rendered(recording, tmp_path):
    done = []
    path = annotate(
        recording, VIEW, tmp_path / "clip", CONFIG, progress=lambda k, n: done.append((k, n))
    )
    assert done == [(1, FRAMES), (2, FRAMES), (3, FRAMES)]
    clip = open_clip(path, deep=True)
    rendered = list(labelled_frames(make_world(recording, CONFIG), VIEW, CONFIG))
    assert clip.num_frames == len(rendered) == FRAMES
    assert clip.labels() == tuple(label for _, labels in rendered for label in labels)
    for stored, (frame, _) in zip(clip.frames(), rendered, strict=True):
        np.testing.assert_array_equal(stored.instance_id, frame.instance_id)
        np.testing.assert_array_equal(stored.class_id, frame.class_id)
        np.testing.assert_array_equal(stored.edges, frame.edges)
    assert clip.meta.provenance["config"] == "abc"
    seen = clip.meta.provenance["conditions"]
    assert (seen["weather"], seen["road"], seen["intensity"]) == ("clear_sky", "dry", 0.6)
    assert clip.meta.provenance["annotate"]["conditions"]["lighting"] is None
    light = recording.scene.light
    assert seen["lighting"] == nearest_lighting(light).value
    assert seen["local_time"] == light.when.isoformat()
    height = sun_angles(light.latitude_deg, light.longitude_deg, light.when)[1]
    assert seen["sun_elevation_deg"] == pytest.approx(height, abs=0.01)


def test_labels_of_modelled_actors_hold_the_rules(recording):
    """Real figures, not boxes: mirrors, wheels and limbs included."""
    known = [prop.id for prop in recording.scene.props]
    for frame, labels in labelled_frames(make_world(recording, CONFIG), VIEW, CONFIG):
        assert check_frame(frame, labels, VIEW, known) == []
        blueprints = {label.blueprint for label in labels}
        assert {"saloon", "motorcycle", "adult", "traffic light"} == blueprints
        saloon = next(label for label in labels if label.blueprint == "saloon")
        assert saloon.lane == "1:0:-1"
        assert saloon.lane_offset_m == pytest.approx(0.0, abs=1e-9)
        corners = np.array(saloon.corners_px)[:, :2]
        low, high = corners.min(axis=0), corners.max(axis=0)
        # the drawn car fills its nominal box; only mirrors may stand out
        width, height = high - low
        np.testing.assert_allclose(saloon.loose_box[:2], low, atol=0.12 * max(width, height))
        np.testing.assert_allclose(saloon.loose_box[2:], high, atol=0.12 * max(width, height))


def test_signal_heads_get_ids_after_all_others(recording):
    world = make_world(recording, CONFIG)
    ids = [instance.object_id for instance in world.scene.instances]
    assert 0 not in ids
    assert max(ids) > 50
    again = number_heads(world.scene, recording)
    assert again.instances == world.scene.instances
    subjects = subjects_of(world.scene, recording)
    assert [s.object_id for s in subjects] == sorted({*ids})
    head = subjects[-1]
    pose = head.pose(0, world.poser.at(0.0))
    assert pose is not None
    assert pose.lamps & (1 << 18)
    assert 2.0 < pose.position_m[2] < 3.5


@pytest.mark.parametrize(
    ("place", "target", "words"),
    [
        ((0, -9, -2), (0, 0, 0), "under ground"),
        ((3, 7, 3), (0, 0, 0), "inside tree"),
        ((-8, -9, 7), (-20, -30, 9), "sees nothing"),
    ],
)
def test_bad_cameras_are_refused_and_leave_nothing(recording, tmp_path, place, target, words):
    bad = Camera.looking_at("bad", place, target, width=64, height=48, hfov_rad=1.0)
    with pytest.raises(CameraError, match=words):
        annotate(recording, bad, tmp_path / "clip", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_existing_clip_is_kept_unless_asked(recording, tmp_path):
    target = tmp_path / "clip"
    target.mkdir()
    (target / "mine.txt").write_text("kept")
    with pytest.raises(StoreError):
        annotate(recording, VIEW, target, CONFIG)
    assert (target / "mine.txt").read_text() == "kept"
