"""Claims about clip folders."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.camera import camera_quat_from_unreal
from rareworld.core.clip import Frame
from rareworld.data import codes
from rareworld.data.clip import CHANNELS, ClipConfig, ClipWriter, open_clip
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.jsontext import dump_json
from rareworld.errors import ConfigError, StoreError
from tests.data.data_samples import BIG_ID, NUM_FRAMES, make_frame, make_label


def write(path: Path, meta: ClipMeta, *, big_from: int = NUM_FRAMES, **options) -> Path:
    with ClipWriter(path, meta, **options) as writer:
        for index in range(NUM_FRAMES):
            writer.write(make_frame(index, big_id=index >= big_from), [make_label(index)])
    return path


def assert_close(found: Frame, wanted: Frame) -> None:
    np.testing.assert_array_equal(found.instance_id, wanted.instance_id)
    np.testing.assert_array_equal(found.class_id, wanted.class_id)
    np.testing.assert_array_equal(found.edges, wanted.edges)
    np.testing.assert_allclose(found.depth_m, wanted.depth_m, rtol=codes.DEPTH_RELATIVE_ERROR)
    np.testing.assert_allclose(found.normal, wanted.normal, atol=1e-4)
    np.testing.assert_allclose(found.flow_px, wanted.flow_px, atol=codes.FLOW_ERROR_PX)
    assert np.abs(found.rgb.astype(int) - wanted.rgb).mean() < 4


@pytest.mark.parametrize("big_from", [0, 3, NUM_FRAMES])
def test_every_channel_survives(tmp_path: Path, meta: ClipMeta, big_from: int) -> None:
    clip = open_clip(write(tmp_path / "clip", meta, big_from=big_from), deep=True)
    frames = list(clip.frames())
    assert len(frames) == clip.num_frames == NUM_FRAMES
    for index, frame in enumerate(frames):
        assert_close(frame, make_frame(index, big_id=index >= big_from))
    assert (clip.path / "instance_high.mkv").exists() == (big_from < NUM_FRAMES)
    assert (int(frames[-1].instance_id.max()) == BIG_ID) == (big_from < NUM_FRAMES)


@pytest.mark.parametrize("threads", [1, 4, 9, 64])
def test_files_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, meta: ClipMeta, threads: int
) -> None:
    few = write(tmp_path / "few", meta, big_from=3)
    many = write(tmp_path / "many", meta, big_from=3, threads=threads)
    names = sorted(file.name for file in few.iterdir())
    assert sorted(file.name for file in many.iterdir()) == names
    for name in names:
        assert (many / name).read_bytes() == (few / name).read_bytes(), name


def test_any_frame_can_be_read_alone(tmp_path: Path, meta: ClipMeta) -> None:
    clip = open_clip(write(tmp_path / "clip", meta))
    for index in (3, 0, 4):
        assert_close(clip.frame(index), make_frame(index))
    with pytest.raises(IndexError, match="frame 5 of 5"):
        clip.frame(5)


def test_labels_events_and_meta_survive(tmp_path: Path, meta: ClipMeta) -> None:
    clip = open_clip(write(tmp_path / "clip", meta))
    assert clip.labels() == tuple(make_label(index) for index in range(NUM_FRAMES))
    assert clip.labels_by_frame()[3] == (make_label(3),)
    assert clip.events == meta.events
    assert clip.camera == meta.camera
    np.testing.assert_array_equal(clip.meta.signal_states, meta.signal_states)
    rest = {"signal_states": meta.signal_states}
    assert replace(clip.meta, **rest) == meta


def test_camera_is_written_in_both_conventions(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta)
    camera = json.loads((path / "clip.json").read_text())["camera"]
    np.testing.assert_array_equal(camera["K"], meta.camera.intrinsics)
    point = np.array([1.0, 2.0, 0.5, 1.0])
    seen = np.array(camera["K"]) @ (np.array(camera["camera_from_world"]) @ point)[:3]
    np.testing.assert_allclose(seen[:2] / seen[2], meta.camera.project(point[:3])[0], rtol=1e-12)
    turn, at = camera["carla"]["rotation_deg"], camera["carla"]["location_m"]
    quat = camera_quat_from_unreal(turn["pitch"], turn["yaw"], turn["roll"])
    np.testing.assert_allclose(quat, meta.camera.quat, atol=1e-12)
    np.testing.assert_allclose(at, np.array(meta.camera.position_m) * [1, -1, 1])


def test_a_stranger_can_decode_by_the_formulas_in_clip_json(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta)
    about = json.loads((path / "clip.json").read_text())["channels"]
    assert list(about) == sorted(CHANNELS)
    formula = about["depth_m"]["code"].removeprefix("float: ")
    code = codes.encode_depth(np.array([[65.6, 100.0]], np.float32))[0].astype(float)
    np.testing.assert_allclose(eval(formula, {"code": code}), [65.6, 100], rtol=1.3e-4)


def test_same_input_gives_the_same_bytes(tmp_path: Path, meta: ClipMeta) -> None:
    one, two = write(tmp_path / "one", meta), write(tmp_path / "two", meta)
    names = sorted(item.name for item in one.iterdir())
    assert names == sorted(item.name for item in two.iterdir())
    assert len(names) == 13
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_clip_without_caption_signals_or_labels_is_complete(tmp_path: Path, camera) -> None:
    with ClipWriter(tmp_path / "clip", ClipMeta(name="x", camera=camera, fps=29.97)) as writer:
        writer.write(make_frame(0), [])
    clip = open_clip(tmp_path / "clip", deep=True)
    assert clip.meta.caption is None
    assert clip.labels() == ()
    assert not (clip.path / "caption.json").exists()


def test_only_wanted_channels_are_written(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta, config=ClipConfig(channels=("rgb", "depth_m")))
    clip = open_clip(path)
    assert not (path / "flow.mkv").exists()
    assert len(list(clip.channel("depth_m"))) == NUM_FRAMES
    with pytest.raises(ConfigError, match=r"no channel 'flow_px'"):
        clip.channel("flow_px")
    with pytest.raises(ConfigError, match="did you mean 'depth_m'"):
        ClipWriter(path, meta, ClipConfig(channels=("depth",)))


def test_error_in_the_body_leaves_nothing(tmp_path: Path, meta: ClipMeta) -> None:
    def fail() -> None:
        with ClipWriter(tmp_path / "clip", meta) as writer:
            writer.write(make_frame(0), [])
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_error_in_a_thread_comes_out_and_leaves_nothing(tmp_path: Path, meta: ClipMeta) -> None:
    bad = replace(make_frame(0), depth_m=np.full((48, 64), -1, np.float32))
    with (
        pytest.raises(ValueError, match="depth_m must be >= 0"),
        ClipWriter(tmp_path / "clip", meta) as writer,
    ):
        writer.write(bad, [])
    assert list(tmp_path.iterdir()) == []


def test_frames_and_labels_are_checked(tmp_path: Path, meta: ClipMeta) -> None:
    small = replace(meta, camera=replace(meta.camera, width=32))
    with (
        pytest.raises(ValueError, match="is 64 x 48, camera 'pole' is 32 x 48"),
        ClipWriter(tmp_path / "a", small) as writer,
    ):
        writer.write(make_frame(0), [])
    with (
        pytest.raises(ValueError, match="of frame 3, written with frame 0"),
        ClipWriter(tmp_path / "a", meta) as writer,
    ):
        writer.write(make_frame(0), [make_label(3)])
    with (
        pytest.raises(ValueError, match=r"signal_states must have shape \(2, 1\)"),
        ClipWriter(tmp_path / "a", meta) as writer,
    ):
        writer.write(make_frame(0), [])


def test_existing_clip_is_refused_or_replaced(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta)
    with pytest.raises(StoreError, match="already exists"):
        write(path, meta)
    write(path, replace(meta, name="new"), replace=True)
    assert open_clip(path).meta.name == "new"


def damage(path: Path, name: str, **changes: object) -> None:
    values = json.loads((path / name).read_text())
    (path / name).write_text(dump_json(values | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": 99}, "newer than this program.*upgrade"),
        ({"kind": "other"}, "kind must be 'rareworld.clip'"),
        ({"fps": "fast"}, "clip.json: field fps: .*found 'fast'"),
        ({"camera": {"name": "x"}}, "clip.json: field camera.width"),
        ({"props": [{"id": 1, "kind": "tre"}]}, "clip.json: field props.0.kind"),
        ({"props": [3]}, "clip.json: field props.0"),
    ],
)
def test_damaged_index_names_file_and_field(
    tmp_path: Path, meta: ClipMeta, changes: dict[str, object], said: str
) -> None:
    path = write(tmp_path / "clip", meta)
    damage(path, "clip.json", **changes)
    with pytest.raises(StoreError, match=said):
        open_clip(path)


def test_props_say_what_instance_ids_stand_for(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta)
    assert open_clip(path).meta.props == meta.props
    record = json.loads((path / "clip.json").read_text())
    tree, sign = record["props"]
    assert (tree["id"], tree["kind"], tree["position_m"]) == (50, "tree", [3.0, 8.0, 0.0])
    named = record["classes"]
    assert named[str(tree["class_id"])]["name"] == "vegetation"
    assert named[str(sign["class_id"])]["name"] == "traffic sign"
    assert "signal head" in record["channels"]["instance_id"]["unit"]


def test_clip_without_listed_props_is_read(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta)
    values = json.loads((path / "clip.json").read_text())
    del values["props"]
    (path / "clip.json").write_text(dump_json(values))
    assert open_clip(path).meta.props == ()


def test_missing_and_changed_files_are_named(tmp_path: Path, meta: ClipMeta) -> None:
    path = write(tmp_path / "clip", meta)
    content = bytearray((path / "depth.mkv").read_bytes())
    content[-1] ^= 1
    (path / "depth.mkv").write_bytes(content)
    open_clip(path)
    with pytest.raises(StoreError, match=r"depth.mkv: content differs"):
        open_clip(path, deep=True)
    (path / "depth.mkv").unlink()
    with pytest.raises(StoreError, match=r"depth.mkv: is missing"):
        open_clip(path)
    with pytest.raises(StoreError, match=r"clip.json: is missing"):
        open_clip(tmp_path / "nothing")
