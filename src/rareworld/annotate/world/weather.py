"""What conditions mean in numbers: light, air and what lies on the ground.

Rates follow the AMS glossary (light rain below 2.5, heavy above 7.6 mm/h), fog and dust the WMO
(Guide to Instruments and Methods of Observation, WMO-No. 8: below 1 km, dense below 200 m). Visual
range in rain is 11.6 km over the rate to the power 0.63 (Atlas 1953), in snow inverse to the rate
(Rasmussen et al. 1999: 1 km at 1 mm/h). Proved in tests/annotate/world/test_weather.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.annotate.world.light import daylight
from rareworld.annotate.world.model import Air, Daylight, GroundState
from rareworld.annotate.world.sun import at_lighting
from rareworld.core.conditions import Conditions, RoadCondition, Weather
from rareworld.core.scene import Light

KOSCHMIEDER = 3.912
"""Optical depth at which contrast falls to 2 %: visual range times extinction."""


@final
@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """All that conditions decide about a picture."""

    daylight: Daylight
    air: Air
    ground: GroundState


def surroundings(light: Light, conditions: Conditions, seed: int = 0) -> Surroundings:
    """Return light, air and ground of a place and date under given conditions.

    Args:
        light: Place and date; its hour counts where the conditions name no lighting.
        conditions: Light, weather and road condition.
        seed: Of the clouds.

    Raises:
        ConfigError: If the lighting does not occur at that place on that date.
    """
    return Surroundings(
        daylight=daylight(at_lighting(light, conditions.lighting), conditions, seed),
        air=air(conditions),
        ground=ground(conditions),
    )


def rain_mmph(conditions: Conditions) -> float:
    """Return the rate of rain: drizzle of 1 mm/h to a violent shower of 50 mm/h."""
    raining = conditions.weather is Weather.RAINING
    return float(50.0**conditions.intensity) if raining else 0.0


def snow_mmph(conditions: Conditions) -> float:
    """Return the rate of snow as water: flurries of 0.3 mm/h to heavy snow of 4 mm/h."""
    snowing = conditions.weather is Weather.SNOW_FALLING
    return float(0.3 * 13.0**conditions.intensity) if snowing else 0.0


_CLEAREST_AND_DENSEST_M = {
    Weather.CLEAR_SKY: (30_000.0, 10_000.0),
    Weather.OVERCAST: (18_000.0, 6000.0),
    Weather.FOG: (800.0, 60.0),
    Weather.DUST: (2000.0, 150.0),
}


def visual_range_m(conditions: Conditions) -> float:
    """Return the distance at which a black object can just be seen by day."""
    if conditions.weather is Weather.RAINING:
        return 11_600.0 * rain_mmph(conditions) ** -0.63
    if conditions.weather is Weather.SNOW_FALLING:
        return 1100.0 / snow_mmph(conditions)
    clearest, densest = _CLEAREST_AND_DENSEST_M[conditions.weather]
    return float(clearest * (densest / clearest) ** conditions.intensity)


def air(conditions: Conditions) -> Air:
    """Return what lies between camera and surface."""
    dusty = conditions.weather is Weather.DUST
    return Air(
        extinction_per_m=KOSCHMIEDER / visual_range_m(conditions),
        colour=(1.06, 0.92, 0.68) if dusty else (1.0, 1.0, 1.0),
        rain_mmph=rain_mmph(conditions),
        snow_mmph=snow_mmph(conditions),
        dust=conditions.intensity if dusty else 0.0,
        wind_mps=(
            float(conditions.wind_mps * np.cos(conditions.wind_yaw_rad)),
            float(conditions.wind_mps * np.sin(conditions.wind_yaw_rad)),
        ),
    )


_DAMP = {
    Weather.CLEAR_SKY: 0.0,
    Weather.OVERCAST: 0.0,
    Weather.SNOW_FALLING: 0.35,
    Weather.RAINING: 1.0,
    Weather.FOG: 0.12,
    Weather.DUST: 0.0,
}
"""Wetness of a road that nothing else made wet: flakes melt on it, fog settles."""
_AFTER_RAIN = {
    Weather.CLEAR_SKY: 0.60,
    Weather.OVERCAST: 0.75,
    Weather.SNOW_FALLING: 0.90,
    Weather.RAINING: 1.0,
    Weather.FOG: 0.85,
    Weather.DUST: 0.0,
}
"""Wetness between puddles: it dries under a clear sky."""


def ground(conditions: Conditions) -> GroundState:
    """Return what lies on the surfaces."""
    k, weather = conditions.intensity, conditions.weather
    match conditions.road:
        case RoadCondition.DRY:
            return GroundState(wetness=_DAMP[weather])
        case RoadCondition.SNOW:
            return GroundState(wetness=max(_DAMP[weather], 0.25), snow=0.5 + 0.5 * k)
        case RoadCondition.SAND:
            return GroundState(sand=0.35 + 0.6 * k)
        case RoadCondition.PUDDLES:
            full = 0.35 if weather is Weather.RAINING else 0.20
            return GroundState(wetness=_AFTER_RAIN[weather], puddles=full + 0.6 * k)
        case RoadCondition.FLOODING:
            return GroundState(wetness=1.0, puddles=1.0, flood_m=0.06 + 0.24 * k)
