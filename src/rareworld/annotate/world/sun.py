"""Where the sun stands, and when it stands where a word for the light says.

Solar position: Meeus, Astronomical Algorithms (2nd ed.), chapter 25 (low accuracy, 0.01 degree)
with the refraction of Saemundsson, below the horizon that of NOAA's solar calculator. Instants are
found by bisection between solar noon and the midnights around it.
Proved in tests/annotate/world/test_light.py, test_world_sun.py and test_instants.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import final

import numpy as np

from rareworld.core.conditions import Lighting
from rareworld.core.scene import Light
from rareworld.errors import ConfigError

_EPOCH = datetime(2000, 1, 1, 12, tzinfo=UTC)
_HALF_DAY = timedelta(hours=12)

RISING_DEG: dict[Lighting, float] = {Lighting.SUNRISE: 1.5, Lighting.TWILIGHT: -3.0}
"""Apparent elevation of the sun's centre in the morning. Twilight is dawn, with its glow in the
east and more light than the blue hour, which is the evening's."""
SETTING_DEG: dict[Lighting, float] = {
    Lighting.SUNSET: 0.8,
    Lighting.GOLDEN_HOUR: 5.0,
    Lighting.BLUE_HOUR: -5.0,
}
"""Apparent elevation of the sun's centre in the evening."""
NIGHT_DEG = -12.0
"""Night has the sun below this at solar midnight: nautical dusk is over."""


def sun_angles(latitude_deg: float, longitude_deg: float, when: datetime) -> tuple[float, float]:
    """Return azimuth (clockwise from north) and apparent elevation of the sun, both in degrees.

    Args:
        latitude_deg: North positive.
        longitude_deg: East positive.
        when: An instant with a UTC offset.
    """
    day = (when.astimezone(UTC) - _EPOCH).total_seconds() / 86400
    right_ascension, declination = _equatorial(day / 36525)
    sidereal = 280.46061837 + 360.98564736629 * day + longitude_deg
    hour = np.radians((sidereal - np.degrees(right_ascension) + 180) % 360 - 180)
    lat = np.radians(latitude_deg)
    up = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(lat) * np.sin(declination) - np.sin(lat) * np.cos(declination) * np.cos(hour)
    elevation = float(np.degrees(np.arcsin(np.clip(up, -1, 1))))
    return float(np.degrees(np.arctan2(east, north)) % 360), elevation + _refraction(elevation)


def _equatorial(century: float) -> tuple[float, float]:
    """Return the sun's right ascension and declination in radians."""
    mean_longitude = 280.46646 + century * (36000.76983 + 0.0003032 * century)
    anomaly = np.radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    centre = (
        (1.914602 - century * (0.004817 + 0.000014 * century)) * np.sin(anomaly)
        + (0.019993 - 0.000101 * century) * np.sin(2 * anomaly)
        + 0.000289 * np.sin(3 * anomaly)
    )
    node = np.radians(125.04 - 1934.136 * century)
    longitude = np.radians(mean_longitude + centre - 0.00569 - 0.00478 * np.sin(node))
    tilt = np.radians(23.439291 - 0.0130042 * century + 0.00256 * np.cos(node))
    ascension = np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))
    return float(ascension), float(np.arcsin(np.sin(tilt) * np.sin(longitude)))


def _refraction(elevation_deg: float) -> float:
    """Return how much the air lifts the sun, degrees; fades below the horizon."""
    if elevation_deg < -0.575:
        return float(20.774 / 3600 / np.tan(np.radians(-elevation_deg)))
    angle = np.radians(elevation_deg + 10.3 / (elevation_deg + 5.11))
    return float(1.02 / 60 / np.tan(angle))


def sun_direction(light: Light) -> tuple[float, float, float]:
    """Return the unit vector to the sun; x east, y north, z up."""
    azimuth, elevation = np.radians(sun_angles(light.latitude_deg, light.longitude_deg, light.when))
    flat = np.cos(elevation)
    return (
        float(flat * np.sin(azimuth)),
        float(flat * np.cos(azimuth)),
        float(np.sin(elevation)),
    )


@final
@dataclass(frozen=True)
class _Day:
    """The sun's way over a place on one day."""

    light: Light
    noon: datetime

    def height(self, when: datetime) -> float:
        return sun_angles(self.light.latitude_deg, self.light.longitude_deg, when)[1]

    @property
    def range_deg(self) -> tuple[float, float]:
        return self.height(self.noon + _HALF_DAY), self.height(self.noon)

    def rising(self, elevation_deg: float) -> datetime | None:
        return self._between(self.noon - _HALF_DAY, elevation_deg)

    def setting(self, elevation_deg: float) -> datetime | None:
        return self._between(self.noon + _HALF_DAY, elevation_deg)

    def _between(self, midnight: datetime, elevation_deg: float) -> datetime | None:
        """Return when the sun stands there between a midnight and noon."""
        low, high = midnight, self.noon
        if not self.height(low) < elevation_deg < self.height(high):
            return None
        while abs(high - low) > timedelta(seconds=0.5):
            middle = low + (high - low) / 2
            low, high = (middle, high) if self.height(middle) < elevation_deg else (low, middle)
        return low

    def halfway(self, edge: datetime | None, midnight: datetime) -> datetime | None:
        """Return the middle between noon and the edge of the day; in polar day, and midnight."""
        if edge is None and self.range_deg[0] > RISING_DEG[Lighting.SUNRISE]:
            edge = midnight
        return None if edge is None else edge + (self.noon - edge) / 2


def _day_of(light: Light) -> _Day:
    """Return the day of a date: around the solar noon of its local time."""
    start = light.when.replace(hour=0, minute=0, second=0, microsecond=0)
    day = _Day(light, start)
    noon = max((start + timedelta(minutes=10 * k) for k in range(145)), key=day.height)
    step = timedelta(minutes=10)
    while step > timedelta(seconds=0.5):
        noon = max((noon - step / 2, noon, noon + step / 2), key=day.height)
        step /= 2
    return _Day(light, noon)


def _noon(day: _Day) -> datetime | None:
    return day.noon if day.range_deg[1] > RISING_DEG[Lighting.SUNRISE] else None


def _night(day: _Day) -> datetime | None:
    return day.noon + _HALF_DAY if day.range_deg[0] < NIGHT_DEG else None


_FIND: dict[Lighting, Callable[[_Day], datetime | None]] = {
    Lighting.SUNRISE: lambda day: day.rising(RISING_DEG[Lighting.SUNRISE]),
    Lighting.TWILIGHT: lambda day: day.rising(RISING_DEG[Lighting.TWILIGHT]),
    Lighting.SUNSET: lambda day: day.setting(SETTING_DEG[Lighting.SUNSET]),
    Lighting.GOLDEN_HOUR: lambda day: day.setting(SETTING_DEG[Lighting.GOLDEN_HOUR]),
    Lighting.BLUE_HOUR: lambda day: day.setting(SETTING_DEG[Lighting.BLUE_HOUR]),
    Lighting.MID_MORNING: lambda day: day.halfway(
        day.rising(RISING_DEG[Lighting.SUNRISE]), day.noon - _HALF_DAY
    ),
    Lighting.AFTERNOON: lambda day: day.halfway(
        day.setting(SETTING_DEG[Lighting.SUNSET]), day.noon + _HALF_DAY
    ),
    Lighting.ZENITH: _noon,
    Lighting.NIGHT: _night,
}


def possible_lightings(light: Light) -> tuple[Lighting, ...]:
    """Return the lightings that occur at a place on its date."""
    day = _day_of(light)
    return tuple(lighting for lighting, find in _FIND.items() if find(day) is not None)


def at_lighting(light: Light, lighting: Lighting | None) -> Light:
    """Return place and date at the hour when the light is as the word says; None keeps the hour.

    Raises:
        ConfigError: If the sun does not stand so on that date (polar day or night, white nights).
    """
    if lighting is None:
        return light
    day = _day_of(light)
    when = _FIND[lighting](day)
    if when is None:
        low, high = day.range_deg
        others = ", ".join(other.value for other, find in _FIND.items() if find(day) is not None)
        raise ConfigError(
            f"conditions.lighting {lighting.value!r} does not occur at latitude "
            f"{light.latitude_deg:g} on {light.when:%Y-%m-%d}: the sun stays between "
            f"{low:.1f} and {high:.1f} degrees; choose another date or one of: {others or 'none'}"
        )
    return replace(light, when=when.replace(microsecond=0))


def nearest_lighting(light: Light) -> Lighting:
    """Return the word whose height of the sun is nearest to that of an hour.

    Words of the morning are for mornings, those of the evening for evenings; what lies lower than
    night begins is night.
    """
    day = _day_of(light)
    height = day.height(light.when)
    rises = (light.when - day.noon) % (2 * _HALF_DAY) >= _HALF_DAY
    low, middle = (RISING_DEG, Lighting.MID_MORNING) if rises else (SETTING_DEG, Lighting.AFTERNOON)
    found = {word: _FIND[word](day) for word in (middle, Lighting.ZENITH)}
    heights = {**low, **{word: day.height(when) for word, when in found.items() if when}}
    away = {word: abs(one - height) for word, one in heights.items()}
    away[Lighting.NIGHT] = max(height - NIGHT_DEG, 0.0)
    return min(away, key=lambda word: away[word])
