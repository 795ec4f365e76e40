"""What the long verbs share: running a stage with a progress bar and telling how it ended."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from rareworld.cli.output import print_json
from rareworld.errors import (
    CameraError,
    ConfigError,
    DeviceError,
    FormatError,
    JobError,
    MapError,
    RareworldError,
    ScenarioError,
    StoreError,
)
from rareworld.runtime.local import QUARANTINE, LocalRunner
from rareworld.runtime.progress import progress_bar
from rareworld.runtime.stage import JobReport, Stage

if TYPE_CHECKING:
    from rareworld.nn.ranks import Ranks

T = TypeVar("T")

GRACE_S = 5.0
"""Seconds that a rank with nothing to tell waits: its end would end the one that tells."""
KINDS: dict[str, type[RareworldError]] = {
    kind.__name__: kind
    for kind in (
        ConfigError,
        FormatError,
        MapError,
        StoreError,
        ScenarioError,
        CameraError,
        DeviceError,
    )
}
"""Errors whose exit code a job takes over when all its items failed with one of them."""

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


@contextmanager
def told_once(ranks: "Ranks") -> Generator["Ranks"]:
    """Hold ranks together; an error that several share is told by one of them.

    Raises:
        RareworldError: Where it is this rank's to tell; the others end with its code.
    """
    try:
        with ranks:
            yield ranks
    except RareworldError as error:
        if error is not ranks.elsewhere:
            raise
        time.sleep(GRACE_S)
        raise typer.Exit(error.exit_code) from None


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
        RareworldError: If an item was quarantined; everything else is written and kept.
    """
    with progress_bar(stage.name, len(items), show=not as_json) as watcher:
        report = LocalRunner(workers=workers, overwrite=overwrite).run(stage, items, out, watcher)
    tell(report, out, as_json=as_json)
    if report.quarantined:
        raise failure(report, out)
    return report


def failure(report: JobReport, out: Path) -> RareworldError:
    """Return the error that ends the command: of one class if all items failed with it."""
    bad = report.quarantined
    first = f"{bad[0].item}: {bad[0].error.splitlines()[-1]}"
    message = (
        f"{len(bad)} of {len(report.outcomes)} items were quarantined, the first: {first}; "
        f"all are listed in {out / QUARANTINE}; finished work is kept"
    )
    kinds = {outcome.kind for outcome in bad}
    alone = len(bad) == len(report.outcomes) and len(kinds) == 1
    return KINDS.get(kinds.pop(), JobError)(message) if alone else JobError(message)


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
