"""Where the sun stands and what light it and the sky give.

Solar position: Meeus, Astronomical Algorithms (2nd ed.), chapter 25 (low accuracy, 0.01 degree)
with the refraction of Saemundsson, as NOAA's solar calculator uses them. Colours: direct light
thinned by air mass (Kasten & Young 1989) with clear-air transmittance per channel; the sky fades
with it. Proved in tests/annotate/world/test_light.py.
"""

from datetime import UTC, datetime

import numpy as np
from jaxtyping import Float32

from rareworld.annotate.world.model import Daylight
from rareworld.core.scene import Light

_EPOCH = datetime(2000, 1, 1, 12, tzinfo=UTC)
_OPTICAL_DEPTH = np.array([0.095, 0.150, 0.265])
"""Clear air at the zenith for red, green and blue light."""
_SUN_AT_TOP = np.array([1.36, 1.34, 1.33])
_ZENITH = np.array([0.150, 0.255, 0.440])
_HORIZON = np.array([0.50, 0.56, 0.63])
_DUSK = np.array([0.60, 0.30, 0.13])
_NIGHT = np.array([0.0022, 0.0026, 0.0042])


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
    """Return how much the air lifts the sun, degrees (Saemundsson); none well below the horizon."""
    if elevation_deg < -1.0:
        return 0.0
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


def daylight(light: Light) -> Daylight:
    """Return sun and clear sky of a place and time."""
    direction = sun_direction(light)
    elevation = float(np.degrees(np.arcsin(direction[2])))
    above = max(elevation, 0.0)
    mass = 1 / (np.sin(np.radians(above)) + 0.50572 * (above + 6.07995) ** -1.6364)
    risen = float(np.clip((elevation + 0.8) / 1.6, 0, 1))
    sun = _SUN_AT_TOP * np.exp(-_OPTICAL_DEPTH * mass) * risen
    day = float(np.clip((elevation + 8) / 22, 0, 1)) ** 1.7
    dusk = float(np.exp(-(((elevation - 1.0) / 6.0) ** 2)))
    zenith = _ZENITH * day + _NIGHT
    horizon = (_HORIZON * (1 - 0.55 * dusk) + _DUSK * 0.55 * dusk) * max(day, 0.25 * dusk) + _NIGHT
    lit = sun * max(direction[2], 0.0) + 0.55 * zenith + 0.45 * horizon
    ground = lit * np.array([0.14, 0.14, 0.12])
    return Daylight(
        panorama=_panorama(zenith, horizon),
        ambient=_ambient(0.55 * horizon + 0.45 * zenith, ground),
        sun_direction=direction,
        sun_radiance=_triple(sun),
        zenith=_triple(zenith),
        horizon=_triple(horizon),
        ground=_triple(ground),
        exposure=float(np.clip(1.6 / max(float(lit.mean()), 1e-3), 0.8, 3.0)),
    )


def _panorama(zenith: np.ndarray, horizon: np.ndarray) -> Float32[np.ndarray, "r c 3"]:
    """Return a sky that changes with height only."""
    up = np.sin(np.pi / 2 * (1 - (np.arange(64) + 0.5) / 64) ** 2)
    share = np.sqrt(up)[:, None]
    rows = horizon + (zenith - horizon) * share
    return np.repeat(rows[:, None], 128, axis=1).astype(np.float32)


def _ambient(sky: np.ndarray, ground: np.ndarray) -> Float32[np.ndarray, "9 3"]:
    """Return the coefficients for an even sky over even ground."""
    out = np.zeros((9, 3), np.float32)
    out[0], out[2] = (sky + ground) / 2, (sky - ground) / 2
    return out


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
