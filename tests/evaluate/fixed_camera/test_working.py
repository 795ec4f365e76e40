"""The working size: exact means, exact noise gain, refusals."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import generator
from rareworld.errors import ConfigError
from rareworld.evaluate.fixed_camera.working import (
    SMOOTHED_NOISE,
    block_mean,
    smooth,
    working_clip,
)


def test_blocks_are_plain_means_and_leftovers_are_dropped():
    clip = generator(0).integers(0, 256, (2, 9, 14, 3), dtype=np.uint8)
    plain = clip[:, :8, :12].reshape(2, 2, 4, 3, 4, 3).mean((2, 4))
    np.testing.assert_allclose(block_mean(clip, 4), plain, rtol=1e-6)


def test_smoothing_keeps_flat_pictures_and_leaves_the_stated_noise():
    flat = np.full((1, 6, 7, 3), 50, np.float32)
    np.testing.assert_array_equal(smooth(flat), flat)
    noise = generator(1).normal(size=(4, 200, 200, 3)).astype(np.float32)
    assert smooth(noise)[:, 2:-2, 2:-2].std() == pytest.approx(SMOOTHED_NOISE, rel=0.01)


def test_smoothing_does_not_change_its_input():
    noise = generator(2).normal(size=(2, 5, 5, 3)).astype(np.float32)
    before = noise.copy()
    smooth(noise)
    np.testing.assert_array_equal(noise, before)


@pytest.mark.parametrize(
    ("shape", "factor", "size"),
    [
        ((3, 128, 224, 3), 1, (128, 224)),
        ((3, 704, 1280, 3), 4, (176, 320)),
        ((3, 1080, 1920, 3), 7, (154, 274)),
        ((3, 64, 64, 3), 1, (64, 64)),
    ],
)
def test_large_clips_are_made_small_and_small_ones_left(shape, factor, size):
    small = working_clip(np.zeros(shape, np.uint8), 8.0, 160)
    assert (small.factor, small.size) == (factor, size)


@pytest.mark.parametrize(
    ("shape", "fps", "said"),
    [
        ((2, 64, 64, 3), 8.0, "at least 3 frames"),
        ((5, 20, 64, 3), 8.0, "64 x 20"),
        ((5, 64, 64, 3), 0.0, "positive, found 0"),
        ((5, 64, 64, 3), float("nan"), "positive, found nan"),
    ],
)
def test_what_cannot_be_checked_is_refused(shape, fps, said):
    with pytest.raises(ConfigError, match=said):
        working_clip(np.zeros(shape, np.uint8), fps, 160)
