"""Sizes and frame counts: the tables, and what is said about what is in none of them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.sizes import (
    TABLES,
    Limits,
    Size,
    frames_of,
    latents_of,
    limits_at,
    nearest_size,
    parse_size,
    resolve_size,
)

FREE = Limits(tabled=False)


def test_tables_are_the_published_ones() -> None:
    published = {
        "720": {(960, 960), (960, 704), (704, 960), (1280, 704), (704, 1280)},
        "480": {(480, 480), (640, 480), (480, 640), (768, 432), (432, 768)},
    }
    ours = {
        name: {(size.width, size.height) for size in table.values()}
        for name, table in TABLES.items()
    }
    assert ours == published


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("ratio", ["1:1", "4:3", "3:4", "16:9", "9:16"])
def test_every_size_has_whole_tokens_and_the_shape_its_ratio_names(table: str, ratio: str) -> None:
    size = TABLES[table][ratio]
    width, height = (int(part) for part in ratio.split(":"))
    assert size.height % 16 == size.width % 16 == 0
    assert size.width / size.height == pytest.approx(width / height, rel=0.025)


@pytest.mark.parametrize(
    ("resolution", "ratio", "expected"),
    [
        ("none", None, Size(704, 1280)),
        ("none", "9:16", Size(1280, 704)),
        ("720", "1:1", Size(960, 960)),
        ("480", None, Size(432, 768)),
        ("480", "4:3", Size(480, 640)),
        ("704,1280", None, Size(704, 1280)),
        (" 480 , 640 ", None, Size(480, 640)),
    ],
)
def test_a_resolution_names_a_size(resolution: str, ratio: str | None, expected: Size) -> None:
    assert resolve_size(resolution, ratio, Limits()) == expected


@pytest.mark.parametrize(
    ("resolution", "ratio", "limits", "words"),
    [
        ("720,1280", None, Limits(), "the nearest is 704,1280"),
        ("480,848", None, Limits(), "the nearest is 432,768"),
        ("1000,1000", None, Limits(), "the nearest is 960,960"),
        ("100,100", None, Limits(), "the nearest is 480,480"),
        ("65,96", None, FREE, "the nearest is 64,96"),
        ("4000,96", None, FREE, "the nearest is 1920,96"),
        ("none", None, FREE, "give resolution as 'H,W'"),
        ("720p", None, Limits(), "expected 'none', '480', '720' or 'H,W'"),
        ("704x1280", None, Limits(), "or 'H,W' such as '704,1280', got '704x1280'"),
        ("704,1280,3", None, Limits(), "expected 'none'"),
        ("0,16", None, FREE, "expected 'none'"),
        ("-64,96", None, FREE, "expected 'none'"),
        ("704,1280", "16:9", Limits(), "drop one of them"),
    ],
)
def test_a_size_that_cannot_be_made_is_refused_with_the_nearest(
    resolution: str, ratio: str | None, limits: Limits, words: str
) -> None:
    with pytest.raises(ConfigError, match="resolution") as caught:
        resolve_size(resolution, ratio, limits)
    assert words in str(caught.value)


def test_a_net_of_no_released_size_takes_any_whole_number_of_tokens() -> None:
    assert resolve_size("64,96", None, FREE) == Size(64, 96)


@given(st.integers(16, 2000), st.integers(16, 2000))
def test_the_nearest_size_is_never_farther_than_another(height: int, width: int) -> None:
    size = Size(height, width)
    best = nearest_size(size).distance(size)
    assert all(best <= other.distance(size) for t in TABLES.values() for other in t.values())


@given(st.integers(16, 2000), st.integers(16, 2000), st.integers(16, 2000))
def test_distance_is_the_same_both_ways_and_zero_to_itself(a: int, b: int, c: int) -> None:
    one, other = Size(a, b), Size(b, c)
    assert one.distance(other) == pytest.approx(other.distance(one))
    assert one.distance(one) == 0


@pytest.mark.parametrize(("latents", "frames"), [(1, 1), (2, 5), (16, 61), (20, 77), (24, 93)])
def test_latent_frames_stand_for_four_frames_each_but_the_first(latents: int, frames: int) -> None:
    assert frames_of(latents) == frames
    assert latents_of(frames) == latents


@pytest.mark.parametrize(("fps", "frames"), [(16, 93), (10, 61)])
def test_a_frame_rate_decides_the_length(fps: int, frames: int) -> None:
    limits = limits_at(fps, tabled=True)
    assert limits.frames == frames
    assert limits.fps == Fraction(fps)


def test_a_frame_rate_no_model_was_trained_at_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected 16 or 10 .*, got 24"):
        limits_at(24, tabled=True)


def test_parse_size_reads_height_first() -> None:
    assert parse_size("704,1280") == Size(height=704, width=1280)
    assert str(Size(704, 1280)) == "704,1280"


ONE = Limits(tabled=False, size=Size(128, 224))


def test_a_model_of_one_size_makes_it_unless_told_otherwise() -> None:
    assert resolve_size("none", None, ONE) == Size(128, 224)
    assert resolve_size("64,96", None, ONE) == Size(64, 96)
    with pytest.raises(ConfigError, match="128,224"):
        resolve_size("none", "1:1", ONE)
