"""The clip folder: written frame by frame, complete once it exists, read by channel.

DESIGN: `rgb.mp4`, `edges.mp4` for people and video models; one lossless FFV1 file per label
channel (codes in `rareworld.data.codes`); `tracks.parquet`, `signals.parquet`, `events.json`,
`caption.json`; `clip.json` last, with a checksum of every other file. Three threads encode, each
at most one frame behind, so drawing goes on while files are written: colour, 8-bit labels and
16-bit labels, the latter two through one FFV1 encoder each, which bounds memory. Same frames and
labels, same bytes. Proved in `tests/data/test_clip.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from rareworld.core.camera import Camera
from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.event import Event
from rareworld.data.atomic import atomic_folder
from rareworld.data.channels import CHANNELS, INSTANCE_HIGH, INSTANCE_LOW, LOSSLESS, Channel
from rareworld.data.clip_meta import (
    CAPTION_FILE,
    CLIP_FILE,
    EVENTS_FILE,
    SIGNALS_FILE,
    TRACKS_FILE,
    ClipMeta,
    clip_record,
    read_record,
    write_events,
)
from rareworld.data.config import Config, nearest
from rareworld.data.jsontext import checksums, write_json
from rareworld.data.labels import read_labels, write_labels, write_signals
from rareworld.data.video import (
    H264,
    LosslessWriter,
    MaskWriter,
    PlaneEncoder,
    RgbWriter,
    frame_rate,
    read_frames,
)
from rareworld.errors import ConfigError

RGB_FILE = "rgb.mp4"
EDGES_VIDEO = "edges.mp4"


@final
class ClipConfig(Config):
    """How a clip is encoded."""

    rgb: H264 = H264()
    """Compression of `rgb.mp4`."""
    edges: H264 = H264(preset="ultrafast")
    """Compression of `edges.mp4`."""
    channels: tuple[str, ...] = CHANNELS
    """Channels to write; `edges` also writes `edges.mp4`."""


_THREADS_PER_GROUP = 4
"""Streams of 16 bits share an encoder, which holds much memory, for this many threads."""
_FEW_THREADS = 2
"""Up to these, colour and labels keep all of them busy as they are."""


class _Stream(ABC):
    """Takes one channel in order and writes one file."""

    @abstractmethod
    def pick(self, frame: Frame) -> NDArray[Any]:
        """Return the channel's array of a frame."""

    @abstractmethod
    def write(self, array: NDArray[Any]) -> None:
        """Encode what `pick` returned."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""

    @abstractmethod
    def abort(self) -> None:
        """Close the file as it is."""


@final
class _PictureStream(_Stream):
    """A picture for people, as it is."""

    def __init__(
        self, writer: RgbWriter | MaskWriter, pick: Callable[[Frame], NDArray[Any]]
    ) -> None:
        self._writer = writer
        self._pick = pick

    def pick(self, frame: Frame) -> NDArray[Any]:
        """Return the channel's array of a frame."""
        return self._pick(frame)

    def write(self, array: NDArray[Any]) -> None:
        """Encode a picture."""
        self._writer.write(array)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def abort(self) -> None:
        """Close the file as it is."""
        self._writer.abort()


@final
class _LabelStream(_Stream):
    """Codes of a label channel; a `lazy` file begins with the first code that is not 0."""

    def __init__(
        self, folder: Path, channel: Channel, encoder: PlaneEncoder, *, lazy: bool = False
    ) -> None:
        self._path = folder / channel.file
        self._channel = channel
        self._encoder = encoder
        self._skipped = 0
        self._writer = None if lazy else LosslessWriter(self._path, encoder)

    def pick(self, frame: Frame) -> NDArray[Any]:
        """Return the channel's array of a frame."""
        return self._channel.pick(frame)

    def write(self, array: NDArray[Any]) -> None:
        """Encode labels."""
        codes = self._channel.encode(array)
        if self._writer is None:
            if not codes.any():
                self._skipped += 1
                return
            self._writer = LosslessWriter(self._path, self._encoder)
            for _ in range(self._skipped):
                self._writer.write(np.zeros_like(codes))
        self._writer.write(codes)

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._writer is not None:
            self._writer.close()

    def abort(self) -> None:
        """Close the file as it is."""
        if self._writer is not None:
            self._writer.abort()


@final
class _Lane:
    """Streams that share a thread; an error comes out at the next frame or at the end."""

    def __init__(self, streams: Sequence[_Stream]) -> None:
        self._streams = streams
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="clip")
        self._pending: list[Future[None]] = []
        self._open = True

    def write(self, frame: Frame) -> None:
        """Hand one frame over, channel by channel, once the one before is encoded."""
        self._wait()
        self._pending = [
            self._thread.submit(stream.write, stream.pick(frame)) for stream in self._streams
        ]

    def finish(self) -> None:
        """Wait for all frames, then finish the files."""
        self._wait()
        self._open = False
        for stream in self._streams:
            stream.close()

    def release(self) -> None:
        """Stop the thread; the files of unfinished streams are closed as they are."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._open:
            self._open = False
            for stream in self._streams:
                stream.abort()

    def _wait(self) -> None:
        for job in self._pending:
            job.result()


@final
class ClipWriter:
    """Context manager that writes a clip folder; it appears at clean exit, or not at all.

    Arrays of a written frame must not be changed afterwards: threads still read them. With more
    `threads` frames are encoded sooner, in more memory and to the same bytes.

    Raises:
        StoreError: If the folder exists (and `replace` is off) or cannot be written.
        ConfigError: If a channel is unknown.
    """

    def __init__(
        self,
        path: Path,
        meta: ClipMeta,
        config: ClipConfig | None = None,
        *,
        replace: bool = False,
        threads: int = 2,
    ) -> None:
        self.path = path
        self.meta = meta
        self._threads = threads
        self._config = config or ClipConfig()
        for name in self._config.channels:
            if name not in CHANNELS:
                raise ConfigError(f"unknown channel {name!r}{nearest(name, CHANNELS)}")
        self._scope: AbstractContextManager[None] = self._work(replace=replace)
        self._labels: list[ObjectLabel] = []
        self._num_frames = 0
        self._lanes: list[_Lane] = []

    def write(self, frame: Frame, labels: Sequence[ObjectLabel]) -> None:
        """Append a frame and the labels of its objects; returns before all of it is encoded.

        Raises:
            ValueError: If the image size is not the camera's or a label is of another frame.
            StoreError: If an earlier frame could not be written.
        """
        self._check(frame, labels)
        for lane in self._lanes:
            lane.write(frame)
        self._labels.extend(labels)
        self._num_frames += 1

    def __enter__(self) -> "ClipWriter":
        self._scope.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._scope.__exit__(kind, error, trace)

    @contextmanager
    def _work(self, *, replace: bool) -> Generator[None]:
        with atomic_folder(self.path, replace=replace) as folder:
            try:
                for streams in _streams(folder, self.meta.fps, self._config, self._threads):
                    self._lanes.append(_Lane(streams))
                yield
                for lane in self._lanes:
                    lane.finish()
                self._write_tables(folder)
            finally:
                for lane in self._lanes:
                    lane.release()

    def _check(self, frame: Frame, labels: Sequence[ObjectLabel]) -> None:
        camera = self.meta.camera
        if frame.rgb.shape[:2] != (camera.height, camera.width):
            raise ValueError(
                f"frame {self._num_frames} is {frame.rgb.shape[1]} x {frame.rgb.shape[0]}, "
                f"camera {camera.name!r} is {camera.width} x {camera.height}"
            )
        for label in labels:
            if label.frame != self._num_frames:
                raise ValueError(
                    f"label of object {label.object_id} is of frame {label.frame}, "
                    f"written with frame {self._num_frames}"
                )

    def _write_tables(self, folder: Path) -> None:
        meta = self.meta
        states = meta.signal_states if meta.signals else np.zeros((0, self._num_frames), np.uint8)
        if states.shape != (len(meta.signals), self._num_frames):
            raise ValueError(
                f"signal_states must have shape {(len(meta.signals), self._num_frames)}, "
                f"got {states.shape}"
            )
        write_labels(folder / TRACKS_FILE, self._labels)
        write_signals(folder / SIGNALS_FILE, meta.signals, states, meta.fps)
        write_events(folder / EVENTS_FILE, meta.events)
        if meta.caption is not None:
            write_json(folder / CAPTION_FILE, {"caption": meta.caption})
        record = clip_record(meta, self._num_frames, self._config.channels, checksums(folder))
        write_json(folder / CLIP_FILE, record)


def _streams(
    folder: Path, fps: float, config: ClipConfig, threads: int
) -> Iterator[Sequence[_Stream]]:
    """Open the streams of the wanted channels, grouped by thread."""
    rate = frame_rate(fps)
    if "rgb" in config.channels:
        colour = RgbWriter(folder / RGB_FILE, rate, config.rgb)
        yield [_PictureStream(colour, lambda frame: frame.rgb)]
    wanted = [LOSSLESS[name] for name in LOSSLESS if name in config.channels]
    bytes_ = PlaneEncoder(rate, 8)
    small: list[_Stream] = [_LabelStream(folder, item, bytes_) for item in wanted if item.bits == 8]
    if "edges" in config.channels:
        mask = MaskWriter(folder / EDGES_VIDEO, rate, config.edges)
        small.append(_PictureStream(mask, lambda frame: frame.edges))
    yield small
    large = [(item, False) for item in wanted if item.bits == 16]
    if "instance_id" in config.channels:
        large += [(INSTANCE_LOW, False), (INSTANCE_HIGH, True)]
    groups = max(1, threads // _THREADS_PER_GROUP)
    for group in range(min(groups, len(large))):
        words = PlaneEncoder(rate, 16, threads=1 if threads <= _FEW_THREADS else threads // groups)
        yield [_LabelStream(folder, item, words, lazy=lazy) for item, lazy in large[group::groups]]


@final
class ClipReader:
    """A checked clip folder; images are decoded only when asked for."""

    def __init__(self, path: Path, *, deep: bool = False) -> None:
        record = read_record(path, deep=deep)
        self.path = path
        self.meta: ClipMeta = record.meta
        self.num_frames: int = record.num_frames
        self.channels: tuple[str, ...] = record.channels
        self._has_high_ids = INSTANCE_HIGH.file in record.files
        self._labels: tuple[ObjectLabel, ...] | None = None

    @property
    def camera(self) -> Camera:
        """The view the clip was taken from; of one that moves, at rest."""
        return self.meta.camera

    def camera_at(self, frame: int) -> Camera:
        """The view at one frame: as `camera`, turned if the camera moves."""
        quats = self.meta.camera_quats
        return self.camera.turned(quats[frame]) if quats else self.camera

    @property
    def events(self) -> tuple[Event, ...]:
        """Events in clip time."""
        return self.meta.events

    def labels(self) -> tuple[ObjectLabel, ...]:
        """Return every object label, by frame.

        Raises:
            StoreError: If the table is damaged.
        """
        if self._labels is None:
            self._labels = read_labels(self.path / TRACKS_FILE)
        return self._labels

    def labels_by_frame(self) -> tuple[tuple[ObjectLabel, ...], ...]:
        """Return the labels of each frame."""
        out: list[list[ObjectLabel]] = [[] for _ in range(self.num_frames)]
        for label in self.labels():
            out[label.frame].append(label)
        return tuple(tuple(labels) for labels in out)

    def channel(self, name: str, *, start: int = 0) -> Iterator[NDArray[Any]]:
        """Yield one channel from frame `start` on, shaped and typed as in `core.clip.Frame`.

        Raises:
            ConfigError: If the clip has no such channel.
            FormatError: If the file is damaged.
        """
        if name not in self.channels:
            raise ConfigError(f"{self.path}: no channel {name!r}{nearest(name, self.channels)}")
        if name == "rgb":
            return iter(read_frames(self.path / RGB_FILE, "rgb24", start=start))
        if name == "instance_id":
            return self._instances(start)
        return self._decoded(LOSSLESS[name], start)

    def frame(self, index: int) -> Frame:
        """Return all channels of one frame.

        Raises:
            IndexError: If the clip is shorter.
        """
        if not 0 <= index < self.num_frames:
            raise IndexError(f"{self.path}: frame {index} of {self.num_frames}")
        return next(self.frames(start=index))

    def frames(self, *, start: int = 0) -> Iterator[Frame]:
        """Yield frames with all channels from frame `start` on.

        Raises:
            ConfigError: If the clip was written without some channel.
        """
        sources = [self.channel(name, start=start) for name in CHANNELS]
        for arrays in zip(*sources, strict=True):
            yield Frame(**dict(zip(CHANNELS, arrays, strict=True)))

    def _decoded(self, channel: Channel, start: int) -> Iterator[NDArray[Any]]:
        for planes in read_frames(self.path / channel.file, channel.pixels, start=start):
            yield channel.decode(planes)

    def _instances(self, start: int) -> Iterator[NDArray[Any]]:
        low = self._decoded(INSTANCE_LOW, start)
        if not self._has_high_ids:
            return low
        high = self._decoded(INSTANCE_HIGH, start)
        return (below | above for below, above in zip(low, high, strict=True))


def open_clip(path: Path, *, deep: bool = False) -> ClipReader:
    """Open a clip folder: presence and size of its files are checked, content too if `deep`.

    Raises:
        StoreError: If the folder is incomplete, damaged or newer than this program.
    """
    return ClipReader(path, deep=deep)
