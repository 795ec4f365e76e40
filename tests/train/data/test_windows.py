"""Windows: inside their clip, spread, and the same whatever else is trained on."""

from fractions import Fraction

import numpy as np
import pytest

from rareworld.errors import FormatError
from rareworld.train.config import DataConfig
from rareworld.train.data.windows import windows_of
from tests.train.data.footage_samples import NTSC, info_of, item_of


@pytest.mark.parametrize(
    ("count", "rate"), [(93, Fraction(16)), (174, Fraction(30)), (173, NTSC), (58, Fraction(10))]
)
@pytest.mark.parametrize("windows", [1, 4])
def test_a_clip_of_exactly_the_length_has_one_window_from_its_start(
    count: int, rate: Fraction, windows: int
) -> None:
    """Upstream draws the start from an empty range here and fails."""
    (window,) = windows_of(item_of(info=info_of(count, rate)), DataConfig(windows=windows), 0)
    assert (window.start_s, window.bucket.frames, window.index) == (0.0, 93, 0)


@pytest.mark.parametrize("rate", [Fraction(30), NTSC, Fraction(16), Fraction(10)])
@pytest.mark.parametrize("windows", [1, 3, 7])
def test_windows_lie_inside_the_clip_on_frames_each_in_its_stratum(
    rate: Fraction, windows: int
) -> None:
    config = DataConfig(windows=windows, num_frames=(29,))
    for count in range(60, 200, 7):
        found = windows_of(item_of(f"0/{count}", info=info_of(count, rate)), config, 5)
        end = (count - Fraction(1, 2)) / rate - Fraction(28, 16)
        places = sum(1 for frame in range(count) if frame / rate <= end)
        for index, window in enumerate(found):
            frame = round(window.start_s * rate)
            assert window.start_s == float(frame / rate)
            assert index * places // len(found) <= frame < (index + 1) * places // len(found)
            assert window.index == index


def test_a_clip_gives_fewer_windows_where_they_would_be_nearly_the_same() -> None:
    config = DataConfig(windows=8)
    counts = [
        len(windows_of(item_of(info=info_of(count, Fraction(16))), config, 0))
        for count in (93, 94, 96, 100, 101, 300)
    ]
    assert counts == [1, 2, 4, 8, 8, 8]


def test_windows_follow_from_seed_and_clip_in_its_source_alone() -> None:
    config, long = DataConfig(windows=3), info_of(3000)

    def starts(name: str, seed: int, group: str = "g") -> tuple[float, ...]:
        windows = windows_of(item_of(name, group=group, info=long), config, seed)
        return tuple(window.start_s for window in windows)

    assert starts("0/a", 1) == starts("0/a", 1, group="other") == starts("7/a", 1)
    drawn = {starts(name, seed) for name in ("0/a", "0/b", "0/rec/a") for seed in range(10)}
    assert len(drawn) == 30


def test_starts_are_evenly_drawn() -> None:
    """Mean and deviation of 2000 starts, within 4 standard errors of a uniform law's."""
    config, info = DataConfig(num_frames=(1,)), info_of(160, Fraction(16))
    starts = np.array(
        [windows_of(item_of(f"0/{i}", info=info), config, 0)[0].start_s for i in range(2000)]
    )
    assert abs(starts.mean() - 159 / 32) < 4 * (10 / 12**0.5) / 2000**0.5
    assert abs(starts.std() - 10 / 12**0.5) < 0.1
    assert starts.min() < 0.2
    assert starts.max() == 159 / 16


def test_twins_differ_in_their_side_only() -> None:
    windows = windows_of(item_of(), DataConfig(windows=2, flip=True), 0)
    assert [window.name for window in windows] == ["0/a#0", "0/a#0m", "0/a#1", "0/a#1m"]
    assert windows[0].start_s == windows[1].start_s
    assert [window.mirrored for window in windows] == [False, True, False, True]


def test_a_short_clip_has_none() -> None:
    with pytest.raises(FormatError, match="is too short"):
        windows_of(item_of(info=info_of(60)), DataConfig(), 0)
