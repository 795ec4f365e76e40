import itertools

import numpy as np
import pytest

from rareworld.core.seed import Seed
from rareworld.evaluate.response import pixels


def rng(name="a"):
    return Seed(3).child("response", name).generator()


@pytest.fixture
def clip():
    return rng("clip").integers(0, 256, (17, 24, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "spoil", [pixels.blur, pixels.noise, pixels.freeze, pixels.shuffle, pixels.shake]
)
def test_no_amount_changes_nothing(spoil, clip):
    assert np.array_equal(spoil(clip, 0.0, rng()), clip)


@pytest.mark.parametrize("spoil", [pixels.blur, pixels.noise, pixels.shake])
def test_more_is_farther_from_the_clip(spoil, clip):
    smooth = pixels.blur(clip, 2.0, rng())
    errors = [
        np.abs(spoil(smooth, amount, rng()).astype(int) - smooth).mean()
        for amount in (0.5, 1.5, 4.0)
    ]
    assert errors == sorted(errors)
    assert errors[0] > 0


def test_blur_of_a_point_is_a_gaussian():
    clip = np.zeros((1, 33, 33, 3), np.uint8)
    clip[0, 16, 16] = 255
    row = pixels.blur(clip, 1.0, rng())[0, 16, :, 0].astype(float)
    expected = 255 * np.exp(-((np.arange(33) - 16.0) ** 2) / 2) / (2 * np.pi)
    assert np.abs(row - expected).max() <= 1


def test_noise_has_its_deviation():
    clip = np.full((4, 64, 64, 3), 128, np.uint8)
    assert pixels.noise(clip, 10.0, rng()).std() == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize(("share", "repeated"), [(0.25, 4), (0.5, 8), (1.0, 16)])
def test_frozen_frames_repeat_the_one_before(clip, share, repeated):
    frozen = pixels.freeze(clip, share, rng())
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(frozen)]
    assert sum(same) == repeated
    assert np.array_equal(frozen[0], clip[0])


def test_shuffled_frames_are_the_same_frames(clip):
    mixed = pixels.shuffle(clip, 1.0, rng())
    keys = [frame.tobytes() for frame in mixed]
    assert sorted(keys) == sorted(frame.tobytes() for frame in clip)
    assert keys[0] == clip[0].tobytes()
    assert keys != [frame.tobytes() for frame in clip]


def test_reversed_twice_is_the_clip(clip):
    assert np.array_equal(pixels.reverse(pixels.reverse(clip, 1.0, rng()), 1.0, rng()), clip)


def test_a_shake_moves_pictures_by_its_deviation():
    ramp = np.tile((np.arange(200) * 1.0)[None, None, :, None], (400, 8, 1, 3)).astype(np.uint8)
    moved = pixels.shake(ramp, 1.0, rng())[:, :, 100:101]
    assert (moved.astype(float) - 100).std() == pytest.approx(1.0, rel=0.1)


def test_what_is_drawn_follows_from_the_generator(clip):
    assert np.array_equal(pixels.noise(clip, 3.0, rng("x")), pixels.noise(clip, 3.0, rng("x")))
    assert not np.array_equal(pixels.noise(clip, 3.0, rng("x")), pixels.noise(clip, 3.0, rng("y")))
