"""Where published weights lie: the path given, our cache, the hub's cache, then a download.

Every model with weights of its own (tokenizer, text encoders, Inception) finds them here, so that
a user learns one rule. Nothing is downloaded where `HF_HUB_OFFLINE=1` says so.

    WAN = Published(what="Wan 2.1 tokenizer", repo_id="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
                    files=("vae/config.json", "vae/*.safetensors"))
    folder = find_weights(WAN, given)      # folder / "vae" / "config.json" exists

Proved in `tests/models/test_find.py`, which lays out both caches by hand.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rareworld.errors import FormatError, MissingExtraError


@final
@dataclass(frozen=True, kw_only=True)
class Published:
    """Weights that somebody publishes on the hub."""

    what: str
    """Name for messages: "Wan 2.1 tokenizer"."""
    repo_id: str
    """Repository on the hub: "owner/name"."""
    files: tuple[str, ...]
    """Files or glob patterns in the repository; each must match at least one file."""
    revision: str = "main"
    """Branch, tag or commit."""


def find_weights(
    published: Published, given: Path | None = None, *, tell: Callable[[str], object] | None = None
) -> Path:
    """Return what the user gave, or the folder that holds every file of the publication.

    A given path is returned as it is (a file or a folder: its layout is the reader's to judge).
    Otherwise the first complete one of: `cache_folder(repo_id)`, the hub's own cache, a download
    into the hub's cache. Folders keep the repository's layout.

    Args:
        published: What is looked for.
        given: Path from the user; None looks in the caches and on the hub.
        tell: Receives one line before a download starts; standard error by default.

    Raises:
        FormatError: If the given path does not exist, or nothing was found and the download failed;
            names what to download and where to put it.
        MissingExtraError: If a download is needed and `huggingface_hub` is not installed.
    """
    if given is not None:
        return _existing(published, given)
    ours = cache_folder(published.repo_id)
    if ours.is_dir() and not missing_files(ours, published.files):
        return ours
    return _from_hub(published, tell or _to_stderr)


def cache_folder(repo_id: str) -> Path:
    """Return the folder of a repository in our cache, where a user puts files by hand.

    That is owner/name in `$RAREWORLD_CACHE`, else in `$XDG_CACHE_HOME/rareworld`, else in
    `~/.cache/rareworld`.
    """
    own = os.environ.get("RAREWORLD_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    root = Path(own) if own else (Path(base) if base else Path("~/.cache")) / "rareworld"
    return root.expanduser() / repo_id


def missing_files(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Return the patterns without a match, and the shards that an index names and are not there.

    Raises:
        FormatError: If a shard index is not what safetensors and PyTorch write.
    """
    lacking: list[str] = []
    for pattern in patterns:
        matches = sorted(folder.glob(pattern))
        lacking += [] if matches else [pattern]
        for index in matches:
            if index.name.endswith(".index.json"):
                lacking += _missing_shards(folder, index)
    return lacking


def _missing_shards(folder: Path, index: Path) -> list[str]:
    """Return shards of an index that are not beside it, relative to the folder."""
    try:
        shards = {str(name) for name in json.loads(index.read_text("utf-8"))["weight_map"].values()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FormatError(
            f"{index}: expected a shard index with 'weight_map', found something else; "
            "delete it and download it again"
        ) from None
    paths = (index.parent / name for name in sorted(shards))
    return [path.relative_to(folder).as_posix() for path in paths if not path.is_file()]


def _existing(published: Published, given: Path) -> Path:
    path = given.expanduser()
    if not path.exists():
        raise FormatError(
            f"{given}: no such file or folder for the {published.what}; "
            f"give a path that exists, or none to use {published.repo_id} from the hub"
        )
    return path


def _from_hub(published: Published, tell: Callable[[str], object]) -> Path:
    """Return the snapshot in the hub's cache, downloading what it lacks."""
    try:
        import huggingface_hub
        from huggingface_hub.errors import (
            HTTPError,  # pyright: ignore[reportPrivateImportUsage] - whose it is differs by version
        )
    except ModuleNotFoundError:
        raise MissingExtraError("huggingface_hub", extra="models") from None

    def snapshot(*, local: bool) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                published.repo_id,
                revision=published.revision,
                allow_patterns=list(published.files),
                local_files_only=local,
            )
        )

    try:
        found = snapshot(local=True)
        if not missing_files(found, published.files):
            return found
    except FileNotFoundError:
        pass  # Not in the hub's cache, or only a part of it.
    tell(f"downloading the {published.what} from https://huggingface.co/{published.repo_id}")
    try:
        found = snapshot(local=False)
    except (OSError, HTTPError) as error:
        raise FormatError(_by_hand(published, _first_line(error))) from error
    lacking = missing_files(found, published.files)
    if lacking:
        raise FormatError(_by_hand(published, f"the hub's copy lacks {', '.join(lacking)}"))
    return found


def _by_hand(published: Published, reason: str) -> str:
    """Return the message for weights that could not be had."""
    return (
        f"{published.what} was not found and cannot be downloaded ({reason}). "
        f"On a machine with network run: hf download {published.repo_id} "
        f"--revision {published.revision} "
        + " ".join(f"--include '{name}'" for name in published.files)
        + f" --local-dir DIR; then put DIR at {cache_folder(published.repo_id)} or give its path. "
        "If the repository asks for a licence, accept it on its page and run: hf auth login"
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
