"""A clip through a lens: files, labels and what the reader gets back agree."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate import pipeline
from rareworld.annotate.labels.check import check_frame
from rareworld.annotate.lens.config import LensConfig, Preset, StreamConfig, SwayConfig
from rareworld.annotate.pipeline import (
    AnnotateConfig,
    annotate,
    clip_config,
    labelled_frames,
    make_view,
    make_world,
)
from rareworld.annotate.render.choose import draw_with
from rareworld.annotate.render.config import RenderConfig
from rareworld.core.camera import Camera
from rareworld.core.scene import Scene
from rareworld.core.trajectory import SignalState
from rareworld.data.clip import ClipConfig, open_clip
from rareworld.data.video import H264
from rareworld.errors import CameraError, ConfigError
from tests.annotate.labels.random_scenes import recording_of
from tests.annotate.test_pipeline import BODIES, FRAMES, VIEW, _road

CONFIG = AnnotateConfig(radius_m=60, render=RenderConfig(shadow_size=256, threads=2))


def _config(**lens):
    return CONFIG.model_copy(update={"lens": LensConfig(**lens)})


@pytest.fixture(scope="module")
def recording():
    made = recording_of(BODIES, FRAMES)
    scene = Scene(name="street", road=_road(), actors=made.scene.actors)
    states = np.full((1, FRAMES), int(SignalState.GREEN), np.uint8)
    return replace(made, scene=scene, signal_states=states, provenance={"seed": 5, "index": 2})


@pytest.fixture(scope="module")
def cctv(recording, tmp_path_factory):
    config = _config(preset=Preset.CCTV, sway=SwayConfig(amplitude_mrad=6.0))
    path = annotate(recording, VIEW, tmp_path_factory.mktemp("lens") / "clip", config)
    return open_clip(path, deep=True), config


def test_clip_states_lens_and_motion_and_labels_hold_with_them(recording, cctv):
    clip, config = cctv
    view = make_view(make_world(recording, config), VIEW, config)
    assert clip.camera == view.optics.camera
    assert len(clip.camera.distortion) == 5
    assert clip.meta.camera_quats == view.optics.quats
    assert len(set(clip.meta.camera_quats)) == FRAMES
    assert clip.meta.provenance["lens"]["sway"]["amplitude_mrad"] == 6.0
    for k, (frame, labels) in enumerate(
        labelled_frames(make_world(recording, config), VIEW, config)
    ):
        assert check_frame(frame, labels, clip.camera_at(k)) == []
        for label in labels:
            middle = np.add(label.position_m, (0, 0, label.size_m[2] / 2))
            pixel, depth = clip.camera_at(k).project(middle)
            corners = np.array(label.corners_px)
            assert corners[:, 2].mean() == pytest.approx(depth, abs=1e-3)
            # the box's centre lies among its corners as the camera is held now, not at rest
            assert (pixel > corners[:, :2].min(axis=0)).all()
            assert (pixel < corners[:, :2].max(axis=0)).all()
            assert np.abs(clip.camera.project(middle)[0] - pixel).max() > 0.05
        stored = clip.frame(k)
        np.testing.assert_array_equal(stored.instance_id, frame.instance_id)
        np.testing.assert_array_equal(stored.class_id, frame.class_id)
        assert labels == clip.labels_by_frame()[k]


def test_colour_effects_leave_every_label_as_it_was(recording):
    world = make_world(recording, CONFIG)
    noisy = _config(preset=Preset.CCTV, distortion=None, sway=None, shutter=None)
    pairs = zip(
        labelled_frames(world, VIEW, CONFIG), labelled_frames(world, VIEW, noisy), strict=True
    )
    for (plain, plain_labels), (frame, labels) in pairs:
        for name in ("depth_m", "normal", "class_id", "instance_id", "edges", "flow_px"):
            np.testing.assert_array_equal(getattr(frame, name), getattr(plain, name))
        assert labels == plain_labels
        assert (frame.rgb != plain.rgb).mean() > 0.5


def test_a_rolling_shutter_moves_pictures_and_labels_of_what_moves_together(recording):
    config = _config(shutter={"readout_s": 0.1})
    world = make_world(recording, config)
    assert not make_view(world, VIEW, config).works_on_light
    pairs = zip(
        labelled_frames(world, VIEW, CONFIG), labelled_frames(world, VIEW, config), strict=True
    )
    sheared = set()
    for (plain, plain_labels), (frame, labels) in pairs:
        assert check_frame(frame, labels, VIEW) == []
        by_id = {label.object_id: label for label in plain_labels}
        for label in labels:
            known = by_id[label.object_id]
            assert (label.position_m, label.corners_px) == (known.position_m, known.corners_px)
            if label.tight_box != known.tight_box:
                sheared.add(label.object_id)
        # pixels whose object and depth are as before look as before, but for moved shadows
        same = (frame.instance_id == plain.instance_id) & (frame.depth_m == plain.depth_m)
        assert same.mean() > 0.5
        assert (frame.rgb == plain.rgb).all(axis=2)[same].mean() > 0.8
    speeds = np.linalg.norm(recording.tracks.velocity_mps, axis=2).max(axis=1)
    moving = {a.id for a, v in zip(recording.scene.actors, speeds, strict=True) if v > 4}
    still = {a.id for a, v in zip(recording.scene.actors, speeds, strict=True) if v == 0}
    assert sheared & moving
    assert not sheared & still


def test_a_shutter_slower_than_a_frame_is_refused(recording):
    config = _config(shutter={"readout_s": 0.15})
    with pytest.raises(ConfigError, match=r"lens\.shutter\.readout_s"):
        make_view(make_world(recording, config), VIEW, config)


def test_a_cameras_own_distortion_is_honoured_and_kept(recording):
    bent = replace(VIEW, distortion=(-0.2, 0.03, 0.0, 0.0, 0.0))
    world = make_world(recording, CONFIG)
    for config in (CONFIG, _config(preset=Preset.CCTV, sway=None)):
        assert make_view(world, bent, config).optics.camera == bent
    frame, labels = next(labelled_frames(world, bent, CONFIG))
    assert check_frame(frame, labels, bent) == []


def test_a_renderer_that_keeps_no_light_for_the_lens_is_refused(recording, monkeypatch):
    def dark(scene, camera, config):
        return draw_with(scene, camera, config.model_copy(update={"radiance": False}))

    monkeypatch.setattr(pipeline, "draw_with", dark)
    config = _config(preset=Preset.CCTV, distortion=None, sway=None)
    with pytest.raises(ConfigError, match=r"render\.renderer: .*RasterRenderer.*lens\.preset"):
        next(labelled_frames(make_world(recording, config), VIEW, config))


@pytest.mark.parametrize("lens", [{"preset": Preset.CCTV}, {"stream": {"bitrate_kbps": 900}}])
def test_a_stream_and_own_encoding_exclude_each_other(recording, tmp_path, lens):
    """Neither may silently win."""
    config = _config(**lens).model_copy(update={"clip": ClipConfig(rgb=H264(keyframe_every=5))})
    with pytest.raises(ConfigError, match=r"clip\.rgb\.keyframe_every.*lens\.stream=null"):
        annotate(recording, VIEW, tmp_path / "clip", config)
    view = make_view(make_world(recording, config), VIEW, config)
    quick = config.model_copy(update={"clip": ClipConfig(rgb=H264(preset="ultrafast"))})
    rgb = clip_config(view, quick).rgb
    assert rgb.preset == "ultrafast"
    assert rgb.bitrate_kbps == view.config.stream.bitrate_kbps


def test_impossible_lenses_are_refused_before_anything_is_written(recording, tmp_path):
    large = Camera.looking_at("l", (-8, -9, 7), (0, 0, 0), width=960, height=640, hfov_rad=1.2)
    with pytest.raises(ConfigError, match=r"9 kbit/s is too low for 960 x 640.*at least 25 "):
        annotate(recording, large, tmp_path / "a", _config(stream=StreamConfig(bitrate_kbps=9)))
    with pytest.raises(CameraError, match="folds the image"):
        annotate(recording, VIEW, tmp_path / "b", _config(distortion={"k1": -1.5}))
    odd = Camera.looking_at("odd", (-8, -9, 7), (0, 0, 0), width=191, height=128, hfov_rad=1.2)
    with pytest.raises(CameraError, match="even"):
        annotate(recording, odd, tmp_path / "c", _config(preset=Preset.CCTV))
    assert list(tmp_path.iterdir()) == []
