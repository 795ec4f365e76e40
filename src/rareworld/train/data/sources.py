"""The catalogue of a run: every clip of every source, probed, with what cannot be used set aside.

Every video is opened once by a pool of threads (libav runs outside Python's lock); with a file for
probes a video whose size and time of change are the same is not opened again. A clip without
caption, with an unreadable or too short video is listed with its file and the remedy; a source of
which nothing is left is an error, as nobody means that. Proved in
`tests/train/data/test_sources.py`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fractions import Fraction
from pathlib import Path

from pydantic import TypeAdapter

from rareworld.data.footage import probe_footage
from rareworld.data.jsontext import check_schema, convert, read_json, write_json
from rareworld.data.video import VideoInfo
from rareworld.errors import ConfigError, FormatError
from rareworld.train.config import DataConfig
from rareworld.train.data.buckets import bucket_of, lengths_of, sizes_of
from rareworld.train.data.clips import Catalogue, ClipItem, Rejected
from rareworld.train.data.layouts import Candidate, list_clips
from rareworld.train.data.split import split

PROBES_FILE = "probes.json"
"""Usual name of the file that keeps probes."""
Progress = Callable[[int, int], None]
"""Told how many of all videos have been opened."""

_KIND = "rareworld.probes"
_VERSION = 1
_Key = tuple[int, int]
_Fact = tuple[int, int, int, int, int, int, int, str, str]
"""Bytes, time of change, width, height, rate (numerator, denominator), frames, codec, pixels."""
_FACTS = TypeAdapter(dict[str, _Fact])


def read_catalogue(
    config: DataConfig,
    *,
    probes: Path | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Catalogue:
    """Find the clips of all sources and split them.

    Args:
        config: Sources, sizes, lengths and shares.
        probes: File that keeps what was found in videos, for the next time.
        progress: Told (done, total) after each video.
        threads: Videos opened at once; left out, twice the cores.

    Raises:
        ConfigError: If there is no source, a path is wrong, a source has no usable clip, or
            resolution, lengths or shares make no sense.
        StoreError: If `probes` is of another kind or cannot be written.
    """
    if not config.sources:
        raise ConfigError(
            "data.sources: expected at least one dataset, found none; "
            "give its folder: --set 'data.sources=[{path: \"clips\"}]'"
        )
    sizes_of(config)
    lengths_of(config)
    listed = [list_clips(source, index) for index, source in enumerate(config.sources)]
    videos = {item.video for clips in listed for item in clips if isinstance(item, Candidate)}
    infos = _probe_all(sorted(videos), probes, progress, threads)
    checked = [
        [_check(item, index, infos, config) for item in clips] for index, clips in enumerate(listed)
    ]
    for index, clips in enumerate(checked):
        _refuse_empty(config, index, clips)
    found = [item for clips in checked for item in clips]
    train, held_out = split([item for item in found if isinstance(item, ClipItem)], _shares(config))
    rejected = tuple(item for item in found if isinstance(item, Rejected))
    return Catalogue(train=train, held_out=held_out, rejected=rejected)


def _shares(config: DataConfig) -> list[float]:
    """Return the held-out share of each source."""
    return [
        config.held_out if source.held_out is None else source.held_out for source in config.sources
    ]


def _check(
    item: Candidate | Rejected,
    source: int,
    infos: Mapping[Path, VideoInfo | FormatError],
    config: DataConfig,
) -> ClipItem | Rejected:
    """Return the clip if it can be used."""
    if isinstance(item, Rejected):
        return item
    info = infos[item.video]
    if isinstance(info, FormatError):
        return Rejected(name=item.name, path=item.video, error=str(info))
    try:
        bucket_of(info, config)
    except FormatError as error:
        return Rejected(name=item.name, path=item.video, error=f"{item.video}: {error}")
    return ClipItem(
        name=item.name,
        source=source,
        group=item.group,
        video=item.video,
        caption=item.caption,
        info=info,
    )


def _refuse_empty(config: DataConfig, index: int, clips: Sequence[ClipItem | Rejected]) -> None:
    rejected = [item for item in clips if isinstance(item, Rejected)]
    if len(rejected) < len(clips):
        return
    reasons = "\n".join(f"  {item.error}" for item in rejected[:3])
    more = f"\n  and {len(rejected) - 3} more" if len(rejected) > 3 else ""
    raise ConfigError(
        f"data.sources.{index}: {config.sources[index].path}: none of its {len(rejected)} clips "
        f"can be used:\n{reasons}{more}"
    )


def _probe_all(
    videos: Sequence[Path], probes: Path | None, progress: Progress | None, threads: int | None
) -> dict[Path, VideoInfo | FormatError]:
    """Return what each video is, or why it cannot be read."""
    kept = _read_probes(probes)
    out: dict[Path, VideoInfo | FormatError] = {}
    facts: dict[str, _Fact] = {}
    with ThreadPoolExecutor(threads or 2 * (os.cpu_count() or 1), "probe") as pool:
        jobs = {
            pool.submit(_probe, video, kept.get(str(video.absolute()))): video for video in videos
        }
        for done, job in enumerate(as_completed(jobs), 1):
            video, (info, key) = jobs[job], job.result()
            out[video] = info
            if key is not None and isinstance(info, VideoInfo):
                facts[str(video.absolute())] = _fact(info, key)
            if progress is not None:
                progress(done, len(videos))
    if probes is not None and kept != {**kept, **facts}:
        record = {**kept, **facts}
        write_json(probes, {"kind": _KIND, "schema_version": _VERSION, "videos": record})
    return out


def _probe(video: Path, kept: _Fact | None) -> tuple[VideoInfo | FormatError, _Key | None]:
    """Open a video, unless it is the one that was kept."""
    try:
        state = video.stat()
        key = (state.st_size, state.st_mtime_ns)
        if kept is not None and kept[:2] == key:
            return _info(kept), key
        return probe_footage(video), key
    except OSError as error:
        missing = f"{video}: cannot be read ({error.strerror}); put the video there"
        return FormatError(missing), None
    except FormatError as error:
        return error, None


def _read_probes(path: Path | None) -> dict[str, _Fact]:
    """Return what was kept; nothing if there is no file yet."""
    if path is None or not path.exists():
        return {}
    values = read_json(path)
    check_schema(path, values, kind=_KIND, version=_VERSION)
    return convert(_FACTS.validate_python, values, "videos", path)


def _fact(info: VideoInfo, key: _Key) -> _Fact:
    rate = info.rate.numerator, info.rate.denominator
    return (*key, info.width, info.height, *rate, info.num_frames, info.codec, info.pixels)


def _info(fact: _Fact) -> VideoInfo:
    return VideoInfo(
        width=fact[2],
        height=fact[3],
        rate=Fraction(fact[4], fact[5]),
        num_frames=fact[6],
        codec=fact[7],
        pixels=fact[8],
    )
