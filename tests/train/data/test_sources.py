"""The catalogue: several sources, split, with all that is wrong listed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rareworld.data.video import probe
from rareworld.errors import ConfigError, StoreError
from rareworld.train.config import DataConfig, SourceConfig
from rareworld.train.data.read import read_window
from rareworld.train.data.sources import read_catalogue
from rareworld.train.data.windows import windows_of
from tests.train.data.footage_samples import (
    number_of,
    write_captions,
    write_clip,
    write_metas,
    write_video,
    write_void_video,
)

SMALL = {"resolution": "64,128", "num_frames": (5,)}


def _config(*paths: Path | SourceConfig, **more: Any) -> DataConfig:
    sources = tuple(
        path if isinstance(path, SourceConfig) else SourceConfig(path=path) for path in paths
    )
    return DataConfig(sources=sources, **{**SMALL, "held_out": 0.0, **more})


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """A source of each layout, clips of 12 frames at 30 fps."""
    root = tmp_path_factory.mktemp("mix")
    names = [f"{index:04d}" for index in range(6)]
    for name in ("a", "b"):
        write_clip(root / "ours" / name, f"sum-{name}", 12)
    lines = [{"video": str(root / "two/videos/0003.mp4"), "name": "again", "caption": "Again."}]
    (root / "four.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return (
        write_metas(root / "one", names, 12),
        write_captions(root / "two", names, 12),
        root / "ours",
        root / "four.jsonl",
    )


def test_all_layouts_are_mixed_under_names_of_their_own(mix: tuple[Path, ...]) -> None:
    catalogue = read_catalogue(_config(*mix))
    names = [item.name for item in catalogue.train]
    assert names == [
        *(f"{source}/{index:04d}" for source in (0, 1) for index in range(6)),
        "2/a", "2/b", "3/again",
    ]  # fmt: skip
    assert [item.source for item in catalogue.train] == [0] * 6 + [1] * 6 + [2, 2, 3]
    assert not catalogue.rejected
    assert not catalogue.held_out
    for item in catalogue.train:
        assert item.info == probe(item.video)
        assert item.caption


def test_a_recording_is_held_out_of_every_source_that_has_it(mix: tuple[Path, ...]) -> None:
    """Clip `again` shows what `two/0003` shows."""
    config = _config(mix[0], SourceConfig(path=mix[1], held_out=1.0), SourceConfig(path=mix[3]))
    with pytest.raises(ConfigError, match=r"none|below 1"):
        read_catalogue(_config(SourceConfig(path=mix[1], held_out=1.0)))
    catalogue = read_catalogue(config)
    assert {item.name for item in catalogue.held_out} >= {"1/0003", "2/again"}
    assert {item.source for item in catalogue.train} == {0}


def test_shares_of_sources_go_before_the_common_one(mix: tuple[Path, ...]) -> None:
    config = _config(SourceConfig(path=mix[0], held_out=0.5), mix[2], held_out=0.0)
    catalogue = read_catalogue(config)
    assert {item.source for item in catalogue.held_out} == {0}
    assert {item.name for item in catalogue.train if item.source} == {"1/a", "1/b"}


def test_the_way_from_a_folder_to_pixels(mix: tuple[Path, ...]) -> None:
    config = _config(mix[0])
    (window,) = windows_of(read_catalogue(config).train[0], config, 0)
    numbers = [number_of(frame) for frame in read_window(window, config.fps)]
    first = round(window.start_s * 30)
    assert numbers[0] == first
    assert abs(numbers[-1] - first - 4 * 30 / 16) <= 0.5


def _spoil(root: Path) -> dict[str, tuple[Path, str]]:
    """Write clips that are wrong in every way; return file and words of each error."""
    names = ["cut", "empty", "good", "mute", "noise", "short", "unseen", "void"]
    write_metas(root, names, 12)
    videos, metas = root / "videos", root / "metas"
    content = (videos / "cut.mp4").read_bytes()
    (videos / "cut.mp4").write_bytes(content[: len(content) * 9 // 10])
    (videos / "empty.mp4").write_bytes(b"")
    (metas / "mute.txt").unlink()
    (videos / "noise.mp4").write_bytes(os.urandom(2000))
    write_video(videos / "short.mp4", 7)
    (videos / "unseen.mp4").unlink()
    write_void_video(videos / "void.mp4")
    return {
        "cut": (videos / "cut.mp4", "is cut off"),
        "empty": (videos / "empty.mp4", "is empty; copy or make it again"),
        "mute": (metas / "mute.txt", "is missing; write the clip's caption there"),
        "noise": (videos / "noise.mp4", "cannot be read as video"),
        "short": (videos / "short.mp4", "is too short: 7 frames at 30 fps fill 4 at 16 fps"),
        "unseen": (videos / "unseen.mp4", "put the video there"),
        "void": (videos / "void.mp4", "holds no video stream; give a video file"),
    }


def test_every_bad_clip_is_listed_with_its_file_and_the_rest_is_used(tmp_path: Path) -> None:
    wanted = _spoil(tmp_path / "d")
    catalogue = read_catalogue(_config(tmp_path / "d"))
    assert [item.name for item in catalogue.train] == ["0/good"]
    assert [item.name for item in catalogue.rejected] == [f"0/{name}" for name in wanted]
    for item in catalogue.rejected:
        path, words = wanted[item.name[2:]]
        assert item.path == path
        assert str(path) in item.error
        assert words in item.error


def test_a_source_of_which_nothing_is_left_is_an_error(
    tmp_path: Path, mix: tuple[Path, ...]
) -> None:
    root = write_metas(tmp_path / "d", ["a", "b", "c", "d"], count=3)
    with pytest.raises(ConfigError) as caught:
        read_catalogue(_config(mix[0], root))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"data.sources.1: {root}: none of its 4 clips can be used:"
    assert "a.mp4: is too short: 3 frames at 30 fps fill 2 at 16 fps" in lines[1]
    assert lines[4] == "  and 1 more"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sources": ()}, "data.sources: expected at least one dataset, found none"),
        ({"num_frames": (92,)}, "data.num_frames: lengths must be 4 n"),
        ({"resolution": "1080"}, "data.resolution: expected 720, 480"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_any_video_is_opened(
    mix: tuple[Path, ...], more: dict[str, Any], message: str
) -> None:
    opened: list[int] = []
    config = DataConfig(**{"sources": (SourceConfig(path=mix[0]),), **SMALL, **more})
    with pytest.raises(ConfigError, match=message):
        read_catalogue(config, progress=lambda done, _: opened.append(done))
    assert not opened


@pytest.mark.parametrize("threads", [1, 4])
def test_progress_counts_every_video_once(mix: tuple[Path, ...], threads: int) -> None:
    told: list[tuple[int, int]] = []
    config = _config(*mix)
    read_catalogue(config, threads=threads, progress=lambda *counts: told.append(counts))
    assert told == [(done, 14) for done in range(1, 15)]


def test_videos_that_did_not_change_are_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, probes = write_metas(tmp_path / "d", ["a", "b"], 12), tmp_path / "probes.json"
    before = read_catalogue(_config(root), probes=probes)
    opened: list[Path] = []
    from rareworld.train.data import sources

    real = sources.probe_footage
    monkeypatch.setattr(sources, "probe_footage", lambda path: (opened.append(path), real(path))[1])
    assert read_catalogue(_config(root), probes=probes) == before
    assert not opened
    write_video(root / "videos" / "a.mp4", 24)
    after = read_catalogue(_config(root), probes=probes)
    assert opened == [root / "videos" / "a.mp4"]
    assert [item.info.num_frames for item in after.train] == [24, 12]
    assert read_catalogue(_config(root)) == after


def test_a_file_of_something_else_is_not_taken_for_probes(mix: tuple[Path, ...]) -> None:
    with pytest.raises(StoreError, match=r"kind must be 'rareworld.probes'"):
        read_catalogue(_config(mix[2]), probes=mix[2] / "a" / "clip.json")
