"""Tracks against labels: counted by hand on small cases."""

import numpy as np
import pytest

from evaluate.fixed_camera.test_reference import track
from rareworld.core.clip import ObjectLabel
from rareworld.evaluate.fixed_camera.agreement import agreement


def label(frame, box, owner=1, speed=5.0, scale=1.0):
    box = tuple(round(float(side) * scale) for side in box)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return ObjectLabel(
        frame=frame,
        time_s=frame / 8,
        object_id=owner,
        class_id=14,
        blueprint="saloon",
        tight_box=box,
        loose_box=tuple(float(side) for side in box),
        visible_px=area,
        total_px=area,
        inside_px=area,
        centre_camera_m=(0.0, 0.0, 9.0),
        quat_camera=(1.0, 0.0, 0.0, 0.0),
        position_m=(0.0, 0.0, 0.0),
        quat=(1.0, 0.0, 0.0, 0.0),
        size_m=(4.0, 2.0, 1.5),
        corners_px=tuple((0.0, 0.0, 1.0) for _ in range(8)),
        velocity_mps=(speed, 0.0, 0.0),
        lane=None,
        lane_offset_m=None,
        lamps=0,
        driver=0,
        mask_rle="",
    )


def labels_of(item, owner=1, speed=5.0, scale=1.0):
    return [
        label(int(f), box, owner, speed, scale)
        for f, box in zip(item.frames, item.boxes, strict=True)
    ]


def test_the_same_boxes_agree_wholly():
    item = track(20.0)
    found = agreement([item], labels_of(item))
    assert (found.recall, found.precision, found.switches) == (1.0, 1.0, 0)
    assert found.iou > 0.9
    assert (found.objects, found.tracks) == (1, 1)


def test_scale_brings_labels_to_the_clip():
    item = track(20.0)
    found = agreement([item], labels_of(item, scale=4.0), scale=(0.25, 0.25))
    assert found.recall == 1.0


def test_a_missed_object_lowers_recall_and_a_phantom_precision():
    seen, phantom = track(20.0), track(20.0, y=110.0, number=1)
    missed = track(20.0, y=30.0)
    found = agreement([seen, phantom], labels_of(seen, 1) + labels_of(missed, 2))
    assert (found.recall, found.precision) == (0.5, 0.5)


def test_standing_objects_are_neither_asked_for_nor_held_against_the_tracker():
    parked = track(20.0, y=30.0)
    found = agreement([parked], labels_of(parked, speed=0.0))
    assert np.isnan(found.recall)
    assert found.precision == 1.0


def test_a_change_of_track_is_a_switch():
    item = track(20.0)
    halves = [
        type(item)(
            **{**{k: v[part] for k, v in item.__dict__.items() if k != "number"}, "number": n}
        )
        for n, part in enumerate((slice(0, 4), slice(4, 8)))
    ]
    assert agreement(halves, labels_of(item)).switches == 1


def test_small_objects_are_not_asked_for():
    item = track(20.0)
    assert np.isnan(agreement([], labels_of(item), least_px=500.0).recall)
    assert agreement([], labels_of(item), least_px=100.0).recall == 0


@pytest.mark.parametrize("tracks", [[], [track(20.0)]])
def test_clips_without_labels_share_nothing(tracks):
    assert np.isnan(agreement(tracks, []).recall)
