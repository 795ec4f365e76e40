"""The picture of tracks: drawn, coloured by what was found, whole or not at all."""

import numpy as np
import pytest
from PIL import Image

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, straight
from rareworld.evaluate.fixed_camera import check_clip, draw_tracks

RED, GREEN = (255, 59, 48), (0, 208, 132)


def has(picture, colour):
    return (np.abs(picture.astype(int) - colour).max(-1) < 12).sum() > 20


def opened(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(("gone", "colour", "other"), [(9.0, GREEN, RED), (1.5, RED, GREEN)])
def test_sound_tracks_are_green_and_faulty_ones_red(tmp_path, gone, colour, other):
    grey = (150.0, 150, 150)
    car = Vehicle(straight((40, 60), (70, 0)), colour=grey, seen=lambda t: t < gone)
    clip = draw([car], noise=1.0)
    draw_tracks(clip, check_clip("clip", clip, FPS), tmp_path / "tracks.png")
    picture = opened(tmp_path / "tracks.png")
    assert has(picture, colour)
    assert not has(picture, other)


def test_a_clip_without_tracks_is_drawn_too(tmp_path):
    clip = draw([])
    draw_tracks(clip, check_clip("empty", clip, FPS), tmp_path / "a.png", frame=0)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size[0] > 400
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_contact_is_marked(tmp_path):
    first = Vehicle(lambda t: (100 + 80 * min(t - 1, 0), 60), colour=(225.0, 225, 225))
    second = Vehicle(lambda t: (122 - 80 * min(t - 1, 0), 60), colour=(40.0, 70, 160))
    clip = draw([first, second], noise=0.5)
    checks = check_clip("crash", clip, FPS)
    assert checks.contact is not None
    draw_tracks(clip, checks, tmp_path / "a.png")
    assert has(opened(tmp_path / "a.png"), (255, 204, 0))
