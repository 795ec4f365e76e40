"""The `rareworld` command: verbs, and the one place where errors become exit codes.

Exit codes: 0 done, 1 other error, 2 wrong recipe or option, 3 unreadable file, 4 impossible
scenario, 5 bad camera, 6 missing package, 7 job ended with quarantined items, 130 interrupted.
"""

import sys
from typing import Annotated, NoReturn

import typer

from rareworld import __version__
from rareworld.cli import (
    annotate,
    cache,
    conditions,
    convert,
    demo,
    doctor,
    embed,
    evaluate,
    export,
    footage,
    generate,
    inspect,
    simulate,
    train,
    weights,
)
from rareworld.cli.extras import missing_extra
from rareworld.cli.output import print_error
from rareworld.errors import RareworldError

app = typer.Typer(
    name="rareworld",
    help="Make, label, re-light, curate, learn and judge video of the events cameras rarely catch.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("simulate")(simulate.simulate)
app.command("annotate")(annotate.annotate)
app.command("conditions")(conditions.conditions)
app.command("footage")(footage.footage)
app.command("export")(export.export)
app.command("embed")(embed.embed)
app.command("cache")(cache.cache)
app.command("train")(train.train)
app.command("generate")(generate.generate)
app.command("evaluate")(evaluate.evaluate)
app.command("weights")(weights.weights)
app.command("convert")(convert.convert)
app.command("inspect")(inspect.inspect)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def _version(*, value: bool) -> bool:
    """Print the version and leave."""
    if value:
        typer.echo(f"rareworld {__version__}")
        raise typer.Exit
    return value


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold options that stand before the verb."""


def main() -> None:
    """Run the command line; user errors are printed without a traceback."""
    try:
        app()
    except RareworldError as error:
        _leave(error)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        _leave(missing)


def _leave(error: RareworldError) -> NoReturn:
    """Tell the user and end with the error's code."""
    as_json = "--json" in sys.argv
    print_error(type(error).__name__, str(error), as_json=as_json, exit_code=error.exit_code)
    sys.exit(error.exit_code)
