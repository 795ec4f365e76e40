"""Calls of verbs in this process: what they print, or the error that they end with."""

import typer
from typer.testing import CliRunner, Result

from rareworld.errors import RareworldError


def done(app: typer.Typer, *arguments: object) -> Result:
    """Return what a command that must succeed printed."""
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exception is None, (result.output, result.exception)
    return result


def refused(app: typer.Typer, *arguments: object) -> RareworldError:
    """Return the error of a command that must fail by one of ours."""
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert isinstance(result.exception, RareworldError), (result.output, result.exception)
    return result.exception
