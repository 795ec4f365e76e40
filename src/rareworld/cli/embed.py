"""`rareworld embed`: captions become text contexts, once, before training or generating."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer

from rareworld.cli.jobs import AsJson, Overwrite, Settings, Workers, failure, tell
from rareworld.data.config import override, read_mapping
from rareworld.errors import ConfigError


def embed(
    dataset: Annotated[
        Path, typer.Argument(help="Folder with metas/, captions/ or clips, or a .jsonl file.")
    ],
    *,
    encoder: Annotated[
        str | None, typer.Option("--encoder", help="t5 (Predict2), reason1 (Predict2.5) or mini.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Encoder's folder; default: caches, then hub.")
    ] = None,
    projection: Annotated[
        Path | None,
        typer.Option("--projection", help="Predict2.5 checkpoint that the contexts are for."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Cache; default: DATASET/contexts/ENCODER."),
    ] = None,
    captions: Annotated[
        str | None, typer.Option("--captions", help="auto, metas, captions, clips or jsonl.")
    ] = None,
    prompt_type: Annotated[
        str | None, typer.Option("--prompt-type", help="Text of captions/*.json: long, short, ...")
    ] = None,
    pickles: Annotated[
        bool | None,
        typer.Option("--pickles/--no-pickles", help="Write t5_xxl too; default: t5 with metas."),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto (default), cpu, cuda or cuda:N.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    settings: Settings = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Encode a dataset's captions; the same command goes on after a stop, torchrun shares it."""
    from rareworld.models.text.plan import (
        EmbedConfig,
        export_pickles,
        plan_embedding,
        wait_for_ranks,
    )
    from rareworld.runtime.local import LocalRunner
    from rareworld.runtime.progress import progress_bar

    options = {"captions": captions, "prompt_type": prompt_type, "pickles": pickles}
    of_encoder = {
        "encoder": encoder, "weights": weights, "projection": projection, "device": device,
    }  # fmt: skip
    values = _settings(config, options, of_encoder, settings or [])
    rank, ranks = _environment("RANK", 0), _environment("WORLD_SIZE", 1)
    plan = plan_embedding(
        dataset,
        EmbedConfig.parse(values, source=str(config or "--set")),
        out,
        rank=rank,
        ranks=ranks,
        local_rank=_environment("LOCAL_RANK", 0),
        overwrite=overwrite,
    )
    runner = LocalRunner(workers=workers, overwrite=overwrite)
    with progress_bar("embed", len(plan.parts), show=rank == 0 and not as_json) as watcher:
        report = runner.run(plan.stage, plan.parts, plan.out, watcher)
    export_pickles(plan, report)
    wait_for_ranks(ranks)
    tell(report, plan.out, as_json=as_json)
    if report.quarantined:
        raise failure(report, plan.out)


def _settings(
    config: Path | None,
    options: Mapping[str, object],
    of_encoder: Mapping[str, object],
    settings: Sequence[str],
) -> dict[str, object]:
    """Return the settings file's values, under the options given, under `--set`."""
    values: dict[str, object] = read_mapping(config) if config else {}
    values |= _given(options)
    section = values.get("encoder", {})
    if isinstance(section, dict):
        values["encoder"] = cast(dict[str, object], section) | _given(of_encoder)
    return override(values, settings)


def _given(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options the user gave."""
    return {key: value for key, value in options.items() if value is not None}


def _environment(name: str, default: int) -> int:
    """Return a number that torchrun sets."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise ConfigError(f"{name}: expected a number as torchrun sets it, found {text!r}")
    return int(text)
