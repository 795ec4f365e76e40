"""The JSON records of the metropolis layout, as plain values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from rareworld.core.clip import ObjectLabel
from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import FloatArray, euler_from_quat, rotate
from rareworld.core.scene import Actor, Prop
from rareworld.core.taxonomy import PALETTE, PEOPLE, VEHICLES, ClassId

Record = dict[str, Any]


@final
@dataclass(frozen=True, kw_only=True)
class FrameInfo:
    """What a frame's record needs to know about its clip."""

    index: int
    time_s: float
    """Seconds since the start of the recording."""
    width: int
    height: int
    actors: Mapping[int, Actor]
    events: Sequence[Event]


def frame_name(index: int) -> str:
    """Return the number of a frame as file names carry it."""
    return f"{index:012d}"


def class_name(class_id: int) -> str:
    """Return the name of a class as CARLA spells it in lower case."""
    return ClassId(class_id).name.lower().replace("_", " ")


def odvg_record(info: FrameInfo, labels: Sequence[ObjectLabel], masks: Sequence[object]) -> Record:
    """Return the annotations of one frame; `masks` holds each label's polygons."""
    name = frame_name(info.index)
    pairs = zip(labels, masks, strict=True)
    record: Record = {
        "frame_id": f"frame_{name}",
        "image_filename": f"rgb/frame_{name}.jpg",
        "depth_file_name": f"depth/depth_{name}.png",
        "instance_segmentation_file_name": f"instance_segmentation/seg_{name}.png",
        "semantic_segmentation_file_name": f"semantic_segmentation/seg_{name}.png",
        "edge_file_name": f"edges/edge_{name}.png",
        "timestamp": info.time_s,
        "width": info.width,
        "height": info.height,
        "detections": {"instances": [instance_record(info, label, mask) for label, mask in pairs]},
    }
    events = _events_of_frame(info)
    return record | ({"events": events} if events else {})


def instance_record(info: FrameInfo, label: ObjectLabel, mask: object) -> Record:
    """Return one object of a frame: upstream's keys, then ours."""
    return {
        "object-id": label.object_id,
        "category": class_name(label.class_id),
        "blueprint_id": label.blueprint,
        "bbox_2d": inclusive_box(label),
        "mask": mask,
        "road_lane_id": label.lane,
        "lane_position": label.lane_offset_m,
        "vehicle_color": colour_record(info.actors.get(label.object_id)),
        "bbox_3d": box_in_camera(label),
        "bbox_3d_world": box_in_world(label),
        "bbox_2d_loose": list(label.loose_box),
        "bbox_3d_corners_px": [list(corner) for corner in label.corners_px],
        "mask_rle": {"size": [info.height, info.width], "counts": label.mask_rle},
        "visible_px": label.visible_px,
        "total_px": label.total_px,
        "occlusion": label.occlusion,
        "truncation": label.truncation,
        "velocity_mps": carla_vector(label.velocity_mps),
        "lamps": label.lamps,
    }


def inclusive_box(label: ObjectLabel) -> list[int]:
    """Return [x_min, y_min, x_max, y_max], both ends inside the object."""
    x_min, y_min, x_max, y_max = label.tight_box
    return [x_min, y_min, x_max - 1, y_max - 1]


def colour_record(actor: Actor | None) -> list[int] | None:
    """Return the paint of a vehicle as RGB in 0..255; people and what is no actor have none."""
    if actor is None or actor.class_id in PEOPLE:
        return None
    return [round(255 * part) for part in actor.colour]


def box_in_camera(label: ObjectLabel) -> Record:
    """Return the 3D box in the camera frame; angles are the object's own, in radians."""
    quat = np.array(label.quat_camera)
    yaw, pitch, roll = (float(angle) for angle in euler_from_quat(quat))
    return {
        "center": _point(label.centre_camera_m),
        "dimensions": _dimensions(label),
        "rotation": {"yaw": yaw, "pitch": pitch, "roll": roll},
        "quaternion_wxyz": list(label.quat_camera),
        "distance_to_camera": float(np.linalg.norm(label.centre_camera_m)),
    }


def box_in_world(label: ObjectLabel) -> Record:
    """Return the 3D box in CARLA's world: left-handed, metres, degrees."""
    quat = np.array(label.quat)
    up: FloatArray = rotate(quat, np.array([0.0, 0.0, label.size_m[2] / 2]))
    centre = np.array(label.position_m) + up
    yaw, pitch, roll = (float(np.degrees(angle)) for angle in euler_from_quat(quat))
    return {
        "center": _point(carla_vector(centre.tolist())),
        "dimensions": _dimensions(label),
        "rotation": {"roll": roll, "pitch": -pitch, "yaw": -yaw},
    }


def carla_vector(vector: Sequence[float]) -> list[float]:
    """Return a world vector in CARLA's left-handed axes."""
    return [vector[0], -vector[1], vector[2]]


def semantic_labels() -> Record:
    """Return name and colour of every class id."""
    return {
        str(int(item)): {"name": class_name(item), "color": PALETTE[int(item)].tolist()}
        for item in ClassId
    }


def instances_record(
    labels: Iterable[ObjectLabel], actors: Mapping[int, Actor], props: Iterable[Prop] = ()
) -> Record:
    """Return every labelled object of the clip once, and the scene's static objects."""
    first = {label.object_id: label for label in reversed(list(labels))}
    return {
        "instances": {
            f"object_{object_id}": {
                "object_type": class_name(label.class_id),
                "instance_id": object_id,
                "color": colour_record(actors.get(object_id)),
                "caption": None,
            }
            for object_id, label in first.items()
        },
        "props": {
            f"object_{prop.id}": {
                "object_type": class_name(prop.class_id),
                "instance_id": prop.id,
                "kind": prop.kind.value,
            }
            for prop in props
        },
    }


def objects_frame(info: FrameInfo, odvg: Record) -> Record:
    """Return a frame's entry of objects.json from its ODVG record."""
    names = {
        "id": "object-id",
        "category": "category",
        "blueprint_id": "blueprint_id",
        "bounding_box_2d_tight": "bbox_2d",
        "mask": "mask",
        "road_lane_id": "road_lane_id",
        "lane_position": "lane_position",
        "vehicle_color": "vehicle_color",
        "bbox_3d": "bbox_3d",
    }
    return {
        "format": "jpg",
        "frame_id": info.index,
        "instances": [
            {ours: item[theirs] for ours, theirs in names.items()}
            for item in odvg["detections"]["instances"]
        ],
    }


def collision_records(events: Sequence[Event]) -> list[Record]:
    """Return every collision of the clip in order of time."""
    found = [event for event in events if event.kind is EventKind.COLLISION]
    return [_event_record(number, event, "collision") for number, event in enumerate(found, 1)]


def near_miss_records(events: Sequence[Event]) -> list[Record]:
    """Return every near miss of two road users as a normal event."""
    found = [event for event in events if event.kind is EventKind.NEAR_MISS]
    return [
        _event_record(number, event, "normal") | {"sub_category": ["near miss"]}
        for number, event in enumerate(found, 1)
    ]


def closest_pair_record(
    frames: Sequence[Sequence[ObjectLabel]], events: Sequence[Event], fps: float, number: int
) -> Record | None:
    """Return the two road users that come closest without being in a collision, if any."""
    struck = {actor for event in events for actor in event.actors}
    best: tuple[float, int, int] | None = None
    for labels in frames:
        free = [
            label
            for label in labels
            if label.object_id not in struck and label.class_id in VEHICLES | PEOPLE
        ]
        for place, one in enumerate(free):
            for two in free[place + 1 :]:
                gap = float(np.linalg.norm(np.subtract(one.position_m, two.position_m)))
                low, high = sorted((one.object_id, two.object_id))
                found = (gap, low, high)
                best = found if best is None or found < best else best
    if best is None:
        return None
    start, end = _both_seen(frames, best[1:])
    return {
        "event_id": f"event_{number:06d}",
        "start_time": start / fps,
        "end_time": (end + 1) / fps,
        "category": "normal",
        "sub_category": ["close by"],
        "event_sub_category": "close by",
        "objects": [best[1], best[2]],
        "event_caption": "",
    }


def _both_seen(frames: Sequence[Sequence[ObjectLabel]], pair: tuple[int, int]) -> tuple[int, int]:
    """Return the first and the last frame that show both objects."""
    shown = [set(pair) <= {label.object_id for label in labels} for labels in frames]
    return shown.index(True), len(shown) - 1 - shown[::-1].index(True)


def _event_record(number: int, event: Event, category: str) -> Record:
    """Return an event of the clip; times are seconds from its first frame."""
    return {
        "event_id": f"event_{number:06d}",
        "start_time": event.start_s,
        "end_time": event.end_s,
        "key_time": event.key_s,
        "start_frame": event.start_frame,
        "end_frame": event.end_frame,
        "category": category,
        "sub_category": "",
        "event_sub_category": "",
        "objects": list(event.actors),
        "event_caption": "",
    }


def _events_of_frame(info: FrameInfo) -> list[Record]:
    """Return the collisions that are going on in a frame."""
    collisions = [event for event in info.events if event.kind is EventKind.COLLISION]
    return [
        {
            "event_id": f"event_{number:06d}",
            "category": "collision",
            "sub_category": "",
            "collision_actors": list(event.actors),
            "event_caption": "",
        }
        for number, event in enumerate(collisions, 1)
        if event.start_frame <= info.index < event.end_frame
    ]


def _point(values: Sequence[float]) -> Record:
    return dict(zip("xyz", (float(value) for value in values), strict=True))


def _dimensions(label: ObjectLabel) -> Record:
    return dict(zip(("length", "width", "height"), label.size_m, strict=True))
