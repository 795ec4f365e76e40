"""The upper half of the sky as a picture: where its cells look, and what a card under it receives.

The layout is that of `Daylight.panorama`. Irradiance in spherical harmonics: Ramamoorthi &
Hanrahan (2001). Proved in tests/annotate/world/test_sky_dome.py.
Shapes: R rows from zenith to horizon, C columns counter-clockwise from east.
"""

import numpy as np
from jaxtyping import Float

ROWS, COLUMNS = 96, 256


def elevations(rows: int = ROWS) -> Float[np.ndarray, "r"]:
    """Return the elevation of each row in radians."""
    return np.pi / 2 * (1 - (np.arange(rows) + 0.5) / rows) ** 2


def azimuths(columns: int = COLUMNS) -> Float[np.ndarray, "c"]:
    """Return the azimuth of each column in radians, counter-clockwise from east."""
    return 2 * np.pi * (np.arange(columns) + 0.5) / columns


def directions(rows: int = ROWS, columns: int = COLUMNS) -> Float[np.ndarray, "r c 3"]:
    """Return unit vectors; x east, y north, z up."""
    up, around = np.meshgrid(elevations(rows), azimuths(columns), indexing="ij")
    return np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=-1)


def solid_angles(rows: int = ROWS, columns: int = COLUMNS) -> Float[np.ndarray, "r"]:
    """Return the solid angle of a cell of each row; all cells together are 2 pi."""
    edge = np.sin(np.pi / 2 * (1 - np.arange(rows + 1) / rows) ** 2)
    return -np.diff(edge) * 2 * np.pi / columns


def on_level_card(panorama: Float[np.ndarray, "r c k"]) -> Float[np.ndarray, "k"]:
    """Return the irradiance of a card that faces up, in the unit of radiance (of a white card)."""
    rows, columns = panorama.shape[:2]
    weight = solid_angles(rows, columns) * np.sin(elevations(rows)) / np.pi
    return np.einsum("rcx,r->x", panorama, weight)


def on_upright_cards(panorama: Float[np.ndarray, "r c 3"]) -> Float[np.ndarray, "3"]:
    """Return the mean irradiance of cards that face the horizon all around, ground not counted."""
    rows, columns = panorama.shape[:2]
    weight = solid_angles(rows, columns) * np.cos(elevations(rows)) / np.pi**2
    return np.einsum("rcx,r->x", panorama, weight)


def _polynomials(way: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 9"]:
    """Return 1, y, z, x, xy, yz, 3zz - 1, xz, xx - yy."""
    x, y, z = way[..., 0], way[..., 1], way[..., 2]
    parts = [np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return np.stack(parts, axis=-1)


_NORM = np.array([1, 3, 3, 3, 15, 15, 1.25, 15, 3.75]) / (4 * np.pi)
"""Squares of the constants of the real spherical harmonics."""
_CARD = np.array([1, 2 / 3, 2 / 3, 2 / 3, 0.25, 0.25, 0.25, 0.25, 0.25])
"""Clamped cosine per band, over pi."""


def ambient(
    panorama: Float[np.ndarray, "r c 3"], ground: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "9 3"]:
    """Return `Daylight.ambient` of a sky over even ground."""
    rows, columns = panorama.shape[:2]
    way, angle = directions(rows, columns), solid_angles(rows, columns)
    below = way * np.array([1.0, 1.0, -1.0])
    seen = np.einsum("rcx,rck,r->kx", panorama, _polynomials(way), angle)
    seen += np.einsum("x,rck,r->kx", ground, _polynomials(below), angle)
    return seen * (_NORM * _CARD)[:, None]
