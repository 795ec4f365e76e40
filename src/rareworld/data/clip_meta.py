"""What `clip.json`, `events.json` and `caption.json` of a clip folder hold.

Schema 1. The camera is written as our `Camera`, as K and camera_from_world (OpenCV) and as CARLA's
transform; where it moves, its orientation at every frame stands under `camera_motion`. Its
`distortion` is OpenCV's (k1, k2, p1, p2, k3), empty for a pinhole; K alone describes the image
only then. Proved in `tests/data/test_clip.py`.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import UInt8
from pydantic import TypeAdapter

from rareworld import __version__
from rareworld.core.camera import Camera
from rareworld.core.event import Event
from rareworld.core.scene import Actor, Prop
from rareworld.core.taxonomy import PALETTE, ClassId
from rareworld.data.channels import INSTANCE_LOW, LOSSLESS
from rareworld.data.jsontext import check_files, check_schema, convert, read_json, write_json
from rareworld.data.labels import read_signals
from rareworld.errors import StoreError

KIND = "rareworld.clip"
EVENTS_KIND = "rareworld.events"
SCHEMA_VERSION = 1

CLIP_FILE = "clip.json"
EVENTS_FILE = "events.json"
CAPTION_FILE = "caption.json"
SIGNALS_FILE = "signals.parquet"
TRACKS_FILE = "tracks.parquet"

Quat = tuple[float, float, float, float]
"""(w, x, y, z)."""

CAMERA = TypeAdapter(Camera)
EVENTS = TypeAdapter(tuple[Event, ...])
ACTORS = TypeAdapter(tuple[Actor, ...])
PROPS = TypeAdapter(tuple[Prop, ...])
_PLAIN = TypeAdapter(dict[str, Any])
_FILES = TypeAdapter(dict[str, dict[str, Any]])
_RECORDS = TypeAdapter(tuple[dict[str, Any], ...])
_TEXTS = TypeAdapter(tuple[str, ...])
_FLOAT = TypeAdapter(float)
_INT = TypeAdapter(int)
_TEXT = TypeAdapter(str)
_QUATS = TypeAdapter(tuple[Quat, ...])


def _no_states() -> UInt8[np.ndarray, "s t"]:
    return np.zeros((0, 0), np.uint8)


@final
@dataclass(frozen=True, kw_only=True)
class ClipMeta:
    """Everything about a clip that is known before its first frame is drawn."""

    name: str
    camera: Camera
    fps: float
    start_s: float = 0.0
    """Time of the first frame in the recording."""
    camera_quats: tuple[Quat, ...] = ()
    """World from camera at each frame; none for a camera that does not move."""
    actors: tuple[Actor, ...] = ()
    """Road users of the scene, with blueprint and colour."""
    props: tuple[Prop, ...] = ()
    """Static objects of the scene; with actors and signal heads, what instance ids stand for."""
    events: tuple[Event, ...] = ()
    """Times and frames count from the start of the clip."""
    signals: tuple[str, ...] = ()
    """Ids of the traffic signals, in the order of `signal_states`."""
    signal_states: UInt8[np.ndarray, "s t"] = field(default_factory=_no_states)
    """Values of `SignalState`; one column per frame of the clip."""
    caption: str | None = None
    provenance: dict[str, object] = field(default_factory=dict[str, object])
    """Config hash, seeds, parents (checksums of what the clip was made from); JSON types only."""


def motion_record(quats: Sequence[Quat]) -> dict[str, object]:
    """Return how a camera turns, for `clip.json`; nothing if it does not."""
    if not quats:
        return {}
    about = "per frame; turns camera axes into world axes, instead of `camera.quat`"
    return {"camera_motion": {"quat": [list(quat) for quat in quats], "about": about}}


def camera_record(camera: Camera) -> dict[str, object]:
    """Return a camera in our own terms, OpenCV's and CARLA's, as JSON types."""
    location, rotation = camera.unreal_transform()
    pitch, yaw, roll = rotation.tolist()
    return {
        **CAMERA.dump_python(camera, mode="json"),
        "K": camera.intrinsics.tolist(),
        "hfov_deg": float(np.degrees(camera.hfov_rad)),
        "camera_from_world": camera.camera_from_world.tolist(),
        "world_from_camera": camera.world_from_camera.tolist(),
        "carla": {
            "location_m": location.tolist(),
            "rotation_deg": {"pitch": pitch, "yaw": yaw, "roll": roll},
        },
    }


def prop_records(props: Sequence[Prop]) -> list[dict[str, object]]:
    """Return static objects as JSON types, each with its class."""
    return [
        {**PROPS.dump_python((prop,), mode="json")[0], "class_id": int(prop.class_id)}
        for prop in props
    ]


def class_records() -> dict[str, dict[str, object]]:
    """Return name and RGB colour of every class id."""
    return {
        str(int(item)): {
            "name": item.name.lower().replace("_", " "),
            "colour": PALETTE[int(item)].tolist(),
        }
        for item in ClassId
    }


def tool_versions() -> dict[str, str]:
    """Return the versions of what writes and encodes."""
    packages = ("av", "numpy", "pyarrow")
    found = {name: metadata.version(name) for name in packages}
    return {"rareworld": __version__, "python": platform.python_version(), **found}


def channel_records(channels: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return file, bits, planes and code of each channel."""
    rgb: dict[str, object] = {"file": "rgb.mp4", "code": "H.264, BT.709 limited range, sRGB"}
    known = {"instance_id": INSTANCE_LOW, **LOSSLESS}
    out = {"rgb": rgb} if "rgb" in channels else {}
    for name in channels:
        if name in known:
            item = known[name]
            plain = {"file": item.file, "bits": item.bits, "planes": item.planes}
            out[name] = {**plain, **item.about}
    return out


def clip_record(
    meta: ClipMeta,
    num_frames: int,
    channels: Sequence[str],
    files: Mapping[str, Mapping[str, object]],
) -> dict[str, object]:
    """Return the content of `clip.json`."""
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "name": meta.name,
        "num_frames": num_frames,
        "fps": meta.fps,
        "start_s": meta.start_s,
        "camera": camera_record(meta.camera),
        **motion_record(meta.camera_quats),
        "actors": ACTORS.dump_python(meta.actors, mode="json"),
        "props": prop_records(meta.props),
        "signals": list(meta.signals),
        "channels": channel_records(channels),
        "classes": class_records(),
        "provenance": meta.provenance,
        "tools": tool_versions(),
        "files": files,
    }


def write_events(path: Path, events: Sequence[Event]) -> None:
    """Write events as JSON.

    Raises:
        StoreError: If the file cannot be written.
    """
    dumped = EVENTS.dump_python(tuple(events), mode="json")
    write_json(path, {"kind": EVENTS_KIND, "schema_version": SCHEMA_VERSION, "events": dumped})


def read_events(path: Path) -> tuple[Event, ...]:
    """Read events.

    Raises:
        StoreError: If the file is missing, damaged or newer than this program.
    """
    values = read_json(path)
    check_schema(path, values, kind=EVENTS_KIND, version=SCHEMA_VERSION)
    return convert(EVENTS.validate_python, values, "events", path)


@final
@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """A checked clip folder: what is in it."""

    meta: ClipMeta
    num_frames: int
    channels: tuple[str, ...]
    files: dict[str, dict[str, Any]]


def read_record(folder: Path, *, deep: bool) -> ClipRecord:
    """Read and check the JSON files of a clip; `deep` compares every file's checksum too.

    Raises:
        StoreError: If the folder is incomplete, damaged or newer than this program.
    """
    path = folder / CLIP_FILE
    values = read_json(path)
    check_schema(path, values, kind=KIND, version=SCHEMA_VERSION)
    files = convert(_FILES.validate_python, values, "files", path)
    check_files(folder, files, deep=deep)
    num_frames = convert(_INT.validate_python, values, "num_frames", path)
    return ClipRecord(
        meta=_read_meta(folder, values, num_frames, files),
        num_frames=num_frames,
        channels=tuple(convert(_PLAIN.validate_python, values, "channels", path)),
        files=files,
    )


def _read_meta(
    folder: Path, values: Mapping[str, object], num_frames: int, files: Mapping[str, object]
) -> ClipMeta:
    path = folder / CLIP_FILE
    signals = convert(_TEXTS.validate_python, values, "signals", path)
    camera = convert(_PLAIN.validate_python, values, "camera", path)
    own = {name: camera[name] for name in Camera.__dataclass_fields__ if name in camera}
    return ClipMeta(
        name=convert(_TEXT.validate_python, values, "name", path),
        camera=convert(CAMERA.validate_python, {"camera": own}, "camera", path),
        fps=convert(_FLOAT.validate_python, values, "fps", path),
        start_s=convert(_FLOAT.validate_python, values, "start_s", path),
        camera_quats=_read_motion(values, num_frames, path),
        actors=convert(ACTORS.validate_python, values, "actors", path),
        props=_read_props(values, path),
        events=read_events(folder / EVENTS_FILE),
        signals=signals,
        signal_states=read_signals(folder / SIGNALS_FILE, signals, num_frames),
        caption=_read_caption(folder) if CAPTION_FILE in files else None,
        provenance=convert(_PLAIN.validate_python, values, "provenance", path),
    )


def _read_motion(values: Mapping[str, object], num_frames: int, path: Path) -> tuple[Quat, ...]:
    """Return the orientations of a camera that moves.

    Raises:
        StoreError: If they are not one for each frame.
    """
    if "camera_motion" not in values:
        return ()
    motion = convert(_PLAIN.validate_python, values, "camera_motion", path)
    quats = convert(_QUATS.validate_python, motion, "quat", path)
    if len(quats) != num_frames:
        raise StoreError(
            f"{path}: camera_motion.quat must hold {num_frames} orientations, one per frame, "
            f"found {len(quats)}; make the clip again"
        )
    return quats


def _read_props(values: Mapping[str, object], path: Path) -> tuple[Prop, ...]:
    """Return the static objects; clips written before they were listed have none."""
    if "props" not in values:
        return ()
    listed = convert(_RECORDS.validate_python, values, "props", path)
    own = [{name: item.get(name) for name in Prop.__dataclass_fields__} for item in listed]
    return convert(PROPS.validate_python, {"props": own}, "props", path)


def _read_caption(folder: Path) -> str:
    path = folder / CAPTION_FILE
    return convert(_TEXT.validate_python, read_json(path), "caption", path)
