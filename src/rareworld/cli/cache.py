"""`rareworld cache`: clips become latents and text contexts, once, before training."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rareworld.cli.jobs import AsJson, Overwrite, Settings, Workers, told_once
from rareworld.cli.output import print_json
from rareworld.data.config import override
from rareworld.errors import JobError

if TYPE_CHECKING:
    from rareworld.train.config import TrainConfig
    from rareworld.train.data.cache_build import CacheReport


def cache(
    recipe: Annotated[
        str, typer.Argument(help="Settings file of a run, or a recipe: rareworld train --list.")
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Cache; default: data.cache, else NAME/cache."),
    ] = None,
    settings: Settings = None,
    workers: Workers = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Encode a run's clips and captions; damaged shards are found and made again.

    The same command goes on after a stop, and brings the cache up to date when clips have changed.
    torchrun shares the work among GPUs.
    """
    from rareworld.nn.ranks import Ranks
    from rareworld.runtime.progress import progress_bar
    from rareworld.train.data.cache_build import WAIT_S, build_cache
    from rareworld.train.data.cache_plan import cache_folder, plan_cache

    config = read_run(recipe, settings or [])
    folder = out or cache_folder(config)
    with told_once(Ranks.join("cpu", timeout_s=WAIT_S)) as ranks:
        plan = ranks.together(
            lambda: plan_cache(
                config,
                folder,
                ranks,
                overwrite=overwrite,
                command=command(recipe, settings or [], out),
            )
        )
        with progress_bar("cache", len(plan.shards), show=ranks.leads and not as_json) as watcher:
            report = build_cache(plan, ranks, workers=workers, watcher=watcher)
        if ranks.leads:
            _tell(report, as_json=as_json)
        if report.quarantined:
            raise _left_out(report)


def read_run(recipe: str, settings: list[str]) -> "TrainConfig":
    """Return the settings of a run: a file's or a recipe's, under `--set`.

    Raises:
        ConfigError: If there is no such recipe, or a value is wrong.
    """
    from rareworld.recipes.training import training_recipe
    from rareworld.train.config import TrainConfig

    if Path(recipe).is_file():
        return TrainConfig.read(Path(recipe), settings)
    values = training_recipe(recipe).model_dump(mode="json")
    return TrainConfig.parse(override(values, settings), source=recipe)


def command(recipe: str, settings: list[str], out: Path | None) -> str:
    """Return the command line that makes a cache again."""
    sets = [word for item in settings for word in ("--set", item)]
    where = [] if out is None else ["--out", str(out)]
    return shlex.join(["rareworld", "cache", recipe, *sets, *where])


def _tell(report: "CacheReport", *, as_json: bool) -> None:
    """Print how the job ended."""
    if as_json:
        print_json(
            {
                "out": str(report.folder),
                "clips": report.clips,
                "windows": report.windows,
                "made": report.latents.count("done"),
                "kept": report.latents.count("kept"),
                "rebuilt": list(report.rebuilt),
                "quarantined": [
                    {"item": clip, "error": error} for clip, error in report.quarantined.items()
                ],
            }
        )
        return
    for name in report.rebuilt:
        sys.stderr.write(f"{report.folder / name}: was damaged, made again\n")
    typer.echo(
        f"{report.folder}: {report.windows} windows of {report.clips} clips; shards: "
        f"{report.latents.sentence()}"
    )


def _left_out(report: "CacheReport") -> JobError:
    """Return the error that ends the command: the rest is cached."""
    clip, error = next(iter(report.quarantined.items()))
    return JobError(
        f"{len(report.quarantined)} clips were left out, the first: {clip}: {error}; all are "
        f"listed in {report.folder / 'quarantine.json'}; the others are cached"
    )
