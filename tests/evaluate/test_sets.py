"""Sets: every layout gives the same names, recordings are found, what is wrong is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rareworld.data.jsontext import write_json
from rareworld.errors import ConfigError, FormatError
from rareworld.evaluate.sets import ClipSet, open_clips


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _plain(root: Path) -> None:
    _touch(root / "a.mp4", root / "b.MKV", root / "notes.txt")


def _predict2(root: Path) -> None:
    _touch(root / "videos/a.mp4", root / "videos/b.mov", root / "metas/a.txt")


def _clip_folders(root: Path) -> None:
    for name in ("a", "b"):
        _touch(root / name / "rgb.mp4", root / name / "edges.mp4")
        write_json(root / name / "clip.json", {"kind": "clip"})


def _generated(root: Path) -> None:
    _touch(root / "a/a.mp4", root / "a/stage.json", root / "b/b.mp4")


@pytest.mark.parametrize("write", [_plain, _predict2, _clip_folders, _generated])
def test_every_layout_gives_clips_by_name(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    found = open_clips(tmp_path, "real")
    assert [clip.name for clip in found.clips] == ["a", "b"]
    assert all(clip.path.is_file() for clip in found.clips)
    assert not found.grouped


def test_a_clip_folder_of_ours_is_one_clip_not_its_channels(tmp_path: Path) -> None:
    _clip_folders(tmp_path)
    found = open_clips(tmp_path / "a", "real")
    assert [(clip.name, clip.path.name) for clip in found.clips] == [("a", "rgb.mp4")]


def test_clips_one_folder_deeper_are_found(tmp_path: Path) -> None:
    _clip_folders(tmp_path / "one")
    _clip_folders(tmp_path / "two")
    found = open_clips(tmp_path, "real")
    assert [clip.name for clip in found.clips] == ["one/a", "one/b", "two/a", "two/b"]


def test_a_list_of_videos_is_a_set(tmp_path: Path) -> None:
    _plain(tmp_path)
    found = open_clips([tmp_path / "b.MKV", tmp_path / "a.mp4"], "generated")
    assert [clip.name for clip in found.clips] == ["a", "b"]


def test_recordings_come_from_the_pattern_or_the_clip(tmp_path: Path) -> None:
    _touch(*(tmp_path / f"{name}.mp4" for name in ("north_0", "north_1", "south_0")))
    found = open_clips(tmp_path, "real", recording=r"^(.+)_\d+$")
    assert [clip.group for clip in found.clips] == ["north", "north", "south"]
    assert found.grouped
    odd = open_clips(tmp_path, "real", recording=r"^(north)_")
    assert [clip.group for clip in odd.clips] == ["north", "north", "south_0"]
    none = open_clips(tmp_path, "generated", recording="^made", required=False)
    assert not none.grouped
    ours = tmp_path / "ours"
    for name, recording in (("a", "x"), ("b", "x"), ("c", None)):
        _touch(ours / name / "rgb.mp4")
        parents = {"recording": recording} if recording else {}
        write_json(ours / name / "clip.json", {"provenance": {"parents": parents}})
    (ours / "c" / "clip.json").write_text("{")
    assert [clip.group for clip in open_clips(ours, "real").clips] == ["x", "x", "c"]


@pytest.mark.parametrize(
    ("names", "options", "error", "message"),
    [
        ((), {}, FormatError, "real: .* holds no videos; expected NAME.mp4"),
        (("a.mp4", "a.mkv"), {}, ConfigError, "two clips are called 'a'"),
        (("a.mp4",), {"recording": "("}, ConfigError, "regular expression"),
        (
            ("a.mp4",),
            {"recording": "^z"},
            ConfigError,
            "matches nothing in the names of real clips",
        ),
    ],
)
def test_what_is_wrong_is_named(
    names: tuple[str, ...], options: dict[str, str], error: type[Exception], message: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    _touch(*(tmp_path / name for name in names))
    with pytest.raises(error, match=message):
        open_clips(tmp_path, "real", **options)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is not a folder"):
        open_clips(tmp_path / "nowhere", "real")


def test_a_set_without_repeats_is_not_grouped() -> None:
    assert not ClipSet(label="real", clips=()).grouped
