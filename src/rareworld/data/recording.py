"""The recording folder: a scene and everything that moved in it, exact to the bit.

`recording.json` (schema, rate, times, provenance, checksums), `map.xodr` (the road's own
OpenDRIVE text), `scene.json` (actors, props, light), `trajectories.parquet` (a row per frame and
present actor), `signals.parquet`, `events.json` (events by geometry, contacts by physics),
`rig.yaml` if cameras are suggested. Proved in `tests/data/test_recording.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from rareworld.core.camera import Rig
from rareworld.core.event import Contact, Event
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Light, Prop, Scene
from rareworld.core.trajectory import Recording, Tracks
from rareworld.data.atomic import atomic_folder
from rareworld.data.clip_meta import tool_versions
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.data.jsontext import (
    check_files,
    check_schema,
    checksums,
    convert,
    read_json,
    write_json,
)
from rareworld.data.labels import read_signals, write_signals
from rareworld.data.rig import read_rig, write_rig
from rareworld.data.tables import Column, read_table, write_table
from rareworld.errors import StoreError

KIND = "rareworld.recording"
SCHEMA_VERSION = 1

RECORDING_FILE = "recording.json"
MAP_FILE = "map.xodr"
SCENE_FILE = "scene.json"
TRAJECTORIES_FILE = "trajectories.parquet"
SIGNALS_FILE = "signals.parquet"
EVENTS_FILE = "events.json"
RIG_FILE = "rig.yaml"

_KEYS = (Column("frame", "int32"), Column("time_s", "float64"), Column("actor", "int64"))
_STATE = (
    Column("position_m", "float64", 3),
    Column("quat", "float64", 4),
    Column("velocity_mps", "float64", 3),
    Column("angular_velocity_radps", "float64", 3),
    Column("steer_rad", "float64"),
    Column("wheel_turn_rad", "float64"),
    Column("lamps", "uint32"),
    Column("driver", "uint8"),
)

_ACTORS = TypeAdapter(tuple[Actor, ...])
_PROPS = TypeAdapter(tuple[Prop, ...])
_LIGHT = TypeAdapter(Light)
_EVENTS = TypeAdapter(tuple[Event, ...])
_CONTACTS = TypeAdapter(tuple[Contact, ...])
_TIMES = TypeAdapter(list[float])
_PLAIN = TypeAdapter(dict[str, Any])
_FILES = TypeAdapter(dict[str, dict[str, Any]])
_TEXT = TypeAdapter(str)
_FLOAT = TypeAdapter(float)
_INT = TypeAdapter(int)


def write_recording(
    recording: Recording, path: Path, rig: Rig | None = None, *, replace: bool = False
) -> None:
    """Write a recording folder; it appears when complete.

    Raises:
        StoreError: If the folder exists (and `replace` is off) or cannot be written.
        ValueError: If the road has no OpenDRIVE text or absent actors have a state.
    """
    with atomic_folder(path, replace=replace) as folder:
        fill_recording(recording, folder, rig)


def fill_recording(recording: Recording, folder: Path, rig: Rig | None = None) -> None:
    """Write a recording into an empty folder that somebody else makes appear when complete.

    Raises:
        ValueError: If the road has no OpenDRIVE text or absent actors have a state.
    """
    road = recording.scene.road
    if not road.source:
        raise ValueError(f"road {road.name!r} has no OpenDRIVE text; read it by read_opendrive")
    _check_absent_rows(recording.tracks)
    signals = tuple(signal.id for signal in road.signals)
    (folder / MAP_FILE).write_bytes(road.source.encode())
    write_json(folder / SCENE_FILE, _scene_record(recording.scene))
    _write_tracks(folder / TRAJECTORIES_FILE, recording)
    write_signals(folder / SIGNALS_FILE, signals, recording.signal_states, recording.fps)
    write_json(folder / EVENTS_FILE, _events_record(recording))
    if rig is not None:
        write_rig(rig, folder / RIG_FILE)
    write_json(folder / RECORDING_FILE, _recording_record(recording, folder))


def read_recording(path: Path) -> Recording:
    """Read a recording folder; arrays come back bit for bit, every checksum is compared.

    Raises:
        StoreError: If the folder is incomplete, damaged or newer than this program.
        MapError: If its map cannot be read.
    """
    values = _checked(path)
    index = path / RECORDING_FILE
    scene = _read_scene(path, convert(_TEXT.validate_python, values, "map_name", index))
    events = read_json(path / EVENTS_FILE)
    times = np.array(convert(_TIMES.validate_python, values, "time_s", index), dtype=np.float64)
    signals = tuple(signal.id for signal in scene.road.signals)
    return Recording(
        scene=scene,
        tracks=_read_tracks(path / TRAJECTORIES_FILE, scene, times),
        fps=convert(_FLOAT.validate_python, values, "fps", index),
        signal_states=read_signals(path / SIGNALS_FILE, signals, len(times)),
        contacts=convert(_CONTACTS.validate_python, events, "contacts", path / EVENTS_FILE),
        events=convert(_EVENTS.validate_python, events, "events", path / EVENTS_FILE),
        provenance=convert(_PLAIN.validate_python, values, "provenance", index),
    )


def read_suggested_rig(path: Path) -> Rig | None:
    """Return the cameras a recording folder suggests, if it does.

    Raises:
        StoreError: If the folder is incomplete or damaged.
    """
    files = convert(_FILES.validate_python, _checked(path), "files", path / RECORDING_FILE)
    return read_rig(path / RIG_FILE) if RIG_FILE in files else None


def _checked(path: Path) -> dict[str, object]:
    """Return the content of recording.json after comparing schema and checksums."""
    index = path / RECORDING_FILE
    values = read_json(index)
    check_schema(index, values, kind=KIND, version=SCHEMA_VERSION)
    check_files(path, convert(_FILES.validate_python, values, "files", index), deep=True)
    return values


def _recording_record(recording: Recording, folder: Path) -> dict[str, object]:
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "name": recording.scene.name,
        "map_name": recording.scene.road.name,
        "fps": recording.fps,
        "num_frames": recording.tracks.num_frames,
        "time_s": recording.tracks.time_s.tolist(),
        "provenance": recording.provenance,
        "tools": tool_versions(),
        "files": checksums(folder),
    }


def _scene_record(scene: Scene) -> dict[str, object]:
    return {
        "name": scene.name,
        "seed": scene.seed,
        "light": _LIGHT.dump_python(scene.light, mode="json"),
        "actors": _ACTORS.dump_python(scene.actors, mode="json"),
        "props": _PROPS.dump_python(scene.props, mode="json"),
    }


def _events_record(recording: Recording) -> dict[str, object]:
    return {
        "events": _EVENTS.dump_python(recording.events, mode="json"),
        "contacts": _CONTACTS.dump_python(recording.contacts, mode="json"),
    }


def _read_scene(folder: Path, map_name: str) -> Scene:
    path = folder / SCENE_FILE
    values: Mapping[str, object] = read_json(path)
    return Scene(
        name=convert(_TEXT.validate_python, values, "name", path),
        road=_read_road(folder / MAP_FILE, map_name),
        actors=convert(_ACTORS.validate_python, values, "actors", path),
        props=convert(_PROPS.validate_python, values, "props", path),
        light=convert(_LIGHT.validate_python, values, "light", path),
        seed=convert(_INT.validate_python, values, "seed", path),
    )


def _read_road(path: Path, name: str) -> RoadMap:
    return read_opendrive(path.read_bytes().decode(), name=name)


def _check_absent_rows(tracks: Tracks) -> None:
    """Refuse states where nobody is: the file has no row to hold them."""
    absent = ~tracks.present
    for column in _STATE:
        if getattr(tracks, column.name)[absent].any():
            raise ValueError(f"tracks.{column.name} must be 0 where an actor is not present")


def _write_tracks(path: Path, recording: Recording) -> None:
    tracks = recording.tracks
    frames, rows = np.nonzero(tracks.present.T)
    ids = np.array([actor.id for actor in recording.scene.actors], dtype=np.int64)
    keys: dict[str, Any] = {"frame": frames, "time_s": tracks.time_s[frames], "actor": ids[rows]}
    state = {column.name: getattr(tracks, column.name)[rows, frames] for column in _STATE}
    write_table(path, (*_KEYS, *_STATE), keys | state)


def _read_tracks(path: Path, scene: Scene, times: np.ndarray) -> Tracks:
    table = read_table(path, (*_KEYS, *_STATE))
    row_of = {actor.id: row for row, actor in enumerate(scene.actors)}
    frames = table["frame"]
    unknown = sorted(set(table["actor"].tolist()) - set(row_of))
    if unknown or (len(frames) and not 0 <= frames.min() <= frames.max() < len(times)):
        raise StoreError(
            f"{path}: rows must be of actors in {SCENE_FILE} and of frames 0..{len(times) - 1}; "
            f"unknown actors: {unknown[:5]}; the folder is damaged, make it again"
        )
    rows = np.array([row_of[actor] for actor in table["actor"].tolist()], dtype=np.int64)
    present = np.zeros((len(row_of), len(times)), np.bool_)
    present[rows, frames] = True
    state = {column.name: _spread(column, table, rows, present.shape) for column in _STATE}
    return Tracks(time_s=times, present=present, **state)


def _spread(
    column: Column, table: dict[str, Any], rows: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Return a track array with the values of a column where actors are, zeros elsewhere."""
    values = table[column.name]
    out = np.zeros((*shape, *values.shape[1:]), values.dtype)
    out[rows, table["frame"]] = values
    return out
