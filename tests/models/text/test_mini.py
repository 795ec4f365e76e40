"""The mini encoder: fixed bytes, prompts apart, related words near."""

import hashlib
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity

from rareworld.errors import ConfigError
from rareworld.models.text.mini import MiniEncoder, words

ENCODER = MiniEncoder(256)
PROMPTS = (
    "a car hits a bus", "a bus hits a car", "a car hits a bus.", "a car hits a bus at night",
    "a cat hits a bus", "two cars hit a bus", "rain", "raining", "a a", "a a a",
)  # fmt: skip


def test_its_bytes_are_the_same_on_every_machine() -> None:
    content = MiniEncoder(64).encode(["A car hits the bus, at night."]).numpy().tobytes()
    assert hashlib.sha256(content).hexdigest() == DIGEST


DIGEST = "4e919c9b59856f4bb8e22ff616a19912fa7d0a3e56a3c06308a6ee9ee124f2e4"


@pytest.mark.parametrize(("one", "two"), [*itertools.combinations(PROMPTS, 2)])
def test_different_prompts_are_told_apart(one: str, two: str) -> None:
    first, second = ENCODER.encode([one, two])
    assert (first - second).abs().max() > 0.1


@given(st.lists(st.sampled_from(PROMPTS), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_a_prompt_does_not_depend_on_its_batch(prompts: list[str]) -> None:
    together = ENCODER.encode(prompts)
    for row, prompt in zip(together, prompts, strict=True):
        assert torch.equal(row, ENCODER.encode([prompt])[0])


def test_words_with_common_letters_are_near_and_others_are_nearly_orthogonal() -> None:
    rows = {word: MiniEncoder(1024).encode([word])[0, 0] for word in ("collision", "collisions",
            "truck", "trucks", "rain")}  # fmt: skip
    near = cosine_similarity(rows["collision"], rows["collisions"], dim=0)
    far = cosine_similarity(rows["collision"], rows["rain"], dim=0)
    assert near > 0.15
    assert abs(far) < 4 / 1024**0.5
    assert cosine_similarity(rows["truck"], rows["trucks"], dim=0) > 4 / 1024**0.5


def test_rows_have_unit_mean_square_and_are_zero_past_the_prompt() -> None:
    context = ENCODER.encode(["the bus stops", "rain"])
    assert context.shape == (2, 512, 256)
    assert context.dtype is torch.float32
    torch.testing.assert_close(context[0, :3].square().mean(-1), torch.ones(3), rtol=0, atol=1e-6)
    assert torch.equal(context[0, 3:], torch.zeros(509, 256))
    assert torch.equal(context[1, 1:], torch.zeros(511, 256))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A Car.", ["a", "car", "."]),
        ("  two\n\twords ", ["two", "words"]),
        ("Straße über", ["strasse", "über"]),
        ("u\u0308ber", ["über"]),
        ("50 km/h!", ["50", "km", "/", "h", "!"]),
        ("路口 red", ["路口", "red"]),
        ("", []),
    ],
)
def test_words_and_marks(prompt: str, expected: list[str]) -> None:
    assert words(prompt) == expected


@pytest.mark.parametrize("width", [0, 4, 12, -8])
def test_a_width_that_is_no_multiple_of_8_is_refused(width: int) -> None:
    with pytest.raises(ConfigError, match="multiple of 8"):
        MiniEncoder(width)
