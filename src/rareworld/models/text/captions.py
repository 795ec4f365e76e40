"""Captions of a dataset, in the layouts people have.

| layout | captions | clips |
|---|---|---|
| Predict2 directory | `metas/NAME.txt` | `videos/NAME.mp4` |
| Predict2.5 directory | `captions/NAME.json` = {model: {long, short, medium}} | `videos/NAME.mp4` |
| our clips | `NAME/caption.json` | `NAME/clip.json` |
| JSON lines | `caption` or `prompt`, or a path in `prompt_path` | `name`, or `video`'s stem |

A caption that is missing, empty or unreadable is told with its file; it never becomes "".

Source: cosmos-predict2 and cosmos-predict2.5 datasets. Proved in
`tests/models/text/test_captions.py`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast, final

from rareworld.data.clip_meta import CAPTION_FILE, CLIP_FILE
from rareworld.errors import ConfigError, FormatError


@final
class Layout(StrEnum):
    """Where captions stand."""

    AUTO = "auto"
    """The one that is there; an error if there are two."""
    METAS = "metas"
    """`metas/*.txt`."""
    CAPTIONS = "captions"
    """`captions/*.json`."""
    CLIPS = "clips"
    """Clip folders of ours."""
    JSONL = "jsonl"
    """A file with a JSON object per line."""


@final
@dataclass(frozen=True, kw_only=True)
class Caption:
    """A clip's text."""

    clip: str
    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A clip whose text cannot be had, and why."""

    clip: str
    error: str


Found = Caption | Unreadable
VIDEOS = "videos"
METAS = "metas"
CAPTIONS = "captions"
_NAMES = ("name", "clip", "id")
_PATHS = ("video", "video_path", "vision_path", "input_path")
_TEXTS = ("caption", "prompt")


def read_captions(
    dataset: Path, layout: Layout = Layout.AUTO, *, prompt_type: str | None = None
) -> tuple[Found, ...]:
    """Read all captions, sorted by clip.

    Args:
        dataset: Folder, or a file of JSON lines.
        layout: Where captions stand.
        prompt_type: Which text of `captions/*.json`: long, short, medium; None takes the first.

    Raises:
        ConfigError: If the dataset holds no captions, those of two layouts, or a clip twice.
    """
    readers: dict[Layout, Callable[[], Iterator[Found]]] = {
        Layout.METAS: lambda: _read_files(dataset, METAS, ".txt", _text_file),
        Layout.CAPTIONS: lambda: _read_files(
            dataset, CAPTIONS, ".json", lambda path: _caption_json(path, prompt_type)
        ),
        Layout.CLIPS: lambda: _read_clips(dataset),
        Layout.JSONL: lambda: _read_lines(dataset),
    }
    found = sorted(readers[layout_of(dataset, layout)](), key=lambda item: item.clip)
    if not found:
        raise ConfigError(f"{dataset}: holds no captions; {_WANTED}")
    _refuse_twice(dataset, found)
    return tuple(found)


_WANTED = (
    "expected metas/*.txt, captions/*.json, clip folders with caption.json, or a .jsonl file with "
    "a caption per line"
)


def layout_of(dataset: Path, wanted: Layout = Layout.AUTO) -> Layout:
    """Return the layout to read: the wanted one, or the only one there.

    Raises:
        ConfigError: If there is none, or more than one and none was chosen.
    """
    if not dataset.exists():
        raise ConfigError(f"{dataset}: no such file or folder; {_WANTED}")
    if wanted is not Layout.AUTO:
        return wanted
    there = [layout for layout, test in _TESTS.items() if test(dataset)]
    if len(there) == 1:
        return there[0]
    if not there:
        raise ConfigError(f"{dataset}: holds no captions; {_WANTED}")
    raise ConfigError(
        f"{dataset}: holds captions of two layouts, {' and '.join(there)}; choose one: "
        f"--captions {there[0]}"
    )


_TESTS: dict[Layout, Callable[[Path], bool]] = {
    Layout.METAS: lambda dataset: (dataset / METAS).is_dir(),
    Layout.CAPTIONS: lambda dataset: (dataset / CAPTIONS).is_dir(),
    Layout.CLIPS: lambda dataset: bool(_clips(dataset)),
    Layout.JSONL: lambda dataset: dataset.is_file() and dataset.suffix in {".jsonl", ".ndjson"},
}


def _read_files(
    dataset: Path, folder: str, suffix: str, read: Callable[[Path], str]
) -> Iterator[Found]:
    """Read a file per clip: those of the videos, and those without one."""
    inside = dataset / folder
    names = {path.stem for path in inside.glob(f"*{suffix}")}
    names |= {path.stem for path in (dataset / VIDEOS).glob("*.mp4")}
    for name in sorted(names):
        yield _read(name, inside / f"{name}{suffix}", read)


def _read_clips(dataset: Path) -> Iterator[Found]:
    for folder in _clips(dataset):
        yield _read(folder.name, folder / CAPTION_FILE, _clip_json)


def _clips(dataset: Path) -> list[Path]:
    """Return clip folders: the dataset itself, or those directly inside."""
    if (dataset / CLIP_FILE).is_file():
        return [dataset]
    return sorted(path.parent for path in dataset.glob(f"*/{CLIP_FILE}"))


def _read(name: str, path: Path, read: Callable[[Path], str]) -> Found:
    """Read one clip's text; what is wrong with it is kept beside its name."""
    try:
        return Caption(clip=name, text=_clean(path, read(path)))
    except FileNotFoundError:
        return Unreadable(clip=name, error=f"{path}: is missing; write the clip's caption there")
    except OSError as error:
        return Unreadable(clip=name, error=f"{path}: cannot be read ({error.strerror})")
    except UnicodeDecodeError as error:
        return Unreadable(
            clip=name, error=f"{path}: expected UTF-8, found byte {error.start} of another encoding"
        )
    except FormatError as error:
        return Unreadable(clip=name, error=str(error))


def _text_file(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _clean(place: object, text: str) -> str:
    """Return the text without space around it.

    Raises:
        FormatError: If nothing is left.
    """
    if not text.strip():
        raise FormatError(f"{place}: the caption is empty; write one, or take the clip out")
    return text.strip()


def _json_object(place: object, text: str) -> Mapping[str, Any]:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{place}: not valid JSON: {error}; correct it") from None
    if not isinstance(loaded, dict):
        raise FormatError(f"{place}: expected a JSON object, found {type(loaded).__name__}")
    return cast(Mapping[str, Any], loaded)


def _clip_json(path: Path) -> str:
    return _text(path, _json_object(path, _text_file(path)), "caption")


def _caption_json(path: Path, prompt_type: str | None) -> str:
    """Return the text of the first model, of the wanted or the first kind."""
    models = _json_object(path, _text_file(path))
    texts = next(iter(models.values()), None)
    if not isinstance(texts, dict) or not texts:
        raise FormatError(
            f"{path}: expected {{model: {{long, short, medium}}}}, found keys {list(models)}"
        )
    known = cast(Mapping[str, Any], texts)
    return _text(path, known, prompt_type or next(iter(known)))


def _text(place: object, values: Mapping[str, Any], key: str) -> str:
    """Return a value that must be text.

    Raises:
        FormatError: Naming the place and what is there.
    """
    if key not in values:
        raise FormatError(f"{place}: expected {key!r}, found {', '.join(values) or 'nothing'}")
    if not isinstance(values[key], str):
        raise FormatError(f"{place}: {key!r} must be text, found {type(values[key]).__name__}")
    return values[key]


def _read_lines(path: Path) -> Iterator[Found]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _line(path, number, line)


def _line(path: Path, number: int, line: str) -> Found:
    """Read a line; one whose clip cannot be told goes by its number."""
    place, name = f"{path}, line {number}", f"line-{number}"
    try:
        values = _json_object(place, line)
        name = _name(place, values)
        return Caption(clip=name, text=_clean(place, _line_text(path, place, values)))
    except (FormatError, OSError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, FormatError) else f"{place}: {error}"
        return Unreadable(clip=name, error=reason)


def _name(place: str, values: Mapping[str, Any]) -> str:
    """Return a line's clip: its own name, or the stem of its video."""
    for key in (*_NAMES, *_PATHS):
        if key in values:
            text = _text(place, values, key)
            return Path(text).stem if key in _PATHS else text
    raise FormatError(
        f"{place}: expected {', '.join(_NAMES + _PATHS)} to name the clip, found "
        f"{', '.join(values) or 'nothing'}"
    )


def _line_text(path: Path, place: str, values: Mapping[str, Any]) -> str:
    """Return a line's caption, from the line or the file it names."""
    if "prompt_path" in values:
        return _text_file(path.parent / _text(place, values, "prompt_path"))
    key = next((key for key in _TEXTS if key in values), _TEXTS[0])
    return _text(place, values, key)


def _refuse_twice(dataset: Path, found: list[Found]) -> None:
    twice = [name for name, count in Counter(item.clip for item in found).items() if count > 1]
    if twice:
        raise ConfigError(f"{dataset}: clips must be unique, found twice: {', '.join(twice[:5])}")
