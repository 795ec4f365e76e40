"""What somebody does is read off tracks whose course is known."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.caption.motion import (
    Deed,
    deed,
    lies,
    moving_vehicles,
    on_crosswalk,
    turned_rad,
    within,
)
from rareworld.errors import ConfigError
from tests.annotate.caption.hand import CAMERA, FRAMES, Body, recording_of, seen_of

NORTH, SOUTH, WEST = np.pi / 2, -np.pi / 2, np.pi


@pytest.mark.parametrize(
    ("body", "done"),
    [
        (Body(at_m=(-8, 0)), Deed.RIGHTWARDS),
        (Body(at_m=(8, 0), yaw_rad=WEST), Deed.LEFTWARDS),
        (Body(at_m=(0, -8), yaw_rad=NORTH), Deed.AWAY),
        (Body(at_m=(0, 20), yaw_rad=SOUTH), Deed.TOWARDS),
        (Body(speeds_mps=(0, 0)), Deed.WAITS),
        (Body(speeds_mps=(0.2, 0.4)), Deed.WAITS),
        (Body(speeds_mps=(8, 0.2)), Deed.STOPS),
        (Body(speeds_mps=(0.2, 5)), Deed.STARTS),
        (Body(turn_rad=1.2), Deed.LEFT),
        (Body(turn_rad=-1.2), Deed.RIGHT),
        (Body(turn_rad=0.2, at_m=(-8, 0)), Deed.RIGHTWARDS),
        (Body(speeds_mps=(0, 0), role="parked"), Deed.PARKED),
        (Body(yaw_rad=3.0, turn_rad=0.9, at_m=(8, 0)), Deed.LEFT),
    ],
)
def test_a_course_has_its_word(body, done):
    assert deed(seen_of([body]), 0) is done


def test_only_frames_in_which_it_shows_count():
    seen = seen_of([Body(speeds_mps=(0, 9))])
    seen.pixels[0, 3:] = 0
    assert seen.frames(0).tolist() == [0, 1, 2]
    assert deed(seen.part(0, 2), 0) is Deed.WAITS


def test_somebody_who_never_shows_is_nowhere():
    assert deed(seen_of([Body(pixels=0)]), 0) is Deed.PARKED


@pytest.mark.parametrize(
    ("blueprint", "pixels", "noticed"),
    [("hatchback", 26, True), ("hatchback", 24, False), ("adult", 9, True), ("adult", 8, False)],
)
def test_the_small_goes_unnoticed(blueprint, pixels, noticed):
    """0.09 % of 224 x 128 pixels are 25.8; 0.03 % are 8.6."""
    assert seen_of([Body(blueprint, pixels=pixels)]).noticed(0) == noticed


def test_ids_that_are_not_there_are_not_noticed():
    seen = seen_of([Body()])
    assert seen.noticed_id(1)
    assert not seen.noticed_id(2)


def test_vehicles_come_by_size_and_without_the_parked_and_the_people():
    bodies = [
        Body(pixels=50), Body(pixels=300), Body("adult", pixels=900),
        Body(role="parked", pixels=900), Body("van", pixels=2),
    ]  # fmt: skip
    assert moving_vehicles(seen_of(bodies)) == [1, 0]


def test_area_is_a_share_of_the_image():
    assert seen_of([Body(pixels=224 * 128 // 4)]).area(0) == pytest.approx(0.25)


@pytest.mark.parametrize(("roll", "down"), [(0.0, False), (0.6, False), (1.4, True)])
def test_what_leans_far_over_lies(roll, down):
    recording = recording_of([Body(roll_rad=roll)])
    assert lies(recording, 0, FRAMES - 1) == down
    assert not lies(recording, 0, 0)


def test_turns_add_up_past_half_a_circle():
    recording = recording_of([Body(yaw_rad=3.0, turn_rad=1.0)])
    assert turned_rad(recording, 0, np.arange(FRAMES)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("at_m", "speed", "crosses"),
    [((9, -3), 1.3, True), ((9, -3), 0.0, False), ((20, -3), 1.3, False)],
)
def test_who_walks_on_stripes_crosses(at_m, speed, crosses):
    body = Body("adult", at_m=at_m, yaw_rad=NORTH, speeds_mps=(speed, speed))
    assert on_crosswalk(seen_of([body]), 0) == crosses


@pytest.mark.parametrize("order", [1, -1])
def test_inside_is_inside_whichever_way_the_outline_runs(order):
    square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], float)[::order]
    points = np.array([(1, 1), (3, 1), (-0.1, 1), (1.9, 0.1)], float)
    assert within(square, points).tolist() == [True, False, False, True]


def test_a_part_keeps_its_own_times():
    part = seen_of([Body()]).part(4, 9)
    assert part.recording.tracks.time_s.tolist() == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert part.pixels.shape == (1, 5)
    assert part.camera is CAMERA
    with pytest.raises(ConfigError, match="17 frames"):
        replace(part, recording=recording_of([Body()])).part(10, 18)
