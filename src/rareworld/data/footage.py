"""Videos of others, whose frames have times, rotation and pixel shape of their own.

`rareworld.data.video` reads what we wrote, by index; here a frame is found by its presentation
time, which holds for any rate, fixed or not. What a player shows is what comes out: turned as the
file says (phones), with square pixels (CCTV recorders). A probe opens a file, decodes its first
frame and compares the boxes of an MP4 (ISO/IEC 14496-12, 4.2) with the file's length, which finds
a file that was cut off without reading it. Proved in `tests/data/test_footage.py`.
"""

# PyAV's stubs leave the type variable of Packet and some keywords open.
# pyright: reportUnknownMemberType=false

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from rareworld.data.video import VideoInfo
from rareworld.errors import FormatError

T = TypeVar("T")

_BOXES = frozenset(b"ftyp styp moov mdat free skip wide moof mfra sidx uuid meta".split())
_BT709 = 1
_MATRICES = (1, 5, 6, 7, 9)
_TIE = Fraction(1, 1_000_000)
"""Seconds below which two distances are equal: the earlier frame is taken."""


def probe_footage(path: Path) -> VideoInfo:
    """Return size as shown, rate and length of a video; only the first frame is decoded.

    Raises:
        FormatError: If the file is missing, cut off, empty of pictures or not a video.
    """
    _refuse_cut_off(path)
    with _opened(path) as (container, stream):
        rate = stream.average_rate
        frame = next(container.decode(stream), None)
        if frame is None or not rate or not frame.width or not frame.height:
            raise FormatError(f"{path}: holds no pictures; make it again, or take the clip out")
        width, height = _shown(frame, stream)
        exact = Fraction(rate.numerator, rate.denominator)  # from PyAV 19 on a type of its own
        return VideoInfo(
            width=width,
            height=height,
            rate=exact,
            num_frames=_count(container, stream, path, exact),
            codec=stream.codec_context.name,
            pixels=frame.format.name,
        )


def frames_at(path: Path, times: Sequence[Fraction]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Yield for each time the frame that is shown nearest to it, in sRGB.

    Args:
        path: Video file.
        times: Seconds from the video's first frame, not falling. At a tie the earlier frame is
            taken; a frame that is wanted several times in a row is the same array.

    Raises:
        FormatError: If the file is damaged, or ends more than two frames before the last time.
    """
    with _opened(path) as (container, stream):
        last, array = None, np.empty((0, 0, 3), np.uint8)
        slack = 2 / (stream.average_rate or Fraction(1))
        frames = _timed(container, stream, path, times[0])
        for time, (shown, frame, ended) in zip(times, nearest(frames, times), strict=False):
            if ended and time - shown > slack:
                raise FormatError(
                    f"{path}: ends at {float(shown):.3f} s, a frame at {float(time):.3f} s is "
                    "wanted; it is damaged, make it again"
                )
            if frame is not last:
                last, array = frame, _picture(frame, stream)
            yield array
        if last is None:
            raise FormatError(f"{path}: holds no pictures; make it again, or take the clip out")


def nearest(
    frames: Iterator[tuple[Fraction, T]], times: Sequence[Fraction]
) -> Iterator[tuple[Fraction, T, bool]]:
    """Yield for each time the frame nearest to it, with its time, the earlier at a tie.

    Both ascend. The last value tells that no frame follows.
    """
    earlier, later = next(frames, None), next(frames, None)
    if earlier is None:
        return
    for time in times:
        while later is not None and abs(later[0] - time) + _TIE < abs(earlier[0] - time):
            earlier, later = later, next(frames, None)
        yield (*earlier, later is None)


@contextmanager
def _opened(path: Path) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open the first video stream; decoding errors inside the block name the file."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FormatError(f"{path}: holds no video stream; give a video file")
            stream = container.streams.video[0]
            # Many files are read at once; threads inside each would only compete.
            stream.codec_context.thread_count = 1
            yield container, stream
    except FileNotFoundError:
        raise FormatError(f"{path}: is missing; put the video there") from None
    except (FFmpegError, OSError) as error:
        raise FormatError(
            f"{path}: cannot be read as video ({error.strerror}); make it again"
        ) from error


def _timed(
    container: InputContainer, stream: VideoStream, path: Path, start: Fraction
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Yield frames with their times, from a key frame at or before a time on."""
    base, origin = stream.time_base or Fraction(1), stream.start_time or 0
    for place in (origin + int(start / base), origin):
        container.seek(place, stream=stream)
        frames = (
            ((frame.pts - origin) * base, frame)
            for frame in container.decode(stream)
            if frame.pts is not None
        )
        first = next(frames, None)
        # Where the key frame that was found comes too late, the file is read from its start.
        if first is not None and (first[0] <= start or place == origin):
            yield from _ascending(chain([first], frames), path)
            return


def _ascending(
    frames: Iterable[tuple[Fraction, VideoFrame]], path: Path
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Pass frames on while time goes on.

    Raises:
        FormatError: If it goes back: AVI keeps no times, and those of H.264 in it are guesses.
    """
    last = None
    for time, frame in frames:
        if last is not None and time < last:
            raise FormatError(
                f"{path}: the times of its frames go back at {float(time):.3f} s; write it again "
                f"with times: ffmpeg -i {path.name} {path.stem}.mp4"
            )
        last = time
        yield time, frame


def _count(container: InputContainer, stream: VideoStream, path: Path, rate: Fraction) -> int:
    """Return the number of frames: the header's, or that of the packets.

    Raises:
        FormatError: If the packets end long before the header says.
    """
    if stream.frames:
        return stream.frames
    container.seek(0)
    stamps = [packet.pts for packet in container.demux(stream) if packet.size]
    told = (container.duration or 0) / av.time_base
    there = float((max(stamp or 0 for stamp in stamps) * (stream.time_base or 1)) + 1 / rate)
    # Sound may go on a little; times of a cut may begin late, which only makes `there` larger.
    if there < 0.9 * told - 1:
        raise _cut_off(path, f"{told:.1f} s were written, {there:.1f} s are there")
    return len(stamps)


def _shown(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Return width and height as a player shows them."""
    width, height = round(frame.width * _stretch(stream)), frame.height
    return (height, width) if _quarters(frame) % 2 else (width, height)


def _quarters(frame: VideoFrame) -> int:
    """Return the quarter turns, against the clock, that a player gives a frame."""
    return round(frame.rotation / 90)


def _stretch(stream: VideoStream) -> Fraction:
    """Return the width of a pixel over its height."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    return Fraction(ratio.numerator, ratio.denominator)


def _picture(frame: VideoFrame, stream: VideoStream) -> UInt8[np.ndarray, "h w 3"]:
    """Return a frame in sRGB, turned and stretched; colour by BT.709 unless the file says."""
    matrix = frame.colorspace if frame.colorspace in _MATRICES else _BT709
    rgb = frame.reformat(
        format="rgb24", src_colorspace=matrix, width=round(frame.width * _stretch(stream))
    )
    return np.rot90(rgb.to_ndarray(), _quarters(frame))


def _refuse_cut_off(path: Path) -> None:
    """Walk over the boxes of an MP4; other formats pass.

    Raises:
        FormatError: If the file is empty or a box ends behind the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            end = _end_of_boxes(stream, size)
    except FileNotFoundError:
        raise FormatError(f"{path}: is missing; put the video there") from None
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be read ({error.strerror}); check the path and the disk"
        ) from None
    if not size:
        raise FormatError(f"{path}: is empty; copy or make it again")
    if end > size:
        raise _cut_off(path, f"{end} bytes were written, {size} are there")


def _end_of_boxes(stream: BinaryIO, size: int) -> int:
    """Return where the last box ends that begins inside the file; 0 if there are no boxes."""
    end = 0
    while end < size:
        stream.seek(end)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if head[4:8] not in _BOXES or not length:
            break
        end += int.from_bytes(head[8:], "big") if length == 1 else length
    return end


def _cut_off(path: Path, facts: str) -> FormatError:
    return FormatError(f"{path}: is cut off, {facts}; copy or make it again")
