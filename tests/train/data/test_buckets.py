"""Shapes and lengths, held against counting by hand and by brute force."""

from fractions import Fraction

import pytest

from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.sizes import TABLES
from rareworld.train.config import DataConfig
from rareworld.train.data.buckets import bucket_of, frames_at_rate, latest_start, sizes_of
from rareworld.train.data.clips import Bucket
from tests.train.data.footage_samples import NTSC, info_of


@pytest.mark.parametrize(
    ("width", "height", "at_720", "at_480"),
    [
        (1920, 1080, (704, 1280), (432, 768)),
        (3840, 1600, (704, 1280), (432, 768)),
        (1080, 1920, (1280, 704), (768, 432)),
        (704, 576, (704, 960), (480, 640)),
        (640, 480, (704, 960), (480, 640)),
        (480, 640, (960, 704), (640, 480)),
        (512, 512, (960, 960), (480, 480)),
        (320, 180, (704, 1280), (432, 768)),
    ],
)
def test_a_clip_takes_the_shape_nearest_to_its_own_whatever_its_scale(
    width: int, height: int, at_720: tuple[int, int], at_480: tuple[int, int]
) -> None:
    info = info_of(size=(width, height))
    for resolution, wanted in (("720", at_720), ("480", at_480)):
        assert bucket_of(info, DataConfig(resolution=resolution)) == Bucket(*wanted, 93)


def test_every_size_of_the_tables_takes_itself() -> None:
    for resolution, sizes in TABLES.items():
        for size in sizes.values():
            info = info_of(size=(size.width, size.height))
            bucket = bucket_of(info, DataConfig(resolution=resolution))
            assert (bucket.height, bucket.width) == (size.height, size.width)


def test_one_size_holds_for_all_shapes() -> None:
    config = DataConfig(resolution="256, 320")
    for size in ((1920, 1080), (100, 900)):
        assert bucket_of(info_of(size=size), config) == Bucket(256, 320, 93)


@pytest.mark.parametrize(
    ("resolution", "message"),
    [
        ("1080", "expected 720, 480 or one size 'H,W'"),
        ("none", "expected 720, 480 or one size 'H,W'"),
        ("100,200", "multiples of 16 up to 1920, got 100,200"),
        ("704,1280,3", "'H,W'"),
    ],
)
def test_an_impossible_resolution_is_refused(resolution: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sizes_of(DataConfig(resolution=resolution))


@pytest.mark.parametrize("rate", [Fraction(30), NTSC, Fraction(16), Fraction(10), Fraction(25, 2)])
@pytest.mark.parametrize("fps", [Fraction(16), Fraction(10)])
def test_frames_at_a_rate_are_the_moments_with_a_frame_within_half_a_frame(
    rate: Fraction, fps: Fraction
) -> None:
    for count in (1, 2, 5, 93, 173, 174, 175, 300):
        info = info_of(count, rate)
        moments = 0
        while any(
            abs(i / rate - moments / fps) <= 1 / rate / 2 for i in (count - 1, count - 2)
        ) or (moments / fps < (count - 1) / rate):
            moments += 1
        assert frames_at_rate(info, fps) == moments


def test_a_clip_at_the_models_rate_fills_as_many_frames_as_it_has() -> None:
    for count in (1, 61, 93, 94):
        assert frames_at_rate(info_of(count, Fraction(16)), Fraction(16)) == count


@pytest.mark.parametrize(("count", "length"), [(93, 93), (92, 61), (61, 61), (60, 17), (500, 93)])
def test_a_clip_takes_the_longest_length_it_fills(count: int, length: int) -> None:
    config = DataConfig(num_frames=(93, 17, 61))
    assert bucket_of(info_of(count, Fraction(16)), config).frames == length


def test_a_short_clip_is_told_how_short_and_what_to_do() -> None:
    found = (
        r"60 frames at 30 fps fill 32 at 16 fps, at least 93 are wanted; give a longer clip, or "
    )
    with pytest.raises(FormatError, match=found + "allow 29 in data.num_frames"):
        bucket_of(info_of(60), DataConfig())


@pytest.mark.parametrize(
    ("lengths", "message"),
    [((92,), "got 92; the nearest below is 89"), ((0,), "got 0"), ((), "at least one length")],
)
def test_impossible_lengths_are_refused(lengths: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bucket_of(info_of(), DataConfig(num_frames=lengths))


@pytest.mark.parametrize("rate", [Fraction(30), NTSC, Fraction(16), Fraction(10)])
def test_a_window_fits_at_its_latest_start_and_not_one_frame_later(rate: Fraction) -> None:
    fps, frames = Fraction(16), 29
    for count in range(1, 120):
        start = latest_start(info_of(count, rate), frames, fps)
        fits = frames_at_rate(info_of(count, rate), fps) >= frames
        assert (start >= 0) == fits
        if fits:
            assert frames_at_rate(info_of(count - start, rate), fps) >= frames
            assert frames_at_rate(info_of(count - start - 1, rate), fps) < frames
