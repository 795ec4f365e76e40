"""Conditions as a section of a recipe."""

from typing import Any

from pydantic import Field, model_validator

from rareworld.core.conditions import USUAL_ROAD, Conditions, Lighting, RoadCondition, Weather
from rareworld.data.config import Config


class ConditionsConfig(Config):
    """Light, weather and road condition of a clip."""

    weather: Weather = Weather.CLEAR_SKY
    """What the air does."""
    lighting: Lighting | None = None
    """Time of day; null takes date and hour of the scene."""
    road: RoadCondition | None = None
    """What lies on the road; null takes what the weather usually leaves there."""
    intensity: float = Field(default=0.6, ge=0, le=1)
    """Strength of weather and road condition."""
    wind_mps: float = Field(default=3.0, ge=0, le=40)
    """Slants rain and snow."""
    wind_yaw_rad: float = 0.7
    """Where the wind blows to, counter-clockwise from east."""

    def record(self) -> Conditions:
        """Return the conditions meant.

        Raises:
            ConfigError: If weather and road contradict each other.
        """
        values: dict[str, Any] = {**dict(self), "road": self.road or USUAL_ROAD[self.weather]}
        return Conditions(**values)

    @model_validator(mode="after")
    def _possible(self) -> "ConditionsConfig":
        self.record()
        return self
