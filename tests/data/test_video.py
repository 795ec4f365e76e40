"""Claims about video files."""

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.seed import Seed
from rareworld.data.video import (
    H264,
    LosslessWriter,
    MaskWriter,
    PlaneEncoder,
    RgbWriter,
    frame_rate,
    probe,
    read_frames,
)
from rareworld.errors import ConfigError, FormatError, StoreError

NTSC = Fraction(30000, 1001)
COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (200, 30, 60),
    (90, 91, 92),
]


def noise(index: int, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    top = np.iinfo(dtype).max
    return Seed(3).child("noise", index).generator().integers(0, top + 1, shape, dtype)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (30.0, Fraction(30)),
        (30000 / 1001, NTSC),
        (12.5, Fraction(25, 2)),
        (29.97, Fraction(2997, 100)),
    ],
)
def test_rate_behind_a_float_is_exact(fps: float, rate: Fraction) -> None:
    assert frame_rate(fps) == rate


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan")])
def test_impossible_rate_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        frame_rate(fps)


@pytest.mark.parametrize("colour", COLOURS)
def test_solid_colours_survive_h264_within_2_of_255(
    tmp_path: Path, colour: tuple[int, int, int]
) -> None:
    frame = np.full((96, 128, 3), colour, np.uint8)
    with RgbWriter(tmp_path / "a.mp4", Fraction(30)) as writer:
        for _ in range(4):
            writer.write(frame)
    frames = list(read_frames(tmp_path / "a.mp4", "rgb24"))
    assert len(frames) == 4
    assert np.abs(np.array(frames).astype(int) - frame).max() <= 2


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (16, np.uint16)])
@pytest.mark.parametrize("shape", [(37, 53), (2, 24, 31)])
def test_ffv1_is_lossless_on_noise(tmp_path: Path, bits, dtype, shape: tuple[int, ...]) -> None:
    frames = [noise(i, shape, dtype) for i in range(4)]
    with LosslessWriter(tmp_path / "a.mkv", PlaneEncoder(Fraction(30), bits)) as writer:
        for frame in frames:
            writer.write(frame)
    pixels = "gray" if bits == 8 else "gray16le"
    back = [frame.reshape(shape) for frame in read_frames(tmp_path / "a.mkv", pixels)]
    np.testing.assert_array_equal(back, frames)


@pytest.mark.parametrize("rate", [Fraction(30), NTSC, Fraction(10), Fraction(120)])
@pytest.mark.parametrize("start", [0, 1, 37, 69])
def test_jumping_gives_the_frame_asked_for(tmp_path: Path, rate: Fraction, start: int) -> None:
    with (
        LosslessWriter(tmp_path / "a.mkv", PlaneEncoder(rate, 16)) as labels,
        RgbWriter(tmp_path / "a.mp4", rate) as colour,
    ):
        for index in range(70):
            labels.write(np.full((16, 16), index * 900, np.uint16))
            colour.write(np.full((32, 32, 3), index * 3, np.uint8))
    codes = [int(frame[0, 0]) for frame in read_frames(tmp_path / "a.mkv", "gray16le", start=start)]
    assert codes == [index * 900 for index in range(start, 70)]
    greys = [frame.mean() / 3 for frame in read_frames(tmp_path / "a.mp4", "rgb24", start=start)]
    np.testing.assert_allclose(greys, np.arange(start, 70), atol=0.7)


def test_mask_video_is_black_and_white(tmp_path: Path) -> None:
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    with MaskWriter(tmp_path / "a.mp4", NTSC) as writer:
        writer.write(mask)
    back = next(iter(read_frames(tmp_path / "a.mp4", "rgb24")))
    assert np.abs(back.astype(int) - 255 * mask[..., None]).max() <= 4


def write_all(folder: Path) -> dict[str, str]:
    with (
        RgbWriter(folder / "a.mp4", NTSC) as colour,
        MaskWriter(folder / "b.mp4", NTSC) as mask,
        LosslessWriter(folder / "c.mkv", PlaneEncoder(NTSC, 16)) as labels,
    ):
        for index in range(6):
            colour.write(noise(index, (64, 80, 3), np.uint8))
            mask.write(noise(index, (64, 80), np.uint8) > 128)
            labels.write(noise(index, (64, 80), np.uint16))
    files = sorted(folder.iterdir())
    return {item.name: hashlib.sha256(item.read_bytes()).hexdigest() for item in files}


def test_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        sums.append(write_all(tmp_path / name))
    assert sums[0] == sums[1]
    assert len(sums[0]) == 3


def test_small_pictures_give_the_same_bytes_every_time(tmp_path: Path) -> None:
    """With x264's macroblock tree on, about every third run differed."""
    found = set()
    for attempt in range(20):
        rubbish = [noise(attempt, (size,), np.uint8) for size in (3000, 9216, 20000)]
        del rubbish
        with RgbWriter(tmp_path / "a.mp4", Fraction(30)) as writer:
            for index in range(5):
                frame = np.full((48, 64, 3), 90, np.uint8)
                frame[24:34, 10 + 3 * index : 26 + 3 * index] = (200, 40, 30)
                writer.write(frame)
        found.add((tmp_path / "a.mp4").read_bytes())
    assert len(found) == 1


def test_probe_tells_size_rate_and_length(tmp_path: Path) -> None:
    write_all(tmp_path)
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height, info.rate, info.num_frames) == (80, 64, NTSC, 6)
    assert (info.codec, info.pixels) == ("h264", "yuv420p")
    assert info.duration_s == pytest.approx(6 * 1001 / 30000)
    labels = probe(tmp_path / "c.mkv")
    assert (labels.rate, labels.num_frames, labels.codec, labels.pixels) == (
        NTSC,
        6,
        "ffv1",
        "gray16le",
    )


def test_odd_sides_are_refused_with_a_remedy(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="even sides, got 33 x 32; choose an even"),
        RgbWriter(tmp_path / "a.mp4", NTSC) as writer,
    ):
        writer.write(np.zeros((32, 33, 3), np.uint8))


@pytest.mark.parametrize("content", [None, b"", b"not a video at all"])
def test_bad_video_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=r"a.mp4: cannot be read as video"):
        list(read_frames(path, "rgb24"))
    with pytest.raises(FormatError, match=r"a.mp4: cannot be read as video"):
        probe(path)


def test_missing_folder_is_a_store_error(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="cannot be written"),
        LosslessWriter(tmp_path / "no" / "a.mkv", PlaneEncoder(NTSC, 8)) as writer,
    ):
        writer.write(np.zeros((16, 16), np.uint8))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's always-full device")
def test_full_disk_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.symlink_to("/dev/full")

    def fill() -> None:
        with LosslessWriter(path, PlaneEncoder(NTSC, 16)) as writer:
            for index in range(40):
                writer.write(noise(index, (64, 64), np.uint16))

    with pytest.raises(StoreError, match=r"No space left.*free some space"):
        fill()


def test_encoder_options_are_typed() -> None:
    options = H264(crf=20).options()
    assert (options["crf"], options["preset"], options["g"]) == ("20", "veryfast", "30")
    with pytest.raises(ConfigError, match="crf"):
        H264.parse({"crf": 99})
    with pytest.raises(ConfigError, match="did you mean 'preset'"):
        H264.parse({"presets": "fast"})
