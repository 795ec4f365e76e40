"""`rareworld demo`: the main job in one command."""

from pathlib import Path
from typing import Annotated

import typer

from rareworld.cli.jobs import Out, Overwrite, Workers
from rareworld.cli.output import error_console


def demo(
    *,
    out: Out = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all draws.")] = 7,
    workers: Workers = 0,
    overwrite: Overwrite = False,
) -> None:
    """Simulate and label six incidents and show them in one HTML page."""
    from rareworld.recipes.demo import Demo, demo_config

    console = error_console()
    report = Demo(
        out, demo_config(seed), workers=workers, overwrite=overwrite, say=console.print
    ).run()
    typer.echo(f"open {report}")
