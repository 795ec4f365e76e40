"""Claims about clip folders that are damaged, and about writers that are stopped half way."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rareworld.data import clip as clip_module
from rareworld.data.clip import ClipConfig, ClipWriter, open_clip
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.jsontext import dump_json, sha256_file
from rareworld.data.video import LosslessWriter
from rareworld.errors import FormatError, StoreError
from tests.data.data_samples import HEIGHT, NUM_FRAMES, WIDTH, make_frame, make_label

FILES = (
    "rgb.mp4", "edges.mp4", "class.mkv", "depth.mkv", "normal.mkv", "flow.mkv", "edges.mkv",
    "instance.mkv", "tracks.parquet", "signals.parquet", "events.json", "caption.json",
)  # fmt: skip


def write(path: Path, meta: ClipMeta, **options: object) -> Path:
    """Write a whole clip."""
    with ClipWriter(path, meta, **options) as writer:
        for index in range(NUM_FRAMES):
            writer.write(make_frame(index), [make_label(index)])
    return path


@pytest.fixture
def clip(tmp_path: Path, meta: ClipMeta) -> Path:
    return write(tmp_path / "clip", meta)


def change(path: Path, name: str, edit: Callable[[dict], object]) -> None:
    """Edit one of the folder's JSON files in place."""
    values = json.loads((path / name).read_text())
    edit(values)
    (path / name).write_text(dump_json(values))


def readmit(path: Path, name: str) -> None:
    """Make the list of files agree with a file again, so that deeper checks are met."""
    facts = {"bytes": (path / name).stat().st_size, "sha256": sha256_file(path / name)}
    change(path, "clip.json", lambda values: values["files"].update({name: facts}))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_missed(clip: Path, name: str) -> None:
    (clip / name).unlink()
    with pytest.raises(StoreError, match=rf"clip/{name}: is missing; .* make it again"):
        open_clip(clip)


@pytest.mark.parametrize("name", FILES)
def test_every_file_cut_short_is_noticed(clip: Path, name: str) -> None:
    size = (clip / name).stat().st_size
    os.truncate(clip / name, size - 1)
    with pytest.raises(StoreError, match=rf"clip/{name}: has {size - 1} bytes, {size} were"):
        open_clip(clip)


@pytest.mark.parametrize("name", FILES)
def test_one_wrong_byte_in_any_file_is_noticed_by_deep_checks(clip: Path, name: str) -> None:
    content = bytearray((clip / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (clip / name).write_bytes(content)
    with pytest.raises(StoreError, match=rf"clip/{name}: content differs from its checksum"):
        open_clip(clip, deep=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[1]", "expected an object"),
        (b"\xff\xfe", "not valid JSON"),
        (b"{}", "kind must be 'rareworld.clip', found None"),
        (b'{"kind": "rareworld.clip"}', "schema_version must be a positive integer, found None"),
        (b'{"kind": "rareworld.clip", "schema_version": 0}', "positive integer, found 0"),
        (b'{"kind": "rareworld.clip", "schema_version": 1}', "field 'files' is missing"),
    ],
)
def test_broken_index(clip: Path, content: bytes, said: str) -> None:
    (clip / "clip.json").write_bytes(content)
    with pytest.raises(StoreError, match=rf"clip\.json: .*{said}"):
        open_clip(clip)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("num_frames", "many", "field num_frames: .*found 'many'"),
        ("name", 3, "field name: .*found 3"),
        ("actors", [{"id": 1}], r"field actors\.0\.blueprint"),
        ("actors", "all", "field actors: .*found 'all'"),
        ("signals", [1], r"field signals\.0"),
        ("start_s", None, "field start_s: .*found None"),
        ("channels", [], "field channels"),
        ("provenance", 1, "field provenance"),
        ("files", {"rgb.mp4": 3}, r"field files\.rgb\.mp4"),
        ("camera", [], "field camera"),
    ],
)
def test_wrong_values_name_file_and_field(clip: Path, field: str, value: object, said: str) -> None:
    change(clip, "clip.json", lambda values: values.update({field: value}))
    with pytest.raises(StoreError, match=rf"clip/clip\.json: {said}"):
        open_clip(clip)


@pytest.mark.parametrize("field", ["num_frames", "camera", "fps", "actors", "signals", "channels"])
def test_missing_fields_are_named(clip: Path, field: str) -> None:
    change(clip, "clip.json", lambda values: values.pop(field))
    with pytest.raises(StoreError, match=rf"clip\.json: field '{field}' is missing"):
        open_clip(clip)


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "collisionn"), ("actors", "7"), ("start_s", "soon")]
)
def test_wrong_event_is_named(clip: Path, field: str, value: object) -> None:
    change(clip, "events.json", lambda values: values["events"][0].update({field: value}))
    readmit(clip, "events.json")
    with pytest.raises(StoreError, match=rf"events\.json: field events\.0\.{field}"):
        open_clip(clip)


def test_table_of_another_shape_is_named(clip: Path) -> None:
    table = pq.read_table(clip / "tracks.parquet")
    pq.write_table(table.drop_columns(["visible_px"]), clip / "tracks.parquet")
    readmit(clip, "tracks.parquet")
    with pytest.raises(StoreError, match=r"tracks\.parquet: column 'visible_px' is missing"):
        open_clip(clip).labels()


def test_table_of_another_type_is_named(clip: Path) -> None:
    table = pq.read_table(clip / "tracks.parquet")
    index = table.column_names.index("lamps")
    texts = table["lamps"].cast("string")
    pq.write_table(table.set_column(index, "lamps", texts), clip / "tracks.parquet")
    readmit(clip, "tracks.parquet")
    with pytest.raises(StoreError, match=r"column 'lamps' must hold uint32 .* found string"):
        open_clip(clip).labels()


def test_signal_table_of_other_signals_is_named(clip: Path) -> None:
    change(clip, "clip.json", lambda values: values.update(signals=["s1", "s9"]))
    with pytest.raises(StoreError, match=r"signals\.parquet: must hold 5 frames of signals"):
        open_clip(clip)


@pytest.mark.parametrize(("name", "channel"), [("depth.mkv", "depth_m"), ("rgb.mp4", "rgb")])
def test_video_that_is_none_is_named_when_it_is_read(clip: Path, name: str, channel: str) -> None:
    (clip / name).write_bytes(b"not a video" * 50)
    readmit(clip, name)
    with pytest.raises(FormatError, match=rf"clip/{name}: cannot be read as video"):
        list(open_clip(clip).channel(channel))


# writers that are stopped


def broken_at(index: int, failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the depth channel's encoder fail at a frame."""
    count = iter(range(1000))
    depth = clip_module.LOSSLESS["depth_m"]

    def encode(array: np.ndarray) -> np.ndarray:
        if next(count) == index:
            raise failure
        return depth.encode(array)

    table = clip_module.LOSSLESS | {"depth_m": replace(depth, encode=encode)}
    monkeypatch.setattr(clip_module, "LOSSLESS", table)


@pytest.mark.parametrize("index", [0, 2, NUM_FRAMES - 1])
def test_error_of_a_channel_at_any_frame_leaves_nothing(
    tmp_path: Path, meta: ClipMeta, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_at(index, MemoryError("no more"), monkeypatch)
    with pytest.raises(MemoryError, match="no more"):
        write(tmp_path / "clip", meta)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, ValueError])
def test_interrupt_between_frames_leaves_nothing(
    tmp_path: Path, meta: ClipMeta, failure: type[BaseException]
) -> None:
    def stop() -> None:
        with ClipWriter(tmp_path / "clip", meta) as writer:
            writer.write(make_frame(0), [])
            raise failure

    with pytest.raises(failure):
        stop()
    assert list(tmp_path.iterdir()) == []


def test_failed_replacement_keeps_the_old_clip(
    tmp_path: Path, meta: ClipMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "clip", meta)
    broken_at(1, ValueError("mine"), monkeypatch)
    with pytest.raises(ValueError, match="mine"):
        write(path, replace(meta, name="new"), replace=True)
    monkeypatch.undo()
    assert open_clip(path, deep=True).meta.name == "crossing"
    assert [item.name for item in tmp_path.iterdir()] == ["clip"]


def test_error_while_a_file_is_finished_leaves_nothing(
    tmp_path: Path, meta: ClipMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(self: LosslessWriter) -> None:
        self.abort()
        raise StoreError("disk gone")

    monkeypatch.setattr(LosslessWriter, "close", close)
    with pytest.raises(StoreError, match="disk gone"):
        write(tmp_path / "clip", meta)
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
    import resource, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from data_samples import HEIGHT, WIDTH, make_frame
    from rareworld.core.camera import Camera
    from rareworld.data.clip import ClipWriter
    from rareworld.data.clip_meta import ClipMeta
    camera = Camera.looking_at(
        "c", (0.0, -9.0, 7.0), (3.0, 2.0, 0.0), width=WIDTH, height=HEIGHT, hfov_rad=1.2
    )
    meta = ClipMeta(name="x", camera=camera, fps=30.0)
"""
FULL = """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    try:
        with ClipWriter(Path(sys.argv[1]), meta) as writer:
            for index in range(40):
                writer.write(make_frame(index % 5), [])
    except Exception as error:
        print(type(error).__name__, error)
"""
KILLED = """
    with ClipWriter(Path(sys.argv[1]), meta) as writer:
        writer.write(make_frame(0), [])
        print("ready", flush=True)
        sys.stdin.read()
"""


def program(script: str, path: Path) -> list[str]:
    """The command that runs a script of ours on a path."""
    text = textwrap.dedent(SCRIPT) + textwrap.dedent(script)
    return [sys.executable, "-c", text, str(path), str(Path(__file__).parent)]


def test_no_room_for_a_file_is_a_named_error_and_leaves_nothing(tmp_path: Path) -> None:
    command = program(FULL, tmp_path / "clip")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("StoreError "), said
    assert "cannot be written (File too large)" in said
    assert "nothing was left behind" in said
    assert list(tmp_path.iterdir()) == []


def test_killed_writer_leaves_no_clip_and_the_next_one_cleans_up(
    tmp_path: Path, meta: ClipMeta
) -> None:
    command = program(KILLED, tmp_path / "clip")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "clip").exists()
    assert [item.name.startswith(".clip.partial-") for item in tmp_path.iterdir()] == [True]
    write(tmp_path / "clip", meta)
    assert [item.name for item in tmp_path.iterdir()] == ["clip"]
    open_clip(tmp_path / "clip", deep=True)


@pytest.mark.parametrize(
    ("place", "said"),
    [("file/clip", "one part of the path is a file"), ("x" * 300, "choose a shorter name")],
)
def test_impossible_place_is_named_before_any_frame(
    tmp_path: Path, meta: ClipMeta, place: str, said: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=rf"cannot be written .*{said}"):
        write(tmp_path / place, meta)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_unwritable_folder_is_named(meta: ClipMeta) -> None:
    with pytest.raises(StoreError, match=r"/proc/clip: cannot be written"):
        write(Path("/proc/clip"), meta)


def test_closed_writer_holds_no_thread_and_no_file_open(tmp_path: Path, meta: ClipMeta) -> None:
    def held() -> list[str]:
        links = [item for item in Path("/proc/self/fd").iterdir() if item.is_symlink()]
        names = [str(item.resolve()) for item in links]
        return [name for name in names if name.startswith(str(tmp_path))]

    write(tmp_path / "clip", meta)
    assert held() == []
    assert not [item for item in threading.enumerate() if item.name.startswith("clip")]


def test_memory_is_bounded_whatever_the_length(tmp_path: Path, meta: ClipMeta) -> None:
    """Sixty times the frames of a short clip may not cost sixty times the memory."""
    frames = [make_frame(index) for index in range(NUM_FRAMES)]
    with ClipWriter(tmp_path / "warm", replace(meta, signals=())) as writer:
        writer.write(frames[0], [])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ClipWriter(tmp_path / "clip", replace(meta, signals=())) as writer:
        for index in range(300):
            writer.write(frames[index % NUM_FRAMES], [])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 300 * HEIGHT * WIDTH * 33


def test_unknown_encoder_options_are_explained() -> None:
    with pytest.raises(Exception, match=r"rgb\.crff.*did you mean 'crf'"):
        ClipConfig.parse({"rgb": {"crff": 3}})
