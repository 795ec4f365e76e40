"""Paths, sizes and identities of drawn vehicles."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, straight
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.foreground import find_foreground
from rareworld.evaluate.fixed_camera.tracks import follow, is_clear, overlap
from rareworld.evaluate.fixed_camera.working import working_clip

CONFIG = FixedCameraConfig()


def tracked(clip, fps=FPS):
    small = working_clip(clip, fps, CONFIG.short_side)
    return follow(small, find_foreground(small, CONFIG), CONFIG)


def clear(clip, fps=FPS):
    return [track for track in tracked(clip, fps) if is_clear(track, 4.0)]


def true_path(vehicle, track, fps=FPS):
    return np.array([vehicle.path(frame / fps) for frame in track.frames])


def test_three_lanes_are_three_tracks_on_their_paths():
    cars = [
        Vehicle(straight((30, 30), (80, 0))),
        Vehicle(straight((190, 65), (-70, 0)), colour=(40.0, 70, 160)),
        Vehicle(straight((40, 100), (55, 0)), colour=(225.0, 225, 225)),
    ]
    tracks = clear(draw(cars, noise=1.0))
    assert len(tracks) == 3
    for car, track in zip(cars, sorted(tracks, key=lambda item: item.centres[0, 1]), strict=True):
        assert len(track.frames) >= 16
        error = np.abs(track.centres - true_path(car, track))[track.whole]
        assert error.mean() < 0.6
        true_size = np.sqrt(22 * 14)
        assert np.median(track.sizes) == pytest.approx(true_size, rel=0.12)
        assert track.feet[0, 1] == pytest.approx(track.boxes[0, 3])


@pytest.mark.parametrize("scale", [2, 5])
def test_large_clips_give_the_same_tracks_in_their_own_pixels(scale):
    car = Vehicle(straight((40, 60), (70, 0)))
    small, large = draw([car]), draw([car]).repeat(scale, 1).repeat(scale, 2)
    (one,), (other,) = clear(small), clear(large)
    np.testing.assert_allclose(other.centres / scale, one.centres, atol=0.8)


def test_more_frames_per_second_give_the_same_path():
    car = Vehicle(straight((40, 60), (70, 0)))
    (track,) = clear(draw([car], frames=60, fps=30.0, noise=1.0), 30.0)
    assert np.abs(track.centres - true_path(car, track, 30.0)).mean() < 0.8


def test_vehicles_that_pass_each_other_keep_their_names():
    cars = [
        Vehicle(straight((30, 58), (80, 0)), colour=(220.0, 220, 220)),
        Vehicle(straight((195, 70), (-80, 0)), colour=(30.0, 50, 150)),
    ]
    tracks = clear(draw(cars, noise=0.5))
    long = [track for track in tracks if len(track.frames) >= 14]
    assert len(long) == 2
    for track in long:
        assert np.ptp(track.centres[:, 0]) > 120
        direction = np.sign(np.diff(track.centres[:, 0]))
        assert abs(direction.sum()) >= len(direction) - 2
    assert any((~track.apart).any() for track in long)


def test_a_thing_hidden_for_a_moment_keeps_its_name():
    car = Vehicle(straight((30, 60), (90, 0)))
    pole = [(100, 0, 106, 128)]
    (track,) = clear(draw([car], cover=pole))
    assert np.ptp(track.frames) >= 15


def test_clutter_that_lasts_a_moment_is_no_track():
    spark = Vehicle(lambda t: (100, 60), seen=lambda t: abs(t - 1.0) < 0.07)
    assert not tracked(draw([spark]))


def test_a_clip_without_motion_has_no_tracks():
    assert tracked(draw([], noise=2.0)) == ()


def test_what_hardly_moves_is_not_judged():
    crawler = Vehicle(straight((100, 60), (3, 0)))
    assert not clear(draw([crawler]))


@pytest.mark.parametrize(
    ("first", "second", "area"),
    [
        ((0, 0, 4, 4), (2, 2, 6, 6), 4.0),
        ((0, 0, 4, 4), (4, 0, 8, 4), 0.0),
        ((0, 0, 4, 4), (1, 1, 2, 3), 2.0),
    ],
)
def test_overlap_is_the_shared_area(first, second, area):
    assert overlap(np.array(first, float), np.array(second, float)) == area
