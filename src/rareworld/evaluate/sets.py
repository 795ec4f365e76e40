"""Sets of clips: folders of videos in the layouts that are about, by the name of each clip.

| layout | clip | its name |
|---|---|---|
| videos | `NAME.mp4` (or .mov, .mkv, .webm, .avi, .m4v) | `NAME` |
| Predict2 directory | `videos/NAME.mp4` | `NAME` |
| our clip folders | `NAME/rgb.mp4` beside `NAME/clip.json`, or one folder deeper | `NAME` |
| results of `rareworld generate` | `NAME/NAME.mp4` | `NAME` |

A clip's recording is, in this order: what `recording` matches in its name, the recording that a
clip folder says it was drawn from, its own name. Proved in `tests/evaluate/test_sets.py`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, final

from rareworld.data.clip import RGB_FILE
from rareworld.data.clip_meta import CLIP_FILE
from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError, FormatError, StoreError

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
VIDEOS = "videos"


@final
@dataclass(frozen=True, kw_only=True)
class Clip:
    """One video of a set."""

    name: str
    path: Path
    group: str
    """Recording it was cut from or drawn from; its own name if that is not known."""


@final
@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """Videos to be compared with other videos."""

    label: str
    """What the set is called in messages: `real`, `generated`."""
    clips: tuple[Clip, ...]

    @property
    def grouped(self) -> bool:
        """Whether recordings of several clips are known."""
        return len({clip.group for clip in self.clips}) < len(self.clips)


def open_clips(
    source: Path | Sequence[Path],
    label: str,
    *,
    recording: str | None = None,
    required: bool = True,
) -> ClipSet:
    """Return the clips of a folder, or of a list of video files, in order of name.

    Args:
        source: Folder or files.
        label: What the set is called in messages.
        recording: Regular expression that finds a clip's recording in its name.
        required: It must match at least one name.

    Raises:
        ConfigError: If two clips share a name, or `recording` is wrong or matches nothing.
        FormatError: If there is no video.
    """
    found = _in_folder(source) if isinstance(source, Path) else [(p.stem, p) for p in source]
    if not found:
        raise FormatError(
            f"{label}: {source} holds no videos; expected NAME.mp4, videos/NAME.mp4, "
            f"NAME/{RGB_FILE} with NAME/{CLIP_FILE}, or NAME/NAME.mp4"
        )
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    if twice:
        raise ConfigError(f"{label}: {source}: two clips are called {twice[0]!r}; rename one")
    pattern = _pattern(recording)
    if required and pattern is not None and not any(pattern.search(name) for name, _ in found):
        raise ConfigError(
            f"recording: {recording!r} matches nothing in the names of {label} clips, such as "
            f"{found[0][0]!r}; correct the pattern"
        )
    clips = (Clip(name=n, path=p, group=_group(n, p, pattern)) for n, p in sorted(found))
    return ClipSet(label=label, clips=tuple(clips))


def _in_folder(folder: Path) -> list[tuple[str, Path]]:
    """Return names and videos of the first layout that fits."""
    if not folder.is_dir():
        raise FormatError(f"{folder}: is not a folder; give a folder of videos or a feature file")
    for found in (
        _videos(folder),
        _videos(folder / VIDEOS),
        _clip_folders(folder),
        [(path.parent.name, path) for path in _named_as_folder(folder)],
    ):
        if found:
            return found
    return []


def _videos(folder: Path) -> list[tuple[str, Path]]:
    """Return a folder's videos; a clip folder is not one, its videos are channels of one clip."""
    if not folder.is_dir() or (folder / CLIP_FILE).is_file():
        return []
    return [(path.stem, path) for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]


def _clip_folders(folder: Path) -> list[tuple[str, Path]]:
    """Return clip folders: the folder itself, those in it, or those one deeper."""
    if (folder / CLIP_FILE).is_file():
        return [(folder.name, folder / RGB_FILE)]
    for depth in ("*", "*/*"):
        metas = folder.glob(f"{depth}/{CLIP_FILE}")
        found = [(m.parent.relative_to(folder).as_posix(), m.parent / RGB_FILE) for m in metas]
        if found:
            return found
    return []


def _named_as_folder(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.glob("*/*")
        if path.suffix.lower() in SUFFIXES and path.stem == path.parent.name
    ]


def _pattern(recording: str | None) -> re.Pattern[str] | None:
    try:
        return None if recording is None else re.compile(recording)
    except re.error as error:
        raise ConfigError(
            f"recording: expected a regular expression such as '^(.+)_[0-9]+$', got "
            f"{recording!r} ({error})"
        ) from None


def _group(name: str, path: Path, pattern: re.Pattern[str] | None) -> str:
    match = None if pattern is None else pattern.search(name)
    if match is not None:
        return match.group(1) if match.groups() else match.group()
    return _drawn_from(path.parent / CLIP_FILE) or name


def _drawn_from(meta: Path) -> str | None:
    """Return the checksum of the recording a clip of ours was drawn from; None where untold."""
    if not meta.is_file():
        return None
    try:
        provenance = read_json(meta).get("provenance")
    except StoreError:
        return None  # a damaged note of its origin does not make the video unreadable
    parents = (
        cast(dict[str, object], provenance).get("parents") if isinstance(provenance, dict) else None
    )
    told = cast(dict[str, object], parents).get("recording") if isinstance(parents, dict) else None
    return told if isinstance(told, str) else None
