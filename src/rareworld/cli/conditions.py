"""`rareworld conditions` and the options of `annotate` that choose light and weather."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from rareworld.cli.jobs import AsJson
from rareworld.cli.output import print_json, print_table
from rareworld.core.conditions import (
    IMPOSSIBLE,
    USUAL_ROAD,
    Lighting,
    RoadCondition,
    Weather,
    legal_conditions,
)
from rareworld.errors import ConfigError

WeatherOption = Annotated[
    Weather | None, typer.Option("--weather", help="What the air does; sets conditions.weather.")
]
LightingOption = Annotated[
    Lighting | None, typer.Option("--lighting", help="Time of day; default: the scene's own hour.")
]
RoadOption = Annotated[
    RoadCondition | None,
    typer.Option("--road", help="What lies on the road; default: what the weather leaves there."),
]
IntensityOption = Annotated[
    float | None, typer.Option("--intensity", help="Strength of weather and road, 0 to 1.")
]


def condition_settings(
    weather: Weather | None,
    lighting: Lighting | None,
    road: RoadCondition | None,
    intensity: float | None,
) -> list[str]:
    """Return the options that were given as `--set` overrides."""
    given: Mapping[str, Any] = {
        "weather": weather and weather.value,
        "lighting": lighting and lighting.value,
        "road": road and road.value,
        "intensity": intensity,
    }
    return [f"conditions.{name}={value}" for name, value in given.items() if value is not None]


def conditions(
    *,
    latitude: Annotated[
        float | None,
        typer.Option("--latitude", help="List the lightings that occur there on --date."),
    ] = None,
    date: Annotated[str | None, typer.Option("--date", help="Day as YYYY-MM-DD.")] = None,
    as_json: AsJson = False,
) -> None:
    """List weathers, lightings and road conditions, and which go together."""
    lightings = [lighting.value for lighting in _lightings(latitude, date)]
    if as_json:
        rows = [
            {"weather": one.weather.value, "lighting": one.lighting, "road": one.road.value}
            for one in legal_conditions()
            if one.lighting in lightings
        ]
        print_json({"conditions": rows, "lightings": lightings})
        return
    shown = [[weather.value, _roads(weather), _reasons(weather)] for weather in Weather]
    print_table("Weather and roads", ["weather", "roads (usual first)", "not"], shown)
    typer.echo(f"\nLightings: {', '.join(lightings)}")


def _roads(weather: Weather) -> str:
    """Return the road conditions that go with a weather, the usual one first."""
    usual = USUAL_ROAD[weather]
    possible = [road for road in RoadCondition if (weather, road) not in IMPOSSIBLE]
    return ", ".join(road.value for road in sorted(possible, key=lambda road: road is not usual))


def _reasons(weather: Weather) -> str:
    """Return the road conditions that do not occur in a weather, and why."""
    found = [(road, why) for (sky, road), why in IMPOSSIBLE.items() if sky is weather]
    return "; ".join(f"{road.value}: {why}" for road, why in found)


def _lightings(latitude: float | None, date: str | None) -> tuple[Lighting, ...]:
    """Return all lightings, or those of a place and day.

    Raises:
        ConfigError: If the day is not a date or comes without a place.
    """
    if latitude is None and date is None:
        return tuple(Lighting)
    from rareworld.annotate.world.sun import possible_lightings
    from rareworld.core.scene import Light

    if latitude is None or date is None:
        raise ConfigError("--latitude and --date go together: the sun's path needs both")
    try:
        day = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    except ValueError:
        raise ConfigError(f"--date wants YYYY-MM-DD, e.g. 2026-06-21; got {date!r}") from None
    return possible_lightings(Light(latitude_deg=latitude, longitude_deg=0.0, when=day))
