"""A clip as parts of a chat message: JPEG pictures or one MP4, base64 in data addresses.

Proved in `tests/evaluate/judge/test_media.py` by decoding what is sent.
"""

# PyAV's stubs leave encoders open.
# pyright: reportUnknownMemberType=false, reportAttributeAccessIssue=false

import base64
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from jaxtyping import UInt8

from rareworld.data.video import RgbWriter, frame_rate

Clip = UInt8[np.ndarray, "t h w 3"]


def media_parts(
    clip: UInt8[np.ndarray, "t h w 3"],
    fps: float,
    *,
    send: Literal["frames", "video"],
    max_frames: int,
    quality: int,
) -> list[dict[str, Any]]:
    """Return the message parts that show a clip; odd sides lose a pixel."""
    even = clip[:, : clip.shape[1] // 2 * 2, : clip.shape[2] // 2 * 2]
    if send == "video":
        return [{"type": "video_url", "video_url": {"url": _data("video/mp4", _mp4(even, fps))}}]
    places = np.linspace(0, len(even) - 1, min(len(even), max_frames)).round().astype(int)
    pictures = [_data("image/jpeg", jpeg(even[at], quality)) for at in places]
    return [{"type": "image_url", "image_url": {"url": picture}} for picture in pictures]


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def jpeg(picture: UInt8[np.ndarray, "h w 3"], quality: int) -> bytes:
    """Return a picture with even sides as JPEG (4:2:0); `quality` 1 is best, 31 worst."""
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin = encoder.qmax = quality
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    full_range = frame.reformat(format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG")
    packets = [*encoder.encode(full_range), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def _mp4(clip: UInt8[np.ndarray, "t h w 3"], fps: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with RgbWriter(path, frame_rate(fps)) as writer:
            for frame in clip:
                writer.write(np.ascontiguousarray(frame))
        return path.read_bytes()
