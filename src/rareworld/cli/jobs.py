"""What the long verbs share: running a stage with a progress bar and telling how it ended."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from rareworld.cli.output import print_json
from rareworld.errors import JobError
from rareworld.runtime.local import QUARANTINE, LocalRunner
from rareworld.runtime.progress import progress_bar
from rareworld.runtime.stage import JobReport, Stage

T = TypeVar("T")

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes; 0 takes one per core.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace results of another configuration.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.SUB=VALUE", help="Override one value of the config."),
]


def run_job(
    stage: Stage[T],
    items: Sequence[T],
    out: Path,
    *,
    workers: int,
    overwrite: bool,
    as_json: bool,
) -> JobReport:
    """Run all items and tell how they ended.

    Raises:
        JobError: If an item was quarantined; everything else is written and kept.
    """
    with progress_bar(stage.name, len(items), show=not as_json) as watcher:
        report = LocalRunner(workers=workers, overwrite=overwrite).run(stage, items, out, watcher)
    tell(report, out, as_json=as_json)
    if report.quarantined:
        first = report.quarantined[0]
        raise JobError(
            f"{len(report.quarantined)} of {len(items)} items were quarantined, the first: "
            f"{first.item}: {first.error.splitlines()[-1]}; all are listed in {out / QUARANTINE}; "
            f"finished work is kept, run the same command again to retry"
        )
    return report


def tell(report: JobReport, out: Path, *, as_json: bool) -> None:
    """Print the outcome of every item."""
    if as_json:
        print_json(
            {
                "out": str(out),
                "items": [
                    {"item": o.item, "status": o.status, "error": o.error, **o.summary}
                    for o in report.outcomes
                ],
            }
        )
    else:
        typer.echo(f"{out}: {report.sentence()}")
