"""Tiny videos whose pixels tell the number of each frame, and datasets made of them."""

import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8

from rareworld.data.video import RgbWriter, VideoInfo
from rareworld.train.data.clips import ClipItem

WIDTH, HEIGHT = 128, 64
BITS = 8
NTSC = Fraction(30000, 1001)


def numbered(index: int, width: int = WIDTH, height: int = HEIGHT) -> UInt8[np.ndarray, "h w 3"]:
    """Return a frame of 8 upright bands, the bits of its number, the highest on the left."""
    bits = [(index >> bit) & 1 for bit in reversed(range(BITS))]
    row = np.repeat(np.array(bits, np.uint8) * 255, width // BITS)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (height, width, 3)))


def number_of(frame: UInt8[np.ndarray, "h w 3"]) -> int:
    """Read the number back, from the middle of each band."""
    width = frame.shape[1] // BITS
    middle = frame[frame.shape[0] // 2, width // 2 :: width, 1][:BITS]
    return int("".join("1" if value > 127 else "0" for value in middle), 2)


def write_video(
    path: Path,
    count: int,
    rate: Fraction = Fraction(30),
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Path:
    """Write frames 0, 1, ... of a rate; of none, an empty file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not count:
        path.touch()
        return path
    with RgbWriter(path, rate) as writer:
        for index in range(count):
            writer.write(numbered(index, *size))
    return path


def write_void_video(path: Path) -> Path:
    """Write a video stream without a single frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    return path


def write_odd_video(
    path: Path,
    stamps: Iterable[int],
    *,
    clock: int = 600,
    codec: Literal["libx264", "mpeg4"] = "libx264",
    pixel: Fraction | None = None,
    turned: int = 0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Path:
    """Write frames 0, 1, ... at given ticks of a clock, with long pixels or to be turned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"g": "10", "bf": "1"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, clock)
        if pixel is not None:
            stream.codec_context.sample_aspect_ratio = pixel
        if turned:
            stream.set_display_rotation(turned)
        for index, stamp in enumerate(stamps):
            frame = VideoFrame.from_ndarray(numbered(index, *size), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, clock)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def info_of(
    num_frames: int = 186, rate: Fraction = Fraction(30), size: tuple[int, int] = (1920, 1080)
) -> VideoInfo:
    """Return what a probe says of a video that is not there."""
    width, height = size
    return VideoInfo(
        width=width, height=height, rate=rate, num_frames=num_frames, codec="h264", pixels="yuv420p"
    )


def item_of(
    name: str = "0/a", group: str = "g", video: Path = Path("a.mp4"), info: VideoInfo | None = None
) -> ClipItem:
    """Return a clip that is not there, or the one of a video."""
    return ClipItem(
        name=name,
        source=int(name.split("/")[0]),
        group=group,
        video=video,
        caption="A car.",
        info=info or info_of(),
    )


def write_metas(root: Path, names: Sequence[str], count: int = 0) -> Path:
    """Write a Predict2 directory; unless told otherwise its videos are not opened."""
    (root / "metas").mkdir(parents=True)
    (root / "t5_xxl").mkdir()
    for name in names:
        write_video(root / "videos" / f"{name}.mp4", count)
        (root / "metas" / f"{name}.txt").write_text(f"Clip {name}.\n", encoding="utf-8")
    return root


def write_captions(root: Path, names: Sequence[str], count: int = 0) -> Path:
    """Write a Predict2.5 directory."""
    (root / "captions").mkdir(parents=True)
    for name in names:
        write_video(root / "videos" / f"{name}.mp4", count)
        texts = {kind: f"{kind} {name}" for kind in ("long", "short", "medium")}
        (root / "captions" / f"{name}.json").write_text(json.dumps({"qwen": texts}))
    return root


def write_clip(folder: Path, recording: str | None = None, count: int = 0) -> Path:
    """Write what training reads of a clip folder of ours."""
    write_video(folder / "rgb.mp4", count)
    parents = {"parents": {"recording": recording}} if recording else {}
    (folder / "clip.json").write_text(json.dumps({"provenance": parents}))
    (folder / "caption.json").write_text(json.dumps({"caption": f"Seen at {folder.name}."}))
    return folder
