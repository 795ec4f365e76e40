"""The rules of labels notice every way of breaking them."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.labels.check import check_frame
from rareworld.data.rle import encode_mask
from tests.annotate.labels.random_scenes import PROP_ID, Body, labelled, recording_of
from tests.annotate.render.shapes import camera

LOOK = camera(96, 72, position=(-9.0, -7.0, 5.0))
BODIES = [Body(1, -3, -2, 0, 0.3, 0, 0, 5), Body(3, 3, 2, 0, 1.2, 0, 0, 0)]


@pytest.fixture(scope="module")
def good():
    frame, labels = next(labelled(recording_of(BODIES), LOOK))
    own = {name: getattr(frame, name).copy() for name in frame.__dataclass_fields__}
    return replace(frame, **own), labels


def _found(frame, labels, known=(PROP_ID,)):
    return " | ".join(check_frame(frame, labels, LOOK, known))


def test_drawn_labels_break_no_rule(good):
    assert _found(*good) == ""


def _changed(array, where, value):
    out = array.copy()
    out[where] = value
    return out


def _pixel(frame, owner):
    rows, columns = np.nonzero(frame.instance_id == owner)
    middle = len(rows) // 2
    return int(rows[middle]), int(columns[middle])


@pytest.mark.parametrize(
    ("channel", "value", "words"),
    [
        ("instance_id", 77, "unknown ids [77]"),
        ("depth_m", np.inf, "class disagrees"),
        ("depth_m", -1.0, "depth disagrees"),
        ("depth_m", 90.0, "outside its box"),
        ("class_id", 11, "class disagrees"),
        ("normal", 0.0, "normal disagrees"),
        ("normal", 0.9, "not of unit length"),
        ("instance_id", 0, "mask and instance ids differ"),
    ],
)
def test_one_wrong_pixel_is_found(good, channel, value, words):
    frame, labels = good
    where = _pixel(frame, labels[0].object_id)
    wrong = replace(frame, **{channel: _changed(getattr(frame, channel), where, value)})
    assert words in _found(wrong, labels)


def test_normal_that_points_away_is_found(good):
    frame, labels = good
    wrong = replace(frame, normal=-frame.normal)
    assert "points away from the camera" in _found(wrong, labels)


def test_flow_of_the_sky_must_be_unknown(good):
    frame, labels = good
    sky = tuple(axis[0] for axis in np.nonzero(np.isinf(frame.depth_m)))
    wrong = replace(frame, flow_px=_changed(frame.flow_px, sky, 0.0))
    assert "flow disagrees" in _found(wrong, labels)
    seen = replace(frame, instance_id=_changed(frame.instance_id, sky, labels[0].object_id))
    assert "instance disagrees" in _found(seen, labels)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: {"visible_px": a.visible_px + 1}, "visible"),
        (lambda a: {"inside_px": a.visible_px - 1}, "<= inside"),
        (lambda a: {"total_px": a.inside_px - 1}, "<= total"),
        (lambda a: {"tight_box": (0, 0, 3, 3)}, "does not hold its pixels"),
        (lambda a: {"loose_box": (0.0, 0.0, 5.0, 5.0)}, "is not inside loose box"),
        (lambda a: {"centre_camera_m": (0.0, 0.0, 5.0)}, "not centred"),
        (lambda a: {"size_m": (9.0, 9.0, 9.0)}, "half a diagonal"),
        (lambda a: {"size_m": a.size_m[1::-1] + a.size_m[2:]}, "span the length"),
        (lambda a: {"mask_rle": encode_mask(np.ones((2, 2), bool), x=0, y=0, height=72, width=96)},
         "mask pixels"),
    ],
)  # fmt: skip
def test_one_wrong_figure_of_a_record_is_found(good, change, words):
    frame, labels = good
    wrong = (replace(labels[0], **change(labels[0])), *labels[1:])
    found = _found(frame, wrong)
    assert words in found
    assert f"object {labels[0].object_id}" in found


def test_records_must_be_one_for_each_object(good):
    frame, labels = good
    assert "two records" in _found(frame, (*labels, labels[0]))
    assert f"unknown ids [{labels[0].object_id}]" in _found(frame, labels[1:])
    assert f"unknown ids [{PROP_ID}]" in _found(frame, labels, known=())
