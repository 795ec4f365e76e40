"""`rareworld convert`: checkpoints and adapters from one public layout to another."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rareworld.cli.jobs import AsJson, Overwrite
from rareworld.cli.output import error_console, print_json


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC", help=".pt, safetensors, DCP or diffusers folder, or an adapter."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the result.")],
    *,
    to: Annotated[
        str, typer.Option("--to", help="pt, diffusers, merged, adapter (diffusers' LoRA), peft.")
    ],
    adapter: Annotated[
        list[str] | None,
        typer.Option("--adapter", metavar="PATH[=WEIGHT]", help="Fold in an adapter."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Fold in the adapter that SRC holds.")
    ] = False,
    ema: Annotated[bool, typer.Option("--ema", help="Take the averaged weights.")] = False,
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", help="Alpha of SRC's adapter, where the file does not say it."),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option("--dtype", help="bf16 or fp32; default: keep every bit.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Convert a world model's checkpoint or adapter to another layout."""
    import warnings

    from rareworld.models.cosmos_predict.weights.convert import ConvertConfig
    from rareworld.models.cosmos_predict.weights.convert import convert as convert_checkpoint

    values: dict[str, Any] = {
        "to": to,
        "adapters": adapter or [],
        "merge": merge,
        "ema": ema,
        "alpha": alpha,
        "dtype": dtype,
        "overwrite": overwrite,
    }
    config = ConvertConfig.parse(values, source="convert")
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", UserWarning)
        written = convert_checkpoint(source, folder, config)
    files = {item.name: item.stat().st_size for item in sorted(folder.iterdir())}
    told = [str(note.message) for note in notes]
    if as_json:
        print_json({"out": str(folder), "written": written, "files": files, "notes": told})
        return
    for note in told:
        error_console().print(f"note: {note}", markup=False)
    typer.echo(f"{folder}: {written} in {', '.join(files)}")
