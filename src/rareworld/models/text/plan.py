"""What `rareworld embed` is about to do: settings, items, folders; and upstream's files after it.

Proved in `tests/models/text/test_plan.py`.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import final

from torch import distributed

from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.models.text.cache import ContextCache
from rareworld.models.text.captions import Layout, layout_of, read_captions
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.job import EmbedStage, Part, Shard, share, split, stale_shards
from rareworld.models.text.load import EncoderConfig, find_encoder, identify
from rareworld.models.text.upstream import PICKLE_FOLDER, write_pickles
from rareworld.runtime.stage import JobReport


@final
class EmbedConfig(Config):
    """How a dataset's captions are encoded."""

    encoder: EncoderConfig
    """The encoder and where it runs."""
    captions: Layout = Layout.AUTO
    """Where captions stand."""
    prompt_type: str | None = None
    """Which text of `captions/*.json`: long, short, medium; null takes the first."""
    pickles: bool | None = None
    """Write upstream's `t5_xxl` too; null: for T5 on a dataset with `metas`."""
    batch: int = 8
    """Prompts encoded at once."""


@final
@dataclass(frozen=True, kw_only=True)
class EmbedPlan:
    """One process's part of a job."""

    stage: EmbedStage
    parts: tuple[Part, ...]
    out: Path
    pickles: Path | None
    """Folder for upstream's files; None writes none."""


def plan_embedding(
    dataset: Path,
    config: EmbedConfig,
    out: Path | None = None,
    *,
    rank: int = 0,
    ranks: int = 1,
    local_rank: int = 0,
    overwrite: bool = False,
) -> EmbedPlan:
    """Read the captions, find the encoder and share out the work.

    Args:
        dataset: Folder or file of JSON lines.
        config: Settings.
        out: Cache folder; None: `contexts/ENCODER` in the dataset, or beside its file.
        rank: Number of this process, of `ranks`.
        ranks: Processes that share the job.
        local_rank: Number of this process among those of this machine: its GPU.
        overwrite: Remove shards of the dataset as it was before.

    Raises:
        ConfigError: If settings do not go together, there are no captions, or `out` holds shards
            of another dataset and `overwrite` is not set.
        FormatError: If the encoder's weights cannot be found or read.
    """
    _check(config)
    layout = layout_of(dataset, config.captions)
    pickles = _pickle_folder(dataset, layout, config)
    parts = split(read_captions(dataset, layout, prompt_type=config.prompt_type))
    encoder = find_encoder(config.encoder, local_rank=local_rank)
    home = dataset if dataset.is_dir() else dataset.parent
    folder = out or home / "contexts" / encoder.encoder
    _clear(stale_shards(parts, folder), overwrite=overwrite)
    return EmbedPlan(
        stage=EmbedStage(config=encoder, identity=identify(encoder), batch=config.batch),
        parts=share(parts, rank, ranks),
        out=folder,
        pickles=pickles,
    )


def export_pickles(plan: EmbedPlan, report: JobReport) -> int:
    """Write upstream's file of every clip that was encoded; return how many had to change.

    Raises:
        FormatError: If a context cannot be kept in float16.
    """
    ended = {outcome.item for outcome in report.outcomes if outcome.status != "quarantined"}
    clips = [
        caption.clip
        for part in plan.parts
        if isinstance(part, Shard) and part.name in ended
        for caption in part.captions
    ]
    if plan.pickles is None or not clips:
        return 0
    cache = ContextCache.open(plan.out)
    return write_pickles(plan.pickles, ((clip, cache.context(clip)) for clip in clips))


def wait_for_ranks(ranks: int) -> None:
    """Return once every process of `torchrun` is here.

    It stops all others as soon as one ends with an error, so one that has captions in quarantine
    must not end before the others have done their work.
    """
    if ranks == 1 or not distributed.is_torchelastic_launched():
        return
    distributed.init_process_group("gloo", timeout=timedelta(days=30))
    distributed.barrier()
    distributed.destroy_process_group()


def _check(config: EmbedConfig) -> None:
    if config.batch < 1:
        raise ConfigError(f"batch: expected at least 1, found {config.batch}")
    reason1 = config.encoder.encoder is EncoderName.REASON1
    if reason1 and config.encoder.projection is None:
        raise ConfigError(
            "reason1: contexts are kept after the net's projection (1 MB instead of 103 MB a "
            "caption); name the Predict2.5 checkpoint they are for: --projection CHECKPOINT"
        )


def _pickle_folder(dataset: Path, layout: Layout, config: EmbedConfig) -> Path | None:
    """Return where upstream's files go.

    Raises:
        ConfigError: If they are wanted for an encoder upstream has no such files of.
    """
    t5 = config.encoder.encoder is EncoderName.T5
    if config.pickles and not (t5 and dataset.is_dir()):
        raise ConfigError(
            f"pickles: upstream's {PICKLE_FOLDER} holds T5 contexts of a dataset folder, found "
            f"encoder {config.encoder.encoder} and {dataset}; leave --pickles out"
        )
    wanted = t5 and layout is Layout.METAS if config.pickles is None else config.pickles
    return dataset / PICKLE_FOLDER if wanted else None


def _clear(stale: Sequence[Path], *, overwrite: bool) -> None:
    """Remove shards of the dataset as it was, if that is allowed."""
    if stale and not overwrite:
        raise ConfigError(
            f"{stale[0]} is one of {len(stale)} shards of another or smaller dataset; choose "
            "another --out, or pass --overwrite to replace them"
        )
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
