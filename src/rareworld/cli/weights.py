"""`rareworld weights`: which networks' weights lie here, and fetching the others."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, final

import typer

from rareworld.cli.jobs import AsJson
from rareworld.cli.output import error_console, print_json, print_table
from rareworld.errors import ConfigError

if TYPE_CHECKING:
    from rareworld.models.networks import Network


@final
class Action(StrEnum):
    """What to do."""

    LIST = "list"
    """Tell what lies here."""
    FETCH = "fetch"
    """Download what does not."""


def weights(
    action: Annotated[Action, typer.Argument(help="List all, or fetch some.")] = Action.LIST,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Networks to fetch.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the weights of networks, found or not, with terms and size; fetch them by name."""
    if action is Action.FETCH and not names:
        raise ConfigError("weights fetch: expected names; run: rareworld weights fetch NAME...")
    if action is Action.LIST and names:
        raise ConfigError(
            f"weights list: takes no names, found {' '.join(names)}; it lists every network. To "
            f"download run: rareworld weights fetch {' '.join(names)}"
        )
    if names:
        _fetch(names, as_json=as_json)
    else:
        _list(as_json=as_json)


def _list(*, as_json: bool) -> None:
    from rareworld.models.networks import networks

    rows = [_row(network) for network in networks()]
    if as_json:
        print_json({"networks": rows})
        return
    columns = ["network", "what", "found", "licence", "download", "from"]
    print_table("Weights", columns, [[row[key] or "no" for key in columns] for row in rows])


def _fetch(names: list[str], *, as_json: bool) -> None:
    """Fetch networks; no download starts before every name is known."""
    from rareworld.models.networks import network

    wanted = [network(name) for name in names]
    found = {item.name: str(item.fetch(tell=error_console().print)) for item in wanted}
    if as_json:
        print_json({"fetched": found})
    else:
        print_table("Weights", ["network", "found"], [[name, path] for name, path in found.items()])


def _row(network: "Network") -> dict[str, str | None]:
    """Return what is told of a network."""
    found = network.found()
    return {
        "network": network.name,
        "what": network.what,
        "found": str(found) if found is not None else None,
        "licence": network.licence,
        "download": network.size,
        "from": network.where(),
    }
