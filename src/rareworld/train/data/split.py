"""Which clips are kept out of training: whole recordings, by a hash of their names.

Clips cut from one video show the same place, light and cars; were some of them trained on, the
held-out loss of the others would be too good. So a recording is kept out as a whole, in all sources
that have clips of it. It is kept out if the hash of its name, a number in [0, 1), is below the
wanted share: no seed, and no other recording, moves it. Only where so few recordings are there that
nothing would be held out, or nothing of a source trained on, the nearest one crosses over.

How a clip's recording is known, first what the user says, then what the data says, then the name
without the ending that a cutter gave it. Proved in `tests/train/data/test_split.py`.
"""

import hashlib
import re
from collections.abc import Sequence

from rareworld.errors import ConfigError
from rareworld.train.data.clips import ClipItem

_NUMBERED = r"[-_. ]+(?:clip|scene|shot|segment|seg|part|chunk|window|cut)[-_ ]*\d+"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENDING = re.compile(rf"(?:{_NUMBERED})+$", re.IGNORECASE)
_FRAMES = re.compile(rf"^({_UUID})_\d+_\d+$", re.IGNORECASE)
_SECONDS = re.compile(r"^(.+)_(\d{6})_(\d{6})$")


def recording_of(clip: str, pattern: re.Pattern[str] | None = None) -> str | None:
    """Return the name of a clip's recording as far as the clip's own name tells it.

    Args:
        clip: Name of the clip, without folder and suffix.
        pattern: What the user says names the recording: its first group, else the whole match.

    Returns:
        The name, or None if the pattern does not match.
    """
    if pattern is not None:
        found = pattern.search(clip)
        return found and (found[1] if pattern.groups else found[0])
    return _ENDING.sub("", _before_span(clip)) or clip


def split(
    items: Sequence[ClipItem], shares: Sequence[float]
) -> tuple[tuple[ClipItem, ...], tuple[ClipItem, ...]]:
    """Return clips to train on and clips held out, each in the order given.

    Args:
        items: Clips of all sources.
        shares: Share of the recordings to keep out of each source; a recording in several sources
            goes by the largest of theirs.

    Raises:
        ConfigError: If nothing is left to train on.
    """
    out = _held_out(items, shares)
    train = tuple(item for item in items if item.group not in out)
    if not train:
        raise ConfigError(
            "data.held_out: expected a share below 1, so that a source is left to train on; "
            f"found {max(shares, default=0.0):g} everywhere"
        )
    return train, tuple(item for item in items if item.group in out)


def place(group: str) -> float:
    """Return a recording's number in [0, 1): its SHA-256 as a fraction."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:6], "big") / 2**48


def _held_out(items: Sequence[ClipItem], shares: Sequence[float]) -> set[str]:
    """Return the recordings below their share, and see that no side is empty."""
    wanted: dict[str, float] = {}
    sources: dict[int, set[str]] = {}
    for item in items:
        wanted[item.group] = max(wanted.get(item.group, 0.0), shares[item.source])
        sources.setdefault(item.source, set()).add(item.group)

    def margin(group: str) -> tuple[float, str]:
        return place(group) - wanted[group], group

    out = {group for group, share in wanted.items() if place(group) < share}
    free = [group for group, share in wanted.items() if 0 < share < 1]
    if not out and len(free) > 1:
        out = {min(free, key=margin)}
    for source, groups in sorted(sources.items()):
        movable = [group for group in groups if wanted[group] < 1]
        if movable and groups <= out and shares[source] < 1:
            out = out - {max(movable, key=margin)}
    return out


def _before_span(clip: str) -> str:
    """Return a name without the stretch of time that it ends with."""
    frames, seconds = _FRAMES.match(clip), _SECONDS.match(clip)
    if frames:
        return frames[1]
    return seconds[1] if seconds and seconds[2] < seconds[3] else clip
