"""`rareworld export`: clips in the formats of others."""

from pathlib import Path
from typing import Annotated

import typer

from rareworld.cli.jobs import AsJson, Out, Overwrite, Settings, Workers, run_job
from rareworld.data.config import override


def export(
    clips: Annotated[list[Path], typer.Argument(help="Clip folders, or folders that hold them.")],
    *,
    out: Out = Path("export"),
    format_name: Annotated[str, typer.Option("--format", help="Target format.")] = "metropolis",
    settings: Settings = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write clips in another tool's format."""
    from rareworld.recipes.export import ExportStage, find_clips

    stage = ExportStage(format_name, override({}, settings or []))
    run_job(stage, find_clips(clips), out, workers=workers, overwrite=overwrite, as_json=as_json)
