"""`rareworld evaluate`: how far generated clips are from real ones, and how sure that is."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from rareworld.cli.jobs import AsJson, Settings
from rareworld.cli.output import error_console, print_json, print_table
from rareworld.data.config import override, read_mapping
from rareworld.data.jsontext import write_json
from rareworld.errors import ConfigError, InterruptedJobError, JobError
from rareworld.runtime.local import QUARANTINE

if TYPE_CHECKING:
    from rareworld.evaluate.results import Evaluation

Tell = Callable[[str, int, int], object]


def evaluate(
    real: Annotated[Path, typer.Argument(help="Real clips: a folder of videos, or features.")],
    generated: Annotated[Path, typer.Argument(help="Generated clips: the same.")],
    *,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Another generated set, such as before post-training."),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="fid, kid, fvd, cd_fvd, jedi; with commas.")
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", help="Protocol by name; may be repeated.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto (default), cpu, cuda or cuda:N.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", metavar="NET=PATH", help="A network's weights; may be repeated."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder that features are kept in.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for report.json and report.html.")
    ] = Path("report"),
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Compare generated clips with real ones; the same command goes on with what is cached."""
    from rareworld.evaluate.config import EvaluateConfig
    from rareworld.evaluate.job import evaluate_sets
    from rareworld.evaluate.report import write_report

    values = read_mapping(config) if config else {}
    given = {
        "metrics": [word.strip() for word in metrics.split(",")] if metrics else None,
        "protocols": protocol,
        "device": device,
        "cache": cache,
        "weights": _weights(weights) if weights else None,
    }
    values |= {name: value for name, value in given.items() if value is not None}
    chosen = EvaluateConfig.parse(override(values, settings or []), source=str(config or "--set"))
    with _interrupts(chosen.cache), _bars(show=not as_json) as tell:
        evaluation = evaluate_sets(real, generated, chosen, baseline, tell)
    write_report(evaluation, out)
    _print(evaluation, out, as_json=as_json)
    _end(evaluation, out)


def _weights(given: Sequence[str]) -> dict[str, str]:
    """Return path by network.

    Raises:
        ConfigError: If one is not of the form NET=PATH.
    """
    out: dict[str, str] = {}
    for item in given:
        name, sign, path = item.partition("=")
        if not sign or not name or not path:
            raise ConfigError(f"--weights wants NET=PATH such as i3d=i3d.pt, got {item!r}")
        out[name] = path
    return out


@contextmanager
def _interrupts(cache: Path | None) -> Generator[None]:
    """Say what is kept where the user stops the work.

    Raises:
        InterruptedJobError: On Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        kept = (
            "nothing is kept without --cache" if cache is None else f"features in {cache} are kept"
        )
        raise InterruptedJobError(f"interrupted; {kept}; run the same command to go on") from None


@contextmanager
def _bars(*, show: bool) -> Generator[Tell | None]:
    """Show a bar for each thing that is done, on standard error, where a person looks."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error_console()) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield tell


def _print(evaluation: "Evaluation", out: Path, *, as_json: bool) -> None:
    """Print the table, the doubts and the changes; or the report as JSON."""
    from rareworld.evaluate.report import COLUMNS, HTML_FILE, row
    from rareworld.evaluate.words import tell_comparison

    if as_json:
        print_json({"out": str(out), **evaluation.document()})
        return
    rows = [row(number)[1:-1] for number in evaluation.numbers]
    print_table("Distance from real video", COLUMNS[1:-1], rows)
    for text in dict.fromkeys(f"{n.protocol}: {n.weights}" for n in evaluation.numbers):
        typer.echo(text)
    for item in evaluation.comparisons:
        typer.echo(tell_comparison(item))
    for text in evaluation.warnings:
        error_console().print(f"[yellow]warning[/] {escape(text)}")
    typer.echo(f"report: {out / HTML_FILE}")


def _end(evaluation: "Evaluation", out: Path) -> None:
    """Leave the list of clips that were not measured, and end with an error if there are any.

    Raises:
        JobError: If a clip was quarantined; all others are measured and reported.
    """
    bad = evaluation.quarantined
    path = out / QUARANTINE
    if not bad:
        path.unlink(missing_ok=True)
        return
    write_json(path, [{"item": f"{b.label}/{b.clip}", "error": b.error} for b in bad])
    raise JobError(
        f"{len(bad)} clips were quarantined, the first: {bad[0].label}/{bad[0].clip}: "
        f"{bad[0].error}; all are listed in {path}; the others are measured and reported"
    )
