"""`rareworld demo`: the main job in one command."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rareworld.cli.jobs import Out, Overwrite, Settings, Workers
from rareworld.cli.output import error_console
from rareworld.data.config import override
from rareworld.errors import ConfigError

if TYPE_CHECKING:
    from rareworld.recipes.demo import DemoConfig
    from rareworld.recipes.story import StoryConfig


class Part(StrEnum):
    """A part of the demo that runs alone."""

    INCIDENTS = "incidents"
    STORY = "story"
    HEADLINE = "headline"


Only = Annotated[
    Part | None,
    typer.Option(
        "--only",
        help="One part: incidents, story (post-training), or headline: the story at larger N with "
        "a control.",
    ),
]
Clips = Annotated[int | None, typer.Option("--n", min=2, help="Held-out clips to continue.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto (default), cpu or cuda.")]


def demo(
    *,
    out: Out = Path("demo"),
    only: Only = None,
    n: Clips = None,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the incidents.")] = 7,
    settings: Settings = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
) -> None:
    """Simulate incidents, post-train `mini` on crashes, and show and measure it in one page.

    The same command goes on after a stop.
    """
    from rareworld.recipes.demo import Demo, run_headline
    from rareworld.recipes.steps import Steps

    if only is Part.INCIDENTS and n is not None:
        raise ConfigError(
            "--n is the number of held-out clips that a story continues, and --only incidents has "
            "none; leave it out (the number of incidents: --set incidents.n=3)"
        )
    console = error_console()
    steps = Steps(out=out, workers=workers, overwrite=overwrite, say=console.print)
    if only is Part.HEADLINE:
        page = run_headline(_headline(n, device, settings or []), steps, console)
    else:
        config = _demo(only, n, device, seed, settings or [])
        page = Demo(config=config, steps=steps, console=console).run()
    typer.echo(f"open {page}")


def _demo(
    only: Part | None, n: int | None, device: str, seed: int, settings: list[str]
) -> "DemoConfig":
    """Return the demo's settings: defaults, then options, then `--set`."""
    from rareworld.recipes.demo import DemoConfig

    values = DemoConfig().model_dump(mode="json")
    values["incidents"]["seed"] = seed
    values["story"] |= _story(n, device)
    if only is not None:
        dropped = "story" if only is Part.INCIDENTS else "incidents"
        values[dropped] = None
    return DemoConfig.parse(override(values, settings), source="demo")


def _headline(n: int | None, device: str, settings: list[str]) -> "StoryConfig":
    from rareworld.recipes.story import StoryConfig, headline

    values = headline().model_dump(mode="json") | _story(n, device)
    return StoryConfig.parse(override(values, settings), source="headline")


def _story(n: int | None, device: str) -> dict[str, Any]:
    return {"device": device} | ({} if n is None else {"clips": n})
