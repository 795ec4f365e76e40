"""The sky as a function of direction, air between camera and surface, and film.

The sky is `Daylight.panorama`; copies blurred by a Phong lobe stand for what rough surfaces mirror
(prefiltered environment of Kautz et al. 2000). Air takes the colour of the sky just above the
horizon in the direction of view, so haze is brighter towards the sun and far ground merges with
the sky over it; the panorama has `Air.colour` in it already. The curve from radiance to
display is the filmic fit of Narkowicz (2015), then the sRGB transfer function (IEC 61966-2-1).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

from rareworld.annotate.render.compiled import (
    ambient_share,
    ambient_value,
    open_towards,
    panorama_place,
    sun_disc,
)
from rareworld.annotate.render.jit import helper, routine
from rareworld.annotate.world.model import Air, Daylight

_FILM_SIZE = 16384
_FILM_MAX = 16.0
SAMPLE_MAX = 4.0
"""Radiance (after exposure) of one sample is cut here, so that edges of lamps stay smooth."""

BLURRED_ROUGHNESS = (0.15, 0.35, 0.7)
"""Roughness that each blurred copy of the sky stands for."""

_BLURRED_SIZE = (16, 48)
_SOURCE_SIZE = (20, 48)
_AIRLIGHT_BINS = 64
_AIRLIGHT_TOP = 0.07
"""Sine of the elevation up to which the sky gives air its colour."""


class Sky(NamedTuple):
    """Light for kernels; radiance as in `Daylight`."""

    to_sun: Float64[np.ndarray, "3"]
    sun: Float64[np.ndarray, "3"]
    ground: Float64[np.ndarray, "3"]
    exposure: float
    haze_per_m: float
    night: float
    panorama: Float32[np.ndarray, "1 r c 3"]
    blurred: Float32[np.ndarray, "b p q 3"]
    """One copy per `BLURRED_ROUGHNESS`."""
    airlight: Float64[np.ndarray, "n 3"]
    """Radiance of endless air by diamond angle of the view."""
    ambient: Float64[np.ndarray, "9 3"]


def sky_of(light: Daylight, air: Air, exposure: float) -> Sky:
    """Return the kernel's view of a daylight and the air in it."""
    panorama = np.ascontiguousarray(light.panorama, dtype=np.float32)
    return Sky(
        to_sun=np.array(light.sun_direction, dtype=np.float64),
        sun=np.array(light.sun_radiance, dtype=np.float64),
        ground=np.array(light.ground, dtype=np.float64),
        exposure=float(light.exposure * exposure),
        haze_per_m=float(air.extinction_per_m),
        night=float(light.night),
        panorama=panorama[None],
        blurred=blurred_copies(panorama, np.array(light.ground)),
        airlight=airlight_of(panorama),
        ambient=np.array(light.ambient, dtype=np.float64),
    )


def directions_of(rows: int, columns: int) -> Float64[np.ndarray, "r c 3"]:
    """Return the unit vectors of a panorama's cells."""
    up = np.pi / 2 * (1 - (np.arange(rows) + 0.5) / rows) ** 2
    turn = 2 * np.pi * (np.arange(columns) + 0.5) / columns
    flat = np.cos(up)[:, None]
    x, y = flat * np.cos(turn), flat * np.sin(turn)
    return np.stack([x, y, np.broadcast_to(np.sin(up)[:, None], x.shape)], axis=2)


def resampled(
    panorama: Float32[np.ndarray, "r c 3"], size: tuple[int, int]
) -> Float64[np.ndarray, "p q 3"]:
    """Return the means of the cells that fall into each cell of a smaller panorama."""
    rows, columns = min(size[0], len(panorama)), min(size[1], panorama.shape[1])
    row_edges = np.linspace(0, len(panorama), rows + 1).astype(int)
    column_edges = np.linspace(0, panorama.shape[1], columns + 1).astype(int)
    sums = np.add.reduceat(panorama.astype(np.float64), row_edges[:-1], axis=0)
    sums = np.add.reduceat(sums, column_edges[:-1], axis=1)
    return sums / np.outer(np.diff(row_edges), np.diff(column_edges))[..., None]


def _whole_sphere(
    panorama: Float32[np.ndarray, "r c 3"], ground: Float[np.ndarray, "3"]
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"], Float32[np.ndarray, "n"]]:
    """Return directions, radiance and solid angle of cells above and below the horizon."""
    above = resampled(panorama, _SOURCE_SIZE)
    rows, columns = above.shape[:2]
    edges = np.sin(np.pi / 2 * (1 - np.arange(rows + 1) / rows) ** 2)
    solid = np.repeat((edges[:-1] - edges[1:]) * (2 * np.pi / columns), columns)
    way = directions_of(rows, columns).reshape(-1, 3)
    below = np.broadcast_to(ground, way.shape)
    return (
        np.concatenate([way, way * np.array([1.0, 1.0, -1.0])]),
        np.concatenate([above.reshape(-1, 3), below]),
        np.concatenate([solid, solid]).astype(np.float32),
    )


def blurred_copies(
    panorama: Float32[np.ndarray, "r c 3"], ground: Float[np.ndarray, "3"]
) -> Float32[np.ndarray, "b p q 3"]:
    """Return the sky, with ground below it, as surfaces of each roughness mirror it."""
    way, radiance, solid = _whole_sphere(panorama, ground)
    towards = directions_of(*_BLURRED_SIZE).reshape(-1, 3)
    height = np.log(np.maximum(towards @ way.T, 1e-6)).astype(np.float32)
    copies = []
    for rough in BLURRED_ROUGHNESS:
        # the lobe of the mirrored ray is four times wider than that of the half vector
        weight = np.exp(height * (0.5 / rough**4 + 0.5)) * solid
        copies.append(weight @ radiance / weight.sum(axis=1, keepdims=True))
    return np.stack(copies).reshape(-1, *_BLURRED_SIZE, 3).astype(np.float32)


def airlight_of(panorama: Float32[np.ndarray, "r c 3"]) -> Float64[np.ndarray, "n 3"]:
    """Return the mean of the sky just above the horizon in bins of the diamond angle."""
    way = directions_of(*panorama.shape[:2])
    low = way[:, 0, 2] <= _AIRLIGHT_TOP
    low[-1] = True
    band = panorama[low].mean(axis=0, dtype=np.float64)
    angle = 4 * np.arange(_AIRLIGHT_BINS) / _AIRLIGHT_BINS
    # the diamond |x| + |y| = 1, walked from east over north
    y = np.where(angle < 2, 1 - np.abs(angle - 1), np.abs(angle - 3) - 1)
    x = np.where(angle < 2, 1 - angle, angle - 3)
    flat = np.stack([x, y], axis=1) / np.hypot(x, y)[:, None]
    turn = 2 * np.pi * (np.arange(len(band)) + 0.5) / len(band)
    cosine = flat @ np.stack([np.cos(turn), np.sin(turn)])
    weight = np.exp(24.0 * (cosine - 1.0))
    return weight @ band / weight.sum(axis=1, keepdims=True)


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


@routine
def picked(
    copies: Float32[np.ndarray, "b p q 3"], which: int, row: float, column: float
) -> tuple[float, float, float]:
    """Return the bilinear radiance of a panorama at a place; columns go round."""
    top, left = int(row), int(np.floor(column))
    q, p = row - top, column - left
    wide = copies.shape[2]
    below = min(top + 1, copies.shape[1] - 1)
    right = (left + 1) % wide
    left = left % wide
    wa, wb, wc, wd = (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q
    c, w = copies, which
    return (
        c[w, top, left, 0] * wa + c[w, top, right, 0] * wb
        + c[w, below, left, 0] * wc + c[w, below, right, 0] * wd,
        c[w, top, left, 1] * wa + c[w, top, right, 1] * wb
        + c[w, below, left, 1] * wc + c[w, below, right, 1] * wd,
        c[w, top, left, 2] * wa + c[w, top, right, 2] * wb
        + c[w, below, left, 2] * wc + c[w, below, right, 2] * wd,
    )  # fmt: skip


@routine
def panorama_at(
    copies: Float32[np.ndarray, "b p q 3"], which: int, x: float, y: float, z: float
) -> tuple[float, float, float]:
    """Return the radiance from a direction (unit vector); below the horizon that of its rim."""
    row, column = panorama_place(x, y, z, copies.shape[1], copies.shape[2])
    return picked(copies, which, row, column)


@helper
def sky_radiance(sky: Sky, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the light from a direction (unit vector) with the sun; haze below the horizon."""
    red, green, blue = panorama_at(sky.panorama, 0, x, y, z)
    towards = x * sky.to_sun[0] + y * sky.to_sun[1] + z * sky.to_sun[2]
    if towards > 0.998 and z > 0.0:
        disc = sun_disc(towards)
        red, green, blue = (
            red + sky.sun[0] * disc, green + sky.sun[1] * disc, blue + sky.sun[2] * disc,
        )  # fmt: skip
    return red, green, blue


@helper
def soft_sky(sky: Sky, rough: float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the sky as a surface of some roughness mirrors it, without the sun's disc."""
    if rough <= 0.06:
        return panorama_at(sky.panorama, 0, x, y, z)
    row, column = panorama_place(x, y, z, sky.blurred.shape[1], sky.blurred.shape[2])
    if rough < 0.15:
        red, green, blue = panorama_at(sky.panorama, 0, x, y, z)
        r, g, b = picked(sky.blurred, 0, row, column)
        share = (rough - 0.06) / 0.09
    elif rough < 0.35:
        red, green, blue = picked(sky.blurred, 0, row, column)
        r, g, b = picked(sky.blurred, 1, row, column)
        share = (rough - 0.15) / 0.2
    else:
        red, green, blue = picked(sky.blurred, 1, row, column)
        r, g, b = picked(sky.blurred, 2, row, column)
        share = min((rough - 0.35) / 0.35, 1.0)
    return red + (r - red) * share, green + (g - green) * share, blue + (b - blue) * share


@helper
def mirrored(
    sky: Sky, rough: float, x: float, y: float, z: float, open_sky: float
) -> tuple[float, float, float]:
    """Return the light mirrored from a direction: sky, or ground and walls near the horizon."""
    if z < 0.0:
        return sky.ground[0], sky.ground[1], sky.ground[2]
    red, green, blue = soft_sky(sky, rough, x, y, z)
    k = open_towards(z, open_sky)
    return (
        sky.ground[0] + (red - sky.ground[0]) * k,
        sky.ground[1] + (green - sky.ground[1]) * k,
        sky.ground[2] + (blue - sky.ground[2]) * k,
    )


@helper
def airlight(sky: Sky, x: float, y: float) -> tuple[float, float, float]:
    """Return the radiance of endless air in the azimuth of a view."""
    around = y / max(abs(x) + abs(y), 1e-9)
    if x < 0.0:
        around = 2.0 - around
    elif around < 0.0:
        around += 4.0
    at = around * (0.25 * _AIRLIGHT_BINS)
    first = int(at)
    p = at - first
    i, j = first % _AIRLIGHT_BINS, (first + 1) % _AIRLIGHT_BINS
    table = sky.airlight
    return (
        table[i, 0] + (table[j, 0] - table[i, 0]) * p,
        table[i, 1] + (table[j, 1] - table[i, 1]) * p,
        table[i, 2] + (table[j, 2] - table[i, 2]) * p,
    )


@helper
def ambient(sky: Sky, x: float, y: float, z: float, open_sky: float) -> tuple[float, float, float]:
    """Return what a white card with unit normal (x, y, z) sends out under sky and ground.

    `open_sky` is the share of the sky not hidden by things nearby.
    """
    c, k = sky.ambient, ambient_share(z, open_sky)
    return (
        k * ambient_value(
            x, y, z, c[0, 0], c[1, 0], c[2, 0], c[3, 0], c[4, 0], c[5, 0], c[6, 0], c[7, 0], c[8, 0]
        ),
        k * ambient_value(
            x, y, z, c[0, 1], c[1, 1], c[2, 1], c[3, 1], c[4, 1], c[5, 1], c[6, 1], c[7, 1], c[8, 1]
        ),
        k * ambient_value(
            x, y, z, c[0, 2], c[1, 2], c[2, 2], c[3, 2], c[4, 2], c[5, 2], c[6, 2], c[7, 2], c[8, 2]
        ),
    )  # fmt: skip
