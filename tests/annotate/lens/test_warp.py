"""Warped labels against a ray caster that follows the distorted rays themselves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.annotate.labels.check import check_frame
from rareworld.core.camera import Camera
from tests.annotate.labels.random_scenes import PROP_ID, Body, recording_of
from tests.annotate.labels.test_random_scenes import bodies, cameras
from tests.annotate.lens.views import BARREL, CUSHION, cast, centres, make, resting, swaying

BODIES = [
    Body(0, -3, 0, 0, 0.3, 0, 0, 9),
    Body(11, -4, -3, 0, 1, 0, 0, 1),
    Body(8, 4, 2, 0, 0, 0, 0, 0),
    Body(2, 1, -4, 0, 2, 0, 0, 5),
]
LOOK = Camera.looking_at("bent", (-9, -6, 5), (0, 0, 0.5), width=320, height=200, hfov_rad=1.2)


def _optics(kind):
    if kind == "sway":
        return swaying(LOOK, 2)
    coefficients = CUSHION if kind == "cushion" else BARREL
    bent = replace(LOOK, distortion=coefficients)
    return swaying(bent, 2) if kind == "both" else resting(bent)


@pytest.mark.parametrize("kind", ["barrel", "cushion", "sway", "both"])
def test_every_label_is_what_the_ray_itself_hits_within_half_a_pixel(kind):
    optics = _optics(kind)
    drawn = list(make(recording_of(BODIES), optics))
    frame, _, _, renderer = drawn[-1]
    camera = optics.camera_at(1)
    triangle, depth = cast(renderer, camera, centres(LOOK.width, LOOK.height))
    surface = renderer.geometry.surface
    truth = np.where(triangle < 0, 0, surface.object_id[triangle])
    # a pixel whose neighbours all show its object: no border within a pixel
    inner = np.zeros(truth.shape, bool)
    blocks = np.lib.stride_tricks.sliding_window_view(triangle, (3, 3))
    inner[1:-1, 1:-1] = (blocks == blocks[:, :, 1:2, 1:2]).all(axis=(2, 3))
    assert inner.mean() > 0.6
    np.testing.assert_array_equal(frame.instance_id[inner], truth[inner])
    solid = inner & (triangle >= 0)
    # rays are float32: a few 1e-7 of the image plane, seen at grazing angles on the ground
    np.testing.assert_allclose(frame.depth_m[solid], depth[solid], rtol=1e-4)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(truth, 1, mode="edge"), (3, 3))
    known = (near == frame.instance_id[:, :, None, None]).any(axis=(2, 3))
    # a corner narrower than a pixel may be hit by the drawn pixel's centre and by no ray around
    assert (~known).sum() <= 3


def test_flat_lens_that_stands_still_gives_the_pinhole_picture_bit_for_bit():
    from tests.annotate.labels.random_scenes import labelled

    plain = list(labelled(recording_of(BODIES), LOOK))
    for (frame, labels), (warped, warped_labels, _, _) in zip(
        plain, make(recording_of(BODIES), resting(LOOK)), strict=True
    ):
        for name in ("class_id", "instance_id", "edges", "normal"):
            np.testing.assert_array_equal(getattr(warped, name), getattr(frame, name))
        np.testing.assert_allclose(warped.depth_m, frame.depth_m, rtol=2e-6)
        np.testing.assert_allclose(warped.flow_px, frame.flow_px, atol=2e-3)
        for ours, theirs in zip(warped_labels, labels, strict=True):
            assert (ours.visible_px, ours.inside_px) == (theirs.visible_px, theirs.inside_px)
            np.testing.assert_allclose(ours.loose_box, theirs.loose_box, atol=1e-6)
            assert abs(ours.total_px - theirs.total_px) <= max(2, 0.01 * theirs.total_px)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    drawn=st.lists(bodies, max_size=5),
    view=cameras(),
    kind=st.sampled_from(["barrel", "cushion", "sway", "both"]),
)
def test_no_label_rule_is_broken_through_a_lens(drawn, view, kind):
    # the same bend at the border of any field of view
    radius = np.tan(view.hfov_rad / 2) / np.tan(0.6)
    bend = CUSHION if kind == "cushion" else BARREL
    scaled = tuple(float(k / radius**power) for k, power in zip(bend, (2, 4, 1, 1, 6), strict=True))
    tall = view.height > view.width
    camera = view if kind == "sway" or tall else replace(view, distortion=scaled)
    optics = swaying(camera, 2) if kind in ("sway", "both") else resting(camera)
    for k, (frame, labels, _, _) in enumerate(make(recording_of(drawn), optics)):
        assert check_frame(frame, labels, optics.camera_at(k), {PROP_ID}) == []


def test_bytes_do_not_depend_on_the_number_of_threads():
    optics = _optics("both")
    one = [item[0] for item in make(recording_of(BODIES), optics, threads=1)]
    four = [item[0] for item in make(recording_of(BODIES), optics, threads=4)]
    for a, b in zip(one, four, strict=True):
        for name in ("depth_m", "normal", "class_id", "instance_id", "edges", "flow_px"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("kind", ["barrel", "sway", "both"])
def test_flow_leads_to_where_the_next_frame_shows_the_same_thing(kind):
    optics = _optics(kind)
    (now, _, _, _), (following, _, _, _) = make(recording_of(BODIES), optics)
    recording = recording_of(BODIES)
    rows, columns = np.nonzero(np.isfinite(now.flow_px).all(axis=2))
    pixels = np.stack([columns, rows], axis=1) + 0.5
    here = now.instance_id[rows, columns]
    points = optics.camera_at(0).unproject(pixels, now.depth_m[rows, columns].astype(float))
    for actor in recording.scene.actors:
        own = here == actor.id
        track = recording.tracks.position_m[recording.row(actor.id)]
        points[own] += track[1] - track[0]
    expected, depth = optics.camera_at(1).project(points)
    found = pixels + now.flow_px[rows, columns]
    assert (depth > 0).all()
    # float32 depths and rays, over thousands of pixels, far ground included
    np.testing.assert_allclose(found, expected, atol=3e-3)
    inside = ((found > 1) & (found < [LOOK.width - 1, LOOK.height - 1])).all(axis=1)
    inside &= here > 0
    at = found[inside].astype(int)
    # what was seen is seen again but at borders and where something else hides it by then
    assert (following.instance_id[at[:, 1], at[:, 0]] == here[inside]).mean() > 0.9
    assert inside.sum() > 1000
