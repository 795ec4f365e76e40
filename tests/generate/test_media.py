"""Inputs: what a file holds, its last frames, and scaling that covers and cuts."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rareworld.data.video import H264, RgbWriter
from rareworld.errors import FormatError
from rareworld.generate.media import cover, last_frames, look_at, to_frames, to_rgb
from rareworld.generate.sizes import Size

LOSSLESS = H264(crf=0)


def _picture(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def _video(path: Path, frames: int, height: int = 32, width: int = 48) -> Path:
    with RgbWriter(path, Fraction(10), LOSSLESS) as writer:
        for index in range(frames):
            writer.write(np.full((height, width, 3), 10 * index, np.uint8))
    return path


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp"])
def test_an_image_comes_back_as_its_pixels(suffix: str, tmp_path: Path) -> None:
    picture = _picture()
    path = tmp_path / f"in{suffix}"
    Image.fromarray(picture).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    medium = look_at(path)
    assert (medium.is_image, medium.num_frames, medium.size) == (True, 1, Size(48, 64))
    np.testing.assert_allclose(last_frames(medium, 1)[0].astype(int), picture, atol=0)


def test_a_jpeg_comes_back_as_pillow_reads_it(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 64 * 64).reshape(64, 64)
    picture = np.stack([smooth, smooth.T, 255 - smooth], axis=-1).astype(np.uint8)
    path = tmp_path / "in.jpg"
    Image.fromarray(picture).save(path, quality=95, subsampling=0)
    ours = last_frames(look_at(path), 1)[0].astype(int)
    assert np.abs(ours - np.asarray(Image.open(path)).astype(int)).max() <= 2


@pytest.mark.parametrize("frames", [1, 2, 5, 23])
def test_the_last_frames_of_a_video_are_taken(frames: int, tmp_path: Path) -> None:
    medium = look_at(_video(tmp_path / "in.mp4", frames))
    assert (medium.is_image, medium.num_frames) == (False, frames)
    wanted = min(frames, 5)
    levels = last_frames(medium, wanted)[:, 0, 0, 0].astype(int)
    expected = [10 * index for index in range(frames - wanted, frames)]
    np.testing.assert_allclose(levels, expected, atol=2)


def test_frames_with_irregular_times_are_still_the_last_ones(tmp_path: Path) -> None:
    import av

    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "bgr0"
        for index, pts in enumerate([0, 1, 2, 3, 40, 41, 90, 91]):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), index, np.uint8), "rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    levels = last_frames(look_at(path), 5)[:, 0, 0, 0]
    assert levels.tolist() == [3, 4, 5, 6, 7]


BAD = {
    "missing": (None, "is not a file; check the path"),
    "text.mp4": (b"not a video", "can be read neither as an image nor as a video"),
    "text.png": (b"not an image", "holds no picture; give an image or a video"),
    "empty.mp4": (b"", "can be read neither"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_input_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    content, words = BAD[name]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=f"input_path: .*{name}") as caught:
        look_at(path)
    assert words in str(caught.value)


def test_a_folder_is_no_input(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is not a file"):
        look_at(tmp_path)


def test_a_video_cut_short_is_named(tmp_path: Path) -> None:
    path = _video(tmp_path / "in.mp4", 8)
    medium = look_at(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FormatError, match=r"in\.mp4"):
        last_frames(medium, 5)


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
