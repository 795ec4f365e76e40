"""Captions in every layout, and every way in which one can be missing."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rareworld.errors import ConfigError
from rareworld.models.text.captions import Caption, Layout, Unreadable, layout_of, read_captions

TEXTS = {"0001": "A car hits a bus.", "0002": "Ein Lkw kippt über."}


def _metas(root: Path) -> Path:
    for folder in ("videos", "metas"):
        (root / folder).mkdir(parents=True)
    for name, text in TEXTS.items():
        (root / "videos" / f"{name}.mp4").touch()
        (root / "metas" / f"{name}.txt").write_text(f"{text}\n", encoding="utf-8")
    return root


def _captions(root: Path) -> Path:
    (root / "captions").mkdir(parents=True)
    for name, text in TEXTS.items():
        values = {"vlm": {"long": text, "short": f"short {name}"}, "other": {"long": "wrong"}}
        (root / "captions" / f"{name}.json").write_text(json.dumps(values))
    return root


def _clips(root: Path) -> Path:
    for name, text in TEXTS.items():
        (root / name).mkdir(parents=True)
        (root / name / "clip.json").write_text("{}")
        (root / name / "caption.json").write_text(json.dumps({"caption": text}))
    return root


def _lines(root: Path) -> Path:
    root.mkdir(parents=True)
    (root / "two.txt").write_text(TEXTS["0002"], encoding="utf-8")
    lines = [
        json.dumps({"name": "0001", "caption": TEXTS["0001"]}),
        "",
        json.dumps({"vision_path": "videos/0002.mp4", "prompt_path": "two.txt"}),
    ]
    path = root / "set.jsonl"
    path.write_text("\n".join(lines))
    return path


LAYOUTS: dict[Layout, Callable[[Path], Path]] = {
    Layout.METAS: _metas,
    Layout.CAPTIONS: _captions,
    Layout.CLIPS: _clips,
    Layout.JSONL: _lines,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found_and_gives_the_same_captions(layout: Layout, tmp_path: Path) -> None:
    dataset = LAYOUTS[layout](tmp_path / "set")
    assert layout_of(dataset) is layout
    expected = tuple(Caption(clip=name, text=text) for name, text in TEXTS.items())
    assert read_captions(dataset) == expected
    assert read_captions(dataset, layout) == expected


def test_a_single_clip_folder_is_a_dataset_of_one(tmp_path: Path) -> None:
    dataset = _clips(tmp_path / "set") / "0001"
    assert read_captions(dataset) == (Caption(clip="0001", text=TEXTS["0001"]),)


def test_the_wanted_text_of_the_first_model_is_taken(tmp_path: Path) -> None:
    found = read_captions(_captions(tmp_path / "set"), prompt_type="short")
    assert [item.text for item in found if isinstance(item, Caption)] == [
        "short 0001",
        "short 0002",
    ]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"id": "a", "prompt": "one"}, Caption(clip="a", text="one")),
        ({"video": "v/b.mp4", "caption": "two"}, Caption(clip="b", text="two")),
        ({"input_path": "c.png", "name": "d", "prompt": "three"}, Caption(clip="d", text="three")),
    ],
)
def test_lines_name_clip_and_text_in_several_ways(line, text: Caption, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(line))
    assert read_captions(path) == (text,)


def _bad_metas(content: bytes | None) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        path = _metas(root) / "metas" / "0002.txt"
        path.unlink() if content is None else path.write_bytes(content)
        return root

    return write


def _bad_json(text: str) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        (_captions(root) / "captions" / "0002.json").write_text(text)
        return root

    return write


def _folder_as_file(root: Path) -> Path:
    path = _metas(root) / "metas" / "0002.txt"
    path.unlink()
    path.mkdir()
    return root


def _clip_without(root: Path) -> Path:
    (_clips(root) / "0002" / "caption.json").unlink()
    return root


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing text": (_bad_metas(None), r"metas/0002.txt: is missing"),
    "empty text": (_bad_metas(b" \n\t"), r"metas/0002.txt: the caption is empty"),
    "latin-1": (_bad_metas("über".encode("latin-1")), r"0002.txt: expected UTF-8, found byte 0"),
    "a folder": (_folder_as_file, r"metas/0002.txt: cannot be read \(Is a directory\)"),
    "broken JSON": (_bad_json("{"), r"captions/0002.json: not valid JSON"),
    "a list": (_bad_json("[]"), r"0002.json: expected a JSON object, found list"),
    "no model": (_bad_json("{}"), r"expected \{model: .* found keys \[\]"),
    "text for a model": (_bad_json('{"vlm": "x"}'), r"found keys \['vlm'\]"),
    "number": (_bad_json('{"vlm": {"long": 3}}'), r"'long' must be text, found int"),
    "clip without caption": (_clip_without, r"0002/caption.json: is missing"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_caption_that_cannot_be_read_is_told_with_its_file(name: str, tmp_path: Path) -> None:
    write, message = UNREADABLE[name]
    good, bad = read_captions(write(tmp_path / "set"))
    assert good == Caption(clip="0001", text=TEXTS["0001"])
    assert isinstance(bad, Unreadable)
    assert bad.clip == "0002"
    assert re.search(message, bad.error)


def test_an_unknown_kind_of_text_names_those_there(tmp_path: Path) -> None:
    found = read_captions(_captions(tmp_path / "set"), prompt_type="medium")
    assert all(isinstance(item, Unreadable) for item in found)
    assert "expected 'medium', found long, short" in str(found[0])


@pytest.mark.parametrize(
    ("line", "clip", "message"),
    [
        ("{", "line-1", "line 1: not valid JSON"),
        ('{"caption": "x"}', "line-1", "to name the clip, found caption"),
        ('{"name": "a"}', "a", "expected 'caption', found name"),
        ('{"name": "a", "caption": ""}', "a", "line 1: the caption is empty"),
        ('{"name": "a", "caption": null}', "a", "'caption' must be text, found NoneType"),
        ('{"name": "a", "prompt_path": "no.txt"}', "a", "No such file"),
        ('{"name": 7, "caption": "x"}', "line-1", "'name' must be text, found int"),
    ],
)
def test_a_bad_line_is_told_with_its_number(line, clip: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(line)
    (bad,) = read_captions(path)
    assert isinstance(bad, Unreadable)
    assert bad.clip == clip
    assert message in bad.error


def test_no_layout_two_layouts_and_no_dataset_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        read_captions(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"holds no captions; expected metas/\*.txt"):
        read_captions(tmp_path)
    _captions(_metas(tmp_path / "set"))
    with pytest.raises(ConfigError, match="metas and captions; choose one: --captions metas"):
        read_captions(tmp_path / "set")
    assert len(read_captions(tmp_path / "set", Layout.CAPTIONS)) == 2
    with pytest.raises(ConfigError, match="holds no captions"):
        read_captions(tmp_path / "set", Layout.CLIPS)


def test_a_clip_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"name": "a", "caption": "x"}\n{"name": "a", "caption": "y"}\n')
    with pytest.raises(ConfigError, match="must be unique, found twice: a"):
        read_captions(path)


def test_text_that_is_no_utf8_is_an_error_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(b'{"name": "\xff"}')
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        read_captions(path)
