"""Claims about recording folders."""

import json
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rareworld.core.camera import Camera, Rig
from rareworld.core.event import Contact
from rareworld.core.scene import Actor, Light, Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording, Tracks
from rareworld.data.atomic import sha256_file
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.data.jsontext import dump_json
from rareworld.data.recording import read_recording, read_suggested_rig, write_recording
from rareworld.errors import StoreError
from tests.data.data_samples import make_event

XODR = """<?xml version="1.0" encoding="UTF-8"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="6" name="straße" version="1"/>
  <road id="1" length="80" junction="-1" name="">
    <planView><geometry s="0" x="0" y="0" hdg="0.1" length="80"><line/></geometry></planView>
    <lanes>
      <laneSection s="0">
        <center><lane id="0" type="none" level="false"/></center>
        <right>
          <lane id="-1" type="driving" level="false">
            <width sOffset="0" a="3.5" b="0" c="0" d="0"/>
          </lane>
        </right>
      </laneSection>
    </lanes>
    <signals>
      <signal id="5" name="light" s="70" t="-5" zOffset="3" orientation="+" dynamic="yes"
              type="1000001" subtype="-1" country="OpenDRIVE" value="-1" hOffset="0" pitch="0"
              roll="0" height="1" width="0.4"/>
    </signals>
  </road>
</OpenDRIVE>
"""
NUM_ACTORS, NUM_FRAMES = 3, 7


def make_tracks() -> Tracks:
    """Random bits in every array, with actors that come and go."""
    random = Seed(8).child("tracks").generator()
    present = random.random((NUM_ACTORS, NUM_FRAMES)) < 0.7
    present[2] = False

    def floats(*width: int) -> np.ndarray:
        values = random.normal(size=(NUM_ACTORS, NUM_FRAMES, *width))
        return np.where(present.reshape(*present.shape, *(1 for _ in width)), values, 0.0)

    return Tracks(
        time_s=np.arange(NUM_FRAMES) / 29.97,
        present=present,
        position_m=floats(3),
        quat=floats(4),
        velocity_mps=floats(3),
        angular_velocity_radps=floats(3),
        steer_rad=floats(),
        wheel_turn_rad=floats(),
        lamps=(random.integers(0, 2**32, present.shape) * present).astype(np.uint32),
        driver=(random.integers(0, 5, present.shape) * present).astype(np.uint8),
    )


@pytest.fixture
def recording() -> Recording:
    road = read_opendrive(XODR, name="street")
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    scene = Scene(
        name="night crash",
        road=road,
        actors=tuple(
            Actor(id=i, blueprint="saloon", colour=(0.1, 1 / 3, i / 10), role="striking", style=i)
            for i in (4, 2, 90_000)
        ),
        props=(
            Prop(
                id=7, kind=PropKind.BUS_SHELTER, position_m=(1 / 3, 2.0, 0.0), yaw_rad=0.1,
                size_m=(3.0, 1.0, 2.2), style=2,
            ),
        ),
        light=Light(latitude_deg=-33.3, longitude_deg=151.2, when=when),
        seed=2**62,
    )  # fmt: skip
    states = np.arange(len(road.signals) * NUM_FRAMES).reshape(-1, NUM_FRAMES) % 6
    contact = Contact(
        first=4, second=0, time_s=1 / 3, point_m=(1.0, 2.0, 3.0), normal=(0.0, 0.0, -1.0),
        relative_speed_mps=3.0,
    )  # fmt: skip
    return Recording(
        scene=scene, tracks=make_tracks(), fps=29.97, signal_states=states.astype(np.uint8),
        contacts=(contact,), events=(make_event(),),
        provenance={"scenario": "rear_end", "drawn": {"speed_mps": 13.3}, "tries": [1, 2]},
    )  # fmt: skip


@pytest.fixture
def rig() -> Rig:
    return Rig(
        cameras=tuple(
            Camera.looking_at(
                name, (x, -9.1, 7.3), (3.0, 0.0, 0.0), width=640, height=360, hfov_rad=1.1
            )
            for name, x in (("north", 0.3), ("south", -8.0))
        )
    )


def test_recording_comes_back_bit_for_bit(tmp_path: Path, recording: Recording) -> None:
    assert recording.scene.road.signals, "the sample needs a signal to prove anything"
    write_recording(recording, tmp_path / "rec")
    back = read_recording(tmp_path / "rec")
    for field in fields(Tracks):
        found, wanted = getattr(back.tracks, field.name), getattr(recording.tracks, field.name)
        assert found.dtype == wanted.dtype, field.name
        assert found.tobytes() == wanted.tobytes(), field.name
    np.testing.assert_array_equal(back.signal_states, recording.signal_states)
    for name in ("fps", "contacts", "events", "provenance"):
        assert getattr(back, name) == getattr(recording, name), name
    for name in ("name", "actors", "props", "light", "seed"):
        assert getattr(back.scene, name) == getattr(recording.scene, name), name


def test_road_comes_back_from_its_own_text(tmp_path: Path, recording: Recording) -> None:
    write_recording(recording, tmp_path / "rec")
    road, wanted = read_recording(tmp_path / "rec").scene.road, recording.scene.road
    assert (road.name, road.source) == (wanted.name, wanted.source)
    text = (tmp_path / "rec" / "map.xodr").read_text(encoding="utf-8")
    assert text == wanted.source
    assert text.strip() in XODR
    assert list(road.lanes) == list(wanted.lanes)
    for found, lane in zip(road.lanes.values(), wanted.lanes.values(), strict=True):
        np.testing.assert_array_equal(found.centre_m, lane.centre_m)


def test_only_present_actors_have_rows(tmp_path: Path, recording: Recording) -> None:
    write_recording(recording, tmp_path / "rec")
    table = pq.read_table(tmp_path / "rec" / "trajectories.parquet").to_pydict()
    assert len(table["frame"]) == recording.tracks.present.sum()
    assert table["frame"] == sorted(table["frame"])
    assert set(table["actor"]) <= {4, 2}


def test_same_recording_gives_the_same_bytes(
    tmp_path: Path, recording: Recording, rig: Rig
) -> None:
    for name in ("one", "two"):
        write_recording(recording, tmp_path / name, rig)
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [item.read_bytes() for item in one] == [item.read_bytes() for item in two]
    assert len(one) == 7


def test_suggested_cameras_survive_bit_for_bit(
    tmp_path: Path, recording: Recording, rig: Rig
) -> None:
    write_recording(recording, tmp_path / "with", rig)
    assert read_suggested_rig(tmp_path / "with") == rig
    write_recording(recording, tmp_path / "without")
    assert read_suggested_rig(tmp_path / "without") is None


def test_empty_scene_survives(tmp_path: Path, recording: Recording) -> None:
    arrays = {
        field.name: getattr(recording.tracks, field.name)[:0]
        for field in fields(Tracks)
        if field.name != "time_s"
    }
    scene = replace(recording.scene, actors=())
    empty = replace(recording, scene=scene, tracks=replace(recording.tracks, **arrays))
    write_recording(empty, tmp_path / "rec")
    assert read_recording(tmp_path / "rec").tracks.position_m.shape == (0, NUM_FRAMES, 3)


def test_state_of_absent_actors_is_refused(tmp_path: Path, recording: Recording) -> None:
    bad = recording.tracks.steer_rad + ~recording.tracks.present
    tracks = replace(recording.tracks, steer_rad=bad)
    with pytest.raises(ValueError, match="steer_rad must be 0 where an actor is not present"):
        write_recording(replace(recording, tracks=tracks), tmp_path / "rec")
    assert list(tmp_path.iterdir()) == []


def test_road_without_text_is_refused(tmp_path: Path, recording: Recording) -> None:
    scene = replace(recording.scene, road=replace(recording.scene.road, source=""))
    with pytest.raises(ValueError, match="no OpenDRIVE text"):
        write_recording(replace(recording, scene=scene), tmp_path / "rec")


def test_existing_folder_is_refused_or_replaced(tmp_path: Path, recording: Recording) -> None:
    write_recording(recording, tmp_path / "rec")
    with pytest.raises(StoreError, match="already exists"):
        write_recording(recording, tmp_path / "rec")
    write_recording(recording, tmp_path / "rec", replace=True)
    read_recording(tmp_path / "rec")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("map.xodr", "map.xodr: is missing"),
        ("scene.json", "scene.json: is missing"),
        ("trajectories.parquet", "trajectories.parquet: is missing"),
        ("recording.json", "recording.json: is missing"),
    ],
)
def test_missing_file_is_named(tmp_path: Path, recording: Recording, name: str, said: str) -> None:
    write_recording(recording, tmp_path / "rec")
    (tmp_path / "rec" / name).unlink()
    with pytest.raises(StoreError, match=said):
        read_recording(tmp_path / "rec")


def test_changed_file_is_named(tmp_path: Path, recording: Recording) -> None:
    write_recording(recording, tmp_path / "rec")
    path = tmp_path / "rec" / "scene.json"
    path.write_bytes(path.read_bytes().replace(b"night", b"light"))
    with pytest.raises(StoreError, match="content differs"):
        read_recording(tmp_path / "rec")


def rewrite(folder: Path, name: str, **changes: object) -> None:
    """Change a JSON file and the checksums, as a wrong writer would."""
    values = json.loads((folder / name).read_text())
    (folder / name).write_text(dump_json(values | changes))
    if name == "recording.json":
        return
    index = json.loads((folder / "recording.json").read_text())
    path = folder / name
    index["files"][name] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    (folder / "recording.json").write_text(dump_json(index))


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("recording.json", {"schema_version": 7}, r"schema_version 7 is newer.*upgrade"),
        ("recording.json", {"fps": None}, r"recording.json: field fps"),
        ("scene.json", {"actors": [{"id": 1}]}, r"scene.json: field actors.0.blueprint"),
        ("scene.json", {"actors": []}, r"trajectories.parquet: .*unknown actors: \[2, 4\]"),
        ("events.json", {"events": [{"kind": "ufo"}]}, r"events.json: field events.0"),
    ],
)
def test_wrong_content_names_file_and_field(
    tmp_path: Path, recording: Recording, name: str, changes: dict[str, object], said: str
) -> None:
    write_recording(recording, tmp_path / "rec")
    rewrite(tmp_path / "rec", name, **changes)
    with pytest.raises(StoreError, match=said):
        read_recording(tmp_path / "rec")
