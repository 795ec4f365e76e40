"""Claims about single pictures and records of the metropolis layout, without files between."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2")

from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import quat_from_euler
from rareworld.core.scene import Actor
from rareworld.core.taxonomy import ClassId
from rareworld.data.formats.metropolis import MetropolisOptions
from rareworld.data.formats.metropolis.pictures import (
    FULL_DEPTH,
    LAYERS,
    OVERLAYS,
    View,
    mask_polygons,
)
from rareworld.data.formats.metropolis.records import (
    FrameInfo,
    box_in_camera,
    carla_vector,
    class_name,
    collision_records,
    colour_record,
    frame_name,
    inclusive_box,
    instances_record,
    objects_frame,
    odvg_record,
    semantic_labels,
)
from rareworld.data.rle import encode_mask
from rareworld.errors import ConfigError
from tests.data.data_samples import HEIGHT, WIDTH, make_event, make_frame, make_label

BY_FOLDER = {layer.folder: layer for layer in (*LAYERS, *OVERLAYS, FULL_DEPTH)}


def view(frame: Frame, *labels: ObjectLabel, events: tuple[Event, ...] = (), **options) -> View:
    """What a layer draws from."""
    return View(frame=frame, labels=labels, events=events, options=MetropolisOptions(**options))


def drawn(folder: str, seen: View) -> np.ndarray:
    """A layer's picture."""
    return BY_FOLDER[folder].draw(seen)


def film(folder: str, picture: np.ndarray) -> np.ndarray:
    """A layer's picture as its video shows it."""
    make = BY_FOLDER[folder].film
    assert make is not None
    return make(picture)


@pytest.mark.parametrize(
    ("metres", "millimetres"),
    [(0.0, 0), (0.0004, 0), (1.2345, 1234), (65.534, 65534), (65.535, 65535), (1e6, 65535)],
)
def test_depth_in_millimetres(metres: float, millimetres: int) -> None:
    frame = replace(make_frame(0), depth_m=np.full((HEIGHT, WIDTH), metres, np.float32))
    picture = drawn("depth", view(frame))
    assert picture.dtype == np.uint16
    assert abs(int(picture[0, 0]) - millimetres) <= 1


def test_depth_of_the_sky_is_the_end_of_the_scale_and_black_in_the_film() -> None:
    picture = drawn("depth", view(make_frame(0)))
    assert (picture[:16] == 65535).all()
    assert (film("depth", picture)[:16] == 0).all()


def test_depth_film_falls_with_the_logarithm() -> None:
    metres = np.array([[0.2, 1.0, 8.0, 64.0]], np.float32)
    grey = film("depth", np.rint(metres * 1000).astype(np.uint16)).astype(float)[0]
    wanted = 255 * (1 - np.log(np.maximum(metres[0], 1)) / np.log(65.535))
    np.testing.assert_allclose(grey, wanted, atol=1)


@pytest.mark.parametrize(
    ("normal", "colour"),
    [
        ((1, 0, 0), (255, 128, 128)),
        ((0, -1, 0), (128, 0, 128)),
        ((0, 0, -1), (128, 128, 0)),
        ((0, 0, 0), (128, 128, 128)),
    ],
)
def test_normals_map_to_bytes(normal: tuple[int, ...], colour: tuple[int, ...]) -> None:
    frame = replace(make_frame(0), normal=np.full((HEIGHT, WIDTH, 3), normal, np.float32))
    assert np.abs(drawn("normals", view(frame))[3, 4].astype(int) - colour).max() <= 1


def test_edges_are_white_on_black() -> None:
    frame = make_frame(1)
    picture = drawn("edges", view(frame))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(picture[..., 0] == 255, frame.edges)
    assert set(np.unique(picture).tolist()) == {0, 255}


def test_raw_instance_film_shows_the_low_byte() -> None:
    ids = np.array([[0, 7, 256, 300]], np.uint16)
    assert film("instance_segmentation_raw", ids).tolist() == [[0, 7, 0, 44]]


@pytest.mark.parametrize("layer", [layer for layer in BY_FOLDER.values() if layer.film is not None])
def test_every_film_is_eight_bit_and_of_the_same_size(layer) -> None:
    picture = layer.draw(view(make_frame(2), make_label(2), events=(make_event(),)))
    shown = layer.film(picture)
    assert shown.dtype == np.uint8
    assert shown.shape[:2] == (HEIGHT, WIDTH)


@pytest.mark.parametrize("folder", [layer.folder for layer in OVERLAYS])
def test_overlays_without_objects_are_the_plain_image(folder: str) -> None:
    frame = make_frame(0)
    np.testing.assert_array_equal(drawn(folder, view(frame)), frame.rgb)


def test_overlays_do_not_draw_into_the_frame() -> None:
    frame = make_frame(0)
    before = frame.rgb.copy()
    for layer in OVERLAYS:
        layer.draw(view(frame, make_label(0), events=(make_event(),)))
    np.testing.assert_array_equal(frame.rgb, before)


def test_box_is_drawn_on_its_border() -> None:
    frame, label = make_frame(0), make_label(0)
    changed = np.any(drawn("rgb_with_bboxes", view(frame, label)) != frame.rgb, axis=-1)
    x_min, y_min, x_max, y_max = label.tight_box
    assert changed[y_min, x_min:x_max].all()
    assert changed[y_max - 1, x_min:x_max].all()
    assert changed[y_min:y_max, [x_min, x_max - 1]].all()


@pytest.mark.parametrize(
    ("kind", "actors", "marked"),
    [
        (EventKind.COLLISION, (7, 9), True),
        (EventKind.COLLISION, (1, 2), False),
        (EventKind.NEAR_MISS, (7, 9), False),
    ],
)
def test_only_actors_of_a_collision_under_way_are_marked(
    kind: EventKind, actors: tuple[int, int], *, marked: bool
) -> None:
    frame, event = make_frame(3), replace(make_event(), kind=kind, actors=actors)
    picture = drawn("rgb_with_collisions", view(frame, make_label(3), events=(event,)))
    assert bool((picture != frame.rgb).any()) == marked


def test_mask_overlay_tints_listed_objects_only() -> None:
    frame = make_frame(1)
    shown = drawn("rgb_with_masks", view(frame, make_label(1)))
    np.testing.assert_array_equal(np.any(shown != frame.rgb, axis=-1), frame.instance_id == 7)


def test_3d_box_behind_the_camera_or_far_outside_is_not_drawn() -> None:
    frame = make_frame(0)
    behind = replace(make_label(0), corners_px=tuple((9.0, 9.0, -1.0) for _ in range(8)))
    far = replace(make_label(0), corners_px=tuple((1e7, 9.0 * k, 5.0) for k in range(8)))
    np.testing.assert_array_equal(drawn("rgb_with_3d_bboxes", view(frame, behind, far)), frame.rgb)


@pytest.mark.parametrize("classes", [(), (ClassId.ROAD,), (ClassId.ROAD, ClassId.CAR)])
def test_masks_keep_the_classes_asked_for(classes: tuple[ClassId, ...]) -> None:
    frame = make_frame(0)
    picture = drawn("masks", view(frame, canny_classes=classes))
    kept = np.isin(frame.class_id, [int(item) for item in classes])
    assert (picture[~kept] == 0).all()
    assert (picture[kept] > 0).all()


def test_polygon_of_every_part_of_a_mask_and_none_of_an_empty_one() -> None:
    mask = np.zeros((10, 16), bool)
    mask[1:9, 1:6] = mask[1:9, 9:15] = True
    text = encode_mask(mask, x=10, y=24, height=HEIGHT, width=WIDTH)
    two = replace(make_label(0), mask_rle=text)
    assert len(mask_polygons(two, HEIGHT, WIDTH)) == 2
    text = encode_mask(mask & False, x=10, y=24, height=HEIGHT, width=WIDTH)
    assert mask_polygons(replace(two, mask_rle=text), HEIGHT, WIDTH) == []


# records


def info(*, events: tuple[Event, ...] = (), index: int = 3) -> FrameInfo:
    """A frame of a clip with one painted car."""
    car = Actor(id=7, blueprint="saloon", colour=(1.0, 0.5, 0.0))
    return FrameInfo(
        index=index, time_s=0.1, width=WIDTH, height=HEIGHT, actors={7: car}, events=events
    )


@pytest.mark.parametrize(("index", "name"), [(0, "0" * 12), (123, "000000000123")])
def test_frame_names(index: int, name: str) -> None:
    assert frame_name(index) == name


def test_class_names_are_lower_case_words_and_all_have_a_colour() -> None:
    assert class_name(int(ClassId.TRAFFIC_LIGHT)) == "traffic light"
    labels = semantic_labels()
    assert set(labels) == {str(int(item)) for item in ClassId}
    assert all(len(entry["color"]) == 3 for entry in labels.values())


def test_boxes_are_inclusive_and_vectors_left_handed() -> None:
    assert inclusive_box(make_label(1)) == [13, 24, 28, 33]
    assert carla_vector((1.0, 2.0, 3.0)) == [1.0, -2.0, 3.0]


def test_colour_is_rgb_in_bytes_and_unknown_for_props() -> None:
    painted = Actor(id=1, blueprint="saloon", colour=(1.0, 0.0, 0.5))
    assert colour_record(painted) == [255, 0, 128]
    assert colour_record(None) is None


@pytest.mark.parametrize("angles", [(0.3, -0.2, 0.1), (-2.0, 0.4, 0.0)])
def test_box_in_camera_keeps_angles_and_distance(angles: tuple[float, float, float]) -> None:
    quat = tuple(quat_from_euler(*angles).tolist())
    box = box_in_camera(replace(make_label(0), quat_camera=quat, centre_camera_m=(3.0, 0.0, 4.0)))
    assert box["distance_to_camera"] == 5.0
    turned = [box["rotation"][name] for name in ("yaw", "pitch", "roll")]
    np.testing.assert_allclose(turned, angles, atol=1e-12)
    assert box["dimensions"] == {"length": 4.4, "width": 1.8, "height": 1.5}


def test_events_are_listed_only_in_their_frames() -> None:
    event = make_event()
    for index in range(8):
        record = odvg_record(info(events=(event,), index=index), [], [])
        assert ("events" in record) == (event.start_frame <= index < event.end_frame)


def test_objects_of_a_frame_repeat_the_annotation() -> None:
    record = odvg_record(info(), [make_label(3)], [[[1.0, 2.0, 3.0]]])
    (instance,) = objects_frame(info(), record)["instances"]
    (annotation,) = record["detections"]["instances"]
    assert instance["id"] == annotation["object-id"] == 7
    assert instance["bounding_box_2d_tight"] == annotation["bbox_2d"]
    assert instance["vehicle_color"] == [255, 128, 0]


def test_each_object_is_listed_once() -> None:
    labels = [make_label(k, number) for k in range(3) for number in (7, 8)]
    found = instances_record(labels, {})["instances"]
    assert set(found) == {"object_7", "object_8"}


def test_collisions_are_numbered_in_order() -> None:
    events = [make_event(), replace(make_event(), kind=EventKind.NEAR_MISS), make_event()]
    found = collision_records(events)
    assert [record["event_id"] for record in found] == ["event_000001", "event_000002"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"jpeg_quality": 0}, "jpeg_quality"),
        ({"limit_distance_m": -1}, "limit_distance_m"),
        ({"area_treshold_px": 3}, "did you mean 'area_threshold_px'"),
        ({"canny_classes": [999]}, "canny_classes"),
    ],
)
def test_wrong_options_are_explained(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        MetropolisOptions.parse(values)
