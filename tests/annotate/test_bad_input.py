"""Bad input of every kind: an error of its class that names the field, and nothing written."""

import json
from pathlib import Path
from typing import Any

import pytest

from rareworld.annotate.job import AnnotateStage
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.annotate.render.warp import driver
from rareworld.core.camera import Rig
from rareworld.data.recording import write_recording
from rareworld.errors import (
    CameraError,
    ConfigError,
    DeviceError,
    FormatError,
    RareworldError,
    StoreError,
)
from rareworld.runtime.local import LocalRunner
from tests.annotate.streets import CONFIG, street, view

RIG = Rig(cameras=(view("near", width=64, height=48),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "00000-street"
    write_recording(street(2), path)
    return path


def _config(values: dict[str, Any]) -> AnnotateConfig:
    base = CONFIG.model_dump(mode="json", exclude={"lens", "clip"})
    for section, entries in values.items():
        base[section] = {**base.get(section, {}), **entries}
    return AnnotateConfig.parse(base, source="my.yaml")


PARSED: dict[str, tuple[dict[str, Any], str]] = {
    "snow that melts": ({"conditions": {"weather": "clear_sky", "lighting": "noon"}}, "lighting"),
    "rain on sand": ({"conditions": {"weather": "raining", "road": "sand"}}, "rain binds sand"),
    "misspelt weather": ({"conditions": {"weather": "rainy"}}, "raining"),
    "negative wind": ({"conditions": {"wind_mps": -1}}, "wind_mps"),
    "misspelt lens": ({"lens": {"preset": "cctvv"}}, "preset"),
    "misspelt section": ({"lens": {"swey": {}}}, "did you mean 'sway'"),
    "shutter of no time": ({"lens": {"shutter": {"readout_s": 0.0}}}, "readout_s"),
    "shutter of ages": ({"lens": {"shutter": {"readout_s": 1.0}}}, "readout_s"),
    "blur beyond a frame": ({"lens": {"motion_blur": {"shutter": 1.5}}}, "shutter"),
    "no noise at all": ({"lens": {"sensor": {"full_well_e": 0}}}, "full_well_e"),
    "endless brightness": ({"render": {"exposure": float("inf")}}, "exposure"),
    "more brightness than any night needs": ({"render": {"exposure": 1e30}}, "exposure"),
    "verge without end": ({"world": {"verge_m": float("inf")}}, "verge_m"),
    "nothing nearer than the moon": ({"render": {"near_m": 1e8}}, "near_m"),
    "wind that swings both ways": ({"lens": {"sway": {"low_hz": 5, "high_hz": 1}}}, "low_hz"),
    "renderer nobody has": ({"render": {"renderer": "vulkan"}}, "renderer"),
}


@pytest.mark.parametrize("name", PARSED)
def test_settings_that_cannot_be_are_refused_when_they_are_read(name):
    values, words = PARSED[name]
    with pytest.raises(ConfigError) as caught:
        _config(values)
    assert words in str(caught.value)
    assert section_of(values) in str(caught.value)


def section_of(values: dict[str, Any]) -> str:
    """Name of the section that is wrong, which every message begins with."""
    return next(iter(values))


RUN: dict[str, tuple[dict[str, Any], type[RareworldError], str]] = {
    "lens that folds the image": (
        {"lens": {"distortion": {"k1": -0.9}}}, CameraError, "folds the image",
    ),
    "two who say the bit rate": (
        {"lens": {"stream": {"bitrate_kbps": 900}}, "clip": {"rgb": {"crf": 20}}}, ConfigError,
        r"clip\.rgb\.crf",
    ),
    "text no stamp can draw": ({"lens": {"stamp": {"text": "日本"}}}, ConfigError, "text"),
    "shutter slower than a frame": (
        {"lens": {"shutter": {"readout_s": 0.15}}}, ConfigError, r"lens\.shutter\.readout_s",
    ),
    "vehicle that is not there": (
        {"world": {"vehicles": ["/nowhere/car.yaml"]}}, ConfigError, "nowhere",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUN)
def test_what_shows_only_with_the_recording_is_told_before_a_clip_is_begun(
    name, folder, tmp_path: Path
):
    values, kind, words = RUN[name]
    with pytest.raises(kind, match=words):
        AnnotateStage(_config(values), RIG).run(folder, tmp_path, lambda _share: None)
    assert not list(tmp_path.rglob("*.mp4"))


MANIFEST = "name: mine\nblueprint: saloon\nfile: car.glb\n"
BROKEN = {
    "empty file": (b"", FormatError),
    "text": (b"this is no model", FormatError),
    "cut off": (b"glTF\x02\x00\x00\x00\xff\x00\x00\x00", FormatError),
    "other version": (b"glTF\x01\x00\x00\x00\x0c\x00\x00\x00", FormatError),
    "json without meshes": (json.dumps({"asset": {"version": "2.0"}}).encode(), FormatError),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_models_are_refused_by_file(name, folder, tmp_path: Path):
    content, kind = BROKEN[name]
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(MANIFEST)
    (tmp_path / "car.glb").write_bytes(content)
    config = _config({"world": {"vehicles": [str(manifest)]}})
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises((kind, ConfigError), match=r"car\.glb|mine\.yaml"):
        AnnotateStage(config, RIG).run(folder, out, lambda _share: None)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "mine"), ("- a list\n", "mine"),
     ("blueprint: saloon\n", "file"),
     ("blueprint: saloon\nfile: car.glb\ncolour: red\n", "colour")],
)  # fmt: skip
def test_manifests_that_say_too_little_or_too_much_are_told(text, words, folder, tmp_path: Path):
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(text)
    stage = AnnotateStage(_config({"world": {"vehicles": [str(manifest)]}}), RIG)
    with pytest.raises((ConfigError, FormatError)) as caught:
        stage.describe(folder)
    assert words in str(caught.value)


def test_a_gpu_that_is_not_there_is_a_device_error(folder, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(driver, "driver_version", lambda: None)
    pytest.importorskip("warp")
    stage = AnnotateStage(_config({"render": {"renderer": "gpu"}}), RIG)
    report = LocalRunner(inline=True).run(stage, [folder], tmp_path)
    if report.quarantined:
        (bad,) = report.quarantined
        assert bad.kind == DeviceError.__name__
        assert "renderer" in bad.error or "driver" in bad.error
        assert not (tmp_path / folder.name).exists()
    else:
        pytest.skip("this machine has a GPU")


@pytest.mark.parametrize("name", ["recording.json", "scene.json", "trajectories.parquet"])
def test_files_of_a_recording_that_were_changed_are_told(name, tmp_path: Path):
    folder = tmp_path / "00000-street"
    write_recording(street(2), folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises((StoreError, ConfigError)):
        AnnotateStage(CONFIG, RIG).run(folder, out, lambda _share: None)
    assert list(out.iterdir()) == []
