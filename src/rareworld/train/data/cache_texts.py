"""Contexts of a training cache: encoded here, or taken over from upstream's files.

A Predict2 folder may hold `t5_xxl/NAME.pickle` beside its videos. They are used for every clip that
has one where the net takes T5, so that T5-11B need not be loaded; what cannot be used is told,
never passed over. Nothing in them tells which caption they were made of: a caption that was changed
afterwards needs its file deleted. Predict2.5's contexts are kept after the net's projection, 512
rows of 1024 channels.

Proved in `tests/train/data/test_cache_texts.py`.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch

from rareworld.data.atomic import sha256_bytes, sha256_file
from rareworld.errors import ConfigError, FormatError, JobError
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.pipeline import (
    encoder_of,
    mini_width,
    pipeline_of,
    text_folder,
)
from rareworld.models.text.cache import ContextCache, Entry, Identity, write_shard
from rareworld.models.text.captions import Caption
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.job import EmbedStage, Shard, share, split, stale_shards
from rareworld.models.text.load import EncoderConfig, find_encoder, identify
from rareworld.models.text.upstream import PICKLE_FOLDER, read_pickle
from rareworld.nn.ranks import Ranks
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.stage import JobReport, Report, Stage
from rareworld.train.config import TrainConfig
from rareworld.train.data.clips import ClipItem, Rejected

ENCODED = "encoded"
PICKLED = Identity(encoder=EncoderName.T5, weights="upstream's t5_xxl", dtype="float32")
"""Upstream's files do not say more."""


@final
@dataclass(frozen=True, kw_only=True)
class Texts:
    """Where contexts come from."""

    encoder: EncoderConfig
    captions: tuple[Caption, ...]
    """Those to encode."""
    pipeline: Path | None
    """Folder that has the encoder, if there is one."""
    pickled: tuple[Caption, ...]
    """Those whose contexts upstream has made."""
    pickles: Mapping[str, Path]
    """Upstream's files, by clip."""
    overwrite: bool = False
    """Replace contexts of another encoder."""


def plan_texts(
    config: TrainConfig,
    items: Sequence[ClipItem],
    net: Path | None,
    family: Family,
    device: torch.device,
    dtype: str,
) -> tuple[Texts, dict[str, Rejected]]:
    """Return where contexts come from, and clips whose file of upstream's cannot be used.

    Raises:
        ConfigError: If contexts need the projection of a checkpoint, and there is none.
    """
    pipeline = None if net is None else pipeline_of(net)
    encoder = _encoder(config, net, pipeline, family, device, dtype)
    files = _pickles(config, items) if encoder.encoder is EncoderName.T5 else {}
    errors = {clip: _unfit(path, family.net.context_dim) for clip, path in files.items()}
    captions = [Caption(clip=item.name, text=item.caption) for item in items]
    texts = Texts(
        encoder=encoder,
        captions=tuple(caption for caption in captions if caption.clip not in files),
        pipeline=pipeline,
        pickled=tuple(caption for caption in captions if errors.get(caption.clip) == ""),
        pickles=files,
    )
    return texts, {
        clip: Rejected(name=clip, path=files[clip], error=error)
        for clip, error in errors.items()
        if error
    }


def _encoder(
    config: TrainConfig,
    net: Path | None,
    pipeline: Path | None,
    family: Family,
    device: torch.device,
    dtype: str,
) -> EncoderConfig:
    """Return the encoder's settings; its weights are looked for when they are needed."""
    name = config.base.encoder or encoder_of(pipeline, family.objective)
    if name is EncoderName.REASON1 and net is None:
        raise ConfigError(
            f"base.model: {config.base.model} is a shape without weights, but contexts of reason1 "
            "go through a checkpoint's projection; name a checkpoint, or set base.encoder to mini"
        )
    return EncoderConfig(
        encoder=name,
        weights=config.base.encoder_weights,
        projection=net if name is EncoderName.REASON1 else None,
        width=mini_width(pipeline, family.net),
        dtype="float32" if dtype == "float32" else "bfloat16",
        device=str(device),
    )


def _pickles(config: TrainConfig, items: Sequence[ClipItem]) -> dict[str, Path]:
    """Return the files of `t5_xxl` that stand beside the clips' videos."""
    out: dict[str, Path] = {}
    for item in items:
        clip = item.name.partition("/")[2]
        path = config.data.sources[item.source].path / PICKLE_FOLDER / f"{clip}.pickle"
        if path.is_file():
            out[item.name] = path
    return out


def _unfit(path: Path, width: int) -> str:
    """Return why a file of upstream's cannot be used; empty if it can."""
    try:
        found = read_pickle(path).shape[1]
    except FormatError as error:
        return str(error)
    if found == width:
        return ""
    return f"{path}: expected {width} channels as the net takes, found {found}; delete the file"


def run_texts(texts: Texts, home: Path, ranks: Ranks, runner: LocalRunner) -> tuple[JobReport, ...]:
    """Make this process's contexts; remove, as the leading one, what is not of this cache.

    Raises:
        ConfigError: If the folder holds contexts of another encoder that may not be replaced.
        JobError: If a shard could not be made.
        FormatError: If the encoder's weights cannot be found or read.
    """
    pickles = PickleStage(files=texts.pickles)
    with text_folder(texts.pipeline) as folder:
        embed = _embed(texts, folder) if texts.captions else None
        if embed is not None and not texts.overwrite:
            _refuse_other(home / ENCODED, embed.identity)
        taken = _into(home / pickles.name, pickles, texts.pickled, ranks, runner)
        made = _into(home / ENCODED, embed, texts.captions, ranks, runner)
    return taken, made


def _embed(texts: Texts, folder: Path | None) -> EmbedStage:
    """Find the encoder: the one given, the pipeline's own, one in the caches."""
    encoder = texts.encoder
    own = None if encoder.encoder is EncoderName.MINI else folder
    config = find_encoder(encoder.model_copy(update={"weights": encoder.weights or own}))
    return EmbedStage(config=config, identity=identify(config))


def _refuse_other(folder: Path, ours: Identity) -> None:
    if not any(folder.glob("shard-*")):
        return
    theirs = ContextCache.open(folder).identity
    if theirs != ours:
        raise ConfigError(
            f"{folder}: made by encoder {theirs.encoder} {theirs.weights[:12]} for projection "
            f"{theirs.projection}, this run has {ours.encoder} {ours.weights[:12]} and "
            f"{ours.projection}; choose another data.cache or --out, or pass --overwrite"
        )


def _into(
    folder: Path,
    stage: Stage[Shard] | None,
    captions: Sequence[Caption],
    ranks: Ranks,
    runner: LocalRunner,
) -> JobReport:
    """Make this process's shards of contexts in a folder."""
    parts = split(captions) if captions else ()
    if ranks.leads:
        for stale in stale_shards(parts, folder):
            shutil.rmtree(stale, ignore_errors=True)
    if stage is None or not captions:
        return JobReport(())
    ours = [part for part in share(parts, ranks.rank, ranks.world) if isinstance(part, Shard)]
    return whole(runner.run(stage, ours, folder))


@final
@dataclass(frozen=True, kw_only=True)
class PickleStage:
    """Takes contexts over from upstream's `t5_xxl`, so that T5-11B need not be loaded."""

    files: Mapping[str, Path]
    """Upstream's file of each clip."""

    @property
    def name(self) -> str:
        """Return `t5_xxl`."""
        return "t5_xxl"

    def item_name(self, item: Shard) -> str:
        """Return the shard's folder."""
        return item.name

    def describe(self, item: Shard) -> Mapping[str, Any]:
        """Return the hash of every clip's file and caption."""
        return {
            "clips": [
                [each.clip, _sha(each), sha256_file(self.files[each.clip])]
                for each in item.captions
            ]
        }

    def run(self, item: Shard, out: Path, report: Report) -> Mapping[str, Any]:
        """Read the files and write the shard, in float32: float16 fits in it.

        Raises:
            FormatError: If a file is damaged or holds something else.
        """
        contexts = [read_pickle(self.files[each.clip]).float() for each in item.captions]
        entries = [
            Entry(clip=each.clip, text_sha256=_sha(each), rows=len(context))
            for each, context in zip(item.captions, contexts, strict=True)
        ]
        write_shard(out, PICKLED, entries, contexts)
        report(1.0)
        return {"clips": len(entries)}


def _sha(caption: Caption) -> str:
    return sha256_bytes(caption.text.encode())


def whole(report: JobReport) -> JobReport:
    """Return a report without failures.

    Raises:
        JobError: Naming the first shard that failed; clips that cannot be read do not fail one.
    """
    if report.quarantined:
        bad = report.quarantined[0]
        raise JobError(
            f"{len(report.quarantined)} of {len(report.outcomes)} shards could not be made, the "
            f"first: {bad.item}: {bad.error.splitlines()[-1]}; finished shards are kept: mend it "
            "and run the same command again"
        )
    return report
