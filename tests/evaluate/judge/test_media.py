"""What is sent is what was shown."""

import base64
import io

import av
import numpy as np
import pytest
from PIL import Image

from rareworld.evaluate.judge.media import jpeg, media_parts


def clip(frames=9, size=(48, 64)):
    y, x = np.mgrid[: size[0], : size[1]]
    pictures = [
        np.stack([120 + 80 * np.sin((x + 3 * k) / 9), 100 + y, 200 - x], axis=-1)
        for k in range(frames)
    ]
    return np.clip(np.round(pictures), 0, 255).astype(np.uint8)


def content(part, kind):
    url = part[part["type"]]["url"]
    head, _, data = url.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(data)


def opened(data):
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(("quality", "error"), [(1, 3.0), (4, 4.0), (20, 12.0)])
def test_jpegs_show_the_picture(quality, error):
    picture = clip()[0]
    off = np.abs(opened(jpeg(picture, quality)).astype(float) - picture)
    assert off.mean() < error


@pytest.mark.parametrize(
    ("most", "places"), [(3, [0, 4, 8]), (9, range(9)), (50, range(9)), (1, [0])]
)
def test_frames_are_spread_evenly_from_the_first_to_the_last(most, places):
    frames = clip()
    parts = media_parts(frames, 8.0, send="frames", max_frames=most, quality=2)
    assert len(parts) == len(places)
    for part, place in zip(parts, places, strict=True):
        assert part["type"] == "image_url"
        shown = opened(content(part, "image/jpeg")).astype(float)
        errors = [np.abs(shown - frame).mean() for frame in frames]
        assert int(np.argmin(errors)) == place


def test_odd_sides_lose_a_pixel():
    (part,) = media_parts(clip(size=(49, 65)), 8.0, send="frames", max_frames=1, quality=2)
    assert opened(content(part, "image/jpeg")).shape == (48, 64, 3)


def test_a_video_holds_every_frame_at_its_rate():
    frames = clip()
    (part,) = media_parts(frames, 8.0, send="video", max_frames=4, quality=2)
    with av.open(io.BytesIO(content(part, "video/mp4"))) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 8
    assert len(shown) == len(frames)
    assert np.abs(shown[-1].astype(float) - frames[-1]).mean() < 8
