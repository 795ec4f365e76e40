"""The only door to PyAV: streaming writers and readers of video files.

Colour goes to H.264 (libx264, 4:2:0, BT.709 limited range, tagged so), labels to lossless FFV1
version 3 in Matroska (Niedermayer et al., RFC 9043), every frame a key frame. Frame i is shown at
i / rate: exact in MP4, rounded to the millisecond in Matroska, whose clock ticks so; readers get
the index back by rounding. One thread per encoder and no wall clock in the container: the same
frames give the same bytes. Settings were chosen by measurement (docs/reference/clip.md).
Proved in `tests/data/test_video.py`.
"""

# PyAV's stubs leave the type variable of Packet and some keywords open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar, final

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import Bool, UInt8, UInt16
from pydantic import Field

from rareworld.data.atomic import store_error
from rareworld.data.config import Config
from rareworld.errors import FormatError, StoreError

Pixels = Literal["rgb24", "gray", "gray16le"]

_Codec = Literal["libx264", "ffv1"]
_W = TypeVar("_W", bound="_Writer")
_BT709 = 1
_LIMITED = 1
_FFV1 = {"level": "3", "coder": "1", "context": "0", "g": "1", "slices": "4", "slicecrc": "0"}
_CONTAINER = {
    ".mp4": {"fflags": "+bitexact", "movflags": "+faststart"},
    ".mkv": {"fflags": "+bitexact"},
}


@final
class H264(Config):
    """How colour video is compressed."""

    crf: int = Field(default=18, ge=0, le=51)
    """Constant rate factor: 0 lossless, 18 hard to tell from the source, 51 worst."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "medium", "slow"] = "veryfast"
    """Encoder effort; slower is smaller."""
    keyframe_every: int = Field(default=30, ge=1)
    """Frames between key frames; fewer makes jumping to a frame faster and files larger."""

    def options(self) -> dict[str, str]:
        """Return the encoder's own option names."""
        # x264's macroblock tree reads memory it never set: bytes then differ from run to run.
        return {
            "crf": str(self.crf),
            "preset": self.preset,
            "g": str(self.keyframe_every),
            "x264-params": "mbtree=0",
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
    """A container with one video stream; knows time stamps and errors, not pixels."""

    def __init__(
        self, path: Path, codec: _Codec, pix_fmt: str, rate: Fraction, options: dict[str, str]
    ) -> None:
        self.path = path
        self._time_base = 1 / rate
        self._count = 0
        try:
            self._container = av.open(str(path), "w", options=_CONTAINER[path.suffix])
        except (FFmpegError, OSError) as error:
            raise _write_error(path, error) from error
        self._stream = self._container.add_stream(codec, rate=rate, options=options)
        context = self._stream.codec_context
        context.pix_fmt = pix_fmt
        context.thread_count = 1
        context.time_base = self._time_base
        if pix_fmt == "yuv420p":
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED

    def write(self, frame: VideoFrame) -> None:
        """Encode one frame; the first decides the size."""
        if not self._count:
            self._stream.width, self._stream.height = frame.width, frame.height
        frame.pts = self._count
        frame.time_base = self._time_base
        self._count += 1
        self._mux(frame)

    def close(self) -> None:
        """Flush the encoder and finish the file."""
        try:
            if self._count:
                self._mux(None)
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the file as it is."""
        try:
            self._container.close()
        except (FFmpegError, OSError) as error:
            raise _write_error(self.path, error) from error

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise _write_error(self.path, error) from error


class _Writer:
    """Context manager around a sink: closes it cleanly, or as it is after an error."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink

    def close(self) -> None:
        """Flush and finish the file.

        Raises:
            StoreError: If the disk is full or gone.
        """
        self._sink.close()

    def abort(self) -> None:
        """Close the file as it is; it is not complete."""
        self._sink.abort()

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


@final
class RgbWriter(_Writer):
    """Colour frames to H.264 in MP4; sides must be even."""

    def __init__(self, path: Path, rate: Fraction, config: H264 | None = None) -> None:
        options = (config or H264()).options()
        super().__init__(_Sink(path, "libx264", "yuv420p", rate, options))
        self._reformatter = VideoReformatter()

    def write(self, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        """Append one sRGB frame.

        Raises:
            StoreError: If the frame has an odd side or the file cannot be written.
        """
        _require_even(self._sink.path, rgb.shape[0], rgb.shape[1])
        source = VideoFrame.from_numpy_buffer(np.ascontiguousarray(rgb), "rgb24")
        frame = self._reformatter.reformat(
            source, format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED
        )
        self._sink.write(frame)


@final
class MaskWriter(_Writer):
    """Black and white frames to H.264 in MP4, for people and video models; sides must be even."""

    def __init__(self, path: Path, rate: Fraction, config: H264 | None = None) -> None:
        options = (config or H264(preset="ultrafast")).options()
        super().__init__(_Sink(path, "libx264", "yuv420p", rate, options))

    def write(self, mask: Bool[np.ndarray, "h w"]) -> None:
        """Append one frame: true is white (luma 235), false black (luma 16)."""
        height, width = mask.shape
        _require_even(self._sink.path, height, width)
        planes = np.full((height + height // 2, width), 128, np.uint8)
        np.multiply(mask.view(np.uint8), np.uint8(219), out=planes[:height])
        planes[:height] += 16
        self._sink.write(VideoFrame.from_ndarray(planes, format="yuv420p"))


@final
class LosslessWriter(_Writer):
    """8-bit or 16-bit planes to FFV1 in Matroska; several planes are stacked, first on top."""

    def __init__(self, path: Path, rate: Fraction, *, bits: Literal[8, 16]) -> None:
        self._format: Pixels = "gray" if bits == 8 else "gray16le"
        options = _FFV1 | {"coder": "0" if bits == 8 else "1"}
        super().__init__(_Sink(path, "ffv1", self._format, rate, options))

    def write(self, planes: UInt8[np.ndarray, "... h w"] | UInt16[np.ndarray, "... h w"]) -> None:
        """Append one frame of planes."""
        stacked = np.ascontiguousarray(planes).reshape(-1, planes.shape[-1])
        self._sink.write(VideoFrame.from_ndarray(stacked, format=self._format))


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
            context = stream.codec_context
            return VideoInfo(
                width=context.width,
                height=context.height,
                rate=stream.average_rate or Fraction(1),
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

    Shapes: (h, w, 3) uint8 for rgb24, (h, w) uint8 for gray, (h, w) uint16 for gray16le.

    Raises:
        FormatError: If the file is missing, damaged or not a video.
    """
    try:
        with av.open(str(path)) as container:
            stream = _first_video(container, path)
            rate, base = stream.average_rate, stream.time_base
            if rate is None or base is None:
                raise FormatError(f"{path}: has no frame rate; it is damaged, make it again")
            if start:
                container.seek(int(start / rate / base), stream=stream)
            for frame in container.decode(stream):
                if round((frame.pts or 0) * base * rate) >= start:
                    yield _pixels(frame, pixels)
    except (FFmpegError, OSError) as error:
        raise _read_error(path, error) from error


def _pixels(
    frame: VideoFrame, pixels: Pixels
) -> UInt8[np.ndarray, "..."] | UInt16[np.ndarray, "..."]:
    """Return a frame as an array, colour converted by BT.709 unless the file says otherwise."""
    if pixels == "rgb24" and frame.format.name != "rgb24":
        matrix = frame.colorspace if frame.colorspace in (1, 5, 6, 7, 9) else _BT709
        frame = frame.reformat(format="rgb24", src_colorspace=matrix)
    return np.asarray(frame.to_ndarray(format=pixels))


def _first_video(container: InputContainer, path: Path) -> "av.VideoStream":
    if not container.streams.video:
        raise FormatError(f"{path}: holds no video stream; give a video file")
    return container.streams.video[0]


def _require_even(path: Path, height: int, width: int) -> None:
    if height % 2 or width % 2:
        raise StoreError(
            f"{path}: H.264 4:2:0 needs even sides, got {width} x {height}; "
            "choose an even camera width and height"
        )


def _write_error(path: Path, error: FFmpegError | OSError) -> StoreError:
    return store_error(path, OSError(error.errno, error.strerror))


def _read_error(path: Path, error: FFmpegError | OSError) -> FormatError:
    return FormatError(f"{path}: cannot be read as video ({error.strerror}); make it again")
