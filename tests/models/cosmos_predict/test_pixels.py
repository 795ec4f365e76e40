"""Scaling that covers and cuts, against Pillow's; the tokenizer's range and back."""

import numpy as np
import pytest
import torch
from PIL import Image

from rareworld.models.cosmos_predict.pixels import cover, to_frames, to_rgb
from rareworld.models.cosmos_predict.sizes import Size


def _picture(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("source", "target"),
    [((90, 160), (48, 48)), ((48, 64), (96, 96)), ((64, 64), (48, 80)), ((480, 640), (64, 96))],
)
def test_scaling_is_pillow_s_antialiased_bilinear(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    picture = _picture(*source)
    ours = cover(picture[None], Size(*target))[0].astype(int)
    scale = max(target[0] / source[0], target[1] / source[1])
    height, width = int(np.ceil(scale * source[0])), int(np.ceil(scale * source[1]))
    scaled = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
    top, left = round((height - target[0]) / 2), round((width - target[1]) / 2)
    theirs = scaled[top : top + target[0], left : left + target[1]].astype(int)
    assert ours.shape == (*target, 3)
    assert np.abs(ours - theirs).max() <= 1


def test_a_picture_of_the_wanted_size_is_not_touched() -> None:
    picture = _picture()[None]
    np.testing.assert_array_equal(cover(picture, Size(48, 64)), picture)


def test_the_middle_stays_when_sides_are_cut() -> None:
    picture = np.zeros((1, 32, 96, 3), np.uint8)
    picture[:, :, 32:64] = 255
    assert (cover(picture, Size(32, 32)) == 255).all()


def test_frames_come_back_from_the_tokenizer_s_scale_bit_for_bit() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    rgb = to_rgb(frames)
    assert rgb.shape == (1, 3, 1, 16, 16)
    assert (rgb.min(), rgb.max()) == (-1, 1)
    np.testing.assert_array_equal(to_frames(rgb), frames)


def test_values_outside_the_scale_are_clipped() -> None:
    rgb = torch.tensor([-9.0, 9.0]).repeat(6).reshape(1, 3, 1, 2, 2)
    assert set(to_frames(rgb).ravel().tolist()) == {0, 255}
