"""The clips that a source lists: each with its video, caption and recording, or with what is wrong.

Captions are read by `rareworld.models.text.captions`; here each finds its video, and each video its
caption, so neither is dropped without a word. Nothing is opened but text: `t5_xxl/*.pickle` of a
Predict2 directory is not read, for pickles can run code.

The recording a clip was cut from, for the split, is (first of these that is known):

| said by | recording |
|---|---|
| `recording` of the source | what the pattern matches in the name of the video (of ours, folder) |
| `recording` or `source_video` of a JSON line | that text |
| a clip folder of ours | checksum of the recording it was drawn from: all cameras, all weathers |
| cosmos-curate's `../metas/v0/UUID.json` beside the directory | its `source_video` |
| the clip's name | folder and name without a cutter's ending, see `split.recording_of` |

Source: cosmos-predict2, cosmos-predict2.5 and cosmos-curate's documents of their datasets.
Proved in `tests/train/data/test_layouts.py`.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast, final

from rareworld.data.clip import RGB_FILE
from rareworld.data.clip_meta import CAPTION_FILE, CLIP_FILE
from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError, StoreError
from rareworld.models.text.captions import (
    CAPTIONS,
    METAS,
    VIDEOS,
    Caption,
    Found,
    Layout,
    Unreadable,
    layout_of,
    read_captions,
)
from rareworld.train.config import SourceConfig
from rareworld.train.data.clips import Rejected
from rareworld.train.data.split import recording_of

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
"""Of videos, in any case of letters; of two with one name the first kind is taken."""
_NAMES = ("name", "clip", "id")
_PATHS = ("video", "video_path", "vision_path", "input_path")
_RECORDINGS = ("recording", "source_video")
_UUID_LENGTH = 36


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A clip with a caption, whose video has not been looked at."""

    name: str
    video: Path
    caption: str
    group: str


@final
@dataclass(frozen=True, kw_only=True)
class _Listed:
    """A clip as a layout knows it."""

    found: Found
    captions: Path
    """The file its caption stands in."""
    video: Path
    recording: str | None
    """What the data itself says."""
    stem: str
    """Name that a cutter gave it."""
    home: str
    """Name of the dataset's folder, which tells `0001` of one from another's."""


def list_clips(source: SourceConfig, index: int) -> tuple[Candidate | Rejected, ...]:
    """Return the clips of a source in order of name.

    Args:
        source: Where it is and how it is laid out.
        index: Its place in `data.sources`, which begins every name.

    Raises:
        ConfigError: If the path is wrong, holds no captions, those of two layouts, or a clip twice.
    """
    place = f"data.sources.{index}"
    pattern = _pattern(source, place)
    try:
        listed = _READERS[_layout(source)](source)
        return tuple(
            sorted(
                (_candidate(item, index, pattern) for item in listed), key=lambda item: item.name
            )
        )
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _pattern(source: SourceConfig, place: str) -> re.Pattern[str] | None:
    try:
        return None if source.recording is None else re.compile(source.recording)
    except re.error as error:
        raise ConfigError(
            f"{place}.recording: expected a regular expression such as '^(.+)_[0-9]+$', got "
            f"{source.recording!r} ({error})"
        ) from None


def _layout(source: SourceConfig) -> Layout:
    """Return the layout; clips of recordings, one folder further down, are known too.

    Raises:
        ConfigError: If there is none, or it has no texts to choose from and a kind is chosen.
    """
    path = source.path
    plain = any((path / folder).is_dir() for folder in (METAS, CAPTIONS))
    deeper = source.layout is Layout.AUTO and not plain and any(path.glob(f"*/*/{CLIP_FILE}"))
    layout = Layout.CLIPS if deeper else layout_of(path, source.layout)
    if source.prompt_type is not None and layout is not Layout.CAPTIONS:
        raise ConfigError(
            f"{path}: prompt_type {source.prompt_type!r} chooses among the texts of "
            f"captions/*.json, found {layout} captions; leave it out"
        )
    return layout


def _candidate(item: _Listed, index: int, pattern: re.Pattern[str] | None) -> Candidate | Rejected:
    name = f"{index}/{item.found.clip}"
    if isinstance(item.found, Unreadable):
        return Rejected(name=name, path=item.captions, error=item.found.error)
    group = _group(item, pattern)
    if group is None:
        error = (
            f"{item.video}: data.sources.{index}.recording matches nothing in {item.stem!r}; "
            "correct the pattern, or take the clip out"
        )
        return Rejected(name=name, path=item.video, error=error)
    return Candidate(name=name, video=item.video, caption=item.found.text, group=group)


def _group(item: _Listed, pattern: re.Pattern[str] | None) -> str | None:
    if pattern is not None:
        return recording_of(item.stem, pattern)
    return item.recording or f"{item.home}/{recording_of(item.stem)}"


def _home(folder: Path) -> str:
    """Return a folder's name, of `videos` the one around it."""
    plain = Path(os.path.normpath(folder.absolute()))
    return plain.parent.name if plain.name == VIDEOS else plain.name


def _from_folder(source: SourceConfig, captions: str, suffix: str, layout: Layout) -> list[_Listed]:
    """List a Predict2 or Predict2.5 directory: every caption, and every video without one."""
    videos, inside = _videos(source.path / VIDEOS), source.path / captions
    found = {
        item.clip: item
        for item in read_captions(source.path, layout, prompt_type=source.prompt_type)
    }
    for name in videos.keys() - found.keys():
        missing = f"{inside / name}{suffix}: is missing; write the clip's caption there"
        found[name] = Unreadable(clip=name, error=missing)
    return [
        _in_folder(source.path, item, videos, inside / f"{name}{suffix}")
        for name, item in found.items()
    ]


def _in_folder(dataset: Path, item: Found, videos: Mapping[str, Path], captions: Path) -> _Listed:
    sidecar = dataset.absolute().parent / METAS / "v0" / f"{item.clip[:_UUID_LENGTH]}.json"
    found, recording = _with_recording(item, lambda: _curated(sidecar))
    return _Listed(
        found=found,
        captions=captions,
        video=videos.get(item.clip, dataset / VIDEOS / f"{item.clip}.mp4"),
        recording=recording,
        stem=item.clip,
        home=_home(dataset),
    )


def _with_recording(item: Found, read: Callable[[], str | None]) -> tuple[Found, str | None]:
    """Return the recording that the data names; a damaged note of it sets the clip aside."""
    try:
        return item, read()
    except StoreError as error:
        return Unreadable(clip=item.clip, error=str(error)), None


def _videos(folder: Path) -> dict[str, Path]:
    """Return the video of each name."""
    if not folder.is_dir():
        return {}
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    found.sort(key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name), reverse=True)
    return {path.stem: path for path in found}


def _curated(path: Path) -> str | None:
    """Return the source video that cosmos-curate noted of a clip, if it did."""
    if not path.is_file():
        return None
    told = read_json(path).get("source_video")
    return told if isinstance(told, str) else None


def _from_clips(source: SourceConfig) -> list[_Listed]:
    """List clip folders of ours: the path itself, those in it, and those of recordings in it."""
    around = sorted({path.parent.parent for path in source.path.glob(f"*/*/{CLIP_FILE}")})
    deeper = [folder for folder in around if not (folder / CLIP_FILE).is_file()]
    direct = (source.path / CLIP_FILE).is_file() or any(source.path.glob(f"*/{CLIP_FILE}"))
    out = _clip_folders(source.path, source.path, "") if direct or not deeper else []
    for folder in deeper:
        out += _clip_folders(source.path, folder, f"{folder.name}/")
    return out


def _clip_folders(dataset: Path, folder: Path, prefix: str) -> list[_Listed]:
    own = (folder / CLIP_FILE).is_file()
    out: list[_Listed] = []
    for item in read_captions(folder, Layout.CLIPS):
        path = folder if own else folder / item.clip
        found, recording = _with_recording(item, partial(_drawn_from, path / CLIP_FILE))
        out.append(
            _Listed(
                found=_renamed(found, f"{prefix}{item.clip}"),
                captions=path / CAPTION_FILE,
                video=path / RGB_FILE,
                recording=recording,
                stem=folder.name if prefix else item.clip,
                home=_home(dataset),
            )
        )
    return out


def _renamed(found: Found, name: str) -> Found:
    if isinstance(found, Caption):
        return Caption(clip=name, text=found.text)
    return Unreadable(clip=name, error=found.error)


def _drawn_from(path: Path) -> str | None:
    """Return the checksum of the recording that a clip of ours was drawn from.

    Raises:
        StoreError: If `clip.json` is damaged.
    """
    provenance = _mapping(read_json(path).get("provenance"))
    checksum = _mapping(provenance.get("parents")).get("recording")
    return f"recording:{checksum}" if isinstance(checksum, str) else None


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}


def _from_lines(source: SourceConfig) -> list[_Listed]:
    """List a file of JSON lines; a line without a path means `videos/NAME` beside the file."""
    path = source.path
    lines, videos = dict(_lines(path)), _videos(path.parent / VIDEOS)
    out: list[_Listed] = []
    for item in read_captions(path, Layout.JSONL):
        values = lines.get(item.clip, {})
        told = _first(values, _PATHS)
        beside = videos.get(item.clip, path.parent / VIDEOS / f"{item.clip}.mp4")
        video = beside if told is None else path.parent / told
        out.append(
            _Listed(
                found=item,
                captions=path,
                video=video,
                recording=_first(values, _RECORDINGS),
                stem=video.stem,
                home=_home(video.parent),
            )
        )
    return out


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield clip and content of the lines that `read_captions` can name; it lists the others."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            values = _mapping(json.loads(line)) if line.strip() else {}
        except json.JSONDecodeError:
            continue
        name, video = _first(values, _NAMES), _first(values, _PATHS)
        if name is not None or video is not None:
            yield (name if name is not None else Path(str(video)).stem), values


def _first(values: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the first of some fields that holds text."""
    return next((values[key] for key in keys if isinstance(values.get(key), str)), None)


_READERS: Mapping[Layout, Callable[[SourceConfig], list[_Listed]]] = {
    Layout.METAS: lambda source: _from_folder(source, METAS, ".txt", Layout.METAS),
    Layout.CAPTIONS: lambda source: _from_folder(source, CAPTIONS, ".json", Layout.CAPTIONS),
    Layout.CLIPS: _from_clips,
    Layout.JSONL: _from_lines,
}
