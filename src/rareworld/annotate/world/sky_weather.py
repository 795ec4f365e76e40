"""What weather does to the sky: aerosol, clouds and how much light comes through, in numbers.

Transmission of cloud types against a clear sky: Kasten & Czeplak (1980): altostratus 0.27,
stratus 0.18, nimbostratus 0.16. Aerosol depths: AERONET's range for mid-latitude towns, 0.05 to
0.2; dust outbreaks 0.5 to 2 with coarse, blue-absorbing grains (Dubovik et al. 2002).
"""

from dataclasses import dataclass
from typing import final

from rareworld.annotate.world.sky_medium import Aerosol
from rareworld.core.conditions import Conditions, RoadCondition, Weather


@final
@dataclass(frozen=True, kw_only=True)
class Cover:
    """What stands between the clear sky and the ground."""

    lumps: float = 0.0
    """Share of the sky under heaps of cloud; the sun is not behind them."""
    streaks: float = 0.0
    """Strength of high ice clouds."""
    deck: float = 0.0
    """1 under a closed layer (or in fog), which hides the clear sky."""
    through: float = 1.0
    """Share of the clear sky's light on level ground that a closed layer lets through."""
    sun: float = 1.0
    """Share of direct sunlight that arrives."""
    horizon_share: float = 1 / 3
    """Radiance of the layer at the horizon over that at the zenith; 1/3 is CIE's overcast sky."""
    patchy: float = 0.0
    """How much the layer's brightness varies."""
    glow: float = 0.0
    """Share of the layer's light that comes from around the sun."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Colour of the layer in white light."""
    veil: float = 0.0
    """Share of a street picture that shows air instead of what is behind; the meter sees it."""
    town: float = 1.0
    """How much brighter than a clear one the night sky over a town is (Kyba et al. 2011)."""


def aerosol(conditions: Conditions) -> Aerosol:
    """Return the haze of a weather."""
    k = conditions.intensity
    if conditions.weather is Weather.DUST:
        return Aerosol(0.4 * 4**k, 0.15, albedo_red=0.97, albedo_blue=0.80, asymmetry=0.72)
    if conditions.weather is Weather.CLEAR_SKY:
        return Aerosol(depth=0.05 * 2.4**k)
    return Aerosol(depth=0.12)


def _cover_clear(k: float) -> Cover:
    return Cover(lumps=0.30 * k, streaks=0.10 + 0.35 * k, town=1.0)


def _cover_overcast(k: float) -> Cover:
    sun = max(0.0, 0.16 - 0.4 * k)
    return Cover(
        deck=1.0, through=0.36 - 0.24 * k, sun=sun, patchy=0.35 + 0.3 * k, glow=0.25 * (1 - k),
        town=8.0,
    )  # fmt: skip


def _cover_snow(k: float) -> Cover:
    return Cover(
        deck=1.0,
        through=0.24 - 0.12 * k,
        sun=0.0,
        horizon_share=0.6,
        patchy=0.1,
        veil=0.3 * k,
        town=14.0,
    )


def _cover_rain(k: float) -> Cover:
    return Cover(
        deck=1.0, through=0.20 - 0.11 * k, sun=0.0, patchy=0.6 - 0.2 * k, veil=0.15 * k, town=8.0
    )


def _cover_fog(k: float) -> Cover:
    return Cover(
        deck=1.0, through=0.55 - 0.30 * k, sun=0.12 * max(0.0, 1 - 2 * k), horizon_share=0.75,
        glow=0.45 * (1 - 0.8 * k), veil=0.15 + 0.5 * k, town=10.0,
    )  # fmt: skip


def _cover_dust(k: float) -> Cover:
    return Cover(
        deck=0.55 + 0.4 * k, through=0.75 - 0.40 * k, sun=1 - 0.6 * k, horizon_share=0.9,
        glow=0.35, tint=(1.22, 0.97, 0.58), veil=0.1 + 0.4 * k, town=3.0,
    )  # fmt: skip


_COVERS = {
    Weather.CLEAR_SKY: _cover_clear,
    Weather.OVERCAST: _cover_overcast,
    Weather.SNOW_FALLING: _cover_snow,
    Weather.RAINING: _cover_rain,
    Weather.FOG: _cover_fog,
    Weather.DUST: _cover_dust,
}


def cover(conditions: Conditions) -> Cover:
    """Return the clouds of a weather."""
    return _COVERS[conditions.weather](conditions.intensity)


_DRY_ALBEDO = (0.155, 0.150, 0.130)
_ON_ROAD: dict[RoadCondition, tuple[tuple[float, float, float], float, float]] = {
    RoadCondition.DRY: (_DRY_ALBEDO, 0.0, 0.0),
    RoadCondition.SNOW: ((0.78, 0.79, 0.82), 0.5, 0.5),
    RoadCondition.SAND: ((0.36, 0.28, 0.17), 0.35, 0.6),
    RoadCondition.PUDDLES: ((0.085, 0.083, 0.074), 1.0, 0.0),
    RoadCondition.FLOODING: ((0.065, 0.062, 0.052), 1.0, 0.0),
}
"""Reflectance of what lies on the ground, and how much of the ground it covers at least and more at
full intensity."""


def ground_albedo(conditions: Conditions) -> tuple[float, float, float]:
    """Return the reflectance of the land around, by what lies on it."""
    over, least, more = _ON_ROAD[conditions.road]
    share = min(least + more * conditions.intensity, 1.0)
    red, green, blue = (
        dry + (wet - dry) * share for dry, wet in zip(_DRY_ALBEDO, over, strict=True)
    )
    return red, green, blue
