"""`rareworld footage`: simulated traffic, filmed and told in words, as a folder for training."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from rareworld.cli.jobs import AsJson, Out, Overwrite, Settings, Workers, run_job
from rareworld.cli.output import print_table
from rareworld.data.config import override, read_mapping
from rareworld.errors import ConfigError, InterruptedJobError, JobError


def footage(
    recipe: Annotated[
        str | None, typer.Argument(help="Name of a recipe (--list), or a YAML, TOML or JSON file.")
    ] = None,
    *,
    out: Out = Path("footage"),
    n: Annotated[int | None, typer.Option("--n", min=1, help="Number of recordings.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of all draws.")] = None,
    settings: Settings = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    gather_only: Annotated[
        bool, typer.Option("--gather", help="Take what is finished so far into the set, then stop.")
    ] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the recipes, then stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Film simulated traffic from CCTV cameras: videos with captions, for training."""
    if show_list:
        _list()
        return
    if recipe is None:
        raise ConfigError("a recipe is needed: rareworld footage mini_normal --out DIR")
    from rareworld.recipes.footage import FootageConfig, FootageStage
    from rareworld.recipes.footage_folder import ITEMS, gather

    values = override(_values(recipe), settings or [])
    values |= {key: value for key, value in (("n", n), ("seed", seed)) if value is not None}
    config = FootageConfig.parse(values, source=recipe)
    stage = FootageStage(config, out / ".maps")
    if gather_only:
        typer.echo(f"{out}: {gather(out, stage, replace=overwrite)} clips")
        return

    def take() -> None:
        count = gather(out, stage, replace=overwrite)
        if not as_json:
            typer.echo(f"{out}: {count} clips")

    try:
        run_job(
            stage,
            range(config.n),
            out / ITEMS,
            workers=workers,
            overwrite=overwrite,
            as_json=as_json,
        )
    except (JobError, InterruptedJobError):
        # a set of what is finished; a refused job has none: its folder is another configuration's
        with suppress(ConfigError):
            take()
        raise
    take()


def _values(recipe: str) -> dict[str, Any]:
    """Return the settings behind a name or a file."""
    from rareworld.recipes.footage_recipes import FOOTAGE, footage_recipe

    path = Path(recipe)
    if recipe in FOOTAGE or not path.suffix:
        config = footage_recipe(recipe)
        return config.model_dump(mode="json", exclude={"lens"}) | {"lens": config.lens.told()}
    return dict(read_mapping(path))


def _list() -> None:
    """Print the recipes."""
    from rareworld.recipes.footage_recipes import FOOTAGE

    rows = [
        [name, str(config.n), config.scenes.value, config.lens.preset.value]
        for name, config in FOOTAGE.items()
    ]
    print_table("Footage", ["recipe", "recordings", "scenes", "lens"], rows)
