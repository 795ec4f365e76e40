"""Recipes over small real clips: export and the pictures of a report."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.camera import Camera
from rareworld.core.event import Event, EventKind
from rareworld.data.clip import ClipWriter
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.config import Config
from rareworld.errors import ConfigError, StoreError
from rareworld.recipes.demo_incidents import demo_config
from rareworld.recipes.export import ExportStage, find_clips
from rareworld.recipes.sections import Pair, SectionConfig, SectionStage, moment_frame, reduced
from rareworld.runtime.local import LocalRunner
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from tests.data.data_samples import make_event, make_frame, make_label

FRAMES = 4


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    height, width = make_frame(0).rgb.shape[:2]
    camera = Camera.looking_at("cam", (0, 0, 9), (9, 2, 0), width=width, height=height, hfov_rad=1)
    path = tmp_path / "clips" / "crash" / "cam"
    path.parent.mkdir(parents=True)
    with ClipWriter(path, ClipMeta(name="crash/cam", camera=camera, fps=10.0)) as writer:
        for index in range(FRAMES):
            writer.write(make_frame(index), [make_label(index)])
    return path


def test_export_stage_writes_the_format_and_its_stamp(clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    out = tmp_path / "out"
    report = LocalRunner(inline=True).run(ExportStage("metropolis", {}), [clip], out)
    assert report.count("done") == 1, report.quarantined
    folder = out / "crash-cam"
    assert len(list((folder / "odvg").iterdir())) == FRAMES
    assert json.loads((folder / "stage.json").read_text())["stage"] == "export"


def test_unknown_option_of_a_format_is_told(clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    stage = ExportStage("metropolis", {"overlay": False})
    report = LocalRunner(inline=True).run(stage, [clip], tmp_path / "out")
    assert "did you mean 'overlays'" in report.quarantined[0].error


def test_clips_are_found_at_any_depth(clip: Path, tmp_path: Path) -> None:
    assert find_clips([tmp_path / "clips"]) == [clip]
    with pytest.raises(ConfigError, match="neither a clip"):
        find_clips([tmp_path / "nothing"])


def test_clips_of_writers_at_work_are_left_out(clip: Path, tmp_path: Path) -> None:
    for name in (".other.partial-00ff/cam", "crash/.cam2.partial-00ff"):
        shutil.copytree(clip, tmp_path / "clips" / name)
    assert find_clips([tmp_path / "clips"]) == [clip]
    shutil.rmtree(clip)
    with pytest.raises(ConfigError, match="neither a clip"):
        find_clips([tmp_path / "clips"])


def test_pictures_of_a_damaged_clip_are_refused(clip: Path, tmp_path: Path) -> None:
    content = bytearray((clip / "rgb.mp4").read_bytes())
    content[-1] ^= 1
    (clip / "rgb.mp4").write_bytes(content)
    stage = SectionStage(SectionConfig())
    with pytest.raises(StoreError, match=r"rgb\.mp4: content differs"):
        stage.run(Pair(tmp_path, clip), tmp_path, lambda _share: None)


def _event(kind: EventKind, key_s: float) -> Event:
    values = vars(make_event()) | {"kind": kind, "key_s": key_s}
    return Event(**values)


@pytest.mark.parametrize(
    ("events", "frame"),
    [
        ((), 50),
        ((_event(EventKind.NEAR_MISS, 2.0),), 20),
        ((_event(EventKind.NEAR_MISS, 2.0), _event(EventKind.COLLISION, 3.04)), 30),
        ((_event(EventKind.COLLISION, 99.0),), 99),
    ],
)
def test_the_moment_is_the_first_collision_else_the_first_event(events, frame: int) -> None:
    assert moment_frame(events, 10.0, 100) == frame


def test_demo_shows_six_kinds_that_exist() -> None:
    config = demo_config()
    assert config.n == len(config.scenarios) == 6
    assert len({(c.scenario, c.ending()) for c in config.scenarios}) == 6
    assert {c.scenario for c in config.scenarios} <= set(SCENARIOS)
    for choice in config.scenarios:
        choice.build()


def test_section_config_is_a_config() -> None:
    assert issubclass(SectionConfig, Config)


def test_reduced_frames_keep_values_and_scale_boxes() -> None:
    frame = make_frame(0)
    label = replace(make_label(0), tight_box=(6, 3, 12, 9), corners_px=((6.0, 3.0, 5.0),))
    small, (shown,) = reduced(frame, [label], 3)
    height, width = frame.depth_m.shape
    assert small.depth_m.shape == ((height + 1) // 3, (width + 1) // 3)
    assert small.rgb.shape[:2] == small.depth_m.shape
    np.testing.assert_array_equal(small.class_id, frame.class_id[1::3, 1::3])
    assert shown.tight_box == (2, 1, 5, 4)
    assert shown.corners_px == ((2.0, 1.0, 5.0),)
