"""Frames: the right ones, by the clip's own draw, decoded ahead and in order."""

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rareworld.data.video import read_frames
from rareworld.errors import FormatError
from rareworld.evaluate.config import PicturesConfig
from rareworld.evaluate.frames import PART, FrameChoice, in_threads, parts_of
from tests.evaluate.standin import pictures, write_video

VIDEO = "c" * 64


def _pictures(**more: int) -> FrameChoice:
    return FrameChoice(frames=1, pictures=PicturesConfig(**more))  # pyright: ignore[reportArgumentType] - numbers


@pytest.mark.parametrize(
    ("choice", "length", "expected"),
    [
        (FrameChoice(frames=16), 17, tuple(range(16))),
        (FrameChoice(frames=16), 16, tuple(range(16))),
        (FrameChoice(frames=16), 15, ()),
        (_pictures(), 4, (0, 1, 2, 3)),
        (_pictures(every=3), 8, (0, 3, 6)),
        (_pictures(count=9), 4, (0, 1, 2, 3)),
    ],
)
def test_frames_are_those_of_the_protocol(
    choice: FrameChoice, length: int, expected: tuple[int, ...]
) -> None:
    assert choice.indices(length, VIDEO) == expected


def test_random_frames_follow_from_the_video_and_the_seed() -> None:
    choice = FrameChoice(frames=16, random_start=True)
    starts = {choice.indices(40, f"{n:064x}")[0] for n in range(200)}
    assert starts == set(range(25))
    assert choice.indices(40, VIDEO) == choice.indices(40, VIDEO)
    three = _pictures(count=3)
    assert len(set(three.indices(50, VIDEO))) == 3
    assert three.indices(50, VIDEO) == tuple(sorted(three.indices(50, VIDEO)))
    assert three.indices(50, VIDEO) != three.indices(50, "d" * 64)


def test_what_decides_the_frames_is_told_and_no_more() -> None:
    assert FrameChoice(frames=16, seed=4).describe() == {"frames": 16, "start": "first"}
    drawn = FrameChoice(frames=16, random_start=True, seed=4).describe()
    assert drawn == {"frames": 16, "start": "random", "seed": 4}
    assert _pictures(every=2).describe() == {"frames": 1, "every": 2, "count": None}
    assert _pictures(count=2).describe()["seed"] == 0


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (FrameChoice(frames=16), "16 consecutive frames from the first"),
        (FrameChoice(frames=16, random_start=True), "16 consecutive frames from a random place"),
        (_pictures(), "every frame"),
        (_pictures(every=4), "every 4th frame"),
        (_pictures(count=5), "5 random frames of each clip"),
    ],
)
def test_frames_are_told_in_words(choice: FrameChoice, words: str) -> None:
    assert choice.words() == words


def test_parts_are_the_frames_of_the_video(tmp_path: Path) -> None:
    frames = pictures(0, PART + 5)
    path = write_video(tmp_path / "a.mp4", frames, 8)
    decoded = np.stack(list(read_frames(path, "rgb24")))
    every = parts_of(path, _pictures(), VIDEO)
    assert [len(part.times) for part in every] == [PART, 5]
    assert np.array_equal(np.concatenate([part.read() for part in every]), decoded)
    (window,) = parts_of(path, FrameChoice(frames=16, random_start=True), VIDEO)
    start = int(window.times[0] * 8)
    assert window.times[1] - window.times[0] == Fraction(1, 8)
    assert np.array_equal(window.read(), decoded[start : start + 16])


def test_a_video_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"not a video")
    with pytest.raises(FormatError, match=r"a\.mp4"):
        parts_of(path, _pictures(), VIDEO)


def test_work_in_threads_comes_in_order_and_only_a_little_ahead() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            begun.append(item)
        return item * item

    results = in_threads(work, range(50), threads=3)
    first = [next(results).result() for _ in range(5)]
    assert first == [0, 1, 4, 9, 16]
    assert max(begun) <= 5 + 3 + 1
    assert [future.result() for future in results] == [n * n for n in range(5, 50)]


def test_an_error_in_a_thread_is_raised_where_the_result_is_asked() -> None:
    def work(item: int) -> int:
        if item == 1:
            raise FormatError("second")
        return item

    good, bad = list(in_threads(work, range(2), threads=2))
    assert good.result() == 0
    with pytest.raises(FormatError, match="second"):
        bad.result()
