"""Plans: the kind read off the input, frames honoured or refused, chunks that join up."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.errors import ConfigError
from rareworld.generate.media import Medium
from rareworld.generate.plan import Plan, decide_kind, make_plan
from rareworld.generate.sample import InferenceType, Sample, parse_sample
from rareworld.models.cosmos_predict.sizes import Limits, Size, limits_at

T2W, I2W, V2W = InferenceType


def _sample(**values: Any) -> Sample:
    if values.get("inference_type") in ("image2world", "video2world"):
        values = {"input_path": "in"} | values
    return parse_sample({"name": "a", "prompt": "x"} | values)


def _medium(frames: int, *, image: bool = False) -> Medium:
    path = Path("in.png" if image else "in.mp4")
    return Medium(path=path, is_image=image, num_frames=frames, size=Size(64, 64), sha256="0")


def _plan(limits: Limits | None = None, **values: Any) -> Plan:
    kind = values.get("inference_type", "text2world")
    medium = None if kind == "text2world" else _medium(9)
    return make_plan(_sample(**values), medium, limits or Limits())


@pytest.mark.parametrize(
    ("medium", "kind"),
    [
        (None, T2W),
        (_medium(1, image=True), I2W),
        (_medium(1), I2W),
        (_medium(5), V2W),
        (_medium(300), V2W),
    ],
)
def test_the_input_tells_the_kind(medium: Medium | None, kind: InferenceType) -> None:
    assert decide_kind(_sample(), medium) == kind


def test_what_is_said_wins_over_what_the_input_would_tell() -> None:
    assert decide_kind(_sample(inference_type="image2world"), _medium(40)) == I2W


@pytest.mark.parametrize(
    ("said", "medium", "words"),
    [
        ({"inference_type": "video2world"}, _medium(1, image=True), "found an image; say"),
        ({"inference_type": "video2world"}, _medium(4), "the last 5 frames, found 4"),
        ({}, _medium(3), "video2world starts from the last 5 frames, found 3"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(
    said: dict[str, Any], medium: Medium, words: str
) -> None:
    with pytest.raises(ConfigError, match="image2world") as caught:
        decide_kind(_sample(**said), medium)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "asked", "fps", "frames"),
    [
        ("text2world", None, 16, 93),
        ("text2world", None, 10, 61),
        ("text2world", 1, 16, 1),
        ("image2world", 5, 16, 5),
        ("video2world", 9, 16, 9),
        ("video2world", 77, 16, 77),
    ],
)
def test_the_number_of_frames_is_honoured(
    kind: str, asked: int | None, fps: int, frames: int
) -> None:
    plan = _plan(limits_at(fps, tabled=True), inference_type=kind, num_output_frames=asked)
    (chunk,) = plan.chunks
    assert plan.frames == chunk.frames == frames
    assert chunk.clean_latents == InferenceType(kind).latents
    assert plan.fps == Fraction(fps)


@pytest.mark.parametrize(
    ("kind", "asked", "fps", "words"),
    [
        ("text2world", 80, 16, "got 80; the nearest is 81"),
        ("text2world", 79, 16, "got 79; the nearest is 81"),
        ("text2world", 92, 16, "got 92; the nearest is 93"),
        ("text2world", 94, 16, "at most 93 frames in one go, got 94"),
        ("text2world", 93, 10, "at most 61 frames in one go, got 93"),
        ("image2world", 1, 16, "here 5 to 93, got 1; the nearest is 5"),
        ("video2world", 5, 16, "here 9 to 93, got 5; the nearest is 9"),
    ],
)
def test_a_number_of_frames_that_cannot_be_made_is_refused(
    kind: str, asked: int, fps: int, words: str
) -> None:
    with pytest.raises(ConfigError, match="num_output_frames") as caught:
        _plan(limits_at(fps, tabled=True), inference_type=kind, num_output_frames=asked)
    assert words in str(caught.value)


def _long(**values: Any) -> Plan:
    return _plan(enable_autoregressive=True, **values)


def test_chunks_go_on_from_the_last_frames_of_the_one_before() -> None:
    plan = _long(num_output_frames=200, chunk_overlap=5, seed=7)
    assert [(c.seed, c.clean_latents, c.first, c.last) for c in plan.chunks] == [
        (7, 0, 0, 77),
        (8, 2, 5, 77),
        (9, 2, 5, 56),
    ]
    assert all(chunk.frames == 77 for chunk in plan.chunks)


def test_a_long_video_starts_as_its_kind_does() -> None:
    plan = _long(inference_type="video2world", num_output_frames=100)
    assert [chunk.clean_latents for chunk in plan.chunks] == [2, 1]


@given(
    frames=st.integers(1, 600),
    size=st.sampled_from([9, 33, 77, 93]),
    overlap=st.sampled_from([1, 5]),
)
def test_chunks_have_the_asked_frames_and_none_is_idle(
    frames: int, size: int, overlap: int
) -> None:
    plan = _long(num_output_frames=frames, chunk_size=size, chunk_overlap=overlap)
    assert plan.frames == frames
    assert all(chunk.first < chunk.last <= chunk.frames for chunk in plan.chunks)
    assert all(chunk.last == chunk.frames for chunk in plan.chunks[:-1])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "enable_autoregressive needs the length"),
        ({"num_output_frames": 200, "chunk_overlap": 0}, "1 or 5 frames, got 0; the nearest is 1"),
        ({"num_output_frames": 200, "chunk_overlap": 8}, "got 8; the nearest is 5"),
        ({"num_output_frames": 200, "chunk_size": 80}, "chunk_size"),
        ({"num_output_frames": 200, "chunk_size": 97}, "5 to 93, got 97; the nearest is 93"),
        ({"num_output_frames": 200, "chunk_size": 5, "chunk_overlap": 5}, "the nearest is 9"),
    ],
)
def test_chunks_that_cannot_be_made_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _long(**values)
    assert words in str(caught.value)
