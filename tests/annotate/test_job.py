"""The stage: cameras share a world, bad input is told, and no half-written clip is ever left."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rareworld.annotate import job
from rareworld.annotate.job import AnnotateStage
from rareworld.annotate.pipeline import (
    AnnotateConfig,
    annotate,
    annotate_world,
    labelled_frames,
    make_world,
)
from rareworld.core.camera import Camera, Rig
from rareworld.core.event import Event, EventKind
from rareworld.core.trajectory import Recording, SignalState
from rareworld.core.viewpoint import focus_points
from rareworld.data.atomic import is_temporary, sha256_bytes, sha256_file
from rareworld.data.clip import open_clip
from rareworld.data.jsontext import dump_json
from rareworld.data.recording import RECORDING_FILE, write_recording
from rareworld.errors import CameraError, StoreError
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.stage import content_key
from tests.annotate.streets import CONFIG, RIG, street, view


@pytest.fixture(scope="module")
def recording() -> Recording:
    return street()


def _stored(recording: Recording, path: Path, rig: Rig | None = None) -> Path:
    write_recording(recording, path, rig)
    return path


@pytest.fixture(scope="module")
def folder(recording, tmp_path_factory) -> Path:
    """The recording on disk, with two suggested cameras."""
    return _stored(recording, tmp_path_factory.mktemp("rec") / "00007-street", RIG)


def _digests(clip: Path) -> dict[str, str]:
    return {item.name: sha256_file(item) for item in sorted(clip.iterdir())}


def _ignore(fraction: float) -> None:
    assert 0 <= fraction <= 1


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("clips")
    AnnotateStage(CONFIG).run(folder, out, _ignore)
    return out


def test_suggested_cameras_give_one_clip_each(made):
    assert sorted(item.name for item in made.iterdir()) == ["far", "near"]
    for camera in RIG.cameras:
        clip = open_clip(made / camera.name, deep=True)
        assert clip.camera == camera
        assert clip.num_frames == 4
        assert clip.meta.name == f"street/{camera.name}"


def test_cameras_in_one_pass_give_the_bytes_of_separate_runs(made, recording, folder, tmp_path):
    """Drawing from one view leaves no trace in the world that the other could see."""
    world = make_world(recording, CONFIG, {"recording": sha256_file(folder / RECORDING_FILE)})
    for camera in RIG.cameras:
        alone = annotate_world(world, camera, tmp_path / camera.name, CONFIG)
        assert _digests(alone) == _digests(made / camera.name)


def test_order_of_cameras_does_not_matter(made, folder, tmp_path):
    turned = Rig(cameras=RIG.cameras[::-1])
    AnnotateStage(CONFIG, turned).run(folder, tmp_path, _ignore)
    for camera in RIG.cameras:
        assert _digests(tmp_path / camera.name) == _digests(made / camera.name)


@pytest.mark.parametrize("threads", [1, 4])
def test_bytes_do_not_depend_on_threads(made, folder, tmp_path, threads):
    render = CONFIG.render.model_copy(update={"threads": threads})
    config = CONFIG.model_copy(update={"render": render})
    AnnotateStage(config, Rig(cameras=RIG.cameras[:1])).run(folder, tmp_path, _ignore)
    assert _digests(tmp_path / "near") == _digests(made / "near")


def test_progress_rises_to_one_over_all_cameras(folder, tmp_path):
    told: list[float] = []
    AnnotateStage(CONFIG).run(folder, tmp_path, told.append)
    assert told == pytest.approx([k / 8 for k in range(1, 9)])


def test_summary_names_cameras_frames_and_events(folder, tmp_path):
    summary = AnnotateStage(CONFIG).run(folder, tmp_path, _ignore)
    assert summary == {"cameras": ["near", "far"], "frames": 4, "events": [], "renderer": "cpu"}


def test_own_rig_replaces_the_suggested_one(folder, tmp_path):
    mine = Rig(cameras=(view("mine", -1.1, 64, 48),))
    AnnotateStage(CONFIG, mine).run(folder, tmp_path, _ignore)
    assert [item.name for item in tmp_path.iterdir()] == ["mine"]


def test_recording_without_cameras_gets_one_that_sees_it(recording, tmp_path, monkeypatch):
    """Automatic cameras are 1080p, so only the choice is checked here, not the clip."""
    bare = _stored(recording, tmp_path / "bare")
    chosen = []

    def remember(world, camera, *rest, **more):
        chosen.append(camera)

    monkeypatch.setattr(job, "annotate_world", remember)
    AnnotateStage(CONFIG).run(bare, tmp_path, _ignore)
    (camera,) = chosen
    assert (camera.width, camera.height) == (1920, 1080)
    pixels, depth = camera.project(focus_points(recording))
    assert (depth > 0).all()
    assert (pixels > 0).all()
    assert (pixels < (1920, 1080)).all()


@pytest.mark.parametrize("change", ["recording", "rig", "config"])
def test_key_of_the_output_follows_what_decides_its_bytes(recording, folder, tmp_path, change):
    before = content_key(AnnotateStage(CONFIG, RIG), folder)
    stage, item = AnnotateStage(CONFIG, RIG), folder
    if change == "recording":
        moved = street(frames=5)
        item = _stored(moved, tmp_path / folder.name, RIG)
    if change == "rig":
        stage = AnnotateStage(CONFIG, Rig(cameras=RIG.cameras[:1]))
    if change == "config":
        stage = AnnotateStage(CONFIG.model_copy(update={"radius_m": 41.0}), RIG)
    assert content_key(stage, item) != before
    assert content_key(AnnotateStage(CONFIG, RIG), folder) == before


def test_key_of_the_output_does_not_follow_the_threads(folder):
    render = CONFIG.render.model_copy(update={"threads": CONFIG.render.threads + 1})
    more = CONFIG.model_copy(update={"render": render})
    assert content_key(AnnotateStage(more, RIG), folder) == content_key(
        AnnotateStage(CONFIG, RIG), folder
    )


def test_clip_says_what_it_was_made_from(made, folder):
    found = open_clip(made / "near").meta.provenance
    assert found["seed"] == 3
    assert found["parents"] == {"recording": sha256_file(folder / RECORDING_FILE)}
    settings = found["annotate"]
    assert found["config_sha256"] == sha256_bytes(dump_json(settings).encode())
    assert "threads" not in settings["render"]
    assert AnnotateConfig.parse(settings) == CONFIG


def test_every_instance_id_of_a_clip_has_a_name(made):
    clip = open_clip(made / "near")
    known = {actor.id: actor.class_id for actor in clip.meta.actors}
    props = {prop.id: prop.class_id for prop in clip.meta.props}
    assert set(props) == {50, 51}
    labelled = {label.object_id for label in clip.labels()}
    seen = {int(item) for frame in clip.frames() for item in np.unique(frame.instance_id)}
    assert seen <= {0} | labelled | set(props) | set(known)
    assert seen & set(props)
    for frame in clip.frames():
        for prop in seen & set(props):
            assert set(frame.class_id[frame.instance_id == prop]) <= {int(props[prop])}


@pytest.mark.parametrize(("width", "height"), [(65, 48), (64, 47)])
def test_odd_image_is_refused_before_anything_is_drawn(folder, tmp_path, width, height):
    odd = Rig(cameras=(RIG.cameras[0], view("odd", 1.3, width, height)))
    with pytest.raises(CameraError, match=f"'odd'.*even.*found {width} x {height}; choose even"):
        AnnotateStage(CONFIG, odd).run(folder, tmp_path, _ignore)
    assert list(tmp_path.iterdir()) == []


def test_item_is_named_by_its_folder(folder, monkeypatch):
    assert AnnotateStage(CONFIG).item_name(folder) == "00007-street"
    monkeypatch.chdir(folder)
    assert AnnotateStage(CONFIG).item_name(Path()) == "00007-street"


@pytest.mark.parametrize("file", ["trajectories.parquet", "map.xodr", "scene.json", "rig.yaml"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_recording_is_named_and_nothing_is_written(recording, tmp_path, file, damage):
    broken = _stored(recording, tmp_path / "rec", RIG)
    target = broken / file
    content = target.read_bytes()
    target.unlink()
    if damage == "cut":
        target.write_bytes(content[: len(content) // 2])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StoreError, match=file):
        AnnotateStage(CONFIG).run(broken, out, _ignore)
    assert list(out.iterdir()) == []


def test_folder_that_is_no_recording_is_refused(tmp_path):
    with pytest.raises(StoreError, match=RECORDING_FILE):
        AnnotateStage(CONFIG).describe(tmp_path)


BAD = {
    "under ground": ((0.0, -9.0, -2.0), (0.0, 0.0, 0.0), "raise"),
    "inside building": ((0.0, 22.0, 4.0), (0.0, 0.0, 0.0), "move it out"),
    "inside tree": ((3.0, 8.0, 3.0), (0.0, 0.0, 0.0), "move it out"),
    "sees nothing": ((-8.0, -9.0, 7.0), (-20.0, -30.0, 9.0), "turn it to"),
    "hidden by building": ((0.0, 40.0, 2.0), (0.0, 0.0, 0.5), "move the camera"),
}


@pytest.mark.parametrize("words", BAD)
def test_camera_that_cannot_work_is_told_what_to_do(folder, tmp_path, words):
    place, target, remedy = BAD[words]
    bad = Camera.looking_at("bad", place, target, width=64, height=48, hfov_rad=1.0)
    stage = AnnotateStage(CONFIG, Rig(cameras=(bad,)))
    with pytest.raises(CameraError, match=f"'bad'.*{words}.*{remedy}"):
        stage.run(folder, tmp_path, _ignore)
    assert list(tmp_path.iterdir()) == []


def test_runner_quarantines_a_recording_no_camera_fits(folder, tmp_path):
    bad = Camera.looking_at("bad", (0, -9, -2.0), (0, 0, 0), width=64, height=48, hfov_rad=1.0)
    runner = LocalRunner(inline=True)
    report = runner.run(AnnotateStage(CONFIG, Rig(cameras=(bad,))), [folder], tmp_path)
    (outcome,) = report.outcomes
    assert "CameraError" in outcome.error
    assert not (tmp_path / folder.name).exists()


def test_existing_clip_is_replaced_only_if_asked(recording, tmp_path):
    world = make_world(recording, CONFIG)
    camera = RIG.cameras[1]
    path = annotate_world(world, camera, tmp_path / "clip", CONFIG)
    before = _digests(path)
    with pytest.raises(StoreError, match="clip"):
        annotate_world(world, camera, path, CONFIG)
    assert _digests(path) == before
    noted = CONFIG.model_copy(update={"provenance": {"run": "second"}})
    annotate_world(world, camera, path, noted, replace=True)
    found = open_clip(path).meta.provenance
    assert (found["seed"], found["run"]) == (3, "second")
    assert "parents" not in found


def test_stopped_reader_of_frames_leaves_no_thread(recording):
    before = threading.active_count()
    frames = labelled_frames(make_world(recording, CONFIG), RIG.cameras[0], CONFIG)
    next(frames)
    frames.close()
    assert threading.active_count() == before


def test_light_states_follow_the_timeline(recording):
    """The head shows green, then red."""
    world = make_world(recording, CONFIG)
    seen = {}
    for (_, labels), state in zip(
        labelled_frames(world, view(), CONFIG), recording.signal_states[0], strict=True
    ):
        (head,) = [label for label in labels if label.blueprint == "traffic light"]
        seen.setdefault(SignalState(int(state)), set()).add(head.lamps >> 16)
    assert seen == {SignalState.GREEN: {4}, SignalState.RED: {1}}


def test_events_of_the_recording_are_in_the_clip(recording, tmp_path):
    event = Event(
        kind=EventKind.NEAR_MISS, actors=(2, 5), start_s=0.1, end_s=0.2, start_frame=1,
        end_frame=2, key_s=0.1, position_m=(0.0, 0.0, 0.0),
    )  # fmt: skip
    clip = annotate(replace(recording, events=(event,)), RIG.cameras[1], tmp_path / "c", CONFIG)
    assert open_clip(clip).meta.events == (event,)


SCRIPT = """
import sys
from pathlib import Path
from tests.annotate.streets import CONFIG
from rareworld.annotate.job import AnnotateStage

run = AnnotateStage.run
AnnotateStage.run = lambda self, item, out, report: run(
    self, item, out, lambda fraction: print(fraction, flush=True)
)
from rareworld.runtime.local import LocalRunner
LocalRunner(inline=True).run(AnnotateStage(CONFIG), [Path(sys.argv[1])], Path(sys.argv[2]))
"""


def test_kill_in_the_middle_leaves_nothing_half_written(made, folder, tmp_path):
    tests = Path(__file__).parents[1]
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(out)],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(tests)}, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if float(line) > 0.6:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.stdout.close()
    assert all(is_temporary(item) for item in out.iterdir())
    report = LocalRunner(inline=True).run(AnnotateStage(CONFIG), [folder], out)
    assert [outcome.error for outcome in report.outcomes] == [""]
    assert [item.name for item in out.iterdir() if is_temporary(item)] == []
    for camera in RIG.cameras:
        assert _digests(out / folder.name / camera.name) == _digests(made / camera.name)
