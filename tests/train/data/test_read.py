"""Pixels of windows: the right moments, the right shape."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rareworld.data.video import probe, read_frames
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.pixels import cover
from rareworld.models.cosmos_predict.sizes import Size
from rareworld.train.config import DataConfig
from rareworld.train.data.clips import Bucket, Window
from rareworld.train.data.read import read_window
from rareworld.train.data.windows import windows_of
from tests.train.data.footage_samples import (
    NTSC,
    item_of,
    number_of,
    write_odd_video,
    write_video,
)


def _window(path: Path, frames: int, start_s: float = 0.0, **more: bool) -> Window:
    item = item_of("0/a", video=path)
    return Window(item=item, index=0, bucket=Bucket(64, 128, frames), start_s=start_s, **more)


def _numbers(window: Window, fps: float = 16.0) -> list[int]:
    return [number_of(frame) for frame in read_window(window, fps)]


@pytest.mark.parametrize("rate", [Fraction(30), NTSC, Fraction(25), Fraction(16), Fraction(10)])
@pytest.mark.parametrize("start", [0, 1, 37])
def test_each_frame_is_the_one_nearest_in_time(tmp_path: Path, rate: Fraction, start: int) -> None:
    path = write_video(tmp_path / "a.mp4", 120, rate)
    begin, frames = start / rate, 37
    wanted = [
        min(range(120), key=lambda i: (abs(i / rate - begin - Fraction(k, 16)), i))
        for k in range(frames)
    ]
    assert _numbers(_window(path, frames, float(begin))) == wanted


def test_motion_keeps_its_speed_from_30_to_16_frames_a_second(tmp_path: Path) -> None:
    """Reading frame after frame, as upstream does, would show 16 frames of a second's 30."""
    numbers = _numbers(_window(write_video(tmp_path / "a.mp4", 90), 33))
    assert numbers[::16] == [0, 30, 60]
    assert set(np.diff(numbers).tolist()) == {1, 2}


def test_at_the_models_rate_frames_are_taken_one_by_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 45, Fraction(16))
    assert _numbers(_window(path, 29, 1.0)) == list(range(16, 45))


@pytest.mark.parametrize(
    ("count", "rate", "last"),
    [(29, Fraction(16), 28), (54, Fraction(30), 52), (53, NTSC, 52), (18, Fraction(10), 17)],
)
def test_a_clip_that_just_fills_the_length_can_be_read(
    tmp_path: Path, count: int, rate: Fraction, last: int
) -> None:
    path = write_video(tmp_path / "a.mp4", count, rate)
    config = DataConfig(num_frames=(29,), resolution="64,128")
    (window,) = windows_of(item_of(video=path, info=probe(path)), config, 0)
    numbers = _numbers(window)
    assert (len(numbers), numbers[0], numbers[-1]) == (29, 0, last)


def test_every_window_of_a_clip_can_be_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 200, NTSC)
    config = DataConfig(num_frames=(29,), resolution="64,128", windows=6)
    for window in windows_of(item_of(video=path, info=probe(path)), config, 3):
        first = round(window.start_s * NTSC)
        numbers = _numbers(window)
        assert numbers[0] == first
        assert abs(numbers[-1] - first - 28 / 16 * NTSC) <= Fraction(1, 2)


@pytest.mark.parametrize("size", [Size(32, 128), Size(64, 64), Size(96, 192), Size(48, 32)])
def test_pictures_are_scaled_and_cut_as_for_generation(tmp_path: Path, size: Size) -> None:
    path = write_video(tmp_path / "a.mp4", 9, Fraction(16))
    bucket = Bucket(size.height, size.width, 5)
    window = Window(item=item_of(video=path), index=0, bucket=bucket, start_s=0.0)
    frames = np.stack(list(read_frames(path, "rgb24")))[:5]
    np.testing.assert_array_equal(read_window(window, 16.0), cover(frames, size))


def test_what_is_repeated_at_a_higher_rate_is_the_same_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 12, Fraction(8))
    assert _numbers(_window(path, 9)) == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_a_mirrored_window_is_its_twin_seen_in_a_mirror(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 20)
    plain, twin = _window(path, 9), _window(path, 9, mirrored=True)
    np.testing.assert_array_equal(read_window(twin, 16.0), read_window(plain, 16.0)[:, :, ::-1])


def test_another_rate_of_the_model_is_followed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 60)
    assert _numbers(_window(path, 17), fps=10.0) == list(range(0, 51, 3))


def test_a_turned_and_stretched_video_fits_its_bucket(tmp_path: Path) -> None:
    path = write_odd_video(tmp_path / "a.mp4", range(0, 400, 20), turned=90)
    window = Window(item=item_of(video=path), index=0, bucket=Bucket(128, 64, 5), start_s=0.0)
    frames = read_window(window, 16.0)
    upright = [number_of(np.ascontiguousarray(np.rot90(frame, -1))) for frame in frames]
    assert upright == [0, 2, 4, 6, 7]


def test_a_video_that_shrank_since_it_was_probed_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 20)
    with pytest.raises(FormatError, match=r"a.mp4: ends at 0.633 s, a frame at 0.750 s is wanted"):
        read_window(_window(path, 93), 16.0)
    path.unlink()
    with pytest.raises(FormatError, match=r"a.mp4: is missing"):
        read_window(_window(path, 5), 16.0)
