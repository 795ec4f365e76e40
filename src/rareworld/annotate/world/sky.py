"""The clear sky by day and in twilight, and the glow of a town at night.

Light scattered once (Nishita et al. 1993) through layered air over a round earth, with the earth's
shadow and ozone (so that the zenith of the blue hour is blue), plus light scattered more often
(Hillaire 2020). Phase functions: Rayleigh; Cornette & Shanks (1992) for aerosol.
Proved in tests/annotate/world/test_sky.py. Shapes: R x C cells of the dome, W wavelengths.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.sky_dome import COLUMNS, ROWS, directions
from rareworld.annotate.world.sky_medium import (
    EARTH_KM,
    Aerosol,
    climb,
    density,
    extinction_depths,
    path_to_top,
    scattered_often,
    scattering_depths,
    sun_through,
)
from rareworld.annotate.world.sky_spectrum import SUN_TOP, TO_SRGB, into_gamut

_NODE_ROWS, _NODE_COLUMNS, _RAY_STEPS = 33, 17, 36
_EYE_KM = 0.01
TOWN_GLOW = np.array([1.25, 0.96, 0.70]) * 5e-7
"""Zenith radiance of a clear night sky over a town: 0.016 cd/m2 (17 mag/arcsec2), lamp-coloured."""


def phase_rayleigh(cosine: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the share per steradian that molecules scatter by the cosine of the angle."""
    return 3 / (16 * np.pi) * (1 + cosine**2)


def phase_aerosol(cosine: Float[np.ndarray, "..."], asymmetry: float) -> Float[np.ndarray, "..."]:
    """Return the share per steradian that aerosol scatters by the cosine of the angle."""
    g = asymmetry
    near = (1 - g * g) * (1 + cosine**2) / ((2 + g * g) * (1 + g * g - 2 * g * cosine) ** 1.5)
    return 3 / (8 * np.pi) * near


def clear_sky(
    sun: tuple[float, float, float],
    aerosol: Aerosol,
    ground_albedo: float = 0.2,
    rows: int = ROWS,
    columns: int = COLUMNS,
) -> Float[np.ndarray, "r c 3"]:
    """Return the radiance of the cloudless sky, without the sun's disc.

    Args:
        sun: Unit vector to the sun; below the horizon in twilight.
        aerosol: Of the day.
        ground_albedo: Light that comes back from the land around.
        rows: Of the result; layout as `Daylight.panorama`.
        columns: Of the result.
    """
    way = directions(rows, columns)
    parts = _between_nodes(_nodes(sun[2], aerosol, ground_albedo), sun, rows, columns)
    cosine = way @ np.asarray(sun)
    weights = [phase_rayleigh(cosine), phase_aerosol(cosine, aerosol.asymmetry)]
    seen = parts[2] + weights[0][..., None] * parts[0] + weights[1][..., None] * parts[1]
    return into_gamut(seen)


def _nodes(sun_up: float, aerosol: Aerosol, ground_albedo: float) -> Float[np.ndarray, "3 n a 3"]:
    """Return sRGB scattered by molecules, by aerosol (per phase) and often, at coarse directions.

    Rows run from horizon to zenith as squares, columns from the sun's azimuth to the far side.
    """
    up, away = np.meshgrid(
        np.sin(np.pi / 2 * np.linspace(0, 1, _NODE_ROWS) ** 2),
        np.linspace(0, np.pi, _NODE_COLUMNS),
        indexing="ij",
    )
    flat = np.sqrt(1 - up**2) * np.sqrt(max(1 - sun_up**2, 0.0))
    cosine = up * sun_up + flat * np.cos(away)
    light = _march(up, cosine, sun_up, aerosol, ground_albedo)
    return np.pi * (light * SUN_TOP) @ TO_SRGB.T


def _march(
    up: Float[np.ndarray, "n a"],
    cosine: Float[np.ndarray, "n a"],
    sun_up: float,
    aerosol: Aerosol,
    ground_albedo: float,
) -> Float[np.ndarray, "3 n a w"]:
    """Sum the light that each piece of the ray sends to the eye, for a sun of one."""
    eye = np.full_like(up, _EYE_KM)
    length = path_to_top(eye, up)
    extinct, scatter = extinction_depths(aerosol), scattering_depths(aerosol)
    through = np.ones((*up.shape, len(SUN_TOP)))
    out = np.zeros((3, *through.shape))
    edge = np.linspace(0, 1, _RAY_STEPS + 1) ** 3
    for start, end in pairwise(edge.tolist()):
        at = (start + end) / 2 * length
        high = climb(eye, up, at)
        mass = density(high)
        depth_km = mass @ extinct
        gone = np.exp(-depth_km * ((end - start) * length)[..., None])
        sent = through * (1 - gone) / np.maximum(depth_km, 1e-12)
        sun_here = ((EARTH_KM + _EYE_KM) * sun_up + at * cosine) / (EARTH_KM + high)
        lit = sun_through(high, sun_here, aerosol)
        often = scattered_often(high, sun_here, aerosol, ground_albedo)
        out[0] += sent * lit * mass[..., :1] * scatter[0]
        out[1] += sent * lit * mass[..., 1:2] * scatter[1]
        out[2] += sent * often * (mass @ scatter)
        through = through * gone
    return out


def _between_nodes(
    nodes: Float[np.ndarray, "3 n a 3"], sun: tuple[float, float, float], rows: int, columns: int
) -> Float[np.ndarray, "3 r c 3"]:
    """Return the coarse values at every cell, linear between."""
    row = (1 - (np.arange(rows) + 0.5) / rows) * (_NODE_ROWS - 1)
    turn = 2 * np.pi * (np.arange(columns) + 0.5) / columns - np.arctan2(sun[1], sun[0])
    column = np.abs((turn + np.pi) % (2 * np.pi) - np.pi) / np.pi * (_NODE_COLUMNS - 1)
    i = np.minimum(row.astype(np.int64), _NODE_ROWS - 2)
    j = np.minimum(column.astype(np.int64), _NODE_COLUMNS - 2)
    a, b = (row - i)[:, None, None], (column - j)[:, None]
    tall = nodes[:, i] * (1 - a) + nodes[:, i + 1] * a
    return tall[:, :, j] * (1 - b) + tall[:, :, j + 1] * b


def town_glow(rows: int = ROWS, columns: int = COLUMNS) -> Float[np.ndarray, "r c 3"]:
    """Return the sky of a moonless night over a town, brighter and warmer near the horizon.

    Fourfold from zenith to horizon, as all-sky pictures of towns show (Kocifaj 2007).
    """
    low = np.clip(1 - directions(rows, columns)[..., 2:], 0, 1) ** 3
    return TOWN_GLOW * (1 + low * np.array([3.4, 3.0, 2.4]))
