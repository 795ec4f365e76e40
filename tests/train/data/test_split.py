"""The split keeps recordings whole and moves nothing when data is added."""

import re
from dataclasses import replace

import pytest

from rareworld.errors import ConfigError
from rareworld.train.data.clips import ClipItem
from rareworld.train.data.split import place, recording_of, split
from tests.train.data.footage_samples import item_of

UUID = "0eefc8e4-2d58-5113-9fba-b68deda2583e"


@pytest.mark.parametrize(
    ("clip", "recording"),
    [
        ("0001", "0001"),
        ("crash_17", "crash_17"),
        ("town_clip_003", "town"),
        ("town-Scene-012", "town"),
        ("town_part2_clip4", "town"),
        ("A4 exit.segment 7", "A4 exit"),
        ("clip_003", "clip_003"),
        (f"{UUID}_0_256", UUID),
        (f"{UUID}_256_512", UUID),
        (UUID, UUID),
        ("-5KQ66BBWC4_000902_000912", "-5KQ66BBWC4"),
        ("cam1_240131_093000", "cam1_240131_093000"),
        ("cam_1_2", "cam_1_2"),
        ("eclipse_3", "eclipse_3"),
    ],
)
def test_a_cutters_ending_is_not_part_of_a_recordings_name(clip: str, recording: str) -> None:
    assert recording_of(clip) == recording


@pytest.mark.parametrize(
    ("pattern", "recording"),
    [(r"^(.+)_\d+$", "cam_1"), (r"^cam", "cam"), (r"nothing", None), (r"(\d)_(\d)", "1")],
)
def test_the_users_pattern_goes_before_all(pattern: str, recording: str | None) -> None:
    assert recording_of("cam_1_2", re.compile(pattern)) == recording


def _items(recordings: int, clips: int = 3, source: int = 0, prefix: str = "r") -> list[ClipItem]:
    return [
        item_of(f"{source}/{prefix}{r}-{c}", group=f"{prefix}{r}")
        for r in range(recordings)
        for c in range(clips)
    ]


def _groups(items: tuple[ClipItem, ...]) -> set[str]:
    return {item.group for item in items}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9])
def test_no_recording_stands_on_both_sides_and_no_clip_is_lost(share: float) -> None:
    items = _items(200)
    train, held_out = split(items, [share])
    assert not _groups(train) & _groups(held_out)
    assert sorted([*train, *held_out], key=items.index) == items


def test_the_share_is_met_within_four_standard_errors() -> None:
    train, held_out = split(_items(10_000, clips=1), [0.05])
    assert len(train) + len(held_out) == 10_000
    assert abs(len(held_out) - 500) < 4 * (10_000 * 0.05 * 0.95) ** 0.5


def test_a_recordings_place_is_its_sha256_on_every_machine() -> None:
    """Digests of "" and "abc" as FIPS 180-2 and its errata print them."""
    assert place("") == 0xE3B0C44298FC / 2**48
    assert place("abc") == 0xBA7816BF8F01 / 2**48


def test_adding_and_removing_data_moves_nothing_else() -> None:
    items = _items(60)
    before = _groups(split(items, [0.2])[1])
    more = [*items, *_items(40, source=1, prefix="new")]
    after = _groups(split(more, [0.2, 0.2])[1])
    fewer = _groups(split([item for item in items if item.group != "r7"], [0.2])[1])
    assert {group for group in after if group.startswith("r")} == before
    assert fewer == before - {"r7"}


def test_a_larger_share_only_adds() -> None:
    sides = [_groups(split(_items(100), [share])[1]) for share in (0.05, 0.2, 0.6)]
    assert sides[0] < sides[1] < sides[2]


def test_a_recording_in_two_sources_goes_by_the_larger_share() -> None:
    items = [*_items(50), *(replace(item, name=f"1/{item.name}", source=1) for item in _items(50))]
    train, held_out = split(items, [0.0, 0.3])
    assert not _groups(train) & _groups(held_out)
    assert _groups(held_out) == _groups(split(_items(50), [0.3])[1])


def test_few_recordings_fill_both_sides() -> None:
    for count in range(2, 12):
        train, held_out = split(_items(count), [0.001])
        assert len(_groups(held_out)) == 1
        train, held_out = split(_items(count), [0.999])
        assert len(_groups(train)) == 1


def test_one_recording_is_trained_on() -> None:
    for share in (0.0, 0.05, 0.999):
        train, held_out = split(_items(1), [share])
        assert len(train) == 3
        assert not held_out


def test_no_source_is_held_out_as_a_whole_unless_told_so() -> None:
    items = [*_items(100), *_items(1, source=1, prefix="single")]
    for share in (0.5, 0.9, 0.99):
        assert "single0" in _groups(split(items, [share, share])[0])
    assert "single0" in _groups(split(items, [0.05, 1.0])[1])


def test_a_mix_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a share below 1"):
        split(_items(4), [1.0])
