"""`rareworld train`: post-train a world model; the same command goes on after any end of it.

One process trains on one device. `--gpus N` starts several on this machine (`cli.launch`);
`torchrun ... -m rareworld train ...` on each of many starts it there (docs/learn/train.md).
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rareworld.cli.cache import read_run
from rareworld.cli.jobs import AsJson, Settings, told_once
from rareworld.cli.output import error_console, print_json
from rareworld.errors import ConfigError, DeviceError, FormatError, InterruptedJobError

if TYPE_CHECKING:
    from rareworld.train.config import TrainConfig
    from rareworld.train.run import Result

UPSTREAM = {
    "job.wandb_mode": "watch.wandb_mode",
    "job.name": "name",
    "trainer.max_iter": "steps",
    "trainer.logging_iter": "watch.every",
    "checkpoint.save_iter": "checkpoint.every",
    "model_parallel.context_parallel_size": "parallel.context",
    "model.config.lora_rank": "adapter.rank",
    "model.config.lora_alpha": "adapter.alpha",
    "model.config.lora_target_modules": "adapter.targets",
}
"""Names of Cosmos' own training configuration, and ours."""
INTERRUPTED = 130

Name = Annotated[
    str | None,
    typer.Argument(metavar="[RECIPE|FILE]", help="Recipe (--list), or a settings file."),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder of the run; default: its name.")
]
Gpus = Annotated[int | None, typer.Option("--gpus", min=1, help="Train on N GPUs of this machine.")]
Overfit = Annotated[
    int, typer.Option("--overfit", min=0, metavar="N", help="Learn N clips by heart, as a check.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show settings, size, memory, time and first batch.")
]
Listed = Annotated[bool, typer.Option("--list", help="List the recipes and what they take.")]


def train(
    recipe: Name = None,
    *,
    settings: Settings = None,
    gpus: Gpus = None,
    out: Out = None,
    dry_run: DryRun = False,
    overfit: Overfit = 0,
    list_recipes: Listed = False,
    as_json: AsJson = False,
) -> None:
    """Post-train a world model; the same command goes on after a stop."""
    if list_recipes:
        _list(gpus or 1, as_json=as_json)
        return
    call = _Call.read(recipe, settings or [], out, overfit=overfit, as_json=as_json)
    if dry_run:
        _dry_run(call, gpus or 1)
    elif gpus is not None and "WORLD_SIZE" not in os.environ:
        check_gpus(call.config.compute.device, gpus)
        _launch(gpus, call.words)
    else:
        _check_world(gpus)
        _train(call)


@dataclass(frozen=True)
class _Call:
    """What the user asked for, read."""

    config: "TrainConfig"
    folder: Path
    overfit: int
    as_json: bool
    words: tuple[str, ...]
    """The same as arguments, for other processes."""

    @classmethod
    def read(
        cls,
        recipe: str | None,
        settings: Sequence[str],
        out: Path | None,
        *,
        overfit: int,
        as_json: bool,
    ) -> "_Call":
        if recipe is None:
            raise ConfigError("name a recipe (rareworld train --list) or a settings file")
        sets = [translated(item) for item in settings]
        config = read_run(recipe, sets)
        folder = out or Path(f"{config.name}-overfit" if overfit else config.name)
        if overfit and out is None:
            config = _with_cache(config, config.data.cache or Path(config.name) / "cache")
        words = _words(recipe, sets, out, overfit)
        return cls(config, folder, overfit, as_json, (*words, *(["--json"] if as_json else [])))


def _words(recipe: str, sets: Sequence[str], out: Path | None, overfit: int) -> list[str]:
    """Return arguments that say the same."""
    words = [recipe, *(word for item in sets for word in ("--set", item))]
    words += ["--out", str(out)] if out else []
    return words + (["--overfit", str(overfit)] if overfit else [])


def translated(setting: str) -> str:
    """Return a setting under our name where upstream has another.

    >>> translated("job.wandb_mode=disabled")
    'watch.wandb_mode=disabled'
    """
    name, sign, value = setting.partition("=")
    return f"{UPSTREAM.get(name, name)}{sign}{value}"


def check_gpus(device: str, wanted: int) -> None:
    """Refuse more GPUs than this machine has.

    Raises:
        DeviceError: Naming what there is.
    """
    import torch

    found = torch.cuda.device_count()
    if device != "cpu" and wanted > found:
        raise DeviceError(
            f"--gpus {wanted}: this machine has {found}; lower --gpus, or use torchrun on several "
            "machines (--set compute.device=cpu tries it with processes on the CPU)"
        )


def launch_command(processes: int, arguments: Sequence[str]) -> list[str]:
    """Return the command that starts so many processes of this verb."""
    runner = ["-m", "rareworld.cli.launch", "--standalone", f"--nproc-per-node={processes}"]
    return [sys.executable, *runner, "-m", "rareworld", "train", *arguments]


def _launch(processes: int, arguments: Sequence[str]) -> None:
    """Start processes, pass signals on and leave as they do."""
    asked: list[int] = []
    child = subprocess.Popen(launch_command(processes, arguments))  # noqa: S603 - our own verb

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal wants
        asked.append(number)
        child.send_signal(number)

    before = {kind: signal.signal(kind, pass_on) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    if code:
        raise typer.Exit(INTERRUPTED if asked else code)


def _check_world(gpus: int | None) -> None:
    world = os.environ.get("WORLD_SIZE", "1")
    if gpus is not None and world != str(gpus):
        raise ConfigError(
            f"--gpus {gpus}: torchrun started {world} processes; leave out one of the two"
        )


def _with_cache(config: "TrainConfig", cache: Path) -> "TrainConfig":
    """Return a configuration whose cache is that of the run proper."""
    data = config.data.model_copy(update={"cache": cache})
    return config.model_copy(update={"data": data})


def _train(call: _Call) -> None:
    import torch

    from rareworld.nn.ranks import Ranks
    from rareworld.train.environment import prepare_exact
    from rareworld.train.run import Options, run

    if call.config.compute.deterministic:
        prepare_exact()
    wanted = call.config.compute.device
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted
    console = error_console()
    with told_once(Ranks.join(kind)) as ranks:
        options = Options(
            tell=lambda line: console.print(line, markup=False),
            console=None if call.as_json else console,
            overfit=call.overfit,
        )
        try:
            result = run(call.config, call.folder, ranks, options)
        except KeyboardInterrupt:
            raise InterruptedJobError(
                "interrupted outside the training loop; the same command goes on from what is saved"
            ) from None
        if ranks.leads:
            _tell(result, as_json=call.as_json)


def _tell(result: "Result", *, as_json: bool) -> None:
    if not as_json:
        typer.echo(result.words)
        return
    report = result.report
    print_json(
        {
            "out": str(result.folder),
            "step": result.step,
            "steps": result.steps,
            "loss": None if report is None else report.loss,
            "told": result.words,
        }
    )


def _dry_run(call: _Call, gpus: int) -> None:
    from rareworld.train.dry_run import dry_run

    found = dry_run(call.config, call.folder, gpus)
    if call.as_json:
        print_json(found.as_json())
    else:
        typer.echo(found.text())


def _list(gpus: int, *, as_json: bool) -> None:
    from rareworld.recipes.training import RECIPES

    free = _free_bytes(gpus)
    rows = [_row(name, gpus, free) for name in RECIPES]
    if as_json:
        print_json([row | {"gpus": gpus} for row in rows])
        return
    typer.echo(f"Estimates for {gpus} H200 (--gpus N for another number); --dry-run says more.")
    typer.echo(_here(gpus, free))
    for row in rows:
        typer.echo(f"\n{listed(row)}")


def _row(name: str, gpus: int, free: float | None) -> dict[str, Any]:
    """Return what a recipe takes; no figures where its network is not here."""
    from rareworld.recipes.training import ALIASES, RECIPES, summary
    from rareworld.train.assemble import family_of
    from rareworld.train.estimate import estimate, fits

    config = RECIPES[name]()
    aliases = [other for other, ours in ALIASES.items() if ours == name]
    about = {"recipe": name, "about": summary(name), "aliases": aliases}
    try:
        family = family_of(config.base)
    except FormatError as error:
        return about | {"fits": False, "fit": str(error)}
    found = estimate(config, family, gpus)
    fit = None if free is None else fits(found, free)
    room = {"fits": fit and fit.ok, "fit": "" if fit is None else fit.message}
    return about | found.row._asdict() | room


def _free_bytes(gpus: int) -> float | None:
    """Return the least memory that is free on so many GPUs of this machine; None if it has less."""
    import torch

    if gpus > torch.cuda.device_count():
        return None
    return float(min(torch.cuda.mem_get_info(index)[0] for index in range(gpus)))


def _here(gpus: int, free: float | None) -> str:
    """Return what the list can say of this machine."""
    if free is None:
        return f"This machine has not {gpus} GPUs: whether they would do is not told."
    return f"Here {free / 1e9:.0f} GB of a GPU are free: what does not fit says so."


def listed(row: Mapping[str, Any]) -> str:
    """Return a recipe as lines of at most 80 letters: figures, what it is, upstream's names."""
    lines = [f"{row['recipe']:<26}{_figures(row)}", _indented(str(row["about"]))]
    lines += [f"  = {name}" for name in row["aliases"]]
    if row["fits"] is False:
        lines.append(_indented(f"not here: {row['fit']}"))
    return "\n".join(lines)


def _figures(row: Mapping[str, Any]) -> str:
    if "trainable" not in row:
        return ""
    return (
        f"{row['trainable']:>14,} trained {row['gb']:>5.0f} GB {row['seconds_per_step']:>5.0f} "
        f"s a step {row['hours']:>4.0f} h"
    )


def _indented(text: str) -> str:
    return textwrap.fill(text, 80, initial_indent="  ", subsequent_indent="  ")
