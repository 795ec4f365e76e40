"""`rareworld simulate`: a recipe of scenarios becomes recordings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rareworld.cli.jobs import AsJson, Out, Overwrite, Settings, Workers, run_job
from rareworld.cli.output import print_json, print_table
from rareworld.data.config import override, read_mapping
from rareworld.errors import ConfigError
from rareworld.runtime.stage import JobReport


def simulate(
    recipe: Annotated[
        Path | None, typer.Argument(help="YAML, TOML or JSON recipe (see docs/learn).")
    ] = None,
    *,
    out: Out = Path("recordings"),
    n: Annotated[int | None, typer.Option("--n", min=1, help="Number of recordings.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of all draws.")] = None,
    settings: Settings = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="List scenarios and places, then stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate incidents on a map: trajectories and events."""
    if show_list:
        _list(as_json=as_json)
        return
    if recipe is None:
        raise ConfigError("a recipe is needed: rareworld simulate RECIPE.yaml --out DIR")
    values = override(read_mapping(recipe), settings or [])
    values |= {key: value for key, value in (("n", n), ("seed", seed)) if value is not None}
    report = _run(values, recipe, out, workers=workers, overwrite=overwrite, as_json=as_json)
    if not as_json:
        typer.echo(acceptance(report))


def _run(
    values: Mapping[str, Any],
    recipe: Path,
    out: Path,
    *,
    workers: int,
    overwrite: bool,
    as_json: bool,
) -> JobReport:
    """Run the recipe's items."""
    from rareworld.simulate.job import SimulateConfig, SimulateStage, check_recipe

    config = SimulateConfig.parse(values, source=str(recipe))
    if config.map is not None and not config.map.is_absolute():
        config = config.model_copy(update={"map": recipe.parent / config.map})
    check_recipe(config)
    stage = SimulateStage(config, out / ".maps")
    return run_job(
        stage, range(config.n), out, workers=workers, overwrite=overwrite, as_json=as_json
    )


def acceptance(report: JobReport) -> str:
    """Return how many attempts the finished recordings took."""
    finished = [o.summary for o in report.outcomes if o.status != "quarantined"]
    attempts = sum(int(summary["attempts"]) for summary in finished)
    if not attempts:
        return "no recording was accepted"
    share = len(finished) / attempts
    return f"{len(finished)} recordings in {attempts} attempts: acceptance {share:.0%}"


def _list(*, as_json: bool) -> None:
    """Print all scenarios and places."""
    from rareworld.simulate.maps.places import PLACES
    from rareworld.simulate.scenarios.catalogue import SCENARIOS

    scenarios = [
        {
            "scenario": name,
            "title": kind.title,
            "summary": kind.summary,
            "outcomes": [outcome.value for outcome in kind.outcomes],
            "places": [place for place, info in PLACES.items() if kind.needs <= info.tags],
        }
        for name, kind in SCENARIOS.items()
    ]
    places = [
        {"place": name, "description": info.description, "tags": sorted(info.tags)}
        for name, info in PLACES.items()
    ]
    if as_json:
        print_json({"scenarios": scenarios, "places": places})
        return
    rows = [[str(s["scenario"]), ", ".join(s["outcomes"]), str(s["summary"])] for s in scenarios]
    print_table("Scenarios", ["scenario", "outcomes", "what happens"], rows)
    shown = [[str(p["place"]), str(p["description"]), ", ".join(p["tags"])] for p in places]
    print_table("Places", ["place", "what it is", "tags"], shown)
