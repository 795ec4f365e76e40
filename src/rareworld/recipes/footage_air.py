"""Under which light and weather footage is filmed: shares, drawn by seed.

Proved in `tests/recipes/test_footage.py`.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.core.conditions import Lighting, RoadCondition, Weather, roads_for
from rareworld.core.scene import PropKind, Scene
from rareworld.data.config import Config
from rareworld.errors import ConfigError
from rareworld.simulate.scenarios.span import Span

K = TypeVar("K")

DARK = frozenset({Lighting.NIGHT})
"""Hours that need lamps."""


class AirConfig(Config):
    """How often each light and weather is drawn; shares need not sum to one."""

    lighting: dict[Lighting, float] = Field(
        default={
            Lighting.MID_MORNING: 3, Lighting.AFTERNOON: 3, Lighting.ZENITH: 2,
            Lighting.GOLDEN_HOUR: 2, Lighting.SUNRISE: 1, Lighting.SUNSET: 1,
            Lighting.TWILIGHT: 1, Lighting.BLUE_HOUR: 1, Lighting.NIGHT: 4,
        },
        min_length=1,
    )  # fmt: skip
    """Times of day."""
    weather: dict[Weather, float] = Field(
        default={
            Weather.CLEAR_SKY: 6, Weather.OVERCAST: 4, Weather.RAINING: 4, Weather.FOG: 2,
            Weather.SNOW_FALLING: 3, Weather.DUST: 1,
        },
        min_length=1,
    )  # fmt: skip
    """Weathers."""
    unusual_road: float = Field(default=0.25, ge=0, le=1)
    """How often the road is drawn from `road` and not what the weather usually leaves."""
    road: dict[RoadCondition, float] = Field(
        default={
            RoadCondition.DRY: 3, RoadCondition.PUDDLES: 3, RoadCondition.SNOW: 2,
            RoadCondition.SAND: 1, RoadCondition.FLOODING: 0.5,
        },
        min_length=1,
    )  # fmt: skip
    """Roads that are drawn, as far as they go with the weather."""
    deepest_flood: float = Field(default=0.3, ge=0, le=1)
    """Greatest intensity of a flooded road; more hides all of it."""
    intensity: Span = Span.of(0.2, 1.0)
    """Strength of weather and road."""

    def draw(self, rng: np.random.Generator, *, lit: bool = True) -> ConditionsConfig:
        """Return the conditions of one clip; no night where no lamps are `lit`: nothing would show.

        Raises:
            ConfigError: If nothing but night is drawn where it is dark.
        """
        hours = self.lighting if lit else {k: v for k, v in self.lighting.items() if k not in DARK}
        if not hours:
            raise ConfigError("air.lighting: only night, on a place without lamps; add an hour")
        lighting, weather = weighted(hours, rng), weighted(self.weather, rng)
        unusual = rng.random() < self.unusual_road
        possible = {k: v for k, v in self.road.items() if k.value in roads_for(weather)}
        road = weighted(possible, rng) if unusual and possible else None
        most = self.deepest_flood if road is RoadCondition.FLOODING else 1.0
        return ConditionsConfig(
            weather=weather,
            lighting=lighting,
            road=road,
            intensity=round(min(self.intensity.draw(rng), most), 3),
            wind_mps=round(float(rng.uniform(0, 9)), 2),
            wind_yaw_rad=round(float(rng.uniform(0, 6.28)), 3),
        )


def weighted(shares: Mapping[K, float], rng: np.random.Generator) -> K:
    """Return a key, drawn by its share."""
    keys, weights = list(shares), np.array(list(shares.values()), dtype=np.float64)
    return keys[int(rng.choice(len(keys), p=weights / weights.sum()))]


def lit_at(scene: Scene, places_m: Float[np.ndarray, "n 3"], reach_m: float = 60.0) -> bool:
    """Return whether a street lamp stands near what is looked at."""
    middle = places_m.mean(axis=0)[:2]
    return any(
        prop.kind is PropKind.STREET_LAMP
        and float(np.linalg.norm(np.subtract(prop.position_m[:2], middle))) < reach_m
        for prop in scene.props
    )
