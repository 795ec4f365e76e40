"""Mismatches: each is named when it is there, by its own name, and none when sets agree."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import UInt8
from PIL import Image

from rareworld.core.seed import Seed
from rareworld.evaluate.mismatch import compare, mixed
from rareworld.evaluate.sets import open_clips
from rareworld.evaluate.survey import Survey, survey
from tests.evaluate.standin import pictures, write_video

Frames = UInt8[np.ndarray, "t h w 3"]
SIZE = (96, 160)
CLIPS = 4


def _survey(folder: Path, label: str, clips: Iterable[Frames], **more: float) -> Survey:
    for index, frames in enumerate(clips):
        write_video(folder / f"{index}.mp4", frames, **more)  # pyright: ignore[reportArgumentType]
    return survey(open_clips(folder, label), Seed(0))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    clips = [pictures(seed, 8, SIZE) for seed in range(CLIPS)]
    return _survey(tmp_path_factory.mktemp("real"), "real", clips)


def _scaled(frames: Frames) -> Frames:
    out = []
    for frame in frames:
        small = Image.fromarray(frame).resize((64, 40), Image.Resampling.BICUBIC)
        out.append(np.asarray(small.resize(SIZE[::-1], Image.Resampling.BICUBIC)))
    return np.stack(out)


def _blurred(frames: Frames) -> Frames:
    wide = frames.astype(np.float64)
    for axis in (1, 2):
        wide = (np.roll(wide, 1, axis) + 2 * wide + np.roll(wide, -1, axis)) / 4
    return wide.astype(np.uint8)


def _barred(frames: Frames) -> Frames:
    out = frames.copy()
    out[:, :12], out[:, -12:] = 0, 0
    return out


def _jpegs(frames: Frames) -> Frames:
    import io

    out = []
    for frame in frames:
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "JPEG", quality=12)
        out.append(np.asarray(Image.open(stream)))
    return np.stack(out)


def _same(frames: Frames) -> Frames:
    return frames


def _tall(frames: Frames) -> Frames:
    return np.ascontiguousarray(frames.swapaxes(1, 2))


@pytest.mark.parametrize(
    ("change", "options", "kinds", "words"),
    [
        (_same, {}, set(), ""),
        (_same, {"rate": 16}, {"rate", "length"}, "8 fps, generated 16"),
        (_same, {"crf": 40}, {"detail", "compression"}, "bits per pixel"),
        (_scaled, {}, {"detail"}, "less fine detail"),
        (_blurred, {}, {"detail"}, "generated clips have"),
        (_barred, {}, {"bars"}, "top 0 % and 12 %, bottom 0 % and 12 %"),
        (_jpegs, {"crf": 1}, {"blocking"}, "8-pixel grid"),
        (lambda f: f[:, :80, :128], {}, {"size"}, "160x96, generated 128x80"),
        (_tall, {}, {"size"}, "shapes differ"),
        (lambda f: f[:4], {}, {"length"}, "last 1.00 s, generated 0.50 s"),
    ],
)
def test_a_difference_is_named(
    change: Callable[[Frames], Frames], options: dict[str, float], kinds: set[str], words: str,
    real: Survey, tmp_path: Path,
) -> None:  # fmt: skip
    clips = [change(pictures(50 + seed, 8, SIZE)) for seed in range(CLIPS)]
    found = compare(real, _survey(tmp_path, "generated", clips, **options))
    named = {item.kind for item in found}
    assert kinds <= named, found
    assert not named - kinds - {"compression", "detail"} if kinds else not named, found
    assert words in " ".join(map(str, found))


def test_where_detail_breaks_off_is_told(real: Survey, tmp_path: Path) -> None:
    made = _survey(tmp_path, "generated", [_scaled(pictures(s, 4, SIZE)) for s in range(3)], crf=5)
    (found,) = [item for item in compare(real, made) if item.kind == "detail"]
    assert "generated clips have" in found.text
    assert "breaking off at" in found.text


def test_mixed_sizes_and_rates_inside_a_set_are_named(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", pictures(0, 4), 8)
    write_video(tmp_path / "b.mp4", pictures(1, 4), 8)
    write_video(tmp_path / "c.mp4", pictures(2, 4, (64, 64)), 25)
    size, rate = mixed(survey(open_clips(tmp_path, "real"), Seed(0)))
    assert str(size).startswith("size: real clips are mixed: 64x48 (2), 64x64 (1)")
    assert "8 fps (2), 25 fps (1)" in rate.text


def test_a_uniform_set_is_not_mixed(real: Survey) -> None:
    assert mixed(real) == ()


def test_nothing_is_said_of_a_set_nobody_could_look_at(real: Survey) -> None:
    assert compare(real, Survey(label="generated", clips=3, looks=())) == ()
