"""A stranger's reader of the metropolis layout, written from its description alone.

It knows nothing of rareworld, refuses unknown types and cross-checks pictures with annotations.
"""

import json
import re
from pathlib import Path

import cv2
import numpy as np

FOLDERS = {
    "rgb": "frame_{}.jpg", "depth": "depth_{}.png", "semantic_segmentation": "seg_{}.png",
    "semantic_segmentation_raw": "seg_{}.png", "instance_segmentation": "seg_{}.png",
    "instance_segmentation_raw": "seg_{}.png", "normals": "frame_{}.png", "edges": "edge_{}.png",
    "masks": "frame_{}.png", "odvg": "odvg_{}.json", "rgb_with_bboxes": "frame_{}.jpg",
    "rgb_with_masks": "frame_{}.jpg", "rgb_with_3d_bboxes": "frame_{}.jpg",
    "rgb_with_collisions": "frame_{}.png",
}  # fmt: skip
VIDEOS = sorted(set(FOLDERS) - {"odvg"})
TOP = {
    "frame_id": str, "image_filename": str, "depth_file_name": str,
    "instance_segmentation_file_name": str, "semantic_segmentation_file_name": str,
    "edge_file_name": str, "timestamp": float, "width": int, "height": int, "detections": dict,
}  # fmt: skip
INSTANCE = {
    "object-id": int, "category": str, "blueprint_id": str, "bbox_2d": list, "mask": list,
    "road_lane_id": (str, type(None)), "lane_position": (float, type(None)),
    "vehicle_color": (list, type(None)), "bbox_3d": dict, "bbox_3d_world": dict,
}  # fmt: skip
EVENT_IN_FRAME = {
    "event_id": str, "category": str, "sub_category": str, "collision_actors": list,
    "event_caption": str,
}  # fmt: skip
EVENT = {
    "event_id": str, "start_time": float, "end_time": float, "category": str,
    "objects": list, "event_caption": str,
}  # fmt: skip


def typed(record: dict, keys: dict) -> None:
    for key, kind in keys.items():
        assert key in record, f"key {key!r} is missing in {sorted(record)}"
        assert isinstance(record[key], kind), (key, record[key])


def numbers(values: list, count: int, kind: type) -> None:
    assert len(values) == count
    assert all(isinstance(value, kind) for value in values), values


def picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def read_instance(record: dict, ids: np.ndarray) -> None:
    typed(record, INSTANCE)
    numbers(record["bbox_2d"], 4, int)
    ys, xs = np.nonzero(ids == record["object-id"])
    assert record["bbox_2d"] == [xs.min(), ys.min(), xs.max(), ys.max()], "inclusive extrema"
    for polygon in record["mask"]:
        assert len(polygon) >= 6
        assert len(polygon) % 2 == 0
        numbers(polygon, len(polygon), float)
    if record["vehicle_color"] is not None:
        numbers(record["vehicle_color"], 3, int)
    box, world = record["bbox_3d"], record["bbox_3d_world"]
    numbers([box["center"][axis] for axis in "xyz"], 3, float)
    numbers([box["rotation"][name] for name in ("yaw", "pitch", "roll")], 3, float)
    assert isinstance(box["distance_to_camera"], float)
    numbers([world["center"][axis] for axis in "xyz"], 3, float)
    numbers([world["rotation"][name] for name in ("yaw", "pitch", "roll")], 3, float)
    for each in (box, world):
        numbers([each["dimensions"][name] for name in ("length", "width", "height")], 3, float)


def read_frame(folder: Path, number: int) -> dict:
    name = f"{number:012d}"
    record = load(folder / "odvg" / f"odvg_{name}.json")
    typed(record, TOP)
    assert record["frame_id"] == f"frame_{name}"
    for key in ("image_filename", *(key for key in TOP if key.endswith("_file_name"))):
        image = picture(folder / record[key])
        assert image.shape[:2] == (record["height"], record["width"]), key
    ids = picture(folder / "instance_segmentation_raw" / f"seg_{name}.png")
    assert ids.dtype == np.uint16
    listed = record["detections"]["instances"]
    for instance in listed:
        read_instance(instance, ids)
    for event in record.get("events", []):
        typed(event, EVENT_IN_FRAME)
        numbers(event["collision_actors"], 2, int)
    return record


def read_export(folder: Path) -> dict:
    """Check every file of an export and return what was read."""
    numbers_found = [
        int(re.fullmatch(r"odvg_(\d{12})\.json", path.name).group(1))
        for path in sorted((folder / "odvg").iterdir())
    ]
    assert numbers_found == list(range(len(numbers_found)))
    for name, pattern in FOLDERS.items():
        found = {path.name for path in (folder / name).iterdir()} - {"semantic_labels.json"}
        assert found == {pattern.format(f"{number:012d}") for number in numbers_found}, name
    assert sorted(path.stem for path in (folder / "videos").iterdir()) == VIDEOS
    labels = load(folder / "semantic_segmentation" / "semantic_labels.json")
    assert sorted(map(int, labels)) == list(range(29))
    for entry in labels.values():
        typed(entry, {"name": str, "color": list})
    for key, entry in load(folder / "instances.json")["instances"].items():
        typed(entry, {"object_type": str, "instance_id": int, "color": (list, type(None))})
        assert key == f"object_{entry['instance_id']}"
        assert entry["caption"] is None
    frames = [read_frame(folder, number) for number in numbers_found]
    objects = load(folder / "objects.json")["frames"]
    assert list(objects) == [frame["frame_id"] for frame in frames]
    for entry, frame in zip(objects.values(), frames, strict=True):
        typed(entry, {"format": str, "frame_id": int, "instances": list})
        for item, source in zip(entry["instances"], frame["detections"]["instances"], strict=True):
            assert item["id"] == source["object-id"]
            assert item["bounding_box_2d_tight"] == source["bbox_2d"]
            assert {"category", "blueprint_id", "mask", "road_lane_id", "lane_position"} <= set(
                item
            )
            assert {"vehicle_color", "bbox_3d"} <= set(item)
    return {"frames": frames, "labels": labels, "collisions": read_events(folder)}


def read_events(folder: Path) -> list[dict]:
    """Return the collisions, after a look at every event file."""
    path = folder / "events_collision.json"
    collisions = json.loads(path.read_text()) if path.exists() else []
    normal = [load(item) for item in sorted(folder.glob("events_noncollision_*.json"))]
    for event in [*collisions, *normal]:
        typed(event, EVENT)
        numbers(event["objects"], 2, int)
    assert all(event["category"] == "collision" for event in collisions)
    assert all(event["category"] == "normal" for event in normal)
    assert all(isinstance(event["sub_category"], list) for event in normal)
    return collisions
