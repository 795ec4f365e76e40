"""Printing for people and for machines.

People read rich text on the terminal; `--json` prints exactly one JSON document on standard output.
Progress and errors go to standard error, so that standard output can be piped.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def error_console() -> Console:
    """Return the console on standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, sort_keys=True) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def print_error(kind: str, message: str, *, as_json: bool, exit_code: int) -> None:
    """Tell the user what went wrong, on standard error."""
    if as_json:
        document = {"error": kind, "message": message, "exit_code": exit_code}
        sys.stderr.write(json.dumps(document, sort_keys=True) + "\n")
    else:
        error_console().print(f"[bold red]error[/]: {escape(message)}")
