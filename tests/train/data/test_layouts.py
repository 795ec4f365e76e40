"""Every layout, what it knows of a clip's recording, and what is set aside."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rareworld.errors import ConfigError
from rareworld.models.text.captions import Layout
from rareworld.train.config import SourceConfig
from rareworld.train.data.clips import Rejected
from rareworld.train.data.layouts import Candidate, list_clips
from tests.train.data.footage_samples import (
    write_captions,
    write_clip,
    write_metas,
    write_video,
)

UUID = "0eefc8e4-2d58-5113-9fba-b68deda2583e"


def _list(path: Path, **more: Any) -> dict[str, Candidate | Rejected]:
    return {item.name: item for item in list_clips(SourceConfig(path=path, **more), 0)}


def _good(found: dict[str, Candidate | Rejected]) -> dict[str, Candidate]:
    assert all(isinstance(item, Candidate) for item in found.values()), found
    return {name: item for name, item in found.items() if isinstance(item, Candidate)}


def _bad(item: Candidate | Rejected) -> Rejected:
    assert isinstance(item, Rejected)
    return item


def _groups(found: dict[str, Candidate | Rejected]) -> list[str]:
    return [item.group for item in _good(found).values()]


def test_a_predict2_directory_is_read_without_its_pickles(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "town", ["b", "a_clip_1"])
    (root / "t5_xxl" / "b.pickle").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    found = _good(_list(root))
    assert list(found) == ["0/a_clip_1", "0/b"]
    assert found["0/b"] == Candidate(
        name="0/b", video=root / "videos" / "b.mp4", caption="Clip b.", group="town/b"
    )
    assert found["0/a_clip_1"].group == "town/a"


@pytest.mark.parametrize("kind", [None, "short", "medium"])
def test_a_predict25_directory_gives_the_wanted_text(tmp_path: Path, kind: str | None) -> None:
    root = write_captions(tmp_path / "d", ["a"])
    assert _good(_list(root, prompt_type=kind))["0/a"].caption == f"{kind or 'long'} a"


def test_a_text_of_no_kind_is_set_aside_with_the_kinds_there_are(tmp_path: Path) -> None:
    root = write_captions(tmp_path / "d", ["a"])
    item = _bad(_list(root, prompt_type="tiny")["0/a"])
    assert item.path == root / "captions" / "a.json"
    assert "expected 'tiny', found long, short, medium" in item.error


@pytest.mark.parametrize("missing", ["metas", "captions"])
@pytest.mark.parametrize("suffix", [".mp4", ".MP4", ".mov", ".mkv"])
def test_a_video_of_any_kind_without_caption_is_set_aside(
    tmp_path: Path, missing: str, suffix: str
) -> None:
    write = write_metas if missing == "metas" else write_captions
    root = write(tmp_path / "d", ["a", "b"])
    (root / "videos" / "a.mp4").rename(root / "videos" / f"a{suffix}")
    (root / "videos" / "b.mp4").rename(root / "videos" / f"b{suffix}")
    caption = next((root / missing).glob("b.*"))
    caption.unlink()
    found = _list(root)
    item = found["0/a"]
    assert isinstance(item, Candidate)
    assert item.video.name == f"a{suffix}"
    assert _bad(found["0/b"]).path == caption
    assert f"{caption}: is missing; write the clip's caption there" in _bad(found["0/b"]).error


def test_an_empty_caption_is_no_caption(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "d", ["a", "b"])
    (root / "metas" / "a.txt").write_text(" \n")
    assert "a.txt: the caption is empty; write one" in _bad(_list(root)["0/a"]).error


def test_of_two_videos_with_one_name_the_mp4_is_taken(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "d", ["a"])
    shutil.copy(root / "videos" / "a.mp4", root / "videos" / "a.avi")
    assert _good(_list(root))["0/a"].video.suffix == ".mp4"


def test_both_kinds_of_captions_need_a_choice(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "d", ["a"])
    write_captions(root, ["a"])
    with pytest.raises(ConfigError, match=r"data.sources.0: .*two layouts, metas and captions"):
        _list(root)
    assert _good(_list(root, layout=Layout.METAS))["0/a"].caption == "Clip a."
    assert _good(_list(root, layout=Layout.CAPTIONS))["0/a"].caption == "long a"


def test_a_kind_of_text_where_there_is_one_only_is_refused(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "d", ["a"])
    with pytest.raises(ConfigError, match=r"prompt_type 'long' chooses .* found metas captions"):
        _list(root, prompt_type="long")


def test_clips_of_ours_are_grouped_by_their_recording(tmp_path: Path) -> None:
    """Day and night, camera 0 and 1 of one recording; and a clip that does not say."""
    for folder, recording in (("day", "aa"), ("night", "aa"), ("other", "bb"), ("bare", None)):
        write_clip(tmp_path / "set" / folder, recording)
    found = _good(_list(tmp_path / "set"))
    assert list(found) == ["0/bare", "0/day", "0/night", "0/other"]
    assert _groups(_list(tmp_path / "set")) == [
        "set/bare", "recording:aa", "recording:aa", "recording:bb",
    ]  # fmt: skip
    assert found["0/day"].video == tmp_path / "set" / "day" / "rgb.mp4"
    assert found["0/day"].caption == "Seen at day."


def test_clips_lie_under_their_recordings_as_annotate_writes_them(tmp_path: Path) -> None:
    for recording in ("00000-side_impact", "00001-pile_up"):
        for camera in ("cam0", "cam1"):
            write_clip(tmp_path / "clips" / recording / camera, recording[:5])
    found = _good(_list(tmp_path / "clips"))
    assert list(found) == [
        "0/00000-side_impact/cam0", "0/00000-side_impact/cam1",
        "0/00001-pile_up/cam0", "0/00001-pile_up/cam1",
    ]  # fmt: skip
    assert _groups(_list(tmp_path / "clips"))[::2] == ["recording:00000", "recording:00001"]
    one = _good(_list(tmp_path / "clips" / "00000-side_impact" / "cam0"))
    assert list(one) == ["0/cam0"]


def test_flat_and_nested_clips_may_lie_side_by_side(tmp_path: Path) -> None:
    write_clip(tmp_path / "flat")
    write_clip(tmp_path / "rec" / "cam0")
    assert list(_good(_list(tmp_path))) == ["0/flat", "0/rec/cam0"]
    assert _groups(_list(tmp_path)) == [f"{tmp_path.name}/flat", f"{tmp_path.name}/rec"]


def test_a_damaged_clip_folder_is_set_aside(tmp_path: Path) -> None:
    write_clip(tmp_path / "a")
    write_clip(tmp_path / "b")
    (tmp_path / "a" / "clip.json").write_text("{")
    found = _list(tmp_path)
    assert "clip.json: damaged" in _bad(found["0/a"]).error
    assert isinstance(found["0/b"], Candidate)


def _write_lines(path: Path, *lines: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_json_lines_name_video_and_recording(tmp_path: Path) -> None:
    elsewhere = write_video(tmp_path / "far" / "c.mp4", 5)
    path = _write_lines(
        tmp_path / "set" / "train.jsonl",
        {"video": "videos/a_clip_2.mp4", "caption": "A"},
        {"name": "b", "prompt": "B"},
        {"vision_path": str(elsewhere), "caption": "C", "recording": "intersection 4"},
        {"name": "d", "video": "other/d.mov", "caption": "D", "source_video": "s3://raw/7.mp4"},
    )
    found = _good(_list(path))
    assert list(found) == ["0/a_clip_2", "0/b", "0/c", "0/d"]
    home = tmp_path / "set"
    assert [item.video for item in found.values()] == [
        home / "videos/a_clip_2.mp4", home / "videos/b.mp4", elsewhere, home / "other/d.mov",
    ]  # fmt: skip
    assert _groups(_list(path)) == ["set/a", "set/b", "intersection 4", "s3://raw/7.mp4"]


def test_a_bad_line_is_set_aside_by_its_number(tmp_path: Path) -> None:
    path = _write_lines(tmp_path / "a.jsonl", {"video": "a.mp4", "caption": "A"}, {"caption": "B"})
    path.write_text(path.read_text() + "\n{oops\n" + json.dumps({"video": "d.mp4"}))
    found = _list(path)
    assert isinstance(found["0/a"], Candidate)
    assert "a.jsonl, line 2: expected name, clip, id" in _bad(found["0/line-2"]).error
    assert "a.jsonl, line 3: not valid JSON" in _bad(found["0/line-3"]).error
    assert "a.jsonl, line 4: expected 'caption'" in _bad(found["0/d"]).error
    assert _bad(found["0/d"]).path == path


def test_a_folder_and_lines_about_it_agree_on_recordings(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "town", ["a_clip_1"])
    lines = _write_lines(root / "again.jsonl", {"video": "videos/a_clip_1.mp4", "caption": "A"})
    assert _groups(_list(root)) == _groups(_list(lines)) == ["town/a"]


def test_cosmos_curates_notes_name_the_source_video(tmp_path: Path) -> None:
    names = [f"{UUID}_0_256", f"{UUID}_256_512", f"1{UUID[1:]}_0_256", f"2{UUID[1:]}_0_256"]
    root = write_metas(tmp_path / "out" / "cosmos_predict2_video2world_dataset", names)
    notes = tmp_path / "out" / "metas" / "v0"
    notes.mkdir(parents=True)
    for first in ("0", "1"):
        note = {"span_uuid": f"{first}{UUID[1:]}", "source_video": "/raw/tape.mp4"}
        (notes / f"{first}{UUID[1:]}.json").write_text(json.dumps(note))
    groups = _groups(_list(root))
    assert groups[:3] == ["/raw/tape.mp4"] * 3
    assert groups[3] == f"cosmos_predict2_video2world_dataset/2{UUID[1:]}"
    (notes / f"{UUID}.json").write_text("{")
    assert f"{UUID}.json: damaged" in _bad(_list(root)[f"0/{names[0]}"]).error


def test_the_users_pattern_names_recordings(tmp_path: Path) -> None:
    root = write_metas(tmp_path / "d", ["cam1_0007", "cam1_0008", "odd"])
    found = _list(root, recording=r"^(cam\d+)_")
    assert [getattr(found[f"0/cam1_000{i}"], "group", None) for i in (7, 8)] == ["cam1", "cam1"]
    assert (
        "data.sources.0.recording matches nothing in 'odd'; correct" in _bad(found["0/odd"]).error
    )
    with pytest.raises(ConfigError, match=r"data.sources.0.recording: expected a regular expr"):
        _list(root, recording="(")


@pytest.mark.parametrize("layout", list(Layout))
def test_a_wrong_path_is_an_error(tmp_path: Path, layout: Layout) -> None:
    with pytest.raises(ConfigError, match=r"data.sources.0: .*gone: no such file or folder"):
        _list(tmp_path / "gone", layout=layout)


def test_a_folder_without_captions_is_an_error(tmp_path: Path) -> None:
    write_video(tmp_path / "videos" / "a.mp4", 3)
    with pytest.raises(ConfigError, match=r"holds no captions; expected metas/\*.txt"):
        _list(tmp_path)


def test_one_name_for_two_lines_is_an_error(tmp_path: Path) -> None:
    line = {"video": "a.mp4", "caption": "A"}
    path = _write_lines(tmp_path / "a.jsonl", line, {**line, "video": "b/a.mp4"})
    with pytest.raises(ConfigError, match=r"data.sources.0: .*must be unique, found twice: a"):
        _list(path)
