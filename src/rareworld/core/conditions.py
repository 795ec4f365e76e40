"""Light, weather and road condition of a clip: the words the field uses, and which go together.

The three lists are those of NVIDIA's Smart City SDG workflow (its augmentation config); dust is
ours. What the words mean in numbers (rain rate, visual range, snow depth) is in
`annotate/world/weather`; the hour behind a `Lighting` is found from the sun's path.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from rareworld.errors import ConfigError


class Weather(StrEnum):
    """What the air does."""

    CLEAR_SKY = "clear_sky"
    OVERCAST = "overcast"
    SNOW_FALLING = "snow_falling"
    RAINING = "raining"
    FOG = "fog"
    DUST = "dust"


class Lighting(StrEnum):
    """Time of day by where the sun stands."""

    SUNRISE = "sunrise"
    SUNSET = "sunset"
    TWILIGHT = "twilight"
    MID_MORNING = "mid_morning"
    AFTERNOON = "afternoon"
    ZENITH = "zenith"
    GOLDEN_HOUR = "golden_hour"
    BLUE_HOUR = "blue_hour"
    NIGHT = "night"


class RoadCondition(StrEnum):
    """What lies on the road."""

    DRY = "dry"
    SNOW = "snow"
    SAND = "sand"
    PUDDLES = "puddles"
    FLOODING = "flooding"


USUAL_ROAD: dict[Weather, RoadCondition] = {
    Weather.CLEAR_SKY: RoadCondition.DRY,
    Weather.OVERCAST: RoadCondition.DRY,
    Weather.SNOW_FALLING: RoadCondition.SNOW,
    Weather.RAINING: RoadCondition.PUDDLES,
    Weather.FOG: RoadCondition.DRY,
    Weather.DUST: RoadCondition.SAND,
}
"""What a weather leaves on the road where nothing else is said."""

IMPOSSIBLE: dict[tuple[Weather, RoadCondition], str] = {
    (Weather.RAINING, RoadCondition.DRY): "rain wets the road",
    (Weather.RAINING, RoadCondition.SAND): "rain binds sand and dust",
    (Weather.RAINING, RoadCondition.SNOW): "rain on snow makes slush, which is not modelled",
    (Weather.SNOW_FALLING, RoadCondition.SAND): "snow covers sand",
    (Weather.SNOW_FALLING, RoadCondition.FLOODING): "snow melts in standing water",
    (Weather.DUST, RoadCondition.PUDDLES): "a wet road raises no dust",
    (Weather.DUST, RoadCondition.FLOODING): "flooded ground raises no dust",
    (Weather.DUST, RoadCondition.SNOW): "snow-covered ground raises no dust",
}
"""Pairs that do not occur, and why."""


@final
@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under which light and weather a clip is seen.

    Raises:
        ConfigError: If weather and road contradict each other or a number is out of range.
    """

    weather: Weather = Weather.CLEAR_SKY
    lighting: Lighting | None = None
    """None takes date and hour of the scene."""
    road: RoadCondition = RoadCondition.DRY
    intensity: float = 0.6
    """Strength of weather and road condition, 0 (hardly) to 1 (severe)."""
    wind_mps: float = 3.0
    wind_yaw_rad: float = 0.7
    """Where the wind blows to, counter-clockwise from east."""

    def __post_init__(self) -> None:
        reason = IMPOSSIBLE.get((self.weather, self.road))
        if reason:
            raise ConfigError(
                f"conditions: weather {self.weather.value!r} with road {self.road.value!r} does "
                f"not occur: {reason}; roads that go with it: {', '.join(roads_for(self.weather))}"
            )
        if not 0 <= self.intensity <= 1:
            raise ConfigError(f"conditions.intensity must be in 0..1, got {self.intensity}")
        if not 0 <= self.wind_mps <= 40:
            raise ConfigError(f"conditions.wind_mps must be in 0..40, got {self.wind_mps}")
        if not math.isfinite(self.wind_yaw_rad):
            raise ConfigError(f"conditions.wind_yaw_rad must be finite, got {self.wind_yaw_rad}")


def roads_for(weather: Weather) -> tuple[str, ...]:
    """Return the road conditions that occur under a weather."""
    return tuple(road.value for road in RoadCondition if (weather, road) not in IMPOSSIBLE)


def legal_conditions() -> tuple[Conditions, ...]:
    """Return every combination of the three lists that occurs, in their order."""
    return tuple(
        Conditions(weather=weather, lighting=lighting, road=road)
        for weather in Weather
        for lighting in Lighting
        for road in RoadCondition
        if (weather, road) not in IMPOSSIBLE
    )
