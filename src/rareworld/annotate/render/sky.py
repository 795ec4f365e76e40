"""The sky as a function of direction, air between camera and surface, and film.

The curve from radiance to display is the filmic fit of Narkowicz (2015), then the sRGB transfer
function (IEC 61966-2-1).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, UInt8

from rareworld.annotate.render.jit import helper
from rareworld.annotate.world.model import Daylight

_FILM_SIZE = 16384
_FILM_MAX = 16.0
SAMPLE_MAX = 6.0
"""Radiance (after exposure) of one sample is cut here, so that edges of lamps stay smooth."""


class Sky(NamedTuple):
    """Light for kernels; radiance as in `Daylight`."""

    to_sun: Float64[np.ndarray, "3"]
    sun: Float64[np.ndarray, "3"]
    zenith: Float64[np.ndarray, "3"]
    horizon: Float64[np.ndarray, "3"]
    ground: Float64[np.ndarray, "3"]
    exposure: float
    haze_per_m: float


def sky_of(light: Daylight, exposure: float, haze_per_m: float) -> Sky:
    """Return the kernel's view of a daylight."""
    return Sky(
        to_sun=np.array(light.sun_direction, dtype=np.float64),
        sun=np.array(light.sun_radiance, dtype=np.float64),
        zenith=np.array(light.zenith, dtype=np.float64),
        horizon=np.array(light.horizon, dtype=np.float64),
        ground=np.array(light.ground, dtype=np.float64),
        exposure=float(light.exposure * exposure),
        haze_per_m=haze_per_m,
    )


def film_table() -> UInt8[np.ndarray, "n"]:
    """Return display values over the square root of radiance in 0..16."""
    root = np.arange(_FILM_SIZE) / (_FILM_SIZE - 1)
    x = root**2 * _FILM_MAX * 0.74
    curve = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    display = np.where(curve <= 0.0031308, 12.92 * curve, 1.055 * curve ** (1 / 2.4) - 0.055)
    return np.rint(display * 255).astype(np.uint8)


@helper
def film(table: UInt8[np.ndarray, "n"], radiance: float) -> int:
    """Return the display value of exposed radiance."""
    root = np.sqrt(min(max(radiance / _FILM_MAX, 0.0), 1.0))
    return table[int(root * (_FILM_SIZE - 1) + 0.5)]


@helper
def sky_radiance(sky: Sky, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the light from a direction (unit vector); below the horizon it is haze."""
    k = np.sqrt(min(max(z, 0.0), 1.0))
    towards = max(x * sky.to_sun[0] + y * sky.to_sun[1] + z * sky.to_sun[2], 0.0)
    near = towards * towards
    near = near * near * near
    glow = 0.05 * near + (12.0 if towards > 0.99996 else 0.0)
    glow += 0.12 * near * near * near * near
    return (
        sky.horizon[0] + (sky.zenith[0] - sky.horizon[0]) * k + sky.sun[0] * glow,
        sky.horizon[1] + (sky.zenith[1] - sky.horizon[1]) * k + sky.sun[1] * glow,
        sky.horizon[2] + (sky.zenith[2] - sky.horizon[2]) * k + sky.sun[2] * glow,
    )


@helper
def ambient(sky: Sky, up: float, open_sky: float) -> tuple[float, float, float]:
    """Return the light on a surface whose normal has height `up`, from the sky it sees and ground.

    `open_sky` is the share of the sky not hidden by things nearby.
    """
    s = (0.5 + 0.5 * up) * open_sky
    g = (0.5 - 0.5 * up) * (0.35 + 0.65 * open_sky)
    return (
        s * (0.55 * sky.horizon[0] + 0.45 * sky.zenith[0]) + g * sky.ground[0],
        s * (0.55 * sky.horizon[1] + 0.45 * sky.zenith[1]) + g * sky.ground[1],
        s * (0.55 * sky.horizon[2] + 0.45 * sky.zenith[2]) + g * sky.ground[2],
    )
