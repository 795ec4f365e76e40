"""Streaming writers and readers of our video files; videos of others are read by `footage`.

Colour goes to H.264 (libx264, 4:2:0, BT.709 limited range, tagged so), labels to lossless FFV1
version 3 in Matroska (Niedermayer et al., RFC 9043), every frame a key frame, one video stream per
plane. Frame i is shown at i / rate: exact in MP4, rounded to the millisecond in Matroska, whose
clock ticks so; readers get the index back by rounding. One thread per encoder, or one for each
slice of a plane, and no wall clock in the container: the same frames give the same bytes. Settings
were chosen by measurement of time and memory (docs/reference/clip.md).
Proved in `tests/data/test_video.py`.
"""

# PyAV's stubs leave the type variable of Packet and some keywords open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar, final

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import Bool, UInt8, UInt16
from pydantic import Field

from rareworld.data.atomic import store_error
from rareworld.data.config import Config
from rareworld.errors import FormatError, StoreError

Pixels = Literal["rgb24", "gray", "gray16le"]

_Codec = Literal["libx264", "ffv1"]
_Packets = Iterable[Any]
"""Of av.Packet, which is generic in its stub and not at run time."""
_W = TypeVar("_W", bound="_Writer")
_BT709 = 1
_LIMITED = 1
_FFV1 = {"level": "3", "coder": "1", "context": "0", "g": "1", "slices": "4", "slicecrc": "0"}
_CONTAINER = {
    ".mp4": {"fflags": "+bitexact", "movflags": "+faststart"},
    ".mkv": {"fflags": "+bitexact", "cluster_size_limit": "500000"},
}


@final
class H264(Config):
    """How colour video is compressed."""

    crf: int = Field(default=18, ge=0, le=51)
    """Constant rate factor: 0 lossless, 18 hard to tell from the source, 51 worst."""
    bitrate_kbps: int | None = Field(default=None, ge=1)
    """Mean bit rate instead of a constant quality, kept over two seconds as cameras do."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "medium", "slow"] = "veryfast"
    """Encoder effort; slower is smaller."""
    keyframe_every: int = Field(default=30, ge=1)
    """Frames between key frames; fewer makes jumping to a frame faster and files larger."""

    def options(self) -> dict[str, str]:
        """Return the encoder's own option names."""
        # x264's macroblock tree reads memory it never set: bytes then differ from run to run.
        # One B-frame in a row, not three: x264 then holds 40 MB less of 1080p at the same size.
        in_a_row = 0 if self.preset == "ultrafast" else 1
        rate = {"crf": str(self.crf)}
        if self.bitrate_kbps is not None:
            # bits per second; the buffer of two seconds is what a network camera's stream has
            kept = str(self.bitrate_kbps * 1000)
            rate = {"b": kept, "maxrate": kept, "bufsize": str(self.bitrate_kbps * 2000)}
        return {
            **rate,
            "preset": self.preset,
            "g": str(self.keyframe_every),
            "x264-params": f"mbtree=0:bframes={in_a_row}",
        }


def frame_rate(fps: float) -> Fraction:
    """Return the exact rate behind a float: 30 -> 30, 29.97002997 -> 30000/1001.

    Raises:
        ValueError: If the rate is not positive.
    """
    if not fps > 0:
        raise ValueError(f"fps must be positive, got {fps}")
    return Fraction(fps).limit_denominator(1001)


@final
class _Sink:
    """A container of equal video streams; knows files, time stamps and errors, not pixels."""

    def __init__(
        self, path: Path, codec: _Codec, pix_fmt: str, rate: Fraction, options: dict[str, str]
    ) -> None:
        self.path = path
        self._codec: _Codec = codec
        self._pix_fmt = pix_fmt
        self._rate = rate
        self._options = options
        self._count = 0
        self.streams: list[VideoStream] = []
        with _writing(path):
            self._container = av.open(str(path), "w", options=_CONTAINER[path.suffix])

    def start(self, width: int, height: int, *, num_streams: int = 1) -> None:
        """Add the streams; called once, before the first frame."""
        for _ in range(num_streams):
            stream = self._container.add_stream(self._codec, rate=self._rate, options=self._options)
            stream.width, stream.height = width, height
            _set_up(stream.codec_context, self._pix_fmt, 1 / self._rate)
            self.streams.append(stream)

    def stamp(self, *frames: VideoFrame) -> None:
        """Give pictures of the same moment the next time stamp."""
        for frame in frames:
            frame.pts = self._count
            frame.time_base = 1 / self._rate
        self._count += 1

    def write(self, packets: Callable[[], _Packets], stream: VideoStream) -> None:
        """Encode and append to one stream."""
        with _writing(self.path):
            for packet in packets():
                packet.stream = stream
                self._container.mux(packet)

    def flush(self) -> None:
        """Write what the streams' own encoders still hold."""
        for stream in self.streams:
            self.write(partial(stream.encode, None), stream)

    def close(self) -> None:
        """Close the file as it is."""
        with _writing(self.path):
            self._container.close()


def _set_up(
    context: VideoCodecContext, pix_fmt: str, time_base: Fraction, threads: int = 1
) -> None:
    """Set what every encoder of ours has in common."""
    context.pix_fmt = pix_fmt
    context.thread_count = threads
    if threads > 1:
        context.thread_type = "SLICE"
    context.time_base = time_base
    if pix_fmt == "yuv420p":
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED


@contextmanager
def _writing(path: Path) -> Generator[None]:
    """Name the file when libav cannot write it."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        raise store_error(path, OSError(error.errno, error.strerror)) from error


class _Writer:
    """Context manager around a sink: closes it cleanly, or as it is after an error."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink

    def close(self) -> None:
        """Flush and finish the file.

        Raises:
            StoreError: If the disk is full or gone.
        """
        try:
            self._sink.flush()
        finally:
            self._sink.close()

    def abort(self) -> None:
        """Close the file as it is; it is not complete."""
        self._sink.close()

    def __enter__(self: _W) -> _W:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class _H264Writer(_Writer):
    """Appends 4:2:0 pictures to an MP4 file."""

    def __init__(self, path: Path, rate: Fraction, config: H264) -> None:
        super().__init__(_Sink(path, "libx264", "yuv420p", rate, config.options()))

    def _append(self, frame: VideoFrame) -> None:
        if not self._sink.streams:
            self._sink.start(frame.width, frame.height)
        self._sink.stamp(frame)
        stream = self._sink.streams[0]
        self._sink.write(partial(stream.encode, frame), stream)


@final
class RgbWriter(_H264Writer):
    """Colour frames to H.264 in MP4; sides must be even."""

    def __init__(self, path: Path, rate: Fraction, config: H264 | None = None) -> None:
        super().__init__(path, rate, config or H264())
        self._reformatter = VideoReformatter()

    def write(self, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        """Append one sRGB frame.

        Raises:
            StoreError: If the frame has an odd side or the file cannot be written.
        """
        _require_even(self._sink.path, rgb.shape[0], rgb.shape[1])
        source = VideoFrame.from_numpy_buffer(np.ascontiguousarray(rgb), "rgb24")
        self._append(
            self._reformatter.reformat(
                source, format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED
            )
        )


@final
class MaskWriter(_H264Writer):
    """Black and white frames to H.264 in MP4, for people and video models; sides must be even."""

    def __init__(self, path: Path, rate: Fraction, config: H264 | None = None) -> None:
        super().__init__(path, rate, config or H264(preset="ultrafast"))

    def write(self, mask: Bool[np.ndarray, "h w"]) -> None:
        """Append one frame: true is white (luma 235), false black (luma 16)."""
        height, width = mask.shape
        _require_even(self._sink.path, height, width)
        planes = np.full((height + height // 2, width), 128, np.uint8)
        np.multiply(mask.view(np.uint8), np.uint8(219), out=planes[:height])
        planes[:height] += 16
        self._append(VideoFrame.from_ndarray(planes, format="yuv420p"))


@final
class PlaneEncoder:
    """An FFV1 encoder that several writers may share, one after the other but not at once.

    libav clears work memory for the worst case in every FFV1 encoder: 83 MB for a 16-bit plane of
    1920 x 1080. Every frame is a key frame and owes nothing to the one before, so all planes of a
    clip can go through one encoder; the bytes are those of an encoder per file, and do not depend
    on the number of threads, which share the slices of a plane.
    """

    def __init__(self, rate: Fraction, bits: Literal[8, 16], *, threads: int = 1) -> None:
        self.rate = rate
        self._threads = min(threads, int(_FFV1["slices"]))
        self.pixels: Pixels = "gray" if bits == 8 else "gray16le"
        self.options = _FFV1 | {"coder": "0" if bits == 8 else "1"}
        self._context: VideoCodecContext | None = None

    def packets(self, frame: VideoFrame) -> _Packets:
        """Return a plane's packets.

        Raises:
            ValueError: If the first plane had another size.
        """
        context = self._context or self._open(frame)
        if (frame.width, frame.height) != (context.width, context.height):
            raise ValueError(
                f"plane is {frame.width} x {frame.height}, "
                f"the first was {context.width} x {context.height}"
            )
        return context.encode(frame)

    def _open(self, frame: VideoFrame) -> VideoCodecContext:
        context = VideoCodecContext.create("ffv1", "w")
        context.width, context.height = frame.width, frame.height
        context.options = self.options
        _set_up(context, self.pixels, 1 / self.rate, self._threads)
        self._context = context
        return context


@final
class LosslessWriter(_Writer):
    """8-bit or 16-bit planes to FFV1 in Matroska, one video stream per plane."""

    def __init__(self, path: Path, encoder: PlaneEncoder) -> None:
        super().__init__(_Sink(path, "ffv1", encoder.pixels, encoder.rate, encoder.options))
        self._encoder = encoder

    def write(
        self, planes: UInt8[np.ndarray, "*planes h w"] | UInt16[np.ndarray, "*planes h w"]
    ) -> None:
        """Append one frame: a plane (h, w), or several (p, h, w), as many every time."""
        height, width = planes.shape[-2:]
        stacked = np.ascontiguousarray(planes).reshape(-1, height, width)
        if not self._sink.streams:
            self._sink.start(width, height, num_streams=len(stacked))
        pixels = self._encoder.pixels
        frames = [VideoFrame.from_numpy_buffer(plane, pixels) for plane in stacked]
        self._sink.stamp(*frames)
        for stream, frame in zip(self._sink.streams, frames, strict=True):
            self._sink.write(partial(self._encoder.packets, frame), stream)


@final
@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video file says about itself."""

    width: int
    height: int
    rate: Fraction
    """Frames per second."""
    num_frames: int
    """Counted from the packets, not from the header."""
    codec: str
    pixels: str
    """FFmpeg's name of the pixel format."""

    @property
    def duration_s(self) -> float:
        """Frames over rate."""
        return float(self.num_frames / self.rate)


def probe(path: Path) -> VideoInfo:
    """Return size, rate and length of a video without decoding it.

    Raises:
        FormatError: If the file is missing or is not a video.
    """
    try:
        with av.open(str(path)) as container:
            stream = _first_video(container, path)
            count = sum(1 for packet in container.demux(stream) if packet.size)
            context, rate = stream.codec_context, stream.average_rate or Fraction(1)
            return VideoInfo(
                width=context.width,
                height=context.height,
                rate=Fraction(rate.numerator, rate.denominator),
                num_frames=count,
                codec=context.name,
                pixels=context.pix_fmt or "",
            )
    except (FFmpegError, OSError) as error:
        raise _read_error(path, error) from error


def read_frames(
    path: Path, pixels: Pixels, *, start: int = 0
) -> Iterator[UInt8[np.ndarray, "..."] | UInt16[np.ndarray, "..."]]:
    """Yield decoded frames in order of time from frame `start` on.

    Shapes: (h, w, 3) uint8 for rgb24, (h, w) uint8 for gray, (h, w) uint16 for gray16le; a file
    with p video streams of equal size gives (p, h, w) or (p, h, w, 3).

    Raises:
        FormatError: If the file is missing, damaged or not a video.
    """
    try:
        with av.open(str(path)) as container:
            first = _first_video(container, path)
            rate, base = first.average_rate, first.time_base
            if rate is None or base is None:
                raise FormatError(f"{path}: has no frame rate; it is damaged, make it again")
            if start:
                container.seek(int(start / rate / base), stream=first)
            for frames in _moments(container, path):
                if round((frames[0].pts or 0) * base * rate) >= start:
                    pictures = [_pixels(frame, pixels) for frame in frames]
                    yield pictures[0] if len(pictures) == 1 else np.stack(pictures)
    except (FFmpegError, OSError) as error:
        raise _read_error(path, error) from error


def _moments(container: InputContainer, path: Path) -> Iterator[Sequence[VideoFrame]]:
    """Yield the decoded pictures of all video streams of each moment."""
    frames: list[VideoFrame] = []
    for frame in container.decode(*container.streams.video):
        frames.append(frame)
        if len(frames) == len(container.streams.video):
            if any(item.pts != frame.pts for item in frames):
                raise FormatError(
                    f"{path}: its planes differ in time; it is damaged, make it again"
                )
            yield frames
            frames = []


def _pixels(
    frame: VideoFrame, pixels: Pixels
) -> UInt8[np.ndarray, "..."] | UInt16[np.ndarray, "..."]:
    """Return a frame as an array, colour converted by BT.709 unless the file says otherwise."""
    if pixels == "rgb24" and frame.format.name != "rgb24":
        matrix = frame.colorspace if frame.colorspace in (1, 5, 6, 7, 9) else _BT709
        frame = frame.reformat(format="rgb24", src_colorspace=matrix)
    return np.asarray(frame.to_ndarray(format=pixels))


def _first_video(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise FormatError(f"{path}: holds no video stream; give a video file")
    return container.streams.video[0]


def _require_even(path: Path, height: int, width: int) -> None:
    if height % 2 or width % 2:
        raise StoreError(
            f"{path}: H.264 4:2:0 needs even sides, got {width} x {height}; "
            "choose an even camera width and height"
        )


def _read_error(path: Path, error: FFmpegError | OSError) -> FormatError:
    return FormatError(f"{path}: cannot be read as video ({error.strerror}); make it again")
