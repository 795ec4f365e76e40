"""No label rule is broken in random scenes; and every rule can be broken."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.annotate.labels.check import check_frame
from rareworld.core.camera import Camera
from tests.annotate.labels.random_scenes import PROP_ID, Body, labelled, recording_of

bodies = st.builds(
    Body,
    kind=st.integers(0, 12),
    x_m=st.floats(-15, 15),
    y_m=st.floats(-15, 15),
    z_m=st.floats(-0.5, 2),
    yaw_rad=st.floats(-3.1, 3.1),
    pitch_rad=st.floats(-0.8, 0.8),
    roll_rad=st.floats(-1.5, 1.5),
    speed_mps=st.floats(-10, 30),
)


@st.composite
def cameras(draw):
    """Cameras above the ground that look somewhere at the scene, some of them close."""
    place = draw(st.tuples(st.floats(-25, 25), st.floats(-25, 25), st.floats(1.2, 15)))
    target = draw(st.tuples(st.floats(-6, 6), st.floats(-6, 6), st.floats(-0.5, 1)))
    width, height = draw(st.sampled_from([(96, 64), (70, 90), (128, 40)]))
    return Camera.looking_at(
        "random", place, target, width=width, height=height, hfov_rad=draw(st.floats(0.3, 2.2))
    )


def _check(drawn, view):
    for frame, labels in labelled(recording_of(drawn), view):
        assert check_frame(frame, labels, view, {PROP_ID}) == []


@settings(max_examples=120, deadline=None, derandomize=True)
@given(drawn=st.lists(bodies, max_size=6), view=cameras())
def test_no_rule_is_broken_in_random_scenes(drawn, view):
    _check(drawn, view)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, derandomize=True)
@given(drawn=st.lists(bodies, max_size=8), view=cameras())
def test_no_rule_is_broken_in_a_thousand_random_scenes(drawn, view):
    _check(drawn, view)


VIEW = Camera.looking_at("still", (-9, -6, 5), (0, 0, 0.5), width=120, height=90, hfov_rad=1.0)
BODIES = [
    Body(0, -3, 0, 0, 0.3, 0, 0, 5),
    Body(11, -4, -3, 0, 1, 0, 0, 1),
    Body(8, 4, 2, 0, 0, 0, 0, 0),
]


@pytest.fixture(scope="module")
def sample():
    return next(iter(labelled(recording_of(BODIES), VIEW)))


def test_sample_is_clean_and_shows_partial_occlusion(sample):
    frame, labels = sample
    assert check_frame(frame, labels, VIEW, {PROP_ID}) == []
    assert any(0 < label.occlusion < 1 for label in labels)


BREAKS = {
    "unknown id": (lambda f, r: (f, r[1:]), "unknown ids"),
    "twice": (lambda f, r: (f, (*r, r[0])), "two records"),
    "count": (
        lambda f, r: (f, (replace(r[0], visible_px=r[0].inside_px + 1), *r[1:])), "<= inside"),
    "tight": (lambda f, r: (f, (replace(r[0], tight_box=(0, 0, 9, 9)), *r[1:])), "tight box"),
    "loose": (lambda f, r: (f, (replace(r[0], loose_box=(0.0, 0.0, 1.0, 1.0)), *r[1:])), "loose"),
    "corners": (
        lambda f, r: (f, (replace(r[0], corners_px=r[1].corners_px), *r[1:])), "not centred"),
    "size": (lambda f, r: (f, (replace(r[0], size_m=(9.0, 1.0, 1.0)), *r[1:])), "diagonal"),
    "sky": (lambda f, r: (replace(f, class_id=np.zeros_like(f.class_id)), r), "about sky"),
    "normal": (lambda f, r: (replace(f, normal=-f.normal), r), "away from the camera"),
    "length": (lambda f, r: (replace(f, normal=2 * f.normal), r), "unit length"),
    "depth": (
        lambda f, r: (replace(f, depth_m=f.depth_m + np.float32(9)), r), "outside its box"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_each_rule_can_be_broken(sample, name):
    change, sentence = BREAKS[name]
    frame, labels = change(*sample)
    assert any(sentence in text for text in check_frame(frame, labels, VIEW, {PROP_ID}))


def test_records_follow_the_recording(sample):
    _, labels = sample
    recording = recording_of(BODIES)
    for label in labels:
        row = recording.row(label.object_id)
        np.testing.assert_allclose(label.position_m, recording.tracks.position_m[row, 0])
        np.testing.assert_allclose(label.velocity_mps, recording.tracks.velocity_mps[row, 0])
        pixels, depth = VIEW.project(np.add(label.position_m, (0, 0, label.size_m[2] / 2)))
        np.testing.assert_allclose(label.centre_camera_m[2], depth, atol=1e-6)
        u = label.centre_camera_m[0] / depth * VIEW.fx + VIEW.cx
        np.testing.assert_allclose(u, pixels[0], atol=1e-6)
