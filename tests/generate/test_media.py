"""Inputs: what a file holds, its last frames, and scaling that covers and cuts."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rareworld.data.video import H264, RgbWriter
from rareworld.errors import FormatError
from rareworld.generate.media import last_frames, look_at
from rareworld.models.cosmos_predict.sizes import Size

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
