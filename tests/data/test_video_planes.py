"""Claims about lossless files of several planes and the encoder they share."""

import contextlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from rareworld.core.clip import Frame
from rareworld.core.seed import Seed
from rareworld.data.channels import CHANNELS, INSTANCE_HIGH, INSTANCE_LOW, LOSSLESS
from rareworld.data.video import (
    H264,
    LosslessWriter,
    MaskWriter,
    PlaneEncoder,
    RgbWriter,
    probe,
    read_frames,
)
from rareworld.errors import FormatError, StoreError

RATE = Fraction(30)
TYPES = {8: np.uint8, 16: np.uint16}
PIXELS = {8: "gray", 16: "gray16le"}


def noise(index: int, shape: tuple[int, ...], bits: int = 16) -> np.ndarray:
    """Random codes."""
    random = Seed(11).child("planes", index).generator()
    return random.integers(0, 1 << bits, shape, TYPES[bits])


def write(path: Path, frames: list[np.ndarray], encoder: PlaneEncoder) -> bytes:
    """Write one file; return its bytes."""
    with LosslessWriter(path, encoder) as writer:
        for frame in frames:
            writer.write(frame)
    return path.read_bytes()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planes", [1, 2, 3])
def test_planes_come_back_bit_for_bit(tmp_path: Path, bits: Literal[8, 16], planes: int) -> None:
    shape = (24, 31) if planes == 1 else (planes, 24, 31)
    frames = [noise(index, shape, bits) for index in range(3)]
    write(tmp_path / "a.mkv", frames, PlaneEncoder(RATE, bits))
    back = list(read_frames(tmp_path / "a.mkv", PIXELS[bits]))
    np.testing.assert_array_equal(back, frames)
    assert back[0].dtype == TYPES[bits]


@pytest.mark.parametrize("bits", [8, 16])
def test_shared_encoder_gives_the_bytes_of_an_own_one(tmp_path: Path, bits: Literal[8, 16]) -> None:
    shared = PlaneEncoder(RATE, bits)
    films = [[noise(10 * k + i, (2, 32, 48), bits) for i in range(5)] for k in range(3)]
    for number, frames in enumerate(films):
        together = write(tmp_path / f"{number}.mkv", frames, shared)
        alone = write(tmp_path / f"{number}-own.mkv", frames, PlaneEncoder(RATE, bits))
        assert together == alone


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("threads", [2, 3, 4, 16])
def test_slices_on_several_threads_give_the_same_bytes(
    tmp_path: Path, bits: Literal[8, 16], threads: int
) -> None:
    frames = [noise(i, (2, 96, 128), bits) for i in range(5)]
    many = write(tmp_path / "many.mkv", frames, PlaneEncoder(RATE, bits, threads=threads))
    assert many == write(tmp_path / "one.mkv", frames, PlaneEncoder(RATE, bits))


def test_shared_encoder_may_serve_files_in_turns(tmp_path: Path) -> None:
    shared = PlaneEncoder(RATE, 16)
    names = ("a", "b")
    writers = [LosslessWriter(tmp_path / f"{name}.mkv", shared) for name in names]
    for index in range(4):
        for k, writer in enumerate(writers):
            writer.write(noise(100 * k + index, (16, 16)))
    for writer in writers:
        writer.close()
    for k, name in enumerate(names):
        back = list(read_frames(tmp_path / f"{name}.mkv", "gray16le"))
        np.testing.assert_array_equal(back, [noise(100 * k + i, (16, 16)) for i in range(4)])


def test_every_plane_is_a_video_of_its_own_for_other_programs(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", [noise(0, (2, 24, 32))] * 3, PlaneEncoder(RATE, 16))
    info = probe(tmp_path / "a.mkv")
    assert (info.width, info.height, info.num_frames) == (32, 24, 3)


@pytest.mark.parametrize("start", [0, 1, 4])
def test_jump_gives_both_planes_of_the_frame(tmp_path: Path, start: int) -> None:
    frames = [noise(index, (2, 16, 16)) for index in range(6)]
    write(tmp_path / "a.mkv", frames, PlaneEncoder(RATE, 16))
    back = list(read_frames(tmp_path / "a.mkv", "gray16le", start=start))
    np.testing.assert_array_equal(back, frames[start:])


def test_plane_of_another_size_is_refused(tmp_path: Path) -> None:
    with LosslessWriter(tmp_path / "a.mkv", PlaneEncoder(RATE, 16)) as writer:
        writer.write(noise(0, (16, 16)))
        with pytest.raises(ValueError, match="plane is 20 x 16, the first was 16 x 16"):
            writer.write(noise(0, (16, 20)))


def test_number_of_planes_may_not_change(tmp_path: Path) -> None:
    with LosslessWriter(tmp_path / "a.mkv", PlaneEncoder(RATE, 16)) as writer:
        writer.write(noise(0, (2, 16, 16)))
        with pytest.raises(ValueError, match="zip"):
            writer.write(noise(0, (16, 16)))


def test_views_and_slices_are_written_as_they_look(tmp_path: Path) -> None:
    whole = noise(0, (40, 60))
    views = [whole[::2, ::2], whole[:20, 30:], whole.T[:20, :30].copy()]
    write(tmp_path / "a.mkv", views, PlaneEncoder(RATE, 16))
    np.testing.assert_array_equal(list(read_frames(tmp_path / "a.mkv", "gray16le")), views)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_file_cut_short_gives_frames_or_a_named_error_but_no_wrong_ones(
    tmp_path: Path, share: float
) -> None:
    frames = [noise(index, (2, 32, 32)) for index in range(8)]
    content = write(tmp_path / "a.mkv", frames, PlaneEncoder(RATE, 16))
    (tmp_path / "a.mkv").write_bytes(content[: int(share * len(content))])
    read = read_frames(tmp_path / "a.mkv", "gray16le")
    found: list[np.ndarray] = []
    with contextlib.suppress(FormatError):
        found.extend(read)
    assert len(found) < 8
    for frame, wanted in zip(found, frames, strict=False):
        np.testing.assert_array_equal(frame, wanted)


@pytest.mark.parametrize("kind", ["rgb", "mask", "label"])
def test_writer_without_frames_leaves_no_readable_video(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.mkv" if kind == "label" else "a.mp4")
    makers = {
        "rgb": lambda: RgbWriter(path, RATE),
        "mask": lambda: MaskWriter(path, RATE),
        "label": lambda: LosslessWriter(path, PlaneEncoder(RATE, 8)),
    }
    makers[kind]().close()
    with pytest.raises(FormatError, match="cannot be read as video"):
        probe(path)


@pytest.mark.parametrize(("preset", "in_a_row"), [("ultrafast", 0), ("veryfast", 1), ("slow", 1)])
def test_frames_held_back_by_the_encoder_are_few(preset: str, in_a_row: int) -> None:
    options = H264.parse({"preset": preset}).options()
    assert options["x264-params"] == f"mbtree=0:bframes={in_a_row}"


# the table of channels


def test_every_channel_is_a_field_of_a_frame() -> None:
    assert sorted(CHANNELS) == sorted(Frame.__dataclass_fields__)


def test_every_channel_has_its_own_file() -> None:
    files = [item.file for item in (*LOSSLESS.values(), INSTANCE_LOW, INSTANCE_HIGH)]
    assert len(set(files)) == len(files) == 7


@pytest.mark.parametrize("item", [*LOSSLESS.values(), INSTANCE_LOW, INSTANCE_HIGH])
def test_codes_have_the_bits_and_planes_stated(item) -> None:
    shape = (6, 8)
    frame = Frame(
        rgb=np.zeros((*shape, 3), np.uint8), depth_m=np.ones(shape, np.float32),
        normal=np.full((*shape, 3), (0, 0, -1), np.float32), class_id=np.ones(shape, np.uint8),
        instance_id=np.full(shape, 70_000, np.uint32), edges=np.ones(shape, bool),
        flow_px=np.ones((*shape, 2), np.float32),
    )  # fmt: skip
    codes = item.encode(item.pick(frame))
    assert codes.dtype == TYPES[item.bits]
    assert codes.shape == (shape if item.planes == 1 else (2, *shape))
    assert item.pixels == PIXELS[item.bits]
    assert item.decode(codes).shape[:2] == shape


def test_words_of_an_id_make_the_id() -> None:
    ids = np.array([[0, 1, 65535, 65536, 3_000_000_007, 2**32 - 1]], np.uint32)
    low, high = (item.decode(item.encode(ids)) for item in (INSTANCE_LOW, INSTANCE_HIGH))
    np.testing.assert_array_equal(low | high, ids)


MEMORY = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from rareworld.data.video import LosslessWriter, PlaneEncoder
shared, folder = PlaneEncoder(Fraction(30), 16), Path(sys.argv[1])
planes = np.zeros((2, 1080, 1920), np.uint16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
writers = [LosslessWriter(folder / f"{k}.mkv", shared) for k in range(3)]
for _ in range(3):
    for writer in writers:
        writer.write(planes)
for writer in writers:
    writer.close()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_three_files_of_two_planes_in_1080p_cost_the_memory_of_one_plane(tmp_path: Path) -> None:
    """libav clears 83 MB for a 16-bit plane; an encoder per file and stack would take 500 MB."""
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(said) < 150


def test_missing_folder_is_named_by_every_writer(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a.mp4"
    with pytest.raises(StoreError, match=r"no/a\.mp4: cannot be written"):
        write_one(RgbWriter(path, RATE), np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(StoreError, match=r"no/a\.mp4: cannot be written"):
        write_one(MaskWriter(path, RATE), np.zeros((16, 16), bool))


def write_one(writer: RgbWriter | MaskWriter, frame: np.ndarray) -> None:
    """Write a video of one frame."""
    with writer:
        writer.write(frame)
