"""Frames by time, from files of every kind that users have, really encoded."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rareworld.data.footage import frames_at, nearest, probe_footage
from rareworld.data.video import LosslessWriter, PlaneEncoder
from rareworld.errors import FormatError
from tests.train.data.footage_samples import (
    HEIGHT,
    NTSC,
    WIDTH,
    number_of,
    numbered,
    write_odd_video,
    write_video,
    write_void_video,
)


def _numbers(path: Path, times: list[Fraction]) -> list[int]:
    return [number_of(frame) for frame in frames_at(path, times)]


def test_numbers_survive_encoding() -> None:
    assert [number_of(numbered(index)) for index in range(256)] == list(range(256))


def test_the_nearest_frame_is_taken_and_the_earlier_at_a_tie() -> None:
    frames = [(Fraction(i, 10), i) for i in range(5)]
    times = [Fraction(t, 100) for t in (0, 4, 5, 6, 14, 15, 16, 39, 40, 44, 90)]
    found = list(nearest(iter(frames), times))
    assert [frame for _, frame, _ in found] == [0, 0, 0, 1, 1, 1, 2, 4, 4, 4, 4]
    assert [ended for _, _, ended in found] == [frame == 4 for _, frame, _ in found]
    assert list(nearest(iter([]), times)) == []


@pytest.mark.parametrize("rate", [Fraction(30), NTSC, Fraction(10), Fraction(25, 2)])
def test_every_frame_is_found_at_its_own_time(tmp_path: Path, rate: Fraction) -> None:
    path = write_video(tmp_path / "a.mp4", 70, rate)
    assert _numbers(path, [index / rate for index in range(70)]) == list(range(70))


@pytest.mark.parametrize("start", [1, 29, 30, 31, 59, 60, 68])
def test_jumping_into_a_video_gives_the_same_frames(tmp_path: Path, start: int) -> None:
    path = write_video(tmp_path / "a.mp4", 70)
    times = [Fraction(index, 30) for index in range(start, 70)]
    assert _numbers(path, times) == list(range(start, 70))


def test_frames_of_a_varying_rate_are_found_by_their_times(tmp_path: Path) -> None:
    """A phone in low light: 30 fps, then 15 fps, then a gap."""
    stamps = [*range(0, 600, 20), *range(600, 1200, 40), *range(1500, 1800, 20)]
    path = write_odd_video(tmp_path / "a.mp4", stamps)
    times = [Fraction(t, 16) for t in range(45)]
    wanted = [
        min(range(len(stamps)), key=lambda i: (abs(Fraction(stamps[i], 600) - time), i))
        for time in times
    ]
    assert _numbers(path, times) == wanted


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_times_count_from_the_first_frame(tmp_path: Path, suffix: str) -> None:
    """A cut that kept its source's clock begins at 2 s."""
    path = write_odd_video(tmp_path / f"a{suffix}", range(1200, 1800, 20))
    assert probe_footage(path).num_frames == 30
    for start in (0, 1, 9, 10, 11, 25):
        times = [Fraction(index, 30) for index in range(start, 30)]
        assert _numbers(path, times) == list(range(start, 30))


def test_a_container_without_times_is_refused_where_frames_would_be_mixed_up(
    tmp_path: Path,
) -> None:
    """AVI numbers packets as they come: right for MPEG-4, wrong where H.264 looks ahead."""
    plain = write_odd_video(tmp_path / "a.avi", range(40), clock=30, codec="mpeg4")
    assert (probe_footage(plain).rate, probe_footage(plain).num_frames) == (Fraction(30), 40)
    for start in (0, 11, 12, 13, 25):
        times = [Fraction(index, 30) for index in range(start, 40)]
        assert _numbers(plain, times) == list(range(start, 40))
    mixed = write_odd_video(tmp_path / "b.avi", range(40), clock=30)
    with pytest.raises(FormatError, match=r"times of its frames go back.*ffmpeg -i b.avi b.mp4"):
        _numbers(mixed, [Fraction(0), Fraction(1)])


@pytest.mark.parametrize(("turned", "turns"), [(90, 1), (-90, 3), (180, 2)])
def test_a_phones_video_is_turned_as_players_show_it(
    tmp_path: Path, turned: int, turns: int
) -> None:
    path = write_odd_video(tmp_path / "a.mp4", range(0, 200, 20), turned=turned)
    info = probe_footage(path)
    (frame,) = frames_at(path, [Fraction(5, 30)])
    upright = np.rot90(frame, -turns)
    assert number_of(np.ascontiguousarray(upright)) == 5
    assert frame.shape == (info.height, info.width, 3)
    assert (info.width, info.height) == ((WIDTH, HEIGHT) if turns == 2 else (HEIGHT, WIDTH))


def test_a_recorders_long_pixels_become_square(tmp_path: Path) -> None:
    path = write_odd_video(
        tmp_path / "a.mp4", range(0, 200, 20), pixel=Fraction(16, 11), size=(704, 576)
    )
    info = probe_footage(path)
    (frame,) = frames_at(path, [Fraction(3, 30)])
    assert (info.width, info.height) == (1024, 576)
    assert frame.shape == (576, 1024, 3)
    assert number_of(frame) == 3


def test_a_frame_wanted_twice_is_the_same_array(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 4, Fraction(10))
    one, two, three = frames_at(path, [Fraction(0), Fraction(1, 25), Fraction(1, 10)])
    assert one is two
    assert three is not two


def test_a_probe_tells_what_was_written(tmp_path: Path) -> None:
    info = probe_footage(write_video(tmp_path / "a.mp4", 33, NTSC))
    assert (info.width, info.height, info.rate, info.num_frames) == (WIDTH, HEIGHT, NTSC, 33)
    assert (info.codec, info.pixels) == ("h264", "yuv420p")
    with LosslessWriter(tmp_path / "b.mkv", PlaneEncoder(NTSC, 8)) as writer:
        for index in range(7):
            writer.write(np.full((32, 48), index, np.uint8))
    other = probe_footage(tmp_path / "b.mkv")
    assert (other.width, other.height, other.num_frames, other.codec) == (48, 32, 7, "ffv1")


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.2, 0.01])
def test_a_video_that_was_cut_off_is_told_so_wherever_it_ends(tmp_path: Path, share: float) -> None:
    path = write_video(tmp_path / "a.mp4", 60)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FormatError, match=r"a.mp4: (is cut off, \d+ bytes were written|cannot)"):
        probe_footage(path)


def test_a_cut_off_matroska_is_told_so(tmp_path: Path) -> None:
    path = write_odd_video(tmp_path / "a.mkv", range(0, 6000, 20))
    assert probe_footage(path).num_frames == 300
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError, match=r"a.mkv: is cut off, 10.0 s were written, \d.\d s are"):
        probe_footage(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing; put the video there"),
        (b"", "is empty; copy or make it again"),
        (b"not a video at all", "cannot be read as video"),
        (b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00", "cannot be read as video"),
    ],
)
def test_what_is_no_video_is_named_with_a_remedy(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=rf"a.mp4: {message}"):
        probe_footage(path)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        probe_footage(tmp_path)


def test_a_video_without_a_frame_is_told_so(tmp_path: Path) -> None:
    path = write_void_video(tmp_path / "a.mkv")
    for use in (probe_footage, lambda path: list(frames_at(path, [Fraction(0)]))):
        with pytest.raises(FormatError, match=r"a.mkv: (holds no pictures|cannot be read)"):
            use(path)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0" * 1600)
    with pytest.raises(FormatError, match="holds no video stream; give a video file"):
        probe_footage(tmp_path / "a.wav")


def test_a_time_past_the_end_is_an_error_not_a_frozen_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 30)
    assert _numbers(path, [Fraction(31, 30)]) == [29]
    with pytest.raises(FormatError, match=r"ends at 0.967 s, a frame at 1.500 s is wanted"):
        _numbers(path, [Fraction(0), Fraction(3, 2)])
