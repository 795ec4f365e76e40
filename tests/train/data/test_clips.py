"""Names and order of what training data is made of."""

from dataclasses import FrozenInstanceError

import pytest

from rareworld.train.data.clips import Bucket, Window
from tests.train.data.footage_samples import item_of


def _window(name: str, index: int, *, mirrored: bool = False) -> Window:
    return Window(
        item=item_of(name),
        index=index,
        bucket=Bucket(432, 768, 93),
        start_s=0.5,
        mirrored=mirrored,
    )


def test_window_names_tell_source_clip_place_and_side() -> None:
    assert _window("0/a", 2).name == "0/a#2"
    assert _window("0/a", 2, mirrored=True).name == "0/a#2m"
    windows = [
        _window(name, index, mirrored=mirrored)
        for name in ("0/a", "1/a", "0/a#1", "0/rec/cam0")
        for index in range(12)
        for mirrored in (False, True)
    ]
    assert len({window.name for window in windows}) == len(windows)


def test_buckets_sort_by_height_width_and_length() -> None:
    small, long, wide = Bucket(432, 768, 61), Bucket(432, 768, 93), Bucket(432, 960, 5)
    assert sorted([wide, long, small]) == [small, long, wide]
    assert str(long) == "432x768x93"
    assert len({small, Bucket(432, 768, 61)}) == 1


def test_a_clip_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        item_of().caption = "other"  # type: ignore[misc]  # the claim itself
