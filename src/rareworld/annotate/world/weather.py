"""What conditions mean in numbers: light, air and what lies on the ground.

Visual range, rain and snow rates follow the classes of the WMO (Guide to Instruments and Methods
of Observation, WMO-No. 8) and the AMS glossary: fog below 1 km, heavy rain above 7.6 mm/h.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.annotate.world.light import daylight
from rareworld.annotate.world.model import Air, Daylight, GroundState
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


def surroundings(light: Light, conditions: Conditions) -> Surroundings:
    """Return light, air and ground of a place and time under given conditions."""
    return Surroundings(daylight=daylight(light), air=air(conditions), ground=ground(conditions))


def visual_range_m(conditions: Conditions) -> float:
    """Return the distance at which a black object can just be seen by day."""
    clearest, densest = {
        Weather.CLEAR_SKY: (9000.0, 4000.0),
        Weather.OVERCAST: (7000.0, 3000.0),
        Weather.SNOW_FALLING: (2500.0, 350.0),
        Weather.RAINING: (4000.0, 900.0),
        Weather.FOG: (700.0, 60.0),
        Weather.DUST: (1200.0, 120.0),
    }[conditions.weather]
    return float(clearest * (densest / clearest) ** conditions.intensity)


def air(conditions: Conditions) -> Air:
    """Return what lies between camera and surface."""
    k, weather = conditions.intensity, conditions.weather
    dusty = weather is Weather.DUST
    return Air(
        extinction_per_m=KOSCHMIEDER / visual_range_m(conditions),
        colour=(1.06, 0.92, 0.68) if dusty else (1.0, 1.0, 1.0),
        rain_mmph=1.0 + 24.0 * k * k if weather is Weather.RAINING else 0.0,
        snow_mmph=0.5 + 4.0 * k if weather is Weather.SNOW_FALLING else 0.0,
        dust=k if dusty else 0.0,
        wind_mps=(
            float(conditions.wind_mps * np.cos(conditions.wind_yaw_rad)),
            float(conditions.wind_mps * np.sin(conditions.wind_yaw_rad)),
        ),
    )


def ground(conditions: Conditions) -> GroundState:
    """Return what lies on the surfaces."""
    k, road = conditions.intensity, conditions.road
    wet = road in (RoadCondition.PUDDLES, RoadCondition.FLOODING)
    return GroundState(
        wetness=1.0 if wet else 0.35 if conditions.weather is Weather.SNOW_FALLING else 0.0,
        puddles=0.25 + 0.6 * k if wet else 0.0,
        snow=0.5 + 0.5 * k if road is RoadCondition.SNOW else 0.0,
        sand=0.35 + 0.6 * k if road is RoadCondition.SAND else 0.0,
        flood_m=0.06 + 0.24 * k if road is RoadCondition.FLOODING else 0.0,
    )
