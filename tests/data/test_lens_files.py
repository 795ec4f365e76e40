"""What a lens leaves in files: distortion in rigs, motion in clips, bit rate in videos."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.camera import Camera, Rig
from rareworld.core.geometry import quat_from_euler
from rareworld.data.clip import ClipWriter, open_clip
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.jsontext import dump_json
from rareworld.data.rig import parse_rig, read_rig, rig_record, write_rig
from rareworld.data.video import H264, RgbWriter
from rareworld.errors import CameraError, ConfigError, StoreError
from tests.data.data_samples import NUM_FRAMES, make_frame, make_label

BEND = (-0.2, 0.03, 0.001, -0.002, 0.0004)


def _write(path: Path, meta: ClipMeta) -> Path:
    with ClipWriter(path, meta) as writer:
        for index in range(NUM_FRAMES):
            writer.write(make_frame(index), [make_label(index)])
    return path


def _camera(**more) -> Camera:
    look = Camera.looking_at("bent", (0, 0, 9), (9, 1, 0), width=640, height=360, hfov_rad=1.2)
    return replace(look, **more)


def test_distortion_survives_a_rig_bit_for_bit(tmp_path: Path) -> None:
    rig = Rig((_camera(distortion=BEND), _camera(name="plain")))
    write_rig(rig, tmp_path / "rig.yaml")
    assert read_rig(tmp_path / "rig.yaml") == rig
    assert "distortion" not in rig_record(Rig((_camera(),)))["cameras"][0]


def test_a_rig_with_too_few_or_folding_coefficients_is_explained() -> None:
    entry = {"name": "a", "position_m": [0, 0, 9], "look_at_m": [9, 0, 0]}
    with pytest.raises(ConfigError, match=r"cameras\.0\.distortion"):
        parse_rig({"cameras": [{**entry, "distortion": [0.1, 0.2]}]})
    with pytest.raises(CameraError, match="folds the image"):
        parse_rig({"cameras": [{**entry, "distortion": [-0.9, 0, 0, 0, 0]}]})


def _moving(meta: ClipMeta) -> ClipMeta:
    angle = np.linspace(0, 0.01, NUM_FRAMES)
    quats = tuple(tuple(row) for row in quat_from_euler(angle, 0 * angle, angle / 2).tolist())
    return replace(meta, camera_quats=quats)


def test_a_moving_camera_survives_a_clip(tmp_path: Path, meta: ClipMeta) -> None:
    moving = _moving(replace(meta, camera=replace(meta.camera, distortion=(-0.05, 0, 0, 0, 0))))
    clip = open_clip(_write(tmp_path / "clip", moving), deep=True)
    assert clip.meta.camera_quats == moving.camera_quats
    assert clip.camera == moving.camera
    assert clip.camera_at(2).quat == moving.camera_quats[2]
    assert clip.camera_at(2).distortion == moving.camera.distortion
    written = json.loads((clip.path / "clip.json").read_text())
    assert written["camera"]["distortion"] == [-0.05, 0, 0, 0, 0]
    assert len(written["camera_motion"]["quat"]) == NUM_FRAMES


def test_a_still_camera_says_nothing_of_motion_and_older_clips_are_read(
    tmp_path: Path, meta: ClipMeta
) -> None:
    clip = open_clip(_write(tmp_path / "clip", meta))
    assert clip.camera_at(1) == clip.camera
    path = clip.path / "clip.json"
    written = json.loads(path.read_text())
    assert "camera_motion" not in written
    del written["camera"]["distortion"]
    path.write_text(dump_json(written))
    assert open_clip(clip.path).camera == meta.camera


def test_motion_of_another_length_is_named(tmp_path: Path, meta: ClipMeta) -> None:
    clip = open_clip(_write(tmp_path / "clip", _moving(meta)))
    path = clip.path / "clip.json"
    written = json.loads(path.read_text())
    written["camera_motion"]["quat"].pop()
    path.write_text(dump_json(written))
    with pytest.raises(StoreError, match=r"camera_motion\.quat must hold 5 orientations.*found 4"):
        open_clip(clip.path)


@pytest.mark.parametrize("kbps", [300, 1200])
def test_a_video_keeps_its_bit_rate(tmp_path: Path, kbps: int) -> None:
    random = np.random.Generator(np.random.Philox(1))
    path, rate, frames = tmp_path / "rgb.mp4", Fraction(25), 100
    still = random.integers(0, 255, (180, 320, 3)).astype(np.uint8)
    with RgbWriter(path, rate, H264(bitrate_kbps=kbps, keyframe_every=50)) as writer:
        for k in range(frames):
            writer.write(np.roll(still, 3 * k, axis=1))
    found = path.stat().st_size * 8 / 1000 / (frames / rate)
    # the buffer lets two seconds of four run ahead
    assert kbps * 0.6 < found < kbps * 1.5


def test_same_frames_at_a_bit_rate_are_the_same_bytes(tmp_path: Path) -> None:
    random = np.random.Generator(np.random.Philox(2))
    pictures = random.integers(0, 255, (20, 120, 160, 3)).astype(np.uint8)
    for name in ("a.mp4", "b.mp4"):
        with RgbWriter(tmp_path / name, Fraction(25), H264(bitrate_kbps=200)) as writer:
            for picture in pictures:
                writer.write(picture)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
