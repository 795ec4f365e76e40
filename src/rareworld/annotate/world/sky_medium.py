"""Air over a round earth: how much light comes through, and how much is scattered more than once.

Three species in layers (molecules, aerosol, ozone) as in Bruneton & Neyret (2008); multiple
scattering by the isotropic series of Hillaire (2020). Proved in tests/annotate/world/test_sky.py.
Shapes: W = 11 wavelengths, H heights, M cosines of the sun's zenith angle.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.sky_spectrum import (
    OZONE_DEPTH,
    RAYLEIGH_DEPTH,
    SUN_TOP,
    WAVELENGTH_UM,
)

EARTH_KM = 6371.0
TOP_KM = 100.0
RAYLEIGH_KM = 8.3
"""Height over which the density of air falls to 1/e."""
AEROSOL_KM = 1.3
_OZONE_MIDDLE_KM, _OZONE_HALF_KM = 25.0, 15.0
_HEIGHTS, _COSINES, _STEPS = 64, 144, 120
_SUN_RADIUS_RAD = 0.00465


@final
@dataclass(frozen=True)
class Aerosol:
    """Dust, salt and droplets of the lowest kilometres."""

    depth: float = 0.12
    """Vertical optical depth at 550 nm; 0.05 very clean, 0.4 hazy, above 1 a dust storm."""
    angstrom: float = 1.3
    """Exponent of the depth over wavelength; near 0 for coarse dust."""
    albedo_red: float = 0.93
    """Share of extinction that is scattering."""
    albedo_blue: float = 0.93
    asymmetry: float = 0.76
    """Mean cosine of the scattering angle."""

    @property
    def depths(self) -> Float[np.ndarray, "w"]:
        """Vertical optical depth per wavelength."""
        return self.depth * (WAVELENGTH_UM / 0.55) ** -self.angstrom

    @property
    def albedo(self) -> Float[np.ndarray, "w"]:
        """Single scattering albedo per wavelength."""
        return np.linspace(self.albedo_blue, self.albedo_red, len(WAVELENGTH_UM))


def density(height_km: Float[np.ndarray, "..."]) -> Float[np.ndarray, "... 3"]:
    """Return per kilometre the share of the vertical column of molecules, aerosol and ozone."""
    height = np.maximum(height_km, 0.0)
    tent = np.clip(1 - np.abs(height - _OZONE_MIDDLE_KM) / _OZONE_HALF_KM, 0, None)
    return np.stack(
        [
            np.exp(-height / RAYLEIGH_KM) / RAYLEIGH_KM,
            np.exp(-height / AEROSOL_KM) / AEROSOL_KM,
            tent / _OZONE_HALF_KM,
        ],
        axis=-1,
    )


def path_to_top(
    height_km: Float[np.ndarray, "..."], up: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Return how far a ray runs to the top of the air, in kilometres."""
    radius = EARTH_KM + height_km
    along = radius * up
    return -along + np.sqrt(np.maximum(along**2 + (EARTH_KM + TOP_KM) ** 2 - radius**2, 0))


def climb(
    height_km: Float[np.ndarray, "..."], up: Float[np.ndarray, "..."], way_km: np.ndarray
) -> Float[np.ndarray, "..."]:
    """Return the height of a ray after some kilometres."""
    radius = EARTH_KM + height_km
    return np.sqrt(radius**2 + way_km**2 + 2 * radius * up * way_km) - EARTH_KM


def horizon_cosine(height_km: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the cosine of the zenith angle at which the earth's edge is seen."""
    return -np.sqrt(np.maximum(1 - (EARTH_KM / (EARTH_KM + height_km)) ** 2, 0))


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Return heights and shares (0 grazing, 1 straight up) of the column table."""
    return TOP_KM * np.linspace(0, 1, _HEIGHTS) ** 2.5, np.linspace(0, 1, _COSINES) ** 2.5


@lru_cache(maxsize=1)
def _columns() -> Float[np.ndarray, "h m 3"]:
    """Return the columns along rays to the top, in vertical columns from the ground."""
    heights, share = _grid()
    grazing = horizon_cosine(heights)
    up = grazing[:, None] + (1 - grazing[:, None]) * share
    length = path_to_top(heights[:, None], up)
    edge = np.linspace(0, 1, _STEPS + 1) ** 2
    middle, step = (edge[1:] + edge[:-1]) / 2, np.diff(edge)
    total = np.zeros((*up.shape, 3))
    for way, width in zip(middle, step, strict=True):
        at = climb(heights[:, None], up, way * length)
        total += density(at) * (width * length)[..., None]
    return total


def columns(
    height_km: Float[np.ndarray, "..."], up: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "... 3"]:
    """Return columns of molecules, aerosol and ozone above a point, as multiples of the vertical.

    Args:
        height_km: Of the point.
        up: Cosine of the zenith angle; below the earth's edge the grazing value holds.
    """
    grazing = horizon_cosine(height_km)
    share = np.clip((up - grazing) / (1 - grazing), 0, 1)
    row = np.clip(height_km / TOP_KM, 0, 1) ** 0.4 * (_HEIGHTS - 1)
    column = share**0.4 * (_COSINES - 1)
    i = np.minimum(row.astype(np.int64), _HEIGHTS - 2)
    j = np.minimum(column.astype(np.int64), _COSINES - 2)
    a, b = (row - i)[..., None], (column - j)[..., None]
    table = _columns()
    low = table[i, j] * (1 - b) + table[i, j + 1] * b
    return low * (1 - a) + (table[i + 1, j] * (1 - b) + table[i + 1, j + 1] * b) * a


def extinction_depths(aerosol: Aerosol) -> Float[np.ndarray, "3 w"]:
    """Return vertical optical depths of molecules, aerosol and ozone."""
    return np.stack([RAYLEIGH_DEPTH, aerosol.depths, OZONE_DEPTH])


def scattering_depths(aerosol: Aerosol) -> Float[np.ndarray, "3 w"]:
    """Return the vertical scattering depths; ozone scatters nothing."""
    return np.stack([RAYLEIGH_DEPTH, aerosol.depths * aerosol.albedo, 0 * OZONE_DEPTH])


def sun_through(
    height_km: Float[np.ndarray, "..."], up: Float[np.ndarray, "..."], aerosol: Aerosol
) -> Float[np.ndarray, "... w"]:
    """Return the share of direct sunlight that arrives; none in the earth's shadow.

    Args:
        height_km: Where it arrives.
        up: Cosine of the sun's zenith angle there.
        aerosol: Of the day.
    """
    left = np.exp(-columns(height_km, up) @ extinction_depths(aerosol))
    above = (up - horizon_cosine(height_km)) / _SUN_RADIUS_RAD
    disc = np.clip((above + 1) / 2, 0, 1)
    return left * (disc * disc * (3 - 2 * disc))[..., None]


_RAYS = 24
_MS_HEIGHTS = TOP_KM * np.linspace(0, 1, 14) ** 2.5
_MS_COSINES = np.sign(np.linspace(-1, 1, 29)) * np.linspace(-1, 1, 29) ** 2 * 0.999
"""Finer where the sun stands near the horizon."""


def _sphere(count: int) -> Float[np.ndarray, "n 3"]:
    """Return directions spread evenly (Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    z = 1 - 2 * k / count
    turn = k * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - z * z)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])


@lru_cache(maxsize=8)
def many_times(aerosol: Aerosol, ground_albedo: float) -> Float[np.ndarray, "h m w"]:
    """Return light scattered twice and more, per solid angle, for a sun of one (Hillaire's psi).

    Rows are `_MS_HEIGHTS`, columns `_MS_COSINES`; `scattered_often` reads between.
    """
    height, up_sun = np.meshgrid(_MS_HEIGHTS, _MS_COSINES, indexing="ij")
    shape = (*height.shape, len(WAVELENGTH_UM))
    second, share = np.zeros(shape), np.zeros(shape)
    for way in _sphere(_RAYS):
        light, kept = _gather(height, up_sun, way, aerosol, ground_albedo)
        second += light / _RAYS
        share += kept / _RAYS
    return second / (1 - np.minimum(share, 0.98))


def _gather(
    height_km: Float[np.ndarray, "h m"],
    up_sun: Float[np.ndarray, "h m"],
    way: Float[np.ndarray, "3"],
    aerosol: Aerosol,
    ground_albedo: float,
) -> tuple[Float[np.ndarray, "h m w"], Float[np.ndarray, "h m w"]]:
    """Return light once scattered towards a point along a ray, and the ray's scattering share."""
    up = np.full_like(height_km, way[2])
    sun_flat = np.sqrt(np.maximum(1 - up_sun**2, 0))
    cosine = way[0] * sun_flat + way[2] * up_sun
    hits = up < horizon_cosine(height_km)
    radius = EARTH_KM + height_km
    inside = np.maximum((radius * up) ** 2 - radius**2 + EARTH_KM**2, 0)
    length = np.where(hits, -radius * up - np.sqrt(inside), path_to_top(height_km, up))
    extinct, scatter = extinction_depths(aerosol), scattering_depths(aerosol)
    through = np.ones((*up.shape, len(WAVELENGTH_UM)))
    light, kept = np.zeros_like(through), np.zeros_like(through)
    edge = np.linspace(0, 1, 21) ** 2
    for start, end in pairwise(edge.tolist()):
        at = (start + end) / 2 * length
        high = np.maximum(climb(height_km, up, at), 0.0)
        mass = density(high)
        depth = mass @ extinct * ((end - start) * length)[..., None]
        part = through * (1 - np.exp(-depth)) * (mass @ scatter) / np.maximum(mass @ extinct, 1e-12)
        sun_up = (radius * up_sun + at * cosine) / (EARTH_KM + high)
        light += part * sun_through(high, sun_up, aerosol) / (4 * np.pi)
        kept += part
        through *= np.exp(-depth)
    below = (radius * up_sun + length * cosine) / EARTH_KM
    floor = sun_through(np.zeros_like(up), below, aerosol) * np.maximum(below, 0)[..., None]
    light += np.where(hits[..., None], through * floor * ground_albedo / np.pi, 0)
    return light, kept


def scattered_often(
    height_km: Float[np.ndarray, "..."],
    up_sun: Float[np.ndarray, "..."],
    aerosol: Aerosol,
    ground_albedo: float,
) -> Float[np.ndarray, "... w"]:
    """Return the light arriving from all around after two or more scatterings, for a sun of one."""
    table = many_times(aerosol, ground_albedo)
    rows, cols = table.shape[:2]
    row = np.clip(height_km / TOP_KM, 0, 1) ** 0.4 * (rows - 1)
    column = (np.sign(up_sun) * np.sqrt(np.abs(up_sun) / 0.999) + 1) / 2 * (cols - 1)
    column = np.clip(column, 0, cols - 1)
    i = np.minimum(row.astype(np.int64), rows - 2)
    j = np.minimum(column.astype(np.int64), cols - 2)
    a, b = (row - i)[..., None], (column - j)[..., None]
    low = table[i, j] * (1 - b) + table[i, j + 1] * b
    return low * (1 - a) + (table[i + 1, j] * (1 - b) + table[i + 1, j + 1] * b) * a


def direct_sun(
    elevation_rad: float, aerosol: Aerosol, height_km: float = 0.0
) -> Float[np.ndarray, "w"]:
    """Return the sun's irradiance on a facing card, W/m2/nm."""
    up = np.array([np.sin(elevation_rad)])
    return SUN_TOP * sun_through(np.array([height_km]), up, aerosol)[0]
