"""`rareworld inspect`: what a checkpoint or adapter is, and which families there are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rareworld.cli.jobs import AsJson
from rareworld.cli.output import print_json, print_table
from rareworld.errors import ConfigError

if TYPE_CHECKING:
    from rareworld.models.cosmos_predict.weights.inspection import AdapterFacts, Facts


def inspect(
    checkpoint: Annotated[
        Path | None, typer.Argument(metavar="CKPT", help="Checkpoint or adapter, any layout.")
    ] = None,
    *,
    families: Annotated[
        bool, typer.Option("--families", help="List each family's shape and parameter count.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell a checkpoint's family, size, number types, keys, adapter and average."""
    if families == (checkpoint is not None):
        raise ConfigError("inspect wants a checkpoint or --families: rareworld inspect CKPT")
    if checkpoint is None:
        _families(as_json=as_json)
        return
    from rareworld.models.cosmos_predict.weights.inspection import inspect_checkpoint
    from rareworld.models.mini.find import named

    facts = inspect_checkpoint(named(checkpoint))
    if as_json:
        print_json(facts.document())
    else:
        print_table(facts.path, ["what", "found"], _rows(facts))


def _families(*, as_json: bool) -> None:
    from rareworld.models.cosmos_predict.families import families_table

    rows = families_table()
    if as_json:
        print_json({"families": rows})
        return
    facts = [name for name in rows[0] if name != "family"]
    shown = [[fact.replace("_", " "), *(_number(row[fact]) for row in rows)] for fact in facts]
    print_table("Families", ["", *(str(row["family"]) for row in rows)], shown)


def _number(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _size(count: int) -> str:
    """Return a size on disk as people say it."""
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.2f} MB"


def _rows(facts: "Facts") -> list[list[str]]:
    """Return the lines of the table for people."""
    rows = [["layout", facts.layout]]
    if facts.family is not None:
        rows += [["family", facts.family]]
    if facts.parameters is not None:
        rows += [
            ["parameters", f"{facts.parameters:,} in {facts.keys} tensors"],
            ["averaged weights", "yes: take them with --ema" if facts.ema else "no"],
            ["clean frames' timestep", _timestep(facts)],
        ]
    rows += [["type", ", ".join(facts.dtypes)], ["size", _size(facts.bytes)]]
    return rows + (_adapter_rows(facts.lora) if facts.lora is not None else [])


def _timestep(facts: "Facts") -> str:
    if facts.conditional_timestep is None:
        return facts.conditional_timestep_by or "nothing says it: set conditional_timestep"
    return f"{facts.conditional_timestep:g}, says {facts.conditional_timestep_by}"


def _adapter_rows(lora: "AdapterFacts") -> list[list[str]]:
    alphas = "nothing says it" if lora.alphas is None else ", ".join(f"{a:g}" for a in lora.alphas)
    return [
        ["adapter", f"{'DoRA' if lora.dora else 'LoRA'}, {lora.state}"],
        ["rank", ", ".join(map(str, lora.ranks))],
        ["alpha", alphas],
        ["adapted layers", f"{lora.layers}: {', '.join(lora.targets)}"],
        ["adapter parameters", f"{lora.parameters:,}"],
    ]
