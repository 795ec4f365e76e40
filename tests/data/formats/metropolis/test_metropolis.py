"""Claims about the metropolis export, most of them by a reader written apart from it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from rareworld.core.clip import ObjectLabel
from rareworld.core.geometry import box_corners, quat_from_euler
from rareworld.core.scene import Actor
from rareworld.core.taxonomy import PALETTE, ClassId
from rareworld.data.clip import ClipWriter
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.formats.metropolis import MetropolisOptions, export_metropolis
from rareworld.data.formats.metropolis.pictures import instance_colours, mask_polygons
from rareworld.data.formats.metropolis.records import (
    box_in_world,
    closest_pair_record,
    near_miss_records,
)
from rareworld.data.video import probe, read_frames
from rareworld.errors import StoreError
from tests.data.data_samples import BIG_ID, NUM_FRAMES, make_frame, make_label
from tests.data.formats.metropolis.strict_reader import VIDEOS, picture, read_export


def write_clip(path: Path, meta: ClipMeta, *, big_id: bool = False) -> Path:
    with ClipWriter(path, meta) as writer:
        for index in range(NUM_FRAMES):
            object_id = BIG_ID if big_id else 7
            writer.write(make_frame(index, big_id=big_id), [make_label(index, object_id)])
    return path


@pytest.fixture
def clip(tmp_path: Path, meta: ClipMeta) -> Path:
    return write_clip(tmp_path / "clip", meta)


@pytest.fixture
def out(tmp_path: Path, clip: Path) -> Path:
    export_metropolis(clip, tmp_path / "out")
    return tmp_path / "out"


def test_a_stranger_can_read_everything(out: Path) -> None:
    found = read_export(out)
    assert len(found["frames"]) == NUM_FRAMES
    assert all(len(frame["detections"]["instances"]) == 1 for frame in found["frames"])


def test_d1_depth_never_wraps_and_full_depth_has_no_limit(out: Path) -> None:
    name = "depth_000000000000.png"
    depth, wanted = picture(out / "depth" / name), make_frame(0).depth_m
    near = wanted < 65.535
    np.testing.assert_allclose(depth[near], wanted[near] * 1000, atol=5)
    assert np.all(depth[~near] == 65535)
    code = picture(out / "depth_full" / name).astype(np.float64)
    metres = (1 + (code % 4096) / 4096) * 2.0 ** (code // 4096 - 4)
    np.testing.assert_allclose(metres[16:], wanted[16:], rtol=2e-4)
    film = next(iter(read_frames(out / "videos" / "depth.mp4", "rgb24")))[..., 0].astype(int)
    column = film[34:, 2]
    assert np.all(np.diff(column) >= -3), "nearer rows are brighter"
    assert film[0, 0] <= 3


def test_d2_road_survives_in_raw_classes_and_labels(out: Path) -> None:
    name = "seg_000000000002.png"
    raw = picture(out / "semantic_segmentation_raw" / name)
    np.testing.assert_array_equal(raw, make_frame(2).class_id)
    assert (raw == ClassId.ROAD).any()
    coloured = picture(out / "semantic_segmentation" / name)[..., ::-1]
    np.testing.assert_array_equal(coloured, PALETTE[raw])
    labels = json.loads((out / "semantic_segmentation" / "semantic_labels.json").read_text())
    assert labels["1"] == {"name": "road", "color": [128, 64, 128]}


def test_d3_raw_instances_hold_actor_ids(out: Path) -> None:
    raw = picture(out / "instance_segmentation_raw" / "seg_000000000003.png")
    np.testing.assert_array_equal(raw, make_frame(3).instance_id)


def test_d4_world_box_is_the_box_in_carla_axes() -> None:
    """CARLA's own rotation matrix gives the same eight corners, mirrored."""
    quat = quat_from_euler(0.7, -0.2, 0.4)
    label = replace(make_label(1), quat=tuple(quat.tolist()), position_m=(3.0, -2.0, 0.5))
    box = box_in_world(label)
    turn = {name: np.radians(value) for name, value in box["rotation"].items()}
    local = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
    local = local * [box["dimensions"][name] for name in ("length", "width", "height")]
    centre = [box["center"][axis] for axis in "xyz"]
    found = (local @ unreal_matrix(**turn).T + centre) * [1, -1, 1]
    wanted = box_corners(np.array(label.position_m), quat, np.array(label.size_m))
    gaps = np.linalg.norm(found[:, None] - wanted[None], axis=-1)
    assert gaps.min(axis=0).max() < 1e-9


def unreal_matrix(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """The rotation of carla.Transform.get_matrix()."""
    cr, sr, cp, sp = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    cy, sy = np.cos(yaw), np.sin(yaw)
    return np.array(
        [
            [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
            [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
            [sp, -cp * sr, cp * cr],
        ]
    )


def test_d5_and_d6_every_class_is_listed_under_its_one_name(tmp_path: Path, meta: ClipMeta) -> None:
    with ClipWriter(tmp_path / "clip", meta) as writer:
        for index in range(NUM_FRAMES):
            walker = replace(make_label(index), class_id=int(ClassId.PEDESTRIAN))
            writer.write(make_frame(index), [walker])
    export_metropolis(tmp_path / "clip", tmp_path / "out")
    frames = read_export(tmp_path / "out")["frames"]
    assert frames[0]["detections"]["instances"][0]["category"] == "pedestrian"


def test_ids_of_static_objects_are_explained(out: Path) -> None:
    listed = json.loads((out / "instances.json").read_text())
    assert listed["props"]["object_50"] == {
        "object_type": "vegetation", "instance_id": 50, "kind": "tree"
    }  # fmt: skip
    assert set(listed["props"]) == {"object_50", "object_51"}


def test_people_have_no_vehicle_colour(tmp_path: Path, meta: ClipMeta) -> None:
    crowd = replace(meta, actors=(Actor(id=7, blueprint="adult"), Actor(id=9, blueprint="saloon")))
    with ClipWriter(tmp_path / "clip", crowd) as writer:
        for index in range(NUM_FRAMES):
            walker = replace(make_label(index), class_id=int(ClassId.PEDESTRIAN))
            writer.write(make_frame(index), [walker, make_label(index, 9)])
    export_metropolis(tmp_path / "clip", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "odvg" / "odvg_000000000000.json").read_text())
    assert [item["vehicle_color"] for item in record["detections"]["instances"]] == [
        None,
        [128, 128, 128],
    ]


def test_damaged_clip_is_refused_and_leaves_nothing(tmp_path: Path, clip: Path) -> None:
    content = bytearray((clip / "depth.mkv").read_bytes())
    content[-1] ^= 1
    (clip / "depth.mkv").write_bytes(content)
    with pytest.raises(StoreError, match=r"depth\.mkv: content differs"):
        export_metropolis(clip, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_d7_time_stamps_are_those_of_the_recording(out: Path, meta: ClipMeta) -> None:
    stamps = [frame["timestamp"] for frame in read_export(out)["frames"]]
    np.testing.assert_allclose(stamps, meta.start_s + np.arange(NUM_FRAMES) / 30, rtol=1e-12)


@pytest.mark.parametrize("fps", [10.0, 30000 / 1001])
def test_d8_videos_have_the_rate_of_the_clip(tmp_path: Path, meta: ClipMeta, fps: float) -> None:
    clip = write_clip(tmp_path / "clip", replace(meta, fps=fps))
    export_metropolis(clip, tmp_path / "out", MetropolisOptions(overlays=False))
    for path in sorted((tmp_path / "out" / "videos").iterdir()):
        info = probe(path)
        assert float(info.rate) == pytest.approx(fps, rel=1e-9)
        assert info.num_frames == NUM_FRAMES


def test_d9_collisions_have_exact_times_and_mark_their_frames_only(out: Path) -> None:
    found = read_export(out)
    (collision,) = found["collisions"]
    assert (collision["start_time"], collision["end_time"]) == (0.1, 0.2)
    assert collision["objects"] == [7, 9]
    marked = [frame["frame_id"] for frame in found["frames"] if "events" in frame]
    assert marked == ["frame_000000000003", "frame_000000000004"]


def test_d15_every_named_file_exists_and_ids_agree(out: Path) -> None:
    frame = read_export(out)["frames"][3]
    assert frame["edge_file_name"] == "edges/edge_000000000003.png"
    assert frame["image_filename"] == "rgb/frame_000000000003.jpg"
    assert frame["events"][0]["collision_actors"] == [7, 9]


def test_camera_and_manifest_are_added(out: Path, meta: ClipMeta) -> None:
    camera = json.loads((out / "camera.json").read_text())
    np.testing.assert_array_equal(camera["K"], meta.camera.intrinsics)
    assert {"camera_from_world", "carla", "depth", "normals", "depth_full"} <= set(camera)
    manifest = json.loads((out / "manifest.json").read_text())
    listed = set(manifest["files"]) | {"manifest.json"}
    assert listed == {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert manifest["provenance"] == meta.provenance


def test_same_clip_gives_the_same_bytes(tmp_path: Path, clip: Path, out: Path) -> None:
    export_metropolis(clip, tmp_path / "again")
    assert (out / "manifest.json").read_bytes() == (tmp_path / "again/manifest.json").read_bytes()


def test_masks_keep_wanted_classes_only(tmp_path: Path, clip: Path) -> None:
    options = MetropolisOptions(canny_classes=(ClassId.CAR,), videos=False, overlays=False)
    export_metropolis(clip, tmp_path / "out", options)
    image = picture(tmp_path / "out" / "masks" / "frame_000000000000.png")
    car = make_frame(0).class_id == ClassId.CAR
    assert (image[car] > 0).all()
    assert (image[~car] == 0).all()
    assert not (tmp_path / "out" / "videos").exists()


@pytest.mark.parametrize(
    "options", [MetropolisOptions(limit_distance_m=10), MetropolisOptions(area_threshold_px=161)]
)
def test_far_and_small_objects_can_be_left_out(
    tmp_path: Path, clip: Path, options: MetropolisOptions
) -> None:
    export_metropolis(clip, tmp_path / "out", options)
    assert not any(
        frame["detections"]["instances"] for frame in read_export(tmp_path / "out")["frames"]
    )


def test_ids_beyond_16_bit_are_refused_and_leave_nothing(tmp_path: Path, meta: ClipMeta) -> None:
    clip = write_clip(tmp_path / "clip", meta, big_id=True)
    with pytest.raises(StoreError, match="3000000007 does not fit"):
        export_metropolis(clip, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_polygons_cover_the_mask() -> None:
    (polygon,) = mask_polygons(make_label(2), 48, 64)
    x, y = np.array(polygon).reshape(-1, 2).T
    assert (x.min(), x.max(), y.min(), y.max()) == (16, 31, 24, 33)


def test_instance_colours_differ_and_do_not_move() -> None:
    ids = np.arange(1, 2001, dtype=np.uint32)[None]
    colours = instance_colours(ids)[0]
    assert len(np.unique(colours, axis=0)) > 1990
    np.testing.assert_array_equal(instance_colours(np.zeros((2, 2), np.uint32)), 0)
    np.testing.assert_array_equal(instance_colours(ids[:, 6:7])[0, 0], colours[6])


def at(frame: int, object_id: int, x: float) -> ObjectLabel:
    return replace(make_label(frame, object_id), position_m=(x, 0.0, 0.0))


def test_closest_pair_is_the_nearest_without_an_event(meta: ClipMeta) -> None:
    frames = [
        [at(0, 1, 0.0), at(0, 2, 5.0), at(0, 7, 0.1)],
        [at(1, 1, 0.0), at(1, 2, 4.0), at(1, 3, 90.0)],
    ]
    record = closest_pair_record(frames, meta.events, 10.0, 3)
    assert record is not None
    assert record["objects"] == [1, 2]
    assert (record["start_time"], record["end_time"]) == (0.0, 0.2)
    assert closest_pair_record([[at(0, 1, 0.0)], []], (), 10.0, 1) is None


def test_closest_pair_are_road_users() -> None:
    """Two signal heads on one mast are closer than any cars."""
    heads = [replace(at(0, k, 50.0 + k / 9), class_id=int(ClassId.TRAFFIC_LIGHT)) for k in (8, 9)]
    walker = replace(at(0, 2, 5.0), class_id=int(ClassId.PEDESTRIAN))
    record = closest_pair_record([[at(0, 1, 0.0), walker, *heads]], (), 10.0, 1)
    assert record is not None
    assert record["objects"] == [1, 2]
    assert closest_pair_record([heads], (), 10.0, 1) is None


def test_near_misses_are_normal_events(meta: ClipMeta) -> None:
    (record,) = near_miss_records(meta.events)
    assert (record["category"], record["sub_category"]) == ("normal", ["near miss"])
    assert record["objects"] == [7, 9]


def test_video_names_are_those_of_upstream(out: Path) -> None:
    assert sorted(path.stem for path in (out / "videos").iterdir()) == VIDEOS
