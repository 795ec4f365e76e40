"""The embed stage: shards of captions become shards of contexts.

A clip belongs to a shard by the hash of its name, so a caption that is added or corrected changes
one shard only. A shard is written whole under its final name or not at all: a job killed anywhere
goes on, and ends with the same bytes. Captions that cannot be read are items of their own and end
in quarantine with their file's name.

Proved in `tests/models/text/test_job.py`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from rareworld.data.atomic import sha256_bytes
from rareworld.errors import ConfigError, FormatError
from rareworld.models.text.cache import INDEX_FILE, Entry, Identity, trim, write_shard
from rareworld.models.text.captions import Caption, Found, Unreadable
from rareworld.models.text.load import EncoderConfig, load_encoder
from rareworld.runtime.stage import Report

SHARD_CLIPS = 64
"""Clips of a shard, on average at most: little is lost with a killed one, few files are made."""


@final
@dataclass(frozen=True, kw_only=True)
class Shard:
    """Captions that are encoded and written together."""

    name: str
    captions: tuple[Caption, ...]


Part = Shard | Unreadable


def split(found: Sequence[Found]) -> tuple[Part, ...]:
    """Return the items of a job: shards by hash of the clip's name, and unreadable captions."""
    shards = 1
    while shards * SHARD_CLIPS < len(found):
        shards *= 2
    buckets: list[list[Caption]] = [[] for _ in range(shards)]
    refused: list[Part] = []
    for item in found:
        if isinstance(item, Unreadable):
            refused.append(item)
        else:
            buckets[_bucket(item.clip, shards)].append(item)
    filled = [
        Shard(name=f"shard-{index:05d}-of-{shards:05d}", captions=tuple(captions))
        for index, captions in enumerate(buckets)
        if captions
    ]
    return (*filled, *refused)


def _bucket(clip: str, shards: int) -> int:
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:8], "big") % shards


def share(parts: Sequence[Part], rank: int, ranks: int) -> tuple[Part, ...]:
    """Return the parts of one of several processes.

    Unreadable captions go to all: each then writes the same list of them, and ends with the same
    exit code.
    """
    if not 0 <= rank < ranks:
        raise ConfigError(f"rank must be within 0..{ranks - 1}, found {rank}")
    shards = [part for part in parts if isinstance(part, Shard)]
    return (*shards[rank::ranks], *(part for part in parts if isinstance(part, Unreadable)))


def stale_shards(parts: Sequence[Part], out: Path) -> tuple[Path, ...]:
    """Return shards in `out` that are not of this dataset as it is now."""
    names = {part.name for part in parts if isinstance(part, Shard)}
    folders = (path.parent for path in out.glob(f"shard-*/{INDEX_FILE}"))
    return tuple(sorted(folder for folder in folders if folder.name not in names))


@final
@dataclass(frozen=True, kw_only=True)
class EmbedStage:
    """Encodes shards of captions."""

    config: EncoderConfig
    """Settings with the weights found."""
    identity: Identity
    """What the contexts are; see `load.identify`."""
    batch: int = 8
    """Prompts encoded at once."""

    @property
    def name(self) -> str:
        """Return `embed`."""
        return "embed"

    def item_name(self, item: Part) -> str:
        """Return the shard's folder; unreadable captions never get one."""
        return item.name if isinstance(item, Shard) else f"caption-{_plain(item.clip)}"

    def describe(self, item: Part) -> Mapping[str, Any]:
        """Return identity, batch (it may move last bits) and all captions by their hash."""
        texts = [] if isinstance(item, Unreadable) else item.captions
        return {
            "identity": self.identity.model_dump(mode="json"),
            "batch": self.batch,
            "captions": [[caption.clip, _sha(caption)] for caption in texts],
        }

    def run(self, item: Part, out: Path, report: Report) -> Mapping[str, Any]:
        """Encode batch after batch and write the shard.

        Raises:
            FormatError: If the item is an unreadable caption.
            DeviceError: If the encoder's device is not there.
        """
        if isinstance(item, Unreadable):
            raise FormatError(item.error)
        encoder = load_encoder(self.config)
        contexts, entries = [], []
        for start in range(0, len(item.captions), self.batch):
            batch = item.captions[start : start + self.batch]
            for caption, context in zip(
                batch, encoder.encode([caption.text for caption in batch]).cpu(), strict=True
            ):
                contexts.append(trim(context))
                entries.append(_entry(caption, len(contexts[-1]), encoder.cut(caption.text)))
            report(len(contexts) / len(item.captions))
        write_shard(out, self.identity, entries, contexts)
        cuts = [entry.clip for entry in entries if entry.cut]
        return {"clips": len(entries), "rows": sum(e.rows for e in entries), "cut": cuts}


def _entry(caption: Caption, rows: int, cut: str) -> Entry:
    return Entry(clip=caption.clip, text_sha256=_sha(caption), rows=rows, cut=cut)


def _sha(caption: Caption) -> str:
    return sha256_bytes(caption.text.encode())


def _plain(clip: str) -> str:
    """Return a clip's name as a file's, for messages; its hash keeps it unique."""
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in clip)[:80]
    return safe if safe == clip else f"{safe}-{sha256_bytes(clip.encode())[:8]}"
