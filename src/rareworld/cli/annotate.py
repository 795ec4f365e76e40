"""`rareworld annotate`: recordings become labelled clips."""

from pathlib import Path
from typing import Annotated

import typer

from rareworld.cli.conditions import (
    IntensityOption,
    LightingOption,
    RoadOption,
    WeatherOption,
    condition_settings,
)
from rareworld.cli.jobs import AsJson, Out, Overwrite, Settings, Workers, run_job
from rareworld.data.config import override, read_mapping
from rareworld.data.rig import read_rig
from rareworld.errors import ConfigError


def annotate(
    recordings: Annotated[
        list[Path], typer.Argument(help="Recording folders, or folders that hold them.")
    ],
    *,
    out: Out = Path("clips"),
    rig: Annotated[
        Path | None,
        typer.Option("--rig", help="Camera YAML, ours or CARLA sensors; default: suggested."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    renderer: Annotated[
        str | None,
        typer.Option("--renderer", help="cpu, gpu, warp-cpu, or auto: what the machine has."),
    ] = None,
    lens: Annotated[
        str | None,
        typer.Option("--lens", help="exact (default), or cctv: bend, noise, text, compression."),
    ] = None,
    weather: WeatherOption = None,
    lighting: LightingOption = None,
    road: RoadOption = None,
    intensity: IntensityOption = None,
    settings: Settings = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Render recordings from cameras, with every label."""
    from rareworld.annotate.job import AnnotateStage
    from rareworld.annotate.pipeline import AnnotateConfig

    chosen = [f"render.renderer={renderer}"] if renderer else []
    chosen += [f"lens.preset={lens}"] if lens else []
    chosen += condition_settings(weather, lighting, road, intensity)
    values = override(read_mapping(config) if config else {}, chosen + (settings or []))
    stage = AnnotateStage(
        AnnotateConfig.parse(values, source=str(config or "--set")),
        read_rig(rig) if rig else None,
    )
    items = find_recordings(recordings)
    run_job(stage, items, out, workers=workers, overwrite=overwrite, as_json=as_json)


def find_recordings(paths: list[Path]) -> list[Path]:
    """Return recording folders: those given, or those directly inside the given ones.

    Raises:
        ConfigError: If a path is not and does not hold a recording.
    """
    from rareworld.data.recording import RECORDING_FILE

    found: list[Path] = []
    for path in paths:
        inside = sorted(item.parent for item in path.glob(f"*/{RECORDING_FILE}"))
        own = [path] if (path / RECORDING_FILE).exists() else inside
        if not own:
            raise ConfigError(
                f"{path}: neither a recording ({RECORDING_FILE} inside) nor a folder of them; "
                "make one with: rareworld simulate RECIPE.yaml --out DIR"
            )
        found += own
    return found
