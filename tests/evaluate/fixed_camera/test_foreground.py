"""What moves is found where it was drawn; noise, ghosts and shadows are not taken for things."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, ground, straight
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.foreground import cast_shadow, find_foreground
from rareworld.evaluate.fixed_camera.tracks import overlap
from rareworld.evaluate.fixed_camera.working import working_clip

CONFIG = FixedCameraConfig()
CAR = Vehicle(straight((40, 60), (70, 0)))


def found(clip, fps=FPS):
    return find_foreground(working_clip(clip, fps, CONFIG.short_side), CONFIG)


def iou(first, second):
    shared = overlap(first, second)
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize("noise", [0.0, 2.0, 5.0])
def test_a_vehicle_is_found_in_every_frame_at_its_place(noise):
    seen = found(draw([CAR], noise=noise))
    for frame, blobs in enumerate(seen.blobs):
        assert len(blobs) == 1
        assert iou(blobs[0].box, CAR.box(frame / FPS)) > 0.7
        np.testing.assert_allclose(blobs[0].centre, CAR.path(frame / FPS), atol=1.0)


@pytest.mark.parametrize("colour", [(20.0, 20, 25), (240.0, 240, 240), (30.0, 60, 160)])
def test_dark_bright_and_blue_vehicles_are_found(colour):
    car = Vehicle(straight((40, 60), (70, 0)), colour=colour)
    boxes = [blobs[0].box for blobs in found(draw([car], noise=1.0)).blobs if len(blobs) == 1]
    ious = [iou(box, car.box(frame / FPS)) for frame, box in enumerate(boxes)]
    assert len(boxes) == 17
    assert min(ious) > 0.6


def test_by_night_headlamps_and_body_are_found():
    dark = ground() * 0.12
    car = Vehicle(straight((40, 60), (70, 0)), colour=(70.0, 70.0, 75.0))
    assert all(len(blobs) >= 1 for blobs in found(draw([car], base=dark, noise=1.5)).blobs)


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_noise_alone_is_nothing(noise):
    assert not any(found(draw([], noise=noise)).blobs)


def test_the_background_is_the_same_with_and_without_traffic():
    bare = found(draw([])).background
    np.testing.assert_allclose(found(draw([CAR])).background, bare, atol=1)


def test_where_a_thing_stood_for_most_of_the_clip_its_ghost_is_mended():
    stay = 1.3
    path = lambda t: (100 + max(t - stay, 0) * 110, 60)  # noqa: E731
    leaver = Vehicle(path)
    seen = found(draw([leaver], noise=1.0))
    for frame in range(14, 17):
        boxes = [blob.box for blob in seen.blobs[frame]]
        assert len(boxes) == 1
        assert iou(boxes[0], leaver.box(frame / FPS)) > 0.6


def test_an_even_shadow_is_no_thing_and_a_dark_car_no_shadow():
    base = ground().astype(np.float32)
    shadow = base.copy()
    shadow[40:60, 50:90] *= np.array([0.35, 0.4, 0.5], np.float32)
    marked = cast_shadow(shadow, base)
    assert marked[42:58, 52:88].mean() > 0.95
    assert not marked[:36].any()
    car = draw([Vehicle(lambda t: (70, 50), lambda t: (40, 20), (60.0, 60, 60))], frames=1)[0]
    assert cast_shadow(car.astype(np.float32), base)[42:58, 52:88].mean() < 0.5


def test_a_shadow_is_cut_off_its_vehicle():
    clip = draw([CAR], noise=0.5).astype(float)
    for frame in range(len(clip)):
        left, _, right, bottom = np.round(CAR.box(frame / FPS)).astype(int)
        clip[frame, bottom : bottom + 7, left + 4 : right + 6] = (
            ground()[bottom : bottom + 7, left + 4 : right + 6] * 0.4
        )
    seen = found(clip.astype(np.uint8))
    boxes = [max(blobs, key=lambda blob: blob.area).box for blobs in seen.blobs]
    assert np.mean([iou(box, CAR.box(k / FPS)) for k, box in enumerate(boxes)]) > 0.7


def test_things_at_the_border_are_marked():
    clipped = [
        blobs[0].clipped
        for blobs in found(draw([Vehicle(straight((-8, 60), (50, 0)))])).blobs
        if blobs
    ]
    assert clipped[0]
    assert not clipped[-1]
